"""An MLflow server with users: who may read, write and move `champion`, and what the ledger lets nobody write."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import mlflow
import pytest
from mlflow.exceptions import MlflowException
from nights import Model
from prefect.client.orchestration import SyncPrefectClient
from role_servers import RoleServer, role_server

from cli import mlflow_roles, notifications
from cli.notifications import NotifiedModel
from flows.operation_settings import NotifySettings, ScheduleSettings
from flows.promotion import promote_by_hand, roll_back
from nightshift.errors import ForbiddenError
from nightshift.records import Registered, Verdict
from nightshift.registry import authors, ledger, model_registry
from tasks.promote import promote

pytestmark = pytest.mark.slow
FORBIDDEN, UNAUTHORIZED, CONFLICT = 403, 401, 409
MODEL = "reviews"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[RoleServer]:
    """A server with a reader, a writer and a promoter, and two versions of a model, which `nightly` registered."""
    home = tmp_path_factory.mktemp("roles")
    (home / "mlflow").mkdir()
    (home / "mlflow/mlflow.db").write_bytes(empty_store.read_bytes())
    with role_server(home) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTSHIFT_HOME", str(home))
        server.add_user("rita")
        server.add_user("anna", "writer")
        server.add_user("paul", "promoter")
        with server.signed_in("nightly"):
            model = Model(home, MODEL)
            for answer in (0.25, 0.75):
                model.registered_version(answer)
        yield server
        mlflow.set_tracking_uri(None)


def champion(server: RoleServer) -> str | None:
    with server.signed_in("rita"):
        return model_registry.version_of(MODEL, model_registry.CHAMPION)


def entries(server: RoleServer) -> list[ledger.Entry]:
    with server.signed_in("rita"):
        return ledger.history(MODEL)


def routes() -> Iterator[tuple[str, str]]:
    """Yield method and path of every route of MLflow's server, with an invented value for each parameter."""
    from mlflow.server import app
    from mlflow.server.auth import routes as users
    from mlflow.server.fastapi_app import app as fastapi

    for rule in app.url_map.iter_rules():
        for method in sorted(rule.methods - {"OPTIONS"}):
            yield method, re.sub(r"<[^>]*>", "1", rule.rule)
    for router in fastapi.routes[:-1]:  # the last one is the Flask application
        for route in router.original_router.routes:
            for method in sorted(route.methods):
                yield method, re.sub(r"{[^}]*}", "1", router.include_context.prefix + route.path)
    for path in {value for name, value in vars(users).items() if name.isupper()}:
        for method in ("GET", "POST", "PATCH", "DELETE"):
            yield method, re.sub(r"<[^>]*>", "1", path)


def test_an_unauthenticated_client_gets_nothing_from_any_route(server):
    paths = sorted(set(routes()))
    for family in ("/graphql", "/gateway/1/mlflow/invocations", "/v1/traces", "mlflow-artifacts", "/ajax-api/3.0/jobs", "/get-artifact",
                   "/mlflow/assistant", "users/create", "server-info", "/static-files/"):  # fmt: skip
        assert any(family in path for _, path in paths), family
    with httpx.Client(base_url=server.address) as client:
        for headers in ({}, {"Authorization": "Bearer x"}, {"X-MLflow-Authorization": "Basic YWRtaW46eA=="}):
            for method, path in paths if not headers else paths[::20]:
                answer = client.request(method, path, headers=headers)
                if (method, path) in (("GET", "/health"), ("HEAD", "/health")):
                    assert answer.status_code == httpx.codes.OK
                else:
                    assert answer.status_code == UNAUTHORIZED, (method, path)
                    assert answer.headers["www-authenticate"].startswith("Basic")
        for name, password in (("admin", "wrong"), ("nobody", "x"), ("", ""), ("nightshift", "token")):
            assert client.get("/api/2.0/mlflow/users/current", auth=(name, password)).status_code == UNAUTHORIZED


def test_every_rule_is_about_a_handler_of_this_mlflow():
    from mlflow.server import app

    assert set(mlflow_roles.RULES) <= set(app.view_functions)


def test_the_token_of_the_home_opens_nothing(server):
    (server.home / "token").write_text("a-token\n")
    assert httpx.get(f"{server.address}/?token=a-token").status_code == UNAUTHORIZED


@pytest.mark.parametrize("user", ["rita", "anna", "nightly"])
def test_without_the_role_champion_is_not_moved_by_rest_or_client(server, user):
    before = champion(server)
    for alias in ("champion", "previous", "Champion"):
        answer = server.post(user, "registered-models/alias", name=MODEL, alias=alias, version="1")
        assert answer.status_code == FORBIDDEN
        assert server.post(user, "registered-models/alias", "DELETE", name=MODEL, alias=alias).status_code == FORBIDDEN
    with server.signed_in(user) as client, pytest.raises(MlflowException, match=r"Permission denied|may not move"):
        client.set_registered_model_alias(MODEL, "champion", "2")
    assert server.post(user, "registered-models/rename", name=MODEL, new_name="mine").status_code == FORBIDDEN
    for method in ("POST", "DELETE"):
        path = "registered-models/set-tag" if method == "POST" else "registered-models/delete-tag"
        body = {"name": MODEL, "key": "mlflow.prompt.is_prompt", "value": "true"}
        assert server.post(user, path, method, **body).status_code == FORBIDDEN
    assert champion(server) == before


@pytest.mark.parametrize("user", ["rita", "nightly"])
def test_a_model_that_does_not_exist_yet_has_no_champion(server, user):
    with server.signed_in(user):
        assert model_registry.version_of("unheard-of", model_registry.CHAMPION) is None


def test_a_person_without_the_role_promotes_nothing_and_no_entry_is_left(server):
    count = len(entries(server))
    with server.signed_in("anna"), pytest.raises(ForbiddenError) as refused:
        promote_by_hand(MODEL, "1", "I like it")
    assert str(refused.value).startswith(f"anna may not move champion of {MODEL}: admin and paul may")
    assert champion(server) is None and len(entries(server)) == count


def test_a_night_without_the_role_is_held_and_says_who_may_promote(server):
    with server.signed_in("nightly") as client:
        run = client.get_model_version(MODEL, "1").run_id
        registered = Registered(name=MODEL, version="1", run_id=run)
        verdict = Verdict(decision="promote", reasons=["beats the baseline"], claim="first")
        outcome, reason = promote.fn(registered, verdict, "auto")
    assert outcome == "held" and "nightly may not move champion of reviews: admin and paul may" in reason
    last = entries(server)[-1]
    assert (last.action, last.who, last.new) == ("held", "nightly", "")


def test_the_ledger_names_the_signed_in_user_and_not_the_name_in_a_form(server):
    with server.signed_in("paul"):
        promote_by_hand(MODEL, "1", "it is good")
        promote_by_hand(MODEL, "2", "it is better", requester="Ada")
        roll_back(MODEL, "it was not", requester="Ada")
    assert champion(server) == "1"
    written = [(entry.action, entry.who, entry.why) for entry in entries(server)[-3:]]
    assert written == [
        ("promoted", "paul", "it is good"),
        ("promoted", "paul", "it is better (requested by Ada, unverified)"),
        ("rolled back", "paul", "it was not (requested by Ada, unverified)"),
    ]


@pytest.mark.parametrize(
    ("user", "tags"),
    [
        ("anna", {"who": "paul", "action": "held", "why": "x"}),
        ("anna", {"who": "nightly", "action": "held", "why": "x"}),
        ("anna", {"who": "unknown", "action": "held", "why": "x"}),
        ("anna", {"action": "held", "why": "x"}),
        ("admin", {"who": "paul", "action": "promoted", "new": "2", "why": "x"}),
        ("anna", {"who": "anna", "action": "promoted", "new": "2", "why": "x"}),
        ("anna", {"who": "anna", "action": "held", "new": "2", "pending": "true", "why": "x"}),
        ("anna", {"who": "unknown", "action": "moved by hand", "new": "2", "pending": "true", "why": "x"}),
        ("anna", {"who": "unknown", "action": "moved by hand", "new": "7", "why": "x"}),
        ("rita", {"who": "rita", "action": "held", "why": "x"}),
    ],
)
def test_a_ledger_entry_that_lies_is_refused(server, user, tags):
    before = entries(server)
    body = {
        "name": f"{MODEL}.ledger",
        "source": ledger.SOURCE,
        "tags": [{"key": k, "value": v} for k, v in tags.items()],
    }
    assert server.post(user, "model-versions/create", **body).status_code == FORBIDDEN
    doubled = {**body, "tags": [{"key": "who", "value": "paul"}, *body["tags"]]}
    assert server.post(user, "model-versions/create", **doubled).status_code == FORBIDDEN
    assert entries(server) == before


def test_an_entry_that_does_not_follow_the_newest_one_is_refused(server):
    before = entries(server)
    with server.signed_in("anna"):
        chain = ledger.read(MODEL)
        second_head = ledger.ledger_chain.digest(chain.entries[0])
        entry = ledger.Entry(action="held", why="too late")
        stale = ledger.Chain(chain.valid, head=second_head)
        assert not ledger.append_after(MODEL, entry, stale)
    for digest in ("", "0" * 64, second_head):
        tags = {"who": "anna", "action": "held", "why": "x", "previous_digest": digest}
        answer = server.post("anna", "model-versions/create", name=f"{MODEL}.ledger", source=ledger.SOURCE,
                             tags=[{"key": key, "value": value} for key, value in tags.items()])  # fmt: skip
        message = (
            f"the entry does not follow the newest one of reviews.ledger: its previous_digest has to be {chain.head}"
        )
        assert (answer.status_code, answer.json()["message"]) == (CONFLICT, message)
    assert entries(server) == before
    with server.signed_in("anna"):
        assert ledger.append_after(MODEL, entry, chain)
        assert not ledger.read(MODEL).void
    assert entries(server)[-1].why == "too late"


@pytest.mark.parametrize("user", ["paul", "admin"])
def test_nobody_changes_or_deletes_an_entry_of_the_ledger(server, user):
    before, name = entries(server), f"{MODEL}.ledger"
    entry = {"name": name, "version": "1"}
    for method, path, body in (
        ("POST", "model-versions/set-tag", entry | {"key": "who", "value": "paul"}),
        ("POST", "model-versions/set-tag", entry | {"key": "pending", "value": "true"}),
        ("DELETE", "model-versions/delete-tag", entry | {"key": "who"}),
        ("PATCH", "model-versions/update", entry | {"description": "another"}),
        ("DELETE", "model-versions/delete", entry),
        ("POST", "model-versions/transition-stage", entry | {"stage": "Archived", "archive_existing_versions": False}),
        ("DELETE", "registered-models/delete", {"name": name}),
        ("POST", "registered-models/rename", {"name": name, "new_name": "gone"}),
        ("POST", "registered-models/alias", entry | {"alias": "a"}),
        ("POST", "registered-models/rename", {"name": MODEL, "new_name": "other.ledger"}),
    ):
        assert server.post(user, path, method, **body).status_code == FORBIDDEN, path
    assert entries(server) == before


def test_a_reader_logs_runs_and_registers_nothing(server):
    with server.signed_in("rita") as client:
        run = client.create_run(client.create_experiment("ritas own"))
        client.log_metric(run.info.run_id, "f1", 0.5)
        client.log_text(run.info.run_id, "text", "notes.txt")
        for name in ("ritas", "ritas.ledger"):
            with pytest.raises(MlflowException, match="rita may not create"):
                client.create_registered_model(name)
        with pytest.raises(MlflowException, match="Permission denied"):
            client.create_model_version(MODEL, "models:/x", None)
    with server.signed_in("rita"), pytest.raises(ForbiddenError, match=r"rita may not create reviews\.ledger"):
        ledger.append(MODEL, ledger.Entry(action="held", why="x"))


def test_the_permission_on_one_model_needs_that_on_its_ledger_too(server):
    server.add_user("kim")
    server.grant("kim", MODEL, "MANAGE")
    with (
        server.signed_in("kim"),
        pytest.raises(ForbiddenError, match=r"kim lacks .* or EDIT on the model and its ledger"),
    ):
        promote_by_hand(MODEL, "2", "mine")
    server.grant("kim", f"{MODEL}.ledger", "EDIT")
    with server.signed_in("kim"):
        promote_by_hand(MODEL, "2", "mine")
    assert champion(server) == "2" and entries(server)[-1].who == "kim"


def test_whoever_registers_a_model_may_not_move_its_champion_until_it_is_granted(server):
    with server.signed_in("anna") as client:
        client.create_registered_model("annas")
        client.create_model_version("annas", ledger.SOURCE, None, await_creation_for=0)
        with pytest.raises(ForbiddenError, match="anna may not move champion of annas"):
            model_registry.promote("annas", "1", "mine", None, author="anna")
    server.grant("anna", "annas", "MANAGE")
    with server.signed_in("anna"):
        model_registry.promote("annas", "1", "mine", None, author="anna")
        assert model_registry.version_of("annas", model_registry.CHAMPION) == "1"


def test_a_move_outside_nightshift_is_noted_by_a_night_without_the_role(server):
    with server.signed_in("paul") as client:
        client.set_registered_model_alias(MODEL, "champion", "1")
    with server.signed_in("nightly"):
        model_registry.notice_moves_by_hand(MODEL)
    last = entries(server)[-1]
    assert (last.action, last.new, last.who) == (ledger.MOVED_BY_HAND, "1", authors.UNKNOWN)


def test_only_an_administrator_registers_webhooks_and_everybody_else_deploys(server, monkeypatch):
    monkeypatch.setenv("RELOAD_URL", "https://1.1.1.1/reload")
    monkeypatch.setenv("RELOAD_SECRET", "a secret of the receiver")
    notify = NotifySettings(registry_webhook={"url_env": "RELOAD_URL", "secret_env": "RELOAD_SECRET"})
    tickets = NotifiedModel("tickets.yaml", "tickets", "nightly/tickets", notify, ScheduleSettings())
    with server.signed_in("nightly"):
        assert notifications.apply_webhooks("/models", []) == []
        with pytest.raises(ForbiddenError, match="MLFLOW_TRACKING_USERNAME=admin"):
            notifications.apply_webhooks("/models", [tickets])
        with pytest.raises(ForbiddenError, match="registry_webhook"):  # before any deployment changes
            notifications.plan(SyncPrefectClient("http://127.0.0.1:1/api"), [tickets])
    with server.signed_in("admin"):
        assert notifications.apply_webhooks("/models", [tickets]) == ["created    registry webhook nightshift-tickets"]
        assert notifications.apply_webhooks("/models", []) == ["removed    registry webhook nightshift-tickets"]


def test_without_users_an_author_is_unverified(home):
    assert authors.author("anna") == authors.author("anna (unverified)") == "anna (unverified)"
    assert authors.author_and_reason("Ada", "why") == ("Ada", "why")

"""Two nights, an approval and a rollback as a person does them: by clicking through Prefect's and MLflow's pages.

`NIGHTSHIFT_SCREENSHOTS=docs/pictures pytest tests/test_browser.py` writes a picture of every page besides.
"""

import csv
import json
import os
import re
import shutil
import sqlite3
import uuid
from contextlib import closing
from datetime import date
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import mlflow
import pytest
from conftest import processes_of
from playwright.sync_api import Locator, Page, expect, sync_playwright
from samples import hostile

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP evil.example 127.0.0.1",
]
SIZES = ({"width": 1280, "height": 800}, {"width": 1920, "height": 1080})
PICTURES = Path(os.environ["NIGHTSHIFT_SCREENSHOTS"]).absolute() if "NIGHTSHIFT_SCREENSHOTS" in os.environ else None
PAGE, NIGHT = 60_000, 400_000
"""Milliseconds that a page, and a night, may take."""
COLUMN = "<img src={host}/column.png>"
ENDINGS = re.compile("^(Promoted|Held|Skipped|Stopped|Completed|Failed|Crashed|Cancelled)$")
ARTIFACTS = (
    "tiny-0-night-in-mlflow",
    "tiny-1-expectations",
    "tiny-1-data-docs-in-mlflow",
    "tiny-2-rows",
    "tiny-3-augmented",
    "tiny-4-training",
    "tiny-5-candidates",
    "tiny-6-gate",
    "tiny-7-report",
)
GREETED = """
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
localStorage.setItem('_mlflow_model_registry_promo_modal_dismissed_v1', 'true');
"""
"""MLflow greets a new visitor with a side panel and a dialogue; ours has closed them."""


@pytest.fixture
def page():
    if CHROMIUM is None:
        pytest.skip("no chromium on the path: install the package chromium (apt-get install chromium)")
    expect.set_options(timeout=PAGE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context(viewport=SIZES[0]).new_page()
        page.set_default_timeout(PAGE)
        page.add_init_script(GREETED)
        yield page
        browser.close()


@pytest.fixture
def elsewhere():
    """Another host's address, and the paths that it was asked for."""
    requested_paths = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requested_paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", requested_paths
    server.shutdown()


def make_hostile(project: Path, host: str) -> list[str]:
    """Give the rows a file name, columns, labels and texts that would send requests to `host`; return the labels."""
    with (project / "rows.csv").open() as file:
        _, *rows = csv.reader(file)
    (project / "rows.csv").unlink()
    texts = hostile(host)
    labels = {"good": texts[0] + texts[5], "bad": texts[1] + texts[2]}
    columns = [COLUMN.format(host=host), f"![x]({host}/label.png)", "=HYPERLINK(1)"]
    with (project / "=rows ![x](y) <b>.csv").open("w") as file:
        lines = [[text, labels[label], texts[len(text) % 3]] for text, label in rows]
        lines += 2 * [[text, labels["good"], text] for text in texts]
        csv.writer(file).writerows([columns, *lines])
    settings = json.loads((project / "night.yaml").read_text())
    settings["data"] = {"path": "=rows ![x](y) <b>.csv", "text": columns[0], "label": columns[1]}
    settings |= {
        "gate": settings["gate"] | {"slices": [columns[2]]},
        "expectations": {"labels": sorted(labels.values())},
    }
    (project / "night.yaml").write_text(json.dumps(settings))
    return sorted(labels.values())


def open_every_page(page: Page, prefect: str, home: Path, labels: list[str]) -> None:
    """Open an artifact of each key, the reports and the Data Docs.

    Args:
        page: Page of a browser that is signed in.
        prefect: Address of Prefect's server.
        home: NIGHTSHIFT_HOME of the servers.
        labels: Labels that the report shows as they are.
    """
    with closing(sqlite3.connect(home / "prefect/prefect.db")) as database:
        artifacts = database.execute("SELECT id FROM artifact GROUP BY key").fetchall()
    assert len(artifacts) >= len(ARTIFACTS)
    for (artifact,) in artifacts:
        page.goto(f"{prefect}/artifacts/artifact/{uuid.UUID(artifact)}")
        expect(page.get_by_role("heading").or_(page.get_by_text("tiny-")).first).to_be_visible()
        page.wait_for_load_state("networkidle")
    for file in (*home.glob("artifacts/validate/*/measured/data_docs/**/*.html"), *home.glob("reports/tiny/*.html")):
        page.goto(file.as_uri())
    for label in labels:
        expect(page.get_by_text(label).first).to_be_visible()


@pytest.fixture
def servers(page, lone_shell, monkeypatch):
    """The addresses of what `up` started, where the browser is signed in; whatever happens, `down` follows."""
    try:
        completed = lone_shell("up", "--prefect-port", "4300", "--mlflow-port", "5300")
        assert completed.returncode == 0, completed.stderr
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", (lone_shell.folder / "home/token").read_text().strip())
        servers = json.loads((lone_shell.folder / "home/servers.json").read_text())
        for name in ("prefect", "mlflow"):
            page.goto(servers[name])
            expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
            page.goto(re.search(rf"{servers[name]}/[?]token=\S+", completed.stdout)[0])
            expect(page).to_have_url(re.compile(rf"{servers[name]}/(?!.*token)"))
            if name == "prefect":
                page.context.clear_cookies()  # the cookie is good for both
        yield servers
    finally:
        lone_shell("down")


@pytest.fixture
def foreign_pages(tmp_path):
    """Pages of two other origins, served from another port: of another site, and of this machine."""
    (tmp_path / "index.html").write_text("<title>foreign</title>")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield [f"http://{name}:{server.server_port}/" for name in ("evil.example", "127.0.0.1")]
        server.shutdown()


def shoot(page: Page, name: str) -> None:
    """Write a picture of the page at each size, if the environment names a folder for them."""
    if PICTURES is None:
        return
    PICTURES.mkdir(parents=True, exist_ok=True)
    for size in SIZES:
        page.set_viewport_size(size)
        page.wait_for_timeout(1500)  # charts glide into place
        page.screenshot(path=PICTURES / f"{name}-{size['width']}.png")
    page.set_viewport_size(SIZES[0])


def label(page: Page, title: str) -> Locator:
    return page.locator(".schema-form-property__label").filter(has_text=re.compile(rf"^{title}( \(Optional\))?$"))


def field(page: Page, title: str) -> Locator:
    return label(page, title).locator("xpath=following::*[self::input or self::textarea][1]")


def choose(page: Page, title: str, option: str) -> None:
    button = label(page, title).locator("xpath=following::button[contains(@class, 'p-select-button__control')][1]")
    button.press("ArrowDown")  # the mouse does not open it in a headless browser
    page.locator(".p-select-option").get_by_text(option, exact=True).click()


def open_form(page: Page, prefect: str, deployment: str) -> None:
    page.goto(f"{prefect}/deployments")
    page.get_by_role("link", name=deployment, exact=True).first.click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    page.wait_for_url(re.compile("/deployments/deployment/[^/]+/run"))


def submit(page: Page, prefect: str) -> dict:
    """Submit the form and open the page of the run that it made; return the run.

    If its SQLite file is busy, Prefect's server answers 503, and a person presses the button once more.
    """
    for _ in range(3):
        with page.expect_response(re.compile("/create_flow_run$")) as answer:
            page.get_by_role("button", name="Submit").click()
        if answer.value.status != httpx.codes.SERVICE_UNAVAILABLE:
            break
    assert answer.value.ok, answer.value.text()
    run = answer.value.json()
    page.goto(f"{prefect}/runs/flow-run/{run['id']}")
    return run


def expect_ending(page: Page, state: str, name: str) -> None:
    """Wait for the run whose page is open to end, and compare."""
    badge = page.locator(".page-heading-flow-run__meta .state-badge")
    expect(badge).to_have_text(ENDINGS, timeout=NIGHT)
    expect(badge).to_have_text(state)
    page.reload()  # the page counts no task runs that began after it was opened
    expect(page.get_by_text(name, exact=True).first).to_be_visible()


def filled_in(parameters: dict) -> dict:
    """Return parameters without what the form sends of empty fields: None and empty objects."""
    deep = {key: filled_in(value) if isinstance(value, dict) else value for key, value in parameters.items()}
    return {key: value for key, value in deep.items() if value not in (None, {})}


def ask_prefect(prefect: str, method: str, path: str, **body) -> object:
    """Send a request to Prefect's API; return the JSON of the answer.

    Args:
        prefect: Address of Prefect's server.
        method: HTTP method.
        path: Path below `/api`.
        **body: Fields of the JSON body.
    """
    signed_in = {"Authorization": f"Bearer {os.environ['MLFLOW_TRACKING_TOKEN']}"}
    answer = httpx.request(method, f"{prefect}/api{path}", json=body, headers=signed_in, timeout=30)
    return answer.raise_for_status().json()


def parameters(prefect: str, run: dict) -> dict:
    """Return the run's parameters as Prefect has them."""
    return filled_in(ask_prefect(prefect, "GET", f"/flow_runs/{run['id']}")["parameters"])


def fill_night(page: Page, prefect: str, settings_file: Path, epochs: int) -> None:
    """Fill in the form of `nightly`.

    Args:
        page: Page of a browser that is signed in.
        prefect: Address of Prefect's server.
        settings_file: Path for the field `settings_file`.
        epochs: Number for the field `Num train epochs`.
    """
    open_form(page, prefect, "nightly")
    field(page, "settings_file").fill(str(settings_file))
    field(page, "Num train epochs").fill(str(epochs))


def decide(page: Page, prefect: str, deployment: str, **fields: str) -> None:
    """Fill in and submit a form as a person who decides, and wait for the run to complete.

    Args:
        page: Page of a browser that is signed in.
        prefect: Address of Prefect's server.
        deployment: `promote` or `rollback`.
        **fields: Values by the title of their field.
    """
    open_form(page, prefect, deployment)
    for title, value in fields.items():
        field(page, title).fill(value)
    shoot(page, f"{deployment}-form")
    run = submit(page, prefect)
    name = f"{deployment}-{fields['name']}" + (f"-{fields['version']}" if "version" in fields else "")
    expect_ending(page, "Completed", name)
    shoot(page, deployment)
    assert parameters(prefect, run) == fields | ({"version": int(fields["version"])} if "version" in fields else {})


def open_version(page: Page, address: str, version: int, *aliases: str) -> Locator:
    """Click from MLflow's list of models to the page of a version; return its text.

    Args:
        page: Page of a browser that is signed in.
        address: Address of MLflow's server.
        version: Number of the version.
        *aliases: All aliases that the version has.
    """
    page.goto("about:blank")
    page.goto(f"{address}/#/models")
    page.get_by_role("link", name="tiny", exact=True).click()
    page.get_by_role("link", name=f"Version {version}", exact=True).click()
    expect(page.get_by_role("heading", name=f"Version {version}")).to_be_visible()
    for alias in aliases:
        expect(page.get_by_text(f"@ {alias}")).to_be_visible()
    for alias in {"champion", "challenger", "previous"} - {*aliases}:
        expect(page.get_by_text(f"@ {alias}")).to_have_count(0)
    return page.locator("body")


def expect_pictures(page: Page) -> None:
    """Check that each picture of the MLflow run whose page is open is displayed, not only listed."""
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_label("pictures", exact=True).click()
    sources: list[str] = []
    for name in ("learning_curve", "confusion_matrix", "pareto", "label_shares"):
        page.get_by_label(f"{name}.png", exact=True).click()
        expect(page.get_by_text(f"pictures/{name}.png", exact=True)).to_be_visible()
        loaded = page.wait_for_function(
            """sources => [...document.images].find(image => image.src.startsWith('blob:')
                       && !sources.includes(image.src) && image.checkVisibility() && image.naturalWidth > 0)?.src""",
            arg=sources,
        )
        sources.append(loaded.json_value())
        shoot(page, f"mlflow-{name.replace('_', '-')}")


ATTACK = """
async ([prefect, mlflow, run]) => {
    const json = {method: 'POST', credentials: 'include', headers: {'Content-Type': 'application/json'}, body: '{}'}
    const form = {method: 'POST', credentials: 'include', mode: 'no-cors', body: '{}'}
    const results = {}
    const attempt = async (name, send) => {
        try { results[name] = await send() } catch (error) { results[name] = 'refused' }
    }
    for (const credentials of ['include', 'omit']) {
        const request = {...json, credentials}
        await attempt('read, ' + credentials, async () => (await fetch(prefect + '/api/flows/filter', request)).text())
        await attempt('start a run, ' + credentials, async () => (await fetch(prefect + run, request)).text())
    }
    await attempt('read MLflow', async () => (await fetch(mlflow + '/ajax-api/2.0/mlflow/experiments/search?max_results=9',
                                                         {credentials: 'include'})).text())
    await attempt('make an experiment', async () => (await fetch(mlflow + '/api/2.0/mlflow/experiments/create',
                                                     {...json, body: '{"name": "foreign"}'})).text())
    await fetch(prefect + run, form).catch(() => 0)
    await fetch(mlflow + '/api/2.0/mlflow/experiments/create', {...form, body: '{"name": "foreign"}'}).catch(() => 0)
    const posted = document.createElement('form')
    Object.assign(posted, {method: 'POST', action: prefect + run, target: 'hidden', enctype: 'text/plain'})
    const frame = document.createElement('iframe')
    frame.name = 'hidden'
    document.body.append(frame, posted)
    const loaded = new Promise(ready => { frame.onload = ready })
    posted.submit()
    await loaded
    for (const path of ['in', 'out'])
        await attempt('WebSocket ' + path, () => new Promise((open, refused) => {
            const socket = new WebSocket(prefect.replace('http', 'ws') + '/api/events/' + path, ['prefect'])
            socket.onopen = () => open('open')
            socket.onerror = socket.onclose = refused
        }))
    return results
}
"""
"""Requests of a page of another origin while the browser is signed in, with the answer to each."""


def expect_foreign_pages_powerless(page: Page, servers: dict, foreign_pages: list[str]) -> None:
    prefect, address = servers["prefect"], servers["mlflow"]
    deployment = ask_prefect(prefect, "GET", "/deployments/name/clean/clean")
    runs_before = ask_prefect(prefect, "POST", "/flow_runs/count")
    tab = page.context.new_page()
    for foreign in foreign_pages:
        tab.goto(foreign)
        results = tab.evaluate(ATTACK, [prefect, address, f"/api/deployments/{deployment['id']}/create_flow_run"])
        assert set(results.values()) == {"refused"}, results
    tab.goto(prefect.replace("127.0.0.1", "evil.example"))
    expect(tab.get_by_text("answers by the names")).to_be_visible()
    assert ask_prefect(prefect, "POST", "/flow_runs/count") == runs_before
    assert mlflow.MlflowClient(address).get_experiment_by_name("foreign") is None
    tab.goto(foreign_pages[0])
    tab.evaluate(
        "address => { location.href = address }", f"{prefect}/deployments"
    )  # a link: opens, after a click more
    tab.get_by_role("link", name="Open the page again").click()
    expect(tab.get_by_role("link", name="clean", exact=True).first).to_be_visible()
    tab.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_person_needs_only_the_browser(page, servers, foreign_pages, elsewhere, lone_shell, project):
    prefect, address, home = servers["prefect"], servers["mlflow"], project / "home"
    expect_foreign_pages_powerless(page, servers, foreign_pages)
    client = mlflow.MlflowClient(address)
    run_name = f"tiny-{date.today()}"
    host, requested_paths = elsewhere
    labels = make_hostile(project, host)
    requested_origins: set[str] = set()
    page.on("request", lambda request: requested_origins.add("/".join(request.url.split("/")[:3])))

    # The first night sees no more than the beginning of each text.
    fill_night(page, prefect, project / "night.yaml", epochs=4)
    shoot(page, "form")
    field(page, "Max length").fill("5")
    field(page, "Num train epochs").scroll_into_view_if_needed()
    shoot(page, "form-train")
    run = submit(page, prefect)
    expect_ending(page, "Promoted", run_name)
    assert parameters(prefect, run) == {
        "settings_file": str(project / "night.yaml"),
        "settings": {"train": {"num_train_epochs": 4, "max_length": 5}},
        "force": False,
    }
    page.get_by_text("candidate 1 of 1: distil+prune:32+quantize").first.scroll_into_view_if_needed()
    shoot(page, "night-logs")
    page.get_by_text("Artifacts", exact=True).click()
    page.get_by_role("heading", name="Task runs").scroll_into_view_if_needed()  # cards are made as they come into view
    for artifact in ARTIFACTS:
        expect(page.locator(".artifact-card__title").get_by_text(artifact, exact=True)).to_be_visible()
    shoot(page, "night-artifacts")
    page.locator(".artifact-card__title").get_by_text("tiny-5-candidates", exact=True).click()
    expect(page.get_by_text("distil+prune:32+quantize", exact=True)).to_be_visible()
    shoot(page, "candidates")
    page.go_back()
    page.get_by_text("Artifacts", exact=True).click()
    page.get_by_role("heading", name="Task runs").scroll_into_view_if_needed()  # the report is of the task `report`
    page.locator(".artifact-card__title").get_by_text("tiny-7-report", exact=True).click()
    expect(page.get_by_role("heading", name="tiny: promoted")).to_be_visible()
    page.wait_for_function("[...document.images].filter(image => image.naturalWidth > 0).length >= 3")
    shoot(page, "report")

    text = open_version(page, address, 1, "champion")
    for words in ("passes the gate as first", "Cost:", "ms a text", "What changed:", "promoted by nightly"):
        expect(text).to_contain_text(words)
    shoot(page, "mlflow-version")
    page.get_by_role("link", name=run_name).first.click()
    expect(page.get_by_text("About this run")).to_be_visible()
    shoot(page, "mlflow-run")
    expect_pictures(page)

    # The second sees all of it and is better, but is told to wait for a person.
    fill_night(page, prefect, project / "night.yaml", epochs=5)
    choose(page, "Approval", "manual")
    shoot(page, "form-gate")
    run = submit(page, prefect)
    expect_ending(page, "Held", run_name)
    shoot(page, "night-held")
    assert parameters(prefect, run) == {
        "settings_file": str(project / "night.yaml"),
        "settings": {"train": {"num_train_epochs": 5}, "gate": {"approval": "manual"}},
        "force": False,
    }
    open_version(page, address, 1, "champion")
    text = open_version(page, address, 2, "challenger")
    for words in ("passes the gate as better", "since version 1", "train.max_length 5 → 128"):
        expect(text).to_contain_text(words)
    shoot(page, "mlflow-challenger")

    decide(page, prefect, "promote", name="tiny", version="2", reason="It reads whole texts.", who="Ada")
    open_version(page, address, 1, "previous")
    text = open_version(page, address, 2, "champion")
    expect(text).to_contain_text("promoted by Ada (unverified) (champion was version 1): It reads whole texts.")
    shoot(page, "mlflow-promoted")
    assert client.get_model_version_by_alias("tiny", "champion").version == "2"

    decide(page, prefect, "rollback", name="tiny", reason=f"Customers complain. ![x]({host}/why.png)", who="Grace")
    text = open_version(page, address, 1, "champion")
    expect(text).to_contain_text("rolled back by Grace (unverified) (champion was version 2): Customers complain.")
    shoot(page, "mlflow-rolled-back")
    assert client.get_model_version_by_alias("tiny", "champion").version == "1"
    page.goto(f"{prefect}/deployments")
    expect(page.get_by_role("link", name="rollback", exact=True).first).to_be_visible()
    shoot(page, "deployments")
    open_every_page(page, prefect, home, labels)
    pages = {prefect, address, "file://", "about:blank"}
    assert {origin for origin in requested_origins if not origin.startswith(("data:", "blob:"))} <= pages
    assert requested_paths == [], "what came from the data has acted in a page"

    completed = lone_shell("down")
    assert completed.returncode == 0, completed.stderr
    assert processes_of(home) == []
    assert not (home / "servers.json").exists()
    for server in (prefect, address):
        with pytest.raises(httpx.ConnectError):
            httpx.get(server)

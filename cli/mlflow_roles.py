"""Rules for `champion` and the ledger on an MLflow server with users, after those of MLflow's basic-auth.

- The aliases `champion` and `previous` are moved by users with the permission MANAGE on the registered model.
- A ledger, `NAME.ledger`, is append-only, for administrators too: nothing of it is deleted or rewritten, except that the
  tag `pending` is cleared after a move, and a new entry holds the digest of the newest one.
- An entry names the signed-in user as its author, and one that moves `champion` is written by users who may do so.

MLflow's own rules still apply: a writer needs EDIT on the model and on its ledger.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from nightshift.registry import authors, ledger
from nightshift.registry.ledger import MOVED_BY_HAND, MOVES, SUFFIX
from nightshift.registry.model_registry import CHAMPION, PREVIOUS

if TYPE_CHECKING:
    from flask import Response

REGISTERED_MODEL = "registered_model"
PROTECTED_ALIASES = (CHAMPION, PREVIOUS)
PROMPT_TAG = "mlflow.prompt.is_prompt"
"""Tag that turns a registered model into a prompt, to which other permissions apply."""


class Tag(Protocol):
    """A tag in a request."""

    key: str
    value: str


class RegistryRequest(Protocol):
    """A request about a registered model, in MLflow's protocol; each has some of the fields."""

    name: str
    new_name: str
    alias: str
    key: str
    value: str
    tags: Sequence[Tag]


def remove_grant_to_creators() -> None:
    """Keep basic-auth from giving MANAGE on a new registered model, and so `champion`, to whoever registers it."""
    from mlflow.server import auth

    for route, handler in list(auth.AFTER_REQUEST_HANDLERS.items()):
        if handler is auth.set_can_manage_registered_model_permission:
            del auth.AFTER_REQUEST_HANDLERS[route]


def check_request() -> "Response | None":
    """Answer a request that breaks a rule with 403, and one that came too late for the chain of a ledger with 409.

    Flask calls this after basic-auth has let the request pass.
    """
    from flask import make_response, request

    endpoint = request.endpoint or ""
    rule = RULES.get(endpoint)
    if refusal := rule() if rule else "":
        return make_response({"error_code": "PERMISSION_DENIED", "message": refusal}, 403)
    if endpoint == CREATE_VERSION and (conflict := _chain_conflict()):
        return make_response({"error_code": ledger.CONFLICT, "message": conflict}, 409)
    return None


def _message(name: str) -> RegistryRequest:
    """Return the request as MLflow's handler reads it.

    Args:
        name: Name of the request in MLflow's protocol.
    """
    from mlflow.protos import model_registry_pb2
    from mlflow.server.handlers import _get_request_message

    message: RegistryRequest = _get_request_message(getattr(model_registry_pb2, name)())
    return message


def _user() -> str:
    from flask import g

    return str(g.mlflow_authenticated_user)


def _may(user: str, permission: str, model: str) -> bool:
    """Return True if a user has a permission, `can_update` or `can_manage`, on a registered model."""
    from mlflow.server import auth

    if auth.store.get_user(user).is_admin:
        return True
    grant = auth._role_permission_for(user, REGISTERED_MODEL, model, model, lambda _: None, REGISTERED_MODEL)
    return bool(getattr(auth._get_role_permission_or_default(grant), permission))


def _refuse_unless_manager(model: str) -> str:
    from mlflow.server import auth

    user = _user()
    if _may(user, "can_manage", model):
        return ""
    managers = [other.username for other in auth.store.list_users() if _may(other.username, "can_manage", model)]
    return (
        f"{user} may not move {CHAMPION} of {model}: {' and '.join(managers)} may; an administrator grants it by the role promoter, "
        f"or by the permission MANAGE on {model}"
    )


def _is_ledger(model: str) -> bool:
    return model.endswith(SUFFIX)


def _append_only(message: RegistryRequest) -> str:
    name = message.name
    return f"{name} is append-only: its entries cannot be changed or deleted" if _is_ledger(name) else ""


def _set_alias() -> str:
    return _alias_refusal(_message("SetRegisteredModelAlias"))


def _delete_alias() -> str:
    return _alias_refusal(_message("DeleteRegisteredModelAlias"))


def _alias_refusal(message: RegistryRequest) -> str:
    is_protected = message.alias.casefold() in PROTECTED_ALIASES
    return _append_only(message) or (_refuse_unless_manager(message.name) if is_protected else "")


def _set_version_tag() -> str:
    message = _message("SetModelVersionTag")
    completes_move = message.key == "pending" and not message.value
    return "" if completes_move else _append_only(message)


def _set_model_tag() -> str:
    return _model_tag_refusal(_message("SetRegisteredModelTag"))


def _delete_model_tag() -> str:
    return _model_tag_refusal(_message("DeleteRegisteredModelTag"))


def _model_tag_refusal(message: RegistryRequest) -> str:
    return _refuse_unless_manager(message.name) if message.key == PROMPT_TAG else ""


def _rename_model() -> str:
    message = _message("RenameRegisteredModel")
    if _is_ledger(message.new_name):
        return f"{message.new_name} would be a ledger: nightshift alone writes one"
    return _append_only(message) or _refuse_unless_manager(message.name)


def _create_model() -> str:
    name = _message("CreateRegisteredModel").name
    model = name.removesuffix(SUFFIX)
    if _may(_user(), "can_update", model):
        return ""
    return f"{_user()} may not create {name}: an administrator grants it by the role writer, or by the permission EDIT on {model}"


def _create_version() -> str:
    message = _message("CreateModelVersion")
    if not _is_ledger(message.name):
        return ""
    tags = {tag.key: tag.value for tag in message.tags}
    if len(tags) != len(message.tags):
        return "an entry of a ledger has each tag once"
    return _entry_refusal(message.name.removesuffix(SUFFIX), tags)


def _entry_refusal(model: str, tags: dict[str, str]) -> str:
    """Return why the signed-in user may not write an entry into the ledger of a model."""
    user, author, action = _user(), tags.get("who", ""), tags.get("action", "")
    if action == MOVED_BY_HAND and author == authors.UNKNOWN and not tags.get("pending"):
        is_true = tags.get("new", "") == _champion(model)
        return "" if is_true else f"{CHAMPION} of {model} does not stand at version {tags.get('new')}"
    if author != user:
        return f"the entry names {author or 'nobody'} as its author, but {user} is signed in"
    moves_champion = action in MOVES or bool(tags.get("pending"))
    return _refuse_unless_manager(model) if moves_champion else ""


def _chain_conflict() -> str:
    """Return why a new entry does not continue the chain of its ledger; empty if it does, or if the version is no entry."""
    from mlflow.server.handlers import _get_model_registry_store

    message = _message("CreateModelVersion")
    if not _is_ledger(message.name):
        return ""
    store, versions, token = _get_model_registry_store(), [], None
    while True:
        page = store.search_model_versions(f"name = '{message.name}'", page_token=token)
        versions += page
        if not (token := page.token):
            break
    head = ledger.chain_of(versions).head
    tags = {tag.key: tag.value for tag in message.tags}
    if tags.get("previous_digest") == head:
        return ""
    return f"the entry does not follow the newest one of {message.name}: its previous_digest has to be {head}"


def _champion(model: str) -> str:
    from mlflow.exceptions import MlflowException
    from mlflow.server.handlers import _get_model_registry_store

    try:
        return str(_get_model_registry_store().get_model_version_by_alias(model, CHAMPION).version)
    except MlflowException:
        return ""


def _append_only_rule(message_name: str) -> Callable[[], str]:
    return lambda: _append_only(_message(message_name))


CREATE_VERSION = "_create_model_version"
RULES: dict[str, Callable[[], str]] = {
    "_set_registered_model_alias": _set_alias,
    "_delete_registered_model_alias": _delete_alias,
    "_create_registered_model": _create_model,
    "_rename_registered_model": _rename_model,
    "_delete_registered_model": _append_only_rule("DeleteRegisteredModel"),
    "_update_registered_model": _append_only_rule("UpdateRegisteredModel"),
    "_set_registered_model_tag": _set_model_tag,
    "_delete_registered_model_tag": _delete_model_tag,
    CREATE_VERSION: _create_version,
    "_update_model_version": _append_only_rule("UpdateModelVersion"),
    "_delete_model_version": _append_only_rule("DeleteModelVersion"),
    "_transition_stage": _append_only_rule("TransitionModelVersionStage"),
    "_set_model_version_tag": _set_version_tag,
    "_delete_model_version_tag": _append_only_rule("DeleteModelVersionTag"),
}
"""Functions that return why a request is refused, or an empty text, by the name of MLflow's handler."""

"""MLflow's server with the databases and artifacts of nightshift; with users, MLflow's own basic-auth and roles.

Users are MLflow's: an administrator adds them in MLflow's own pages and gives them roles. Three users and roles exist
from the start: the administrator `admin`, the user `nightly` of the nights, the roles `writer` and `promoter`.
`mlflow_roles` adds the rules for `champion` and the ledger that basic-auth lacks.
"""

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from cli import server_settings
from cli.access import NIGHTLY, NIGHTLY_PASSWORD
from cli.server_settings import ServerSettings
from nightshift.store import artifact_store

if TYPE_CHECKING:
    from starlette.types import ASGIApp

ADMINISTRATOR = "admin"
WRITER, PROMOTER = "writer", "promoter"
ROLES = {
    WRITER: ("logs runs and registers versions", {"experiment": "EDIT", "registered_model": "EDIT"}),
    PROMOTER: ("moves champion", {"experiment": "EDIT", "registered_model": "MANAGE"}),
}
"""Descriptions of the roles, and their permissions on all objects by resource type; a user without a role reads."""
CONFIGURATION = Path(__file__).parent / "mlflow_users.ini"


def application(settings: ServerSettings) -> "ASGIApp":
    """Return MLflow's server without users."""
    _set_environment(settings)
    from mlflow.server.fastapi_app import app

    _initialize_stores()
    web_application: ASGIApp = app
    return web_application


def with_users(settings: ServerSettings) -> "ASGIApp":
    """Return MLflow's server with users and roles; the administrator, `nightly` and the roles are created."""
    _set_environment(settings)
    os.environ |= {
        "MLFLOW_AUTH_CONFIG_PATH": str(CONFIGURATION),
        "MLFLOW_AUTH_ADMIN_USERNAME": ADMINISTRATOR,
        "MLFLOW_AUTH_ADMIN_PASSWORD": server_settings.secret("admin-password"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(),  # of the sign-up form only
        "MLFLOW_BASIC_AUTH_FAIL_CLOSED": "true",
        "MLFLOW_SERVER_ENABLE_GRAPHQL_AUTH": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",  # else create_app returns the Flask half alone
    }
    _initialize_stores()
    from mlflow.server import app, auth

    from cli import mlflow_roles

    auth.auth_config = auth.auth_config._replace(database_uri=_database(settings, "users.db"))
    mlflow_roles.remove_grant_to_creators()
    web_application: ASGIApp = auth.create_app(app)
    app.before_request(mlflow_roles.check_request)
    _create_roles()
    _create_nightly()
    return web_application


def is_user(name: str, password: str) -> bool:
    """Return True for the name and password of a user."""
    from mlflow.server import auth

    return auth._authenticate_cached(name, password) is not None


def _set_environment(settings: ServerSettings) -> None:
    """Set the variables by which MLflow's server finds its database and artifacts, before it is imported."""
    folder = artifact_store.home() / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    artifacts = settings.artifacts or (folder / "artifacts").as_uri()
    is_shared = bool(settings.users or settings.mlflow_url or settings.postgres or settings.artifacts)
    names = ("localhost", "127.0.0.1", "[[]::1]", *settings.host_names)
    os.environ |= {
        "_MLFLOW_SERVER_FILE_STORE": _database(settings, "mlflow.db"),
        "_MLFLOW_SERVER_REGISTRY_STORE": _database(settings, "mlflow.db"),
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/" if is_shared else artifacts,
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(pattern for name in names for pattern in (name, f"{name}:*")),
    }
    if is_shared:  # clients on other machines reach no folder of this one
        os.environ |= {"_MLFLOW_SERVER_SERVE_ARTIFACTS": "true", "_MLFLOW_SERVER_ARTIFACT_DESTINATION": artifacts}
    if settings.mlflow_url:
        os.environ["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] = settings.mlflow_url.rstrip("/")


def _database(settings: ServerSettings, file: str) -> str:
    """Return the address of MLflow's database, with the password; without PostgreSQL that of a file of NIGHTSHIFT_HOME."""
    if settings.postgres:
        return settings.database("mlflow", "pg8000").render_as_string(hide_password=False)
    return f"sqlite:///{artifact_store.home()}/mlflow/{file}"


def _initialize_stores() -> None:
    from mlflow.server.handlers import initialize_backend_stores

    database, artifacts = os.environ["_MLFLOW_SERVER_FILE_STORE"], os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"]
    initialize_backend_stores(database, database, artifacts)


def _create_roles() -> None:
    """Create the roles that do not exist; an administrator may have changed the others."""
    from mlflow.server.auth import store
    from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME

    existing = {role.name for role in store.list_roles([DEFAULT_WORKSPACE_NAME])}
    for name, (description, permissions) in ROLES.items():
        if name not in existing:
            role = store.create_role(name, DEFAULT_WORKSPACE_NAME, description)
            for resource_type, permission in permissions.items():
                store.add_role_permission(role.id, resource_type, "*", permission)


def _create_nightly() -> None:
    """Create the user of the nights, with the role `writer`; if it exists, set its password."""
    from mlflow.server.auth import store
    from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME

    password = server_settings.secret(NIGHTLY_PASSWORD)
    if not store.has_user(NIGHTLY):
        user = store.create_user(NIGHTLY, password)
        store.assign_role_to_user(user.id, store.get_role_by_name(DEFAULT_WORKSPACE_NAME, WRITER).id)
    elif not store.authenticate_user(NIGHTLY, password):
        store.update_user(NIGHTLY, password=password)

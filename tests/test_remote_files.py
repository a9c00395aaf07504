"""Files of an S3 server and of a web server, read for real."""

import http.server
import socket
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from predictions import scored
from records import table_of

from flows.monitor import _read_new_rows
from nightshift.data.settings import DataSettings
from nightshift.errors import InputError
from nightshift.records import Source
from nightshift.registry.tracking import _data_set
from nightshift.store import disk
from tasks.ingest import locate


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Web server of a folder that notes its requests, gives an ETag, and breaks off if asked to."""

    def log_message(self, *args):
        self.server.requests.append(self.command)

    def end_headers(self):
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        super().end_headers()

    def copyfile(self, source, outputfile):
        if self.server.breaks:
            outputfile.write(source.read(10))
            outputfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            super().copyfile(source, outputfile)


@pytest.fixture
def web(tmp_path):
    (tmp_path / "www").mkdir()
    (tmp_path / "www/rows.csv").write_text("text,label\na,x\nb,y\n")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "www")))
    server.requests, server.etag, server.breaks = [], "", False
    server.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_file_of_a_web_server_is_read(web, tmp_path):
    rows = table_of(DataSettings(path=f"{web.address}/rows.csv"), tmp_path)
    assert rows[["text", "source"]].values.tolist() == [["a", "rows.csv"], ["b", "rows.csv"]]


def test_rows_of_a_web_server_are_scored_and_watched(web, tmp_path, home):
    (tmp_path / "www/rows.jsonl").write_text('{"text": "a", "n": 12345678901234567890}\n')
    rows = scored(f"{web.address}/rows.jsonl")
    assert list(rows.rows.records()) == [{"text": "a", "n": 12345678901234567890}] and rows.texts["text"] == ["a"]
    new = _read_new_rows(DataSettings(path="x.csv"), "classification", f"{web.address}/rows.csv", tmp_path)
    assert new[["text", "label"]].values.tolist() == [["a", "x"], ["b", "y"]]


def test_an_error_of_rows_to_score_names_the_address(web, tmp_path):
    (tmp_path / "www/rows.csv").write_text("text\na\nb,c\n")
    with pytest.raises(InputError, match=r"^http://127\.0\.0\.1:\d+/rows\.csv, line 3: 2 fields where 1 were expected"):
        scored(f"{web.address}/rows.csv")
    web.breaks = True
    (tmp_path / "www/rows.csv").write_text("text\n" + "another text\n" * 9)
    with pytest.raises(InputError, match=r"^source: http://127\.0\.0\.1:\d+/rows\.csv (cannot be read|ended after)"):
        scored(f"{web.address}/rows.csv")


def test_the_digest_is_of_the_content(web, tmp_path):
    data = DataSettings(path=[f"{web.address}/rows.csv", "www/rows.csv"])
    remote, local = locate(data, None, tmp_path)
    assert remote.sha256 == local.sha256 and remote.path == f"{web.address}/rows.csv"
    (tmp_path / "www/rows.csv").write_text("text,label\na,x\nc,y\n")
    assert locate(data, None, tmp_path)[0].sha256 != remote.sha256


def test_a_file_with_the_same_etag_is_not_downloaded_again(web, tmp_path):
    web.etag = '"one"'
    data = DataSettings(path=f"{web.address}/rows.csv")
    sources = locate(data, None, tmp_path)
    web.requests.clear()
    assert locate(data, None, tmp_path) == sources and "GET" not in web.requests
    web.etag = 'W/"weak"'
    assert locate(data, None, tmp_path) == sources and "GET" in web.requests


def test_a_download_that_breaks_off_ends_in_one_line_and_leaves_nothing(web, tmp_path, home):
    web.breaks = True
    with pytest.raises(
        InputError, match=r"^data\.path: http://127\.0\.0\.1:\d+/rows\.csv (cannot be read|ended after)"
    ) as caught:
        locate(DataSettings(path=f"{web.address}/rows.csv"), None, tmp_path)
    assert "\n" not in str(caught.value) and not [path for path in home.rglob("*") if path.is_file()]


def test_a_file_larger_than_the_disk_is_not_begun(web, tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "free_bytes", lambda: disk.RESERVE + disk.LOW + 5)
    with pytest.raises(InputError, match=r"rows\.csv has 0 MB, and 0 MB are free for NIGHTSHIFT_HOME$"):
        locate(DataSettings(path=f"{web.address}/rows.csv"), None, tmp_path)
    assert "GET" not in web.requests


def test_errors_of_a_copy_name_the_address(web, tmp_path):
    (tmp_path / "www/rows.csv").write_text("text,label\n")
    with pytest.raises(InputError, match=r"^http://127\.0\.0\.1:\d+/rows\.csv: the file holds a header and no rows$"):
        table_of(DataSettings(path=f"{web.address}/rows.csv"), tmp_path)
    with pytest.raises(InputError, match=r"^data\.path: no such file: http://127\.0\.0\.1:\d+/none\.csv$"):
        locate(DataSettings(path=f"{web.address}/none.csv"), None, tmp_path)
    with pytest.raises(InputError, match=r"gs://b/x\.csv: gcsfs is not installed; install it into \.venv"):
        locate(DataSettings(path="gs://b/x.csv"), None, tmp_path)


@pytest.mark.slow
def test_a_bucket_is_read_by_file_pattern_and_folder_with_partitions(s3_environment, tmp_path):
    for day in ("27", "28"):
        s3_environment.pipe(f"rows/lake/day={day}/part.csv", f"text,label\non {day},x\n".encode())
    s3_environment.pipe("rows/lake/day=28/_SUCCESS", b"")
    for path in ("s3://rows/lake", "s3://rows/lake/", "s3://rows/lake/*/*.csv"):
        rows = table_of(DataSettings(path=path, timestamp="day"), tmp_path)
        assert rows[["text", "timestamp", "source"]].values.tolist() == [
            ["on 27", "27", "day=27/part.csv"],
            ["on 28", "28", "day=28/part.csv"],
        ]
    assert len(table_of(DataSettings(path="s3://rows/lake/day=27/part.csv"), tmp_path)) == 1
    s3_environment.pipe("rows/lake/day=29/part.csv", b"text,label\non 29,x\n")
    assert len(locate(DataSettings(path="s3://rows/lake"), None, tmp_path)) == 3


@pytest.mark.slow
def test_rows_of_a_bucket_are_scored_and_watched(s3_environment, tmp_path):
    for day in ("27", "28"):
        s3_environment.pipe(f"rows/new/day={day}/part.csv", f"id,text,label\n00{day},on {day},NA\n".encode())
    rows = scored("s3://rows/new")
    assert rows.texts["text"] == ["on 27", "on 28"]
    assert next(rows.rows.records()) == {"id": "0027", "text": "on 27", "label": "NA", "day": "27"}
    assert scored("s3://rows/new/day=28/*.csv").rows.values("id") == ["0028"]
    new = _read_new_rows(DataSettings(path="x.csv"), "classification", "s3://rows/new/*/*.csv", tmp_path)
    assert new["text"].tolist() == ["on 27", "on 28"] and new["label"].isna().all()


@pytest.mark.slow
def test_a_delta_table_in_a_bucket_is_read_in_its_newest_version(s3_environment, tmp_path):
    deltalake = pytest.importorskip("deltalake")
    table = tmp_path / "table"
    for day, text in (("27", "old"), ("27", "new é"), ("28 a", "next")):
        rows = pa.table({"text": [text], "label": ["x"], "day": [day]})
        partition = {"predicate": "day = '27'", "mode": "overwrite"} if text == "new é" else {"mode": "append"}
        deltalake.write_deltalake(str(table), rows, partition_by=["day"], **partition)
    s3_environment.put(str(table), "rows/delta", recursive=True)
    for path in ("s3://rows/delta", "s3://rows/delta/"):
        rows = table_of(DataSettings(path=path, timestamp="day"), tmp_path)
        assert sorted(rows[["text", "timestamp"]].values.tolist()) == [["new é", "27"], ["next", "28 a"]]
    assert sorted(scored("s3://rows/delta").texts["text"]) == ["new é", "next"]
    for path in ("s3://rows/delta/*/*.parquet", "s3://rows/delta/day=27"):
        with pytest.raises(
            InputError, match=r"single files of the Delta table rows/delta, .*; name the folder of the table"
        ):
            locate(DataSettings(path=path), None, tmp_path)


class CutProxy:
    """TCP proxy of a server that cuts all connections once it has passed a number of bytes on, and takes no further ones."""

    def __init__(self, port, limit):
        self.target, self.left = ("127.0.0.1", port), limit
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with suppress(OSError):
            while True:
                client, server = self.listener.accept()[0], socket.create_connection(self.target)
                threading.Thread(target=self.forward, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self.forward, args=(server, client, True), daemon=True).start()

    def forward(self, source, target, counted):
        with suppress(OSError):
            while self.left > 0 and (part := source.recv(2**16)):
                target.sendall(part)
                self.left -= len(part) * counted
            for connection in (source, target):
                connection.shutdown(socket.SHUT_RDWR)
            if self.left <= 0:
                self.listener.shutdown(socket.SHUT_RDWR)
                self.listener.close()


@pytest.mark.slow
def test_a_bucket_that_breaks_off_ends_in_one_line_and_leaves_nothing(s3_environment, tmp_path, home, monkeypatch):
    content = b"text,label\n" + b"the lid does not close,x\n" * 400_000
    s3_environment.pipe("rows/large/a.csv", content)
    proxy = CutProxy(int(s3_environment.endpoint.rpartition(":")[2]), len(content) // 2)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
    with pytest.raises(
        InputError, match=r"^data\.path: s3://rows/large/a\.csv (cannot be read: |ended after)"
    ) as caught:
        locate(DataSettings(path="s3://rows/large/a.csv"), None, tmp_path)
    assert proxy.left <= 0 and "\n" not in str(caught.value)
    assert not [path for path in home.rglob("*") if path.is_file()]
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_environment.endpoint)
    assert len(table_of(DataSettings(path="s3://rows/large/a.csv"), tmp_path)) == 400_000


@pytest.mark.slow
def test_wrong_keys_and_missing_files_are_told_in_one_line(s3_environment, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"^data\.path: no such file: s3://rows/none/\*\.csv$"):
        locate(DataSettings(path="s3://rows/none/*.csv"), None, tmp_path)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "an0ther-one")
    with pytest.raises(InputError, match=r"^data\.path: s3://rows/x\.csv cannot be read: ") as caught:
        locate(DataSettings(path="s3://rows/x.csv"), None, tmp_path)
    assert "\n" not in str(caught.value) and "an0ther-one" not in str(caught.value)


@pytest.mark.parametrize("path", ["s3://rows/x.csv", "postgresql+pg8000://ada@db/shop#reviews", "https://host/x.csv"])
def test_a_remote_source_is_logged_as_a_data_set_with_its_address(path):
    data = _data_set(Source(path=path, sha256="0" * 64)).dataset
    assert path in data.source and data.name == Path(path).name

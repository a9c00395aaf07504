"""Rows of databases: a PostgreSQL server and SQLite files, read for real."""

import json
import logging
import sqlite3
from contextlib import closing
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
import sql_servers
import sqlalchemy
from predictions import scored
from records import table_of

from flows.monitor import _read_new_rows
from flows.settings_file import check
from nightshift.data import sql_rows
from nightshift.data.row_files import write_row_file
from nightshift.data.settings import DataSettings
from nightshift.data.sql_rows import RowDigest, SqlQuery, ensure_select
from nightshift.errors import EmptyInputError, InputError, SettingsError
from nightshift.store import disk, source_copies
from tasks.ingest import locate


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An engine of a PostgreSQL server with the table `reviews`, 25 rows."""
    folder = tmp_path_factory.mktemp("postgres")
    with sql_servers.postgres(folder) as address:
        engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE reviews AS SELECT i AS id, 'text ' || i AS text, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END "
                "AS label, gen_random_uuid() AS token, 1.50::numeric AS price, ARRAY['x', 'y'] AS tags, "
                "'2026-11-28 10:30+02'::timestamptz AS at FROM generate_series(1, 25) AS i"
            )
        yield engine


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("SHOP_LOGIN", sql_servers.PASSWORD)
    monkeypatch.setattr(sql_rows, "BATCH_ROWS", 10)
    return tmp_path / "home"


def postgres_data(server, **settings):
    address = f"postgresql+pg8000://reader@127.0.0.1:{server.url.port}/postgres"
    return DataSettings.model_validate({"path": address, "password_env": "SHOP_LOGIN"} | settings)


def sqlite_file(path, rows=(("a", "x"), ("b", "y")), name="reviews"):
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE {name} (text, label)")
        database.executemany(f"INSERT INTO {name} VALUES (?, ?)", rows)
        database.commit()


def execute(server, statement):
    with server.begin() as connection:
        connection.exec_driver_sql(statement)


def test_a_table_is_read_in_chunks_as_one_source(server, tmp_path):
    rows = table_of(postgres_data(server, table="reviews", timestamp="at"), tmp_path)
    assert sorted(rows["text"]) == sorted(f"text {n}" for n in range(1, 26))
    assert rows["row"].tolist() == list(range(1, 26)) and set(rows["source"]) == {"postgres"}
    original = json.loads(rows["original"][0])
    assert original["price"] == 1.5 and original["tags"] == ["x", "y"] and len(original["token"]) == 36


def test_a_query_is_read_with_its_colons_and_percents(server, tmp_path):
    query = "SELECT text, label::text, '10:30' AS at FROM reviews WHERE text LIKE '%1' ORDER BY id;"
    rows = table_of(postgres_data(server, query=query), tmp_path)
    assert rows["text"].tolist() == ["text 1", "text 11", "text 21"]
    assert json.loads(rows["original"][0])["at"] == "10:30"


def test_a_query_is_scored_and_its_columns_are_written_with_their_types(server, tmp_path):
    address = postgres_data(server, table="reviews").path
    query = "SELECT id, text, price, tags, at, token FROM reviews ORDER BY id LIMIT 12"
    rows = scored(address, query=query, password_env="SHOP_LOGIN")
    assert rows.texts["text"] == [f"text {n}" for n in range(1, 13)]
    write_row_file(rows.rows, {"predicted": ["x"] * 12}, tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["id", "text", "price", "tags", "at", "token", "predicted"]
    first = table.slice(0, 1).to_pylist()[0]
    assert (first["id"], first["price"], first["tags"]) == (1, Decimal("1.50"), ["x", "y"])
    assert first["at"].isoformat() == "2026-11-28T08:30:00+00:00"
    assert scored(f"{address}#reviews", password_env="SHOP_LOGIN").rows.names[0] == "id"
    with pytest.raises(
        SettingsError, match=r"^--data: postgresql\S*/postgres needs one of query and table, found none$"
    ):
        scored(address, password_env="SHOP_LOGIN")


def test_rows_of_a_database_are_watched(server, tmp_path):
    data = postgres_data(server, table="reviews")
    rows = _read_new_rows(data, "classification", data.path, tmp_path)
    assert len(rows) == 25 and set(rows["label"]) == {"a", "b"}


def test_the_rows_come_through_a_cursor_of_the_server(server, tmp_path, monkeypatch):
    queries = []

    def note_queries():
        with server.connect() as connection:
            queries.extend(connection.exec_driver_sql("SELECT query FROM pg_stat_activity").scalars())

    monkeypatch.setattr(disk, "ensure_room", note_queries)
    locate(postgres_data(server, table="reviews"), None, tmp_path)
    assert any(query and query.startswith("FETCH") for query in queries)


def test_a_query_that_writes_is_refused_by_the_database(server, tmp_path):
    execute(
        server,
        "CREATE OR REPLACE FUNCTION add() RETURNS text LANGUAGE sql AS "
        "$$ INSERT INTO reviews (text, label) VALUES ('new', 'a') RETURNING text $$",
    )
    with pytest.raises(InputError, match=r"postgres: cannot execute INSERT in a read-only transaction$"):
        locate(postgres_data(server, query="SELECT add() AS text, 'a' AS label"), None, tmp_path)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM reviews",
        "SELECT 1; DROP TABLE reviews",
        "COMMIT; DELETE FROM reviews",
        "WITH a AS (SELECT 1) DELETE FROM reviews",
        "SELECT * INTO copy FROM reviews",
        " ",
    ],
)
def test_only_one_select_is_a_query(statement):
    with pytest.raises(ValueError, match="expected one SELECT; nights only read"):
        ensure_select(statement)


@pytest.mark.parametrize(
    "statement", ["-- all\nselect 'a;b', \"into\" from x;", "WITH a AS (SELECT 1) SELECT * FROM a"]
)
def test_a_select_may_have_comments_names_and_texts_that_look_otherwise(statement):
    ensure_select(statement)


def test_the_digest_is_of_the_rows_and_not_of_their_order(server, tmp_path):
    data = postgres_data(server, table="reviews")
    before = locate(data, None, tmp_path)[0].sha256
    execute(server, "UPDATE reviews SET text = text WHERE id < 7")  # PostgreSQL moves them to the end
    assert locate(data, None, tmp_path)[0].sha256 == before
    execute(server, "UPDATE reviews SET label = 'c' WHERE id = 7")
    changed = locate(data, None, tmp_path)[0].sha256
    execute(server, "UPDATE reviews SET label = 'b' WHERE id = 7")
    assert changed != before == locate(data, None, tmp_path)[0].sha256


def test_a_row_more_or_twice_is_another_digest():
    digests = set()
    for rows in ([("a", 1)], [("a", 1), ("a", 1)], [("a", "1")], [(None, 1)]):
        digest = RowDigest()
        digest.add(["text", "label"], list(zip(*rows, strict=True)))
        digests.add(digest.hex())
    assert len(digests) == 4


@pytest.mark.parametrize(("variable", "password"), [("SHOP_LOGIN", "wrong"), ("SHOP_LOGIN", None), ("", "")])
def test_a_wrong_or_missing_password_is_told_in_one_line(server, tmp_path, monkeypatch, variable, password):
    monkeypatch.setenv("SHOP_LOGIN", password) if password else monkeypatch.delenv("SHOP_LOGIN")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    with pytest.raises(InputError, match=r"password.*data\.password_env|data\.password_env: there is no") as caught:
        locate(postgres_data(server, table="reviews", password_env=variable or None), None, tmp_path)
    assert "\n" not in str(caught.value) and "NoneType" not in str(caught.value)


def test_without_a_named_variable_the_password_is_that_of_postgresql(server, tmp_path, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", sql_servers.PASSWORD)
    assert len(table_of(postgres_data(server, table="reviews", password_env=None), tmp_path)) == 25


def test_the_password_is_nowhere_but_in_the_environment(server, tmp_path, home, caplog):
    caplog.set_level(logging.DEBUG)
    data = postgres_data(server, table="reviews")
    sources = locate(data, None, tmp_path)
    with pytest.raises(InputError) as caught:
        locate(postgres_data(server, query="SELECT nothing"), None, tmp_path)
    texts = [repr(sources), data.fingerprint(), caplog.text, str(caught.value), repr(caught.value.__cause__)]
    files = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert files and not any(sql_servers.PASSWORD in text for text in texts)
    assert not any(sql_servers.PASSWORD.encode() in content for content in files)


def test_an_address_with_a_password_is_refused_and_one_with_a_user_is_not():
    values = {"model": "x", "train": {"base_model": "scratch:bert"}}
    address = "postgresql+pg8000://reader@db.test/shop#reviews"
    assert check(values | {"data": {"path": address}}, "night.yaml").data.path == address
    with pytest.raises(
        SettingsError, match=r"data\.path: postgresql\+pg8000://\*\*\*@db\.test/shop carries .*password_env"
    ):
        check(
            values | {"data": {"path": "postgresql+pg8000://reader:hunter2@db.test/shop", "table": "x"}}, "night.yaml"
        )


def test_a_connection_that_breaks_ends_in_one_line_and_leaves_nothing(server, tmp_path, home, monkeypatch):
    chunks = []

    def break_connections():
        chunks.append(1)
        if len(chunks) == 2:
            execute(server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'FETCH%%'")

    monkeypatch.setattr(disk, "ensure_room", break_connections)
    with pytest.raises(InputError, match=r"^postgresql\+pg8000://reader@127\.0\.0\.1:\d+/postgres: ") as caught:
        locate(postgres_data(server, table="reviews"), None, tmp_path)
    assert "\n" not in str(caught.value) and len(chunks) == 2
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_rows_that_changed_since_they_were_located_are_not_read(server, tmp_path, home):
    data = DataSettings(path="sqlite:///shop.db#reviews")
    sqlite_file(tmp_path / "shop.db")
    source = locate(data, None, tmp_path)[0]
    copy = home / "copies/rows" / source.sha256 / "000000.parquet"
    copy.unlink()
    copy.parent.rmdir()
    assert source_copies.location(source, data.sql_query) == str(copy.parent) and copy.is_file()
    copy.unlink()
    copy.parent.rmdir()
    sqlite_file(tmp_path / "shop.db", name="others")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("DELETE FROM reviews WHERE text = 'a'")
        database.commit()
    with pytest.raises(InputError, match=r"shop\.db#reviews: it has changed since this night began; run again$"):
        source_copies.location(source, data.sql_query)


def test_sqlite_files_are_read_beside_other_files(tmp_path):
    sqlite_file(tmp_path / "shop.db")
    (tmp_path / "rows.csv").write_text("text,label\nc,x\n")
    rows = table_of(DataSettings(path=["sqlite:///shop.db#reviews", "rows.csv"]), tmp_path)
    assert rows[["text", "label", "source"]].values.tolist() == [
        ["a", "x", "shop.db#reviews"],
        ["b", "y", "shop.db#reviews"],
        ["c", "x", "rows.csv"],
    ]


def test_tables_may_be_holdout_and_unlabelled_texts(tmp_path):
    for name in ("reviews", "held", "more"):
        sqlite_file(tmp_path / "shop.db", [(f"{name} {n}", "x") for n in range(2)], name)
    data = DataSettings(path="sqlite:///shop.db", table="reviews", unlabelled="sqlite:///shop.db#more")
    sources = locate(data, "sqlite:///shop.db#held", tmp_path)
    assert [source.side for source in sources] == ["", "unlabelled", "holdout"]
    with pytest.raises(InputError, match=r"shop\.db: name its table behind it, .*shop\.db#TABLE"):
        locate(data, "sqlite:///shop.db", tmp_path)


def test_a_query_without_rows_is_left_out_beside_others_and_an_error_alone(tmp_path, caplog):
    sqlite_file(tmp_path / "shop.db")
    sqlite_file(tmp_path / "shop.db", [], "empty")
    rows = table_of(DataSettings(path=["sqlite:///shop.db#empty", "sqlite:///shop.db#reviews"]), tmp_path)
    assert len(rows) == 2 and "shop.db#empty: no rows; it is left out" in caplog.text
    with pytest.raises(EmptyInputError, match=r"shop\.db#empty: no rows$"):
        table_of(DataSettings(path="sqlite:///shop.db#empty"), tmp_path)


def test_columns_of_several_types_and_of_several_names_are_kept_or_told(tmp_path):
    sqlite_file(tmp_path / "shop.db", [("a", 1), ("b", "two"), ("c", 2.5), ("d", None)])
    rows = table_of(DataSettings(path="sqlite:///shop.db#reviews"), tmp_path)
    assert rows["label"].tolist() == ["1", "two", "2.5", None]
    query = "SELECT text, label, label FROM reviews"
    with pytest.raises(
        InputError, match=r"shop\.db: two columns are called 'label'; tell them apart by AS in data\.query$"
    ):
        locate(DataSettings(path="sqlite:///shop.db", query=query), None, tmp_path)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("sqlite:///none.db#x", r"none\.db: no such file: /.*/none\.db$"),
        ("sqlite:///shop.db#x", r"shop\.db: no such table: x$"),
        ("mysql+no_driver://host/db#x", r"SQLAlchemy does not know this database"),
        ("oracle+oracledb://host/db#x", r"the driver oracledb is not installed; install it into \.venv"),
        ("postgresql+pg8000://ada@127.0.0.1:1/db#x", r"^postgresql\+pg8000://ada@127\.0\.0\.1:1/db: no connection: "),
        ("ftp://host/x.csv", r"unknown kind of address ftp://; expected s3, .* or a database"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path, address, message):
    sqlite_file(tmp_path / "shop.db")
    with pytest.raises(InputError, match=message) as caught:
        locate(DataSettings(path=address), None, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "sqlite:///x.db"}, "sqlite:///x.db needs one of query and table, found none"),
        ({"path": "sqlite:///x.db", "table": "x", "query": "SELECT 1"}, "found query and table"),
        ({"path": "x.csv", "table": "x"}, "table is for the address of a database"),
        ({"path": "sqlite:///x.db", "query": "DROP TABLE x"}, "expected one SELECT"),
        ({"path": "sqlite:///x.db#x", "password_env": "not a name"}, "should match pattern"),
    ],
)
def test_settings_that_do_not_fit_a_database_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        DataSettings.model_validate(settings)


def test_an_sqlite_file_cannot_be_written(tmp_path):
    sqlite_file(tmp_path / "shop.db")
    connection = sql_rows._connection(sql_rows.absolute("sqlite:///shop.db", tmp_path), SqlQuery().password_env)
    with connection, pytest.raises(sqlalchemy.exc.OperationalError, match="readonly database"):
        connection.exec_driver_sql("DELETE FROM reviews")

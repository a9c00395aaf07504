"""Rows of databases, by SQLAlchemy: read in chunks, read-only, with the password from the environment."""

import hashlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy
import sqlparse
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from nightshift import redaction
from nightshift.data.batches import BATCH_ROWS
from nightshift.errors import InputError, first_line

ADDRESS = re.compile(rf"(?:{'|'.join(redaction.SQL_DIALECTS)})(?:\+\w+)?://")
PASSWORD_VARIABLES = {"postgresql": "PGPASSWORD", "mysql": "MYSQL_PWD", "mariadb": "MYSQL_PWD"}
"""Environment variable of the password by dialect, if the settings name none; drivers such as pg8000 do not read it."""
READ_ONLY = {
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}
"""Statement by dialect that makes the transaction read-only; PostgreSQL and SQLite have options for it."""
PLAIN_TYPES = frozenset({type(None), str, int, float, bool, bytes, Decimal, date, time, timedelta, list, dict})
"""Types of values that Arrow knows, besides subclasses of `date`; values of other types become texts."""


@dataclass(frozen=True)
class SqlQuery:
    """A query or a table of a database, and where the password is."""

    statement: str | None = None
    """A SELECT; None to read a whole table."""
    table: str | None = None
    """Name of the table, with its schema before a dot where it has one."""
    password_env: str | None = None
    """Environment variable that holds the password; None for that of the dialect, or the driver's own means."""


def is_sql(address: str) -> bool:
    """Return True for the address of a database."""
    return bool(ADDRESS.match(address))


def ensure_select(statement: str) -> None:
    """Raise ValueError if a statement is not one SELECT that only reads."""
    statements = [text for text in sqlparse.split(statement) if text.strip(" \t\r\n;")]
    parsed = sqlparse.parse(statements[0])[0] if len(statements) == 1 else None
    words = {token.normalized for token in parsed.flatten() if token.is_keyword} if parsed else set()
    if parsed is None or parsed.get_type() != "SELECT" or "INTO" in words:
        raise ValueError("expected one SELECT; nights only read")


def absolute(address: str, base_dir: Path) -> str:
    """Return the address with the absolute path of an SQLite file; other addresses are returned as they are."""
    scheme, separator, path = address.partition(":///")
    return f"{scheme}{separator}{base_dir.resolve() / path}" if scheme.partition("+")[0] == "sqlite" else address


def write_rows(address: str, query: SqlQuery, check: Callable[[], None], folder: Path) -> str:
    """Write the rows of a database as Parquet files, one a chunk, and return the digest of the rows.

    The digest does not depend on the order in which the database gives the rows.

    Args:
        address: SQLAlchemy address without a password; a table may stand behind it, `#TABLE`, in place of the query.
        query: What to read.
        check: Function that is called before each chunk; an error that it raises ends the reading.
        folder: Folder to write to.

    Raises:
        InputError: The database refuses the connection or the query, or the connection breaks.
    """
    location, _, table = address.partition("#")
    digest = RowDigest()
    with _errors_as_input(location):
        statement = _statement(SqlQuery(table=table) if table else query, address)
        with _connection(location, query.password_env) as connection:
            for number, (names, columns) in enumerate(_chunks(connection, statement, location)):
                check()
                digest.add(names, columns)
                arrays = [_as_array(values) for values in columns]
                path = folder / f"{number:06}.parquet"
                pq.write_table(pa.Table.from_arrays(arrays, names), path, compression="zstd", use_dictionary=False)
    return digest.hex()


class RowDigest:
    """Digest of rows that are not in an order: the sum of the rows' digests."""

    def __init__(self) -> None:
        self._count, self._sum, self._names = 0, 0, ""

    def add(self, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
        """Add a chunk of rows, given by column."""
        self._names = repr(list(names))
        for row in zip(*columns, strict=True):
            self._sum += int.from_bytes(hashlib.sha256(repr(row).encode("utf-8", "surrogatepass")).digest())
            self._count += 1

    def hex(self) -> str:
        """Return the digest of the rows so far."""
        text = f"{self._names} {self._count} {self._sum % 2**256:064x}"
        return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _errors_as_input(address: str) -> Iterator[None]:
    """Turn errors of the database and its driver into an InputError of one line."""
    try:
        yield
    except NoSuchModuleError as error:
        raise InputError(f"{address}: SQLAlchemy does not know this database: {first_line(error)}") from error
    except ModuleNotFoundError as error:
        raise InputError(
            f"{address}: the driver {error.name} is not installed; install it into .venv (`pip install {error.name}`), "
            "or name another in the address, such as postgresql+pg8000://"
        ) from error
    except (SQLAlchemyError, OSError, sqlite3.Error) as error:
        raise InputError(f"{address}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return the database's own message in one line."""
    origin = getattr(error, "orig", None) or error
    fields = origin.args[0] if origin.args and isinstance(origin.args[0], dict) else {}
    return redaction.redact(str(fields.get("M") or first_line(origin)))


def _connection(address: str, password_env: str | None) -> Connection:
    """Return a connection to a database."""
    engine = _engine(address, password_env)
    try:
        return engine.connect()
    except Exception as error:
        reason = _reason(error)
        if isinstance(error, AttributeError) and engine.url.password is None:  # pg8000 without a password
            reason = "the database asks for a password"
        raise InputError(
            f"{address}: no connection: {reason}; the password is read from the environment variable that "
            "data.password_env names, else from PGPASSWORD or MYSQL_PWD, or by the driver itself"
        ) from error


def _engine(address: str, password_env: str | None) -> Engine:
    """Return an engine for an address, with the password of the environment; it opens an SQLite file read-only."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError) as error:
        raise InputError(f"{address}: expected DIALECT+DRIVER://USER@HOST/DATABASE") from error
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        if not path.is_file():
            raise InputError(f"{address}: no such file: {path}")
        uri = f"file:{quote(str(path))}?mode=ro"
        return sqlalchemy.create_engine("sqlite://", creator=lambda: sqlite3.connect(uri, uri=True), poolclass=NullPool)
    return sqlalchemy.create_engine(_with_password(url, password_env), poolclass=NullPool, hide_parameters=True)


def _with_password(url: URL, password_env: str | None) -> URL:
    variable = password_env or PASSWORD_VARIABLES.get(url.get_backend_name(), "")
    password = os.environ.get(variable)
    if password_env and password is None:
        raise InputError(f"data.password_env: there is no environment variable {password_env} in this process")
    redaction.hide_variable(variable)
    return url.set(password=password) if password else url


def _statement(query: SqlQuery, address: str) -> sqlalchemy.Executable:
    if query.statement is not None:
        return sqlalchemy.text(query.statement.strip().rstrip(";").replace(":", "\\:"))
    if query.table is None:
        raise InputError(f"{address}: name its table behind it, {address}#TABLE, or set data.table or data.query")
    schema, _, name = query.table.rpartition(".")
    return sqlalchemy.select(sqlalchemy.text("*")).select_from(sqlalchemy.table(name, schema=schema or None))


def _chunks(
    connection: Connection, statement: sqlalchemy.Executable, address: str
) -> Iterator[tuple[list[str], list[list[Any]]]]:
    """Yield names and columns of `BATCH_ROWS` rows at a time, from a cursor on the server where the driver has one."""
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection = connection.execution_options(postgresql_readonly=True)
    elif dialect in READ_ONLY:
        connection.exec_driver_sql(READ_ONLY[dialect])
        if dialect != "oracle":
            connection.rollback()  # it counts from the next transaction on
    options = {"stream_results": True, "yield_per": BATCH_ROWS}
    result = connection.execute(statement, execution_options=options)
    names = list(map(str, result.keys()))
    if repeated := [name for name in names if names.count(name) > 1]:
        raise InputError(f"{address}: two columns are called {repeated[0]!r}; tell them apart by AS in data.query")
    for rows in result.partitions(BATCH_ROWS):
        yield names, [_plain(values) for values in zip(*rows, strict=True)]


def _plain(values: Sequence[Any]) -> list[Any]:
    """Return the values of a column; those of types that Arrow does not know, such as UUIDs, as texts."""
    if {kind for kind in set(map(type, values)) if not issubclass(kind, date)} <= PLAIN_TYPES:
        return list(values)
    return [
        bytes(value) if isinstance(value, memoryview)
        else value if type(value) in PLAIN_TYPES or isinstance(value, date)
        else str(value)
        for value in values
    ]  # fmt: skip


def _as_array(values: list[Any]) -> pa.Array:
    """Return the values of a chunk as an Arrow array; values of several types as texts."""
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())

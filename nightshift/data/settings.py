"""Settings of the rows: where they are, and what their columns and cells mean."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field, StrictInt, StrictStr, field_validator, model_validator

from nightshift.data.batches import Quoting, ReadOptions
from nightshift.data.blank import is_blank
from nightshift.data.canonical_rows import FIELDS
from nightshift.data.cell_changes import CellChanges
from nightshift.data.cleaning import CleaningSettings
from nightshift.data.label_map import LabelMap
from nightshift.data.missing_words import MISSING_VALUES, normalized
from nightshift.data.sql_rows import SqlQuery, ensure_select, is_sql
from nightshift.data.timestamps import validate_format
from nightshift.records import Settings

Column = StrictStr | StrictInt


class DataSettings(Settings):
    """Files with the rows, and their columns, by name or by position from 0; a dotted name such as label.value or labels.0
    names a field of an object, or an item of a list.
    """

    path: str | list[str]
    """A file, a folder, a pattern such as days/*.csv, a Hugging Face dataset as hf:ID[@REVISION][#SPLIT], or a list of
    these; also the address of files in an object store or on a web server (s3://, gs://, az://, https://), or of a
    database (postgresql+pg8000://USER@HOST/DATABASE, sqlite:///FILE, with #TABLE behind it, or with `query` or `table`).
    """
    header: bool = True
    """True if the first record of a delimited file contains the column names."""
    query: str | None = None
    """SELECT whose rows are read where `path` is the address of a database."""
    table: str | None = None
    """Table that is read whole where `path` is the address of a database, as TABLE or SCHEMA.TABLE."""
    password_env: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of the environment variable that holds the database's password; if not set, PGPASSWORD or MYSQL_PWD, or
    what the driver reads itself.
    """
    text: Column = "text"
    """Column with the texts."""
    text_pair: Column | None = None
    """Column with the second texts, for text pairs; if not set, each row has one text."""
    label: Column | None = "label"
    """Column with the label, the number or the target text; only generation works without one and then learns from the
    texts alone.
    """
    label_separator: str | None = Field(None, min_length=1)
    """Separator between the labels of a row that may have several (multi-label), also required for lists in JSON and
    Parquet; if not set, each row has one label.
    """
    label_columns: list[Column] | dict[str, Column] | None = None
    """Columns of 0 and 1, one for each label that a row may have (multi-hot), instead of `label`; as a list, or by label,
    such as `{toxic: labels.0}`. They are written with `label_separator`, by default |.
    """
    join: str | None = None
    """Text between the tokens of texts that are lists, such as a space; if not set, a list is no text."""
    label_map: dict[str, str] = {}
    """New labels by the labels that they replace, such as `{"Positive ": positive}`, each applied once; with
    `label_separator` to each label of a row.
    """
    missing_values: list[str] | None = None
    """Words that count as missing where they are a whole text or label, in any case; [] keeps all as they are. If not set: NA,
    N/A, #N/A, null, None, nan, ? and dashes, but not a label that occurs as often as a class should.
    """
    group: Column | None = None
    """Column with groups: rows of the same group stay in the same set, and the gate compares groups instead of rows; if
    not set, each row stands alone.
    """
    timestamp: Column | None = None
    """Column with the time of each row, for `split.by: time` and `train.window`."""
    timestamp_format: str | list[str] | None = None
    """Format of the times, as of strptime (%d.%m.%Y %H:%M), or epoch_s, epoch_ms or excel for numbers; several are tried in
    their order; if not set, it is recognised, and times of a doubtful order are refused.
    """
    sheet: Column | None = None
    """Sheet of a workbook (.xlsx, .xls, .ods), by name or by position from 0; if not set, the only one that is not empty."""
    encoding: str | None = None
    """Character encoding of the files, such as utf-8; if not set, it is detected."""
    delimiter: str | None = None
    """Delimiter between the fields of a file; if not set, it is detected."""
    quoting: Quoting = "auto"
    """quoted: double quotes enclose fields; none: double quotes are ordinary characters; auto: detected."""
    escape: str | None = None
    """Character before a quote that is part of a quoted field, such as a backslash; if not set, such quotes are doubled, and a
    backslash is detected.
    """
    skip_rows: int = Field(0, ge=0)
    """Number of lines above the header of a delimited file, such as the title of a report."""
    cleaning: CleaningSettings = CleaningSettings()
    """Cleaning of the texts, before rows get their keys and in every request to the model; all off unless named."""
    paragraphs: bool = False
    """True to read the paragraphs of a plain text file, separated by blank lines, as rows of a column called text."""
    unlabelled: str | list[str] | None = None
    """Files with further texts without labels, in the form of `path`, from which the student models of `compress`
    learn.
    """
    corrections: str | list[str] | None = None
    """Files with what people decided about single rows, in the form of `path`: the columns row_key, decision (keep, relabel
    or drop) and new_label, and where entries differ when (a time); a review.csv that was filled in is such a file.
    """
    exclude: str | None = None
    """Plain text file with one row key or text per line: matching rows are removed everywhere."""

    @field_validator("path", "unlabelled", "corrections")
    @classmethod
    def _refuse_empty(cls, path: str | list[str] | None) -> str | list[str] | None:
        if path is not None and not path:
            raise ValueError("names no file")
        return path

    @field_validator("delimiter")
    @classmethod
    def _validate_delimiter(cls, delimiter: str | None) -> str | None:
        delimiter = "\t" if delimiter == "\\t" else delimiter
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
            raise ValueError("expected one character such as ';', or \\t")
        return delimiter

    @field_validator("escape")
    @classmethod
    def _validate_escape(cls, escape: str | None) -> str | None:
        if escape is not None and (len(escape) != 1 or escape in "\"'\r\n "):
            raise ValueError("expected one character such as \\")
        return escape

    @field_validator("timestamp_format")
    @classmethod
    def _validate_timestamp_format(cls, formats: str | list[str] | None) -> str | list[str] | None:
        for timestamp_format in as_list(formats or []):
            validate_format(timestamp_format)
        return formats

    @model_validator(mode="after")
    def _validate_label_columns(self) -> Self:
        if self.label_columns is None:
            return self
        if not self.label_columns:
            raise ValueError("label_columns: names no column")
        if self.label not in (None, "label"):
            raise ValueError("label_columns: they stand in place of label; leave one of the two out")
        self.label_separator = self.label_separator or "|"
        if label := next((label for label in self.columns_by_label if self.label_separator in label), None):
            raise ValueError(f"label_columns: the label {label!r} holds the label_separator; set another")
        return self

    @property
    def columns_by_label(self) -> dict[str, Column]:
        """The column of each label, if each has its own."""
        columns = self.label_columns or {}
        return columns if isinstance(columns, dict) else {str(column): column for column in columns}

    @model_validator(mode="after")
    def _validate_database(self) -> Self:
        unnamed = [path for path in as_list(self.path) if is_sql(path) and "#" not in path]
        named = [name for name in ("query", "table") if getattr(self, name) is not None]
        if unnamed and len(named) != 1:
            raise ValueError(f"{unnamed[0]} needs one of query and table, found {' and '.join(named) or 'none'}")
        if named and not unnamed:
            raise ValueError(f"{named[0]} is for the address of a database such as sqlite:///rows.db as path")
        return self

    @field_validator("query")
    @classmethod
    def _validate_query(cls, query: str | None) -> str | None:
        if query is not None:
            ensure_select(query)
        return query

    @property
    def sql_query(self) -> SqlQuery:
        """The query or table that is read of a database, and where the password is."""
        return SqlQuery(self.query, self.table, self.password_env)

    @property
    def timestamp_formats(self) -> list[str]:
        """The formats of the times; empty if they are recognised."""
        return as_list(self.timestamp_format or [])

    @field_validator("missing_values")
    @classmethod
    def _validate_missing_values(cls, words: list[str] | None) -> list[str] | None:
        if words is not None and not all(map(normalized, words)):
            raise ValueError("an empty word; cells without anything visible are missing anyway")
        return words

    @model_validator(mode="after")
    def _validate_label_map(self) -> Self:
        for label in [*self.label_map, *self.label_map.values()]:
            if is_blank(label):
                raise ValueError("label_map: an empty label; data.missing_values names labels that count as missing")
            if self.label_separator and self.label_separator in label:
                raise ValueError(f"label_map: {label!r} holds the label_separator; map each label by itself")
        return self

    @property
    def cell_changes(self) -> CellChanges:
        """The changes of cells that these settings ask for, with all counts at zero."""
        words = MISSING_VALUES if self.missing_values is None else self.missing_values
        return CellChanges(words, LabelMap(self.label_map, self.label_separator))

    @property
    def read_options(self) -> ReadOptions:
        """The options of the readers."""
        names = self.columns(self.named_fields).values()
        return ReadOptions(
            header=self.header,
            encoding=self.encoding,
            delimiter=self.delimiter,
            quoting=self.quoting,
            paragraphs=self.paragraphs,
            escape=self.escape,
            skip_rows=self.skip_rows,
            columns=frozenset(name for name in names if isinstance(name, str)),
            sheet=self.sheet,
        )

    def columns(self, fields: Sequence[str]) -> dict[str, Column]:
        """Return the columns that are read for some fields, by setting."""
        columns: dict[str, Column] = {field: getattr(self, field) for field in fields}
        if self.label_columns and "label" in columns:
            del columns["label"]
            columns |= {f"label_columns.{label}": column for label, column in self.columns_by_label.items()}
        return columns

    @property
    def named_fields(self) -> list[str]:
        """The fields of `FIELDS` that these settings name."""
        return [field for field in FIELDS if getattr(self, field) is not None]


def as_list(paths: str | list[str]) -> list[str]:
    """Return one path or several as a list."""
    return [paths] if isinstance(paths, str) else paths

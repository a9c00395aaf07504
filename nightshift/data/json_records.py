"""JSON files: an object a line, objects one after the other, or one array of objects; all are streamed."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TextIO

import pyarrow as pa

from nightshift.data import size_limits
from nightshift.data.batches import Batch, batches_by_size
from nightshift.data.cell_texts import from_json_values
from nightshift.data.text_files import UNDECODED, TextFile, decodable, inspect_text
from nightshift.errors import EmptyInputError, InputError

CHUNK = 2**20
"""Characters of a file that are read at once."""
HEAD = 2**20
"""Characters at the beginning of a file by which its layout is recognised."""
MAX_DEPTH = 100
"""Maximum depth of lists and objects within each other."""
MAX_COLUMNS = 10_000
"""Maximum number of different names among the records of a batch."""
WHITE_SPACE = " \t\r\n\ufeff"
"""Characters between values; byte order marks stand there where files were joined."""
UNFINISHED = 10
"""Characters before the end of a text in which an error may be due to the text's being cut."""


MAX_DAMAGED = 2**20
"""Characters within which the end of a damaged element is looked for."""
TOKEN = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"?|[\[\]{},]')
"""A text, which ends with its line at the latest, or a sign that begins, ends or divides lists and objects."""
LINE_OF_OBJECT = re.compile(r"\n[ \t]*(?=\{)")
END_OF_ARRAY = re.compile(r"\n[ \t\r\n]*\]\s*\Z")


class _Record(NamedTuple):
    """A value of a file: its first line, its text, and why it is no record."""

    line: int
    source: str
    value: Any
    problem: str | None


class _Decoder:
    """JSON decoder that notices what a dictionary cannot hold: repeated names, and NaN."""

    def __init__(self) -> None:
        self._raw_decode = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=self._constant).raw_decode
        self._repeated_name: str | None = None
        self._has_constants = False

    def decode(self, text: str, start: int, line: int) -> tuple[_Record, int]:
        """Return the value that begins at a position of a text, and the position of its end.

        Raises:
            ValueError: There is none; json.JSONDecodeError with the position.
            RecursionError: It is nested too deeply.
        """
        self._repeated_name, self._has_constants = None, False
        value, end = self._raw_decode(text, start)
        source = text[start:end]
        problem = None
        if not isinstance(value, dict):
            problem = "no JSON object"
        elif self._repeated_name is not None:
            problem = f"the name {decodable(self._repeated_name)!r} occurs twice in an object"
        elif _is_deep(source):
            problem = f"lists and objects more than {MAX_DEPTH} deep"
        elif self._has_constants:
            source = json.dumps(_without_constants(value), ensure_ascii=False)
        elif not value:
            source = "{}"
        return _Record(line, source, value, problem), end

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            self._repeated_name = next(name for name in names if names.count(name) > 1)
        return values

    def _constant(self, name: str) -> float:
        self._has_constants = True
        return float(name)


def _without_constants(value: Any) -> Any:
    """Return a value with None in place of NaN and infinity, which JSON does not know."""
    return json.loads(json.dumps(value), parse_constant=lambda _: None)


def _is_deep(source: str) -> bool:
    """Return True if lists and objects are nested more than `MAX_DEPTH` deep, which what reads the record later may not bear."""
    if source.count("[") + source.count("{") <= MAX_DEPTH:
        return False
    depth = deepest = 0
    is_text = is_escaped = False
    for character in source:
        if is_text:
            is_text = is_escaped or character != '"'
            is_escaped = character == "\\" and not is_escaped
        elif character == '"':
            is_text = True
        else:
            depth += (character in "[{") - (character in "]}")
            deepest = max(deepest, depth)
    return deepest > MAX_DEPTH


def read_json(path: Path, encoding: str | None) -> Iterator[Batch]:
    """Yield the objects of a JSON file; a line, or an element of the array, that is no object is a problem.

    Raises:
        InputError: The file is empty, cut off in the middle of a record, a damaged array, or a single object of columns.
    """
    text = inspect_text(path, encoding)
    if text.is_empty:
        raise EmptyInputError(f"{path}: the file is empty; rows were expected")
    read_records = _layout(text)
    first_row, has_objects = 1, False
    with text.open(newline=None) as file:
        for records in batches_by_size(_checked(path, read_records(path, file)), lambda record: len(record.source)):
            has_objects = has_objects or any(isinstance(record.value, dict) for record in records)
            yield _batch(path, records, text.encoding_name, first_row)
            first_row += len(records)
    if first_row == 1:
        raise EmptyInputError(f"{path}: the file holds no rows")
    if not has_objects:
        raise InputError(f"{path}: none of its {first_row - 1:,} records is a JSON object; expected one object a line")


def _layout(text: TextFile) -> Callable[[Path, TextIO], Iterator[_Record]]:
    """Return what reads a file's records, by its beginning."""
    with text.open(newline=None) as file:
        head = file.read(HEAD)
        while not head.strip(WHITE_SPACE) and (more := file.read(HEAD)):
            head += more
    first = head.lstrip(WHITE_SPACE)
    line, has_more, following = first.partition("\n")
    if _is_value(line) and (line[:1] == "{" or following.strip(WHITE_SPACE)):
        return _read_lines
    if first[:1] == "[":
        return _read_array
    if first[:1] == "{" and has_more and _may_continue(first):
        return _read_values
    return _read_lines


def _is_value(text: str) -> bool:
    try:
        json.loads(text.strip(WHITE_SPACE))
    except (ValueError, RecursionError):
        return False
    return True


def _may_continue(text: str) -> bool:
    """Return True if a text begins with a JSON value, or with the beginning of one."""
    try:
        json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        return _is_unfinished(error)
    except (ValueError, RecursionError):
        return False
    return True


def _is_unfinished(error: json.JSONDecodeError) -> bool:
    """Return True if the text may only be cut off where the error is."""
    return error.msg.startswith("Unterminated string") or error.pos >= len(error.doc) - UNFINISHED


def _read_lines(path: Path, file: TextIO) -> Iterator[_Record]:
    """Yield the value of each line that is not blank."""
    decoder = _Decoder()
    for number, text in enumerate(file, 1):
        source = text.strip(WHITE_SPACE)
        if not source:
            continue
        try:
            record, end = decoder.decode(source, 0, number)
        except (ValueError, RecursionError) as error:
            if isinstance(error, json.JSONDecodeError) and not text.endswith("\n") and _is_unfinished(error):
                raise InputError(f"{path}, line {number}: the file is cut off in the middle of a record") from error
            yield _Record(number, source, None, "no JSON object")
        else:
            yield record if end == len(source) else _Record(number, source, None, "no JSON object")


class _DamageError(Exception):
    """No value can be read at a position; `is_cut` if the text may only end too early."""

    def __init__(self, problem: str, line: int, is_cut: bool) -> None:
        super().__init__(problem)
        self.line = line
        self.is_cut = is_cut


def _element_end(text: str, start: int, names: set[str]) -> int | None:
    """Return the position after the damaged element of an array that begins at `start`; None if that is not clear.

    It ends at the comma or bracket outside of its own lists and objects. If its signs do not match, it ends before the
    next line that begins with an object of the names that the elements before it have.
    """
    limit = min(len(text), start + MAX_DAMAGED)
    ends = []
    depth = 0
    for token in TOKEN.finditer(text, start, limit):
        sign = token[0]
        if depth == 0 and sign in ",]":
            ends.append(token.start())
            break
        depth += (sign in "[{") - (sign in "]}")
        if depth < 0:
            break
    for line in LINE_OF_OBJECT.finditer(text, start, limit):
        damaged = text[start : line.start()].rstrip(WHITE_SPACE)
        if damaged.endswith(",") and _is_element(text, line.end(), names):
            ends.append(start + len(damaged) - 1)
            break
    return min(ends, default=None)


def _is_element(text: str, position: int, names: set[str]) -> bool:
    """Return True if an object of these names, and a comma or the array's end, stand at a position."""
    try:
        value, end = json.JSONDecoder().raw_decode(text, position)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and names >= value.keys() and text[end:].lstrip(WHITE_SPACE)[:1] in (",", "]")


class _ValueStream:
    """JSON values in a text that is read in chunks, whatever lines they stand on."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path, self._file = path, file
        self._text, self._position, self._line = "", 0, 1
        self._names: set[str] = set()
        self._decoder = _Decoder()

    def next_character(self) -> str:
        """Skip white space and return the character after it, without taking it; empty at the end."""
        while True:
            rest = self._text[self._position : self._position + 1]
            if rest and rest not in WHITE_SPACE:
                return rest
            if rest:
                self._line += rest == "\n"
                self._position += 1
            elif not self._read_more():
                return ""

    def take(self, character: str) -> bool:
        """Skip white space and take the character after it, if it is this one; return True if it is."""
        is_next = self.next_character() == character
        self._position += is_next
        return is_next

    def _read_more(self) -> bool:
        unread = self._text[self._position :]
        size_limits.ensure_memory(self._path, len(unread), 0)
        chunk = self._file.read(max(CHUNK, len(unread)))
        self._text, self._position = unread + chunk, 0
        return bool(chunk)

    def value(self) -> _Record:
        """Return the value that follows."""
        try:
            return self._value()
        except _DamageError as damage:
            self._line = damage.line
            self.fail(f"{damage}; correct the line", damage.is_cut)

    def element(self) -> _Record:
        """Return the element of an array that follows; a damaged one has a problem if it is clear where it ends."""
        try:
            record = self._value()
        except _DamageError as damage:
            return self._damaged_element(damage)
        if isinstance(record.value, dict):
            self._names |= record.value.keys()
        return record

    def _value(self) -> _Record:
        self.next_character()
        while True:
            try:
                record, end = self._decoder.decode(self._text, self._position, self._line)
            except json.JSONDecodeError as error:
                if _is_unfinished(error) and self._read_more():
                    continue
                line = self._line + self._text.count("\n", self._position, error.pos)
                raise _DamageError(f"no JSON ({error.msg})", line, _is_unfinished(error)) from error
            except (ValueError, RecursionError) as error:
                raise _DamageError(f"a value that cannot be read ({error})", self._line, False) from error
            if end < len(self._text) or not self._read_more():
                break
        self._take_until(min(end, len(self._text)))
        return record

    def _damaged_element(self, damage: "_DamageError") -> _Record:
        while (end := _element_end(self._text, self._position, self._names)) is None:
            if len(self._text) - self._position > MAX_DAMAGED:
                break
            if not self._read_more():
                last = END_OF_ARRAY.search(self._text, self._position)
                end = last and last.start()
                break
        if end is None:
            self._line = damage.line
            self.fail(f"{damage}; correct the line", damage.is_cut)
        record = _Record(self._line, self._text[self._position : end].rstrip(WHITE_SPACE), None, str(damage))
        self._take_until(end)
        return record

    def _take_until(self, end: int) -> None:
        self._line += self._text.count("\n", self._position, end)
        self._position = end

    def fail(self, problem: str, is_cut: bool = False) -> NoReturn:
        """Raise InputError about the line of the position."""
        problem = "the file is cut off in the middle of a record" if is_cut else problem
        raise InputError(f"{self._path}, line {self._line}: {problem}")


def _read_values(path: Path, file: TextIO) -> Iterator[_Record]:
    """Yield values that follow each other."""
    stream = _ValueStream(path, file)
    while stream.next_character():
        yield stream.value()


def _read_array(path: Path, file: TextIO) -> Iterator[_Record]:
    """Yield the elements of an array, after which the text must end."""
    stream = _ValueStream(path, file)
    stream.take("[")
    if stream.next_character() != "]":
        yield stream.element()
        while stream.take(","):
            yield stream.element()
    if not stream.take("]"):
        stream.fail("the array is not continued by a comma", is_cut=not stream.next_character())
    if stream.next_character():
        stream.fail("text after the end of the array; expected one array, or one object a line")


def _checked(path: Path, records: Iterator[_Record]) -> Iterator[_Record]:
    """Yield the records; raise InputError if the only one holds columns, or all rows."""
    first = list(islice(records, 2))
    if len(first) == 1:
        _ensure_no_columns(path, first[0].value)
    yield from chain(first, records)


def _ensure_no_columns(path: Path, value: Any) -> None:
    """Raise InputError if the only object of a file holds columns, or all rows."""
    values = list(value.values()) if isinstance(value, dict) else []
    lengths = {len(item) if isinstance(item, (list, dict)) else 0 for item in values}
    if len(lengths) == 1 and lengths.pop() > 1:
        names = decodable(", ".join(list(value)[:5]))
        raise InputError(
            f"{path}: the file is a single object, of {names}; expected the rows as objects, one a line or in one array; "
            "pandas writes them by to_json(orient='records', lines=True)"
        )


def _batch(path: Path, records: Sequence[_Record], encoding: str, first_row: int) -> Batch:
    problems: dict[int, str] = {}
    originals: list[str] = []
    objects: list[dict[str, Any]] = []
    for index, record in enumerate(records):
        problem, original = record.problem, record.source
        if problem is None and _has_surrogates(record):
            problem = f"broken encoding: not valid {encoding}"
            original = decodable(json.dumps(record.value, ensure_ascii=False))
        elif problem is not None:
            original = json.dumps({"line": decodable(record.source)}, ensure_ascii=False)
        if problem is not None:
            problems[index] = problem
        names = record.value if isinstance(record.value, dict) else ()
        objects.append(dict.fromkeys(names) if problem else record.value)
        originals.append(original)
    lines = [record.line for record in records]
    return Batch(_table(path, objects), first_row, lines, problems, pa.array(originals, pa.string()))


def _table(path: Path, objects: Sequence[dict[str, Any]]) -> pa.Table:
    """Return the values of objects by column; a column `line` without values if they have none."""
    names = list(dict.fromkeys(map(decodable, dict.fromkeys(chain.from_iterable(objects))))) or ["line"]
    if len(names) > MAX_COLUMNS:
        raise InputError(
            f"{path}: its records have {len(names):,} different names; expected the same names in all, {MAX_COLUMNS:,} at most"
        )
    return pa.table({name: from_json_values([values.get(name) for values in objects]) for name in names})


def _has_surrogates(record: _Record) -> bool:
    """Return True if UTF-8 cannot hold the record: bytes that could not be decoded, or half an escaped pair."""
    if not record.source.isascii() and UNDECODED.search(record.source):
        return True
    is_escaped = "\\ud" in record.source or "\\uD" in record.source
    return is_escaped and bool(UNDECODED.search(json.dumps(record.value, ensure_ascii=False)))

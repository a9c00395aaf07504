"""JSON files: an object a line."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from nightshift.data.batches import BATCH_ROWS, Batch
from nightshift.data.text_files import UNDECODED, decodable, read_text
from nightshift.errors import InputError


def read_json(path: Path, encoding: str | None) -> Iterator[Batch]:
    """Yield the objects of a file of JSON lines; a line that is no object is a problem.

    Raises:
        InputError: The file is empty, or cut off in the middle of a record.
    """
    text, encoding = read_text(path, encoding)
    lines = text.split("\n")
    numbers = [number for number, line in enumerate(lines, 1) if line.strip()]
    for start in range(0, len(numbers), BATCH_ROWS):
        batch_lines = numbers[start : start + BATCH_ROWS]
        objects: list[dict[str, Any]] = []
        problems: dict[int, str] = {}
        for index, number in enumerate(batch_lines):
            values, problem = _object(path, lines[number - 1], encoding, number == len(lines), number)
            objects.append(values)
            if problem:
                problems[index] = problem
        originals = pa.array(map(_as_json, objects), pa.string())
        readable = [{} if index in problems else values for index, values in enumerate(objects)]
        yield Batch(as_table(readable), start + 1, batch_lines, problems, originals)


def _object(path: Path, line: str, encoding: str, is_last: bool, number: int) -> tuple[dict[str, Any], str | None]:
    """Return the object of a line, and the reason if there is none."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        if is_last:
            raise InputError(f"{path}, line {number}: the file is cut off in the middle of a record") from error
        values = None
    if not isinstance(values, dict):
        return {"line": decodable(line)}, "no JSON object"
    plain = json.dumps(values, ensure_ascii=False)
    if not UNDECODED.search(plain):
        return values, None
    return json.loads(decodable(plain)), f"broken encoding: not valid {encoding}"


def as_table(objects: Sequence[dict[str, Any]]) -> pa.Table:
    """Return the values of objects by column; values of several kinds in a column become texts."""
    names = dict.fromkeys(name for values in objects for name in values)
    table = pa.table({name: _as_array([values.get(name) for values in objects]) for name in names})
    return table if names else pa.Table.from_pylist(list(objects))


def _as_array(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        return pa.array([None if value is None else _as_text(value) for value in values], pa.string())


def _as_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _as_json(values: dict[str, Any]) -> str:
    try:
        return json.dumps(values, ensure_ascii=False, allow_nan=False)
    except ValueError:  # JSON has no NaN
        plain = json.loads(json.dumps(values), parse_constant=lambda _: None)
        return json.dumps(plain, ensure_ascii=False)

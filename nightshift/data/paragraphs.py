"""Paragraphs of plain text files, as records of a column `text`."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from nightshift.data.batches import Batch, batches_by_size
from nightshift.data.text_files import UNDECODED, decodable, inspect_text
from nightshift.errors import EmptyInputError


def read_paragraphs(path: Path, encoding: str | None) -> Iterator[Batch]:
    """Yield the blocks between blank lines, with their inner line breaks.

    Raises:
        EmptyInputError: The file holds nothing but white space.
    """
    file = inspect_text(path, encoding)
    lines = ((number, line.rstrip("\r\n")) for number, line in enumerate(file.lines(), 1))
    blocks = (list(block) for has_text, block in groupby(lines, lambda line: bool(line[1].strip())) if has_text)
    paragraphs = ((block[0][0], "\n".join(line for _, line in block)) for block in blocks)
    first_row = 1
    for batch in batches_by_size(paragraphs, lambda paragraph: len(paragraph[1])):
        texts = [text for _, text in batch]
        problem = f"broken encoding: not valid {file.encoding_name}"
        problems = {index: problem for index, text in enumerate(texts) if UNDECODED.search(text)}
        table = pa.table({"text": pa.array([decodable(text) for text in texts], pa.string())})
        yield Batch(table, first_row, [line for line, _ in batch], problems)
        first_row += len(batch)
    if first_row == 1:
        raise EmptyInputError(f"{path}: the file is empty; rows were expected")

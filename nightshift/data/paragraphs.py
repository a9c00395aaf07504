"""Paragraphs of plain text files, as records of a column `text`."""

import io
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from nightshift.data.batches import Batch, split_batches
from nightshift.data.text_files import UNDECODED, decodable, read_text


def read_paragraphs(path: Path, encoding: str | None) -> Iterator[Batch]:
    """Yield the blocks between blank lines, with their inner line breaks."""
    text, encoding = read_text(path, encoding)
    lines = enumerate(io.StringIO(text, newline=None), 1)
    blocks = [list(block) for has_text, block in groupby(lines, lambda line: bool(line[1].strip())) if has_text]
    texts = ["".join(line for _, line in block).rstrip("\n") for block in blocks]
    problems = {
        index: f"broken encoding: not valid {encoding}" for index, text in enumerate(texts) if UNDECODED.search(text)
    }
    yield from split_batches({"text": [decodable(text) for text in texts]}, [block[0][0] for block in blocks], problems)

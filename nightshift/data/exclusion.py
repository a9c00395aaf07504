"""Rows to exclude and forget (`data.exclude`)."""

from pathlib import Path

from nightshift.data.row_keys import text_key
from nightshift.data.text_files import read_lines
from nightshift.records import Source


def excluded_keys(sources: list[Source]) -> set[str]:
    """Return the keys that the exclude files name: a line is a key, or a text that has one."""
    lines = [line for source in sources if source.side == "exclude" for line in read_lines(Path(source.path))]
    return {name for line in lines for name in (line, text_key(line))}

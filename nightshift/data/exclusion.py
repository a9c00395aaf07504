"""The rows that must be forgotten (`data.exclude`)."""

from pathlib import Path

from nightshift.data.readers import read_lines
from nightshift.data.row_keys import key
from nightshift.records import Source


def excluded(sources: list[Source]) -> set[str]:
    """Return the keys that the exclude files name: a line is a key, or a text that has one."""
    lines = [line for source in sources if source.side == "exclude" for line in read_lines(Path(source.path))]
    return {name for line in lines for name in (line, key(line))}

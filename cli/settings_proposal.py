"""A settings file proposed from a first data file: `nightshift validate --profile FILE`."""

import math
import re
from pathlib import Path
from typing import Any

import yaml

from nightshift.data.column_roles import ColumnRoles, ColumnValues, guess_roles
from nightshift.escaping import terminal_field
from nightshift.records import GENERATIVE

MAX_LISTED_LABELS = 50
"""Most labels that are listed as the known ones."""
CHARACTERS_PER_TOKEN = 3.0
"""Characters of a token in texts with spaces, on the low side; others have about one token a character."""


def propose(path: str) -> str:
    """Return a settings file for a data file, with comments, as YAML."""
    return "\n".join(_lines(path, guess_roles(path))) + "\n"


def _lines(path: str, roles: ColumnRoles) -> list[str]:
    rows = f"{roles.num_rows:,} rows" + ("" if roles.is_whole else " that were looked at; there are more")
    lines = [
        f"# Proposed from {terminal_field(path)}, {rows}. Read it before use: columns are guessed by their content."
    ]
    lines += [_entry("model", _model_name(path)), _entry("kind", roles.kind) + _kind_comment(roles), "data:"]
    lines += [f"  {line}" for line in _data(path, roles)]
    lines += ["expectations:", *(f"  {line}" for line in _expectations(roles)), "train:"]
    lines += [f"  {_entry('base_model', _base(roles))}  # a base that needs no download; set your own"]
    return [*lines, f"  max_length: {_max_length(roles)}  # tokens, estimated from the longest 1 % of the texts"]


def _entry(key: str, value: Any) -> str:
    return str(yaml.safe_dump({key: value}, allow_unicode=True, width=math.inf, default_flow_style=False)).strip()


def _column(column: ColumnValues, roles: ColumnRoles) -> str | int:
    return column.name if roles.header else column.index


def _kind_comment(roles: ColumnRoles) -> str:
    if roles.label is None:
        return "  # no column looks like a label"
    alternatives = (
        f"; {', '.join(map(terminal_field, roles.other_labels))} may be labels too" if roles.other_labels else ""
    )
    return f"  # {len(roles.label.counts):,} different values in the label column{alternatives}"


def _data(path: str, roles: ColumnRoles) -> list[str]:
    lines = [_entry("path", path) + "  # encoding and delimiter are detected"]
    if roles.paragraphs:
        return [*lines, "paragraphs: true  # paragraphs between blank lines are the rows"]
    if not roles.header:
        lines.append("header: false  # the first record looks like a row; columns by position from 0")
    lines.append(_entry("text", _column(roles.text, roles)))
    if roles.text_pair:
        lines.append(_entry("text_pair", _column(roles.text_pair, roles)))
    if roles.label:
        lines.append(_entry("label", _column(roles.label, roles)))
    if roles.label_separator:
        lines.append(_entry("label_separator", roles.label_separator))
    if roles.timestamp:
        lines.append(f"# {_entry('timestamp', _column(roles.timestamp, roles))}  # for split.by: time")
    return lines


def _expectations(roles: ColumnRoles) -> list[str]:
    lines = [f"min_rows: {max(1, roles.num_rows // 2)}  # half of this file: a file that was cut off stops the run"]
    if roles.kind != "classification" or roles.label is None:
        return lines
    counts = roles.label.counts
    if roles.label_separator:
        split = roles.label.values.str.split(roles.label_separator, regex=False).explode().str.strip()
        counts = split[split != ""].value_counts()
    frequent = counts[counts > 1]
    labels = sorted(frequent.index)
    if not 2 <= len(labels) <= MAX_LISTED_LABELS:
        return [*lines, f"# labels: {len(labels):,}, too many to list; every label in the data is known"]
    rare = len(counts) - len(labels)
    lines.append(
        "labels:  # others are quarantined as unknown" + (f"; {rare:,} that occur once are left out" if rare else "")
    )
    return [*lines, *(f"- {_scalar(label)}  # {frequent[label]:,} rows" for label in labels)]


def _scalar(label: str) -> str:
    return _entry("x", label).removeprefix("x:").strip()


def _base(roles: ColumnRoles) -> str:
    return "scratch:gpt2" if roles.kind in GENERATIVE else "scratch:bert"


def _max_length(roles: ColumnRoles) -> int:
    texts = [roles.text.values, *([roles.text_pair.values] if roles.text_pair else [])]
    length = sum(float(values.str.len().quantile(0.99)) for values in texts)
    spaces = float(texts[0].str.contains(" ", regex=False).mean())
    tokens = length / CHARACTERS_PER_TOKEN if spaces > 0.5 else length
    return min(512, max(16, 16 * math.ceil((tokens + 3) / 16)))


def _model_name(path: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(path).name.split(".")[0]).strip("-")
    return (name if re.match("[A-Za-z]", name) else f"model-{name}".rstrip("-"))[:100]

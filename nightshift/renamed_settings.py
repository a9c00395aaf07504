"""Renamed settings keys. The old name works for one minor version, with a warning that names the new one."""

import logging
from functools import cache
from typing import Any

from nightshift.errors import SettingsError

log = logging.getLogger("nightshift.settings")

NEW_NAMES = {
    "augment.pieces": "augment.num_ngrams",
    "compress.minutes": "compress.search_minutes",
    "compress.pruned_time": "compress.target_latency_ratio",
    "compress.relations": "compress.attention_loss_weight",
    "compress.hidden": "compress.hidden_loss_weight",
    "compress.cosine": "compress.cosine_loss_weight",
    "gate.max_noise_drop": "gate.max_typo_drop",
}
"""New name of each renamed key, by its old name."""


def new_name(name: str) -> str:
    """Return the new name of a renamed key such as `compress.minutes`, with a warning; other names unchanged."""
    if name not in NEW_NAMES:
        return name
    _warn(name)
    return NEW_NAMES[name]


def old_keys(section: str) -> list[str]:
    """Return the old names of a section's renamed keys, without the section."""
    return [name.removeprefix(f"{section}.") for name in NEW_NAMES if name.startswith(f"{section}.")]


def use_new_names(settings: dict[str, Any], source: str) -> dict[str, Any]:
    """Return a copy of unchecked settings in which renamed keys have their new names; warn about each, once a process.

    Raises:
        SettingsError: A key is set under both names; `source` is where the settings come from.
    """
    copy = dict(settings)
    for old, new in NEW_NAMES.items():
        (section, old_key), new_key = old.split("."), new.rpartition(".")[2]
        values = copy.get(section)
        if not isinstance(values, dict) or old_key not in values:
            continue
        if new_key in values:
            raise SettingsError(f"{source}: {old}: this is the old name of {new}, which is set as well; leave it out")
        _warn(old)
        copy[section] = {new_key if key == old_key else key: value for key, value in values.items()}
    return copy


@cache
def _warn(old: str) -> None:
    """Log a warning that names the new name of a renamed key; once a process."""
    log.warning("%s is now called %s; the old name works for one more minor version", old, NEW_NAMES[old])

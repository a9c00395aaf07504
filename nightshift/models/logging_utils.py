"""Libraries that speak more than they say: their bars and warnings, silenced for the length of a block."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging as transformers_logging


@contextmanager
def errors_only(*loggers: str) -> Iterator[None]:
    """Of these loggers errors only, until the block ends."""
    levels = {name: logging.getLogger(name).level for name in loggers}
    for name in loggers:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def no_bars() -> Iterator[None]:
    """No progress bars of transformers for reading and writing local files, until the block ends."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()

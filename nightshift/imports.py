"""Imports of large libraries."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep objects that imports make out of garbage collection: they live as long as the process, and there are a million."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()

"""glibc settings that keep freed memory in the process, so that a step does not get new pages that must be zeroed."""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt(3)."""


def keep_freed_memory() -> None:
    """Keep freed blocks below 1 GiB in this process from now on; do nothing if the C library is not glibc.

    By default glibc maps large blocks anew each time: a step's gradients and activations, page by page.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(MMAP_THRESHOLD, 1 << 30)
        mallopt(TRIM_THRESHOLD, (1 << 31) - 1)

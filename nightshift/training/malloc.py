"""Memory that a step frees stays with the process, so that the next step is not handed fresh pages to be zeroed."""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt(3)."""


def keep_freed_memory() -> None:
    """From now on this process gives back no block below a gigabyte; nothing happens where the C library is not glibc.

    By default glibc maps large blocks anew each time: a step's gradients and activations, page by page.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(MMAP_THRESHOLD, 1 << 30)
        mallopt(TRIM_THRESHOLD, (1 << 31) - 1)

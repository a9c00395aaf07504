"""Dropout on a CPU by 16 random bits a value: torch draws a double a value, in one thread."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def fast_dropout() -> Iterator[None]:
    """Draw the masks of dropout, also of attention's, faster on a CPU within the block, from the same generator.

    It replaces the kernel by which torch's own dropout draws its mask, so it covers every architecture. Other random
    numbers come out of it than without.
    """
    with torch.library._scoped_library("aten", "IMPL") as library, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch reports that a kernel is replaced
        library.impl("bernoulli_.float", _bernoulli, "CPU")
        yield


def _bernoulli(mask: Tensor, p: float = 0.5, *, generator: torch.Generator | None = None) -> Tensor:
    """Fill `mask` with ones with probability p, rounded to a multiple of 2**-16, and with zeros otherwise."""
    draws = torch.empty((mask.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None, generator=generator)
    numbers = draws.view(torch.int16)[: mask.numel()].view(mask.shape).to(torch.int32)
    return torch.lt(numbers, round(p * 2**16) - 2**15, out=mask)

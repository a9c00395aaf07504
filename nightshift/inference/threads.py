"""Limit of the threads of torch, OpenMP and BLAS, which do not know the CPU quota of a cgroup.

ONNX Runtime runs a batch on one thread, as many batches side by side as `available_cpus` says; tokenizers (rayon) reads
the quota itself.
"""

import os
import sys

from nightshift.inference.predictor import available_cpus


def limit() -> None:
    """Keep torch, OpenMP and BLAS to the CPUs that this process may use; OMP_NUM_THREADS, where it is set, stays."""
    cpus = available_cpus()
    if "OMP_NUM_THREADS" in os.environ or cpus >= _default_threads():
        return
    os.environ["OMP_NUM_THREADS"] = str(cpus)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(cpus)


def _default_threads() -> int:
    """Return the number of threads that these libraries start: the CPU affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

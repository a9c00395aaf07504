"""How many threads torch and the libraries beside it use: by themselves they know no quota of a cgroup.

ONNX Runtime runs a batch on one thread, as many batches side by side as `available_cpus` says; tokenizers (rayon) reads the
quota itself.
"""

import os
import sys

from nightshift.inference.predictor import available_cpus


def limit() -> None:
    """Keep torch, OpenMP and BLAS to the CPUs that this process may use; OMP_NUM_THREADS, where it is set, stays."""
    cpus = available_cpus()
    if "OMP_NUM_THREADS" in os.environ or cpus >= _assumed():
        return
    os.environ["OMP_NUM_THREADS"] = str(cpus)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(cpus)


def _assumed() -> int:
    """Return the number of CPUs that these libraries go by: the affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""A Ray cluster of two nodes on this machine."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nightshift.store import shared_store

# Ray reads the mode when it is imported.
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
pytest.importorskip("ray", reason="Ray is not installed: pip install nightshift[ray]")


@contextmanager
def two_nodes(homes: Path | None = None) -> Iterator[Any]:
    """Yield a cluster of two nodes with one CPU each; its attribute `second` is the node that a test may end.

    Args:
        homes: Folder in which each node has a NIGHTSHIFT_HOME of its own, as on a machine of its own.
    """
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False} | _variables(homes, "first")
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.second = cluster.add_node(num_cpus=1, **_variables(homes, "second"))
    yield cluster
    cluster.shutdown()


def replace_second(cluster: Any, homes: Path | None = None) -> None:
    """End the second node as a power cut would, and start another."""
    cluster.remove_node(cluster.second, allow_graceful=False)
    cluster.second = cluster.add_node(num_cpus=1, **_variables(homes, "third"))


def _variables(homes: Path | None, name: str) -> dict[str, Any]:
    if homes is None:
        return {}
    store = os.environ[shared_store.VARIABLE]
    return {"env_vars": {"NIGHTSHIFT_HOME": str(homes / name), shared_store.VARIABLE: store}}

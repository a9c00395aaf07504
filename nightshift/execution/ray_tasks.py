"""Functions that run on the nodes of a Ray cluster.

A worker's variables are set before Prefect and MLflow are imported, which read them then. They come as an argument, and
not as Ray's runtime environment, which Ray writes into its logs.
"""

import importlib
import os
import platform
from typing import NamedTuple

SET_TOKEN = (
    "Ray runs the code of anybody whom it does not ask: `ray get-auth-token --generate` once, copy ~/.ray/auth_token to all machines, and "
    "on each `export RAY_AUTH_MODE=token` before `ray start`"
)


class Installation(NamedTuple):
    """Parts of a node on which results depend, or through which they reach the other machines."""

    host: str
    python: str
    source: str
    """Digest of nightshift's source."""
    packages: dict[str, str]
    """Versions by package."""
    store: str
    """NIGHTSHIFT_STORE, empty if it is not set."""
    authentication: str
    """RAY_AUTH_MODE of the node; any but token asks nobody who is there."""


def own_installation() -> Installation:
    """Return the installation of this process."""
    from nightshift.store import code_digest, processes, runtime_environment

    return Installation(
        processes.host(),
        platform.python_version(),
        code_digest.source_digest(),
        runtime_environment.environment(),
        os.environ.get("NIGHTSHIFT_STORE", ""),
        os.environ.get("RAY_AUTH_MODE", ""),
    )


def set_variables(variables: dict[str, str]) -> None:
    """Set the variables of the night, and those that follow from the node's own NIGHTSHIFT_HOME.

    Args:
        variables: Variables by name; NIGHTSHIFT_HOME is among them only on the machine of the night itself.
    """
    os.environ.update(variables)
    from nightshift.store import artifact_store

    home = artifact_store.home()
    os.environ |= {
        "NIGHTSHIFT_HOME": str(home),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(artifact_store.root()),
    }


def warm_up(variables: dict[str, str], module: str) -> None:
    """Import in this worker what the calls of a night need.

    Args:
        variables: See `set_variables`.
        module: Name of the flow's module.
    """
    set_variables(variables)
    importlib.import_module(module)


def work(variables: dict[str, str], expected: Installation, packed: bytes) -> bytes:
    """Carry out a call on this node.

    Args:
        variables: See `set_variables`.
        expected: The installation of the machine of the night.
        packed: The call.

    Returns:
        The answer, in bytes.

    Raises:
        RuntimeError: This node joined later and has another installation.
    """
    _prepare(variables, expected)
    from nightshift.execution import remote_calls

    return remote_calls.carry_out(packed)


def _prepare(variables: dict[str, str], expected: Installation) -> None:
    """Set the variables of the night; raise RuntimeError if this node joined later and has another installation."""
    set_variables(variables)
    if problem := difference(own_installation(), expected):
        raise RuntimeError(problem)


class Rank(NamedTuple):
    """One of the processes that train a model together."""

    number: int
    num_workers: int
    host: str
    """Address of the store by which they find each other, which the process of the night keeps."""
    port: int
    cpus: int
    """Threads of the process."""


class RankInputs(NamedTuple):
    """Inputs that are the same for all processes of a training."""

    variables: dict[str, str]
    """See `set_variables`."""
    expected: Installation
    """The installation of the machine of the night."""
    home: str
    """NIGHTSHIFT_HOME of that machine."""
    work_folder: str
    """Folder of the checkpoints, relative to NIGHTSHIFT_HOME."""
    fingerprint: str
    """Digest of data and settings, by which checkpoints of another training are passed over."""
    packed: bytes
    """Tar file of the model, the examples and how to train."""


def train_rank(rank: Rank, inputs: RankInputs) -> bytes:
    """Train as one of several processes on this node.

    Args:
        rank: Which one.
        inputs: What all of them get.

    Returns:
        Tar file of the folder with the result from the first process, empty from the others.

    Raises:
        RuntimeError: This node joined later and has another installation.
    """
    _prepare(inputs.variables, inputs.expected)
    from nightshift.execution import ranks

    return ranks.train(rank, inputs)


def difference(node: Installation, own: Installation) -> str:
    """Return in one line why a node cannot take part in the nights of this machine; empty if it can."""
    if node.authentication != own.authentication:
        return f"node {node.host} asks for no token: {SET_TOKEN}"
    if node.source != own.source:
        return f"node {node.host} has other code of nightshift: install the same version there"
    if node.python != own.python:
        return f"node {node.host} has Python {node.python}: install {own.python} there, as on this machine"
    names = sorted(name for name in own.packages if own.packages[name] != node.packages.get(name))
    if names:
        versions = f"{names[0]} {node.packages.get(names[0])}"
        return f"node {node.host} has {versions}: install {own.packages[names[0]]} there, as requirements.txt says"
    if node.store != own.store:
        return f"node {node.host} has another NIGHTSHIFT_STORE: set the same where `ray start` is called"
    if node.host != own.host and not own.store:
        return f"node {node.host} is another machine: set NIGHTSHIFT_STORE on all of them, so that results reach each"
    return ""

"""One of the processes that train a model together on the nodes of a Ray cluster."""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import ray
import torch
from torch import distributed
from torch.distributed import TCPStore  # type: ignore[attr-defined]
from transformers import TrainerCallback

from nightshift.execution.ray_tasks import Rank, RankInputs
from nightshift.store import artifact_store, disk, processes, shared_checkpoints, shared_store
from nightshift.training import callbacks, launch, trainer

PROGRESS = "progress"
"""Key of the store that holds the progress of the training: the share that is done, and a text."""
HISTORY = "history"
"""Prefix of the keys, numbered from 0, that hold a step and the line that the Trainer has logged there."""
MEETING_TIMEOUT = timedelta(minutes=5)
"""Time until all processes have found each other."""
TRANSFER_TIMEOUT = timedelta(hours=2)
"""Time in which one process fetches a checkpoint while the others wait."""


def train(rank: Rank, inputs: RankInputs) -> bytes:
    """Train as one of several processes; see `ray_tasks.train_rank`."""
    logging.getLogger("nightshift").setLevel(logging.INFO)
    torch.set_num_threads(rank.cpus)
    work_folder = artifact_store.home() / inputs.work_folder
    work_folder.mkdir(parents=True, exist_ok=True)
    is_first, fingerprint = rank.number == 0, inputs.fingerprint
    with artifact_store.temporary_directory() as temporary, _process_group(rank) as store:
        folder, result_folder = temporary / "inputs", temporary / "result"
        result_folder.mkdir()
        unpack(inputs.packed, folder)
        leads = _leads(rank, work_folder)
        if is_first:
            shared_checkpoints.fetch(work_folder, fingerprint, upload=True)
        distributed.barrier()
        if leads and not is_first:
            shared_checkpoints.fetch(work_folder, fingerprint)
        distributed.barrier()
        with shared_checkpoints.shared(work_folder, fingerprint) if is_first else nullcontext():
            trainer_callbacks = [callbacks.StepCallback(disk.ensure_room), *([_History(store)] if is_first else [])]
            launch.train_from(folder, work_folder, result_folder, trainer_callbacks, _publisher(store))
        distributed.barrier()
        if leads and (processes.host(), str(artifact_store.home())) != (inputs.expected.host, inputs.home):
            shutil.rmtree(work_folder, ignore_errors=True)  # the night removes that of its own machine
        return pack(result_folder) if is_first else b""


def pack(folder: Path) -> bytes:
    """Return a tar file of a folder."""
    with artifact_store.temporary_directory() as temporary:
        packed = temporary / "packed.tar"
        shared_store.pack(folder, packed)
        return packed.read_bytes()


def unpack(packed: bytes, folder: Path) -> None:
    """Extract a tar file into a folder."""
    with artifact_store.temporary_directory() as temporary:
        (temporary / "packed.tar").write_bytes(packed)
        shared_store.unpack(temporary / "packed.tar", folder)


@contextmanager
def _process_group(rank: Rank) -> Iterator[TCPStore]:
    """Form a group with the other processes, and yield the store by which they have found each other.

    The environment is that of a machine with one process, since Ray shows each task its own GPUs alone. It is restored at the
    end, as the worker carries out other tasks afterwards.
    """
    environment = dict(os.environ)
    interface = _interface(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    os.environ |= {"GLOO_SOCKET_IFNAME": interface, "NCCL_SOCKET_IFNAME": interface} if interface else {}
    os.environ |= environment | {
        "RANK": str(rank.number),
        "WORLD_SIZE": str(rank.num_workers),
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "MASTER_ADDR": rank.host,
        "MASTER_PORT": str(rank.port),
        "OMP_NUM_THREADS": str(rank.cpus),
    }
    try:
        store = TCPStore(rank.host, rank.port, timeout=MEETING_TIMEOUT)
        backend = "nccl" if torch.cuda.is_available() else "gloo"
        distributed.init_process_group(
            backend, store=store, rank=rank.number, world_size=rank.num_workers, timeout=TRANSFER_TIMEOUT
        )
        yield store
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
        os.environ.clear()
        os.environ |= environment


def _interface(address: str) -> str:
    """Return the network interface with this address; empty if none has it."""
    interfaces = psutil.net_if_addrs().items()
    return next((name for name, entries in interfaces if any(entry.address == address for entry in entries)), "")


def _leads(rank: Rank, work_folder: Path) -> bool:
    """Return True if this process is the first of those that share a folder of checkpoints."""
    folder = (processes.host(), str(work_folder))
    return trainer.gather(folder).index(folder) == rank.number


class _History(TrainerCallback):  # type: ignore[misc]
    """Callback that shows the Trainer's history to the night while the training goes on."""

    def __init__(self, store: TCPStore) -> None:
        self.store, self.count = store, 0

    def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, Any] | None = None, **_kwargs: Any) -> None:
        """Write a line of the history."""
        self.store.set(f"{HISTORY}{self.count}", json.dumps([state.global_step, logs or {}]))
        self.count += 1


def _publisher(store: TCPStore) -> Callable[[float, str], None]:
    def publish(share: float, text: str) -> None:
        store.set(PROGRESS, json.dumps([share, text]))

    return publish

"""Promotions of versions of the model `race` at the same moment, by two processes."""

import contextlib
import os
from multiprocessing.synchronize import Barrier

import mlflow

MODEL = "race"


def promote_in_rounds(versions: tuple[str, str], rounds: int, with_locks: bool, barrier: Barrier, results) -> None:
    """Promote a version in each round at the moment at which the other process promotes another one.

    Args:
        versions: The process's versions: it promotes the first, and the second where the first is champion.
        rounds: Number of promotions.
        with_locks: Hold the model's locks, as a night does; else the ledger decides alone.
        barrier: Barrier of the two processes.
        results: Queue for the round, the version, whether it was promoted, and the champion that this process then sees.
    """
    from nightshift.errors import UserError
    from nightshift.registry import locks, model_registry

    mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
    locks.POLL = 0.1
    if not with_locks:
        locks.locked = lambda name, purpose: contextlib.nullcontext()
    for number in range(rounds):
        champion = model_registry.version_of(MODEL, model_registry.CHAMPION)
        version = versions[champion == versions[0]]
        barrier.wait(60)
        try:
            model_registry.promote(MODEL, version, "a race", champion)
            moved = True
        except UserError as error:
            assert str(error).endswith("nothing was moved"), error
            moved = False
        barrier.wait(60)
        results.put((number, version, moved, model_registry.version_of(MODEL, model_registry.CHAMPION)))
        barrier.wait(60)


def assert_one_moved_each_time(results, rounds: int) -> None:
    """Assert that of the two promotions of each round exactly one moved the alias, and that both processes saw it there.

    Args:
        results: The queue that both processes have filled.
        rounds: Number of promotions of each process.
    """
    outcomes = sorted(results.get(timeout=120) for _ in range(2 * rounds))
    for number in range(rounds):
        outcome = outcomes[2 * number : 2 * number + 2]
        (winner,) = [version for _, version, moved, _ in outcome if moved]
        assert {(round_number, champion) for round_number, *_, champion in outcome} == {(number, winner)}

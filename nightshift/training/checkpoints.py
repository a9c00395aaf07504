"""Checkpoints that can be trusted: written beside and renamed in, a marker last that says what they must hold."""

import json
import logging
import shutil
import zlib
from pathlib import Path

from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

COMPLETE = "COMPLETE"
"""The file that a whole checkpoint ends with: the training's fingerprint, and a checksum of each file."""
log = logging.getLogger("nightshift.checkpoints")


def write_marker(folder: Path, fingerprint: str) -> None:
    """Write the marker of a checkpoint whose files are all there."""
    sums = {file.name: _checksum(file) for file in sorted(folder.iterdir()) if file.is_file()}
    (folder / COMPLETE).write_text(json.dumps({"fingerprint": fingerprint, "files": sums}))


def find_defect(folder: Path, fingerprint: str) -> str | None:
    """Why a checkpoint cannot be gone on from, or None."""
    try:
        marker = json.loads((folder / COMPLETE).read_text())
    except (OSError, ValueError):
        return "incomplete"
    if marker["fingerprint"] != fingerprint:
        return "of other data or settings"
    files = {file.name for file in folder.iterdir()}
    broken = [name for name, sum in marker["files"].items() if name not in files or _checksum(folder / name) != sum]
    return f"damaged ({', '.join(broken)})" if broken else None


def _checksum(file: Path) -> int:
    found = 0
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            found = zlib.crc32(block, found)
    return found


def step_of(folder: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(folder.name.rpartition("-")[2])


def list_checkpoints(output_dir: Path) -> list[Path]:
    """The checkpoints there, the oldest first, sound or not."""
    return sorted(output_dir.glob(f"{PREFIX_CHECKPOINT_DIR}-*"), key=step_of)


def find_defect_of_best(folder: Path, fingerprint: str) -> str | None:
    """Return why the best checkpoint that `folder` refers to cannot be taken, or None."""
    best = json.loads((folder / TRAINER_STATE_NAME).read_text())["best_global_step"]
    if best in (None, step_of(folder)):
        return None
    name = f"{PREFIX_CHECKPOINT_DIR}-{best}"
    why = find_defect(folder.with_name(name), fingerprint)
    return why and f"useless without the best one, as {name} is {why}"


def newest_valid(output_dir: Path, fingerprint: str, remove: bool = True, with_best: bool = False) -> Path | None:
    """Return the newest checkpoint to go on from; those after it that are no good are logged, and removed.

    Args:
        output_dir: Folder of the checkpoints.
        fingerprint: Of the training: checkpoints of another one are passed over.
        remove: Remove what is passed over.
        with_best: Pass over those whose best checkpoint is gone or damaged too.
    """
    for folder in reversed(list_checkpoints(output_dir)):
        why = find_defect(folder, fingerprint) or (find_defect_of_best(folder, fingerprint) if with_best else None)
        if why is None:
            return folder
        log.warning("%s is %s: passed over", folder.name, why)
        if remove:
            shutil.rmtree(folder)
    return None


def rotate(output_dir: Path, limit: int, best: int | None) -> None:
    """Keep the newest `limit` checkpoints, and the best one."""
    for folder in list_checkpoints(output_dir)[:-limit]:
        if step_of(folder) != best:
            shutil.rmtree(folder)

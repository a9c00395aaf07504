"""Checkpoints with a marker, written last, that holds the checksum of every file."""

import json
import logging
import shutil
import zlib
from pathlib import Path

from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

COMPLETE = "COMPLETE"
"""File written last into a checkpoint: the training's fingerprint, and a checksum of each file."""
log = logging.getLogger("nightshift.checkpoints")


def write_marker(folder: Path, fingerprint: str) -> None:
    """Write the marker of a checkpoint whose files are all written."""
    sums = {file.name: _checksum(file) for file in sorted(folder.iterdir()) if file.is_file()}
    (folder / COMPLETE).write_text(json.dumps({"fingerprint": fingerprint, "files": sums}))


def find_defect(folder: Path, fingerprint: str) -> str | None:
    """Return the reason why a training cannot be resumed from a checkpoint, or None."""
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
    checksum = 0
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return checksum


def step_of(folder: Path) -> int:
    """Return the step after which a checkpoint was written."""
    return int(folder.name.rpartition("-")[2])


def list_checkpoints(output_dir: Path) -> list[Path]:
    """Return the checkpoints in a folder, valid or not, the oldest first."""
    return sorted(output_dir.glob(f"{PREFIX_CHECKPOINT_DIR}-*"), key=step_of)


def best_of(folder: Path) -> Path:
    """Return the best checkpoint that `folder` refers to; itself if it is the best, or none is."""
    best = json.loads((folder / TRAINER_STATE_NAME).read_text())["best_global_step"]
    return folder if best is None else folder.with_name(f"{PREFIX_CHECKPOINT_DIR}-{best}")


def find_defect_of_best(folder: Path, fingerprint: str) -> str | None:
    """Return the reason why the best checkpoint that `folder` refers to cannot be loaded, or None."""
    if (best := best_of(folder)) == folder:
        return None
    defect = find_defect(best, fingerprint)
    return defect and f"useless without the best one, as {best.name} is {defect}"


def newest_valid(output_dir: Path, fingerprint: str, remove: bool = True, with_best: bool = False) -> Path | None:
    """Return the newest checkpoint that a training can be resumed from; log and remove the invalid ones after it.

    Args:
        output_dir: Folder of the checkpoints.
        fingerprint: Digest of data and settings: checkpoints with another one are passed over.
        remove: Remove the checkpoints that are passed over.
        with_best: Also pass over those whose best checkpoint is missing or damaged.
    """
    for folder in reversed(list_checkpoints(output_dir)):
        defect = find_defect(folder, fingerprint) or (find_defect_of_best(folder, fingerprint) if with_best else None)
        if defect is None:
            return folder
        log.warning("%s is %s: passed over", folder.name, defect)
        if remove:
            shutil.rmtree(folder)
    return None


def valid_markers(output_dir: Path, fingerprint: str) -> dict[str, str]:
    """Return the names of the checkpoints that a training can be resumed from, the oldest first, each with its marker."""
    markers = {}
    for folder in list_checkpoints(output_dir):
        if defect := find_defect(folder, fingerprint):
            log.warning("%s is %s: passed over", folder.name, defect)
        else:
            markers[folder.name] = (folder / COMPLETE).read_text()
    return markers


def rotate(output_dir: Path, limit: int, best: int | None) -> None:
    """Keep the newest `limit` checkpoints, and the best one."""
    for folder in list_checkpoints(output_dir)[:-limit]:
        if step_of(folder) != best:
            shutil.rmtree(folder)

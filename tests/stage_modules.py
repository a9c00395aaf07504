"""Write the list of modules that each stage's code digest covers: `python tests/stage_modules.py` after a change that is meant."""

import inspect
import json
from pathlib import Path

from nightshift.store.code_digest import covered_modules
from tasks.augment import augment
from tasks.compress.stage import compress
from tasks.evaluate import evaluate
from tasks.gate.stage import gate
from tasks.ingest import ingest
from tasks.review.stage import review
from tasks.split import split
from tasks.train.stage import train
from tasks.validate import validate

FILE = Path(__file__).with_suffix(".json")
STAGES = (ingest, validate, split, augment, train, evaluate, compress, gate, review)


def stage_modules() -> dict[str, list[str]]:
    """Return by stage the sorted names of the modules that its code digest covers."""
    return {stage.name: sorted(covered_modules(Path(inspect.getfile(inspect.unwrap(stage.fn))))) for stage in STAGES}


if __name__ == "__main__":
    FILE.write_text(json.dumps(stage_modules(), indent=1) + "\n")

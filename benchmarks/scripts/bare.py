"""Training of a run without the pipeline, on the rows from its artifacts.

Usage: `python bare.py JOB.json`, with the keys `train` and `validation` (Parquet files), `base_model`, `max_length` and
`arguments`. It prints a line of JSON.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from nightshift.models import pretrained
from nightshift.models.heads import Head
from nightshift.training import trainer
from nightshift.training.tokenization import encode


def main():
    job = json.loads(Path(sys.argv[1]).read_text())
    start = time.perf_counter()
    sides = {side: pd.read_parquet(job[side]) for side in ("train", "validation")}
    head = Head("classification", tuple(sorted(set(sides["train"]["label"]))))
    heads = {"main": head}
    tokenizer = pretrained.load_tokenizer(job["base_model"], {}, [])
    model = pretrained.load(job["base_model"], heads, tokenizer, job["arguments"]["seed"])
    examples = {
        side: {
            "main": encode(tokenizer, head, frame["text"].tolist(), None, frame["label"].tolist(), job["max_length"])
        }
        for side, frame in sides.items()
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train, validation, work = examples["train"], examples["validation"], folder / "work"
        fitted = trainer.fit(trainer.TrainerJob(model, tokenizer, heads, train, validation, work, job["arguments"]))
        pretrained.save_checkpoint(fitted.model, tokenizer, heads, folder / "model")
    print(json.dumps({"seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main()

"""What a text costs, of a night's full and candidates and of others, asked in turns: `python -m benchmarks.costs HOME [BASE]`.

The last line of standard output holds them as JSON. Full is in PyTorch; the others are those of `benchmarks.others`,
with BASE, a base model, also those that begin with one.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import others
from nightshift.evaluation.scoring import TIMED_PROMPTS, TIMED_TOKENS
from nightshift.inference.measurement import TorchPredictor, measure_costs
from nightshift.models import pretrained
from nightshift.onnx import export


def costs(home: Path, base: str | None) -> list[dict[str, Any]]:
    """Of full, every candidate and, where the night judges, the others; of these the accuracy on the holdout too."""
    (checkpoint,) = home.glob("artifacts/train/*/model")
    (compressed,) = home.glob("artifacts/compress/*/record.json")
    model, tokenizer, heads = pretrained.load_checkpoint(checkpoint)
    max_length = json.loads((home.parent / "night.yaml").read_text())["train"]["max_length"]
    predictors: dict[str, Any] = {"full": TorchPredictor(model, tokenizer, heads, max_length)}
    for folder in sorted(compressed.parent.glob("*/serving")):
        if folder.parent.name != "full":
            predictors[folder.parent.name] = export.open_predictor(folder)
    (holdout,) = home.glob("artifacts/split/*/holdout.parquet")
    rows = pd.read_parquet(holdout)
    texts = rows["text"].tolist()
    if any(head.generative for head in heads.values()):
        asked = [
            lambda texts, _pairs, p=p: p.continuations(texts, max_new_tokens=TIMED_TOKENS) for p in predictors.values()
        ]
        costs = measure_costs(asked, texts[:TIMED_PROMPTS], None)
        return [{"name": name} | cost for name, cost in zip(predictors, costs, strict=True)]
    train = pd.read_parquet(holdout.with_name("train.parquet"))
    beside = others.of_full(model, tokenizer, heads, max_length) | others.trained(train["text"], train["label"], base)
    asked = [lambda texts, _pairs, p=p: p.scores(texts) for p in predictors.values()]
    asked += [lambda texts, _pairs, ask=ask: ask(texts) for ask in beside.values()]
    costs = measure_costs(asked, texts, None)
    found = [{"name": name} | cost for name, cost in zip([*predictors, *beside], costs, strict=True)]
    for line, ask in zip(found[len(predictors) :], beside.values(), strict=True):
        line["accuracy"] = float((rows["label"].to_numpy() == list(ask(texts))).mean())
    return found


if __name__ == "__main__":
    print(json.dumps(costs(Path(sys.argv[1]), *sys.argv[2:] or [None])))

"""Cost of a prediction, for the models of a run and for alternatives: `python -m benchmarks.costs HOME [BASE]`.

The models are measured in turns: full in PyTorch, the candidates, and the alternatives of `benchmarks.others`; those that
start from a base model only if BASE names one. The last line of standard output holds the costs as JSON.
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


def measure_models(home: Path, base: str | None) -> list[dict[str, Any]]:
    """Measure full, each candidate and, if the model classifies, the alternatives; of these the holdout accuracy too."""
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
        predict_functions = [
            lambda texts, _pairs, p=p: p.continuations(texts, max_new_tokens=TIMED_TOKENS) for p in predictors.values()
        ]
        costs = measure_costs(predict_functions, texts[:TIMED_PROMPTS], None)
        return [{"name": name} | cost for name, cost in zip(predictors, costs, strict=True)]
    train = pd.read_parquet(holdout.with_name("train.parquet"))
    alternatives = others.full_in_other_runtimes(model, tokenizer, heads, max_length) | others.train_alternatives(
        train["text"], train["label"], base
    )
    predict_functions = [lambda texts, _pairs, p=p: p.scores(texts) for p in predictors.values()]
    predict_functions += [lambda texts, _pairs, predict=predict: predict(texts) for predict in alternatives.values()]
    costs = measure_costs(predict_functions, texts, None)
    measurements = [{"name": name} | cost for name, cost in zip([*predictors, *alternatives], costs, strict=True)]
    for line, predict in zip(measurements[len(predictors) :], alternatives.values(), strict=True):
        line["accuracy"] = float((rows["label"].to_numpy() == list(predict(texts))).mean())
    return measurements


if __name__ == "__main__":
    print(json.dumps(measure_models(Path(sys.argv[1]), *sys.argv[2:] or [None])))

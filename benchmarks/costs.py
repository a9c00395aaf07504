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
from nightshift.evaluation.prediction_tables import texts_of
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
    exports = json.loads(json.loads(compressed.read_text())["result"])["data"]["exports"]
    for name, path in sorted(exports.items()):
        if name != "full":
            predictors[name] = export.open_predictor(home / "artifacts" / path / "serving")
    (holdout,) = home.glob("artifacts/split/*/holdout.parquet")
    rows = pd.read_parquet(holdout)
    texts, pairs = texts_of(rows)
    if any(head.generative for head in heads.values()):
        predict_functions = [
            lambda texts, _pairs, p=p: p.continuations(texts, max_new_tokens=TIMED_TOKENS) for p in predictors.values()
        ]
        costs = measure_costs(predict_functions, texts[:TIMED_PROMPTS], None)
        return [{"name": name} | cost for name, cost in zip(predictors, costs, strict=True)]
    train = pd.read_parquet(holdout.with_name("train.parquet"))
    alternatives = others.full_in_other_runtimes(model, tokenizer, heads, max_length)
    alternatives |= others.train_alternatives(train, base)
    predict_functions = [lambda texts, pairs, p=p: p.scores(texts, pairs) for p in predictors.values()]
    costs = measure_costs([*predict_functions, *alternatives.values()], texts, pairs)
    measurements = [{"name": name} | cost for name, cost in zip([*predictors, *alternatives], costs, strict=True)]
    for line, predict in zip(measurements[len(predictors) :], alternatives.values(), strict=True):
        line["accuracy"] = float((rows["label"].to_numpy() == list(predict(texts, pairs))).mean())
    return measurements


if __name__ == "__main__":
    print(json.dumps(measure_models(Path(sys.argv[1]), *sys.argv[2:] or [None])))

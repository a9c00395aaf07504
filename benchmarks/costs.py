"""What a text costs, of a night's full and candidates and of others beside them, asked in turns: `python -m benchmarks.costs HOME`.

The last line of standard output holds them as JSON. Full is in PyTorch; the others are full in ONNX Runtime, Hugging
Face's `pipeline`, and TF-IDF with logistic regression.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from transformers import pipeline

from models import bases, export
from models.heads import Heads
from models.measure import TorchPredictor, measure_costs
from tasks import evaluate
from tasks.scoring import FEW, SHORT


def costs(home: Path) -> list[dict[str, Any]]:
    """Of full, every candidate and, where the night judges, the others; of these the accuracy on the holdout too."""
    (checkpoint,) = home.glob("artifacts/train/*/model")
    (compressed,) = home.glob("artifacts/compress/*/record.json")
    model, tokenizer, heads = bases.load_checkpoint(checkpoint)
    (head,) = heads.values()
    predictors: dict[str, Any] = {"full": TorchPredictor(model, tokenizer, heads, 128)}
    for folder in sorted(compressed.parent.glob("*/serving")):
        if folder.parent.name != "full":
            predictors[folder.parent.name] = export.open_served(folder)
    (holdout,) = home.glob("artifacts/split/*/holdout.parquet")
    rows = pd.read_parquet(holdout)
    texts = rows["text"].tolist()
    if head.generative:
        asked = [lambda texts, _pairs, p=p: p.continuations(texts, max_new_tokens=SHORT) for p in predictors.values()]
        costs = measure_costs(asked, texts[:FEW], None)
        return [{"name": name} | cost for name, cost in zip(predictors, costs, strict=True)]
    others = _others(model, tokenizer, heads, holdout.with_name("train.parquet"))
    asked = [lambda texts, _pairs, p=p: p.scores(texts) for p in predictors.values()]
    asked += [lambda texts, _pairs, ask=ask: ask(texts) for ask in others.values()]
    costs = measure_costs(asked, texts, None)
    found = [{"name": name} | cost for name, cost in zip([*predictors, *others], costs, strict=True)]
    for line, ask in zip(found[len(predictors) :], others.values(), strict=True):
        line["accuracy"] = float((rows["label"].to_numpy() == list(ask(texts))).mean())
    return found


def _others(model: Any, tokenizer: Any, heads: Heads, train: Path) -> dict[str, Callable[[Sequence[str]], Any]]:
    """What answers texts with labels, by name: full in other hands, and the simple model."""
    (head,) = heads.values()
    served = train.parent / "onnx"
    served.mkdir()
    export.export(model, tokenizer, heads, served, 128)
    onnx = export.open_served(served)
    piped = pipeline("text-classification", model=model, tokenizer=tokenizer, truncation=True, max_length=128)
    rows = pd.read_parquet(train)
    simple = make_pipeline(evaluate.tfidf(), LogisticRegression(max_iter=1000, C=10.0)).fit(rows["text"], rows["label"])
    return {
        "full in ONNX Runtime": lambda texts: [head.labels[place] for place in onnx.scores(texts).argmax(axis=1)],
        "Hugging Face pipeline": lambda texts: [answer["label"] for answer in piped(list(texts), batch_size=32)],
        "TF-IDF, logistic regression": lambda texts: simple.predict(texts),
    }


if __name__ == "__main__":
    print(json.dumps(costs(Path(sys.argv[1]))))

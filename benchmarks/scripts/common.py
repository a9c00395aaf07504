"""What the benchmark asks of all its scripts alike: arguments, rows, a clock, the accuracy, one JSON line at the end."""

import argparse
import csv
import json
import resource
import sys
import time
from pathlib import Path

import torch
from transformers import TrainerCallback

WARM_UP = 5
"""Steps before the clock starts."""
EVALUATED = 64
"""Rows judged at once."""


def arguments():
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--train", type=Path, required=True, help="a CSV file with columns text and label")
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--model", required=True, help="a folder, or a Hugging Face id")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--limit-seconds", type=float, help="stop after so long, and judge nothing")
    return parser.parse_args()


def rows(path):
    """Texts and labels."""
    with path.open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    return [row["text"] for row in found], [row["label"] for row in found]


class Clock(TrainerCallback):
    """Counts the rows and real tokens that a model is trained on, and stops the training at the limit."""

    def __init__(self, model, limit):
        self.limit, self.over = limit, False
        self.steps = self.rows = self.tokens = 0
        self.begun = self.seconds = 0.0
        model.register_forward_pre_hook(self.see, with_kwargs=True)

    def see(self, model, _args, inputs):
        if model.training:
            self.rows += len(inputs["input_ids"])
            self.tokens += int(inputs["attention_mask"].sum())

    def tick(self):
        """After each step; whether the time is over."""
        self.steps += 1
        if self.steps == WARM_UP:
            self.rows = self.tokens = 0
            self.begun = time.perf_counter()
        elif self.steps > WARM_UP:
            self.seconds = time.perf_counter() - self.begun
            self.over = self.limit is not None and self.seconds >= self.limit
        return self.over

    def on_step_end(self, args, state, control, **kwargs):
        control.should_training_stop |= self.tick()


def accuracy(model, tokenizer, texts, labels):
    """The share of `texts` whose label (a number) is the model's."""
    model.eval()
    order, right = sorted(range(len(texts)), key=lambda place: len(texts[place])), 0
    for start in range(0, len(order), EVALUATED):
        places = order[start : start + EVALUATED]
        inputs = tokenizer([texts[place] for place in places], padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            found = model(**inputs).logits.argmax(-1).tolist()
        right += sum(answer == labels[place] for answer, place in zip(found, places, strict=True))
    return right / len(texts)


def report(clock, model, tokenizer, texts, labels):
    """Print what the benchmark reads."""
    found = {
        "rows_per_second": clock.rows / clock.seconds,
        "tokens_per_second": clock.tokens / clock.seconds,
        "accuracy": None if clock.over else accuracy(model, tokenizer, texts, labels),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10),
        "seconds": clock.seconds,
    }  # fmt: skip
    print(json.dumps(found))

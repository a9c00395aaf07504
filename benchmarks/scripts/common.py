"""Parts that all scripts share: arguments, rows, a clock, the accuracy, and the line of JSON at the end."""

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
"""Number of steps before the clock starts."""
EVAL_BATCH = 64
"""Batch size of the evaluation."""


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
    """Read the texts and labels of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        records = list(csv.DictReader(file))
    return [row["text"] for row in records], [row["label"] for row in records]


class Clock(TrainerCallback):
    """Counter of the rows and tokens (without padding) that a model is trained on; it stops the training at the limit."""

    def __init__(self, model, limit):
        self.limit, self.is_over = limit, False
        self.steps = self.rows = self.tokens = 0
        self.start = self.seconds = 0.0
        model.register_forward_pre_hook(self.see, with_kwargs=True)

    def see(self, model, _args, inputs):
        if model.training:
            self.rows += len(inputs["input_ids"])
            self.tokens += int(inputs["attention_mask"].sum())

    def tick(self):
        """Count a step and return whether the time limit is reached."""
        self.steps += 1
        if self.steps == WARM_UP:
            self.rows = self.tokens = 0
            self.start = time.perf_counter()
        elif self.steps > WARM_UP:
            self.seconds = time.perf_counter() - self.start
            self.is_over = self.limit is not None and self.seconds >= self.limit
        return self.is_over

    def on_step_end(self, _args, _state, control, **_kwargs):
        control.should_training_stop |= self.tick()


def accuracy(model, tokenizer, texts, labels):
    """Return the accuracy of a model.

    Args:
        model: Classifier.
        tokenizer: Its tokenizer.
        texts: Texts.
        labels: True labels, as class ids.
    """
    model.eval()
    by_length, right = sorted(range(len(texts)), key=lambda index: len(texts[index])), 0
    for start in range(0, len(by_length), EVAL_BATCH):
        indices = by_length[start : start + EVAL_BATCH]
        inputs = tokenizer([texts[index] for index in indices], padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            predictions = model(**inputs).logits.argmax(-1).tolist()
        right += sum(prediction == labels[index] for prediction, index in zip(predictions, indices, strict=True))
    return right / len(texts)


def report(clock, model, tokenizer, texts, labels):
    """Print the measurements as a line of JSON, which the benchmark reads.

    Args:
        clock: Clock of the training.
        model: Trained classifier.
        tokenizer: Its tokenizer.
        texts: Texts of the test set.
        labels: True labels of the test set, as class ids.
    """
    measurements = {
        "rows_per_second": clock.rows / clock.seconds,
        "tokens_per_second": clock.tokens / clock.seconds,
        "accuracy": None if clock.is_over else accuracy(model, tokenizer, texts, labels),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10),
        "seconds": clock.seconds,
    }  # fmt: skip
    print(json.dumps(measurements))

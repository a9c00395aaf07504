"""Parts that all scripts share: arguments, rows, a clock, the accuracy, and the line of JSON at the end."""

import argparse
import csv
import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path

import torch
from torch import nn
from transformers import TrainerCallback

WARM_UP = 5
"""Number of steps before the clock starts."""
EVAL_BATCH = 64
"""Batch size of the evaluation."""
REPETITIONS = 20
"""Times that a matrix product is measured; the fastest counts."""


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
        self.steps = self.rows = self.tokens = self.padded_tokens = 0
        self.start = self.seconds = 0.0
        model.register_forward_pre_hook(self.see, with_kwargs=True)

    def see(self, model, _args, inputs):
        if model.training:
            self.rows += len(inputs["input_ids"])
            self.tokens += int(inputs["attention_mask"].sum())
            self.padded_tokens += inputs["input_ids"].numel()

    def tick(self):
        """Count a step and return whether the time limit is reached."""
        self.steps += 1
        if self.steps == WARM_UP:
            self.rows = self.tokens = self.padded_tokens = 0
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


def token_layers(model):
    """Return the (outputs, inputs) of the linear layers that read every token, each with the number of such layers."""
    shapes = Counter()

    def see(layer, inputs, _output):
        if inputs[0].dim() == 3:
            shapes[tuple(layer.weight.shape)] += 1

    model.eval()
    hooks = [layer.register_forward_hook(see) for layer in model.modules() if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        model(input_ids=torch.full((1, 4), 5))
    for hook in hooks:
        hook.remove()
    return shapes


def fastest(product):
    """Return the seconds that a function takes, the fastest of `REPETITIONS`."""
    seconds = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def matrix_product_seconds(model, tokens):
    """Return the seconds of a step's matrix products alone, forward and both backward, in the fastest precision.

    Those are the products of all linear layers that read every token; attention's own are left out.

    Args:
        model: The model.
        tokens: Number of tokens of a step.
    """
    from nightshift.training.trainer import default_precision

    dtype, total = torch.bfloat16 if default_precision() == "bf16" else torch.float32, 0.0
    for (outputs, inputs), layers in token_layers(model).items():
        weight, bias = torch.randn(outputs, inputs).to(dtype), torch.randn(outputs).to(dtype)
        x, gradient = torch.randn(tokens, inputs).to(dtype), torch.randn(tokens, outputs).to(dtype)
        forward = fastest(lambda x=x, w=weight, b=bias: torch.addmm(b, x, w.t()))
        backward = fastest(lambda g=gradient, w=weight: g @ w) + fastest(lambda g=gradient, x=x: g.t() @ x)
        total += layers * (forward + backward)
    return total


def report(clock, model, tokenizer, texts, labels):
    """Print the measurements as a line of JSON, which the benchmark reads.

    Args:
        clock: Clock of the training.
        model: Trained classifier.
        tokenizer: Its tokenizer.
        texts: Texts of the test set.
        labels: True labels of the test set, as class ids.
    """
    steps = clock.steps - WARM_UP
    measurements = {
        "rows_per_second": clock.rows / clock.seconds,
        "tokens_per_second": clock.tokens / clock.seconds,
        "accuracy": None if clock.is_over else accuracy(model, tokenizer, texts, labels),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10),
        "seconds": clock.seconds,
        "padding_share": 1 - clock.tokens / clock.padded_tokens,
        "gemm_share": matrix_product_seconds(model, round(clock.tokens / steps)) * steps / clock.seconds,
    }  # fmt: skip
    print(json.dumps(measurements))

"""Benchmark of training on a GPU (`nightshift bench train --device cuda`): tokens a second and model FLOPs utilization.

It trains BERT-base and GPT-2 from their configurations, with random weights and random tokens, in bf16. It needs
`nightshift/`, torch, transformers, accelerate and safetensors; if nothing else is installed, run
`python -m benchmarks.gpu [--json]`.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from transformers import BertConfig, BertForSequenceClassification, GPT2Config, GPT2LMHeadModel

from nightshift.models.heads import Head
from nightshift.training import throughput, trainer
from nightshift.training.tokenization import IGNORED, Column, Examples, pack_sequences

HEADS = {"bert": Head("classification", ("bad", "good")), "gpt2": Head("generation")}
MODELS: dict[str, Callable[[dict[str, int]], Any]] = {
    "bert": lambda sizes: BertForSequenceClassification(BertConfig(num_labels=2, **sizes)),
    "gpt2": lambda sizes: GPT2LMHeadModel(GPT2Config(**sizes)),
}
TINY = {
    "bert": {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "gpt2": {"vocab_size": 300, "n_embd": 32, "n_layer": 2, "n_head": 2, "bos_token_id": 1, "eos_token_id": 1},
}  # fmt: skip
SST2 = {"shape": 4.65, "scale": 5.0}
"""Gamma distribution with the mean (23.3) and the standard deviation (10.8) of SST-2's lengths in word pieces."""
SHORTEST, LONGEST = 3, 67
"""Shortest and longest row of SST-2 in word pieces."""
MIN_TOKEN_ID = 10
"""Lowest token id that is drawn."""


@dataclass(frozen=True)
class Case:
    """Case of the benchmark, a line of its table."""

    model: str
    rows: str
    """Name of the function in `ROWS` that makes the rows."""
    length: int
    """Tokens of the longest row."""
    pool: int
    """Number of batches that are made; training repeats them."""


CASES = (
    Case("bert", "all of one length", 128, 8),
    Case("bert", "all of one length", 512, 8),
    Case("bert", "of SST-2's lengths, grouped", LONGEST, 50),
    Case("gpt2", "packed", 128, 8),
    Case("gpt2", "packed", 512, 8),
)


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench train --device cuda", allow_abbrev=False)
    parser.add_argument("--steps", type=int, default=60, help="measured steps")
    parser.add_argument("--warm-up", type=int, default=20, help="steps before the measured ones")
    parser.add_argument(
        "--tokens", type=int, default=1 << 18, help="tokens of the first batch size; halved until it fits"
    )
    parser.add_argument("--torch-compile", choices=("never", "always"), default="never")
    parser.add_argument(
        "--tiny", action="store_true", help="check that it runs: tiny models and few steps, on any device"
    )
    options = parser.parse_args(arguments)
    if options.tiny:
        options.steps, options.warm_up, options.tokens = 3, 2, 512
    elif not torch.cuda.is_available():
        parser.error("there is no CUDA device here; --tiny runs without one")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    runs = []
    for case in CASES:
        runs.append(_measure(case, options))
        print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    peak = throughput.peak_flops(device, "bf16")
    notes = [
        f"the card's measured peak: {peak / 1e12:.1f} TFLOP/s, a large bf16 matrix product; utilisation is the share of it",
        "model FLOPs of a real token: 6 a multiplied weight, and 12 · layers · size · length for attention; a packed row counts as one text",
        f"{options.steps} steps after {options.warm_up} of warm-up; bf16, torch's deterministic algorithms, "
        f"torch.compile {options.torch_compile}; random weights and tokens; the largest batch (halving from {options.tokens} tokens) that fits",
    ]
    return {
        "name": "train-cuda",
        "table": [_row(run) for run in runs],
        "notes": notes,
        "runs": runs,
        "peak_flops": peak,
    }


def _measure(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    sizes = TINY[case.model] if options.tiny else {}
    torch.manual_seed(1)
    model = MODELS[case.model](sizes)
    batch = 1 << (options.tokens // case.length).bit_length() - 1
    rows = ROWS[case.rows](case, batch * case.pool, model.config.vocab_size, np.random.default_rng(1))
    warm_up = _fit(case, model, rows, batch, options.warm_up, options.torch_compile)
    batch >>= int(warm_up["halvings"])
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    metrics = _fit(case, model, rows, batch, options.steps, options.torch_compile)
    memory = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else None
    return {
        "model": case.model,
        "rows": case.rows,
        "length": case.length,
        "batch": batch,
        "memory_gb": memory,
    } | metrics


def _fit(case: Case, model: Any, rows: Examples, batch: int, steps: int, torch_compile: Any) -> dict[str, float]:
    arguments = {
        "max_steps": steps, "per_device_train_batch_size": batch, "learning_rate": 5e-5, "precision": "bf16", "seed": 1,
        "save_steps": 10**9, "save_total_limit": 1, "logging_steps": 20,
    }  # fmt: skip
    tokenizer: Any = SimpleNamespace(pad_token_id=0)
    heads, options = {"main": HEADS[case.model]}, trainer.TrainingOptions(torch_compile=torch_compile)
    with tempfile.TemporaryDirectory() as folder:
        job = trainer.TrainerJob(model, tokenizer, heads, {"main": rows}, {}, Path(folder), arguments, options)
        return trainer.fit(job).metrics


def _rows_of_equal_length(case: Case, count: int, vocabulary: int, random: np.random.Generator) -> Examples:
    return _labelled_rows(np.full(count, case.length), vocabulary, random)


def _rows_of_sst2_lengths(_case: Case, count: int, vocabulary: int, random: np.random.Generator) -> Examples:
    lengths = random.gamma(size=count, **SST2).round().astype(np.int64)
    return _labelled_rows(lengths.clip(SHORTEST, LONGEST), vocabulary, random)


def _labelled_rows(lengths: np.ndarray, vocabulary: int, random: np.random.Generator) -> Examples:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = Column(random.integers(MIN_TOKEN_ID, vocabulary, offsets[-1], dtype=np.int32), offsets)
    labels = Column(random.integers(0, 2, len(lengths), dtype=np.int32), np.arange(len(lengths) + 1))
    return Examples({"input_ids": tokens, "labels": labels})


def _packed_rows(case: Case, count: int, vocabulary: int, random: np.random.Generator) -> Examples:
    lengths = random.integers(case.length // 8, case.length, count * 2, endpoint=True)
    ids = [random.integers(MIN_TOKEN_ID, vocabulary, length).tolist() for length in lengths]
    return Examples.from_rows(
        pack_sequences(ids, [[IGNORED, *row[1:]] for row in ids], list(range(len(ids))), case.length)
    )


ROWS = {
    "all of one length": _rows_of_equal_length,
    "of SST-2's lengths, grouped": _rows_of_sst2_lengths,
    "packed": _packed_rows,
}


def _row(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": run["model"],
        "rows": run["rows"],
        "longest, tokens": run["length"],
        "rows a step": run["batch"] >> int(run["halvings"]),
        "tokens/s": round(run["tokens_per_second"]),
        "utilisation, %": round(100 * run["model_flops_utilization"], 1),
        "padding, %": round(100 * run["padding_share"], 1),
        "peak memory, GB": run["memory_gb"] and round(run["memory_gb"], 1),
    }


if __name__ == "__main__":
    from benchmarks import results

    results.run_as_script("train", main)

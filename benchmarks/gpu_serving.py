"""Benchmark of inference on a GPU with pruning, half precision and `torch.compile` (`bench compress --device cuda`).

A classifier of BERT-base's shape reads 1 and 128 texts of 128 tokens, a GPT-2 generates 32 tokens after 1 and 128
prompts; weights and tokens are random. Variants of one model are measured in turns. It needs what `benchmarks.gpu`
needs; if nothing else is installed, run `python -m benchmarks.gpu_serving [--json]`.
"""

import argparse
import copy
import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu import MODELS, TINY
from nightshift.compression import importance, pruning
from nightshift.inference.measurement import device
from nightshift.models import int8

BATCHES = (1, 128)
LENGTH, NEW_TOKENS = 128, 32


@dataclass(frozen=True)
class Variant:
    """Variant of a model that is served."""

    name: str
    dtype: torch.dtype = torch.float32
    tf32: bool = False
    halved: bool = False
    """True to remove half of each layer's heads and feed-forward neurons."""
    compile: dict[str, Any] | None = None
    """Arguments of `torch.compile`."""
    int8: bool = False


COMPILED: dict[str, Any] = {"dynamic": False}
GRAPHS: dict[str, Any] = {"dynamic": False, "mode": "reduce-overhead"}
VARIANTS = {
    "bert": (
        Variant("float32"),
        Variant("float32, torch.compile", compile=COMPILED),
        Variant("float32, torch.compile with CUDA graphs", compile=GRAPHS),
        Variant("tf32", tf32=True),
        Variant("bf16", torch.bfloat16),
        Variant("float16", torch.float16),
        Variant("float16, torch.compile", torch.float16, compile=COMPILED),
        Variant("float16, torch.compile with CUDA graphs", torch.float16, compile=GRAPHS),
        Variant("half pruned", halved=True),
        Variant("half pruned, float16", torch.float16, halved=True),
        Variant("half pruned, float16, torch.compile with CUDA graphs", torch.float16, halved=True, compile=GRAPHS),
    ),
    "gpt2": (
        Variant("float32"),
        Variant("tf32", tf32=True),
        Variant("bf16", torch.bfloat16),
        Variant("float16", torch.float16),
        Variant("int8, widened", int8=True),
    ),
}  # fmt: skip


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench compress --device cuda", allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--tiny",
        action="store_true",
        help="check that it runs: tiny models, without torch.compile, one round, on any device",
    )
    options = parser.parse_args(arguments)
    if not options.tiny and not torch.cuda.is_available():
        parser.error("there is no CUDA device here; --tiny runs without one")
    runs = [run for name in VARIANTS for batch in BATCHES for run in _measure(name, batch, options)]
    notes = [
        f"BERT-base's and GPT-2's shapes, random weights; {LENGTH} random tokens a text, GPT-2 writes {NEW_TOKENS} after them; "
        f"medians of {options.rounds} rounds, in which all forms are asked in turns",
        "float32 without tf32, as PyTorch sets it; half pruned: half of each layer's heads and feed-forward neurons",
        "apart: mean difference of the logits from float32's (half pruned: from half pruned float32's), as a share of their deviation",
    ]
    return {"name": "compress-cuda", "table": [_row(run, runs) for run in runs], "notes": notes, "runs": runs}


@torch.no_grad()
def _measure(name: str, batch: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    torch.manual_seed(1)
    full = MODELS[name](TINY[name] if options.tiny else {}).eval()
    ids = torch.randint(10, full.config.vocab_size, (batch, LENGTH), device=device())
    variants = [variant for variant in VARIANTS[name] if not (options.tiny and variant.compile)]
    models = [_build(variant, full) for variant in variants]
    compiled = [_compile(model, variant) for model, variant in zip(models, variants, strict=True)]
    for variant, model in zip(variants, compiled, strict=True):
        for _ in range(3):
            _milliseconds(variant, name, model, ids)
    times: list[list[float]] = [[] for _ in variants]
    for _ in range(1 if options.tiny else options.rounds):
        for measured, variant, model in zip(times, variants, compiled, strict=True):
            repetitions = 1 if options.tiny or name == "gpt2" else 20
            measured += [_milliseconds(variant, name, model, ids) for _ in range(repetitions)]
    logits = []
    for variant, model in zip(variants, models, strict=True):
        torch.backends.cuda.matmul.allow_tf32 = variant.tf32
        logits.append(model(ids[:32]).logits.float())
    references: dict[bool, Tensor] = {}
    for variant, output in zip(variants, logits, strict=True):
        references.setdefault(variant.halved, output)
    runs = []
    for variant, model, measured, output in zip(variants, models, times, logits, strict=True):
        reference = references[variant.halved]
        runs.append(
            {
                "model": name,
                "batch": batch,
                "form": variant.name,
                "ms": measured,
                "weights_mb": sum(w.numel() * w.element_size() for w in {*model.parameters(), *model.buffers()}) / 1e6,
                "apart": float((output - reference).abs().mean() / reference.std()),
            }
        )
        print(f"{name}, {batch}, {variant.name}: {median(measured):.2f} ms", file=sys.stderr, flush=True)
    return runs


def _build(variant: Variant, full: Any) -> Any:
    model = copy.deepcopy(full)
    if variant.halved:
        equal = importance.uniform_importance(model)
        halves = ([len(units) // 2 for units in block] for block in (equal.neurons, equal.heads))
        model = pruning.prune(model, equal, *halves)
    if variant.int8:
        int8.convert(model)
    return model.to(device=device(), dtype=None if variant.int8 else variant.dtype).eval()


def _compile(model: Any, variant: Variant) -> Any:
    return model if variant.compile is None else torch.compile(model, **variant.compile)


def _milliseconds(variant: Variant, name: str, model: Any, ids: Tensor) -> float:
    torch.backends.cuda.matmul.allow_tf32 = variant.tf32
    start = time.perf_counter()
    if name == "gpt2":
        mask = torch.ones_like(ids)
        model.generate(
            ids,
            attention_mask=mask,
            max_new_tokens=NEW_TOKENS,
            min_new_tokens=NEW_TOKENS,
            do_sample=False,
            pad_token_id=1,
        )
    else:
        model(ids)
    if ids.is_cuda:
        torch.cuda.synchronize()
    return (time.perf_counter() - start) * 1000


def _row(run: dict[str, Any], runs: list[dict[str, Any]]) -> dict[str, Any]:
    plain = next(r for r in runs if r["model"] == run["model"] and r["batch"] == run["batch"])
    return {
        "model": run["model"],
        "texts": run["batch"],
        "form": run["form"],
        "ms": round(median(run["ms"]), 2),
        "times as fast": round(median(plain["ms"]) / median(run["ms"]), 2),
        "weights, MB": round(run["weights_mb"], 1),
        "apart, %": round(100 * run["apart"], 2),
    }


if __name__ == "__main__":
    from benchmarks import results

    results.run_as_script("compress", main)

"""`nightshift bench compress --device cuda`: what pruning, half precision and `torch.compile` save on a GPU.

A classifier of BERT-base's shape answers 1 and 128 texts of 128 tokens, a GPT-2 writes 32 tokens after 1 and 128 prompts;
random weights and tokens. Forms of one model are asked in turns. Needs what `benchmarks.gpu` needs; where nothing else is
installed: `python -m benchmarks.gpu_serving [--json]`.
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
LENGTH, NEW = 128, 32


@dataclass(frozen=True)
class Form:
    """One way to serve a model."""

    name: str
    dtype: torch.dtype = torch.float32
    tf32: bool = False
    halved: bool = False
    """Half of each layer's heads and feed-forward neurons."""
    compile: dict[str, Any] | None = None
    """Arguments of `torch.compile`."""
    int8: bool = False


COMPILED: dict[str, Any] = {"dynamic": False}
GRAPHS: dict[str, Any] = {"dynamic": False, "mode": "reduce-overhead"}
FORMS = {
    "bert": (
        Form("float32"),
        Form("float32, torch.compile", compile=COMPILED),
        Form("float32, torch.compile with CUDA graphs", compile=GRAPHS),
        Form("tf32", tf32=True),
        Form("bf16", torch.bfloat16),
        Form("float16", torch.float16),
        Form("float16, torch.compile", torch.float16, compile=COMPILED),
        Form("float16, torch.compile with CUDA graphs", torch.float16, compile=GRAPHS),
        Form("half pruned", halved=True),
        Form("half pruned, float16", torch.float16, halved=True),
        Form("half pruned, float16, torch.compile with CUDA graphs", torch.float16, halved=True, compile=GRAPHS),
    ),
    "gpt2": (
        Form("float32"),
        Form("tf32", tf32=True),
        Form("bf16", torch.bfloat16),
        Form("float16", torch.float16),
        Form("int8, widened", int8=True),
    ),
}  # fmt: skip


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench compress --device cuda", allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--tiny", action="store_true", help="tiny models, eager, one round, on any device: does it run?"
    )
    told = parser.parse_args(arguments)
    if not told.tiny and not torch.cuda.is_available():
        parser.error("there is no CUDA device here; --tiny runs without one")
    runs = [run for name in FORMS for batch in BATCHES for run in _measured(name, batch, told)]
    notes = [
        f"BERT-base's and GPT-2's shapes, random weights; {LENGTH} random tokens a text, GPT-2 writes {NEW} after them; "
        f"medians of {told.rounds} rounds, in which all forms are asked in turns",
        "float32 without tf32, as PyTorch sets it; half pruned: half of each layer's heads and feed-forward neurons",
        "apart: mean difference of the logits from float32's (half pruned: from half pruned float32's), as a share of their deviation",
    ]
    return {"name": "compress-cuda", "table": [_row(run, runs) for run in runs], "notes": notes, "runs": runs}


@torch.no_grad()
def _measured(name: str, batch: int, told: argparse.Namespace) -> list[dict[str, Any]]:
    torch.manual_seed(1)
    whole = MODELS[name](TINY[name] if told.tiny else {}).eval()
    ids = torch.randint(10, whole.config.vocab_size, (batch, LENGTH), device=device())
    forms = [form for form in FORMS[name] if not (told.tiny and form.compile)]
    models = [_made(form, whole) for form in forms]
    asked = [_compiled(model, form) for model, form in zip(models, forms, strict=True)]
    for form, ask in zip(forms, asked, strict=True):
        for _ in range(3):
            _timed(form, name, ask, ids)
    times: list[list[float]] = [[] for _ in forms]
    for _ in range(1 if told.tiny else told.rounds):
        for found, form, ask in zip(times, forms, asked, strict=True):
            found += [_timed(form, name, ask, ids) for _ in range(1 if told.tiny or name == "gpt2" else 20)]
    logits = []
    for form, model in zip(forms, models, strict=True):
        torch.backends.cuda.matmul.allow_tf32 = form.tf32
        logits.append(model(ids[:32]).logits.float())
    runs = []
    for form, model, found, said in zip(forms, models, times, logits, strict=True):
        exact = next(answer for other, answer in zip(forms, logits, strict=True) if other.halved == form.halved)
        runs.append({
            "model": name, "batch": batch, "form": form.name, "ms": found,
            "weights_mb": sum(w.numel() * w.element_size() for w in {*model.parameters(), *model.buffers()}) / 1e6,
            "apart": float((said - exact).abs().mean() / exact.std()),
        })  # fmt: skip
        print(f"{name}, {batch}, {form.name}: {median(found):.2f} ms", file=sys.stderr, flush=True)
    return runs


def _made(form: Form, whole: Any) -> Any:
    model = copy.deepcopy(whole)
    if form.halved:
        equal = importance.uniform_importance(model)
        halves = ([len(parts) // 2 for parts in block] for block in (equal.neurons, equal.heads))
        model = pruning.prune(model, equal, *halves)
    if form.int8:
        int8.convert(model)
    return model.to(device=device(), dtype=None if form.int8 else form.dtype).eval()


def _compiled(model: Any, form: Form) -> Any:
    return model if form.compile is None else torch.compile(model, **form.compile)


def _timed(form: Form, name: str, model: Any, ids: Tensor) -> float:
    """Milliseconds until the answer is there."""
    torch.backends.cuda.matmul.allow_tf32 = form.tf32
    begun = time.perf_counter()
    if name == "gpt2":
        mask = torch.ones_like(ids)
        model.generate(
            ids, attention_mask=mask, max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False, pad_token_id=1
        )
    else:
        model(ids)
    if ids.is_cuda:
        torch.cuda.synchronize()
    return (time.perf_counter() - begun) * 1000


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

    results.alone("compress", main)

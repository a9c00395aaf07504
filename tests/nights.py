"""MLflow runs and versions as `nightshift.registry.tracking` and `tasks.register` leave them without a training."""

import json
import time
from pathlib import Path

import factories
import pandas as pd

from nightshift.records import Candidate, Compressed, Objective
from nightshift.registry import ledger, registered_model, tracking
from nightshift.registry.tags import CHECKPOINT, COMPRESSED, FINGERPRINT
from nightshift.store import artifact_store
from tasks.register import register

DAY = 24 * 60 * 60


class Model:
    """A model's experiment, its nights and versions, made as `nightshift.registry.tracking` and `tasks.register` make them."""

    def __init__(self, home: Path, name: str) -> None:
        self.name, self.client = name, tracking.connect()
        self.artifacts_folder = home / "mlflow" / "artifacts" / name
        self.experiment = self.client.create_experiment(name, artifact_location=self.artifacts_folder.as_uri())
        self.files = home.parent / "files"
        self.files.mkdir(exist_ok=True)
        ledger.ensure_model(name)

    def run(self, days: float, status: str = "FINISHED", **tags: str) -> str:
        start_time = int((time.time() - days * DAY) * 1000)
        run = self.client.create_run(self.experiment, start_time=start_time, tags=tags).info.run_id
        self.client.log_text(run, "x" * 100, "notes/a.txt")
        if status != "RUNNING":
            self.client.set_terminated(run, status, end_time=start_time + 1000)
        return run

    def pipeline_run(self, days: float, status: str = "FINISHED") -> str:
        return self.run(days, status, **{FINGERPRINT: "f"})

    def candidate(self, parent: str, days: float) -> str:
        return self.run(days, **{"mlflow.parentRunId": parent})

    def log_model(self, run: str, text: str = "weights") -> str:
        model = self.client.create_logged_model(self.experiment, name="model", source_run_id=run).model_id
        (self.files / "weights.txt").write_text(text)
        self.client.log_model_artifacts(model, str(self.files))
        self.client.finalize_logged_model(model, "READY")
        return model

    def version(self, run: str, alias: str = "") -> str:
        model = self.log_model(run, run)
        version = self.client.create_model_version(self.name, f"models:/{model}", run_id=run, model_id=model)
        number = str(version.version)
        if alias:
            self.client.set_registered_model_alias(self.name, alias, number)
        return number

    def runs(self) -> set[str]:
        return {run.info.run_id for run in self.client.search_runs([self.experiment])}

    def versions(self) -> set[str]:
        return {str(v.version) for v in self.client.search_model_versions(f"name = '{self.name}'")}

    def legacy_version(self, answer: float = 0.5, status: str = "FINISHED", **tags: str) -> str:
        """A version as nightshift registered them before it recorded digests: it answers every text with a number."""
        run = self.pipeline_run(1, status)
        self.client.log_text(run, '{"model_type": "bert"}', "checkpoint/config.json")
        model = self.client.create_logged_model(self.experiment, name="model", source_run_id=run).model_id
        folder = self.files / f"served-{model}"
        write_served(folder / registered_model.SERVING_FOLDER, answer)
        self.client.log_model_artifacts(model, str(folder))
        self.client.finalize_logged_model(model, "READY")
        tags = {COMPRESSED: "digest", CHECKPOINT: registered_model.checkpoint_uri(run)} | tags
        return str(self.client.create_model_version(self.name, f"models:/{model}", run_id=run, tags=tags).version)

    def registered_version(self, answer: float = 0.5) -> str:
        """A version as `tasks.register` makes it, with its code for `mlflow.pyfunc` and its digests."""
        key = f"compress/{answer}"
        folder = artifact_store.root() / key / "full"
        if not folder.exists():
            write_served(folder / "serving", answer)
            (folder / "checkpoint").mkdir()
            (folder / "checkpoint" / "config.json").write_text('{"model_type": "bert"}')
        costs = {"size_mb": 1, "latency_ms_p50": 1, "latency_ms_p95": 1, "throughput": 1}
        compressed = Compressed(
            path=key,
            digest=key,
            candidates=[Candidate(name="full", recipe="full", chosen=True, **costs)],
        )
        run = self.pipeline_run(1)
        return register.fn(self.name, compressed, [objective()], run, {FINGERPRINT: "f"}).version

    def folder(self, number: str) -> Path:
        """The folder of a version in the artifact store."""
        model = self.client.get_model_version(self.name, number).source.rpartition("/")[2]
        return self.artifacts_folder / "models" / model / "artifacts"


def objective(rows: int = 1) -> Objective:
    """A regression of one text; its holdout and validation lie in the store."""
    regression = factories.objective("regression", "rmse", path="split/numbers", digest="numbers", validation=rows,
                                     holdout=rows, labels=[])  # fmt: skip
    frame = pd.DataFrame({"text": [f"text {n}" for n in range(rows)], "label": [f"{n}" for n in range(rows)],
                          "row_key": [f"key {n}" for n in range(rows)]})  # fmt: skip
    folder = artifact_store.folder(regression.sides)
    folder.mkdir(parents=True, exist_ok=True)
    for side in ("holdout", "validation"):
        frame.to_parquet(folder / f"{side}.parquet")
    return regression


def write_served(folder: Path, answer: float = 0.5) -> None:
    """Write the folder of a regression that answers every text with `answer`: what `nightshift.onnx.export` writes, in no time."""
    import onnx
    from onnx import TensorProto, helper
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder.mkdir(parents=True)
    nodes = [helper.make_node("Cast", ["input_ids"], ["floats"], to=TensorProto.FLOAT),
             helper.make_node("ReduceMean", ["floats"], ["logits"], axes=[1], keepdims=1)]  # fmt: skip
    graph = helper.make_graph(
        nodes, "mean",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", 1])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / "model.onnx"))
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[PAD]": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    head = {"kind": "regression", "labels": [], "separator": None, "pairs": False, "mean": answer, "std": 0.0}
    config = {"heads": {"main": head}, "main": "main", "outputs": {"main": "logits"}, "max_length": 16,
              "truncation_side": "right", "padding_side": "right", "pad_token_id": 1, "pad_token": "[PAD]"}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))

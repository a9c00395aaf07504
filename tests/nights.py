"""Nights that never were, in MLflow: what `tasks.tracking` and `tasks.register` leave of one, without a training."""

import time
from pathlib import Path

from tasks import ledger, tracking

DAY = 24 * 60 * 60


class Model:
    """A model's experiment, its nights and versions, made as `tasks.tracking` and `tasks.register` make them."""

    def __init__(self, home: Path, name: str) -> None:
        self.name, self.client = name, tracking.connect()
        self.place = home / "mlflow" / "artifacts" / name
        self.experiment = self.client.create_experiment(name, artifact_location=self.place.as_uri())
        self.files = home.parent / "files"
        self.files.mkdir(exist_ok=True)
        ledger.ensure(name)

    def run(self, days: float, status: str = "FINISHED", **tags: str) -> str:
        begun = int((time.time() - days * DAY) * 1000)
        run = self.client.create_run(self.experiment, start_time=begun, tags=tags).info.run_id
        self.client.log_text(run, "x" * 100, "notes/a.txt")
        if status != "RUNNING":
            self.client.set_terminated(run, status, end_time=begun + 1000)
        return run

    def night(self, days: float, status: str = "FINISHED") -> str:
        return self.run(days, status, **{tracking.FINGERPRINT: "f"})

    def candidate(self, night: str, days: float) -> str:
        return self.run(days, **{"mlflow.parentRunId": night})

    def logged(self, run: str, text: str = "weights") -> str:
        model = self.client.create_logged_model(self.experiment, name="model", source_run_id=run).model_id
        (self.files / "weights.txt").write_text(text)
        self.client.log_model_artifacts(model, str(self.files))
        self.client.finalize_logged_model(model, "READY")
        return model

    def version(self, run: str, alias: str = "") -> str:
        source = f"models:/{self.logged(run, run)}"
        number = str(self.client.create_model_version(self.name, source=source, run_id=run).version)
        if alias:
            self.client.set_registered_model_alias(self.name, alias, number)
        return number

    def runs(self) -> set[str]:
        return {run.info.run_id for run in self.client.search_runs([self.experiment])}

    def versions(self) -> set[str]:
        return {str(v.version) for v in self.client.search_model_versions(f"name = '{self.name}'")}

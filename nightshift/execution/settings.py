"""Settings of the runner of independent calls: no night's result depends on them."""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from nightshift.records import Settings

ADDRESS = re.compile(r"auto|[^\s:/@]+:\d{1,5}")


class ExecutionSettings(Settings):
    """Runner of candidates, seeds, single-task trainings, other teachers, the data stages of several objectives, and the
    parts of `nightshift predict --settings`.
    """

    runner: Literal["local", "ray"] = "local"
    """local: one after the other in the night's own process; ray: side by side as tasks of a Ray cluster, whose machine
    this is one of.
    """
    address: str | None = None
    """Address of the Ray cluster, as HOST:PORT or auto (the one that runs on this machine); if not set, one is started on
    this machine for the night.
    """
    cpus: int = Field(1, ge=1)
    """CPUs of each task, which are also its threads."""
    gpus: float = Field(0, ge=0)
    """GPUs of each task that trains or predicts; 0.5 lets two tasks share one."""
    max_retries: int = Field(2, ge=0)
    """Number of times that a task is run again if its node is lost; it continues from its last stored checkpoint."""

    @field_validator("address")
    @classmethod
    def _host_and_port(cls, address: str | None) -> str | None:
        if address is not None and not ADDRESS.fullmatch(address):
            raise ValueError("expected HOST:PORT of the cluster's head, such as 10.0.0.5:6379, or auto")
        return address

    @field_validator("gpus")
    @classmethod
    def _whole_above_one(cls, gpus: float) -> float:
        if gpus > 1 and gpus != int(gpus):
            raise ValueError("above 1 expected a whole number of GPUs")
        return gpus

    @model_validator(mode="after")
    def _ensure_ray_is_used(self) -> Self:
        fields = type(self).model_fields
        unused = [name for name in fields if name != "runner" and getattr(self, name) != fields[name].default]
        if self.runner == "local" and unused:
            raise ValueError(f"{unused[0]}: set runner: ray as well, or leave it out")
        return self

"""Records that the stages within compression pass on, like those of `nightshift.records`."""

from nightshift.records import Artifact, Cost


class TeacherLogits(Artifact):
    """`OBJECTIVE.npy` of each objective that is not generative: the teachers' logits on the transfer rows, in order."""

    seconds: float
    """Time that the teachers took."""


class Student(Artifact):
    """`checkpoint/`: a smaller model, made by one step from another."""

    parameters: int
    seconds: float
    """Time that the step took when it was run."""


class ExportedModel(Artifact):
    """`serving/`, a model as it is served, and `checkpoint/`, which it was exported from."""

    seconds: float
    """Time that the export and its conversion took."""


class Predictions(Artifact):
    """`answers/OBJECTIVE.parquet`: predictions of one side's rows, see `nightshift.evaluation.prediction_tables`."""


class Footprint(Artifact):
    """Memory and time that loading a model takes, see `nightshift.records.Cost`."""

    memory_mb: float
    load_ms: float


class RelativeLatency(Artifact):
    """Median latency of an exported model, as a share of full's."""

    share: float


class CandidateCosts(Artifact):
    """Costs of full and of its smaller forms by name, measured in turns."""

    costs: dict[str, Cost]

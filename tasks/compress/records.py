"""What passes between the steps of compression: records as in `nightshift.records`."""

from nightshift.records import Artifact, Cost


class Lesson(Artifact):
    """`OBJECTIVE.npy`: the teachers' logits on tonight's training rows, in their order, of each objective that judges."""

    seconds: float
    """That it took to ask them."""


class Student(Artifact):
    """`checkpoint/`: a smaller model, made by one step from another."""

    parameters: int
    seconds: float
    """That the step took, when it was taken."""


class Served(Artifact):
    """A model as it is served: `serving/`, and `checkpoint/`, which it was exported from."""

    seconds: float
    """That the export and its conversion took."""


class Answers(Artifact):
    """`answers/OBJECTIVE.parquet`: what a served model says to one side's rows, see `nightshift.evaluation.kinds`."""


class Footprint(Artifact):
    """What loading a model takes, see `nightshift.records.Cost`."""

    memory_mb: float
    load_ms: float


class Costs(Artifact):
    """What full and its smaller forms cost, measured in turns."""

    costs: dict[str, Cost]

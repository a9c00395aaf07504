"""What passes between the stages: small records that say where an output lies, its digest and a few counts.

A record never holds data. The folder it points to lies in the artifact store (`tasks.store`).
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Severity = Literal["critical", "warning", "info"]


class Settings(BaseModel):
    """Base of every stage's settings: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    def fingerprint(self) -> str:
        """The text that stands for these settings in cache keys and in the night's fingerprint."""
        return self.model_dump_json()


class Artifact(BaseModel):
    """A stage's output: a folder in the store. The stage wrapper fills in both fields."""

    path: str = ""
    """Folder, relative to the store's root."""
    digest: str = ""
    """sha256 over the folder's files, but for those under `measured/`."""


class Source(BaseModel):
    """One input file (or data set) as found tonight."""

    path: str
    """Absolute path, or the `hf:` address of a data set."""
    sha256: str
    side: Literal["", "holdout"] = ""
    """`holdout` where the settings name this file as the explicit holdout."""


class Rows(Artifact):
    """`rows.parquet`: every record read, none left out.

    Columns: `text`, `text_pair` (only for pairs), `label`, `group` and `timestamp` (only where named), `problem`
    (why the record is unreadable, else null), `source` (file name), `row` (record number, from 1), `side`,
    `row_key`, `side_key`, `original` (the whole record as a JSON object).
    """

    read: int


class ExpectationResult(BaseModel):
    """One expectation's outcome, as `validate --json` prints it."""

    name: str
    column: str | None
    severity: Severity
    success: bool
    unexpected: int | None
    observed: str


class Checked(Artifact):
    """`rows.parquet` (the rows kept, columns as in `Rows`), `quarantine.csv`, `measured/data_docs/index.html`."""

    status: Literal["passed", "stopped"]
    reason: str
    read: int
    kept: int
    quarantined: dict[str, int]
    """Rows by reason: unreadable, missing, unknown label, conflict, duplicate, outlier."""
    expectations: list[ExpectationResult]


class Sides(Artifact):
    """`train.parquet`, `validation.parquet`, `holdout.parquet`, `spare.parquet`, `quarantine.csv` (the leaks)."""

    train: int
    validation: int
    holdout: int
    spare: int
    leaks: int
    labels: list[str]
    """All labels, sorted: a label's place is its id in every model of the night."""
    pairs: bool


class Augmented(Artifact):
    """`train.parquet`: the training rows and their augmented copies (column `copy`: 0 for the original)."""

    augmented: int


class Trained(Artifact):
    """`model/` (a Hugging Face checkpoint, safetensors), `measured/history.json` (the Trainer's log history)."""

    parameters: int
    layers: list[dict[str, Any]]
    """Name, shape and parameters of every top-level part, for the table in MLflow."""
    precision: str
    device: str


class Cost(BaseModel):
    """What serving costs, measured on this machine tonight."""

    size_mb: float
    """Model file, 10^6 bytes."""
    latency_ms_p50: float
    """One text at a time."""
    latency_ms_p95: float
    throughput: float
    """Texts a second in batches of 32."""


class Evaluated(Artifact):
    """`validation.parquet` and `holdout.parquet` (row_key, label, predicted, one score a label), pictures."""

    validation: dict[str, float]
    holdout: dict[str, float]
    per_class: dict[str, dict[str, float]]
    baseline: dict[str, float]
    """TF-IDF with logistic regression, on the same holdout rows."""
    majority: dict[str, float]
    """Always the commonest training label, on the same holdout rows."""
    cost: Cost


class Candidate(BaseModel):
    """`full` or a compressed form of it, measured on the same rows and the same machine."""

    name: str
    recipe: str
    accuracy: float
    macro_f1: float
    size_mb: float
    latency_ms_p50: float
    latency_ms_p95: float
    throughput: float
    validation: dict[str, float] = Field(default_factory=dict)
    flips: int = 0
    """Holdout rows on which it says something else than full."""
    difference: float = 0.0
    """Its metric minus full's, on the holdout."""
    lower: float = 0.0
    """One-sided lower confidence limit of that difference."""
    qualifies: bool = False
    confirmed: bool = False
    chosen: bool = False
    why: str = ""


class Compressed(Artifact):
    """A folder a candidate: `NAME/model.onnx`, `NAME/checkpoint/`, `NAME/holdout.parquet`; `pareto.png`."""

    candidates: list[Candidate]
    chosen: str


class Registered(BaseModel):
    """A version in the registry."""

    name: str
    version: str
    run_id: str

    @property
    def uri(self) -> str:
        """Its address for `mlflow.pyfunc.load_model`."""
        return f"models:/{self.name}/{self.version}"


class Standing(BaseModel):
    """The versions that tonight's challenger is compared with."""

    champion: str | None
    anchor: str | None


class Verdict(Artifact):
    """The gate's decision. `predictions.parquet`: labels and both models' answers on tonight's holdout."""

    decision: Literal["promote", "hold"]
    claim: Literal["first", "better", "cheaper"] | None = None
    reasons: list[str]
    metrics: dict[str, float] = Field(default_factory=dict)
    """The challenger's, as registered, on the holdout."""
    champion_metrics: dict[str, float] = Field(default_factory=dict)
    champion_version: str | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    margin: float | None = None
    confidence: float | None = None


class NightResult(BaseModel):
    """What `nightshift run --json` prints."""

    status: Literal["promoted", "held", "skipped", "stopped"]
    reason: str
    model: str
    version: str | None = None
    champion_version: str | None = None
    mlflow_run_id: str | None = None
    flow_run_id: str | None = None
    rows: dict[str, int]
    metrics: dict[str, float] | None = None
    baseline: dict[str, float] | None = None
    candidates: list[Candidate] = Field(default_factory=list)
    gate: dict[str, Any] | None = None
    report: str | None = None
    seconds: dict[str, float] = Field(default_factory=dict)

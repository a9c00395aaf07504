"""What passes between the stages: small records that say where an output lies, its digest and a few counts.

A record never holds data. The folder it points to lies in the artifact store (`nightshift.store.artifact_store`).
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift import generation_config

Severity = Literal["critical", "warning", "info"]
Kind = Literal["classification", "regression", "generation", "text2text"]
GENERATIVE: tuple[Kind, ...] = ("generation", "text2text")
"""Kinds that answer with text."""
Metric = Literal["accuracy", "macro_f1", "weighted_f1", "pearson", "spearman", "rmse", "loss", "exact_match", "chrf"]
Claim = Literal["better", "cheaper"]
MAIN = "main"
"""The objective's name where a night has one only."""


class Settings(BaseModel):
    """Base of every stage's settings: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    def fingerprint(self) -> str:
        """The text that stands for these settings in cache keys and in the night's fingerprint."""
        return self.model_dump_json()


class Artifact(BaseModel):
    """A stage's output: a folder in the store. The stage wrapper fills in the fields."""

    path: str = ""
    """Folder, relative to the store's root."""
    digest: str = ""
    """sha256 over the folder's files, but for those under `measured/`."""
    measured: str = ""
    """sha256 over the files under `measured/`; no stage's key depends on it."""


class Source(BaseModel):
    """One input file (or data set) as found tonight."""

    path: str
    """Absolute path, or the `hf:` address of a data set."""
    sha256: str
    side: Literal["", "holdout", "unlabelled", "exclude"] = ""
    """`holdout` for the explicit holdout, `exclude` for the file of what must go."""


class Rows(Artifact):
    """`rows.parquet`: every record read, none left out.

    Columns: `text`, `text_pair` (only for pairs), `label`, `group` and `timestamp` (only where named), `problem`
    (why the record is unreadable, else null), `source` (file name), `row` (record number, from 1), `side`,
    `row_key`, `side_key`, `original` (the whole record as a JSON object), `excluded` (whether `data.exclude` names it;
    of such a row only its place and its `row_key` are written).
    `unlabelled.parquet`: the readable rows of `data.unlabelled`, once each: texts and `row_key`.
    """

    read: int
    unlabelled: int = 0
    """Records of `data.unlabelled`; they are no part of those read."""


class ExpectationResult(BaseModel):
    """One expectation's outcome, as `validate --json` prints it."""

    name: str
    column: str | None
    severity: Severity
    success: bool
    unexpected: int | None
    observed: str


class Checked(Artifact):
    """`rows.parquet` (the rows kept, columns as in `Rows` but for `excluded`), `quarantine.csv`, `measured/data_docs/index.html`;
    `unlabelled.parquet` as in `Rows`.
    """

    status: Literal["passed", "stopped"]
    reason: str
    read: int
    kept: int
    quarantined: dict[str, int]
    """Rows by reason: excluded, unreadable, missing, no number, unknown label, conflict, duplicate, outlier."""
    expectations: list[ExpectationResult]


class Sides(Artifact):
    """`train.parquet`, `validation.parquet`, `holdout.parquet`, `spare.parquet`, `quarantine.csv` (leaks, and what
    `train.window` leaves out), `unlabelled.parquet`.
    """

    train: int
    validation: int
    holdout: int
    spare: int
    leaks: int
    windowed: int = 0
    """Training rows outside `train.window`; they stand in the quarantine."""
    unlabelled: int = 0
    """Texts without labels that students learn from besides: none that stands among the rows, none of a side that judges."""
    labels: list[str]
    """The labels of the training rows, sorted: a label's place is its id in every model of the night. Empty but for classification."""
    untrained: dict[str, int] = Field(default_factory=dict)
    """Labels that no training row has, with the validation and holdout rows that carry each: no model answers with them."""
    separator: str | None = None
    """What joins a row's labels, where it may have several (multi-label)."""
    pairs: bool


class Augmented(Artifact):
    """`train.parquet`: the training rows and their augmented copies (column `copy`: 0 for the original).
    `unlabelled.parquet`: the texts of `Sides`, and pieces of the training rows.
    """

    augmented: int
    unlabelled: int = 0
    """Texts without labels that students learn from."""


class GenerationSettings(Settings):
    """Defaults for generating text, with the names of transformers' GenerationConfig; a request may override them."""

    max_new_tokens: int = Field(64, ge=1, le=generation_config.MAX_NEW_TOKENS)
    """Maximum number of tokens to generate."""
    temperature: float = Field(0.0, ge=0, le=100)
    """Sampling temperature; 0: greedy decoding."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Cumulative probability of the most likely tokens that are sampled from (nucleus sampling); 1: all tokens."""
    top_k: int = Field(0, ge=0)
    """Number of most likely tokens that are sampled from; 0: all tokens."""
    repetition_penalty: float = Field(1.0, gt=0, le=100)
    """Penalty of tokens that occur in the prompt or in the generated text; 1: no penalty."""
    stop_strings: list[Annotated[str, Field(min_length=1)]] = Field([], max_length=generation_config.MAX_STOP_STRINGS)
    """Strings before which generation stops."""

    @property
    def is_changed(self) -> bool:
        """Return True if anything is not as it is by default."""
        return self.model_dump() != GenerationSettings().model_dump()


class Objective(BaseModel):
    """One thing that tonight's model learns, and where its rows lie."""

    name: str
    """`main` where it is the only one."""
    kind: Kind
    metric: Metric
    """What better and worse are measured by."""
    weight: float = 1.0
    """Of its loss in training and of its metric in the weighted sum."""
    role: Literal["main", "auxiliary"] = "main"
    generation: GenerationSettings = GenerationSettings()
    """How it writes, where it does."""
    sides: Sides
    augmented: Augmented


class Start(BaseModel):
    """The champion's weights, from which tonight's training goes on."""

    version: str
    path: str
    """Folder with its full checkpoint, relative to NIGHTSHIFT_HOME."""


class Trained(Artifact):
    """`model/` (a Hugging Face checkpoint, safetensors), `trained_keys.parquet` (`row_key` of all rows that these
    weights were ever trained on), `measured/history.json` (the Trainer's log history).
    """

    parameters: int
    layers: list[dict[str, Any]]
    """Name, shape and parameters of every top-level part, for the table in MLflow."""
    precision: str
    device: str
    figures: dict[str, float] = Field(default_factory=dict)
    """Rows and tokens a second, padding share, model FLOPs utilization, halvings of the micro-batch."""
    stopped: str = ""
    """Why the training ended before its last step; empty where it did not."""
    best: str = ""
    """Which checkpoint was chosen on validation, in words; empty where the weights are those of the last step."""
    best_step: int | None = None
    """Step of the checkpoint that was chosen on validation."""
    selected_by: str = "loss"
    """The metric by which checkpoints were chosen, or the loss where none was."""
    start: str | None = None
    """The champion's version whose weights it went on from."""


class Cost(BaseModel):
    """What serving costs, measured on this machine tonight."""

    size_mb: float
    """The model's files, weights beside a graph included, 10^6 bytes."""
    latency_ms_p50: float
    """One text at a time, tokenization included."""
    latency_ms_p95: float
    throughput: float
    """Texts a second in batches of 32."""
    memory_mb: float | None = None
    """Peak of a process that does nothing else, 10^6 bytes; where there are candidates to compare."""
    load_ms: float | None = None
    """From the libraries loaded to a model that answers; likewise."""


class Evaluated(Artifact):
    """`validation/OBJECTIVE.parquet` and `holdout/OBJECTIVE.parquet` (full's answers, see `nightshift.evaluation.kinds`);
    `baseline/OBJECTIVE.parquet` and `dummy/OBJECTIVE.parquet`, the answers of these on the holdout.

    The names of metrics carry their objective, `OBJECTIVE/accuracy`, where there are several.
    """

    validation: dict[str, float]
    holdout: dict[str, float]
    per_class: dict[str, dict[str, float]]
    """Precision, recall and F1 of each label, of classification."""
    baseline: dict[str, float]
    """Metrics of a simple model on the same holdout rows; empty where the baseline of an objective was left out."""
    dummy: dict[str, float]
    """Metrics of what reads no text: the commonest label, the mean score, the unigram model."""
    baselines: dict[str, str]
    """By objective, what its baseline is: TF-IDF with logistic regression, the unigram model, ..."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """By objective, why it has no baseline."""
    samples: dict[str, list[dict[str, str]]] = Field(default_factory=dict)
    """By objective, of what a generative one writes: `prompt`, `answer` and, where known, `expected`."""
    tokenization: dict[str, str] = Field(default_factory=dict)
    """By objective, how answers of text2text are cut into words for BLEU and ROUGE-L."""


class Candidate(Cost):
    """`full` or a compressed form of it, measured on the same rows and the same machine."""

    model_config = ConfigDict(frozen=True)

    name: str
    recipe: str
    accuracy: float | None = None
    macro_f1: float | None = None
    holdout: dict[str, float] = Field(default_factory=dict)
    validation: dict[str, float] = Field(default_factory=dict)
    seconds: float | None = None
    """To make it from full: each step of the recipe, whenever it was taken, and the export."""
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
    """A folder a candidate: `NAME/serving/`, `NAME/checkpoint/`, `NAME/SIDE/OBJECTIVE.parquet`."""

    candidates: list[Candidate]

    @property
    def chosen(self) -> Candidate:
        """The candidate that is put forward."""
        return next(candidate for candidate in self.candidates if candidate.chosen)


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
    """What tonight's challenger is compared with, and what its comparison may still spend."""

    champion: str | None
    anchor: str | None
    spent: int = 0
    """Claims tested within a year on the holdout in use."""
    alpha: float = 0.0
    """What these tests have spent of the year's error budget."""


class Compared(BaseModel):
    """A metric of the challenger minus the champion's, with one-sided limits."""

    difference: float
    interval: tuple[float, float]
    confidence: float


class Slice(BaseModel):
    """Challenger and champion on the rows of the holdout that have something in common."""

    objective: str
    by: str
    """label, length, or the name of a column."""
    value: str
    rows: int
    challenger: float
    """Its mean score: the share of rows that are right or, of other metrics, a value in which more is better."""
    champion: float
    difference: float
    interval: tuple[float, float] | None = None
    """One-sided confidence limits of the difference; none where there are too few rows for a test."""
    p: float | None = None
    """Of "not worse by more than the margin", one-sided; likewise."""
    worse: bool = False
    """Whether that is ruled out, after Holm's correction over all slices."""


class Verdict(Artifact):
    """The gate's decision. `ROLE/OBJECTIVE.parquet`: what challenger, champion and anchor answer on tonight's holdout;
    `measured/lost.csv`: the rows that the champion has right and the challenger wrong.
    """

    decision: Literal["promote", "hold"]
    claim: Literal["first", "better", "cheaper"] | None = None
    reasons: list[str]
    metrics: dict[str, float] = Field(default_factory=dict)
    """The challenger's, as registered, on the holdout."""
    champion_metrics: dict[str, float] = Field(default_factory=dict)
    champion_version: str | None = None
    tested: Claim | None = None
    """The claim that was tested on the holdout, *cheaper* where both were; None where nothing was spent."""
    alpha: float | None = None
    """What the test spent of the year's error budget; None where nothing was."""
    validation: Compared | None = None
    """The difference on validation, by which a test on the holdout is held to be worth it."""
    difference: float | None = None
    """From the champion on the holdout; with its interval None where nothing was tested."""
    interval: tuple[float, float] | None = None
    margin: float | None = None
    confidence: float | None = None
    """Of the interval's one-sided limits."""
    spent: int | None = None
    """Tests of the year that are spent, tonight's among them."""
    spread: float | None = None
    """Standard deviation, on validation, of trainings that differ in their seed; None of one alone."""
    seen: int = 0
    """Holdout rows that do not count: challenger, champion or anchor were trained on them."""
    slices: list[Slice] = Field(default_factory=list)
    """Of the holdout, against the champion."""
    gained: int | None = None
    """Rows that the challenger alone has right, of what is right or wrong (labels, exact matches)."""
    lost: int | None = None
    """Rows that the champion alone had right."""
    noised: dict[str, float] = Field(default_factory=dict)
    """The challenger's metrics on the holdout with typing errors, where `gate.max_typo_drop` asks for them."""


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
    changed: str = ""
    """What changed since the last night that finished; empty where the night is skipped."""
    carried_by: list[str] = Field(default_factory=list)
    """Versions that were trained on a row which `data.exclude` names, the champion first."""
    report: str | None = None
    seconds: dict[str, float] = Field(default_factory=dict)

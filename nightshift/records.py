"""Records that stages pass to each other: the location of an output, its digest and a few counts.

A record never holds data. The folder it points to lies in the artifact store (`nightshift.store.artifact_store`).
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift import generation_config
from nightshift.text_cleaning import Cleaning

Severity = Literal["critical", "warning", "info"]
Kind = Literal["classification", "regression", "generation", "text2text"]
GENERATIVE: tuple[Kind, ...] = ("generation", "text2text")
"""Kinds that generate text."""
Metric = Literal["accuracy", "macro_f1", "weighted_f1", "pearson", "spearman", "rmse", "loss", "exact_match", "chrf"]
Claim = Literal["better", "cheaper"]
MAIN = "main"
"""Name of the objective of a run that has only one."""


class Settings(BaseModel):
    """Base of every stage's settings: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    def fingerprint(self) -> str:
        """Return the text that represents these settings in the cache keys of stages."""
        return self.model_dump_json()


class Artifact(BaseModel):
    """Output of a stage: a folder in the store. The stage decorator fills in the fields."""

    path: str = ""
    """Folder, relative to the store's root."""
    digest: str = ""
    """SHA-256 of the folder's files, without those under `measured/`."""
    measured: str = ""
    """SHA-256 of the files under `measured/`, on which no cache key depends."""


class Source(BaseModel):
    """Input file or dataset, with its current digest."""

    path: str
    """Absolute path, or the `hf:` address of a dataset."""
    sha256: str
    side: Literal["", "holdout", "unlabelled", "exclude", "corrections"] = ""
    """`holdout` for the holdout file, `unlabelled`, `exclude` and `corrections` for the files of these settings."""
    partitions: dict[str, str | None] = Field(default_factory=dict)
    """Columns that the names of its folders give, such as `day` by `day=2026-11-28`."""


class CleaningResult(BaseModel):
    """Rows that a step of `data.cleaning` changed."""

    step: str
    """The setting, such as `html` or `mask: urls`."""
    rows: int
    samples: list[tuple[str, str]] = Field(default_factory=list)
    """Texts before and after the step, near the first difference."""


class CorrectionCounts(BaseModel):
    """Effect of `data.corrections`, in rows and entries."""

    relabelled: int = 0
    """Rows that have their label from a correction."""
    dropped: int = 0
    """Rows that a correction sends to the quarantine."""
    kept: int = 0
    """Rows that a person has looked at and that stay as they are."""
    undecided: int = 0
    """Entries without a decision."""
    unknown: int = 0
    """Row keys with a decision of which there is no row."""
    unused: int = 0
    """Texts of `data.unlabelled` with a label that are no rows, as the split needs their time or order."""
    new_labels: dict[str, int] = Field(default_factory=dict)
    """Labels of a classification that no row has but by a correction, with their numbers of rows."""


class Rows(Artifact):
    """`rows.parquet`: all records that were read.

    Columns: `text`, `text_pair` (only for pairs), `label` (all three null where blank), `group` and `timestamp` (only where named), `problem`
    (why the record is unreadable, else null), `source` (file name), `row` (record number, from 1), `side`,
    `row_key`, `side_key`, `original` (the whole record as a JSON object), `excluded` (whether `data.exclude` names it;
    of such a row only its place and its `row_key` are written), `dropped` (whether `data.corrections` drops it); with `data.cleaning` also `raw_text`, `raw_text_pair` and `raw_key`
    (texts as they were read, and their key, null where they are those of the row).
    `unlabelled.parquet`: the readable rows of `data.unlabelled`, once each: texts and `row_key`.
    `decided.parquet`: the rows that `data.corrections` decides on, once each: `row_key` and `decision` (keep, relabel or drop).
    """

    read: int
    unlabelled: int = 0
    """Number of records of `data.unlabelled`, which `read` does not count."""
    mapped_labels: dict[str, int] = Field(default_factory=dict)
    """Number of labels that `data.label_map` has replaced, by the label that was replaced."""
    missing_words: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Number of cells that hold only a word that says nothing and count as missing, by column and word."""
    cleaning: list[CleaningResult] = Field(default_factory=list)
    """Changes by each step of `data.cleaning`, in their order."""
    corrections: CorrectionCounts | None = None
    """Effect of `data.corrections`; None without such files."""


class ChampionRows(Artifact):
    """Profile of the rows that the champion's night kept (`nightshift.data.row_profile`)."""

    path: str = ""
    """Folder, relative to NIGHTSHIFT_HOME."""
    version: str
    """The champion's version."""


class ExpectationResult(BaseModel):
    """Outcome of an expectation, as `validate --json` prints it."""

    name: str
    column: str | None
    severity: Severity
    success: bool
    unexpected: int | None
    observed: str


class RowSample(BaseModel):
    """Beginning of a row, as a person sees it."""

    source: str
    row: int
    text: str
    label: str | None = None


class LabelCount(BaseModel):
    """Label with its numbers of rows; a row with several labels counts for each."""

    label: str
    read: int
    """Rows that can be read and have a text."""
    kept: int
    """Rows that were not quarantined."""


class Checked(Artifact):
    """`rows.parquet` (the rows that were kept, columns as in `Rows` without `excluded` and `dropped`), `quarantine.csv`, `measured/data_docs/index.html`;
    `measured/profile/` (profile of the rows that were kept) and `measured/drift.json` (new rows since the champion's night);
    `measured/samples.json` (rows that fail, for each of `expectations`, unless switched off), `measured/lengths.json`; `unlabelled.parquet` and `decided.parquet` as in `Rows`.
    """

    status: Literal["passed", "stopped"]
    reason: str
    read: int
    kept: int
    quarantined: dict[str, int]
    """Number of rows by reason, such as excluded, unreadable, missing, unknown label, mojibake, conflict or duplicate."""
    expectations: list[ExpectationResult]
    labels: list[LabelCount] = Field(default_factory=list)
    """The most frequent labels of a classification."""
    num_labels: int = 0
    """Number of different labels of a classification."""
    mapped_labels: dict[str, int] = Field(default_factory=dict)
    missing_words: dict[str, dict[str, int]] = Field(default_factory=dict)
    """As in `Rows`, with the labels."""
    label_map: dict[str, str] = Field(default_factory=dict)
    """Proposal for `data.label_map`: it joins the labels that differ in their spelling only."""
    warnings: list[str] = Field(default_factory=list)
    """Sentences on what a person should look at."""
    notices: list[str] = Field(default_factory=list)
    """Sentences on what the settings have changed or left out."""
    cleaning: list[CleaningResult] = Field(default_factory=list)
    """Changes by each step of `data.cleaning`, in their order."""
    corrections: CorrectionCounts | None = None
    """Effect of `data.corrections`; None without such files."""


class Sides(Artifact):
    """`train.parquet`, `validation.parquet`, `holdout.parquet`, `spare.parquet`, `quarantine.csv` (leaks, near
    leaks, and what `train.window` leaves out), `unlabelled.parquet`.
    """

    train: int
    validation: int
    holdout: int
    spare: int
    leaks: int
    near_leaks: int = 0
    """Number of training and validation rows with nearly the text of a holdout row, which are in the quarantine."""
    near_leaks_kept: int = 0
    """Number of such rows that stay, as `split.near_leaks` is `info`."""
    windowed: int = 0
    """Number of training rows outside `train.window`, which are in the quarantine."""
    unlabelled: int = 0
    """Number of texts without labels that student models learn from, all of which differ from the texts of the rows."""
    labels: list[str]
    """Sorted labels of the training rows, whose index is the label id in every model; empty unless classification."""
    untrained: dict[str, int] = Field(default_factory=dict)
    """Labels without training rows, which no model predicts, with their number of validation and holdout rows."""
    separator: str | None = None
    """Separator of a row's labels, if it may have several (multi-label)."""
    pairs: bool


class Augmented(Artifact):
    """`train.parquet`: the training rows and their augmented copies (column `copy`: 0 for the original).
    `unlabelled.parquet`: the texts of `Sides`, and n-grams of the training rows.
    """

    augmented: int
    unlabelled: int = 0
    """Number of texts without labels that student models learn from."""


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
        """Return True if a value differs from its default."""
        return self.model_dump() != GenerationSettings().model_dump()


class Objective(BaseModel):
    """Objective that the model learns, with its rows."""

    name: str
    """`main` if it is the only one."""
    kind: Kind
    metric: Metric
    """Metric that decides what is better."""
    weight: float = 1.0
    """Weight of its loss in training and of its metric in the weighted sum."""
    role: Literal["main", "auxiliary"] = "main"
    generation: GenerationSettings = GenerationSettings()
    """Defaults for generating text."""
    cleaning: Cleaning | None = None
    """Cleaning of its texts, which the model applies to those that it is asked about."""
    sides: Sides
    augmented: Augmented


class WarmStart(Artifact):
    """The champion's uncompressed checkpoint, to continue from (warm start) or to learn from: the files of
    `tracking.FULL` of its run.
    """

    version: str


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
    """Rows and tokens per second, fraction of padding, model FLOPs utilization, halvings of the micro-batch."""
    stopped: str = ""
    """Reason for which the training ended before its last step; empty if it did not."""
    best: str = ""
    """Checkpoint that was chosen on validation, in words; empty if the weights are those of the last step."""
    best_step: int | None = None
    """Step of the checkpoint that was chosen on validation."""
    selected_by: str = "loss"
    """Metric by which the checkpoint was chosen, or the loss if none was chosen."""
    start: str | None = None
    """Version of the champion from whose weights the training continued."""


class Cost(BaseModel):
    """Serving cost of a model, measured on this machine."""

    size_mb: float
    """Size of the model's files, with external weights, in 10^6 bytes."""
    latency_ms_p50: float
    """Latency of a single text with tokenization, median, in milliseconds."""
    latency_ms_p95: float
    throughput: float
    """Texts per second in batches of 32."""
    memory_mb: float | None = None
    """Peak memory of a process with this model only, in 10^6 bytes; measured if there are candidates to compare."""
    load_ms: float | None = None
    """Time to load the model after the libraries, in milliseconds; measured if there are candidates to compare."""


class Evaluated(Artifact):
    """`validation/OBJECTIVE.parquet` and `holdout/OBJECTIVE.parquet` (predictions of full, see `nightshift.evaluation.prediction_tables`);
    `baseline/OBJECTIVE.parquet` and `dummy/OBJECTIVE.parquet`, the answers of these on the holdout.

    The names of metrics carry their objective, `OBJECTIVE/accuracy`, where there are several.
    """

    validation: dict[str, float]
    holdout: dict[str, float]
    per_class: dict[str, dict[str, float]]
    """Precision, recall and F1 by label, for classification."""
    baseline: dict[str, float]
    """Metrics of the baseline on the same holdout rows; empty if the baseline of an objective was left out."""
    dummy: dict[str, float]
    """Metrics of the dummy, which reads no text: the most frequent label, the mean, or the unigram model."""
    baselines: dict[str, str]
    """Description of the baseline by objective, such as TF-IDF with logistic regression."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """Reason for which an objective has no baseline, by objective."""
    samples: dict[str, list[dict[str, str]]] = Field(default_factory=dict)
    """Samples of generated text by objective: `prompt`, `answer` and, if known, `expected`."""
    tokenization: dict[str, str] = Field(default_factory=dict)
    """Tokenization of text2text's texts for BLEU and ROUGE-L, by objective."""


class Candidate(Cost):
    """`full` or a compressed form of it, evaluated on the same rows and measured on the same machine."""

    model_config = ConfigDict(frozen=True)

    name: str
    recipe: str
    accuracy: float | None = None
    macro_f1: float | None = None
    holdout: dict[str, float] = Field(default_factory=dict)
    validation: dict[str, float] = Field(default_factory=dict)
    seconds: float | None = None
    """Time to make it from full, cached steps of the recipe and the export included."""
    flips: int = 0
    """Number of holdout rows with another prediction than full's."""
    difference: float = 0.0
    """Metric minus that of full, on the holdout."""
    lower: float = 0.0
    """Lower one-sided confidence limit of that difference."""
    qualifies: bool = False
    confirmed: bool = False
    chosen: bool = False
    why: str = ""


class Compressed(Artifact):
    """A folder for the chosen candidate: `NAME/serving/`, `NAME/checkpoint/`, `NAME/SIDE/OBJECTIVE.parquet`."""

    candidates: list[Candidate]
    exports: dict[str, str] = Field(default_factory=dict)
    """Path in the store of each exported model, by candidate; `nightshift clean` deletes them after a day."""

    @property
    def chosen_candidate(self) -> Candidate:
        """Candidate that goes to the gate."""
        return next(candidate for candidate in self.candidates if candidate.chosen)


class Registered(BaseModel):
    """Version in the model registry."""

    name: str
    version: str
    run_id: str

    @property
    def uri(self) -> str:
        """Model URI for `mlflow.pyfunc.load_model`."""
        return f"models:/{self.name}/{self.version}"


class BudgetState(BaseModel):
    """Account of the tests on the holdout so far, from the ledger."""

    model_config = ConfigDict(frozen=True)

    num_tests: int = 0
    """Number of claims tested on the active holdout within 365 days."""
    alpha_spent: float = 0.0
    """Error probability that these tests have spent of the year's budget."""
    num_compared: int = 0
    """Number of challengers that were compared with the champion of today."""
    num_likely: int = 0
    """Number of those that validation made likely, so that a claim was tested."""


class RegistryState(BaseModel):
    """Versions that the challenger is compared with, and the error budget that is spent."""

    champion: str | None
    anchor: str | None
    rolled_back: str | None = None
    """Version that was rolled back and not replaced by a better one since; it must be beaten, too."""
    budget: BudgetState = BudgetState()
    challenger: str | None = None
    """Last version that was held since the champion was promoted: the last night's challenger."""


class Compared(BaseModel):
    """Difference of a metric between challenger and champion, with one-sided confidence limits."""

    difference: float
    interval: tuple[float, float]
    confidence: float


class Slice(BaseModel):
    """Comparison of challenger and champion on a slice of the holdout."""

    objective: str
    by: str
    """`label`, `length`, or the name of a column."""
    value: str
    rows: int
    challenger: float
    """Mean score of the challenger: the fraction of correct rows or, for other metrics, a value of which more is
    better.
    """
    champion: float
    difference: float
    interval: tuple[float, float] | None = None
    """Confidence limits of the difference, one-sided; None if there are too few rows for a test."""
    p: float | None = None
    """P-value, one-sided, of H0 "not worse by more than the margin"; None if there are too few rows."""
    worse: bool = False
    """True if H0 is rejected after Holm's correction over all slices."""


class FreshEvidence(BaseModel):
    """Evidence of new rows that retraining is better than keeping the champion."""

    wealth: float
    """Evidence as odds, 1 at the start: if retraining is no better, it ever exceeds K with a probability of at most 1 / K."""
    required: float
    """Wealth from which on a challenger is promoted: 1 / alpha."""
    shown: bool
    alpha: float
    """Error probability of a year's tests on new rows, which the tests on the holdout cannot spend."""
    rows: int = 0
    """Rows that were counted with this champion."""
    runs: int = 0
    """Runs in which some were."""
    new_rows: int = 0
    """Rows that were counted tonight."""
    challenger: str = ""
    """Version that was compared with the champion tonight: the last night's challenger; empty if none was."""
    note: str = ""
    """Reason why no rows were counted tonight; empty if some were."""


class Verdict(Artifact):
    """Decision of the gate. `ROLE/OBJECTIVE.parquet`: predictions of challenger, champion and anchor on the holdout;
    `validation/ROLE/OBJECTIVE.parquet`: those on validation;
    `measured/lost.csv`: the rows that the champion has right and the challenger wrong.
    """

    decision: Literal["promote", "hold"]
    claim: Literal["first", "better", "cheaper"] | None = None
    reasons: list[str]
    metrics: dict[str, float] = Field(default_factory=dict)
    """Metrics of the registered challenger on the holdout."""
    champion_metrics: dict[str, float] = Field(default_factory=dict)
    champion_version: str | None = None
    tested: Claim | None = None
    """Claim that was tested on the holdout, *cheaper* if both were; None if none was."""
    alpha: float | None = None
    """Error probability that the test spent of the year's budget; None if there was no test."""
    validation: Compared | None = None
    """Difference on validation, which decides whether the holdout is tested."""
    difference: float | None = None
    """Difference from the champion on the holdout; None if there was no test."""
    interval: tuple[float, float] | None = None
    margin: float | None = None
    confidence: float | None = None
    """Confidence level of the interval's one-sided limits."""
    spent: int | None = None
    """Number of tests within a year, this one included."""
    spread: float | None = None
    """Standard deviation of the metric over trainings with different seeds, without row noise; None for a single training."""
    seen: int = 0
    """Number of holdout rows that are left out because challenger, champion or anchor were trained on them."""
    slices: list[Slice] = Field(default_factory=list)
    """Slices of the holdout, compared with the champion."""
    effective_rows: float | None = None
    """Number of holdout rows of equal weight that tell as much as the weighted ones; None if all weigh the same."""
    gained: int | None = None
    """Number of rows that only the challenger predicts correctly (labels, exact matches)."""
    lost: int | None = None
    """Number of rows that only the champion predicts correctly."""
    noised: dict[str, float] = Field(default_factory=dict)
    """Metrics of the challenger on the holdout with typing errors, if `gate.max_typo_drop` is set."""
    evidence: Literal["holdout", "fresh"] | None = None
    """Basis of the promotion: a test on the holdout, or new rows; None for a first version, and if it is held."""
    fresh: FreshEvidence | None = None
    """Evidence of new rows; None if they are not used."""


class Reviewed(Artifact):
    """`review.csv`: training, validation and unlabelled rows that a person is asked about, with the columns of
    `nightshift.data.review_columns`; it has no text where `expectations.samples` is 0.
    """

    listed: dict[str, int] = Field(default_factory=dict)
    """Number of rows in the list by reason."""
    candidates: dict[str, int] = Field(default_factory=dict)
    """Number of rows by reason from which the list was taken."""
    holdout: dict[str, int] = Field(default_factory=dict)
    """Number of holdout rows by reason, of which none is in the list."""
    estimated_errors: int | None = None
    """Number of training and validation rows that are confidently in another class than their label (the confident joint off
    its diagonal); None where label errors are not searched.
    """
    estimated_from: int | None = None
    """Number of rows that it looked at: fewer than there are where it took a sample."""
    notices: list[str] = Field(default_factory=list)
    """Sentences on what the list leaves out."""


class NightResult(BaseModel):
    """Result of a run, as `nightshift run --json` prints it."""

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
    """Changes since the last run that finished; empty if the run is skipped."""
    carried_by: list[str] = Field(default_factory=list)
    """Versions that were trained on rows of `data.exclude`, the champion first."""
    report: str | None = None
    reviews: list[str] = Field(default_factory=list)
    """Files with the rows that a person is asked about."""
    seconds: dict[str, float] = Field(default_factory=dict)

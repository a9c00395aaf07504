"""Settings of the checks of the data gate, apart from `expectations`, which takes seconds to import Great Expectations."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from nightshift.records import Kind, Settings, Severity


def _read_yaml_off(severity: Any) -> Any:
    return "off" if severity is False else severity  # YAML reads off as false


class TableCheck(Settings):
    """Severity of a check of the whole table."""

    severity: Annotated[Severity | Literal["off"], BeforeValidator(_read_yaml_off)] = "info"
    """critical: the run stops if it fails; warning and info: it is only reported; off: no check."""


class DriftCheck(Settings):
    """Severity of a check of new rows, and the size of a shift that counts."""

    severity: Annotated[Severity | Literal["off"], BeforeValidator(_read_yaml_off)] = "warning"
    """critical: the run stops if new rows have drifted; warning and info: it is only reported; off: no check."""
    min_effect: float = Field(0.05, ge=0, le=1)
    """Size of the shift from which it counts, if it is also significant."""


class Check(Settings):
    """Severity and threshold of a row check."""

    severity: Annotated[Severity | Literal["off"], BeforeValidator(_read_yaml_off)] = "warning"
    """critical and warning: failing rows are quarantined, and critical stops the run if fewer than `mostly` pass; info: failing rows are only reported; off: no check."""
    mostly: float = Field(0.95, ge=0, le=1)
    """Fraction of the rows that must pass."""


class TokenLimit(Settings):
    """Tokens that a model reads of a row."""

    tokenizer: str
    """Path of its `tokenizer.json`."""
    max_tokens: int


class TimeOptions(Settings):
    """Options for the times of rows."""

    formats: list[str]
    """Their formats; empty if they are recognised."""
    today: str | None
    """Date from which the age of rows is counted, such as 2026-11-30; None if it is not looked at."""


class SuiteInputs(Settings):
    """Inputs of the checks besides `ExpectationSettings`: the meaning of the rows, and the tokens that the model reads."""

    kind: Kind
    """The objective's kind; it decides what a label must be."""
    label_separator: str | None = None
    """Separator of the labels of a row that may have several."""
    missing_values: list[str] | None = None
    """The setting `data.missing_values`, applied to the labels; ingest has applied it to the texts."""
    mapped_to: list[str] = []
    """The labels that `data.label_map` gives, which are never missing."""
    label_fields: list[str | int] | None = None
    """Columns of the files that hold texts and label; None if the others are not looked at."""
    own_suite: str = ""
    """Content of the file `expectations.suite`; empty if there is none."""
    token_limit: TokenLimit | None = None
    """Tokens that the model reads, if its tokenizer is on this machine."""
    times: TimeOptions | None = None
    """Options for the times of the rows, if they have any."""


REPORTED = Check(severity="info", mostly=0.99)


class ExpectationSettings(Settings):
    """Checks that the rows must pass."""

    min_rows: int = Field(50, ge=1)
    """Minimum number of rows that must remain after quarantine (critical)."""
    min_labels: int = Field(2, ge=2)
    """Minimum number of different labels of a classification in these rows (critical)."""
    labels: list[str] | None = None
    """Known labels of a classification; if not set, every label in the data is known."""
    readable: Check = Check(severity="critical")
    """All fields and characters of the record can be read."""
    text_present: Check = Check(severity="critical")
    """The text is not empty."""
    label_present: Check = Check(severity="critical")
    """The label is not empty."""
    known_labels: Check = Check(severity="critical")
    """The label is one of `labels`."""
    numeric_labels: Check = Check(severity="critical")
    """The label of a regression is a finite number."""
    one_label_a_text: Check = Check(mostly=0.99)
    """The text of a classification does not occur with different labels."""
    unique_texts: Check = Check()
    """The text is not an exact duplicate of an earlier one; generation and text2text compare text and label."""
    near_duplicates: Check = Check(severity="info")
    """The text is not nearly an earlier one: another word, order, case or punctuation, or a cut end."""
    near_duplicate_labels: Check = Check(severity="info", mostly=0.99)
    """Nearly equal texts of a classification have the same label."""
    min_similarity: float = Field(0.8, ge=0.5, le=1)
    """Fraction of the words that two texts must share to be near-duplicates (Dice coefficient)."""
    usual_length: Check = Check(mostly=0.99)
    """The length of the text is not an outlier."""
    max_deviations: float = Field(6.0, gt=0)
    """Distance from the median length, in robust standard deviations, beyond which a text is an outlier."""
    samples: int = Field(3, ge=0, le=100)
    """Maximum number of failing rows that the report shows for each check, with the beginning of their text; 0: no text of
    a row is shown anywhere but in the quarantine.
    """
    mojibake: Check = REPORTED
    """The text was not decoded by a wrong encoding (`cafÃ©`)."""
    control_characters: Check = REPORTED
    """The text has no replacement character, byte order mark or control character."""
    markup: Check = REPORTED
    """The text has no HTML entity (`&amp;`) and no tag of HTML."""
    spreadsheet_error: Check = Check(mostly=0.99)
    """The text is not a spreadsheet's error value (`#REF!`) or a number that it rounded (`5.7E+17`)."""
    formula_prefix: Check = REPORTED
    """The text does not begin as a spreadsheet's formula (`=-text`), or with the apostrophe that keeps it from being one."""
    letters_present: Check = REPORTED
    """The text has a letter."""
    repetition: Check = REPORTED
    """The text is not one to three words, or a few letters, over and over."""
    usual_script: Check = REPORTED
    """The text is in the script of the other texts."""
    min_script_share: float = Field(0.9, gt=0.5, le=1)
    """Share of the texts from which the most frequent script is the usual one; below it `usual_script` finds nothing."""
    token_count: Check = Check(severity="info")
    """The text, or the pair of texts, is not cut by `train.max_length`; left out for generation and text2text, and if the
    base model's `tokenizer.json` is not on this machine.
    """
    frequent_labels: Check = Check(severity="info", mostly=1)
    """The label of a classification has at least `min_rows_per_label` rows."""
    min_rows_per_label: int = Field(10, ge=1)
    """Number of rows below which a label is rare."""
    label_given_away: TableCheck = TableCheck()
    """No other column of the files, and no token of the text, predicts the label of a classification nearly alone."""
    min_give_away_score: float = Field(0.9, gt=0, le=1)
    """Score from which something gives the label away: of a column, the share of the errors of the most frequent label that
    it spares; of a value or token, its phi coefficient with a label.
    """
    freshness: TableCheck = TableCheck(severity="warning")
    """The newest row is not too old, and no row is dated in the future; only where `data.timestamp` is set."""
    max_age_days: int | None = Field(None, ge=0)
    """Age of the newest row, in days, that `freshness` allows; if not set, twice the usual gap between days with rows."""
    volume: TableCheck = TableCheck(severity="warning")
    """The newest day has as many rows as earlier days usually have; only where `data.timestamp` is set."""
    max_volume_deviations: float = Field(5.0, gt=0)
    """Distance of the newest day's number of rows from the median, as logarithms and in robust standard deviations, from
    which it is unusual.
    """
    label_drift: DriftCheck = DriftCheck(min_effect=0.05)
    """The rows that are new since the champion's night have its shares of labels; size of a shift: the total variation
    distance, half the sum of all changes. Labels that are numbers: the Kolmogorov-Smirnov distance.
    """
    length_drift: DriftCheck = DriftCheck(min_effect=0.1)
    """The texts of new rows are as long as those of the champion's night; size: the Kolmogorov-Smirnov distance."""
    unknown_words_drift: DriftCheck = DriftCheck(min_effect=0.03)
    """New rows have as many unknown words as rows of the champion's night among each other; size: the difference of the shares."""
    domain_drift: DriftCheck = DriftCheck(min_effect=0.6)
    """No classifier of words tells new rows from those of the champion's night; size: its area under the ROC curve, 0.5 for chance."""
    suite: str | None = None
    """Great Expectations suite of your own, a JSON file, that is checked after the built-in ones; its path is relative to
    the settings file.
    """

    @property
    def checks_drift(self) -> bool:
        """Return True if new rows are to be compared with those of the champion's night."""
        checks = (getattr(self, name) for name in type(self).model_fields)
        return any(isinstance(check, DriftCheck) and check.severity != "off" for check in checks)

    @field_validator("*", mode="before")
    @classmethod
    def _complete_with_default(cls, value: Any, info: ValidationInfo) -> Any:
        default = cls.model_fields[str(info.field_name)].default
        return (
            default.model_dump() | value
            if isinstance(default, Check | TableCheck | DriftCheck) and isinstance(value, dict)
            else value
        )

    @field_validator("text_present", "label_present", "numeric_labels")
    @classmethod
    def _refuse_info(cls, check: Check) -> Check:
        if check.severity in ("info", "off"):
            raise ValueError(
                f"severity: {check.severity} would leave rows that nothing can be learned from; critical or warning"
            )
        return check

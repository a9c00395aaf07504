"""Settings of the data gate."""

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from nightshift.records import Settings, Severity


class Check(Settings):
    """Severity and threshold of a row check."""

    severity: Severity | Literal["off"] = "warning"
    """critical and warning: failing rows are quarantined, and critical stops the run if fewer than `mostly` pass; info: failing rows are only reported; off: no check."""
    mostly: float = Field(0.95, ge=0, le=1)
    """Fraction of the rows that must pass."""

    @field_validator("severity", mode="before")
    @classmethod
    def _read_yaml_off(cls, severity: Any) -> Any:
        return "off" if severity is False else severity  # YAML reads off as false


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
    suite: str | None = None
    """Great Expectations suite of your own, a JSON file, that is checked after the built-in ones; its path is relative to
    the settings file.
    """

    @field_validator("*", mode="before")
    @classmethod
    def _complete_with_default(cls, value: Any, info: ValidationInfo) -> Any:
        default = cls.model_fields[str(info.field_name)].default
        return default.model_dump() | value if isinstance(default, Check) and isinstance(value, dict) else value

    @field_validator("text_present", "label_present", "numeric_labels")
    @classmethod
    def _refuse_info(cls, check: Check) -> Check:
        if check.severity in ("info", "off"):
            raise ValueError(
                f"severity: {check.severity} would leave rows that nothing can be learned from; critical or warning"
            )
        return check

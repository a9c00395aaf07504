"""Settings of compression: the user's, and those that it takes over from the training of full."""

from typing import Literal

from pydantic import Field

from nightshift.records import Settings


class InheritedSettings(Settings):
    """Train settings that compression takes over, by the same names."""

    max_length: int
    """Tokens a text is cut to."""
    per_device_train_batch_size: int
    """Rows of a micro-batch."""
    seed: int
    """Seed of the order of the rows, of dropout and of new weights."""
    class_weights: Literal["balanced"] | None = None
    """balanced: each label counts alike in the loss."""
    decision_threshold: float | Literal["auto"] = 0.5
    """Score from which a label is answered where a row may have several."""
    abstain_accuracy: float | None = Field(None, gt=0, lt=1)
    """Accuracy that answers must reach which do not abstain."""

"""Settings of compression: the user's, those that it takes over from the training of full, and those of one step."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from nightshift.errors import SettingsError
from nightshift.models import base_address
from nightshift.records import Settings
from tasks.compress.recipes import FULL, Recipe

Strategy = Literal["spread", "first", "last", "every", "alternating"]
TRAINED_TEACHERS = (FULL, "seeds", "champion")
"""Teachers that need no training of their own."""


class SelectionSettings(Settings):
    """Losses that a candidate may have, and targets that it must reach."""

    keep: float = Field(0.99, gt=0, le=1)
    """Fraction of the full model's gate metric on validation that a candidate must keep."""
    max_drop: float = Field(0.02, gt=0)
    """Drop of the metric, in its unit, that the test on the holdout must rule out."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Confidence level of this one-sided test."""
    allow_unconfirmed: bool = True
    """True to allow a candidate that the holdout has too few rows to confirm."""
    min_speedup: float | None = Field(None, gt=1)
    """Target: minimum speedup over the full model for a single text; if not set, no target."""
    max_latency_ms: float | None = Field(None, gt=0)
    """Target: maximum 95th percentile of the latency of a single text, in milliseconds; if not set, no target."""
    max_size_mb: float | None = Field(None, gt=0)
    """Target: maximum size of the model file, in MB (10^6 bytes); if not set, no target."""


class CompressSettings(SelectionSettings):
    """Recipes for smaller candidates of the trained model, and what they may lose."""

    recipes: list[str] | Literal["auto"] = ["quantize", "distil", "distil+quantize", "distil+prune+quantize"]
    """Chains of distil, narrow and prune, or static, then vocabulary, embeddings and quantize; auto: a search; an empty
    list: only the full model.
    """
    search_minutes: float = Field(60, gt=0)
    """Time budget of the search, in minutes; after it only the cheapest remaining recipe continues."""
    teachers: list[str] = Field(["full"], min_length=1)
    """Teachers of the student models, of several the mean: full (the trained model), seeds (the models of all
    `gate.seeds`), champion, or a base model as in `train.base_model`, which is fine-tuned first.
    """
    layers: float = Field(0.5, gt=0, le=1)
    """Fraction of the layers that a student model keeps."""
    strategy: Strategy = "spread"
    """Layers that are kept: spread (evenly spaced), first, last, every (one in n) or alternating (every other one is
    dropped, from the top).
    """
    hidden_size: float = Field(0.5, gt=0, lt=1)
    """Fraction of the hidden size that a narrowed model keeps."""
    target_latency_ratio: float = Field(0.5, gt=0, lt=1)
    """Latency of a pruned model as a fraction of its parent's; heads and neurons are removed by their latency on this
    machine.
    """
    temperature: float = Field(2.0, gt=0)
    """Temperature of the softmax in the distillation loss."""
    alpha: float = Field(0.7, ge=0, le=1)
    """Weight of the distillation loss; the loss on the labels has the weight 1 - alpha."""
    attention_loss_weight: float = Field(0.0, ge=0)
    """Weight of the loss between the attention relations of student and teacher; 0: not used."""
    hidden_loss_weight: float = Field(0.0, ge=0)
    """Weight of the loss between the hidden states of student and teacher; 0: not used."""
    cosine_loss_weight: float = Field(0.0, ge=0)
    """Weight of the cosine loss between the last hidden states of student and teacher; 0: not used."""
    distil_epochs: float = Field(4, gt=0)
    """Number of training epochs of a student model."""
    recovery_epochs: float = Field(2, ge=0)
    """Number of training epochs after pruning; 0: least-squares reconstruction without training."""
    learning_rate: float = Field(1e-4, gt=0)
    """Peak learning rate of student models and after pruning."""
    float_weights: int = Field(0, ge=0)
    """Number of weight matrices that stay in float32, those that static int8 quantization harms most."""
    static_epochs: float = Field(5, gt=0)
    """Maximum number of training epochs of a static student model; it stops once validation no longer improves."""
    static_learning_rate: float = Field(2e-3, gt=0)
    """Peak learning rate of a static student model."""

    @property
    def teaching_bases(self) -> list[str]:
        """Base models among the teachers."""
        return [name for name in self.teachers if name not in TRAINED_TEACHERS]

    def bases(self) -> dict[str, str]:
        """Return the digests of the base models among the teachers; raise SettingsError for one that does not exist."""
        try:
            return {name: base_address.digest(name) for name in self.teaching_bases}
        except ValueError as error:
            raise SettingsError(f"compress.teachers: full, seeds, champion or a base model: {error}") from error

    def size_of(self, step: str) -> float:
        """Return the share that a step keeps unless its recipe says otherwise; 1 for a step without a size."""
        return {"distil": self.layers, "narrow": self.hidden_size, "prune": self.target_latency_ratio}.get(step, 1.0)

    def epochs_of(self, step: str) -> float:
        """Return the epochs that a step trains; 0 for a conversion."""
        epochs = {"distil": self.distil_epochs, "narrow": self.distil_epochs, "prune": self.recovery_epochs}
        return float((epochs | {"static": self.static_epochs}).get(step, 0.0))

    def learning_rate_of(self, step: str) -> float:
        """Return the learning rate that a step trains with."""
        return self.static_learning_rate if step == "static" else self.learning_rate

    @model_validator(mode="after")
    def _ensure_features_of_full_only(self) -> Self:
        if self.teachers != [FULL] and (
            self.attention_loss_weight or self.hidden_loss_weight or self.cosine_loss_weight
        ):
            raise ValueError(
                "attention_loss_weight, hidden_loss_weight and cosine_loss_weight compare with layers of full: leave them out with other teachers"
            )
        return self

    @field_validator("recipes")
    @classmethod
    def _ensure_recipes(cls, recipes: list[str] | str) -> list[str] | str:
        if FULL in recipes:
            raise ValueError("full is a candidate anyway: leave it out")
        return recipes if isinstance(recipes, str) else [str(Recipe.parse(recipe)) for recipe in recipes]


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


class StepSettings(Settings):
    """Settings of one step, part of its cache key: what the step does not read has its default."""

    max_length: int
    per_device_train_batch_size: int
    seed: int
    class_weights: Literal["balanced"] | None = None
    precision: str
    """Mixed precision that full was trained with."""
    size: float = 1.0
    """Share that the step keeps unless its recipe says otherwise."""
    strategy: Strategy = "spread"
    epochs: float = 0.0
    learning_rate: float = 0.0
    temperature: float = 1.0
    alpha: float = 0.0
    attention_loss_weight: float = 0.0
    hidden_loss_weight: float = 0.0
    cosine_loss_weight: float = 0.0

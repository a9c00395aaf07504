"""Heads of objectives, on a stock model of their own or on a trunk that several objectives share."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from nightshift.generation_config import Generation
from nightshift.models.int8 import Int8Embedding
from nightshift.text_cleaning import Cleaning

SPECIFICATION, WEIGHTS = "nightshift.json", "heads.safetensors"


@dataclass(frozen=True)
class Head:
    """Head of an objective."""

    kind: Literal["classification", "regression", "generation", "text2text"]
    labels: tuple[str, ...] = ()
    """Labels of a classification in the order of their ids."""
    separator: str | None = None
    """Text between a row's labels if it may have several; None for one label a row."""
    pairs: bool = False
    """True if a row has two texts; for generation a prompt and its completion."""
    mean: float = 0.0
    """Mean of a regression's training labels; the model learns labels standardized by it and `std`."""
    std: float = 1.0
    """Standard deviation of a regression's training labels."""
    weight: float = 1.0
    """Weight of the objective's loss."""
    generation: Generation = field(default_factory=Generation)
    """Default generation parameters of a generative head."""
    threshold: float = 0.5
    """Score from which a label is predicted, for classification with several labels a row."""
    abstain_below: float | None = None
    """Score below which a classification with one label a row abstains; None if predictions do not report it."""
    temperature: float = 1.0
    """Divides the logits of a classification with one label a row, see `nightshift.evaluation.calibration`."""
    cleaning: Cleaning | None = None
    """Cleaning of texts before they are read; the rows of training and evaluation are clean already."""

    @property
    def generative(self) -> bool:
        """True if the head generates text."""
        return self.kind in ("generation", "text2text")

    @property
    def outputs(self) -> int:
        """Number of outputs a row: one a label, one for regression."""
        return len(self.labels) or 1


Heads = Mapping[str, Head]
"""Heads by the names of their objectives."""


def is_decoder(config: PreTrainedConfig) -> bool:
    """Return True if tokens attend only to those before them.

    That is no encoder-decoder, and no architecture with a masked language model.
    """
    return not config.is_encoder_decoder and config.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES


def last_token(hidden: Tensor, attention_mask: Tensor | None) -> Tensor:
    """Return the last token's hidden state, (rows, size), of `hidden` (rows, tokens, size), padded on the right."""
    if attention_mask is None:
        return hidden[:, -1]
    return hidden[torch.arange(len(hidden), device=hidden.device), attention_mask.sum(dim=1) - 1]


class PooledHead(nn.Module):
    """Pooler and classifier of BERT: dense, tanh, dropout, linear."""

    def __init__(self, size: int, outputs: int, std: float) -> None:
        super().__init__()
        self.dense, self.out = nn.Linear(size, size), nn.Linear(size, outputs)
        self.dropout = nn.Dropout(0.1)
        for layer in (self.dense, self.out):
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return logits (rows, outputs) from `pooled` (rows, size)."""
        return self.out(self.dropout(torch.tanh(self.dense(pooled))))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class ObjectiveOutput:
    """Output of one objective; DistributedDataParallel looks into dataclasses to find the parameters that were used."""

    logits: Tensor


class SharedTrunk(nn.Module):
    """Encoder or decoder that all objectives share, with a head for each (Caruana 1997, hard parameter sharing).

    Heads of classification and regression read the first token of an encoder, the last of a decoder; generative ones
    share the decoder's output layer, tied to its input embeddings.
    """

    def __init__(self, trunk: PreTrainedModel, heads: Heads) -> None:
        super().__init__()
        self.trunk, self.config = trunk, trunk.config
        std = getattr(trunk.config, "initializer_range", 0.02)
        self.heads = nn.ModuleDict(
            {
                self.module_name(name): PooledHead(trunk.config.hidden_size, head.outputs, std)
                for name, head in heads.items()
                if not head.generative
            }
        )
        self.is_decoder = is_decoder(trunk.config)

    @staticmethod
    def module_name(objective: str) -> str:
        """Return the name of a head's module; an objective's own name may collide with an attribute (type, keys)."""
        return f"{objective}_head"

    def forward(self, objective: str, **inputs: Any) -> ObjectiveOutput:
        """Return `.logits` of one objective: (rows, outputs), or (rows, tokens, vocabulary) for a generative one."""
        hidden = self.trunk(**inputs).last_hidden_state
        return ObjectiveOutput(self.objective_logits(objective, hidden, inputs.get("attention_mask")))

    def objective_logits(self, objective: str, hidden: Tensor, attention_mask: Tensor | None) -> Tensor:
        """Return one objective's logits from the trunk's hidden states, (rows, tokens, size)."""
        if self.module_name(objective) not in self.heads:
            table = self.trunk.get_input_embeddings()
            return table.product(hidden) if isinstance(table, Int8Embedding) else linear(hidden, table.weight)
        pooled = last_token(hidden, attention_mask) if self.is_decoder else hidden[:, 0]
        return self.heads[self.module_name(objective)](pooled)  # type: ignore[no-any-return]

    def save_pretrained(self, folder: str | Path) -> None:
        """Save the trunk as stock `AutoModel.from_pretrained` loads it, and the heads' weights beside it."""
        self.trunk.save_pretrained(folder)
        state = {name: value.contiguous() for name, value in self.heads.state_dict().items()}
        save_file(state, Path(folder) / WEIGHTS)

    def load_heads(self, folder: Path) -> None:
        """Load the heads' weights from a saved checkpoint."""
        self.heads.load_state_dict(load_file(folder / WEIGHTS))


Model = PreTrainedModel | SharedTrunk


def compute_logits(model: Any, objective: str, inputs: dict[str, Any]) -> Tensor:
    """Return the logits of `model` (stock, shared, or wrapped for data parallel training) for one objective."""
    shared = isinstance(getattr(model, "module", model), SharedTrunk)
    options: dict[str, Any] = {"objective": objective} if shared else {}
    if "position_ids" in inputs:
        options["use_cache"] = False  # with a cache transformers does not look for packed sequences
    return model(**options, **inputs).logits  # type: ignore[no-any-return]


def write_heads(heads: Heads, folder: Path) -> None:
    """Write the heads beside the weights of a checkpoint."""
    specification = {name: asdict(head) for name, head in heads.items()}
    (folder / SPECIFICATION).write_text(json.dumps(specification, ensure_ascii=False, indent=1), encoding="utf-8")


def read_heads(folder: Path) -> dict[str, Head]:
    """Read the heads of a checkpoint that nightshift wrote."""
    specification = json.loads((folder / SPECIFICATION).read_text(encoding="utf-8"))
    heads = {}
    for name, fields in specification.items():
        generation = Generation().changed(**fields.get("generation", {}))  # missing in older checkpoints
        values = {"labels": tuple(fields["labels"]), "generation": generation}
        heads[name] = Head(**fields | values | {"cleaning": Cleaning.from_fields(fields.get("cleaning"))})
    return heads

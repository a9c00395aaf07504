"""What a model learns: one head an objective, on a stock model of its own or on a trunk shared with others."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from nightshift.generation_config import Generation
from nightshift.models.int8 import Int8Embedding

SPECIFICATION, WEIGHTS = "nightshift.json", "heads.safetensors"


@dataclass(frozen=True)
class Head:
    """One objective as the model sees it."""

    kind: Literal["classification", "regression", "generation", "text2text"]
    labels: tuple[str, ...] = ()
    """Of classification: a label's place is its id."""
    separator: str | None = None
    """What joins a row's labels where it may have several."""
    pairs: bool = False
    """Whether a row has two texts; of generation: a prompt and its completion."""
    mean: float = 0.0
    """Of regression: the training labels' mean and standard deviation; the model learns standardised ones."""
    std: float = 1.0
    weight: float = 1.0
    """Of the objective's loss."""
    generation: Generation = field(default_factory=Generation)
    """How it writes, where it writes and no request says otherwise."""
    threshold: float = 0.5
    """Of classification with several labels a row: the score from which on a label is answered."""
    abstain_below: float | None = None
    """Of classification with one label a row: the score below which an answer abstains; None: answers say nothing of it."""

    @property
    def generative(self) -> bool:
        """Whether it answers with text."""
        return self.kind in ("generation", "text2text")

    @property
    def outputs(self) -> int:
        """Numbers a row: one a label, one for regression."""
        return len(self.labels) or 1


Heads = Mapping[str, Head]
"""By the objective's name."""


def is_decoder(config: PreTrainedConfig) -> bool:
    """Whether a token sees only those before it: no encoder-decoder, and no architecture with a masked language model."""
    return not config.is_encoder_decoder and config.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES


def last_token(hidden: Tensor, attention_mask: Tensor | None) -> Tensor:
    """The hidden state of each row's last token, (rows, size), of `hidden` (rows, tokens, size) padded on the right."""
    if attention_mask is None:
        return hidden[:, -1]
    return hidden[torch.arange(len(hidden), device=hidden.device), attention_mask.sum(dim=1) - 1]


class PooledHead(nn.Module):
    """BERT's pooler and classifier: dense, tanh, dropout, linear."""

    def __init__(self, size: int, outputs: int, spread: float) -> None:
        super().__init__()
        self.dense, self.out = nn.Linear(size, size), nn.Linear(size, outputs)
        self.dropout = nn.Dropout(0.1)
        for layer in (self.dense, self.out):
            nn.init.normal_(layer.weight, std=spread)
            nn.init.zeros_(layer.bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """`pooled` (rows, size) to logits (rows, outputs)."""
        return self.out(self.dropout(torch.tanh(self.dense(pooled))))  # type: ignore[no-any-return]


class SharedTrunk(nn.Module):
    """An encoder or a decoder that all objectives share, with a head for each (Caruana 1997, hard sharing).

    Judgement heads read the first token of an encoder, the last of a decoder; generative ones share the decoder's
    output layer, tied to its input embeddings.
    """

    def __init__(self, trunk: PreTrainedModel, heads: Heads) -> None:
        super().__init__()
        self.trunk, self.config = trunk, trunk.config
        spread = getattr(trunk.config, "initializer_range", 0.02)
        judged = {name: head for name, head in heads.items() if not head.generative}
        self.heads = nn.ModuleDict(
            {
                self.module_name(name): PooledHead(trunk.config.hidden_size, head.outputs, spread)
                for name, head in judged.items()
            }
        )
        self.decoder = is_decoder(trunk.config)

    @staticmethod
    def module_name(objective: str) -> str:
        """A head's name among the modules, which have names of their own (type, keys) that an objective may bear too."""
        return f"{objective}_head"

    def forward(self, objective: str, **inputs: Any) -> SimpleNamespace:
        """`.logits` of one objective: (rows, outputs), or (rows, tokens, vocabulary) for a generative one."""
        hidden = self.trunk(**inputs).last_hidden_state
        return SimpleNamespace(logits=self.objective_logits(objective, hidden, inputs.get("attention_mask")))

    def objective_logits(self, objective: str, hidden: Tensor, attention_mask: Tensor | None) -> Tensor:
        """One objective's logits from the trunk's hidden states."""
        if self.module_name(objective) not in self.heads:
            table = self.trunk.get_input_embeddings()
            return table.product(hidden) if isinstance(table, Int8Embedding) else linear(hidden, table.weight)
        pooled = last_token(hidden, attention_mask) if self.decoder else hidden[:, 0]
        return self.heads[self.module_name(objective)](pooled)  # type: ignore[no-any-return]

    def save_pretrained(self, folder: str | Path) -> None:
        """The trunk as stock `AutoModel.from_pretrained` loads it, and the heads' weights beside it."""
        self.trunk.save_pretrained(folder)
        state = {name: value.contiguous() for name, value in self.heads.state_dict().items()}
        save_file(state, Path(folder) / WEIGHTS)

    def load_heads(self, folder: Path) -> None:
        """Take the heads' weights from a saved checkpoint."""
        self.heads.load_state_dict(load_file(folder / WEIGHTS))


Model = PreTrainedModel | SharedTrunk


def compute_logits(model: Any, objective: str, inputs: dict[str, Any]) -> Tensor:
    """What `model` (stock, shared, or wrapped for data parallel training) answers for one objective."""
    shared = isinstance(getattr(model, "module", model), SharedTrunk)
    named: dict[str, Any] = {"objective": objective} if shared else {}
    if "position_ids" in inputs:
        named["use_cache"] = False  # with a cache transformers does not look for packed sequences
    return model(**named, **inputs).logits  # type: ignore[no-any-return]


def write_heads(heads: Heads, folder: Path) -> None:
    """Put what the model learned beside its weights."""
    words = {name: asdict(head) for name, head in heads.items()}
    (folder / SPECIFICATION).write_text(json.dumps(words, ensure_ascii=False, indent=1), encoding="utf-8")


def read_heads(folder: Path) -> dict[str, Head]:
    """The heads of a checkpoint that nightshift wrote."""
    words = json.loads((folder / SPECIFICATION).read_text(encoding="utf-8"))
    return {
        name: Head(**fields | {"labels": tuple(fields["labels"]), "generation": _generation(fields)})
        for name, fields in words.items()
    }


def _generation(fields: dict[str, Any]) -> Generation:
    """Return how a head of a checkpoint writes; older checkpoints do not say it."""
    return Generation().changed(**fields.get("generation", {}))

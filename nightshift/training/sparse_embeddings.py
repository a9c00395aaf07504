"""Training of the embeddings of occurring tokens only.

Most of the vocabulary does not occur in the data, but a step writes to all of it.
The other embeddings get no gradient and stay as they are, while AdamW would shrink them slightly by weight decay.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nightshift.models.heads import Heads, Model
from nightshift.training.tokenization import Examples


class SparseEmbedding(nn.Embedding):
    """Rows of a full embedding for some tokens, looked up by their ids in it; a checkpoint holds the full embedding."""

    tokens: Tensor
    row_of_token: Tensor

    def __init__(self, full: nn.Embedding, tokens: Tensor) -> None:
        row_of_token = torch.full((full.num_embeddings,), -1)
        row_of_token[tokens] = torch.arange(len(tokens))
        padding = None if full.padding_idx is None else int(row_of_token[full.padding_idx])
        weight = full.weight.detach()[tokens]
        super().__init__(len(tokens), full.embedding_dim, padding_idx=padding, _weight=weight)
        self.register_buffer("tokens", tokens, persistent=False)
        self.register_buffer("row_of_token", row_of_token, persistent=False)
        self.initial_weight = (full.weight.detach(),)

    def forward(self, input: Tensor) -> Tensor:
        """Return the vectors of ids in the full embedding, of any shape."""
        return super().forward(self.row_of_token[input])

    def full_weight(self) -> Tensor:
        """Return the full embedding, with the current rows of the tokens."""
        return self.initial_weight[0].to(self.weight).index_copy(0, self.tokens, self.weight.detach())

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        destination[f"{prefix}weight"] = self.full_weight()

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor], prefix: str, *args: Any) -> None:
        name = f"{prefix}weight"
        rows = {name: state_dict[name][self.tokens.to(state_dict[name].device)]} if name in state_dict else {}
        super()._load_from_state_dict({**state_dict, **rows}, prefix, *args)


@contextmanager
def restrict_embeddings(model: Model, heads: Heads, examples: Iterable[Examples], padding: int) -> Iterator[None]:
    """Keep in `model`, within the block, the embeddings of the tokens in `examples` and of padding only.

    A model with a generative head keeps them all, because they are its output layer too, and so does one whose
    embedding is more than a table (Gemma's is scaled).

    Args:
        model: The model that is trained.
        heads: Its heads.
        examples: All examples that it will read.
        padding: Id of the padding token.
    """
    trunk: Any = getattr(model, "trunk", model)
    full = trunk.get_input_embeddings()
    if type(full) is not nn.Embedding or any(head.generative for head in heads.values()):
        yield
        return
    padding_ids = [padding] if full.padding_idx is None else [padding, full.padding_idx]
    occurring = [np.unique(rows.columns["input_ids"].values) for rows in examples]
    tokens = torch.from_numpy(np.unique(np.concatenate([*occurring, padding_ids])).astype(np.int64))
    trunk.set_input_embeddings(SparseEmbedding(full, tokens))
    try:
        yield
    finally:
        full.weight.data = trunk.get_input_embeddings().full_weight().to(full.weight.device)
        trunk.set_input_embeddings(full)

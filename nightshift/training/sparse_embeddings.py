"""Only the embeddings of tokens that occur are trained: of tens of thousands most do not, and a step writes to all.

The others get no gradient; they stay as they are, where AdamW would shrink them a little by weight decay.
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
    """Some tokens' rows of `whole`, asked by their ids in it; in a checkpoint it is whole."""

    tokens: Tensor
    places: Tensor

    def __init__(self, whole: nn.Embedding, tokens: Tensor) -> None:
        places = torch.full((whole.num_embeddings,), -1)
        places[tokens] = torch.arange(len(tokens))
        padding = None if whole.padding_idx is None else int(places[whole.padding_idx])
        weight = whole.weight.detach()[tokens]
        super().__init__(len(tokens), whole.embedding_dim, padding_idx=padding, _weight=weight)
        self.register_buffer("tokens", tokens, persistent=False)
        self.register_buffer("places", places, persistent=False)
        self.start = (whole.weight.detach(),)

    def forward(self, input: Tensor) -> Tensor:
        """Ids in `whole`, of any shape, to their vectors."""
        return super().forward(self.places[input])

    def whole(self) -> Tensor:
        """All rows, those of the tokens as they are now."""
        return self.start[0].to(self.weight).index_copy(0, self.tokens, self.weight.detach())

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        destination[f"{prefix}weight"] = self.whole()

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor], prefix: str, *told: Any) -> None:
        name = f"{prefix}weight"
        rows = {name: state_dict[name][self.tokens.to(state_dict[name].device)]} if name in state_dict else {}
        super()._load_from_state_dict({**state_dict, **rows}, prefix, *told)


@contextmanager
def restrict_embeddings(model: Model, heads: Heads, examples: Iterable[Examples], padding: int) -> Iterator[None]:
    """Within it, `model` holds the embeddings of the tokens in `examples` and of padding alone.

    Where it writes text it keeps them all: they are its output layer too; so it does where its embedding is more than a
    table (Gemma's is scaled).
    """
    trunk: Any = getattr(model, "trunk", model)
    whole = trunk.get_input_embeddings()
    if type(whole) is not nn.Embedding or any(head.generative for head in heads.values()):
        yield
        return
    known = [padding] if whole.padding_idx is None else [padding, whole.padding_idx]
    occurring = [np.unique(found.columns["input_ids"].values) for found in examples]
    tokens = torch.from_numpy(np.unique(np.concatenate([*occurring, known])).astype(np.int64))
    trunk.set_input_embeddings(SparseEmbedding(whole, tokens))
    try:
        yield
    finally:
        whole.weight.data = trunk.get_input_embeddings().whole().to(whole.weight.device)
        trunk.set_input_embeddings(whole)

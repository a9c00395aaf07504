"""Embeddings of texts by a base model as it is, without any training: the mean of the last hidden states of a text's tokens."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from nightshift.inference.measurement import device
from nightshift.models.base_model import load_base_model
from nightshift.models.heads import Head
from nightshift.training.batching import Collator, batches_by_length, model_inputs
from nightshift.training.tokenization import encode

BATCH = 64
OBJECTIVE = "embeddings"

Embeddings = npt.NDArray[np.float32]
"""One row a text, shape (rows, hidden size)."""


class Embedder:
    """A base model whose last hidden states are averaged.

    Args:
        base_model: Address of the base (`nightshift.models.pretrained`), not a `scratch:` one.
        max_length: Tokens that texts are truncated to.

    Raises:
        SettingsError: The base does not exist, or cannot be read.
    """

    def __init__(self, base_model: str, max_length: int) -> None:
        self.head = Head("classification", ("0", "1"))
        model, self.tokenizer = load_base_model(base_model, {OBJECTIVE: self.head}, max_length)
        self.trunk = model.base_model.to(device()).eval()
        self.max_length = max_length

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """Return the embeddings of texts, in their order."""
        if not len(texts):
            return np.zeros((0, self.trunk.config.hidden_size), np.float32)
        tokenizer: PreTrainedTokenizerBase = self.tokenizer
        examples = encode(tokenizer, self.head, texts, None, None, self.max_length)
        collate = Collator({OBJECTIVE: examples}, {OBJECTIVE: self.head}, tokenizer.pad_token_id)
        embeddings = np.zeros((len(texts), self.trunk.config.hidden_size), np.float32)
        for rows in batches_by_length(examples.lengths, BATCH, self.head, len(tokenizer)):
            inputs = model_inputs(collate([(OBJECTIVE, int(row)) for row in rows]))
            embeddings[rows] = self._pooled(inputs)
        return embeddings

    def embed_pairs(self, texts: Sequence[str], pairs: Sequence[str]) -> Embeddings:
        """Return embeddings of pairs: of both texts, their absolute difference and their product.

        Conneau et al. 2017 (InferSent), arXiv 1705.02364, section 3.1.
        """
        first, second = self.embed(texts), self.embed(pairs)
        return np.concatenate([first, second, np.abs(first - second), first * second], axis=1)

    @torch.inference_mode()
    def _pooled(self, inputs: dict[str, Tensor]) -> Embeddings:
        on_device = {name: value.to(device()) for name, value in inputs.items()}
        hidden = self.trunk(**on_device).last_hidden_state.float()
        mask = on_device["attention_mask"][:, :, None].float()
        means = (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
        pooled: Embeddings = means.cpu().numpy()
        return pooled

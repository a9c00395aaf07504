"""A student without layers: the mean of its tokens' embeddings and a small head, hundreds of times cheaper.

The embeddings begin as the teacher's: each token of the vocabulary goes through it alone, the hidden states are
brought to their principal components and weighed by how rare the token is. Then they learn like any other student's.
Tulkens, van Dongen 2024, Model2Vec, https://github.com/MinishLab/model2vec. No stock class of transformers is like
it: `nightshift.models.pretrained.load_checkpoint` loads it.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import SequenceClassifierOutput

ARCHITECTURE = "nightshift-static"
EMBEDDING_SIZE = 256
"""Numbers a token."""
RARE = 1e-3
"""The share of all tokens at which a token's weight is halved."""
BATCH = 1024
"""Texts or tokens at once."""


class StaticConfig(PreTrainedConfig):  # type: ignore[misc]
    """Sizes, and the tokens that are no words."""

    model_type = ARCHITECTURE
    vocab_size: int = 1
    hidden_size: int = EMBEDDING_SIZE
    num_hidden_layers: int = 0
    initializer_range: float = 0.02
    pairs: bool = False
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    sep_token_id: int | None = None
    cls_token_id: int | None = None


class StaticStudent(PreTrainedModel):  # type: ignore[misc]
    """A linear head on the mean of the words' embeddings; of pairs on both means, their product and their distance."""

    config_class = StaticConfig
    base_model_prefix = "student"

    def __init__(self, config: StaticConfig) -> None:
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.dropout = nn.Dropout(0.1)
        self.classifier = nn.Linear(config.hidden_size * (4 if config.pairs else 1), config.num_labels)
        self.post_init()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> SequenceClassifierOutput:
        """Ids (rows, tokens) to `.logits` (rows, outputs); the second text is what follows the first separator."""
        words = attention_mask.float()
        for token in self._added():
            words = words * (input_ids != token)
        vectors = self.embed_tokens(input_ids)
        if not self.config.pairs:
            return SequenceClassifierOutput(logits=self._judge(_mean(vectors, words)))
        behind = ((input_ids == self._separator()).long().cumsum(dim=1) > 0).float()
        one, two = _mean(vectors, words * (1 - behind)), _mean(vectors, words * behind)
        features = torch.cat([one, two, one * two, (one - two).abs()], dim=1)
        return SequenceClassifierOutput(logits=self._judge(features))

    def _judge(self, features: Tensor) -> Tensor:
        return self.classifier(self.dropout(features))  # type: ignore[no-any-return]

    def _separator(self) -> int:
        found = self.config.eos_token_id if self.config.sep_token_id is None else self.config.sep_token_id
        return -1 if found is None else int(found)

    def _added(self) -> list[int]:
        """Tokens that the tokenizer puts around words."""
        names = ("pad", "bos", "eos", "sep", "cls")
        return sorted({getattr(self.config, f"{name}_token_id") for name in names} - {None})


def _mean(vectors: Tensor, words: Tensor) -> Tensor:
    """(rows, tokens, size) to (rows, size), over the tokens where `words` is 1; zeros where there are none."""
    shares = words / words.sum(dim=1, keepdim=True).clamp(min=1)
    return (vectors * shares[:, :, None]).sum(dim=1)


def build_static_student(
    teacher: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Iterable[str],
    pairs: bool = False,
    size: int = EMBEDDING_SIZE,
    seed: int = 0,
) -> StaticStudent:
    """A student with the teacher's tokens and outputs, and a fresh head.

    `texts` are what it will learn from: they say how frequent each token is. With `pairs` a row has two of them.
    A token's weight is a / (a + its share of all tokens): Arora, Liang, Ma 2017, A simple but tough-to-beat baseline
    for sentence embeddings, equation 3.
    """
    states = _alone(teacher, tokenizer)
    weights = RARE / (RARE + _shares(tokenizer, texts, len(states)))
    vectors = _components(states, size) * weights[:, None]
    named = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos", "sep", "cls")}
    config = StaticConfig(
        vocab_size=len(vectors), hidden_size=vectors.shape[1], pairs=pairs,
        id2label=teacher.config.id2label, label2id=teacher.config.label2id, **named,
    )  # fmt: skip
    torch.manual_seed(seed)
    student = StaticStudent(config)
    student.embed_tokens.weight.data.copy_(vectors)
    return student


@torch.inference_mode()
def _alone(teacher: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """The last hidden state of each token of the vocabulary, in a text of its own: (tokens, hidden size)."""
    whole, inner = (tokenizer("a", add_special_tokens=special)["input_ids"] for special in (True, False))
    at = whole.index(inner[0])
    before, after = whole[:at], whole[at + len(inner) :]
    trunk, states = teacher.base_model.eval(), []
    for ids in torch.split(torch.arange(teacher.get_input_embeddings().num_embeddings), BATCH):
        rows = torch.stack([torch.full_like(ids, t) for t in before] + [ids] + [torch.full_like(ids, t) for t in after])
        hidden = trunk(input_ids=rows.T, attention_mask=torch.ones_like(rows.T)).last_hidden_state
        states.append(hidden[:, len(before)].float())
    return torch.cat(states)


def _shares(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str], size: int) -> Tensor:
    """Each token's share of all tokens in `texts`."""
    counts, rows = torch.zeros(size), list(texts)
    for start in range(0, len(rows), BATCH):
        found = tokenizer(rows[start : start + BATCH], add_special_tokens=False)["input_ids"]
        ids = torch.tensor([token for row in found for token in row], dtype=torch.long)
        counts += torch.bincount(ids, minlength=size)
    return counts / counts.sum()


def _components(states: Tensor, size: int) -> Tensor:
    """The `size` principal components of (tokens, hidden size), scaled to a mean square of about 1."""
    centred = (states - states.mean(dim=0)).double()
    _, axes = torch.linalg.eigh(centred.T @ centred)
    found = (centred @ axes.flip(1)[:, :size]).float()
    scaled: Tensor = found / found.square().mean().sqrt()
    return scaled

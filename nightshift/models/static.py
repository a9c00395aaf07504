"""Static students: the mean of token embeddings and a linear head, without layers, hundreds of times cheaper.

The embeddings are initialized from the teacher: its hidden states of each token of the vocabulary, reduced to their
principal components and weighted by the rarity of the token. Then they are trained like any other student. Tulkens, van
Dongen 2024, Model2Vec, https://github.com/MinishLab/model2vec. transformers has no such class;
`nightshift.models.pretrained.load_checkpoint` loads it.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import SequenceClassifierOutput

ARCHITECTURE = "nightshift-static"
EMBEDDING_SIZE = 256
"""Size of a token's embedding."""
RARITY_CONSTANT = 1e-3
"""Frequency of a token, as a share of all tokens, at which its weight is one half."""
BATCH_SIZE = 1024
"""Texts or tokens processed at once."""


class StaticConfig(PreTrainedConfig):  # type: ignore[misc]
    """Sizes and special tokens of a static student."""

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
    """Linear head on the mean embedding; for pairs on both means, their product and their absolute difference."""

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
        """Return `.logits` (rows, outputs) of ids (rows, tokens); a pair's second text follows the first separator."""
        # Padding is among the special tokens, so that the exported graph needs no attention mask.
        mask = (input_ids[:, :, None] != torch.tensor(self._special_token_ids())).float().prod(dim=2)
        vectors = self.embed_tokens(input_ids)
        if not self.config.pairs:
            return SequenceClassifierOutput(logits=self._classify(_masked_mean(vectors, mask)))
        second_mask = ((input_ids == self._separator_id()).long().cumsum(dim=1) > 0).float()
        first = _masked_mean(vectors, mask * (1 - second_mask))
        second = _masked_mean(vectors, mask * second_mask)
        features = torch.cat([first, second, first * second, (first - second).abs()], dim=1)
        return SequenceClassifierOutput(logits=self._classify(features))

    def _classify(self, features: Tensor) -> Tensor:
        return self.classifier(self.dropout(features))  # type: ignore[no-any-return]

    def _separator_id(self) -> int:
        token_id = self.config.eos_token_id if self.config.sep_token_id is None else self.config.sep_token_id
        return -1 if token_id is None else int(token_id)

    def _special_token_ids(self) -> list[int]:
        """Return the ids of tokens that the tokenizer adds to texts."""
        names = ("pad", "bos", "eos", "sep", "cls")
        return sorted({getattr(self.config, f"{name}_token_id") for name in names} - {None})


def _masked_mean(vectors: Tensor, mask: Tensor) -> Tensor:
    """Return the mean (rows, size) of vectors (rows, tokens, size) in the mask (rows, tokens); 0 for an empty one."""
    sums = torch.bmm(mask[:, None], vectors)[:, 0]
    return sums / mask.sum(dim=1, keepdim=True).clamp(min=1)


def build_static_student(
    teacher: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Iterable[str],
    pairs: bool = False,
    size: int = EMBEDDING_SIZE,
    seed: int = 0,
) -> StaticStudent:
    """Build a student with the teacher's vocabulary and outputs, and a new head.

    A token's weight is a / (a + its share of all tokens): Arora, Liang, Ma 2017, A simple but tough-to-beat baseline
    for sentence embeddings, equation 3.

    Args:
        teacher: The model whose hidden states initialize the embeddings.
        tokenizer: Its tokenizer.
        texts: Texts of the training, from which the tokens' frequencies are counted.
        pairs: True if a row has two texts.
        size: Size of the embeddings.
        seed: Seed of the new head.
    """
    states = _token_states(teacher, tokenizer)
    weights = RARITY_CONSTANT / (RARITY_CONSTANT + _token_frequencies(tokenizer, texts, len(states)))
    vectors = _principal_components(states, size) * weights[:, None]
    special_tokens = (f"{name}_token_id" for name in ("pad", "bos", "eos", "sep", "cls"))
    config = StaticConfig(
        vocab_size=len(vectors),
        hidden_size=vectors.shape[1],
        pairs=pairs,
        id2label=teacher.config.id2label,
        label2id=teacher.config.label2id,
        **{name: getattr(tokenizer, name) for name in special_tokens},
    )
    torch.manual_seed(seed)
    student = StaticStudent(config)
    student.embed_tokens.weight.data.copy_(vectors)
    return student


@torch.inference_mode()
def _token_states(teacher: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """Return the last hidden state of each token of the vocabulary, in a text of its own: (tokens, hidden size)."""
    text, content = (tokenizer("a", add_special_tokens=special)["input_ids"] for special in (True, False))
    start = text.index(content[0])
    prefix, suffix = text[:start], text[start + len(content) :]
    trunk, states = teacher.base_model.eval(), []
    for ids in torch.split(torch.arange(teacher.get_input_embeddings().num_embeddings), BATCH_SIZE):
        columns = [*(torch.full_like(ids, t) for t in prefix), ids, *(torch.full_like(ids, t) for t in suffix)]
        input_ids = torch.stack(columns).T
        hidden = trunk(input_ids=input_ids, attention_mask=torch.ones_like(input_ids)).last_hidden_state
        states.append(hidden[:, len(prefix)].float())
    return torch.cat(states)


def _token_frequencies(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str], size: int) -> Tensor:
    """Return each token's share of all tokens in `texts`."""
    counts, rows = torch.zeros(size), list(texts)
    for start in range(0, len(rows), BATCH_SIZE):
        batch = tokenizer(rows[start : start + BATCH_SIZE], add_special_tokens=False)["input_ids"]
        ids = torch.tensor([token for row in batch for token in row], dtype=torch.long)
        counts += torch.bincount(ids, minlength=size)
    return counts / counts.sum()


def _principal_components(states: Tensor, size: int) -> Tensor:
    """Return the first `size` principal components of (tokens, hidden size), scaled to a mean square of about 1."""
    centered = (states - states.mean(dim=0)).double()
    _, axes = torch.linalg.eigh(centered.T @ centered)
    components = (centered @ axes.flip(1)[:, :size]).float()
    scaled: Tensor = components / components.square().mean().sqrt()
    return scaled

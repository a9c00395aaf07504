"""Checks of a base model before training: weights that do not fit, tokens without embeddings, no padding."""

import logging
from collections.abc import Collection
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from nightshift.models.heads import Heads, Model, SharedTrunk, compute_logits

log = logging.getLogger("nightshift.train")
SPACE = "▁"
"""Space in SentencePiece vocabularies; a tokenizer without a vocabulary may still have it."""
BUFFERS = ("inv_freq", "position_ids", "masked_bias", "attn.bias")
"""Endings of the names of buffers that older versions of transformers saved with a layer."""
NUM_PADDING = 4
"""Padding tokens appended to check that the output stays the same."""
MAX_CHANGE = 0.01
"""Largest change of a logit by padding, over the largest logit. FNet's change by a quarter, ConvBERT's by 0.00003."""


def ensure_fitting(model: PreTrainedModel, report: dict[str, Any]) -> None:
    """Raise ValueError unless all weights except those of heads were loaded from the base.

    A pooler or output layer that the base lacks is newly initialized, with a line in the log.

    Args:
        model: The loaded model, of a class with a head or without.
        report: Loading info of `from_pretrained(output_loading_info=True)`.
    """
    missing = {key for key in report["missing_keys"] if not _is_of_head(model, key)}
    shapes = {
        key: f"{key} {tuple(base_shape)} for {tuple(model_shape)}"
        for key, base_shape, model_shape in report["mismatched_keys"]
    }
    reshaped = [shape for key, shape in shapes.items() if not _is_of_head(model, key)]
    surplus = {key for key in report["unexpected_keys"] if _is_of_layer(model, key)}
    kind = model.config.model_type
    problems = [f"{len(missing)} are missing ({abbreviated(missing)})"] if missing else []
    problems += (
        [f"{len(reshaped)} have another shape than its config.json says ({abbreviated(reshaped)})"] if reshaped else []
    )
    if surplus or missing:
        unexpected = surplus or report["unexpected_keys"]
        problems += [f"{len(unexpected)} belong to no part of it ({abbreviated(unexpected)})"] if unexpected else []
    if problems:
        raise ValueError(
            f"its weights do not fit a {kind} model: {'; '.join(problems)}; save it again by save_pretrained"
        )
    initialized = {key for key in {*report["missing_keys"], *shapes} if _is_optional(model, key)}
    if initialized := {key for key in initialized if not key.startswith("pooler.")}:  # a shared trunk's is not used
        log.warning("the base has no %s: fresh weights are trained instead", abbreviated(initialized))


def abbreviated(keys: Collection[str], limit: int = 3) -> str:
    """Return the first keys in one line, and how many more there are."""
    names = sorted(keys)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _is_of_head(model: PreTrainedModel, key: str) -> bool:
    prefix = "" if model.base_model is model else f"{model.base_model_prefix}."
    return _is_optional(model, key) or not key.startswith(prefix)


def _is_optional(model: PreTrainedModel, key: str) -> bool:
    """Return True for a part of a pooler or an output layer, which only some bases have."""
    output = model.get_output_embeddings()
    names = [name for name, module in model.named_modules() if module is output] if output is not None else []
    return ".pooler." in f".{key}" or key.rpartition(".")[0] in names


def _is_of_layer(model: PreTrainedModel, key: str) -> bool:
    """Return True for a weight inside a list of layers of the trunk."""
    trunk_key = key.removeprefix(f"{model.base_model_prefix}.")
    lists = [name for name, module in model.base_model.named_modules() if isinstance(module, nn.ModuleList)]
    return any(trunk_key.startswith(f"{name}.") for name in lists) and not trunk_key.endswith(BUFFERS)


def ensure_finite(model: Model) -> None:
    """Raise ValueError if a weight is NaN or infinite."""
    broken = [name for name, value in model.state_dict().items() if not value.isfinite().all()]
    if broken:
        raise ValueError(f"its weights hold NaN or infinity, in {abbreviated(broken)}: get the base anew")


def ensure_vocabulary(tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise ValueError for a tokenizer without a vocabulary, without a fast version, or without a token for padding.

    transformers returns an empty tokenizer, with special tokens only, for a folder that has none.
    """
    name = type(tokenizer).__name__
    special = {*tokenizer.all_special_tokens, *tokenizer.get_added_vocab(), SPACE}
    if special.issuperset(tokenizer.get_vocab()):
        raise ValueError("it has no tokenizer beside its weights: put the tokenizer's files (tokenizer.json) there too")
    if not tokenizer.is_fast:
        raise ValueError(
            f"{name} has no fast form (tokenizer.json), and transformers cannot convert it: take another base"
        )
    if tokenizer.pad_token is None and tokenizer.eos_token is None:
        raise ValueError("its tokenizer has neither a padding nor an end token: set pad_token in tokenizer_config.json")


def ensure_embeddings(model: Model, tokenizer: PreTrainedTokenizerBase, heads: Heads) -> None:
    """Raise ValueError for tokens without an embedding, and for a generative head without an end token."""
    trunk = model.trunk if isinstance(model, SharedTrunk) else model
    count = trunk.get_input_embeddings().weight.shape[0]
    missing = {f"{token!r} ({index})": index for token, index in tokenizer.get_vocab().items() if index >= count}
    if missing:
        raise ValueError(
            f"its tokenizer has {max(missing.values()) + 1} tokens and the model {count} embeddings: none for "
            f"{abbreviated(missing)}; call model.resize_token_embeddings(len(tokenizer)) and save both"
        )
    if any(head.generative for head in heads.values()) and tokenizer.eos_token is None:
        raise ValueError("its tokenizer has no end token, which text ends with: set eos_token in tokenizer_config.json")


@torch.no_grad()
def ensure_padding_ignored(model: Model, tokenizer: PreTrainedTokenizerBase, heads: Heads) -> None:
    """Raise ValueError if the model cannot read a text, or if padding on the right changes its logits."""
    for name, head in heads.items():
        if head.generative:
            continue
        second = "and another" if head.pairs else None
        inputs = dict(tokenizer("a text to look at", second, return_tensors="pt"))
        if inputs["input_ids"].shape[1] < 2:  # letters that the tokenizer does not know
            continue
        padded = {key: nn.functional.pad(value, (0, NUM_PADDING)) for key, value in inputs.items()}
        padded["input_ids"][:, -NUM_PADDING:] = tokenizer.pad_token_id
        training, kind = model.training, model.config.model_type
        try:
            plain_logits, padded_logits = (compute_logits(model.eval(), name, batch) for batch in (inputs, padded))
        except (RuntimeError, IndexError, TypeError, ValueError, NotImplementedError) as error:
            raise ValueError(f"its {kind} model cannot read a text: {str(error).splitlines()[0]}") from error
        finally:
            model.train(training)
        if (plain_logits - padded_logits).abs().max() > MAX_CHANGE * plain_logits.abs().max():
            raise ValueError(
                f"{kind} models answer otherwise where a text is padded on the right: take another architecture"
            )

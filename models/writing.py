"""What a generative head writes after a prompt, or in answer to a source, token by token."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import GenerationConfig, PreTrainedTokenizerBase

from models import encoding
from models.heads import Head, Model, SharedTrunk

UNBOUNDED = 1 << 30


def room(config: Any, max_length: int, max_new_tokens: int) -> tuple[int, int]:
    """Tokens of a prompt and tokens after it, so that both fit the model's positions.

    A prompt keeps at least half of them.
    """
    positions = getattr(config, "max_position_embeddings", None) or UNBOUNDED
    if config.is_encoder_decoder:
        return max_length, min(max_new_tokens, positions - 1)
    prompt = min(max_length, max(positions - max_new_tokens, positions // 2))
    return prompt, min(max_new_tokens, positions - prompt)


def prompts(
    tokenizer: PreTrainedTokenizerBase, head: Head, texts: Sequence[str], longest: int, encoder_decoder: bool
) -> list[list[int]]:
    """The token ids that the head writes after, as `models.encoding.sequences` puts them in training; never empty."""
    end = tokenizer.eos_token_id
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else end
    ids = tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False)["input_ids"]
    if encoder_decoder:
        return [[*line[: longest - 1], end] for line in ids]
    if head.kind == "text2text":
        return [encoding.prompt(line, [end], longest) for line in ids]
    before = [] if head.pairs else [start]
    return [encoding.prompt([*before, *line], [], longest) or [start] for line in ids]


def write(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    objective: str,
    ids: list[list[int]],
    max_new_tokens: int,
    temperature: float,
) -> list[str]:
    """What the model writes after each of the token ids, one batch; greedily at temperature 0, else sampled from all
    tokens with torch's global generator.
    """
    inputs = _padded(ids, tokenizer.pad_token_id, on_the_left=not model.config.is_encoder_decoder)
    inputs = {name: value.to(next(model.parameters()).device) for name, value in inputs.items()}
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    if isinstance(model, SharedTrunk):
        written = _on_trunk(model, objective, inputs, max_new_tokens, _picker(temperature), end)
    else:
        written = _stock(model, inputs, max_new_tokens, temperature, end, pad)
    lines = [line[: line.index(end)] if end in line else line for line in written.tolist()]
    return [str(tokenizer.decode(line, skip_special_tokens=True)) for line in lines]


def _padded(ids: list[list[int]], pad: int, on_the_left: bool) -> dict[str, Tensor]:
    side = "left" if on_the_left else "right"
    lines = [torch.tensor(line) for line in ids]
    masks = [torch.ones_like(line) for line in lines]
    return {
        "input_ids": pad_sequence(lines, batch_first=True, padding_value=pad, padding_side=side),
        "attention_mask": pad_sequence(masks, batch_first=True, padding_side=side),
    }


def _stock(
    model: Any, inputs: dict[str, Tensor], max_new_tokens: int, temperature: float, end: int, pad: int
) -> Tensor:
    """By transformers' `generate`, with settings of its own in place of those that came with the base."""
    sampling = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {"do_sample": False}
    own = model.generation_config
    model.generation_config = GenerationConfig(
        max_new_tokens=max_new_tokens, eos_token_id=end, pad_token_id=pad,
        decoder_start_token_id=own.decoder_start_token_id, **sampling,
    )  # fmt: skip
    try:
        done: Tensor = model.generate(**inputs)
    finally:
        model.generation_config = own
    return done[:, 1 if model.config.is_encoder_decoder else inputs["input_ids"].shape[1] :]


def _picker(temperature: float) -> Callable[[Tensor], Tensor]:
    if not temperature:
        return lambda logits: logits.argmax(dim=-1, keepdim=True)
    return lambda logits: torch.multinomial((logits / temperature).softmax(dim=-1), 1)


def _on_trunk(
    model: SharedTrunk,
    objective: str,
    inputs: dict[str, Tensor],
    max_new_tokens: int,
    pick: Callable[[Tensor], Tensor],
    end: int,
) -> Tensor:
    step, mask, cache = inputs["input_ids"], inputs["attention_mask"], None
    ended = torch.zeros(len(step), 1, dtype=torch.bool, device=step.device)
    written: list[Tensor] = []
    while len(written) < max_new_tokens and not ended.all():
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -step.shape[1] :]
        seen = model.trunk(
            input_ids=step, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
        )
        cache = seen.past_key_values
        step = pick(model.judge(objective, seen.last_hidden_state[:, -1], None).float()).masked_fill(ended, end)
        ended |= step == end
        mask = torch.cat([mask, torch.ones_like(step)], dim=1)
        written.append(step)
    return torch.cat(written, dim=1)

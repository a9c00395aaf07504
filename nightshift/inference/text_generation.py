"""Text generation: continuations of prompts, or answers to sources, token by token."""

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedTokenizerBase,
    RepetitionPenaltyLogitsProcessor,
    StoppingCriteria,
    StoppingCriteriaList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from nightshift.generation_config import Generation
from nightshift.models.heads import Head, Model, SharedTrunk
from nightshift.training import tokenization

UNBOUNDED = 1 << 30
"""Positions of a model without a limit."""


def fit_lengths(config: Any, max_length: int, max_new_tokens: int) -> tuple[int, int]:
    """Return the maximum tokens of a prompt and of its continuation, so that both fit the model's positions.

    A prompt keeps at least half of them.
    """
    positions = getattr(config, "max_position_embeddings", None) or UNBOUNDED
    if config.is_encoder_decoder:
        return max_length, min(max_new_tokens, positions - 1)
    prompt = min(max_length, max(positions - max_new_tokens, positions // 2))
    return prompt, min(max_new_tokens, positions - prompt)


def encode_prompts(
    tokenizer: PreTrainedTokenizerBase, head: Head, texts: Sequence[str], longest: int, encoder_decoder: bool
) -> list[list[int]]:
    """Return the token ids of prompts or sources, never empty, as `tokenization.encode_generation` does in training.

    Args:
        tokenizer: The model's tokenizer.
        head: The generative objective.
        texts: The prompts or sources.
        longest: Maximum number of tokens.
        encoder_decoder: True if the model is an encoder-decoder.
    """
    end = tokenizer.eos_token_id
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else end
    ids = tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False)["input_ids"]
    if encoder_decoder:
        return [[*line[: longest - 1], end] for line in ids]
    if head.kind == "text2text":
        return [tokenization.truncate_prompt(line, [end], longest) for line in ids]
    prefix = [] if head.pairs else [start]
    return [tokenization.truncate_prompt([*prefix, *line], [], longest) or [start] for line in ids]


def generate(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    objective: str,
    ids: list[list[int]],
    generation: Generation,
    seeds: Sequence[int],
) -> list[str]:
    """Return the text that the model generates for each row of a batch.

    Args:
        model: A stock model or a shared trunk.
        tokenizer: Decodes the new tokens.
        objective: Head of a shared trunk that generates.
        ids: Token ids of each row's prompt or source.
        generation: Settings of generation.
        seeds: Seed of each row's sampling: an answer does not depend on the other rows of the batch.
    """
    is_decoder = not model.config.is_encoder_decoder
    inputs = _padded(ids, tokenizer.pad_token_id, on_the_left=is_decoder)
    inputs = {name: value.to(next(model.parameters()).device) for name, value in inputs.items()}
    width, end = inputs["input_ids"].shape[1], tokenizer.eos_token_id
    processors = _processors(generation, [width - len(line) if is_decoder else 0 for line in ids], seeds)
    stopping = StoppingCriteriaList()
    if generation.stop_strings:
        stopping.append(_StopStrings(tokenizer, generation.stop_strings, width if is_decoder else 1, end))
    if isinstance(model, SharedTrunk):
        written = _on_trunk(model, objective, inputs, generation.max_new_tokens, processors, stopping, end)
    else:
        written = _stock(model, inputs, generation.max_new_tokens, processors, stopping, tokenizer)
    return [_text(tokenizer, line, generation.stop_strings, end) for line in written.tolist()]


def _text(tokenizer: PreTrainedTokenizerBase, line: list[int], stop_strings: Sequence[str], end: int) -> str:
    """Return a row's text before the end token and before the first of the stop strings."""
    text = str(tokenizer.decode(line[: line.index(end)] if end in line else line, skip_special_tokens=True))
    return text[: min((text.index(stop) for stop in stop_strings if stop in text), default=len(text))]


def row_seed(seed: int, text: str) -> int:
    """Return the seed of a row's sampling, which depends on the request's seed and the row's text alone."""
    digest = hashlib.sha256(f"{seed} {text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _processors(generation: Generation, starts: Sequence[int], seeds: Sequence[int]) -> LogitsProcessorList:
    """Return the processors that turn logits into scores whose largest is the next token, in transformers' order."""
    processors = LogitsProcessorList()
    if generation.repetition_penalty != 1:
        processors.append(_RepetitionPenalty(generation.repetition_penalty, starts))
    if generation.temperature:
        processors.append(TemperatureLogitsWarper(generation.temperature))
        if generation.top_k:
            processors.append(TopKLogitsWarper(generation.top_k))
        if generation.top_p < 1:
            processors.append(TopPLogitsWarper(generation.top_p))
        processors.append(_Draw(seeds))
    return processors


class _RepetitionPenalty(LogitsProcessor):  # type: ignore[misc]
    """Repetition penalty of transformers without the padding before each row, which depends on the batch."""

    def __init__(self, penalty: float, starts: Sequence[int]) -> None:
        self.stock, self.starts = RepetitionPenaltyLogitsProcessor(penalty), starts

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return the scores (rows, vocabulary) after `input_ids` (rows, tokens)."""
        rows = [
            self.stock(input_ids[row : row + 1, start:], scores[row : row + 1]) for row, start in enumerate(self.starts)
        ]
        return torch.cat(rows)


class _Draw(LogitsProcessor):  # type: ignore[misc]
    """Samples each row's token with a generator of its own; only the sampled token keeps a score."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return scores (rows, vocabulary), 0 for the sampled token and -inf for all others."""
        draws = torch.stack([torch.rand(1, generator=generator, dtype=torch.float64) for generator in self.generators])
        sums = scores.double().softmax(dim=-1).cumsum(dim=-1)
        tokens = torch.searchsorted(sums, draws.to(scores.device) * sums[:, -1:], right=True)
        return torch.full_like(scores, -torch.inf).scatter(1, tokens.clamp(max=scores.shape[1] - 1), 0.0)


class _StopStrings(StoppingCriteria):  # type: ignore[misc]
    """Ends a row as soon as its new text contains one of the strings."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, strings: Sequence[str], start: int, end: int) -> None:
        self.tokenizer, self.strings, self.start, self.end = tokenizer, strings, start, end

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """Return True for each row of `input_ids` (rows, tokens) that has ended."""
        lines = input_ids[:, self.start :].tolist()
        has_stop_string = [
            _text(self.tokenizer, line, self.strings, self.end) != _text(self.tokenizer, line, (), self.end)
            for line in lines
        ]
        return torch.tensor(has_stop_string, device=input_ids.device)


def _padded(ids: list[list[int]], pad: int, on_the_left: bool) -> dict[str, Tensor]:
    side = "left" if on_the_left else "right"
    lines = [torch.tensor(line) for line in ids]
    masks = [torch.ones_like(line) for line in lines]
    return {
        "input_ids": pad_sequence(lines, batch_first=True, padding_value=pad, padding_side=side),
        "attention_mask": pad_sequence(masks, batch_first=True, padding_side=side),
    }


def _stock(
    model: Any,
    inputs: dict[str, Tensor],
    max_new_tokens: int,
    processors: LogitsProcessorList,
    stopping: StoppingCriteriaList,
    tokenizer: PreTrainedTokenizerBase,
) -> Tensor:
    """Generate by transformers' `generate`, without the settings that came with the base model."""
    base_config = model.generation_config
    model.generation_config = GenerationConfig(
        max_new_tokens=max_new_tokens, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=base_config.decoder_start_token_id, do_sample=False,
    )  # fmt: skip
    try:
        generated: Tensor = model.generate(**inputs, logits_processor=processors, stopping_criteria=stopping)
    finally:
        model.generation_config = base_config
    return generated[:, 1 if model.config.is_encoder_decoder else inputs["input_ids"].shape[1] :]


def _on_trunk(
    model: SharedTrunk,
    objective: str,
    inputs: dict[str, Tensor],
    max_new_tokens: int,
    processors: LogitsProcessorList,
    stopping: StoppingCriteriaList,
    end: int,
) -> Tensor:
    ids, step, mask, cache = inputs["input_ids"], inputs["input_ids"], inputs["attention_mask"], None
    has_ended = torch.zeros(len(step), dtype=torch.bool, device=step.device)
    while ids.shape[1] - inputs["input_ids"].shape[1] < max_new_tokens and not has_ended.all():
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -step.shape[1] :]
        output = model.trunk(
            input_ids=step, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
        )
        cache = output.past_key_values
        scores = processors(ids, model.objective_logits(objective, output.last_hidden_state[:, -1], None).float())
        step = scores.argmax(dim=-1, keepdim=True).masked_fill(has_ended[:, None], end)
        ids = torch.cat([ids, step], dim=1)
        has_ended |= step[:, 0] == end
        if stopping:
            has_ended |= stopping(ids, scores)
        mask = torch.cat([mask, torch.ones_like(step)], dim=1)
    return ids[:, inputs["input_ids"].shape[1] :]

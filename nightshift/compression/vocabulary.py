"""A vocabulary cut to what the rows need: fewer embeddings, the same tokens for every text that was looked at.

Kept are the tokens that the texts are made of, those that BPE merges on the way to them, special and added tokens, and
every single character or byte, so that no text becomes unreadable: a word whose token has gone is spelt in smaller
pieces. For the texts themselves nothing changes. WordPiece takes the longest piece, which stays; BPE applies the merges
in their order, and all it applied stay; Unigram takes the likeliest split, which stays the likeliest among fewer.
"""

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from nightshift.models.heads import Model, SharedTrunk

SPACE = "▁"
"""What SentencePiece writes for a space."""
SPECIAL = [f"{name}_token_id" for name in ("pad", "bos", "eos", "sep", "cls", "decoder_start")]
"""What configurations say of tokens by their numbers."""
BATCH = 1000


def trim(
    model: Model, tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]
) -> tuple[Model, PreTrainedTokenizerBase]:
    """Copies of both with the tokens that `texts` need; stock `from_pretrained` loads them once they are saved.

    Raises ValueError for a tokenizer whose algorithm is not WordPiece, BPE or Unigram, and for embeddings that are more than a table.
    """
    told = json.loads(tokenizer.backend_tokenizer.to_str())
    kept = sorted(_needed(told, tokenizer, texts))
    new = {old: place for place, old in enumerate(kept)}
    return _cut_model(model, new), _cut_tokenizer(tokenizer, told, new)


def _needed(told: dict[str, Any], tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]) -> set[int]:
    kind, ids = told["model"]["type"], tokenizer.get_vocab()
    if kind not in ("WordPiece", "BPE", "Unigram"):
        raise ValueError(f"a vocabulary of kind {kind} cannot be cut, only of WordPiece, BPE and Unigram")
    prefix = told["model"].get("continuing_subword_prefix") or SPACE
    needed = {place for token, place in ids.items() if len(token.removeprefix(prefix)) <= 1 or _is_byte(token)}
    needed |= set(tokenizer.all_special_ids) | {token["id"] for token in told["added_tokens"]}
    if kind == "Unigram":
        needed.add(told["model"]["unk_id"])
    rows = list(texts)
    for start in range(0, len(rows), BATCH):
        for row in tokenizer(rows[start : start + BATCH], add_special_tokens=False)["input_ids"]:
            needed.update(row)
    return _with_parts(told["model"]["merges"], ids, needed) if kind == "BPE" else needed


def _is_byte(token: str) -> bool:
    return len(token) == 6 and token.startswith("<0x") and token.endswith(">")


def _with_parts(merges: list[Any], ids: dict[str, int], needed: set[int]) -> set[int]:
    """`needed`, and what its tokens are merged from; a token is merged from tokens made by earlier merges."""
    for left, right in map(_pair, reversed(merges)):
        if ids[left + right] in needed:
            needed |= {ids[left], ids[right]}
    return needed


def _pair(merge: Any) -> tuple[str, str]:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def _cut_tokenizer(
    tokenizer: PreTrainedTokenizerBase, told: dict[str, Any], new: dict[int, int]
) -> PreTrainedTokenizerBase:
    inner = told["model"]
    if inner["type"] == "Unigram":
        inner["vocab"] = [inner["vocab"][old] for old in new if old < len(inner["vocab"])]
        inner["unk_id"] = new[inner["unk_id"]]
    else:
        inner["vocab"] = {token: new[old] for token, old in inner["vocab"].items() if old in new}
    if inner["type"] == "BPE":
        parts = (merge for merge in inner["merges"] if {*_pair(merge), "".join(_pair(merge))} <= inner["vocab"].keys())
        inner["merges"] = list(parts)
    for token in told["added_tokens"]:
        token["id"] = new[token["id"]]
    _renumber(told["post_processor"] or {}, new)
    told["padding"] = None
    with TemporaryDirectory() as name:
        folder = Path(name)
        tokenizer.save_pretrained(folder)
        (folder / "tokenizer.json").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
        found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    return found


def _renumber(processor: dict[str, Any], new: dict[int, int]) -> None:
    for inner in processor.get("processors", []):
        _renumber(inner, new)
    for token in processor.get("special_tokens", {}).values():
        token["ids"] = [new[old] for old in token["ids"]]
    for side in {"sep", "cls"} & processor.keys():
        token, old = processor[side]
        processor[side] = [token, new[old]]


def _cut_model(model: Model, new: dict[int, int]) -> Model:
    smaller = copy.deepcopy(model)
    inner: PreTrainedModel = smaller.trunk if isinstance(smaller, SharedTrunk) else smaller
    old = inner.get_input_embeddings()
    kept = torch.tensor(list(new))
    if type(old) is not nn.Embedding:
        raise ValueError(f"a {type(old).__name__} cannot be cut: it is more than a table")
    padding = old.padding_idx
    embeddings = nn.Embedding(len(kept), old.embedding_dim, padding_idx=None if padding is None else new[padding])
    embeddings.weight = nn.Parameter(old.weight.detach()[kept].clone())
    inner.set_input_embeddings(embeddings)
    output = inner.get_output_embeddings()
    if output is not None:
        output.weight, output.out_features = nn.Parameter(output.weight.detach()[kept].clone()), len(kept)
        inner.tie_weights()
    inner.config.vocab_size = len(kept)
    for config in (inner.config, getattr(inner, "generation_config", None)):
        for name in SPECIAL:
            if isinstance(place := getattr(config, name, None), int):
                setattr(config, name, new.get(place))
    return smaller.eval()

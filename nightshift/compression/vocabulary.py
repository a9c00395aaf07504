"""Vocabulary trimming: fewer embeddings, and the same tokens for every text that was looked at.

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
"""SentencePiece's character for a space."""
TOKEN_ID_KEYS = [f"{name}_token_id" for name in ("pad", "bos", "eos", "sep", "cls", "decoder_start")]
"""Keys of configurations whose values are token ids."""
BATCH = 1000


def trim(
    model: Model, tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]
) -> tuple[Model, PreTrainedTokenizerBase]:
    """Return copies of both with the tokens that `texts` need; stock `from_pretrained` loads them once they are saved.

    Raises ValueError for a tokenizer whose algorithm is not WordPiece, BPE or Unigram, and for embeddings that are more
    than a table.
    """
    specification = json.loads(tokenizer.backend_tokenizer.to_str())
    old_ids = sorted(_required_ids(specification, tokenizer, texts))
    new_ids = {old_id: new_id for new_id, old_id in enumerate(old_ids)}
    return _trim_model(model, new_ids), _trim_tokenizer(tokenizer, specification, new_ids)


def _required_ids(specification: dict[str, Any], tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]) -> set[int]:
    """Return the ids of the tokens that must stay; `specification` is the content of `tokenizer.json`."""
    kind, ids = specification["model"]["type"], tokenizer.get_vocab()
    if kind not in ("WordPiece", "BPE", "Unigram"):
        raise ValueError(f"a vocabulary of kind {kind} cannot be cut, only of WordPiece, BPE and Unigram")
    prefix = specification["model"].get("continuing_subword_prefix") or SPACE
    required = {index for token, index in ids.items() if len(token.removeprefix(prefix)) <= 1 or _is_byte(token)}
    required |= set(tokenizer.all_special_ids) | {token["id"] for token in specification["added_tokens"]}
    if kind == "Unigram":
        required.add(specification["model"]["unk_id"])
    rows = list(texts)
    for start in range(0, len(rows), BATCH):
        for row in tokenizer(rows[start : start + BATCH], add_special_tokens=False)["input_ids"]:
            required.update(row)
    return _with_parts(specification["model"]["merges"], ids, required) if kind == "BPE" else required


def _is_byte(token: str) -> bool:
    return len(token) == 6 and token.startswith("<0x") and token.endswith(">")


def _with_parts(merges: list[Any], ids: dict[str, int], required: set[int]) -> set[int]:
    """Add the tokens that others are merged from; a token is merged from tokens made by earlier merges."""
    for first, second in map(_pair, reversed(merges)):
        if ids[first + second] in required:
            required |= {ids[first], ids[second]}
    return required


def _pair(merge: Any) -> tuple[str, str]:
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return first, second


def _trim_tokenizer(
    tokenizer: PreTrainedTokenizerBase, specification: dict[str, Any], new_ids: dict[int, int]
) -> PreTrainedTokenizerBase:
    algorithm = specification["model"]
    if algorithm["type"] == "Unigram":
        algorithm["vocab"] = [algorithm["vocab"][old_id] for old_id in new_ids if old_id < len(algorithm["vocab"])]
        algorithm["unk_id"] = new_ids[algorithm["unk_id"]]
    else:
        vocab = algorithm["vocab"].items()
        algorithm["vocab"] = {token: new_ids[old_id] for token, old_id in vocab if old_id in new_ids}
    if algorithm["type"] == "BPE":
        tokens = algorithm["vocab"].keys()
        merges = (merge for merge in algorithm["merges"] if {*_pair(merge), "".join(_pair(merge))} <= tokens)
        algorithm["merges"] = list(merges)
    for token in specification["added_tokens"]:
        token["id"] = new_ids[token["id"]]
    _renumber(specification["post_processor"] or {}, new_ids)
    specification["padding"] = None
    with TemporaryDirectory() as name:
        folder = Path(name)
        tokenizer.save_pretrained(folder)
        (folder / "tokenizer.json").write_text(json.dumps(specification, ensure_ascii=False), encoding="utf-8")
        trimmed: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    return trimmed


def _renumber(post_processor: dict[str, Any], new_ids: dict[int, int]) -> None:
    for processor in post_processor.get("processors", []):
        _renumber(processor, new_ids)
    for token in post_processor.get("special_tokens", {}).values():
        token["ids"] = [new_ids[old_id] for old_id in token["ids"]]
    for key in {"sep", "cls"} & post_processor.keys():
        token, old_id = post_processor[key]
        post_processor[key] = [token, new_ids[old_id]]


def _trim_model(model: Model, new_ids: dict[int, int]) -> Model:
    smaller = copy.deepcopy(model)
    inner: PreTrainedModel = smaller.trunk if isinstance(smaller, SharedTrunk) else smaller
    table = inner.get_input_embeddings()
    indices = torch.tensor(list(new_ids))
    if type(table) is not nn.Embedding:
        raise ValueError(f"a {type(table).__name__} cannot be cut: it is more than a table")
    padding = table.padding_idx
    embeddings = nn.Embedding(
        len(indices), table.embedding_dim, padding_idx=None if padding is None else new_ids[padding]
    )
    embeddings.weight = nn.Parameter(table.weight.detach()[indices].clone())
    inner.set_input_embeddings(embeddings)
    output = inner.get_output_embeddings()
    if output is not None:
        output.weight, output.out_features = nn.Parameter(output.weight.detach()[indices].clone()), len(indices)
        inner.tie_weights()
    inner.config.vocab_size = len(indices)
    for config in (inner.config, getattr(inner, "generation_config", None)):
        for key in TOKEN_ID_KEYS:
            if isinstance(old_id := getattr(config, key, None), int):
                setattr(config, key, new_ids.get(old_id))
    return smaller.eval()

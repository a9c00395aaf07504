"""Predictor of classification and regression with onnxruntime, tokenizers and numpy alone.

This file needs nothing else of this project: it goes into the registered model beside the folder that it opens, and from
there into what `nightshift export` writes.
"""

import json
import os
import runpy
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from math import ceil, isnan
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from tokenizers import Tokenizer

BATCH = 32
MAX_ROWS_KEY = "nightshift.rows"
"""Key in a graph's metadata of the maximum number of rows of a batch, if it is less than `BATCH`."""
FIELDS = {"input_ids": attrgetter("ids"), "attention_mask": attrgetter("attention_mask"),
          "token_type_ids": attrgetter("type_ids")}  # fmt: skip
"""A graph's inputs by the attributes of an encoding of tokenizers."""
DEFAULT_FIELDS = {"threshold": 0.5, "abstain_below": None, "temperature": 1.0, "cleaning": None}
"""Fields of heads that were written by a version without them, see `nightshift.models.heads.Head`."""
CLEANING_FILE = "text_cleaning.py"
CHARACTERS_PER_TOKEN = 32
MISSING = ("NAType", "NaTType")
"""Names of pandas' classes of missing values."""
TRUNCATION_MARGIN = 128
"""Maximum number of tokens that change where a text is cut: a word of WordPiece has 100 characters, or is one [UNK]."""


cpu_limit: int | None = None
"""Maximum number of threads of this process, where it shares its machine with others of the same work."""


@cache
def cleaning_class() -> Any:
    """Return the class that cleans texts: of the file beside this one in a registered model, else of nightshift."""
    file = Path(__file__).with_name(CLEANING_FILE)
    if file.exists():
        return runpy.run_path(str(file))["Cleaning"]
    from nightshift.text_cleaning import Cleaning

    return Cleaning


def available_cpus(root: Path = Path("/")) -> int:
    """Return how many threads of this process can run at once: its CPU affinity, within `cpu_limit` and the quota of its cgroups."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cpus, cpu_limit or cpus, *(ceil(quota) for quota in _cpu_quotas(root))]))


def _cpu_quotas(root: Path) -> Iterator[float]:
    """Yield the CPUs that each cgroup (v1 and v2) around this process allows; none where they say nothing."""
    with suppress(OSError, ValueError):
        groups = [line.split(":", 2) for line in (root / "proc/self/cgroup").read_text().splitlines()]
        for line in (root / "proc/self/mountinfo").read_text().splitlines():
            mount, _, filesystem = line.partition(" - ")
            _, _, _, mounted, mount_point, *_ = mount.split(" ")
            kind, _, options = filesystem.split(" ", 2)
            if kind == "cgroup2" or (kind == "cgroup" and "cpu" in options.split(",")):
                controller = "cpu" if kind == "cgroup" else ""
                path = next((path for _, names, path in groups if controller in names.split(",")), "/")
                yield from _quotas_upwards(root, mounted, mount_point, path)


def _quotas_upwards(root: Path, mounted: str, mount_point: str, group: str) -> Iterator[float]:
    """Yield the quota of a cgroup and of those that it lies in, as far as they are mounted."""
    top = root / mount_point.lstrip("/")
    is_visible = Path(group).is_relative_to(mounted) and ".." not in group
    folder = top / Path(group).relative_to(mounted) if is_visible else top
    while folder.is_relative_to(top):
        with suppress(OSError, ValueError):
            if (folder / "cpu.max").exists():
                quota, period = (folder / "cpu.max").read_text().split()
            else:
                quota, period = ((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
            if quota not in ("max", "-1"):
                yield int(quota) / int(period)
        folder = folder.parent


def ensure_texts(values: Sequence[Any], column: str = "text") -> None:
    """Raise ValueError unless `values` is a list of texts; the message names the row, counted from 0."""
    if isinstance(values, str | bytes | dict):
        raise ValueError(f"expected a list of texts as {column}, found {type(values).__name__}")
    for row, value in enumerate(values):
        if problem := problem_of(value):
            raise ValueError(f"row {row}: {column} is {problem}")


def problem_of(value: Any) -> str:
    """Return what keeps a value from being read as a text, in words; empty for a text."""
    if isinstance(value, str):
        is_valid = value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
        return "" if is_valid else "no valid Unicode: half of a surrogate pair"
    is_missing = value is None or (isinstance(value, float) and isnan(value)) or type(value).__name__ in MISSING
    return "missing" if is_missing else f"no text but {type(value).__name__}"


def shorten(text: str, tokens: int, count: Callable[[str], int], side: str = "right") -> str:
    """Return the part of a long text that can matter where only `tokens` tokens of it are read.

    Args:
        text: Of any length; one of less than 128 characters a token is returned whole.
        tokens: How many tokens are read.
        count: Gives the number of tokens of a text.
        side: Where the tokenizer truncates; at `left` the end of the text is read.

    Returns:
        The text, or so much of its beginning (its end) that the tokens read are those of the whole text.
    """
    size = CHARACTERS_PER_TOKEN * tokens
    while 4 * size < len(text):
        part = text[-size:] if side == "left" else text[:size]
        if count(part) >= 2 * tokens + TRUNCATION_MARGIN:
            return part
        size *= 4
    return text


class PredictorBase:
    """Base class of predictors, for one objective or several; a subclass has `scores`."""

    heads: Any
    """Objectives by name, each with kind, labels, separator and pairs."""
    main: str
    """Name of the default objective."""
    problem_of = staticmethod(problem_of)

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None = None, objective: str = "main") -> np.ndarray:
        """Return probabilities (rows, classes), or values of a regression (rows, 1), in the order of the texts."""
        raise NotImplementedError

    def resolve_objective(self, objective: str) -> str:
        """Return the name of an objective, or of the main one if empty; raise ValueError for an unknown one."""
        name = objective or self.main
        if name not in self.heads:
            raise ValueError(f"no objective {name!r}: this model knows {', '.join(self.heads)}")
        return name

    def cleaned(self, texts: Sequence[str], objective: str, column: str = "text") -> Sequence[str]:
        """Return texts as the rows were cleaned that an objective has learned from.

        Raises:
            ValueError: A pattern of the cleaning takes too long for a text.
        """
        cleaning = self.heads[objective].cleaning
        if cleaning is None:
            return texts
        clean_texts = []
        for row, text in enumerate(texts):
            try:
                clean_texts.append(cleaning.clean(text))
            except ValueError as error:
                raise ValueError(f"row {row}: {column}: {error}") from error
        return clean_texts

    def answers(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None, objective: str = ""
    ) -> list[dict[str, Any]]:
        """Return a dictionary for each text, in the order of the texts.

        An empty text is read as one space, since some tokenizers (GPT-2's) return no token for it.

        Args:
            texts: The texts.
            pairs: Second texts, if the model reads two.
            objective: One of several objectives; empty for the main one.

        Returns:
            For classification `label`, its `score`, and all `scores` by label; if a row may have several labels they
            are joined in `label`, and `score` is the lowest among them (the highest of all if there is none). If the
            head has a bound for it, also `abstain`: True if the score is too low for the answer to be relied on. For
            regression `score`, in the units of the training labels.

        Raises:
            ValueError: The objective is unknown, a value is no text, or there is one text per row where two are read,
                or the other way round.
        """
        name = self.resolve_objective(objective)
        head = self.heads[name]
        if head.pairs != (pairs is not None):
            raise ValueError(f"{name} reads {'two texts' if head.pairs else 'one text'} a row")
        ensure_texts(texts)
        if pairs is not None:
            ensure_texts(pairs, "text_pair")
            if len(texts) != len(pairs):
                raise ValueError(f"{len(texts)} first and {len(pairs)} second texts: each row has one of both")
        first = [text or " " for text in self.cleaned(texts, name)]
        second = None if pairs is None else [text or " " for text in self.cleaned(pairs, name, "text_pair")]
        return [_answer(head, row) for row in self.scores(first, second, name)]


class OnnxPredictor(PredictorBase):
    """Predictor of a folder with `model.onnx`, `tokenizer.json` and `config.json`, for one objective or several."""

    def __init__(self, folder: str | Path) -> None:
        import onnxruntime  # here, because the registered model that writes text shares this file and not this library

        folder = Path(folder)
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.heads = {name: SimpleNamespace(**DEFAULT_FIELDS | head) for name, head in self.config["heads"].items()}
        for head in self.heads.values():
            head.cleaning = head.cleaning and cleaning_class().from_fields(head.cleaning)
        self.main = self.config["main"]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(self.config["max_length"], direction=self.config["truncation_side"])
        self.tokenizer.enable_padding(
            direction=self.config["padding_side"],
            pad_id=self.config["pad_token_id"],
            pad_token=self.config["pad_token"],
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        graph = str(folder / "model.onnx")
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.threads = ThreadPoolExecutor(available_cpus())
        self.batch = int(self.session.get_modelmeta().custom_metadata_map.get(MAX_ROWS_KEY, BATCH))
        self.inputs = [item.name for item in self.session.get_inputs()]

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None = None, objective: str = "main") -> np.ndarray:
        """Return probabilities (rows, classes), or values of a regression (rows, 1), in the order of the texts."""
        head = self.heads[objective]
        rows: list[Any] = list(texts) if pairs is None else list(zip(texts, pairs, strict=True))
        rows = [self._shortened(row) for row in rows]
        if len(rows) == 1:
            return _scores(head, self._logits(rows, objective).astype(float))
        lengths = [len(text) + (len(pairs[index]) if pairs is not None else 0) for index, text in enumerate(texts)]
        order = np.argsort(lengths, kind="stable")
        parts = [order[start : start + self.batch] for start in range(0, len(rows), self.batch)]
        batches = [[rows[index] for index in part] for part in parts]
        logits = np.zeros((len(rows), len(head.labels) or 1))
        run = map if len(parts) == 1 else self.threads.map
        for part, batch_logits in zip(parts, run(lambda batch: self._logits(batch, objective), batches), strict=True):
            logits[part] = batch_logits
        return _scores(head, logits)

    def _logits(self, rows: Sequence[Any], objective: str) -> np.ndarray:
        """Return the logits of one batch, computed on one core."""
        logits: np.ndarray = self.session.run([self.config["outputs"][objective]], self.feed(rows))[0]
        return logits

    def feed(self, rows: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return the graph's inputs for texts or pairs of texts, each (rows, tokens)."""
        encoded = self.tokenizer.encode_batch(list(rows)) if len(rows) > 1 else [self._encode(rows[0])]
        return {name: np.array([FIELDS[name](item) for item in encoded], dtype=np.int64) for name in self.inputs}

    def _shortened(self, row: Any) -> Any:
        """Return a text or a pair without what truncation would drop anyway.

        Of two long texts the longer one keeps the odd token, so both stay whole.
        """
        max_length, side = self.config["max_length"], self.config["truncation_side"]
        if isinstance(row, str):
            return shorten(row, max_length, self._count, side)
        is_long = [len(text) > 4 * CHARACTERS_PER_TOKEN * max_length for text in row]
        if sum(is_long) != 1 or self._count(row[is_long.index(False)]) > max_length:
            return row
        return tuple(shorten(text, max_length, self._count, side) for text in row)

    def _count(self, text: str) -> int:
        """Return the number of a text's tokens, truncated ones included."""
        encoded = self.tokenizer.encode(text)
        return sum(part.special_tokens_mask.count(0) for part in (encoded, *encoded.overflowing))

    def _encode(self, row: Any) -> Any:
        return self.tokenizer.encode(row) if isinstance(row, str) else self.tokenizer.encode(*row)


def _scores(head: Any, logits: np.ndarray) -> np.ndarray:
    if head.kind == "regression":
        scores: np.ndarray = logits * head.std + head.mean
    elif head.separator is not None:
        scores = 1 / (1 + np.exp(-logits))
    else:
        scaled = logits / head.temperature
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        scores = powers / powers.sum(axis=1, keepdims=True)
    return scores


def _answer(head: Any, row: np.ndarray) -> dict[str, Any]:
    if head.kind == "regression":
        return {"score": float(row[0])}
    label, score, abstains = decode(head, row)
    answer = {"label": label, "score": score, "scores": dict(zip(head.labels, map(float, row), strict=True))}
    return answer if abstains is None else answer | {"abstain": abstains}


def decode(head: Any, row: np.ndarray) -> tuple[str, float, bool | None]:
    """Return the label of a row's scores by `head`, several joined, its score, and whether it abstains.

    The last is None if the head has no bound below which a score is too low for the answer to be relied on.
    """
    label, score = _one_label(head, row) if head.separator is None else _several_labels(head, row)
    return label, score, None if head.abstain_below is None else score < head.abstain_below


def _one_label(head: Any, row: np.ndarray) -> tuple[str, float]:
    best = int(row.argmax())
    return head.labels[best], float(row[best])


def _several_labels(head: Any, row: np.ndarray) -> tuple[str, float]:
    is_label = row >= head.threshold
    labels = sorted(label for label, selected in zip(head.labels, is_label, strict=True) if selected)
    return head.separator.join(labels), float(row[is_label].min() if labels else row.max())

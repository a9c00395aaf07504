"""Rows as tokens: padding, packing, long texts."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import train_once

from nightshift.models.heads import Head, compute_logits
from nightshift.training import tokenization
from nightshift.training.tokenization import encode


def test_rows_are_tokenised_in_parts(bert, monkeypatch):
    head = Head("classification", ("bad", "good"), pairs=True)
    texts, labels = [f"text {'long ' * n}" for n in range(20)], ["good", None] * 10
    teacher_logits = np.arange(40.0).reshape(20, 2)
    examples = encode(bert[1], head, texts, texts[::-1], labels, 16, teacher_logits)
    monkeypatch.setattr(tokenization, "CHUNK", 7)
    chunked = encode(bert[1], head, texts, texts[::-1], labels, 16, teacher_logits)
    assert chunked.columns.keys() == examples.columns.keys() >= {"input_ids", "labels", "source", "teacher_logits"}
    for name, column in examples.columns.items():
        assert (
            np.array_equal(column.values, chunked.columns[name].values)
            and column.values.dtype == chunked.columns[name].values.dtype
        )
        assert np.array_equal(column.offsets, chunked.columns[name].offsets)


def test_packed_sequences_do_not_see_each_other():
    model, _, _, packed = train_once.prepared("gpt2", ("written",))
    examples = packed["written"]
    assert max(examples.lengths) <= 32 and len(examples) < 240
    row = int(np.argmax([len(examples.columns["source"][index]) for index in range(len(examples))]))
    ids, positions, labels = (torch.from_numpy(examples.columns[name][row].astype(np.int64))[None]
                              for name in ("input_ids", "position_ids", "labels"))  # fmt: skip
    starts = [*torch.where(positions[0] == 0)[0].tolist(), ids.shape[1]]
    assert len(starts) > 2 and (labels[0, starts[:-1]] == tokenization.IGNORED).all()
    model.eval()
    with torch.no_grad():
        together = compute_logits(model, "written", {"input_ids": ids, "position_ids": positions})
        for begin, end in pairwise(starts):
            separate = compute_logits(model, "written", {"input_ids": ids[:, begin:end]})
            assert torch.allclose(together[:, begin:end], separate, atol=1e-5)


def test_sequences_lose_nothing():
    _, tokenizer, heads, _ = train_once.prepared("gpt2", ("written",))
    texts = [" ".join(train_once.TEXTS[:9]), train_once.TEXTS[9]]
    ids, labels, rows = tokenization.encode_generation(tokenizer, heads["written"], texts, None, 16)
    assert set(rows) == {0, 1} and rows.count(0) > 2 and max(map(len, ids)) <= 16
    for row, text in enumerate(texts):
        predicted = [
            token for line, source in zip(labels, rows, strict=True) if source == row for token in line if token >= 0
        ]
        assert predicted == [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]


def test_the_corpus_decides_the_tokenizer(tmp_path):
    code = "import train_once, sys; t = train_once.pretrained.load_tokenizer('scratch:' + sys.argv[1], {'vocab_size': 400}, train_once.TEXTS); print(t.backend_tokenizer.to_str())"
    for name in ("bert", "gpt2"):
        outputs = {subprocess.run([sys.executable, "-c", code, name], cwd=Path(train_once.__file__).parent, capture_output=True, text=True, check=True).stdout
                 for _ in range(2)}  # fmt: skip
        assert len(outputs) == 1

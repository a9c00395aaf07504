"""Importance of neurons and heads."""

import pytest
import torch
from prunable_models import ALL_HEADS, HEAD, KINDS, all_logits, batches_of, model_of
from transformers import AutoModel

from nightshift.compression import importance, pruning, reconstruction
from nightshift.models import architectures
from nightshift.models.heads import Head, SharedTrunk
from nightshift.training.tokenization import IGNORED


@pytest.mark.parametrize("kind", KINDS)
def test_neurons_and_heads_that_do_nothing_go_first(kind, tiny_tokenizer):
    model, batches = model_of(kind, tiny_tokenizer), batches_of(tiny_tokenizer)
    names = architectures.get_architecture(model)
    with torch.no_grad():
        for index, layer in enumerate(architectures.layers(model)):
            architectures.weight_matrix(layer.get_submodule(names.feed_forward.output_projection))[:, 5 + index] = 0
            start = 8 * (1 + index)
            architectures.weight_matrix(layer.get_submodule(names.attention.output_projection))[
                :, start : start + 8
            ] = 0
    importances = importance.compute_importance(model, batches, {"main": HEAD})
    assert [int(scores.argmin()) for scores in importances.neurons] == [5, 6]
    assert [int(scores.argmin()) for scores in importances.heads] == [1, 2]
    pruned = pruning.prune(model, importances, [63, 63], [4, 4] if kind in ALL_HEADS else [3, 3])
    assert torch.allclose(all_logits(pruned, batches), all_logits(model, batches), atol=1e-5)


def test_importance_is_told_by_the_models_answers_whatever_its_rows_are_labelled(tiny_tokenizer):
    model = model_of("bert", tiny_tokenizer)
    results = [
        importance.compute_importance(model, batches_of(tiny_tokenizer, labels=labels), {"main": HEAD})
        for labels in (("bad", "good") * 32, ("good",) * 64, (None,) * 64)
    ]
    for kind in ("neurons", "heads"):
        expected, *repeats = (torch.cat(getattr(result, kind)) for result in results)
        assert expected.min() > 0 and all(torch.equal(expected, repeat) for repeat in repeats)


HEADS = {
    "one": (HEAD, [[0.0, 2.0]], [1], [0.12, 0.88]),
    "several": (Head("classification", ("bad", "good"), separator=","), [[0.0, 2.0]], [[1.0, 0.0]], [0.5, 0.88]),
    "number": (Head("regression"), [[3.0]], [[0.0]], [3.0]),
}


@pytest.mark.parametrize("kind", HEADS)
def test_labels_are_drawn_as_likely_as_the_model_holds_them(kind):
    head, logits, labels, expected = HEADS[kind]
    answers, row_labels = torch.tensor(logits).repeat(4000, 1), torch.tensor(labels * 4000)
    drawn = importance.sample_labels(head, answers, row_labels, torch.Generator().manual_seed(1))
    assert drawn.shape == row_labels.shape and drawn.dtype == row_labels.dtype
    shares = torch.nn.functional.one_hot(drawn) if kind == "one" else drawn
    assert shares.float().mean(dim=0).tolist() == pytest.approx(expected, abs=0.05)


def test_tokens_are_drawn_where_the_model_predicts_one():
    answers = torch.full((1, 4, 5), -100.0)
    for position, token in enumerate((3, 1, 4, 2)):
        answers[0, position, token] = 0.0
    row_labels = torch.tensor([[0, 2, IGNORED, 2]])
    drawn = importance.sample_labels(Head("generation"), answers, row_labels, torch.Generator())
    assert drawn[0, 1:].tolist() == [3, IGNORED, 4]


def test_importances_of_several_objectives_add_up_by_their_weights(tiny_base, tiny_tokenizer):
    heads = {"judged": Head("classification", ("bad", "good")), "scored": Head("regression", weight=3.0)}
    torch.manual_seed(1)
    shared = SharedTrunk(AutoModel.from_pretrained(tiny_base), heads)
    parts = [batches_of(tiny_tokenizer, "judged"), batches_of(tiny_tokenizer, "scored", heads["scored"], range(64))]
    separate = [importance.compute_importance(shared, part, heads) for part in parts]
    combined = importance.compute_importance(shared, parts[0] + parts[1], heads)
    for kind in ("neurons", "heads"):
        for index, scores in enumerate(getattr(combined, kind)):
            assert torch.allclose(scores, sum(getattr(single, kind)[index] for single in separate), rtol=1e-4)
    pruned = pruning.prune(shared, combined, [32, 16], [1, 2])
    reconstruction.reconstruct(pruned, shared, parts[0] + parts[1])
    full = pruning.pad_with_zeros(pruned)
    assert full.config.intermediate_size == 32 and isinstance(full, SharedTrunk)
    for part in parts:
        assert torch.allclose(all_logits(full, part), all_logits(pruned, part), atol=1e-6)

"""Reconstruction by least squares after pruning."""

import pytest
import torch
from prunable_models import KINDS, all_logits, batches_of, model_of, pruned_copy

from nightshift.compression import importance, pruning, reconstruction
from nightshift.models import architectures


@pytest.fixture(params=KINDS)
def pruned_case(request, tiny_tokenizer):
    return pruned_copy(request.param, tiny_tokenizer)


def test_mending_brings_answers_nearer_to_the_parents(pruned_case):
    model, batches, pruned = pruned_case
    parent_logits, old_logits = all_logits(model, batches), all_logits(pruned, batches)
    reconstruction.reconstruct(pruned, model, batches)
    new_logits = all_logits(pruned, batches)
    assert (new_logits - parent_logits).square().mean() < 0.8 * (old_logits - parent_logits).square().mean()


@pytest.mark.parametrize("kind", ["bert", "distilbert", "gpt2"])
def test_what_another_does_too_is_mended_wholly(kind, tiny_tokenizer):
    model, batches = model_of(kind, tiny_tokenizer), batches_of(tiny_tokenizer)
    names = architectures.get_architecture(model)
    with torch.no_grad():
        for layer in architectures.layers(model):
            for name in names.feed_forward.input_projections:
                reader = layer.get_submodule(name)
                architectures.weight_matrix(reader)[32:] = architectures.weight_matrix(reader)[:32]
                reader.bias[32:] = reader.bias[:32]
    first = importance.Importance([torch.arange(64.0, 0.0, -1)] * 2, [torch.ones(4)] * 2)
    pruned = pruning.prune(model, first, [32, 32])
    parent_logits, old_logits = all_logits(model, batches), all_logits(pruned, batches)
    assert (old_logits - parent_logits).abs().max() > 0.01
    reconstruction.reconstruct(pruned, model, batches, ridge=1e-9)
    assert torch.allclose(all_logits(pruned, batches), parent_logits, atol=1e-4)

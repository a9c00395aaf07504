"""Low-rank adaptation."""

import pytest
import torch
import train_once
from train_once import StopAt, StopTraining, same_weights

from nightshift.training import trainer


def test_low_rank_adaptation_is_merged(tmp_path):
    options = trainer.TrainingOptions(fingerprint="f", lora={"r": 4, "lora_alpha": 8, "target_modules": "all-linear"})
    model, _, _, _ = train_once.prepared("bert", ("judged",))
    initial = model.state_dict()
    with pytest.raises(StopTraining):
        train_once.fit(tmp_path / "b", callbacks=[StopAt(9)], options=options, learning_rate=1e-2)
    again = train_once.fit(tmp_path / "b", options=options, learning_rate=1e-2).model.state_dict()
    uninterrupted = train_once.fit(tmp_path / "a", options=options, learning_rate=1e-2).model.state_dict()
    assert same_weights(uninterrupted, again) and uninterrupted.keys() == initial.keys()
    frozen = "bert.embeddings.word_embeddings.weight"
    adapted = "bert.encoder.layer.0.intermediate.dense.weight"
    assert torch.equal(uninterrupted[frozen], initial[frozen]) and not torch.equal(
        uninterrupted[adapted], initial[adapted]
    )
    assert torch.linalg.matrix_rank(uninterrupted[adapted] - initial[adapted], atol=1e-5) <= 4

"""Low-rank adaptation."""

import pytest
import torch
import train_once
from train_once import Cut, CutAt, same_weights

from nightshift.training import trainer


def test_low_rank_adaptation_is_merged(tmp_path):
    recipe = trainer.TrainingOptions(fingerprint="f", lora={"r": 4, "lora_alpha": 8, "target_modules": "all-linear"})
    model, _, _, _ = train_once.prepared("bert", ("judged",))
    before = model.state_dict()
    with pytest.raises(Cut):
        train_once.fit(tmp_path / "b", callbacks=[CutAt(9)], recipe=recipe, learning_rate=1e-2)
    again = train_once.fit(tmp_path / "b", recipe=recipe, learning_rate=1e-2).model.state_dict()
    whole = train_once.fit(tmp_path / "a", recipe=recipe, learning_rate=1e-2).model.state_dict()
    assert same_weights(whole, again) and whole.keys() == before.keys()
    frozen = "bert.embeddings.word_embeddings.weight"
    moved = "bert.encoder.layer.0.intermediate.dense.weight"
    assert torch.equal(whole[frozen], before[frozen]) and not torch.equal(whole[moved], before[moved])
    assert torch.linalg.matrix_rank(whole[moved] - before[moved], atol=1e-5) <= 4

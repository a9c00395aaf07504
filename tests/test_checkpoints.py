"""Checkpoints of a training: which are sound, which stay."""

import best_epoch
import pytest
import train_once
from best_epoch import GivenMetric, StopOn
from train_once import StopAt, StopTraining, same_weights

from nightshift.training import checkpoints


def test_a_checkpoint_whose_best_one_is_damaged_is_passed_over(tmp_path, caplog):
    metric = GivenMetric()
    with pytest.raises(StopTraining):
        train_once.fit(tmp_path, callbacks=[StopOn("on_step_end", 24)], options=metric.options, **best_epoch.ARGUMENTS)
    (tmp_path / "checkpoint-20/COMPLETE").unlink()
    fitted = train_once.fit(tmp_path, options=metric.options, **best_epoch.ARGUMENTS | {"num_train_epochs": 4})
    assert "checkpoint-22 is useless without the best one, as checkpoint-20 is incomplete: passed over" in caplog.text
    assert fitted.best_step == 20


def test_unsound_checkpoints_are_passed_over(tmp_path, caplog):
    uninterrupted = train_once.fit(tmp_path / "a", save_total_limit=9).model.state_dict()
    with pytest.raises(StopTraining):
        train_once.fit(tmp_path / "b", callbacks=[StopAt(22)], save_total_limit=9)
    by_step = {checkpoints.step_of(folder): folder for folder in checkpoints.list_checkpoints(tmp_path / "b")}
    assert list(by_step) == [4, 8, 12, 16, 20]
    (by_step[20] / "COMPLETE").unlink()
    with (by_step[16] / "optimizer.pt").open("r+b") as file:
        file.seek(500)
        file.write(b"rot")
    checkpoints.write_marker(by_step[12], "another night's")
    again = train_once.fit(tmp_path / "b", save_total_limit=9)
    messages = [record.message for record in caplog.records if "passed over" in record.message]
    assert messages == ["checkpoint-20 is incomplete: passed over", "checkpoint-16 is damaged (optimizer.pt): passed over",
                    "checkpoint-12 is of other data or settings: passed over"]  # fmt: skip
    assert same_weights(uninterrupted, again.model.state_dict())


def test_the_best_and_the_newest_checkpoint_stay(tmp_path):
    for step in (2, 4, 6, 8):
        (tmp_path / f"checkpoint-{step}").mkdir()
    checkpoints.rotate(tmp_path, 1, best=4)
    assert [checkpoints.step_of(folder) for folder in checkpoints.list_checkpoints(tmp_path)] == [4, 8]

"""Records of watched rows: labels that arrive later show the truth beside the estimate."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from nightshift.evaluation import watch_records
from nightshift.evaluation.performance_estimation import confidence_bins
from nightshift.evaluation.watch_records import WatchMetadata, add_labels, keep_record, past_watches, wilson_limits
from nightshift.store import artifact_store

BEGIN = datetime(2026, 11, 2, 6, tzinfo=UTC)


def calibrated(random, count, lowest=0.5):
    """Return confidences, and whether such predictions are right."""
    confidence = random.uniform(lowest, 1, count)
    return confidence, random.random(count) < confidence


def metadata(day=0, version="1"):
    bins = confidence_bins(*calibrated(np.random.default_rng(9), 4000))
    return WatchMetadata(version=version, watched_at=BEGIN + timedelta(days=day), source="rows.csv",
                         holdout_accuracy=0.75, holdout_rows=4000, bins=bins)  # fmt: skip


def watched(count, seed=0, lowest=0.5):
    """Return unlabelled rows, and their labels."""
    confidence, is_right = calibrated(np.random.default_rng(seed), count, lowest)
    keys = [f"{seed}-{row}" for row in range(count)]
    rows = pd.DataFrame({"row_key": keys, "predicted": "a", "confidence": confidence})
    return rows, pd.DataFrame({"row_key": keys, "label": np.where(is_right, "a", "b")})


def test_late_labels_put_the_truth_beside_the_estimate(home):
    for day, lowest in enumerate((0.5, 0.8)):
        keep_record("m", metadata(day), watched(2000, day, lowest)[0])
    labels = watched(2000, 1, 0.8)[1]
    assert add_labels("m", labels) == 2000
    newest, oldest = past_watches("m")
    truth = (labels["label"] == "a").mean()
    assert newest.accuracy.accuracy == pytest.approx(truth) and newest.labelled == 2000
    assert newest.estimate.lower < truth < newest.estimate.upper and newest.restated == pytest.approx(truth)
    assert oldest.labelled == 0 and oldest.accuracy is None and oldest.restated == oldest.estimate.accuracy


def test_labels_of_some_rows_are_compared_with_the_estimate_of_the_same_rows(home):
    rows, labels = watched(1000)
    keep_record("m", metadata(), rows)
    is_sure = (rows["confidence"] > 0.9).to_numpy()
    add_labels("m", labels[is_sure])
    (watch,) = past_watches("m")
    assert watch.labelled == is_sure.sum() and watch.estimate_of_labelled > watch.estimate.accuracy + 0.1
    expected = (labels["label"] == "a")[is_sure].sum() / 1000
    assert expected < watch.restated < expected + (~is_sure).mean()


def test_labels_may_arrive_in_several_files_and_be_corrected(home):
    rows, labels = watched(100)
    keep_record("m", metadata(), rows)
    assert [add_labels("m", labels[:60]), add_labels("m", labels[40:])] == [60, 40]
    assert past_watches("m")[0].accuracy.accuracy == pytest.approx((labels["label"] == "a").mean())
    assert add_labels("m", labels.assign(label="a")) == 0 and past_watches("m")[0].accuracy.accuracy == 1


def test_a_text_that_repeats_with_different_labels_is_right_in_part(home):
    keep_record("m", metadata(), pd.DataFrame({"row_key": ["k", "k", "x"], "predicted": "a", "confidence": 0.9}))
    add_labels("m", pd.DataFrame({"row_key": ["k", "k", "k", "k"], "label": ["a", "b", "b", "b"]}))
    (watch,) = past_watches("m")
    assert watch.labelled == 2 and watch.accuracy.accuracy == pytest.approx(0.25)


def test_a_record_holds_no_text_and_no_labelled_row(home):
    rows, labels = watched(10)
    path = keep_record("m", metadata(), rows.assign(label=[*labels["label"][:4], *[None] * 6], text="a secret"))
    table = pq.read_table(path)
    assert table.column_names == ["row_key", "predicted", "confidence", "right"] and table.num_rows == 6
    assert keep_record("m", metadata(1), rows.assign(label="a")) is None


def test_rows_watched_again_are_one_watch_unless_another_version_answers(home):
    rows, _ = watched(50)
    assert keep_record("m", metadata(), rows) and keep_record("m", metadata(1), rows[10:30]) is None
    assert keep_record("m", metadata(1, version="2"), rows)
    assert keep_record("m", metadata(2), pd.concat([rows, watched(5, seed=1)[0]]))
    assert [watch.rows for watch in past_watches("m")] == [55, 50, 50]


def test_rows_that_belong_together_widen_the_limits(home):
    rows, labels = watched(1000)
    keep_record("rows", metadata(), rows.assign(side_key=rows["row_key"]))
    keep_record("groups", metadata(), rows.assign(side_key=np.repeat(np.arange(50), 20).astype(str)))
    widths = []
    for model in ("rows", "groups"):
        add_labels(model, labels)
        (watch,) = past_watches(model)
        widths.append([interval.upper - interval.lower for interval in (watch.estimate, watch.accuracy)])
    assert all(wide > 2 * narrow for narrow, wide in zip(*widths, strict=True))


def test_keys_are_those_of_the_texts_as_they_were_read():
    frame = pd.DataFrame({"row_key": ["clean", "same"], "raw_key": ["raw", None]})
    table = pd.DataFrame({"row_key": frame["row_key"], "predicted": "a", "score:a": [0.7, 0.4], "score:b": [0.3, 0.6]})
    rows = watch_records.watched_rows(table, frame)
    assert rows["row_key"].tolist() == ["raw", "same"] and rows["confidence"].tolist() == [0.7, 0.6]


def test_only_the_newest_watches_are_listed(home):
    for day in range(watch_records.MAX_LISTED + 3):
        keep_record("m", metadata(day), watched(3, seed=day)[0])
    watches = past_watches("m")
    assert len(watches) == watch_records.MAX_LISTED and watches[0].watched_at > watches[-1].watched_at
    assert len(list((artifact_store.home() / "watched/m").iterdir())) == watch_records.MAX_LISTED + 3


def test_limits_of_a_share_are_wilsons():
    assert (wilson_limits(0.9, 10).lower, wilson_limits(0.9, 10).upper) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert wilson_limits(1.0, 10).upper == pytest.approx(1.0)

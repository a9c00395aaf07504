"""Texts with typing errors."""

import numpy as np
from holdout_tables import HOLDOUT, ROWS

from tasks.gate.typos import TYPOS_PER_CHARACTER, with_typos


def test_noise_is_the_same_every_night_and_leaves_labels_alone():
    holdout = HOLDOUT.assign(text="the parcel came on monday morning from the shop around the corner")
    noisy = with_typos(holdout)
    assert noisy.equals(with_typos(holdout)) and noisy.drop(columns="text").equals(holdout.drop(columns="text"))
    assert noisy["text"].nunique() > 1500 and 0.7 < (noisy["text"] != holdout["text"]).mean() < 0.95
    lengths = noisy["text"].str.len() - len(holdout["text"][0])
    assert abs(lengths.mean()) < 3 * lengths.std() / np.sqrt(ROWS) and lengths.abs().max() < 200 * TYPOS_PER_CHARACTER
    assert (with_typos(holdout.assign(text="a"))["text"] != "").all()

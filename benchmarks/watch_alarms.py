"""The checks of `nightshift watch` that raise an alarm, for the benchmarks that count them."""

from collections.abc import Sequence

import pandas as pd

from nightshift.evaluation import drift_profile
from nightshift.evaluation.drift_profile import Drift, Profile
from nightshift.records import Objective

FEATURES, WORSE = ("answer", "confidence", "length of the text"), "worse"
MAX_DROP = 0.02
"""Drop of the mean score that is no alarm."""


def alarms(profile: Profile, drifts: Sequence[Drift], table: pd.DataFrame, objective: Objective) -> set[str]:
    """Return the features that have drifted, and `WORSE` if the labels show a drop.

    Args:
        profile: Profile of the holdout.
        drifts: Drift of the new rows by feature.
        table: Predictions of the new rows, with their labels.
        objective: Their objective.
    """
    names = {drift.feature for drift in drifts if drift.drifted}
    is_worse = drift_profile.quality_drop(profile, table, objective, MAX_DROP)[1] <= drift_profile.WORSE_ALPHA
    return names | {WORSE} if is_worse else names

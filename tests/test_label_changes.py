"""Champion and challenger with different labels."""

import numpy as np
import pandas as pd
import pytest
from factories import objective
from holdout_tables import HOLDOUT, check_tables, decide_with
from sklearn.metrics import f1_score

from nightshift.evaluation.label_changes import compare_shared


def test_other_labels_hold_for_a_person_with_both_comparisons():
    labels = HOLDOUT["label"].replace({"c": "new"}).where(HOLDOUT.index % 10 < 5, HOLDOUT["label"])
    holdout, classes = HOLDOUT.assign(label=labels), ["a", "b", "c", "new"]
    challenger = pd.DataFrame({"label": labels, "predicted": labels}).assign(
        **{f"score:{name}": 0.5 for name in classes}
    )
    champion = challenger.assign(predicted=HOLDOUT["label"]).drop(columns="score:new")
    guardrails = check_tables(challenger, champion, holdout=holdout)
    (bar,) = guardrails.unfit
    shared = int((labels != "new").sum())
    assert bar.startswith("other labels than the champion's, new: new: on all rows macro_f1 differs by +0.")
    assert f"on the {shared:,} of shared labels macro_f1 differs by +0.0000" in bar and bar.endswith(
        "(gate.label_changes: hold)"
    )
    verdict = decide_with(guardrails, challenger, champion)
    assert (verdict.decision, verdict.tested, verdict.spent) == ("hold", None, None), "no test is spent on it"
    allowed = check_tables(challenger, champion, holdout=holdout, label_changes="allow")
    assert allowed.unfit == [] and allowed.notes == [bar.partition("; held")[0]]
    back = check_tables(champion, challenger, holdout=holdout)
    assert "other labels than the champion's, no more: new" in back.unfit[0]
    strange = champion.rename(columns={f"score:{name}": f"score:{name}x" for name in classes})
    assert "of shared labels" not in check_tables(challenger, strange, holdout=holdout).unfit[0]


@pytest.mark.parametrize("separator", [None, ","])
def test_shared_labels_are_averaged_over_and_other_answers_are_wrong(separator):
    random, classes = np.random.default_rng(0), np.array(["a", "b", "gone", "new"])
    labels, challenger, champion = (random.choice(classes, 400, p=[0.4, 0.4, 0.1, 0.1]) for _ in range(3))
    tables = [
        pd.DataFrame({"label": labels, "predicted": predicted}).assign(
            **{f"score:{name}": 0.5 for name in classes if name != missing}
        )
        for predicted, missing in ((challenger, "gone"), (champion, "new"))
    ]
    comparison, rows = compare_shared({"main": tables[0]}, {"main": tables[1]}, [objective(separator=separator)], 0.95)
    shared = np.isin(labels, ["a", "b"])
    challenger_f1, champion_f1 = (
        f1_score(labels[shared], predicted[shared], labels=["a", "b"], average="macro")
        for predicted in (challenger, champion)
    )
    assert comparison.difference == pytest.approx(challenger_f1 - champion_f1) and rows == shared.sum()
    assert comparison.lower < comparison.difference < comparison.upper

"""Rows that the champion had right and the challenger has wrong."""

from factories import WRONG_LABEL, objective
from holdout_tables import HOLDOUT, check_tables, numbers, scored_answers, written_texts

from nightshift.evaluation import prediction_changes
from nightshift.evaluation.metrics import hits


def test_lost_rows_are_listed_the_surest_mistakes_first():
    challenger, champion = scored_answers(0.1, 1), scored_answers(0.2, 2)
    challenger.loc[:9, "predicted"] = challenger["label"][:10].map(WRONG_LABEL)
    champion.loc[:9, "predicted"] = champion["label"][:10]
    challenger.loc[3, "score:a"] = 0.99
    found = check_tables(challenger, champion)
    right, before = hits(challenger), hits(champion)
    assert (found.improved_rows, found.regressed_rows) == ((right & ~before).sum(), (before & ~right).sum())
    assert set(found.regressions["row"]) == set(HOLDOUT["row"][before & ~right])
    first = found.regressions.iloc[0]
    assert (first["source"], first["row"], first["confidence"]) == ("day.csv", 4, 0.99)
    assert (first["text"], first["label"], first["champion"]) == (
        HOLDOUT["text"][3],
        HOLDOUT["label"][3],
        first["label"],
    )
    assert found.regressions["confidence"].is_monotonic_decreasing
    shown = prediction_changes.without_texts(found.regressions, [objective()])
    assert list(shown) == ["objective", "source", "row", "label", "champion", "challenger", "confidence"]


def test_of_written_texts_exact_matches_are_counted_and_no_text_is_shown():
    what = objective("text2text", "chrf")
    found = check_tables(written_texts(2, 0), written_texts(1, 1), what)
    assert found.regressed_rows == len(found.regressions) > found.improved_rows > 0
    assert found.regressions["challenger"].str.startswith("the answer").all()
    assert set(prediction_changes.without_texts(found.regressions, [what])["challenger"]) == {""}
    assert check_tables(numbers(1, 0), numbers(1, 1), objective("regression", "rmse")).regressed_rows is None

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
    checks = check_tables(challenger, champion)
    right, champion_right = hits(challenger), hits(champion)
    assert (checks.improved_rows, checks.regressed_rows) == (
        (right & ~champion_right).sum(),
        (champion_right & ~right).sum(),
    )
    assert set(checks.regressions["row"]) == set(HOLDOUT["row"][champion_right & ~right])
    first = checks.regressions.iloc[0]
    assert (first["source"], first["row"], first["confidence"]) == ("day.csv", 4, 0.99)
    assert (first["text"], first["label"], first["champion"]) == (
        HOLDOUT["text"][3],
        HOLDOUT["label"][3],
        first["label"],
    )
    assert checks.regressions["confidence"].is_monotonic_decreasing
    without_texts = prediction_changes.without_texts(checks.regressions, [objective()])
    assert list(without_texts) == ["objective", "source", "row", "label", "champion", "challenger", "confidence"]


def test_of_written_texts_exact_matches_are_counted_and_no_text_is_shown():
    text2text = objective("text2text", "chrf")
    checks = check_tables(written_texts(2, 0), written_texts(1, 1), text2text)
    assert checks.regressed_rows == len(checks.regressions) > checks.improved_rows > 0
    assert checks.regressions["challenger"].str.startswith("the answer").all()
    assert set(prediction_changes.without_texts(checks.regressions, [text2text])["challenger"]) == {""}
    assert check_tables(numbers(1, 0), numbers(1, 1), objective("regression", "rmse")).regressed_rows is None

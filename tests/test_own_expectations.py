"""The own expectations in a Great Expectations project of anyone's, who imports `expectations`."""

import json
import re
import string
from pathlib import Path

import great_expectations as gx
import pandas as pd
import pyarrow as pa
import pytest
from great_expectations.expectations.registry import get_expectation_impl
from great_expectations.render.renderer import ExpectationSuitePageRenderer, ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView
from word_tokenizer import word_tokenizer

import expectations
from nightshift.data.row_profile import RowColumns, profile_rows

NOISE = {
    "ExpectColumnValuesToHaveNoMojibake": "the cafÃ© was nice",
    "ExpectColumnValuesToHaveNoControlCharacters": "bro\ufffdken",
    "ExpectColumnValuesToHaveNoMarkup": "fish &amp; chips",
    "ExpectColumnValuesToBeNoSpreadsheetErrors": "#REF!",
    "ExpectColumnValuesToHaveNoFormulaPrefix": "=SUM(A1)",
    "ExpectColumnValuesToHaveLetters": "12",
    "ExpectColumnValuesToBeNoRepetitions": "good good good good good",
    "ExpectColumnValuesToBeInUsualScript": "совсем другой текст",
}


def validation(rows, *checks):
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
    suite = context.suites.add(gx.ExpectationSuite(name="own", expectations=checks))
    batch = asset.add_batch_definition_whole_dataframe("rows")
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="own", data=batch, suite=suite))
    return definition.run(batch_parameters={"dataframe": rows}, result_format="COMPLETE")


def results_of(rows, *checks):
    results = validation(rows, *checks).results
    assert not any("'raised_exception': True" in str(result.exception_info) for result in results)
    return results


def text_rows(*texts):
    plain = [f"a plain text with the number {number}" for number in range(20)]
    return pd.DataFrame({"text": [*plain, None, *texts]}, index=[f"row {number}" for number in range(21 + len(texts))])


@pytest.mark.parametrize("name", NOISE)
def test_noise_is_found_by_its_index(name):
    check = getattr(expectations, name)
    (result,) = results_of(text_rows(NOISE[name]), check(column="text"))
    assert not result.success and result.result["unexpected_index_list"] == ["row 21"]
    assert results_of(text_rows(), check(column="text"))[0].success
    assert results_of(text_rows(NOISE[name]), check(column="text", mostly=0.9))[0].success


def test_cells_that_are_no_texts_are_judged_as_written():
    rows = pd.DataFrame({"text": ["a text", 12, None, 5.7e17]}, dtype=object)
    (result,) = results_of(rows, expectations.ExpectColumnValuesToHaveLetters(column="text"))
    assert result.result["unexpected_index_list"] == [1]


def test_the_share_from_which_a_script_is_usual_can_be_set():
    rows = text_rows(*["совсем другой текст"] * 3)
    usual = expectations.ExpectColumnValuesToBeInUsualScript
    results = results_of(rows, usual(column="text"), usual(column="text", min_share=0.8))
    assert [result.success for result in results] == [True, False]


@pytest.fixture
def tokenizer(tmp_path):
    return word_tokenizer(tmp_path)


def test_texts_with_too_many_tokens_are_found(tokenizer):
    rows = pd.DataFrame(
        {"text": ["a b c", "a b c d", "abcdefghij" * 50, None, "a b c d e " * 999, "a b c" + " " * 100 + "d"]}
    )
    check = expectations.ExpectColumnTokenCountsToBeAtMost
    three = check(column="text", tokenizer=tokenizer, max_tokens=3)
    assert results_of(rows, three)[0].result["unexpected_index_list"] == [1, 4, 5]
    four = check(column="text", tokenizer=tokenizer, max_tokens=4)
    assert results_of(rows, four)[0].result["unexpected_index_list"] == [4]


def test_the_tokens_of_a_pair_count_together(tokenizer):
    rows = pd.DataFrame({"text": ["a b", "a b", "a b c d"], "text_pair": ["c", "c d", None]})
    check = expectations.ExpectColumnPairTokenCountsToBeAtMost
    pair = check(column_A="text", column_B="text_pair", tokenizer=tokenizer, max_tokens=3)
    assert results_of(rows, pair)[0].result["unexpected_index_list"] == [1, 2]


def test_rows_of_rare_labels_are_found_and_the_labels_listed():
    rows = pd.DataFrame({"label": ["a"] * 9 + ["b"] * 3 + ["c"] + [None]})
    check = expectations.ExpectColumnLabelsToBeFrequent
    (result,) = results_of(rows, check(column="label", min_rows=4))
    assert result.result["unexpected_index_list"] == [9, 10, 11, 12]
    assert result.result["observed_value"] == "2 of 3 labels have fewer than 4 rows: c (1), b (3)"
    (result,) = results_of(rows, check(column="label", min_rows=3, mostly=0.9))
    assert result.success and result.result["unexpected_index_list"] == [12]
    assert (
        results_of(rows, check(column="label", min_rows=1))[0].result["observed_value"]
        == "each of 3 labels has at least 1 rows"
    )


@pytest.mark.parametrize(("labels", "more"), [(10, ""), (12, " and 2 more")])
def test_ten_rare_labels_are_listed(labels, more):
    rows = pd.DataFrame({"label": [f"label {number}" for number in range(labels)]})
    (result,) = results_of(rows, expectations.ExpectColumnLabelsToBeFrequent(column="label", min_rows=2))
    assert result.result["observed_value"].count("(1)") == 10
    assert result.result["observed_value"].endswith(f"(1){more}")


def test_each_of_several_labels_counts():
    rows = pd.DataFrame({"label": ["a|b"] * 5 + ["a"] * 2 + ["b|c", "c", ""]})
    (result,) = results_of(rows, expectations.ExpectColumnLabelsToBeFrequent(column="label", min_rows=3, separator="|"))
    assert result.result["unexpected_index_list"] == [7, 8]
    assert result.result["observed_value"] == "1 of 3 labels have fewer than 3 rows: c (2)"


def labelled_rows(rows=200):
    labels = [("good", "bad", "bad")[number % 3] for number in range(rows)]
    texts = [f"this is message {number % 17} of {number % 13}" for number in range(rows)]
    return pd.DataFrame({"text": texts, "label": labels, "id": range(rows)})


def given_away(rows, columns, **arguments):
    check = expectations.ExpectLabelNotToBeGivenAway(column="label", column_list=columns, **arguments)
    (result,) = results_of(rows, check)
    assert result.success is (result.result["observed_value"] == "nothing")
    return result.result["observed_value"]


def test_columns_that_say_nothing_about_the_label_pass():
    assert given_away(labelled_rows(), ["text", "id"]) == "nothing"


def test_a_column_that_gives_the_label_away_is_named_with_its_share():
    rows = labelled_rows(300).assign(stars=lambda rows: rows["label"].map({"good": "5", "bad": "1"}))
    rows.loc[:2, "stars"] = "3"
    expected = "column 'stars' predicts the label of 99.0 % of the rows (the most frequent label: 66.7 %)"
    assert given_away(rows, ["id", "stars"]) == expected
    assert given_away(rows, ["id", "stars"], min_score=0.995) == "nothing"


def test_numbers_that_part_the_labels_give_them_away():
    rows = labelled_rows(1000).assign(score=lambda rows: rows["id"] / 997 + 2 * (rows["label"] == "good"))
    assert given_away(rows, ["score"]).startswith("column 'score' predicts the label of ")


@pytest.mark.parametrize("token", ["great", "赞"])
def test_a_token_that_gives_the_label_away_is_named(token):
    rows = labelled_rows()
    rows.loc[rows["label"] == "good", "text"] += f" {token}"
    expected = f"{token!r} in 'text' stands in 100.0 % of the rows with the label 'good' and in 0.0 % of the others"
    assert given_away(rows, ["text"]) == expected


def test_a_value_that_tells_one_label_from_the_others_is_named():
    rows = labelled_rows().assign(label=lambda rows: [f"label {number % 3}" for number in rows["id"]])
    rows["reason"] = [
        f"reason {number % 7}" if label == "label 0" else None for number, label in enumerate(rows["label"])
    ]
    expected = "'' as 'reason' stands in 0.0 % of the rows with the label 'label 0' and in 100.0 % of the others"
    assert given_away(rows, ["reason"]) == expected


def test_fields_of_json_objects_are_columns_and_can_be_left_out():
    rows = labelled_rows()
    rows["record"] = [
        json.dumps({"label": label, "copy": label.upper(), "n": n}) for n, label in enumerate(rows["label"])
    ]
    assert "'copy'" in given_away(rows, ["record"], ignored=["label"])
    assert given_away(rows, ["record"], ignored=["label", 1]) == "nothing"


def earlier_profile(folder):
    """Write the profile of short rows with one label and other words than those of `defective_rows`; return its folder."""
    if not folder.exists():
        rows = pa.table({"text": [f"x{number} up down" for number in range(300)], "label": ["other"] * 300})
        profile_rows([rows], len(rows), RowColumns(["text"], "label")).save(folder)
    return str(folder)


def arguments_of(tokenizer):
    """Return the arguments of each exported expectation, which `defective_rows` fail."""
    column, tokens = {"column": "text"}, {"tokenizer": tokenizer, "max_tokens": 12}
    near = {"texts": ["text"]}
    drift = near | {"profile": earlier_profile(Path(tokenizer).with_name("profile"))}
    return {
        **{name: column | {"mostly": 0.97} for name in NOISE},
        "ExpectColumnDistinctLabelCountToBeAtLeast": {"column": "label", "separator": "|", "min_value": 9},
        "ExpectColumnLabelsOfNearDuplicatesToBeEqual": {"column": "label", "mostly": 0.97} | near,
        "ExpectColumnLabelsToBeFrequent": {"column": "label", "min_rows": 30},
        "ExpectColumnLabelsToBeInSet": {"column": "label", "separator": "|", "value_set": ["good", "bad"]},
        "ExpectColumnNewestDayVolumeToBeUsual": {"column": "when", "max_deviations": 1.0},
        "ExpectColumnPairTokenCountsToBeAtMost": {"column_A": "text", "column_B": "label"} | tokens,
        "ExpectColumnTimesToBeRecent": {"column": "when", "max_age_days": 3, "today": "2026-04-01"},
        "ExpectColumnTokenCountsToBeAtMost": column | tokens,
        "ExpectColumnValueLengthsToBeUsual": column,
        "ExpectColumnValuesNotToBeNearDuplicates": column | near,
        "ExpectColumnValuesToBeNumbers": {"column": "label"},
        "ExpectDomainNotToDrift": drift,
        "ExpectLabelSharesNotToDrift": drift | {"label_column": "label"},
        "ExpectLengthsNotToDrift": drift,
        "ExpectUnknownWordsNotToDrift": drift,
        "ExpectLabelNotToBeGivenAway": {"column": "label", "column_list": ["text"]},
        "ExpectRowsToBeFirstOccurrences": {"column_list": ["text", "label"]},
        "ExpectRowsToHaveOneLabel": {"column_list": ["text", "label"]},
    }


SENTENCES = {
    "ExpectColumnDistinctLabelCountToBeAtLeast": "label must hold at least 9 distinct labels, separated by |",
    "ExpectColumnLabelsOfNearDuplicatesToBeEqual": "label values must be equal in rows with nearly the same text (similarity 0.8), "
    "at least 97 % of the time",
    "ExpectColumnLabelsToBeFrequent": "label labels must each have at least 30 rows",
    "ExpectColumnLabelsToBeInSet": "label labels, separated by |, must all belong to: good, bad",
    "ExpectColumnNewestDayVolumeToBeUsual": "when times must be as many on the newest day as usual, within 1.0 deviations",
    "ExpectColumnPairTokenCountsToBeAtMost": "text and label must have at most 12 tokens together",
    "ExpectColumnTimesToBeRecent": "when times must be recent and not in the future (days allowed: 3)",
    "ExpectColumnTokenCountsToBeAtMost": "text values must have at most 12 tokens",
    "ExpectColumnValueLengthsToBeUsual": "text lengths of values must lie within 6.0 robust deviations of the median",
    "ExpectColumnValuesToHaveLetters": "text values must have a letter, at least 97 % of the time",
    "ExpectColumnValuesNotToBeNearDuplicates": "text values must not be nearly those of an earlier row in text (similarity 0.8)",
    "ExpectColumnValuesToBeNumbers": "label values must be finite numbers",
    "ExpectLabelNotToBeGivenAway": "label must not be predicted by text alone (score 0.9)",
    "ExpectRowsToBeFirstOccurrences": "text, label must not repeat an earlier row",
    "ExpectRowsToHaveOneLabel": "text, label must not hold rows that are equal but for the last of these columns",
}  # fmt: skip
"""What Data Docs say of some of `arguments_of`."""


def defective_rows():
    """Return rows that every exported expectation fails, with the arguments of `arguments_of`."""
    texts = [f"{word} number {number} of the plain ones great" for number in range(10) for word in ("flight", "hotel")]
    defects = [text for text in NOISE.values() for _ in range(2)]
    near = ["six plain words about a late train", "six plain words about a late bus"]
    long = ["word " * 20, "letter" * 9000]
    same = ["the same text", "the same text", "the same text"]
    labels = ["good"] * 20 + ["bad"] * (len(defects) + 1) + ["other"] + ["bad"] * 2 + ["bad", "bad", "good"]
    frame = pd.DataFrame({"text": [*texts, *defects, *near, *long, *same], "label": labels})
    days = [f"2026-03-{1 + number % 6:02}" for number in range(len(frame))]
    return frame.assign(when=[*days[:-1], "2026-03-20"])


def all_checks(tokenizer):
    arguments = arguments_of(tokenizer)
    assert set(arguments) == set(expectations.__all__), "each exported expectation needs arguments that fail it"
    return {
        name: getattr(expectations, name)(severity="info", meta={"name": name}, **arguments[name])
        for name in expectations.__all__
    }


def page_text(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", DefaultJinjaPageView().render(page)))


def test_every_exported_expectation_fails_on_defective_rows(tokenizer):
    results = results_of(defective_rows(), *all_checks(tokenizer).values())
    assert len(results) == len(expectations.__all__)
    assert [result.expectation_config.meta["name"] for result in results if result.success] == []


def test_data_docs_say_of_every_exported_expectation_what_is_expected_how_often_and_how_severe(tokenizer):
    checks = all_checks(tokenizer)
    suite = gx.ExpectationSuite(name="own", expectations=[*checks.values()])
    result = validation(defective_rows(), *all_checks(tokenizer).values())
    for page in (ValidationResultsPageRenderer().render(result), ExpectationSuitePageRenderer().render(suite)):
        text = page_text(page)
        assert "expect_" not in text and text.count("(info).") == len(checks)
        for sentence in SENTENCES.values():
            rest = sentence if sentence.startswith("text, ") else sentence.partition(" ")[2]
            assert f"{rest} (info)." in text


@pytest.mark.parametrize("name", expectations.__all__)
def test_each_exported_expectation_renders_text_with_its_severity(tokenizer, name):
    check = all_checks(tokenizer)[name]
    for severity in ("critical", "warning", "info"):
        check.severity = severity
        (content,) = check._prescriptive_renderer(configuration=check.configuration)
        template = content.string_template["template"]
        sentence = string.Template(template).substitute(content.string_template["params"])
        assert sentence.endswith(f"({severity}).")
        assert name not in SENTENCES or sentence == f"{SENTENCES[name]} ({severity})."
    assert check.render() is None and "must" in check.rendered_content[0].value.template
    assert type(check).__doc__.startswith("Expect ")


def test_a_suite_in_json_is_read_back(tokenizer):
    suite = gx.ExpectationSuite(name="own", expectations=[*all_checks(tokenizer).values()])
    stored = json.loads(json.dumps(suite.to_json_dict()))
    loaded = gx.ExpectationSuite(name="own", expectations=stored["expectations"])
    assert [check.expectation_type for check in loaded.expectations] == [
        check.expectation_type for check in suite.expectations
    ]


def test_all_names_are_registered():
    for name in expectations.__all__:
        check = getattr(expectations, name)
        assert get_expectation_impl(check.expectation_type) is check and check.__doc__


def test_the_tolerances_of_labels_have_the_documented_defaults():
    frequent, hidden = expectations.ExpectColumnLabelsToBeFrequent, expectations.ExpectLabelNotToBeGivenAway
    defaults = frequent(column="label").min_rows, hidden(column="label", column_list=["x"]).min_score
    assert defaults == (10, 0.9)

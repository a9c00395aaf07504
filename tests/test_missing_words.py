"""Words that say nothing: which cells are one, and which labels may be classes all the same."""

import pyarrow as pa
import pytest

from nightshift.data.missing_words import MISSING_VALUES, as_missing, class_sized, words_among


@pytest.mark.parametrize(
    "word", ["NA", "na", "N/A", "#N/A", "null", "NULL", "None", "NaN", "-", "—", "?", " n/a\u00a0"]
)
def test_a_cell_with_only_such_a_word_is_missing_in_any_case(word):
    cells, counts = as_missing(pa.array([word, "a text", None]), MISSING_VALUES)
    assert cells.to_pylist() == [None, "a text", None] and counts == {word.strip(): 1}


@pytest.mark.parametrize("text", ["NA is a country", "--", "none of them", "nan\nnan", "??", "banana", "0", "false"])
def test_a_text_with_more_than_such_a_word_stays(text):
    assert as_missing(pa.array([text]), MISSING_VALUES)[0].to_pylist() == [text]


def test_the_words_are_taken_as_they_are_written():
    assert as_missing(pa.array(["a.b", "axb", "keine Angabe"]), ["A.B", "KEINE ANGABE"])[0].to_pylist() == [
        None,
        "axb",
        None,
    ]
    assert as_missing(pa.array(["NA"]), [])[0].to_pylist() == ["NA"]


def test_labels_that_the_settings_name_are_no_such_words():
    assert words_among({"None": 3, "none": 2, "pos": 9}, MISSING_VALUES, ["none"]) == {"None": 3}


@pytest.mark.parametrize(
    ("words", "others", "classes"),
    [
        ({"-": 785}, [183_416, 183_187, 182_764], set()),  # SNLI: pairs on which the annotators did not agree
        ({"NONE": 1253}, [2110, 1056], {"NONE"}),  # a stance that is none
        ({"none": 100}, [1000, 1000], {"none"}),
        ({"none": 99}, [1000, 1000], set()),
        ({"none": 60}, [9000, 50], {"none"}),  # as frequent as the rare class
        ({"none": 20}, [950, 50], {"none"}),
        ({"none": 50}, [1000, 10], {"none"}),  # ten rows make a class
        ({"none": 50}, [1000, 9], set()),
        ({"none": 9}, [10, 10], set()),
        ({"none": 10}, [10, 10], {"none"}),
        ({"-": 785}, [183_416, 183_187, 3, 1], set()),  # misspelt labels are no classes
        ({"none": 12}, [3, 3, 2, 2], {"none"}),
        ({"None": 6, "none": 5}, [30, 30], {"None", "none"}),  # one word in two spellings
        ({"NA": 6, "null": 6}, [30, 30], set()),
        ({"NA": 500, "null": 500}, [], set()),
    ],
)
def test_a_word_as_frequent_as_a_class_may_be_one(words, others, classes):
    assert class_sized(words, others) == classes

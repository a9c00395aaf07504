"""Labels that mean the same: which are grouped, what replaces them, and how they are written."""

import pandas as pd
import pytest
import yaml

from nightshift.data.label_variants import as_yaml, describe, find_variants, label_map, quoted


def proposal(*labels, known=()):
    """Return the map proposed for labels of which each occurs less often than the one before it."""
    return label_map(find_variants({label: 100 - index for index, label in enumerate(labels)}, known))


@pytest.mark.parametrize(
    ("target", "variant"),
    [
        ("positive", "Positive"),
        ("positive", "positive "),
        ("positive", "\u00a0positive"),
        ("very good", "very  good"),
        ("café", "cafe\u0301"),
        ("positive", "pos\u200bitive"),
        ("positive", "\ufeffpositive"),
        ("POS", "ＰＯＳ"),
        ("1", "1.0"),
        ("1", "01"),
        ("0", "-0.00"),
        ("True", "true"),
        ("Straße", "STRASSE"),
        ("non-toxic", "non\u2011toxic"),
        ("-1", "\u22121"),
        ("don't know", "don’t know"),
        ("café", "cafÃ©"),
        ("Q&A", "Q&amp;A"),
        ("spam", "sp\u0430m"),
        ("A", "\u0410"),
        ("❤", "❤\ufe0f"),
    ],
)
def test_labels_with_the_same_meaning_are_joined_to_the_most_frequent_one(target, variant):
    assert proposal(target, variant, "other") == {variant: target}
    assert proposal(variant, target, "other") == {target: variant}


@pytest.mark.parametrize(
    "labels",
    [
        ("neg", "pos"),
        ("1", "-1", "10", "1.5"),
        ("a b", "ab", "a_b", "a-b"),
        ("resume", "résumé"),
        ("C", "C++", "C#"),
        ("да", "нет"),
        ("好", "好评"),
        ("true", "1", "yes"),
        ("9007199254740993", "9007199254740992"),
        ("3", "30"),
    ],
)
def test_labels_with_different_meanings_stay_apart(labels):
    assert find_variants(dict.fromkeys(labels, 5)) == []


def test_spellings_alike_in_different_ways_are_one_group():
    (group,) = find_variants({"spam": 3, "SPAM ": 2, "sp\u0430m": 1})
    assert group.target == "spam" and list(group.spellings) == ["spam", "SPAM ", "sp\u0430m"]


def test_of_equally_frequent_spellings_the_clean_one_in_lower_case_is_taken():
    assert proposal() == {}
    assert label_map(find_variants({" neg": 5, "NEG": 5, "neg": 5})) == {"NEG": "neg", " neg": "neg"}
    assert label_map(find_variants({"pos ": 5, "POS": 5})) == {"pos ": "POS"}


def test_spellings_go_to_the_label_that_the_settings_know():
    assert label_map(find_variants({"POS": 90, "pos": 3, "neg ": 4}, ["pos", "neg"])) == {"POS": "pos", "neg ": "neg"}
    (group,) = find_variants({"Neg": 5}, ["neg", "pos"])
    assert group.spellings == {"Neg": 5, "neg": 0} and group.target == "neg"
    assert find_variants({"US": 5, "us": 3}, ["US", "us"]) == []
    assert label_map(find_variants({"US": 5, "us": 3, "Us": 9}, ["US", "us"])) == {"Us": "US"}


def test_groups_are_told_with_their_counts_the_largest_first():
    counts = {"Neg": 10, "neg": 20, "pos": 300, "pos\u00a0": 1}
    assert describe(find_variants(counts)) == r'"pos" 300, "pos\u00a0" 1; "neg" 20, "Neg" 10'


def test_the_map_is_yaml_that_reads_as_the_labels():
    mapping = {'say "so"\\': "NO", "1.0": "1", "True": "true", "\t": "-", "😀\ufe0f": "😀", "e\u0301": "é", "да ": "да"}
    assert yaml.safe_load(as_yaml(mapping)) == mapping


def test_differences_that_nobody_sees_are_written_in_codes():
    assert as_yaml({"sp\u0430m": "spam"}) == r'{"sp\u0430m": "spam"}'
    assert as_yaml({"cafe\u0301": "café"}) == r'{"cafe\u0301": "café"}'
    assert as_yaml({"да ": "да"}) == '{"да ": "да"}'
    assert quoted("a\u200b\n\U000e0041") == r'"a\u200b\u000a\U000e0041"'


@pytest.mark.parametrize(
    ("file", "column"),
    [
        ("airline/Tweets_Ramlah0.csv", "airline_sentiment"),
        ("airline/Tweets_Ramlah0.csv", "negativereason"),
        ("banking77/train.csv", "category"),
    ],
)
def test_no_labels_of_real_sets_are_taken_for_spellings(real_data, file, column):
    assert find_variants(pd.read_csv(real_data / file)[column].dropna().value_counts().to_dict()) == []

"""Profiles of rows: what they hold, what they do not hold, and what is new and different since."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from nightshift.data import row_profile
from nightshift.data.row_profile import RowColumns, RowProfile, compare_rows, new_rows, profile_rows

COLUMNS = RowColumns(["text"], "label", "row_key")
TOPICS = {"flight": "plane seat crew bag gate delay ticket captain meal wing", "bank": "card loan cash fee rate pin branch teller cheque vault"}  # fmt: skip


def key(text):
    return hashlib.sha256(text.encode()).hexdigest()


def rows(count, seed, good=0.5, topic="flight", words=12):
    """Return rows whose texts hold random words of a topic, and a word of their own.

    Args:
        count: Number of rows.
        seed: Seed of the random numbers.
        good: Share of the label good.
        topic: Topic of the texts.
        words: Mean number of words.
    """
    random = np.random.default_rng(seed)
    vocabulary = TOPICS[topic].split() + [f"filler{number}" for number in range(50)]
    texts = [" ".join([*random.choice(vocabulary, 3 + random.poisson(words)), f"own{seed}x{n}"]) for n in range(count)]
    labels = np.where(random.random(count) < good, "good", "bad").tolist()
    return pa.table({"text": texts, "label": labels, "row_key": [key(text) for text in texts]})


def profile_of(table, columns=COLUMNS, with_vocabulary=True):
    return profile_rows([table], len(table), columns, with_vocabulary)


def shifts(before, now, columns=COLUMNS, **options):
    return compare_rows(profile_of(before, columns), profile_of(now, columns, False), **options)


def test_a_profile_is_read_as_it_was_saved(tmp_path):
    profile = profile_of(rows(500, 0))
    profile.save(tmp_path / "profile")
    loaded = RowProfile.load(tmp_path / "profile")
    assert loaded.summary == profile.summary and loaded.summary.labels == {"good": 244, "bad": 256}
    for name in ("words", "starts", "groups"):
        assert np.array_equal(getattr(loaded.sample, name), getattr(profile.sample, name))
    assert np.array_equal(loaded.keys, profile.keys) and np.array_equal(loaded.vocabulary, profile.vocabulary)
    assert len(loaded.sample) == pytest.approx(250, abs=40)


def test_no_word_stands_in_the_files_of_a_profile(tmp_path):
    profile_of(rows(200, 0)).save(tmp_path / "profile")
    content = b"".join(file.read_bytes() for file in (tmp_path / "profile").iterdir())
    assert not any(word.encode() in content for word in (*TOPICS["flight"].split(), "filler", "own0x"))


def test_a_profile_does_not_depend_on_batches_or_order():
    table = rows(300, 0)
    reverse = table.take(list(range(299, -1, -1)))
    first = profile_of(table)
    second = profile_rows([reverse.slice(0, 100), reverse.slice(100)], 300, COLUMNS)
    assert first.summary == second.summary and np.array_equal(first.vocabulary, second.vocabulary)
    assert np.array_equal(np.sort(first.sample.groups), np.sort(second.sample.groups))


def test_new_rows_are_those_whose_key_the_profile_lacks():
    old, new = rows(100, 0), rows(20, 1)
    both = pa.concat_tables([old.slice(50), new])
    assert new_rows(both, COLUMNS, profile_of(old).keys)["text"].to_pylist() == new["text"].to_pylist()


def test_keys_are_made_from_the_texts_where_no_column_holds_them():
    columns = RowColumns(["text"])
    old = pa.table({"text": ["One text", "another"]})
    now = pa.table({"text": ["one  TEXT", "a third"]})
    assert new_rows(now, columns, profile_of(old, columns).keys)["text"].to_pylist() == ["a third"]


def test_rows_alike_have_not_drifted():
    result = shifts(rows(800, 0), rows(400, 1))
    assert set(result) == set(row_profile.CHECKS) and all(shift.p_value > 0.05 for shift in result.values())


@pytest.mark.parametrize(
    ("changed", "drifted"),
    [
        ({"good": 0.7}, {"labels"}),
        ({"words": 18}, {"lengths", "domain"}),
        ({"topic": "bank"}, {"unknown_words", "domain"}),
    ],
)
def test_what_has_shifted_is_told_apart(changed, drifted):
    result = shifts(rows(800, 0), rows(400, 1, **changed))
    bounds = {"labels": 0.05, "lengths": 0.1, "unknown_words": 0.03, "domain": 0.6}
    assert {name for name, shift in result.items() if shift.has_drifted(bounds[name])} == drifted


def test_only_the_checks_that_are_asked_for_share_the_false_alarm_rate():
    before, now = rows(300, 0), rows(300, 1, good=0.62)
    alone = shifts(before, now, checks=["labels"])["labels"].p_value
    assert list(shifts(before, now, checks=["labels", "lengths"])) == ["labels", "lengths"]
    assert shifts(before, now)["labels"].p_value > alone


def test_labels_of_a_row_count_together_in_any_order():
    columns = RowColumns(["text"], "label", separator=";")
    table = pa.table({"text": ["a", "b", "c"], "label": ["x;y", "y;x", "x"]})
    assert profile_of(table, columns).summary.labels == {"x;y": 2, "x": 1}


def test_numbers_are_compared_as_distributions():
    random = np.random.default_rng(0)
    columns = RowColumns(["text"], "label", numeric=True)

    def numbers(count, shift):
        table = rows(count, shift)
        return table.set_column(1, "label", pa.array((random.normal(size=count) + shift).astype(str)))

    assert len(profile_of(numbers(3000, 0), columns).summary.numbers) == row_profile.MAX_NUMBERS
    assert shifts(numbers(3000, 0), numbers(500, 0), columns, checks=["labels"])["labels"].p_value > 0.05
    assert shifts(numbers(3000, 0), numbers(500, 1), columns, checks=["labels"])["labels"].has_drifted(0.1)


def test_rows_of_a_group_are_not_evidence_of_their_own():
    columns = RowColumns(["text"], "label", "row_key", group="side_key")

    def grouped(seed, count):
        single = rows(count, seed)
        index = np.repeat(np.arange(count), 10).tolist()
        repeated = single.take(index)
        texts = [f"{text} copy{seed}x{n}" for n, text in enumerate(repeated["text"].to_pylist())]
        return pa.table({"text": texts, "label": repeated["label"], "row_key": [key(text) for text in texts],
                         "side_key": repeated["row_key"]})  # fmt: skip

    alarms = {"groups": 0, "rows": 0}
    for seed in range(30):
        before, now = grouped(2 * seed, 60), grouped(2 * seed + 1, 30)
        checks = ["labels", "lengths", "unknown_words"]
        for name, layout in (("groups", columns), ("rows", COLUMNS)):
            alarms[name] += any(shift.p_value <= 0.05 for shift in shifts(before, now, layout, checks=checks).values())
    assert alarms["groups"] <= 5 < alarms["rows"]


def test_words_of_scripts_without_spaces_are_compared_too():
    random = np.random.default_rng(0)

    def chinese(first, count):
        return pa.table({"text": ["".join(chr(first + n) for n in random.integers(0, 300, 15)) for _ in range(count)]})

    columns = RowColumns(["text"])
    assert (
        shifts(chinese(0x4E00, 400), chinese(0x4E00, 200), columns, checks=["unknown_words"])["unknown_words"].p_value
        > 0.05
    )
    assert (
        shifts(chinese(0x4E00, 400), chinese(0x5E00, 200), columns, checks=["unknown_words"])["unknown_words"].effect
        > 0.9
    )


def test_long_lengths_are_rounded_down_to_six_binary_digits():
    texts = ["x" * length for length in (63, 64, 65, 127, 1000)]
    profile = profile_of(pa.table({"text": texts, "label": ["a"] * 5, "row_key": [key(text) for text in texts]}))
    assert profile.summary.lengths == {63.0: 1, 64.0: 2, 126.0: 1, 992.0: 1}


@pytest.mark.parametrize(("numbers", "values"), [(1000, 1000), (1500, 1000)])
def test_many_numbers_are_counted_by_quantile(numbers, values):
    texts = [f"text {number}" for number in range(numbers)]
    table = pa.table({"text": texts, "label": [str(number / 7) for number in range(numbers)]})
    counts = profile_of(table, RowColumns(["text"], "label", numeric=True)).summary.numbers
    assert len(counts) == values and sum(counts.values()) == numbers


@pytest.mark.parametrize(
    ("rows", "with_vocabulary", "shares"),
    [
        (4_000, True, (0.5, 0.5)),
        (20_000, True, (0.25, 0.75)),
        (200_000, True, (0.025, 0.5)),
        (10_000, False, (0.5, 0)),
        (1_000, False, (1, 0)),
    ],
)
def test_the_sample_has_5000_rows_and_the_vocabulary_is_of_100000_others(rows, with_vocabulary, shares):
    sampling = row_profile._sampling(rows, with_vocabulary)
    assert (sampling.sample, sampling.vocabulary) == shares

"""Near-duplicates of texts: what counts as one, and what does not."""

import random

import numpy as np
import pyarrow as pa
import pytest

from nightshift.data import near_duplicates
from nightshift.data.near_duplicates import has_near_duplicate_in, near_duplicate_pairs

ENGLISH = "the parcel came two days late and nobody at the shop could say where it was"
ADJECTIVES, NOUNS = ("good", "bad", "great", "poor", "nice"), ("food", "service", "room", "view", "price", "staff")
COMMON = [*ADJECTIVES, *NOUNS, "the", "was", "is", "very", "so", "and", "but", "not", "here"]
CHINESE = "昨天的天气很好我们去公园散步了很久才回家"
LONG = " ".join(f"sentence {n} speaks of the {n * 7} reasons" for n in range(20))


def pairs(*texts):
    return near_duplicate_pairs(pa.array(texts)).tolist()


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("The lid doesn't close", "the lid doesn\u2019t close!!"),  # case, punctuation
        ("the lid does not close", "the  lid does not clo\u200bse."),  # zero-width
        ("天气晴朗！", "天气晴朗……"),
        ("ﬁne wine", "fine wine"),  # NFKC
        (ENGLISH, ENGLISH.replace("late", "early")),
        (ENGLISH, ENGLISH.replace("late", "late late")),
        (ENGLISH, ENGLISH.replace("late ", "")),
        (ENGLISH, "nobody at the shop could say where it was and the parcel came two days late"),
        (ENGLISH, ENGLISH[:52]),
        (ENGLISH, ENGLISH[:55]),  # cut within a word
        (CHINESE, CHINESE.replace("公园", "河边")),
        (CHINESE, CHINESE.replace("公园", "公园公园")),
        (CHINESE, CHINESE[7:] + CHINESE[:7]),
        (CHINESE, CHINESE[:12]),
        (LONG, LONG.replace("sentence 9", "paragraph 9")),
        (LONG, LONG[len(LONG) // 2 :] + " " + LONG[: len(LONG) // 2]),
        (LONG, LONG[: len(LONG) * 2 // 3]),
    ],
)
def test_variants_of_a_text_are_near_duplicates(text, variant):
    assert pairs("something else that has nothing to do with it", text, variant) == [[1, 2]]


WORDS = "red blue green white black brown pink grey gold teal lime navy plum rust sand jade rose wine mint corn"


def first_words(number, *others):
    return " ".join([*WORDS.split()[:number], *others])


@pytest.mark.parametrize(
    ("text", "near", "other"),
    [
        (first_words(10), first_words(8, "one", "two"), first_words(7, "one", "two", "six")),  # MIN_SIMILARITY
        (first_words(6), first_words(5, "one"), None),  # MIN_WORDS
        (first_words(5), None, first_words(4, "one")),
        (CHINESE[:10], CHINESE[:9] + "了", None),  # CHARACTER
        (CHINESE[:9], None, CHINESE[:8] + "了"),
        (first_words(20), first_words(12), first_words(11)),  # MIN_PREFIX
        (first_words(10), first_words(5, "bro"), None),  # the last word is cut too
        ("a b c d e f g h i j k", "j a b c d e f i h g x", "f j a b c d e i h g x"),  # MIN_IN_ORDER
    ],
)
def test_texts_just_within_a_bound_are_near_duplicates_and_those_beyond_are_none(text, near, other):
    assert near is None or pairs(text, near) == [[0, 1]]
    assert other is None or pairs(text, other) == []


@pytest.mark.parametrize(("length", "cut"), [(40, 24), (41, 25)])
def test_cut_ends_are_found_where_short_texts_end_and_long_ones_begin(length, cut):
    generator = random.Random(0)
    texts = [[f"w{generator.randrange(10**6)}" for _ in range(length)] for _ in range(60)]
    assert len(pairs(*map(" ".join, texts), *(" ".join(text[:cut]) for text in texts))) >= 0.9 * len(texts)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("good food", "good service"),
        ("the movie is a dud", "the movie is a gem"),  # too short to tell
        ("天气晴朗，公交准时", "天气阴沉，公交晚点"),
        (ENGLISH, "the parcel came two days late"),  # less than MIN_PREFIX of it
        (
            ENGLISH,
            ENGLISH.replace("late", "early").replace("shop", "desk").replace("say", "tell").replace("two", "six"),
        ),
        ("", ""),
        ("!!", "??"),
        ("👍", "👎"),
        (None, None),
    ],
)
def test_different_texts_are_none(text, other):
    assert pairs(text, other) == []


def test_short_texts_of_common_words_are_not_all_duplicates_of_each_other():
    phrases = [f"{adjective} {noun}" for adjective in ADJECTIVES for noun in NOUNS]
    assert pairs(*phrases, *[f"{first}, {second}" for first, second in zip(phrases, phrases[7:], strict=False)]) == []
    generator = random.Random(0)
    assert len(pairs(*{" ".join(generator.choices(COMMON, k=9)): None for _ in range(2000)})) < 5


def test_every_later_row_of_a_group_has_a_pair_and_the_first_is_named():
    texts = [f"{ENGLISH}{mark}" for mark in ("", ".", "!", "?", " again", " now")]
    assert {tuple(pair) for pair in pairs(*texts)} >= {(0, row) for row in range(1, 6)}


def test_rows_of_several_chunks_are_compared(monkeypatch):
    monkeypatch.setattr("nightshift.data.near_duplicates.CHUNK", 5)
    others = [f"{n} bottles {n * n} stand {n * n * n} on {2 * n} walls of {n + 1000}" for n in range(30)]
    assert pairs(ENGLISH, *others, ENGLISH + " indeed", LONG, LONG + " indeed") == [[0, 31], [32, 33]]


def test_two_texts_are_near_duplicates_whatever_else_is_there():
    texts = [f"{word} {ENGLISH}" for word in ("a", "b", "c", "d")]
    alone = {(first, second) for first in range(4) for second in range(4) if pairs(texts[first], texts[second])}
    assert alone >= {tuple(pair) for pair in pairs(*texts)}


def test_no_texts():
    assert pairs() == []


def test_similarity_below_the_minimum_is_no_near_duplicate():
    texts = pa.array([ENGLISH, ENGLISH.replace("late", "early")])
    assert len(near_duplicate_pairs(texts, 0.9)) == 1
    assert len(near_duplicate_pairs(texts, 0.97)) == 0


def test_texts_with_a_near_duplicate_among_others_are_named():
    others = pa.array(["good food", ENGLISH.upper(), None])
    texts = pa.array(
        [ENGLISH, ENGLISH + " indeed", ENGLISH + " indeed!", "Good food!", CHINESE, CHINESE + "的", "", None]
    )
    assert has_near_duplicate_in(texts, others).tolist() == [True, True, True, True, False, False, False, False]
    assert not has_near_duplicate_in(texts, pa.array([], pa.string())).any()


def texts_with_variants(count, seed):
    """Return random texts of which half lack a word of an earlier one; some are missing, some long."""
    generator = np.random.default_rng(seed)
    words = [list(generator.choice([f"w{n}" for n in range(50)], generator.integers(6, 14))) for _ in range(count // 2)]
    words += [words[number][:-1] for number in generator.integers(0, count // 2, count // 2)]
    long = " ".join(generator.choice([f"w{n}" for n in range(500)], 60))
    return pa.array([*map(" ".join, words), long, f"{long} more", None, "", "字" * 20, "字" * 21])


@pytest.mark.parametrize("partition_rows", [10, 10**6])
def test_pairs_in_files_are_those_in_memory(monkeypatch, tmp_path, partition_rows):
    monkeypatch.setattr(near_duplicates, "PARTITION_ROWS", partition_rows)
    monkeypatch.setattr(near_duplicates, "CHUNK", 70)
    texts = texts_with_variants(300, seed=1)
    parts = np.arange(len(texts)) % 3 // 2
    pairs = near_duplicates.near_duplicate_pairs_of_batches(
        (texts[start : start + 90] for start in range(0, len(texts), 90)), parts, tmp_path
    )
    expected = set()
    for part in (0, 1):
        rows = np.flatnonzero(parts == part)
        expected |= set(map(tuple, rows[near_duplicates.near_duplicate_pairs(texts.take(pa.array(rows)))].tolist()))
    assert len(expected) > 50 and set(map(tuple, pairs.tolist())) == expected
    assert not list(tmp_path.iterdir())

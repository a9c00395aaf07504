import json
import time
import unicodedata
from dataclasses import asdict

import pytest
from cleanings import ALL, CLEANINGS, PART
from hypothesis import given
from hypothesis import strategies as st

from nightshift.text_cleaning import MASKS, Cleaning, validate_pattern


@pytest.mark.parametrize(
    ("cleaning", "text", "expected"),
    [
        (Cleaning(unicode="NFC"), "cafe\u0301 ﬁ", "café ﬁ"),
        (Cleaning(unicode="NFKC"), "cafe\u0301 ﬁ Ａ", "café fi A"),
        (Cleaning(mojibake=True), "cafÃ© donâ€™t &amp;", "café don’t &amp;"),
        (Cleaning(html=True), "it&#39;s <b>bo</b>ld<br>a &lt;i&gt;x&lt;/i&gt;", "it's bold a x"),
        (Cleaning(html=True), "a<!-- b -->c<script>if (x < y) d</script>e", "a c e"),
        (Cleaning(html=True), "AT&amp;amp;T &eacute;&#x20AC;", "AT&T é€"),
        (Cleaning(whitespace=True), "\t two\xa0\n words ", "two words"),
        (Cleaning(mask=("urls",)), "see https://x.org/a?b=1, or (www.y.de).", "see [URL], or ([URL])."),
        (Cleaning(mask=("urls",)), "看https://t.cn/ab你好", "看[URL]你好"),
        (Cleaning(mask=("emails",)), "写信a.b+c@mail.example.org。", "写信[EMAIL]。"),
        (Cleaning(mask=("numbers",)), "3 of 1,200.50 and 买了３个 B2B", "[NUMBER] of [NUMBER] and 买了[NUMBER]个 B2B"),
        (Cleaning(patterns=((r"\bID-\d+", "[ID]"),)), "ID-17 and ID-x", "[ID] and ID-x"),
        (Cleaning(patterns=(("x*", r"\1"),)), "axxb", r"a\1b"),
    ],
)
def test_a_switch_changes_what_it_names(cleaning, text, expected):
    assert cleaning.clean(text) == expected


@pytest.mark.parametrize(
    ("cleaning", "text"),
    [
        (Cleaning(), " &amp; <b>ﬁ</b> Ã© a@b.org 1 https://x.org "),
        (Cleaning(html=True), "a < b > c, <unk>, <user name>, AT&T; &notanentity; &copy 2020 x<y and z>w"),
        (Cleaning(mojibake=True), "naïve café – “quoted” Über 字 ÃO"),
        (Cleaning(mask=tuple(MASKS)), "www and http: @home me@work B2B x86 covid19"),
        (Cleaning(unicode="NFC"), "ﬁ Ａ"),
    ],
)
def test_what_no_switch_names_stays(cleaning, text):
    assert cleaning.clean(text) == text


@given(CLEANINGS, PART | st.text(max_size=40))
def test_a_clean_text_is_not_changed_again(cleaning, text):
    clean = cleaning.clean(text)
    assert cleaning.clean(clean) == clean and not cleaning.changes(clean)


@given(CLEANINGS, PART | st.text(max_size=40))
def test_changes_are_found_where_the_text_changes(cleaning, text):
    changes = cleaning.changes(text)
    assert bool(changes) == (cleaning.clean(text) != text) or text in {before for before, _ in changes.values()}
    assert all(before != after for before, after in changes.values()) and changes.keys() <= cleaning.steps.keys()


@given(st.text(max_size=40))
def test_unicode_is_that_of_the_standard_library(text):
    assert Cleaning(unicode="NFKC").clean(text) == unicodedata.normalize("NFKC", text)


@given(CLEANINGS)
def test_it_travels_as_json(cleaning):
    assert Cleaning.from_fields(json.loads(json.dumps(asdict(cleaning)))) == cleaning


def test_no_fields_clean_nothing():
    assert Cleaning.from_fields(None) is None


def test_only_what_needs_a_package_names_it():
    assert Cleaning("NFKC", html=True, whitespace=True, mask=tuple(MASKS)).packages == []
    assert ALL.packages == ["ftfy", "regex"]


@pytest.mark.parametrize(
    "text",
    ["a" * 100_000, "<a " * 30_000, "-->" + "<!--" * 30_000, "</script>" + "<script>" * 20_000, "1," * 50_000 + "a",
     "&amp;" * 20_000, "https://" * 20_000, "www." * 30_000 + "!" * 50_000, "a@" * 50_000, "a@" + "b." * 50_000],
)  # fmt: skip
def test_no_text_takes_more_than_linear_time(text):
    started = time.process_time()
    Cleaning("NFKC", False, True, True, tuple(MASKS)).clean(text)
    assert time.process_time() - started < 5


def test_a_pattern_that_takes_too_long_is_refused_for_the_text():
    cleaning = Cleaning(patterns=(("(a|a)*$", "x"),))
    with pytest.raises(ValueError, match=r"the pattern '\(a\|a\)\*\$' takes longer than 1.0 s for this text"):
        cleaning.clean("a" * 60 + "b")


@pytest.mark.parametrize(
    ("pattern", "replacement", "problem"),
    [
        ("(a", "x", "no pattern of the library regex: missing \\)"),
        (r"\d", "1 or 2", ""),
        ("a", "ba", "own replacement"),
    ],
)
def test_a_wrong_pattern_is_refused(pattern, replacement, problem):
    with pytest.raises(ValueError, match=problem):
        validate_pattern(pattern, replacement)

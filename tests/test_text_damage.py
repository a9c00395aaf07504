"""Noise: what counts as damage, kind by kind, and what does not."""

import pyarrow as pa
import pytest

from nightshift.data import text_damage

CHINESE = "这家店的味道很好，送餐也快，下次还会来。"

DAMAGED = {
    text_damage.has_mojibake: [
        "the cafÃ© was nice", "itâ€™s fine", "你好，谢谢".encode().decode("sloppy-windows-1252"), "浣犲ソ", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚", CHINESE.encode().decode("latin-1"),
        CHINESE.encode().decode("gb18030", "replace"), "味道锟斤拷不错",
    ],
    text_damage.has_control_characters: ["bro\ufffdken", "a bell\x07", "nul \x00 inside", "\ufeffa mark", "c1 \x85 end", "\x7f"],
    text_damage.has_markup: ["fish &amp; chips", "it&#39;s", "&#x2019;", "line<br/>break", "<p>paragraph</p>", '<a href="x">', "<!-- x -->"],
    text_damage.is_spreadsheet_error: ["#REF!", " #NAME? ", "#DIV/0!", "#N/A", "#BEZUG!", "#¡VALOR!", "########", "5.7E+17", "1,25e-05"],
    text_damage.has_formula_prefix: ["=SUM(A1:A3)", "=-nice place", '="text"', "=A1", "=$B$12 and more", "'@united hello", "'@united it's late", "'=1"],
    text_damage.lacks_letters: ["12", ":)", "👍👍", "...", "10/10"],
    text_damage.is_repetition: ["good " * 5, "delivery " * 5, "ha ha ha ha ha", "aaaaaaaaaaaa", "very very very very very nice", "好好好好好好好好", "buy now " * 6,
        "aaaaaaaa", "abcabcabcabc", "one two one two one two", "red tea cup " * 3, "abcdefghijklmno abcdefghijklmno " * 3],
}  # fmt: skip
INTACT = {
    text_damage.has_mojibake: ["the café was nice", "it’s “fine” – really…", CHINESE, "привет, как дела", "Ångström © 2020 ½", "£5 à la carte", "naïve Ünïcode", "日本語のテキスト"],
    text_damage.has_control_characters: ["tab\tand\r\nline", "emoji 👩\u200d💻 \ufe0f", "می\u200cخواهم", CHINESE],
    text_damage.has_markup: ["AT&T; and R&D", "a < b > c", "I <3 you", "x &nosuchname; y", "<unk> <user> said", "&;"],
    text_damage.is_spreadsheet_error: ["I get #REF! in my sheet", "#win", "5.7", "2E", "### title", "E+17", "#YES!"],
    text_damage.has_formula_prefix: ["= )", "=) thanks", "- a dash first", "+1 great", "@united hello", "'quoted' words", "==== title", "'-' is a dash"],
    text_damage.lacks_letters: ["a", "5 stars", "好", "é"],
    text_damage.is_repetition: ["no no no", "delivery " * 4, "so good", "很好吃，很好吃", "the more the merrier the more the better", "Mississippi", "tomorrow and tomorrow and tomorrow", "哈哈哈好吃",
        "aaaaaaa", "abcabcabcab", "abcdabcdabcdabcd", "very very very very", "very very very very nice", "one two six ten " * 3],
}  # fmt: skip


def strings(texts):
    return pa.array(texts, pa.large_string())


@pytest.mark.parametrize(("is_damaged", "text"), [(kind, text) for kind, texts in DAMAGED.items() for text in texts])
def test_damage_is_seen(is_damaged, text):
    assert is_damaged(strings([text])).tolist() == [True]


@pytest.mark.parametrize(("is_damaged", "text"), [(kind, text) for kind, texts in INTACT.items() for text in texts])
def test_intact_texts_pass(is_damaged, text):
    assert is_damaged(strings([text])).tolist() == [False]


@pytest.mark.parametrize("is_damaged", DAMAGED)
def test_each_row_is_judged_by_itself_and_a_null_is_intact(is_damaged):
    mixed = [None, "a plain text", *DAMAGED[is_damaged], "", *INTACT[is_damaged]]
    expected = [
        False,
        False,
        *[True] * len(DAMAGED[is_damaged]),
        "" in DAMAGED[is_damaged],
        *[False] * len(INTACT[is_damaged]),
    ]
    if is_damaged is text_damage.lacks_letters:
        expected[2 + len(DAMAGED[is_damaged])] = True
    assert is_damaged(strings(mixed)).tolist() == expected
    assert is_damaged(strings(mixed)[1:]).tolist() == expected[1:]
    assert is_damaged(strings([])).tolist() == []


def unusual(texts, min_share=0.9):
    return text_damage.is_unusual_script(text_damage.scripts(strings(texts)), min_share).tolist()


def test_a_text_in_another_script_than_the_rest_is_unusual():
    english = [f"a plain text with number {number}" for number in range(30)]
    assert unusual([*english, "совсем другой текст", CHINESE, "這是 ok", None]) == [
        *[False] * 30,
        True,
        True,
        False,
        False,
    ]
    assert unusual([*[CHINESE] * 30, "an English text", "日本語のテキストですよ"]) == [*[False] * 30, True, False]


def test_a_text_of_few_or_mixed_letters_has_no_script():
    english = [f"a plain text with number {number}" for number in range(30)]
    assert not any(unusual([*english, "ok да", "привет", "mixed смешано words слова", "12 + 12"]))


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("abcdefgh", "Latin"),
        ("abcdefg", None),
        ("абвгдежз", "Cyrillic"),
        ("абвгдеж", None),
        ("абвгдеxy", "Cyrillic"),  # three quarters of eight letters
        ("абвгдxyz", None),
    ],
)
def test_eight_letters_three_quarters_of_them_in_a_script_have_that_script(text, script):
    (index,) = text_damage.scripts(strings([text]))
    assert [*text_damage.SCRIPTS, None][index] == script


def test_texts_in_utf8_read_as_gbk_are_mostly_han_when_read_right():
    read_wrongly = ("你好" * 5).encode().decode("gbk")
    assert text_damage.has_mojibake(strings([read_wrongly + "道道味€", read_wrongly + "道道道"])).tolist() == [
        True,
        False,
    ]


def test_nothing_is_unusual_where_no_script_prevails():
    texts = [*["a plain text in English"] * 8, *["совсем другой текст"] * 2]
    assert not any(unusual(texts))
    assert unusual(texts, min_share=0.8) == [*[False] * 8, True, True]

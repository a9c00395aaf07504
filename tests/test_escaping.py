"""Text that would act in a page or a spreadsheet; tests/test_browser.py opens the pages themselves."""

import html
import io
import json
import logging
import re
import sys

import pandas as pd
import pytest
from markdown_it import MarkdownIt
from nights import Model
from samples import HOSTILE

from cli import environment, main
from nightshift import escaping, redaction
from nightshift.data.quarantine import quarantine_table
from nightshift.registry import ledger
from nightshift.registry.ledger import Entry
from nightshift.store import artifact_store

ESC = "\x1b"


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_a_text_as_it_is(text):
    renderer = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    for prefix in ("", "- ", "words "):
        page = renderer.render(prefix + escaping.markdown(text) + "\n\n[r]: http://elsewhere.test/x.png")
        assert set(re.findall("<([a-z0-9]+)", page)) <= {"p", "ul", "li"}, page
        rendered = html.unescape(re.sub("<[^>]+>", "", page)).replace(escaping.JOINER, "")
        assert " ".join(text.split()) in " ".join(rendered.split())


def test_markdown_leaves_nothing_to_make_a_link_of():
    """Some renderers look for addresses in the text that is left when escapes have been read."""
    for text in HOSTILE:
        plain = html.unescape(escaping.markdown(text))
        assert not re.search(r"https?://|ftp://|www\.|\w@\w", plain, re.IGNORECASE), plain


def test_a_cell_of_a_table_and_a_cut():
    assert escaping.markdown("# a\n\n| b") == r"\# a \| b"
    assert len(escaping.markdown("字" * 900, 300)) == 302
    assert escaping.markdown("0.97 -> better, 3 %") == "0.97 -&gt; better, 3 %"


def test_a_link_leads_nowhere_but_to_a_page():
    assert escaping.markdown_link("a]b", "http://x.test/a b)(c") == r"[a\]b](http://x.test/a%20b%29%28c)"
    assert escaping.markdown_link("a", "javascript:alert(1)") == "a"


def test_lines_of_the_ledger_are_plain_text():
    line = Entry(action="held", who="![x](http://e.test)", why="<img src=http://e.test>").line
    assert "![" not in line and "<" not in line and "http://" not in line


def test_a_terminal_shows_control_characters_and_obeys_none():
    acting = [*map(chr, range(32)), "\x7f", *map(chr, range(0x80, 0xA0)), "\u202e", "\u2066", "\ud800"]
    escaped = escaping.terminal("".join(acting))
    assert escaped.isprintable() is False and "".join(escaped.split()).isprintable()
    assert "\t\n" in escaped and escaped.startswith(r"\u0000") and r"\u001b" in escaped and r"\u009b" in escaped
    for text in ("Ça marche ? 你好 🙂", "one\ntwo\tthree", "שלום"):
        assert escaping.terminal(text) == text
    result = {"reason": "\x7f\x9b2J\x1b[31m"}
    assert json.loads(escaping.terminal(json.dumps(result, ensure_ascii=False))) == result
    assert escaping.terminal_field("a\nb\x1b") == r"a\nb\u001b"


@pytest.fixture
def command(home, monkeypatch, capsys):
    """Call a command in this process and return what it prints."""

    def call(*arguments):
        monkeypatch.setattr(environment, "prepare", lambda: None)
        monkeypatch.setattr(sys, "argv", ["nightshift", *arguments])
        with pytest.raises(SystemExit):
            main.app()
        return capsys.readouterr()

    return call


def test_reasons_and_errors_do_not_act_in_a_terminal(command):
    forged = f"{ESC}[2Kfine\n2026-11-01T00:00:00+00:00  promoted       2  1 → 2    nightly: better\rx"
    Model(artifact_store.home(), "x")
    ledger.append("x", Entry(action="held", who=f"{ESC}]0;title\x07", why=forged))
    (line,) = command("history", "x").out.splitlines()
    assert line.isprintable() and r"\u001b[2Kfine\n2026-11-01" in line and r"better\u000dx" in line
    error = command("promote", f"x{ESC}[8m", "1", "--reason", "r").err
    assert ESC not in error and r"x\u001b[8m" in error


def test_log_records_do_not_act_in_a_terminal(monkeypatch):
    monkeypatch.setattr(logging, "_logRecordFactory", logging.getLogRecordFactory())
    redaction.install()
    out = io.StringIO()
    log = logging.Logger("x")
    log.addHandler(logging.StreamHandler(out))
    log.warning("label %s", f"{ESC}[2J")
    try:
        raise ValueError(f"{ESC}[2J")
    except ValueError:
        log.exception("failed")
    assert ESC not in out.getvalue() and out.getvalue().count(r"\u001b[2J") == 2 and "Traceback" in out.getvalue()


def test_a_spreadsheet_runs_nothing():
    formulas = ["=HYPERLINK(1)", "+1+1", "-cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1", " =1", "＝1"]
    texts = ["-5", "+49 30", "-1.5e3", "a=b", "", "-"]
    table = pd.DataFrame({"=text": [*formulas, "-5", "a=b", ""], "n": -1.5})
    safe = escaping.spreadsheet(table)
    assert list(safe) == ["'=text", "n"] and safe["n"].eq(-1.5).all()
    assert safe["'=text"].tolist() == ["'" + text for text in formulas] + ["-5", "a=b", ""]
    assert [escaping.spreadsheet_cell(text) for text in texts] == ["-5", "'+49 30", "-1.5e3", "a=b", "", "'-"]


def test_quarantined_rows_may_be_opened_in_a_spreadsheet():
    rows = pd.DataFrame({"source": ["=x.csv"], "row": [3], "original": ['{"=column": "=1+1", "n": "-2"}']})
    table = quarantine_table(rows, pd.Series(["duplicate"]))
    assert table.to_dict("records") == [
        {"reason": "duplicate", "source": "'=x.csv", "row": 3, "'=column": "'=1+1", "n": "-2"}
    ]

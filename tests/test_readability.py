"""Source and benchmarks stay within the limits of tests/readability.py, and its measures count what they say."""

import ast
import textwrap

import pytest
import readability

FIRST = '''
"""What this module holds."""

from other import helper, Base as Parent
import other as alias

LIMIT = 3
"""Where it ends."""
told: int = 4
"""Number of rows."""


def start(found, place_2, kept_rows, *others, **kwargs):
    """Return the rows."""
    with open(found) as one, open(found) as (said, file):
        each = [row for row in one]
    return helper(each)


def documented(a, b, c, d):
    """Return the sum.

    Args:
        a: First summand.
    """
    return start(a)


def _private(a, b, c, d):
    return documented(a)


class Child(Parent):
    """Of a child."""

    def __init__(self, size):
        self.shown = size
        self.inherited(size)

    def three(self, a, b, c):
        """Return nothing."""
        helper = a
        return helper(b) or alias.again(start)(c)

    def four(self, a, b, c, d):
        return Child(_private(a))
'''
LIBRARY = """
class Base:
    def inherited(self, size):
        return helper(size)


def helper(size):
    return again(size)


def again(size):
    return helper(size) and last(size)


def last(size):
    return len(size)
"""


@pytest.fixture
def measures(tmp_path):
    files = {"upkeep.py": FIRST, "other.py": LIBRARY}
    for name, text in files.items():
        (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")
    return readability.measure([tmp_path / name for name in files], tmp_path)


@pytest.mark.parametrize("name", readability.LIMITS)
def test_source_and_benchmarks_are_within_the_limits(name):
    failures = readability.failures(readability.limited_measures()[name], readability.LIMITS[name])
    assert not failures, "\n".join(failures)


def test_names_that_say_nothing_are_counted_by_binding(measures):
    names = ["told", "found", "place_2", "others", "one", "said", "each", "shown"]
    assert sorted(location.name for location in measures.empty_names) == sorted(names)
    assert measures.private_words == [("upkeep.py", 1, "(module upkeep)"), ("upkeep.py", 9, "told")]
    # 10 functions and classes of the first file and 5 of the other, parameters, and 10 targets
    bound = [name for text in (FIRST, LIBRARY) for name, _ in readability.counted_bindings(ast.parse(text))]
    assert measures.bound_names == len(bound) and "__init__" not in bound and "self" not in bound


def test_docstrings_that_begin_with_a_question_word_are_counted(measures):
    assert [location.name.split(":")[0] for location in measures.question_docstrings] == ["(module)", "LIMIT", "Child"]
    assert measures.docstrings == 7


def test_public_functions_with_many_parameters_need_args(measures):
    assert [location.name for location in measures.missing_args] == ["start", "Child.four"]


@pytest.mark.parametrize("decorator, lacks", [("app.command('run')", False), ("flow", True)])
def test_commands_document_their_options_themselves(decorator, lacks):
    function = ast.parse(f"@{decorator}\ndef run(a, b, c, d): ...").body[0]
    assert readability.lacks_args(function, is_method=False) is lacks


def test_the_longest_chain_follows_imports_methods_and_classes(measures):
    assert measures.longest_chain == [
        "upkeep.Child.four",
        "upkeep._private",
        "upkeep.documented",
        "upkeep.start",
        "other.helper (a cycle of 2)",
        "other.last",
    ]
    graph = readability.CallGraph({"upkeep": ast.parse(FIRST), "other": ast.parse(LIBRARY)}).edges
    assert graph["upkeep.Child.four"] == ["upkeep.Child.__init__", "upkeep._private"]
    assert graph["upkeep.Child.__init__"] == ["other.Base.inherited"]
    assert graph["upkeep.Child.three"] == ["other.again", "upkeep.start"]  # `helper` is a local name there


def test_what_is_over_a_limit_is_shown_with_its_places(measures):
    limits = {"names": 0, "docstrings": 1, "args": 1, "chain": 6, "words": 2}
    names, args = readability.failures(measures, limits)
    assert "is over the limit 0" in names and "found 1" in names and "upkeep.py: 8" in names
    assert "upkeep.py:13 start" in args

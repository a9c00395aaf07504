"""Recipes of compression: how they are written, and for which kinds they can be used."""

import pytest

from tasks.compress.recipes import Recipe, resolve_amount, usable_steps
from tasks.compress.settings import CompressSettings


def test_what_can_be_made_depends_on_the_kinds():
    assert usable_steps(["regression"]) == {
        "static",
        "distil",
        "narrow",
        "prune",
        "vocabulary",
        "embeddings",
        "quantize",
    }
    assert usable_steps(["classification", "regression"]) == {
        "distil",
        "narrow",
        "prune",
        "vocabulary",
        "embeddings",
        "quantize",
    }
    assert usable_steps(["classification", "generation"]) == {"distil", "prune", "quantize"}


def test_a_recipe_is_read_and_written():
    recipe = "distil:3+prune:0.25+vocabulary+quantize:static"
    parsed = Recipe.parse(recipe)
    assert str(parsed) == recipe and [step.trains for step in parsed.steps] == [True, True, False, False]
    assert Recipe.parse("full") == Recipe() and str(Recipe()) == "full"
    assert [step.value for step in Recipe.parse("prune:512+prune:0.5+quantize").steps] == ["512", "0.5", ""]
    assert [resolve_amount(6, amount) for amount in (0.5, 2, 9, 0.01)] == [3, 2, 6, 1]


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("quantize+vocabulary", "is no chain"),
        ("vocabulary+distil", "is no chain"),
        ("distil+distil", "is no chain"),
        ("static+prune", "is no chain"),
        ("prone", "is no chain"),
        ("distil:1.5", "neither a share such as 0.5 nor a number such as 3"),
        ("prune:none", "neither a share"),
        ("quantize:int4", "after quantize comes dynamic, static"),
        ("vocabulary:3", "after vocabulary comes nothing"),
        ("quantize+embeddings", "is no chain"),
        ("prune+embeddings", "go with quantize"),
    ],
)
def test_what_is_no_recipe_is_refused(recipe, words):
    with pytest.raises(ValueError, match=words):
        CompressSettings(recipes=[recipe])

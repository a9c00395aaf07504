"""The search over shapes of a model."""

import pytest

from tasks.compress.candidate_builder import CandidateBuilder
from tasks.compress.recipes import NotPossibleError, Recipe
from tasks.compress.search import Point, survivors


class InstantBuilder(CandidateBuilder):
    """Builder whose exports take no time; those of `static` are not possible."""

    def next_call(self, recipe):
        if str(recipe) == "static":
            raise NotPossibleError("static: no")

    def export(self, recipe):
        return f"export of {recipe}"


@pytest.mark.parametrize(
    ("names", "exported", "reasons"),
    [
        (["distil", "prune", "narrow"], ["distil"], ["prune (no time left for it)", "narrow (no time left for it)"]),
        (["static", "distil", "prune"], ["distil"], ["static (static: no)", "prune (no time left for it)"]),
    ],
)
def test_after_the_time_budget_one_possible_recipe_is_built(names, exported, reasons):
    builder = InstantBuilder(None, [], None, None, [], "tiny")
    recipes = [Recipe.parse(name) for name in names]
    built, left_out = builder.export_all(recipes, end=0)
    assert [str(recipe) for recipe in built] == exported and left_out == reasons
    assert len(builder.export_all(recipes)[0]) == len(recipes) - names.count("static")


def test_the_cheap_ones_that_come_near_go_on():
    points = [Point("dear", 0.90, 0.5), Point("equal", 0.89, 0.4), Point("dearer and worse", 0.88, 0.45),
              Point("bold", 0.87, 0.1), Point("poor", 0.5, 0.01)]  # fmt: skip
    assert survivors(points, 0.85, 2) == ["bold", "equal"]
    assert survivors(points, 0.85, 9) == ["bold", "equal", "dearer and worse", "dear"]
    assert survivors(points, 0.95, 2) == ["dear"], "where none comes near, the best goes on"

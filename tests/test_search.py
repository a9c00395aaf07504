"""The search over shapes of a model."""

from tasks.compress.search import Point, survivors


def test_the_cheap_ones_that_come_near_go_on():
    points = [Point("dear", 0.90, 0.5), Point("equal", 0.89, 0.4), Point("dearer and worse", 0.88, 0.45),
              Point("bold", 0.87, 0.1), Point("poor", 0.5, 0.01)]  # fmt: skip
    assert survivors(points, 0.85, 2) == ["bold", "equal"]
    assert survivors(points, 0.85, 9) == ["bold", "equal", "dearer and worse", "dear"]
    assert survivors(points, 0.95, 2) == ["dear"], "where none comes near, the best goes on"

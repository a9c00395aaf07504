"""The builder of candidates keeps the deadline."""

import time

from factories import inherited_settings, objective

from nightshift.records import Trained
from tasks.compress.candidate_builder import Workshop
from tasks.compress.stage import CompressSettings


def workshop(**settings):
    trained = Trained(parameters=1, layers=[], precision="float32", device="cpu", figures={"rows_per_second": 100.0})
    told = CompressSettings(distil_epochs=4, recovery_epochs=2).model_dump()
    return Workshop(trained, [objective(train=1000)], told, inherited_settings(8), [trained], "tiny", **settings)


def test_a_deadline_sheds_what_its_training_would_not_make():
    recipes = ("quantize", "distil+quantize", "distil+prune")
    assert [workshop().epochs(recipe) for recipe in recipes] == [0, 4, 6]
    shop = workshop(deadline=time.time() + 50)
    assert [shop.too_late(recipe) for recipe in recipes] == [False, False, True]
    assert not workshop().too_late("distil+prune") and workshop(deadline=time.time() - 1).too_late("quantize")
    shop.made["distil 1.0"] = None
    assert not shop.too_late("distil+prune+quantize")

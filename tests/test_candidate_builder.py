"""The builder of candidates keeps the deadline."""

import time

from factories import inherited_settings, objective

from nightshift.records import Trained
from tasks.compress.candidate_builder import CandidateBuilder
from tasks.compress.recipes import Recipe
from tasks.compress.settings import CompressSettings


def builder(**settings):
    trained = Trained(parameters=1, layers=[], precision="float32", device="cpu", figures={"rows_per_second": 100.0})
    compress = CompressSettings(distil_epochs=4, recovery_epochs=2)
    objectives, inherited = [objective(train=1000)], inherited_settings(8)
    return CandidateBuilder(trained, objectives, compress, inherited, [trained], "tiny", **settings)


def test_a_deadline_sheds_what_its_training_would_not_make():
    quantize, distil, prune = map(Recipe.parse, ("quantize", "distil+quantize", "distil+prune"))
    assert [builder().remaining_epochs(recipe) for recipe in (quantize, distil, prune)] == [0, 4, 6]
    limited = builder(deadline=time.time() + 50)
    assert [limited.misses_deadline(recipe) for recipe in (quantize, distil, prune)] == [False, False, True]
    assert not builder().misses_deadline(prune) and builder(deadline=time.time() - 1).misses_deadline(quantize)
    limited.students["distil"] = None
    assert not limited.misses_deadline(Recipe.parse("distil+prune+quantize"))

"""Tables of answers."""

from functools import partial

import factories
from factories import COLOURS, ScriptedPredictor, rows_of

from nightshift.evaluation import scoring

objective = partial(factories.objective, labels=COLOURS)


MULTILABEL = objective("classification", "macro_f1", separator=",")


def test_tables_have_the_columns_of_their_kind():
    coloured = rows_of(["a red door", "green and red", "nothing"], ["red", "red,green", ""])
    multilabel = scoring.predictions(ScriptedPredictor(MULTILABEL), coloured, MULTILABEL)
    assert multilabel["predicted"].tolist() == multilabel["label"].tolist() == ["red", "green,red", ""]
    single = scoring.predictions(ScriptedPredictor(), coloured, objective("classification", "accuracy"))
    assert list(single) == ["row_key", "label", "predicted", "score:blue", "score:green", "score:red"]
    assert single["predicted"].tolist() == ["red", "green", "blue"] and single["row_key"].tolist() == ["k0", "k1", "k2"]
    number = scoring.predictions(
        ScriptedPredictor(), rows_of(["blue", "red"], [1.0, 0.0]), objective("regression", "rmse")
    )
    assert number["predicted"].tolist() == [1.0, 0.0] and list(number.index) == [0, 1]
    free = scoring.predictions(ScriptedPredictor(), rows_of(["abc"]), objective("generation", "loss"))
    targeted = scoring.predictions(ScriptedPredictor(), rows_of(["abc"], ["abcdef"]), objective("generation", "loss"))
    assert list(free) == ["row_key", "loss", "tokens"] and (free["loss"][0], targeted["loss"][0]) == (3, 6)

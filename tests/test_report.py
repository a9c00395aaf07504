from types import SimpleNamespace

from tasks.report import Story, notices


def test_the_first_line_names_a_few_untrained_labels_and_counts_the_others():
    untrained = {f"label {number}": number for number in range(1, 13)}
    objective = SimpleNamespace(name="main", sides=SimpleNamespace(untrained=untrained))
    (sentence,) = notices(Story({}, objectives=[objective]))
    assert "label 10 (10) and 2 more." in sentence and "label 11" not in sentence

import warnings
from types import SimpleNamespace

import mlflow
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from nightshift.data.text_lengths import histogram
from nightshift.records import Checked, LabelCount, NightResult, Slice
from nightshift.registry import tracking
from nightshift.reporting import plots, report_page
from nightshift.reporting.plots import SharesPanel
from nightshift.reporting.report_data import ReportData, notices
from nightshift.store import artifact_store


def test_the_first_line_names_a_few_untrained_labels_and_counts_the_others():
    untrained = {f"label {number}": number for number in range(1, 13)}
    objective = SimpleNamespace(name="main", sides=SimpleNamespace(untrained=untrained))
    (sentence,) = notices(ReportData({}, objectives=[objective]))
    assert "label 10 (10) and 2 more." in sentence and "label 11" not in sentence


def render(template: str, per_class: dict[str, dict[str, float]]) -> str:
    """The page of a held night with these figures by label, whose best epoch was the second, after version 3."""
    result = {"model": "m", "status": "held", "changed": "the data", "rows": {"read": 9}, "seconds": {"train": 1.0},
             "gate": SimpleNamespace(decision="hold", reasons=["no"], lost=None, claim=None, difference=None), "candidates": []}  # fmt: skip
    data = {"trained": SimpleNamespace(best="epoch 2 (step 8), accuracy 0.9000 on validation", start="3"),
             "evaluated": SimpleNamespace(samples={}, per_class=per_class), "checked": {}, "objectives": []}  # fmt: skip
    return (
        report_page.template_environment()
        .get_template(template)
        .render(result=result, data=data, headline="m: held.", links={}, quarantine={}, metrics={}, speed={}, plots={})
    )


@pytest.mark.parametrize("template", ["report.html", "report.md"])
def test_both_reports_name_the_chosen_epoch_and_where_the_training_began(template):
    page = render(template, {})
    assert "best checkpoint on validation: epoch 2 (step 8)" in page
    assert "from the weights of version 3" in page


@pytest.mark.parametrize(("labels", "num_visible"), [(40, 40), (1000, 20)])
def test_many_labels_are_folded_below_those_with_the_lowest_f1(labels, num_visible):
    figures = {
        f"label {n}": {"precision": 0.5, "recall": 0.5, "f1-score": 1 - n / labels, "support": 3.0}
        for n in range(labels)
    }
    page = render("report.html", figures)
    visible, *folded = page.partition("Per class")[2].split("<details>")
    assert visible.count("<td>label ") == num_visible and f"<td>label {labels - 1}</td>" in visible
    assert bool(folded) == (labels > num_visible) and all(part.count("<td>label ") == labels for part in folded)


@pytest.mark.parametrize("template", ["report.html", "report.md"])
def test_both_reports_list_the_labels_and_what_to_look_at(template):
    checked = Checked(status="stopped", reason="", read=9, kept=5, quarantined={}, expectations=[], num_labels=3,
                      labels=[LabelCount(label="pos ", read=4, kept=2), LabelCount(label="neg", read=3, kept=3)],
                      warnings=["labels that differ"], notices=["two are missing"])  # fmt: skip
    result = {"model": "m", "status": "stopped", "changed": "", "rows": {"read": 9}, "seconds": {}, "gate": None}
    page = (
        report_page.template_environment()
        .get_template(template)
        .render(
            result=result,
            data={"checked": {"main": checked}},
            headline="",
            links={},
            quarantine={},
            plots={},
            samples={},
        )
    )
    assert "labels that differ" in page and "two are missing" in page
    assert "arer labels, not listed: 1" in page
    escaped = page.replace("&#34;", '"')
    assert (
        '<code>"pos "</code></td><td class="n">4</td><td class="n">2'
        if template == "report.html"
        else '"pos ": 4 read, 2 kept'
    ) in escaped


def test_labels_are_drawn_with_the_rows_that_were_kept_and_quarantined(figure, tmp_path):
    labels = [LabelCount(label="pos ", read=8, kept=2), LabelCount(label="neg", read=2, kept=2)]
    checked = Checked(
        status="passed", reason="", read=10, kept=4, quarantined={}, expectations=[], num_labels=5, labels=labels
    )
    files = report_page.draw_rows(ReportData({"a": checked, "b": checked.model_copy(update={"labels": []})}), tmp_path)
    assert [file.name for file in files] == ["a_labels.png"]
    axes = figure[0].axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ['"pos "', '"neg"']
    assert [round(bar.get_width(), 2) for bar in axes.patches] == [0.2, 0.2, 0.6, 0.0]
    assert figure[0].get_suptitle() == "Labels as read; 3 rarer labels are not drawn"


def test_many_labels_are_drawn_in_two_panels_in_their_order(figure, tmp_path):
    counts = {f"label {number}": 100 - number for number in range(77)}
    plots.label_counts(counts, {}, 0, tmp_path / "labels.png")
    panels = [[text.get_text() for text in axes.get_yticklabels()] for axes in figure[0].axes]
    assert [len(names) for names in panels] == [39, 38]
    assert [name for names in panels for name in names] == [f'"{label}"' for label in counts]
    assert figure[0].get_size_inches()[1] < 12


CHINESE = ["餐饮美食", "<script>", "很长的标签名字里有十几个字"]


def label_pictures(folder):
    """Draw every picture with names of labels, which are Chinese; return the files."""
    table = pd.DataFrame({"label": CHINESE, "predicted": CHINESE[1:] + CHINESE[:1]})
    objective = SimpleNamespace(name="main", kind="classification", sides=SimpleNamespace(separator="|"))
    tested = [
        Slice(
            objective="main",
            by="label",
            value=label,
            rows=9,
            challenger=0.9,
            champion=0.8,
            difference=0.1,
            interval=(0, 0.2),
        )
        for label in CHINESE
    ]
    shares = dict.fromkeys(CHINESE, (0.3, 0.4))
    return [
        plots.label_counts(dict.fromkeys(CHINESE, 5), {}, 0, folder / "labels.png"),
        plots.confusion_matrix(table, None, "full", folder / "matrix.png"),
        plots.label_matrix(table, objective, "full", folder / "label_matrix.png"),
        plots.slices(tested, 0.1, folder / "slices.png"),
        plots.shares_side_by_side([SharesPanel("labels", shares)], ("then", "now"), folder / "drift.png"),
        plots.label_shares({"train": pd.Series(dict.fromkeys(CHINESE, 0.3))}, folder / "shares.png"),
    ]


def test_labels_that_no_font_here_can_draw_stay_texts(tmp_path, monkeypatch):
    monkeypatch.setitem(plots.matplotlib.rcParams, "font.family", ["DejaVu Sans"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures = label_pictures(tmp_path)
    for picture in pictures:
        content = picture.read_text("utf-8")
        assert picture.suffix == ".svg" and not picture.with_suffix(".png").exists()
        assert (
            all(label in content for label in (CHINESE[0], "&lt;script&gt;", CHINESE[2])) and "<script" not in content
        )
        assert plots.data_uri(picture).startswith("data:image/svg+xml;base64,")
    contents = [picture.read_bytes() for picture in pictures]
    assert [picture.read_bytes() for picture in label_pictures(tmp_path)] == contents


def test_labels_that_a_font_here_can_draw_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setitem(plots.matplotlib.rcParams, "font.family", ["DejaVu Sans", "Last Resort High-Efficiency"])
    assert {picture.suffix for picture in label_pictures(tmp_path)} == {".png"}
    assert plots.label_shares({"train": pd.Series({"café": 1.0})}, tmp_path / "shares.png").suffix == ".png"


@pytest.mark.parametrize(("limit", "is_drawn"), [(40, True), (512, False)])
def test_lengths_are_drawn_with_the_limit(figure, tmp_path, limit, is_drawn):
    lengths = histogram(np.array([10, 20, 30, 50]), limit)
    plots.text_lengths(lengths, tmp_path / "lengths.png")
    axes = figure[0].axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(1)
    (line,) = [line for line in axes.lines if line.get_label().startswith("max_length")]
    cut = "25.00%" if is_drawn else "0.00%"
    assert line.get_label() == f"max_length {limit}; {cut} are longer"
    assert (line.get_xdata()[0] == limit) is is_drawn and axes.get_xlim()[1] < 100


def test_the_pictures_of_an_objective_are_those_that_it_has(figure, tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    checked = Checked(status="passed", reason="", read=1, kept=1, quarantined={}, expectations=[], path="validate/1")
    assert report_page.draw_rows(ReportData({"main": checked}), tmp_path) == []
    file = artifact_store.folder(checked) / "measured" / "lengths.json"
    file.parent.mkdir(parents=True)
    file.write_text(histogram(np.array([10, 20]), None).model_dump_json())
    assert [file.name for file in report_page.draw_rows(ReportData({"main": checked}), tmp_path)] == ["lengths.png"]


@pytest.fixture
def figure(monkeypatch) -> list[Figure]:
    """The figures that were drawn."""
    drawn: list[Figure] = []
    monkeypatch.setattr(plots, "_save", lambda figure, path: drawn.append(figure) or path)
    return drawn


@pytest.mark.parametrize("separator", [None, "|"])
def test_a_matrix_of_many_labels_shows_those_with_the_most_wrong_answers(figure, tmp_path, separator):
    labels = np.array([f"label {n:03}" for n in range(300)] * 3)
    predicted = labels.copy()
    predicted[300 - plots.LABELS : 300] = np.roll(predicted[300 - plots.LABELS : 300], 1)
    sides = SimpleNamespace(separator=separator)
    objective = SimpleNamespace(name="main", kind="classification", sides=sides)
    plots.predictions({"main": pd.DataFrame({"label": labels, "predicted": predicted})}, [objective], "full", tmp_path)
    names = [text.get_text() for text in figure[0].axes[0].get_yticklabels()]
    assert names == [f"label {n}" for n in range(300 - plots.LABELS, 300)]
    assert "of 300 labels" in figure[0].get_suptitle()


def test_long_labels_are_cut_in_pictures_and_cells_are_legible(figure, tmp_path):
    table = pd.DataFrame({"label": ["x" * 300, "y"], "predicted": ["x" * 300, "x" * 300]})
    plots.confusion_matrix(table, None, "full", tmp_path / "matrix.png")
    axes = figure[0].axes[0]
    assert max(len(text.get_text()) for text in axes.get_yticklabels()) == plots.NAME_LENGTH
    assert [text.get_color() for text in axes.texts] == ["white", "black", "white", "black"]


def test_the_shares_of_many_labels_are_those_of_the_commonest(figure, tmp_path):
    shares = pd.Series(np.arange(1000) / 499500, index=[f"label {n}" for n in range(1000)])
    plots.label_shares({"train": shares, "holdout": shares}, tmp_path / "shares.png")
    names = [text.get_text() for text in figure[0].axes[0].get_yticklabels()]
    assert len(names) == plots.LABELS and names[0] == "label 999"
    assert figure[0].get_size_inches()[1] < 50


@pytest.mark.slow
def test_a_report_is_reached_from_other_machines_where_the_registry_is_a_server(tmp_path, monkeypatch, mlflow_server):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server[0])
    mlflow.set_tracking_uri(mlflow_server[0])
    pages = []
    monkeypatch.setattr(report_page.artifacts, "show_report", lambda _model, text: pages.append(text))
    run_id = tracking.start_run("linked", "fingerprint", "linked-night")
    checked = Checked(status="stopped", reason="", read=9, kept=5, quarantined={}, expectations=[])
    result = NightResult(status="stopped", reason="no", model="linked", mlflow_run_id=run_id, rows={"read": 9})
    page = report_page.write(result, ReportData({"main": checked}))
    address = f"{tracking.run_address(run_id)}/artifacts/{tracking.REPORT}/{page.name}"
    assert address.startswith("http://127.0.0.1:") and address in pages[0] and address in page.read_text()
    tracking.connect().set_terminated(run_id)
    mlflow.set_tracking_uri(None)

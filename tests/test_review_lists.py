"""The lists of rows that people are asked about: the file to fill in, and what report and Prefect show of it."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from nightshift import clock, escaping
from nightshift.data.review_columns import FILE, review_columns
from nightshift.prefect_ui import artifacts
from nightshift.records import Checked, CorrectionCounts, NightResult, Reviewed
from nightshift.reporting import report_page, review_lists
from nightshift.reporting.report_data import ReportData
from nightshift.store import artifact_store

RESULT = NightResult(status="held", reason="", model="m", rows={"read": 9}, mlflow_run_id="0123456789")


@pytest.fixture
def reviewed(tmp_path, monkeypatch):
    """Function that writes a review list with these texts where the stage does, and returns its record."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))

    def write(texts, name="x", **record):
        folder = artifact_store.root() / "review" / name
        folder.mkdir(parents=True)
        rows = pd.DataFrame({"text": texts, "row": range(1, len(texts) + 1)})
        rows = rows.assign(reason="label error", source="a.csv", label="pos", suggested_label="neg", confidence=0.97,
                           detail="margin 0.9")  # fmt: skip
        rows.reindex(columns=review_columns(False), fill_value="").to_csv(folder / FILE, index=False)
        listed = {"label error": len(texts)} if texts else {}
        return Reviewed(
            path=f"review/{name}", listed=listed, candidates={"label error": 70, "near conflict": 2}, **record
        )

    return write


def rendered(template, data):
    """Return the section of a report with the lists of a night."""
    checked = {
        "main": Checked(status="passed", reason="", read=9, kept=9, quarantined={}, expectations=[],
                        corrections=CorrectionCounts(relabelled=1234, unknown=5))
    }  # fmt: skip
    values = {
        "result": {"rows": {}, "seconds": {}},
        "data": ReportData(checked),
        "corrections": {name: record.corrections for name, record in checked.items()},
        "reviews": {
            name: review_lists.review_list(record, data.review_files.get(name)) for name, record in data.reviewed.items()
        },
        "links": {}, "quarantine": {}, "plots": {}, "samples": {},
    }  # fmt: skip
    return report_page.template_environment().get_template(template).render(values)


def night_of(reviewed):
    return ReportData({}, reviewed=reviewed, review_files=review_lists.copy_lists(RESULT, reviewed))


def test_the_list_is_copied_for_people_and_what_they_have_filled_in_stays(reviewed):
    (file,) = review_lists.copy_lists(RESULT, {"main": reviewed(["one", "two"])}).values()
    assert file.parent == artifact_store.home() / "reviews/m" and file.name.endswith("-01234567.csv")
    assert pd.read_csv(file)["text"].tolist() == ["one", "two"]
    file.write_text("filled in")
    (again,) = review_lists.copy_lists(RESULT, {"main": reviewed(["one"], "y")}).values()
    assert again == file and file.read_text() == "filled in" and len(list(file.parent.iterdir())) == 1


def test_a_replayed_night_s_list_has_the_replayed_day_in_its_name(reviewed):
    with clock.replayed_at(datetime(2015, 2, 17, 23, 59, tzinfo=UTC)):
        (file,) = review_lists.copy_lists(RESULT, {"main": reviewed(["one"])}).values()
    assert file.name == "2015-02-17-01234567.csv"


def test_each_objective_has_a_file_and_a_list_without_rows_has_none(reviewed):
    lists = {"topic": reviewed(["one"]), "mood": reviewed([], "y")}
    files = review_lists.copy_lists(RESULT, lists)
    assert list(files) == ["topic"] and files["topic"].name.endswith("-01234567-topic.csv")
    assert "No row in the list tonight" in rendered("report.html", night_of(lists))


def test_the_page_shows_the_first_rows_the_counts_and_how_to_answer(reviewed):
    texts = ["<b>bold</b>\n" + "x" * 500, *(f"text {n}" for n in range(30))]
    record = reviewed(texts, holdout={"label error": 4}, estimated_errors=66, estimated_from=1200, notices=["a sample"])
    data = night_of({"main": record})
    page = rendered("report.html", data)
    section = page.partition("<h2>Rows to review")[2].partition("<h2>")[0]
    assert data.review_files["main"].as_uri() in section and "data.corrections" in section and "31 rows" in section
    assert "&lt;b&gt;bold&lt;/b&gt; xxx" in section and "x" * 200 not in section
    assert section.count("<td>a.csv</td>") == review_lists.MAX_ROWS == section.count("<td>neg</td>")
    counts = section.partition("not listed</th></tr>")[2].partition("</table>")[0]
    assert '<td>label error</td><td class="n">31</td><td class="n">70</td><td class="n">4</td>' in counts
    assert '<td>near conflict</td><td class="n">0</td><td class="n">2</td><td class="n">0</td>' in counts
    assert "About 66 of 1,200 training and validation rows" in section and "<p>a sample</p>" in section


@pytest.mark.parametrize(("template", "counts"), [("report.html", "1,234"), ("report.md", "1234 rows relabelled")])
def test_both_reports_say_what_corrections_did(reviewed, template, counts):
    page = rendered(template, night_of({}))
    assert counts in page and "Rows to review" not in page


def test_the_prefect_report_names_the_file_and_the_counts_without_texts(reviewed):
    data = night_of({"main": reviewed(["secret words"], holdout={"label error": 4})})
    page = rendered("report.md", data)
    assert escaping.markdown(data.review_files["main"]) in page and "secret" not in page
    assert "- label error: 1 in the list, of 70 candidates; 4 in the holdout, not listed" in page


def test_without_texts_in_the_list_the_page_says_why(reviewed):
    page = rendered("report.html", night_of({"main": reviewed(["", ""])}))
    assert "without their texts (expectations.samples is 0)" in page and "margin 0.9" in page


def test_the_prefect_table_has_the_counts_by_reason(monkeypatch, reviewed):
    tables = []
    monkeypatch.setattr(artifacts, "create_table_artifact", lambda rows, **_: tables.append(rows))
    artifacts.DISPLAYS[Reviewed]("m", reviewed(["one"], holdout={"near conflict": 3}))
    assert [list(row.values()) for row in tables[0]] == [["label error", 1, 70, 0], ["near conflict", 0, 2, 3]]

"""Rows that the report shows for each expectation, and that nothing shows if they are switched off."""

import json
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Shell

from nightshift.data.check_settings import ExpectationSettings, SuiteInputs
from nightshift.data.row_samples import LONGEST_TEXT, read_samples, write_samples
from nightshift.data.settings import DataSettings
from nightshift.records import ExpectationResult
from nightshift.reporting import report_page
from nightshift.store import artifact_store
from tasks.ingest import ingest, locate
from tasks.validate import validate

SECRET = "zanzibarquince"


def write_rows(path, texts, **columns):
    rows = {"source": "a.csv", "original": '{"body": "as it was"}', "label": "good"} | columns
    table = {name: [value] * len(texts) for name, value in rows.items()}
    table |= {"text": texts, "row": list(range(1, len(texts) + 1))}
    pq.write_table(pa.table(table), path, row_group_size=10)


def test_samples_are_read_from_any_row_group(tmp_path):
    write_rows(tmp_path / "rows.parquet", [f"text {n}" for n in range(35)])
    write_samples(tmp_path / "rows.parquet", [[3, 34], [], [3]], tmp_path / "measured/samples.json")
    first, second, third = read_samples(tmp_path / "measured/samples.json")
    assert [(sample.source, sample.row, sample.text, sample.label) for sample in first] == [
        ("a.csv", 4, "text 3", "good"),
        ("a.csv", 35, "text 34", "good"),
    ]
    assert second == [] and third == first[:1]


def test_a_row_without_a_text_is_shown_as_it_was_read_and_a_long_one_is_cut(tmp_path):
    write_rows(tmp_path / "rows.parquet", [None, "word " * 100])
    write_samples(tmp_path / "rows.parquet", [[0, 1]], tmp_path / "samples.json")
    (unreadable, long) = read_samples(tmp_path / "samples.json")[0]
    assert unreadable.text == '{"body": "as it was"}'
    assert len(long.text) == LONGEST_TEXT + 1 and long.text.endswith("…")


def validate_file(tmp_path, monkeypatch, **settings):
    """Validate a file of which five rows are duplicates; return the record."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    lines = [f"message {n} about the flight,{('good', 'bad')[n % 2]}" for n in range(60)]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *lines, *lines[:5]]))
    data = DataSettings(path="rows.csv")
    rows = ingest.fn(locate(data, None, tmp_path), data, [])
    return validate.fn(rows, ExpectationSettings(**settings), SuiteInputs(kind="classification"))


@pytest.mark.parametrize("samples", [3, 1])
def test_the_stage_keeps_as_many_failing_rows_of_each_expectation_as_are_asked_for(tmp_path, monkeypatch, samples):
    checked = validate_file(tmp_path, monkeypatch, samples=samples)
    groups = read_samples(artifact_store.folder(checked) / "measured/samples.json")
    by_name = {result.name: group for result, group in zip(checked.expectations, groups, strict=True)}
    assert [sample.row for sample in by_name["no duplicates"]] == [61, 62, 63][:samples]
    assert by_name["no duplicates"][0].text == "message 0 about the flight"
    assert not by_name["text present"]


def test_no_samples_are_kept_if_they_are_switched_off(tmp_path, monkeypatch):
    checked = validate_file(tmp_path, monkeypatch, samples=0)
    assert read_samples(artifact_store.folder(checked) / "measured/samples.json") == []
    assert report_page._samples(SimpleNamespace(checked={"main": checked})) == {"main": []}


def test_the_number_of_samples_changes_nothing_that_later_stages_depend_on(tmp_path, monkeypatch):
    digests = {validate_file(tmp_path, monkeypatch, samples=samples).digest for samples in (0, 3)}
    assert len(digests) == 1


def test_the_report_shows_the_rows_below_their_expectation(tmp_path):
    write_rows(tmp_path / "rows.parquet", ["<b>bold</b>", "plain"])
    write_samples(tmp_path / "rows.parquet", [[], [0]], tmp_path / "samples.json")
    result = ExpectationResult(
        name="columns there", column="text", severity="critical", success=True, unexpected=None, observed=""
    )
    failed = result.model_copy(
        update={"name": "no duplicates", "severity": "warning", "success": False, "unexpected": 1234}
    )
    checked = SimpleNamespace(expectations=[result, failed])
    data = SimpleNamespace(checked={"main": checked}, objectives=[])
    page = (
        report_page.template_environment()
        .get_template("report.html")
        .render(result={"rows": {}, "seconds": {}}, data=data, links={}, quarantine={}, plots={},
                samples={"main": read_samples(tmp_path / "samples.json")})
    )  # fmt: skip
    table = page.partition("<h2>Expectations</h2>")[2].partition("</table>")[0]
    above, _, below = table.partition("no duplicates")
    assert "a.csv" not in above and "1,234" in below and "warning" in below
    assert "a.csv, row 1: good" in below and "&lt;b&gt;bold" in below and "<b>" not in below


def texts_of(path):
    """Return all content of a file in which a text could stand."""
    if path.suffix == ".parquet":
        return json.dumps(pq.read_table(path).to_pydict(), default=str).encode()
    return path.read_bytes()


def test_without_samples_no_text_is_anywhere_but_among_the_rows_and_in_the_quarantine(project):
    lines = [f"message {n} about {SECRET},good" for n in range(80)] + [f"message 1 about {SECRET},good", f"{SECRET},"]
    (project / "rows.csv").write_text("\n".join(["message,label", *lines, f"{SECRET},good,too many fields"]))
    completed = Shell(project, forked=True)("run", "night.yaml", "--set", "expectations.samples=0")
    assert completed.returncode == 3 and "at least two labels" in completed.stdout
    assert SECRET not in completed.stdout + completed.stderr
    files = [path for path in (project / "home").rglob("*") if path.is_file()]
    shown = sorted(
        {"/".join(path.relative_to(project / "home").parts[::3]) for path in files if SECRET.encode() in texts_of(path)}
    )
    assert shown == ["artifacts/quarantine.csv", "artifacts/rows.parquet"]
    assert any(path.suffix == ".db" for path in files) and any(path.parent.parent.name == "reports" for path in files)

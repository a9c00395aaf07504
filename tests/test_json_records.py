import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from records import read_records

from nightshift.data import batches, json_records
from nightshift.data.readers import read_batches
from nightshift.errors import InputError

ROWS = [{"text": f"text {n}, [“{n}”] {{", "label": "ab"[n % 2]} for n in range(7)]


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def values(path):
    return [record.values for record in read_records(path)]


LAYOUTS = {
    "array": json.dumps(ROWS),
    "pretty array": json.dumps(ROWS, indent=2),
    "array with a row a line": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
    "array after blank lines": "\ufeff\n\n" + json.dumps(ROWS, ensure_ascii=False) + "\n\n",
    "lines": "\n".join(map(json.dumps, ROWS)),
    "lines with CR": "\r".join(map(json.dumps, ROWS)),
    "lines with CR LF": "\r\n".join(map(json.dumps, ROWS)) + "\r\n",
    "lines with blank ones": "\n\n" + "\n \n".join(map(json.dumps, ROWS)) + "\n\n",
    "joined files with marks": "\ufeff" + "\n\ufeff".join(map(json.dumps, ROWS)),
    "pretty objects": "\n".join(json.dumps(row, indent=2) for row in ROWS),
}


@pytest.mark.parametrize("suffix", ["json", "jsonl", "ndjson"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_are_read_however_they_are_laid_out(tmp_path, layout, suffix):
    records = read_records(write(tmp_path / f"x.{suffix}", LAYOUTS[layout]))
    assert [record.values for record in records] == ROWS
    assert [record.row for record in records] == list(range(1, 8))
    assert not any(record.problem for record in records)


@pytest.mark.parametrize("chunk", [1, 2, 7, 30])
@pytest.mark.parametrize("layout", ["array", "pretty array", "pretty objects"])
def test_a_value_may_be_cut_anywhere_by_the_chunks_that_are_read(tmp_path, layout, chunk, monkeypatch):
    rows = [
        {"text": 'a \\" “ü” 😀', "n": -12.5e-3, "label": [True, None, {"a": []}]},
        {"text": "", "n": 7},
    ] * 2
    monkeypatch.setattr(json_records, "CHUNK", chunk)
    text = {"array": json.dumps(rows), "pretty array": json.dumps(rows, indent=1)}
    path = write(tmp_path / "x.json", text.get(layout, "\n".join(json.dumps(row, indent=1) for row in rows)))
    assert values(path) == rows


def test_a_record_stands_on_its_first_line(tmp_path):
    records = read_records(write(tmp_path / "x.json", '[\n\n{"text":\n"a"},\n{"text": "b"}\n,\n7]\n'))
    assert [(record.line, record.problem) for record in records] == [(3, None), (5, None), (7, "no JSON object")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"text": "a"},\n{"text": "b', "line 2: the file is cut off in the middle of a record"),
        ('[{"text": "a"},\n{"text": "b"}\n', "line 3: the file is cut off in the middle of a record"),
        ('[{"text": "a"}\n{"text": "b"}]', "line 2: the array is not continued by a comma"),
        (
            '[{"text": "a"},\n{"text": b, "label": "1234567890"]',
            r"line 2: no JSON \(Expecting value\); correct the line",
        ),
        ('[{"text": "a"},\n{"text": "c"}]\n[{"text": "b"}]', "line 3: text after the end of the array"),
        ('{\n"text": "a"\n}\n{\n"text": "b', "line 5: the file is cut off"),
        ("[]", "the file holds no rows"),
        ("[\n\n", "the file is cut off"),
        ("nonsense\nmore nonsense\n", "none of its 2 records is a JSON object; expected one object a line"),
        ("[[1], [2]]", "none of its 2 records is a JSON object"),
        ("[" * 100_000, "line 1: a value that cannot be read .*; correct the line"),
    ],
)
def test_a_damaged_file_is_told_in_one_line(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as caught:
        values(write(tmp_path / "x.json", content))
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [{"text": ["a", "b"], "label": ["x", "y"]}, {"text": {"0": "a", "1": "b"}, "label": {"0": "x", "1": "y"}}],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_an_object_of_columns_is_told_in_one_line(tmp_path, content, indent):
    with pytest.raises(
        InputError, match=r"a single object, of text, label; expected the rows .* to_json\(orient='records'"
    ):
        values(write(tmp_path / "x.json", json.dumps(content, indent=indent)))


def test_a_single_record_with_lists_is_a_record(tmp_path):
    assert values(write(tmp_path / "x.json", '{"text": ["a", "b"], "label": "x"}')) == [
        {"text": ["a", "b"], "label": "x"}
    ]


GOOD = '{"text": "good", "label": "a", "n": [1, {"m": 2}]}'
DAMAGED = {
    '{"text": bad, "label": "a"}': "no JSON (Expecting value)",
    '{"text": "bad", "label": }': "no JSON (Expecting value)",
    '{"text": "bad" "label": "a"}': "no JSON (Expecting ',' delimiter)",
    "{'text': 'bad, [very] {bad}'}": "no JSON (Expecting property name enclosed in double quotes)",
    '{"text": "bad", "n": [1, {"text": "a",}, 2]}': "no JSON (Expecting property name enclosed in double quotes)",
    '{"text": "a \\q bad one", "label": "a"}': "no JSON (Invalid \\escape)",
    "bad": "no JSON (Expecting value)",
    '{"n": ' + "7" * 5000 + "}": "a value that cannot be read (Exceeds the limit",
}
DAMAGED_SIGNS = [
    '{"text": "bad, "label": "a"}',
    '{"text": "bad, "label": "a}',
    '{"text": "bad", "n": [1, {}',
    '{"n": [1}}',
    '"bad',
]


@pytest.mark.parametrize("form", ["[%s, %s, %s, %s]", "[\n%s,\n%s,\n%s,\n%s\n]\n"])
@pytest.mark.parametrize("position", [0, 1, 3])
@pytest.mark.parametrize("element", DAMAGED)
def test_a_damaged_element_of_an_array_has_a_problem_and_the_others_are_read(tmp_path, form, position, element):
    elements = [GOOD] * 4
    elements[position] = element
    records = read_records(write(tmp_path / "x.json", form % tuple(elements)))
    assert [record.problem is None for record in records] == [index != position for index in range(4)]
    assert records[position].problem.startswith(DAMAGED[element]) and records[position].values == {"line": element}
    assert all(record.values == json.loads(GOOD) for record in records if not record.problem)
    assert [record.line for record in records] == ([1] * 4 if form.startswith("[%s") else [2, 3, 4, 5])


@pytest.mark.parametrize("chunk", [3, 50, 10**6])
@pytest.mark.parametrize("position", [1, 3])
@pytest.mark.parametrize("element", DAMAGED_SIGNS)
def test_an_element_whose_signs_do_not_match_ends_with_its_line(tmp_path, position, element, chunk, monkeypatch):
    monkeypatch.setattr(json_records, "CHUNK", chunk)
    elements = [GOOD] * 4
    elements[position] = element
    records = read_records(write(tmp_path / "x.json", "[\n" + ",\n".join(elements) + "\n]\n"))
    assert [record.values for record in records if not record.problem] == [json.loads(GOOD)] * 3
    assert [record.values for record in records if record.problem] == [{"line": element}]


@pytest.mark.parametrize("element", DAMAGED_SIGNS)
def test_an_element_that_nobody_knows_the_end_of_ends_the_night_or_is_read_to_the_end(tmp_path, element):
    path = write(tmp_path / "x.json", f"[{GOOD}, {element}, {GOOD}]")
    try:
        records = read_records(path)
    except InputError as error:
        assert f"{path}, line 1: " in str(error) and "\n" not in str(error)
    else:
        assert records[0].values == json.loads(GOOD) and records[1].problem


def test_the_end_of_a_damaged_element_is_looked_for_in_a_limited_text(tmp_path, monkeypatch):
    monkeypatch.setattr(json_records, "MAX_DAMAGED", 100)
    monkeypatch.setattr(json_records, "CHUNK", 10)
    with pytest.raises(InputError, match=r"x\.json, line 2: no JSON \(Expecting value\); correct the line$"):
        values(write(tmp_path / "x.json", f'[{GOOD},\n{{"text": bad, "n": "{"long " * 100}"}},\n{GOOD}]'))


@settings(deadline=None, max_examples=300)
@given(data=st.data(), form=st.sampled_from(["lines", "pretty", "compact"]))
def test_damage_of_an_element_changes_no_other_one(tmp_path_factory, data, form):
    rows = [{"text": f'r{n} "{{[', "label": "a", "m": [{"deep": n}, {"deep": [n]}]} for n in range(5)]
    texts = [json.dumps(row, indent=1 if form == "pretty" else None) for row in rows]
    position = data.draw(st.integers(0, len(texts[2]) - 1))
    texts[2] = texts[2][:position] + data.draw(st.sampled_from('"{}[],:x\\\n')) + texts[2][position + 1 :]
    content = "[" + (", " if form == "compact" else ",\n").join(texts) + "]"
    path = write(tmp_path_factory.getbasetemp() / "damaged.json", content)
    try:
        records = read_records(path)
    except InputError as error:
        assert "\n" not in str(error)
        return
    read = [record.values for record in records if record.problem is None]
    damaged = [record for record in records if record.problem]
    others = [row for row in rows if row in read]
    assert [row for row in read if row in rows] == others and len(read) - len(others) <= 1
    lost = [text for text, row in zip(texts, rows, strict=True) if row not in read]
    assert all(any(text in record.values["line"] for record in damaged) for text in lost if text != texts[2])


@pytest.mark.parametrize("form", ["%s\n%s", "[%s,\n%s]"])
@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ('{"text": "a", "text": "b"}', "the name 'text' occurs twice in an object"),
        ('{"text": {"en": "a", "en": "a"}}', "the name 'en' occurs twice in an object"),
        ('{"text": "\\ud800"}', "broken encoding: not valid UTF-8"),
        ('{"text": ' + "[" * 200 + "]" * 200 + "}", "lists and objects more than 100 deep"),
        ('"text"', "no JSON object"),
    ],
)
def test_a_record_that_cannot_be_kept_as_it_is_has_a_problem(tmp_path, form, record, problem):
    records = read_records(write(tmp_path / "x.json", form % ('{"text": "good"}', record)))
    assert [record.problem for record in records] == [None, problem]


def test_an_unreadable_record_keeps_its_text(tmp_path):
    line = '{"text": "a", "text": "b"}'
    assert values(write(tmp_path / "x.jsonl", line + "\n")) == [{"line": line}]


def test_brackets_in_a_text_do_not_count_as_depth(tmp_path):
    row = {"text": "[" * 200 + '\\"{' * 200}
    assert values(write(tmp_path / "x.jsonl", json.dumps(row))) == [row]


def test_numbers_stay_as_they_are_written(tmp_path):
    text = '{"a": 1.10, "b": 12345678901234567890123, "c": 1e400, "d": -0.0}'
    batch = next(read_batches(str(write(tmp_path / "x.jsonl", text))))
    assert batch.originals.to_pylist() == [text]


def test_more_names_than_a_table_can_have_are_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(json_records, "MAX_COLUMNS", 50)
    content = "\n".join(json.dumps({"text": "a", f"name {n}": 1}) for n in range(60))
    with pytest.raises(InputError, match="its records have 61 different names"):
        values(write(tmp_path / "x.jsonl", content))


def test_batches_are_limited_in_records_and_in_characters(tmp_path, monkeypatch):
    path = write(tmp_path / "x.jsonl", "\n".join(map(json.dumps, ROWS)))
    monkeypatch.setattr(batches, "BATCH_ROWS", 3)
    assert [(batch.first_row, len(batch)) for batch in read_batches(str(path))] == [(1, 3), (4, 3), (7, 1)]
    monkeypatch.setattr(batches, "BATCH_SIZE", 60)
    assert [(batch.first_row, len(batch)) for batch in read_batches(str(path))] == [(1, 2), (3, 2), (5, 2), (7, 1)]


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.lists(
    st.dictionaries(st.sampled_from(["text", "label", "a.b", ""]), VALUES, max_size=4) | VALUES, max_size=6
)


def same(value):
    """Return a value in a form in which equal ones are equal, NaN and infinity being null."""
    return json.dumps(json.loads(json.dumps(value), parse_constant=lambda _: None))


@settings(deadline=None, max_examples=300)
@given(rows=RECORDS, form=st.sampled_from(["array", "lines", "pretty"]), chunk=st.integers(1, 40))
def test_every_value_of_any_json_file_is_read_or_told(tmp_path_factory, rows, form, chunk):
    assume(form != "lines" or not rows or not isinstance(rows[0], list))  # a line that is an array may be all rows
    texts = [json.dumps(row, indent=1 if form == "pretty" else None) for row in rows]
    content = "\n".join(texts) if form == "lines" else "[" + ",\n".join(texts) + "]"
    path = write(tmp_path_factory.getbasetemp() / "random.json", content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "CHUNK", chunk)
        try:
            records = read_records(path)
        except InputError as error:
            assert "\n" not in str(error)
            return
    assert len(records) == len(rows)
    for row, record in zip(rows, records, strict=True):
        if record.problem is None:
            assert same(row) == same(record.values)
        else:
            assert not isinstance(row, dict)


@settings(deadline=None, max_examples=300)
@given(content=st.binary(max_size=80) | st.text('[]{},:"\\ \n\r\tateu1-.eEnNIé\ud800', max_size=60))
def test_no_content_leads_to_another_error(tmp_path_factory, content):
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    path = write(tmp_path_factory.getbasetemp() / "noise.json", data)
    try:
        records = read_records(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert records

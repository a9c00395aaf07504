import zipfile

import pytest
from records import read_records

from nightshift.data import size_limits
from nightshift.errors import InputError


def archive(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def texts(path):
    return [record.values["text"] for record in read_records(path)]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "text,label\none,x\n"), ("a.JSONL", '{"text": "one"}\n'), ("deep/in/a.tsv", "text\tlabel\none\tx\n")],
)
def test_the_only_file_of_a_zip_archive_is_read_as_its_suffix_says(tmp_path, name, content):
    assert texts(archive(tmp_path / "x.zip", {name: content})) == ["one"]


def test_what_macos_adds_to_an_archive_is_no_file_of_it(tmp_path):
    members = {"__MACOSX/._a.csv": "x", ".DS_Store": "x", "folder/": "", "folder/a.csv": "text,label\none,x\n"}
    assert texts(archive(tmp_path / "x.csv.zip", members)) == ["one"]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "holds no file, one was expected"),
        (
            {"a.csv": "text\n1\n", "b.csv": "text\n2\n"},
            r"holds 2 files \(a\.csv, b\.csv\), one was expected; unpack it",
        ),
        ({f"{n}.csv": "" for n in range(9)}, r"holds 9 files \(0\.csv, .*, 4\.csv, …\)"),
        ({"a.pdf": "x"}, r"unknown kind \.pdf"),
    ],
)
def test_an_archive_without_one_readable_file_is_refused_in_one_line(tmp_path, members, message):
    with pytest.raises(InputError, match=message) as caught:
        texts(archive(tmp_path / "x.zip", members))
    assert "\n" not in str(caught.value)


def test_an_archive_that_unfolds_far_beyond_its_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(size_limits, "ALWAYS_ALLOWED_BYTES", 100_000)
    bomb = archive(tmp_path / "x.zip", {"a.csv": b"text,label\n" + b"a b c,x\n" * 1_000_000})
    with pytest.raises(InputError, match=r"x\.zip: its 0\.0 MB unfold to more than"):
        texts(bomb)


def test_an_archive_that_understates_its_content_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(size_limits, "ALWAYS_ALLOWED_BYTES", 100_000)
    bomb = archive(tmp_path / "x.zip", {"a.csv": b"text,label\n" + b"a b c,x\n" * 1_000_000})
    content = bomb.read_bytes()
    size = (8_000_011).to_bytes(4, "little")
    assert content.count(size) == 2
    bomb.write_bytes(content.replace(size, (50).to_bytes(4, "little")))
    with pytest.raises(InputError, match=r"x\.zip: (its 0\.0 MB unfold to more than|cannot be read)"):
        texts(bomb)


@pytest.mark.parametrize("cut", [10, 60])
def test_a_damaged_archive_is_told_in_one_line(tmp_path, cut):
    path = archive(tmp_path / "x.zip", {"a.csv": "text,label\none,x\n"}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(InputError, match=r"x\.zip: cannot be read: "):
        texts(path)


def test_an_archive_with_a_password_is_told_in_one_line(tmp_path):
    path = archive(tmp_path / "x.zip", {"a.csv": "text,label\none,x\n"}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.zip: cannot be read: .*encrypted"):
        texts(path)

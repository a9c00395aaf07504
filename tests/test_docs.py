"""The documentation says what the code does: its settings page, its links, the commands and settings it shows."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from cli.main import app
from flows import settings, settings_file
from nightshift.evaluation.kinds import KINDS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FILES = [*PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"))]
SOURCE = ("cli", "flows", "tasks", "expectations", "nightshift", "tests", "benchmarks", "examples", "deployments")
SOURCE_FILE = re.compile(rf"(?<![\w/.-])(?:{'|'.join(SOURCE)})/[\w/-]+\.(?:py|yaml)\b")
PLACEHOLDER = re.compile(r"\b(?:NAME|DATA)\b")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
NAME = re.compile(r"`@?((?:\w+\.)*\w+)`")
COMMAND = re.compile(r"(?:^ {4}|`|/|, |\| )nightshift ([a-z]+)\b", re.MULTILINE)
BLOCK = re.compile(r"^```yaml\n([\s\S]*?)^```|((?:^ {4}.*\n|^\n)+)", re.MULTILINE)
REMOTE = re.compile(
    r"""(?:<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=|@import\s+|url\()["']?(?:https?:)?//[^"')]+"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder


def blocks():
    """Yield every block of settings on the pages, fenced or indented."""
    for page in PAGES:
        for fenced, indented in BLOCK.findall(page.read_text(encoding="utf-8")):
            text = fenced or "\n".join(line[4:] for line in indented.splitlines()).strip("\n")
            if text.startswith("model:"):
                yield pytest.param(text, id=f"{page.stem}-{text.splitlines()[0].split()[1]}")


def test_the_settings_page_is_that_of_the_model():
    spec = importlib.util.spec_from_file_location("make_settings", ROOT / "docs/make_settings.py")
    make_settings = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_settings)
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == make_settings.page()


def test_every_setting_is_on_the_settings_page():
    schema = settings.NightSettings.model_json_schema()
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    sections = {
        name: definition["properties"] for name, definition in schema["$defs"].items() if "properties" in definition
    }
    assert {"DataSettings", "ObjectiveSettings", "LoraSettings"} <= set(sections)
    assert [key for fields in sections.values() for key in fields if f"\n| `{key}` | " not in page] == []
    assert [name for name in schema["properties"] if f"\n## {name}\n" not in page] == ["base_dir"]


def test_the_page_of_kinds_names_every_kind_its_metrics_and_every_example():
    page = (ROOT / "docs/objectives.md").read_text(encoding="utf-8")
    words = [*KINDS, *(metric for kind in KINDS.values() for metric in kind.gate_metrics)]
    words += [str(path.relative_to(ROOT)) for path in (ROOT / "examples").rglob("*.yaml")]
    assert [word for word in words if f"`{word}`" not in page] == []


def test_the_site_builds_and_every_link_leads_somewhere(site):
    assert (site / "architecture.html").exists()
    assert not list(site.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_source_files_and_links_exist(file):
    text = file.read_text(encoding="utf-8")
    sources = {path for path in SOURCE_FILE.findall(text) if not PLACEHOLDER.search(path)}
    assert [path for path in sources if not (ROOT / path).is_file()] == []
    assert [path for path in LINK.findall(text) if not (file.parent / path).exists()] == []


def test_the_contributing_guide_names_what_is_in_the_source():
    modules = [path for folder in SOURCE[:6] for path in (ROOT / folder).rglob("*.py")]
    words = {word for path in modules for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    words |= {word for path in modules for word in path.relative_to(ROOT).with_suffix("").parts}
    names = NAME.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    files = {path.name for path in ROOT.iterdir()} | set(SOURCE)
    assert [name for name in names if name not in files and not set(name.split(".")) <= words] == []


def test_the_site_fetches_nothing_from_third_parties(site):
    pages = [*site.rglob("*.html"), *site.rglob("*.css"), *site.rglob("*.svg")]
    assert {
        page.name: addresses for page in pages if (addresses := REMOTE.findall(page.read_text(encoding="utf-8")))
    } == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_on_the_pages_exists(page):
    assert set(COMMAND.findall(page.read_text(encoding="utf-8"))) <= set(get_command(app).commands)


def test_the_pages_name_every_command():
    commands = {command for page in PAGES for command in COMMAND.findall(page.read_text(encoding="utf-8"))}
    assert commands == set(get_command(app).commands)


@pytest.mark.parametrize("text", blocks())
def test_every_settings_file_on_the_pages_is_valid(text):
    assert settings_file.check(yaml.safe_load(text), "the page").model

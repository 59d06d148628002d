"""Links of all pages resolve, the tables of the reference are those of the code, and nothing public is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from splicecore import api

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="no documentation in the source distribution")
PLACES = ("*.md", "docs/**/*.md", "plugins/*/README.md", "benchmarks/*.md", "examples/**/*.md")
PAGES = sorted({path for pattern in PLACES for path in ROOT.glob(pattern) if "_build" not in path.parts})
LINK = re.compile(r"(?<!!)\[[^\]\n]*(?:\n[^\]\n]*)?\]\((?!https?:|mailto:)([^)\s]*)\)")
NAMED = re.compile(r"\bdocs/[\w/.-]*\w\.(?:md|ipynb)\b")
FOLDERS = ("core", "plugins", "benchmarks", "tests", "examples")
SOURCES = sorted(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*.py"))
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def anchors(text):
    """Anchors of a page's headings, as GitHub and MyST make them."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ +(.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def without_code(text):
    return re.sub(r"`[^`\n]*`", "``", re.sub(r"^```(?!\{).*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page):
    text = page.read_text(encoding="utf-8")
    for target in LINK.findall(without_code(text)):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page}: {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{page}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_that_are_named_exist(page):
    missing = [name for name in NAMED.findall(page.read_text(encoding="utf-8")) if not (ROOT / name).exists()]
    assert not missing


def test_pages_that_code_names_exist(docs):
    said = {(path, name) for path in SOURCES for name in NAMED.findall(path.read_text(encoding="utf-8"))}
    assert not sorted(f"{path.relative_to(ROOT)}: {name}" for path, name in said if not (ROOT / name).exists())


def test_every_page_is_once_in_a_table_of_contents(docs):
    listed = []
    for page in docs.glob("**/*.md"):
        for block in TOCTREE.findall(page.read_text(encoding="utf-8")):
            lines = [line for line in block.splitlines() if line and not line.startswith(":")]
            listed += [(page.parent / f"{line}.md").resolve() for line in lines]
    pages = {path.resolve() for path in docs.glob("**/*.md") if "_build" not in path.parts}
    assert pages - set(listed) == {(docs / "index.md").resolve()}
    assert sorted(listed) == sorted(set(listed) & pages)


def test_column_tables_are_those_of_the_code(tables):
    told = {}
    for page in tables.PAGES:
        told |= tables.written(page.read_text(encoding="utf-8"))
    assert set(told) == set(tables.TABLES)
    for name, text in told.items():
        assert text == tables.TABLES[name](), f"{name}: python docs/tools/tables.py writes it anew"


def test_everything_public_is_in_the_reference(docs):
    pages = [*docs.glob("reference/*.md"), *docs.glob("plugins/*.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    automatic = set(re.findall(r"auto(?:class|function):: splicecore\.api\.(\w+)", text))
    named = set(re.findall(r"`(\w+)`", (docs / "reference" / "api.md").read_text(encoding="utf-8")))
    errors = {name for name in api.__all__ if name.endswith("Error")} | {"ExitCode"}
    assert not set(api.__all__) - automatic - named - errors
    assert automatic <= set(api.__all__)
    assert "automodule:: splicecore.errors" in text


def test_every_hook_has_its_place(docs):
    from splicecore.plugins import hookspecs

    text = "".join(page.read_text(encoding="utf-8") for page in docs.glob("plugins/*.md"))
    hooks = {name for name in hookspecs.__all__ if name.startswith("splicecore_")}
    assert set(re.findall(r"autofunction:: splicecore\.plugins\.hookspecs\.(\w+)", text)) == hooks


def test_every_folder_has_a_line_in_contributing():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = [*ROOT.glob("core/splicecore/*/__init__.py"), *ROOT.glob("plugins/*/pyproject.toml")]
    folders = {str(path.parent.relative_to(ROOT)) for path in paths}
    assert not folders - set(re.findall(r"^\| `([\w/]+)/` \|", text, flags=re.MULTILINE))

"""Every command of the page about resources works as it is written there, with the output that is shown there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from splicecore.cli.main import _run
from splicecore.resources.keys import GENOMIC_KINDS
from splicecore.resources.schemas import SCHEMAS

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "resources.md"
ROOT = "/data/splicecore"


@pytest.fixture(scope="module")
def page():
    if not PAGE.exists():
        pytest.skip("the page is not part of the source distribution")
    return PAGE.read_text(encoding="utf-8")


def examples(page):
    """Commands of the page in order, each with what it is said to print."""
    for block in re.findall(r"^```console\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            yield line, output


def comparable(text):
    """Without what differs from run to run: seconds, and hashes, which depend on the version of the Parquet writer."""
    text = re.sub(r"\b\d+\.\d\d\b(?!%)", "0.00", text)
    return re.sub(r"\b[0-9a-f]{12}\b", "0" * 12, text)


@pytest.mark.realdata
def test_the_commands_print_what_the_page_says(page, real_data, tmp_path, monkeypatch, capsys):
    for file in (real_data / "genome").glob("GRCh38.*"):
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_ROOT", "CACHE_DIR"):
        monkeypatch.setenv(f"SPLICECORE_{name}", str(tmp_path / name))
    monkeypatch.setenv("SPLICECORE_LOAD_PLUGINS", "")
    told, run = "", 0
    for line, output in examples(page):
        words = shlex.split(line)
        if words[0] == "export":
            assert words[1] == f"SPLICECORE_DATA_ROOT={ROOT}"
            continue
        assert words[:2] == ["splicecore", "resources"]
        capsys.readouterr()
        code = _run(words[1:])
        found = capsys.readouterr()
        assert code == 0, f"{line}: {found.err}"
        told = found.out.replace(str(tmp_path / "DATA_ROOT"), ROOT)
        assert comparable(told) == comparable(output), line
        run += 1
    assert run >= 6


@pytest.mark.realdata
def test_the_python_of_the_page_works(page, real_data, tmp_path, monkeypatch):
    for file in (real_data / "genome").glob("GRCh38.*"):
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPLICECORE_CACHE_DIR", str(tmp_path / "cache"))
    (source,) = re.findall(r"^```python\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(source.replace(ROOT, str(tmp_path / "root")), names)
    assert len(names["sites"]) == 53_062


def test_every_kind_is_on_the_page(page):
    for kind in GENOMIC_KINDS:
        assert f"`{kind}`" in page
    assert set(GENOMIC_KINDS) >= set(SCHEMAS) - {"unmatched_genes"}


def test_every_option_of_derive_is_on_the_page(page):
    from splicecore.cli.resources import command

    names = {name for option in command.commands["derive"].params for name in option.opts}
    known = {"--source", "--build", "--release", "--data-root", "--json", "--fasta", "--annotation"}
    assert all(f"`{name}" in page or f" {name}" in page for name in names - known)

"""Every command of the page about datasets works as it is written there, with the output that is shown there."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from splicecore.cli.main import _run
from splicecore.dataset.schema import FACTS

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "datasets.md"


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


@pytest.mark.realdata
def test_the_commands_print_what_the_page_says(page, real_data, tmp_path, monkeypatch, capsys):
    pytest.importorskip("splicecore_consensus")
    for file in (real_data / "genome").glob("GRCh38.*"):
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_ROOT", "CACHE_DIR"):
        monkeypatch.setenv(f"SPLICECORE_{name}", str(tmp_path / name))
    monkeypatch.setenv("SPLICECORE_LOAD_PLUGINS", "consensus")
    run = 0
    for line, output in examples(page):
        words = shlex.split(line)
        if words[:2] == ["rm", "-r"]:
            shutil.rmtree(words[2])
            continue
        capsys.readouterr()
        code = _run(words[1:])
        found = capsys.readouterr()
        assert code == 0, f"{line}: {found.err}"
        assert found.out == output, line
        run += 1
    assert run >= 6
    (source,) = re.findall(r"^```python\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(source, names)
    assert names["rows"] == 590


def test_every_column_and_option_is_on_the_page(page):
    from splicecore.cli.dataset import command

    assert all(f"`{name}`" in page for name in FACTS.names)
    wanted = (
        "subset-policy n-genes genes-file gene-col gene-types exclude-chromosomes run-workflow batch-size batch-rows "
        "easy-ratio hard-prob window kmer-sizes features patch-dataset keep-raw overwrite workers negatives artifacts"
    )
    options = {f"--{name}" for name in wanted.split()}
    known = {name for option in command.commands["build"].params for name in option.opts}
    assert options <= known
    assert all(name in page for name in options)

"""``splicecore artifacts``: what a user sees of the passes in a data root."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from splicecore.artifacts.artifact_config import ArtifactConfig
from splicecore.artifacts.manager import ArtifactManager
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import digest
from splicecore.cli.main import _run


@attrs.frozen
class Shelf:
    """A data root with passes, and the command line."""

    root: Path
    capture: pytest.CaptureFixture[str]

    def write(self, seed: int = 1, *, finish: bool = True, **fields: str) -> Path:
        """Write a pass through the interfaces that the command uses."""
        config = ArtifactConfig(**{"source": "ensembl", "build": "GRCh38", "data_root": self.root, **fields})
        manager = ArtifactManager(config)
        model = {"name": config.base_model, "fingerprint": "abc"}
        identity = {"base_model": model, "inputs": {"build": config.build}, "seed": seed}
        placement = manager.place(digest(identity), new_version=config.mode == "production")
        with RunDirectory(placement.folder).locked() as run:
            run.begin(identity, force=placement.force)
            if finish:
                table = placement.folder / "splice_errors.parquet"
                table.write_text(f"rows {seed}")
                run.finish({"schema": "splicecore-pass/1", "identity": identity, "rows": 1000 * seed}, [table])
        manager.update_latest()
        return placement.folder

    def call(self, *arguments: str, code: int = 0) -> str:
        """Call ``splicecore artifacts``, insist on its exit code, and return what it says."""
        assert _run(["artifacts", *arguments, "--data-root", str(self.root)]) == code
        said = self.capture.readouterr()
        return said.err if code in (2, 3) or (code == 5 and not said.out) else said.out

    def json(self, *arguments: str, code: int = 0) -> dict:
        """Return what a command says for machines."""
        return json.loads(self.call(*arguments, "--json", code=code))


@pytest.fixture
def shelf(tmp_path, capsys) -> Shelf:
    """A data root with a production pass and two tests, one of them unfinished."""
    shelf = Shelf(tmp_path / "data", capsys)
    shelf.write(mode="production")
    shelf.write(2, test_name="brca")
    shelf.write(3, test_name="half", finish=False)
    return shelf


def test_list(shelf):
    said = shelf.call("list")
    assert all(line == line.rstrip() for line in said.splitlines())
    lines = [line.split() for line in said.splitlines()]
    assert lines[0][:4] == ["spliceai", "on", "ensembl", "GRCh38:"]
    assert lines[1] == ["kind", "name", "state", "genes", "rows", "files", "bytes", "written"]
    assert [(line[0], line[-1][-6:]) for line in lines[2:]] == [
        ("production", "+00:00"),
        ("test", "+00:00"),
        ("test", "+00:00"),
    ]
    assert lines[2][2:5] == ["(latest)", "finished", "1,000"]
    assert lines[4][1:3] == ["half", "unfinished"]
    (found,) = shelf.json("list")["artifacts"]
    assert [row["state"] for row in found["passes"]] == ["finished", "finished", "unfinished"]


def test_list_of_several_base_models(shelf):
    shelf.write(base_model="openspliceai", release="112", mode="production")
    assert len(shelf.json("list")["artifacts"]) == 2
    (found,) = shelf.json("list", "--base-model", "openspliceai")["artifacts"]
    assert found["config"]["release"] == "112"
    assert "there are no artifacts" in shelf.call("list", "--build", "GRCh37")
    said = shelf.call("show", code=2)
    assert "spliceai on ensembl GRCh38, openspliceai on ensembl GRCh38 release 112" in said
    assert "--base-model" in said
    assert "v1_" in shelf.call("show", "--release", "112")
    assert "no such artifacts" in shelf.call("show", "--source", "nobody", code=2)


def test_show(shelf):
    said = shelf.call("show")
    assert "splice_errors.parquet" in said
    assert "GRCh38" in said
    facts = shelf.json("show", "brca")
    assert (facts["kind"], facts["name"], facts["rows"], facts["fingerprint"]) == ("test", "brca", 2000, "abc")
    assert shelf.json("show", "v1") == shelf.json("show", "latest") == shelf.json("show")
    assert "no pass 'v2'" in shelf.call("show", "v2", code=5)


def test_validate(shelf):
    assert shelf.call("validate", "brca").splitlines()[1].split() == ["test", "brca", "passed", "1"]
    assert "unfinished" in shelf.call("validate", code=6)
    folder = shelf.root / "ensembl/GRCh38/spliceai_eval/tests/brca/meta_models/predictions"
    (folder / "splice_errors.parquet").write_text("edited")
    said = shelf.call("validate", code=5)
    assert "- brca: splice_errors.parquet has other content than its manifest says" in said
    found = shelf.json("validate", code=5)
    assert not found["passed"]
    assert [row["changed"] for row in found["passes"]] == [[], ["splice_errors.parquet"], []]
    (folder / "manifest.json").write_text("{")
    assert "damaged" in shelf.call("list", code=5)


def test_promote_says_first_what_it_would_do(shelf):
    assert "nothing was promoted; --yes does it" in shelf.call("promote", "brca")
    assert shelf.json("list")["artifacts"][0]["passes"][0]["name"].startswith("v1_")
    assert shelf.call("promote", "brca", "--yes").startswith("test brca is version v2_")
    assert shelf.json("show")["promoted_from"] == "brca"
    assert "cannot be promoted" in shelf.call("promote", "half", code=5)
    assert "not finished" in shelf.call("promote", "half", "--yes", code=5)
    assert "no pass '../brca'" in shelf.call("promote", "../brca", code=5)
    assert "../brca" in shelf.call("promote", "../brca", "--yes", code=2)


def test_clean_says_first_what_it_would_do(shelf):
    said = shelf.call("clean", "--keep", "0")
    assert f"would remove brca: {shelf.root}/ensembl/GRCh38/spliceai_eval/tests/brca\n" in said
    assert "kept half: is unfinished; --force removes it" in said
    assert shelf.json("clean", "--keep", "0") == {
        "removed": [],
        "would_remove": ["brca"],
        "kept": {"half": "is unfinished; --force removes it"},
    }
    assert len(shelf.json("list")["artifacts"][0]["passes"]) == 3
    assert shelf.json("clean", "--keep", "0", "--force", "--yes")["removed"] == ["brca", "half"]
    assert [row["kind"] for row in shelf.json("list")["artifacts"][0]["passes"]] == ["production"]
    assert "nothing to remove" in shelf.call("clean", "--keep", "0", "--yes")
    assert "--keep" in shelf.call("clean", code=2)


def test_listing_imports_nothing_heavy(tmp_path):
    code = "import sys; from splicecore.cli.main import _run; _run(sys.argv[1:]); print(*sorted(sys.modules))"
    command = [sys.executable, "-c", code, "artifacts", "list", "--data-root", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "splicecore" in loaded
    assert not loaded & {"numpy", "pyarrow", "pysam", "torch", "pandas"}

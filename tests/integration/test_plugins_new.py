"""A new plugin package is built, installed into a fresh environment, tested, checked and used, as its author would."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import attrs
import numpy as np
import pyarrow.parquet as pq
import pytest
from splicecore.api import decode
from splicecore.cli.main import _run

KINDS = ("base-model", "feature-set", "meta-model")
SKIPPED = {
    "base-model": {
        "the model has no predict_edits; the core scores whole windows",
        "this system does not tell the largest memory of a process",
    }
}
"""What may be skipped, by kind."""


@attrs.frozen
class Author:
    """Somebody with three new packages and an environment that they are installed in."""

    folder: Path
    python: Path

    def project(self, kind: str) -> Path:
        """Folder of a package."""
        return self.folder / kind

    def call(self, *arguments: object, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Call the environment's Python."""
        inherited = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("SPLICECORE_", "PYTEST_", "PYTHONPATH", "COV_"))
        }
        environment = {**inherited, "MYPY_CACHE_DIR": str(self.folder / "mypy"), **variables}
        command = [str(self.python), *map(str, arguments)]
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def author(tmp_path_factory) -> Author:
    """Render, build and install; the fresh environment sees the packages of the one that runs the tests."""
    folder = tmp_path_factory.mktemp("author")
    for kind in KINDS:
        done = _run(
            ["plugins", "new", f"new-{kind}", "--kind", kind, "--dir", str(folder / kind), "--author", "Ann Lee"]
        )
        assert done == 0
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    projects = [str(folder / kind) for kind in KINDS]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder / "wheels")]
    subprocess.run([*pip, *build, *projects], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout.strip())
    outer = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (site / "outer.pth").write_text(outer, encoding="utf-8")
    wheels = [f"{wheel}[dev]" for wheel in sorted((folder / "wheels").glob("*.whl"))]
    assert len(wheels) == len(KINDS)
    subprocess.run([*pip, "--python", str(python), "install", "--no-index", *wheels], check=True)
    return Author(folder, python)


@pytest.mark.parametrize("kind", KINDS)
def test_the_wheel_has_what_it_needs(author, kind):
    (wheel,) = (author.folder / "wheels").glob(f"splicecore_new_{kind.replace('-', '_')}-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    package = f"splicecore_new_{kind.replace('-', '_')}"
    assert {f"{package}/plugin.py", f"{package}/py.typed"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert kind != "base-model" or f"{package}/data/weights.json" in names
    assert not [name for name in names if name.startswith("tests")]


@pytest.mark.parametrize("kind", KINDS)
def test_its_tests_pass(author, kind):
    done = author.call("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", cwd=author.project(kind))
    assert done.returncode == 0, done.stdout + done.stderr
    skipped = {line.partition(": ")[2] for line in done.stdout.splitlines() if line.startswith("SKIPPED")}
    assert skipped <= SKIPPED.get(kind, set())


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_formatted_linted_and_typed(author, kind):
    for tool in ("ruff", "mypy"):
        pytest.importorskip(tool)
    for command in (["ruff", "check", "--no-cache", "."], ["ruff", "format", "--no-cache", "--check", "."], ["mypy"]):
        done = author.call("-m", *command, cwd=author.project(kind))
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_found_and_conforms(author, kind):
    listed = author.call("-m", "splicecore", "plugins", "show", f"new-{kind}", "--json")
    (record,) = json.loads(listed.stdout)["plugins"]
    assert record["state"] == "LOADED"
    assert record["provides"][f"{kind.replace('-', '_')}s"] == [f"new-{kind}"]
    done = author.call("-m", "splicecore", "plugins", "check", f"new-{kind}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_base_model_scores_a_genome(author, bench, tmp_path):
    """On both strands, with the weights that the package brings."""
    arguments = bench.run_arguments(tmp_path / "out", "--all-genes", model="new-base-model")
    done = author.call("-m", "splicecore", *arguments, SPLICECORE_CACHE_DIR=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    columns = ["contig", "strand", "position", "acceptor_score", "donor_score"]
    table = pq.read_table(tmp_path / "out" / "predictions" / "base_model_predictions.parquet", columns=columns)
    contig, strand, position, *scores = (table[name].to_numpy() for name in columns)
    sites, names = bench.genome.sites, list(bench.genome.sequences)
    for sign, channel in itertools.product((1, -1), (1, 2)):
        chosen = sites[(sites["type"] == channel) & (sites["strand"] == sign) & ~sites["alternative"]]
        here = strand == ("+" if sign == 1 else "-")
        at = np.zeros(len(here), dtype=bool)
        for number, name in enumerate(names):
            at |= (contig == name) & np.isin(position, chosen["position"][chosen["contig"] == number])
        score = scores[channel - 1]
        assert score[here & at].mean() > 20 * score[here].mean(), (sign, columns[channel + 2])


def test_the_base_model_scores_variants(author, bench, tmp_path):
    """Destroying the GT of an intron loses the donor beside it, on both strands."""
    sites, names = bench.genome.sites, list(bench.genome.sequences)
    donors = sites[(sites["type"] == 2) & ~sites["alternative"]]
    lines = ["##fileformat=VCFv4.2", *(f"##contig=<ID={name}>" for name in names)]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    wanted = {}
    for site in (donors[donors["strand"] == 1][0], donors[donors["strand"] == -1][0]):
        position = int(site["position"] + site["strand"])
        wanted[int(site["contig"]), position] = -int(site["strand"])
    for contig, position in sorted(wanted):
        base = decode(bench.genome.sequences[names[contig]][position : position + 1])
        lines.append("\t".join([names[contig], str(position + 1), ".", base, "A", ".", ".", "."]))
    (tmp_path / "in.vcf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    files = ["-I", tmp_path / "in.vcf", "-O", tmp_path / "out.vcf", "-R", bench.fasta, "-A", bench.annotation]
    arguments = ["variants", *files, "--base-model", "new-base-model", "--distance", "50"]
    done = author.call("-m", "splicecore", *arguments, SPLICECORE_CACHE_DIR=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    records = [line for line in (tmp_path / "out.vcf").read_text().splitlines() if not line.startswith("#")]
    for record, place in zip(records, sorted(wanted), strict=True):
        genes = [gene.split("|") for gene in record.rpartition("=")[2].split(",")]
        strongest = max(genes, key=lambda fields: float(fields[5]))
        assert float(strongest[5]) > 0.5, record
        assert int(strongest[9]) == wanted[place], record


def test_a_bad_name_is_one_line(tmp_path, capsys):
    assert _run(["plugins", "new", "Mine", "--kind", "base-model", "--dir", str(tmp_path / "p")]) == 2
    assert capsys.readouterr().err.startswith("splicecore: error: 'Mine' is not a name for a plugin (lower-case")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert _run(["plugins", "new", "mine", "--kind", "base-model", "--dir", str(tmp_path / "full")]) == 5
    assert "exists already" in capsys.readouterr().err


def test_what_was_written_is_told(tmp_path, capsys):
    new = ["plugins", "new", "mine", "--kind", "feature-set", "--dir"]
    assert _run([*new, str(tmp_path / "a")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "  splicecore plugins check mine"
    assert _run([*new, str(tmp_path / "b"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["distribution"] == "splicecore-mine"
    assert all((tmp_path / "b" / path).is_file() for path in told["files"])

"""The registry: what a data root holds, opening it, and what is missing or damaged in it."""

from __future__ import annotations

import json
import os
import shutil

import attrs
import pytest
from splicecore.api import ContigError, ResourceNotFoundError
from splicecore.errors import ChecksumError, ConfigError, OutputError
from splicecore.plugins.host import PluginHost
from splicecore.resources.keys import DERIVED_KINDS, GENOMIC_KINDS
from splicecore.resources.registry import Registry
from splicecore.testing.simulate import SimulationConfig, simulate_genome


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch, tmp_path):
    for kind in GENOMIC_KINDS:
        monkeypatch.delenv(f"SPLICECORE_{kind.upper()}_PATH", raising=False)
    monkeypatch.setenv("SPLICECORE_DATA_ROOT", str(tmp_path / "root"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A data root with one source, imported and derived."""
    folder = tmp_path_factory.mktemp("prepared")
    paths = simulate_genome(SimulationConfig(contigs=("chr1",)), seed=5).write(folder / "in")
    registry = Registry(PluginHost(), folder / "root", folder / "cache")
    registry.import_files("sim", "toy", fasta=paths.fasta, annotation=paths.annotation)
    registry.derive("sim", "toy")
    return folder / "root"


@pytest.fixture
def registry(prepared, tmp_path):
    """A copy of it that a test may damage."""
    shutil.copytree(prepared, tmp_path / "root")
    for path in prepared.rglob("*"):
        status = path.stat()
        os.utime(tmp_path / "root" / path.relative_to(prepared), ns=(status.st_atime_ns, status.st_mtime_ns))
    return Registry(PluginHost(), cache=tmp_path / "cache")


def states(registry):
    return {row.kind: row.state for row in registry.status("sim", "toy")}


def test_everything_is_found(registry):
    rows = {row.kind: row for row in registry.status("sim", "toy")}
    assert list(rows) == list(GENOMIC_KINDS)
    assert {(row.state, row.provenance, row.problem) for row in rows.values()} == {("found", "data root", None)}
    manifest = registry.open("sim", "toy").manifest
    assert {kind: rows[kind].rows for kind in DERIVED_KINDS} == {
        kind: manifest.datasets[kind].rows for kind in DERIVED_KINDS
    }
    assert rows["splice_sites"].sha256 == manifest.datasets["splice_sites"].sha256
    assert rows["fasta"].sha256 == manifest.fasta.sha256
    assert rows["gene_sequences"].path == rows["fasta"].path


def test_each_damage_is_told_of_its_kind(registry):
    folder = registry.folder("sim", "toy")
    sites = folder / "splice_sites.parquet"
    content = bytearray(sites.read_bytes())
    content[len(content) // 2] ^= 1
    sites.write_bytes(content)
    (folder / "junctions.parquet").unlink()
    with (folder / "annotation.gtf").open("a") as handle:
        handle.write("# edited\n")
    (folder / "genome.fa.fai").unlink()
    rows = {row.kind: row for row in registry.status("sim", "toy")}
    assert {kind: row.state for kind, row in rows.items() if row.state != "found"} == {
        "splice_sites": "damaged", "junctions": "damaged", "annotation": "damaged", "fasta_index": "missing"
    }  # fmt: skip
    assert "changed since it was derived" in rows["splice_sites"].problem
    assert "does not exist" in rows["junctions"].problem
    assert "changed since the datasets were derived from it" in rows["annotation"].problem


def test_a_touched_genome_of_the_same_content_is_not_damaged(registry):
    (registry.folder("sim", "toy") / "genome.fa").touch()
    assert set(states(registry).values()) == {"found"}


def test_a_variable_in_place_of_a_dataset_is_told(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("SPLICECORE_JUNCTIONS_PATH", str(tmp_path / "nothing"))
    other = tmp_path / "genes.parquet"
    other.touch()
    monkeypatch.setenv("SPLICECORE_GENE_FEATURES_PATH", str(other))
    rows = {row.kind: row for row in registry.status("sim", "toy")}
    assert rows["junctions"].state == "missing"
    assert "SPLICECORE_JUNCTIONS_PATH" in rows["junctions"].problem
    assert (rows["gene_features"].path, rows["gene_features"].rows) == (str(other), None)


def test_opening_says_that_variables_do_not_count(registry, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("SPLICECORE_SPLICE_SITES_PATH", str(tmp_path / "x"))
    registry.open("sim", "toy")
    assert "SPLICECORE_SPLICE_SITES_PATH is set, but resources are opened whole from" in caplog.text


def test_opening_what_is_missing_names_the_command(registry, tmp_path):
    with pytest.raises(ResourceNotFoundError) as caught:
        registry.open("gencode", "GRCh38", "47")
    folder = tmp_path / "root" / "gencode" / "GRCh38" / "release-47"
    assert caught.value.message == (
        f"no datasets are derived in {folder}, which has no fasta and no annotation; there are those of sim toy"
    )
    assert "splicecore resources import --source gencode --build GRCh38 --release 47" in caught.value.hint
    (registry.folder("sim", "toy") / "resources.json").unlink()
    with pytest.raises(ResourceNotFoundError) as caught:
        registry.open("sim", "toy")
    assert caught.value.hint == "run: splicecore resources derive --source sim --build toy"
    elsewhere = Registry(PluginHost(), tmp_path / "elsewhere")
    assert elsewhere.derive_command("sim", "toy").endswith(f"--data-root {tmp_path / 'elsewhere'}")


def test_opening_a_part_names_what_it_lacks(registry):
    folder = registry.folder("sim", "toy")
    shutil.copyfile(folder / "genome.fa", (folder / "release-2").mkdir() or folder / "release-2" / "g.fa")
    shutil.copyfile(folder / "annotation.gtf", folder / "release-2" / "a.gtf")
    result = registry.derive("sim", "toy", "2", kinds=["splice_sites"])
    assert result.derived == ("splice_sites",)
    with pytest.raises(
        ResourceNotFoundError, match=r"has no gene_features, transcript_features, exon_features"
    ) as caught:
        registry.open("sim", "toy", "2")
    assert caught.value.hint == "run: splicecore resources derive --source sim --build toy --release 2"
    assert registry.open("sim", "toy", "2", kinds=["splice_sites"]).key.release == "2"


def test_an_edited_manifest_is_refused_and_derived_anew(registry):
    path = registry.folder("sim", "toy") / "resources.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "build": "GRCh38"}))
    with pytest.raises(ChecksumError, match="edited or damaged"):
        registry.open("sim", "toy")
    rows = {row.kind: row.state for row in registry.status("sim", "toy")}
    assert set(rows.values()) == {"damaged"}
    registry.derive("sim", "toy")
    assert registry.open("sim", "toy").verify() == []
    assert set(states(registry).values()) == {"found"}


def test_deriving_again_finds_everything_and_force_derives(registry):
    assert registry.derive("sim", "toy").derived == ()
    assert registry.derive("sim", "toy", kinds=["junctions"], force=True).derived == ("junctions",)


def test_a_known_build_is_checked(registry, tmp_path):
    folder = registry.folder("sim", "toy")
    with pytest.raises(ContigError, match="GRCh38"):
        registry.derive("sim", "hg38", fasta=folder / "genome.fa", annotation=folder / "annotation.gtf")
    assert not (registry.folder("sim", "hg38") / "resources.json").exists()


def test_what_a_data_root_holds(registry, tmp_path):
    for name in ("models/net/w.fa", "gencode/GRCh38/g.gtf", "gencode/GRCh38/release-47/x.fa", "gencode/T2T/notes.md"):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert [(one.title, one.derived) for one in registry.sources()] == [
        ("gencode GRCh38", False),
        ("gencode GRCh38, release 47", False),
        ("sim toy", True),
    ]
    assert registry.folders()[2] == registry.folder("sim", "toy")
    assert Registry(PluginHost(), tmp_path / "nothing").sources() == ()


def test_a_choice_is_completed_where_only_one_fits(registry, tmp_path):
    assert registry.choose() == ("sim", "toy", None)
    for name in ("gencode/GRCh38/g.gtf", "gencode/GRCh37/release-19/x.fa"):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with pytest.raises(
        ConfigError, match=r"several resources .* it has gencode GRCh37, release 19; gencode GRCh38; sim"
    ):
        registry.choose()
    assert registry.choose(source="sim") == ("sim", "toy", None)
    assert registry.choose(build="GRCh37") == ("gencode", "GRCh37", "19")
    assert registry.choose(source="new", build="x", release="1") == ("new", "x", "1")
    with pytest.raises(ConfigError, match="no resources"):
        registry.choose(source="refseq")


def test_results_stay_out_of_it(registry, tmp_path):
    for output in (registry.folder("sim", "toy") / "out", tmp_path / "root", tmp_path):
        with pytest.raises(OutputError):
            registry.check_output(output)
    with pytest.raises(OutputError):
        registry.export_tsv(registry.folder("sim", "toy"), "sim", "toy")
    registry.check_output(tmp_path / "out")


def test_tsv_of_some_kinds(registry, tmp_path):
    files = registry.export_tsv(tmp_path / "tsv", "sim", "toy", kinds=["junctions", "gene_sequences"])
    assert {kind: path.name for kind, path in files.items()} == {"junctions": "junctions.tsv"}
    assert len(registry.export_tsv(tmp_path / "tsv", "sim", "toy")) == 6


def test_statuses_are_json(registry):
    rows = [row.to_json() for row in registry.status("sim", "toy")]
    assert json.loads(json.dumps(rows)) == rows
    assert set(rows[0]) == {field.name for field in attrs.fields(type(registry.status("sim", "toy")[0]))}

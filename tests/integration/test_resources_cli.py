"""``splicecore resources``: from two files to datasets that are found, checked and never written to again."""

from __future__ import annotations

import hashlib
import json
import shutil

import attrs
import pytest
from splicecore.api import PluginSettings, Session
from splicecore.testing.plugins import fake_distribution

KEY = ("--source", "sim", "--build", "toy")
DATASETS = [
    "gene_features", "transcript_features", "exon_features", "splice_sites", "junctions", "overlapping_genes",
    "gene_sequences",
]  # fmt: skip


@attrs.frozen
class Desk:
    """Runs ``splicecore resources`` on a data root of its own."""

    inside: object
    root: object

    def call(self, *arguments, **variables):
        return self.inside.call("resources", *arguments, SPLICECORE_DATA_ROOT=str(self.root), **variables)

    def json(self, *arguments, code=0, **variables):
        done = self.call(*arguments, "--json", **variables)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def imported(self, *arguments):
        files = ["--fasta", str(self.inside.bench.fasta), "--annotation", str(self.inside.bench.annotation)]
        return self.json("import", *KEY, *files, *arguments)

    @property
    def folder(self):
        return self.root / "sim" / "toy"


@pytest.fixture
def desk(inside, tmp_path):
    return Desk(inside, tmp_path / "root")


@pytest.fixture(scope="module")
def derived_root(bench, tmp_path_factory):
    """A data root that is imported and derived, made once."""
    folder = tmp_path_factory.mktemp("derived")
    session = Session(plugins=PluginSettings(load=()), data_root=folder / "root", cache_dir=folder / "cache")
    session.resources.import_files("sim", "toy", fasta=bench.fasta, annotation=bench.annotation)
    session.resources.derive("sim", "toy")
    return folder / "root"


@pytest.fixture
def ready(desk, derived_root):
    """A copy of it; ``copytree`` keeps the times of change."""
    shutil.copytree(derived_root, desk.root)
    return desk


def snapshot(folder):
    """Names, kinds, sizes, times of change and hashes of everything in a folder."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, content)
    return found


# ------------------------------------------------------------------------------------------------------- end to end


def test_from_two_files_to_validated_datasets(desk, bench, tmp_path):
    assert desk.json("list") == {"data_root": str(desk.root), "sources": []}
    missing = desk.json("status", *KEY)
    assert {row["state"] for row in missing["resources"]} == {"missing"}

    placed = desk.imported("--link")
    assert (placed["files"][0]["kind"], placed["files"][0]["state"]) == ("fasta", "linked")
    assert (desk.folder / "genome.fa").resolve() == bench.fasta.resolve()

    done = desk.json("derive", "--tsv", str(tmp_path / "tsv"))
    assert sorted(done["derived"]) == sorted(DATASETS)
    assert done["found"] == []
    assert done["rows"]["gene_features"] == len(bench.genome.genes)
    assert set(done["seconds"]) >= set(DATASETS)
    assert set(done["tsv"]) == set(DATASETS) - {"gene_sequences"}
    rows = (tmp_path / "tsv" / "splice_sites_enhanced.tsv").read_text().splitlines()
    assert len(rows) == done["rows"]["splice_sites"] + 1

    again = desk.json("derive")
    assert (again["derived"], sorted(again["found"])) == ([], sorted(DATASETS))
    assert desk.json("derive", "--kind", "junctions", "--force")["derived"] == ["junctions"]

    status = desk.json("status")
    assert {row["state"] for row in status["resources"]} == {"found"}
    assert {row["kind"]: row["rows"] for row in status["resources"] if row["rows"] is not None} == done["rows"]
    assert desk.call("path", "splice_sites").stdout == f"{desk.folder / 'splice_sites.parquet'}\n"
    assert desk.json("path", "annotation")["provenance"] == "data root"
    (source,) = desk.json("list")["sources"]
    assert (source["source"], source["build"], source["release"], source["derived"]) == ("sim", "toy", None, True)
    assert desk.json("validate")["passed"]


def test_files_outside_the_data_root_and_some_chromosomes(desk, bench):
    files = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation)]
    done = desk.json("derive", *KEY, "--release", "7", *files, "--chromosomes", "2", "--materialize-sequences")
    genes = [gene for gene in bench.genome.genes if gene.contig == "chr2"]
    assert done["rows"]["gene_features"] == len(genes)
    folder = desk.folder / "release-7"
    assert (folder / "gene_sequences").is_dir()
    assert desk.json("path", "fasta", *KEY, "--release", "7")["path"] == str(bench.fasta)
    assert desk.json("path", "gene_sequences", *KEY, "--release", "7")["path"] == str(folder / "gene_sequences")
    assert desk.call("path", "fasta", *KEY).returncode == 5


def test_tables_for_people(ready):
    lines = ready.call("list").stdout.splitlines()
    assert lines[0].split() == ["source", "build", "release", "derived", "folder"]
    assert lines[1].split() == ["sim", "toy", "-", "yes", str(ready.folder)]
    status = ready.call("status").stdout.splitlines()
    assert status[0] == str(ready.folder)
    assert status[1].split() == ["kind", "state", "rows", "found", "by", "sha256", "path"]
    assert len(status) == 2 + 3 + len(DATASETS)
    derived = ready.call("derive", "--kind", "junctions", "--force").stdout.splitlines()
    assert derived[1].split() == ["dataset", "state", "rows", "seconds"]
    assert derived[2].split()[:2] == ["junctions", "derived"]
    assert float(derived[2].split()[3]) >= 0
    validated = ready.call("validate").stdout
    assert validated.endswith("\npassed\n")
    assert "GT-AG" in validated
    assert all(line == line.rstrip() for line in (*lines, *status, *derived, *validated.splitlines()))


def test_what_is_missing_is_told_with_the_commands_that_make_it(desk):
    told = desk.call("status", *KEY)
    assert told.returncode == 0
    assert told.stdout.splitlines()[-1] == (
        "to get what is missing: splicecore resources import --source sim --build toy --fasta FILE --annotation FILE; "
        "then: splicecore resources derive --source sim --build toy"
    )
    done = desk.call("derive", *KEY)
    assert done.returncode == 5
    assert "fasta of sim toy not found" in done.stderr
    assert "splicecore resources import --source sim --build toy --fasta FILE" in done.stderr
    desk.imported()
    told = desk.call("status", *KEY)
    assert (
        told.stdout.splitlines()[-1] == "to get what is missing: splicecore resources derive --source sim --build toy"
    )
    validated = desk.call("validate", *KEY)
    assert validated.returncode == 5
    assert "run: splicecore resources derive --source sim --build toy" in validated.stderr


# ------------------------------------------------------------------------------------------------- what goes wrong


def test_wrong_usage(ready, bench):
    assert ready.call("path", "splice_site").returncode == 2
    assert "did you mean splice_sites?" in ready.call("path", "splice_site").stderr
    assert ready.call("derive", "--kind", "nothing").returncode == 2
    assert ready.call("import", "--fasta", str(bench.fasta)).returncode == 2
    assert ready.call("import", *KEY).returncode == 2
    assert ready.call("status", "--source", "../x", "--build", "y").returncode == 2
    none = ready.call("status", "--source", "other")
    assert none.returncode == 2
    assert "it has sim toy" in none.stderr


def test_a_variable_that_names_nothing_is_named(ready, tmp_path):
    path = str(tmp_path / "none.fa")
    for command in (["path", "fasta"], ["derive"]):
        done = ready.call(*command, SPLICECORE_FASTA_PATH=path)
        assert done.returncode == 5
        assert f"SPLICECORE_FASTA_PATH: {path} does not exist" in done.stderr


def test_a_corrupted_dataset(ready):
    path = ready.folder / "splice_sites.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0x55
    path.write_bytes(content)
    told = ready.call("status")
    assert told.returncode == 5
    assert "splice_sites: " in told.stderr
    assert "changed since it was derived" in told.stderr
    report = ready.json("validate", code=5)
    assert report["issues"][0] == f"files: {path} changed since it was derived"
    assert ready.json("derive")["derived"] == ["splice_sites"]
    assert ready.json("validate")["passed"]


def test_an_edited_manifest(ready):
    path = ready.folder / "resources.json"
    path.write_text(path.read_text().replace('"rows": ', '"rows": 1'))
    told = ready.call("status")
    assert told.returncode == 5
    assert "resources.json was edited or damaged" in told.stderr
    for command in (["validate"], ["path", "splice_sites"]):
        done = ready.call(*command)
        assert done.returncode == 5
        assert "splicecore resources derive --force" in done.stderr
    assert sorted(ready.json("derive")["derived"]) == sorted(DATASETS)
    assert ready.json("validate")["passed"]


def test_a_check_that_fails_ends_with_3(ready):
    index = ready.folder / "genome.fa.fai"
    index.unlink()
    report = ready.json("validate", code=3)
    assert len(report["issues"]) == 1
    assert report["issues"][0].startswith(f"index: {index} is missing")
    done = ready.call("validate")
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1] == "1 issue"


def test_the_gate_is_an_option(ready, bench):
    assert ready.call("validate", "--gate", "1.5").returncode == 2
    assert ready.json("validate", "--gate", "0.9")["gate"] == 0.9


def test_other_content_is_not_replaced(ready, bench, tmp_path):
    other = tmp_path / "annotation.gtf"
    other.write_text(bench.annotation.read_text() + "# other\n")
    before = snapshot(ready.root)
    done = ready.call("import", *KEY, "--annotation", str(other))
    assert done.returncode == 5
    assert "has other content" in done.stderr
    assert snapshot(ready.root) == before


def test_tsv_may_not_go_into_the_data_root(ready):
    before = snapshot(ready.root)
    for folder in (ready.folder, ready.folder / "tsv", ready.root):
        done = ready.call("derive", "--force", "--tsv", str(folder))
        assert done.returncode == 5
        assert f"output folder {folder} " in done.stderr
    assert snapshot(ready.root) == before


# ------------------------------------------------------------------------------------------------------- read-only


def test_looking_writes_nothing(ready, tmp_path):
    before = snapshot(ready.root)
    for command in (["list"], ["status"], ["path", "splice_sites"], ["path", "fasta"], ["validate"], ["derive"]):
        assert ready.call(*command).returncode == 0
    session = Session(plugins=PluginSettings(load=()), data_root=ready.root, cache_dir=tmp_path / "cache")
    resources = session.resources.open("sim", "toy")
    resources.check_inputs()
    assert len(resources.annotation().genes) == resources.table("gene_features").num_rows
    assert len(resources.sites().sites) > 0
    with resources.reference() as reference:
        assert reference.build == resources.build
    assert session.resources.derive("sim", "toy").derived == ()
    assert snapshot(ready.root) == before


# --------------------------------------------------------------------------------------------------------- plugins

SHARE = """
import os
from splicecore.api import ResourceFinderSpec, ResourceLocation, hookimpl

@hookimpl
def splicecore_resource_finders():
    yield ResourceFinderSpec(name="share", factory=__name__ + ":find", kinds=("fasta", "annotation", "phylop"))

def find(request):
    name = {"fasta": "genome.fa", "annotation": "annotation.gtf"}.get(request.kind, "-")
    path = os.path.join(os.environ["SHARE"], name)
    return ResourceLocation(path=path, provenance="the share") if os.path.exists(path) else None
"""


def test_a_plugin_provides_genome_and_annotation(desk, bench, tmp_path, monkeypatch):
    fake_distribution(tmp_path / "site", "share", "1.0", SHARE)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    variables = {"SPLICECORE_LOAD_PLUGINS": "share", "SHARE": str(bench.fasta.parent)}
    assert desk.json("path", "fasta", *KEY, **variables)["provenance"] == "the share"
    rows = {row["kind"]: row for row in desk.json("status", *KEY, **variables)["resources"]}
    assert rows["phylop"]["state"] == "missing"
    assert rows["annotation"]["path"] == str(bench.annotation)
    assert sorted(desk.json("derive", *KEY, **variables)["derived"]) == sorted(DATASETS)
    assert desk.json("validate", *KEY)["passed"]

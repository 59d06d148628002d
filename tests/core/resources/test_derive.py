"""Deriving: once, whole, by one process at a time, and only from inputs that belong together."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from splicecore.artifacts.store import file_sha256
from splicecore.errors import AnnotationError, ChecksumError, ConfigError, ContigError, FastaError, OutputError
from splicecore.resources.derive import derive_resources
from splicecore.resources.keys import DERIVED_KINDS, ResourceKey
from splicecore.resources.resource_set import ResourceSet

WORKER = """
import json, os, signal, sys, time
from pathlib import Path
from splicecore.resources import dataset_files, derive

folder, fasta, annotation, mode = sys.argv[1:]

def progress(step):
    if mode == "slow" and step == "annotation":
        Path(folder + ".started").touch()
        time.sleep(1.5)
    if mode == "kill:" + step:
        os.kill(os.getpid(), signal.SIGKILL)

write = dataset_files.pq.write_table

def dying(table, path, **options):
    if mode == "die_writing" and "junctions" in path.name:
        path.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    write(table, path, **options)

dataset_files.pq.write_table = dying
made = derive.derive_resources(Path(folder), fasta=Path(fasta), annotation=Path(annotation), progress=progress)
print(json.dumps({"derived": made.derived, "found": made.found}))
"""


def start(folder, inputs, mode="plain"):
    command = [sys.executable, "-c", WORKER, str(folder), str(inputs.fasta), str(inputs.annotation), mode]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def derive(folder, inputs, **options):
    return derive_resources(folder, fasta=inputs.fasta, annotation=inputs.annotation, **options)


def snapshot(folder):
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, file_sha256(path))
        for path in folder.rglob("*")
        if path.is_file()
    }


def contents(folder):
    return {name: sha256 for name, (_, sha256) in snapshot(folder).items()}


def test_second_derivation_finds_everything_and_writes_nothing(golden, tmp_path):
    folder, steps = tmp_path / "d", []
    first = derive(folder, golden)
    before = snapshot(folder)
    second = derive(folder, golden, progress=steps.append)

    assert (first.derived, first.found) == (second.found, second.derived)
    assert set(first.derived) == set(DERIVED_KINDS)
    assert set(first.seconds) == {"annotation", "motif_check", "unmatched_genes", *DERIVED_KINDS}
    assert first.rows == second.rows
    assert first.rows["splice_sites"] == 14
    assert (steps, second.seconds) == ([], {})
    assert snapshot(folder) == before
    assert not list(folder.glob(".*.tmp"))


def test_same_inputs_same_bytes(golden, tmp_path):
    derive(tmp_path / "one", golden)
    derive(tmp_path / "two", golden)
    derive(tmp_path / "one", golden, force=True)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_nothing_written_names_a_place(golden, tmp_path):
    derive(tmp_path / "d", golden)
    for path in (tmp_path / "d").glob("*.parquet"):
        assert str(tmp_path).encode() not in path.read_bytes()


def test_inputs_inside_the_folder_are_named_relative_to_it(golden):
    folder = golden.fasta.parent
    derive(folder, golden)
    manifest = ResourceSet.open(folder).manifest
    assert (manifest.fasta.path, manifest.annotation.path) == ("g.fa", "a.gtf")
    assert ResourceSet.open(folder).fasta == golden.fasta


def test_force(golden, tmp_path):
    derive(tmp_path / "d", golden)
    again = derive(tmp_path / "d", golden, force=True, kinds=["junctions"])
    assert (again.derived, again.found) == (("junctions",), ())
    assert set(ResourceSet.open(tmp_path / "d").manifest.datasets) == {*DERIVED_KINDS, "unmatched_genes"}


def test_some_kinds_then_the_others(golden, tmp_path):
    one = derive(tmp_path / "d", golden, kinds=["splice_sites"])
    other = derive(tmp_path / "d", golden)
    assert one.derived == ("splice_sites",)
    assert other.found == ("splice_sites",)
    assert ResourceSet.open(tmp_path / "d").manifest.motifs
    derive(tmp_path / "whole", golden)
    manifest, whole = (ResourceSet.open(tmp_path / name).manifest for name in ("d", "whole"))
    assert manifest == whole


@pytest.mark.parametrize("kind", ["splice_sites", "gene_sequences/chr1"])
@pytest.mark.parametrize("damage", ["flip", "remove"])
def test_damaged_file_is_derived_anew_alone(golden, tmp_path, kind, damage, caplog):
    folder = tmp_path / "d"
    derive(folder, golden, materialize_sequences=True)
    before = contents(folder)
    path = folder / f"{kind}.parquet"
    if damage == "remove":
        path.unlink()
    else:
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 3] ^= 0xFF
        path.write_bytes(raw)
    made = derive(folder, golden)
    assert made.derived == (kind.split("/")[0],)
    assert contents(folder) == before
    assert f"{path} is missing or damaged" in caplog.text


def test_other_inputs_replace_what_is_there(golden, tmp_path):
    folder = tmp_path / "d"
    derive(folder, golden)
    text = golden.annotation.read_text()
    golden.annotation.write_text(text.replace("T6", "T60"))
    made = derive(folder, golden, kinds=["exon_features"])
    assert made.derived == ("exon_features",)
    assert set(ResourceSet.open(folder).manifest.datasets) == {"exon_features"}
    assert derive(folder, golden).found == ("exon_features",)
    assert "T60" in ResourceSet.open(folder).table("transcript_features").column("transcript_id").to_pylist()


def test_touched_inputs_are_hashed_and_found(golden, tmp_path):
    folder = tmp_path / "d"
    derive(folder, golden)
    os.utime(golden.annotation, ns=(1, 1))
    made = derive(folder, golden)
    assert made.derived == ()
    assert ResourceSet.open(folder).manifest.annotation.mtime_ns == 1


def test_contigs(golden, tmp_path):
    folder = tmp_path / "d"
    made = derive(folder, golden, contigs=["2"])
    assert made.rows["gene_features"] == 2
    assert ResourceSet.open(folder).manifest.only_contigs == ("chr2",)
    assert derive(folder, golden, contigs=["chr2"]).derived == ()
    assert derive(folder, golden).rows["gene_features"] == 5
    with pytest.raises(ContigError, match="no contig 'chr7'"):
        derive(folder, golden, contigs=["chr7"])
    golden.annotation.write_text(golden.annotation.read_text().partition("chr2")[0])
    with pytest.raises(AnnotationError, match="no gene on chr2"):
        derive(folder, golden, contigs=["chr2"])


def test_key_is_kept(golden, tmp_path):
    key = ResourceKey(kind="annotation", source="test", build="mini", release="7")
    derive(tmp_path / "d", golden, key=key)
    derive(tmp_path / "d", golden, force=True)
    assert ResourceSet.open(tmp_path / "d").key == key


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kinds": ["exons"]}, ConfigError, "no derived dataset 'exons'"),
        ({"kinds": []}, ConfigError, "no datasets to derive"),
        ({"build": "hg38"}, ContigError, "build 'hg38' was declared"),
    ],
)
def test_refused_options(golden, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        derive(tmp_path / "d", golden, **options)
    assert set(contents(tmp_path / "d")) <= {".lock"}


def test_declared_build_is_checked_where_everything_is_found(golden, tmp_path):
    derive(tmp_path / "d", golden)
    with pytest.raises(ContigError, match="build 'hg38' was declared"):
        derive(tmp_path / "d", golden, build="hg38")


def test_missing_inputs(golden, tmp_path):
    with pytest.raises(FastaError, match="does not exist"):
        derive(tmp_path / "d", golden._replace(fasta=tmp_path / "x.fa"))
    with pytest.raises(AnnotationError, match="is not a file"):
        derive(tmp_path / "d", golden._replace(annotation=tmp_path))


def test_annotation_of_another_build_is_refused(simulated, tmp_path):
    shifted = tmp_path / "shifted.gtf"
    lines = [line.split("\t") for line in simulated.annotation.read_text().splitlines()]
    for fields in lines:
        if len(fields) == 9:
            fields[3:5] = (str(int(field) + 1) for field in fields[3:5])
    shifted.write_text("".join("\t".join(fields) + "\n" for fields in lines))
    with pytest.raises(AnnotationError, match="do not belong together"):
        derive(tmp_path / "d", simulated._replace(annotation=shifted))
    assert set(contents(tmp_path / "d")) <= {".lock"}


def test_edited_manifest_is_not_trusted(golden, tmp_path, caplog):
    folder = tmp_path / "d"
    derive(folder, golden)
    path = folder / "resources.json"
    values = json.loads(path.read_text())
    values["datasets"]["splice_sites"]["rows"] = 15
    path.write_text(json.dumps(values))
    with pytest.raises(ChecksumError, match="was edited or damaged"):
        ResourceSet.open(folder)
    assert derive(folder, golden).found == ()
    assert "was edited or damaged" in caplog.text
    assert ResourceSet.open(folder).manifest.datasets["splice_sites"].rows == 14


def test_two_processes_take_turns(simulated, tmp_path):
    folder = tmp_path / "d"
    slow = start(folder, simulated, "slow")
    started = Path(f"{folder}.started")
    while not started.exists() and slow.poll() is None:
        pass
    quick = start(folder, simulated)
    results = []
    for process in (slow, quick):
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        results.append(json.loads(out))

    assert set(results[0]["derived"]) == set(DERIVED_KINDS)
    assert results[1] == {"derived": [], "found": results[0]["derived"]}
    assert ResourceSet.open(folder).verify() == []
    assert not list(folder.glob(".*.tmp"))


@pytest.mark.parametrize("mode", ["kill:annotation", "kill:splice_sites", "die_writing"])
def test_killed_derivation_goes_on(simulated, tmp_path, mode):
    folder = tmp_path / "d"
    process = start(folder, simulated, mode)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    if mode != "kill:annotation":
        assert ResourceSet.open(folder).verify() == []
    assert bool(list(folder.glob(".*.tmp"))) == (mode == "die_writing")

    made = derive(folder, simulated)
    assert ("gene_features" in made.found) == (mode != "kill:annotation")
    assert "junctions" in made.derived
    derive(tmp_path / "whole", simulated)
    assert contents(folder) == contents(tmp_path / "whole")


def test_full_disk(golden, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("splicecore.resources.dataset_files.pq.write_table", full)
    with pytest.raises(OutputError, match=r"gene_features.parquet: No space left.*free some space"):
        derive(tmp_path / "d", golden)
    monkeypatch.undo()
    assert set(contents(tmp_path / "d")) <= {".lock"}
    assert len(derive(tmp_path / "d", golden).derived) == len(DERIVED_KINDS)


def test_read_only_folder(golden, tmp_path, monkeypatch):
    folder = tmp_path / "d"
    derive(folder, golden)
    folder.chmod(0o555)
    if os.access(folder, os.W_OK):  # the user may write anywhere
        monkeypatch.setattr("splicecore.artifacts.store.os.access", lambda *_: False)
    try:
        assert ResourceSet.open(folder).verify() == []
        assert derive(folder, golden).derived == ()
        with pytest.raises(OutputError, match="permission denied"):
            derive(folder, golden, force=True)
    finally:
        folder.chmod(0o755)


def test_a_file_in_the_way(golden, tmp_path):
    (tmp_path / "d").write_text("")
    with pytest.raises(OutputError, match="a file is in the way"):
        derive(tmp_path / "d", golden)

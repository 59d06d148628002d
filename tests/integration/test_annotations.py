"""Annotations as users hand them in: other formats and names give the same scores, wrong ones one clear line."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from splicecore.api import Session
from splicecore.genome import fasta_index
from splicecore.plugins.host import PluginSettings


@pytest.fixture(scope="module")
def expected(bench, tmp_path_factory):
    """The table of a run with the annotation as it is."""
    return pq.read_table(bench.run(tmp_path_factory.mktemp("expected"), "--all-genes"))


def call(bench, annotation, output):
    return bench.call(
        "run", "--fasta", str(bench.fasta), "--annotation", str(annotation), "--base-model", "quick",
        "--all-genes", "-o", str(output))  # fmt: skip


def complaint(done):
    """Insist on exit code 3 and one line of error; returns it."""
    assert done.returncode == 3, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if "WARNING" not in line)
    assert line.startswith("splicecore: error: ")
    return line


def gff3(gtf):
    """Write a simulated GTF as RefSeq writes GFF3."""
    lines = ["##gff-version 3"]
    for line in gtf.splitlines():
        fields = line.split("\t")
        if line.startswith("#") or len(fields) != 9:
            continue
        value = dict(re.findall(r'(\w+) "([^"]*)"', fields[8]))
        gene, transcript = f"gene-{value['gene_id']}", f"rna-{value.get('transcript_id')}"
        own = f"gene={value['gene_name']};transcript_id={value.get('transcript_id')}"
        fields[8] = {
            "gene": f"ID={gene};Name={value['gene_name']};gbkey=Gene;gene={value['gene_name']}",
            "transcript": f"ID={transcript};Parent={gene};gbkey=mRNA;{own}",
            "exon": f"ID=exon-{len(lines)};Parent={transcript};gbkey=mRNA;{own}",
        }[fields[2]]
        fields[2] = fields[2].replace("transcript", "mRNA")
        lines.append("\t".join(fields))
    return "\n".join([*lines, "###", "##FASTA", ">chr1", "ACGT", ""])


@pytest.mark.parametrize("form", ["gff3", "gff3.gz", "no chr", "gtf.gz"])
def test_other_formats_and_names_give_the_same_scores(bench, expected, tmp_path, form):
    text = bench.annotation.read_text()
    path = tmp_path / "annotation"
    if form.startswith("gff3"):
        text = gff3(text)
    elif form == "no chr":
        text = text.replace("chr1\t", "1\t").replace("chr2\t", "2\t")
    path.write_bytes(gzip.compress(text.encode()) if form.endswith(".gz") else text.encode())
    done = call(bench, path, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    table = pq.read_table(tmp_path / "out" / "predictions" / "base_model_predictions.parquet")
    assert table.equals(expected)


def test_annotation_of_other_coordinates(bench, tmp_path):
    path = tmp_path / "other.gtf"
    path.write_text(
        re.sub(r"\t(\d+)\t(\d+)\t\.", lambda m: f"\t{int(m[1]) + 7}\t{int(m[2]) + 7}\t.", bench.annotation.read_text())
    )
    line = complaint(call(bench, path, tmp_path / "out"))
    assert f"{path} and {bench.fasta} do not belong together" in line
    assert "is the annotation of another build" in line
    assert not (tmp_path / "out" / "predictions").exists()


def test_annotation_beyond_the_contigs(bench, tmp_path):
    path = tmp_path / "other.gtf"
    path.write_text(bench.annotation.read_text().replace("\t.\t+", "0\t.\t+").replace("\t.\t-", "0\t.\t-"))
    line = complaint(call(bench, path, tmp_path / "out"))
    assert re.search(r"genes end beyond their contig, first \S+ at chr\d:", line)


@pytest.mark.parametrize("form", ["gtf", "gff3"])
def test_malformed_line(bench, tmp_path, form):
    text = bench.annotation.read_text() if form == "gtf" else gff3(bench.annotation.read_text())
    lines = text.splitlines(keepends=True)
    lines[20] = lines[20].replace("\t", " ")
    path = tmp_path / "malformed"
    path.write_text("".join(lines))
    line = complaint(call(bench, path, tmp_path / "out"))
    assert f"{path}, line 21: 1 columns separated by tabs instead of 9" in line


def test_annotation_without_exons(bench, tmp_path):
    path = tmp_path / "genes.gtf"
    rows = bench.annotation.read_text().splitlines(keepends=True)
    path.write_text("".join(row for row in rows if "\texon\t" not in row))
    assert f"{path} has no exon" in complaint(call(bench, path, tmp_path / "out"))


def test_contigs_of_another_genome(bench, tmp_path):
    path = tmp_path / "other.gtf"
    path.write_text(bench.annotation.read_text().replace("chr1\t", "scaffold_1\t").replace("chr2\t", "scaffold_2\t"))
    line = complaint(call(bench, path, tmp_path / "out"))
    assert "have no contig in common: the annotation has scaffold_1, scaffold_2; the reference has chr1, chr2" in line


def test_genome_in_a_folder_that_cannot_be_written(bench, tmp_path, monkeypatch):
    fasta = tmp_path / "readonly" / "genome.fa"
    fasta.parent.mkdir()
    fasta.write_bytes(bench.fasta.read_bytes())
    access = os.access
    monkeypatch.setattr(fasta_index.os, "access", lambda path, mode: Path(path) != fasta.parent and access(path, mode))
    monkeypatch.syspath_prepend(str(bench.site))
    session = Session(plugins=PluginSettings(load=("bench-models",)), data_root=tmp_path, cache_dir=tmp_path / "cache")
    name = bench.genome.genes[0].gene_name
    table = session.predict(fasta=fasta, annotation=bench.annotation, base_model="quick", genes=[name])
    assert set(table["gene_name"].to_pylist()) == {name}
    assert [path.name for path in fasta.parent.iterdir()] == ["genome.fa"]
    assert list((tmp_path / "cache").rglob("genome.fa.fai"))

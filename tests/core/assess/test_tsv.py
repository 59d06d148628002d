"""The files: names, columns, conventions, and that nothing of the tables is lost or shifted."""

from __future__ import annotations

import csv

import attrs
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from splicecore.assess import tsv
from splicecore.assess.config import AssessConfig
from splicecore.assess.enhanced import enhance, enhanced_schema
from splicecore.assess.schemas import POSITIONS
from splicecore.assess.sequences import analysis_sequences
from splicecore.errors import ChecksumError, InputError

OWN = [("donor", 10, "T2"), ("donor", 10, "T1"), ("acceptor", 20, "T1"), ("donor", 30, "T2")]
CALLS = [("donor", 11, 0.75), ("acceptor", 20, 0.875), ("donor", 36, 0.75)]
FIRST = [
    "gene_id",
    "transcript_id",
    "position",
    "predicted_position",
    "true_position",
    "pred_type",
    "score",
    "strand",
    "donor_score",
    "acceptor_score",
    "neither_score",
    "splice_type",
    "chrom",
]
FEATURES = enhanced_schema().names[len(POSITIONS.names) :]


@pytest.fixture
def tables(genes, tmp_path):
    """Parquet files of a gene on either strand, on two contigs, of row groups of different sizes."""
    results, sequences = [], []
    for strand, contig in (("+", "chr1"), ("-", "HLA*1:2")):
        block = genes.block(40, CALLS, strand=strand, gene_id=f"G{strand}")
        block = attrs.evolve(block, gene=attrs.evolve(block.gene, contig=contig))
        result = genes.assess(block, OWN, error_window=8)
        results.append(attrs.evolve(result, positions=enhance(block, result.positions)))
        sequences.append(analysis_sequences(block, results[-1].positions, AssessConfig(sequence_flank=4)))
    paths = {}
    for name in ("positions", "errors", "performance"):
        paths[name] = tmp_path / f"{name}.parquet"
        table = pa.concat_tables([getattr(result, name) for result in results])
        pq.write_table(table, paths[name], row_group_size=7)
    paths["sequences"] = tmp_path / "sequences.parquet"
    pq.write_table(pa.concat_tables(sequences), paths["sequences"], row_group_size=11)
    return paths


def read(path):
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def picked(rows, *names):
    return [tuple(row[name] for name in names) for row in rows if row["pred_type"] != "TN"]


def test_positions(tables, tmp_path):
    path = tmp_path / "full_splice_positions_enhanced.tsv"
    count = tsv.write_positions_tsv(tables["positions"], path)
    rows = read(path)
    assert len(rows) == count
    assert list(rows[0]) == [*FIRST, *FEATURES]
    assert len(rows[0]) == 53
    plus = [row for row in rows if row["gene_id"] == "G+"]
    expected = [
        ("TP", "10", "11", "10", "donor", "T1", "0.75", "0"),
        ("TP", "10", "11", "10", "donor", "T2", "0.75", "0"),
        ("TP", "20", "20", "20", "acceptor", "T1", "0.875", "0"),
        ("FN", "30", "", "30", "donor", "T2", "0", "0"),
        ("FP", "36", "36", "", "", "", "0.75", "0.75"),
    ]
    names = ("pred_type", "position", "predicted_position", "true_position", "splice_type", "transcript_id", "score")
    assert picked(plus, *names, "donor_score") == expected
    minus = [row for row in rows if row["gene_id"] == "G-"]
    assert sorted(picked(minus, *names, "donor_score")) == sorted(expected)
    assert {row["chrom"] for row in minus} == {"HLA*1:2"}
    negatives = [row for row in rows if row["pred_type"] == "TN"]
    table = pq.read_table(tables["positions"]).to_pylist()
    assert [int(row["position"]) for row in negatives] == [
        row["rel_position"] for row in table if row["pred_type"] == "TN"
    ]
    assert all(row["transcript_id"] == row["true_position"] == row["splice_type"] == "" for row in negatives)


def test_features_are_those_of_the_table(tables, tmp_path):
    tsv.write_positions_tsv(tables["positions"], tmp_path / "a.tsv")
    rows = [row for row in read(tmp_path / "a.tsv") if row["gene_id"] == "G+"]
    donor = next(row for row in rows if row["position"] == "10")
    assert [donor[f"context_score_{suffix}"] for suffix in ("m2", "m1", "p1", "p2")] == ["0", "0", "0.75", "0"]
    assert donor["donor_is_local_peak"] == "0"
    assert float(donor["donor_diff_p1"]) == -0.75


def test_errors(tables, tmp_path):
    assert tsv.write_errors_tsv(tables["errors"], tmp_path / "e.tsv") == 4
    rows = read(tmp_path / "e.tsv")
    columns = [
        "error_type",
        "gene_id",
        "position",
        "splice_type",
        "strand",
        "transcript_id",
        "window_start",
        "window_end",
    ]
    assert list(rows[0]) == columns
    assert sorted(tuple(row.values()) for row in rows) == sorted(
        row
        for strand in "+-"
        for row in (
            ("FN", f"G{strand}", "30", "donor", strand, "T2", "22", "39"),
            ("FP", f"G{strand}", "36", "donor", strand, "", "28", "40"),
        )
    )


def test_sequences(tables, tmp_path):
    folder = tmp_path / "out"
    files = tsv.write_sequences_tsv(tables["positions"], tables["sequences"], folder)
    assert [path.name for path in files] == ["analysis_sequences_chr1.tsv", "analysis_sequences_HLA%2A1%3A2.tsv"]
    rows = [row for path in files for row in read(path)]
    assert len(rows[0]) == 57
    assert list(rows[0])[-4:] == ["sequence", "window_start", "window_end", "transcript_count"]
    expected = pq.read_table(tables["sequences"]).to_pylist()
    assert [(row["sequence"], int(row["position"]), row["gene_id"], int(row["transcript_count"])) for row in rows] == [
        (row["sequence"], row["rel_position"], row["gene_id"], row["transcript_count"]) for row in expected
    ]
    site = next(row for row in rows if row["position"] == "10")
    assert (site["transcript_id"], site["transcript_count"], site["window_start"]) == ("T1", "2", "6")


def test_performance(tables, tmp_path):
    assert tsv.write_performance_tsv(tables["performance"], tmp_path / "p.tsv") == 4
    rows = read(tmp_path / "p.tsv")
    assert [(row["gene_id"], row["splice_type"]) for row in rows] == [
        (f"G{strand}", kind) for strand in "+-" for kind in ("acceptor", "donor")
    ]
    donor = rows[1]
    assert [donor[name] for name in ("n_splice_sites", "TP", "FP", "FN", "f1_score")] == ["2", "1", "1", "1", "0.5"]


def test_gene_manifest(tmp_path):
    genes = pa.table(
        {"requested": ["a\tb", "X"], "gene_id": ["G", None], "positions": [40, 0], "build": ["toy", "toy"]}
    )
    assert tsv.write_gene_manifest_tsv(genes, tmp_path / "g.tsv") == 2
    rows = read(tmp_path / "g.tsv")
    assert list(rows[0]) == list(tsv.MANIFEST_COLUMNS)
    assert [rows[0][name] for name in ("requested", "gene_id", "num_nucleotides", "genomic_build", "status")] == [
        "a_b",
        "G",
        "40",
        "toy",
        "",
    ]
    assert rows[1]["gene_id"] == ""


def test_the_same_bytes_every_time(tables, tmp_path):
    for name in ("a.tsv", "b.tsv"):
        tsv.write_positions_tsv(tables["positions"], tmp_path / name)
    assert (tmp_path / "a.tsv").read_bytes() == (tmp_path / "b.tsv").read_bytes()


def test_an_empty_table_has_a_header(tables, tmp_path):
    table = pq.read_table(tables["positions"])
    pq.write_table(table.slice(0, 0), tables["positions"])
    assert tsv.write_positions_tsv(tables["positions"], tmp_path / "a.tsv") == 0
    assert (tmp_path / "a.tsv").read_text().split("\n")[0].split("\t") == [*FIRST, *FEATURES]


def test_tables_that_do_not_belong_together(tables, tmp_path):
    sequences = pq.read_table(tables["sequences"])
    pq.write_table(sequences.slice(1), tables["sequences"])
    with pytest.raises(InputError, match="do not have the same"):
        tsv.write_sequences_tsv(tables["positions"], tables["sequences"], tmp_path)
    pq.write_table(sequences.slice(0, len(sequences) - 1), tables["sequences"])
    with pytest.raises(InputError, match="do not have the same number"):
        tsv.write_sequences_tsv(tables["positions"], tables["sequences"], tmp_path)


def test_a_damaged_table(tables, tmp_path):
    with pytest.raises(ChecksumError, match="splice_errors/1"):
        tsv.write_errors_tsv(tables["positions"], tmp_path / "a.tsv")
    tables["errors"].write_bytes(tables["errors"].read_bytes()[:-50])
    with pytest.raises(ChecksumError, match=r"errors\.parquet"):
        tsv.write_errors_tsv(tables["errors"], tmp_path / "a.tsv")
    assert not (tmp_path / "a.tsv").exists()

"""The accuracy benchmark on a table small enough to work out by hand."""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from splicecore.evaluate.metrics import average_precision, best_offset, top_k_accuracy

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "accuracy.py"

# Exons are 0-based, half-open here. Gene A2 overlaps A1 on the same strand; C1 lies on another contig.
GENES = {
    "A1": ("chr1", "+", [(100, 150), (200, 260), (300, 400)]),
    "A2": ("chr1", "+", [(140, 170), (480, 500)]),
    "B1": ("chr1", "-", [(120, 180), (240, 330)]),
    "C1": ("chr2", "-", [(50, 80), (110, 140)]),
}


@pytest.fixture(scope="module")
def accuracy():
    spec = importlib.util.spec_from_file_location("accuracy_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def sites(gene: str) -> tuple[set[int], set[int]]:
    """Acceptors and donors, genomic."""
    _, strand, exons = GENES[gene]
    left, right = {end - 1 for _, end in exons[:-1]}, {start for start, _ in exons[1:]}
    return (right, left) if strand == "+" else (left, right)


def write_annotation(path: Path) -> Path:
    lines = []
    for name, (contig, strand, exons) in GENES.items():
        for start, end in exons:
            attributes = f'gene_id "{name}"; transcript_id "{name}.t"; gene_name "{name}";'
            columns = (contig.removeprefix("chr"), "test", "exon", start + 1, end, ".", strand, ".", attributes)
            lines.append("\t".join(map(str, columns)))
    path.write_text("\n".join(lines) + "\n")
    return path


def make_rows(shift: int = 0) -> pa.Table:
    """Scores that are high at the sites (moved by ``shift``, transcript orientation) and noise elsewhere."""
    rng = np.random.default_rng(11)
    parts = []
    for name, (contig, strand, exons) in GENES.items():
        position = np.arange(exons[0][0], exons[-1][1])
        scores = rng.random((2, len(position))).astype(np.float32) * 0.6
        for kind, track in enumerate(scores):
            found = [p for other, (c, s, _) in GENES.items() if (c, s) == (contig, strand) for p in sites(other)[kind]]
            track[np.isin(position - (shift if strand == "+" else -shift), found)] = 0.57
        parts += [
            (contig, int(p), strand, name, float(a), float(d))
            for p, a, d in zip(position, scores[0], scores[1], strict=True)
        ]
    parts.sort(key=lambda row: row[:4])
    contig, position, strand, gene, acceptor, donor = zip(*parts, strict=True)
    return pa.table(
        {
            "build": pa.array(["GRCh38"] * len(parts)).dictionary_encode(),
            "contig": pa.array(contig).dictionary_encode(),
            "strand": pa.array(strand).dictionary_encode(),
            "position": pa.array(position, type=pa.int64()),
            "rel_position": pa.array(position, type=pa.int64()),
            "gene_id": pa.array(gene).dictionary_encode(),
            "gene_name": pa.array(gene).dictionary_encode(),
            "neither_score": pa.array(np.zeros(len(parts), dtype=np.float32)),
            "acceptor_score": pa.array(acceptor, type=pa.float32()),
            "donor_score": pa.array(donor, type=pa.float32()),
        }
    )


@pytest.fixture
def run(accuracy, tmp_path, capsys):
    def run(*options: str, table: pa.Table | None = None, row_group: int = 37):
        predictions = tmp_path / "base_model_predictions.parquet"
        pq.write_table(make_rows() if table is None else table, predictions, row_group_size=row_group)
        annotation = write_annotation(tmp_path / "genes.gtf")
        figures = tmp_path / "figures.json"
        figures.unlink(missing_ok=True)
        status = accuracy.main([str(predictions), "--annotation", str(annotation), "--json", str(figures), *options])
        return status, json.loads(figures.read_text()) if figures.exists() else None, capsys.readouterr()

    return run


def expected_labels(table: pa.Table, kind: int, *, scope: str) -> np.ndarray:
    labels = []
    rows = zip(*(table.column(c).to_pylist() for c in ("contig", "strand", "position", "gene_id")), strict=True)
    for contig, strand, position, gene in rows:
        genes = [gene] if scope == "gene" else [g for g, (c, s, _) in GENES.items() if (c, s) == (contig, strand)]
        labels.append(any(position in sites(g)[kind] for g in genes))
    return np.array(labels)


@pytest.mark.parametrize("scope", ["strand", "gene"])
@pytest.mark.parametrize("row_group", [1, 37, 10_000])
def test_figures_are_those_of_the_metrics_on_all_rows(run, scope, row_group):
    status, figures, _ = run("--scope", scope, row_group=row_group)
    table = make_rows()
    assert status == 0
    of_strand, own = (
        expected_labels(table, 0, scope=name) | expected_labels(table, 1, scope=name) for name in ("strand", scope)
    )
    counted = own | ~of_strand  # with scope gene, sites of other genes are left out
    assert figures["positions"] == counted.sum()
    assert figures["masked_rows"] == (~counted).sum() == (0 if scope == "strand" else 5)
    assert figures["genes"] == 4
    for index, kind in enumerate(("acceptor", "donor")):
        labels = expected_labels(table, index, scope=scope)[counted]
        scores = table.column(f"{kind}_score").to_numpy()[counted]
        assert figures[kind]["sites"] == labels.sum()
        assert figures[kind]["average_precision"] == pytest.approx(average_precision(labels, scores))
        assert figures[kind]["top_k"] == pytest.approx(top_k_accuracy(labels, scores))
        assert figures[kind]["false_positives"] == np.count_nonzero((scores >= 0.5) & ~labels)
        assert figures[kind]["false_negatives"] == np.count_nonzero((scores < 0.5) & labels)


def test_scopes_differ_where_genes_overlap(run):
    strand, gene = (run("--scope", scope)[1] for scope in ("strand", "gene"))
    # A1's acceptors at 200 and 300 lie in A2's intron; A1's donors at 149 and 259 in A2, A2's at 169 in A1.
    assert strand["acceptor"]["sites"] - gene["acceptor"]["sites"] == 2
    assert strand["donor"]["sites"] - gene["donor"]["sites"] == 3


def test_offsets_are_those_of_the_metric(run):
    _, figures, _ = run("--scope", "gene")
    table = make_rows()
    scans = {(row["strand"], row["type"]): row for row in figures["offsets"]}
    chosen = np.array([gene == "B1" for gene in table.column("gene_id").to_pylist()])
    track = table.column("donor_score").to_numpy()[chosen][::-1]
    expected = best_offset([330 - 1 - position for position in sites("B1")[1]], track)
    only_b = run("--scope", "gene", "--contigs", "1")[1]["offsets"]
    (found,) = [row for row in only_b if (row["strand"], row["type"]) == ("-", "donor")]
    assert list(found["means"].values()) == pytest.approx(list(expected.means))
    assert {row["best"] for row in scans.values()} == {0}
    assert scans.keys() == {(strand, kind) for strand in "+-" for kind in ("acceptor", "donor")}


@pytest.mark.parametrize("shift", [-2, 1])
def test_shifted_scores_end_with_status_1_and_the_shift(run, shift):
    status, figures, output = run(table=make_rows(shift))
    assert status == 1
    assert {row["best"] for row in figures["offsets"]} == {shift}
    assert f"best {shift:+d}" in output.out


def test_contigs_are_chosen_by_any_of_their_names(run):
    _, figures, _ = run("--contigs", "2")
    assert figures["contigs"] == ["chr2"]
    assert figures["genes"] == 1
    assert figures == run("--contigs", "chr2")[1]


def test_boundary_sites_are_left_out_but_not_annotated_ones(run, tmp_path):
    path = tmp_path / "boundary.tsv.gz"
    with gzip.open(path, "wt") as file:
        file.write("#transcript\tgene\tbiotype\tchrom\tstrand\texon_starts_0based\texon_ends\n")
        # Introns 150-200 (annotated, A1's) and 230-360: the second one's two sites are new, each in A1 and in A2.
        file.write("t\tA1\tprotein_coding\tchr1\t+\t100,200,360\t150,230,400\n")
    plain, masked = run()[1], run("--mask-boundary", str(path))[1]
    assert masked["masked_positions"] == 2
    assert masked["masked_rows"] == 4
    assert masked["positions"] == plain["positions"] - 4
    assert masked["acceptor"]["sites"] == plain["acceptor"]["sites"]


def test_a_malformed_boundary_table_names_the_line(run, tmp_path):
    path = tmp_path / "boundary.tsv"
    path.write_text("chrom\tstrand\texon_starts_0based\texon_ends\nchr1\t+\t100\t150\nchr1\t+\t100,x\t150,160\n")
    status, _, output = run("--mask-boundary", str(path))
    assert status == 3
    assert "line 3" in output.err


@pytest.mark.parametrize(
    ("options", "message"), [(["--contigs", "7"], "no rows on chr7"), (["--contigs", "1,7"], "no rows on chr7")]
)
def test_an_absent_contig_is_an_error(run, options, message):
    status, _, output = run(*options)
    assert status == 3
    assert message in output.err


def test_predictions_of_another_build_are_an_error(run):
    table = make_rows()
    moved = table.set_column(3, "position", pa.array(table.column("position").to_numpy() + 10_000))
    status, _, output = run(table=moved)
    assert status == 3
    assert "another build" in output.err


def test_the_order_of_rows_makes_no_difference(run):
    table = make_rows()
    assert run(table=table.take(pa.array(np.arange(table.num_rows)[::-1])))[1] == run()[1]


def test_a_file_that_is_no_table_of_predictions_is_an_error(accuracy, run, tmp_path, capsys):
    status, _, output = run(table=make_rows().drop_columns(["donor_score"]))
    assert status == 3
    assert "no column donor_score" in output.err
    (tmp_path / "text").write_text("not Parquet")
    arguments = [str(tmp_path / "text"), "--annotation", str(tmp_path / "genes.gtf")]
    assert accuracy.main(arguments) == 3
    assert "Parquet" in capsys.readouterr().err

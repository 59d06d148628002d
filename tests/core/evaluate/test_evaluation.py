"""Tables against an annotation: labels, masks and figures worked out row by row."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from splicecore.errors import ConfigError, ContigError, InputError
from splicecore.evaluate.config import EvaluateConfig, ModelInput
from splicecore.evaluate.evaluation import evaluate_tables, strata
from splicecore.evaluate.metrics import average_precision, confusion_at, top_k_accuracy
from splicecore.evaluate.report import evaluation_json, report_lines
from splicecore.evaluate.report_html import html_page
from splicecore.evaluate.site_labels import canonical_transcripts
from splicecore.genome.annotation import read_annotation

# Exons, 0-based, half-open, of each transcript. A2 overlaps A1 on its strand, B1 on the other; A1 has two transcripts.
GENES = {
    "A1": ("1", "+", {"t1": [(100, 150), (200, 260), (300, 400)], "t2": [(100, 150), (215, 260), (300, 360)]}),
    "A2": ("1", "+", {"t3": [(140, 170), (480, 500)]}),
    "B1": ("1", "-", {"t4": [(120, 180), (240, 330)]}),
    "C1": ("2", "-", {"t5": [(50, 80), (110, 140)]}),
}
CANONICAL = {"t1", "t3", "t4", "t5"}
SPANS = {"A1": (100, 400), "A2": (140, 500), "B1": (120, 330), "C1": (50, 140)}


def sites(gene: str, transcripts=None) -> set[tuple[int, int]]:
    """(position, 0 acceptor or 1 donor) of a gene's transcripts."""
    _, strand, all_exons = GENES[gene]
    found = set()
    for name, exons in all_exons.items():
        if transcripts is None or name in transcripts:
            for (_, end), (start, _) in itertools.pairwise(exons):
                left, right = (1, 0) if strand == "+" else (0, 1)
                found |= {(end - 1, left), (start, right)}
    return found


def write_gtf(path, tags=None):
    lines = []
    for gene, (contig, strand, transcripts) in GENES.items():
        kind = "lncRNA" if gene == "C1" else "protein_coding"
        for name, exons in transcripts.items():
            extra = f' tag "{tags[name]}";' if tags and name in tags else ""
            for start, end in exons:
                words = f'gene_id "{gene}"; transcript_id "{name}"; gene_biotype "{kind}";{extra}'
                lines.append(f"{contig}\ttest\texon\t{start + 1}\t{end}\t.\t{strand}\t.\t{words}")
    path.write_text("\n".join(lines) + "\n")
    return path


def make_table(seed: int, *, contig: str = "chr{}", build: str = "GRCh38", shift: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    rows = []
    for gene, (number, strand, _) in GENES.items():
        start, end = SPANS[gene]
        scores = rng.choice([0.0001, 0.002, 0.02, 0.3, 0.42], size=(end - start, 2))
        for position, kind in sites(gene):
            moved = position + (shift if strand == "+" else -shift)
            if start <= moved < end and (shift or rng.random() < 0.8):
                scores[moved - start] = 0.001
                scores[moved - start, kind] = rng.choice([0.42, 0.6, 0.95])
        rows += [
            (build, contig.format(number), strand, start + i, gene, *map(float, pair)) for i, pair in enumerate(scores)
        ]
    rows.sort(key=lambda row: (row[1], row[3], row[2], row[4]))
    columns = dict(
        zip(("build", "contig", "strand", "position", "gene_id"), zip(*(r[:5] for r in rows), strict=True), strict=True)
    )
    acceptor, donor = (np.array([row[k] for row in rows], dtype=np.float32) for k in (5, 6))
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    for name in ("build", "contig", "strand", "gene_id"):
        table = table.set_column(table.schema.get_field_index(name), name, table.column(name).dictionary_encode())
    table = table.append_column("gene_name", pa.array([f"name-{g}" for g in columns["gene_id"]]).dictionary_encode())
    for name, values in (("neither", 1 - acceptor - donor), ("acceptor", acceptor), ("donor", donor)):
        table = table.append_column(f"{name}_score", pa.array(values))
    return table


@pytest.fixture
def bench(tmp_path):
    """Write tables and evaluate them."""

    def evaluate(*tables, means=(), build=None, tags=None, row_group=37, pattern="*_score", **options):
        annotation = read_annotation(write_gtf(tmp_path / "genes.gtf", tags))
        inputs = []
        for number, table in enumerate(tables or (make_table(1),)):
            path = tmp_path / f"table{number}.parquet"
            pq.write_table(table, path, row_group_size=row_group)
            inputs.append(ModelInput("abcdef"[number], path, pattern))
        config = EvaluateConfig(**{"bootstrap": 0, **options})
        return evaluate_tables(inputs, annotation, config, means=means, build=build)

    return evaluate


def slow_rows(table, *, labels="all", scope="strand", masked=lambda row: False):
    """(labels (n, 2), scores (n, 2)) of the rows that count, one by one."""
    chosen = None if labels == "all" else CANONICAL
    truth, scores = [], []
    for row in table.to_pylist():
        number = row["contig"].removeprefix("chr")
        genes = (
            [row["gene_id"]]
            if scope == "gene"
            else [g for g, (c, s, _) in GENES.items() if (c, s) == (number, row["strand"])]
        )
        true = {k for gene in genes for position, k in sites(gene, chosen) if position == row["position"]}
        if not true and masked(row):
            continue
        truth.append([0 in true, 1 in true])
        scores.append([row["acceptor_score"], row["donor_score"]])
    return np.array(truth), np.array(scores, dtype=np.float32)


def check(evaluation, model, truth, scores, threshold=0.5):
    figures = evaluation.comparison.figures[model]
    assert evaluation.pools[model].positions.sum() == len(truth)
    for k, name in enumerate(("acceptor", "donor")):
        y, s = truth[:, k], scores[:, k]
        calls = confusion_at(y, s, threshold)
        assert figures[name]["sites"] == y.sum()
        assert figures[name]["average_precision"] == pytest.approx(average_precision(y, s))
        assert figures[name]["top_k"] == pytest.approx(top_k_accuracy(y, s))
        assert figures[name]["false_positives@0.5"] == calls.false_positives
        assert figures[name]["false_negatives@0.5"] == calls.false_negatives


@pytest.mark.parametrize("labels", ["all", "canonical"])
@pytest.mark.parametrize("row_group", [1, 37, 10_000])
def test_figures_are_those_of_all_rows(bench, labels, row_group):
    table = make_table(1)
    check(bench(table, labels=labels, row_group=row_group), "a", *slow_rows(table, labels=labels))


def test_with_scope_gene_the_sites_of_other_genes_are_left_out(bench):
    table = make_table(1)
    strand = {g: {p for o, (c, s, _) in GENES.items() if (c, s) == GENES[g][:2] for p, _ in sites(o)} for g in GENES}
    found = bench(table, scope="gene")
    check(found, "a", *slow_rows(table, scope="gene", masked=lambda row: row["position"] in strand[row["gene_id"]]))
    # A1's acceptors 200, 215, 300 and donors 149, 259 lie in A2, A2's donor 169 in A1.
    assert found.mask.to_json()["reasons"]["other_gene"] == {"rows": 6, "positions": 6}


def test_sites_of_boundary_transcripts_and_of_another_annotation_are_left_out_and_counted(bench, tmp_path):
    boundary = tmp_path / "boundary.tsv"
    boundary.write_text(
        "#transcript\tgene\tbiotype\tchrom\tstrand\texon_starts_0based\texon_ends\n"
        "x\tA1\tcoding\tchr1\t+\t360,100,200\t400,150,230\n"  # 199 -> annotated, 229 and 360 are new, in A1 and A2
    )
    other = tmp_path / "other.gtf"
    other.write_text(
        "".join(
            f'1\ttest\texon\t{start + 1}\t{end}\t.\t-\t.\tgene_id "Z"; transcript_id "z";\n'
            for start, end in [(125, 200), (230, 300)]
        )
    )
    table = make_table(1)
    found = bench(table, mask_boundary=str(boundary), mask_annotation=str(other))
    unknown = {("+", 229), ("+", 360), ("-", 199), ("-", 230)}
    check(found, "a", *slow_rows(table, masked=lambda row: (row["strand"], row["position"]) in unknown))
    reasons = found.mask.to_json()["reasons"]
    assert reasons["boundary"] == {"rows": 4, "positions": 2}
    assert reasons["other_annotation"] == {"rows": 2, "positions": 2}
    assert "left out: 4 positions, 6 rows (2 boundary, 2 other annotation)" in list(report_lines(found))


def test_sites_of_other_transcripts_can_be_left_out(bench):
    table = make_table(1)
    found = bench(table, labels="canonical", mask_other_transcripts=True)
    check(
        found,
        "a",
        *slow_rows(table, labels="canonical", masked=lambda row: row["strand"] == "+" and row["position"] == 215),
    )
    assert found.mask.to_json()["reasons"]["other_transcript"] == {"rows": 2, "positions": 1}
    with pytest.raises(ConfigError, match="canonical"):
        bench(table, mask_other_transcripts=True)


def test_the_canonical_transcript_is_the_tagged_one_else_the_longest(tmp_path):
    for tags, expected in ((None, "t1"), ({"t2": "MANE_Select", "t1": "Ensembl_canonical"}, "t2")):
        annotation = read_annotation(write_gtf(tmp_path / "genes.gtf", tags))
        names = annotation.transcripts.column("transcript_id").to_pylist()
        assert {names[row] for row in canonical_transcripts(annotation)} == {expected, "t3", "t4", "t5"}


@pytest.mark.parametrize("order", ["reversed", "shuffled", "by gene"])
def test_the_order_of_rows_makes_no_difference(bench, order):
    tables = [make_table(1), make_table(2)]
    expected = evaluation_json(bench(*tables, bootstrap=50))
    rows = np.arange(tables[1].num_rows)[::-1].copy()
    if order == "shuffled":
        np.random.default_rng(0).shuffle(rows)
    elif order == "by gene":
        rows = np.argsort(tables[1].column("gene_id").to_pylist(), kind="stable")
    found = evaluation_json(bench(tables[0], tables[1].take(pa.array(rows)), bootstrap=50))
    for value in (found, expected):
        del value["tables"]["b"]["sha256"]
    assert found == expected


@pytest.mark.parametrize("contig", ["{}", "chr{}"])
def test_contigs_match_by_any_of_their_names(bench, contig):
    found = bench(make_table(1), make_table(1, contig=contig), contigs=("chr2",))
    assert {gene.key.contig for gene in found.pool.genes} == {"chr2"}
    assert found.comparison.difference("b", "both", "top_k")["difference"] == 0


def test_a_mean_is_the_mean_of_probabilities(bench):
    tables = [make_table(1), make_table(2)]
    found = bench(*tables, means=("m=a,b",))
    (truth, first), (_, second) = (slow_rows(table) for table in tables)
    mean = ((first.astype(np.float64) + second) / 2).astype(np.float32)
    check(found, "m", truth, mean)
    overlap = found.overlap["0.5"].to_json()["donor"]["false_negatives"]
    for names in ({"a"}, {"a", "b"}, {"b", "m"}):
        wrong = {n: truth[:, 1] & (s[:, 1] < 0.5) for n, s in (("a", first), ("b", second), ("m", mean))}
        exactly = np.all([wrong[n] == (n in names) for n in "abm"], axis=0) & truth[:, 1]
        assert sum(row["count"] for row in overlap if set(row["models"]) == names) == exactly.sum()


def test_strata_are_the_figures_of_their_rows(bench):
    table = make_table(1)
    found = evaluation_json(bench(table))["models"]["a"]["strata"]
    assert found.keys() == {"contig", "strand", "gene_type"}
    assert found["gene_type"].keys() == {"lncRNA", "protein_coding"}
    rows = table.to_pylist()
    truth, scores = slow_rows(table)
    for kind, value, chosen in (
        ("contig", "chr2", [r["contig"] == "chr2" for r in rows]),
        ("strand", "-", [r["strand"] == "-" for r in rows]),
    ):
        figures = found[kind][value]["donor"]
        assert figures["average_precision"] == pytest.approx(average_precision(truth[chosen, 1], scores[chosen, 1]))
    assert sum(genes.sum() for kind, _, genes in strata(bench(table).pool) if kind == "strand") == 4


@pytest.mark.parametrize("shift", [-2, 1])
def test_shifted_scores_are_told(bench, shift):
    found = bench(make_table(1, shift=shift))
    assert {best for *_, best in found.shifted} == {shift}
    assert any("DO NOT AGREE" in line for line in report_lines(found))
    assert "Coordinates do not agree" in html_page(found)
    assert not bench().shifted


def test_a_sparse_table_is_refused(bench):
    table = make_table(1)
    with pytest.raises(InputError, match=r"at least 0\.1"):
        bench(table.replace_schema_metadata({"splicecore.min_score": "0.1"}))


def test_missing_positions_are_refused_or_left_out_of_all(bench):
    table = make_table(1)
    holes = np.arange(table.num_rows) % 7 != 3
    sparse = make_table(2).filter(pa.array(holes))
    with pytest.raises(InputError, match="are missing: a has 300 of 101-400; b has"):
        bench(table, sparse)
    with pytest.raises(InputError, match="are missing"):
        bench(sparse)
    found = bench(table, sparse, allow_missing=True)
    truth, scores = slow_rows(table)
    check(found, "a", truth[holes], scores[holes])
    assert found.facts["incomplete_genes"] == 4
    assert any("lack a score" in line for line in report_lines(found))


def test_genes_that_a_table_lacks_are_left_out_of_all_and_counted(bench):
    table = make_table(1)
    few = table.filter(pa.array([gene != "B1" for gene in table.column("gene_id").to_pylist()]))
    found = bench(table, few)
    assert [gene.key.gene_id for gene in found.pool.genes] == ["A1", "A2", "C1"]
    assert (found.tables["a"]["genes_left_out"], found.tables["b"]["genes_left_out"]) == (1, 0)
    with pytest.raises(InputError, match="no gene in common"):
        bench(table, few, genes=("name-B1",))


def test_chosen_genes_go_by_name_or_id(bench):
    assert [g.gene_name for g in bench(genes=("A2", "name-C1")).pool.genes] == ["name-A2", "name-C1"]
    with pytest.raises(InputError, match="no gene NOPE"):
        bench(genes=("NOPE",))


def test_builds_must_agree(bench):
    with pytest.raises(InputError, match="different builds: a is of GRCh38; b is of GRCh37"):
        bench(make_table(1), make_table(1, build="GRCh37"))
    with pytest.raises(InputError, match="the genome is GRCh37"):
        bench(make_table(1), build="GRCh37")


def test_coordinates_of_another_build_are_refused(bench):
    table = make_table(1)
    moved = table.set_column(3, "position", pa.array(table.column("position").to_numpy() + 10_000))
    with pytest.raises(InputError, match="another build"):
        bench(moved)
    strangers = pa.array([f"x{gene}" for gene in table.column("gene_id").to_pylist()])
    with pytest.raises(ContigError, match="same build"):
        bench(moved.set_column(4, "gene_id", strangers))


def test_an_absent_contig_is_refused(bench):
    with pytest.raises(ContigError, match="no rows on chr7"):
        bench(contigs=("1", "7"))


def test_rows_that_are_there_twice_are_refused(bench):
    table = make_table(1)
    with pytest.raises(InputError, match="more than one row"):
        bench(pa.concat_tables([table, table.slice(5, 2)]))


@pytest.mark.parametrize("value", [float("nan"), 1.5, None])
def test_scores_that_are_no_probabilities_are_refused(bench, value):
    table = make_table(1)
    scores = table.column("donor_score").to_pylist()
    scores[17] = value
    broken = table.set_column(
        table.schema.get_field_index("donor_score"), "donor_score", pa.array(scores, pa.float32())
    )
    with pytest.raises(InputError, match=r"no probabilities|nulls"):
        bench(broken)


def test_columns_are_chosen_by_their_pattern(bench):
    table = make_table(1)
    names = [name.replace("_score", "_meta") for name in table.schema.names]
    meta = table.rename_columns(names).drop_columns(["neither_meta"])
    check(bench(meta, pattern="*_meta"), "a", *slow_rows(table))
    with pytest.raises(InputError, match="no column acceptor_score, donor_score"):
        bench(meta)


def test_reports_name_everything_and_are_the_same_each_time(bench):
    def make():
        return bench(make_table(1), make_table(2), means=("a<b=a,b",), bootstrap=50, thresholds=("0.5", "b=0.3,0.4"))

    first, again = make(), make()
    assert html_page(first) == html_page(again)
    assert evaluation_json(first) == evaluation_json(again)
    lines = list(report_lines(first))
    assert any(line.startswith("b") and "0.3" in line for line in lines)
    page = html_page(first)
    assert "a&lt;b" in page
    assert "a<b" not in page
    for word in ("http://", "https://", "<script", "src="):
        assert word not in page
    assert "prefers-color-scheme: dark" in page
    for cell in ("0.3", "0.4", "0.3 / 0.4"):  # acceptors, donors, both
        assert page.count(f"<td>{cell}</td>") == 1
    for start in [i for i in range(len(page)) if page.startswith("<svg", i)]:
        ET.fromstring(page[start : page.index("</svg>", start) + 6])


def test_json_has_no_figures_that_are_not_numbers(bench):
    import json

    value = evaluation_json(bench(make_table(1), make_table(2), bootstrap=30, genes=("A2", "C1")))
    json.dumps(value, allow_nan=False)
    assert value["models"]["a"]["figures"]["donor"]["operating_points"]["0.5"]["false_positives"] >= 0
    assert value["differences"].keys() == {"b"}

"""The derived tables: every value of a golden annotation, and random annotations against plain Python."""

from __future__ import annotations

import gzip
import itertools
import re
from collections import Counter, defaultdict
from statistics import mean, median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.resources.derive import derive_resources
from splicecore.resources.keys import DERIVED_KINDS
from splicecore.resources.resource_set import ResourceSet
from splicecore.resources.schemas import SCHEMAS

LENGTH = 400


def derived(folder, inputs, **options):
    derive_resources(folder, fasta=inputs.fasta, annotation=inputs.annotation, **options)
    return ResourceSet.open(folder)


def rows(resources, kind, *columns):
    return [tuple(row.values()) for row in resources.table(kind, columns or None).to_pylist()]


@pytest.fixture
def resources(golden, tmp_path):
    return derived(tmp_path / "derived", golden)


def test_golden_genes(resources):
    assert rows(resources, "gene_features") == [
        ("GP", "PLUS", "protein_coding", "chr1", "+", 10, 100, 90, 2, 4, 12.5, 10.0, 40, 50, 5, 1),
        ("GM", "MINUS", "lncRNA", "chr1", "-", 80, 170, 90, 1, 3, 35 / 3, 10.0, 35, 55, 4, 2),
        ("GS", "GS", "lncRNA", "chr1", "+", 130, 140, 10, 1, 1, 10.0, 10.0, 10, 0, 0, 1),
        ("GX", "TOUCH", "protein_coding", "chr2", "+", 10, 50, 40, 1, 3, 10.0, 10.0, 30, 10, 2, 0),
        ("GY", "NEXT", "protein_coding", "chr2", "+", 50, 60, 10, 1, 1, 10.0, 10.0, 10, 0, 0, 0),
    ]
    assert rows(resources, "unmatched_genes") == [("GZ", "AWAY", "protein_coding", "chr9", "-", 10, 40)]
    assert resources.manifest.unmatched == {"chr9": 1}


def test_golden_transcripts(resources):
    assert rows(resources, "transcript_features") == [
        ("T1", "GP", 0, "chr1", "+", 10, 100, "protein_coding", ["MANE_Select"], 90, 3, 40 / 3, 10.0, 40, 50),
        ("T2", "GP", 0, "chr1", "+", 10, 100, "protein_coding", [], 90, 3, 10.0, 10.0, 30, 60),
        ("T3", "GM", 1, "chr1", "-", 80, 170, "lncRNA", [], 90, 3, 35 / 3, 10.0, 35, 55),
        ("T4", "GS", 2, "chr1", "+", 130, 140, "lncRNA", [], 10, 1, 10.0, 10.0, 10, 0),
        ("T5", "GX", 3, "chr2", "+", 10, 50, "protein_coding", [], 40, 3, 10.0, 10.0, 30, 10),
        ("T6", "GY", 4, "chr2", "+", 50, 60, "protein_coding", [], 10, 1, 10.0, 10.0, 10, 0),
    ]


def test_golden_exons(resources):
    assert rows(resources, "exon_features")[3:9] == [
        (1, "GP", "T2", 1, 10, 10, 20, "chr1", "+"),
        (1, "GP", "T2", 2, 10, 40, 50, "chr1", "+"),
        (1, "GP", "T2", 3, 10, 90, 100, "chr1", "+"),
        (2, "GM", "T3", 3, 15, 80, 95, "chr1", "-"),
        (2, "GM", "T3", 2, 10, 120, 130, "chr1", "-"),
        (2, "GM", "T3", 1, 10, 160, 170, "chr1", "-"),
    ]
    assert len(rows(resources, "exon_features")) == 14


def test_golden_sites(resources):
    columns = ("contig", "strand", "site_type", "position", "gene", "transcript", "exon_number", "motif")
    assert rows(resources, "splice_sites", *columns) == [
        ("chr1", "+", "donor", 19, 0, 0, 1, "GT"),
        ("chr1", "+", "donor", 19, 0, 1, 1, "GT"),
        ("chr1", "+", "acceptor", 40, 0, 0, 2, "AG"),
        ("chr1", "+", "acceptor", 40, 0, 1, 2, "AG"),
        ("chr1", "+", "donor", 49, 0, 1, 2, "GT"),
        ("chr1", "+", "donor", 59, 0, 0, 2, "GC"),
        ("chr1", "+", "acceptor", 90, 0, 0, 3, "AG"),
        ("chr1", "+", "acceptor", 90, 0, 1, 3, "AG"),
        ("chr1", "-", "acceptor", 94, 1, 2, 3, "AG"),
        ("chr1", "-", "donor", 120, 1, 2, 2, "GT"),
        ("chr1", "-", "acceptor", 129, 1, 2, 2, "AG"),
        ("chr1", "-", "donor", 160, 1, 2, 1, "AT"),
        ("chr2", "+", "donor", 29, 3, 4, 2, "GT"),
        ("chr2", "+", "acceptor", 40, 3, 4, 3, "NG"),
    ]
    names = ("gene_id", "transcript_id", "gene_name", "gene_biotype", "transcript_biotype")
    assert rows(resources, "splice_sites", *names)[8] == ("GM", "T3", "MINUS", "lncRNA", "lncRNA")
    assert [(m.strand, m.site_type, m.motif, m.count, m.share) for m in resources.manifest.motifs] == [
        ("+", "acceptor", "AG", 2, 2 / 3),
        ("+", "acceptor", "NG", 1, 1 / 3),
        ("+", "donor", "GT", 3, 0.75),
        ("+", "donor", "GC", 1, 0.25),
        ("-", "acceptor", "AG", 2, 1.0),
        ("-", "donor", "AT", 1, 0.5),
        ("-", "donor", "GT", 1, 0.5),
    ]


def test_golden_junctions(resources):
    columns = ("strand", "donor_position", "acceptor_position", "intron_length", "gene_id", "transcript_id")
    assert rows(resources, "junctions", *columns) == [
        ("+", 19, 40, 20, "GP", "T1"),
        ("+", 59, 90, 30, "GP", "T1"),
        ("+", 19, 40, 20, "GP", "T2"),
        ("+", 49, 90, 40, "GP", "T2"),
        ("-", 120, 94, 25, "GM", "T3"),
        ("-", 160, 129, 30, "GM", "T3"),
        ("+", 29, 40, 10, "GX", "T5"),
    ]


def test_golden_overlaps(resources):
    """Genes that touch (GX and GY) do not overlap."""
    assert rows(resources, "overlapping_genes") == [
        (0, 1, "GP", "GM", "chr1", 10, 100, 80, 170, "+", "-", 20, False),
        (1, 2, "GM", "GS", "chr1", 80, 170, 130, 140, "-", "+", 10, False),
    ]


@pytest.mark.parametrize("materialize", [False, True])
def test_golden_sequences(golden, tmp_path, materialize):
    resources = derived(tmp_path / "derived", golden, materialize_sequences=materialize)
    chr1 = golden.fasta.read_text().split()[1]
    complement = str.maketrans("ACGT", "TGCA")
    with resources.sequences() as sequences:
        plus, minus = sequences.catalog.all()[:2]
        assert sequences.text(plus) == chr1[10:100]
        assert sequences.text(minus) == chr1[80:170].translate(complement)[::-1]
        assert sequences.codes(minus).shape == (90,)
        assert len(sequences) == 5
    if materialize:
        assert [p.name for p in sorted(resources.path("gene_sequences").iterdir())] == ["chr1.parquet", "chr2.parquet"]
        table = resources.table("gene_sequences").to_pylist()
        assert [row["gene_id"] for row in table] == ["GP", "GM", "GS", "GX", "GY"]
        assert table[1]["sequence"] == chr1[80:170].translate(complement)[::-1]
        assert (table[1]["start"], table[1]["strand"]) == (80, "-")
    else:
        assert resources.path("gene_sequences") == golden.fasta


def test_tables_have_their_schemas(resources):
    for kind in (*DERIVED_KINDS, "unmatched_genes"):
        if kind == "gene_sequences":
            continue
        assert resources.table(kind).schema.equals(SCHEMAS[kind].arrow())
        assert all(column.meaning for column in SCHEMAS[kind].columns)


@st.composite
def annotations(draw):
    """(contig, strand, gene, transcript, exons) of transcripts; exons are [start, end), apart or touching."""
    models = []
    for number in range(draw(st.integers(1, 7))):
        cuts = sorted(draw(st.lists(st.integers(0, LENGTH), min_size=2, max_size=12, unique=True)))
        exons = list(zip(cuts[:-1:2], cuts[1::2], strict=False))
        if draw(st.booleans()) and exons[0][1] - exons[0][0] > 1:
            (start, end), cut = exons[0], draw(st.integers(exons[0][0] + 1, exons[0][1] - 1))
            exons[:1] = [(start, cut), (cut, end)]
        strand, contig = draw(st.sampled_from("+-")), draw(st.sampled_from(["chr1", "chr2"]))
        models.append((contig, strand, draw(st.sampled_from("ABC")), f"T{number}", exons))
    return models


@pytest.fixture(scope="module")
def derive_models(tmp_path_factory):
    """Derive models on a genome whose bases beside the exons are arbitrary; so annotation and genome need not fit."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "g.fa").write_text("".join(f">chr{n}\n{'ACGTTGCAAC' * (LENGTH // 10)}\n" for n in (1, 2)))
    counter = itertools.count()

    def derive(models):
        gtf = folder / "a.gtf"
        gtf.write_text(
            "".join(
                f"{contig}\tt\texon\t{start + 1}\t{end}\t.\t{strand}\t.\t"
                f'gene_id "{gene}"; transcript_id "{transcript}";\n'
                for contig, strand, gene, transcript, exons in models
                for start, end in exons[::-1]
            )
        )
        out = folder / f"derived{next(counter)}"
        derive_resources(out, fasta=folder / "g.fa", annotation=gtf)
        return ResourceSet.open(out)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("splicecore.genome.motif_check.check_motifs", lambda *_: None)
        yield derive


def covered(exons):
    return len({base for start, end in exons for base in range(start, end)})


def expected_lengths(exons):
    distinct = set(exons)
    lengths = [end - start for start, end in distinct]
    span = max(end for _, end in distinct) - min(start for start, _ in distinct)
    return len(distinct), mean(lengths), median(lengths), covered(distinct), span - covered(distinct)


def naive_introns(exons):
    return [(a[1], b[0]) for a, b in itertools.pairwise(exons) if b[0] > a[1]]


@given(models=annotations())
@settings(max_examples=40, deadline=None)
def test_tables_equal_plain_python(derive_models, models):
    resources = derive_models(models)
    genes = defaultdict(list)
    for contig, strand, gene, transcript, exons in models:
        genes[contig, strand, gene].append((transcript, exons))
    spans = {key: (min(t[1][0][0] for t in ts), max(t[1][-1][1] for t in ts)) for key, ts in genes.items()}

    found = {(r["contig"], r["strand"], r["gene_id"]): r for r in resources.table("gene_features").to_pylist()}
    assert found.keys() == genes.keys()
    pairs = {
        frozenset((one, other)): min(spans[one][1], spans[other][1]) - max(spans[one][0], spans[other][0])
        for one, other in itertools.combinations(genes, 2)
        if one[0] == other[0] and spans[one][0] < spans[other][1] and spans[other][0] < spans[one][1]
    }
    names = [(r["contig"], r["strand"], r["gene_id"]) for r in resources.table("gene_features").to_pylist()]
    overlaps = resources.table("overlapping_genes").to_pylist()
    assert len(overlaps) == len(pairs)
    assert {frozenset((names[r["gene_1"]], names[r["gene_2"]])): r["overlap"] for r in overlaps} == pairs
    for row in overlaps:
        assert row["gene_1"] < row["gene_2"]
        assert row["same_strand"] == (names[row["gene_1"]][1] == names[row["gene_2"]][1])
        assert (row["start_1"], row["end_1"]) == spans[names[row["gene_1"]]]
        assert (row["start_2"], row["end_2"]) == spans[names[row["gene_2"]]]
    for key, transcripts in genes.items():
        row = found[key]
        sites = {site for _, exons in transcripts for i in naive_introns(exons) for site in enumerate(i)}
        count, *lengths = expected_lengths([exon for _, exons in transcripts for exon in exons])
        assert (row["start"], row["end"], row["gene_length"]) == (*spans[key], spans[key][1] - spans[key][0])
        assert (row["num_transcripts"], row["num_exons"], row["n_splice_sites"]) == (
            len(transcripts),
            count,
            len(sites),
        )
        assert [
            row[n] for n in ("avg_exon_length", "median_exon_length", "total_exon_length", "total_intron_length")
        ] == pytest.approx(lengths)
        assert row["num_overlaps"] == sum(key in pair for pair in pairs)

    by_id = {transcript: (contig, strand, gene, exons) for contig, strand, gene, transcript, exons in models}
    numbered = {
        (transcript, start, end): number if strand == "+" else len(exons) + 1 - number
        for transcript, (_, strand, _, exons) in by_id.items()
        for number, (start, end) in enumerate(exons, start=1)
    }
    exon_rows = resources.table("exon_features").to_pylist()
    assert {(r["transcript_id"], r["start"], r["end"]): r["exon_number"] for r in exon_rows} == numbered
    assert len(exon_rows) == len(numbered)
    assert all(r["exon_length"] == r["end"] - r["start"] for r in exon_rows)
    for row in resources.table("transcript_features").to_pylist():
        contig, strand, gene, exons = by_id[row["transcript_id"]]
        assert (row["contig"], row["strand"], row["gene_id"]) == (contig, strand, gene)
        assert names[row["gene"]] == (contig, strand, gene)
        count, *lengths = expected_lengths(exons)
        assert row["num_exons"] == count
        assert [row["avg_exon_length"], row["median_exon_length"]] == pytest.approx(lengths[:2])
        assert [row["total_exon_length"], row["total_intron_length"]] == lengths[2:]

    junctions = Counter(
        (transcript, *((low - 1, high) if strand == "+" else (high, low - 1)), high - low)
        for transcript, (_, strand, _, exons) in by_id.items()
        for low, high in naive_introns(exons)
    )
    columns = ("transcript_id", "donor_position", "acceptor_position", "intron_length")
    assert Counter(rows(resources, "junctions", *columns)) == junctions
    site_rows = resources.table("splice_sites").to_pylist()
    assert Counter((r["transcript_id"], r["position"], r["site_type"]) for r in site_rows) == Counter(
        (transcript, position, kind)
        for transcript, donor, acceptor, _ in junctions.elements()
        for position, kind in ((donor, "donor"), (acceptor, "acceptor"))
    )
    for row in site_rows:
        touching = (row["position"] + 1, "end") if (row["site_type"] == "donor") == (row["strand"] == "+") else None
        exon = next(
            (start, end)
            for start, end in by_id[row["transcript_id"]][3]
            if (end == touching[0] if touching else start == row["position"])
        )
        assert row["exon_number"] == numbered[row["transcript_id"], *exon]
        text = "ACGTTGCAAC" * (LENGTH // 10)
        motif = text[row["position"] + 1 :][:2] if touching else text[row["position"] - 2 : row["position"]]
        if row["strand"] == "-":
            motif = motif.translate(str.maketrans("ACGT", "TGCA"))[::-1]
        assert row["motif"] == motif


@pytest.mark.realdata
@pytest.mark.parametrize("build", ["GRCh37", "GRCh38"])
def test_counts_of_the_real_annotation(real_data, tmp_path, build):
    """Rows against a count of the GTF's lines that shares no code with the package."""
    genome = real_data / "genome"
    gtf = genome / f"{build}.gtf.gz"
    resources = ResourceSet.open(
        derive_resources(tmp_path, fasta=genome / f"{build}.fa.gz", annotation=gtf, build=build).folder
    )
    exons = defaultdict(set)
    with gzip.open(gtf, "rt") as lines:
        for line in lines:
            fields = line.split("\t")
            if len(fields) == 9 and fields[2] == "exon":
                gene, transcript = (
                    re.search(rf'{name} "([^"]+)"', fields[8])[1] for name in ("gene_id", "transcript_id")
                )
                exons[fields[0], fields[6], gene, transcript].add((int(fields[3]), int(fields[4])))
    introns = sum(
        1 for found in exons.values() for (_, end), (start, _) in itertools.pairwise(sorted(found)) if start > end + 1
    )
    counts = {kind: record.rows for kind, record in resources.manifest.datasets.items()}
    assert counts["gene_features"] == len({key[:3] for key in exons})
    assert counts["transcript_features"] == len(exons)
    assert counts["exon_features"] == sum(map(len, exons.values()))
    assert counts["junctions"] == introns
    assert counts["splice_sites"] == 2 * introns
    shares = {(m.strand, m.site_type, m.motif): m.share for m in resources.manifest.motifs}
    for strand in "+-":
        assert shares[strand, "donor", "GT"] > 0.98
        assert shares[strand, "acceptor", "AG"] > 0.99

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.genome.annotation import read_annotation
from splicecore.genome.contigs import Contigs
from splicecore.genome.encoding import encode, reverse_complement
from splicecore.genome.genes import GeneCatalog
from splicecore.genome.reference import Reference
from splicecore.genome.sites import SITES, SiteIndex, introns, motifs, splice_sites

LENGTH = 400
CONTIGS = Contigs(("chr1", "chr2"), (LENGTH, LENGTH))


@st.composite
def annotations(draw):
    """(contig, strand, gene, transcript, exons) of transcripts; exons are [start, end), at least a base apart."""
    models = []
    for number in range(draw(st.integers(1, 6))):
        cuts = draw(st.lists(st.integers(0, LENGTH), min_size=2, max_size=12, unique=True).map(sorted))
        cuts = cuts[: len(cuts) // 2 * 2]
        strand, contig = draw(st.sampled_from("+-")), draw(st.sampled_from(CONTIGS.names))
        gene = draw(st.sampled_from(["A", "B"]))
        models.append((contig, strand, gene, f"T{number}", list(zip(cuts[::2], cuts[1::2], strict=True))))
    return models


def gtf_of(models):
    return "".join(
        f'{contig}\tt\texon\t{start + 1}\t{end}\t.\t{strand}\t.\tgene_id "{gene}"; transcript_id "{transcript}";\n'
        for contig, strand, gene, transcript, exons in models
        for start, end in (exons if strand == "+" else exons[::-1])
    )


@pytest.fixture(scope="module")
def bind(tmp_path_factory):
    path = Path(tmp_path_factory.mktemp("sites")) / "a.gtf"

    def bound(models):
        path.write_text(gtf_of(models))
        return read_annotation(path).bind(CONTIGS)

    return bound


def naive_sites(models):
    """Walk along each transcript, 5' to 3'."""
    found = set()
    for contig, strand, _, transcript, exons in models:
        ordered = exons if strand == "+" else exons[::-1]
        for number, (start, end) in enumerate(ordered):
            first, last = (start, end - 1) if strand == "+" else (end - 1, start)
            if number > 0:
                found.add((contig, first, strand, "acceptor", transcript))
            if number < len(ordered) - 1:
                found.add((contig, last, strand, "donor", transcript))
    return found


def tuples(annotation, sites):
    names = annotation.transcripts.column("transcript_id").to_pylist()
    return [
        (r["contig"], r["position"], r["strand"], r["site_type"], names[r["transcript"]]) for r in sites.to_pylist()
    ]


@given(models=annotations())
@settings(max_examples=60, deadline=None)
def test_sites_equal_a_walk_along_each_transcript(bind, models):
    annotation = bind(models)
    sites = splice_sites(annotation)
    rows = tuples(annotation, sites)

    assert sites.schema == SITES
    assert len(set(rows)) == len(rows)
    assert set(rows) == naive_sites(models)
    genes = annotation.genes.column("gene_id").to_pylist()
    by_transcript = {transcript: gene for _, _, gene, transcript, _ in models}
    assert [by_transcript[row[-1]] for row in rows] == [genes[g] for g in sites.column("gene").to_pylist()]


@given(models=annotations())
@settings(max_examples=60, deadline=None)
def test_mirror(bind, models):
    """On the other strand of a mirrored contig the sites are the same, mirrored."""
    mirrored = [
        (contig, "-" if strand == "+" else "+", gene, transcript, [(LENGTH - e, LENGTH - s) for s, e in exons[::-1]])
        for contig, strand, gene, transcript, exons in models
    ]
    there, back = bind(models), None
    expected = {
        (c, LENGTH - 1 - p, "-" if s == "+" else "+", t, n) for c, p, s, t, n in tuples(there, splice_sites(there))
    }
    labels = {(g.contig, g.gene_id, g.strand): SiteIndex(there).labels(g).tolist() for g in GeneCatalog(there).all()}
    back = bind(mirrored)

    assert set(tuples(back, splice_sites(back))) == expected
    index = SiteIndex(back)
    for gene in GeneCatalog(back).all():
        assert index.labels(gene).tolist() == labels[gene.contig, gene.gene_id, "-" if gene.strand == "+" else "+"]


@given(models=annotations())
@settings(max_examples=60, deadline=None)
def test_masks_equal_the_table(bind, models):
    annotation = bind(models)
    index = SiteIndex(annotation)
    both = 0
    for gene in GeneCatalog(annotation).all():
        rows = [row for row in index.sites.to_pylist() if row["gene"] == gene.index]
        strand = [
            row
            for row in index.sites.to_pylist()
            if (row["contig"], row["strand"]) == (gene.contig, gene.strand) and gene.start <= row["position"] < gene.end
        ]
        for scope, wanted in (("gene", rows), ("strand", strand)):
            masks = index.site_masks(gene, scope=scope)
            for mask, site_type in zip(masks, ("acceptor", "donor"), strict=True):
                assert mask.dtype == np.bool_
                assert mask.shape == (gene.length,)
                positions = {row["position"] for row in wanted if row["site_type"] == site_type}
                assert positions == set(gene.to_genomic(np.flatnonzero(mask)).tolist())
        acceptor, donor = index.site_masks(gene)
        labels = index.labels(gene)
        assert labels.dtype == np.uint8
        assert np.array_equal(labels == 2, donor)
        assert np.array_equal(labels == 1, acceptor & ~donor)
        both += int((acceptor & donor).sum())
    assert index.n_ambiguous == both


@pytest.mark.parametrize("fixture", ["mini_gtf", "mini_table"])
def test_golden_sites(request, fixture):
    contigs = Contigs(("chr1", "chr2"), (100, 60))
    annotation = read_annotation(request.getfixturevalue(fixture)).bind(contigs)

    assert [tuple(row.values()) for row in splice_sites(annotation).to_pylist()] == [
        ("chr1", 19, "+", "donor", 0, 0),
        ("chr1", 30, "+", "acceptor", 0, 0),
        ("chr1", 39, "+", "donor", 0, 0),
        ("chr1", 50, "+", "acceptor", 0, 0),
        ("chr2", 13, "-", "acceptor", 1, 1),
        ("chr2", 24, "-", "donor", 1, 1),
        ("chr2", 33, "-", "acceptor", 1, 1),
        ("chr2", 40, "-", "donor", 1, 1),
    ]
    assert introns(annotation).to_pylist()[:2] == [
        {"transcript": 0, "start": 20, "end": 30},
        {"transcript": 0, "start": 40, "end": 50},
    ]
    index, (plus, minus) = SiteIndex(annotation), GeneCatalog(annotation).all()
    assert {int(p): int(index.labels(plus)[p]) for p in np.flatnonzero(index.labels(plus))} == {
        9: 2,
        20: 1,
        29: 2,
        40: 1,
    }
    assert {int(p): int(index.labels(minus)[p]) for p in np.flatnonzero(index.labels(minus))} == {
        9: 2,
        16: 1,
        25: 2,
        36: 1,
    }


def test_exon_of_one_base_is_acceptor_and_donor(bind):
    annotation = bind([("chr1", "+", "A", "T", [(10, 20), (30, 31), (40, 50)])])
    index, gene = SiteIndex(annotation), GeneCatalog(annotation).all()[0]

    acceptor, donor = index.site_masks(gene)
    assert index.n_ambiguous == 1
    assert acceptor[20]
    assert donor[20]
    assert index.labels(gene)[20] == 2


def test_exons_that_touch_or_overlap_give_no_sites(bind, caplog):
    touching = bind([("chr1", "+", "A", "T", [(10, 20), (20, 30), (40, 50)])])
    assert [(r["position"], r["site_type"]) for r in splice_sites(touching).to_pylist()] == [
        (29, "donor"),
        (40, "acceptor"),
    ]
    assert not caplog.records
    overlapping = bind([("chr1", "+", "A", "T", [(10, 20), (15, 30), (40, 50)])])
    with caplog.at_level(logging.WARNING):
        assert len(splice_sites(overlapping)) == 2
    assert "1 transcripts of" in caplog.text
    assert "(first: T)" in caplog.text


def test_annotation_without_introns(bind):
    annotation = bind([("chr1", "+", "A", "T", [(10, 20)])])
    index, gene = SiteIndex(annotation), GeneCatalog(annotation).all()[0]

    assert len(index.sites) == 0
    assert index.sites.schema == SITES
    assert not index.labels(gene).any()
    assert not index.labels(gene, scope="strand").any()
    assert index.n_ambiguous == 0


def test_motifs(bind, tmp_path):
    """Introns gtNN...NNag planted on both strands are read as GT and AG."""
    models = [
        ("chr1", "+", "A", "T0", [(10, 20), (50, 60), (90, 100)]),
        ("chr2", "-", "B", "T1", [(10, 20), (50, 60), (90, 100)]),
    ]
    intron = encode("GT" + "C" * 26 + "AG")
    sequences = {}
    for contig, codes in (("chr1", intron), ("chr2", reverse_complement(intron))):
        sequence = encode("A" * LENGTH)
        sequence[20:50] = sequence[60:90] = codes
        sequences[contig] = sequence
    sequences["chr1"][60:62] = encode("GC")
    path = tmp_path / "g.fa"
    path.write_text("".join(f">{n}\n{''.join('ACGTN'[c] for c in s)}\n" for n, s in sequences.items()))
    with Reference.open(path) as reference:
        table = motifs(reference, splice_sites(bind(models)))

    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("+", "acceptor", "AG", 2, 1.0),
        ("+", "donor", "GC", 1, 0.5),
        ("+", "donor", "GT", 1, 0.5),
        ("-", "acceptor", "AG", 2, 1.0),
        ("-", "donor", "GT", 2, 1.0),
    ]

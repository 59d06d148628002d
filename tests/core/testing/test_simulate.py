from __future__ import annotations

import gzip
import itertools

import numpy as np
import pytest
from splicecore.errors import ConfigError, OutputError
from splicecore.genome.encoding import N, decode, reverse_complement
from splicecore.testing.simulate import SITE_DTYPE, SimulationConfig, simulate_genome

ACCEPTOR, DONOR = 1, 2


@pytest.fixture(scope="module")
def genome():
    return simulate_genome(SimulationConfig(contigs=("chr1", "chr2", "chr3")), seed=7)


def oriented(genome, row, before, after):
    """Letters from ``before`` bases 5' of a site to ``after`` bases 3' of it, on its strand."""
    codes = genome.sequences[list(genome.sequences)[row["contig"]]]
    position = int(row["position"])
    if row["strand"] > 0:
        return decode(codes[position - before : position + after + 1])
    return decode(reverse_complement(codes[position - after : position + before + 1]))


def read_fasta(text):
    records = {}
    for block in text.split(">")[1:]:
        name, _, sequence = block.partition("\n")
        records[name] = sequence.replace("\n", "")
    return records


def test_the_same_seed_gives_the_same_files(tmp_path):
    for name in ("first", "second"):
        simulate_genome(SimulationConfig(), seed=3).write(tmp_path / name, spliceai_table=True)
        simulate_genome(SimulationConfig(), seed=3).write(tmp_path / name, bgzip=True)
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert names == ["annotation.gtf", "annotation.gtf.gz", "genome.fa", "genome.fa.gz", "spliceai_table.txt"]
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_another_seed_gives_another_genome(genome):
    other = simulate_genome(genome.config, seed=8)
    assert not np.array_equal(genome.sequences["chr1"][:5000], other.sequences["chr1"][:5000])


def test_a_contig_does_not_depend_on_the_others(genome):
    alone = simulate_genome(SimulationConfig(contigs=("chr1",)), seed=7)
    np.testing.assert_array_equal(alone.sequences["chr1"], genome.sequences["chr1"])


def test_sites_carry_their_dinucleotides_on_both_strands(genome):
    assert genome.sites.dtype == SITE_DTYPE
    for strand in (1, -1):
        rows = genome.sites[genome.sites["strand"] == strand]
        donors = [oriented(genome, row, 0, 2)[1:] for row in rows[rows["type"] == DONOR]]
        acceptors = [oriented(genome, row, 2, 0)[:2] for row in rows[rows["type"] == ACCEPTOR]]
        assert min(len(donors), len(acceptors)) > 20
        assert set(donors) <= {"GT", "GC"}
        assert donors.count("GT") > 0.9 * len(donors)
        assert set(acceptors) == {"AG"}


def test_gc_donors_follow_their_share():
    genome = simulate_genome(SimulationConfig(gc_donor_share=0.5, isoforms=False), seed=1)
    donors = genome.sites[genome.sites["type"] == DONOR]
    share = np.mean([oriented(genome, row, 0, 2)[1:] == "GC" for row in donors])
    assert 0.3 < share < 0.7


def test_acceptors_have_a_tract_and_decoys_do_not(genome):
    def pyrimidines(table):
        rows = table[table["type"] == ACCEPTOR]
        return np.mean([sum(letter in "CT" for letter in oriented(genome, row, 16, -5)) / 12 for row in rows])

    assert pyrimidines(genome.sites) > 0.8
    assert pyrimidines(genome.decoys) < 0.5


def test_no_ag_before_the_acceptor(genome):
    for row in genome.sites[genome.sites["type"] == ACCEPTOR]:
        assert "AG" not in oriented(genome, row, 20, -3)


def test_decoys_are_never_sites(genome):
    def keys(table):
        return {tuple(row) for row in table[["contig", "position", "strand", "type"]].tolist()}

    assert len(genome.decoys) > 30
    assert not keys(genome.sites) & keys(genome.decoys)
    assert len(keys(genome.sites)) == len(genome.sites)


def test_sites_are_those_of_the_transcripts(genome):
    contigs = list(genome.sequences)
    expected = set()
    for index, gene in enumerate(genome.genes):
        strand = 1 if gene.strand == "+" else -1
        for transcript in gene.transcripts:
            for left, right in zip(transcript.exons[:-1, 1] - 1, transcript.exons[1:, 0], strict=True):
                pair = (left, right) if strand > 0 else (right, left)
                for kind, position in ((DONOR, pair[0]), (ACCEPTOR, pair[1])):
                    expected.add((contigs.index(gene.contig), int(position), strand, kind, index))
    found = {tuple(row)[:5] for row in genome.sites.tolist()}
    assert expected == found


def test_genes_have_the_promised_variety(genome):
    assert {gene.strand for gene in genome.genes} == {"+", "-"}
    assert any(len(gene.transcripts[0].exons) == 1 for gene in genome.genes)
    assert any(len(gene.transcripts) > 1 for gene in genome.genes)
    assert genome.sites["alternative"].any()
    pairs = {"same": 0, "opposite": 0, "nested": 0}
    for first in genome.genes:
        for second in genome.genes:
            if (
                first is second
                or first.contig != second.contig
                or first.start > second.start
                or second.start >= first.end
            ):
                continue
            nested = second.end <= first.end
            pairs["nested" if nested else "same" if first.strand == second.strand else "opposite"] += 1
    assert pairs == {"same": 3, "opposite": 3, "nested": 3}


def test_overlaps_and_isoforms_can_be_left_out():
    genome = simulate_genome(SimulationConfig(overlaps=False, isoforms=False), seed=0)
    genes = sorted(genome.genes, key=lambda gene: (gene.contig, gene.start))
    assert len(genes) == 12
    assert all(a.end < b.start for a, b in itertools.pairwise(genes) if a.contig == b.contig)
    assert all(len(gene.transcripts) == 1 for gene in genes)


def test_exons_and_introns_have_realistic_lengths(genome):
    exons, introns = [], []
    for gene in genome.genes:
        blocks = gene.transcripts[0].exons
        assert blocks[0, 0] == gene.start
        assert blocks[-1, 1] == gene.end
        exons.extend(np.diff(blocks[1:-1], axis=1).ravel())
        introns.extend(blocks[1:, 0] - blocks[:-1, 1])
    assert 100 < np.median(exons) < 160
    assert min(exons) >= 50
    assert max(exons) <= 250
    assert 500 < np.median(introns) < 1200


def test_n_runs_lie_outside_genes(genome):
    for contig, codes in genome.sequences.items():
        assert (codes[:200] == N).all()
        assert (codes == N).sum() >= 400
        for gene in genome.genes:
            if gene.contig == contig:
                assert not (codes[gene.start : gene.end] == N).any()


def test_fasta_keeps_letters_and_soft_mask(genome, tmp_path):
    paths = genome.write(tmp_path / "made" / "here")
    records = read_fasta(paths.fasta.read_text(encoding="ascii"))
    assert list(records) == ["chr1", "chr2", "chr3"]
    for contig, text in records.items():
        assert text.upper() == decode(genome.sequences[contig])
        np.testing.assert_array_equal([letter.islower() for letter in text], genome.soft_masked[contig])
        assert 0.1 < genome.soft_masked[contig].mean() < 0.3


def test_bgzip_holds_the_same_text_and_can_be_indexed(genome, tmp_path):
    pysam = pytest.importorskip("pysam")
    plain, packed = genome.write(tmp_path), genome.write(tmp_path, bgzip=True)
    assert gzip.decompress(packed.fasta.read_bytes()) == plain.fasta.read_bytes()
    assert gzip.decompress(packed.annotation.read_bytes()) == plain.annotation.read_bytes()
    with pysam.FastaFile(str(packed.fasta)) as fasta:
        assert fasta.fetch("chr2", 4000, 4100).upper() == decode(genome.sequences["chr2"][4000:4100])


def test_gtf_is_one_based_and_in_transcript_order(genome, tmp_path):
    lines = genome.write(tmp_path).annotation.read_text(encoding="ascii").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    assert {len(row) for row in rows} == {9}
    assert [row[2] for row in rows].count("gene") == len(genome.genes)
    for gene in (genome.genes[0], genome.genes[2]):
        transcript = gene.transcripts[0]
        exons = [row for row in rows if row[2] == "exon" and transcript.transcript_id in row[8]]
        expected = transcript.exons if gene.strand == "+" else transcript.exons[::-1]
        assert [(int(row[3]) - 1, int(row[4])) for row in exons] == [tuple(pair) for pair in expected.tolist()]
        assert [row[8].split("exon_number ")[1].split(";")[0] for row in exons] == [
            str(n + 1) for n in range(len(exons))
        ]
        assert {row[6] for row in exons} == {gene.strand}


def test_spliceai_table_has_trailing_commas_and_no_chr(genome, tmp_path):
    path = genome.write(tmp_path, spliceai_table=True).spliceai_table
    header, *rows = (line.split("\t") for line in path.read_text(encoding="ascii").splitlines())
    assert header[0] == "#NAME"
    assert len(rows) == len(genome.genes)
    gene, row = genome.genes[0], rows[0]
    assert row[:5] == [gene.gene_name, "1", gene.strand, str(gene.start), str(gene.end)]
    assert row[5].endswith(",")
    assert [int(start) for start in row[5].rstrip(",").split(",")] == gene.transcripts[0].exons[:, 0].tolist()


def test_a_folder_that_cannot_be_made_is_an_output_error(genome, tmp_path):
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(OutputError, match="file"):
        genome.write(tmp_path / "file")


@pytest.mark.parametrize(
    "settings",
    [
        {"exon_range": (5, 100)},
        {"intron_range": (300, 200)},
        {"decoy_share": 1.5},
        {"genes_per_contig": 0},
        {"site_strength": 0.0},
        {"n_run_length": -1},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        SimulationConfig(**settings)


def test_a_negative_seed_is_refused():
    with pytest.raises(ConfigError, match="seed"):
        simulate_genome(SimulationConfig(), seed=-1)

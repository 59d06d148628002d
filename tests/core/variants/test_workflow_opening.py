"""What a pass refuses before any work: a VCF of another build; and which transcripts SpliceAI's own tag shows."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from splicecore.errors import InputError
from splicecore.genome.assemblies import ASSEMBLIES
from splicecore.genome.build import Build
from splicecore.genome.contigs import Contigs
from splicecore.variants.annotate import main_transcripts
from splicecore.variants.opening import check_build_of
from splicecore.variants.transcripts import Transcript
from splicecore.variants.vcf import VcfSource

GRCH37, GRCH38 = ASSEMBLIES[0], next(one for one in ASSEMBLIES if one.name == "GRCh38")


def opened(lengths):
    contigs = Contigs.from_mapping(lengths)
    return SimpleNamespace(inputs=SimpleNamespace(resources=SimpleNamespace(contigs=contigs, build=Build.of(contigs))))


def source(folder, lengths):
    lines = "".join(f"##contig=<ID={name},length={length}>\n" for name, length in lengths.items())
    path = folder / "in.vcf"
    path.write_text(f"##fileformat=VCFv4.2\n{lines}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
    return VcfSource.open(path)


def test_another_build_is_refused(tmp_path):
    names = ("chr1", "chr2", "chr22")
    plain = {name.removeprefix("chr"): GRCH37.lengths[name] for name in names}
    genome = opened({name: GRCH38.lengths[name] for name in names})
    with pytest.raises(InputError, match=r"is of GRCh37 by the contigs in its header, the genome is GRCh38"):
        check_build_of(source(tmp_path, plain), genome)
    check_build_of(source(tmp_path, plain), opened({name: GRCH37.lengths[name] for name in names}))
    check_build_of(source(tmp_path, {}), genome)


def test_lengths_that_differ_are_told_where_a_build_is_not_known(tmp_path, caplog):
    check_build_of(source(tmp_path, {"ctg": 10, "other": 5}), opened({"ctg": 11}))
    assert "says that ctg has 10 bases, the genome's has 11" in caplog.text


class Listed(list):
    choice = "all"


def transcript(gene, name, order, contig="1"):
    return Transcript(gene, gene, name, contig, "+", 0, 10, (0,), (10,), order)


def test_of_each_gene_the_canonical_transcript_or_the_first():
    rows = [("A", "a1"), ("A", "a2"), ("B", "b1"), ("B", "b2"), ("C", "c1")]
    scored = Listed(transcript(gene, name, order) for order, (gene, name) in enumerate(rows))
    canonical = [transcript("A", "a2", 0), transcript("B", "b9", 1), transcript("C", "c1", 2, contig="2")]
    assert main_transcripts(scored, canonical) == {1, 2, 4}
    plain = Listed(scored)
    plain.choice = "canonical"
    assert main_transcripts(plain, canonical) is None

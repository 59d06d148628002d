from __future__ import annotations

import pytest
from splicecore.errors import ContigError
from splicecore.genome.assemblies import ACCESSIONS, ASSEMBLIES, CHROMOSOMES
from splicecore.genome.build import Build, check_build
from splicecore.genome.contigs import Contigs, canonical_name

GRCH37, GRCH38, CHM13 = ASSEMBLIES


def contigs_of(assembly, *, names=CHROMOSOMES, prefix="chr"):
    return Contigs.from_mapping({name.replace("chr", prefix): assembly.lengths[name] for name in names})


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("1", "chr1"),
        ("chr1", "chr1"),
        ("Chr1", "chr1"),
        ("CHR1", "chr1"),
        ("NC_000001.10", "chr1"),
        ("NC_000001.11", "chr1"),
        ("NC_060925.1", "chr1"),
        ("22", "chr22"),
        ("x", "chrX"),
        ("NC_000023.11", "chrX"),
        ("NC_060948.1", "chrY"),
        ("M", "chrM"),
        ("MT", "chrM"),
        ("chrMT", "chrM"),
        ("chrM", "chrM"),
        ("NC_012920.1", "chrM"),
        ("2L", "chr2L"),
        ("IV", "chrIV"),
        ("GL000191.1", "GL000191.1"),
        ("chrUn_KI270302v1", "chrUn_KI270302v1"),
        ("NC_000001.99", "NC_000001.99"),
        ("HLA-A*01:01", "HLA-A*01:01"),
        ("", ""),
        ("chr", "chr"),
        ("01", "01"),
    ],
)
def test_canonical_name(name, canonical):
    assert canonical == canonical_name(name)


def test_assembly_tables_add_up():
    # Published totals of the primary assemblies without the mitochondrion.
    totals = {assembly.name: sum(assembly.lengths.values()) for assembly in ASSEMBLIES}

    assert totals == {"GRCh37": 3_095_677_412, "GRCh38": 3_088_269_832, "T2T-CHM13v2": 3_117_275_501}
    assert len(ACCESSIONS) == 72
    assert all(len(set(lengths)) == 3 for lengths in zip(*(a.lengths.values() for a in ASSEMBLIES), strict=True))


@pytest.mark.parametrize("prefix", ["chr", ""])
@pytest.mark.parametrize("assembly", ASSEMBLIES, ids=lambda assembly: assembly.name)
def test_build_is_recognized_by_lengths(assembly, prefix):
    whole = contigs_of(assembly, prefix=prefix)
    part = contigs_of(assembly, names=[n for n in CHROMOSOMES if n not in ("chr3", "chr7")], prefix=prefix)

    assert assembly.name == Build.of(whole).name == Build.of(part).name
    assert Build.of(whole).digest != Build.of(part).digest


def test_digest_ignores_order_and_naming_but_not_lengths():
    names = contigs_of(GRCH38)
    other = Contigs.from_mapping(dict(reversed([(name[3:], GRCH38.lengths[name]) for name in CHROMOSOMES])))
    longer = Contigs(names.names, (names.lengths[0] + 1, *names.lengths[1:]))

    assert Build.of(names) == Build.of(other)
    assert Build.of(names).digest != Build.of(longer).digest


def test_build_that_agrees_only_in_part_is_custom():
    mixed = Contigs.from_mapping({"chr1": GRCH38.lengths["chr1"], "chr2": GRCH37.lengths["chr2"]})
    build = Build.of(mixed)

    assert build.name == f"custom-{build.digest[:8]}"
    assert Build.of(Contigs(("ctg1",), (1000,))).name.startswith("custom-")


def test_accessions_that_contradict_lengths_are_refused():
    wrong = Contigs.from_mapping({GRCH38.accessions["chr1"]: GRCH37.lengths["chr1"]})

    with pytest.raises(ContigError, match=r"NC_000001\.11 is named as one of GRCh38.*GRCh37"):
        Build.of(wrong)


@pytest.mark.parametrize("declared", ["GRCh37", "grch37", "hg19", "HG19", "b37", "hs37", " hg19 "])
def test_declared_build_that_agrees(declared):
    assert check_build(declared, contigs_of(GRCH37)).name == "GRCh37"


@pytest.mark.parametrize("declared", ["chm13", "hs1", "T2T-CHM13v2", "T2T-CHM13v2.0"])
def test_declared_t2t(declared):
    assert check_build(declared, contigs_of(CHM13)).name == "T2T-CHM13v2"


def test_declared_build_that_contradicts_the_lengths():
    with pytest.raises(
        ContigError, match=r"'hg38' was declared, but the reference is GRCh37: its 1 has 249,250,621.*248,956,422"
    ):
        check_build("hg38", contigs_of(GRCH37, prefix=""))


def test_declared_build_of_a_custom_genome():
    contigs = Contigs(("ctg1",), (1000,))
    build = Build.of(contigs)

    assert build == check_build(build.name, contigs)
    with pytest.raises(ContigError, match="no chromosome of GRCh38"):
        check_build("hg38", contigs)
    with pytest.raises(ContigError, match="'zebra' is not known; the reference is custom-"):
        check_build("zebra", contigs)


def test_resolve_through_aliases():
    ucsc, ensembl = contigs_of(GRCH38), contigs_of(GRCH38, prefix="")
    refseq = Contigs.from_mapping({GRCH38.accessions[n]: GRCH38.lengths[n] for n in CHROMOSOMES})

    for style in ("chr7", "7", GRCH38.accessions["chr7"]):
        assert ucsc.resolve(style) == "chr7"
        assert ensembl.resolve(style) == "7"
        assert refseq.resolve(style) == "NC_000007.14"
    assert ucsc.resolve("chr23") is None
    assert ucsc.length("X") == GRCH38.lengths["chrX"]
    assert ucsc.order("Y") == 23
    assert len(ucsc) == 24
    assert "chr7" in ucsc
    assert "7" not in ucsc


def test_accession_of_another_build_is_an_error():
    for contigs in (contigs_of(GRCH37), contigs_of(GRCH37, prefix="")):
        assert contigs.resolve("NC_000001.10") == contigs.names[0]
        for accession, name in (("NC_000001.11", "GRCh38"), ("NC_060925.1", "T2T-CHM13v2")):
            with pytest.raises(ContigError, match=f"{accession} is chr1 of {name}"):
                contigs.resolve(accession)


def test_exact_name_wins_and_ambiguity_is_an_error():
    contigs = Contigs(("chr1", "1"), (100, 90))

    assert contigs.resolve("1") == "1"
    assert contigs.resolve("chr1") == "chr1"
    with pytest.raises(ContigError, match="'Chr1' is ambiguous: the reference has chr1, 1"):
        contigs.resolve("Chr1")


def test_hg19_chrm_is_not_mt():
    hg19 = Contigs.from_mapping({"chr1": GRCH37.lengths["chr1"], "chrM": 16_571})
    b37 = Contigs.from_mapping({"1": GRCH37.lengths["chr1"], "MT": 16_569})
    hg38 = Contigs.from_mapping({"chr1": GRCH38.lengths["chr1"], "chrM": 16_569})
    both = Contigs.from_mapping({"chr1": GRCH37.lengths["chr1"], "chrM": 16_571, "chrMT": 16_569})
    mouse = Contigs.from_mapping({"chrM": 16_299})

    assert [hg19.resolve(n) for n in ("M", "chrM", "MT", "chrMT", "NC_012920.1")] == ["chrM", "chrM", None, None, None]
    assert hg19.resolve("NC_001807.4") == "chrM"
    assert [b37.resolve(n) for n in ("M", "chrM", "chrMT", "NC_012920.1")] == [None, None, "MT", "MT"]
    assert [hg38.resolve(n) for n in ("M", "MT", "chrMT", "NC_012920.1")] == ["chrM"] * 4
    assert hg38.resolve("NC_001807.4") is None
    assert [both.resolve(n) for n in ("M", "MT", "NC_012920.1", "NC_001807.4")] == ["chrM", "chrMT", "chrMT", "chrM"]
    assert mouse.resolve("MT") == "chrM"


def test_unknown_contig_suggests_near_names():
    contigs = Contigs(("scaffold_1", "scaffold_2", "other"), (1, 2, 3))

    with pytest.raises(ContigError) as caught:
        contigs.length("scaffold1")
    assert "no contig 'scaffold1'" in caught.value.message
    assert "scaffold_1" in caught.value.hint
    with pytest.raises(ContigError) as caught:
        contigs.order("zzz")
    assert caught.value.hint == "it has scaffold_1, scaffold_2, other"


def test_contigs_must_be_unique_and_complete():
    with pytest.raises(ContigError, match="'a' occurs twice"):
        Contigs(("a", "b", "a"), (1, 2, 3))
    with pytest.raises(ContigError, match="2 names of contigs but 1 lengths"):
        Contigs(("a", "b"), (1,))

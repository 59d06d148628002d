"""Haplotypes and sequences in Python: what the genome's own variants give, told another way."""

from __future__ import annotations

import pytest
from splicecore.api import ConfigError, InputError, PluginSettings, Session
from splicecore.genome.annotation import read_annotation
from splicecore.genome.encoding import decode
from splicecore.genome.reference import Reference
from splicecore.variants.config import VariantsConfig
from splicecore.variants.transcripts import Transcripts

SCORES = [f"d{kind}_{what}" for kind in "sp" for what in ("ag", "al", "dg", "dl")]
RAW = [f"{allele}_{what}" for what in ("ag", "al", "dg", "dl") for allele in ("ref", "alt")]


@pytest.fixture
def session(inside, tmp_path):
    return Session(plugins=PluginSettings(load=("bench-models",)), cache_dir=tmp_path / "cache")


@pytest.fixture
def place(bench):
    """A transcript of the plus strand, its letters, and where its second exon ends."""
    with Reference.open(bench.fasta) as reference:
        found = Transcripts.of(read_annotation(bench.annotation).bind(reference.contigs))
        chosen = next(one for one in found if one.strand == "+" and len(one.exon_ends) > 2)
        return chosen, decode(reference.fetch(chosen.contig, chosen.start, chosen.end))


@pytest.fixture
def options(bench):
    return {"fasta": bench.fasta, "annotation": bench.annotation, "base_model": "quick", "distance": 40}


def other(base):
    return "ACGT"[("ACGT".index(base) + 1) % 4]


def values(row, names=(*SCORES, *RAW)):
    return [row[name] for name in names]


def test_a_haplotype_of_one_is_the_variant(session, place, options):
    transcript, letters = place
    at = transcript.exon_ends[1] - transcript.start
    for ref, alt in ((letters[at], other(letters[at])), (letters[at : at + 4], letters[at])):
        variant = (transcript.contig, transcript.start + at, ref, alt)
        (row,) = [one for one in session.score_variants([variant], **options, indel_alignment="max").to_pylist()
                  if one["transcript_id"] == transcript.transcript_id]  # fmt: skip
        (found,) = [one for one in session.score_haplotypes([[variant]], **options).to_pylist()
                    if one["transcript_id"] == transcript.transcript_id]  # fmt: skip
        assert values(found) == pytest.approx(values(row), abs=1e-6)
        assert [found[name] for name in ("ref", "alt", "position")] == [
            row[name] for name in ("ref", "alt", "position")
        ]


def test_a_second_variant_on_the_same_copy_can_undo_the_first(session, place, options):
    transcript, letters = place
    at = transcript.exon_ends[1] - transcript.start  # first base of the intron
    lost = (transcript.contig, transcript.start + at, letters[at], other(letters[at]))
    shift = (transcript.contig, transcript.start + at - 9, letters[at - 9], letters[at - 9] + letters[at : at + 8])
    table = session.score_haplotypes([[shift, lost], [lost]], **options)
    pair, single = table.filter(_own(transcript, table)).to_pylist()
    assert (pair["record"], single["record"]) == (0, 1)
    assert pair["position"] == shift[1]
    assert pair["ref"] == letters[at - 9 : at + 1]
    assert pair["alt"] == letters[at - 9] + letters[at : at + 8] + letters[at - 8 : at] + other(letters[at])
    assert single["ds_dl"] > 0.1
    assert pair["ds_dg"] > single["ds_dg"]


def _own(transcript, table):
    return [one == transcript.transcript_id for one in table["transcript_id"].to_pylist()]


def test_a_sequence_gives_what_the_transcript_in_the_genome_does(session, place, options):
    transcript, letters = place
    at = transcript.exon_ends[1] - transcript.start
    kinds = [(letters[at], other(letters[at])), (letters[at : at + 3], letters[at]), (letters[at], letters[at] + "GT")]
    exons = [(start - transcript.start, end - transcript.start)
             for start, end in zip(transcript.exon_starts, transcript.exon_ends, strict=True)]  # fmt: skip
    own = {"base_model": "quick", "distance": 40}
    for mask in (False, True):
        listed = [(transcript.contig, transcript.start + at, ref, alt) for ref, alt in kinds]
        there = session.score_variants(listed, **options, mask=mask)
        there = there.filter(_own(transcript, there))
        here = session.score_variants(
            [("mini", at, ref, alt) for ref, alt in kinds], sequences={"mini": letters}, exons={"mini": exons},
            **own, mask=mask,
        )  # fmt: skip
        assert here.schema.names == there.schema.names
        assert [values(row) for row in here.to_pylist()] == [pytest.approx(values(row)) for row in there.to_pylist()]
    pair = [("mini", at, *kinds[0]), ("mini", at + 5, letters[at + 5], other(letters[at + 5]))]
    (found,) = session.score_haplotypes([pair], sequences={"mini": letters}, **own).to_pylist()
    assert (found["gene_id"], found["contig"], len(found["ref"])) == ("mini", "mini", 6)


def test_near_the_ends_of_a_sequence_and_several_models(session):
    table = session.score_variants(
        [("s", 0, "A", "C"), ("s", 59, "T", "G"), ("t", 0, "A", "C"), ("s", 3, "A", "C"), ("s", 60, "T", "C")],
        sequences={"s": "ACGT" * 15}, base_model="quick,windows",
    ).to_pylist()  # fmt: skip
    assert [(row["record"], row["base_model"], row["unscored"]) for row in table] == [
        (record, model, reason)
        for record, reason in enumerate([None, None, "unknown_contig", "ref_mismatch", "no_gene"])
        for model in ("quick", "windows")
    ]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"sequences": {}}, InputError, "no sequence"),
        ({"exons": {"t": [(0, 5)]}}, InputError, "exons are given for t"),
        ({"exons": {"s": [(0, 9), (5, 20)]}}, InputError, "overlaps the next"),
        ({"variants": [("s", "x", "A", "C")]}, InputError, "variant 0"),
        ({"variants": [("s", 0.5, "A", "C")]}, InputError, "variant 0"),
        ({"variants": []}, InputError, "no variants"),
        ({"sequences": None, "exons": {"s": [(0, 5)]}}, ConfigError, "no sequences that they are of"),
        ({"variants": "in.vcf"}, ConfigError, "are a list"),
        ({"meta_model": "model"}, ConfigError, "base models only"),
    ],
)
def test_what_is_no_sequence_is_refused(session, changes, error, message):
    given = {"variants": [("s", 0, "A", "C")], "sequences": {"s": "ACGT" * 5}, "base_model": "quick", **changes}
    if "meta_model" in given:
        del given["base_model"]
    with pytest.raises(error, match=message):
        session.score_variants(**given)


def test_haplotypes_that_cannot_be_are_refused(session, place, options):
    transcript, letters = place
    first = (transcript.contig, transcript.start + 5, letters[5:8], letters[5])
    with pytest.raises(InputError, match="overlap"):
        session.score_haplotypes(
            [[first, (transcript.contig, transcript.start + 7, letters[7], other(letters[7]))]], **options
        )
    with pytest.raises(InputError, match="no transcript"):
        session.score_haplotypes([[(transcript.contig, 0, "A", "C")]], **options)
    with pytest.raises(InputError, match="no haplotypes"):
        session.score_haplotypes([], **options)
    with pytest.raises(InputError, match="haplotype 1 has no variants"):
        session.score_haplotypes([[first], []], **options)
    with pytest.raises(InputError, match="ref_mismatch"):
        session.score_haplotypes([[(transcript.contig, transcript.start, other(letters[0]), "A")]], **options)


NOT_GIVEN = {"mask": None, "transcripts": None, "summary": None, "tags": None, "models_dir": None, "flank": None,
             "compat": None, "pad_ends": None, "device": None}  # fmt: skip


def test_none_is_an_option_that_is_not_given(session, place, options):
    transcript, letters = place
    at = transcript.exon_ends[1] - transcript.start
    variant = (transcript.contig, transcript.start + at, letters[at], other(letters[at]))
    own = ("minigene", at, letters[at], other(letters[at]))
    where = {"sequences": {"minigene": letters}, "exons": None}
    plain = {"base_model": "quick", "distance": 40}
    assert session.score_variants([variant], **options, **NOT_GIVEN).equals(
        session.score_variants([variant], **options)
    )
    assert session.score_haplotypes([[variant]], **options, **NOT_GIVEN).equals(
        session.score_haplotypes([[variant]], **options)
    )
    for score, variants in ((session.score_variants, [own]), (session.score_haplotypes, [[own]])):
        assert score(variants, **where, **plain, **NOT_GIVEN).equals(score(variants, **where, **plain))


def test_options_come_before_those_of_a_configuration(session, place, options, tmp_path):
    transcript, letters = place
    at = transcript.exon_ends[1] - transcript.start
    path = tmp_path / "in.vcf"
    path.write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        f"{transcript.contig}\t{transcript.start + at + 1}\t.\t{letters[at]}\t{other(letters[at])}\t.\t.\t.\n"
    )
    plain = {name: str(value) for name, value in options.items()} | {"distance": 40}
    config = VariantsConfig(**plain, input=str(path), output=str(tmp_path / "o.vcf"))
    assert session.run_variants(config).summary["settings"]["rules"]["distance"] == 40
    other_one = session.run_variants(config, output=tmp_path / "p.vcf", distance=30, mask=None)
    assert other_one.summary["settings"]["rules"]["distance"] == 30
    assert other_one.outputs == (tmp_path / "p.vcf",)
    with pytest.raises(ConfigError, match="distanse"):
        session.run_variants(config, distanse=30)


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ([], "there are no variants"),
        ([("chr1", 5, "A", "C"), ("chr1", 1.5, "A", "C")], "variant 1 is"),
        ([("chr1", "5", "A", "C")], "variant 0 is"),
        ([("chr1", 10**20, "A", "C")], "variant 0 is"),
    ],
)
def test_lists_that_cannot_be_are_refused(session, options, variants, message):
    with pytest.raises(InputError, match=message):
        session.score_variants(variants, **options)


def test_a_haplotype_s_contig_may_have_several_names(session, place, options):
    transcript, letters = place
    one, two = ((transcript.contig, transcript.start + at, letters[at], other(letters[at])) for at in (5, 9))
    other_name = transcript.contig.removeprefix("chr")
    assert other_name != transcript.contig
    found = session.score_haplotypes([[one, (other_name, *two[1:])]], **options)
    assert found.equals(session.score_haplotypes([[one, two]], **options))

"""SpliceAI's weights against published delta scores; docs/concepts/variants_rules.md says what was compared in all."""

from __future__ import annotations

import gzip
import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
from splicecore.genome.annotation import read_annotation
from splicecore.genome.reference import Reference
from splicecore.plugins.specs import OpenRequest
from splicecore.variants.alleles import Job, Variant
from splicecore.variants.rules import VariantRules
from splicecore.variants.scorer import VariantScorer
from splicecore.variants.transcripts import Transcripts

pytestmark = pytest.mark.realdata

TUBB8 = {
    (94_077, "A", "C"): "0.15|0.27|0.00|0.05|89|-23|-267|193",
    (94_555, "C", "T"): "0.01|0.18|0.15|0.62|-2|110|-190|0",
}
TUBB8_ROW = (
    "#NAME\tCHROM\tSTRAND\tTX_START\tTX_END\tEXON_START\tEXON_END\n"
    "TUBB8\t10\t-\t92892\t95529\t92892,94554,94743,95121,\t94054,94665,94852,95529,\n"
)
EXAMPLE = ("2:152389953", "2:179415988", "2:179446218", "2:179642185", "21:47406854", "21:47406856")
"""Records of SpliceAI's own example whose sequence is known; the others lie where the reference at hand has N."""


@pytest.fixture(scope="module")
def model():
    spliceai = pytest.importorskip("splicecore_spliceai.model")
    plugin = pytest.importorskip("splicecore_spliceai.plugin")
    try:
        distribution = importlib.metadata.distribution("spliceai")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip('no SpliceAI weights: pip install "splicecore-spliceai[weights]"')
    weights = Path(str(distribution.locate_file("spliceai/models")))
    with spliceai.open_model(plugin.SPEC, OpenRequest(weights=str(weights), threads=2)) as opened:
        yield opened


def field(result):
    """SpliceAI's INFO field."""
    delta = result.delta
    scores = [f"{value:.2f}" for value in (delta.DS_AG, delta.DS_AL, delta.DS_DG, delta.DS_DL)]
    places = [str(value) for value in (delta.DP_AG, delta.DP_AL, delta.DP_DG, delta.DP_DL)]
    return "|".join([result.job.variant.alt, result.job.transcript.gene_name, *scores, *places])


def agree(found, expected):
    """Whether scores are the same, and positions where a score is at least 0.01: below, they are those of noise."""
    left, right = found.split("|"), expected.split("|")
    certain = [index + 4 for index in range(2, 6) if float(right[index]) >= 0.01]
    return left[:6] == right[:6] and all(left[index] == right[index] for index in certain)


def records(path, count):
    """Every so manieth record: contig, POS, REF, ALT, and the content of its SpliceAI field."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as stream:
        rows = [line.rstrip("\n").split("\t") for line in stream if not line.startswith("#")]
    for contig, position, _, ref, alt, *_, info in rows[7 :: len(rows) // count]:
        yield contig, int(position), ref, alt, info.removeprefix("SpliceAI=")


def test_tubb8_at_a_distance_of_500(model, real_data, tmp_path):
    (tmp_path / "table").write_text(TUBB8_ROW)
    fasta = real_data / "variants/published/illumina_test_chr10_110kb.GRCh37.fa"
    with Reference.open(fasta, cache=tmp_path) as reference:
        table = Transcripts.of(read_annotation(tmp_path / "table").bind(reference.contigs))
        variants = [Variant("10", position - 1, ref, alt) for position, ref, alt in TUBB8]
        jobs = [Job(variant, table.at("10", variant.position)[0]) for variant in variants]
        results = VariantScorer(model, reference, VariantRules(distance=500)).score(jobs)
    assert [field(result) for result in results] == [
        f"{variant.alt}|TUBB8|{expected}" for variant, expected in zip(variants, TUBB8.values(), strict=True)
    ]


@pytest.mark.parametrize(("kind", "mask"), [("raw.snv", False), ("masked.snv", True), ("raw.indel", False)])
def test_precomputed_scores_of_or4f5(model, real_data, tmp_path, kind, mask):
    path = real_data / f"variants/published/OR4F5_precomputed.{kind}.GRCh38.vcf.gz"
    with Reference.open(real_data / "genome/GRCh38.fa.gz", cache=tmp_path) as reference:
        annotation = read_annotation(real_data / "genome/GRCh38.spliceai_table.txt")
        table = Transcripts.of(annotation.bind(reference.contigs))
        rows = list(records(path, 8))
        jobs = [Job(Variant(row[0], row[1] - 1, row[2], row[3]), table.at(row[0], row[1] - 1)[0]) for row in rows]
        results = VariantScorer(model, reference, VariantRules(mask=mask)).score(jobs)
    for result, row in zip(results, rows, strict=True):
        assert agree(field(result), row[4]), f"{result.job.variant}: {field(result)}, published {row[4]}"


def test_the_example_that_comes_with_spliceai(model, real_data, tmp_path):
    table_path = Path(str(importlib.metadata.distribution("spliceai").locate_file("spliceai/annotations/grch37.txt")))
    expected, jobs = [], []
    with Reference.open(real_data / "genome/GRCh37.fa.gz", cache=tmp_path) as reference:
        table = Transcripts.of(read_annotation(table_path).bind(reference.contigs))
        text = (real_data / "variants/published/illumina_example.GRCh37.output.vcf").read_text()
        for contig, position, _, ref, alts, *_, info in (
            line.split("\t") for line in text.splitlines() if line.startswith(tuple(f"{n}\t" for n in (2, 21)))
        ):
            if f"{contig}:{position}" in EXAMPLE:
                expected += info.removeprefix("SpliceAI=").split(",")
                variants = [Variant(contig, int(position) - 1, ref, alt) for alt in alts.split(",")]
                jobs += [Job(variant, row) for variant in variants for row in table.at(contig, variant.position)]
        results = VariantScorer(model, reference).score(jobs)
    dots = "|.|.|.|.|.|.|.|."
    found = [
        field(result)
        if result.delta is not None
        else f"{result.job.variant.alt}|{result.job.transcript.gene_name}{dots}"
        for result in results
    ]
    assert found == expected
    assert len(found) == 10


def test_the_incremental_engine_and_whole_windows_agree(model, real_data, tmp_path):
    class Whole:
        """The model without an engine for edits."""

        spec, fingerprint, predict = model.spec, model.fingerprint, staticmethod(model.predict)

    with Reference.open(real_data / "genome/GRCh37.fa.gz", cache=tmp_path) as reference:
        annotation = read_annotation(real_data / "genome/GRCh37.spliceai_table.txt")
        table = Transcripts.of(annotation.bind(reference.contigs))
        jobs = [
            Job(Variant(contig, at - 1, ref, alt), table.at(contig, at - 1)[0])
            for contig, at, ref, alt in (
                ("2", 179_642_185, "G", "A"),
                ("2", 179_446_218, "ATACT", "A"),
                ("21", 47_406_856, "A", "AT"),
                ("21", 47_406_854, "CCA", "C"),
            )
        ]
        for rules in (VariantRules(), VariantRules.of("extended", distance=200)):
            scored = [VariantScorer(used, reference, rules).score(jobs, tracks=True) for used in (model, Whole())]
            for left, right in zip(*scored, strict=True):
                np.testing.assert_allclose(left.tracks.ref, right.tracks.ref, rtol=0, atol=1e-6)
                np.testing.assert_allclose(left.tracks.alt, right.tracks.alt, rtol=0, atol=1e-6)
                assert agree(field(left), field(right))

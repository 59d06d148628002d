"""``--meta-model``: recalibrated probabilities of REF and ALT, as `run` has them, and of the edited gene."""

from __future__ import annotations

import collections
import contextlib
import gzip
import json

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from splicecore.features.matrix import to_matrix
from splicecore.features.pipeline import FeaturePipeline
from splicecore.genome.annotation import read_annotation
from splicecore.genome.encoding import decode, encode, reverse_complement
from splicecore.genome.genes import GeneCatalog
from splicecore.genome.reference import Reference
from splicecore.predict.blocks import Block
from splicecore.predict.gene_blocks import GeneBlocks
from splicecore.resources.inputs import open_inputs
from splicecore.variants.alleles import Job, Variant
from splicecore.variants.config import VariantsConfig
from splicecore.variants.meta_scores import MetaVariantScorer
from splicecore.variants.rules import VariantRules
from splicecore.variants.transcripts import Transcripts

RAW = [f"{allele}_{kind}" for kind in ("ag", "al", "dg", "dl") for allele in ("ref", "alt")]
DELTAS = [f"ds_{kind}" for kind in ("ag", "al", "dg", "dl")]
CHANNEL = {"a": 1, "d": 2}


@pytest.fixture
def arguments(inside, served):
    bench = inside.bench
    return ["-R", str(bench.fasta), "-A", str(bench.annotation), "--meta-model", str(served.model), "--flank", "real"]


@pytest.fixture
def transcripts(bench):
    with Reference.open(bench.fasta) as reference:
        return list(Transcripts.of(read_annotation(bench.annotation).bind(reference.contigs)))


def near_sites(bench, transcripts, kinds):
    """Variants of the given REF and ALT lengths beside exons' ends of genes on both strands."""
    found = []
    with Reference.open(bench.fasta) as reference:
        for number, transcript in enumerate(sorted(transcripts, key=lambda one: one.strand)):
            if len(transcript.exon_ends) < 3:
                continue
            ref, alt = kinds[number % len(kinds)]
            position = transcript.exon_ends[1] + (number % 5) - 3
            letters = decode(reference.fetch(transcript.contig, position, position + ref))
            other = "ACGT"[("ACGT".index(letters[0]) + 1) % 4]
            changed = (other if ref == alt == 1 else letters[0]) + "GTAGAC"[: alt - 1]
            found.append((transcript.contig, position, letters, changed))
    contigs = list(bench.genome.sequences)
    return sorted(dict.fromkeys(found), key=lambda one: (contigs.index(one[0]), one[1]))


def whole_gene(model, codes):
    """Scores of a whole sequence that has the model's context on both sides."""
    spec, n = model.spec, len(codes) - model.spec.left - model.spec.right
    size = spec.output_length or n
    scores = np.empty((n, spec.n_outputs), dtype=np.float32)
    for start in range(0, n, size):
        piece = codes[start : start + size + spec.left + spec.right]
        full = np.full(size + spec.left + spec.right, 4, dtype=np.uint8)
        full[: len(piece)] = piece
        scores[start : start + size] = model.predict(full[None] if spec.output_length else piece[None])[0][: n - start]
    return scores


@attrs.frozen
class Whole:
    """Scores positions of an edited gene from the whole gene: nothing is taken over from elsewhere."""

    meta: object
    models: dict
    blocks: GeneBlocks

    def probability(self, gene, row, position, channel):
        """Probability of ALT at a genomic position of the reference that the edit leaves where it is, or moves."""
        ref, alt = row["ref"], row["alt"]
        shift, halo = len(alt) - len(ref), self.meta.pipeline.halo
        context = max(max(model.spec.left, model.spec.right) for model in self.models.values()) + halo
        low = gene.start - context
        plain = self.blocks.reference.fetch(gene.contig, low, gene.end + context)
        at = row["position"] - low
        codes = np.concatenate([plain[:at], encode(alt), plain[at + len(ref) :]])
        codes = codes if gene.strand == "+" else reverse_complement(codes)
        scores = {}
        for name, model in self.models.items():
            left, right = context - model.spec.left, context - model.spec.right
            scores[name] = whole_gene(model, codes[left : len(codes) - right])
        edited = attrs.evolve(gene, end=gene.end + shift)
        inner = codes[context - halo : len(codes) - context + halo]
        block = Block(gene=edited, build="", flank="real", halo=halo, codes=inner, scores=scores)
        moved = position + shift if position > row["position"] else position
        index, here = (np.array([int(each)]) for each in (edited.to_relative(moved), gene.to_relative(position)))
        pipeline = self.meta.pipeline
        columns = {}
        for spec, config in zip(pipeline.specs, pipeline.configs, strict=True):
            own = FeaturePipeline([spec], [config], pipeline.models)
            if spec.requires:
                batch = own.compute(attrs.evolve(block, gene=gene), here, self.blocks.given(gene))
            else:
                batch = own.compute(block, index)
            columns |= zip(batch.schema.names, batch.columns, strict=True)
        names = list(self.meta.record.columns)
        schema = pa.schema([pipeline.schema.field(name) for name in names])
        batch = pa.RecordBatch.from_arrays([columns[name] for name in names], schema=schema)
        return float(self.meta.calibrate(self.meta.predict(to_matrix(batch)))[0, channel])


def test_columns_and_tag_beside_the_base_models(call, arguments, bench, transcripts, tmp_path):
    lines = [f"{c}\t{p + 1}\t.\t{r}\t{a}\t.\t.\t." for c, p, r, a in near_sites(bench, transcripts, [(1, 1), (1, 3)])]
    source = tmp_path / "in.vcf"
    source.write_text("##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n" + "\n".join(lines) + "\n")
    names = ("o.vcf.gz", "o.parquet", "o.tsv")
    ways = {
        "one": (),
        "two": ("--workers", "2", "--cache", str(tmp_path / "cache")),
        "kept": ("--cache", str(tmp_path / "cache")),
    }
    written = {}
    for way, options in ways.items():
        (tmp_path / way).mkdir()
        outputs = [word for name in names for word in ("-O", tmp_path / way / name)]
        done = call("variants", "-I", source, *arguments, *outputs, *options, "-v")
        written[way] = [(tmp_path / way / name).read_bytes() for name in names]
    assert written["one"] == written["two"] == written["kept"]
    assert " 0 scores were found" not in done.stderr
    assert "meta-model: " in done.stdout
    table = pq.read_table(tmp_path / "one" / "o.parquet").to_pylist()
    primary = [row for row in table if row["base_model"] == "quick"]
    assert len(table) == 2 * len(primary)
    assert all(row["meta_ds_ag"] is None for row in table if row["base_model"] != "quick")
    scored = [row for row in primary if row["meta_ds_ag"] is not None]
    assert len(scored) > 5
    assert all(row["meta_unscored"] is not None for row in primary if row["meta_ds_ag"] is None)
    for row in scored:
        for kind, sign in (("ag", 1), ("al", -1), ("dg", 1), ("dl", -1)):
            difference = sign * (row[f"meta_alt_{kind}"] - row[f"meta_ref_{kind}"])
            assert row[f"meta_ds_{kind}"] == pytest.approx(difference, abs=1e-6)
    assert any(max(row[f"meta_{name}"] for name in DELTAS) > 0.01 for row in scored)
    with gzip.open(tmp_path / "one" / "o.vcf.gz", "rt") as text:
        content = text.read()
    assert 'ID=quick_meta,Number=.,Type=String,Description="Variant annotation by splicecore' in content
    assert "a meta-model of quick and tiles" in content
    first = next(row for row in scored)
    record = next(
        line for line in content.splitlines() if line.startswith(f"{first['contig']}\t{first['position'] + 1}\t")
    )
    value = dict(item.partition("=")[::2] for item in record.split("\t")[7].split(";"))["quick_meta"].split(",")[0]
    assert value.split("|")[2:6] == [f"{first[f'meta_{name}'] + 0.0:.2f}" for name in DELTAS]
    summary = json.loads((tmp_path / "one" / "o.vcf.gz.summary.json").read_text())
    assert summary["meta_model"]["scored"] == len({row["record"] for row in scored})
    assert summary["settings"]["meta_model"]["flank"] == "real"
    assert summary["rows"] == len(table)


def test_ref_is_what_a_run_gives_and_alt_what_the_edited_gene_does(session, served, bench, transcripts):
    variants = [one for kind in [(1, 1), (1, 4), (3, 1), (3, 3)] for one in near_sites(bench, transcripts, [kind])[::2]]
    inputs = {"fasta": bench.fasta, "annotation": bench.annotation}
    table = session.score_variants(
        variants, **inputs, meta_model=served.model, flank="real", compat="extended", normalise=False, distance=30
    ).to_pylist()
    run = session.predict(**inputs, meta_model=str(served.model), inference_mode="meta_only", all_genes=True)
    known = {
        (row["contig"], row["position"], row["gene_id"]): (row["acceptor_meta"], row["donor_meta"])
        for row in run.select(["contig", "position", "gene_id", "acceptor_meta", "donor_meta"]).to_pylist()
    }
    compared = 0
    for row in table:
        if row["base_model"] != "quick" or row["meta_ds_ag"] is None:
            continue
        for kind in ("ag", "al", "dg", "dl"):
            place = (row["contig"], row["position"] + row[f"meta_dp_{kind}"], row["gene_id"])
            if place in known:
                assert row[f"meta_ref_{kind}"] == pytest.approx(known[place][kind[0] == "d"], abs=2e-5)
                compared += 1
    assert compared > 30
    config = VariantsConfig(fasta=str(bench.fasta), annotation=str(bench.annotation), base_model="quick")
    resources = open_inputs(session, config.pass_config("quick")).resources
    catalog = GeneCatalog(resources.annotation())
    checked = collections.Counter()
    with contextlib.ExitStack() as stack:
        models = {name: stack.enter_context(session.open_base_model(name)) for name in ("quick", "tiles")}
        meta = stack.enter_context(session.open_meta_model(str(served.model)))
        blocks = GeneBlocks(resources, tuple(models), "real", halo=meta.pipeline.halo,
                            requires=meta.pipeline.requires, cache=session.cache_dir)  # fmt: skip
        whole = Whole(meta, models, stack.enter_context(blocks))
        for row in table:
            if row["base_model"] != "quick" or row["meta_ds_ag"] is None:
                continue
            (gene,) = catalog.select([row["gene_id"]]).genes
            for kind in ("ag", "al", "dg", "dl"):
                position = row["position"] + row[f"meta_dp_{kind}"]
                inside = gene.start <= position < gene.end
                kept = len(row["ref"]) == len(row["alt"]) or not 0 <= position - row["position"] < len(row["ref"])
                if inside and kept:
                    expected = whole.probability(gene, row, position, CHANNEL[kind[0]])
                    assert row[f"meta_alt_{kind}"] == pytest.approx(expected, abs=2e-5)
                    checked[len(row["alt"]) - len(row["ref"]), row["strand"]] += 1
    assert all(checked[shift, strand] > 2 for shift in (0, 3, -2) for strand in "+-"), checked


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--flank", "n"), "--flank real"),
        (("--base-model", "windows"), "windows"),
        (("--meta-model", "nowhere"), "nowhere"),
        (("--vep-compatible",), "leave --meta-model out"),
        (("--tag", "meta=quick"), "INFO tag"),
    ],
)
def test_what_does_not_fit_is_refused(call, arguments, bench, tmp_path, options, message):
    source = tmp_path / "in.vcf"
    contig = next(iter(bench.genome.sequences))
    source.write_text(
        f"##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n{contig}\t9\t.\tA\tC\t.\t.\t.\n"
    )
    done = [call("variants", "-I", source, *arguments, *options, "-O", tmp_path / "o.vcf.gz", code=code)
            for code in _codes(options)]  # fmt: skip
    assert message in done[0].stderr
    assert "Traceback" not in done[0].stderr


def _codes(options):
    return {"--flank": [4], "--meta-model": [5]}.get(options[0], [2])


def test_saturation_takes_a_meta_model_too(call, arguments, bench, transcripts, tmp_path):
    transcript = next(one for one in transcripts if len(one.exon_ends) > 2)
    region = f"{transcript.contig}:{transcript.exon_ends[1]}-{transcript.exon_ends[1] + 5}"
    call("saturate", *arguments, "--region", region, "--insertions", "--deletions", "2", "-O", tmp_path / "s.parquet")
    table = pq.read_table(tmp_path / "s.parquet")
    scored = table.filter(np.asarray(table["base_model"].to_pylist()) == "quick")
    assert scored["meta_ds_dl"].null_count == 0
    assert max(scored["meta_ds_dl"].to_pylist()) > 0.01


def test_features_that_look_further_change_nothing_where_they_see_the_same(session, served, bench, transcripts):
    """However much of the gene is scored for the features: by its tiles, or around the edit only."""
    config = VariantsConfig(fasta=str(bench.fasta), annotation=str(bench.annotation), base_model="quick")
    resources = open_inputs(session, config.pass_config("quick")).resources
    variants = [one for kind in [(1, 1), (1, 4), (3, 1)] for one in near_sites(bench, transcripts, [kind])[:5]]
    jobs = [
        Job(Variant(*variant), transcript)
        for variant in variants
        for transcript in transcripts
        if transcript.contig == variant[0] and transcript.start <= variant[1] < transcript.end
    ]
    results = {}
    with contextlib.ExitStack() as stack:
        models = {name: stack.enter_context(session.open_base_model(name)) for name in ("quick", "tiles")}
        meta = stack.enter_context(session.open_meta_model(str(served.model)))
        blocks = stack.enter_context(
            GeneBlocks(resources, tuple(models), "real", halo=meta.pipeline.halo, requires=meta.pipeline.requires,
                       cache=session.cache_dir)
        )  # fmt: skip
        assert meta.pipeline.reach == 2
        for reach in (2, 400, None):
            meta.pipeline.reach = reach
            scorer = MetaVariantScorer(meta, models, blocks, VariantRules(flank="real", distance=20))
            stack.callback(scorer.close)
            results[reach] = scorer.score(jobs, tracks=True)
    assert sum(result.delta is not None for result in results[2]) > 10
    for reach in (400, None):
        for one, other in zip(results[2], results[reach], strict=True):
            assert one.unscored == other.unscored
            if one.tracks is not None:
                np.testing.assert_allclose(one.tracks.alt, other.tracks.alt, atol=2e-6)
                np.testing.assert_allclose(one.tracks.ref, other.tracks.ref, atol=2e-6)

"""``splicecore variants`` as a user calls it: every form in and out, the same bytes however it is done."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import threading

import attrs
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pysam
import pysam.bcftools
import pytest
from splicecore.api import PluginSettings, Session
from splicecore.genome.annotation import read_annotation
from splicecore.genome.encoding import decode
from splicecore.genome.reference import Reference
from splicecore.plugins.specs import OpenRequest
from splicecore.testing.fakes import MOTIF_SPEC, MotifModel
from splicecore.variants.alleles import Job, Variant
from splicecore.variants.rules import VariantRules
from splicecore.variants.scorer import VariantScorer
from splicecore.variants.transcripts import Transcripts


def without(fields, *tags):
    """Fields of a record less some tags."""
    kept = [item for item in fields[7].split(";") if item.split("=")[0] not in tags]
    return [*fields[:7], ";".join(kept) or ".", *fields[8:]]


def of_tag(fields, tag="quick"):
    values = dict(item.partition("=")[::2] for item in fields[7].split(";"))
    return values[tag].split(",") if tag in values else []


def expected_fields(bench, line, **rules):
    """What the scorer says of a record."""
    contig, position, _, ref, alts = line.split("\t")[:5]
    with Reference.open(bench.fasta) as reference, MotifModel(MOTIF_SPEC, OpenRequest()) as model:
        transcripts = Transcripts.of(read_annotation(bench.annotation).bind(reference.contigs))
        scorer = VariantScorer(model, reference, VariantRules(**rules))
        texts = []
        for alt in alts.split(","):
            for transcript in transcripts.at(contig, int(position) - 1):
                (result,) = scorer.score([Job(Variant(contig, int(position) - 1, ref, alt), transcript)])
                if result.delta is not None:
                    numbers = attrs.astuple(result.delta)
                    scores = "|".join(f"{number + 0.0:.2f}" for number in numbers[:4])
                    places = "|".join(map(str, numbers[4:]))
                    texts.append(f"{alt}|{transcript.gene_name}|{scores}|{places}")
                elif result.unscored == "mnv_not_scored":
                    texts.append(f"{alt}|{transcript.gene_name}|.|.|.|.|.|.|.|.")
        return texts


def test_records_come_out_as_they_went_in_with_the_scorer_s_numbers(case):
    output = case.folder / "new" / "out.vcf.gz"
    done = case.run(case.write(), output)
    found = case.records(output)
    assert [without(fields, "quick") for fields in found] == [line.split("\t") for line in case.lines]
    scored = 0
    for line, fields in list(zip(case.lines, found, strict=True))[::10]:
        expected = expected_fields(case.inside.bench, line)
        assert of_tag(fields) == expected
        scored += len(expected)
    assert scored > 5
    with pysam.VariantFile(str(output)) as opened:
        assert opened.header.info["quick"].description.endswith(
            "ALLELE|SYMBOL|DS_AG|DS_AL|DS_DG|DS_DL|DP_AG|DP_AL|DP_DG|DP_DL"
        )
        contig, position = case.lines[70].split("\t")[:2]
        assert [record.pos for record in opened.fetch(contig, int(position) - 1, int(position))] == [int(position)]
    with gzip.open(output, "rt") as text:
        settings = json.loads(next(line for line in text if "splicecore_variants" in line).partition("=")[2])
    assert settings["rules"]["distance"] == 50
    assert "150 records" in done.stdout
    summary = json.loads((case.folder / "new" / "out.vcf.gz.summary.json").read_text())
    model = summary["base_models"]["quick"]
    assert model["scored"] + model["unscored"] == summary["alleles"]
    assert model["unscored"] == sum(model["reasons"].values())
    assert sorted(path.name for path in output.parent.iterdir()) == [
        "out.vcf.gz", "out.vcf.gz.summary.json", "out.vcf.gz.tbi",
    ]  # fmt: skip


def test_same_bytes_for_any_number_of_workers_with_and_without_a_cache(case):
    source, cache = case.write(), case.folder / "cache"
    names = ("o.vcf.gz", "o.parquet", "o.tsv")
    ways = {
        "one": (),
        "two": ("--workers", "2"),
        "filling": ("--cache", str(cache)),
        "filled": ("--cache", str(cache), "--workers", "2"),
        "masked": ("--cache", str(cache), "-M", "1"),
    }
    written = {}
    for way, options in ways.items():
        (case.folder / way).mkdir()
        done = case.run(source, *(case.folder / way / name for name in names), options=(*options, "-v"))
        written[way] = [(case.folder / way / name).read_bytes() for name in names]
        if way == "filled":
            found = int(done.stderr.split(" scores were found in")[0].split()[-1])
            assert found == pq.read_table(case.folder / way / "o.parquet")["ds_ag"].drop_null().length()
        if way == "masked":
            assert ": 0 scores were found" in done.stderr
    assert written["one"] == written["two"] == written["filling"] == written["filled"]
    assert written["masked"] != written["one"]


def test_few_alleles_have_windows_of_their_own_and_the_same_scores(case):
    dense, sparse = case.write(), case.write("sparse.vcf", case.lines[::50])
    chosen, tables = {}, {}
    for name, source, options in (
        ("dense", dense, ()),
        ("sparse", sparse, ()),
        ("asked", sparse, ("--windows", "tile")),
        ("cached", sparse, ("--cache", str(case.folder / "cache"))),
        ("shard", dense, ("--shard", "1/150")),
    ):
        case.run(source, case.folder / f"{name}.parquet", options=options)
        summary = json.loads((case.folder / f"{name}.parquet.summary.json").read_text())
        chosen[name] = summary["settings"]["rules"]["windows"]
        tables[name] = pq.read_table(case.folder / f"{name}.parquet")
    assert chosen == {"dense": "tile", "sparse": "allele", "asked": "tile", "cached": "tile", "shard": "tile"}
    assert tables["asked"].equals(tables["cached"])
    for column in ("ds_ag", "ds_al", "ds_dg", "ds_dl"):
        own, shared = (tables[name][column].to_numpy(zero_copy_only=False) for name in ("sparse", "asked"))
        assert (own == own).sum() >= 2
        np.testing.assert_allclose(own, shared, rtol=0, atol=1e-6)


def test_unsorted_records_keep_their_order_and_have_the_same_scores(case):
    case.run(case.write("sorted.vcf"), case.folder / "sorted.vcf.gz", case.folder / "sorted.parquet")
    chance = np.random.default_rng(5)
    order = chance.permutation(len(case.lines)).tolist()
    shuffled = [case.lines[index] for index in order]
    done = case.run(case.write("mixed.vcf", shuffled), case.folder / "mixed.vcf.gz", case.folder / "mixed.parquet")
    expected = case.records(case.folder / "sorted.vcf.gz")
    assert case.records(case.folder / "mixed.vcf.gz") == [expected[index] for index in order]
    assert "gets no index" in done.stderr
    assert not (case.folder / "mixed.vcf.gz.tbi").exists()
    table = pq.read_table(case.folder / "mixed.parquet")
    assert table["record"].to_pylist() == sorted(table["record"].to_pylist())
    place = {record: index for index, record in enumerate(order)}
    rows = sorted(pq.read_table(case.folder / "sorted.parquet").to_pylist(), key=lambda row: place[row["record"]])
    assert table.drop_columns("record").to_pylist() == [{k: v for k, v in row.items() if k != "record"} for row in rows]


def test_standard_input_and_output(case):
    whole = case.folder / "out.vcf"
    case.run(case.write(), whole)
    bench = case.inside.bench
    done = subprocess.run(
        bench.command(*case.arguments("-", "-")), input=case.write().read_bytes(), env=bench.environment(),
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == whole.read_bytes()
    assert b"150 records" in done.stderr


def test_a_pipe_is_read_as_its_content(case):
    whole, pipe = case.folder / "out.vcf", case.folder / "pipe"
    source = case.write()
    case.run(source, whole)
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(source.read_bytes()))
    writer.start()
    case.run(pipe, case.folder / "piped.vcf")
    writer.join()
    assert (case.folder / "piped.vcf").read_bytes() == whole.read_bytes()


def test_bcf(case):
    source = case.write()
    case.run(source, case.folder / "text.vcf.gz")
    case.run(source, case.folder / "first.bcf")
    header = "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n##contig=<ID=chr2>"
    source.write_text(source.read_text().replace("##fileformat=VCFv4.2", header)
                      .replace("#CHROM", '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n#CHROM'))  # fmt: skip
    pysam.bcftools.view("-Ob", "-o", str(case.folder / "in.bcf"), str(source), catch_stdout=False)
    case.run(case.folder / "in.bcf", case.folder / "second.bcf")
    expected = [of_tag(fields) for fields in case.records(case.folder / "text.vcf.gz")]
    for name in ("first.bcf", "second.bcf"):
        with pysam.VariantFile(str(case.folder / name)) as opened:
            assert [list(record.info.get("quick", ())) for record in opened] == expected
        assert (case.folder / f"{name}.csi").exists()


@pytest.mark.parametrize("of", [2, 5])
def test_shards_put_together_are_the_whole(case, of):
    source = case.write()
    case.run(source, case.folder / "whole.vcf", case.folder / "whole.parquet")
    parts, tables = [], []
    for index in range(1, of + 1):
        outputs = case.folder / f"{index}.vcf", case.folder / f"{index}.parquet"
        case.run(source, *outputs, options=("--shard", f"{index}/{of}"))
        parts.append(outputs[0].read_text())
        tables.append(pq.read_table(outputs[1]))
    body = "".join(line for part in parts for line in part.splitlines(keepends=True) if not line.startswith("#"))
    assert (
        "".join(line for line in parts[0].splitlines(keepends=True) if line.startswith("#")) + body
        == (case.folder / "whole.vcf").read_text()
    )
    rows = [row for table in tables for row in table.to_pylist()]
    assert rows == pq.read_table(case.folder / "whole.parquet").to_pylist()


def test_shards_are_joined_by_bcftools(case):
    source = case.write()
    whole, *parts = (case.folder / name for name in ("whole.vcf.gz", "1.vcf.gz", "2.vcf.gz"))
    case.run(source, whole)
    for index, part in enumerate(parts, start=1):
        case.run(source, part, options=("--shard", f"{index}/2"))
    joined = case.folder / "joined.vcf.gz"
    pysam.bcftools.concat("--naive-force", "-Oz", "-o", str(joined), *map(str, parts), catch_stdout=False)
    assert gzip.decompress(joined.read_bytes()) == gzip.decompress(whole.read_bytes())


def test_several_base_models_have_a_tag_each(case):
    case.run(case.write(), case.folder / "o.vcf", case.folder / "o.parquet", model="quick,windows",
             options=("--tag", "windows=Other", "--precision", "4"))  # fmt: skip
    found = case.records(case.folder / "o.vcf")
    assert sum(of_tag(fields, "quick") != [] for fields in found) > 20
    for fields in found:
        assert of_tag(fields, "quick") == of_tag(fields, "Other"), "both are the same network"
    assert len(of_tag(next(fields for fields in found if of_tag(fields)))[0].split("|")[2]) == 6
    table = pq.read_table(case.folder / "o.parquet")
    assert set(table["base_model"].to_pylist()) == {"quick", "windows"}


def test_further_transcripts_have_a_tag_of_their_own(case):
    source = case.write()
    case.run(source, case.folder / "one.vcf")
    case.run(source, case.folder / "all.vcf", case.folder / "all.parquet", options=("--transcripts", "all"))
    further = 0
    for one, every in zip(case.records(case.folder / "one.vcf"), case.records(case.folder / "all.vcf"), strict=True):
        assert set(of_tag(every)) >= set(of_tag(one))
        genes = [(text.split("|")[0], text.split("|")[1]) for text in of_tag(every)]
        assert len(set(genes)) == len(genes), "one a gene"
        further += len(of_tag(every, "quick_transcripts"))
    rows = pq.read_table(case.folder / "all.parquet").to_pylist()
    shown = [
        row for row in rows if row["ds_ag"] is not None or (row["gene_id"] and row["unscored"] == "mnv_not_scored")
    ]
    assert further > 0
    assert further + sum(len(of_tag(fields)) for fields in case.records(case.folder / "all.vcf")) == len(shown)


def test_vep_s_file_has_one_record_per_alt_and_gene(case):
    chance = np.random.default_rng(5)
    lines = [case.lines[index] for index in chance.permutation(len(case.lines))]
    source = case.write(lines=lines)
    case.run(source, case.folder / "plain.vcf")
    case.run(source, case.folder / "vep.vcf.gz", options=("--vep-compatible",))
    found = case.records(case.folder / "vep.vcf.gz")
    texts = [text for fields in case.records(case.folder / "plain.vcf") for text in of_tag(fields) if "|.|" not in text]
    assert sorted(fields[7] for fields in found) == sorted(f"quick={text}" for text in texts)
    assert all(len(fields) == 8 and fields[7].startswith(f"quick={fields[4]}|") for fields in found)
    with pysam.TabixFile(str(case.folder / "vep.vcf.gz")) as tabix:
        assert list(tabix.fetch(found[3][0], int(found[3][1]) - 1, int(found[3][1])))


def test_every_allele_without_scores_has_a_reason(case):
    genome = case.inside.bench.genome
    contig, sequence = next(iter(genome.sequences.items()))
    gene = next(gene for gene in genome.genes if gene.contig == contig)
    position = (gene.start + gene.end) // 2

    def line(ref_length, alt, place=position, name=contig, ref=None):
        ref = ref or decode(sequence[place : place + ref_length])
        return f"{name}\t{place + 1}\t.\t{ref}\t{alt}\t.\t.\t.\tGT\t0|1"

    other = {"A": "C"}.get(decode(sequence[position : position + 1]), "A")
    first = decode(sequence[position : position + 1])
    lines = {
        "missing_alt": line(1, "."),
        "symbolic_alt": line(1, "<DUP>"),
        "star": line(1, "*"),
        "breakend": line(1, f"{first}[{contig}:500["),
        "not_bases": line(1, "A?"),
        "ref_mismatch": line(1, "ACGT"[("ACGT".index(other) + 1) % 4], ref=other),
        "too_long": line(200, first),
        "mnv_not_scored": line(2, "TG" if decode(sequence[position : position + 2]) != "TG" else "CA"),
        "unknown_contig": line(1, other, name="chrUn_1"),
    }
    mega = f"{contig}\t{position + 1}\t.\t{first}{'A' * 1_000_000}\t{first}\t.\t.\t.\tGT\t0|1"
    many = line(
        1,
        ",".join(
            first + "".join(chars) for chars in np.array(np.meshgrid(*[list("ACGT")] * 7)).reshape(7, -1).T[:10_000]
        ),
    )
    source = case.write(lines=[*lines.values(), mega, line(1, "R"), many])
    done = case.run(source, case.folder / "o.vcf", case.folder / "o.parquet", options=("--reasons", "--json"))
    found = case.records(case.folder / "o.vcf")
    assert len(found) == len(lines) + 3
    for (reason, _), fields in zip(lines.items(), found, strict=False):
        assert {text.split("|")[3] for text in of_tag(fields, "quick_unscored")} == {reason}
    assert of_tag(found[-2])[0].startswith("R|")
    assert {text.split("|")[0] for text in of_tag(found[-1])} == set(many.split("\t")[4].split(","))
    summary = json.loads(done.stdout)
    assert set(lines) <= set(summary["base_models"]["quick"]["reasons"])
    table = pq.read_table(case.folder / "o.parquet")
    assert table.filter(pc.equal(table["record"], 0))["unscored"].to_pylist() == ["missing_alt"] * sum(
        pc.equal(table["record"], 0).to_pylist()
    )


def test_a_tag_that_is_there_is_replaced(case):
    source = case.write()
    case.run(source, case.folder / "first.vcf")
    done = case.run(case.folder / "first.vcf", case.folder / "second.vcf")
    assert "has INFO quick already, which is replaced" in done.stderr
    assert case.records(case.folder / "second.vcf") == case.records(case.folder / "first.vcf")


def test_session(case, monkeypatch):
    bench = case.inside.bench
    source = case.write()
    case.run(source, case.folder / "o.parquet")
    for name, value in bench.environment().items():
        monkeypatch.setenv(name, value)
    session = Session(plugins=PluginSettings(load=("bench-models",)), cache_dir=case.folder / "cache")
    options = {"fasta": bench.fasta, "annotation": bench.annotation, "base_model": "quick"}
    expected = pq.read_table(case.folder / "o.parquet")
    assert session.score_variants(source, **options).equals(expected)
    listed = []
    for line in case.lines:
        contig, position, _, ref, alt = line.split("\t")[:5]
        listed.append((contig, int(position) - 1, ref, alt))
    assert session.score_variants(listed, **options).equals(expected)
    result = session.run_variants(
        input=str(source), output=[str(case.folder / "p.vcf")], **{k: str(v) for k, v in options.items()}
    )
    assert result.outputs == (case.folder / "p.vcf",)
    given = session.run_variants(
        input=source, output=[case.folder / "q.vcf"], **options, summary=None, shard=None, tags=None, mask=None
    )
    assert given.outputs[0].read_bytes() == result.outputs[0].read_bytes()
    with pytest.raises(ValueError, match="variant 1 is"):
        session.score_variants([listed[0], ("chr1", -4, "A", "C")], **options)

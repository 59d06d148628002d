"""``splicecore saturate`` as a user calls it: what ``splicecore variants`` makes of a VCF of the same alleles."""

from __future__ import annotations

import gzip
import json

import pyarrow.parquet as pq
import pytest
from splicecore.api import PluginSettings, Session
from splicecore.genome.annotation import read_annotation
from splicecore.genome.encoding import decode
from splicecore.genome.reference import Reference
from splicecore.variants.transcripts import Transcripts


@pytest.fixture
def arguments(inside):
    bench = inside.bench
    return ["-R", str(bench.fasta), "-A", str(bench.annotation), "--base-model", "quick"]


@pytest.fixture
def transcript(inside):
    with Reference.open(inside.bench.fasta) as reference:
        found = list(Transcripts.of(read_annotation(inside.bench.annotation).bind(reference.contigs)))
    return next(one for one in found if one.strand == "-")


def region_of(transcript, offset=200, length=60):
    return f"{transcript.contig}:{transcript.start + offset + 1}-{transcript.start + offset + length}"


def call(inside, *words, code=0, **variables):
    done = inside.call("saturate", *map(str, words), **variables)
    assert done.returncode == code, done.stderr
    return done


def test_a_region_as_variants_scores_the_same_vcf(inside, arguments, transcript, tmp_path):
    kinds = ("--region", region_of(transcript), "--insertions", "--deletions", "4")
    done = call(inside, *arguments, *kinds, "-O", tmp_path / "s.vcf.gz", "-O", tmp_path / "s.parquet")
    with gzip.open(tmp_path / "s.vcf.gz", "rt") as text:
        lines = text.readlines()
    plain = [line for line in lines if not line.startswith("##")]
    assert len(plain) - 1 > 60 * 6
    bare = ["\t".join((*line.split("\t")[:7], ".\n")) if number else line for number, line in enumerate(plain)]
    (tmp_path / "in.vcf").write_text("##fileformat=VCFv4.3\n" + "".join(bare))
    again = inside.call("variants", "-I", str(tmp_path / "in.vcf"), *arguments, "-O", str(tmp_path / "v.vcf"),
                        "-O", str(tmp_path / "v.parquet"))  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert [line for line in (tmp_path / "v.vcf").read_text().splitlines(keepends=True) if line[:2] != "##"] == plain
    assert pq.read_table(tmp_path / "s.parquet").equals(pq.read_table(tmp_path / "v.parquet"))
    assert f"{len(plain) - 1:,} records" in done.stdout
    settings = next(json.loads(line.partition("=")[2]) for line in lines if line.startswith("##splicecore_variants"))
    assert settings["saturation"]["deletions"] == 4
    assert (tmp_path / "s.vcf.gz.tbi").exists()


@pytest.fixture
def merge(inside):
    def run(*words, code=0):
        done = inside.call("merge", *map(str, words))
        assert done.returncode == code, done.stderr
        return done

    return run


def test_workers_shards_and_a_cache_change_nothing(inside, arguments, transcript, merge, tmp_path):
    kinds = [*arguments, "--region", region_of(transcript, length=120)]
    call(inside, *kinds, "-O", tmp_path / "one.parquet")
    call(inside, *kinds, "-O", tmp_path / "two.parquet", "--workers", "2", "--cache", tmp_path / "cache")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    for shard in (1, 2):
        call(inside, *kinds, "-O", tmp_path / f"part{shard}.parquet", "--shard", f"{shard}/2")
    parts = [pq.read_table(tmp_path / f"part{shard}.parquet").to_pylist() for shard in (1, 2)]
    assert [*parts[0], *parts[1]] == pq.read_table(tmp_path / "one.parquet").to_pylist()
    parts = [tmp_path / f"part{shard}.parquet" for shard in (2, 1)]
    done = merge(*parts, "-o", tmp_path / "merged.parquet")
    assert f"{pq.read_metadata(parts[0]).num_rows + pq.read_metadata(parts[1]).num_rows:,} rows" in done.stdout
    assert (tmp_path / "merged.parquet").read_bytes() == (tmp_path / "one.parquet").read_bytes()
    call(inside, *kinds, "-D", "20", "-O", tmp_path / "other.parquet", "--shard", "1/2")
    for wrong, message in (
        ([parts[0]], "shards are missing: 1/2"),
        ([*parts, parts[0]], "shard 2/2 is there twice"),
        ([parts[0], tmp_path / "other.parquet"], "not shards of the same pass"),
        ([tmp_path / "one.parquet"], "is no shard"),
        ([tmp_path / "none.parquet"], "none.parquet"),
    ):
        assert message in merge(*wrong, "-o", tmp_path / "wrong.parquet", code=3).stderr
    assert "is one of the parts" in merge(*parts, "-o", parts[0], code=2).stderr
    assert "-o NAME.parquet" in merge(*parts, code=2).stderr
    assert not (tmp_path / "wrong.parquet").exists()
    assert "found finished from before" in call(inside, *kinds, "-O", tmp_path / "one.parquet").stdout
    assert "other settings" not in call(inside, *kinds, "--deletions", "1", "-O", tmp_path / "one.parquet").stderr


def test_a_gene_from_end_to_end_in_python_too(inside, transcript):
    bench = inside.bench
    session = Session(plugins=PluginSettings(load=("bench-models",)))
    options = {"fasta": bench.fasta, "annotation": bench.annotation, "base_model": "quick", "distance": 10}
    table = session.saturate(gene=transcript.gene_name, region=None, deletions=None, **options)
    own = [row for row in table.to_pylist() if row["gene_id"] == transcript.gene_id]
    assert len(own) == 3 * transcript.length
    assert (own[0]["position"], own[-1]["position"]) == (transcript.start, transcript.end - 1)
    with Reference.open(bench.fasta) as reference:
        letters = decode(reference.fetch(transcript.contig, transcript.start, transcript.end))
    assert "".join(row["ref"] for row in own[::3]) == letters
    listed = [(row["contig"], row["position"], row["ref"], row["alt"]) for row in own[600:630]]
    again = [
        row for row in session.score_variants(listed, **options).to_pylist() if row["gene_id"] == own[0]["gene_id"]
    ]
    names = [name for name in own[0] if name != "record"]
    assert [[row[name] for name in names] for row in again] == [[row[name] for name in names] for row in own[600:630]]


def test_a_toml_table_has_the_options(inside, arguments, transcript, tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(f'[saturate]\nregion = "{region_of(transcript)}"\ndistance = 7\nmask = true\n'
                    "[variants]\ndistance = 9\n")  # fmt: skip
    call(inside, *arguments, "--config", file, "-O", tmp_path / "s.parquet")
    rules = json.loads((tmp_path / "s.parquet.summary.json").read_text())["settings"]["rules"]
    assert (rules["distance"], rules["mask"]) == (7, True)
    (tmp_path / "in.vcf").write_text(
        "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        f"{transcript.contig}\t{transcript.start + 1}\t.\tN\tA\t.\t.\t.\n"
    )
    done = inside.call("variants", *arguments, "--config", str(file), "-I", str(tmp_path / "in.vcf"), "-M", "1",
                       "-O", str(tmp_path / "v.parquet"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    rules = json.loads((tmp_path / "v.parquet.summary.json").read_text())["settings"]["rules"]
    assert (rules["distance"], rules["mask"]) == (9, True)
    file.write_text("[saturate]\nregoin = 3\n")
    done = call(inside, *arguments, "--config", file, "-O", tmp_path / "s.parquet", code=2)
    assert "own.toml [saturate]" in done.stderr
    assert "regoin" in done.stderr


@pytest.mark.parametrize(
    ("place", "code", "message"),
    [
        (("--gene", "NOSUCH"), 3, "NOSUCH"),
        (("--region", "nowhere:1-5"), 3, "nowhere"),
        (("--region", "{contig}:1-999999999"), 2, "ends beyond"),
        (("--region", "{contig}:1-20"), 3, "no gene"),
        ((), 2, "--gene NAME"),
    ],
)
def test_a_place_that_is_not_there(inside, arguments, transcript, tmp_path, place, code, message):
    words = [word.format(contig=transcript.contig) for word in place]
    done = call(inside, *arguments, *words, "-O", tmp_path / "o.vcf", code=code)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())

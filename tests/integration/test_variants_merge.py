"""``splicecore merge`` of files of variants: the bytes that one command without ``--shard`` writes, in every form."""

from __future__ import annotations

import json
import shutil

import attrs
import numpy as np
import pysam.bcftools
import pytest
from splicecore.api import ConfigError, merge_variant_shards
from splicecore.genome.encoding import decode

FORMS = ("o.vcf", "o.vcf.gz", "o.bcf", "o.tsv", "o.tsv.gz", "o.parquet")
HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


@attrs.frozen
class Case:
    """Variants of the bench's genome, and ways to score and to merge."""

    inside: object
    folder: object
    lines: list

    def write(self, lines=None, name="in.vcf"):
        path = self.folder / name
        path.write_text(HEADER + "".join(f"{line}\n" for line in (self.lines if lines is None else lines)))
        return path

    def run(self, source, *outputs, options=(), code=0):
        bench = self.inside.bench
        named = [word for output in outputs for word in ("-O", str(output))]
        inputs = ["-I", str(source), "-R", str(bench.fasta), "-A", str(bench.annotation), "--base-model", "quick"]
        done = self.inside.call("variants", *inputs, *named, *map(str, options))
        assert done.returncode == code, done.stderr
        return done

    def shards(self, source, of, names, options=()):
        """Make all shards; returns their folders."""
        folders = [self.folder / f"{index}-of-{of}" for index in range(1, of + 1)]
        for index, folder in enumerate(folders, start=1):
            outputs = [folder / name for name in names]
            self.run(source, *outputs, options=(*options, "--shard", f"{index}/{of}"))
        return folders

    def merge(self, *words, code=0):
        done = self.inside.call("merge", *map(str, words))
        assert done.returncode == code, done.stderr
        return done

    def refuse(self, message, code, *words):
        """Insist that merging fails with a message of one line and leaves nothing."""
        before = sorted(self.folder.rglob("*"))
        done = self.merge(*words, code=code)
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert sorted(self.folder.rglob("*")) == before


def random_lines(genome, count, seed=3):
    """Lines of small variants on all contigs, sorted; some are not scored."""
    rng = np.random.default_rng(seed)
    lines = []
    for contig, sequence in genome.sequences.items():
        for position in np.sort(rng.integers(400, len(sequence) - 400, count)).tolist():
            ref = decode(sequence[position : position + int(rng.choice([1, 1, 2]))])
            alt = str(rng.choice([base for base in "ACGT" if base != ref[0]]))
            info = f"{contig}_only=0.123456789" if rng.random() < 0.5 else "FLAG"
            lines.append(f"{contig}\t{position + 1}\t.\t{ref}\t{alt}\t12.34567891\t{contig}_low\t{info}")
    return lines


@pytest.fixture
def case(inside, tmp_path):
    return Case(inside, tmp_path, random_lines(inside.bench.genome, 12))


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("of", [1, 3])
def test_shards_merged_are_the_whole(case, of):
    source = case.write()
    folders = case.shards(source, of, FORMS)
    for name in FORMS:
        case.run(source, case.folder / "whole" / name)
        done = case.merge(*(folder / name for folder in folders[::-1]), "-o", case.folder / "merged" / name)
        unit = "records" if "vcf" in name or "bcf" in name else "rows"
        assert f"{unit}: {case.folder / 'merged' / name}" in done.stdout
        assert not done.stderr
    merged = files(case.folder / "merged")
    assert merged == files(case.folder / "whole")
    assert {"o.vcf.gz.tbi", "o.bcf.csi", "o.tsv.summary.json", "o.parquet.summary.json"} <= merged.keys()
    assert "found finished from before" in case.run(source, case.folder / "merged" / "o.bcf").stdout


def test_the_merged_text_may_be_compressed_or_not(case):
    source = case.write()
    folders = case.shards(source, 2, ("o.vcf", "o.tsv.gz"))
    for name, other in (("o.vcf", "p.vcf.gz"), ("o.tsv.gz", "p.tsv")):
        case.run(source, case.folder / "whole" / other)
        case.merge(*(folder / name for folder in folders), "-o", case.folder / "merged" / other)
    assert files(case.folder / "merged") == files(case.folder / "whole")


def test_bcf_from_bcf(case):
    text = case.write()
    header = "".join(f"##contig=<ID={name}>\n" for name in case.inside.bench.genome.sequences)
    for name in case.inside.bench.genome.sequences:
        header += (
            f'##FILTER=<ID={name}_low,Description="low">\n##INFO=<ID={name}_only,Number=1,Type=Float,Description="">\n'
        )
    header += '##INFO=<ID=FLAG,Number=0,Type=Flag,Description="flag">\n#CHROM'
    text.write_text(text.read_text().replace("#CHROM", header))
    source = case.folder / "in.bcf"
    pysam.bcftools.view("-Ob", "-o", str(source), str(text), catch_stdout=False)
    for name in ("o.bcf", "o.vcf.gz"):
        folders = case.shards(source, 2, (name,))
        case.run(source, case.folder / "whole" / name)
        case.merge(*(folder / name for folder in folders), "-o", case.folder / "merged" / name)
    assert files(case.folder / "merged") == files(case.folder / "whole")


def test_records_without_order_and_shards_without_records(case):
    order = np.random.default_rng(2).permutation(len(case.lines)).tolist()
    names = ("o.vcf.gz", "o.bcf", "o.parquet")
    mixed = case.write([case.lines[index] for index in order], "mixed.vcf")
    folders = case.shards(mixed, 2, names)
    few = case.write(case.lines[:2], "few.vcf")
    empty = case.shards(few, 3, [f"few.{name}" for name in names])
    for name in names:
        case.run(mixed, case.folder / "whole" / name)
        case.run(few, case.folder / "whole" / f"few.{name}")
        done = case.merge(*(folder / name for folder in folders), "-o", case.folder / "merged" / name)
        assert ("gets no index" in done.stderr) == (name != "o.parquet")
        case.merge(*(folder / f"few.{name}" for folder in empty), "-o", case.folder / "merged" / f"few.{name}")
    merged = files(case.folder / "merged")
    assert merged == files(case.folder / "whole")
    assert "few.o.bcf.csi" in merged
    assert "o.bcf.csi" not in merged


def test_halves_that_are_sorted_may_not_be_so_together(case):
    contig = case.lines[0].partition("\t")[0]
    lines = [line for line in case.lines if line.startswith(f"{contig}\t")]
    half = len(lines) // 2
    source = case.write([*lines[half:], *lines[:half]])
    folders = case.shards(source, 2, ("o.vcf.gz",))
    assert all((folder / "o.vcf.gz.tbi").exists() for folder in folders)
    case.run(source, case.folder / "whole" / "o.vcf.gz")
    case.merge(*(folder / "o.vcf.gz" for folder in folders), "-o", case.folder / "merged" / "o.vcf.gz")
    assert files(case.folder / "merged") == files(case.folder / "whole")
    assert not (case.folder / "merged" / "o.vcf.gz.tbi").exists()


def test_files_for_vep(case):
    source = case.write()
    folders = case.shards(source, 3, ("o.vcf.gz",), options=("--vep-compatible",))
    case.run(source, case.folder / "whole" / "o.vcf.gz", options=("--vep-compatible",))
    parts = [folder / "o.vcf.gz" for folder in folders]
    case.merge(*parts, "-o", case.folder / "merged" / "o.vcf.gz")
    assert files(case.folder / "merged") == files(case.folder / "whole")
    case.refuse("VEP reads bgzip with an index", 2, *parts, "-o", case.folder / "o.vcf")


def test_files_for_vep_of_records_without_order(case):
    order = np.random.default_rng(7).permutation(len(case.lines)).tolist()
    source = case.write([case.lines[index] for index in order])
    folders = case.shards(source, 3, ("o.vcf.gz",), options=("--vep-compatible",))
    case.run(source, case.folder / "whole" / "o.vcf.gz", options=("--vep-compatible",))
    case.merge(*(folder / "o.vcf.gz" for folder in folders), "-o", case.folder / "merged" / "o.vcf.gz")
    assert files(case.folder / "merged") == files(case.folder / "whole")


def test_shards_may_be_moved_and_renamed_with_their_summaries(case):
    source = case.write()
    folders = case.shards(source, 2, ("o.vcf.gz", "tables/o.tsv"), options=("--summary", case.folder / "s.json"))
    moved = case.folder / "moved"
    moved.mkdir()
    for index, folder in enumerate(folders):
        for name in ("o.vcf.gz", "tables/o.tsv"):
            suffix = name.partition(".")[2]
            shutil.move(folder / name, moved / f"{index}.{suffix}")
            shutil.move(folder / f"{name}.summary.json", moved / f"{index}.{suffix}.summary.json")
    for suffix in ("vcf.gz", "tsv"):
        name = f"o.{suffix}"
        case.run(source, case.folder / "whole" / name)
        case.merge(moved / f"0.{suffix}", moved / f"1.{suffix}", "-o", case.folder / "merged" / name)
    assert files(case.folder / "merged") == files(case.folder / "whole")
    assert json.loads((case.folder / "s.json").read_text())["shard"] == "2/2"


def test_a_lost_summary_is_written_again(case):
    source = case.write()
    (folder,) = case.shards(source, 1, ("o.vcf.gz", "o.tsv"))
    before = (folder / "o.tsv.summary.json").read_bytes()
    (folder / "o.tsv.summary.json").unlink()
    case.shards(source, 1, ("o.vcf.gz", "o.tsv"))
    assert (folder / "o.tsv.summary.json").read_bytes() == before


def test_saturation(case):
    bench = case.inside.bench
    gene = bench.genome.genes[0]
    region = f"{gene.contig}:{gene.start + 1}-{gene.start + 30}"
    options = ["--region", region, "-R", str(bench.fasta), "-A", str(bench.annotation), "--base-model", "quick"]
    for folder, shard in (("whole", ()), ("1", ("--shard", "1/2")), ("2", ("--shard", "2/2"))):
        for name in ("o.bcf", "o.tsv.gz"):
            done = case.inside.call("saturate", *options, "-O", str(case.folder / folder / name), *shard)
            assert done.returncode == 0, done.stderr
    for name in ("o.bcf", "o.tsv.gz"):
        case.merge(case.folder / "1" / name, case.folder / "2" / name, "-o", case.folder / "merged" / name)
    assert files(case.folder / "merged") == files(case.folder / "whole")


def test_in_python(case):
    source = case.write()
    parts = [folder / "o.vcf.gz" for folder in case.shards(source, 2, ("o.vcf.gz",))]
    result = merge_variant_shards(parts, str(case.folder / "m" / "o.vcf.gz"))
    assert [path.name for path in result.outputs] == ["o.vcf.gz", "o.vcf.gz.tbi"]
    assert result.summary == json.loads((case.folder / "m" / "o.vcf.gz.summary.json").read_text())
    assert (result.summary["records"], result.summary["shard"]) == (len(case.lines), None)
    with pytest.raises(ConfigError, match="no shards given"):
        merge_variant_shards([], case.folder / "m.vcf")


@pytest.mark.parametrize("name", ["o.vcf.gz", "o.tsv"])
def test_what_is_refused(case, name):
    source = case.write()
    one, two = (folder / name for folder in case.shards(source, 2, (name,)))
    target = case.folder / f"merged-{name}"
    case.refuse("shards are missing: 2/2 (run them, or name their files too)", 3, one, "-o", target)
    case.refuse(f"shard 1/2 is there twice: {one} and {one}", 3, one, two, one, "-o", target)
    case.refuse(f"{one} is one of the parts", 2, one, two, "-o", one)
    for nowhere in ((), ("-o", "-")):
        case.refuse("merged into a file (-o NAME", 2, one, two, *nowhere)
    case.refuse("o.bcf is BCF (-o NAME", 2, one, two, "-o", case.folder / "o.bcf")
    case.refuse("suffix does not say what to write", 2, one, two, "-o", case.folder / "merged")
    case.refuse("none.vcf does not exist", 3, case.folder / "none.vcf", "-o", case.folder / "m.vcf")
    case.refuse(f"{two.parent} is no file of a shard", 3, one, two.parent, "-o", target)
    done = case.merge(one, two, "--bed", "-o", target, code=2)
    assert "have no exports" in done.stderr

    for other, options, message in (
        ("precise", ("--precision", "3"), "forms.precision 2 and 3"),
        ("wide", ("-D", "60"), "settings.rules.distance 50 and 60"),
        ("thirds", ("--shard", "2/3"), "shards 2 and 3"),
    ):
        path = case.folder / other / name
        case.run(source, path, options=("--shard", "2/2", *options))
        case.refuse(f"{one} and {path} are not shards of the same pass, they differ in ", 3, one, path, "-o", target)
        case.refuse(message, 3, one, path, "-o", target)
    path = case.folder / "input" / name
    case.run(case.write(case.lines[:-1], "less.vcf"), path, options=("--shard", "2/2"))
    case.refuse("they differ in the input (give the files of one", 3, one, path, "-o", target)
    summary = json.loads((two.parent / f"{name}.summary.json").read_text())
    summary["whole"]["pass"] = "of another device"
    (two.parent / f"{name}.summary.json").write_text(json.dumps(summary))
    case.refuse("they differ in what headers do not name, such as the engine", 3, one, two, "-o", target)
    path = case.folder / "whole" / name
    case.run(source, path)
    case.refuse(f"{path} is no shard (give the files of `--shard 1/N` to `--shard N/N`)", 3, one, path, "-o", target)


def test_mixed_forms_are_refused(case):
    source = case.write()
    one, two = case.shards(source, 2, ("o.vcf.gz", "o.bcf", "o.parquet", "o.tsv"))
    for first, second in (("o.vcf.gz", "o.bcf"), ("o.bcf", "o.tsv"), ("o.parquet", "o.tsv")):
        message = f"{one / first} is {form(first)} and {two / second} is {form(second)} (merge the files of one form"
        case.refuse(message, 3, one / first, two / second, "-o", case.folder / "m.vcf.gz")


def form(name):
    return {"gz": "VCF", "bcf": "BCF", "tsv": "TSV", "parquet": "Parquet"}[name.rpartition(".")[2]]


def test_edited_shards_and_those_without_summaries_are_refused(case):
    source = case.write()
    one, two = (folder / "o.vcf" for folder in case.shards(source, 2, ("o.vcf",)))
    target, summary = case.folder / "m.vcf", two.with_name("o.vcf.summary.json")
    content = two.read_bytes()
    two.write_bytes(content.replace(b"0.00|", b"0.99|"))
    edited = f"{two} changed since it was written, o.vcf.summary.json says (run the shard's command again)"
    case.refuse(edited, 5, one, two, "-o", target)
    two.write_bytes(content)
    told = summary.read_bytes()
    summary.write_text("{")
    case.refuse(f"{summary} cannot be read", 3, one, two, "-o", target)
    summary.write_text("[]")
    case.refuse(f"{summary} is no summary of variants", 3, one, two, "-o", target)
    summary.unlink()
    lost = f"{two} lies without o.vcf.summary.json, which says what shard it is (put the summary"
    case.refuse(lost, 3, one, two, "-o", target)
    summary.write_bytes(told)
    case.merge(one, two, "-o", target)


def test_tables_that_lie_without_summaries(case):
    source = case.write()
    one, two = (folder / "o.parquet" for folder in case.shards(source, 2, ("o.parquet",)))
    target = case.folder / "merged" / "o.parquet"
    case.merge(one, two, "-o", target)
    merged = target.read_bytes()
    two.with_name("o.parquet.summary.json").unlink()
    assert "gets no summary" in case.merge(one, two, "-o", target).stderr
    assert files(target.parent) == {"o.parquet": merged}, "the summary that was there is not of this file"
    with one.open("ab") as stream:
        stream.write(b"more")
    case.refuse(f"{one} changed since it was written", 5, one, two, "-o", target)


def test_a_failure_leaves_nothing(case, monkeypatch):
    source = case.write()
    parts = [folder / "o.vcf.gz" for folder in case.shards(source, 2, ("o.vcf.gz",))]
    target = case.folder / "m.vcf.gz"
    target.write_bytes(b"of another day")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("splicecore.variants.join.shutil.copyfileobj", fail)
    case.refuse(f"cannot write {target}: No space left on device", 5, *parts, "-o", target)
    assert target.read_bytes() == b"of another day"


def test_with_a_meta_model(case, served):
    bench = case.inside.bench
    source = case.write(case.lines[::3])
    inputs = ["-I", str(source), "-R", str(bench.fasta), "-A", str(bench.annotation)]
    names = ("o.vcf.gz", "o.tsv", "o.parquet")
    for folder, shard in (("whole", ()), ("1", ("--shard", "1/2")), ("2", ("--shard", "2/2"))):
        for name in names:
            words = [*inputs, "--meta-model", str(served.model), "--flank", "real", *shard]
            done = case.inside.call(
                "variants", *words, "-O", str(case.folder / folder / name), SPLICECORE_LOAD_PLUGINS=served.plugins
            )
            assert done.returncode == 0, done.stderr
    for name in names:
        case.merge(case.folder / "2" / name, case.folder / "1" / name, "-o", case.folder / "merged" / name)
    assert files(case.folder / "merged") == files(case.folder / "whole")
    summary = json.loads((case.folder / "merged" / "o.tsv.summary.json").read_text())
    assert summary["meta_model"]["scored"] > 0


def test_what_belonged_to_the_file_before_goes(case):
    order = np.random.default_rng(2).permutation(len(case.lines)).tolist()
    mixed = case.write([case.lines[index] for index in order])
    parts = [folder / "o.vcf.gz" for folder in case.shards(mixed, 2, ("o.vcf.gz",))]
    case.run(case.write(name="sorted.vcf"), case.folder / "m.vcf.gz")
    assert (case.folder / "m.vcf.gz.tbi").exists()
    case.merge(*parts, "-o", case.folder / "m.vcf.gz")
    assert not (case.folder / "m.vcf.gz.tbi").exists()

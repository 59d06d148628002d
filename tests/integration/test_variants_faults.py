"""``splicecore variants`` as it refuses, is interrupted, and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from splicecore.api import OutputError


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-I", "{folder}/none.vcf", "-O", "{folder}/o.vcf"), "does not exist"),
        (("-I", "{source}", "-O", "{folder}/o.txt"), "suffix"),
        (("-I", "{source}", "-O", "{source}"), "input and output"),
        (
            ("-I", "{source}", "-O", "{folder}/o.vcf", "--summary", "{source}"),
            "input and output (choose another --summary",
        ),
        (("-I", "{source}", "-O", "{folder}/o.vcf", "--summary", "{folder}/./o.vcf"), "given twice as an output"),
        (("-I", "{source}", "-O", "{folder}/o.tsv", "-A", "{folder}/o.tsv"), "input and output"),
        (("-I", "{source}", "-O", "{folder}/o.vcf", "-O", "{folder}/./o.vcf"), "given twice as an output"),
        (("-I", "{source}", "-O", "{folder}"), "it is a folder"),
        (("-I", "{source}", "-O", "{folder}/o.vcf", "--summary", "{folder}"), "it is a folder"),
        (("-I", "{source}"), "no output"),
        (("-O", "{folder}/o.vcf"), "no input"),
        (("-I", "{source}", "-O", "{folder}/o.vcf", "-A", "grch38"), "grch38 is not installed"),
        (("-I", "{source}", "-O", "{folder}/o.vcf", "--vep-compatible"), "VEP"),
        (("-I", "{source}", "-O", "{folder}/o.vcf", "-D", "0"), "distance is 0"),
        (("-I", "{source}", "-O", "{folder}/o.vcf", "--transcripts", "mane"), "no transcript tagged"),
        (("-I", "{source}", "-O", "{folder}/o.vcf", "--base-model", "nobody"), "nobody"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(case, options, words):
    source = case.write()
    bench = case.inside.bench
    given = [option.format(folder=case.folder, source=source) for option in options]
    done = case.inside.call(
        "variants", "-R", str(bench.fasta), "-A", str(bench.annotation), "--base-model", "quick", *given
    )
    assert done.returncode in (2, 3, 4, 5)
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in case.folder.iterdir()) == ["in.vcf"]


def test_bad_files_end_with_their_name_and_line(case):
    source = case.write()
    with source.open("a") as text:
        text.write("chr1\tten\t.\tA\tC\t.\t.\t.\tGT\t0|1\n")
    done = case.call(source, case.folder / "o.vcf.gz")
    assert done.returncode == 3
    assert f"{source}, line 154: POS is 'ten'" in done.stderr
    source.write_text(case.header)
    done = case.call(source, case.folder / "o.vcf.gz")
    assert (done.returncode, "has no records" in done.stderr) == (3, True)
    assert [path.name for path in case.folder.iterdir()] == ["in.vcf"], "nothing is in the way of the next attempt"


def test_a_finished_command_does_nothing_again(case):
    source, output = case.write(), case.folder / "o.vcf.gz"
    case.run(source, output)
    before = output.stat().st_mtime_ns
    assert "found finished from before" in case.run(source, output).stdout
    assert output.stat().st_mtime_ns == before
    assert "found finished" not in case.run(source, output, options=("--precision", "3")).stdout
    output.write_bytes(b"changed")
    assert "found finished" not in case.run(source, output).stdout
    assert len(case.records(output)) == len(case.lines)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(case, workers):
    bench = case.inside.bench
    case.run(case.write(), case.folder / "whole.vcf.gz", model="slow", SLOW="0")
    output = case.folder / "killed.vcf.gz"
    parts = case.folder / ".killed.vcf.gz.splicecore" / "parts"
    arguments = [*case.arguments(case.folder / "in.vcf", output, model="slow"), "--workers", workers]
    with subprocess.Popen(
        bench.command(*arguments), env=bench.environment(SLOW="0.3"), stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 60
        while len(list(parts.glob("[0-9]*.parquet")) if parts.is_dir() else ()) < 2:
            assert time.monotonic() < deadline, "no block was finished in time"
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
    assert not output.exists()
    refused = case.call(case.folder / "in.vcf", output, model="slow", options=("-D", "100"), SLOW="0")
    assert refused.returncode == 5
    assert "interrupted run with other settings: scores.0.rules.distance was 50, is 100" in refused.stderr
    done = case.run(case.folder / "in.vcf", output, model="slow", options=("-v", "--workers", workers), SLOW="0")
    assert "blocks are there from before" in done.stderr
    assert output.read_bytes() == (case.folder / "whole.vcf.gz").read_bytes()
    assert not parts.parent.exists()


def test_a_damaged_block_is_scored_again(case, monkeypatch):
    source, output = case.write(), case.folder / "o.vcf"
    case.run(source, case.folder / "whole.vcf")

    def fail(planned):
        raise OutputError("no space")

    with monkeypatch.context() as patch:
        patch.setattr("splicecore.variants.workflow.write_outputs", fail)
        assert case.call(source, output).returncode == 5
    parts = sorted((case.folder / ".o.vcf.splicecore" / "parts").glob("*.parquet"))
    parts[0].write_bytes(b"PAR1")
    parts[1].write_bytes(parts[2].read_bytes())
    done = case.run(source, output)
    assert done.stderr.count("the block is scored again") == 2
    assert output.read_bytes() == (case.folder / "whole.vcf").read_bytes()


def test_what_a_run_left_damaged_is_made_again(case, monkeypatch):
    source, output = case.write(), case.folder / "o.vcf"
    case.run(source, case.folder / "whole.vcf")
    with monkeypatch.context() as patch:
        patch.setattr("splicecore.variants.workflow.write_outputs", lambda planned: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            case.call(source, output)
    work = case.folder / ".o.vcf.splicecore"
    blocks = work / "blocks.arrow"
    blocks.write_bytes(blocks.read_bytes()[:300])
    (work / "run.json").write_text("{")
    refused = case.call(source, output)
    assert (refused.returncode, "run.json" in refused.stderr) == (5, True)
    (work / "run.json").write_text("{}")
    (work / "lock").unlink()
    (work / "lock").mkdir()
    refused = case.call(source, output)
    assert (refused.returncode, refused.stderr.count("\n")) == (5, 1)
    (work / "lock").rmdir()
    (work / "run.json").write_text("{")
    case.run(source, output, options=("--force",))
    assert output.read_bytes() == (case.folder / "whole.vcf").read_bytes()


@pytest.mark.parametrize("name", ["blocks.arrow", "plan.json"])
def test_a_damaged_plan_is_made_again(case, monkeypatch, name):
    source, output = case.write(), case.folder / "o.vcf"
    with monkeypatch.context() as patch:
        patch.setattr("splicecore.variants.workflow.write_outputs", lambda planned: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            case.call(source, output)
    damaged = case.folder / ".o.vcf.splicecore" / name
    damaged.write_bytes(damaged.read_bytes()[:100])
    done = case.run(source, output, options=("-v",))
    assert "the input is read again" in done.stderr
    assert "blocks are there from before" in done.stderr


def test_the_index_of_the_file_before_goes(case):
    output = case.folder / "o.vcf.gz"
    case.run(case.write(), output)
    assert output.with_name("o.vcf.gz.tbi").exists()
    case.run(case.write("mixed.vcf", case.lines[::-1]), output)
    assert not output.with_name("o.vcf.gz.tbi").exists(), "an index of other records"


@pytest.mark.parametrize("outputs", [("-",), ("o.vcf", "-")])
def test_a_failure_of_stdout_is_told_as_that(case, outputs):
    named = [name if name == "-" else case.folder / name for name in outputs]
    command = case.inside.bench.command(*case.arguments(case.write(), *named))
    environment = case.inside.bench.environment()
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (5, 1), done.stderr
    assert "cannot write to stdout: No space left on device" in done.stderr
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        said = process.stderr.read()
        code = process.wait(timeout=60)
    if len(outputs) == 1:
        assert (code, said) == (0, ""), "a reader that has enough is no failure"
    else:
        assert code == 5, said
        assert "cannot write to stdout: its reader ended" in said
    assert not (case.folder / "o.vcf").exists()


def test_commands_share_a_place_for_their_work(case, monkeypatch):
    source, place = case.write(), case.folder / "work"
    outputs = [case.folder / "a.vcf", case.folder / "b.vcf"]
    for output, shard in zip(outputs, ("1/2", "2/2"), strict=True):
        with monkeypatch.context() as patch:
            patch.setattr("splicecore.variants.workflow.write_outputs", lambda planned: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                case.call(source, output, options=("--work-dir", str(place), "--shard", shard))
    assert len(list(place.iterdir())) == 2
    for output, shard in zip(outputs, ("1/2", "2/2"), strict=True):
        done = case.run(source, output, options=("--work-dir", str(place), "--shard", shard, "-v"))
        assert "blocks are there from before" in done.stderr
    assert not list(place.iterdir())


def test_nothing_scored_is_told(case):
    outside = "chr1\t1\t.\tA\tC\t.\t.\t.\tGT\t0|1"
    done = case.run(case.write(lines=[outside]), case.folder / "o.vcf")
    assert "no allele was scored (no_gene 1)" in done.stderr
    done = case.run(case.write(lines=[*case.lines, outside]), case.folder / "p.vcf")
    assert "no allele was scored" not in done.stderr

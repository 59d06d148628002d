"""SpliceAI's own example through the command line: the published INFO comes out."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("splicecore_spliceai")


@pytest.mark.realdata
@pytest.mark.timeout(300)
def test_illumina_s_example(real_data, tmp_path):
    published = real_data / "variants" / "published"
    genome = real_data / "genome"
    environment = {**os.environ, "SPLICECORE_CACHE_DIR": str(tmp_path / "cache"), "XDG_STATE_HOME": str(tmp_path)}
    arguments = [
        "-I", str(published / "illumina_example.GRCh37.input.vcf"), "-O", str(tmp_path / "out.vcf"), "-R",
        str(genome / "GRCh37.fa.gz"), "-A", str(genome / "GRCh37.spliceai_table.txt"),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "splicecore", "variants", *arguments], env=environment, capture_output=True, check=False
    )
    if b"weights of 'spliceai'" in done.stderr:
        pytest.skip("no weights of SpliceAI")
    assert done.returncode == 0, done.stderr
    ours, theirs = (
        [line for line in path.read_text().splitlines() if not line.startswith("#")]
        for path in (tmp_path / "out.vcf", published / "illumina_example.GRCh37.output.vcf")
    )
    compared = [pair for pair in zip(ours, theirs, strict=True) if pair[0].split("\t")[7] != "."]
    assert len(compared) == 7
    for own, published_line in compared:
        assert own == published_line

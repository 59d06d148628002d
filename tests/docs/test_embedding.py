"""What docs/howto/embedding.md promises of a session: silence, no logging set-up, nothing left behind, threads."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from splicecore.api import PluginSettings, Session
from splicecore.testing.simulate import SimulationConfig, simulate_genome

pytest.importorskip("splicecore_consensus")

GENES = ("SIM1", "SIM2", "SIM3", "SIM5", "SIM6")


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    folder = tmp_path_factory.mktemp("genome")
    paths = simulate_genome(SimulationConfig(contigs=("chr1",)), seed=11).write(folder)
    return {"fasta": str(paths.fasta), "annotation": str(paths.annotation), "base_model": "consensus"}


@pytest.fixture
def session(tmp_path):
    plugins = PluginSettings(load=("consensus",))
    return Session(plugins=plugins, data_root=tmp_path / "data", cache_dir=tmp_path / "cache")


def site(table):
    """A variant at the best donor of a table."""
    row = table.take([int(table["donor_score"].to_numpy().argmax())]).to_pylist()[0]
    return row["contig"], row["position"], row["strand"]


def test_nothing_is_printed_and_nothing_is_left_behind(session, where, capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    named = logging.getLogger("splicecore")
    before = (
        [*logging.root.handlers], logging.root.level, [*named.handlers], named.level, dict(os.environ), Path.cwd(),
        signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), [*warnings.filters], sys.excepthook,
    )  # fmt: skip
    monkeypatch.setattr(logging, "lastResort", None)  # what Python shows of warnings where nobody configured logging
    capfd.readouterr()
    session.predict(**where, genes=["SIM1"])
    session.run(**where, genes=["SIM1"], output_dir=tmp_path / "out")
    session.score_variants([("chr1", 100, "A", "C")], **where)
    after = (
        [*logging.root.handlers], logging.root.level, [*named.handlers], named.level, dict(os.environ), Path.cwd(),
        signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), [*warnings.filters], sys.excepthook,
    )  # fmt: skip
    assert after == before
    found = capfd.readouterr()
    assert (found.out, found.err) == ("", "")


def test_an_error_is_an_exception_and_no_exit(where, tmp_path):
    code = """
import sys
from splicecore.api import PluginSettings, Session, SplicecoreError
session = Session(plugins=PluginSettings(load=("consensus",)), data_root="data", cache_dir="cache")
try:
    session.predict(fasta=sys.argv[1], annotation=sys.argv[2], base_model="consensus", genes=["NONE"])
except SplicecoreError as error:
    assert error.hint is None or isinstance(error.hint, str)
    print("still here")
"""
    command = [sys.executable, "-c", code, where["fasta"], where["annotation"]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "still here\n"), done.stderr


def test_warnings_are_shown_to_those_alone_who_configured_logging():
    code = """
import logging
import splicecore
logging.getLogger("splicecore.x").warning("first")
logging.basicConfig(format="%(message)s")
logging.getLogger("splicecore.x").warning("second")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "second\n")


def test_one_session_in_several_threads(session, where, tmp_path):
    alone = Session(
        plugins=PluginSettings(load=("consensus",)), data_root=tmp_path / "other", cache_dir=tmp_path / "other_cache"
    )
    wanted = {gene: alone.predict(**where, genes=[gene]) for gene in GENES}
    barrier = Barrier(len(GENES))

    def score(gene):
        barrier.wait()
        return session.predict(**where, genes=[gene])

    with ThreadPoolExecutor(len(GENES)) as pool:
        found = dict(zip(GENES, pool.map(score, GENES), strict=True))
    assert all(found[gene].equals(wanted[gene]) for gene in GENES)


def test_different_work_of_one_session_at_a_time(session, where, tmp_path):
    from splicecore.api import Reference, decode

    table = session.predict(**where, genes=["SIM1"])
    contig, position, _ = site(table)
    with Reference.open(where["fasta"]) as reference:
        ref = decode(reference.fetch(contig, position, position + 1))
    variants = [(contig, position, ref, "A" if ref != "A" else "C")]
    wanted = session.score_variants(variants, **where)
    barrier = Barrier(4)
    work = (
        lambda: session.predict(**where, genes=["SIM1"]),
        lambda: session.score_variants(variants, **where),
        lambda: session.run(**where, genes=["SIM5"], output_dir=tmp_path / "one").rows,
        lambda: session.run(**where, genes=["SIM5"], output_dir=tmp_path / "two").rows,
    )

    def begin(task):
        barrier.wait()
        return task()

    with ThreadPoolExecutor(4) as pool:
        scored, annotated, one, two = pool.map(begin, work)
    assert scored.equals(table)
    assert annotated.equals(wanted)
    assert one == two > 0
    name = "predictions/base_model_predictions.parquet"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()

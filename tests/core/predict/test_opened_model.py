"""What is remembered of a model that was opened, and when that does not hold any more."""

from __future__ import annotations

import os

import attrs
import numpy as np
import pytest
from splicecore.config import RunConfig
from splicecore.errors import ChecksumError
from splicecore.plugins.host import PluginSettings
from splicecore.predict.opened_model import describe_opened, implementation
from splicecore.predict.task import ScoreTask, TaskConfig
from splicecore.session import Session
from splicecore.testing.plugins import fake_distribution

SOURCE = """
import os
from pathlib import Path
import attrs
from splicecore.api import hookimpl
from splicecore.testing.fakes import MOTIF_SPEC, MotifModel

def spec(name, **fields):
    return attrs.evolve(MOTIF_SPEC, name=name, factory=__name__ + ":open_model", **fields)

@hookimpl
def splicecore_base_models():
    return [spec("weighty", weights=("*.bin",)), spec("light")]

class Model(MotifModel):
    def __init__(self, spec, request):
        with open(os.environ["OPENED"], "a") as handle:
            handle.write("x")
        super().__init__(attrs.evolve(spec, builds=("GRCh38", "GRCh37")), request)
        if request.weights is not None:
            self.fingerprint = Path(request.weights, "w.bin").read_text() + str(request.config)

def open_model(spec, request):
    return Model(spec, request)
"""


class Bench:
    def __init__(self, folder, monkeypatch):
        self.folder, self.patch = folder, monkeypatch
        self.opened = folder / "opened"
        self.opened.touch()
        monkeypatch.setenv("OPENED", str(self.opened))
        (folder / "models").mkdir()
        self.weights = folder / "models" / "w.bin"
        self.weights.write_text("first")
        self.install("1.0")

    def install(self, version):
        fake_distribution(self.folder / version, "opened-models", version, SOURCE)
        self.patch.syspath_prepend(str(self.folder / version))

    def session(self, **settings):
        plugins = PluginSettings(load=("opened-models",))
        return Session(
            plugins=plugins, cache_dir=self.folder / "cache", data_root=self.folder, models={"weighty": settings}
        )

    def describe(self, model="weighty", session=None, **options):
        session = session or self.session()
        weights = {"models_dir": str(self.weights.parent)} if model == "weighty" else {}
        spec, request, _ = session.open_request(RunConfig(base_model=model, **weights, **options))
        return describe_opened(session, spec, request)

    @property
    def times(self):
        return len(self.opened.read_text())


@pytest.fixture
def bench(tmp_path, monkeypatch):
    return Bench(tmp_path, monkeypatch)


def test_a_model_is_opened_once(bench):
    first, second = bench.describe(), bench.describe()
    assert bench.times == 1
    assert (first.opened, second.opened) == (True, False)
    assert attrs.evolve(second, opened=True) == first
    assert second.spec.builds == ("GRCh38", "GRCh37"), "as opened, not as the hook yielded it"
    assert second.implementation == {"opened-models": "1.0"}
    assert not bench.describe(threads=7).opened, "threads decide nothing"


def test_a_model_without_weights_is_opened_every_time(bench):
    assert bench.describe("light").opened
    assert bench.describe("light").opened
    assert bench.times == 2


@pytest.mark.parametrize("change", ["content", "time", "another file"])
def test_touched_weights_are_opened_again(bench, change):
    bench.describe()
    if change == "content":
        bench.weights.write_text("second")
    elif change == "time":
        os.utime(bench.weights, (1, 1))
    else:
        (bench.weights.parent / "more.bin").write_text("more")
    described = bench.describe()
    assert described.opened
    assert described.fingerprint == bench.weights.read_text() + "{}"


def test_other_settings_and_versions_are_opened_again(bench):
    bench.describe()
    other = bench.describe(session=bench.session(site=3.0))
    assert other.opened
    assert other.fingerprint == "first{'site': 3.0}"
    assert not bench.describe().opened, "each is remembered"
    bench.install("1.1")
    newer = bench.describe()
    assert newer.opened
    assert newer.implementation == {"opened-models": "1.1"}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"spec": [], "fingerprint": "x"}', '{"spec": {"no": 1}}', "\x00"])
def test_what_is_remembered_wrongly_is_ignored(bench, content):
    first = bench.describe()
    (remembered,) = (bench.folder / "cache" / "models").iterdir()
    remembered.write_text(content)
    assert bench.describe() == first
    assert not bench.describe().opened, "and written anew"


def test_a_cache_that_cannot_be_written_is_no_error(bench):
    (bench.folder / "cache").write_text("a file in the way")
    assert bench.describe().opened
    assert bench.describe().opened


def test_a_plugin_without_distribution_has_no_version(bench):
    session = bench.session()
    assert implementation(session.host, "weighty") == {"opened-models": "1.0"}


def test_a_worker_refuses_weights_that_are_not_those_planned(bench, tmp_path):
    session = bench.session()
    spec, request, _ = session.open_request(RunConfig(base_model="weighty", models_dir=str(bench.weights.parent)))
    described = describe_opened(session, spec, request)
    fasta = tmp_path / "a.fa"
    fasta.write_text(">chr1\nACGT\n")
    config = TaskConfig(
        plugins=session.host.settings, base_model="weighty", request=request, fingerprint=described.fingerprint,
        fasta=str(fasta), flank="real", parts=str(tmp_path), cache=str(tmp_path),
    )  # fmt: skip
    task = ScoreTask(config)
    assert task.model.predict(np.zeros((1, spec.left + spec.right + 5), np.uint8)).shape == (1, 5, 3)
    task.close()
    task = ScoreTask(attrs.evolve(config, fingerprint="of other weights"))
    with pytest.raises(ChecksumError, match="weights of weighty changed"):
        _ = task.model
    task.close()

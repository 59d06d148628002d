"""Interpreters of their own, made without downloads: virtual environments that see this one's packages, or some."""

from __future__ import annotations

import pytest
from splicecore.testing.environments import Environment, make_environment
from splicecore.testing.plugins import fake_distribution

MODELS = """
import os, signal, sys, time
import attrs
import numpy as np
from splicecore.api import ResourceFinderSpec, ResourceLocation, hookimpl
from splicecore.testing.fakes import COMPLETE_SPEC, MOTIF_SPEC, CompleteMotifModel, MotifModel

def spec(name, base=MOTIF_SPEC, **fields):
    return attrs.evolve(base, name=name, factory=__name__ + ":open_model", **fields)

@hookimpl
def splicecore_base_models():
    yield spec("elsewhere", builds=("GRCh38",), output_length=None)
    yield spec("elsewhere-edits", base=COMPLETE_SPEC, weights=())
    yield spec("elsewhere-bad")
    yield spec("elsewhere-weights", base=COMPLETE_SPEC)

@hookimpl
def splicecore_resource_finders():
    yield ResourceFinderSpec(name="elsewhere", factory=__name__ + ":find", kinds=("weights",))

def find(request):
    folder = os.environ.get("ELSEWHERE")
    if request.name == "elsewhere-weights" and folder:
        return ResourceLocation(path=folder, provenance="found elsewhere")

class Bad(MotifModel):
    def _tables(self):
        return super()._tables()

    def predict(self, codes):
        kind = self.request.config["kind"]
        print("printed by the model")
        os.write(1, b"written to descriptor 1\\n")
        sys.stdin.read()
        if kind == "dies":
            sys.stderr.write("the last words\\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "leaves":
            os._exit(7)
        if kind == "hangs":
            time.sleep(600)
        if kind == "raises":
            raise ValueError("a model's own bug", 7)
        if kind == "own":
            raise Odd("odd")
        if kind == "list":
            return [1, 2]
        if kind == "double":
            return super().predict(codes).astype(np.float64)
        if kind == "objects":
            return super().predict(codes).astype(object)
        if kind == "writes":
            codes[:] = 4
        return super().predict(codes)

    def __init__(self, spec, request):
        assert request.interpreter is None
        self.request = attrs.evolve(request, config={})
        super().__init__(spec, self.request)
        self.request = request

class Odd(Exception):
    pass

def open_model(spec, request):
    if spec.name == "elsewhere-bad":
        return Bad(spec, request)
    return (CompleteMotifModel if "ts" in spec.name else MotifModel)(spec, request)  # edits, weights
"""


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> Environment:
    """An environment with base models that are not installed here."""
    made = make_environment(tmp_path_factory.mktemp("environment") / "env")
    fake_distribution(made.site, "elsewhere-models", "1.5", MODELS)
    return made


@pytest.fixture
def new_environment(tmp_path):
    """Make an environment of this test's own."""
    return lambda **options: make_environment(tmp_path / "env", **options)

"""Faulty, outdated and too new plugins beside a run: a line each, and the run goes on; what needs one ends with why."""

from __future__ import annotations

import pytest
import splicecore
from splicecore.testing.plugins import fake_distribution

HAVE = splicecore.__version__
MODEL = """
import attrs
from splicecore.api import hookimpl
from splicecore.testing.fakes import MOTIF_SPEC

@hookimpl
def splicecore_base_models():
    yield attrs.evolve(MOTIF_SPEC, name={name!r})
"""
MISSPELT = "from splicecore.api import hookimpl\n\n@hookimpl\ndef splicecore_base_modells():\n    return []\n"

TOLD = {
    "unimportable": (
        "plugin 'unimportable' (unimportable 1.5) not loaded: ModuleNotFoundError: No module named 'no_such_framework' "
        "(splicecore plugins show unimportable --traceback)"
    ),
    "misspelt": (
        "plugin 'misspelt' (misspelt 1.5) not loaded: there is no hook splicecore_base_modells; did you mean "
        "splicecore_base_models? (splicecore plugins show misspelt --traceback)"
    ),
    "too-new": (
        f"plugin 'too-new' (too-new 1.5) not loaded: needs splicecore>=99, have {HAVE} "
        "(pip install --upgrade splicecore)"
    ),
    "too-old": (
        f"plugin 'too-old' (too-old 1.5) not loaded: needs splicecore<0.1, have {HAVE} (pip install --upgrade too-old)"
    ),
    "first-interface": (
        f"plugin 'first-interface' (first-interface 1.5) not loaded: made for plugin interface 0, splicecore {HAVE} "
        "has 1 (pip install --upgrade first-interface)"
    ),
    "next-interface": (
        f"plugin 'next-interface' (next-interface 1.5) not loaded: made for plugin interface 2, splicecore {HAVE} has "
        "1 (pip install --upgrade splicecore)"
    ),
    "one-name": (
        "plugin 'one-name' (other-dist 1.5) not loaded: plugin 'one-name' (a-dist 1.5) has the same name and comes "
        "first (pip uninstall other-dist, or the other)"
    ),
    "claimed": (
        "base model 'claimed' is provided by plugin 'claims' (claims 1.5) and plugin 'claims-too' (claims-too 1.5); it "
        "cannot be used (disable one of them with --disable-plugin)"
    ),
}
"""What is told of each, whatever is run."""


@pytest.fixture
def variables(bench, tmp_path):
    """Install all of them beside the models of the bench; return the environment variables that find them."""
    site = tmp_path / "site"

    def install(name, source, **more):
        fake_distribution(site, name, "1.5", source, **more)

    install("unimportable", "import no_such_framework\n")
    install("misspelt", MISSPELT)
    install("too-new", "raise AssertionError\n", requires=["splicecore>=99"])
    install("too-old", "raise AssertionError\n", requires=["splicecore<0.1"])
    install("first-interface", "raise AssertionError\n", group="splicecore.plugins.v0")
    install("next-interface", "raise AssertionError\n", group="splicecore.plugins.v2")
    for distribution in ("a-dist", "other-dist"):
        module = distribution.replace("-", "_")
        install(distribution, MODEL.format(name=distribution), plugin="one-name", module=module)
    for name in ("claims", "claims-too"):
        install(name, MODEL.format(name="claimed"))
    names = [*(name for name in TOLD if name != "claimed"), "claims", "claims-too", "bench-models"]
    return {"PYTHONPATH": f"{site}:{bench.site}", "SPLICECORE_LOAD_PLUGINS": ",".join(names)}


def test_a_run_that_needs_none_of_them_goes_on(bench, tmp_path, variables):
    done = bench.call(*bench.run_arguments(tmp_path / "out", "--all-genes"), **variables)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stderr.splitlines()) == sorted(f"splicecore: WARNING: {line}" for line in TOLD.values())
    alone = bench.run(tmp_path / "alone", "--all-genes")
    assert (tmp_path / "out" / alone.relative_to(tmp_path / "alone")).read_bytes() == alone.read_bytes()


def test_listing_tells_the_same(inside, variables, monkeypatch):
    for path in reversed(variables["PYTHONPATH"].split(":")):
        monkeypatch.syspath_prepend(path)
    inside.variables.update(variables)
    done = inside.call("plugins", "list")
    assert done.returncode == 0
    assert sorted(done.stderr.splitlines()) == sorted(TOLD.values())


@pytest.mark.parametrize("name", TOLD)
def test_a_run_that_needs_one_ends_with_why(inside, tmp_path, variables, monkeypatch, name):
    for path in reversed(variables["PYTHONPATH"].split(":")):
        monkeypatch.syspath_prepend(path)
    inside.variables.update(variables)
    done = inside.call(*inside.bench.run_arguments(tmp_path / "out", "--all-genes", model=name))
    assert done.returncode == 4
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("splicecore: error: ")]
    cause, _, remedy = TOLD[name].partition(" not loaded: ")[2].rpartition(" (")
    assert f"base model '{name}' is" in line
    assert cause in line
    assert "--disable-plugin" in line if name == "claimed" else remedy.rstrip(")") in line

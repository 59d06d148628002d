"""Which meta-models can stream rows, and how they are told to."""

from __future__ import annotations

from types import SimpleNamespace

import attrs
import pytest
from splicecore.api import MetaModelSpec
from splicecore.errors import ConfigError
from splicecore.inference.meta_model_spec import MetaModelChoice


@attrs.frozen
class Filed:
    memory_gib: float = 4.0
    depth: int = 3


@attrs.frozen
class Plain:
    depth: int = 3


SPECS = {
    name: MetaModelSpec(name=name, factory="nowhere:Model", config_cls=cls, out_of_core=streams)
    for name, cls, streams in (
        ("filed", Filed, True),
        ("plain", Plain, True),
        ("bare", None, True),
        ("hoarder", Filed, False),
    )
}


def host(*names):
    specs = {name: SPECS[name] for name in names or SPECS}
    return SimpleNamespace(meta_models=lambda: specs, meta_model=specs.__getitem__)


def test_a_limit_of_memory_is_set_to_nothing_unless_it_is_given():
    choice = MetaModelChoice(name="filed", settings={"depth": 2})
    assert choice.streaming(host()).settings == {"depth": 2, "memory_gib": 0}
    assert choice.settings == {"depth": 2}
    given = MetaModelChoice(name="filed", settings={"memory_gib": 0.5})
    assert given.streaming(host()) == given


@pytest.mark.parametrize("name", ["plain", "bare"])
def test_models_without_a_limit_are_left_as_they_are(name):
    choice = MetaModelChoice(name=name)
    assert choice.streaming(host()) == choice


def test_a_model_that_holds_all_rows_is_refused_by_the_names_of_others():
    with pytest.raises(ConfigError, match="hoarder holds all rows") as caught:
        MetaModelChoice(name="hoarder").streaming(host())
    assert "bare or filed or plain" in str(caught.value.hint)
    with pytest.raises(ConfigError) as caught:
        MetaModelChoice(name="hoarder").streaming(host("hoarder"))
    assert caught.value.hint == "leave --incremental out"

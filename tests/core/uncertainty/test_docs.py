"""``docs/concepts/uncertainty.md``: its example runs, and its defaults are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest
from splicecore.testing.conformance.uncertainty_case import UncertaintyCase
from splicecore.uncertainty import configs

PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "uncertainty.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the page is not part of the source distribution")


def test_defaults_are_those_of_the_code():
    text = PAGE.read_text(encoding="utf-8")
    hybrid = configs.HybridConfig()
    for name in ("entropy", "spread", "variance"):
        assert re.search(rf"`{name}` {getattr(hybrid, name):g} \|", text), name
    assert f"`--uncertainty-low` {hybrid.low:.2f}, `--uncertainty-high` {hybrid.high:.2f} |" in text
    assert f"`disagreement` is {configs.DisagreementConfig().disagreement:g} " in text
    assert configs.SelectionConfig().strategy == "hybrid_entropy"
    assert "`hybrid_entropy` (default)" in text
    assert attrs.asdict(configs.ConfidenceConfig()) == {"low": hybrid.low, "high": hybrid.high}
    assert configs.EntropyConfig().entropy == hybrid.entropy


def test_every_strategy_is_listed(host):
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{name}`" in text for name in host.uncertainty_strategies())


def test_the_example_runs(host):
    example = re.search(r"```python\n(from splicecore\.api.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
    block = UncertaintyCase(spec=host.uncertainty_strategy("hybrid_entropy")).mixed()
    names = {"block": block}
    exec(compile(example, str(PAGE), "exec"), names)
    assert list(names["columns"]) == ["site_probability", "entropy", "spread", "variance"]
    assert len(names["reasons"]) == len(names["index"]) > 0
    told = {part for reason in names["reasons"].tolist() for part in reason.split("+")}
    assert told == {"confidence", "entropy", "spread", "variance"}

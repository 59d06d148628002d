from __future__ import annotations

import attrs
import pytest
from splicecore.assess.config import AssessConfig
from splicecore.config import structure
from splicecore.errors import ConfigError


def test_survives_json():
    config = AssessConfig(threshold=0.3, negatives="window", negative_ratio=2.0)
    assert structure(attrs.asdict(config), AssessConfig, where="worker") == config
    assert structure({}, AssessConfig, where="worker") == AssessConfig()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threshold", 0.0),
        ("threshold", 1.5),
        ("threshold", float("nan")),
        ("consensus_window", -1),
        ("error_window", -1),
        ("negative_window", -1),
        ("seed", -1),
        ("negative_ratio", -0.1),
        ("negative_ratio", float("inf")),
        ("sequence_flank", 0),
        ("negatives", "some"),
    ],
)
def test_refuses_what_makes_no_sense(key, value):
    with pytest.raises(ConfigError, match=key):
        AssessConfig(**{key: value})
    with pytest.raises(ConfigError, match=key):
        structure({key: value}, AssessConfig, where="file")

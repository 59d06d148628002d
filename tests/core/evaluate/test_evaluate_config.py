"""Names, columns, means and thresholds as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from splicecore.errors import ConfigError
from splicecore.evaluate.config import EvaluateConfig, operating_points, parse_inputs, parse_means


def test_tables_are_called_as_asked_or_after_their_place():
    found = parse_inputs(["base=out/x", "out/run", "out/other/predictions/base_model_predictions.parquet", "t.parquet"])
    assert [item.name for item in found] == ["base", "run", "other", "t"]
    assert found[0].path == Path("out/x")


def test_columns_are_for_all_or_for_one():
    found = parse_inputs(["a=x", "b=x"], ["meta", "b=openspliceai__*_score"])
    assert [item.pattern for item in found] == ["*_meta", "openspliceai__*_score"]


@pytest.mark.parametrize(
    ("tables", "columns", "message"),
    [
        ([], [], "no predictions"),
        (["x/a", "y/a"], [], "two models are called 'a'"),
        (["a=x"], ["c=meta"], "no model here"),
        (["a=x"], ["odd"], "not known"),
        (["a=x"], ["meta", "score"], "given as"),
        (["a,b=x"], [], "no name"),
    ],
)
def test_what_makes_no_sense_is_refused(tables, columns, message):
    with pytest.raises(ConfigError, match=message):
        parse_inputs(tables, columns)


def test_means_have_names_and_known_members():
    assert parse_means(["a,b", "m=a,b"], ["a", "b"]) == {"a+b": ("a", "b"), "m": ("a", "b")}
    for text in ("a", "a,a", "a,c"):
        with pytest.raises(ConfigError, match="mean"):
            parse_means([text], ["a", "b"])
    with pytest.raises(ConfigError, match="two models"):
        parse_means(["a=a,b"], ["a", "b"])


def test_thresholds_are_common_or_belong_to_a_model():
    points = operating_points(["0.5", "0.1", "b=0.3,0.2"], ["a", "b"])
    assert [point.name for point in points] == ["0.5", "0.1", "own"]
    assert points[2].thresholds == {"a": (0.5, 0.5), "b": (0.3, 0.2)}
    for text in ("0", "1.5", "x", "c=0.5", "b=0.1,0.2,0.3", "b=nan"):
        with pytest.raises(ConfigError, match="threshold"):
            operating_points([text], ["a", "b"])


@pytest.mark.parametrize("options", [{"labels": "some"}, {"scope": "contig"}, {"bootstrap": -1}, {"bootstrap": 5}])
def test_options_are_checked(options):
    with pytest.raises(ConfigError):
        EvaluateConfig(**options)

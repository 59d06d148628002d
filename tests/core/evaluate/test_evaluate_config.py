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
    assert parse_inputs(["a=x"])[0].pattern is None


def test_the_base_scores_of_a_run_are_asked_for_by_a_suffix(tmp_path):
    found = parse_inputs(["out/run", "out/run:base", "raw=out/run:base"], ["meta"])
    assert [item.name for item in found] == ["run", "run:base", "raw"]
    assert [item.path for item in found] == [Path("out/run")] * 3
    assert [item.pattern for item in found] == ["*_meta", "*_score", "*_score"]
    (tmp_path / "odd:base").mkdir()
    literal = parse_inputs([f"{tmp_path}/odd:base"])[0]
    assert (literal.path.name, literal.pattern) == ("odd:base", None)
    with pytest.raises(ConfigError, match="by :base and by meta"):
        parse_inputs(["a=x:base"], ["a=meta"])


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
    assert [(point.name, point.thresholds) for point in operating_points([], ["a"])] == [("0.5", {"a": (0.5, 0.5)})]
    stored = operating_points([], ["a", "b"], {"b": (0.3, 0.2)})
    assert [point.name for point in stored] == ["stored", "0.5"]
    assert stored[0].thresholds == {"a": (0.5, 0.5), "b": (0.3, 0.2)}
    assert [point.name for point in operating_points(["0.1"], ["a", "b"], {"b": (0.3, 0.2)})] == ["0.1"]
    for text in ("0", "1.5", "x", "c=0.5", "b=0.1,0.2,0.3", "b=nan"):
        with pytest.raises(ConfigError, match="threshold"):
            operating_points([text], ["a", "b"])


@pytest.mark.parametrize("options", [{"labels": "some"}, {"scope": "contig"}, {"bootstrap": -1}, {"bootstrap": 5}])
def test_options_are_checked(options):
    with pytest.raises(ConfigError):
        EvaluateConfig(**options)

"""Pruning: pairwise correlations as NumPy has them, whatever the batches; decisions and their reasons."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.errors import ConfigError, InputError
from splicecore.training.pruning import FeatureMoments, prune_dataset, prune_matrices


def matrix(seed, rows=400, gaps=0.1):
    generator = np.random.Generator(np.random.PCG64(seed))
    base = generator.normal(size=(rows, 3))
    columns = [base[:, 0], base[:, 1] * 1e-3 + 5, base[:, 0] * 3 + 1e6, base[:, 2] + base[:, 1], base[:, 2] * 1e4]
    values = np.stack(columns, axis=1)
    values[generator.random(values.shape) < np.array([0, gaps, gaps, 0, gaps])] = np.nan
    return values


def pairwise(values):
    count = values.shape[1]
    result = np.full((count, count), np.nan)
    for i in range(count):
        for j in range(count):
            both = ~np.isnan(values[:, i]) & ~np.isnan(values[:, j])
            if both.sum() > 1 and np.ptp(values[both, i]) > 0 and np.ptp(values[both, j]) > 0:
                result[i, j] = np.corrcoef(values[both, i], values[both, j])[0, 1]
    return result


def moments_of(parts):
    moments = FeatureMoments([f"c{i}" for i in range(parts[0].shape[1])])
    for part in parts:
        moments.update(part)
    return moments


@given(seed=st.integers(0, 50), cuts=st.lists(st.integers(0, 400), max_size=6), order=st.randoms())
@settings(max_examples=50)
def test_correlations_are_pairwise_and_do_not_depend_on_batches(seed, cuts, order):
    values = matrix(seed)
    parts = np.split(values, sorted(cuts))
    order.shuffle(parts)
    expected = pairwise(values)
    streamed = moments_of(parts).correlations()
    assert np.allclose(streamed, expected, atol=1e-9, equal_nan=True)
    half = len(parts) // 2
    joined = moments_of(parts[half:])
    if half:
        other = moments_of(parts[:half])
        other.merge(joined)
        joined = other
    assert np.allclose(joined.correlations(), expected, atol=1e-9, equal_nan=True)


def test_large_batches_are_taken_in_portions(monkeypatch):
    values = matrix(1, rows=1000)
    monkeypatch.setattr("splicecore.training.pruning._ROWS", 64)
    moments = moments_of([values])
    assert moments.rows == 1000
    assert np.allclose(moments.correlations(), pairwise(values), atol=1e-9)


def test_decisions_and_reasons(tmp_path):
    generator = np.random.Generator(np.random.PCG64(2))
    a, b = generator.normal(size=(2, 500))
    seldom = np.where(generator.random(500) < 0.3, np.nan, a)
    columns = {
        "a": a,
        "flat": np.full(500, 0.1),
        "b": b,
        "a_again": -2 * a + 7,
        "nothing": np.full(500, np.nan),
        "a_seldom": seldom,
        "a_seldom_again": seldom * 3,
        "flag": np.where(np.isnan(seldom), np.nan, 1.0),
        "near_b": b + 0.5 * a,
    }
    pruning = prune_matrices(list(columns), [np.stack(list(columns.values()), axis=1).astype(np.float32)])
    assert pruning.kept == ("a", "b", "a_seldom", "flag", "near_b")
    said = {column.column: (column.reason, column.earlier) for column in pruning.dropped}
    assert said == {
        "flat": ("constant", None),
        "a_again": ("correlated", "a"),
        "nothing": ("missing", None),
        "a_seldom_again": ("correlated", "a_seldom"),
    }
    pruning.write(tmp_path / "pruned.json")
    written = json.loads((tmp_path / "pruned.json").read_text())
    assert written == pruning.to_json()
    flat = written["dropped"][0]
    assert flat == {"column": "flat", "reason": "constant", "value": pytest.approx(0.1)}
    assert written["dropped"][1]["correlation"] == pytest.approx(-1)


def test_a_column_that_was_dropped_drops_no_other():
    a = np.random.Generator(np.random.PCG64(0)).normal(size=(3, 2000))
    chain = np.stack([a[0], a[0] + 0.35 * a[1], a[0] + 0.75 * a[1]], axis=1)
    r = np.corrcoef(chain.T)
    assert r[0, 1] > 0.93 > r[0, 2]
    assert r[1, 2] > 0.93
    assert prune_matrices(["x", "y", "z"], [chain], 0.93).kept == ("x", "z")


def test_columns_that_a_model_needs_stay_and_others_give_way():
    values = np.random.Generator(np.random.PCG64(1)).normal(size=(200, 4))
    values[:, 2] = values[:, 0] * 2
    values[:, 3] = 1
    names = ["a", "b", "c", "d"]
    assert prune_matrices(names, [values]).kept == ("a", "b")
    kept = prune_matrices(names, [values], keep=("c", "d"))
    assert kept.kept == ("b", "c", "d")
    assert [(column.column, column.earlier) for column in kept.dropped] == [("a", "c")]


def test_refusals():
    with pytest.raises(InputError, match="no rows"):
        prune_matrices(["a"], [])
    with pytest.raises(InputError, match="column b has an infinite value"):
        prune_matrices(["a", "b"], [np.array([[1.0, np.inf]])])
    with pytest.raises(InputError, match="shape"):
        prune_matrices(["a"], [np.zeros((3, 2))])
    with pytest.raises(ConfigError, match="corr_thr"):
        prune_matrices(["a"], [np.zeros((3, 1))], 1.5)


class FakeDataset:
    """What pruning needs of a dataset."""

    def __init__(self, table, names):
        self._table, self.contract = table, type("C", (), {"names": names})()

    def batches(self, columns, rows):
        yield from self._table.select(columns).to_batches(max_chunksize=rows)


def test_datasets_are_pruned_on_the_rows_chosen():
    import pyarrow as pa

    table = pa.table({"gene_id": ["A"] * 50 + ["B"] * 50, "x": list(range(100)), "y": [1] * 50 + list(range(50))})
    dataset = FakeDataset(table, ("x", "y"))
    assert prune_dataset(dataset).kept == ("x", "y")
    chosen = prune_dataset(
        dataset, facts=["gene_id"], chosen=lambda batch: np.array(batch.column("gene_id").to_pylist()) == "A"
    )
    assert chosen.kept == ("x",)
    assert chosen.rows == 50

"""Rows as models take them: held or streamed, whose genes, how many, with which weights."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from splicecore.training.training_rows import RowBatches, TrainingRows
from splicecore.training.weights import WeightConfig

GENES = pa.table({"contig": ["1", "1", "2"], "strand": ["+", "-", "+"], "gene_id": ["A", "B", "C"]})


class Rows:
    """A dataset of two files, in memory."""

    def __init__(self, rows=4000):
        rng = np.random.Generator(np.random.PCG64(2))
        gene = rng.integers(0, 4, rows)
        kind = rng.choice(["TP", "FN", "FP", "TN"], rows, p=[0.1, 0.05, 0.05, 0.8])
        label = np.where(np.isin(kind, ["TP", "FN"]), rng.integers(1, 3, rows), 0).astype(np.int8)
        names = [("1", "+", "A"), ("1", "-", "B"), ("2", "+", "C"), ("3", "+", "D")]
        self.table = pa.table(
            {
                **{k: [names[g][i] for g in gene.tolist()] for i, k in enumerate(("contig", "strand", "gene_id"))},
                "label": label,
                "inclusion_prob": np.where(kind == "TN", 0.25, 1.0),
                "pred_type": kind,
                "x": rng.random(rows, dtype=np.float32),
                "y": np.arange(rows, dtype=np.float32),
            }
        )
        counts = {name: int((kind == name).sum()) for name in ("TP", "FN", "FP", "TN")}
        self.manifest = SimpleNamespace(rows=rows, pred_types=counts)
        self.contract = SimpleNamespace(names=("x", "y"))
        self.files = (SimpleNamespace(name="a.parquet"), SimpleNamespace(name="b.parquet"))

    def batches(self, columns, rows, files):
        half = len(self.table) // 2
        part = self.table.slice(half * (files[0].name == "b.parquet"), half).select(columns)
        yield from part.to_batches(max_chunksize=min(rows, 700))


def collect(chunks):
    parts = list(chunks)
    return [np.concatenate([getattr(p, n) for p in parts]) for n in ("matrix", "labels", "inclusion_prob", "genes")]


@pytest.mark.parametrize("max_rows", [None, 1500, 300])
def test_held_and_streamed_rows_are_the_same(max_rows):
    data = Rows()
    chosen = np.array([True, False, True])
    held, streamed = (TrainingRows(data, GENES, incremental=i, max_rows=max_rows) for i in (False, True))
    for columns in (None, ("y",), ("y", "x")):
        for one, other in zip(
            collect(held.select(chosen, columns)), collect(streamed.select(chosen, columns)), strict=True
        ):
            assert np.array_equal(one, other)
        whole = [collect(rows.chunks(columns)) for rows in (held, streamed)]
        assert all(np.array_equal(one, other) for one, other in zip(*whole, strict=True))


def test_only_rows_of_the_chosen_genes_come():
    data = Rows()
    matrix, _, _, genes = collect(TrainingRows(data, GENES).select(np.array([True, False, True]), ("y",)))
    assert set(genes.tolist()) == {0, 2}
    ids = np.array(data.table.column("gene_id").to_pylist())
    assert np.array_equal(matrix[:, 0], np.flatnonzero(np.isin(ids, ["A", "C"])))


def test_most_rows_keep_what_is_rare_and_the_mass():
    data = Rows()
    kind = np.array(data.table.column("pred_type").to_pylist())
    others = int((kind != "TN").sum())
    matrix, labels, probability, _ = collect(TrainingRows(data, GENES, max_rows=others + 400).chunks(("y",)))
    kept = matrix[:, 0].astype(np.int64)
    assert set(np.flatnonzero(kind != "TN")) <= set(kept.tolist())
    assert abs(len(kept) - others - 400) < 80
    mass = (1 / probability[kind[kept] == "TN"]).sum()
    assert mass == pytest.approx(4 * (kind == "TN").sum(), rel=0.2)
    assert (labels > 0).sum() == (data.table.column("label").to_numpy() > 0).sum()
    matrix, *_ = collect(TrainingRows(data, GENES, max_rows=others // 2).chunks(("y",)))
    assert abs(len(matrix) - others // 2) < 80


def test_batches_come_again_with_weights_whose_mean_is_one():
    rows = TrainingRows(Rows(), GENES)
    chosen = np.array([True, True, True])
    totals = rows.totals(chosen)
    batches = RowBatches(rows, chosen, ("x",), totals, WeightConfig(class_weight="balanced"))
    first, second = list(batches), list(batches)
    assert all(
        np.array_equal(a, b) for one, other in zip(first, second, strict=True) for a, b in zip(one, other, strict=True)
    )
    weight, label = (np.concatenate([batch[i] for batch in first]) for i in (2, 1))
    assert weight.mean() == pytest.approx(1)
    sums = [weight[label == kind].sum() for kind in range(3)]
    assert sums == pytest.approx([sums[0]] * 3)

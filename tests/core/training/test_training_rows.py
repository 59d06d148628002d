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
                "position": np.arange(rows) // 2,
                "x": rng.random(rows, dtype=np.float32),
                "y": np.arange(rows, dtype=np.float32),
            }
        )
        counts = {name: int((kind == name).sum()) for name in ("TP", "FN", "FP", "TN")}
        self.manifest = SimpleNamespace(rows=rows, pred_types=counts)
        self.contract = SimpleNamespace(names=("x", "y"))
        self.files = (SimpleNamespace(name="a.parquet"), SimpleNamespace(name="b.parquet"))

    def batches(self, columns, rows, files=None):
        if files is None:
            yield from self.table.select(columns).to_batches(max_chunksize=rows)
            return
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


@pytest.mark.parametrize("incremental", [False, True])
def test_a_spread_sample_is_of_the_whole_dataset_and_the_same_again(incremental):
    data = Rows(40_000)
    chosen = np.array([True, False, True])
    rows = TrainingRows(data, GENES, incremental=incremental)
    sample = collect(rows.spread_sample(chosen, 3000))
    matrix, labels, probability, genes = sample
    assert len(labels) == pytest.approx(3000, rel=0.1)
    assert set(genes.tolist()) == {0, 2}
    assert (labels > 0).mean() == pytest.approx(0.5, abs=0.05)
    spread = np.histogram(matrix[:, 1], bins=10, range=(0, 40_000))[0]  # column y is the row's number
    assert spread.min() > 200
    weight = 1 / probability
    everything = collect(rows.select(chosen))
    for site in (False, True):
        truth = (1 / everything[2])[(everything[1] > 0) == site].sum()
        assert weight[(labels > 0) == site].sum() == pytest.approx(truth, rel=0.1)
    again = collect(TrainingRows(data, GENES, incremental=not incremental).spread_sample(chosen, 3000))
    assert all(np.array_equal(one, other) for one, other in zip(sample, again, strict=True))
    other = collect(TrainingRows(data, GENES, seed=7).spread_sample(chosen, 3000))
    assert not np.array_equal(other[0], matrix)


def test_a_spread_sample_of_little_is_all_of_it():
    rows = TrainingRows(Rows(500), GENES)
    chosen = np.array([True, True, True])
    whole, sample = collect(rows.select(chosen)), collect(rows.spread_sample(chosen, 10_000))
    assert all(np.array_equal(one, other) for one, other in zip(whole, sample, strict=True))


def test_copies_meet_in_the_samples_of_both_sides():
    data = Rows(20_000)
    gene = data.table.column("gene_id").to_numpy(zero_copy_only=False)
    x, y = (data.table.column(name).to_numpy().copy() for name in ("x", "y"))
    a, b = np.flatnonzero(gene == "A")[:4000], np.flatnonzero(gene == "B")[:4000]
    x[b], y[b] = x[a], y[a]
    label = data.table.column("label").to_numpy().copy()
    label[b] = label[a]
    for name, values in (("x", x), ("y", y), ("label", label)):
        data.table = data.table.set_column(data.table.schema.get_field_index(name), name, pa.array(values))
    rows = TrainingRows(data, GENES)
    one, other = (collect(rows.spread_sample(np.arange(3) == k, 1000))[0] for k in (0, 1))
    shared = len({tuple(row) for row in one.tolist()} & {tuple(row) for row in other.tolist()})
    assert shared > 0.6 * len(one)  # by independent lots it would be a fifth


def test_positions_of_all_rows_have_keys():
    data = Rows()
    parts = zip(*TrainingRows(data, GENES, max_rows=9).position_keys(), strict=True)
    genes, keys = (np.concatenate(part) for part in parts)
    assert len(genes) == len(keys) == 4000
    rows = data.table.select(["contig", "strand", "position"]).to_pylist()
    assert len(np.unique(keys)) == len({tuple(row.values()) for row in rows})
    assert set(genes.tolist()) == {-1, 0, 1, 2}

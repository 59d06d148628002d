"""Alarms: each fires on a planted leak and is silent on clean data."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.errors import InputError
from splicecore.evaluate.metrics import average_precision
from splicecore.training.alarms import overlap_alarm, position_alarm, sequence_alarm
from splicecore.training.feature_probe import CONTRASTS, DIRECTIONS, probe_features
from splicecore.training.fold import TEST, TRAIN, UNUSED, VALID, Fold
from splicecore.training.paralogs import Paralogs
from splicecore.training.permutation import feature_keys, permutation_alarm, position_keys, scrambled_labels
from splicecore.training.split_config import SplitConfig
from splicecore.training.splits import split_genes


class Nearest:
    """A meta-model that remembers: the label of the nearest training row."""

    def fit(self, batches, valid, seed):
        assert valid is None
        parts = list(batches)
        assert [len(part[0]) for part in parts] == [len(part[0]) for part in batches]
        self.x, self.y = (np.concatenate([part[i] for part in parts]) for i in (0, 1))

    def predict_proba(self, features):
        distance = ((features[:, None, :] - self.x[None]) ** 2).sum(axis=2)
        return np.eye(3, dtype=np.float32)[self.y[distance.argmin(axis=1)]]


def rows(seed, count=600):
    generator = np.random.Generator(np.random.PCG64(seed))
    labels = generator.choice(3, count, p=[0.7, 0.15, 0.15]).astype(np.int8)
    features = generator.normal(size=(count, 4)).astype(np.float32)
    features[:, 0] += labels  # honest signal
    return features, labels, generator.integers(0, 2**60, count).astype(np.uint64)


def halves(batch):
    return [tuple(part[:200] for part in batch), tuple(part[200:] for part in batch)]


def test_permutation_is_silent_on_clean_rows_and_fires_on_rows_on_both_sides():
    train, test = rows(1, 1500), rows(2, 1500)
    silent = permutation_alarm(Nearest, halves(train), halves(test))
    assert not silent.fired
    assert silent.value <= silent.limit
    leaked = tuple(np.concatenate([own[:1050], other[:450]]) for own, other in zip(test, train, strict=True))
    alarm = permutation_alarm(Nearest, halves(train), halves(leaked))
    assert alarm.fired
    assert alarm.value > alarm.limit
    assert json.dumps(alarm.to_json())


@pytest.mark.parametrize("seed", range(12))
def test_permutation_is_silent_with_any_seed(seed):
    assert not permutation_alarm(Nearest, halves(rows(3)), halves(rows(4)), seed=seed).fired


def test_permutation_fires_where_the_model_sees_the_labels_of_the_test():
    key = None

    class Peeking(Nearest):
        def predict_proba(self, features):
            shares = np.bincount(train[1], minlength=3) / len(train[1])
            return np.eye(3, dtype=np.float32)[scrambled_labels(key[: len(features)], shares, 42)]

    train, test = rows(5), rows(6)
    key = test[2]
    assert permutation_alarm(Peeking, [train], [test]).fired


def test_permutation_needs_every_class_and_a_test():
    features, labels, keys = rows(7)
    with pytest.raises(InputError, match="every class"):
        permutation_alarm(Nearest, [(features, np.minimum(labels, 1), keys)], [rows(8)])
    with pytest.raises(InputError, match="no rows to test on"):
        permutation_alarm(Nearest, [rows(7)], [tuple(part[:0] for part in rows(8))])


def test_labels_by_lot_follow_keys_and_shares():
    keys = np.arange(60_000, dtype=np.uint64)
    shares = np.array([0.9, 0.06, 0.04])
    labels = scrambled_labels(keys, shares, 1)
    assert np.bincount(labels) / len(keys) == pytest.approx(shares, abs=0.005)
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(keys))
    assert np.array_equal(scrambled_labels(keys[order], shares, 1), labels[order])
    other = scrambled_labels(keys, shares, 2)
    assert ((labels > 0) & (other > 0)).mean() == pytest.approx(0.01, abs=0.003)


def test_keys_of_positions_and_of_features():
    table = pa.table(
        {
            "contig": pa.array(["chr1", "1", "chr1", "chr2", "chr1"]).dictionary_encode(),
            "strand": pa.array(["+", "+", "-", "+", "+"]).dictionary_encode(),
            "position": [5, 5, 5, 5, 6],
        }
    )
    keys = position_keys(table)
    assert keys[0] == keys[1]
    assert len(set(keys.tolist())) == 4
    assert np.array_equal(position_keys(table.to_batches()[0]), keys)
    assert position_keys(table.slice(2, 1))[0] == keys[2]
    features = np.array([[1, np.nan], [1, -np.nan], [np.nan, 1], [0, 1], [-0.0, 1]], dtype=np.float32)
    same = feature_keys(features)
    assert same[0] == same[1] != same[2]
    assert same[3] == same[4]


def probed(features, labels, weights=None):
    names = [f"f{i}" for i in range(features.shape[1])]
    return probe_features(names, features, labels, weights)


def test_the_probe_is_silent_on_honest_features_and_fires_on_planted_labels():
    features, labels, _ = rows(9, 3000)
    assert not probed(features, labels).alarm().fired
    assert not probed(features, labels).alarm(["f0"]).fired
    generator = np.random.Generator(np.random.PCG64(0))
    noise = generator.normal(size=3000) * 0.01
    planted = {
        "acceptor": (labels == 1) + noise,
        "low": noise - (labels == 2),
        "transcript": np.where(labels > 0, 5 + noise, 0),  # what only true sites have
        "missing": np.where(labels > 0, noise, np.nan),
        "not_missing": np.where(labels > 0, np.nan, noise),
    }
    for name, column in planted.items():
        leaky = np.column_stack([features, column]).astype(np.float32)
        for references in ([], ["f0"]):
            alarm = probed(leaky, labels, np.where(labels > 0, 1.0, 30.0)).alarm(references)
            assert alarm.fired, name
            assert {detail["feature"] for detail in alarm.details} == {"f4"}
            assert alarm.value > alarm.limit
            assert json.dumps(alarm.to_json())


def test_base_scores_may_tell_well_but_others_must_not_tell_much_better():
    generator = np.random.Generator(np.random.PCG64(3))
    labels = np.repeat([0, 1, 2], 2000)
    base = np.column_stack([(labels == site) + generator.normal(size=6000) * 0.4 for site in (1, 2)])
    sharper = (labels == 1) + generator.normal(size=6000) * 0.3
    probe = probed(np.column_stack([base, base[:, 0] * 2]).astype(np.float32), labels)
    assert not probe.alarm(["f0", "f1"]).fired
    assert probed(np.column_stack([base, sharper]).astype(np.float32), labels).alarm(["f0", "f1"]).fired
    with pytest.raises(InputError, match="no feature 'x'"):
        probe.alarm(["x"])


@given(st.integers(0, 300))
def test_the_probe_measures_average_precision(seed):
    generator = np.random.Generator(np.random.PCG64(seed))
    count = int(generator.integers(3, 40))
    labels = np.append([1, 2, 0], generator.integers(0, 3, count - 3))
    column = np.where(generator.random(count) < generator.choice([0, 0.3, 1]), np.nan, generator.integers(0, 6, count))
    weights = generator.integers(1, 9, count).astype(float)
    probe = probed(column[:, None].astype(np.float32), labels, weights)
    gap = np.isnan(column)
    scores = {
        "high": np.where(gap, -1, column),
        "low": np.where(gap, -9, -column),
        "missing": gap.astype(float),
        "present": (~gap).astype(float),
    }
    for i, contrast in enumerate(CONTRASTS):
        truth = labels > 0 if contrast == "site" else labels == i + 1
        for j, direction in enumerate(DIRECTIONS):
            expected = average_precision(truth, scores[direction], weights)
            assert probe.average_precision[0, i, j] == pytest.approx(expected), (contrast, direction)
        assert probe.prevalence[i] == pytest.approx(weights[truth].sum() / weights.sum())


def test_the_probe_refuses_what_does_not_fit():
    features, labels, _ = rows(9, 100)
    with pytest.raises(InputError, match="do not fit"):
        probe_features(["a"], features, labels)
    with pytest.raises(InputError, match="no row is a donor"):
        probed(features, np.where(labels == 2, 0, labels))


def test_overlap_is_found_across_sides_strands_and_styles_of_names(make_genes, many_genes):
    genes = make_genes(
        [
            ("A", "chr1", "+", 0, 100),
            ("B", "1", "-", 99, 200),
            ("C", "chr1", "+", 200, 300),
            ("P", "X", "+", 0, 50),
            ("P", "Y", "+", 0, 50),
            ("D", "chr1", "+", 0, 500),
        ]
    )
    clean = Fold("clean", np.array([0, 0, 2, 1, 1, -1], dtype=np.int8))
    assert not overlap_alarm(genes, clean).fired
    leaky = overlap_alarm(genes, Fold("leaky", np.array([0, 2, 0, 1, 2, -1], dtype=np.int8)))
    assert leaky.fired
    assert leaky.value == 2
    found = {(d["gene_id_1"], d["side_1"], d["gene_id_2"], d["side_2"]) for d in leaky.details}
    assert found == {("A", "train", "B", "test"), ("P", "valid", "P", "test")}
    near = overlap_alarm(genes, clean, margin=1)
    assert near.fired
    assert [d["gene_id_1"] for d in near.details] == ["B"]
    at_random = np.random.Generator(np.random.PCG64(0)).integers(0, 3, len(many_genes)).astype(np.int8)
    assert overlap_alarm(many_genes, Fold("random", at_random)).fired


def test_similar_genes_are_found_across_sides_only(many_genes):
    fold = split_genes(many_genes, SplitConfig(method="chromosome", test="chr1")).folds[0]
    empty = np.empty(0, dtype=np.int64)
    assert not sequence_alarm(many_genes, fold, Paralogs(empty, empty, empty, empty.astype(float))).fired
    first, second = np.array([0, 1, 60]), np.array([2, 70, 80])
    paralogs = Paralogs(first, second, np.array([9, 9, 9]), np.array([0.99, 0.9, 0.95]))
    alarm = sequence_alarm(many_genes, fold, paralogs)
    assert alarm.fired
    assert alarm.value == pytest.approx(1 / 50)
    assert [(d["gene_id_1"], d["gene_id_2"], d["identity"]) for d in alarm.details] == [("chr1-1", "chr2-20", 0.9)]
    assert not sequence_alarm(many_genes, fold, paralogs, limit=0.1).fired


def test_shared_positions_are_counted_across_sides_only():
    table = pa.table({"contig": ["1", "chr1", "1", "1", "1"], "strand": list("++-++"), "position": [5, 5, 5, 6, 6]})
    keys = position_keys(table)
    clean = position_alarm(keys, np.array([TRAIN, TRAIN, TEST, TEST, TEST], dtype=np.int8))
    assert not clean.fired
    assert clean.value == 0
    assert not position_alarm(keys, np.array([TEST, UNUSED, TRAIN, TEST, UNUSED], dtype=np.int8)).fired
    for side in (TRAIN, VALID):
        alarm = position_alarm(keys, np.array([side, TEST, TRAIN, TEST, TEST], dtype=np.int8))
        assert alarm.fired
        assert alarm.value == pytest.approx(1 / 3)
        assert "1 of 3 tested rows" in alarm.message
    assert not position_alarm(keys[:0], np.zeros(0, dtype=np.int8)).fired

"""Splits: nothing of a tested gene elsewhere, whatever the order of the rows; balance; refusals."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.errors import ConfigError, ContigError, InputError
from splicecore.training.alarms import overlap_alarm
from splicecore.training.fold import TEST, TRAIN, UNUSED, VALID
from splicecore.training.paralogs import Paralogs
from splicecore.training.split_config import SplitConfig
from splicecore.training.splits import split_genes

METHODS = [
    SplitConfig(method="group-shuffle"),
    SplitConfig(method="group-kfold", folds=3),
    SplitConfig(method="chromosome", test=("chr1",)),
    SplitConfig(method="chromosome", train=("2", "10"), valid=("X",), test=("NC_000001.11",)),
    SplitConfig(method="leave-one-chromosome-out"),
]


def sides_by_gene(splits):
    ids = splits.genes.column("gene_id").to_pylist()
    return [dict(zip(ids, fold.side.tolist(), strict=True)) for fold in splits.folds]


def pairs(*rows):
    first, second = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 1))
    return Paralogs(first, second, np.full(len(rows), 50), np.full(len(rows), 0.95))


@pytest.mark.parametrize("config", METHODS, ids=lambda config: config.method)
def test_no_overlapping_genes_are_on_two_sides_and_no_side_is_empty(many_genes, config):
    splits = split_genes(many_genes, config)
    start, end = (many_genes.column(name).to_numpy() for name in ("start", "end"))
    contig = np.array(many_genes.column("contig").to_pylist())
    overlap = (contig[:, None] == contig) & (start[:, None] < end) & (start < end[:, None])
    assert overlap.sum() > len(many_genes) + 30
    for fold in splits.folds:
        apart = fold.side[:, None] != fold.side
        used = (fold.side != UNUSED)[:, None] & (fold.side != UNUSED)
        assert not (overlap & apart & used).any()
        assert not overlap_alarm(many_genes, fold).fired
        assert len(fold.train)
        assert len(fold.valid)
        assert len(fold.test)


@pytest.mark.parametrize("config", METHODS, ids=lambda config: config.method)
def test_the_order_of_the_rows_plays_no_part_but_the_seed_does(many_genes, config):
    order = np.random.Generator(np.random.PCG64(9)).permutation(len(many_genes))
    first, again = (sides_by_gene(split_genes(genes, config)) for genes in (many_genes, many_genes.take(order)))
    assert first == again
    if not config.valid:
        other = SplitConfig(method=config.method, folds=config.folds, test=config.test, seed=1)
        assert sides_by_gene(split_genes(many_genes, other)) != first


def test_every_gene_is_tested_once_in_kfold_and_leave_one_out(many_genes):
    for config in (METHODS[1], METHODS[4]):
        tested = np.sum([fold.side == TEST for fold in split_genes(many_genes, config).folds], axis=0)
        assert (tested == 1).all()
    assert [fold.name for fold in split_genes(many_genes, METHODS[4]).folds] == ["chr1", "chr2", "chr10", "chrX"]


@pytest.mark.parametrize("balance", ["bases", "rows", "genes"])
def test_shares_are_kept(many_genes, balance):
    weight = {
        "bases": many_genes.column("end").to_numpy() - many_genes.column("start").to_numpy(),
        "rows": many_genes.column("rows").to_numpy(),
        "genes": np.ones(len(many_genes)),
    }[balance]
    config = SplitConfig(method="group-kfold", folds=4, balance=balance, valid_share=0.2)
    for fold in split_genes(many_genes, config).folds:
        assert weight[fold.test].sum() == pytest.approx(weight.sum() / 4, rel=0.02)
        assert weight[fold.valid].sum() == pytest.approx(0.2 * 0.75 * weight.sum(), rel=0.05)
    shuffled = split_genes(many_genes, SplitConfig(method="group-shuffle", balance=balance, test_share=0.3)).folds[0]
    assert weight[shuffled.test].sum() == pytest.approx(0.3 * weight.sum(), rel=0.02)


def test_chromosomes_are_found_by_any_name(many_genes):
    fold = split_genes(many_genes, METHODS[3]).folds[0]
    contig = np.array(many_genes.column("contig").to_pylist())
    assert set(contig[fold.test]) == {"chr1"}
    assert set(contig[fold.valid]) == {"chrX"}
    assert set(contig[fold.train]) == {"chr2", "chr10"}
    partly = split_genes(many_genes, SplitConfig(method="chromosome", train="2", test="1")).folds[0]
    assert set(contig[partly.unused]) == {"chr10", "chrX"}
    assert set(contig[partly.valid]) == {"chr2"}


def test_a_gene_on_two_chromosomes_is_never_trained_on_where_it_is_tested(make_genes):
    genes = make_genes(
        [
            ("PAR", "X", "+", 10, 90),
            ("PAR", "Y", "+", 10, 90),
            ("A", "X", "+", 100, 200),
            ("B", "Y", "-", 100, 200),
            ("C", "1", "-", 100, 200),
            ("D", "1", "-", 300, 400),
        ]
    )
    fold = split_genes(genes, SplitConfig(method="chromosome", test="chrY")).folds[0]
    assert fold.side[0] == UNUSED
    assert fold.side[1] == TEST
    assert fold.side[[3]].tolist() == [TEST]
    assert set(fold.side[[2, 4, 5]].tolist()) == {TRAIN, VALID}


def test_groups_by_another_column_with_nulls_alone(make_genes):
    genes = make_genes([(f"G{i}", f"chr{i}", "+", 0, 100) for i in range(8)])
    genes = genes.append_column("family", pa.array([1, 1, 2, 2, None, None, 3, 3]))
    groups = split_genes(genes, SplitConfig(method="group-kfold", folds=2, group_col="family")).groups
    assert groups.tolist() == [0, 0, 2, 2, 4, 5, 6, 6]
    with pytest.raises(InputError, match="no column 'famly'"):
        split_genes(genes, SplitConfig(group_col="famly"))


def test_a_margin_joins_neighbors(make_genes):
    genes = make_genes([("A", "1", "+", 0, 100), ("B", "1", "-", 140, 200), ("C", "1", "+", 260, 300)])
    genes = pa.concat_tables([genes, make_genes([(f"G{i}", f"{i}", "+", 0, 100) for i in range(2, 9)])])
    for margin, second in ((40, 1), (41, 0)):
        splits = split_genes(genes, SplitConfig(folds=2, margin=margin))
        assert splits.groups.tolist() == [0, second, *range(2, 10)]


def test_two_names_of_a_chromosome_are_one(make_genes):
    rows = [("A", "chr1", "+", 0, 100), ("B", "1", "-", 50, 200), ("C", "1", "-", 500, 600)]
    genes = make_genes([*rows, *((f"G{i}", "2", "+", i * 50, i * 50 + 9) for i in range(9))])
    splits = split_genes(genes, SplitConfig(method="leave-one-chromosome-out"))
    assert splits.groups[:2].tolist() == [0, 0]
    assert [fold.name for fold in splits.folds][1:] == ["2"]


def test_paralogs_are_reported_excluded_or_kept_together(many_genes):
    found = pairs((0, 60), (1, 61), (2, 3))
    config = {"method": "chromosome", "test": "chr1"}
    reported = split_genes(many_genes, SplitConfig(**config), found).folds[0]
    assert reported.paralogs.tolist() == [0, 1]
    assert reported.to_json(many_genes)["test_paralogs"] == ["chr1-0", "chr1-1"]
    excluded = split_genes(many_genes, SplitConfig(**config, paralogs="exclude"), found).folds[0]
    assert excluded.side[[0, 1, 2]].tolist() == [UNUSED, UNUSED, TEST]
    together = split_genes(many_genes, SplitConfig(**config, paralogs="group"), found).folds[0]
    assert together.side[[0, 1, 60, 61]].tolist() == [TEST, TEST, UNUSED, UNUSED]
    for fold in split_genes(many_genes, SplitConfig(paralogs="group"), found).folds:
        assert fold.side[0] == fold.side[60]
        assert not len(fold.paralogs)
    with pytest.raises(ConfigError, match="none were searched for"):
        split_genes(many_genes, SplitConfig(paralogs="exclude"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "chromosome", "test": "chr3"}, ContigError, "no gene lies on chr3"),
        ({"method": "chromosome", "test": "1", "valid": "chr1"}, ConfigError, "on two lists"),
        ({"method": "chromosome"}, ConfigError, "to test on"),
        ({"method": "group-kfold", "test": "1"}, ConfigError, "the method is group-kfold"),
        ({"method": "group-kfold", "folds": 1}, ConfigError, "at least 2"),
        ({"method": "group-kfold", "folds": 500}, InputError, "cannot be divided into 500 parts"),
        ({"method": "chromosome", "test": "1,2,10,X"}, InputError, "too few to train"),
        ({"method": "chromosome", "test": "1", "valid": "2,10,X"}, InputError, "no gene is left for train"),
        ({"method": "kfold"}, ConfigError, "method is 'kfold'"),
        ({"valid_share": 1.0}, ConfigError, "between 0 and 1"),
    ],
)
def test_refusals(many_genes, options, error, message):
    with pytest.raises(error, match=message):
        split_genes(many_genes, SplitConfig(**options))


def test_few_genes_leave_no_side_empty(make_genes):
    genes = make_genes(
        [("BIG", "1", "+", 0, 10**6), *((f"S{i}", "1", "-", 10**6 + i * 50, 10**6 + i * 50 + 9) for i in range(3))]
    )
    splits = split_genes(genes, SplitConfig(method="group-kfold", folds=4))
    assert sorted(len(fold.test) for fold in splits.folds) == [1, 1, 1, 1]
    one = make_genes([("A", "1", "+", 0, 9), ("B", "1", "+", 50, 59)])
    with pytest.raises(InputError, match="all genes are on 1"):
        split_genes(one, SplitConfig(method="leave-one-chromosome-out"))


def test_json_is_of_plain_values(many_genes):
    values = split_genes(many_genes, SplitConfig()).to_json()
    fold = json.loads(json.dumps(values))["folds"][0]
    assert fold["name"] == "fold_0"
    assert sum(fold[side]["genes"] for side in ("train", "valid", "test", "unused")) == len(many_genes)
    assert sum(fold[side]["rows"] for side in ("train", "valid", "test")) == sum(many_genes["rows"].to_pylist())


@st.composite
def tables(draw):
    genes = draw(
        st.lists(
            st.tuples(st.sampled_from(["1", "2", "X"]), st.sampled_from("+-"), st.integers(0, 300), st.integers(1, 40)),
            min_size=6,
            max_size=30,
            unique=True,
        )
    )
    return [
        (f"G{i % 25}", contig, strand, start, start + length) for i, (contig, strand, start, length) in enumerate(genes)
    ]


@given(rows=tables(), folds=st.integers(2, 3), seed=st.integers(0, 5), data=st.data())
@settings(max_examples=60)
def test_any_genes(rows, folds, seed, data):

    genes = pa.table(dict(zip(("gene_id", "contig", "strand", "start", "end"), zip(*rows, strict=True), strict=True)))
    config = SplitConfig(method="group-kfold", folds=folds, seed=seed)
    try:
        splits = split_genes(genes, config)
    except InputError:
        return
    order = np.array(data.draw(st.permutations(range(len(rows)))))
    again = split_genes(genes.take(order), config)
    for fold, other in zip(splits.folds, again.folds, strict=True):
        assert not overlap_alarm(genes, fold).fired
        assert np.array_equal(fold.side[order], other.side)

"""Gathered scores: written and read, joined and selected, they give the figures of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from splicecore.errors import ChecksumError, InputError
from splicecore.evaluate.comparison import whole_figures
from splicecore.evaluate.evaluated_gene import EvaluatedGene, GeneKey
from splicecore.evaluate.pooled import CLASSES, PooledScores
from splicecore.training.pool_files import join_pools, read_pools, select_genes, write_pools
from splicecore.training.test_figures import delta_table, pool_figures

POINTS = {"0.5": (0.5, 0.5)}


def make_genes(count=7, seed=1):
    """Genes with sites and scores of two models, the second sharper."""
    rng = np.random.Generator(np.random.PCG64(seed))
    found = []
    for number in range(count):
        length = int(rng.integers(300, 900))
        key = GeneKey(f"chr{1 + number % 3}", "+-"[number % 2], f"G{number}")
        gene = EvaluatedGene(key, number * 1000, number * 1000 + length, f"N{number}", "protein_coding")
        sites = np.zeros((length, 2), dtype=np.bool_)
        sites[rng.permutation(length)[:8], 0] = True
        sites[rng.permutation(length)[:8], 1] = True
        blurred = rng.dirichlet((30, 0.2, 0.2), length)
        blurred[:, 1:] += sites * rng.random((length, 2))
        sharp = blurred.copy()
        sharp[:, 1:] += sites * 2
        both = [(one / one.sum(axis=1, keepdims=True)).astype(np.float32) for one in (blurred, sharp)]
        found.append((gene, sites, dict(zip(("base", "meta"), both, strict=True))))
    return found


def gather(genes):
    pooled = {name: PooledScores() for name in ("base", "meta")}
    for gene, sites, scores in genes:
        for name, values in scores.items():
            pooled[name].add(gene, sites, values)
    return {name: each.pool for name, each in pooled.items()}


def assert_same(one, other):
    assert one.genes == other.genes
    for name in ("positions", "ambiguous", "log_loss", "brier"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    for kind in CLASSES:
        for name in ("sites", "site_gene", "others", "other_gene", "rest"):
            assert np.array_equal(getattr(one.classes[kind], name), getattr(other.classes[kind], name)), (kind, name)


def test_round_trip_and_equal_bytes(tmp_path):
    pools = gather(make_genes())
    write_pools(tmp_path / "a.npz", pools)
    write_pools(tmp_path / "b.npz", pools)
    found = read_pools(tmp_path / "a.npz")
    assert list(found) == ["base", "meta"]
    for name, pool in pools.items():
        assert_same(found[name], pool)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:200])
    with pytest.raises(ChecksumError, match="damaged"):
        read_pools(tmp_path / "a.npz")


def test_joined_parts_are_the_whole():
    genes = make_genes()
    whole = gather(genes)["meta"]
    assert_same(join_pools([gather(genes[4:])["meta"], gather(genes[:4])["meta"]]), whole)
    with pytest.raises(InputError, match="two folds"):
        join_pools([whole, whole])


def test_selected_genes_are_those_that_were_gathered_alone():
    genes = make_genes()
    whole = gather(genes)["base"]
    chosen = np.array([gene.key.contig != "chr2" for gene in whole.genes])
    alone = gather([row for row in genes if row[0].key.contig != "chr2"])["base"]
    assert_same(select_genes(whole, chosen), alone)
    theirs = whole_figures(alone, POINTS)
    for kind, values in whole_figures(whole, POINTS, chosen).items():
        assert values == pytest.approx(theirs[kind], nan_ok=True)


def test_figures_over_folds_add_up():
    genes = make_genes()
    parts = [gather(genes[:4]), gather(genes[4:])]
    limits = [{"base": (0.3, 0.3), "meta": (0.4, 0.5)}, {"base": (0.2, 0.6), "meta": (0.5, 0.4)}]
    joined = {name: join_pools([part[name] for part in parts]) for name in parts[0]}
    found = pool_figures(joined, list(zip(parts, limits, strict=True)), replicates=50, seed=1)
    table = delta_table([(str(n), part, limit) for n, (part, limit) in enumerate(zip(parts, limits, strict=True))])
    for name in ("base", "meta"):
        for point, suffix in (("best_f1", ""), ("0.5", "_half")):
            counts = found["models"][name]["figures"]["both"]["operating_points"][point]
            assert counts["false_positives"] == sum(table.column(f"{name}_fp{suffix}").to_pylist())
            assert counts["false_negatives"] == sum(table.column(f"{name}_fn{suffix}").to_pylist())
    assert found["baseline"] == "base"
    change = found["differences"]["base"]["both"]["average_precision"]
    assert change["difference"] > 0
    assert change["interval"][0] <= change["difference"] <= change["interval"][1]
    assert set(found["models"]["meta"]["strata"]["contig"]) == {"chr1", "chr2", "chr3"}

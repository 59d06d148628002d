"""One row for each position: golden cases on both strands, and against plain Python."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.assess.schemas import POSITIONS
from splicecore.dataset.config import SamplingConfig
from splicecore.dataset.gene_rows import gene_rows
from splicecore.dataset.schema import FACTS
from splicecore.genome.genes import Gene

LENGTH = 200


def make_positions(rows, strand="+"):
    """Table of positions of (rel_position, pred_type, site_type, score, inclusion_prob)."""
    gene = Gene("G", "name", "chr1", strand, 1000, 1000 + LENGTH, 0)
    values = [
        {
            "build": "toy",
            "contig": "chr1",
            "strand": strand,
            "position": int(gene.to_genomic(rel)),
            "rel_position": rel,
            "gene_id": "G",
            "gene_name": "name",
            "gene_biotype": None,
            "pred_type": kind,
            "site_type": site,
            "score": score,
            "acceptor_score": score if site != "donor" else score / 2,
            "donor_score": score if site == "donor" else score / 4,
            "n_transcripts": 2 if kind in ("TP", "FN") else 0,
            "inclusion_prob": probability,
        }
        for rel, kind, site, score, probability in rows
    ]
    return gene, pa.Table.from_pylist(values, schema=POSITIONS)


def summary(rows):
    names = ("rel_position", "label", "pred_type", "site_type", "n_transcripts")
    return [tuple(row[name] for name in names) for row in rows.facts.to_pylist()]


@pytest.mark.parametrize("strand", ["+", "-"])
def test_one_row_stays_of_several(strand):
    gene, positions = make_positions(
        [
            (5, "TN", None, 0.1, 0.25),
            (10, "FN", "acceptor", 0.2, 1.0),
            (10, "FP", "donor", 0.9, 1.0),
            (20, "FP", "acceptor", 0.6, 1.0),
            (20, "FP", "donor", 0.7, 1.0),
            (30, "FP", "donor", 0.6, 1.0),
            (30, "FP", "acceptor", 0.6, 1.0),
            (40, "TP", "donor", 0.9, 1.0),
            (50, "TP", "acceptor", 0.9, 1.0),
            (50, "FN", "donor", 0.1, 1.0),
        ],
        strand,
    )
    rows = gene_rows(positions.take(pa.array([9, 3, 1, 0, 2, 8, 7, 4, 6, 5])))
    assert summary(rows) == [
        (5, 0, "TN", None, 0),
        (10, 1, "FN", "acceptor", 2),
        (20, 0, "FP", "donor", 0),
        (30, 0, "FP", "acceptor", 0),
        (40, 2, "TP", "donor", 2),
        (50, 2, "FN", "donor", 2),
    ]
    assert rows.ambiguous == 1
    assert rows.facts.schema.equals(FACTS)
    assert rows.facts.column("position").to_pylist() == gene.to_genomic([5, 10, 20, 30, 40, 50]).tolist()
    assert rows.facts.column("position").to_pylist()[0] == (1005 if strand == "+" else 1194)
    np.testing.assert_allclose(rows.highest, [0.1, 0.2, 0.7, 0.6, 0.9, 0.1], rtol=1e-6)


def test_probabilities_of_all_steps_are_multiplied():
    negatives = [(rel, "TN", None, 0.01, 0.5) for rel in range(50, 150)]
    gene, positions = make_positions([(10, "TP", "donor", 0.9, 1.0), *negatives, (160, "TN", None, 0.5, 0.25)])
    rows, facts = gene_rows(positions).sample(gene, SamplingConfig(easy_ratio=10.0, window=10))
    assert facts.num_rows == len(rows) == 12
    assert facts.schema.equals(FACTS)
    by_position = dict(
        zip(facts.column("rel_position").to_pylist(), facts.column("inclusion_prob").to_pylist(), strict=True)
    )
    assert by_position.pop(10) == 1.0
    assert by_position.pop(160) == 0.25
    assert set(by_position.values()) == {0.5 * 10 / 100}


kinds = st.tuples(
    st.integers(0, 30),
    st.sampled_from(
        [("TP", "donor"), ("FN", "acceptor"), ("FP", "donor"), ("FP", "acceptor"), ("FN", "donor"), ("TN", None)]
    ),
    st.sampled_from([0.1, 0.5, 0.6, 0.9]),
)


@given(st.lists(kinds, min_size=1, max_size=40, unique_by=lambda row: (row[0], row[1][1], row[1][0] in ("TP", "FN"))))
def test_against_plain_python(rows):
    _, positions = make_positions([(rel, kind, site, score, 1.0) for rel, (kind, site), score in rows])
    found = gene_rows(positions)
    expected, ambiguous = [], 0
    for rel in sorted({row[0] for row in rows}):
        here = [(kind, site, np.float32(score)) for r, (kind, site), score in rows if r == rel]
        sites = {site: kind for kind, site, _ in here if kind in ("TP", "FN")}
        calls = [(score, site == "acceptor", site) for kind, site, score in here if kind == "FP"]
        ambiguous += len(sites) == 2
        if sites:
            site = max(sites)
            expected.append((rel, {"acceptor": 1, "donor": 2}[site], sites[site], site, 2))
        elif calls:
            expected.append((rel, 0, "FP", max(calls)[2], 0))
        else:
            expected.append((rel, 0, "TN", None, 0))
    assert summary(found) == expected
    assert found.ambiguous == ambiguous


@pytest.mark.parametrize("strand", ["+", "-"])
def test_no_row_but_of_a_site_is_where_nothing_is_known(strand):
    gene, positions = make_positions(
        [
            (5, "TN", None, 0.1, 0.25),
            (10, "FN", "acceptor", 0.2, 1.0),
            (20, "FP", "acceptor", 0.6, 1.0),
            (30, "TP", "donor", 0.7, 1.0),
            (40, "TN", None, 0.3, 0.25),
        ],
        strand,
    )
    rows = gene_rows(positions)
    hidden = np.sort([gene.to_genomic(rel) for rel in (10, 20, 30, 40, 50)])
    left = rows.without(hidden)
    assert [(rel, kind) for rel, _, kind, _, _ in summary(left)] == [(5, "TN"), (10, "FN"), (30, "TP")]
    np.testing.assert_array_equal(left.highest, rows.highest[[0, 1, 3]])
    assert rows.without(hidden[:0]) is rows


def test_a_gene_without_rows():
    gene, positions = make_positions([])
    rows = gene_rows(positions)
    assert rows.facts.num_rows == 0
    assert rows.sample(gene, SamplingConfig())[1].num_rows == 0

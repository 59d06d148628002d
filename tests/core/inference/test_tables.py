"""The tables of a run with a meta-model, made from parts on both strands without a genome or a model."""

from __future__ import annotations

import attrs
import numpy as np
import pyarrow.parquet as pq
import pytest
from splicecore.artifacts.store import digest
from splicecore.errors import ChecksumError, ContractError, SplicecoreError
from splicecore.genome.genes import Gene
from splicecore.inference.finish import RunParts
from splicecore.inference.gene_part import COLUMNS, GeneFacts
from splicecore.inference.record import GeneKeys, InferenceRecord, merge_records
from splicecore.inference.served_model import CallThresholds
from splicecore.predict.parts import part_path, write_part
from splicecore.predict.record import PlanRecord
from splicecore.predict.runner import PassResult
from splicecore.predict.selection import GeneEntry

OUTPUTS = ("neither", "acceptor", "donor")
GENES = (Gene("A", "a", "chr1", "+", 10, 40, 0), Gene("B", "b", "chr1", "-", 25, 70, 1))
KEYS = tuple(digest(["score", gene.gene_id]) for gene in GENES)


def keys_of(gene):
    return GeneKeys(meta=digest(["meta", gene.gene_id]), others=(digest(["other", gene.gene_id]),))


def values_of(gene):
    """Columns of a part: every third position is recalibrated, for one of two reasons."""
    rng = np.random.default_rng(gene.index)
    values = rng.random((gene.length, len(COLUMNS) + 1)).astype(np.float32)
    place = {name: number for number, name in enumerate(COLUMNS)}
    chosen = np.arange(gene.length) % 3 == 0
    for name in ("is_uncertain", "is_adjusted"):
        values[:, place[name]] = chosen
    values[:, place["reason"]] = np.where(chosen, 1 + np.arange(gene.length) % 2, 0)
    values[~chosen, place["reason"] + 1 :] = np.nan
    return values


@pytest.fixture
def record():
    return PlanRecord(
        identity={"inputs": {"build_digest": "b"}, "splicecore": "1"},
        base_model={"name": "one", "fingerprint": "f", "outputs": list(OUTPUTS)},
        build="sim",
        flank="real",
        contigs=(("chr1", 1000),),
        inputs={},
        environment={},
        entries=tuple(GeneEntry(None, gene) for gene in GENES),
        genes=GENES,
        keys=KEYS,
    )


@pytest.fixture
def inference():
    return InferenceRecord(
        mode="hybrid",
        meta_model={"name": "m", "fingerprint": "g"},
        base_models=[{"name": name, "outputs": list(OUTPUTS)} for name in ("one", "two")],
        selection={"strategy": "s", "threshold": 1.0},
        base_calls=CallThresholds(),
        calls=CallThresholds(acceptor=0.25, donor=0.75),
        keys={key: keys_of(gene) for key, gene in zip(KEYS, GENES, strict=True)},
        scenarios=dict.fromkeys(KEYS, "2B"),
    )


@pytest.fixture
def result():
    return PassResult(units={key: {"key": key, "status": "processed", "reason": None, "seconds": 0} for key in KEYS})


def write_parts(folder, *, criteria=("entropy",)):
    for gene, key in zip(GENES, KEYS, strict=True):
        scores = np.random.default_rng(gene.index + 5).dirichlet((1, 1, 1), gene.length).astype(np.float32)
        other, meta = keys_of(gene).others[0], keys_of(gene).meta
        write_part(part_path(folder, key), key, OUTPUTS, [scores])
        write_part(part_path(folder, other), other, OUTPUTS, [scores[::-1]])
        names = criteria if gene.gene_id == "A" else ("entropy",)
        reasons = {f"{gene.gene_id.lower()}1": 1, "z": 2}
        facts = GeneFacts(uncertain=3, recalibrated=3, changed_calls=1, reasons=reasons, criteria=names)
        write_part(part_path(folder, meta), meta, (*COLUMNS, *names), [values_of(gene)], facts.metadata())


@pytest.fixture
def parts(record, inference, result, tmp_path):
    write_parts(tmp_path)
    return RunParts.read(record, inference, result, tmp_path)


def test_the_complete_table_has_each_gene_in_genomic_order(parts, tmp_path):
    assert parts.complete_table.write(tmp_path / "complete.parquet") == 75
    parts.check_coverage(75)
    table = pq.read_table(tmp_path / "complete.parquet")
    assert table.column("position").to_pylist() == sorted([*range(10, 40), *range(25, 70)])
    for gene in GENES:
        rows = [row for row in table.to_pylist() if row["gene_id"] == gene.gene_id]
        values = values_of(gene)
        assert len(rows) == gene.length
        for row in rows:
            expected = values[row["rel_position"]]
            assert row["rel_position"] == gene.to_relative(row["position"])
            assert [row[name] for name in COLUMNS[:7]] == expected[:7].tolist()
            assert (row["is_uncertain"], row["is_adjusted"]) == (expected[7] == 1, expected[8] == 1)
            texts = ["", f"{gene.gene_id.lower()}1", "z"]
            assert row["selection_reason"] == texts[int(expected[9])]
            assert row["prediction_source"] == ("meta_model" if expected[8] else "base_model")


def test_the_meta_table_has_the_recalibrated_positions(parts, tmp_path):
    rows = parts.meta_table.write(tmp_path / "meta.parquet")
    assert rows == 10 + 15
    for row in pq.read_table(tmp_path / "meta.parquet").to_pylist():
        (gene,) = (gene for gene in GENES if gene.gene_id == row["gene_id"])
        expected = values_of(gene)[row["rel_position"]]
        assert row["rel_position"] % 3 == 0
        assert row["entropy"] == expected[-1]
        assert row["donor_meta_raw"] == expected[12]
        assert row["donor_meta"] == expected[5]


def test_what_covers_not_everything_is_a_bug(parts, record, inference, result, tmp_path):
    for rows in (74, 76):
        with pytest.raises(SplicecoreError, match="bug"):
            parts.check_coverage(rows)
    twice = attrs.evolve(GENES[1], gene_id="A", strand="+")
    again = attrs.evolve(record, genes=(GENES[0], twice))
    with pytest.raises(SplicecoreError, match="1 genes have positions twice"):
        RunParts.read(again, inference, result, tmp_path).check_coverage(75)


def test_strategies_have_the_same_criteria_for_all_genes(record, inference, result, tmp_path):
    write_parts(tmp_path, criteria=("spread",))
    with pytest.raises(ContractError, match="criteria"):
        RunParts.read(record, inference, result, tmp_path)


def test_a_part_without_facts_is_damaged(parts, tmp_path):
    with pytest.raises(ChecksumError, match="damaged"):
        GeneFacts.read(part_path(tmp_path, KEYS[0]))


def test_records_come_back_and_merge(inference):
    assert InferenceRecord.from_json(inference.to_json()) == inference
    halves = [attrs.evolve(inference, keys={key: inference.keys[key]}, scenarios={key: "2B"}) for key in inference.keys]
    assert merge_records(halves) == inference

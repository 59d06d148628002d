"""The pass over a run's table."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from splicecore.artifacts.store import read_json
from splicecore.errors import ChecksumError
from splicecore.report.gathering import OCTAVES, gather
from splicecore.report.gene_rows import read_genes
from splicecore.report.run_folder import BASE, COMPLETE, METADATA, RunFolder
from splicecore.report.selection_plot import TOP


def codes(frame: dict[str, np.ndarray], kind: str, limits: dict[str, float]) -> np.ndarray:
    return (frame[f"acceptor_{kind}"] >= limits["acceptor"]) + 2 * (frame[f"donor_{kind}"] >= limits["donor"])


def columns(path) -> dict[str, np.ndarray]:
    table = pq.read_table(path)
    return {name: table.column(name).to_numpy() for name in table.column_names}


def test_counts_and_changed_calls_are_those_of_the_table(hybrid_run):
    found = gather(RunFolder.open(hybrid_run), tracks=25)
    frame, limits = columns(hybrid_run / COMPLETE), read_json(hybrid_run / METADATA)["thresholds"]
    before, after = codes(frame, "score", limits["base_model"]), codes(frame, "meta", limits["final"])
    changed = {
        (g, p): (b, a) for g, p, b, a in zip(frame["gene_id"], frame["position"], before, after, strict=True) if b != a
    }
    calls = found.calls
    ids = [found.genes[number].gene_id for number in calls.gene.tolist()]
    pairs = zip(calls.before.tolist(), calls.after.tolist(), strict=True)
    assert len(changed) > 8
    assert dict(zip(zip(ids, calls.position.tolist(), strict=True), pairs, strict=True)) == changed
    assert found.total("positions") == len(frame["position"])
    assert found.total("selected") == frame["is_uncertain"].sum()
    reasons = {r: int((frame["selection_reason"] == r).sum()) for r in set(frame["selection_reason"]) if r}
    assert found.reasons == reasons
    assert sum(gene.calls for gene in found.genes) == len(calls)


def test_the_histogram_counts_every_position_once_in_its_octave(hybrid_run):
    found = gather(RunFolder.open(hybrid_run), tracks=0)
    frame = columns(hybrid_run / COMPLETE)
    edges = np.concatenate([[0], 2.0 ** np.arange(3 - OCTAVES, TOP + 1), [np.inf]])
    for row, chosen in enumerate((~frame["is_uncertain"], frame["is_uncertain"])):
        values = frame["uncertainty"][chosen].astype(np.float64)
        expected = np.histogram(values[values > 0], edges)[0]
        expected[0] += (values == 0).sum()
        assert found.uncertainty[row].tolist() == expected.tolist()


def test_annotated_sites_are_told_and_curves_have_every_position(hybrid_run, bench):
    found = gather(RunFolder.open(hybrid_run), tracks=0)
    assert set(found.pools) == {"base", "base, calibrated", "final"}
    for pool in found.pools.values():
        assert pool.pool.positions.sum() == found.total("positions")
    true = {
        (gene.gene_id, kind): mask.sum()
        for gene in bench.genes
        for kind, mask in enumerate(bench.sites.site_masks(gene, scope="strand"))
    }
    pool = found.pools["final"].pool
    assert pool.sites("acceptor").sum() == sum(n for (_, kind), n in true.items() if kind == 0)
    gained = (found.calls.after & ~found.calls.before) > 0
    assert (found.calls.annotated[gained] == found.calls.after[gained]).all()


def test_a_run_of_the_base_model_has_calls_that_the_annotation_contradicts(base_run):
    found = gather(RunFolder.open(base_run), tracks=25)
    assert (found.calls.before != found.calls.annotated).all()
    assert np.array_equal(found.calls.after, found.calls.annotated)
    assert found.total("selected") == 0
    assert set(found.pools) == {"base"}


def test_tracks_go_to_the_genes_with_most_calls(hybrid_run):
    run = RunFolder.open(hybrid_run)
    every = gather(run, tracks=25)
    counts = [gene.calls for gene in every.genes]
    best = sorted(range(len(counts)), key=lambda number: (-counts[number], number))
    for size in range(len(counts) + 1):
        found = gather(run, tracks=size)
        assert sorted(found.tracks) == sorted(best[:size])
        for number, track in found.tracks.items():
            assert track.points.tolist() == every.tracks[number].points.tolist()


@pytest.mark.parametrize("row_group", [37, 2200, 1_000_000])
def test_row_groups_make_no_difference(tmp_path, bench, row_group, write_run):
    run = RunFolder.open(write_run(tmp_path / "run", row_group=row_group))
    ends = {key: span[2] for key, span in run.spans.items()}
    words: dict[str, dict[str, int]] = {"selection_reason": {}}
    found = list(read_genes(run.table, ["uncertainty"], ends, words))
    assert sorted(rows.gene_id for rows in found) == [gene.gene_id for gene in bench.genes]
    frame = columns(run.table)
    for rows in found:
        own = frame["gene_id"] == rows.gene_id
        assert rows.positions.tolist() == frame["position"][own].tolist()
        assert rows.columns["uncertainty"].tolist() == frame["uncertainty"][own].tolist()
        names = {code: word for word, code in words["selection_reason"].items()}
        assert [names[code] for code in rows.columns["selection_reason"].tolist()] == frame["selection_reason"][
            own
        ].tolist()


def test_genes_of_unknown_ends_are_read_too(base_run):
    whole = list(read_genes(base_run / BASE, [], {}, {}))
    assert [len(rows.positions) for rows in whole] == [2200] * 4


def test_a_damaged_table_is_named(hybrid_run):
    path = hybrid_run / COMPLETE
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(bytes(content[: len(content) - 20]))
    with pytest.raises(ChecksumError, match="complete_coverage_predictions"):
        gather(RunFolder.open(hybrid_run), tracks=1)

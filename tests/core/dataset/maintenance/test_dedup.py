"""Deduplication against planted duplicates and a plain version of the rule."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from splicecore.dataset.dataset import Dataset
from splicecore.dataset.dedup import dedup_dataset
from splicecore.errors import ChecksumError, ConfigError, InputError, OutputError, ResourceNotFoundError

RANK = ("TP", "FN", "FP", "TN")


def plain(dataset):
    """The rule in words: group, choose, join the probabilities of different genes."""
    start = {(g["gene_id"], g["contig"], g["strand"]): g["start"] for g in dataset.genes().to_pylist()}
    groups = {}
    rows = [row for batch in dataset.batches() for row in batch.to_pylist()]
    for number, row in enumerate(rows):
        key = row["build"], row["contig"], row["strand"], row["position"], row["label"]
        groups.setdefault(key, []).append((number, row))
    kept = {}
    for group in groups.values():
        number, best = min(
            group,
            key=lambda item: (
                RANK.index(item[1]["pred_type"]),
                start[item[1]["gene_id"], item[1]["contig"], item[1]["strand"]],
                item[1]["gene_id"],
                item[0],
            ),
        )
        by_gene = {}
        for _, row in group:
            by_gene[row["gene_id"]] = max(by_gene.get(row["gene_id"], 0), row["inclusion_prob"])
        missed = math.prod(1 - p for p in by_gene.values())
        kept[number] = {**best, "inclusion_prob": best["inclusion_prob"] if len(by_gene) == 1 else 1 - missed}
    return [kept[number] for number in sorted(kept)]


def same(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.pop("inclusion_prob") == pytest.approx(b.pop("inclusion_prob"), abs=1e-15)
        assert a == b


def planted(kit):
    """Four genes: A and B overlap on +, C overlaps both on -, D lies in another file and repeats rows of B."""
    a = kit.gene("A", start=0, end=100, rows=((10, 2, "TP", 1.0), (50, 0, "TN", 0.5), (60, 0, "TN", 0.25)))
    b = kit.gene(
        "B",
        start=40,
        end=140,
        rows=((50, 0, "TN", 0.5), (60, 0, "FP", 1.0), (70, 1, "FN", 1.0), (90, 0, "TN", 0.125), (99, 0, "TN", 0.5)),
    )
    c = kit.gene("C", strand="-", start=40, end=140, rows=((50, 0, "TN", 0.5), (60, 0, "TN", 0.5)))
    d = kit.gene("D", start=60, end=160, rows=((70, 1, "TP", 1.0), (90, 0, "TN", 0.5), (99, 1, "FN", 1.0)))
    e = kit.gene("E", contig="chr2", start=0, end=100, rows=((50, 0, "TN", 0.5), (70, 1, "FN", 1.0)))
    return [a, b, c, d, e]


def test_planted_duplicates(kit, tmp_path):
    dataset = kit.write(tmp_path / "set", planted(kit))
    before = kit.contents(tmp_path / "set")
    result = dedup_dataset(tmp_path / "set")
    assert kit.contents(tmp_path / "set") == before
    assert result.path == tmp_path / "set_dedup"
    assert (result.rows_before, result.rows, result.keys) == (15, 11, 4)
    assert result.dropped == {"neither": 3, "acceptor": 1, "donor": 0}
    assert result.pred_types == {"TP": 0, "FP": 0, "FN": 1, "TN": 3}
    found = Dataset.open(result.path)
    rows = {(row["gene_id"], row["position"]): row["inclusion_prob"] for row in kit.rows(found)}
    assert rows == {
        ("A", 10): 1.0,
        ("A", 50): 0.75,
        ("B", 60): 1.0,
        ("B", 90): 0.5625,
        ("B", 99): 0.5,
        ("C", 50): 0.5,
        ("C", 60): 0.5,
        ("D", 70): 1.0,
        ("D", 99): 1.0,
        ("E", 50): 0.5,
        ("E", 70): 1.0,
    }
    assert result.reweighted == 2
    assert found.manifest.rows == 11
    assert found.manifest.classes == {"neither": 7, "acceptor": 3, "donor": 1}
    assert found.manifest.pred_types == {"TP": 2, "FP": 1, "FN": 2, "TN": 6}
    assert found.manifest.extra["dedup"]["rows_before"] == 15
    assert found.manifest.identity == dataset.manifest.identity
    assert not found.verify()
    assert dict(zip(*(found.genes().column(n).to_pylist() for n in ("gene_id", "rows")), strict=True)) == {
        "A": 2, "B": 3, "C": 2, "D": 2, "E": 2,
    }  # fmt: skip


def test_unchanged_batches_are_linked_and_keep_their_key(kit, tmp_path):
    dataset = kit.write(tmp_path / "set", planted(kit))
    found = Dataset.open(dedup_dataset(tmp_path / "set").path)
    same_file = [a.samefile(b) for a, b in zip(dataset.files, found.files, strict=True)]
    same_key = [a.key == b.key for a, b in zip(dataset.manifest.batches, found.manifest.batches, strict=True)]
    assert same_file == same_key == [False, False, True]
    for path in found.files:
        assert path.samefile(found.path / "batches" / path.stem / "trim.parquet")


def test_in_place_leaves_other_links_alone(kit, tmp_path):
    dataset = kit.write(tmp_path / "set", planted(kit))
    (tmp_path / "set" / "notes.txt").write_text("mine")
    (tmp_path / "set" / "models" / "one").mkdir(parents=True)
    (tmp_path / "set" / "models" / "one" / "a.json").write_text("{}")
    other = tmp_path / "elsewhere.parquet"
    os.link(dataset.files[0], other)
    before = other.read_bytes()
    expected = kit.contents(dedup_dataset(tmp_path / "set", tmp_path / "copy").path)
    result = dedup_dataset(tmp_path / "set", inplace=True)
    assert result.path == tmp_path / "set"
    assert other.read_bytes() == before
    assert (tmp_path / "set" / "notes.txt").read_text() == "mine"
    found = kit.contents(tmp_path / "set")
    assert {name: found[name] for name in expected} == expected
    assert set(found) - set(expected) == {"notes.txt", "models/one/a.json"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "elsewhere.parquet", "set"]
    for path in dataset.files:
        assert path.samefile(path.parents[1] / "batches" / path.stem / "trim.parquet")


def test_a_second_time_changes_nothing(kit, tmp_path):
    kit.write(tmp_path / "set", planted(kit))
    dedup_dataset(tmp_path / "set", inplace=True)
    before = kit.contents(tmp_path / "set")
    again = dedup_dataset(tmp_path / "set", inplace=True)
    assert (again.rows_before, again.rows, again.keys) == (11, 11, 0)
    assert kit.contents(tmp_path / "set") == before


def test_the_master_may_be_named_and_the_result_lie_in_the_dataset(kit, tmp_path):
    kit.write(tmp_path / "set", planted(kit))
    result = dedup_dataset(tmp_path / "set" / "master", tmp_path / "set" / "master_dedup")
    assert result.rows == Dataset.open(tmp_path / "set" / "master_dedup").manifest.rows == 11


KINDS = [(0, "TN"), (0, "FP"), (1, "TP"), (1, "FN"), (2, "TP"), (2, "FN")]


@st.composite
def many_genes(draw, make):
    """Genes on few positions, so that they share many; a gene may come twice."""
    genes = []
    for number in range(draw(st.integers(1, 7))):
        start = draw(st.integers(0, 4))
        positions = draw(st.lists(st.integers(4, 9), unique=True, max_size=6))
        rows = []
        for position in sorted(positions):
            label, kind = draw(st.sampled_from(KINDS))
            probability = 1.0 if kind != "TN" else draw(st.sampled_from([0.1, 0.25, 0.5, 1.0]))
            rows.append((position, label, kind, probability))
        contig, strand = draw(st.sampled_from(["chr1", "chr2"])), draw(st.sampled_from("+-"))
        name = draw(st.sampled_from("ABC")) + str(number // draw(st.sampled_from([1, 2])))
        if (name, contig, strand) in {(g.gene_id, g.contig, g.strand) for g in genes}:
            start = next(g.start for g in genes if (g.gene_id, g.contig, g.strand) == (name, contig, strand))
        genes.append(make(name, contig, strand, start, 20, tuple(rows)))
    return genes


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), partition_rows=st.integers(1, 9), batch_size=st.integers(1, 3))
def test_the_same_as_the_plain_rule(kit, tmp_path_factory, data, partition_rows, batch_size):
    genes = data.draw(many_genes(kit.gene))
    if not any(gene.rows for gene in genes):
        genes.append(kit.gene("Z", rows=((5, 0, "TN", 0.5),)))
    folder = tmp_path_factory.mktemp("sets")
    dataset = kit.write(folder / "set", genes, batch_size=batch_size, group_rows=4)
    result = dedup_dataset(folder / "set", partition_rows=partition_rows)
    found = Dataset.open(result.path)
    same(kit.rows(found), plain(dataset))
    assert result.rows == found.manifest.rows == sum(batch.rows for batch in found.manifest.batches)
    assert result.rows_before - result.rows == sum(result.dropped.values()) == sum(result.pred_types.values())
    assert sum(found.genes().column("rows").to_pylist()) in (result.rows, found.manifest.rows) or len(
        {(g.gene_id, g.contig, g.strand) for g in genes}
    ) < len(genes)
    assert not found.verify()


def test_what_is_refused(kit, tmp_path):
    kit.write(tmp_path / "set", planted(kit))
    with pytest.raises(ConfigError, match="in place"):
        dedup_dataset(tmp_path / "set", tmp_path / "other", inplace=True)
    with pytest.raises(ConfigError, match="is where the dataset"):
        dedup_dataset(tmp_path / "set", tmp_path / "set")
    with pytest.raises(ConfigError, match="is where the dataset"):
        dedup_dataset(tmp_path / "set", tmp_path, overwrite=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    with pytest.raises(OutputError, match="holds no dataset"):
        dedup_dataset(tmp_path / "set", tmp_path / "full", overwrite=True)
    dedup_dataset(tmp_path / "set", tmp_path / "one")
    with pytest.raises(OutputError, match="holds a dataset already"):
        dedup_dataset(tmp_path / "set", tmp_path / "one")
    assert dedup_dataset(tmp_path / "set", tmp_path / "one", overwrite=True).rows == 11
    with pytest.raises(ResourceNotFoundError):
        dedup_dataset(tmp_path / "nothing")


def test_damage_is_noticed_and_nothing_is_left_behind(kit, tmp_path):
    dataset = kit.write(tmp_path / "set", planted(kit))
    short = pq.read_table(dataset.files[1]).slice(1)
    dataset.files[1].unlink()
    pq.write_table(short, dataset.files[1])
    with pytest.raises(ChecksumError, match="do not have the 15 rows"):
        dedup_dataset(tmp_path / "set")
    with pytest.raises(ChecksumError):
        dedup_dataset(tmp_path / "set", inplace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_folder_in_use_is_refused(kit, tmp_path):
    kit.write(tmp_path / "set", planted(kit))
    code = (
        "import fcntl, sys, time\n"
        f"handle = open({str(tmp_path / 'set' / '.lock')!r}, 'w')\n"
        "fcntl.flock(handle, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(OutputError, match="another process"):
            dedup_dataset(tmp_path / "set", inplace=True)
        holder.send_signal(signal.SIGKILL)
    assert dedup_dataset(tmp_path / "set", inplace=True).rows == 11


def test_nothing_can_be_left(kit, tmp_path):
    with pytest.raises(InputError, match="no row is left"):
        kit.write(tmp_path / "set", [kit.gene("A")])

"""Building datasets where something is already: going on, finding it finished, refusing."""

from __future__ import annotations

import json
import shutil

import pytest
from splicecore.dataset.dataset import Dataset
from splicecore.errors import ChecksumError, ConfigError, OutputError, ResourceNotFoundError


def test_the_same_command_again_does_nothing(workshop, tmp_path):
    first = workshop.build(tmp_path / "set")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*.parquet")}
    again = workshop.build(tmp_path / "set")
    assert again.already_finished
    assert list(again.classes) == list(first.classes) == ["neither", "acceptor", "donor"]
    assert (again.built, again.rows, again.classes) == (0, first.rows, first.classes)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*.parquet")} == before


def test_going_on_builds_only_what_is_missing(workshop, tmp_path):
    workshop.build(tmp_path / "set")
    whole = workshop.masters(tmp_path / "set")
    manifest = json.loads((tmp_path / "set/dataset.json").read_text())
    (tmp_path / "set/dataset.json").write_text(json.dumps({**manifest, "complete": False, "batches": []}))
    batches = tmp_path / "set/batches"
    (batches / "batch_00001/batch.json").unlink()
    with (batches / "batch_00002/trim.parquet").open("r+b") as handle:
        handle.truncate(1000)
    shutil.rmtree(batches / "batch_00003")
    (batches / "batch_00001/.trim.parquet.1.tmp").write_text("left")
    result = workshop.build(tmp_path / "set")
    assert (result.built, result.batches) == (3, 4)
    assert workshop.masters(tmp_path / "set") == whole
    assert not list(tmp_path.rglob("*.tmp"))


def test_finalizing_links_only(workshop, tmp_path):
    workshop.build(tmp_path / "set")
    whole = workshop.masters(tmp_path / "set")
    shutil.rmtree(tmp_path / "set/master")
    result = workshop.build(tmp_path / "set")
    assert (result.built, result.already_finished) == (0, False)
    assert workshop.masters(tmp_path / "set") == whole


def test_a_damaged_master_is_made_again_from_the_batches(workshop, tmp_path):
    workshop.build(tmp_path / "set")
    whole = workshop.masters(tmp_path / "set")
    (tmp_path / "set/master/batch_00001.parquet").unlink()
    (tmp_path / "set/master/batch_00001.parquet").write_text("something else")
    assert not workshop.build(tmp_path / "set").already_finished
    assert workshop.masters(tmp_path / "set") == whole


def test_another_configuration_is_refused_with_the_differences(workshop, tmp_path):
    workshop.build(tmp_path / "set")
    whole = workshop.masters(tmp_path / "set")
    for options, said in (
        ({"window": 10}, "sampling.window was 5, is 10"),
        ({"batch_size": 4}, "batch_size was 3, is 4"),
        ({"batch_rows": 99}, "batch_rows was 50000, is 99"),
        ({"seed": 1}, "sampling.seed was 42, is 1"),
        ({"kmer_sizes": [2]}, "features.columns was"),
        ({"exclude_chromosomes": ["chr2"]}, "genes.chosen.count was 12, is 6"),
    ):
        with pytest.raises(OutputError, match="other settings") as caught:
            workshop.build(tmp_path / "set", **options)
        assert said in str(caught.value)
        assert "--overwrite" in str(caught.value.hint)
    assert workshop.masters(tmp_path / "set") == whole
    workshop.build(tmp_path / "set", window=10, overwrite=True)
    workshop.build(tmp_path / "fresh", window=10)
    assert workshop.masters(tmp_path / "set") == workshop.masters(tmp_path / "fresh")


def test_an_interrupted_overwrite_is_gone_on_with(workshop, tmp_path, monkeypatch):
    workshop.build(tmp_path / "set")
    whole = workshop.masters(tmp_path / "set")
    remove = shutil.rmtree

    def interrupted(path):
        remove(path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            workshop.build(tmp_path / "set", window=10, overwrite=True)
    with pytest.raises(ResourceNotFoundError, match="not finished"):
        Dataset.open(tmp_path / "set")
    with pytest.raises(OutputError, match="an unfinished dataset with other settings"):
        workshop.build(tmp_path / "set", window=10)
    assert workshop.build(tmp_path / "set", window=10, overwrite=True).built == 4
    assert workshop.build(tmp_path / "set", overwrite=True).built == 4
    assert workshop.masters(tmp_path / "set") == whole


def test_a_refused_configuration_is_refused_before_any_scoring(workshop, tmp_path):
    names = [gene.gene_id for gene in workshop.genome.genes]
    options = {"run_workflow": True, "artifacts": [], "genes": names[:2]}
    workshop.build(tmp_path / "set", "quick", **options)
    for changed in ({"window": 10}, {"genes": names[:3]}):
        with pytest.raises(OutputError, match="other settings"):
            workshop.build(tmp_path / "set", "quick", **{**options, **changed})
    assert len(list((tmp_path / "set/base_model_pass").iterdir())) == 1


def test_folders_of_others(workshop, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=r"thesis\.tex"):
            workshop.build(tmp_path / "mine", overwrite=overwrite)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
    with pytest.raises(ConfigError, match="no folder"):
        workshop.build(None)


def test_a_damaged_manifest(workshop, tmp_path):
    workshop.build(tmp_path / "set")
    (tmp_path / "set/dataset.json").write_text("{")
    with pytest.raises(ChecksumError, match="damaged"):
        workshop.build(tmp_path / "set")
    assert workshop.build(tmp_path / "set", overwrite=True).built == 4


def test_an_unfinished_dataset_is_not_opened(workshop, tmp_path):
    workshop.build(tmp_path / "set")
    values = json.loads((tmp_path / "set/dataset.json").read_text())
    (tmp_path / "set/dataset.json").write_text(json.dumps({**values, "complete": False}))
    with pytest.raises(ResourceNotFoundError, match="not finished"):
        Dataset.open(tmp_path / "set")
    assert not Dataset.open(tmp_path / "set", incomplete=True).manifest.complete

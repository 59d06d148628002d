"""Merging shards: what is refused and why, and that a merge can be interrupted."""

from __future__ import annotations

import json
import logging
import shutil
from functools import partial

import attrs
import pytest
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.errors import ChecksumError, ConfigError, InputError, OutputError, PluginError
from splicecore.predict import merge
from splicecore.predict.parts import part_path
from splicecore.predict.runner import PassResult
from splicecore.predict.shard_folder import ShardFolder, finish_shard, take_back
from splicecore.predict.workflow import PREDICTIONS, finish_run

merge_shards = partial(merge.merge_shards, report=False)  # which is made of more than these folders have
HOW = {"workers": 1, "threads": 1, "device": "cpu", "configuration": {"min_score": None}}


class Maker:
    """Leaves the folders of runs and shards behind, as their commands would."""

    def __init__(self, records, folder):
        self.records, self.folder = records, folder

    def make(self, name, record, *, failing=(), command="run", how=HOW):
        path = self.folder / name
        with RunDirectory(path).locked() as directory:
            assert not directory.begin(record.own_identity)
            units = {}
            for key in record.keys:
                bad = record.gene(key).gene_id in failing
                if not bad:
                    self.records.write_part(directory.parts, key, record.gene(key).length)
                status, reason = ("prediction_failed", "no") if bad else ("processed", None)
                units[key] = {"key": key, "status": status, "reason": reason, "reused": False, "seconds": 0.5}
            result = PassResult(units=units, stages={"score": 1.0}, counters={"datasets_derived": 1})
            if record.shard is None:
                finish_run(directory, record, result, {}, how)
            else:
                finish_shard(directory, record, result, {}, how, command=command)
        return path

    def shards(self, record, of, **options):
        return [self.make(f"s{i}-{of}", record.only((i, of)), **options) for i in range(1, of + 1)]


@pytest.fixture
def maker(records, tmp_path):
    return Maker(records, tmp_path)


@pytest.fixture
def shards(maker, records):
    return maker.shards(records.make(missing=("X",)), 2)


def files_of(folder):
    names = (PREDICTIONS, "manifest.json", "gene_manifest.json")
    return {name: (folder / name).read_bytes() for name in names}


@pytest.mark.parametrize("of", [1, 2, 4])
def test_shards_together_are_the_whole_run(maker, records, tmp_path, of):
    record = records.make(missing=("X",))
    whole = maker.make("whole", record)
    folders = maker.shards(record, of)
    before = [(path, path.stat().st_mtime_ns) for folder in folders for path in sorted(folder.rglob("*"))]
    result = merge_shards(folders[::-1], tmp_path / "merged")
    assert (result.genes, result.rows, result.failed) == (4, 750, 1)
    assert files_of(tmp_path / "merged") == files_of(whole)
    report = json.loads((tmp_path / "merged" / "performance_report.json").read_text())
    assert report["merged_shards"] == of
    assert report["counters"]["datasets_derived"] == of
    after = [(path, path.stat().st_mtime_ns) for folder in folders for path in sorted(folder.rglob("*"))]
    assert [row for row in after if row[0].is_file()] == [row for row in before if row[0].is_file()]
    assert merge_shards(folders, tmp_path / "merged").already_finished


def test_failed_genes_stay_failed(maker, records, tmp_path):
    record = records.make()
    whole = maker.make("whole", record, failing=("G1",))
    result = merge_shards(maker.shards(record, 4, failing=("G1",)), tmp_path / "merged")
    assert result.failed == 1
    assert files_of(tmp_path / "merged") == files_of(whole)


def test_nothing_but_failures(maker, records, tmp_path):
    folders = maker.shards(records.make(), 2, failing=("G0", "G1", "G2", "G3"))
    with pytest.raises(PluginError, match="base model m failed on every gene, first with no"):
        merge_shards(folders, tmp_path / "merged")


def test_shards_that_are_missing_or_given_twice(maker, records, shards, tmp_path):
    with pytest.raises(InputError, match="no shards given"):
        merge_shards([], tmp_path / "merged")
    with pytest.raises(InputError, match="shards are missing: 2/2"):
        merge_shards(shards[:1], tmp_path / "merged")
    with pytest.raises(InputError, match=r"shard 1/2 is given twice: .*s1-2 and .*s1-2"):
        merge_shards([shards[0], *shards], tmp_path / "merged")
    many = maker.make("first of many", records.make((1,) * 50).only((1, 30)))
    with pytest.raises(InputError, match=r"2/30, .*9/30 and 21 more"):
        merge_shards([many], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_shards_of_different_passes(maker, records, shards, tmp_path):
    other = maker.make("other", records.make(missing=("X",), flank="n").only((2, 2)))
    with pytest.raises(InputError, match="their settings differ: flank none and n"):
        merge_shards([shards[0], other], tmp_path / "merged")
    third = maker.make("third", records.make(missing=("X",)).only((2, 3)))
    with pytest.raises(InputError, match="their number of shards differ: 2 and 3"):
        merge_shards([shards[0], third], tmp_path / "merged")
    record = attrs.evolve(records.make(missing=("X",)), environment={"versions": {"python": "4"}})
    newer = maker.make("newer", record.only((2, 2)))
    with pytest.raises(InputError, match=r"their versions differ: versions.python 3 and 4"):
        merge_shards([shards[0], newer], tmp_path / "merged")
    pass_ = maker.make("pass", records.make(missing=("X",)).only((2, 2)), command="predict")
    with pytest.raises(InputError, match="their command differ: run and predict"):
        merge_shards([shards[0], pass_], tmp_path / "merged")


def test_shards_that_do_not_add_up(maker, records, tmp_path):
    record = records.make()
    first, second = record.only((1, 2)), record.only((2, 2))
    less = attrs.evolve(second, genes=second.genes[1:], keys=second.keys[1:], entries=second.entries[1:])
    with pytest.raises(InputError, match="do not add up to what was asked for"):
        merge_shards([maker.make("a", first), maker.make("b", less)], tmp_path / "merged")
    more = attrs.evolve(
        second,
        genes=(*second.genes, first.genes[0]),
        keys=(*second.keys, first.keys[0]),
        entries=(*second.entries, first.entries[0]),
    )
    with pytest.raises(InputError, match="genes are in more than one of"):
        merge_shards([maker.make("c", first), maker.make("d", more)], tmp_path / "merged")


def test_what_is_no_finished_shard(maker, records, shards, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        merge_shards([tmp_path / "nowhere"], tmp_path / "merged")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is not a folder"):
        merge_shards([tmp_path / "file"], tmp_path / "merged")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no run"):
        merge_shards([tmp_path / "empty"], tmp_path / "merged")
    whole = maker.make("whole", records.make())
    with pytest.raises(InputError, match="is a whole run, not a shard"):
        merge_shards([whole], tmp_path / "merged")
    (shards[1] / "manifest.json").unlink()
    (shards[1] / ".splicecore" / "run.json").write_text("{}")
    with pytest.raises(InputError, match="is an unfinished run"):
        merge_shards(shards, tmp_path / "merged")


def part_of(shard):
    return min((shard / "scores").iterdir())


def test_a_damaged_shard(shards, tmp_path):
    part = part_of(shards[0])
    content = part.read_bytes()
    part.write_bytes(content[:-1] + b"x")
    with pytest.raises(ChecksumError, match=rf"{part.name} changed since it was written") as caught:
        merge_shards(shards, tmp_path / "merged")
    assert caught.value.hint == "run the shard's command again"
    part.unlink()
    with pytest.raises(ChecksumError, match=rf"{part.name} is missing"):
        merge_shards(shards, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def edit(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def test_edited_records(shards, tmp_path):
    original = {path: path.read_text() for path in (shards[0] / "shard.json", shards[0] / "manifest.json")}
    shard, manifest = original

    def refused(match, kind=ChecksumError):
        with pytest.raises(kind, match=match):
            merge_shards(shards, tmp_path / "merged")
        for path, text in original.items():
            path.write_text(text)

    edit(shard, lambda value: value["record"].update(build="another"))
    refused(r"shard.json changed since it was written")
    edit(manifest, lambda value: value["identity"].update(shard="2/2"))
    refused("contradict each other")
    edit(manifest, lambda value: value.pop("identity"))
    refused("contradict each other")
    edit(manifest, lambda value: value["files"].pop(f"scores/{part_of(shards[0]).name}"))
    refused("contradict each other")
    edit(manifest, lambda value: value.pop("files"))
    refused("is no manifest of a run")
    manifest.write_text("[]")
    refused("is no manifest of a run")
    manifest.write_text("{")
    refused("cannot read", OutputError)


@pytest.mark.parametrize(
    ("change", "kind", "match"),
    [
        (lambda value: value.update(schema="splicecore-shard/9"), InputError, "is of schema 'splicecore-shard/9'"),
        (lambda value: value.pop("record"), ChecksumError, "is damaged: KeyError"),
        (lambda value: value["record"]["genes"][0].pop("end"), ChecksumError, "is damaged: TypeError"),
    ],
)
def test_records_that_cannot_be_read(shards, tmp_path, monkeypatch, change, kind, match):
    monkeypatch.setattr("splicecore.predict.shard_folder.file_sha256", lambda _: "same")
    edit(shards[0] / "manifest.json", lambda value: value.update(files=dict.fromkeys(value["files"], "same")))
    edit(shards[0] / "shard.json", change)
    with pytest.raises(kind, match=match):
        ShardFolder.read(shards[0])


def test_no_place_for_the_results(maker, records, shards, tmp_path):
    with pytest.raises(ConfigError, match="no output folder given"):
        merge_shards(shards)
    target = tmp_path / "pass" / "shards"
    target.mkdir(parents=True)
    for shard in shards:
        shutil.move(shard, target)
    result = merge_shards(sorted(target.iterdir()))
    assert result.output_dir == tmp_path / "pass"


@pytest.mark.parametrize("force", [False, True])
def test_a_shard_is_not_merged_into(shards, force):
    before = files_of_shard(shards[0])
    with pytest.raises(OutputError, match="is that of a shard"):
        merge_shards(shards, shards[0], force=force)
    assert files_of_shard(shards[0]) == before


def files_of_shard(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_another_run_is_replaced_only_by_force(maker, records, shards):
    other = maker.make("other", records.make(flank="n"))
    with pytest.raises(OutputError, match="with other settings"):
        merge_shards(shards, other)
    merge_shards(shards, other, force=True)
    whole = maker.make("whole", records.make(missing=("X",)))
    assert files_of(other) == files_of(whole)


def test_an_interrupted_merge_goes_on(maker, records, shards, tmp_path, monkeypatch):
    whole = maker.make("whole", records.make(missing=("X",)))
    copied = []

    def fail_later(self, target):
        if copied:
            raise KeyboardInterrupt
        copied.append(target)
        copy(self, target)

    copy = ShardFolder.copy_parts
    monkeypatch.setattr(ShardFolder, "copy_parts", fail_later)
    with pytest.raises(KeyboardInterrupt):
        merge_shards(shards, tmp_path / "merged")
    monkeypatch.setattr(ShardFolder, "copy_parts", copy)
    merge_shards(shards, tmp_path / "merged")
    assert files_of(tmp_path / "merged") == files_of(whole)
    assert not (tmp_path / "merged" / ".splicecore" / "parts").exists()


def test_parts_that_were_moved_are_taken_back(records, tmp_path):
    record = records.make()
    directory = RunDirectory(tmp_path)
    records.write_part(directory.parts, record.keys[0], 300)
    records.write_part(tmp_path / "scores", record.keys[1], 100)
    take_back(directory)
    assert sorted(path.stem for path in directory.parts.iterdir()) == sorted(record.keys[:2])
    assert not list((tmp_path / "scores").iterdir())
    records.write_part(tmp_path / "scores", record.keys[0], 300)
    before = part_path(directory.parts, record.keys[0]).stat()
    take_back(directory)
    assert part_path(directory.parts, record.keys[0]).stat() == before, "what is there is kept"


def test_mixed_shards_say_so(maker, records, tmp_path, caplog):
    record = records.make()
    folders = [
        maker.make(f"s{i}", record.only((i, 2)), how={**HOW, "workers": i, "configuration": {"a": 1, "b": i}})
        for i in (1, 2)
    ]
    with caplog.at_level(logging.INFO, "splicecore"):
        merge_shards(folders, tmp_path / "merged")
    report = json.loads((tmp_path / "merged" / "performance_report.json").read_text())
    assert report["workers"] == "mixed"
    assert report["threads"] == 1
    assert report["configuration"] == {"a": 1}

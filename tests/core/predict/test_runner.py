"""The runner: what it finds, what it does, what it keeps, and what it tells."""

from __future__ import annotations

from types import SimpleNamespace

import attrs
import pytest
from splicecore.config import RunConfig
from splicecore.errors import PluginError
from splicecore.predict import plan as plan_module
from splicecore.predict.parts import part_path
from splicecore.predict.runner import PassResult, Runner
from splicecore.predict.score_store import ScoreStore

EXECUTOR = """
class Executor:
    instances = []
    def __init__(self, workers):
        self.workers = workers
        Executor.instances.append(self)
    def map(self, task, config, shards):
        self.shards = [shard["units"] for shard in shards]
        for units in self.shards:
            results = [config["do"](unit) for unit in units]
            yield {"units": results, "peak_memory": 5, "base_models_opened": 1}
"""


class Progress:
    def __init__(self):
        self.told = []

    def started(self, total, done):
        self.told.append(("started", total, done))

    def advanced(self, positions):
        self.told.append(("advanced", positions))

    def stopped(self):
        self.told.append(("stopped",))


class Stage:
    """A plan whose workers write made-up scores, but for the genes that are to fail."""

    def __init__(self, records, record, folder, module):
        self.records, self.record, self.folder, self.module = records, record, folder, module
        self.failing, self.assessed, self.notes = set(), None, []
        self.progress = Progress()
        self.parts = folder / "parts"
        self.parts.mkdir()

    def do(self, unit):
        key = unit["key"]
        failed = key in self.failing
        if not failed and not unit["scored"]:
            self.records.write_part(self.parts, key, self.record.gene(key).length)
        if self.assessed is not None:
            self.assessed.add(key)
        status = {"status": "prediction_failed", "reason": "ValueError: no"} if failed else {"status": "processed"}
        return {"key": key, "reason": None, "reused": unit["scored"], "seconds": 1.0, "calls": 2, **status}

    def run(self, store=None, **options):
        assess = None if self.assessed is None else SimpleNamespace(finished=self.assessed.__contains__)
        plan = SimpleNamespace(
            record=self.record, inputs=SimpleNamespace(derived=("a", "b")), model=SimpleNamespace(opened=True),
            assess=assess, task_config=lambda *_: {"do": self.do},
        )  # fmt: skip
        host = SimpleNamespace(
            executor=lambda name: SimpleNamespace(factory=f"{self.module}:Executor"),
            notify=lambda event, **facts: self.notes.append((event, facts)),
        )
        result = PassResult()
        Runner(
            session=SimpleNamespace(host=host), plan=plan, parts=self.parts, store=store or ScoreStore(),
            result=result, progress=self.progress,
        ).run(RunConfig(**options))  # fmt: skip
        return result


@pytest.fixture
def stage(records, tmp_path, monkeypatch):
    (tmp_path / "stage_executor.py").write_text(EXECUTOR)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "stage_executor", raising=False)
    return Stage(records, records.make(missing=("X",)), tmp_path, "stage_executor")


def test_everything_is_done_once(stage):
    result = stage.run()
    assert result.done == set(stage.record.keys)
    assert all(part_path(stage.parts, key).exists() for key in stage.record.keys)
    assert result.total("calls") == 8
    assert result.counters == {"datasets_derived": 2, "base_models_opened": 2}
    assert stage.progress.told[0] == ("started", 750, 0)
    assert sorted(told[1] for told in stage.progress.told[1:-1]) == [100, 150, 200, 300]
    assert stage.progress.told[-1] == ("stopped",)
    assert [event for event, _ in stage.notes] == ["splicecore_shard_finished"]
    again = stage.run()
    assert again.done == set(stage.record.keys)
    assert all(unit["reused"] for unit in again.units.values())
    assert again.total("calls") == 0
    assert again.counters["base_models_opened"] == 1, "that of the plan; no worker opened one"
    assert stage.progress.told[-2:] == [("started", 750, 750), ("stopped",)]


def test_scores_are_taken_from_the_store_and_left_in_it(stage):
    cache = stage.folder / "cache"
    store = ScoreStore(cache=cache, limit=10**9)
    stage.run(store)
    assert len(list(cache.rglob("*.parquet"))) == 4
    for key in stage.record.keys[1:]:
        part_path(stage.parts, key).unlink()
    part_path(cache / stage.record.keys[1][:2], stage.record.keys[1]).unlink()
    result = stage.run(store)
    done = [key for key, unit in result.units.items() if not unit["reused"]]
    assert done == [stage.record.keys[1]]
    assert result.total("calls") == 2


def test_a_damaged_part_is_done_again(stage):
    stage.run()
    path = part_path(stage.parts, stage.record.keys[0])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    result = stage.run()
    assert [unit["reused"] for unit in result.units.values()].count(False) == 1
    assert path.read_bytes() == content


def test_a_gene_that_is_scored_but_not_assessed_is_assessed(stage):
    stage.run()
    stage.assessed = {stage.record.keys[0]}
    result = stage.run()
    assert stage.assessed == set(stage.record.keys)
    assert all(unit["reused"] for unit in result.units.values()), "none was scored again"
    assert not stage.run().total("calls")


def test_genes_that_fail_are_noted(stage, caplog):
    stage.failing = {stage.record.keys[1]}
    result = stage.run()
    assert result.done == set(stage.record.keys) - stage.failing
    assert "gene G1 could not be scored: ValueError: no" in caplog.text
    assert not part_path(stage.parts, stage.record.keys[1]).exists()


def test_a_model_that_fails_on_everything_ends_a_pass_but_not_a_shard(stage):
    stage.failing = set(stage.record.keys)
    with pytest.raises(PluginError, match="base model m failed on every gene, first with ValueError: no"):
        stage.run()
    assert stage.progress.told[-1] == ("stopped",)
    stage.record = stage.record.only((2, 4))
    assert not stage.run().done


def test_results_add_up():
    first, second = PassResult(peak_memory=3), PassResult(peak_memory=7)
    with first.stage("score"), first.stage("plan"):
        pass
    second.stages = {"score": 2.0, "write": 1.0}
    first.count("datasets_derived", 1)
    second.count("datasets_derived", 2)
    first.units = {"a": {"status": "processed", "calls": 1}}
    second.units = {"b": {"status": "prediction_failed"}, "c": {"status": "processed", "calls": 4}}
    before = first.stages["score"]
    first.add(second)
    assert first.stages["score"] == before + 2.0
    assert first.stages["write"] == 1.0
    assert first.counters == {"datasets_derived": 3}
    assert first.peak_memory == 7
    assert first.done == {"a", "c"}
    assert first.total("calls") == 5


def test_genes_of_the_same_coordinates_have_keys_of_their_own(records):
    first, second, *_ = records.make().genes
    twin = attrs.evolve(first, gene_id="twin", index=9)
    keys = plan_module._keys("base", (first, twin, second))
    assert len(set(keys)) == 3
    assert plan_module._keys("base", (first, second)) == (keys[0], keys[2])
    assert plan_module._keys("base", (twin,)) == (keys[0],), "alone it has what its coordinates decide"
    assert plan_module._keys("other", (first,)) != (keys[0],)

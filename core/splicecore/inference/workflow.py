"""``run`` with a meta-model: score with every base model, select, recalibrate, assemble, report."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa

from splicecore.artifacts.store import make_folder, read_json, write_json
from splicecore.config import RunConfig
from splicecore.inference.finish import DoneRun, RunParts, compare_final, finish_inference
from splicecore.inference.plan import InferencePlan, make_inference_plan
from splicecore.inference.recalibrator import Recalibrator
from splicecore.inference.record import InferenceRecord
from splicecore.inference.shard import finish_inference_shard
from splicecore.predict.report import how_done
from splicecore.predict.runner import PassResult, ProgressListener, Runner, score_store
from splicecore.predict.workflow import RunResult, compare_calls, run_in_folder
from splicecore.report.gene_annotation import keep_gene_annotation
from splicecore.session import Session

if TYPE_CHECKING:
    from splicecore.artifacts.run_directory import RunDirectory

__all__ = ["inference_table", "run_inference"]

logger = logging.getLogger(__name__)

_SCENARIOS = "scenarios.json"


def run_inference(session: Session, config: RunConfig, progress: ProgressListener | None = None) -> RunResult:
    """Do a run in mode hybrid or meta_only; see :meth:`splicecore.session.Session.run`."""

    def work(plan: InferencePlan, directory: RunDirectory, result: PassResult) -> dict[str, Any]:
        record, resources = plan.record, plan.primary.inputs.resources
        inference = _Work(
            session=session,
            config=config,
            plan=plan,
            parts=directory.parts,
            products=make_folder(directory.products),
            result=result,
            progress=progress,
        ).run()
        with result.stage("compare with annotation"):
            calls = compare_calls(plan.primary, directory.parts, result.done)
            final = compare_final(record, inference, result, directory.parts, resources.sites())
        keep_gene_annotation(directory.path, resources, record.scored(result.done))
        done = DoneRun(
            record=record, inference=inference, result=result, calls=calls, final_calls=final, how=how_done(config)
        )
        return (finish_inference if record.shard is None else finish_inference_shard)(directory, done)

    return run_in_folder(session, config, lambda: make_inference_plan(session, config), work)


def inference_table(session: Session, config: RunConfig, folder: Path) -> pa.Table:
    """Score genes and return the table of all positions; ``folder`` holds the parts meanwhile."""
    plan = make_inference_plan(session, config)
    result = PassResult()
    parts, products = make_folder(folder / "parts"), make_folder(folder / "products")
    work = _Work(session=session, config=config, plan=plan, parts=parts, products=products, result=result)
    inference = work.run()
    table = RunParts.read(plan.primary.record, inference, result, parts).complete_table
    return pa.Table.from_batches(table.batches(), schema=table.schema)


@attrs.define(kw_only=True)
class _Work:
    """One run; holds what its steps share.

    Attributes
    ----------
    parts, products
        Folders of the genes' parts and of what else an interrupted attempt goes on from.
    """

    session: Session
    config: RunConfig
    plan: InferencePlan
    parts: Path
    products: Path
    result: PassResult
    progress: ProgressListener | None = None

    def run(self) -> InferenceRecord:
        """Score and recalibrate; what fails is noted in the result."""
        plan = self.plan
        scenarios = self._scenarios()
        for number in range(len(plan.base)):
            self._score(number)
        recalibrator = Recalibrator(
            session=self.session,
            plan=plan,
            config=self.config,
            parts=self.parts,
            result=self.result,
            progress=self.progress,
        )
        threshold = recalibrator.threshold()
        keys = plan.keys(self.config.inference_mode, threshold)
        recalibrator.run(threshold, keys)
        return InferenceRecord(
            mode=self.config.inference_mode,
            meta_model=plan.model.about(),
            base_models=[dict(each.record.base_model) for each in plan.base],
            selection={
                **attrs.asdict(plan.selection),
                "settings": dict(plan.settings),
                "threshold": threshold,
                "threshold_from": self._threshold_from,
            },
            base_calls=plan.model.calls("base_only"),
            calls=plan.model.calls(self.config.inference_mode),
            keys=keys,
            scenarios=scenarios,
        )

    @property
    def _threshold_from(self) -> str:
        if self.config.target_meta_rate is not None:
            return "target_rate"
        return "strategy" if self.config.uncertainty_threshold is None else "option"

    def _scenarios(self) -> dict[str, str]:
        """Say of each gene what was there before this run, as its first attempt found it."""
        record, path = self.plan.primary.record, self.products / _SCENARIOS
        if path.exists():
            known: dict[str, str] = read_json(path)
            if known.keys() == set(record.keys):
                return known
        stores = [
            score_store(self.session, plan, config)
            for plan, config in zip(self.plan.base, self.plan.configs, strict=True)
        ]
        found = {}
        for row, (gene, key) in enumerate(zip(record.genes, record.keys, strict=True)):
            there = all(store.has(plan.record.keys[row]) for store, plan in zip(stores, self.plan.base, strict=True))
            found[key] = "1" if gene.gene_id in self.plan.model.seen else "2A" if there else "2B"
        write_json(path, found)
        return found

    def _score(self, number: int) -> None:
        """Score every gene with a base model; a gene that one of them fails on is not processed."""
        plan, config = self.plan.base[number], self.plan.configs[number]
        name = plan.model.spec.name
        stage = "score" if number == 0 else f"score {name}"
        own = self.result if number == 0 else PassResult()
        with self.result.stage(stage):
            store = score_store(self.session, plan, config)
            Runner(
                session=self.session, plan=plan, parts=self.parts, store=store, result=own, progress=self.progress
            ).run(config)
        length = {key: plan.record.gene(key).length for key in own.units}
        found = sum(length[key] for key, unit in own.units.items() if unit.get("reused"))
        self.result.note(stage, positions=sum(length.values()), found=found)
        if number:
            self._add(own, plan.record.keys, name)

    def _add(self, other: PassResult, keys: tuple[str, ...], name: str) -> None:
        """Add what a further base model did to what the primary one did."""
        for counter, count in other.counters.items():
            self.result.count(counter, count)
        self.result.peak_memory = max(self.result.peak_memory, other.peak_memory)
        for primary, key in zip(self.plan.primary.record.keys, keys, strict=True):
            unit, more = self.result.units[primary], other.units[key]
            unit["seconds"] = float(unit["seconds"]) + float(more["seconds"])
            unit["reused"] = bool(unit.get("reused")) and bool(more.get("reused"))
            for counter in ("calls", "bases_read", "unknown_bases"):
                unit[counter] = int(unit.get(counter, 0)) + int(more.get(counter, 0))
            if unit["status"] == "processed" and more["status"] != "processed":
                unit |= {"status": more["status"], "reason": f"{name}: {more['reason']}"}

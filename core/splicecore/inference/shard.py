"""Shards of a run with a meta-model: what they leave behind, and how they are merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from splicecore.errors import ChecksumError
from splicecore.evaluate.calls import CallSummary
from splicecore.inference.finish import DoneRun, RunParts, gene_facts, inference_summary
from splicecore.inference.record import InferenceRecord, merge_records
from splicecore.predict.shard_folder import finish_shard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from splicecore.artifacts.run_directory import RunDirectory
    from splicecore.predict.record import PlanRecord
    from splicecore.predict.runner import PassResult
    from splicecore.predict.shard_folder import ShardFolder

__all__ = ["finish_inference_shard", "merge_inference"]


def finish_inference_shard(directory: RunDirectory, run: DoneRun) -> dict[str, Any]:
    """Leave a shard's parts and records behind, and record it as finished; returns the manifest without hashes."""
    inference = run.inference
    parts = RunParts.read(run.record, inference, run.result, directory.parts)
    keys = [part for key in parts.keys for part in (*inference.keys[key].others, inference.keys[key].meta)]
    return finish_shard(
        directory,
        run.record,
        run.result,
        run.calls,
        run.how,
        command="run",
        more_keys=keys,
        inference={
            "record": inference.to_json(),
            "calls": {key: summary.to_json() for key, summary in run.final_calls.items()},
        },
        genes=gene_facts(parts),
        summary=inference_summary(parts, run.final_calls),
    )


def merge_inference(
    shards: Sequence[ShardFolder],
    record: PlanRecord,
    result: PassResult,
    calls: Mapping[str, CallSummary],
    how: Mapping[str, Any],
) -> DoneRun:
    """Return the whole run that shards make.

    Raises
    ------
    ChecksumError
        If what a shard recorded is damaged.
    """
    records: list[InferenceRecord] = []
    final: dict[str, CallSummary] = {}
    for shard in shards:
        try:
            kept = dict(shard.inference or {})
            records.append(InferenceRecord.from_json(kept["record"]))
            final |= {key: CallSummary.from_json(summary) for key, summary in kept["calls"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ChecksumError(f"{shard.path} is damaged: {error!r}", hint="run the shard's command again") from error
    ordered = {key: final[key] for key in record.keys if key in final}
    return DoneRun(
        record=record,
        inference=merge_records(records),
        result=result,
        calls=calls,
        final_calls=ordered,
        how=how,
    )

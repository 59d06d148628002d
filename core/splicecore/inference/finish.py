"""The files of a run with a meta-model, made from the parts in its folder, whoever made those."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import make_folder, write_json
from splicecore.errors import ContractError, SplicecoreError
from splicecore.evaluate.calls import CallSummary, count_calls, sum_calls
from splicecore.inference.gene_part import FINAL, GeneFacts
from splicecore.inference.record import InferenceRecord
from splicecore.inference.tables import CompleteTable, MetaTable
from splicecore.predict.manifest import gene_manifest, run_manifest
from splicecore.predict.parts import PartReader, part_path
from splicecore.predict.record import PlanRecord
from splicecore.predict.report import write_reports
from splicecore.predict.runner import PassResult
from splicecore.predict.table import ModelScores, ScoreTable
from splicecore.predict.workflow import FINAL_PREDICTIONS, PREDICTIONS
from splicecore.report.gene_annotation import kept_gene_annotation

if TYPE_CHECKING:
    from splicecore.artifacts.run_directory import RunDirectory
    from splicecore.genome.sites import SiteIndex
    from splicecore.plugins.protocols import Scores

__all__ = ["METADATA", "META_TABLE", "DoneRun", "RunParts", "compare_final", "finish_inference"]

META_TABLE = "predictions/meta_model_predictions.parquet"
METADATA = "metadata/inference_metadata.json"
"""Where these are in a run's folder."""

_WRITE = "write predictions"


@attrs.frozen(kw_only=True, eq=False)
class RunParts:
    """The parts of the genes that are done, and the tables that they make.

    Attributes
    ----------
    record, inference
        Of the run.
    keys
        Keys of the genes' primary scores, in the record's order.
    facts
        What each gene's part of the meta-model says.
    folder
        That has the parts.
    """

    record: PlanRecord
    inference: InferenceRecord
    keys: tuple[str, ...]
    facts: tuple[GeneFacts, ...]
    folder: Path

    @classmethod
    def read(cls, record: PlanRecord, inference: InferenceRecord, result: PassResult, folder: Path) -> RunParts:
        """Read what the parts say.

        Raises
        ------
        ChecksumError
            If one is gone or damaged.
        ContractError
            If the uncertainty strategy has other columns for some genes.
        """
        done = result.done
        keys = tuple(key for key in record.keys if key in done)
        facts = tuple(GeneFacts.read(part_path(folder, inference.keys[key].meta)) for key in keys)
        if len({each.criteria for each in facts}) > 1:
            name = inference.selection["strategy"]
            raise ContractError(f"uncertainty strategy {name!r} has not the same criteria for all genes")
        return cls(record=record, inference=inference, keys=keys, facts=facts, folder=folder)

    @property
    def base_table(self) -> ScoreTable:
        """Scores of all base models as they are."""
        others = [
            ModelScores(
                name=str(model["name"]),
                keys=[self.inference.keys[key].others[number] for key in self.keys],
                outputs=tuple(model["outputs"]),
            )
            for number, model in enumerate(self.inference.base_models[1:])
        ]
        return attrs.evolve(self.record.table(self.folder, set(self.keys)), others=others)

    @property
    def complete_table(self) -> CompleteTable:
        """All positions."""
        base = self.base_table
        fields = {field.name: getattr(base, field.name) for field in attrs.fields(ScoreTable)}
        fields["metadata"] = {**base.metadata, **self._metadata}
        return CompleteTable(**fields, meta_keys=self._meta_keys, facts=self.facts)

    @property
    def meta_table(self) -> MetaTable:
        """The positions that the meta-model scored."""
        base = self.base_table
        return MetaTable(
            genes=base.genes,
            build=base.build,
            contigs=base.contigs,
            metadata={**base.metadata, **self._metadata},
            meta_keys=self._meta_keys,
            facts=self.facts,
            parts=self.folder,
        )

    @property
    def _meta_keys(self) -> list[str]:
        return [self.inference.keys[key].meta for key in self.keys]

    @property
    def _metadata(self) -> dict[str, str]:
        return {
            "splicecore.inference_mode": self.inference.mode,
            "splicecore.meta_model": str(self.inference.meta_model["name"]),
            "splicecore.meta_model_fingerprint": str(self.inference.meta_model["fingerprint"]),
        }

    def check_coverage(self, rows: int) -> None:
        """Check that every position of every gene has one row.

        Raises
        ------
        SplicecoreError
            If not, which is a bug.
        """
        positions = sum(self.record.gene(key).length for key in self.keys)
        ends: dict[tuple[str, str, str], int] = {}
        twice = 0
        for gene in sorted((self.record.gene(key) for key in self.keys), key=lambda gene: gene.start):
            key = (gene.contig, gene.strand, gene.gene_id)
            twice += gene.start < ends.get(key, 0)
            ends[key] = max(gene.end, ends.get(key, 0))
        if twice or (self.record.min_score is None and rows != positions):
            raise SplicecoreError(
                f"the table has {rows} rows for {positions} positions, {twice} genes have positions twice",
                hint="this is a bug of splicecore: please report it",
            )


class _FinalScores:
    """The final scores of a gene's part, read as those of a base model are."""

    def __init__(self, part: PartReader) -> None:
        self._part = part
        self._first = part.columns.index(FINAL[0])

    def read(self, start: int, stop: int) -> Scores:
        """Return final scores of a half-open span: float32, shape (stop - start, 3)."""
        return self._part.read(start, stop)[:, self._first : self._first + 3]


def compare_final(
    record: PlanRecord, inference: InferenceRecord, result: PassResult, parts: Path, sites: SiteIndex
) -> dict[str, CallSummary]:
    """Compare the final scores of every gene that has some with the annotated sites; by key."""
    calls = {}
    done = result.done
    for gene, key in zip(record.genes, record.keys, strict=True):
        if key in done:
            with PartReader(part_path(parts, inference.keys[key].meta)) as part:
                least = inference.calls
                masks = sites.site_masks(gene, scope="strand")
                calls[key] = count_calls(gene, _FinalScores(part), *masks, (least.acceptor, least.donor))
    return calls


@attrs.frozen(kw_only=True, eq=False)
class DoneRun:
    """A run whose parts are all there.

    Attributes
    ----------
    record, inference, result
        What was to be done, and what was.
    calls, final_calls
        Key of each gene's scores -> how the primary base model's calls and the final ones compare with the annotation.
    how
        Who did it, for the report.
    """

    record: PlanRecord
    inference: InferenceRecord
    result: PassResult
    calls: Mapping[str, CallSummary]
    final_calls: Mapping[str, CallSummary]
    how: Mapping[str, Any]


def finish_inference(directory: RunDirectory, run: DoneRun) -> dict[str, Any]:
    """Assemble a run's files from the parts in its folder and record it as finished.

    Returns
    -------
    The manifest, less the files' hashes.
    """
    folder, record, result = directory.path, run.record, run.result
    make_folder(folder / "predictions")
    make_folder(folder / "metadata")
    with result.stage(_WRITE):
        parts = RunParts.read(record, run.inference, result, directory.parts)
        parts.base_table.write(folder / PREDICTIONS)
        parts.meta_table.write(folder / META_TABLE)
        rows = parts.complete_table.write(folder / FINAL_PREDICTIONS)
        parts.check_coverage(rows)
    result.note(_WRITE, positions=sum(record.gene(key).length for key in parts.keys))
    summary = inference_summary(parts, run.final_calls)
    write_json(folder / "gene_manifest.json", gene_manifest(record, result, gene_facts(parts)))
    write_json(folder / METADATA, inference_metadata(parts))
    write_reports(folder, record, result, run.calls, run.how, rows=rows, inference=summary)
    finished = {**run_manifest(record, result, rows=rows), "inference": {"positions": summary["positions"]}}
    files = [PREDICTIONS, META_TABLE, FINAL_PREDICTIONS, METADATA, "gene_manifest.json"]
    written = [*(folder / name for name in files), *kept_gene_annotation(folder)]
    directory.finish(finished, written, keep_work=False)
    return finished


def gene_facts(parts: RunParts) -> dict[str, dict[str, Any]]:
    """Return what ``gene_manifest.json`` says of a gene beside its scores, by key."""
    facts: dict[str, dict[str, Any]] = {
        key: {
            "scenario": parts.inference.scenarios[key],
            "selected": each.uncertain,
            "recalibrated": each.recalibrated,
            "changed_calls": each.changed_calls,
        }
        for key, each in zip(parts.keys, parts.facts, strict=True)
    }
    return facts


def inference_summary(parts: RunParts, final_calls: Mapping[str, CallSummary]) -> dict[str, Any]:
    """Return what the reports say of the meta-model's part in a run."""
    inference = parts.inference
    scenarios = [inference.scenarios[key] for key in parts.keys]
    accuracy = sum_calls(final_calls).as_json()
    return {
        "mode": inference.mode,
        "meta_model": dict(inference.meta_model),
        "base_models": [model["name"] for model in inference.base_models],
        "selection": dict(inference.selection),
        "positions": {
            "all": sum(parts.record.gene(key).length for key in parts.keys),
            "uncertain": sum(each.uncertain for each in parts.facts),
            "recalibrated": sum(each.recalibrated for each in parts.facts),
        },
        "reasons": _total_reasons(parts),
        "changed_calls": sum(each.changed_calls for each in parts.facts),
        "scenarios": {name: scenarios.count(name) for name in sorted(set(scenarios))},
        "accuracy": {**accuracy, "threshold": attrs.asdict(inference.calls)},
    }


def inference_metadata(parts: RunParts) -> dict[str, Any]:
    """Return what ``metadata/inference_metadata.json`` says: what decides the results, and what came of it."""
    inference, record = parts.inference, parts.record
    positions = sum(record.gene(key).length for key in parts.keys)
    selected = sum(each.uncertain for each in parts.facts)
    return {
        "schema": "splicecore-inference/1",
        "mode": inference.mode,
        "selection": {
            **inference.selection,
            "positions": positions,
            "selected": selected,
            "recalibrated": sum(each.recalibrated for each in parts.facts),
            "reached_rate": selected / positions if positions else None,
            "reasons": _total_reasons(parts),
            "criteria": list(parts.meta_table.criteria),
        },
        "thresholds": {"base_model": attrs.asdict(inference.base_calls), "final": attrs.asdict(inference.calls)},
        "meta_model": dict(inference.meta_model),
        "base_models": [
            {name: model[name] for name in ("name", "engine", "fingerprint", "outputs", "licence")}
            for model in inference.base_models
        ],
        "build": record.build,
        "flank": record.flank,
        "inputs": dict(record.inputs),
        **record.environment,
    }


def _total_reasons(parts: RunParts) -> dict[str, int]:
    totals: dict[str, int] = {}
    for each in parts.facts:
        for text, number in each.reasons.items():
            totals[text] = totals.get(text, 0) + number
    return dict(sorted(totals.items()))

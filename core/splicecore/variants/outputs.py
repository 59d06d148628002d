"""Writing the results of a pass over a VCF in every form that was asked for, and the summary of what was counted."""

from __future__ import annotations

import contextlib
import logging
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

import splicecore
from splicecore.artifacts.store import atomic_path, digest, file_sha256, make_folder, read_json, write_json
from splicecore.errors import ChecksumError, OutputError
from splicecore.variants.annotate import Annotator
from splicecore.variants.config import output_kind
from splicecore.variants.info import InfoTag, ScoreText, make_tags, settings_line
from splicecore.variants.results import AlleleCounts, ResultRow, by_record, in_input_order, in_plan_order
from splicecore.variants.shard_summary import SCHEMA, WHOLE, Extent, forms_of, run_key, summary_beside
from splicecore.variants.tables import META, TableWriter
from splicecore.variants.vcf_output import VcfWriter, drop_indices, index_file, open_text, open_writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from splicecore.variants.blocks import Plan
    from splicecore.variants.config import VariantsConfig
    from splicecore.variants.meta_scores_opening import MetaTask
    from splicecore.variants.planned import VariantPass
    from splicecore.variants.vcf import VcfRecord, VcfSource

__all__ = ["VariantsResult", "finished_before", "index_outputs", "write_outputs"]

logger = logging.getLogger(__name__)

_MISMATCHES = 0.1


@attrs.frozen(kw_only=True)
class VariantsResult:
    """What a pass did.

    Attributes
    ----------
    outputs
        Files that were written, indices included.
    summary
        Counts; see ``docs/howto/variants.md``.
    already_finished
        Whether all was there from before.
    """

    outputs: tuple[Path, ...]
    summary: dict[str, Any]
    already_finished: bool = False


def summary_path(config: VariantsConfig) -> Path | None:
    """File of the summary: as configured, else beside the first output that is a file, else none."""
    if config.summary is not None:
        return Path(config.summary)
    files = [name for name in config.output if name != "-"]
    return summary_beside(Path(files[0])) if files else None


def _summary_paths(config: VariantsConfig) -> list[Path]:
    """All files of the summary: a shard's is beside each of its outputs too, as merging looks for it there."""
    path = summary_path(config)
    beside = [summary_beside(Path(name)) for name in config.output if name != "-"]
    paths = [*([] if path is None else [path]), *([] if config.shard is None else beside)]
    return list(dict.fromkeys(paths))


def _run_key(config: VariantsConfig, identity: Mapping[str, Any]) -> str:
    return run_key(digest(identity), forms_of(config), [Path(name).name for name in config.output])


def finished_before(config: VariantsConfig, identity: Mapping[str, Any]) -> VariantsResult | None:
    """Return the result of an earlier run of the same command, if all its files are as it left them."""
    path = summary_path(config)
    if path is None or "-" in config.output or config.force:
        return None
    if any(not file.exists() for file in _summary_paths(config)):
        return None
    try:
        summary = read_json(path)
        if summary["run"] != _run_key(config, identity):
            return None
        files = {Path(config.output[0]).parent / name: sha256 for name, sha256 in summary["files"].items()}
    except (OutputError, KeyError, TypeError, AttributeError):
        return None
    if any(not file.is_file() or file_sha256(file) != sha256 for file, sha256 in files.items()):
        return None
    return VariantsResult(outputs=tuple(files), summary=summary, already_finished=True)


def write_outputs(planned: VariantPass) -> VariantsResult:
    """Write all outputs, their indices and the summary, from the results of all blocks."""
    config, source, work, plan = planned.config, planned.source, planned.work, planned.plan
    annotator, lines = _annotator(planned)
    counts, extent, shard = AlleleCounts(), Extent(), _shard(planned)
    plain = [name for name in config.output if output_kind(name) == "vcf"]
    tables = [name for name in config.output if output_kind(name) != "vcf"]
    for name in plain:
        if name != "-":
            drop_indices(Path(name))
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(open_writer(_in_folder(name), source, lines, annotator.written, part=shard is not None))
            for name in plain
            if not config.vep_compatible
        ]
        primary = None if planned.opened.meta is None else config.base_model[0]
        settings = planned.opened.settings
        adding = [stack.enter_context(TableWriter(Path(name), settings, primary, shard)) for name in tables]
        seen = _seen(in_input_order(plan, work.parts, work.key), extent)
        batches = _counted(seen, counts, _counted_models(planned), adding)
        if writers:
            _write_records(_span(source, plan), by_record(batches), writers, annotator)
        else:
            for _ in batches:
                continue
    if config.vep_compatible:
        for name in plain:
            _write_vep(Path(name), source, lines, annotator, in_plan_order(plan, work.parts, work.key))
    files = [Path(name) for name in config.output if name != "-"]
    indices = index_outputs(plain, plan.end, ordered=plan.sorted or config.vep_compatible)
    return _finish(planned, counts, extent, [*files, *indices])


def _annotator(planned: VariantPass) -> tuple[Annotator, list[bytes]]:
    """Make what writes INFO, and the lines that it adds to the header."""
    config, opened = planned.config, planned.opened
    annotator = Annotator(
        tags=_tags(planned),
        text=ScoreText(precision=config.precision),
        main=opened.main,
        reasons=config.reasons,
    )
    replaced = sorted(planned.source.declared("INFO").intersection(annotator.written))
    if replaced and any(output_kind(name) == "vcf" for name in config.output):
        logger.warning("%s has INFO %s already, which is replaced", planned.source.name, " and ".join(replaced))
    fingerprints = {model.name: model.fingerprint for model in opened.models}
    fingerprints |= {model.name: model.fingerprint for model in _meta(planned)}
    return annotator, [*annotator.header(splicecore.__version__, fingerprints), settings_line(opened.settings)]


def _shard(planned: VariantPass) -> dict[str, str] | None:
    """Say which shard this is of what; None for a whole pass."""
    if planned.config.shard is None:
        return None
    return {"shard": planned.config.shard, "run": _whole_pass(planned)}


def _whole_pass(planned: VariantPass) -> str:
    """Digest of what decides the results of the pass without ``--shard``."""
    return digest({**planned.work.identity, "shard": None})


def _meta(planned: VariantPass) -> tuple[MetaTask, ...]:
    return () if planned.opened.meta is None else (planned.opened.meta,)


def _tags(planned: VariantPass) -> tuple[InfoTag, ...]:
    """Choose the tags of the base models, and of the meta-model: that of the primary base model and ``_meta``."""
    config, names = planned.config, planned.config.tag_names
    own = {model: name for model, name in names.items() if model != META}
    if planned.opened.meta is None:
        return make_tags(config.base_model, names)
    primary = make_tags(config.base_model, own)[0]
    *tags, meta = make_tags((*config.base_model, META), {META: f"{primary.name}_{META}", **names})
    return (*tags, attrs.evolve(meta, scorer=f"a meta-model of {' and '.join(config.base_model)}, model"))


def _counted_models(planned: VariantPass) -> tuple[str, ...]:
    return (*planned.config.base_model, *(one.name for one in _meta(planned)))


def _in_folder(name: str) -> Path | None:
    """Path of an output; None for stdout."""
    return None if name == "-" else Path(name)


def _seen(batches: Iterator[pa.RecordBatch], extent: Extent) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        extent.add(batch)
        yield batch


def _counted(
    batches: Iterator[pa.RecordBatch], counts: AlleleCounts, models: tuple[str, ...], tables: list[TableWriter]
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        counts.add(batch, models)
        for table in tables:
            table.add(batch)
        yield batch


def _span(source: VcfSource, plan: Plan) -> Iterator[VcfRecord]:
    for record in source.records():
        if record.number >= plan.first + plan.records:
            return
        if record.number >= plan.first:
            yield record


def _write_records(
    records: Iterator[VcfRecord],
    rows: Iterator[tuple[int, list[ResultRow]]],
    writers: list[VcfWriter],
    annotator: Annotator,
) -> None:
    """Write every record with its values; records and results must be the same ones."""
    written = 0
    for record, (number, own) in zip(records, rows, strict=True):
        if number != record.number:
            raise ChecksumError(
                f"the results are of record {number + 1}, not {record.number + 1}", hint="run again with --force"
            )
        values = annotator.values(own)
        for writer in writers:
            writer.write(record, values)
        written += 1
    logger.info("wrote %d records", written)


def _write_vep(
    path: Path, source: VcfSource, lines: list[bytes], annotator: Annotator, batches: Iterator[pa.RecordBatch]
) -> None:
    """Write one record for each ALT and gene, sorted."""
    kept = [line for line in source.header if line.startswith((b"##fileformat=", b"##reference=", b"##contig="))]
    columns = b"\t".join(source.header[-1].split(b"\t")[:8])
    with atomic_path(path) as temporary, open_text(temporary, path.name) as stream:
        for line in (*kept, *lines, columns):
            stream.write(line + b"\n")
        for _, rows in by_record(batches):
            for line in annotator.vep_records(rows):
                stream.write(line + b"\n")


def index_outputs(names: Sequence[str], end: int, *, ordered: bool) -> list[Path]:
    """Make the indices of the files that can have one.

    Parameters
    ----------
    names
        VCF and BCF files, or ``"-"``.
    end
        Largest end of a REF, in bases from the start of its contig.
    ordered
        Whether their records are sorted.
    """
    indices = []
    for name in names:
        if name.endswith((".gz", ".bgz", ".bcf")):
            if ordered:
                index = index_file(Path(name), end)
                indices += [] if index is None else [index]
            else:
                logger.warning("%s gets no index: its records are not sorted, as those of the input", name)
    return indices


def _finish(planned: VariantPass, counts: AlleleCounts, extent: Extent, files: list[Path]) -> VariantsResult:
    """Write the summary."""
    config, plan = planned.config, planned.plan
    summary = {
        "schema": SCHEMA,
        "run": _run_key(config, planned.work.identity),
        "settings": planned.opened.settings,
        "shard": config.shard,
        "records": plan.records,
        "alleles": plan.alleles,
        "rows": counts.rows,
        "sorted": plan.sorted,
        "base_models": {name: _of_model(counts, name) for name in config.base_model},
        **({} if planned.opened.meta is None else {"meta_model": _of_model(counts, META)}),
        "files": {_relative(file, config): file_sha256(file) for file in files},
    }
    if config.shard is not None:
        about = {"pass": _whole_pass(planned), "input": planned.work.identity["input"], "forms": forms_of(config)}
        summary[WHOLE] = {**about, "end": plan.end, "extent": attrs.asdict(extent)}
    for path in _summary_paths(config):
        make_folder(path.parent)
        write_json(path, summary)
    _judge(summary)
    return VariantsResult(outputs=tuple(files), summary=summary)


def _of_model(counts: AlleleCounts, name: str) -> dict[str, Any]:
    reasons = counts.unscored.get(name, Counter[str]())
    return {
        "scored": counts.scored[name],
        "unscored": sum(reasons.values()),
        "reasons": dict(sorted(reasons.items())),
    }


def _relative(file: Path, config: VariantsConfig) -> str:
    """Path of a file as seen from the folder of the first output."""
    return os.path.relpath(file, Path(config.output[0]).parent)


def _judge(summary: Mapping[str, Any]) -> None:
    """Warn where nothing was scored, or so many REFs are not the genome's that the build may be another."""
    for name, model in summary["base_models"].items():
        mismatches = model["reasons"].get("ref_mismatch", 0)
        looked_at = model["scored"] + mismatches
        if mismatches > _MISMATCHES * looked_at:
            logger.warning(
                "%s: REF is not the genome's for %d of %d alleles in genes: are the variants of another build?",
                name, mismatches, looked_at,
            )  # fmt: skip
        elif not model["scored"] and model["unscored"]:
            reasons = ", ".join(f"{reason} {number:,}" for reason, number in model["reasons"].items())
            logger.warning("%s: no allele was scored (%s)", name, reasons)

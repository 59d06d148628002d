"""The exports of a run: which were asked for, writing what is missing, recording them in the manifest.

They are made from the finished table, so asking for one more on a finished run adds just that, and a run that asks at
once has the same bytes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from splicecore.artifacts.store import make_folder
from splicecore.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from splicecore.artifacts.run_directory import RunDirectory
    from splicecore.config import RunConfig
    from splicecore.export.score_file import ScoreFile

__all__ = ["DEFAULT_BED_THRESHOLD", "add_exports", "wanted_exports"]

logger = logging.getLogger(__name__)

DEFAULT_BED_THRESHOLD = 0.1
_FOLDER = "exports"


def wanted_exports(config: RunConfig) -> dict[str, dict[str, Any]]:
    """Return the exports that a configuration asks for, with what decides their content, and check that they can be.

    Raises
    ------
    ConfigError
        If a threshold has no export, or asks for rows that the table leaves out.
    MissingDependencyError
        If a package is not installed that an export needs.
    """
    wanted: dict[str, dict[str, Any]] = {}
    if config.bed_threshold is not None and not config.bed:
        raise ConfigError("bed_threshold is given, but no BED file is asked for", hint="add --bed")
    if config.bed:
        wanted["bed"] = {"threshold": _bed_threshold(config)}
    if config.bigwig:
        from splicecore.export.bigwig import require_bigwig_support

        require_bigwig_support()
        wanted["bigwig"] = {}
    if config.tsv:
        wanted["tsv"] = {}
    if _wants_report(config):
        wanted["report"] = {"genes": config.report_genes}
    return wanted


def _wants_report(config: RunConfig) -> bool:
    """Whether a report is asked for, or can be made where nothing else is said; a shard has none."""
    from splicecore.report.bokeh_script import has_bokeh, require_bokeh
    from splicecore.report.writing import check_genes

    if config.report is False or (config.report is None and config.shard is not None):
        return False
    check_genes(config.report_genes)
    if config.report:
        require_bokeh()
    elif not has_bokeh():
        logger.warning('no report.html: the package bokeh is not installed (pip install "splicecore[report]")')
        return False
    return True


def _bed_threshold(config: RunConfig) -> float:
    least = config.min_score or 0.0
    if config.bed_threshold is None:
        return max(DEFAULT_BED_THRESHOLD, least)
    if config.bed_threshold < least:
        raise ConfigError(
            f"bed_threshold {config.bed_threshold:g} is below min_score {least:g}: the table would lack those sites",
            hint="raise --bed-threshold or lower --min-score",
        )
    return config.bed_threshold


def add_exports(
    directory: RunDirectory,
    predictions: Path,
    wanted: Mapping[str, Mapping[str, Any]],
    lengths: Mapping[str, int],
    *,
    final: bool = False,
) -> list[Path]:
    """Write those exports of a finished run that are missing or were made with other settings.

    Parameters
    ----------
    directory
        The run's folder, locked and finished.
    predictions
        Its table.
    wanted
        As :func:`wanted_exports` returns them.
    lengths
        Length in bases of every contig of the reference.
    final
        Whether the table has final scores, of a run with a meta-model.

    Returns
    -------
    The files of all wanted exports, those that were there included.
    """
    from splicecore.export.score_file import ScoreFile
    from splicecore.report.writing import make_report

    files: list[Path] = []
    for name, settings in wanted.items():
        recorded = directory.manifest().get("exports", {}).get(name)
        if recorded is not None and recorded["settings"] == settings:
            files += [directory.path / file for file in recorded["files"]]
            continue
        if name == "report":
            files.append(make_report(directory, **settings))
            continue
        logger.info("export %s", name)
        with ScoreFile(predictions, "meta" if final else "score") as scores:
            made = _WRITERS[name](scores, make_folder(directory.path / _FOLDER), settings, lengths)
        directory.record_export(name, settings, made)
        files += made
    return files


def _bed(scores: ScoreFile, folder: Path, settings: Mapping[str, Any], _: Mapping[str, int]) -> list[Path]:
    from splicecore.export.bed import write_bed

    path = folder / "splice_sites.bed"
    if write_bed(scores, path, threshold=settings["threshold"]) == 0:
        logger.warning("%s is empty: no score reaches %g", path, settings["threshold"])
    return [path]


def _bigwig(scores: ScoreFile, folder: Path, _: Mapping[str, Any], lengths: Mapping[str, int]) -> list[Path]:
    from splicecore.export.bigwig import TRACKS, write_bigwig

    files = []
    for name, (site_type, strand) in TRACKS.items():
        path = folder / f"{name}.bw"
        if write_bigwig(scores, path, site_type=site_type, strand=strand, lengths=lengths):
            files.append(path)
    return files


def _tsv(scores: ScoreFile, folder: Path, _: Mapping[str, Any], __: Mapping[str, int]) -> list[Path]:
    from splicecore.export.tsv import write_tsv

    path = folder / f"{scores.path.stem}.tsv.gz"
    write_tsv(scores, path)
    return [path]


_WRITERS = {"bed": _bed, "bigwig": _bigwig, "tsv": _tsv}

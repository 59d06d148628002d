"""Writing ``report.html`` into the folder of a finished run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from splicecore.errors import ConfigError

if TYPE_CHECKING:
    from splicecore.artifacts.run_directory import RunDirectory

__all__ = ["DEFAULT_GENES", "REPORT", "check_genes", "make_report", "write_report"]

logger = logging.getLogger(__name__)

REPORT = "report.html"
DEFAULT_GENES = 25
MAX_TRACKS = 200


def write_report(folder: str | Path, *, genes: int = DEFAULT_GENES) -> Path:
    """Write the report of a finished run as one page that opens offline; reads nothing but the run's folder.

    Parameters
    ----------
    folder
        Output folder of ``splicecore run``; a run in progress must not hold it.
    genes
        Number of genes that get a track: those with most calls worth a look.

    Returns
    -------
    Path of the page. The same run and number of genes give the same bytes.

    Raises
    ------
    InputError
        If the folder holds no finished run.
    MissingDependencyError
        If the plotting library is not installed.
    ConfigError
        If the number of genes is out of range.
    """
    from splicecore.artifacts.run_directory import RunDirectory
    from splicecore.report.run_folder import RunFolder

    path = Path(folder)
    check_genes(genes)
    RunFolder.open(path)
    with RunDirectory(path).locked() as directory:
        return make_report(directory, genes=genes)


def check_genes(genes: int) -> None:
    """Refuse a number of genes that no page can hold."""
    if not 0 <= genes <= MAX_TRACKS:
        raise ConfigError(f"{genes} genes cannot have tracks", hint=f"from 0 to {MAX_TRACKS}")


def make_report(directory: RunDirectory, *, genes: int) -> Path:
    """Write the report of a finished run whose folder is locked, and record it in the run's manifest.

    Returns
    -------
    Path of the page.
    """
    from splicecore.artifacts.store import write_text
    from splicecore.report.gathering import gather
    from splicecore.report.page import report_page
    from splicecore.report.run_folder import RunFolder

    run = RunFolder.open(directory.path)
    path = directory.path / REPORT
    found = gather(run, tracks=genes)
    write_text(path, report_page(run, found))
    logger.info("report of %d genes, %d with tracks", len(found.genes), len(found.tracks))
    directory.record_export("report", {"genes": genes}, [path])
    return path

"""Options of ``run`` about what is written: sparse tables, other formats, the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["export_options"]

_Function = TypeVar("_Function", bound="Callable[..., Any] | click.Command")


def export_options(function: _Function) -> _Function:
    """Add the options of what a run writes beside its tables; each is None unless given."""
    flag: dict[str, Any] = {"is_flag": True, "flag_value": True, "type": bool, "default": None}
    number: dict[str, Any] = {"type": float, "metavar": "P", "default": None}
    options = (
        click.option(
            "--min-score",
            envvar="SPLICECORE_MIN_SCORE",
            help="Keep only rows that score P or more as acceptor or donor.",
            **number,
        ),
        click.option("--bed", envvar="SPLICECORE_BED", help="Write the predicted sites as BED.", **flag),
        click.option(
            "--bed-threshold",
            envvar="SPLICECORE_BED_THRESHOLD",
            help="Least score of a site in the BED file; 0.1 unless said otherwise.",
            **number,
        ),
        click.option(
            "--bigwig",
            envvar="SPLICECORE_BIGWIG",
            help="Write bigWig tracks of both site types and strands (needs splicecore[bigwig]).",
            **flag,
        ),
        click.option("--tsv", envvar="SPLICECORE_TSV", help="Write the table as gzipped TSV too.", **flag),
        click.option(
            "--report/--no-report",
            envvar="SPLICECORE_REPORT",
            default=None,
            help="Write report.html, a page to look at; done unless splicecore[report] is missing.",
        ),
        click.option(
            "--report-genes",
            envvar="SPLICECORE_REPORT_GENES",
            type=int,
            metavar="N",
            default=None,
            help="Draw the tracks of so many genes in the report; 25 unless said otherwise.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function

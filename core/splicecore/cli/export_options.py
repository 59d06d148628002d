"""Options of ``run`` about what is written: sparse tables and other formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["export_options"]

_Function = TypeVar("_Function", bound="Callable[..., Any] | click.Command")


def export_options(function: _Function) -> _Function:
    """Add ``--min-score``, ``--bed``, ``--bed-threshold``, ``--bigwig`` and ``--tsv``; each is None unless given."""
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
    )
    for option in reversed(options):
        function = option(function)
    return function

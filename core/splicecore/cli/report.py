"""``splicecore report``."""

from __future__ import annotations

import click

from splicecore.report.writing import DEFAULT_GENES, write_report

__all__ = ["command"]


@click.command("report", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", metavar="FOLDER")
@click.option(
    "--genes",
    type=int,
    default=DEFAULT_GENES,
    metavar="N",
    show_default=True,
    help="Draw the tracks of so many genes, those with most changed calls.",
)
def command(folder: str, *, genes: int) -> int:
    """Write report.html into the folder of a finished run, again or for the first time.

    The page opens offline: summary, selection, zoomable tracks of genes, changed calls, precision and recall. It is
    made from the folder alone. Needs splicecore[report].
    """
    click.echo(str(write_report(folder, genes=genes)))
    return 0

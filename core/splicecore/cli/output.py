"""What commands write to stdout: aligned tables for people, JSON for machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["as_json_option", "write_json", "write_table"]

_COLORS = {
    **dict.fromkeys(("derived", "finished", "found", "passed"), "green"),
    **dict.fromkeys(("missing", "not judged", "noted", "skipped", "unfinished", "warned"), "yellow"),
    **dict.fromkeys(("damaged", "failed", "foreign"), "red"),
}

as_json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON instead of tables.")


def write_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write aligned columns; states have colors on a terminal, and nothing is cut, so that a path can be copied."""
    table = [header, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    for number, row in enumerate(table):
        last = max((column for column, cell in enumerate(row) if cell), default=0)
        cells = [
            click.style(cell.ljust(width if column < last else 0), bold=number == 0, fg=_COLORS.get(cell))
            for column, (cell, width) in enumerate(zip(row[: last + 1], widths, strict=False))
        ]
        click.echo("  ".join(cells))


def write_json(value: Any) -> None:
    """Write a JSON value, indented, keys sorted."""
    click.echo(json.dumps(value, indent=2, sort_keys=True))

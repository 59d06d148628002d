"""Pieces of the page: tables and facts as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Cell", "facts", "table"]

_LEFT = ' class="text"'
_WRAP = ' class="wrap"'


@attrs.frozen
class Cell:
    """A cell of a table.

    Attributes
    ----------
    text
        HTML, escaped already.
    value
        What the column is sorted by, if it is not the text.
    left
        Align to the left.
    wrap
        Break the text into lines.
    """

    text: str
    value: float | None = None
    left: bool = False
    wrap: bool = False

    @property
    def html(self) -> str:
        """The cell."""
        value = "" if self.value is None else f' data-value="{self.value:.12g}"'
        return f"<td{value}{_WRAP if self.wrap else _LEFT if self.left else ''}>{self.text}</td>"


def table(
    header: Sequence[str], rows: Iterable[Sequence[str | Cell]], *, sortable: bool = False, left: Sequence[int] = ()
) -> str:
    """Make a table; plain texts are escaped.

    Parameters
    ----------
    header
        Titles of the columns.
    rows
        Cells.
    sortable
        Let the page's script sort it.
    left
        Numbers of columns whose title is aligned to the left.
    """
    head = "".join(f"<th{_LEFT if k in left else ''}>{escape(title)}</th>" for k, title in enumerate(header))
    body = "".join(
        "<tr>"
        + "".join(cell.html if isinstance(cell, Cell) else f"<td>{escape(cell)}</td>" for cell in row)
        + "</tr>\n"
        for row in rows
    )
    kind = ' class="sortable"' if sortable else ""
    return f'<div class="scroll"><table{kind}><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>'


def facts(items: Iterable[tuple[str, str]]) -> str:
    """Make a row of large numbers, each with what it is."""
    return (
        '<div class="facts">'
        + "".join(f"<div>{escape(value)}<span>{escape(what)}</span></div>" for value, what in items)
        + "</div>"
    )

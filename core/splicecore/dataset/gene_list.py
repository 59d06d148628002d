"""Lists of genes: reading them from text, TSV and CSV files, and taking them from a base-model pass."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from splicecore.artifacts.store import digest, write_text
from splicecore.errors import ConfigError, InputError
from splicecore.genome.suggestions import near_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["COLUMNS", "gene_list", "read_gene_list", "write_gene_list"]

COLUMNS: tuple[str, ...] = ("gene_id", "gene_name", "contig", "strand", "start", "end", "sites", "tp", "fp", "fn")
"""Of a written list; ``start`` and ``end`` are 0-based, half-open."""

_HEADERS = ("gene_id", "ensembl_gene_id", "gene", "gene_name", "gene_symbol", "symbol", "geneid", "genename", "id")
"""Names by which a column of genes is known, best first; compared without regard to case."""


def read_gene_list(path: Path, column: str | None = None) -> tuple[str, ...]:
    """Read names or ids of genes, in the file's order, each once.

    A file with tabs or commas in its first line is a table. Its first line is a header if it has the column that is
    asked for, or one that is known to hold genes; otherwise, as in a plain file, the first field of every line is
    taken. What follows ``#`` is ignored.

    Parameters
    ----------
    path
        The file.
    column
        Name of the column; None: found by its name, else the first.

    Raises
    ------
    InputError
        If the file cannot be read, lacks the column, has a line without it, or names no gene.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the gene list {path}: {getattr(error, 'strerror', None) or error}") from error
    rows = [(number, fields) for number, fields in enumerate(_fields(text), start=1) if any(fields)]
    if not rows:
        raise InputError(f"the gene list {path} names no gene")
    place = _place(path, rows[0][1], column)
    names: dict[str, None] = {}
    for number, fields in rows[0 if place is None else 1 :]:
        if len(fields) <= (place or 0) or not fields[place or 0]:
            raise InputError(f"line {number} of the gene list {path} has no {column or 'gene'}")
        names[fields[place or 0]] = None
    if not names:
        raise InputError(f"the gene list {path} names no gene")
    return tuple(names)


def _fields(text: str) -> list[list[str]]:
    lines = [line.partition("#")[0].rstrip() for line in text.splitlines()]
    first = next((line for line in lines if line), "")
    separator = "\t" if "\t" in first else "," if "," in first else None
    if separator is None:
        return [line.split()[:1] for line in lines]
    table = csv.reader(lines, delimiter=separator)
    return [[field.strip() for field in row] for row in table]


def _place(path: Path, first: Sequence[str], column: str | None) -> int | None:
    """Place of the column of genes if the first row is a header, else None."""
    if column is not None:
        if column not in first:
            near = near_names(column, first)
            there = ", ".join(first)
            hint = f"did you mean {near[0]}?" if near else f"the first line is: {there}"
            raise InputError(f"the gene list {path} has no column {column!r}", hint=hint)
        return list(first).index(column)
    lowered = [field.lower() for field in first]
    return next((lowered.index(name) for name in _HEADERS if name in lowered), None)


def gene_list(
    folders: Sequence[Path], *, n_genes: int | None = None, first: int | None = None, seed: int = 42
) -> list[dict[str, Any]]:
    """List the genes that have scores in base-model passes, in genomic order, with their counts.

    Parameters
    ----------
    folders
        Folders of ``splicecore predict``; genes of several are taken together, each once.
    n_genes
        Take a random sample of so many; it depends on ``seed`` and on the genes alone.
    first
        Take the first so many.

    Returns
    -------
    One mapping for each gene, with the keys :data:`COLUMNS`

    Raises
    ------
    ConfigError
        If both ``n_genes`` and ``first`` are given.
    InputError
        If there are fewer genes than are asked for, or a folder holds no finished pass.
    """
    from splicecore.dataset.scored_pass import ScoredPass

    if n_genes is not None and first is not None:
        raise ConfigError("a random sample and the first genes are asked for", hint="--n-genes or --first")
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for folder in folders:
        for row in ScoredPass.read(folder).genes():
            found.setdefault((row["contig"], row["strand"], row["gene_id"]), row)
    rows = list(found.values())
    wanted = n_genes if n_genes is not None else first
    if wanted is not None and wanted > len(rows):
        raise InputError(f"{wanted} genes are asked for, but {len(rows)} have scores")
    if n_genes is not None:
        drawn = sorted(rows, key=lambda row: digest([seed, *(row[name] for name in COLUMNS[:6])]))[:n_genes]
        chosen = {id(row) for row in drawn}
        rows = [row for row in rows if id(row) in chosen]
    return rows[:first] if first is not None else rows


def write_gene_list(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a list of genes as TSV with a header."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([row[name] for name in COLUMNS] for row in rows)
    write_text(path, text.getvalue())

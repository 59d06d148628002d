"""BED: the positions that score like splice sites, for genome browsers and ``bedtools``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from splicecore.artifacts.store import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from splicecore.export.score_file import ScoreFile

__all__ = ["write_bed"]

_TYPES = ("acceptor", "donor")
_PLACE = ["contig", "position", "strand", "gene_name"]


def write_bed(scores: ScoreFile, path: Path, *, threshold: float) -> int:
    """Write the sites that score at least ``threshold`` as BED6, atomically.

    A line is one base: contig, position (0-based), position + 1, ``GENE|acceptor|0.98`` or ``GENE|donor|0.98``, the
    score times 1000 (rounded to an integer, 0 to 1000), strand. Lines are in the table's order: contig as in the
    reference, position, strand, gene; acceptor before donor where one position is both. White space in a gene's name
    becomes ``_``.

    Parameters
    ----------
    scores
        The open table.
    path
        The file to write.
    threshold
        Probability (0-1), compared in float32, the precision of the table.

    Returns
    -------
    The number of lines.

    Raises
    ------
    ChecksumError
        If the table is damaged.
    OutputError
        If the file cannot be written.
    """
    lines = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as handle:
        columns = [scores.column(name) for name in _TYPES]
        for batch in scores.batches([*_PLACE, *columns]):
            for line in _lines(batch, columns, np.float32(threshold)):
                handle.write(line)
                lines += 1
    return lines


def _lines(batch: pa.RecordBatch, columns: Sequence[str], threshold: np.float32) -> Iterator[str]:
    values = np.column_stack([batch.column(name).to_numpy() for name in columns])
    hits = np.argwhere(values >= threshold)
    rows: Any = batch.take(hits[:, 0]).select(_PLACE).to_pydict()
    for contig, position, strand, gene, (row, kind) in zip(*rows.values(), hits, strict=True):
        value = float(values[row, kind])
        name = "_".join(gene.split()) or "."
        label = f"{name}|{_TYPES[kind]}|{value:.2f}"
        yield f"{contig}\t{position}\t{position + 1}\t{label}\t{round(value * 1000)}\t{strand}\n"

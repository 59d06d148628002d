"""The rows of a run's table gene by gene, each gene whole, in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.errors import ChecksumError
from splicecore.genome.arrow import codes_of, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["GeneRows", "read_genes"]

Key = tuple[str, str, str]
_KEYS = ("contig", "strand", "gene_id")


@attrs.frozen(eq=False)
class GeneRows:
    """All rows of one gene.

    Attributes
    ----------
    contig, strand, gene_id
        Which gene.
    columns
        Column -> values, by rising position; texts as codes of the vocabulary.
    """

    contig: str
    strand: str
    gene_id: str
    columns: Mapping[str, npt.NDArray[Any]]

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        """Genomic, 0-based, rising."""
        return self.columns["position"]

    def scores(self, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """Columns side by side: float32, shape (rows, names)."""
        return np.stack([self.columns[name] for name in names], axis=1)


def read_genes(
    path: Path, columns: Sequence[str], ends: Mapping[Key, int], vocabularies: Mapping[str, dict[str, int]]
) -> Iterator[GeneRows]:
    """Read a table sorted by contig and position; memory follows the genes that overlap.

    Parameters
    ----------
    path
        The table.
    columns
        Numbers to read beside ``position``.
    ends
        Where genes end (genomic, exclusive), which says when a gene is whole; others are held to the end.
    vocabularies
        Column of texts to read -> code of every text met; filled as the table is read.

    Raises
    ------
    ChecksumError
        If the file is damaged.
    """
    held: dict[Key, list[GeneRows]] = {}
    wanted = [*_KEYS, "position", *columns, *vocabularies]
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                table: Any = file.read_row_group(group, columns=wanted)
                if not table.num_rows:
                    continue
                for rows in _split(table, ["position", *columns], vocabularies):
                    held.setdefault((rows.contig, rows.strand, rows.gene_id), []).append(rows)
                contig, last = table.column("contig")[-1].as_py(), table.column("position")[-1].as_py()
                whole = [key for key in held if key in ends and (key[0] != contig or ends[key] <= last)]
                yield from (_join(held.pop(key)) for key in whole)
    except (OSError, pa.ArrowInvalid) as error:
        raise ChecksumError(f"{path} is damaged: {error}", hint="run the same command again") from error
    yield from (_join(parts) for parts in held.values())


def _split(table: pa.Table, columns: Sequence[str], vocabularies: Mapping[str, dict[str, int]]) -> Iterator[GeneRows]:
    """Part the rows of a table by gene, in the order of the genes' first rows."""
    keys = [codes_of(table, name) for name in _KEYS]
    joint = np.ravel_multi_index([codes for codes, _ in keys], [len(words) for _, words in keys])
    values = {name: numbers(table, name) for name in columns}
    values |= {name: _encoded(table, name, vocabulary) for name, vocabulary in vocabularies.items()}
    distinct, first, owner = np.unique(joint, return_index=True, return_inverse=True)
    order = np.argsort(owner, kind="stable")
    bounds = np.searchsorted(owner[order], np.arange(len(distinct) + 1))
    for number in np.argsort(first).tolist():
        rows = order[bounds[number] : bounds[number + 1]]
        where = [words[codes[first[number]]] for codes, words in keys]
        yield GeneRows(where[0], where[1], where[2], {name: column[rows] for name, column in values.items()})


def _encoded(table: pa.Table, name: str, vocabulary: dict[str, int]) -> npt.NDArray[np.int64]:
    """Texts as codes of the vocabulary, which grows; a null is an empty text."""
    codes, words = codes_of(table, name)
    place = np.array([vocabulary.setdefault(word, len(vocabulary)) for word in (*words, "")], dtype=np.int64)
    return place[codes]


def _join(parts: Sequence[GeneRows]) -> GeneRows:
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in first.columns}
    return GeneRows(first.contig, first.strand, first.gene_id, columns)

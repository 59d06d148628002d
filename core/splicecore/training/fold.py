"""One division of genes into training, validation and test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.genome.arrow import codes_of, labels, numbers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SIDES", "TEST", "TRAIN", "UNUSED", "VALID", "Fold"]

UNUSED, TRAIN, VALID, TEST = -1, 0, 1, 2
SIDES: tuple[str, ...] = ("train", "valid", "test")
"""Names of the sides 0, 1, 2."""

_Ints = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class Fold:
    """Which side every gene is on.

    Attributes
    ----------
    name
        ``"fold_0"``, or the chromosome that is tested.
    side
        int8, shape (genes,): :data:`TRAIN`, :data:`VALID`, :data:`TEST`, or :data:`UNUSED` (-1).
    paralogs
        int64: rows of the tested genes that have a gene of similar sequence in training or validation.
    """

    name: str
    side: npt.NDArray[np.int8]
    paralogs: _Ints = attrs.field(factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def train(self) -> _Ints:
        """Rows of the genes to train on, rising."""
        return np.flatnonzero(self.side == TRAIN)

    @property
    def valid(self) -> _Ints:
        """Rows of the genes to stop early, calibrate and choose thresholds on, rising."""
        return np.flatnonzero(self.side == VALID)

    @property
    def test(self) -> _Ints:
        """Rows of the genes to test on, rising."""
        return np.flatnonzero(self.side == TEST)

    @property
    def unused(self) -> _Ints:
        """Rows of the genes on no side, rising."""
        return np.flatnonzero(self.side == UNUSED)

    def to_json(self, genes: pa.Table) -> dict[str, Any]:
        """Describe the sides: number of genes, bases, rows, chromosomes, gene ids (sorted); ``genes`` as split."""
        contig, contigs = codes_of(genes, "contig")
        length = numbers(genes, "end") - numbers(genes, "start")
        rows = numbers(genes, "rows") if "rows" in genes.schema.names else None
        gene_ids = np.array(labels(genes, "gene_id"), dtype=object)

        def describe(chosen: _Ints) -> dict[str, Any]:
            values: dict[str, Any] = {
                "genes": len(chosen),
                "bases": int(length[chosen].sum()),
                "contigs": sorted(contigs[code] for code in np.unique(contig[chosen]).tolist()),
                "gene_ids": sorted(gene_ids[chosen].tolist()),
            }
            return values if rows is None else {**values, "rows": int(rows[chosen].sum())}

        sides = {name: describe(getattr(self, name)) for name in (*SIDES, "unused")}
        return {"name": self.name, **sides, "test_paralogs": sorted(gene_ids[self.paralogs].tolist())}

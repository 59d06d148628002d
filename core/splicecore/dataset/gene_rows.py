"""The rows of one gene: one for each position that was assessed, and the columns that are no features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.dataset.sampling import gene_generator, sample_rows
from splicecore.dataset.schema import FACTS
from splicecore.genome.arrow import compute as pc
from splicecore.genome.arrow import numbers

if TYPE_CHECKING:
    from splicecore.dataset.config import SamplingConfig
    from splicecore.genome.genes import Gene

__all__ = ["GeneRows", "gene_rows"]

_PRED_TYPES = pa.array(["TP", "FN", "FP", "TN"])
_TP, _FN, _FP, _TN = range(4)
_SITE_TYPES = pa.array(["acceptor", "donor"])
_DONOR = 1
_ANNOTATED_DONOR, _ANNOTATED_ACCEPTOR, _CALL, _NEGATIVE = range(4)


@attrs.frozen(eq=False)
class GeneRows:
    """Rows of one gene, by rising ``rel_position``, each position once.

    Attributes
    ----------
    facts
        Table of the schema :data:`~splicecore.dataset.schema.FACTS`.
    highest
        float32, shape (n,): the higher of the primary model's donor and acceptor score.
    ambiguous
        Number of positions that are annotated as acceptor and as donor.
    """

    facts: pa.Table
    highest: npt.NDArray[np.float32]
    ambiguous: int

    @property
    def index(self) -> npt.NDArray[np.int64]:
        """Offsets in transcript orientation, int64, shape (n,)."""
        rel_position: npt.NDArray[np.int64] = numbers(self.facts, "rel_position")
        return rel_position

    def without(self, positions: npt.NDArray[np.int64]) -> GeneRows:
        """Leave out the rows at genomic positions, int64, unless they are of annotated sites."""
        hidden = np.isin(numbers(self.facts, "position"), positions) & (numbers(self.facts, "label") == 0)
        if not hidden.any():
            return self
        stay: Any = pa.array(~hidden)
        return GeneRows(self.facts.filter(stay), self.highest[~hidden], self.ambiguous)

    def sample(self, gene: Gene, config: SamplingConfig) -> tuple[npt.NDArray[np.int64], pa.Table]:
        """Choose the rows that stay.

        Returns
        -------
        Numbers of the rows, int64, rising, and their facts, with the product of the probabilities of all steps.
        """
        negative = pc.equal(self.facts.column("pred_type"), "TN").to_numpy()
        sample = sample_rows(self.index, negative, self.highest, config, gene_generator(config.seed, gene))
        taken: Any = pa.array(sample.rows)
        facts = self.facts.take(taken)
        column = facts.schema.get_field_index("inclusion_prob")
        product: Any = pa.array(numbers(facts, "inclusion_prob") * sample.inclusion_prob)
        return sample.rows, facts.set_column(column, FACTS.field("inclusion_prob"), product)


def gene_rows(positions: pa.Table) -> GeneRows:
    """Make one row for each position of a gene.

    Where a gene's assessment has several rows at a position, one stays: that of an annotated site before that of a
    call, that of a call before that of a true negative. Of two sites the donor's stays, and the position counts as
    ambiguous; of two calls the one with the higher score, the acceptor's if they are equal.

    Parameters
    ----------
    positions
        Table of positions of one gene, of the schema :data:`~splicecore.assess.schemas.POSITIONS`, in any order.
    """
    rel_position = numbers(positions, "rel_position")
    kind = _codes(positions, "pred_type", _PRED_TYPES)
    site = _codes(positions, "site_type", _SITE_TYPES)
    annotated = (kind == _TP) | (kind == _FN)
    rank = np.where(kind == _TN, _NEGATIVE, _CALL)
    rank[annotated] = np.where(site[annotated] == _DONOR, _ANNOTATED_DONOR, _ANNOTATED_ACCEPTOR)
    order = np.lexsort((site, -numbers(positions, "score"), rank, rel_position))
    first = np.flatnonzero(np.diff(rel_position[order], prepend=-1))
    rows = order[first]
    taken: Any = pa.array(rows)
    acceptors, donors = (rel_position[rank == wanted] for wanted in (_ANNOTATED_ACCEPTOR, _ANNOTATED_DONOR))
    kept = positions.take(taken)
    label: Any = pa.array(np.where(annotated[rows], site[rows] + 1, 0).astype(np.int8))
    columns = {name: kept.column(name) for name in FACTS.names if name != "label"} | {"label": label}
    return GeneRows(
        pa.Table.from_arrays([columns[name] for name in FACTS.names], schema=FACTS),
        np.maximum(numbers(kept, "donor_score"), numbers(kept, "acceptor_score")),
        len(np.intersect1d(acceptors, donors)),
    )


def _codes(table: pa.Table, name: str, values: pa.Array[Any]) -> npt.NDArray[np.int64]:
    """Place of each value among ``values``; -1 for null."""
    found = pc.index_in(table.column(name).cast(pa.string()), value_set=values)
    codes: npt.NDArray[np.int64] = found.fill_null(-1).to_numpy().astype(np.int64)
    return codes

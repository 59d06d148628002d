"""The tables of a run with a meta-model: all positions, and those that the meta-model was asked about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.inference.gene_part import BASE, COLUMNS, FINAL, RAW, GeneFacts
from splicecore.predict.gene_table import GeneTable
from splicecore.predict.parts import part_path
from splicecore.predict.table import ScoreTable

if TYPE_CHECKING:
    from splicecore.plugins.protocols import Scores

__all__ = ["CompleteTable", "MetaTable"]

_PLACE = {name: number for number, name in enumerate(COLUMNS)}
_TEXT = pa.dictionary(pa.int32(), pa.string())
_SOURCES = ("base_model", "meta_model")


class Reasons:
    """Texts of the codes in genes' parts.

    Parameters
    ----------
    facts
        Of the genes.
    """

    def __init__(self, facts: Sequence[GeneFacts]) -> None:
        vocabulary = ["", *sorted({text for each in facts for text in each.reasons} - {""})]
        place = {text: number for number, text in enumerate(vocabulary)}
        self._vocabulary = pa.array(vocabulary, type=pa.string())
        self._place = np.zeros((len(facts), 1 + max((len(each.reasons) for each in facts), default=0)), dtype=np.int32)
        for row, each in enumerate(facts):
            self._place[row, 1 : 1 + len(each.reasons)] = [place[text] for text in each.reasons]

    def texts(self, codes: npt.NDArray[np.float32], owner: npt.NDArray[np.int64]) -> pa.Array[Any]:
        """Return the texts of rows: a dictionary array."""
        indices: Any = pa.array(self._place[owner, codes.astype(np.int64)])
        return pa.DictionaryArray.from_arrays(indices, self._vocabulary)


@attrs.frozen(kw_only=True)
class CompleteTable(ScoreTable):
    """All positions: the base models' scores as they are, calibrated, and what to use.

    Attributes
    ----------
    meta_keys
        Keys of the parts of the meta-model's run, in the order of ``genes``.
    facts
        Of these parts.
    """

    meta_keys: Sequence[str]
    facts: Sequence[GeneFacts]
    _reasons: Reasons = attrs.field(init=False, repr=False, eq=False)

    @_reasons.default
    def _reasons_of_facts(self) -> Reasons:
        return Reasons(self.facts)

    @property
    def value_fields(self) -> list[pa.Field[Any]]:
        """Scores, ``*_base``, ``*_meta``, uncertainty, and what was done about it."""
        numbers = [pa.field(name, pa.float32()) for name in (*BASE, *FINAL, "uncertainty")]
        flags = [pa.field(name, pa.bool_()) for name in ("is_uncertain", "is_adjusted")]
        texts = [pa.field(name, _TEXT) for name in ("prediction_source", "selection_reason")]
        return [*super().value_fields, *numbers, *flags, *texts]

    @property
    def conventions(self) -> dict[str, str]:
        """Those of the scores, and what the other columns are."""
        return {
            **super().conventions,
            "splicecore.schema": "complete/1",
            "splicecore.calibrated": "*_base: base scores calibrated like the meta-model's; *_meta: what to use",
        }

    def part_paths(self, index: int) -> list[Path]:
        """Files of the scores, then of the meta-model's run."""
        return [*super().part_paths(index), part_path(self.parts, self.meta_keys[index])]

    def kept(self, values: Scores) -> npt.NDArray[np.int64] | None:
        """Rows whose final score is at least ``min_score``."""
        if self.min_score is None:
            return None
        sites = values[:, self._first + _PLACE[FINAL[1]] : self._first + _PLACE[FINAL[2]] + 1]
        return np.flatnonzero(sites.max(axis=1) >= np.float32(self.min_score))

    def value_arrays(self, values: Scores, owner: npt.NDArray[np.int64]) -> Sequence[pa.Array[Any]]:
        """Arrays of :attr:`value_fields`."""
        first = self._first
        numbers = super().value_arrays(values[:, : first + _PLACE["uncertainty"] + 1], owner)
        flags = [values[:, first + _PLACE[name]] > 0 for name in ("is_uncertain", "is_adjusted")]
        adjusted: Any = pa.array(flags[1].astype(np.int32))
        source = pa.DictionaryArray.from_arrays(adjusted, pa.array(_SOURCES))
        reason = self._reasons.texts(values[:, first + _PLACE["reason"]], owner)
        return [*numbers, *(pa.array(flag) for flag in flags), source, reason]

    @property
    def _first(self) -> int:
        """Place of the first column that is not a score."""
        return len(self.outputs) + sum(len(model.outputs) for model in self.others)


@attrs.frozen(kw_only=True)
class MetaTable(GeneTable):
    """The positions that the meta-model was asked about: its probabilities, and why it was asked.

    Attributes
    ----------
    meta_keys, facts
        As of :class:`CompleteTable`.
    parts
        Folder of the parts.
    """

    meta_keys: Sequence[str]
    facts: Sequence[GeneFacts]
    parts: Path
    _reasons: Reasons = attrs.field(init=False, repr=False, eq=False)

    @_reasons.default
    def _reasons_of_facts(self) -> Reasons:
        return Reasons(self.facts)

    @property
    def criteria(self) -> tuple[str, ...]:
        """Columns of the uncertainty strategy."""
        return self.facts[0].criteria if self.facts else ()

    @property
    def value_fields(self) -> list[pa.Field[Any]]:
        """``*_meta_raw``, ``*_meta``, uncertainty, the criteria, selection_reason."""
        names = (*RAW, *FINAL, "uncertainty", *self.criteria)
        return [*(pa.field(name, pa.float32()) for name in names), pa.field("selection_reason", _TEXT)]

    @property
    def conventions(self) -> dict[str, str]:
        """What the columns are."""
        return {
            "splicecore.schema": "meta/1",
            "splicecore.coordinates": "0-based; position is genomic, rel_position the offset from the gene's 5' end",
            "splicecore.sites": "donor = last base of the exon, acceptor = first base of the exon, on either strand",
            "splicecore.calibrated": "*_meta_raw: probabilities before calibration; *_meta: calibrated, to be used",
            "splicecore.key": "build, contig, strand, position, gene_id",
            **self.metadata,
        }

    def part_paths(self, index: int) -> list[Path]:
        """File of the meta-model's run."""
        return [part_path(self.parts, self.meta_keys[index])]

    def kept(self, values: Scores) -> npt.NDArray[np.int64]:
        """Rows that the meta-model scored."""
        return np.flatnonzero(values[:, _PLACE["is_adjusted"]] > 0)

    def value_arrays(self, values: Scores, owner: npt.NDArray[np.int64]) -> Sequence[pa.Array[Any]]:
        """Arrays of :attr:`value_fields`."""
        columns = [_PLACE[name] for name in (*RAW, *FINAL, "uncertainty")]
        columns += range(len(COLUMNS), len(COLUMNS) + len(self.criteria))
        numbers = super().value_arrays(values[:, columns], owner)
        return [*numbers, self._reasons.texts(values[:, _PLACE["reason"]], owner)]

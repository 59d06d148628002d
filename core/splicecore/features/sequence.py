"""The set ``sequence``: words of k bases and the composition of a window around a position, in transcript orientation.

The window sees what the base model sees: beyond the gene's ends the genome (flank mode ``real``) or N (``n``). N is not
a base: it is in no count, no word with it is counted, and shares are of the known bases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.features.columns import Column, column_batch, column_schema
from splicecore.features.configs import SequenceConfig
from splicecore.features.words import count_words, word_codes, word_names
from splicecore.genome.encoding import C, G

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from splicecore.predict.blocks import Block

__all__ = ["Sequence", "schema"]


def schema(config: SequenceConfig) -> pa.Schema:
    """Columns of the set: what ``composition`` names, then the words of each size by alphabet."""
    composition = {column.name: column for column in _composition_columns(config.window)}
    words = (column for k in config.kmer_sizes for column in _word_columns(k, config.window))
    return column_schema((*(composition[name] for name in config.composition), *words))


def _composition_columns(window: int) -> Iterator[Column]:
    entropy = "-sum of p log2 p over the shares p of A, C, G, T among the known bases"
    yield Column("gc_content", pa.float32(), "(C + G) / known bases", "ratio", "0 to 1", nullable=True)
    yield Column("sequence_length", pa.int16(), "known bases (A, C, G, T) in the window", "bases", f"0 to {window}")
    yield Column("sequence_complexity", pa.float32(), entropy, "bits", "0 to 2", nullable=True)


def _word_columns(k: int, window: int) -> Iterator[Column]:
    for word in word_names(k):
        text = f"occurrences of {word} that lie in the window, overlapping ones included"
        yield Column(f"{k}mer_{word}", pa.int16(), text, "count", f"0 to {window - k + 1}")


class Sequence:
    """Count what is in the window around each position.

    Attributes
    ----------
    halo
        Bases beyond the gene that a block must carry: half the window.
    """

    reach = 0

    def __init__(self, config: SequenceConfig | None = None) -> None:
        self.config = SequenceConfig() if config is None else config
        self.halo = self.config.window // 2
        self._schema = schema(self.config)
        self._names = {k: [f"{k}mer_{word}" for word in word_names(k)] for k in self.config.kmer_sizes}

    def compute(self, block: Block, index: npt.NDArray[np.int64], resources: Mapping[str, Any]) -> pa.RecordBatch:  # noqa: ARG002
        """See :meth:`splicecore.api.FeatureSet.compute`."""
        window = self.config.window
        first = block.halo - window // 2
        low = int(index.min()) + first if len(index) else first
        high = int(index.max()) + first + window if len(index) else first + window
        codes, starts = block.codes[low:high], index + (first - low)
        columns: dict[str, Any] = {}
        if self.config.composition:
            columns |= _composition(count_words(codes, 4, starts, window))
        for k, names in self._names.items():
            counts = count_words(word_codes(codes, k), 4**k, starts, window - k + 1)
            columns |= zip(names, _rows(counts), strict=True)
        return column_batch(self._schema, columns)


def _rows(counts: npt.NDArray[np.int16]) -> Iterator[pa.Array[Any]]:
    """Rows of a matrix as Arrow arrays that share one buffer: thousands of columns are made at the cost of one."""
    buffer, width = pa.array(counts.ravel()), counts.shape[1]
    return (buffer.slice(first, width) for first in range(0, counts.size, width)) if width else (buffer for _ in counts)


def _composition(counts: npt.NDArray[np.int16]) -> dict[str, npt.NDArray[Any]]:
    """Columns made of the counts of A, C, G, T; shape (4, k)."""
    known = counts.sum(axis=0, dtype=np.int64)
    with np.errstate(invalid="ignore"):
        shares = counts / known
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return {
        "gc_content": shares[C] + shares[G],
        "sequence_length": known,
        "sequence_complexity": np.where(known > 0, -(shares * logs).sum(axis=0) + 0.0, np.nan),
    }

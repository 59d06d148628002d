"""The sequence around every row of a gene's positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.assess.schemas import SEQUENCES
from splicecore.genome.arrow import numbers
from splicecore.genome.encoding import N

if TYPE_CHECKING:
    from splicecore.assess.config import AssessConfig
    from splicecore.genome.encoding import Codes
    from splicecore.predict.blocks import Block

__all__ = ["analysis_sequences"]

_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
_BASES_AT_ONCE = 1 << 26


def analysis_sequences(block: Block, positions: pa.Table, config: AssessConfig) -> pa.Table:
    """Cut out the bases [rel_position - flank, rel_position + flank) of every row; N beyond what the block holds.

    Parameters
    ----------
    block
        The gene; its halo should be at least ``config.sequence_flank``, for what lies beyond it reads N.
    positions
        The gene's table of the schema :data:`~splicecore.assess.schemas.POSITIONS`, or rows of it.
    config
        ``sequence_flank``.

    Returns
    -------
    Table of the schema :data:`~splicecore.assess.schemas.SEQUENCES`, one row for one, in the same order
        Sequences are 5' to 3' on the gene's strand, all ``2 * sequence_flank`` long.
    """
    flank = config.sequence_flank
    rel = numbers(positions, "rel_position")
    columns: dict[str, Any] = {
        name: positions.column(name) for name in SEQUENCES.names if name in positions.schema.names
    }
    columns |= {
        "sequence": _windows(block.codes, rel + block.halo - flank, 2 * flank),
        "window_start": pa.chunked_array([rel - flank]),
        "window_end": pa.chunked_array([rel + flank]),
        "transcript_count": positions.column("n_transcripts"),
    }
    return pa.Table.from_arrays([columns[name] for name in SEQUENCES.names], schema=SEQUENCES)


def _windows(codes: Codes, starts: npt.NDArray[np.int64], length: int) -> pa.ChunkedArray[Any]:
    """Cut and decode windows of one length; starts may lie outside the codes."""
    letters = _LETTERS[np.pad(codes, length, constant_values=N)]
    windows = np.lib.stride_tricks.sliding_window_view(letters, length)
    starts = np.clip(starts + length, 0, len(windows) - 1)
    at_once = max(1, _BASES_AT_ONCE // length)
    chunks = [_strings(windows[starts[i : i + at_once]]) for i in range(0, len(starts), at_once)]
    return pa.chunked_array(chunks, type=pa.string())


def _strings(letters: Codes) -> pa.Array[Any]:
    """Rows of ASCII letters, shape (k, length), as strings."""
    count, length = letters.shape
    offsets: Any = np.arange(count + 1, dtype=np.int32) * np.int32(length)
    data: Any = np.ascontiguousarray(letters)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))

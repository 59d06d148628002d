"""Values, means and maxima of a signal around positions, that depend on nothing but the position.

Windows are summed in blocks that begin at multiples of their width along the contig (van Herk's scheme), so that the
floating-point result is the same whichever gene, strand or other positions it is computed for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from splicecore.tracks.signal import SignalTrack

__all__ = ["window_mean_max", "windowed_values"]

_TILE = 1 << 18

Values = npt.NDArray[np.float32]


def windowed_values(
    signal: SignalTrack, contig: str, length: int, position: npt.NDArray[np.int64], windows: Sequence[int]
) -> list[Values]:
    """Values of a signal at and around positions.

    Parameters
    ----------
    signal
        The open track.
    contig
        The reference's name.
    length
        Length of the contig in bases.
    position
        int64, shape (k,): genomic, 0-based, in any order. Beyond the contig there is no value.
    windows
        Half-widths w in bases; 0 is the position itself.

    Returns
    -------
    list of float32, shape (k,)
        For each window in order: the value (w = 0), or the mean and then the maximum of the values in
        ``[position - w, position + w]``, the bases without a value left out. NaN where there is none.
    """
    columns = [np.full(len(position), np.nan, dtype=np.float32) for w in windows for _ in range(1 if w == 0 else 2)]
    reach = max(windows)
    for rows, low, high in _tiles(position, length):
        span = max(low - reach, 0), min(high + reach, length)
        values = signal.values(contig, *span)
        offset = position[rows] - span[0]
        results: list[Values] = []
        for width in windows:
            if width == 0:
                results.append(values[offset])
            else:
                results.extend(part[offset] for part in window_mean_max(values, span[0], width))
        for column, result in zip(columns, results, strict=True):
            column[rows] = result
    return columns


def window_mean_max(values: Values, start: int, width: int) -> tuple[Values, Values]:
    """Mean and maximum in the window around every position of a span.

    Parameters
    ----------
    values
        float32, shape (n,): values of a span; NaN is missing. Windows are cut off at its ends.
    start
        Genomic position of the first, 0-based: it anchors the blocks of the summation.
    width
        Half-width w of the windows in bases.

    Returns
    -------
    mean, maximum : float32, shape (n,)
        NaN where a window has no value.
    """
    known = ~np.isnan(values)
    total = _slide(np.where(known, values, 0).astype(np.float64), start, width, np.add)
    count = _slide(known.astype(np.int64), start, width, np.add)
    highest = _slide(np.where(known, values, -np.inf).astype(np.float32), start, width, np.maximum)
    mean = np.full(len(values), np.nan, dtype=np.float64)
    np.divide(total, count, out=mean, where=count > 0)
    highest[count == 0] = np.nan
    return mean.astype(np.float32), highest


def _slide(values: npt.NDArray[Any], start: int, width: int, operation: np.ufunc) -> npt.NDArray[Any]:
    """Combine the values in ``[i - width, i + width]`` for every i, beyond the ends the operation's identity."""
    size = 2 * width + 1
    before = width + (start - width) % size
    blocks = -(-(before + len(values) + width) // size)
    identity = 0 if operation is np.add else -np.inf
    padded = np.full(blocks * size, identity, dtype=values.dtype)
    padded[before : before + len(values)] = values
    table = padded.reshape(blocks, size)
    forward = operation.accumulate(table, axis=1).reshape(-1)
    backward = operation.accumulate(table[:, ::-1], axis=1)[:, ::-1].reshape(-1)
    first = before - width
    whole = np.arange(first, first + len(values)) % size == 0
    left, right = backward[first : first + len(values)], forward[first + size - 1 : first + size - 1 + len(values)]
    return np.where(whole, left, operation(left, right))


def _tiles(position: npt.NDArray[np.int64], length: int) -> Iterator[tuple[npt.NDArray[np.int64], int, int]]:
    """Yield rows, first position and last position + 1 of the positions on the contig, tile by tile."""
    inside = np.flatnonzero((position >= 0) & (position < length))
    tile = position[inside] // _TILE
    order = np.argsort(tile, kind="stable")
    rows, tile = inside[order], tile[order]
    if not len(rows):
        return
    for part in np.split(rows, np.flatnonzero(np.diff(tile)) + 1):
        chosen = position[part]
        yield part, int(chosen.min()), int(chosen.max()) + 1

"""Words of k bases as numbers, and how often each occurs in windows."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from splicecore.genome.encoding import Codes, N

__all__ = ["count_words", "word_codes", "word_names"]

_Words = npt.NDArray[np.unsignedinteger]

_CHUNK = 1 << 20
# Nanoseconds measured in windows of 500 bases: for one word at one position of the span; for one position
# of one window; for one word of one window.
_COST_SPAN, _COST_POSITION, _COST_WORD = 2.3, 3.0, 2.6


def word_names(k: int) -> list[str]:
    """Words of k bases in the order of their codes: ``AA, AC, AG, ...``."""
    return ["".join(letters) for letters in itertools.product("ACGT", repeat=k)]


def word_codes(codes: Codes, k: int) -> _Words:
    """Words that begin at each position, read as numbers of base 4, the first letter being the highest digit.

    Parameters
    ----------
    codes
        Bases, uint8, shape (n,).
    k
        Length of a word.

    Returns
    -------
    Unsigned integers, shape (n - k + 1,): 0 to 4**k - 1, and 4**k for words with N
    """
    count = len(codes) - k + 1
    if k == 1:
        return codes
    dtype = np.min_scalar_type(4**k)
    words = np.zeros(count, dtype=dtype)
    unknown = np.zeros(count, dtype=np.bool_)
    for first in range(k):
        letters = codes[first : first + count]
        words *= 4
        words += letters
        unknown |= letters == N
    words[unknown] = 4**k
    return words


def count_words(words: _Words, size: int, starts: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.int16]:
    """Count each word in windows.

    Parameters
    ----------
    words
        Of :func:`word_codes`, shape (n,); ``size`` and above are not counted.
    size
        Number of different words.
    starts
        int64, shape (k,): first word of each window, in any order; each at least 0 and at most n - width.
    width
        Words in each window, at most 32,767.

    Returns
    -------
    int16, shape (size, k), each row contiguous
    """
    if not len(starts):
        return np.empty((size, 0), dtype=np.int16)
    low, high = int(starts.min()), int(starts.max()) + width
    by_span = (high - low) * size * _COST_SPAN
    by_window = len(starts) * (width * _COST_POSITION + size * _COST_WORD)
    if by_span <= by_window:
        return _count_by_sums(words[low:high], size, starts - low, width)
    return _count_by_windows(words, size, starts, width)


def _count_by_sums(words: _Words, size: int, starts: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.int16]:
    """Differences of running counts, a word at a time. They wrap around at 65,536; their differences are right."""
    contiguous = len(starts) == len(words) - width + 1 and bool((np.diff(starts) == 1).all())
    ends = starts + width
    counts = np.empty((size, len(starts)), dtype=np.uint16)
    running = np.zeros(len(words) + 1, dtype=np.uint16)
    for word in range(size):
        np.cumsum(words == word, dtype=np.uint16, out=running[1:])
        if contiguous:
            np.subtract(running[width:], running[:-width], out=counts[word])
        else:
            np.subtract(running.take(ends), running.take(starts), out=counts[word])
    return counts.view(np.int16)


def _count_by_windows(words: _Words, size: int, starts: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.int16]:
    """One histogram for each window, some windows at a time."""
    counts = np.empty((size, len(starts)), dtype=np.int16)
    rows = max(1, _CHUNK // (width + size))
    offsets = np.arange(width)
    for first in range(0, len(starts), rows):
        chunk = starts[first : first + rows]
        found = words[chunk[:, None] + offsets].astype(np.int64)
        found += (np.arange(len(chunk)) * (size + 1))[:, None]
        histogram = np.bincount(found.ravel(), minlength=len(chunk) * (size + 1))
        counts[:, first : first + rows] = histogram.reshape(len(chunk), size + 1)[:, :size].T
    return counts

"""The hierarchy of a GFF3 file: features by their ID, and who is whose Parent, in arrays."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.genome.arrow import compute as pc

__all__ = ["CycleError", "Hierarchy", "Links", "climb", "decoded"]

_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]
_DEEPEST = 32


class CycleError(Exception):
    """Features that are their own ancestors; ``node`` is one of them."""

    def __init__(self, node: int) -> None:
        super().__init__(node)
        self.node = node


def decoded(values: Any) -> Any:
    """Strings (array or chunked array) without percent-encoding."""
    if not pc.any(pc.match_substring(values, "%"), min_count=0).as_py():
        return values
    words = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    coded = pc.dictionary_encode(words)
    plain: Any = pa.array([None if word is None else unquote(word) for word in coded.dictionary.to_pylist()])
    return plain.cast(pa.string()).take(coded.indices)


@attrs.frozen(eq=False)
class Links:
    """A list of numbers for each of some keys (0, 1, ...).

    Attributes
    ----------
    starts
        int64, shape (keys + 1,): where the list of each key begins in ``values``.
    values
        int64: the lists, one after another.
    """

    starts: _Ints
    values: _Ints

    @classmethod
    def by_key(cls, keys: _Ints, count: int) -> Links:
        """Rows of each key: ``keys[row]`` is the key of a row."""
        starts = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=count))])
        return cls(starts, np.argsort(keys, kind="stable"))

    def expand(self, keys: _Ints) -> tuple[_Ints, _Ints]:
        """Write out the lists of some keys.

        Returns
        -------
        origin, value : int64, same shape
            ``value`` is of the list of ``keys[origin]``.
        """
        counts = self.starts[keys + 1] - self.starts[keys]
        origin = np.repeat(np.arange(len(keys)), counts)
        within = np.arange(len(origin)) - np.repeat(np.cumsum(counts) - counts, counts)
        return origin, self.values[np.repeat(self.starts[keys], counts) + within]


@attrs.frozen(eq=False)
class Hierarchy:
    """Features by ID. A node is an ID; several rows may have it.

    Attributes
    ----------
    ids
        Each ID once, strings; a node is an index into them.
    node
        int64: node of each row.
    first
        int64: first row of each node.
    rows
        Rows of each node.
    """

    ids: Any
    node: _Ints
    first: _Ints
    rows: Links

    @classmethod
    def of(cls, ids: Any) -> Hierarchy:
        """Make nodes of the IDs of rows (array of strings, no nulls)."""
        coded = pc.dictionary_encode(ids)
        node = coded.indices.to_numpy().astype(np.int64)
        rows = Links.by_key(node, len(coded.dictionary))
        return cls(coded.dictionary, node, rows.values[rows.starts[:-1]], rows)

    def resolve(self, parents: Any) -> Links:
        """Nodes that values of ``Parent`` name (array of strings, as in the file); -1 for an ID that no row has."""
        lists = pc.split_pattern(pc.fill_null(parents, ""), ",")
        named = decoded(pc.utf8_trim_whitespace(lists.flatten()))
        found = pc.index_in(named, value_set=self.ids).fill_null(-1).to_numpy().astype(np.int64)
        owner = pc.list_parent_indices(lists).to_numpy()
        real = pc.not_equal(named, "").to_numpy(zero_copy_only=False)
        counts = np.bincount(owner[real], minlength=len(lists))
        return Links(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), found[real])


def climb(parents: Links, start: _Ints, summit: _Bools) -> tuple[_Ints, _Ints]:
    """Go up from nodes to their nearest ancestors that are summits, or else to those without parents.

    Parameters
    ----------
    parents
        Parents of each node.
    start
        Nodes to go up from; one that is a summit stays where it is.
    summit
        Which nodes are summits.

    Returns
    -------
    start, top : int64, same shape
        Pairs, each once; a node of several parents may have several tops. A parent that does not exist is -1 and a top.

    Raises
    ------
    CycleError
        If the way up has no end.
    """
    origin, current = start, start
    pairs: list[tuple[_Ints, _Ints]] = []
    summit_or_unknown = np.append(summit, True)
    has_parents = np.append(np.diff(parents.starts) > 0, False)
    for _ in range(_DEEPEST):
        done = summit_or_unknown[current] | ~has_parents[current]
        pairs.append((origin[done], current[done]))
        origin, current = origin[~done], current[~done]
        if not len(current):
            found = np.unique(np.concatenate([np.stack(pair, axis=1) for pair in pairs]), axis=0)
            return found[:, 0], found[:, 1]
        step, current = parents.expand(current)
        origin = origin[step]
    raise CycleError(int(origin[0]))

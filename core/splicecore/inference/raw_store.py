"""A meta-model's probabilities of positions, kept from run to run, so that no position is scored twice."""

from __future__ import annotations

import contextlib
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.artifacts.store import make_folder
from splicecore.errors import OutputError
from splicecore.predict.parts import PartReader, part_path, write_part
from splicecore.predict.score_store import ScoreStore

__all__ = ["RawStore"]

Raw = npt.NDArray[np.float32]
_COLUMNS = ("neither", "acceptor", "donor")


@attrs.frozen(kw_only=True)
class RawStore:
    """Probabilities before calibration, a file a gene, NaN where a position was never scored; JSON-able.

    A file is named by the key of everything that decides its values but for which positions it has, so what a run with
    one selection scored serves another.

    Attributes
    ----------
    cache
        Folder of bounded size; None for none.
    limit
        Bytes that it may hold; 0 keeps nothing.
    kept
        Folder that is never trimmed; None for none.
    """

    cache: str | None = None
    limit: int = 0
    kept: str | None = None

    def read(self, key: str, length: int) -> Raw:
        """Return what is known of a gene: float32, shape (length, 3), NaN where nothing is."""
        path = self._files.find(key, length)
        if path is None:
            return np.full((length, len(_COLUMNS)), np.nan, dtype=np.float32)
        with PartReader(path) as part:
            return np.array(part.read(0, length))

    def write(self, key: str, raw: Raw) -> None:
        """Replace what is known of a gene; a cache that cannot be written costs time later, nothing else.

        Raises
        ------
        OutputError
            If :attr:`kept` cannot be written.
        """
        if self.kept is not None:
            write_part(part_path(make_folder(Path(self.kept)), key), key, _COLUMNS, [raw])
        if self.cache is not None and self.limit > 0:
            with contextlib.suppress(OutputError):
                write_part(part_path(make_folder(Path(self.cache) / key[:2]), key), key, _COLUMNS, [raw])

    def trim(self) -> None:
        """Drop the files of the cache that were not used for the longest time, if it is over its limit."""
        self._files.trim()

    @property
    def _files(self) -> ScoreStore:
        return ScoreStore(
            cache=None if self.cache is None else Path(self.cache),
            limit=self.limit,
            kept=None if self.kept is None else Path(self.kept),
        )

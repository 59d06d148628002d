"""Score parts that outlive a run, found by key: of earlier passes in the data root, and of a cache of bounded size.

A key says everything that decides a gene's scores, so a part is as good as scoring again wherever it lies. Parts are
taken into a run's folder as hard links (copies between file systems), so that nothing that happens to a store later
can harm the run.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import attrs

from splicecore.artifacts.store import atomic_path, make_folder
from splicecore.errors import ChecksumError, ConfigError
from splicecore.predict.parts import PartReader, part_path

__all__ = ["ScoreStore", "cache_limit", "holds_part", "link_or_copy"]

logger = logging.getLogger(__name__)

_LIMIT = "SPLICECORE_CACHE_LIMIT_GB"
_DEFAULT_LIMIT_GB = 20.0
_FULL, _TRIMMED = 1.0, 0.8


def cache_limit() -> int:
    """Bytes of scores that the cache may hold: ``SPLICECORE_CACHE_LIMIT_GB``, 20 GB unless it is set.

    Raises
    ------
    ConfigError
        If the variable is no number, or negative.
    """
    text = os.environ.get(_LIMIT, "").strip()
    try:
        limit = float(text) if text else _DEFAULT_LIMIT_GB
    except ValueError:
        limit = -1.0
    if not 0 <= limit < math.inf:
        raise ConfigError(f"{_LIMIT} is {text!r}; it must be a number of gigabytes, 0 for no cache of scores")
    return int(limit * 1e9)


def holds_part(path: Path, key: str, length: int) -> bool:
    """Whether a file is a whole part of this key with so many rows, down to its checksums.

    A damaged one is reported and is none.
    """
    if not path.exists():
        return False
    try:
        with PartReader(path) as part:
            if part.key != key or part.length != length:
                return False
            part.verify()
            return True
    except ChecksumError as error:
        logger.warning("%s; it is not used", error.message)
        return False


@attrs.frozen(kw_only=True)
class ScoreStore:
    """Where parts are looked for, and where new ones are left.

    Attributes
    ----------
    folders
        Folders of parts that are only read.
    cache
        Folder that new parts are left in and that is trimmed to ``limit``; None for none.
    limit
        Bytes.
    kept
        Folder that new parts are left in for good and that is looked into first; None for none.
    """

    folders: Sequence[Path] = ()
    cache: Path | None = None
    limit: int = 0
    kept: Path | None = None

    def take(self, key: str, length: int, target: Path) -> bool:
        """Put the part of a key into a run's folder; returns whether there is one."""
        path = self.find(key, length)
        if path is None:
            return False
        link_or_copy(path, part_path(target, key))
        self._keep_for_good(key, path)
        return True

    def find(self, key: str, length: int) -> Path | None:
        """Find the whole part of a key; one of the cache counts as used now."""
        for path in self._places(key):
            if holds_part(path, key, length):
                if self.cache is not None and path.is_relative_to(self.cache):
                    with contextlib.suppress(OSError):
                        _mark(path).touch()
                return path
        return None

    def has(self, key: str) -> bool:
        """Whether a place has a file of a key, whole or not."""
        return any(path.exists() for path in self._places(key))

    def keep(self, key: str, source: Path) -> None:
        """Leave a run's part in the cache; a cache that cannot be written costs time later, nothing else.

        Raises
        ------
        OutputError
            If :attr:`kept` cannot be written.
        """
        self._keep_for_good(key, part_path(source, key))
        if self.cache is None or self.limit <= 0:
            return
        path = self._cached(key)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                link_or_copy(part_path(source, key), path)

    def trim(self) -> int:
        """Drop the parts of the cache that were not used for the longest time, if it is over its limit.

        Returns
        -------
        Bytes that were dropped.
        """
        if self.cache is None or not self.cache.is_dir():
            return 0
        entries = []
        for path in self.cache.glob("*/*.parquet"):
            with contextlib.suppress(OSError):
                status = path.stat()
                entries.append((_last_use(path, status.st_mtime_ns), status.st_size, path))
        excess = sum(size for _, size, _ in entries) - self.limit * _FULL
        if excess <= 0:
            return 0
        excess += self.limit * (_FULL - _TRIMMED)
        dropped = 0
        for _, size, path in sorted(entries):
            if dropped >= excess:
                break
            with contextlib.suppress(OSError):
                _mark(path).unlink(missing_ok=True)
                path.unlink()
                dropped += size
        logger.info("dropped %d MB of the oldest scores from %s", dropped // 1_000_000, self.cache)
        return dropped

    def _keep_for_good(self, key: str, part: Path) -> None:
        if self.kept is not None and part.parent != self.kept:
            link_or_copy(part, part_path(make_folder(self.kept), key))

    def _places(self, key: str) -> list[Path]:
        kept = () if self.kept is None else (self.kept,)
        places = [part_path(folder, key) for folder in (*kept, *self.folders)]
        return places if self.cache is None else [*places, self._cached(key)]

    def _cached(self, key: str) -> Path:
        return part_path(Path(str(self.cache)) / key[:2], key)


def _mark(path: Path) -> Path:
    """File whose time says when a part of the cache was used last; the part's own may be that of a result."""
    return path.with_suffix(".used")


def _last_use(path: Path, written: int) -> int:
    with contextlib.suppress(OSError):
        return max(written, _mark(path).stat().st_mtime_ns)
    return written


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it where that cannot be; the target appears whole or not at all."""
    with contextlib.suppress(OSError):
        target.unlink(missing_ok=True)
        os.link(source, target)
        return
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)

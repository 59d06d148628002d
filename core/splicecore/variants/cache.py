"""Scores of alleles that were computed before, found by what decides them; shared by all who score variants.

One SQLite file. Several processes may use it at a time, also on a file system of the network: it keeps a rollback
journal, and a block's scores are written in one transaction. A cache that is busy or cannot be written costs time,
nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import sqlite3
import struct
from typing import TYPE_CHECKING, Any, Self

import attrs

from splicecore.artifacts.store import canonical_json, make_folder
from splicecore.errors import ChecksumError, OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from splicecore.variants.alleles import Variant

__all__ = ["CachedScores", "ScoreCache", "allele_key"]

logger = logging.getLogger(__name__)

_FILE = "variant_scores.sqlite"
_WAIT = 60.0
_AT_A_TIME = 500
_NUMBERS = struct.Struct("<4d4q8d")


@attrs.frozen
class CachedScores:
    """Scores of an allele in a transcript by a base model.

    Attributes
    ----------
    deltas, positions
        AG, AL, DG, DL: delta scores, and offsets from POS in bases (genomic).
    raw
        Scores of REF and ALT at these positions: REF's four, then ALT's four.
    flags
        What is to be known about them.
    """

    deltas: tuple[float, ...]
    positions: tuple[int, ...]
    raw: tuple[float, ...]
    flags: tuple[str, ...]

    def pack(self) -> bytes:
        """Return the scores as bytes, with a checksum."""
        body = _NUMBERS.pack(*self.deltas, *self.positions, *self.raw) + ",".join(self.flags).encode()
        return hashlib.blake2b(body, digest_size=4).digest() + body

    @classmethod
    def unpack(cls, packed: bytes) -> CachedScores | None:
        """Return what :meth:`pack` was given, or None if it is damaged."""
        check, body = packed[:4], packed[4:]
        if len(body) < _NUMBERS.size or hashlib.blake2b(body, digest_size=4).digest() != check:
            return None
        numbers = _NUMBERS.unpack(body[: _NUMBERS.size])
        flags = body[_NUMBERS.size :].decode()
        return cls(numbers[:4], numbers[4:8], numbers[8:], tuple(flags.split(",")) if flags else ())


def allele_key(base: bytes, variant: Variant) -> bytes:
    """Key of an allele's scores.

    Parameters
    ----------
    base
        Hash of all that decides them but for the allele: model, genome, transcript, rules.
    variant
        The allele.
    """
    text = f"{variant.position}:{variant.ref}:{variant.alt}"
    return hashlib.sha256(base + text.encode()).digest()[:16]


def base_key(decides: Mapping[str, Any]) -> bytes:
    """Hash a JSON value of what decides the scores of alleles."""
    return hashlib.sha256(canonical_json(decides)).digest()


class ScoreCache:
    """A cache in a folder; a context manager.

    Parameters
    ----------
    folder
        Made where it does not exist.

    Raises
    ------
    OutputError
        If the folder cannot be made, or its file neither opened nor made.
    ChecksumError
        If its file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.path = make_folder(folder) / _FILE
        self._complained = False
        try:
            self._database = sqlite3.connect(self.path, timeout=_WAIT, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise OutputError(f"cache {self.path} cannot be used: {error}", hint="choose another --cache") from error
        with self._guard():
            self._database.execute("CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")

    def find(self, keys: Sequence[bytes]) -> dict[bytes, CachedScores]:
        """Return the scores that are there, by key."""
        found = {}
        with self._guard():
            for start in range(0, len(keys), _AT_A_TIME):
                part = keys[start : start + _AT_A_TIME]
                marks = ",".join("?" * len(part))
                query = f"SELECT key, value FROM scores WHERE key IN ({marks})"  # noqa: S608 - question marks only
                for key, value in self._database.execute(query, part):
                    scores = CachedScores.unpack(value)
                    if scores is not None:
                        found[key] = scores
        return found

    def keep(self, scores: Mapping[bytes, CachedScores]) -> None:
        """Add scores; of a key that is there already the newer ones stay."""
        if not scores:
            return
        with self._guard(), self._transaction():
            self._database.executemany(
                "INSERT OR REPLACE INTO scores VALUES (?, ?)", ((key, value.pack()) for key, value in scores.items())
            )

    @contextlib.contextmanager
    def _transaction(self) -> Any:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _guard(self) -> Any:
        """Go on without the cache where it is busy or cannot be written; a damaged file is an error."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if not self._complained:
                logger.warning("cache %s is not used for some variants: %s", self.path, error)
            self._complained = True
        except sqlite3.DatabaseError as error:
            raise ChecksumError(f"cache {self.path} is damaged: {error}", hint="remove the file") from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

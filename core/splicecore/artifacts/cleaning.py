"""Removing old tests."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import attrs

from splicecore.artifacts.layout import test_of_pass
from splicecore.artifacts.pass_record import PassRecord
from splicecore.artifacts.promotion import move_away
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.errors import ConfigError, OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Cleaning", "clean_tests"]

logger = logging.getLogger(__name__)


@attrs.frozen
class Cleaning:
    """What was removed, or would be.

    Attributes
    ----------
    removed
        Tests, oldest first.
    kept
        Tests beyond the number to keep that stay, with the reason.
    """

    removed: tuple[PassRecord, ...] = ()
    kept: tuple[tuple[PassRecord, str], ...] = ()


def clean_tests(tests: Sequence[PassRecord], keep: int, *, dry_run: bool, force: bool) -> Cleaning:
    """Remove the tests that were written longest ago.

    Parameters
    ----------
    tests
        All tests of a base model.
    keep
        How many stay: those written last.
    dry_run
        Remove nothing, only say what would be.
    force
        Remove unfinished and damaged tests too. A test that a process is writing, or that belongs to another base
        model or build, always stays.

    Raises
    ------
    ConfigError
        If ``keep`` is negative.
    OutputError
        If a folder cannot be removed.
    """
    if keep < 0:
        raise ConfigError(f"keep is {keep}; it cannot be negative")
    oldest_first = sorted(tests, key=lambda test: (test.modified, test.name))
    removed, kept = [], []
    for test in oldest_first[: max(0, len(tests) - keep)]:
        reason = _why_kept(test, force=force)
        if reason is None and not dry_run:
            reason = _remove(test)
        if reason is None:
            removed.append(test)
        else:
            kept.append((test, reason))
    return Cleaning(tuple(removed), tuple(kept))


def _why_kept(test: PassRecord, *, force: bool) -> str | None:
    if test_of_pass(test.folder).is_symlink():
        return "is a link"
    if test.running:
        return "is being written"
    if test.state == "foreign":
        return str(test.problem)
    if test.state != "finished" and not force:
        return f"is {test.state}; --force removes it"
    return None


def _remove(test: PassRecord) -> str | None:
    """Remove a test, holding its folder; returns the reason if a process holds it."""
    with contextlib.ExitStack() as stack:
        for folder in (test.folder, *test.shards):
            if folder.is_dir():
                try:
                    stack.enter_context(RunDirectory(folder).locked())
                except OutputError as error:
                    return error.message
        move_away(test_of_pass(test.folder))
    logger.info("removed test %s", test.name)
    return None

"""What is on its way out of the public interface: since when, until when, and what to use instead."""

from __future__ import annotations

import attrs
from packaging.version import Version

__all__ = ["Deprecation"]

MINOR_RELEASES = 2
"""How many minor releases, the one that deprecates included, still have what is deprecated."""


@attrs.frozen(kw_only=True)
class Deprecation:
    """A part of the public interface that later versions will not have, or that is gone.

    Attributes
    ----------
    what
        Its name, as messages write it: ``"the hook splicecore_x"``.
    since
        Version of splicecore that deprecates it, ``"0.2"``.
    until
        First version without it: at least two minor releases later, and from 1.0 on a major one.
    instead
        What to use in its place, as a phrase: ``"use splicecore_y"``.

    Raises
    ------
    ValueError
        If ``until`` is sooner than promised.
    """

    what: str
    since: str
    until: str = attrs.field()
    instead: str

    @until.validator
    def _check_until(self, _: object, until: str) -> None:
        first, last = Version(self.since), Version(until)
        patient = last.major > first.major or (first.major == 0 and last.minor >= first.minor + MINOR_RELEASES)
        if not patient:
            raise ValueError(f"{self.what}: deprecated in {self.since}, it cannot go away in {until} already")

    @property
    def message(self) -> str:
        """What those are told who still use it, in one line."""
        return f"{self.what} is deprecated since splicecore {self.since} and goes away in {self.until}: {self.instead}"

    @property
    def removal(self) -> str:
        """What those are told who use it when it is gone, in one line."""
        return f"{self.what} is gone since splicecore {self.until}: {self.instead}"

    def warning(self) -> DeprecationWarning:
        """Return the warning, for ``warnings.warn`` and ``hookspec(warn_on_impl=...)``."""
        return DeprecationWarning(self.message)

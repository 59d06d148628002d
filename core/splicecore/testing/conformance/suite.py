"""What the conformance classes of all kinds of plugins have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from splicecore.testing.conformance.case import CheckSkipped, expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ConformanceSuite", "run_check"]

Case = TypeVar("Case")


def run_check(check: Callable[[Case], None], case: Case) -> None:
    """Run a check as a pytest test: one that does not apply is skipped with its reason."""
    try:
        check(case)
    except CheckSkipped as reason:
        pytest.skip(str(reason))


class ConformanceSuite:
    """Base of the suites; a class that names it as a direct base holds the standard tests of one kind of plugin."""

    def test_no_standard_test_is_replaced(self) -> None:
        """Inherited tests are what they are, unless marked as expected failures with a reason."""
        for name, standard in _standard_tests(type(self)):
            own = getattr(type(self), name)
            if own is standard:
                continue
            marks = [mark for mark in getattr(own, "pytestmark", ()) if mark.name == "xfail"]
            reasoned = any(mark.kwargs.get("strict") and mark.kwargs.get("reason") for mark in marks)
            expect(reasoned, f"{name} replaces a standard test without @pytest.mark.xfail(strict=True, reason=...)")


def _standard_tests(cls: type) -> Iterator[tuple[str, object]]:
    for suite in cls.__mro__:
        if suite is ConformanceSuite or ConformanceSuite in suite.__bases__:
            yield from ((name, value) for name, value in vars(suite).items() if name.startswith("test_"))

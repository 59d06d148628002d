"""Models with one mistake each, by the mistake's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.testing.fakes import CompleteMotifModel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Faults"]


class Faults(dict[str, type[CompleteMotifModel]]):
    """Models by the name of the mistake that each makes."""

    def named(self, name: str) -> Callable[[type[CompleteMotifModel]], type[CompleteMotifModel]]:
        """Return a decorator that takes a class up under a name."""

        def register(model: type[CompleteMotifModel]) -> type[CompleteMotifModel]:
            self[name] = model
            return model

        return register

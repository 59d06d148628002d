"""Several base models as one: the mean of their probabilities, position by position."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import attrs
import numpy as np

from splicecore.artifacts.store import digest
from splicecore.errors import ConfigError
from splicecore.plugins.specs import OUTPUTS
from splicecore.variants.full_windows import edit_scoring

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from splicecore.genome.encoding import Codes
    from splicecore.plugins.protocols import BaseModel, Edit, Scores

__all__ = ["AverageModel"]


class AverageModel:
    """A base model that is the mean of others, so that variants are scored by averaged tracks.

    Parameters
    ----------
    models
        Opened, at least one, of equal context and window. They are closed with this one.

    Raises
    ------
    ConfigError
        If there is none, or they need different context.
    """

    def __init__(self, models: Sequence[BaseModel]) -> None:
        if not models:
            raise ConfigError("there is no base model to average")
        first = models[0].spec
        for model in models:
            geometry = (model.spec.left, model.spec.right, model.spec.output_length)
            if geometry != (first.left, first.right, first.output_length):
                raise ConfigError(
                    f"base models {first.name} and {model.spec.name} cannot be averaged: their windows differ"
                )
        self._models = tuple(models)
        self._edit_scoring = [edit_scoring(model) for model in models]
        self.spec = attrs.evolve(
            first,
            name="-".join(["mean", *(model.spec.name for model in models)]),
            outputs=OUTPUTS,
            position_invariant=all(model.spec.position_invariant for model in models),
            max_positions=min(model.spec.max_positions for model in models),
            tolerance=max(model.spec.tolerance for model in models),
        )
        self.fingerprint = digest(["mean", *(model.fingerprint for model in models)])

    def predict(self, codes: Codes) -> Scores:
        """Score positions; see :meth:`splicecore.plugins.protocols.BaseModel.predict`."""
        return _mean([model.predict(codes) for model in self._models])

    def predict_edits(self, codes: Codes, edits: Sequence[Edit], radius: int) -> list[Scores]:
        """Score edited sequences; see :meth:`splicecore.variants.full_windows.FullWindows.predict_edits`."""
        each = [score(codes, edits, radius) for score in self._edit_scoring]
        return [_mean(list(scores)) for scores in zip(*each, strict=True)]

    def close(self) -> None:
        """Close the models. May be called twice."""
        with contextlib.ExitStack() as stack:
            for model in self._models:
                stack.callback(model.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _mean(scores: list[Scores]) -> Scores:
    total = np.zeros((*scores[0].shape[:-1], len(OUTPUTS)), dtype=np.float64)
    for each in scores:
        total += each[..., : len(OUTPUTS)]
    mean: Scores = (total / len(scores)).astype(np.float32)
    return mean

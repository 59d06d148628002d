"""A tiny meta-model that does everything right, and one that does a single thing wrong for every conformance check."""

from __future__ import annotations

import hashlib
import json
import pickle
import random
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import ChecksumError, InputError
from splicecore.plugins.specs import MetaModelSpec

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from splicecore.testing.conformance.meta_case import Batch

__all__ = ["BAYES_SPEC", "META_FAULTS", "BayesModel", "BayesSettings", "open_bayes_model"]

Matrix = npt.NDArray[np.float32]


@attrs.frozen(kw_only=True)
class BayesSettings:
    """Settings of the model; ``fault`` is a key of :data:`META_FAULTS`."""

    fault: str | None = None


class BayesModel:
    """Gaussian naive Bayes that passes over missing values."""

    def __init__(self, config: BayesSettings | None = None) -> None:
        self.config = config or BayesSettings()
        self.state: dict[str, Any] = {}

    def fit(self, batches: Iterable[Batch], valid: Iterable[Batch] | None, seed: int) -> None:  # noqa: ARG002
        """Fit; see :meth:`splicecore.plugins.protocols.MetaModel.fit`."""
        count = total = square = present = np.zeros(1)
        for features, classes, weight in batches:
            there = ~np.isnan(features)
            values = np.where(there, features, 0).astype(np.float64)
            member = (classes[:, None] == np.arange(3)) * self._weight(weight)[:, None]
            count, present = count + member.sum(axis=0), present + member.T @ there
            total, square = total + member.T @ values, square + member.T @ values**2
        present = np.maximum(present, 1e-12)
        mean = total / present
        variance = np.maximum(square / present - mean**2, 1e-6)
        prior = np.log((count + 1) / (count.sum() + 3))
        self.state = {"mean": mean, "variance": variance, "prior": prior}

    def contributions(self, features: Matrix) -> Matrix:
        """Return log-likelihoods; see :meth:`splicecore.plugins.protocols.MetaModel.contributions`."""
        mean, variance, prior = (self.state[name] for name in ("mean", "variance", "prior"))
        each = -0.5 * ((features[:, None, :] - mean) ** 2 / variance + np.log(2 * np.pi * variance))
        each -= each.mean(axis=1, keepdims=True)
        bias = np.broadcast_to(prior[:, None], (len(features), 3, 1))
        return np.concatenate([self._without_missing(each), bias], axis=2).astype(np.float32)

    def predict_proba(self, features: Matrix) -> Matrix:
        """Predict; see :meth:`splicecore.plugins.protocols.MetaModel.predict_proba`."""
        self._check_width(features)
        return self._probabilities(features)

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write ``bayes.json``: the numbers and their digest."""
        numbers = {name: values.tolist() for name, values in self.state.items()}
        text = json.dumps({"numbers": numbers, "digest": _digest(numbers), **self._extra()}, sort_keys=True)
        Path(directory, "bayes.json").write_text(text, encoding="utf-8")

    def load(self, directory: str | os.PathLike[str]) -> None:
        """Read what :meth:`save` wrote; ChecksumError if it is damaged."""
        try:
            values = json.loads(Path(directory, "bayes.json").read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ChecksumError(f"bayes.json is damaged: {error}") from error
        if values["digest"] != _digest(values["numbers"]):
            raise ChecksumError("bayes.json was changed")
        self.state = {name: np.array(numbers) for name, numbers in values["numbers"].items()}

    def _weight(self, weight: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return weight

    def _without_missing(self, each: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.nan_to_num(each, copy=False)

    def _check_width(self, features: Matrix) -> None:
        if features.ndim != 2 or features.shape[1] != self.state["mean"].shape[1]:
            raise InputError(f"features of shape {features.shape} for {self.state['mean'].shape[1]} features")

    def _probabilities(self, features: Matrix) -> Matrix:
        logit = self.contributions(features).sum(axis=2, dtype=np.float64)
        odds = np.exp(logit - logit.max(axis=1, keepdims=True))
        found: Matrix = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
        return found

    def _extra(self) -> dict[str, Any]:
        return {}


def _digest(numbers: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()


BAYES_SPEC = MetaModelSpec(
    name="fake-bayes",
    factory="splicecore.testing.meta_fakes:open_bayes_model",
    out_of_core=True,
    config_cls=BayesSettings,
    summary="naive Bayes: a stand-in for tests",
)
"""Descriptor of the good model."""

META_FAULTS: dict[str, Callable[[BayesSettings], Any]] = {}
"""Models with one mistake each, by the mistake's name."""


def open_bayes_model(config: BayesSettings | None) -> Any:
    """Make the good model, or the faulty one that the settings name."""
    settings = config or BayesSettings()
    return (BayesModel if settings.fault is None else META_FAULTS[settings.fault])(settings)


def _fault(name: str) -> Callable[[type], type]:
    def register(model: type) -> type:
        META_FAULTS[name] = model
        return model

    return register


@_fault("no save")
class _NoSave:
    def __init__(self, config: BayesSettings) -> None:
        self._model = BayesModel(config)
        self.fit, self.predict_proba = self._model.fit, self._model.predict_proba
        self.contributions, self.load = self._model.contributions, self._model.load


@_fault("float64")
class _Float64(BayesModel):
    def _probabilities(self, features: Matrix) -> Any:
        return super()._probabilities(features).astype(np.float64)


@_fault("not normalised")
class _NotNormalised(BayesModel):
    def _probabilities(self, features: Matrix) -> Matrix:
        return super()._probabilities(features) * np.array([1, 0.5, 0.5], np.float32)


@_fault("donor first")
class _DonorFirst(BayesModel):
    def _probabilities(self, features: Matrix) -> Matrix:
        return super()._probabilities(features)[:, [0, 2, 1]]


@_fault("needs validation")
class _NeedsValidation(BayesModel):
    """The checks of weights and of input fit without validation rows too."""

    def fit(self, batches: Iterable[Batch], valid: Iterable[Batch] | None, seed: int) -> None:
        if valid is None:
            raise TypeError("'NoneType' object is not iterable")
        super().fit(batches, valid, seed)


@_fault("ignores weights")
class _IgnoresWeights(BayesModel):
    def _weight(self, weight: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.ones_like(weight)


@_fault("no missing values")
class _NoMissingValues(BayesModel):
    """Missing values pass through to the probabilities; a row without one is as it should be."""

    def _probabilities(self, features: Matrix) -> Matrix:
        found = super()._probabilities(features)
        found[np.isnan(features).all(axis=1)] = np.nan
        return found


@_fault("random")
class _Random(BayesModel):
    def _probabilities(self, features: Matrix) -> Matrix:
        found, share = super()._probabilities(features), np.float32(np.random.default_rng().uniform(1e-7, 4e-7))
        return found * (1 - share) + share / 3


@_fault("batch mean")
class _BatchMean(BayesModel):
    def _probabilities(self, features: Matrix) -> Matrix:
        found = super()._probabilities(features)
        return (0.9 * found + 0.1 * found.mean(axis=0)).astype(np.float32) if len(found) else found


@_fault("empty")
class _Empty(BayesModel):
    def _probabilities(self, features: Matrix) -> Matrix:
        if not len(features):
            raise IndexError("no rows")
        return super()._probabilities(features)


@_fault("any width")
class _AnyWidth(BayesModel):
    def _check_width(self, features: Matrix) -> None:
        """Take anything."""

    def _probabilities(self, features: Matrix) -> Matrix:
        width = self.state["mean"].shape[1]
        missing = np.full((len(features), max(0, width - features.shape[1])), np.nan, np.float32)
        return super()._probabilities(np.concatenate([features[:, :width], missing], axis=1))


@_fault("no bias")
class _NoBias(BayesModel):
    def contributions(self, features: Matrix) -> Matrix:
        return super().contributions(features)[:, :, :-1]


@_fault("noisy contributions")
class _NoisyContributions(BayesModel):
    def contributions(self, features: Matrix) -> Matrix:
        found = super().contributions(features)
        return np.concatenate([found[:, :, -2::-1], found[:, :, -1:]], axis=2)


@_fault("names itself")
class _NamesItself(BayesModel):
    def _extra(self) -> dict[str, Any]:
        return {"id": uuid.uuid4().hex}


@_fault("rounds")
class _Rounds(BayesModel):
    def load(self, directory: str | os.PathLike[str]) -> None:
        super().load(directory)
        self.state = {name: np.round(values, 3) for name, values in self.state.items()}


@_fault("pickle")
class _Pickle(BayesModel):
    def save(self, directory: str | os.PathLike[str]) -> None:
        super().save(directory)
        Path(directory, "state.bin").write_bytes(pickle.dumps(sorted(self.state)))

    def load(self, directory: str | os.PathLike[str]) -> None:
        super().load(directory)
        try:
            pickle.loads(Path(directory, "state.bin").read_bytes())  # noqa: S301 - the mistake
        except Exception as error:
            raise ChecksumError(f"state.bin: {error}") from error


@_fault("bare error")
class _BareError(BayesModel):
    def load(self, directory: str | os.PathLike[str]) -> None:
        json.loads(Path(directory, "bayes.json").read_text(encoding="utf-8"))
        super().load(directory)


@_fault("writes input")
class _WritesInput(BayesModel):
    def fit(self, batches: Iterable[Batch], valid: Iterable[Batch] | None, seed: int) -> None:
        batches = list(batches)
        super().fit(batches, valid, seed)
        for features, _, _ in batches:
            if features.flags.writeable:
                features[np.isnan(features)] = 0


@_fault("read-only")
class _ReadOnly(BayesModel):
    def fit(self, batches: Iterable[Batch], valid: Iterable[Batch] | None, seed: int) -> None:
        batches = list(batches)
        for _, _, weight in batches:
            weight[...] = weight * 1.0
        super().fit(batches, valid, seed)


@_fault("prints")
class _Prints(BayesModel):
    def fit(self, batches: Iterable[Batch], valid: Iterable[Batch] | None, seed: int) -> None:
        super().fit(batches, valid, seed)
        sys.stdout.write("[info] 1 of 1\n")


@_fault("seeds")
class _Seeds(BayesModel):
    def fit(self, batches: Iterable[Batch], valid: Iterable[Batch] | None, seed: int) -> None:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the mistake
        super().fit(batches, valid, seed)

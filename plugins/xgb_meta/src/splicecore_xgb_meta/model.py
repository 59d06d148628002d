"""What all meta-models of this package have in common: checks, saving and loading."""

from __future__ import annotations

import importlib.metadata
import logging
import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from splicecore.api import OUTPUTS, InputError, PluginError

from splicecore_xgb_meta.batches import check_features
from splicecore_xgb_meta.config import Config, restored_config
from splicecore_xgb_meta.model_file import read_model, write_model

if TYPE_CHECKING:
    from splicecore_xgb_meta.batches import Batches, Survey

__all__ = ["Matrix", "Model", "usable_threads"]

Matrix = npt.NDArray[np.float32]
C = TypeVar("C", bound=Config)

log = logging.getLogger(__name__)


def usable_threads(threads: int | None) -> int:
    """Return the number of threads that is meant; None is as many as the process may use."""
    if threads is not None:
        return threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Model(ABC, Generic[C]):
    """A :class:`splicecore.api.MetaModel`; the subclasses do the work, on arrays that are checked.

    Parameters
    ----------
    config
        Hyper-parameters; None for the defaults.

    Attributes
    ----------
    training
        What training found out, JSON-able: rows by class, rounds, log loss of the validation rows. Empty before
        :meth:`fit`.
    """

    kind: ClassVar[str]
    config_cls: ClassVar[type]
    file: ClassVar[str]
    library: ClassVar[str]

    def __init__(self, config: C | None = None) -> None:
        self.config: C = self.config_cls() if config is None else config
        self.features: int | None = None
        self.training: dict[str, Any] = {}
        self._loaded: bytes | None = None

    # ------------------------------------------------------------------------------------------- what subclasses give

    @abstractmethod
    def fit(self, batches: Batches, valid: Batches | None, seed: int) -> None:
        """Fit on batches, which are gone through several times; see :class:`splicecore.api.MetaModel`.

        The same rows in the same order, config and seed give the same model, byte for byte, however the rows are
        divided into batches and whatever the number of threads. Weights are scaled to a mean of one.

        Raises
        ------
        InputError
            If rows are malformed or a class has none.
        """

    @abstractmethod
    def _probabilities(self, features: Matrix) -> npt.NDArray[Any]: ...

    @abstractmethod
    def _contributions(self, features: Matrix) -> npt.NDArray[Any]: ...

    @abstractmethod
    def _dump(self) -> bytes: ...

    @abstractmethod
    def _restore(self, content: bytes, where: str) -> None: ...

    # -------------------------------------------------------------------------------------------------- what users call

    def predict_proba(self, features: Matrix) -> Matrix:
        """Return float32 (k, 3): neither, acceptor, donor; see :class:`splicecore.api.MetaModel`."""
        given = check_features(features, self._fitted())
        if len(given) == 0:
            return np.empty((0, len(OUTPUTS)), dtype=np.float32)
        return np.ascontiguousarray(self._probabilities(given), dtype=np.float32)

    def contributions(self, features: Matrix) -> Matrix:
        """Return float32 (k, 3, features + 1); see :class:`splicecore.api.MetaModel`. They add up to the raw score."""
        given = check_features(features, self._fitted())
        if len(given) == 0:
            return np.empty((0, len(OUTPUTS), given.shape[1] + 1), dtype=np.float32)
        return np.ascontiguousarray(self._contributions(given), dtype=np.float32)

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write ``model.json`` and the model's own file into a folder that exists."""
        facts = {
            **self._facts(),
            "features": self._fitted(),
            "library": {self.library: _version(self.library)},
            "training": self.training,
        }
        write_model(
            directory,
            kind=self.kind,
            name=self.file,
            content=self._loaded or self._dump(),
            facts=facts,
            config=self.config,
        )

    def load(self, directory: str | os.PathLike[str]) -> None:
        """Read what :meth:`save` wrote. The file's hyper-parameters take the place of those given.

        Raises
        ------
        ResourceNotFoundError, PluginError, ChecksumError
            If there is no model, it is a pickle or of another kind, or a file is damaged.
        """
        facts, content = read_model(directory, kind=self.kind, name=self.file)
        wrote, have = facts.get("library", {}).get(self.library), _version(self.library)
        if wrote != have:
            log.warning("the model in %s was written with %s %s; this is %s", directory, self.library, wrote, have)
        self._restore(content, os.fspath(directory))
        self._recall(facts, os.fspath(directory))
        self.config = restored_config(self.config, facts.get("config"), os.fspath(directory))
        self.features, self.training, self._loaded = facts["features"], facts.get("training", {}), content

    def _facts(self) -> dict[str, Any]:
        """Return what :meth:`save` writes of this kind of model alone, JSON-able."""
        return {}

    def _recall(self, facts: dict[str, Any], where: str) -> None:
        """Take back :meth:`_facts`."""

    def _fitted(self) -> int:
        if self.features is None:
            raise InputError(f"the {self.kind} model is neither fitted nor loaded", hint="call fit or load first")
        return self.features

    def _note(self, survey: Survey, *, valid_log_loss: float | None = None, **found: int) -> None:
        """Record what the model was fitted on, and what came of it; the loss less digits that hang on threads."""
        self.features, self._loaded = survey.features, None
        rows = dict(zip(OUTPUTS, survey.classes, strict=True))
        self.training = {"rows": rows, **found}
        if valid_log_loss is not None:
            self.training["valid_log_loss"] = round(valid_log_loss, 9)


def _version(library: str) -> str:
    for name in (library, f"{library}-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    raise PluginError(f"{library} is not installed")

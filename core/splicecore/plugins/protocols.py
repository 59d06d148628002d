"""What the objects behind descriptors must do. NumPy in, NumPy out; the core owns coordinates, strand and tiling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    import pyarrow as pa

    from splicecore.plugins.specs import BaseModelSpec
    from splicecore.predict.blocks import Block

__all__ = [
    "BaseModel",
    "Edit",
    "EditScoring",
    "Executor",
    "FeatureSet",
    "MetaModel",
    "Scores",
    "ShardTask",
    "UncertaintyStrategy",
]

Scores = npt.NDArray[np.float32]
"""Probabilities, float32, last axis = the spec's outputs (neither, acceptor, donor, then extras)."""

Edit = tuple[int, int, npt.NDArray[np.uint8]]
"""(start, end, replacement codes): replaces ``codes[start:end]``; transcript orientation, 0-based, half-open."""


@runtime_checkable
class BaseModel(Protocol):
    """An opened base model.

    Attributes
    ----------
    spec
        The descriptor as opened. It may differ from the one that the hook yielded where the weights decide (context).
    fingerprint
        Hash of weights and settings; independent of engine, device and threads. Changes when any weight changes.
    """

    spec: BaseModelSpec
    fingerprint: str

    def predict(self, codes: npt.NDArray[np.uint8]) -> Scores:
        """Score positions.

        Parameters
        ----------
        codes
            uint8, shape (n, left + L + right): A, C, G, T, N = 0..4, on the transcribed strand, 5' to 3'. Not modified.

        Returns
        -------
        float32, shape (n, L, outputs)
            Probabilities of the L positions after ``left``; the first three sum to one.
        """
        ...

    def close(self) -> None:
        """Release what the model holds. May be called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@runtime_checkable
class EditScoring(Protocol):
    """What a base model may do besides :class:`BaseModel`: score edits of one sequence without repeating work.

    The core scores whole windows with :meth:`BaseModel.predict` where a model has no such method.
    """

    def predict_edits(self, codes: npt.NDArray[np.uint8], edits: Sequence[Edit], radius: int) -> list[Scores]:
        """Score the surroundings of edits, each of which is made alone.

        Parameters
        ----------
        codes
            uint8, shape (left + L + right,), as for :meth:`BaseModel.predict`. Not modified.
        edits
            Indices count from the first of ``codes``, context included. An edit that replaces bases by the same asks
            for the scores of ``codes`` itself.
        radius
            Positions on either side of the new bases that are scored, at least 0.

        Returns
        -------
        For each edit float32, shape (n, outputs)
            The scores, in the edited codes, of positions [start - radius, start + len(new) + radius) as far as they
            have full context: what ``predict`` gives for the edited codes, to 1e-6. They do not depend on which other
            edits are asked for in the same call.
        """
        ...


@runtime_checkable
class FeatureSet(Protocol):
    """Features of chosen positions of one gene.

    A set that holds files may have a method ``close()``, and one whose settings name files a method
    ``contract_settings(cache: Path | None) -> dict`` that names their content instead, JSON-able. One whose features of
    a position depend on the scores of no position further away than a number of bases may have an attribute ``reach``
    with that number: variants are then scored from less than the whole gene.
    """

    def compute(self, block: Block, index: npt.NDArray[np.int64], resources: Mapping[str, Any]) -> pa.RecordBatch:
        """Compute the features of positions.

        Parameters
        ----------
        block
            One gene in transcript orientation with its sequence and base scores.
        index
            int64, shape (k,): offsets of the positions in transcript orientation, 0-based.
        resources
            What the spec's ``requires`` names.

        Returns
        -------
        RecordBatch of k rows in the order of ``index``, with exactly the columns of the spec's schema.
        """
        ...


@runtime_checkable
class UncertaintyStrategy(Protocol):
    """How unsure the base model is at each position; larger is less sure. The core selects.

    A strategy may also have these; one without a threshold is used with a target rate only.

    ``threshold: float``
        Positions with a score of at least this are selected, unless a target rate is asked for; above 0.
    ``criteria(block) -> Mapping[str, float32[L]]``
        Values that the score is made of, by the name of the column that they are written to.
    ``terms(block) -> Mapping[str, float32[L]]``
        Numbers that the score is the maximum of, by the name of the reason to select a position.
    ``check(outputs: Mapping[str, Sequence[str]]) -> None``
        Raises :class:`~splicecore.errors.ConfigError` for base models (name -> outputs) that it cannot work with.
    """

    def score(self, block: Block) -> npt.NDArray[np.float32]:
        """Return one value per position of the block, in transcript orientation.

        Returns
        -------
        float32, shape (L,)
            0 and above, finite. A position with a score of 0 is never selected: scores of one class alone (1, 0, 0),
            on which all models agree, give 0. It depends on nothing but the block.
        """
        ...


@runtime_checkable
class MetaModel(Protocol):
    """A model that recalibrates base scores. The core owns its feature contract and calibration.

    It may also have ``name_features(names: Sequence[str]) -> tuple[str, ...]``: it is told the names of the columns, in
    order, before features are pruned and again before :meth:`fit`, and returns those that pruning must keep because it
    treats them in a way of its own.
    """

    def fit(
        self,
        batches: Iterable[tuple[npt.NDArray[np.float32], npt.NDArray[np.int8], npt.NDArray[np.float64]]],
        valid: Iterable[tuple[npt.NDArray[np.float32], npt.NDArray[np.int8], npt.NDArray[np.float64]]] | None,
        seed: int,
    ) -> None:
        """Fit on batches of (X (k, features), y (k,) classes 0 neither 1 acceptor 2 donor, weight (k,)).

        Both may be iterated several times, each time with the same rows in the same order. The same batches and seed
        give a model that is saved to the same bytes.
        """
        ...

    def predict_proba(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return float32 of shape (k, 3): neither, acceptor, donor; rows sum to one."""
        ...

    def contributions(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return float32 of shape (k, 3, features + 1): each feature's share of each class's score, then the bias.

        A class's shares and bias add up to its score, and the softmax of the scores is what ``predict_proba`` returns.
        """
        ...

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write the model's files into a folder that exists. No pickles."""
        ...

    def load(self, directory: str | os.PathLike[str]) -> None:
        """Read what :meth:`save` wrote."""
        ...


@runtime_checkable
class ShardTask(Protocol):
    """What an executor runs: opened once per worker, called per shard, closed at the end."""

    def __call__(self, shard: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do one shard (JSON-able) and return its result (JSON-able)."""
        ...

    def close(self) -> None:
        """Release what the task holds."""
        ...


@runtime_checkable
class Executor(Protocol):
    """Runs a task over shards.

    ``task`` is ``"module:callable"``; called with the JSON-able ``config`` it returns a :class:`ShardTask`. Workers
    hold the opened task, shards and results are JSON-able: an executor may run them in other processes or on other
    machines.
    """

    def map(
        self, task: str, config: Mapping[str, Any], shards: Sequence[Mapping[str, Any]]
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the result of each shard as it finishes, in any order. Closing the iterator stops the work."""
        ...

"""A base model that is the mean of an ensemble of networks, for plugins of the family to derive theirs from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from splicecore.api import BaseModelSpec, Scores, check_codes

from splicecore_splicenet.edit_rows import check_edits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    import numpy as np
    import numpy.typing as npt
    from splicecore.api import Edit

__all__ = ["Ensemble", "EnsembleModel"]


class Ensemble(Protocol):
    """What computes the networks: torch's :class:`~splicecore_splicenet.engine.SplicenetEnsemble` or another engine."""

    def predict(self, codes: npt.NDArray[np.uint8]) -> Scores:
        """Return float32 (n, L, outputs), means over the networks first, for uint8 (n, radius + L + radius)."""
        ...

    def close(self) -> None:
        """Release everything. May be called twice."""
        ...


class EnsembleModel:
    """A :class:`~splicecore.api.BaseModel` around an ensemble.

    Parameters
    ----------
    spec
        The descriptor as opened: ``left`` and ``right`` are those of the weights.
    fingerprint
        Hash of weights and of the settings that decide the scores.
    ensemble
        The networks.

    Notes
    -----
    ``predict_edits`` (:class:`~splicecore.api.EditScoring`) is there if the ensemble has it: torch's does.
    """

    predict_edits: Callable[[npt.NDArray[np.uint8], Sequence[Edit], int], list[Scores]]

    def __init__(self, spec: BaseModelSpec, fingerprint: str, ensemble: Ensemble) -> None:
        self.spec = spec
        self.fingerprint = fingerprint
        self._ensemble = ensemble
        if hasattr(ensemble, "predict_edits"):
            self.predict_edits = self._predict_edits

    def predict(self, codes: npt.NDArray[np.uint8]) -> Scores:
        """Score positions.

        Parameters
        ----------
        codes
            uint8, (n, left + L + right): A, C, G, T, N = 0..4, on the transcribed strand, 5' to 3'. Not modified.

        Returns
        -------
        float32, (n, L, outputs)
            Probabilities of neither, acceptor, donor, the mean over the networks; then what else the spec names.

        Raises
        ------
        ValueError
            As :func:`splicecore.api.check_codes`, or if the model is closed.
        """
        check_codes(codes, self.spec)
        return self._ensemble.predict(codes)

    def _predict_edits(self, codes: npt.NDArray[np.uint8], edits: Sequence[Edit], radius: int) -> list[Scores]:
        check_codes(codes[None], self.spec)
        check_edits(len(codes), edits, radius, self.spec.name)
        scores: list[Scores] = self._ensemble.predict_edits(codes, edits, radius)  # type: ignore[attr-defined]
        return scores

    def close(self) -> None:
        """Release the networks and the threads. May be called twice."""
        self._ensemble.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

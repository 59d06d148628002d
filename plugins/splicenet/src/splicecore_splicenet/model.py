"""A base model that is the mean of an ensemble of networks, for plugins of the family to derive theirs from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from splicecore.api import BaseModelSpec, Scores, check_codes

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import numpy as np
    import numpy.typing as npt

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
    """

    def __init__(self, spec: BaseModelSpec, fingerprint: str, ensemble: Ensemble) -> None:
        self.spec = spec
        self.fingerprint = fingerprint
        self._ensemble = ensemble

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

    def close(self) -> None:
        """Release the networks and the threads. May be called twice."""
        self._ensemble.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

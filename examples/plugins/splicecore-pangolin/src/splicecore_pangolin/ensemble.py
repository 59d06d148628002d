"""All outputs of Pangolin: an ensemble of networks for each, and the three channels made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from splicecore_splicenet.engine import SplicenetEnsemble

from splicecore_pangolin.motif import REACH, acceptor_share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from splicecore.api import Codes, Edit, Scores
    from splicecore_splicenet.choices import Convolutions
    from splicecore_splicenet.weights import NetworkWeights

__all__ = ["PangolinEnsemble"]


class PangolinEnsemble:
    """Mean over the networks of each output.

    Parameters
    ----------
    outputs
        Networks by output, in the order of the outputs; of those that end with ``_splice`` the mean is P(splice).
    device, threads, convolutions
        As of :class:`~splicecore_splicenet.engine.SplicenetEnsemble`.
    """

    def __init__(
        self,
        outputs: Mapping[str, Sequence[NetworkWeights]],
        *,
        device: str = "cpu",
        threads: int = 1,
        convolutions: Convolutions = "fast",
    ) -> None:
        self._n_splice = sum(output.endswith("_splice") for output in outputs)
        self._ensembles = [
            SplicenetEnsemble(networks, device=device, threads=threads, convolutions=convolutions)
            for networks in outputs.values()
        ]
        self._radius = self._ensembles[0].radius

    def predict(self, codes: npt.NDArray[np.uint8]) -> Scores:
        """Return float32 (n, L, 3 + outputs) of uint8 (n, radius + L + radius)."""
        extras = np.stack([ensemble.predict(codes)[..., 1] for ensemble in self._ensembles], axis=-1)
        ends = self._radius - REACH
        return self._channels(codes[:, ends : codes.shape[1] - ends], extras)

    def predict_edits(self, codes: npt.NDArray[np.uint8], edits: Sequence[Edit], radius: int) -> list[Scores]:
        """Score the surroundings of edits, as :class:`~splicecore.api.EditScoring` says."""
        parts = [ensemble.predict_edits(codes, edits, radius) for ensemble in self._ensembles]
        results = []
        for number, (start, end, bases) in enumerate(edits):
            extras = np.stack([part[number][..., 1] for part in parts], axis=-1)
            edited = np.concatenate([codes[:start], bases, codes[end:]])
            low = max(start - radius, self._radius)
            around = edited[low - REACH : low + len(extras) + REACH]
            results.append(self._channels(around, extras) if len(extras) else self._empty())
        return results

    def close(self) -> None:
        """Release everything. May be called twice."""
        for ensemble in self._ensembles:
            ensemble.close()

    def _channels(self, codes: Codes, extras: npt.NDArray[np.float32]) -> Scores:
        """Put neither, acceptor and donor before the outputs; codes have :data:`REACH` bases more on either side."""
        splice = extras[..., : self._n_splice].mean(axis=-1, dtype=np.float64)
        acceptor = splice * acceptor_share(codes)
        first = np.stack([1 - splice, acceptor, splice - acceptor], axis=-1).astype(np.float32)
        return np.concatenate([first, extras], axis=-1)

    def _empty(self) -> Scores:
        return np.empty((0, 3 + len(self._ensembles)), dtype=np.float32)

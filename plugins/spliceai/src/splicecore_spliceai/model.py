"""SpliceAI behind the base-model protocol."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
from splicecore.api import BaseModelSpec, ConfigError, N, OpenRequest, Scores

from splicecore_spliceai.config import SpliceAIConfig
from splicecore_spliceai.members import load_members

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import numpy.typing as npt
    from splicecore_splicenet.engine import SplicenetEnsemble
    from splicecore_splicenet.weights import NetworkWeights

    from splicecore_spliceai.tensorflow_engine import TensorflowEnsemble

__all__ = ["SpliceAI", "open_model"]


class SpliceAI:
    """SpliceAI's networks, opened; a :class:`~splicecore.api.BaseModel`.

    Parameters
    ----------
    spec
        The descriptor that the plugin's hook yields.
    request
        Folder of the weights, engine, device, threads and settings (:class:`SpliceAIConfig`).

    Raises
    ------
    ConfigError
        For an engine, device or setting that does not exist.
    MissingDependencyError
        If the engine's framework is not installed.
    ResourceError
        If the weights are missing or damaged; the message names the file.
    """

    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        if request.engine not in (None, *spec.engines):
            raise ConfigError(
                f"spliceai has no engine {request.engine!r}", hint=f"its engines are {', '.join(spec.engines)}"
            )
        self.spec = spec
        self.config = SpliceAIConfig.from_mapping(request.config)
        networks = load_members(request.weights, self.config.members)
        self.fingerprint = _fingerprint(self.config, networks)
        self._ensemble = _open_ensemble(networks, request.engine or spec.engines[0], request, self.config)

    def predict(self, codes: npt.NDArray[np.uint8]) -> Scores:
        """Score positions.

        Parameters
        ----------
        codes
            uint8, (n, 5000 + L + 5000): A, C, G, T, N = 0..4, on the transcribed strand, 5' to 3'. Not modified.

        Returns
        -------
        float32, (n, L, 3)
            Probabilities of neither, acceptor, donor: the mean over the networks.

        Raises
        ------
        ValueError
            If the array is of another type or shape, holds other values, or asks for more than the spec's
            ``max_positions`` at once; or if the model is closed.
        """
        self._check(codes)
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

    def _check(self, codes: npt.NDArray[np.uint8]) -> None:
        context = self.spec.left + self.spec.right
        if not isinstance(codes, np.ndarray) or codes.dtype != np.uint8 or codes.ndim != 2:
            found = f"{codes.dtype} {codes.shape}" if isinstance(codes, np.ndarray) else type(codes).__name__
            raise ValueError(f"spliceai scores a uint8 array of shape (n, {context} + L), not {found}")
        n, width = codes.shape
        if width < context:
            raise ValueError(f"rows of {width} bases are shorter than spliceai's context of {context}")
        if n * (width - context) > self.spec.max_positions:
            raise ValueError(
                f"{n} x {width - context} positions in one call; spliceai scores {self.spec.max_positions} at most"
            )
        if codes.size and codes.max() > N:
            raise ValueError(f"spliceai was given the code {codes.max()}; bases are 0 to {N} (A, C, G, T, N)")


def open_model(spec: BaseModelSpec, request: OpenRequest) -> SpliceAI:
    """Open SpliceAI; the factory that the plugin's descriptor names."""
    return SpliceAI(spec, request)


def _open_ensemble(
    networks: list[NetworkWeights], engine: str, request: OpenRequest, config: SpliceAIConfig
) -> SplicenetEnsemble | TensorflowEnsemble:
    """Import the engine's framework, and no other."""
    if engine == "tensorflow":
        from splicecore_spliceai.tensorflow_engine import TensorflowEnsemble

        return TensorflowEnsemble(networks, device=request.device, threads=request.threads)
    from splicecore_splicenet.engine import SplicenetEnsemble

    return SplicenetEnsemble(
        networks, device=request.device, threads=request.threads, convolutions=config.convolutions
    )


def _fingerprint(config: SpliceAIConfig, networks: list[NetworkWeights]) -> str:
    members = [[member, network.fingerprint] for member, network in zip(config.members, networks, strict=True)]
    return hashlib.sha256(json.dumps(["spliceai", members]).encode()).hexdigest()

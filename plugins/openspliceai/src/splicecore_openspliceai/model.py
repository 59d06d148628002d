"""OpenSpliceAI behind the base-model protocol."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np
from splicecore.api import BaseModelSpec, ConfigError, N, OpenRequest, ResourceNotFoundError, Scores
from splicecore_splicenet.engine import SplicenetEnsemble

from splicecore_openspliceai.checkpoints import REMEDY, CheckpointFolder, choose_checkpoints
from splicecore_openspliceai.config import DEFAULT_SPECIES, OpenSpliceAIConfig
from splicecore_openspliceai.members import load_members

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import numpy.typing as npt
    from splicecore_splicenet.weights import NetworkWeights

__all__ = ["OpenSpliceAI", "open_model"]

logger = logging.getLogger(__name__)


class OpenSpliceAI:
    """OpenSpliceAI's networks, opened; a :class:`~splicecore.api.BaseModel`.

    Parameters
    ----------
    spec
        The descriptor that the plugin's hook yields. ``self.spec`` is that of the weights: ``left`` and ``right`` are
        half of their context, the summary names species, context and number of networks.
    request
        Weights (a checkpoint folder, a file, or a folder of checkpoint folders), engine, device, threads and settings
        (:class:`OpenSpliceAIConfig`).

    Raises
    ------
    ConfigError
        For an engine, device or setting that does not exist.
    ResourceError
        If the weights are missing, damaged, mixed or contradict their names; the message names the file.
    """

    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        if request.engine not in (None, *spec.engines):
            raise ConfigError(
                f"openspliceai has no engine {request.engine!r}", hint=f"its engines are {', '.join(spec.engines)}"
            )
        if request.weights is None:
            raise ResourceNotFoundError("openspliceai: no folder of weights was found", hint=REMEDY)
        self.config = OpenSpliceAIConfig.from_mapping(request.config)
        self.folder = choose_checkpoints(Path(request.weights), self.config)
        networks = load_members(self.folder, self.config)
        self.spec = _opened(spec, self.config, self.folder, networks)
        self.fingerprint = _fingerprint(networks)
        logger.info("%s, from %s", self.spec.summary, self.folder.path)
        self._ensemble = SplicenetEnsemble(
            networks, device=request.device, threads=request.threads, convolutions=self.config.convolutions
        )

    def predict(self, codes: npt.NDArray[np.uint8]) -> Scores:
        """Score positions.

        Parameters
        ----------
        codes
            uint8, (n, left + L + right): A, C, G, T, N = 0..4, on the transcribed strand, 5' to 3'. Not modified.

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
            raise ValueError(f"openspliceai scores a uint8 array of shape (n, {context} + L), not {found}")
        n, width = codes.shape
        if width < context:
            raise ValueError(f"rows of {width} bases are shorter than the context of {context}")
        if n * (width - context) > self.spec.max_positions:
            raise ValueError(
                f"{n} x {width - context} positions in one call; openspliceai scores {self.spec.max_positions} at most"
            )
        if codes.size and codes.max() > N:
            raise ValueError(f"openspliceai was given the code {codes.max()}; bases are 0 to {N} (A, C, G, T, N)")


def open_model(spec: BaseModelSpec, request: OpenRequest) -> OpenSpliceAI:
    """Open OpenSpliceAI; the factory that the plugin's descriptor names."""
    return OpenSpliceAI(spec, request)


def _opened(
    spec: BaseModelSpec, config: OpenSpliceAIConfig, folder: CheckpointFolder, networks: list[NetworkWeights]
) -> BaseModelSpec:
    """Describe the model as its weights are."""
    radius = networks[0].architecture.radius
    species = folder.species or config.species
    count = f"{len(networks)} network" + "s" * (len(networks) > 1)
    return attrs.evolve(
        spec,
        left=radius,
        right=radius,
        builds=spec.builds if species == DEFAULT_SPECIES else (),
        summary=f"OpenSpliceAI: {species or folder.path.name}, {2 * radius} nt of context, {count}",
    )


def _fingerprint(networks: list[NetworkWeights]) -> str:
    return hashlib.sha256(
        json.dumps(["openspliceai", [network.fingerprint for network in networks]]).encode()
    ).hexdigest()

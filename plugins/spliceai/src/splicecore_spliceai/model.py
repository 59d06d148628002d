"""SpliceAI behind the base-model protocol."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from splicecore.api import BaseModelSpec, ConfigError, OpenRequest
from splicecore_splicenet.member_spread import with_member_spread
from splicecore_splicenet.model import EnsembleModel

from splicecore_spliceai.config import SpliceAIConfig
from splicecore_spliceai.members import load_members

if TYPE_CHECKING:
    from splicecore_splicenet.engine import SplicenetEnsemble
    from splicecore_splicenet.weights import NetworkWeights

    from splicecore_spliceai.tensorflow_engine import TensorflowEnsemble

__all__ = ["SpliceAI", "open_model"]


class SpliceAI(EnsembleModel):
    """SpliceAI's networks, opened; a :class:`~splicecore.api.BaseModel`.

    Parameters
    ----------
    spec
        The descriptor that the plugin's hook yields. ``self.spec`` names the outputs that the settings ask for.
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
        self.config = SpliceAIConfig.from_mapping(request.config)
        if self.config.member_spread:
            spec = with_member_spread(spec, self.config.members)
        networks = load_members(request.weights, self.config.members)
        ensemble = _open_ensemble(networks, request.engine or spec.engines[0], request, self.config)
        super().__init__(spec, _fingerprint(self.config, networks), ensemble)


def open_model(spec: BaseModelSpec, request: OpenRequest) -> SpliceAI:
    """Open SpliceAI; the factory that the plugin's descriptor names."""
    return SpliceAI(spec, request)


def _open_ensemble(
    networks: list[NetworkWeights], engine: str, request: OpenRequest, config: SpliceAIConfig
) -> SplicenetEnsemble | TensorflowEnsemble:
    """Import the engine's framework, and no other."""
    if engine == "tensorflow":
        from splicecore_spliceai.tensorflow_engine import TensorflowEnsemble

        return TensorflowEnsemble(
            networks, device=request.device, threads=request.threads, member_spread=config.member_spread
        )
    from splicecore_splicenet.engine import SplicenetEnsemble

    return SplicenetEnsemble(
        networks,
        device=request.device,
        threads=request.threads,
        convolutions=config.convolutions,
        member_spread=config.member_spread,
    )


def _fingerprint(config: SpliceAIConfig, networks: list[NetworkWeights]) -> str:
    members = [[member, network.fingerprint] for member, network in zip(config.members, networks, strict=True)]
    return hashlib.sha256(json.dumps(["spliceai", members]).encode()).hexdigest()

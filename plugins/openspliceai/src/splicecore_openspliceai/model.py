"""OpenSpliceAI behind the base-model protocol."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from splicecore.api import BaseModelSpec, ConfigError, OpenRequest, ResourceNotFoundError
from splicecore_splicenet.engine import SplicenetEnsemble
from splicecore_splicenet.member_spread import with_member_spread
from splicecore_splicenet.model import EnsembleModel

from splicecore_openspliceai.checkpoints import REMEDY, CheckpointFolder, choose_checkpoints
from splicecore_openspliceai.config import DEFAULT_SPECIES, OpenSpliceAIConfig
from splicecore_openspliceai.members import load_members

if TYPE_CHECKING:
    from splicecore_splicenet.weights import NetworkWeights

__all__ = ["OpenSpliceAI", "open_model"]

logger = logging.getLogger(__name__)


class OpenSpliceAI(EnsembleModel):
    """OpenSpliceAI's networks, opened; a :class:`~splicecore.api.BaseModel`.

    Parameters
    ----------
    spec
        The descriptor that the plugin's hook yields. ``self.spec`` is that of the weights: ``left`` and ``right`` are
        half of their context, the summary names species, context and number of networks, and the outputs are those
        that the settings ask for.
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
        if self.config.member_spread:
            spec = with_member_spread(spec, networks)
        ensemble = SplicenetEnsemble(
            networks,
            device=request.device,
            threads=request.threads,
            convolutions=self.config.convolutions,
            member_spread=self.config.member_spread,
        )
        super().__init__(_opened(spec, self.config, self.folder, networks), _fingerprint(networks), ensemble)
        logger.info("%s, from %s", self.spec.summary, self.folder.path)


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

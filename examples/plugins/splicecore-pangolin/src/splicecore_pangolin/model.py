"""Pangolin behind the base-model protocol."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from splicecore.api import BaseModelSpec, ConfigError, OpenRequest, ResourceError, ResourceNotFoundError
from splicecore_splicenet.model import EnsembleModel

from splicecore_pangolin.config import PangolinConfig, output_names
from splicecore_pangolin.ensemble import PangolinEnsemble
from splicecore_pangolin.files import REMEDY, find_files
from splicecore_pangolin.network_file import load_head

if TYPE_CHECKING:
    from splicecore_splicenet.weights import NetworkWeights

    from splicecore_pangolin.files import HeadFile

__all__ = ["Pangolin", "open_model"]

_SPLIT = 1  # version of the rule that tells acceptors from donors; another rule is another fingerprint

logger = logging.getLogger(__name__)


class Pangolin(EnsembleModel):
    """Pangolin's networks, opened; a :class:`~splicecore.api.BaseModel`.

    Parameters
    ----------
    spec
        The descriptor that the plugin's hook yields. ``self.spec`` has the outputs that the settings ask for.
    request
        Weights (the folder of the published files), engine, device, threads and settings (:class:`PangolinConfig`).

    Raises
    ------
    ConfigError
        For an engine, device or setting that does not exist.
    ResourceError
        If files are missing, damaged or of another network; the message names the file.
    """

    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        if request.engine not in (None, *spec.engines):
            raise ConfigError(
                f"pangolin has no engine {request.engine!r}", hint=f"its engines are {', '.join(spec.engines)}"
            )
        if request.weights is None:
            raise ResourceNotFoundError("pangolin: no folder of weights was found", hint=REMEDY)
        config = PangolinConfig.from_mapping(request.config)
        found = find_files(Path(request.weights), config)
        networks = {output: _load(files) for output, files in found.items()}
        fingerprints = {output: [each.fingerprint for each in members] for output, members in networks.items()}
        ensemble = PangolinEnsemble(
            networks, device=request.device, threads=request.threads, convolutions=config.convolutions
        )
        opened = attrs.evolve(spec, outputs=output_names(config))
        content = json.dumps(["pangolin", _SPLIT, fingerprints], sort_keys=True)
        super().__init__(opened, hashlib.sha256(content.encode()).hexdigest(), ensemble)
        logger.info("pangolin: %d networks from %s", sum(map(len, found.values())), request.weights)


def open_model(spec: BaseModelSpec, request: OpenRequest) -> Pangolin:
    """Open Pangolin; the factory that the plugin's descriptor names."""
    return Pangolin(spec, request)


def _load(files: tuple[HeadFile, ...]) -> list[NetworkWeights]:
    """Read the networks of one output; none twice."""
    networks: list[NetworkWeights] = []
    seen: dict[str, Path] = {}
    for file in files:
        try:
            network = load_head(file.path, file.head)
        except ResourceError as error:
            raise type(error)(f"pangolin: {error.message}", hint=error.hint) from error
        other = seen.setdefault(network.fingerprint, file.path)
        if other is not file.path:
            raise ResourceError(
                f"pangolin: {other} and {file.path} hold the same network, which would count twice",
                hint="download both again",
            )
        networks.append(network)
    return networks

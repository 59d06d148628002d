"""SpliceAI's five files: reading and recognizing them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from splicecore.api import ResourceError, ResourceNotFoundError
from splicecore_splicenet.architecture import spliceai_architecture
from splicecore_splicenet.keras_h5 import load_keras_h5

from splicecore_spliceai.weights import REMEDY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from splicecore_splicenet.weights import NetworkWeights

__all__ = ["PUBLISHED", "load_members"]

logger = logging.getLogger(__name__)

PUBLISHED: dict[int, str] = {
    1: "ef0cee768e04cec77899bdaa5b87f9cffea8ef20d6b57b8ea16d871b1314c188",
    2: "920b169b60ebb2500541c44e6c95f1715d3057c0e8d9eba153eb5462230c2527",
    3: "de8861396fd77e3266cdeba22b011c27a1c5e358fb68bba8e1f62d614d0e8930",
    4: "01602b394074dafe88ffbfeeec97457894aa09ab4e4a862d6ea98a9dcd640716",
    5: "2c509b2358defca14c35217626063baf65ab15b24db9f9698d7fbb2d6f7e760e",
}
"""Fingerprints (:attr:`NetworkWeights.fingerprint`) of the networks in the distribution ``spliceai`` 1.3.1."""


def load_members(folder: str | None, members: Iterable[int]) -> list[NetworkWeights]:
    """Read networks from the folder of ``spliceai<i>.h5``.

    Raises
    ------
    ResourceNotFoundError
        If the folder or a file is missing; the message names it.
    ResourceError
        If a file is truncated, damaged or not one of SpliceAI's networks; the message names it.
    """
    if folder is None:
        raise ResourceNotFoundError("spliceai: no folder of weights was found", hint=REMEDY)
    files = {member: Path(folder) / f"spliceai{member}.h5" for member in members}
    missing = [str(file) for file in files.values() if not file.is_file()]
    if missing:
        raise ResourceNotFoundError(f"spliceai: missing {', '.join(missing)}", hint=REMEDY)
    architecture = spliceai_architecture()
    networks = []
    for member, file in files.items():
        try:
            network = load_keras_h5(file, architecture)
        except ResourceError as error:
            raise type(error)(f"spliceai: {error.message}", hint=REMEDY) from error
        if network.fingerprint != PUBLISHED[member]:
            logger.warning("%s is not the published network: its weights differ from spliceai 1.3.1", file)
        networks.append(network)
    return networks

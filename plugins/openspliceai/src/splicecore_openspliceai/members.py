"""Reading the networks of a checkpoint folder and comparing them with what their names say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.api import ResourceError
from splicecore_splicenet.state_dict import load_state_dict

from splicecore_openspliceai.checkpoints import named_context

if TYPE_CHECKING:
    from pathlib import Path

    from splicecore_splicenet.weights import NetworkWeights

    from splicecore_openspliceai.checkpoints import CheckpointFolder
    from splicecore_openspliceai.config import OpenSpliceAIConfig

__all__ = ["load_members"]


def load_members(folder: CheckpointFolder, config: OpenSpliceAIConfig) -> list[NetworkWeights]:
    """Read the networks of an ensemble.

    Returns
    -------
    In natural order of the files' names; all of one context, none twice.

    Raises
    ------
    ConfigError
        If a member of the settings is no file of the folder.
    ResourceError
        If a file is damaged, holds code or another network; if the folder mixes contexts; if the weights contradict the
        name of the file, of the folder, or the settings; if two files hold the same network.
    """
    files = folder.select(config.members)
    networks = {}
    for file in files:
        try:
            networks[file] = load_state_dict(file)
        except ResourceError as error:
            raise type(error)(f"openspliceai: {error.message}", hint=error.hint) from error
    _check_contexts(folder, config, {file: _context(network) for file, network in networks.items()})
    _check_distinct(networks)
    return list(networks.values())


def _context(network: NetworkWeights) -> int:
    return 2 * network.architecture.radius


def _check_contexts(folder: CheckpointFolder, config: OpenSpliceAIConfig, contexts: dict[Path, int]) -> None:
    if len(set(contexts.values())) > 1:
        listed = ", ".join(f"{file.name}: {context} nt" for file, context in contexts.items())
        raise ResourceError(
            f"openspliceai: {folder.path} mixes networks of different contexts ({listed})",
            hint="keep one folder a context, or choose files of one context by the setting members",
        )
    for file, context in contexts.items():
        claims = ((file.name, named_context(file.stem)), (folder.path.name, folder.context))
        for name, claimed in claims:
            if claimed not in {None, context}:
                raise ResourceError(
                    f"openspliceai: {file}: the name {name} says {claimed} nt, but its weights are of {context} nt",
                    hint="rename it, or put the right file in its place",
                )
    context = next(iter(contexts.values()))
    if config.context not in {None, context}:
        raise ResourceError(
            f"openspliceai: context is set to {config.context}, but the weights in {folder.path} are of {context} nt",
            hint="change the setting, or name another folder with --models-dir",
        )


def _check_distinct(networks: dict[Path, NetworkWeights]) -> None:
    seen: dict[str, Path] = {}
    for file, network in networks.items():
        other = seen.setdefault(network.fingerprint, file)
        if other is not file:
            raise ResourceError(
                f"openspliceai: {other} and {file} hold the same network, which would count twice",
                hint="remove one of them, or choose files by the setting members",
            )

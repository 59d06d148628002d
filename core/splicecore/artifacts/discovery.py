"""Finding the artifacts that a data root holds."""

from __future__ import annotations

from pathlib import Path

from splicecore.artifacts.artifact_config import ArtifactConfig
from splicecore.artifacts.layout import RELEASE, SUFFIX
from splicecore.errors import ConfigError
from splicecore.resources.finders import default_data_root

__all__ = ["find_artifacts"]


def find_artifacts(
    data_root: str | Path | None = None,
    *,
    source: str | None = None,
    build: str | None = None,
    release: str | None = None,
    base_model: str | None = None,
) -> list[ArtifactConfig]:
    """Return what artifacts a data root holds: one production configuration per folder, in order of their paths.

    Parameters
    ----------
    data_root
        None for ``SPLICECORE_DATA_ROOT`` or the platform's.
    source, build, release, base_model
        Only those of this one; None for any.
    """
    root = default_data_root() if data_root is None else Path(data_root)
    wanted = {"source": source, "build": build, "release": release, "base_model": base_model}
    found = []
    for pattern in (f"*/*/*{SUFFIX}", f"*/*/{RELEASE}*/*{SUFFIX}"):
        for folder in sorted(root.glob(pattern)):
            config = _config_of(folder, root)
            if config is not None and all(value in (None, getattr(config, key)) for key, value in wanted.items()):
                found.append(config)
    return sorted(found, key=lambda config: (config.source, config.build, config.release or "", config.base_model))


def _config_of(folder: Path, root: Path) -> ArtifactConfig | None:
    """Return the configuration whose folder this is; None for folders of others."""
    parts = folder.relative_to(root).parts
    release = parts[2].removeprefix(RELEASE) if len(parts) == 4 else None
    if not folder.is_dir():
        return None
    try:
        return ArtifactConfig(
            mode="production",
            source=parts[0],
            build=parts[1],
            release=release,
            base_model=parts[-1].removesuffix(SUFFIX),
            data_root=str(root),
        )
    except ConfigError:
        return None

"""Make plugins that look installed, for tests of discovery: no pip, no build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from splicecore.plugins.hookspecs import ENTRY_POINT_GROUP

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

__all__ = ["fake_distribution"]


def fake_distribution(
    folder: str | os.PathLike[str],
    name: str,
    version: str,
    module_source: str,
    *,
    requires: Iterable[str] = ("splicecore",),
    plugin: str | None = None,
    module: str | None = None,
    group: str = ENTRY_POINT_GROUP,
) -> Path:
    """Write a distribution with one plugin, as pip would leave it.

    Put the folder on ``sys.path`` (pytest: ``monkeypatch.syspath_prepend(folder)``) and it is installed.

    Parameters
    ----------
    folder
        Where to; made if need be. Several distributions may share it.
    name, version
        Of the distribution.
    module_source
        Source of the plugin's module.
    requires
        Its ``Requires-Dist`` lines.
    plugin
        Name of the entry point; the distribution's name by default.
    module
        Name of the module; the plugin's name with ``_`` for ``-`` and ``.`` by default.
    group
        Group of the entry point: another one for a plugin of another plugin interface.

    Returns
    -------
    Path of the ``.dist-info`` folder.
    """
    folder = Path(folder)
    plugin = plugin or name
    module = module or plugin.replace("-", "_").replace(".", "_")
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Requires-Dist: {line}" for line in requires]
    (info / "METADATA").write_text("\n".join(metadata) + "\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{group}]\n{plugin} = {module}\n", encoding="utf-8")
    (folder / f"{module}.py").write_text(module_source, encoding="utf-8")
    return info

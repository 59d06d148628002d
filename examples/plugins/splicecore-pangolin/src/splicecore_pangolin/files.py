"""Which of the published files hold which output. Opens no file.

They are called ``final.<repeat>.<head>.3``, the second version's with ``.v2`` at the end. Head 2 t is P(splice) in
tissue t, head 2 t + 1 its usage; a file holds a whole network, of which only that head was trained to the end.
"""

from __future__ import annotations

import re
from pathlib import Path

import attrs
from splicecore.api import ResourceError, ResourceNotFoundError

from splicecore_pangolin.config import TISSUES, PangolinConfig, output_names

__all__ = ["REMEDY", "HeadFile", "find_files"]

REMEDY = "name the folder with the files final.<repeat>.<head>.3[.v2] of the Pangolin project with --models-dir"

_NAME = re.compile(r"final\.(\d+)\.([0-7])\.3(\.v2)?")


@attrs.frozen(order=True)
class HeadFile:
    """A file, and what of it is used.

    Attributes
    ----------
    version
        ``"v1"`` or ``"v2"``.
    head
        0 to 7: which of the network's outputs.
    repeat
        Number of the training run.
    path
        The file.
    """

    version: str
    head: int
    repeat: int
    path: Path

    @property
    def output(self) -> str:
        """Name of the output."""
        return f"{TISSUES[self.head // 2]}_{'usage' if self.head % 2 else 'splice'}"


def find_files(folder: Path, config: PangolinConfig) -> dict[str, tuple[HeadFile, ...]]:
    """Find the files of every output that the settings ask for.

    Returns
    -------
    The files of each output in the order of their repeats; as many for every output.

    Raises
    ------
    ResourceNotFoundError
        If the folder has none for an output.
    ResourceError
        If it has other repeats for one output than for another.
    """
    if not folder.is_dir():
        raise ResourceNotFoundError(f"pangolin: {folder} is no folder", hint=REMEDY)
    there = sorted(file for path in folder.iterdir() if (file := _head_file(path)) is not None)
    version = config.version or ("v2" if any(file.version == "v2" for file in there) else "v1")
    wanted = output_names(config)[3:]
    found = {
        output: tuple(file for file in there if file.version == version and file.output == output) for output in wanted
    }
    missing = [output for output, files in found.items() if not files]
    if missing:
        raise ResourceNotFoundError(
            f"pangolin: {folder} has no file of version {version} for {', '.join(missing)}", hint=REMEDY
        )
    repeats = {output: tuple(file.repeat for file in files) for output, files in found.items()}
    if len(set(repeats.values())) > 1:
        listed = "; ".join(f"{output}: {', '.join(map(str, numbers))}" for output, numbers in repeats.items())
        raise ResourceError(
            f"pangolin: {folder} has not the same repeats for every output ({listed})", hint="add the missing files"
        )
    return found


def _head_file(path: Path) -> HeadFile | None:
    named = _NAME.fullmatch(path.name)
    if named is None or not path.is_file():
        return None
    return HeadFile("v2" if named[3] else "v1", int(named[2]), int(named[1]), path)

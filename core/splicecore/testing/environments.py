"""Make virtual environments without downloads, for tests of base models that run in an interpreter of their own."""

from __future__ import annotations

import sys
import sysconfig
import textwrap
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import os

__all__ = ["Environment", "make_environment"]

_AT_START = "zz_run_at_start"
"""Sorts after the file that names folders of packages."""


@attrs.frozen
class Environment:
    """A virtual environment.

    Attributes
    ----------
    python
        Its interpreter.
    site
        Folder of its own packages.
    """

    python: Path
    site: Path

    def run_at_start(self, program: str) -> None:
        """Have a program run whenever the interpreter starts, after the folders of its packages are known."""
        # Not sitecustomize: some systems have one of their own, which comes first.
        (self.site / f"{_AT_START}.py").write_text(textwrap.dedent(program), encoding="utf-8")
        (self.site / f"{_AT_START}.pth").write_text(f"import {_AT_START}\n", encoding="utf-8")


def make_environment(
    folder: str | os.PathLike[str], *more: str | os.PathLike[str], packages: bool = True
) -> Environment:
    """Make an environment in a folder that does not exist.

    Parameters
    ----------
    folder
        Where to.
    *more
        Folders of packages that it is to see too, as :func:`splicecore.testing.plugins.fake_distribution` writes them.
    packages
        Whether it sees the packages that this interpreter has.
    """
    venv.EnvBuilder(symlinks=True).create(folder)
    base = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", base))
    seen = [*([sysconfig.get_path("purelib")] if packages else []), *map(str, more)]
    (site / "shared.pth").write_text("".join(f"import site; site.addsitedir({each!r})\n" for each in seen))
    return Environment(Path(sysconfig.get_path("scripts", "venv", base)) / Path(sys.executable).name, site)

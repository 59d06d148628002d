"""Where artifacts lie: one folder per source, build, release and base model, and what is in it.

No two of these share a folder, and none lies inside another's.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import attrs

from splicecore.errors import ConfigError, OutputError

if TYPE_CHECKING:
    from splicecore.artifacts.artifact_config import ArtifactConfig

__all__ = [
    "RELEASE",
    "SHARDS",
    "SUFFIX",
    "ArtifactLayout",
    "check_base_model",
    "check_name",
    "check_relative",
    "check_test_name",
    "pass_of_test",
    "subfolders",
    "test_of_pass",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_RESERVED = re.compile(r"latest|all|v\d+(_\d{8})?")

SUFFIX = "_eval"
"""Ends the name of a folder of artifacts."""

RELEASE = "release-"
"""Begins the name of a release's folder."""


SHARDS = "shards"
"""Folder of the shards of a pass, each a run directory of its own, in the folder of the pass."""


def check_name(what: str, name: str) -> str:
    """Return a name that can be the name of a folder.

    Raises
    ------
    ConfigError
        If it cannot, or would lie elsewhere.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{what} {name!r} cannot be the name of a folder",
            hint="letters, digits, '.', '_', '+' and '-', beginning with a letter or digit",
        )
    return name


def check_base_model(name: str) -> str:
    """Return a base model's name whose folder cannot be taken for that of a release."""
    if check_name("base_model", name).startswith(RELEASE):
        raise ConfigError(f"base_model {name!r} cannot begin with {RELEASE!r}, as folders of releases do")
    return name


def check_test_name(name: str) -> str:
    """Return a test's name that means nothing else: ``latest``, ``all``, ``v1`` and ``v1_20250131`` are refused."""
    if _RESERVED.fullmatch(check_name("test_name", name)):
        raise ConfigError(f"test_name {name!r} is the name of a version", hint="choose another one")
    return name


def check_relative(name: str) -> PurePosixPath:
    """Return the path of a file inside a folder.

    Raises
    ------
    ConfigError
        If it is empty, absolute, or leads out of the folder.
    """
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise ConfigError(f"{name!r} is not the name of a file inside a folder of artifacts")
    return path


@attrs.frozen
class ArtifactLayout:
    """Folders of the artifacts of one base model on one source, build and release.

    Attributes
    ----------
    base
        ``<data_root>/<source>/<build>[/release-<release>]/<base_model>_eval``.
    """

    base: Path

    @classmethod
    def of(cls, config: ArtifactConfig) -> ArtifactLayout:
        """Return the layout that a configuration decides."""
        return cls(config.key.folder(Path(config.data_root)) / f"{config.base_model}{SUFFIX}")

    @property
    def production(self) -> Path:
        """Folder of the versions of the production pass."""
        return self.base / "meta_models"

    @property
    def tests(self) -> Path:
        """Folder of all tests."""
        return self.base / "tests"

    @property
    def training_data(self) -> Path:
        """Folder of what meta-models are trained on."""
        return self.base / "training_data"

    @property
    def models(self) -> Path:
        """Folder of the versions of the meta-model."""
        return self.base / "models"

    @property
    def lock(self) -> Path:
        """File that is locked while versions are made, promoted or cleaned."""
        return self.base / ".lock"

    def test(self, name: str) -> Path:
        """Return the folder of a test."""
        return self.tests / check_test_name(name)

    def test_pass(self, name: str) -> Path:
        """Return the folder of a test's pass."""
        return pass_of_test(self.test(name))


def pass_of_test(folder: Path) -> Path:
    """Return the folder of the pass in a test's folder."""
    return folder / "meta_models" / "predictions"


def test_of_pass(folder: Path) -> Path:
    """Return the folder of the test whose pass is in a folder."""
    return folder.parents[1]


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted; none where it does not exist.

    Raises
    ------
    OutputError
        If it cannot be read.
    """
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    except OSError as error:
        raise OutputError(f"cannot read {folder}: {error.strerror}", hint="check its permissions") from error

"""The folder of a trained meta-model: what is in it, and that it is whole.

``manifest.json`` has the sha256 of every file, so that nothing is loaded that was truncated, edited or put there later.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import digest, file_sha256, read_json, write_json
from splicecore.config import structure
from splicecore.errors import ChecksumError, OutputError, ResourceNotFoundError, SplicecoreError
from splicecore.inference.meta_model_spec import MetaModelChoice

if TYPE_CHECKING:
    import os

    from splicecore.features.contract import FeatureContract

__all__ = ["CALIBRATION", "CONTRACT", "MANIFEST", "MODEL", "OPERATING_POINTS", "SCHEMA", "TRAINING", "ModelDirectory",
           "ModelRecord", "seal"]  # fmt: skip

SCHEMA = "splicecore-meta-model/1"
MANIFEST, MODEL, CONTRACT, CALIBRATION = "manifest.json", "model.json", "contract.json", "calibration.json"
TRAINING, OPERATING_POINTS = "training.json", "operating_points.json"
WEIGHTS = "model"
"""Folder of the files that the meta-model's plugin wrote."""

_NEEDED = (MODEL, CONTRACT, CALIBRATION)
_UNSEALED = {MANIFEST, "run.log", ".lock"}
"""Files of the folder itself that change, or that the manifest cannot be of."""
_HINT = "train it again, or copy the whole folder again"


@attrs.frozen(kw_only=True)
class ModelRecord:
    """Content of ``model.json``: what loads the model and what it is given.

    Attributes
    ----------
    choice
        Kind of meta-model and all its settings.
    provider
        Distribution and version of its plugin.
    columns
        Features that it is given, in order: those of the contract that were not pruned.
    class_weights
        Weights of neither, acceptor and donor that it learned with beyond the prevalence; its probabilities are
        divided by them before calibration. All 1: nothing to undo.
    seed
        That it was fitted with.
    """

    choice: MetaModelChoice
    provider: str
    columns: tuple[str, ...]
    class_weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    seed: int = 42

    def to_json(self) -> dict[str, Any]:
        """Return the JSON value of the file."""
        values = attrs.asdict(self)
        return {**values, "columns": list(self.columns), "class_weights": list(self.class_weights)}


@attrs.frozen(eq=False)
class ModelDirectory:
    """A trained meta-model's folder, opened for reading; make it by :meth:`open`.

    Attributes
    ----------
    path
        The folder.
    manifest
        Content of ``manifest.json``.
    """

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> ModelDirectory:
        """Open a model's folder and check the files that scoring takes, byte for byte.

        Raises
        ------
        ResourceNotFoundError
            If there is no finished model.
        ChecksumError
            If a file is missing, truncated, changed, or not of the model.
        """
        folder = Path(path)
        if folder.is_file():
            raise ResourceNotFoundError(
                f"{folder} is a file, not the folder of a meta-model",
                hint="name the folder that `splicecore train` wrote; pickles and single model files are not loaded",
            )
        if not (folder / MANIFEST).is_file():
            what = "holds no finished meta-model" if folder.is_dir() else "does not exist"
            raise ResourceNotFoundError(f"{folder} {what}", hint="name the folder that `splicecore train` wrote")
        try:
            manifest = read_json(folder / MANIFEST)
            schema, files = manifest["schema"], dict(manifest["files"])
        except (OutputError, KeyError, TypeError, ValueError) as error:
            raise ChecksumError(f"{folder / MANIFEST} is damaged: {error}", hint=_HINT) from error
        if schema != SCHEMA:
            raise ChecksumError(
                f"{folder} is of schema {schema!r}, not {SCHEMA!r}", hint="use the version of splicecore that wrote it"
            )
        directory = cls(folder, manifest)
        loaded = [name for name in files if name in _NEEDED or name.startswith(f"{WEIGHTS}/")]
        problems = directory._compare(sorted({*loaded, *_NEEDED})) + directory._strangers()
        if problems:
            raise ChecksumError("; ".join(problems), hint=_HINT)
        return directory

    @property
    def weights(self) -> Path:
        """Folder of the files that the model's plugin wrote."""
        return self.path / WEIGHTS

    @property
    def fingerprint(self) -> str:
        """Digest (hex) of what decides its scores: the model's files, contract and calibration."""
        files = self.manifest["files"]
        return digest({name: files[name] for name in files if name in _NEEDED or name.startswith(f"{WEIGHTS}/")})

    @property
    def record(self) -> ModelRecord:
        """What loads the model."""
        return structure(self.json(MODEL), ModelRecord, where=str(self.path / MODEL))

    @property
    def contract(self) -> FeatureContract:
        """The features that it needs."""
        from splicecore.features.contract import FeatureContract

        return FeatureContract.from_json(self.json(CONTRACT), where=str(self.path / CONTRACT))

    def json(self, name: str) -> Any:
        """Read one of its JSON files.

        Raises
        ------
        ResourceNotFoundError
            If the model has no such file.
        ChecksumError
            If it changed since it was written.
        """
        if name not in self.manifest["files"]:
            raise ResourceNotFoundError(f"the meta-model in {self.path} has no {name}")
        if problems := self._compare([name]):
            raise ChecksumError(problems[0], hint=_HINT)
        try:
            return read_json(self.path / name)
        except SplicecoreError as error:
            raise ChecksumError(f"{self.path / name} is damaged: {error.message}", hint=_HINT) from error

    def verify(self) -> list[str]:
        """Compare every file with the manifest, byte for byte; returns a sentence for each problem."""
        return self._compare(sorted(self.manifest["files"])) + self._strangers()

    def _compare(self, names: list[str]) -> list[str]:
        problems = []
        for name in names:
            path, known = self.path / name, self.manifest["files"].get(name)
            if known is None or not path.is_file():
                problems.append(f"{path} is missing")
            elif file_sha256(path) != known:
                problems.append(f"{path} is truncated or changed since it was written")
        return problems

    def _strangers(self) -> list[str]:
        """Files beside the model's own that loading could take for them."""
        found = sorted(p.relative_to(self.path).as_posix() for p in self.weights.rglob("*") if p.is_file())
        return [f"{self.path / name} is not of the model" for name in found if name not in self.manifest["files"]]


def seal(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Write ``manifest.json``: facts, and the sha256 of every file below the folder. The last thing that is written.

    Returns
    -------
    The manifest.
    """
    files = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).as_posix() not in _UNSEALED and path.suffix != ".tmp"
    )
    manifest = {**facts, "schema": SCHEMA, "files": {name: file_sha256(folder / name) for name in files}}
    write_json(folder / MANIFEST, manifest)
    return manifest

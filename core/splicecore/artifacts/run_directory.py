"""The output folder of a run: who may write into it, whether it is finished, and what an interrupted run left behind.

A run is identified by its *identity*, a JSON value of everything that decides its bytes (inputs' hashes, resolved
configuration, weights' fingerprint, versions). ``manifest.json`` is written last, so a folder with one is finished.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.locks import only_holder
from splicecore.artifacts.store import (
    digest,
    file_sha256,
    json_differences,
    make_folder,
    read_json,
    sweep_temporary,
    write_json,
)
from splicecore.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["RunDirectory"]

logger = logging.getLogger(__name__)


@attrs.define
class RunDirectory:
    """An output folder, locked for one run.

    Attributes
    ----------
    path
        The folder that the user named.
    """

    path: Path

    @property
    def manifest_path(self) -> Path:
        """``manifest.json``; its presence says that the run is finished."""
        return self.path / "manifest.json"

    @property
    def work(self) -> Path:
        """Folder of what an unfinished run has so far."""
        return self.path / ".splicecore"

    @property
    def parts(self) -> Path:
        """Folder of the score parts of finished genes."""
        return self.work / "parts"

    @property
    def products(self) -> Path:
        """Folder of what is made of the scores of finished genes."""
        return self.work / "products"

    @property
    def exports(self) -> Path:
        """Folder of the results in other formats, which can be made again from the results."""
        return self.path / "exports"

    @contextlib.contextmanager
    def locked(self) -> Iterator[RunDirectory]:
        """Hold the folder; a second run into it is refused while this one lasts.

        Raises
        ------
        OutputError
            If the folder cannot be created or written to, or another run holds it.
        """
        make_folder(self.path)
        make_folder(self.work)
        with only_holder(self.work / "lock", self.path, who="another run", fate="removed"):
            yield self

    def begin(self, identity: Mapping[str, Any], *, force: bool = False) -> bool:
        """Claim the folder for a run.

        Parameters
        ----------
        identity
            What decides the run's bytes.
        force
            Discard what another run left here.

        Returns
        -------
        True if this very run is finished and its files are as its manifest says; nothing is left to do then.

        Raises
        ------
        OutputError
            If the folder holds another run, finished or not, or files that splicecore did not write.
        """
        self._sweep()
        if force:
            self._discard()
        plan = self.work / "run.json"
        if self.manifest_path.exists():
            manifest = self.manifest()
            self._refuse_other(manifest.get("identity", {}), identity, "a finished run")
            damaged = self._damaged(self._without_damaged_exports(manifest))
            if not damaged:
                self._drop_work()
                return True
            logger.warning("%s: %s changed since the run finished; writing anew", self.path, ", ".join(damaged))
            self.manifest_path.unlink()
            for name in damaged:
                (self.path / name).unlink(missing_ok=True)
            shutil.rmtree(self.exports, ignore_errors=True)
        elif plan.exists():
            self._refuse_other(read_json(plan), identity, "an interrupted run")
        elif (self.path / "predictions").exists():
            raise OutputError(
                f"{self.path / 'predictions'} exists, but no run of splicecore is recorded in {self.path}",
                hint="choose another folder, or --force to replace it",
            )
        make_folder(self.parts)
        write_json(plan, identity)
        return False

    def manifest(self) -> dict[str, Any]:
        """Content of ``manifest.json``."""
        manifest: dict[str, Any] = read_json(self.manifest_path)
        return manifest

    def finish(
        self, manifest: Mapping[str, Any], files: Iterator[Path] | list[Path], *, keep_work: bool = False
    ) -> None:
        """Record the run as finished: write the manifest with the files' hashes, drop the working files."""
        hashes = {str(file.relative_to(self.path)): file_sha256(file) for file in files}
        write_json(self.manifest_path, {**manifest, "files": hashes})
        if not keep_work:
            self._drop_work()

    def _drop_work(self) -> None:
        """Drop the working files of a finished run."""
        shutil.rmtree(self.parts, ignore_errors=True)
        shutil.rmtree(self.products, ignore_errors=True)
        (self.work / "run.json").unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove the temporary files that a killed process left, in the run's own folders."""
        results = (self.path, *(self.path / name for name in ("predictions", "metadata", "scores", "exports")))
        for folder in (*results, self.work, self.parts, self.products):
            sweep_temporary(folder)

    def record_export(self, name: str, settings: Mapping[str, Any], files: Sequence[Path]) -> None:
        """Add files that were made from the results of a finished run to its manifest.

        Parameters
        ----------
        name
            Of the export; an earlier one of the same name is replaced.
        settings
            What decides the files' content, JSON-able.
        files
            The files, below the run's folder.
        """
        manifest = self.manifest()
        hashes = {str(file.relative_to(self.path)): file_sha256(file) for file in files}
        manifest.setdefault("exports", {})[name] = {"settings": dict(settings), "files": sorted(hashes)}
        write_json(self.manifest_path, {**manifest, "files": {**manifest["files"], **hashes}})

    def _without_damaged_exports(self, manifest: dict[str, Any]) -> Mapping[str, str]:
        """Strike exports from the manifest whose files changed or are gone; returns the files that are left."""
        files = dict(manifest.get("files", {}))
        exports = manifest.get("exports", {})
        changed = set(self._damaged(files))
        lost = [name for name, export in exports.items() if not changed.isdisjoint(export["files"])]
        if lost:
            logger.warning("%s: the export %s changed since it was made", self.path, ", ".join(lost))
            gone = {file for name in lost for file in exports[name]["files"]}
            files = {file: hash_ for file, hash_ in files.items() if file not in gone}
            manifest["exports"] = {name: export for name, export in exports.items() if name not in lost}
            write_json(self.manifest_path, {**manifest, "files": files})
        return files

    def _discard(self) -> None:
        written = self._written()
        try:
            self.manifest_path.unlink(missing_ok=True)
            (self.work / "run.json").unlink(missing_ok=True)
            for folder in (self.parts, self.products, self.path / "predictions", self.exports, self.path / "scores"):
                if folder.exists():
                    shutil.rmtree(folder)
            for name in written:
                (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"cannot clear {self.path}: {error.strerror}") from error

    def _written(self) -> list[str]:
        """Files inside the folder that its manifest names; none if it cannot be read."""
        try:
            names = self.manifest().get("files", {})
        except OutputError:
            return []
        return [name for name in names if not (path := PurePosixPath(name)).is_absolute() and ".." not in path.parts]

    def _damaged(self, files: Mapping[str, str]) -> list[str]:
        return [
            name
            for name, expected in files.items()
            if not (self.path / name).is_file() or file_sha256(self.path / name) != expected
        ]

    def _refuse_other(self, found: Mapping[str, Any], wanted: Mapping[str, Any], what: str) -> None:
        if digest(found) == digest(wanted):
            return
        differences = [f"{name} was {was}, is {now}" for name, was, now in json_differences(found, wanted)]
        shown = "; ".join(differences[:4]) + (f"; and {len(differences) - 4} more" if len(differences) > 4 else "")
        raise OutputError(
            f"{self.path} holds {what} with other settings: {shown}",
            hint="choose another --output-dir, or --force to replace it",
        )

"""The artifact manager: where the passes of a base model are kept, and what may be done with them.

Nothing here reads the content of results; a pass is written through a
:class:`~splicecore.artifacts.run_directory.RunDirectory` in the folder that the manager names.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import attrs

from splicecore.artifacts.artifact_config import ArtifactConfig, local_time
from splicecore.artifacts.cleaning import Cleaning, clean_tests
from splicecore.artifacts.layout import ArtifactLayout, check_name, check_relative, pass_of_test, subfolders
from splicecore.artifacts.locks import exclusive
from splicecore.artifacts.pass_record import PassRecord, claim_path, read_pass
from splicecore.artifacts.pass_validation import PassValidation, validate_pass
from splicecore.artifacts.placement import Placement, choose_test, choose_version
from splicecore.artifacts.promotion import STAGING, copy_pass, sweep
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import make_folder, write_json
from splicecore.artifacts.versions import LATEST, VersionName, point_latest, read_latest
from splicecore.errors import ConfigError, OutputError, ResourceNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

__all__ = ["ArtifactManager"]

logger = logging.getLogger(__name__)


class ArtifactManager:
    """Artifacts of one base model on one source, build and release.

    Parameters
    ----------
    config
        Whose artifacts, and what a pass is for.
    clock
        Tells the day that a new version is named after.

    Examples
    --------
    >>> config = ArtifactConfig(source="ensembl", build="GRCh37", test_name="my_test", data_root="data")
    >>> ArtifactManager(config).get_artifacts_dir().as_posix()
    'data/ensembl/GRCh37/spliceai_eval/tests/my_test/meta_models/predictions'
    """

    def __init__(self, config: ArtifactConfig, *, clock: Callable[[], datetime] = local_time) -> None:
        self.config = config
        self.layout = ArtifactLayout.of(config)
        self._clock = clock

    # ------------------------------------------------------------------------------------------------------- folders

    def get_artifacts_dir(self, create: bool = False) -> Path:
        """Return the folder of this configuration's pass.

        That of a test is the test's own. In production it is the latest finished version, else the newest one, else
        the first that would be made. A production pass is placed by :meth:`place`.

        Raises
        ------
        OutputError
            If the folder holds a pass of another base model, source, build or release.
        """
        record = self._own()
        if record is None:
            return self.new_version() if create else self._planned()
        if record.state == "foreign":
            record.require_usable()
        return make_folder(record.folder) if create else record.folder

    def get_artifact_path(self, artifact_name: str) -> Path:
        """Return the path of a file in :meth:`get_artifacts_dir`; a name that leads elsewhere is a ConfigError."""
        return self.get_artifacts_dir() / check_relative(artifact_name)

    def should_overwrite(self, artifact_path: str | Path, force: bool = False) -> bool:
        """Whether a file may be written.

        ========== ====== ===== ======
        mode       exists force result
        ========== ====== ===== ======
        test       yes    any   True
        test       no     any   True
        production yes    no    False
        production yes    yes   True
        production no     any   True
        ========== ====== ===== ======

        A file among the production versions is production's, whatever the configuration's mode.
        """
        path = Path(artifact_path)
        production = self.config.mode == "production" or path.resolve().is_relative_to(self.layout.production.resolve())
        return force or not production or not path.exists()

    def list_artifacts(self, pattern: str = "*.parquet") -> list[Path]:
        """Return the files in :meth:`get_artifacts_dir` that match a glob (``**/*`` for all), sorted."""
        folder = self.get_artifacts_dir()
        found = folder.glob(str(check_relative(pattern)))
        return sorted(
            path
            for path in found
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        )

    def get_training_data_dir(self, create: bool = False) -> Path:
        """Return the folder of what meta-models are trained on."""
        return make_folder(self.layout.training_data) if create else self.layout.training_data

    def get_model_checkpoint_dir(self, version: str = LATEST) -> Path:
        """Return the folder of a version of the meta-model.

        Raises
        ------
        ResourceNotFoundError
            If ``latest`` is asked for and there is none.
        """
        models = self.layout.models
        if version != LATEST:
            return models / check_name("version", version)
        name = read_latest(models) or LATEST
        if not (models / check_name("version", name)).is_dir():
            raise ResourceNotFoundError(f"{models} has no latest model", hint="train a model first, or name a version")
        return models / name

    def set_latest_model(self, version: str) -> None:
        """Make ``models/latest`` stand for a version that is there."""
        folder = self.get_model_checkpoint_dir(check_name("version", version))
        if not folder.is_dir():
            raise ResourceNotFoundError(f"{folder} does not exist", hint="train the model first")
        with self._locked():
            point_latest(self.layout.models, version)

    # -------------------------------------------------------------------------------------------------------- passes

    def versions(self) -> list[PassRecord]:
        """Return the production versions, newest first, with what they say about themselves."""
        names = [str(version) for version in sorted(self._version_names(), reverse=True)]
        records = [read_pass("production", name, self.layout.production / name, self.config) for name in names]
        latest = next((record for record in records if record.finished), None)
        return [attrs.evolve(record, latest=record is latest) for record in records]

    def latest(self) -> PassRecord | None:
        """Return the newest finished production version, which ``latest`` stands for; None if there is none."""
        return next((record for record in self.versions() if record.latest), None)

    def tests(self) -> list[PassRecord]:
        """Return the tests by name, with what they say about themselves."""
        folder = self.layout.tests
        names = [name for name in subfolders(folder) if not name.startswith(".")]
        return [read_pass("test", name, pass_of_test(folder / name), self.config) for name in names]

    def find(self, which: str | None = None) -> PassRecord:
        """Return a pass by ``latest``, a version (``v2`` or in full), or a test's name; None for this configuration's.

        Raises
        ------
        ResourceNotFoundError
            If there is no such pass.
        """
        if which is None:
            which = LATEST if self.config.test_name is None else self.config.test_name
        records = [*self.versions(), *self.tests()]
        for record in records:
            if _is_named(record, which):
                return record
        known = ", ".join(record.name for record in records) or "nothing"
        raise ResourceNotFoundError(f"{self.layout.base} has no pass {which!r}", hint=f"there is {known}")

    def score_folders(self) -> list[Path]:
        """Return the ``scores`` folders of all passes, unfinished ones too: production newest first, tests by name.

        Raises
        ------
        OutputError
            If one of them belongs to another base model, source, build or release.
        """
        folders = []
        for record in (*self.versions(), *self.tests()):
            if record.state == "foreign":
                record.require_usable()
            if (record.folder / "scores").is_dir():
                folders.append(record.folder / "scores")
        return folders

    def place(self, identity_digest: str, *, force: bool = False, new_version: bool = False) -> Placement:
        """Say where a pass is written; in production its version is made, so that no other pass gets it.

        Call :meth:`update_latest` when the pass is finished.

        Parameters
        ----------
        identity_digest
            Digest of the pass's identity (:func:`~splicecore.artifacts.store.digest`).
        force
            Replace another pass, or make this one again.
        new_version
            Add a production version beside another pass.

        Raises
        ------
        OutputError
            If the newest production version is another pass, and neither option is given; or if a folder holds a
            pass of another base model, source, build or release.
        ConfigError
            If a test is given ``new_version``: tests have none.
        """
        if self.config.test_name is not None:
            if new_version:
                raise ConfigError("a test has no versions", hint="leave --new-version out, or use --mode production")
            return choose_test(self._test(self.config.test_name), identity_digest, force=force)
        placement = choose_version(self.versions(), identity_digest, force=force, new_version=new_version)
        if placement is not None and not placement.force:
            if placement.reason == "finished":
                self.update_latest()
            return placement
        with self._locked():
            versions = self.versions()
            placement = choose_version(versions, identity_digest, force=force, new_version=new_version)
            if placement is None:
                return Placement(self._add_version(identity_digest), "new")
            if placement.force:
                write_json(claim_path(placement.folder), {"identity_digest": identity_digest})
                self._point_latest([version for version in versions if version.folder != placement.folder])
            return placement

    def new_version(self) -> Path:
        """Make the folder of the next production version, empty, and return it."""
        with self._locked():
            return self._add_version(None)

    def update_latest(self) -> PassRecord | None:
        """Make ``latest`` stand for the newest finished production version, and return it."""
        latest = self.latest()
        if read_latest(self.layout.production) != (None if latest is None else latest.name):
            with self._locked():
                self._point_latest(self.versions())
        return latest

    def promote(self, test_name: str) -> PassRecord:
        """Copy a finished test into a new production version, and make that the latest.

        All checksums are verified on the copies. A test that the newest version already is a copy of adds none.

        Raises
        ------
        ResourceNotFoundError
            If there is no such test.
        OutputError
            If it is not finished, or is being written.
        ChecksumError
            If one of its files is missing or has other content than its manifest says.
        """
        record = self._test(test_name)
        if not self.layout.test(test_name).is_dir():
            raise ResourceNotFoundError(f"{self.layout.base} has no test {test_name!r}")
        with self._locked(), RunDirectory(record.folder).locked():
            record = self._test(test_name).require_usable()
            if not record.finished:
                raise OutputError(f"test {test_name} is not finished", hint="run its command again to go on")
            versions = self.versions()
            for version in versions:
                if version.state == "foreign":
                    version.require_usable()
            newest = versions[0] if versions else None
            if newest is None or (newest.identity, newest.files) != (record.identity, record.files):
                name = self._next_version()
                make_folder(self.layout.production)
                copy_pass(record, self.layout.production / str(name))
                logger.info("test %s is now version %s", test_name, name)
            else:
                logger.info("version %s is a copy of test %s already", newest.name, test_name)
            versions = self.versions()
            self._point_latest(versions)
            return versions[0]

    def clean(self, keep: int, *, dry_run: bool = False, force: bool = False) -> Cleaning:
        """Remove the oldest tests beyond ``keep``, never production; see :func:`~.cleaning.clean_tests`."""
        if not self.layout.tests.is_dir():
            return Cleaning()
        with contextlib.nullcontext() if dry_run else self._locked():
            return clean_tests(self.tests(), keep, dry_run=dry_run, force=force)

    def cleanup_old_tests(self, keep_recent: int = 5) -> Cleaning:
        """Remove the finished tests beyond the ``keep_recent`` that were written last."""
        return self.clean(keep_recent)

    # ------------------------------------------------------------------------------------------------- what is there

    def validate(self, which: str | None = None) -> PassValidation:
        """Compare the files of a pass (see :meth:`find`) with its manifest, reading all of them."""
        return validate_pass(self.find(which))

    def validate_artifacts(self) -> list[PassValidation]:
        """Compare the files of all passes with their manifests, production newest first, then tests by name."""
        return [validate_pass(record) for record in (*self.versions(), *self.tests())]

    def show(self, which: str | None = None) -> dict[str, Any]:
        """Return everything that is known of a pass (see :meth:`find`), JSON-able."""
        return self.find(which).to_json()

    def get_artifact_metadata(self) -> list[dict[str, Any]]:
        """Return everything that is known of all passes, production newest first, then tests by name, JSON-able."""
        return [record.to_json() for record in (*self.versions(), *self.tests())]

    def summary(self) -> dict[str, Any]:
        """Return the configuration, the folders and what is in them, JSON-able."""
        models, own = self.layout.models, self._own()
        return {
            "config": attrs.asdict(self.config),
            "base": str(self.layout.base),
            "artifacts_dir": str(self._planned() if own is None else own.folder),
            "training_data": str(self.layout.training_data),
            "training_data_exists": self.layout.training_data.is_dir(),
            "models": [name for name in subfolders(models) if name != LATEST and not name.startswith(".")],
            "latest_model": read_latest(models),
            "passes": self.get_artifact_metadata(),
        }

    def print_summary(self, stream: TextIO | None = None) -> None:
        """Write the summary for people to a stream, standard output by default."""
        (stream or sys.stdout).write(self.summary_text())

    def summary_text(self) -> str:
        """Return the summary for people."""
        summary = self.summary()
        lines = [f"artifacts of {self.config} ({self.config.mode}, {self.config.coverage})", f"  {summary['base']}"]
        lines += [
            f"  {row['kind']:<10} {row['name']}{' (latest)' if row['latest'] else ''}: {row['state']}"
            for row in summary["passes"]
        ]
        lines.append(f"  this pass: {summary['artifacts_dir']}")
        return "\n".join(lines) + "\n"

    # ------------------------------------------------------------------------------------------------------ internals

    def _test(self, name: str) -> PassRecord:
        return read_pass("test", name, self.layout.test_pass(name), self.config)

    def _own(self) -> PassRecord | None:
        """Return this configuration's pass; None in production if there is no version."""
        if self.config.test_name is not None:
            return self._test(self.config.test_name)
        versions = self.versions()
        return next((version for version in versions if version.latest), versions[0] if versions else None)

    def _planned(self) -> Path:
        return self.layout.production / str(self._next_version())

    def _next_version(self) -> VersionName:
        return VersionName.after([version.number for version in self._version_names()], self._clock())

    def _version_names(self) -> list[VersionName]:
        versions = map(VersionName.parse, subfolders(self.layout.production))
        return [version for version in versions if version is not None]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with exclusive(self.layout.lock):
            sweep(self.layout.production)
            sweep(self.layout.tests)
            yield

    def _add_version(self, identity_digest: str | None) -> Path:
        name = self._next_version()
        folder = self.layout.production / str(name)
        staging = make_folder(folder.with_name(f"{STAGING}{name}"))
        if identity_digest is not None:
            make_folder(claim_path(staging).parent)
            write_json(claim_path(staging), {"identity_digest": identity_digest})
        try:
            staging.rename(folder)
        except OSError as error:
            raise OutputError(f"cannot write {folder}: {error.strerror}") from error
        return folder

    def _point_latest(self, versions: list[PassRecord]) -> None:
        name = next((version.name for version in versions if version.finished), None)
        if read_latest(self.layout.production) != name:
            point_latest(self.layout.production, name)


def _is_named(record: PassRecord, which: str) -> bool:
    if record.kind == "test":
        return record.name == which
    return record.latest if which == LATEST else which in (record.name, record.name.partition("_")[0])

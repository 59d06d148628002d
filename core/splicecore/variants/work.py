"""The folder of what an unfinished pass over a VCF has so far, locked for one run."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import digest, json_differences, make_folder, read_json, sweep_temporary, write_json
from splicecore.errors import OutputError, SplicecoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from splicecore.session import Session
    from splicecore.variants.config import VariantsConfig

__all__ = ["WorkFolder"]


@attrs.define
class WorkFolder:
    """A folder beside the output, or where the user wants it.

    Attributes
    ----------
    path
        The folder.
    identity
        What decides the results of the pass that it is claimed for.
    key
        Its digest.
    """

    path: Path
    identity: dict[str, Any] = attrs.field(factory=dict, init=False)
    key: str = attrs.field(default="", init=False)

    @classmethod
    def of(cls, config: VariantsConfig, session: Session) -> WorkFolder:
        """Choose the folder: where configured, else beside the first output that is a file, else a temporary one.

        In a configured place each command has one of its own, by the files that it writes: shards may share the place.
        """
        if config.work_dir is not None:
            outputs = [name if name == "-" else str(Path(name).absolute()) for name in config.output]
            return cls(Path(config.work_dir) / f".splicecore-variants-{digest(outputs)[:16]}")
        files = [Path(name) for name in config.output if name != "-"]
        return cls(files[0].with_name(f".{files[0].name}.splicecore") if files else session.temporary_folder() / "work")

    @property
    def facts(self) -> dict[str, Any]:
        """What observers are told of the run."""
        return {"id": self.key, **self.identity}

    @property
    def plan(self) -> Path:
        """The plan."""
        return self.path / "plan.json"

    @property
    def blocks(self) -> Path:
        """Records in blocks."""
        return self.path / "blocks.arrow"

    @property
    def parts(self) -> Path:
        """Results of the blocks that are done."""
        return self.path / "parts"

    @contextlib.contextmanager
    def claimed(self, identity: Mapping[str, Any], *, force: bool = False) -> Iterator[WorkFolder]:
        """Hold the folder for a pass.

        Raises
        ------
        OutputError
            If another run holds it, it has what an interrupted run with other settings left (``force`` drops that), or
            it cannot be written to.
        """
        make_folder(self.path)
        try:
            opened = (self.path / "lock").open("w")
        except OSError as error:
            raise OutputError(
                f"cannot write into {self.path}: {error.strerror}", hint="choose another --output or --work-dir"
            ) from error
        with opened as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise OutputError(
                    f"another run is writing into {self.path}", hint="wait for it to end or choose another --output"
                ) from error
            self._begin(identity, force=force)
            try:
                yield self
            except SplicecoreError:
                if self.path.exists() and not any(self.parts.glob("*.parquet")):
                    self.drop()  # nothing is lost, and nothing is in the way of another attempt
                raise

    def _begin(self, identity: Mapping[str, Any], *, force: bool) -> None:
        known = self.path / "run.json"
        before = _read(known, force=force)
        if before is not None and digest(before) != digest(identity):
            found = json_differences(_by_place(before), _by_place(dict(identity)))
            differences = [f"{name} was {was}, is {now}" for name, was, now in found]
            if not force:
                raise OutputError(
                    f"{self.path} has an interrupted run with other settings: {'; '.join(differences[:4])}",
                    hint="choose another --output, or --force to drop it",
                )
            self._clear()
        self.identity, self.key = dict(identity), digest(identity)
        make_folder(self.parts)
        for folder in (self.path, self.parts):
            sweep_temporary(folder)
        write_json(known, identity)

    def _clear(self) -> None:
        for path in (self.plan, self.blocks, self.path / "run.json"):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.parts, ignore_errors=True)

    def drop(self) -> None:
        """Remove the folder of a finished pass."""
        shutil.rmtree(self.path, ignore_errors=True)


def _read(path: Path, *, force: bool) -> Any:
    """Return what a file says, None if it is not there; one that cannot be read says nothing if that is forced."""
    if not path.exists():
        return None
    try:
        return read_json(path)
    except OutputError:
        if not force:
            raise
        return {}


def _by_place(value: Any) -> Any:
    """Return a JSON value with mappings in the place of lists, so that what differs in them can be named."""
    if isinstance(value, list | tuple):
        return {str(place): _by_place(item) for place, item in enumerate(value)}
    return {name: _by_place(item) for name, item in value.items()} if isinstance(value, dict) else value

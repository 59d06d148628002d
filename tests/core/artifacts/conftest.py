"""Passes written the way the command writes them: through a run directory."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from splicecore.artifacts.artifact_config import ArtifactConfig
from splicecore.artifacts.manager import ArtifactManager
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import digest


@attrs.define
class Desk:
    """A data root, and a clock that is set by hand."""

    root: Path
    now: datetime = datetime(2025, 11, 4, 12, tzinfo=UTC)

    def manager(self, **fields) -> ArtifactManager:
        """Return the manager of a configuration."""
        config = {"source": "ensembl", "build": "GRCh37", "data_root": self.root, **fields}
        return ArtifactManager(ArtifactConfig(**config), clock=lambda: self.now)

    def production(self, **fields) -> ArtifactManager:
        """Return the manager of a production configuration."""
        return self.manager(mode="production", **fields)

    def test(self, name: str, **fields) -> ArtifactManager:
        """Return the manager of a test."""
        return self.manager(test_name=name, **fields)

    def identity(self, manager: ArtifactManager, seed: int = 1) -> dict:
        """Return the identity of a pass."""
        return {
            "base_model": {"name": manager.config.base_model, "fingerprint": f"weights-{seed}"},
            "inputs": {"build": manager.config.build},
            "artifacts": manager.config.owner,
            "threshold": seed,
        }

    def write(self, manager: ArtifactManager, seed: int = 1, *, finish: bool = True, **options) -> Path:
        """Write a pass as the command does, and return its folder."""
        identity = self.identity(manager, seed)
        placement = manager.place(digest(identity), **options)
        with RunDirectory(placement.folder).locked() as run:
            if run.begin(identity, force=placement.force) or not finish:
                return placement.folder
            scores = placement.folder / "scores"
            scores.mkdir(exist_ok=True)
            files = [scores / "key.parquet", placement.folder / "splice_errors.parquet"]
            for file in files:
                file.write_text(f"{file.name} {seed}")
            (placement.folder / "run.log").write_text("at noon")
            run.finish({"schema": "splicecore-pass/1", "identity": identity, "rows": 10 * seed, "genes": seed}, files)
        manager.update_latest()
        return placement.folder

    def snapshot(self, folder: Path | None = None) -> dict[str, str | bytes]:
        """Return every file's content and every link's target below a folder, or below the root."""
        folder = folder or self.root
        return {
            str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() or path.is_symlink()
        }


@pytest.fixture
def desk(tmp_path) -> Desk:
    """An empty data root."""
    return Desk(tmp_path / "data")

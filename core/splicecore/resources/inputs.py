"""The genome and what is derived from its annotation, as a pass opens them: from the data root, or from files.

Files that a user names are derived once into a folder of the cache that belongs to their content and place; a data root
is only read.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from splicecore.artifacts.store import digest, file_sha256
from splicecore.errors import AnnotationError, ConfigError, FastaError, OutputError
from splicecore.genome.build import check_build
from splicecore.resources.derive import derive_resources
from splicecore.resources.resource_set import ResourceSet

if TYPE_CHECKING:
    from splicecore.config import PassConfig
    from splicecore.session import Session

__all__ = ["Inputs", "declared_build", "open_inputs", "require_inputs"]

logger = logging.getLogger(__name__)

_KINDS = ("gene_features", "transcript_features", "exon_features", "splice_sites")


@attrs.frozen(kw_only=True, eq=False)
class Inputs:
    """Opened resources.

    Attributes
    ----------
    resources
        Read-only.
    derived
        Datasets that had to be derived for this.
    """

    resources: ResourceSet
    derived: tuple[str, ...] = ()


def open_inputs(session: Session, config: PassConfig) -> Inputs:
    """Open genome and annotation.

    Raises
    ------
    ConfigError
        If neither files are named nor a source.
    ResourceNotFoundError
        If the data root lacks something; says which command makes it.
    SplicecoreError
        For everything that is wrong with the files.
    """
    require_inputs(config)
    inputs = _open(session, config)
    declared = declared_build(config)
    if declared is not None:
        check_build(declared, inputs.resources.contigs)
    return inputs


def _open(session: Session, config: PassConfig) -> Inputs:
    if config.fasta is not None and config.annotation is not None:
        return _of_files(session, Path(config.fasta), Path(config.annotation), declared_build(config))
    resources = session.resources.open(str(config.source), str(config.build), config.release)
    if config.fasta is None and config.annotation is None:
        resources.check_inputs(session.cache_dir)
        return Inputs(resources=resources)
    fasta = resources.fasta if config.fasta is None else Path(config.fasta)
    annotation = resources.annotation_path if config.annotation is None else Path(config.annotation)
    return _of_files(session, fasta, annotation, declared_build(config))


def declared_build(config: PassConfig) -> str | None:
    """Return the build that the genome must be; None if any will do, as for a data root's folder of another name."""
    from splicecore.resources.importing import known_build

    return config.build if config.source is None or config.build is None else known_build(config.build)


def require_inputs(config: PassConfig) -> None:
    """Check that a configuration says where genome and annotation come from.

    Raises
    ------
    ConfigError
        If it does not.
    """
    missing = [name for name in ("fasta", "annotation") if getattr(config, name) is None]
    if not missing:
        return
    if config.source is None:
        raise ConfigError(
            f"no {' and no '.join(missing)} given",
            hint=f"{' and '.join(f'--{name} FILE' for name in missing)}, "
            "or --source NAME and --build NAME of a prepared data root",
        )
    if config.build is None:
        raise ConfigError(f"source {config.source!r} is given without a build", hint="--build NAME, such as GRCh38")


def _of_files(session: Session, fasta: Path, annotation: Path, build: str | None) -> Inputs:
    for path, error in ((fasta, FastaError), (annotation, AnnotationError)):
        if not path.is_file():
            raise error(f"{path} {'is not a file' if path.exists() else 'does not exist'}")
    files = [[str(path.resolve()), file_sha256(path, session.cache_dir)] for path in (fasta, annotation)]
    folder = session.cache_dir / "resources" / digest(files)
    try:
        return _derived(folder, fasta, annotation, build, session.cache_dir)
    except OutputError as error:
        logger.warning("%s; what is derived from %s is not kept", error.message, annotation)
        return _derived(session.temporary_folder(), fasta, annotation, build, session.cache_dir)


def _derived(folder: Path, fasta: Path, annotation: Path, build: str | None, cache: Path) -> Inputs:
    made = derive_resources(folder, fasta=fasta, annotation=annotation, build=build, kinds=_KINDS, cache=cache)
    return Inputs(resources=ResourceSet.open(folder), derived=tuple(made.derived))

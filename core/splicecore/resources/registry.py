"""The registry of genomic resources: what there is of a source and build, and where.

Looking and opening never write; only :meth:`Registry.derive` and :meth:`Registry.import_files` do. Every question goes
through the finders that the core and the plugins register, in the order of their priority: the path that the user gave,
``SPLICECORE_<KIND>_PATH``, the data root, plugins.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splicecore.errors import ConfigError, ResourceNotFoundError
from splicecore.genome.suggestions import near_names
from splicecore.plugins.specs import ResourceLocation, ResourceRequest
from splicecore.resources.commands import derive_command, import_command, variable_name
from splicecore.resources.finders import default_data_root
from splicecore.resources.guard import check_output_folder
from splicecore.resources.keys import DERIVED_KINDS, GENOMIC_KINDS, ResourceKey
from splicecore.resources.manifest import MANIFEST_NAME
from splicecore.resources.search import ask_finders
from splicecore.resources.sources import find_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splicecore.plugins.host import PluginHost
    from splicecore.resources.derive import DeriveResult
    from splicecore.resources.importing import ImportedFile
    from splicecore.resources.resource_set import ResourceSet
    from splicecore.resources.sources import SourceFolder
    from splicecore.resources.status import ResourceStatus
    from splicecore.resources.validation import ResourceValidation

__all__ = ["Registry"]

logger = logging.getLogger(__name__)

_MINIMUM = ("gene_features", "transcript_features", "exon_features", "splice_sites")


class Registry:
    """Genomic resources by their key.

    Parameters
    ----------
    host
        Plugins, the core's own finders among them.
    data_root
        Root of the user's data; None for ``SPLICECORE_DATA_ROOT`` or the platform's folder.
    cache
        Folder that remembers the hashes of big files; None to hash them every time.

    Examples
    --------
    >>> from splicecore.api import Session
    >>> resources = Session().resources.open("gencode", "GRCh38")  # doctest: +SKIP
    """

    def __init__(self, host: PluginHost, data_root: Path | None = None, cache: Path | None = None) -> None:
        root = default_data_root() if data_root is None else data_root.expanduser()
        self.host = host
        self.data_root = Path(os.path.abspath(root))  # noqa: PTH100 - keeps links, which Path.resolve() follows
        self.cache = cache

    @property
    def kinds(self) -> tuple[str, ...]:
        """The core's kinds of genomic resources and those that finders of plugins add."""
        offered = {kind for finder in self.host.resource_finders().values() for kind in finder.kinds}
        return (*GENOMIC_KINDS, *sorted(offered - {*GENOMIC_KINDS, "weights", "genomic"}))

    # ---------------------------------------------------------------------------------------------------- one resource

    def resolve(self, key: ResourceKey, explicit: str | Path | None = None) -> ResourceLocation:
        """Find a resource.

        Parameters
        ----------
        key
            What, whose, of which build and release.
        explicit
            Path that the user gave for it, or None.

        Raises
        ------
        ConfigError
            If there is no such kind; suggests near names.
        ResourceNotFoundError
            If it is nowhere, with every place that was searched and what to do; or if the explicit path or that of the
            environment variable does not exist.
        ResourceError
            If several files could be meant, or the folder's manifest is damaged.
        """
        return self.host.find_resource(self._request(key, explicit))

    def find(self, key: ResourceKey, explicit: str | Path | None = None) -> ResourceLocation | None:
        """Find a resource, or None where nobody has it; the other errors of :meth:`resolve` remain."""
        location, _ = ask_finders(self._request(key, explicit), self.host.resource_finders().values())
        return location

    def status(self, source: str, build: str, release: str | None = None) -> tuple[ResourceStatus, ...]:
        """Tell of every kind whether it is found, missing or damaged.

        Nothing is raised for what is missing or damaged. Datasets are hashed (hashes are remembered in the cache by
        path, size and time of change); genome and annotation are where they do not look like the manifest's.
        """
        from splicecore.resources.status import resource_status

        return resource_status(self, source, build, release)

    # --------------------------------------------------------------------------------------------------------- writing

    def import_files(
        self,
        source: str,
        build: str,
        release: str | None = None,
        *,
        fasta: str | Path | None = None,
        annotation: str | Path | None = None,
        link: bool = False,
    ) -> tuple[ImportedFile, ...]:
        """Place a genome and an annotation into the data root; see :mod:`splicecore.resources.importing`.

        Raises
        ------
        ConfigError
            If neither is given.
        FastaError, ContigError, AnnotationError, OutputError
            As :func:`~splicecore.resources.importing.import_files`.
        """
        from splicecore.resources.importing import import_files

        if fasta is None and annotation is None:
            raise ConfigError("nothing to import", hint="--fasta FILE, --annotation FILE, or both")
        return import_files(
            ResourceKey(kind="fasta", source=source, build=build, release=release),
            self.data_root,
            fasta=None if fasta is None else Path(fasta),
            annotation=None if annotation is None else Path(annotation),
            link=link,
            cache=self.cache,
        )

    def derive(self, source: str, build: str, release: str | None = None, **options: Any) -> DeriveResult:
        """Derive the datasets of a source and build into their folder of the data root.

        Parameters
        ----------
        source, build, release
            As in :class:`~splicecore.resources.keys.ResourceKey`.
        **options
            ``fasta``, ``annotation`` (paths; found as by :meth:`resolve` where they are not given), ``kinds``,
            ``contigs``, ``force``, ``materialize_sequences`` and ``progress`` of
            :func:`~splicecore.resources.derive.derive_resources`.

        Raises
        ------
        ResourceNotFoundError
            If genome or annotation are nowhere.
        ContigError, AnnotationError, FastaError, OutputError
            As :func:`~splicecore.resources.derive.derive_resources`; a genome of another build is refused.
        """
        from splicecore.resources.deriving import derive_source

        return derive_source(self, source, build, release, **options)

    def export_tsv(
        self,
        output: str | Path,
        source: str,
        build: str,
        release: str | None = None,
        *,
        kinds: Sequence[str] = (),
    ) -> dict[str, Path]:
        """Write datasets as TSV, 1-based; see :mod:`splicecore.resources.tsv_export`.

        Parameters
        ----------
        output
            Folder to write into.
        source, build, release
            As in :class:`~splicecore.resources.keys.ResourceKey`.
        kinds
            Which datasets, those left out that TSV cannot hold; empty for all.

        Returns
        -------
        The files, by kind.

        Raises
        ------
        ResourceNotFoundError
            If a dataset, or one whose columns it needs (names of genes), was not derived.
        OutputError
            If the folder is one of resources, or cannot be written.
        """
        from splicecore.resources.tsv_export import TSV_FILES, export_tsv

        self.check_output(output)
        resources = self.open(source, build, release, kinds=())
        return export_tsv(resources, Path(output), tuple(kind for kind in TSV_FILES if not kinds or kind in kinds))

    # -------------------------------------------------------------------------------------------------- a whole folder

    def choose(
        self, source: str | None = None, build: str | None = None, release: str | None = None
    ) -> tuple[str, str, str | None]:
        """Complete a choice of source, build and release where the data root leaves only one.

        Returns
        -------
        Source, build and release. Where source and build are given, they and the release come back as they are.

        Raises
        ------
        ConfigError
            If the data root has none that fits, or several; lists what it has.
        """
        if source is not None and build is not None:
            return source, build, release
        there = self.sources()
        wanted = (source, build, release)
        fitting = [
            one
            for one in there
            if all(want in (None, has) for want, has in zip(wanted, (one.source, one.build, one.release), strict=True))
        ]
        if len(fitting) == 1:
            return fitting[0].source, fitting[0].build, fitting[0].release
        has = "; ".join(one.title for one in there) or "nothing"
        raise ConfigError(
            f"{'several' if fitting else 'no'} resources in {self.data_root} fit; it has {has}",
            hint="--source NAME --build NAME, and --release NAME where there are several",
        )

    def folder(self, source: str, build: str, release: str | None = None) -> Path:
        """Return the folder of the data root for a source, build and release; it need not exist."""
        return ResourceKey(kind="annotation", source=source, build=build, release=release).folder(self.data_root)

    def open(self, source: str, build: str, release: str | None = None, kinds: Sequence[str] = _MINIMUM) -> ResourceSet:
        """Open the derived resources of a source, build and release for reading.

        The set is one folder of the data root, whole: variables that point at a single dataset elsewhere do not reach
        into it.

        Parameters
        ----------
        source, build, release
            As in :class:`~splicecore.resources.keys.ResourceKey`.
        kinds
            Datasets that must be there.

        Raises
        ------
        ResourceNotFoundError
            If datasets are missing; says which, and the command that makes them.
        ChecksumError
            If the manifest is damaged or was edited.
        """
        from splicecore.resources.resource_set import ResourceSet

        folder = self.folder(source, build, release)
        if not (folder / MANIFEST_NAME).exists():
            raise self._nothing_derived(folder, source, build, release)
        resources = ResourceSet.open(folder)
        missing = [kind for kind in kinds if kind not in resources.manifest.datasets]
        if missing:
            raise ResourceNotFoundError(
                f"{folder} has no {', '.join(missing)}", hint=f"run: {self.derive_command(source, build, release)}"
            )
        self._warn_of_variables(folder)
        return resources

    def validate(
        self, source: str, build: str, release: str | None = None, *, gate: float = 0.95
    ) -> ResourceValidation:
        """Check derived resources, their genome and annotation; see :mod:`splicecore.resources.validation`."""
        from splicecore.resources.validation import validate_resources

        return validate_resources(self.open(source, build, release), gate=gate)

    def derive_command(self, source: str, build: str, release: str | None = None) -> str:
        """Return the command that derives what :meth:`open` opens."""
        return derive_command(source, build, release, self._foreign_root())

    def remedy(self, source: str, build: str, release: str | None = None) -> str:
        """Return the commands that bring what is missing: import, where genome or annotation are, and derive."""
        derive = self.derive_command(source, build, release)
        if not self._lacking(source, build, release):
            return derive
        return f"{import_command(source, build, release, self._foreign_root())}; then: {derive}"

    def sources(self) -> tuple[SourceFolder, ...]:
        """Return every folder of the data root that holds a genome, an annotation or derived datasets."""
        return tuple(find_sources(self.data_root))

    def folders(self) -> tuple[Path, ...]:
        """Return the folders that hold resources, which no result may be written to."""
        return tuple(found.folder for found in self.sources())

    def check_output(self, output: str | Path) -> None:
        """Refuse an output folder that is, holds or lies in a folder of resources, or holds the data root.

        Raises
        ------
        OutputError
            Naming both folders.
        """
        check_output_folder(output, self.folders(), data_root=self.data_root)

    # --------------------------------------------------------------------------------------------------------- details

    def _request(self, key: ResourceKey, explicit: str | Path | None) -> ResourceRequest:
        kinds = self.kinds
        if key.kind not in kinds:
            near = near_names(key.kind, kinds)
            hint = f"did you mean {' or '.join(near)}?" if near else f"one of {', '.join(kinds)}"
            raise ConfigError(f"there is no kind of genomic resource {key.kind!r}", hint=hint)
        release = "" if key.release is None else f", release {key.release}"
        return ResourceRequest(
            kind=key.kind,
            name=f"{key.source} {key.build}{release}",
            explicit=None if explicit is None else str(explicit),
            data_root=str(self.data_root),
            source=key.source,
            build=key.build,
            release=key.release,
        )

    def _foreign_root(self) -> str | None:
        """Return the data root where commands do not find it by themselves."""
        return None if self.data_root == default_data_root() else str(self.data_root)

    def _lacking(self, source: str, build: str, release: str | None) -> list[str]:
        kinds = ("fasta", "annotation")
        keys = [ResourceKey(kind=kind, source=source, build=build, release=release) for kind in kinds]
        return [key.kind for key in keys if self.find(key) is None]

    def _nothing_derived(self, folder: Path, source: str, build: str, release: str | None) -> ResourceNotFoundError:
        lacking = self._lacking(source, build, release)
        text = f"no datasets are derived in {folder}" + (
            f", which has no {' and no '.join(lacking)}" if lacking else ""
        )
        known = "; ".join(one.title for one in self.sources() if one.derived)
        return ResourceNotFoundError(
            f"{text}; there are those of {known}" if known else text,
            hint=f"run: {self.remedy(source, build, release)}",
        )

    def _warn_of_variables(self, folder: Path) -> None:
        for kind in DERIVED_KINDS:
            if os.environ.get(variable_name(kind)):
                logger.warning("%s is set, but resources are opened whole from %s", variable_name(kind), folder)

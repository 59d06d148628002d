"""Validation of a dataset: one pass over its rows for all checks, then samples against genome, scores and labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pyarrow as pa

from splicecore.dataset.validation.annotation import AnnotationCheck, check_inputs
from splicecore.dataset.validation.check import DatasetCheck
from splicecore.dataset.validation.columns import ColumnCheck, WordCheck
from splicecore.dataset.validation.duplicates import DuplicateCheck
from splicecore.dataset.validation.files import check_files, check_schema
from splicecore.dataset.validation.leakage import check_leakage, check_missingness
from splicecore.dataset.validation.opened import OpenedDataset
from splicecore.dataset.validation.order import GeneCheck, OrderCheck
from splicecore.dataset.validation.parity import FeatureParity, check_derived
from splicecore.dataset.validation.permutation import check_permutation
from splicecore.dataset.validation.report import DatasetValidation
from splicecore.dataset.validation.rows import BuildCheck, ClassCheck, LabelCheck, NullCheck, PlaceCheck
from splicecore.dataset.validation.sampling import GeneSample, RowSample
from splicecore.dataset.validation.score_folders import ScoreFolders
from splicecore.dataset.validation.scores import ScoreCheck
from splicecore.dataset.validation.structure import StructureCheck
from splicecore.errors import ChecksumError, ConfigError, InputError
from splicecore.resources.resource_set import ResourceSet
from splicecore.session import Session

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from typing import Protocol

    from splicecore.dataset.validation.row_batch import RowBatch

    class _Check(Protocol):
        def add(self, rows: RowBatch) -> None: ...
        def checks(self) -> Iterator[DatasetCheck]: ...


__all__ = ["validate_dataset"]

_PROBED_ROWS = 20_000
_NO_INPUTS = "no genome and annotation are given (--fasta and --annotation, or --source)"


def validate_dataset(
    folder: str | os.PathLike[str],
    *,
    session: Session | None = None,
    fasta: str | os.PathLike[str] | None = None,
    annotation: str | os.PathLike[str] | None = None,
    source: str | None = None,
    build: str | None = None,
    release: str | None = None,
    scores: Sequence[str | os.PathLike[str]] = (),
    sample: int = 500,
    seed: int = 42,
) -> DatasetValidation:
    """Validate a dataset. Nothing is written to it, and what is wrong with it is in the result, not raised.

    All rows are read once, a few thousand at a time: memory does not follow the dataset.

    Parameters
    ----------
    folder
        Of the dataset.
    session
        Plugins and folders; None for a new one.
    fasta, annotation, source, build, release
        Genome and annotation that the dataset was built of, as in :class:`~splicecore.config.PassConfig`. Without them
        nothing is compared with the genome and the annotation.
    scores
        Folders of ``splicecore predict`` with the scores of every base model of the dataset. Without them features of
        scores are compared with each other only.
    sample
        How many annotated sites, and how many other rows, have their features computed anew.
    seed
        Decides the samples.

    Raises
    ------
    ResourceNotFoundError
        If the folder holds no finished dataset.
    ChecksumError
        If a manifest of it is damaged.
    SplicecoreError
        If genome, annotation or scores cannot be opened.
    """
    if sample < 1:
        raise ConfigError(f"sample is {sample}; it must be at least 1")
    opened = OpenedDataset.open(Path(folder))
    given = {"fasta": fasta, "annotation": annotation, "source": source, "build": build, "release": release}
    resources, session = _inputs(session, {name: str(value) for name, value in given.items() if value is not None})
    folders = ScoreFolders([Path(one) for one in scores]) if scores else None
    return _Validation(
        opened=opened, resources=resources, session=session, scores=folders, sample=sample, seed=seed
    ).run()


def _inputs(session: Session | None, given: dict[str, str]) -> tuple[ResourceSet | None, Session]:
    """Open genome and annotation, None if none are given, and a session where there is none."""
    from splicecore.config import PassConfig, structure
    from splicecore.resources.inputs import open_inputs
    from splicecore.session import Session as Opened

    session = Opened() if session is None else session
    if not given.keys() & {"fasta", "annotation", "source"}:
        return None, session
    return open_inputs(session, structure(given, PassConfig, where="options")).resources, session


@attrs.frozen(kw_only=True, eq=False)
class _Validation:
    """One validation."""

    opened: OpenedDataset
    resources: ResourceSet | None
    session: Session
    scores: ScoreFolders | None
    sample: int
    seed: int

    def run(self) -> DatasetValidation:
        """Make all checks."""
        opened, resources = self.opened, self.resources
        checks = [check_files(opened), check_schema(opened)]
        fitting = None
        if resources is not None:
            inputs = check_inputs(opened, resources)
            checks.append(inputs)
            fitting = None if inputs.status == "failed" else resources
        rows = RowSample(opened, self.sample, self.seed, sites=False)
        sites = RowSample(opened, self.sample, self.seed, sites=True)
        genes = GeneSample(opened, _PROBED_ROWS, self.seed)
        streamed = self._streamed(fitting)
        read, files = self._stream([*streamed, rows, sites, genes], checks)
        if not read:
            checks.append(DatasetCheck(name="rows", status="failed", details="no row could be read"))
        else:
            for check in streamed:
                checks += check.checks()
            table = pa.concat_tables([rows.table(), sites.table()]).unify_dictionaries().combine_chunks()
            checks.append(check_derived(opened, table, self.session.host))
            checks += self._against_genome(table, fitting)
            columns, probed = opened.dataset.contract.columns, genes.rows()
            checks += [check_leakage(columns, probed), check_missingness(columns, probed)]
            checks.append(check_permutation(columns, probed, self.seed))
        return DatasetValidation(folder=str(opened.dataset.path), rows=read, files=files, checks=tuple(checks))

    def _streamed(self, resources: ResourceSet | None) -> list[_Check]:
        """Make the checks that see every row."""
        opened = self.opened
        checks: list[_Check] = [
            ClassCheck(opened),
            NullCheck(opened),
            LabelCheck(),
            ScoreCheck(opened),
            OrderCheck(),
            GeneCheck(opened),
            PlaceCheck(),
            DuplicateCheck(opened),
            BuildCheck(opened),
            ColumnCheck(opened),
            WordCheck(opened),
            StructureCheck(opened, resources),
        ]
        if resources is not None:
            checks.append(AnnotationCheck(opened, resources))
        return checks

    def _stream(self, checks: Sequence[_Check | RowSample | GeneSample], found: list[DatasetCheck]) -> tuple[int, int]:
        """Show every readable row to every check; returns the numbers of rows and of files."""
        read, files = 0, 0
        unread: list[str] = []
        for path in self.opened.dataset.files:
            try:
                for batch in self.opened.batches(path):
                    for check in checks:
                        check.add(batch)
                    read += len(batch)
                files += 1
            except (ChecksumError, InputError) as error:
                unread.append(error.message)
        if unread:
            text = f"not looked into: {'; '.join(unread)}"
            found.append(DatasetCheck(name="reading", status="warned", details=text, data={"files": len(unread)}))
        return read, files

    def _against_genome(self, table: pa.Table, resources: ResourceSet | None) -> Iterator[DatasetCheck]:
        """Compare the sample with the genome and the score files."""
        names = ("sequence features", "motifs", "score features")
        if resources is None:
            text = _NO_INPUTS if self.resources is None else "the genome given is not that of the dataset"
            for name in (*names, *(("annotation",) if resources is None else ())):
                yield DatasetCheck(name=name, status="skipped", details=text)
            return
        parity = FeatureParity(
            opened=self.opened,
            sample=table,
            resources=resources,
            cache=self.session.cache_dir,
            host=self.session.host,
            scores=self.scores,
        )
        yield from parity.checks()

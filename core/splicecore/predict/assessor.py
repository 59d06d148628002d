"""Assessing a gene's scores in the worker that made them: labels, errors, sequences and measures, one file a gene."""

from __future__ import annotations

import functools
import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa

from splicecore.artifacts.store import atomic_path, digest
from splicecore.assess.config import AssessConfig
from splicecore.config import FlankMode
from splicecore.errors import ChecksumError
from splicecore.predict.blocks import Block, GeneSequence
from splicecore.predict.parts import PartReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore.assess.sites import TranscriptSites
    from splicecore.genome.genes import Gene
    from splicecore.genome.reference import Reference
    from splicecore.resources.resource_set import ResourceSet

__all__ = ["TABLES", "AssessPlan", "Assessor", "AssessorConfig", "assessment_path", "open_assessor", "read_assessment"]

TABLES = ("positions", "errors", "sequences", "performance")
"""What a gene's file holds, in this order."""

_MAGIC = b"splicecore-assessment/1\n"


@attrs.frozen(kw_only=True)
class AssessorConfig:
    """What a worker needs to assess genes; JSON-able through :func:`attrs.asdict`.

    Attributes
    ----------
    resources
        Folder of the derived resources.
    folder
        Where the genes' files go.
    base
        Digest of what decides an assessment beside the gene's scores.
    """

    resources: str
    folder: str
    base: str
    base_model: str
    build: str
    flank: FlankMode
    settings: AssessConfig


@attrs.frozen(kw_only=True)
class AssessPlan:
    """How a pass assesses its genes."""

    config: AssessorConfig

    @classmethod
    def of(
        cls, resources: ResourceSet, folder: Path, base_model: str, flank: FlankMode, settings: AssessConfig
    ) -> AssessPlan:
        """Plan the assessment of a base model's scores with the annotation of ``resources`` into ``folder``."""
        decides = [resources.annotation_sha256, resources.fasta_sha256, flank, attrs.asdict(settings)]
        config = AssessorConfig(
            resources=str(resources.folder),
            folder=str(folder),
            base=digest(decides),
            base_model=base_model,
            build=resources.build.name,
            flank=flank,
            settings=settings,
        )
        return cls(config=config)

    def finished(self, key: str) -> bool:
        """Whether the gene whose scores have this key is assessed already."""
        path = assessment_path(self.config, key)
        if not path.exists():
            return False
        try:
            read_assessment(path)
        except ChecksumError:
            return False
        return True


def assessment_path(config: AssessorConfig, key: str) -> Path:
    """Where the assessment of the gene whose scores have this key lies."""
    return Path(config.folder) / f"{digest([config.base, key])}.assessment"


def open_assessor(config: AssessorConfig, reference: Reference) -> Assessor:
    """Open the resources that an assessor needs."""
    from splicecore.resources.resource_set import ResourceSet

    return Assessor(config, ResourceSet.open(Path(config.resources)), reference)


class Assessor:
    """Assesses genes, one after another."""

    def __init__(self, config: AssessorConfig, resources: ResourceSet, reference: Reference) -> None:
        self.config = config
        self.resources = resources
        self.reference = reference

    def assess(self, gene: Gene, key: str, part: Path) -> None:
        """Assess a gene whose scores are in ``part`` and write its file."""
        from splicecore.assess.enhanced import enhance
        from splicecore.assess.gene import assess_gene
        from splicecore.assess.sequences import analysis_sequences

        settings = self.config.settings
        block = self._block(gene, part)
        assessment = assess_gene(
            block,
            self.resources.sites(),
            self._transcripts.of(gene),
            settings,
            gene_biotype=self._biotypes[gene.index].as_py(),
        )
        positions = enhance(block, assessment.positions)
        sequences = analysis_sequences(block, positions, settings)
        tables = (positions, assessment.errors, sequences, assessment.performance)
        _write(assessment_path(self.config, key), tables)

    def _block(self, gene: Gene, part: Path) -> Block:
        halo = self.config.settings.sequence_flank
        sequence = GeneSequence(reference=self.reference, gene=gene, flank=self.config.flank)
        with PartReader(part) as scores:
            return Block(
                gene=gene,
                build=self.config.build,
                flank=self.config.flank,
                halo=halo,
                codes=sequence.codes(-halo, gene.length + halo),
                scores={self.config.base_model: scores.read(0, gene.length)},
            )

    @functools.cached_property
    def _transcripts(self) -> TranscriptSites:
        from splicecore.assess.sites import TranscriptSites

        annotation = self.resources.annotation()
        return TranscriptSites(
            self.resources.sites().sites, annotation.transcripts.column("transcript_id").combine_chunks()
        )

    @functools.cached_property
    def _biotypes(self) -> Any:
        return self.resources.annotation().genes.column("gene_biotype")


def _write(path: Path, tables: tuple[pa.Table, ...]) -> None:
    """Write tables one after another, after their SHA-256."""
    buffer = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    for table in tables:
        with pa.ipc.new_stream(buffer, table.schema, options=options) as stream:
            stream.write_table(table.combine_chunks())
    content = buffer.getvalue()
    with atomic_path(path) as temporary:
        temporary.write_bytes(_MAGIC + hashlib.sha256(content).digest() + content)


def read_assessment(path: Path) -> Mapping[str, pa.Table]:
    """Read a gene's tables, by the names in :data:`TABLES`.

    Raises
    ------
    ChecksumError
        If the file is damaged.
    """
    content = path.read_bytes()
    start = len(_MAGIC) + hashlib.sha256().digest_size
    checksum = content[len(_MAGIC) : start]
    if content[: len(_MAGIC)] != _MAGIC or hashlib.sha256(content[start:]).digest() != checksum:
        raise ChecksumError(f"{path} is damaged", hint="remove the file and run the same command again")
    stream = pa.BufferReader(content[start:])
    return {name: pa.ipc.open_stream(stream).read_all() for name in TABLES}

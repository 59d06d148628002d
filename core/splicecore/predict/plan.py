"""The plan of a base-model pass: which genes, which model, and the keys that their scores are kept under."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

import splicecore
from splicecore.artifacts.store import digest, file_sha256
from splicecore.config import FlankMode
from splicecore.errors import ConfigError
from splicecore.genome.annotation import BoundAnnotation, read_annotation
from splicecore.genome.contigs import Contigs
from splicecore.genome.genes import Gene
from splicecore.genome.motif_check import check_motifs
from splicecore.genome.reference import Reference
from splicecore.plugins.specs import BaseModelSpec, OpenRequest
from splicecore.predict.licence import licence_notice
from splicecore.predict.selection import GeneEntry, select_genes
from splicecore.predict.table import SCORE_TABLE_VERSION, ScoreTable
from splicecore.predict.task import TaskConfig
from splicecore.predict.tiling import Tiling

if TYPE_CHECKING:
    from splicecore.config import RunConfig
    from splicecore.session import Session

__all__ = ["ScorePlan", "make_plan"]

logger = logging.getLogger(__name__)


@attrs.frozen(kw_only=True, eq=False)
class ScorePlan:
    """Everything that decides a pass's bytes, and nothing that does not.

    Attributes
    ----------
    entries
        What was asked for, one entry a gene or unresolved name.
    genes
        The genes to score, without repetition, in genomic order.
    keys
        Key of each gene's scores: hash of model, geometry, flank mode, genome content and coordinates.
    contigs
        The reference's contigs.
    identity
        JSON value of everything that decides the output's bytes.
    min_score
        What a row must score at least to be kept, or None.
    """

    spec: BaseModelSpec
    request: OpenRequest
    fingerprint: str
    flank: FlankMode
    fasta: Path
    build: str
    contigs: Contigs
    annotation: BoundAnnotation
    entries: tuple[GeneEntry, ...]
    genes: tuple[Gene, ...]
    keys: tuple[str, ...]
    identity: Mapping[str, Any]
    min_score: float | None = None
    _index: dict[str, int] = attrs.field(init=False)

    @_index.default
    def _index_of_keys(self) -> dict[str, int]:
        return {key: index for index, key in enumerate(self.keys)}

    @property
    def positions(self) -> int:
        """Rows that a complete pass has."""
        return sum(gene.length for gene in self.genes)

    def gene(self, key: str) -> Gene:
        """Return the gene whose scores have this key."""
        return self.genes[self._index[key]]

    def task_config(self, session: Session, parts: Path) -> dict[str, Any]:
        """Return what workers are sent."""
        config = TaskConfig(
            plugins=session.host.settings,
            base_model=self.spec.name,
            request=self.request,
            fingerprint=self.fingerprint,
            fasta=str(self.fasta),
            flank=self.flank,
            parts=str(parts),
            cache=str(session.cache_dir),
        )
        return attrs.asdict(config)

    def table(self, parts: Path, keys: set[str]) -> ScoreTable:
        """Return the table of the genes whose keys are in ``keys``."""
        kept = [index for index, key in enumerate(self.keys) if key in keys]
        return ScoreTable(
            genes=[self.genes[index] for index in kept],
            keys=[self.keys[index] for index in kept],
            parts=parts,
            build=self.build,
            contigs=self.contigs.names,
            outputs=self.spec.outputs,
            metadata={
                "splicecore.base_model": self.spec.name,
                "splicecore.fingerprint": self.fingerprint,
                "splicecore.flank": self.flank,
                "splicecore.build_digest": str(self.identity["inputs"]["build_digest"]),
                "splicecore.version": splicecore.__version__,
            },
            min_score=self.min_score,
        )


def make_plan(session: Session, config: RunConfig) -> ScorePlan:
    """Open what a pass needs, once, and resolve what was asked for.

    Raises
    ------
    SplicecoreError
        For everything that is wrong with the configuration, the inputs, the model or the selection, before any work.
    """
    fasta, annotation_path = _required(config)
    spec, request, location = session.open_request(config)
    with Reference.open(fasta, build=config.build, cache=session.cache_dir) as reference:
        contigs, build = reference.contigs, reference.build
        annotation = read_annotation(annotation_path).bind(contigs, build, reference_name=str(fasta))
        entries = select_genes(annotation, config)
        check_motifs(reference, annotation, [entry.gene.index for entry in entries if entry.gene is not None])
    with session.host.open_base_model(spec, request) as model:
        spec, fingerprint = model.spec, model.fingerprint
    if location is not None:
        logger.info("weights of %s: %s (%s)", spec.name, location.path, location.provenance)
        licence_notice(spec, fingerprint)
    genes = _distinct(entries, contigs.names)
    fasta_sha256 = file_sha256(fasta, session.cache_dir)
    score_identity = {
        "schema": SCORE_TABLE_VERSION,
        "base_model": {
            "name": spec.name,
            "fingerprint": fingerprint,
            "outputs": list(spec.outputs),
            "engine": request.engine,
            "device": request.device.partition(":")[0],
            "config": dict(request.config),
        },
        "tiling": {"left": spec.left, "right": spec.right, **attrs.asdict(Tiling.of(spec))},
        "flank": config.flank,
        "fasta": fasta_sha256,
    }
    base = digest(score_identity)
    identity = {
        **score_identity,
        "inference_mode": config.inference_mode,
        **({} if config.min_score is None else {"min_score": config.min_score}),
        "inputs": {
            "annotation": file_sha256(annotation_path, session.cache_dir),
            "build": build.name,
            "build_digest": build.digest,
        },
        "genes": {"count": len(genes), "digest": digest([attrs.asdict(entry) for entry in entries])},
        "splicecore": splicecore.__version__,
    }
    return ScorePlan(
        spec=spec,
        request=request,
        fingerprint=fingerprint,
        flank=config.flank,
        fasta=fasta,
        build=build.name,
        contigs=contigs,
        annotation=annotation,
        entries=entries,
        genes=genes,
        keys=tuple(digest([base, gene.contig, gene.start, gene.end, gene.strand]) for gene in genes),
        identity=identity,
        min_score=config.min_score,
    )


def _required(config: RunConfig) -> tuple[Path, Path]:
    for field, value in (("fasta", config.fasta), ("annotation", config.annotation)):
        if value is None:
            raise ConfigError(
                f"no {field} given", hint=f"--{field} FILE, or {field} under [run] of a configuration file"
            )
    return Path(str(config.fasta)), Path(str(config.annotation))


def _distinct(entries: tuple[GeneEntry, ...], contigs: tuple[str, ...]) -> tuple[Gene, ...]:
    order = {name: index for index, name in enumerate(contigs)}
    genes = {entry.gene for entry in entries if entry.gene is not None and entry.status == "pending"}
    return tuple(sorted(genes, key=lambda gene: (order[gene.contig], gene.start, gene.end, gene.strand, gene.gene_id)))

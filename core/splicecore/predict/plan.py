"""The plan of a base-model pass: which genes, which model, and the keys that their scores are kept under."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import attrs

import splicecore
from splicecore.artifacts.store import digest
from splicecore.config import parse_shard
from splicecore.errors import ConfigError
from splicecore.plugins.specs import OpenRequest
from splicecore.predict.assessor import AssessPlan
from splicecore.predict.licence import licence_notice
from splicecore.predict.manifest import environment
from splicecore.predict.opened_model import OpenedModel, describe_opened
from splicecore.predict.record import PlanRecord, entries_digest
from splicecore.predict.selection import GeneEntry, select_genes
from splicecore.predict.table import SCORE_TABLE_VERSION
from splicecore.predict.task import TaskConfig
from splicecore.predict.tiling import Tiling
from splicecore.resources.inputs import Inputs, open_inputs, require_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from splicecore.config import PassConfig
    from splicecore.genome.genes import Gene
    from splicecore.plugins.specs import BaseModelSpec
    from splicecore.session import Session

__all__ = ["ScorePlan", "make_plan"]

logger = logging.getLogger(__name__)


@attrs.frozen(kw_only=True, eq=False)
class ScorePlan:
    """A pass that is ready to be done: its record, and what its workers open.

    Attributes
    ----------
    record
        What its results need to know.
    inputs
        The genome and what is derived from its annotation, read-only.
    model
        The base model as opened.
    request
        How workers open it.
    assess
        How workers assess the scores, or None if they do not.
    """

    record: PlanRecord
    inputs: Inputs
    model: OpenedModel
    request: OpenRequest
    assess: AssessPlan | None = None

    def task_config(self, session: Session, parts: Path) -> dict[str, Any]:
        """Return what workers are sent."""
        config = TaskConfig(
            plugins=session.host.settings,
            base_model=self.model.spec.name,
            request=self.request,
            fingerprint=self.model.fingerprint,
            fasta=str(self.inputs.resources.fasta),
            flank=self.record.flank,
            parts=str(parts),
            cache=str(session.cache_dir),
            assess=None if self.assess is None else self.assess.config,
        )
        return attrs.asdict(config)


def make_plan(session: Session, config: PassConfig, own: Mapping[str, Any], inputs: Inputs | None = None) -> ScorePlan:
    """Open what a pass needs, once, and resolve what was asked for.

    Parameters
    ----------
    own
        What decides the output's bytes beside scores and genes, JSON-able.
    inputs
        Genome and annotation, if they are open already.

    Raises
    ------
    SplicecoreError
        For everything that is wrong with the configuration, the inputs, the model or the selection, before any work.
    """
    require_inputs(config)
    spec, request, location = session.open_request(config)
    inputs = open_inputs(session, config) if inputs is None else inputs
    resources = inputs.resources
    entries = select_genes(resources.annotation(), config)
    model = describe_opened(session, spec, request)
    if location is not None:
        logger.info("weights of %s: %s (%s)", spec.name, location.path, location.provenance)
        licence_notice(model.spec, model.fingerprint)
    genes = _distinct(entries, resources.contigs.names)
    scores = _score_identity(config, inputs, model, request)
    base = digest(scores)
    record = PlanRecord(
        identity={
            **scores,
            **own,
            "inputs": {
                "annotation": resources.annotation_sha256,
                "build": resources.build.name,
                "build_digest": resources.build.digest,
            },
            "genes": {"count": len(genes), "digest": entries_digest(entries)},
            "splicecore": splicecore.__version__,
        },
        base_model=_about(model.spec, model, request),
        build=resources.build.name,
        flank=config.flank,
        contigs=tuple(zip(resources.contigs.names, resources.contigs.lengths, strict=True)),
        inputs={"fasta": resources.fasta.name, "annotation": resources.annotation_path.name},
        environment=_environment(session, model),
        entries=entries,
        genes=genes,
        keys=_keys(base, genes),
        min_score=own.get("min_score"),
    )
    return ScorePlan(record=_own_shard(record, config.shard), inputs=inputs, model=model, request=request)


def _score_identity(config: PassConfig, inputs: Inputs, model: OpenedModel, request: OpenRequest) -> dict[str, Any]:
    """Everything that decides scores, but for the gene."""
    spec = model.spec
    return {
        "schema": SCORE_TABLE_VERSION,
        "base_model": {
            "name": spec.name,
            "fingerprint": model.fingerprint,
            "outputs": list(spec.outputs),
            "engine": request.engine,
            "device": request.device.partition(":")[0],
            "config": dict(request.config),
            "implementation": model.implementation,
        },
        "tiling": {"left": spec.left, "right": spec.right, **attrs.asdict(Tiling.of(spec))},
        "flank": config.flank,
        "fasta": inputs.resources.fasta_sha256,
    }


def _keys(base: str, genes: Sequence[Gene]) -> tuple[str, ...]:
    """Key of each gene's scores; of genes with the same coordinates the first has the one that those decide."""
    keys: dict[str, None] = {}
    for gene in genes:
        key = digest([base, gene.contig, gene.start, gene.end, gene.strand])
        keys[digest([key, gene.gene_id, gene.index]) if key in keys else key] = None
    return tuple(keys)


def _environment(session: Session, model: OpenedModel) -> dict[str, Any]:
    here = environment(session)
    return here if model.environment is None else {**here, "base_model_environment": model.environment}


def _about(spec: BaseModelSpec, model: OpenedModel, request: OpenRequest) -> dict[str, Any]:
    return {
        "name": spec.name,
        "engine": request.engine,
        "fingerprint": model.fingerprint,
        "outputs": list(spec.outputs),
        "summary": spec.summary,
        "licence": spec.licence,
        "commercial_use": spec.commercial_use,
        "citation": spec.citation,
    }


def _own_shard(record: PlanRecord, shard: str | None) -> PlanRecord:
    chosen = None if shard is None else parse_shard(shard)
    if chosen is None:
        return record
    if chosen[1] > len(record.genes):
        raise ConfigError(
            f"{chosen[1]} shards are asked for, but there are {len(record.genes)} genes to share among them",
            hint=f"at most {len(record.genes)} shards",
        )
    return record.only(chosen)


def _distinct(entries: Sequence[GeneEntry], contigs: tuple[str, ...]) -> tuple[Gene, ...]:
    order = {name: index for index, name in enumerate(contigs)}
    genes = {entry.gene for entry in entries if entry.gene is not None and entry.status == "pending"}
    return tuple(sorted(genes, key=lambda gene: (order[gene.contig], gene.start, gene.end, gene.strand, gene.gene_id)))

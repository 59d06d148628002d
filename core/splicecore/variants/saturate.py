"""``splicecore saturate``: every small variant of genes or of a region, scored as those of a VCF are."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs

from splicecore.config import PassConfig
from splicecore.errors import ConfigError, GeneNotFoundError
from splicecore.genome.genes import GeneCatalog, parse_region
from splicecore.predict.selection import select_genes
from splicecore.variants.meta_scores_opening import with_base_models
from splicecore.variants.opening import open_all
from splicecore.variants.saturation import Saturation, SaturationSource, Span, merged_spans
from splicecore.variants.workflow import check_outputs, run_pass

if TYPE_CHECKING:
    from splicecore.predict.runner import ProgressListener
    from splicecore.session import Session
    from splicecore.variants.opening import Opened
    from splicecore.variants.outputs import VariantsResult
    from splicecore.variants.saturate_config import SaturateConfig

__all__ = ["saturate"]

logger = logging.getLogger(__name__)


def saturate(session: Session, config: SaturateConfig, progress: ProgressListener | None = None) -> VariantsResult:
    """Score every small variant of genes or of a region.

    Parameters
    ----------
    session
        Whose plugins and folders are used.
    config
        What to do.
    progress
        Told how it goes on; its unit is an allele in a transcript, scored by one model.

    Returns
    -------
    What was written and counted; the records are those of a VCF with one allele each, by rising position.

    Raises
    ------
    ConfigError
        If a gene or the region is not there.
    InputError
        If the region has no bases, or no transcript.
    SplicecoreError
        As :func:`splicecore.variants.workflow.score_variants` raises it.
    """
    check_outputs(config)
    config = with_base_models(config)
    opened = open_all(session, config)
    with opened.inputs.resources.reference(session.cache_dir) as reference:
        spans = merged_spans(_of_region(config, opened) if config.region else _of_genes(config, opened), reference)
        saturation = Saturation(spans=spans, snvs=config.snvs, insertions=config.insertions, deletions=config.deletions)
        opened = attrs.evolve(opened, settings={**opened.settings, "saturation": saturation.describe()})
        source = SaturationSource.of(saturation, reference)
        logger.info("%d bases are saturated", sum(span.end - span.start for span in spans))
        return run_pass(session, config, opened, source, content=saturation.content, progress=progress)


def _of_region(config: SaturateConfig, opened: Opened) -> list[Span]:
    """Return the region's bases, which must be on the genome and have a gene."""
    annotation = opened.inputs.resources.annotation()
    region = parse_region(str(config.region))
    contig = annotation.reference_contigs.require(region.contig)
    length = annotation.reference_contigs.length(contig)
    end = length if region.end is None else region.end
    if end > length:
        raise ConfigError(f"region {config.region} ends beyond {contig}, which has {length:,} bases")
    if not GeneCatalog(annotation).in_region(contig, region.start, end):
        raise GeneNotFoundError(f"no gene of {annotation.path} overlaps {config.region}")
    return [Span(contig, region.start, end)]


def _of_genes(config: SaturateConfig, opened: Opened) -> list[Span]:
    """Return the span of each gene's chosen transcripts."""
    annotation = opened.inputs.resources.annotation()
    spans = []
    for entry in select_genes(annotation, PassConfig(genes=config.gene)):
        gene = entry.gene
        if gene is None:
            raise GeneNotFoundError(entry.reason or f"gene {entry.requested} is not in {annotation.path}")
        found = opened.transcripts.of_gene(gene.gene_id, gene.contig)
        if not found:
            raise GeneNotFoundError(
                f"gene {entry.requested} has none of the transcripts that --transcripts {config.transcripts} chooses",
                hint="--transcripts all, or --region",
            )
        spans += [Span(gene.contig, one.start, one.end) for one in found]
    return spans

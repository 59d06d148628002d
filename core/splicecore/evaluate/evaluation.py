"""Compare tables of scores with an annotation: read, label, mask, gather, compute."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.artifacts.store import file_sha256
from splicecore.errors import ConfigError, ContigError, InputError
from splicecore.evaluate.comparison import Comparison, compare
from splicecore.evaluate.config import EvaluateConfig, ModelInput, OperatingPoint, operating_points, parse_means
from splicecore.evaluate.error_overlap import ErrorOverlap
from splicecore.evaluate.evaluated_gene import EvaluatedGene, GeneKey, contig_order
from splicecore.evaluate.joint_genes import CommonGenes, ScoreTable, common_genes, joint_scores
from splicecore.evaluate.mask import SiteMask, annotation_sites, read_boundary_sites
from splicecore.evaluate.metrics import OffsetScan, best_offset
from splicecore.evaluate.pass_table import PassTable, is_pass
from splicecore.evaluate.pooled import CLASSES, FLOOR, Pool, PooledScores
from splicecore.evaluate.prediction_table import PredictionTable, TableGene
from splicecore.evaluate.run_folder import StoredThresholds, seen_genes, stored_thresholds
from splicecore.evaluate.site_labels import SiteLabels
from splicecore.genome.contigs import canonical_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from splicecore.genome.annotation import Annotation

__all__ = ["Evaluation", "evaluate_tables", "strata"]

logger = logging.getLogger(__name__)

SHIFT = 0.1
"""By how much the mean score beside sites must be above that at sites to say that coordinates do not agree."""
_MODEL_FACTS = ("base_model", "fingerprint", "flank")
_Scores = npt.NDArray[np.float32]
_Bools = npt.NDArray[np.bool_]


@attrs.frozen(eq=False, kw_only=True)
class Evaluation:
    """What an evaluation found.

    Attributes
    ----------
    config
        How it was done.
    build
        Genome build of the tables.
    tables
        Facts about each table: rows, genes, genes left out, columns, model, hash.
    means
        Models that are means of others.
    points
        Thresholds.
    pools
        Model -> its gathered scores.
    comparison
        Figures with intervals.
    mask
        What was left out.
    overlap
        Operating point -> errors by the set of models that make them.
    offsets
        Model -> (strand, class) -> mean score around sites.
    stored
        Model -> the thresholds that its meta-model stored, or why they are not at hand; empty if any were given.
    facts
        Numbers of incomplete genes, of genes that the annotation lacks, of positions that both classes share.
    """

    config: EvaluateConfig
    build: str
    annotation: str
    tables: Mapping[str, Mapping[str, Any]]
    means: Mapping[str, tuple[str, ...]]
    points: tuple[OperatingPoint, ...]
    pools: Mapping[str, Pool]
    comparison: Comparison
    mask: SiteMask
    overlap: Mapping[str, ErrorOverlap]
    offsets: Mapping[str, Mapping[tuple[str, str], OffsetScan]]
    stored: Mapping[str, StoredThresholds]
    facts: Mapping[str, int]

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, means last."""
        return tuple(self.pools)

    @property
    def pool(self) -> Pool:
        """The first model's pool: genes, positions and sites are those of all."""
        return next(iter(self.pools.values()))

    @property
    def shifted(self) -> list[tuple[str, str, str, int]]:
        """Model, strand, class and offset wherever another offset than 0 scores best, by more than SHIFT on average."""
        return [
            (model, strand, name, scan.best)
            for model, scans in self.offsets.items()
            for (strand, name), scan in sorted(scans.items())
            if scan.best not in (0, None) and np.nanmax(scan.means) - scan.means[len(scan.means) // 2] > SHIFT
        ]


def evaluate_tables(
    inputs: Sequence[ModelInput],
    annotation: Annotation,
    config: EvaluateConfig | None = None,
    *,
    means: Sequence[str] = (),
    build: str | None = None,
) -> Evaluation:
    """Compare tables of scores with an annotation, on the genes and positions that all of them have.

    Parameters
    ----------
    inputs
        The tables; the first is the reference unless the configuration names another.
    annotation
        Gives the labels; bound to a reference or not.
    config
        How; None for the defaults.
    means
        ``"[NAME=]A,B"``: also evaluate the mean of models' probabilities (computed in float64, kept as float32).
    build
        Name of the genome build that the tables must be of; None where it is not known.

    Raises
    ------
    InputError
        If a table is sparse, damaged or of another build, tables have other positions than each other, or no position
        is a true site.
    ContigError
        If nothing lies on a contig that was asked for.
    ConfigError
        If names, thresholds or options contradict each other.
    """
    config = EvaluateConfig() if config is None else config
    names = [item.name for item in inputs]
    averages = parse_means(means, names)
    models = (*names, *averages)
    operating_points(config.thresholds, models)  # refuses what makes no sense
    reference = names[0] if config.reference is None else config.reference
    if reference not in models:
        raise ConfigError(f"reference {reference!r} is no model here", hint=f"one of {', '.join(models)}")
    labels = SiteLabels(annotation, config.labels, config.scope)
    mask = _mask(labels, config)
    tables = [_open(item) for item in inputs]
    stored = {} if config.thresholds else _stored(tables)
    pairs = {name: (one.acceptor, one.donor) for name, one in stored.items() if one.acceptor and one.donor}
    points = tuple(operating_points(config.thresholds, models, pairs))
    found = _build(tables, build)
    _check_coordinates(tables[0], labels)
    seen = {table.name: seen_genes(table.path, table.pattern) for table in tables}
    genes = common_genes(tables, _chooser(tables, labels, config, seen), allow_missing=config.allow_missing)
    gathering = _Gathering(config=config, labels=labels, mask=mask, means=averages, points=points, tables=tables)
    for key, scores in joint_scores(tables, genes):
        gathering.add(key, genes.spans[key], scores)
    pools = gathering.pools()
    _check_sites(next(iter(pools.values())), tables[0], labels)
    logger.info("%d genes gathered from %d tables", len(genes.spans), len(tables))
    comparison = compare(pools, points, reference, replicates=config.bootstrap, seed=config.seed)
    for table in tables:
        table.close()
    return Evaluation(
        config=config,
        build=found,
        annotation=labels.path.name,
        tables={table.name: _facts(table, genes, seen[table.name]) for table in tables},
        means=averages,
        points=points,
        pools=pools,
        comparison=comparison,
        mask=mask,
        overlap=gathering.overlap,
        offsets={name: dict(sorted(scans.items())) for name, scans in gathering.offsets.items()},
        stored=stored,
        facts={
            "incomplete_genes": len(genes.incomplete),
            "positions_missing": gathering.missing,
            "genes_not_in_annotation": sum(key not in labels.spans for key in genes.spans),
            "acceptor_and_donor": int(next(iter(pools.values())).ambiguous.sum()),
        },
    )


def _open(item: ModelInput) -> ScoreTable:
    path = Path(item.path)
    return (PassTable if is_pass(path) else PredictionTable).open(item.name, path, item.pattern)


def _stored(tables: Sequence[ScoreTable]) -> dict[str, StoredThresholds]:
    found = {table.name: stored_thresholds(table.path, table.pattern) for table in tables}
    stored = {name: one for name, one in found.items() if one is not None}
    for name, one in stored.items():
        if one.acceptor is None:
            logger.warning("%s: the thresholds of its meta-model are not at hand: %s", name, one.source)
    return stored


class _Gathering:
    """Takes genes with the scores of all tables and hands them to the accumulators."""

    def __init__(
        self,
        *,
        config: EvaluateConfig,
        labels: SiteLabels,
        mask: SiteMask,
        means: Mapping[str, tuple[str, ...]],
        points: Sequence[OperatingPoint],
        tables: Sequence[ScoreTable],
    ) -> None:
        self.config, self.labels, self.mask = config, labels, mask
        self.names = [table.name for table in tables]
        self.gene_names = {key: gene.gene_name for key, gene in tables[0].genes.items()}
        self.means = means
        models = (*self.names, *means)
        floor = min([FLOOR, *(limit for point in points for pair in point.thresholds.values() for limit in pair)])
        self.accumulators = {name: PooledScores(floor) for name in models}
        self.offsets: dict[str, dict[tuple[str, str], OffsetScan]] = {name: {} for name in models}
        self.overlap = {
            point.name: ErrorOverlap(models, [point.thresholds[name] for name in models]) for point in points
        }
        self.missing = 0

    def add(self, key: GeneKey, span: tuple[int, int], found: Sequence[_Scores]) -> None:
        sites = self.labels.sites(key, *span)
        scores = dict(zip(self.names, found, strict=True))
        for name, members in self.means.items():
            together = np.stack([scores[member] for member in members])
            scores[name] = together.mean(axis=0, dtype=np.float64).astype(np.float32)
        self._scan(key, sites, scores)
        absent = np.isnan(np.stack([one[:, 1] for one in found])).any(axis=0)
        self.missing += int(np.count_nonzero(absent))
        kept = ~(self.mask.unknown(key, *span, sites) | absent)
        if not kept.any():
            return
        sites = sites[kept]
        scores = {name: one[kept] for name, one in scores.items()}
        gene = EvaluatedGene(key, *span, self.gene_names[key], self.labels.gene_types.get(key, "unknown"))
        for name, one in scores.items():
            self.accumulators[name].add(gene, sites, one)
        for overlap in self.overlap.values():
            overlap.add(sites, list(scores.values()))

    def _scan(self, key: GeneKey, sites: _Bools, scores: Mapping[str, _Scores]) -> None:
        """Mean scores around sites, in transcript orientation."""
        for k, kind in enumerate(CLASSES):
            at = np.flatnonzero(sites[:, k])
            if not len(at):
                continue
            for name, one in scores.items():
                track = one[:, k + 1]
                if key.strand == "-":
                    scan = best_offset(len(track) - 1 - at, track[::-1], self.config.max_offset)
                else:
                    scan = best_offset(at, track, self.config.max_offset)
                known = self.offsets[name].get((key.strand, kind))
                self.offsets[name][key.strand, kind] = scan if known is None else known + scan

    def pools(self) -> dict[str, Pool]:
        return {name: accumulator.pool for name, accumulator in self.accumulators.items()}


def _mask(labels: SiteLabels, config: EvaluateConfig) -> SiteMask:
    if config.mask_other_transcripts and config.labels != "canonical":
        raise ConfigError("with the labels of all transcripts there are no other ones", hint="--labels canonical")
    from splicecore.genome.annotation import read_annotation

    return SiteMask(
        labels,
        boundary={} if config.mask_boundary is None else read_boundary_sites(config.mask_boundary),
        other={} if config.mask_annotation is None else annotation_sites(read_annotation(config.mask_annotation)),
        other_transcripts=config.mask_other_transcripts,
    )


def _build(tables: Sequence[ScoreTable], wanted: str | None) -> str:
    builds = {table.name: sorted(table.builds) for table in tables}
    distinct = {build for names in builds.values() for build in names}
    if wanted is not None:
        distinct.add(wanted)
    if len(distinct) != 1:
        described = "; ".join(f"{name} is of {', '.join(names)}" for name, names in builds.items())
        genome = "" if wanted is None else f"; the genome is {wanted}"
        raise InputError(f"predictions of different builds: {described}{genome}", hint="compare tables of one build")
    return distinct.pop()


def _check_coordinates(table: ScoreTable, labels: SiteLabels) -> None:
    """Refuse an annotation of another build: genes of the same id that lie elsewhere on the contig."""
    common = [key for key in table.genes if key in labels.spans]
    apart = [
        key
        for key in common
        if table.genes[key].start >= labels.spans[key][1] or table.genes[key].end <= labels.spans[key][0]
    ]
    if len(apart) * 2 > len(common):
        key = apart[0]
        raise InputError(
            f"{len(apart)} of {len(common)} genes lie elsewhere in {labels.path} than in {table.path}: "
            f"{key.gene_id} at {key.contig}:{labels.spans[key][0] + 1:,} and {table.genes[key].start + 1:,}",
            hint="the annotation is of another build than the predictions",
        )


def _chooser(
    tables: Sequence[ScoreTable],
    labels: SiteLabels,
    config: EvaluateConfig,
    seen: Mapping[str, frozenset[GeneKey]],
) -> Callable[[TableGene], bool]:
    contigs = {canonical_name(name) for name in config.contigs}
    present = {key.contig for table in tables for key in table.genes}
    absent = sorted(contigs - present, key=contig_order)
    if absent:
        raise ContigError(f"{tables[0].path} has no rows on {', '.join(absent)}")
    genes = set(config.genes)
    known = {word for gene in tables[0].genes.values() for word in (gene.key.gene_id, gene.gene_name)}
    if genes - known:
        raise InputError(f"{tables[0].path} has no gene {', '.join(sorted(genes - known)[:5])}")

    left_out = frozenset[GeneKey]().union(*seen.values()) if config.unseen else frozenset[GeneKey]()

    def chosen(gene: TableGene) -> bool:
        return (
            gene.key not in left_out
            and (not contigs or gene.key.contig in contigs)
            and (not genes or gene.key.gene_id in genes or gene.gene_name in genes)
            and (config.scope == "strand" or gene.key in labels.spans)
        )

    return chosen


def _check_sites(pool: Pool, table: ScoreTable, labels: SiteLabels) -> None:
    if not any(pool.sites(name).any() for name in CLASSES):
        raise ContigError(
            f"no position of {table.path} is a site of {labels.path}", hint="are the two of the same build?"
        )


def _facts(table: ScoreTable, genes: CommonGenes, seen: frozenset[GeneKey]) -> dict[str, Any]:
    model: dict[str, Any] = {name: table.metadata[name] for name in _MODEL_FACTS if name in table.metadata}
    return {
        "file": table.path.name,
        "sha256": file_sha256(table.path),
        "columns": table.pattern,
        "rows": table.rows,
        "genes": len(table.genes),
        "genes_left_out": genes.left_out[table.name],
        "genes_seen": len(seen & genes.spans.keys()),
        **model,
    }


def strata(pool: Pool) -> Iterator[tuple[str, str, _Bools]]:
    """Yield kind, name and genes (bool, shape (genes,)) of every chromosome, strand and gene type."""
    columns = {
        "contig": [gene.key.contig for gene in pool.genes],
        "strand": [gene.key.strand for gene in pool.genes],
        "gene_type": [gene.gene_type for gene in pool.genes],
    }
    for kind, values in columns.items():
        for value in sorted(set(values), key=contig_order):
            yield kind, value, np.array([one == value for one in values])

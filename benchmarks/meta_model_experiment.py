"""The steps of `meta_model.py`: datasets, trainings and the scores of the tested genes, each kept once it is done."""

from __future__ import annotations

import logging
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from splicecore.api import Session
from splicecore.artifacts.store import digest, make_folder, read_json
from splicecore.dataset.config import dataset_config
from splicecore.dataset.passes import find_passes, score_file
from splicecore.evaluate.pooled import CLASSES, FLOOR, PooledScores
from splicecore.genome.contigs import canonical_name
from splicecore.genome.genes import GeneCatalog
from splicecore.resources.inputs import open_inputs
from splicecore.training.operating_points import OperatingPoints
from splicecore.training.paralogs import exonic_sequences, find_paralogs
from splicecore.training.pool_files import join_pools, read_pools, write_pools
from splicecore.training.position_scores import MEAN
from splicecore.training.scored_genes import ScoredGenes
from splicecore.training.test_figures import thresholds_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from splicecore.evaluate.pooled import Pool
    from splicecore.genome.genes import Gene

__all__ = ["AT_RECALL", "LABELS", "TUNED", "Experiment", "MetaKind"]

LABELS = ("all", "canonical")
RECALL = 0.95
TUNED, AT_RECALL = "tuned", f"recall {RECALL}"
log = logging.getLogger("meta_model")


@attrs.frozen
class MetaKind:
    """A meta-model to train: its name in tables and of its folders, base models, columns from the annotation."""

    name: str
    folder: str
    models: tuple[str, ...]
    structural: tuple[str, ...] = ()


class Experiment:
    """The steps, each of which is skipped where its result is there."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.models = tuple(options.base_models.split(","))
        self.tested = tuple(options.test_chromosomes.split(","))
        self.session = Session(data_root=options.data_root)
        self.out: Path = make_folder(options.out)

    @property
    def kinds(self) -> list[MetaKind]:
        """The meta-models: on each base model alone, on all together, and with the annotation's features."""
        given = self.options.singles
        singles = self.models if given is None else tuple(name for name in given.split(",") if name)
        kinds = [MetaKind(f"meta({name})", name, (name,)) for name in singles]
        together = "+".join(self.models)
        if len(self.models) > 1:
            kinds.append(MetaKind(f"meta({together})", "-".join(self.models), self.models))
        if self.options.annotation:
            columns = tuple(self.options.annotation.split(","))
            name, folder = f"meta({together}, annotation)", f"{'-'.join(self.models)}-annotation"
            kinds.append(MetaKind(name, folder, self.models, columns))
        return kinds

    def dataset(self, kind: MetaKind, *, outside: bool) -> Path:
        """Build the dataset of some base models outside the tested chromosomes, or on them."""
        options = self.options
        where = {"exclude_chromosomes": self.tested} if outside else {"chromosomes": self.tested}
        count = options.train_genes if outside else options.test_genes
        folder = self.out / "datasets" / (kind.folder if outside else f"cross-{kind.folder}")
        settings = {"structural": {"columns": [*kind.structural]}} if kind.structural else {}
        result = self.session.build_dataset(
            source=options.source,
            build=options.build,
            base_model=kind.models,
            test_name=options.train_pass if outside else options.test_pass,
            subset_policy="all" if count is None else "random",
            n_genes=count,
            gene_types=options.gene_types,
            negatives="none",
            hard_prob=options.hard_prob,
            easy_ratio=options.easy_ratio,
            window=options.window,
            features=options.features,
            feature_settings=settings,
            batch_size=50,
            workers=options.workers,
            seed=options.seed,
            output_dir=folder,
            **where,
        )
        log.info("%s: %d rows of %d genes", folder, result.rows, result.genes)
        return folder

    def train(self, kind: MetaKind, *, outside: bool) -> Path:
        """Train a meta-model outside the tested chromosomes, or one for each of them on the others."""
        options = self.options
        dataset = self.dataset(kind, outside=outside)
        folder = self.out / "models" / (kind.folder if outside else f"cross-{kind.folder}")
        how = (
            {"split": "group-shuffle", "test_share": 0.01, "valid_share": options.valid_share}
            if outside
            else {"split": "leave-one-chromosome-out", "valid_share": options.valid_share}
        )
        result = self.session.train(
            dataset=dataset,
            out_dir=folder,
            model=options.model,
            calibration=options.calibration,
            class_weights=options.class_weights,
            inclusion_weights=not options.no_inclusion_weights,
            max_rows=options.max_rows,
            mask_boundary=options.mask_boundary,
            prune_features=True,
            final=False,
            evaluate_on="sampled",
            seed=options.seed,
            told=lambda step, state: log.info("%s, %s: %s", folder.name, step, state),
            **how,
        )
        log.info("%s: %s", folder, result.fingerprint)
        return folder

    def genes(self, scored: ScoredGenes, passes: Any, contig: str | None) -> list[Gene]:
        """Genes on the tested chromosomes, or on one of them, that every base model has scores of."""
        catalog = GeneCatalog(scored.resources.annotation())
        tested = {canonical_name(name) for name in self.tested}
        types = set(filter(None, self.options.gene_types.split(",")))
        kinds: list[Any] = catalog.annotation.genes.column("gene_biotype").to_pylist()
        found = [
            gene
            for gene in catalog.all()
            if canonical_name(gene.contig) in tested
            and (not types or kinds[gene.index] in types)
            and all(score_file(each, gene) is not None for each in passes.values())
        ]
        if self.options.test_genes is not None:
            rng = np.random.Generator(np.random.PCG64(self.options.seed))
            rows = np.sort(rng.permutation(len(found))[: self.options.test_genes])
            found = [found[row] for row in rows.tolist()]
        return found if contig is None else [gene for gene in found if gene.contig == contig]

    def tuned(self, folders: Mapping[str, Path]) -> dict[str, dict[str, tuple[float, float]]]:
        """Point -> model -> thresholds chosen on validation genes; of base models on those of the last meta-model.

        The points: best F1, and highest precision with a recall of at least :data:`RECALL`.
        """
        limits: dict[str, dict[str, tuple[float, float]]] = {TUNED: {}, AT_RECALL: {}}
        for name, folder in folders.items():
            points = read_json(folder / "operating_points.json")["models"]
            found = {each: OperatingPoints.from_json(values) for each, values in points.items()}
            chosen = {TUNED: thresholds_of(found), AT_RECALL: {each: at_recall(of) for each, of in found.items()}}
            for point, pairs in chosen.items():
                limits[point][name] = pairs.pop("meta")
                limits[point] |= {
                    base: pair for base, pair in pairs.items() if base not in limits[point] or len(pairs) > 1
                }
        return limits

    def pools(self, folders: Mapping[str, Path], contig: str | None = None) -> dict[str, dict[str, Pool]]:
        """Labels -> model -> gathered scores of the tested genes; portions that are there are not scored again."""
        with scored_genes(self.session, self.options, self.models) as (scored, passes):
            genes = self.genes(scored, passes, contig)
        size = self.options.portion
        portions = [genes[first : first + size] for first in range(0, len(genes), size)]
        result: dict[str, dict[str, Pool]] = {kind: {} for kind in LABELS}
        for name, folder in folders.items():
            for kind, pools in self._pools_of(name, folder, portions).items():
                result[kind] |= pools
        bases = (*self.models, *([MEAN] if len(self.models) > 1 else []))
        return {kind: {name: pools[name] for name in (*bases, *folders)} for kind, pools in result.items()}

    def _pools_of(self, name: str, folder: Path, portions: list[list[Gene]]) -> dict[str, dict[str, Pool]]:
        manifest = read_json(folder / "manifest.json")
        key = digest([manifest["files"]["model.json"], manifest["key"], str(self.options.mask_boundary)])[:12]
        place = make_folder(self.out / "test" / key)
        work = [(self.options, self.models, name, str(folder), each, str(place / _of(each))) for each in portions]
        todo = [each for each in work if not all(Path(f"{each[-1]}.{kind}.npz").exists() for kind in LABELS)]
        start, bases = time.monotonic(), sum(gene.length for each in todo for gene in each[4])
        log.info("%s: %d of %d portions to score", name, len(todo), len(work))
        if self.options.workers > 1:
            with ProcessPoolExecutor(self.options.workers, mp_context=multiprocessing.get_context("spawn")) as executor:
                for number, _ in enumerate(executor.map(score_portion, todo), start=1):
                    log.info("%d of %d portions", number, len(todo))
        else:
            for each in todo:
                score_portion(each)
        if todo:
            log.info("%.0f positions a second", bases / (time.monotonic() - start))
        result: dict[str, dict[str, Pool]] = {}
        for kind in LABELS:
            parts = [read_pools(Path(f"{each[-1]}.{kind}.npz")) for each in work]
            result[kind] = {each: join_pools([part[each] for part in parts]) for each in parts[0]}
        return result

    def without_paralogs(self, folders: Mapping[str, Path], pool: Pool) -> Any:
        """Tell which tested genes resemble no gene that a model was trained or validated on: bool, shape (genes,)."""
        used: set[str] = set()
        for folder in folders.values():
            sides = read_json(folder / "training.json")["model_genes"]
            used |= {*sides["train"], *sides["valid"]}
        return self.unlike(used, pool)

    def unlike(self, used: set[str], pool: Pool) -> Any:
        """Tell which genes of a pool resemble none of others, named by their ids: bool, shape (genes,)."""
        with scored_genes(self.session, self.options, self.models) as (scored, _):
            known = {(canonical_name(g.contig), g.strand, g.gene_id): g.index for g in scored.genes.values()}
            rows = [known[tuple(gene.key)] for gene in pool.genes]
            others = sorted({g.index for g in scored.genes.values() if g.gene_id in used} - {*rows})
            with scored.resources.reference(self.session.cache_dir) as reference:
                sequences = exonic_sequences(reference, scored.resources.annotation(), np.array([*rows, *others]))
                found = find_paralogs(sequences)
        similar = found.across(np.arange(len(rows)), np.arange(len(rows), len(rows) + len(others)))
        keep = np.ones(len(rows), dtype=np.bool_)
        keep[similar] = False
        log.info("%d of %d tested genes resemble a trained one", len(similar), len(rows))
        return keep


def at_recall(points: OperatingPoints) -> tuple[float, float]:
    """Thresholds of acceptors and donors for the highest precision with :data:`RECALL`."""
    found = []
    for kind in CLASSES:
        (point,) = [each for each in getattr(points, kind).precision_at_recall if each.target == RECALL]
        found.append(FLOOR if point.threshold is None else max(point.threshold, FLOOR))
    return found[0], found[1]


def _of(genes: list[Gene]) -> str:
    return digest([[gene.contig, gene.strand, gene.gene_id] for gene in genes])[:12]


class scored_genes:  # noqa: N801
    """Open the tested genes with their base scores: a context manager of (ScoredGenes, passes)."""

    def __init__(self, session: Session, options: argparse.Namespace, models: tuple[str, ...]) -> None:
        config = dataset_config(
            source=options.source,
            build=options.build,
            base_model=list(models),
            test_name=options.test_pass,
            subset_policy="all",
            output_dir=str(options.out / "none"),
        )
        resources = open_inputs(session, config.inputs()).resources
        self.passes = find_passes(session, config, resources)
        self.scored = ScoredGenes(resources, self.passes, _Flank(), "all", session.cache_dir)

    def __enter__(self) -> tuple[ScoredGenes, Any]:
        return self.scored, self.passes

    def __exit__(self, *_: object) -> None:
        self.scored.close()


class _Flank:
    flank = "real"


def score_portion(work: tuple[Any, ...]) -> None:
    """Score some genes with a meta-model and the base models, and save what is gathered for each kind of labels."""
    options, models, name, folder, genes, target = work
    session = Session(data_root=options.data_root)
    pooled: dict[str, dict[str, PooledScores]] = {kind: {} for kind in LABELS}
    with scored_genes(session, options, models) as (scored, passes), session.open_meta_model(folder) as scorer:
        fingerprints = {m: str(passes[m][0].scores["base_model"]["fingerprint"]) for m in scorer.base_models}
        scorer.check(fingerprints=fingerprints, flank="real", build=scored.resources.build.name)
        truths = {
            kind: ScoredGenes(
                scored.resources, passes, scored.contract, kind, session.cache_dir, boundary=options.mask_boundary
            )
            for kind in LABELS
        }
        for gene in genes:
            block, given = scored.block(gene, scorer.pipeline)
            scores = {base: block.scores[base][:, :3] for base in scorer.base_models}
            if len(scores) > 1:
                scores[MEAN] = np.mean(np.stack([*scores.values()]), axis=0, dtype=np.float64).astype(np.float32)
            scores[name] = scorer.score(block, given=given).calibrated
            for kind, truth in truths.items():
                found = truth.truth(gene)
                for each, values in scores.items():
                    into = pooled[kind].setdefault(each, PooledScores(FLOOR))
                    into.add(found.gene, found.sites[found.counts], values[found.counts])
    for kind, models_of in pooled.items():
        write_pools(Path(f"{target}.{kind}.npz"), {name: each.pool for name, each in models_of.items()})

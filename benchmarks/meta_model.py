"""Meta-models against base models on chromosomes that neither saw, all positions of the genes.

    python benchmarks/meta_model.py --data-root ROOT --train-pass not159 --test-pass chr1_5_9 --out FOLDER
    python benchmarks/meta_model.py ... --test-chromosomes 1,5,9 --cross-fit   # and among the tested chromosomes

Needs finished passes of ``splicecore predict`` of all base models in the data root: a test that holds genes outside the
tested chromosomes, and one that holds genes on them (it may be the same). From the first, a dataset is built for each
base model alone and for all together, preset ``default`` (no annotation, no junctions), and a meta-model is trained on
each with validation genes set aside for calibration and thresholds. Then every model scores all positions of the tested
genes. With ``--cross-fit`` meta-models are also trained and tested among the tested chromosomes, each on the others.

What is finished stays in the folder: the same command goes on. Genes are scored in portions, so that an interruption
costs one. The result is ``FOLDER/results.json`` and ``FOLDER/results.md``.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from splicecore.api import Session
from splicecore.artifacts.store import digest, make_folder, read_json, write_json, write_text
from splicecore.dataset.config import dataset_config
from splicecore.dataset.passes import find_passes, score_file
from splicecore.evaluate.comparison import compare, nested
from splicecore.evaluate.config import OperatingPoint
from splicecore.evaluate.pooled import CLASSES, FLOOR, PooledScores
from splicecore.genome.contigs import canonical_name
from splicecore.genome.genes import GeneCatalog
from splicecore.resources.inputs import open_inputs
from splicecore.training.operating_points import OperatingPoints
from splicecore.training.pool_files import join_pools, read_pools, select_genes, write_pools
from splicecore.training.position_scores import MEAN
from splicecore.training.scored_genes import ScoredGenes
from splicecore.training.test_figures import thresholds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.evaluate.pooled import Pool
    from splicecore.genome.genes import Gene

LABELS = ("all", "canonical")
HALF, TUNED = "0.5", "tuned"
MODEL = '{"name": "xgboost", "min_child_weight": 0.003, "max_depth": 4, "learning_rate": 0.05, "n_estimators": 2000}'
"""Sites weigh little beside easy negatives that stand for many: the least weight of a leaf is low."""
log = logging.getLogger("meta_model")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--source", default="refseq")
    parser.add_argument("--build", default="GRCh38")
    parser.add_argument("--base-models", default="spliceai,openspliceai", help="the first is primary")
    parser.add_argument("--train-pass", help="test of the data root with genes to train on; none: only --cross-fit")
    parser.add_argument("--test-pass", required=True, help="test of the data root with genes to test on")
    parser.add_argument("--test-chromosomes", default="1,5,9")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--train-genes", type=int, help="a random sample of so many; all unless given")
    parser.add_argument("--test-genes", type=int, help="a random sample of so many; all unless given")
    parser.add_argument("--gene-types", default="", help="biotypes, by default any")
    parser.add_argument("--model", default=MODEL, help="name or JSON, as `splicecore train --model` takes it")
    parser.add_argument("--features", default="default")
    parser.add_argument("--hard-prob", type=float, default=0.01)
    parser.add_argument("--easy-ratio", type=float, default=2.0)
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--calibration", default="isotonic")
    parser.add_argument("--class-weights", default="none")
    parser.add_argument("--no-inclusion-weights", action="store_true")
    parser.add_argument("--max-rows", type=int)
    parser.add_argument("--singles", default=None, help="base models to train on alone; all unless given, '' for none")
    parser.add_argument("--mask-boundary", type=Path, help="table of boundary transcripts")
    parser.add_argument("--paralogs", action="store_true", help="figures without genes that resemble trained ones too")
    parser.add_argument("--cross-fit", action="store_true")
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--portion", type=int, default=10, help="genes scored between two saves")
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    if options.train_pass is None and not options.cross_fit:
        parser.error("without --train-pass there is only --cross-fit to do")
    return options


class Experiment:
    """The steps, each of which is skipped where its result is there."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.models = tuple(options.base_models.split(","))
        self.tested = tuple(options.test_chromosomes.split(","))
        self.session = Session(data_root=options.data_root)
        self.out: Path = make_folder(options.out)

    @property
    def combinations(self) -> dict[str, tuple[str, ...]]:
        """Name of each meta-model -> its base models."""
        given = self.options.singles
        singles = self.models if given is None else tuple(name for name in given.split(",") if name)
        chosen = {f"meta({name})": (name,) for name in singles}
        return {**chosen, f"meta({'+'.join(self.models)})": self.models} if len(self.models) > 1 else chosen

    def dataset(self, name: str, models: tuple[str, ...], *, outside: bool) -> Path:
        """Build the dataset of some base models outside the tested chromosomes, or on them."""
        options = self.options
        where = {"exclude_chromosomes": self.tested} if outside else {"chromosomes": self.tested}
        count = options.train_genes if outside else options.test_genes
        folder = self.out / "datasets" / name
        result = self.session.build_dataset(
            source=options.source,
            build=options.build,
            base_model=models,
            test_name=options.train_pass if outside else options.test_pass,
            subset_policy="all" if count is None else "random",
            n_genes=count,
            gene_types=options.gene_types,
            negatives="none",
            hard_prob=options.hard_prob,
            easy_ratio=options.easy_ratio,
            window=options.window,
            features=options.features,
            batch_size=50,
            workers=options.workers,
            seed=options.seed,
            output_dir=folder,
            **where,
        )
        log.info("%s: %d rows of %d genes", folder, result.rows, result.genes)
        return folder

    def train(self, name: str, dataset: Path, **how: Any) -> Path:
        """Train a meta-model."""
        options = self.options
        folder = self.out / "models" / name
        result = self.session.train(
            dataset=dataset,
            out_dir=folder,
            model=options.model,
            calibration=options.calibration,
            class_weights=options.class_weights,
            inclusion_weights=not options.no_inclusion_weights,
            max_rows=options.max_rows,
            prune_features=True,
            seed=options.seed,
            told=lambda step, state: log.info("%s, %s: %s", name, step, state),
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

    def tuned(self, folders: dict[str, Path]) -> dict[str, tuple[float, float]]:
        """Thresholds of the best F1 on validation genes: of base models on those of the last meta-model."""
        limits: dict[str, tuple[float, float]] = {}
        for name, folder in folders.items():
            points = read_json(folder / "operating_points.json")["models"]
            found = thresholds_of({each: OperatingPoints.from_json(values) for each, values in points.items()})
            limits[name] = found.pop("meta")
            limits |= {base: pair for base, pair in found.items() if base not in limits or len(found) > 1}
        return limits

    def pools(self, folders: dict[str, Path], contig: str | None = None) -> dict[str, dict[str, Pool]]:
        """Labels -> model -> gathered scores of the tested genes; portions that are there are not scored again."""
        with scored_genes(self.session, self.options, self.models) as (scored, passes):
            genes = self.genes(scored, passes, contig)
        size = self.options.portion
        portions = [genes[first : first + size] for first in range(0, len(genes), size)]
        key = digest([[read_json(folder / "manifest.json")["files"]["model.json"] for folder in folders.values()],
                      [read_json(folder / "manifest.json")["key"] for folder in folders.values()]])[:12]  # fmt: skip
        place = make_folder(self.out / "test" / key)
        work = [
            (
                self.options,
                self.models,
                {name: str(path) for name, path in folders.items()},
                portion,
                str(place / str(n)),
            )
            for n, portion in enumerate(portions)
        ]
        todo = [each for each in work if not all(Path(f"{each[-1]}.{kind}.npz").exists() for kind in LABELS)]
        start, bases = time.monotonic(), sum(gene.length for each in todo for gene in each[3])
        log.info("%d genes on %s; %d of %d portions to score", len(genes), contig or self.tested, len(todo), len(work))
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
            result[kind] = {name: join_pools([part[name] for part in parts]) for name in parts[0]}
        return result


class scored_genes:  # noqa: N801
    """Open the tested genes with their base scores: a context manager of (ScoredGenes, passes)."""

    def __init__(
        self, session: Session, options: argparse.Namespace, models: tuple[str, ...], labels: str = "all",
        contract: Any = None,
    ) -> None:  # fmt: skip
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
        self.scored = ScoredGenes(resources, self.passes, contract or _Flank(), labels, session.cache_dir)

    def __enter__(self) -> tuple[ScoredGenes, Any]:
        return self.scored, self.passes

    def __exit__(self, *_: object) -> None:
        self.scored.close()


class _Flank:
    flank = "real"


def score_portion(work: tuple[Any, ...]) -> None:
    """Score some genes with all models, and save what is gathered, once for each kind of labels."""
    options, models, folders, genes, target = work
    session = Session(data_root=options.data_root)
    scorers = {name: session.open_meta_model(path) for name, path in folders.items()}
    pooled: dict[str, dict[str, PooledScores]] = {kind: {} for kind in LABELS}
    with scored_genes(session, options, models) as (scored, passes):
        for name, scorer in scorers.items():
            fingerprints = {m: str(passes[m][0].scores["base_model"]["fingerprint"]) for m in scorer.base_models}
            scorer.check(fingerprints=fingerprints, flank="real", build=scored.resources.build.name)
            log.debug("%s checked", name)
        truths = {}
        for kind in LABELS:
            truths[kind] = ScoredGenes(
                scored.resources, passes, scored.contract, kind, session.cache_dir, boundary=options.mask_boundary
            )
        for gene in genes:
            scores = {}
            for name, scorer in scorers.items():
                block, given = scored.block(gene, scorer.pipeline)
                scores[name] = scorer.score(block, given=given).calibrated
                scores |= {base: block.scores[base][:, :3] for base in scorer.base_models}
            base = [scores[model] for model in models]
            if len(base) > 1:
                scores[MEAN] = np.mean(np.stack(base), axis=0, dtype=np.float64).astype(np.float32)
            for kind, truth in truths.items():
                found = truth.truth(gene)
                for name, values in scores.items():
                    into = pooled[kind].setdefault(name, PooledScores(FLOOR))
                    into.add(found.gene, found.sites[found.counts], values[found.counts])
    for kind, models_of in pooled.items():
        write_pools(Path(f"{target}.{kind}.npz"), {name: each.pool for name, each in models_of.items()})
    for scorer in scorers.values():
        scorer.close()


Part = tuple[dict[str, "Pool"], dict[str, tuple[float, float]]]
"""Model -> its pool, and -> the thresholds that were tuned for these genes."""


def figures(parts: list[Part], replicates: int, seed: int) -> dict[str, Any]:
    """Figures of all models, and differences from base models and their mean; parts have their own thresholds."""
    names = list(parts[0][0])
    pools = {name: join_pools([part[name] for part, _ in parts]) for name in names}
    points = [OperatingPoint(HALF, dict.fromkeys(names, (0.5, 0.5)))]
    if len(parts) == 1:
        limits = parts[0][1]
        points.append(OperatingPoint(TUNED, {name: (limits[name][0], limits[name][1]) for name in names}))
    bases = [name for name in pools if not name.startswith("meta(")]
    first = next(iter(pools.values()))
    result: dict[str, Any] = {
        "genes": len(first.genes),
        "positions": int(first.positions.sum()),
        "sites": {kind: int(first.sites(kind).sum()) for kind in first.classes},
        "thresholds": [{name: list(limits[name]) for name in names} for _, limits in parts],
    }
    comparison = compare(pools, points, bases[0], replicates=replicates, seed=seed)
    result["models"] = {
        name: {kind: nested(values) for kind, values in kinds.items()} for name, kinds in comparison.figures.items()
    }
    for name in names:
        result["models"][name]["both"]["operating_points"].setdefault(TUNED, tuned_calls(name, parts))
    if replicates:
        result["intervals"] = {
            name: {
                kind: nested({figure: list(comparison.interval(name, kind, figure) or ()) for figure in values})
                for kind, values in kinds.items()
            }
            for name, kinds in comparison.replicates.items()
        }
    single = [name for name in bases if name != MEAN]
    better = max(single, key=lambda name: comparison.figures[name]["both"]["average_precision"])
    result["better_base"] = better
    import attrs

    for reference in dict.fromkeys((better, *bases)):
        against = attrs.evolve(comparison, reference=reference)
        result.setdefault("differences", {})[reference] = {
            name: nested(
                {
                    figure: against.difference(name, "both", figure)
                    for figure in (
                        "average_precision",
                        "top_k",
                        *(f"{c}@{p.name}" for c in ("false_positives", "false_negatives") for p in points),
                    )
                }
            )
            for name in pools
            if name != reference
        }
    return result


def tuned_calls(name: str, parts: list[Part]) -> dict[str, int]:
    """Add up the calls of a model at each part's own thresholds."""
    counts = {"false_positives": 0, "false_negatives": 0}
    for pools, limits in parts:
        for k, kind in enumerate(CLASSES):
            true, false = pools[name].calls(kind, limits[name][k])
            counts["false_positives"] += int(false.sum())
            counts["false_negatives"] += int(pools[name].sites(kind).sum() - true.sum())
    return counts


def markdown(title: str, values: dict[str, Any]) -> Iterator[str]:
    """Yield a table."""
    yield f"\n### {title}\n"
    sites = ", ".join(f"{count:,} {kind}s" for kind, count in values["sites"].items())
    yield f"{values['positions']:,} positions of {values['genes']:,} genes, {sites}; better: {values['better_base']}\n"
    yield (
        "| model | AP | 1 - AP lower than the better base model's by | top-k | ECE "
        "| FP tuned | FN tuned | FP at 0.5 | FN at 0.5 |"
        "\n|---|---|---|---|---|---|---|---|---|"
    )
    for name, kinds in values["models"].items():
        both = kinds["both"]
        inside = values.get("intervals", {}).get(name, {}).get("both")

        def cell(figure: str, digits: int, both: Any = both, inside: Any = inside) -> str:
            text = f"{both[figure]:.{digits}f}"
            pair = inside.get(figure) if inside else None
            return text + (f" [{pair[0]:.{digits}f}, {pair[1]:.{digits}f}]" if pair and None not in pair else "")

        def calls(count: str, point: str, both: Any = both, inside: Any = inside) -> str:
            text = f"{both['operating_points'][point][count]:,.0f}"
            pair = inside["operating_points"].get(point, {}).get(count) if inside else None
            return text + (f" [{pair[0]:,.0f}, {pair[1]:,.0f}]" if pair and None not in pair else "")

        change = "-"
        if name != values["better_base"]:
            found = values["differences"][values["better_base"]][name]["average_precision"]
            change = f"{found['error_reduction']:+.1%}"
            if found["error_reduction_interval"]:
                low, high = found["error_reduction_interval"]
                change += f" [{low:+.1%}, {high:+.1%}]"
        cells = [name, cell("average_precision", 4), change, cell("top_k", 4), cell("expected_calibration_error", 4)]
        cells += [calls(count, point) for point in (TUNED, HALF) for count in ("false_positives", "false_negatives")]
        yield "| " + " | ".join(cells) + " |"


def main() -> None:
    """Run what is not there yet and write the results."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    options = arguments()
    experiment = Experiment(options)
    results: dict[str, Any] = {
        "options": {
            k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items() if k not in ("data_root", "out")
        }
    }
    lines = ["# Meta-models on chromosomes that were not trained on"]
    if options.train_pass is not None:
        trained_outside(experiment, results, lines)
    if options.cross_fit:
        cross_fit(experiment, results, lines)
    print("\n".join(lines))


def trained_outside(experiment: Experiment, results: dict[str, Any], lines: list[str]) -> None:
    """Train outside the tested chromosomes, test on them."""
    options = experiment.options
    folders: dict[str, Path] = {}
    for name, models in experiment.combinations.items():
        plain = "-".join(models)
        dataset = experiment.dataset(plain, models, outside=True)
        folders[name] = experiment.train(plain, dataset, split="group-shuffle", test_share=0.1, valid_share=0.2)
    limits = experiment.tuned(folders)
    pools = experiment.pools(folders)
    for kind in LABELS:
        results[kind] = figures([(pools[kind], limits)], options.replicates, options.seed)
        lines += markdown(f"trained outside, labels {kind}", results[kind])
    save(options, results, lines)
    if not options.paralogs:
        return
    keep = without_paralogs(experiment, folders, pools["all"])
    title = f"{int((~keep).sum())} genes with paralogs left out"
    for kind in LABELS:
        chosen = {name: select_genes(pool, keep) for name, pool in pools[kind].items()}
        found = figures([(chosen, limits)], options.replicates, options.seed)
        results[f"{kind}, without paralogs"] = found
        lines += markdown(f"trained outside, labels {kind}, {title}", found)
    save(options, results, lines)


def cross_fit(experiment: Experiment, results: dict[str, Any], lines: list[str]) -> None:
    """Test every chromosome with models that were trained on the other tested chromosomes."""
    options = experiment.options
    trained: dict[str, Path] = {}
    for name, models in experiment.combinations.items():
        plain = "cross-" + "-".join(models)
        dataset = experiment.dataset(plain, models, outside=False)
        how = {"split": "leave-one-chromosome-out", "valid_share": 0.2, "final": False, "evaluate_on": "sampled"}
        trained[name] = experiment.train(plain, dataset, **how)
    contigs = [path.name for path in sorted((next(iter(trained.values())) / "folds").iterdir())]
    parts: dict[str, list[Part]] = {kind: [] for kind in LABELS}
    for contig in contigs:
        folders = {name: folder / "folds" / contig for name, folder in trained.items()}
        limits, pools = experiment.tuned(folders), experiment.pools(folders, contig)
        for kind in LABELS:
            parts[kind].append((pools[kind], limits))
    for kind in LABELS:
        results[f"cross-fit, {kind}"] = figures(parts[kind], options.replicates, options.seed)
        lines += markdown(f"cross-fitted among {', '.join(contigs)}, labels {kind}", results[f"cross-fit, {kind}"])
    save(options, results, lines)


def save(options: argparse.Namespace, results: dict[str, Any], lines: list[str]) -> None:
    """Write what is known so far."""
    write_json(options.out / "results.json", json.loads(json.dumps(results, default=float)))
    write_text(options.out / "results.md", "\n".join(lines) + "\n")


def without_paralogs(experiment: Experiment, folders: dict[str, Path], pools: dict[str, Pool]) -> Any:
    """Tell which tested genes resemble no gene that was trained or validated on."""
    from splicecore.training.paralogs import exonic_sequences, find_paralogs

    used: set[str] = set()
    for folder in folders.values():
        genes = read_json(folder / "training.json")["model_genes"]
        used |= {*genes["train"], *genes["valid"]}
    tested = next(iter(pools.values())).genes
    with scored_genes(experiment.session, experiment.options, experiment.models) as (scored, _):
        known = {(canonical_name(g.contig), g.strand, g.gene_id): g.index for g in scored.genes.values()}
        rows = [known[tuple(gene.key)] for gene in tested]
        own = {*rows}
        others = sorted({g.index for g in scored.genes.values() if g.gene_id in used} - own)
        with scored.resources.reference(experiment.session.cache_dir) as reference:
            sequences = exonic_sequences(reference, scored.resources.annotation(), np.array([*rows, *others]))
            found = find_paralogs(sequences)
    similar = found.across(np.arange(len(rows)), np.arange(len(rows), len(rows) + len(others)))
    keep = np.ones(len(rows), dtype=np.bool_)
    keep[similar] = False
    log.info("%d of %d tested genes resemble a trained one", len(similar), len(rows))
    return keep


if __name__ == "__main__":
    main()

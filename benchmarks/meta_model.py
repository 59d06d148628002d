"""Meta-models against base models on chromosomes that neither saw, all positions of the genes.

    python benchmarks/meta_model.py --data-root ROOT --train-pass not159 --test-pass chr1_5_9 --out FOLDER
    python benchmarks/meta_model.py ... --cross-fit --paralogs --annotation

Needs finished passes of ``splicecore predict`` of all base models in the data root: a test that holds genes outside the
tested chromosomes, and one that holds genes on them (it may be the same). From the first, a dataset is built for each
base model alone and for all together, preset ``default`` (no annotation, no junctions), and a meta-model is trained on
each with validation genes set aside for calibration and thresholds. Then every model scores all positions of the tested
genes. With ``--cross-fit`` meta-models are also trained and tested among the tested chromosomes, each on the others;
with ``--annotation`` there is one more row, of a meta-model that also has what the annotation says of the gene.

What is finished stays in the folder: the same command goes on. Genes are scored in portions, so that an interruption
costs one. The result is ``FOLDER/results.json`` and ``FOLDER/results.md``. ``meta_model_errors.py`` looks at errors.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
from meta_model_experiment import LABELS, Experiment
from meta_model_figures import figures, markdown
from splicecore.artifacts.store import write_json, write_text
from splicecore.training.pool_files import select_genes

MODEL = json.dumps({"name": "xgboost", "learning_rate": 0.1})
"""The defaults, but in half as many rounds."""
STRUCTURAL = (
    "gene_length,num_exons,avg_exon_length,median_exon_length,total_exon_length,total_intron_length,n_splice_sites,"
    "num_overlaps,num_transcripts,gene_type,distance_to_start,distance_to_end"
)
"""What the annotation says of a gene, but where it lies."""
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
    parser.add_argument(
        "--annotation", nargs="?", default="", const=STRUCTURAL, help="columns of the set structural of one more row"
    )
    parser.add_argument("--hard-prob", type=float, default=0.001)
    parser.add_argument("--easy-ratio", type=float, default=1.0)
    parser.add_argument("--window", type=int, default=3)
    parser.add_argument("--valid-share", type=float, default=0.15)
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


class Results:
    """What is known so far, written again with every table."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        said = {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()}
        self.values: dict[str, Any] = {"options": {k: v for k, v in said.items() if k not in ("data_root", "out")}}
        self.lines = ["# Meta-models on chromosomes that were not trained on"]

    def add(self, title: str, parts: list[Any]) -> None:
        """Compute a table and write all."""
        found = figures(parts, self.options.replicates, self.options.seed)
        self.values[title] = found
        self.lines += markdown(title, found)
        write_json(self.options.out / "results.json", json.loads(json.dumps(self.values, default=float)))
        write_text(self.options.out / "results.md", "\n".join(self.lines) + "\n")


def trained_outside(experiment: Experiment, results: Results) -> None:
    """Train outside the tested chromosomes, test on them."""
    folders = {kind.name: experiment.train(kind, outside=True) for kind in experiment.kinds}
    limits, pools = experiment.tuned(folders), experiment.pools(folders)
    for labels in LABELS:
        results.add(f"trained outside, labels {labels}", [(pools[labels], limits)])
    if experiment.options.paralogs:
        keep = experiment.without_paralogs(folders, next(iter(pools["all"].values())))
        for labels in LABELS:
            chosen = {name: select_genes(pool, keep) for name, pool in pools[labels].items()}
            title = f"trained outside, labels {labels}, {np.sum(~keep)} genes with paralogs left out"
            results.add(title, [(chosen, limits)])


def cross_fit(experiment: Experiment, results: Results) -> None:
    """Test every chromosome with models that were trained on the other tested chromosomes."""
    trained = {kind.name: experiment.train(kind, outside=False) for kind in experiment.kinds}
    contigs = [path.name for path in sorted((next(iter(trained.values())) / "folds").iterdir())]
    parts: dict[str, list[Any]] = {labels: [] for labels in LABELS}
    for contig in contigs:
        folders = {name: folder / "folds" / contig for name, folder in trained.items()}
        limits, pools = experiment.tuned(folders), experiment.pools(folders, contig)
        for labels in LABELS:
            parts[labels].append((pools[labels], limits))
    for labels in LABELS:
        results.add(f"cross-fitted among {', '.join(contigs)}, labels {labels}", parts[labels])
    if experiment.options.paralogs:
        first = [next(iter(pools.values())) for pools, _ in parts["all"]]
        everyone = [{gene.key.gene_id for gene in pool.genes} for pool in first]
        keeps = [
            experiment.unlike(set().union(*(ids for k, ids in enumerate(everyone) if k != number)), pool)
            for number, pool in enumerate(first)
        ]
        for labels in LABELS:
            chosen = [
                ({name: select_genes(pool, keep) for name, pool in pools.items()}, limits)
                for (pools, limits), keep in zip(parts[labels], keeps, strict=True)
            ]
            count = sum(int(np.sum(~keep)) for keep in keeps)
            results.add(f"cross-fitted, labels {labels}, {count} genes with paralogs left out", chosen)


def main() -> None:
    """Run what is not there yet and write the results."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    options = arguments()
    experiment, results = Experiment(options), Results(options)
    if options.train_pass is not None:
        trained_outside(experiment, results)
    if options.cross_fit:
        cross_fit(experiment, results)
    print("\n".join(results.lines))


if __name__ == "__main__":
    main()

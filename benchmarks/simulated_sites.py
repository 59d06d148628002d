"""How a base model scores the splice sites of simulated genomes against the decoys planted in their introns.

    python benchmarks/simulated_sites.py --base-model spliceai
    python benchmarks/simulated_sites.py --base-model consensus --seeds 1,2,3

Simulated genomes are of use for demonstrations and tests only if models that were trained on real ones recognize what
is in them. Sites that the canonical transcripts lack are shown apart, as alternative ones.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from typing import TYPE_CHECKING

import numpy as np
from splicecore.api import PluginError, ResourceError, Session, SplicecoreError
from splicecore.evaluate.metrics import average_precision
from splicecore.testing.simulate import SimulatedGenome, SimulationConfig, simulate_genome

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    Floats = npt.NDArray[np.float64]

TYPES = {"acceptor": 1, "donor": 2}


def main() -> int:
    """Simulate, score, print; 0 also where the model or its weights are not installed."""
    arguments = _arguments()
    config = SimulationConfig(contigs=tuple(f"chr{number + 1}" for number in range(arguments.contigs)))
    parts: dict[str, list[Floats]] = {
        f"{kind} {what}": [] for kind in TYPES for what in ("site", "alternative", "decoy")
    }
    everything: dict[str, list[tuple[npt.NDArray[np.bool_], Floats]]] = {kind: [] for kind in TYPES}
    bases = 0
    try:
        session = Session()
        for seed in arguments.seeds:
            genome = simulate_genome(config, seed)
            bases += sum(len(codes) for codes in genome.sequences.values())
            _collect(genome, _predict(session, genome, arguments), parts, everything)
    except (ResourceError, PluginError) as error:
        print(f"skipped: {error}")
        return 0
    except SplicecoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return int(error.exit_code)
    print(f"{arguments.base_model} on {bases:,} simulated bases, seeds {', '.join(map(str, arguments.seeds))}\n")
    _print(parts, everything)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-model", default="spliceai")
    parser.add_argument("--models-dir", help="its weights, if they are not installed")
    parser.add_argument("--contigs", type=int, default=4, help="contigs per genome, 6 genes each (default: 4)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--seeds",
        type=lambda text: [int(seed) for seed in text.split(",")],
        default=[1, 2],
        help="comma-separated (default: 1,2)",
    )
    return parser.parse_args()


def _predict(session: Session, genome: SimulatedGenome, arguments: argparse.Namespace) -> pa.Table:
    with tempfile.TemporaryDirectory(prefix="simulated-") as folder:
        paths = genome.write(folder)
        return session.predict(
            fasta=str(paths.fasta),
            annotation=str(paths.annotation),
            base_model=arguments.base_model,
            models_dir=arguments.models_dir,
            all_genes=True,
            threads=arguments.threads,
        )


def _collect(
    genome: SimulatedGenome,
    table: pa.Table,
    parts: dict[str, list[Floats]],
    everything: dict[str, list[tuple[npt.NDArray[np.bool_], Floats]]],
) -> None:
    """Look up the scores of sites and decoys in the rows of their own genes."""
    contig, strand, gene_id = (np.array(table.column(name).to_pylist()) for name in ("contig", "strand", "gene_id"))
    position = table.column("position").to_numpy()
    rows = {
        gene.gene_id: np.flatnonzero((gene_id == gene.gene_id) & (contig == gene.contig) & (strand == gene.strand))
        for gene in genome.genes
    }
    for kind, channel in TYPES.items():
        scores = table.column(f"{kind}_score").to_numpy().astype(np.float64)
        labels = np.zeros(len(scores), dtype=np.bool_)
        sites = genome.sites[genome.sites["type"] == channel]
        decoys = genome.decoys[genome.decoys["type"] == channel]
        for name, chosen in (
            ("site", sites[~sites["alternative"]]),
            ("alternative", sites[sites["alternative"]]),
            ("decoy", decoys),
        ):
            found = []
            for site in chosen:
                own = rows[genome.genes[site["gene"]].gene_id]
                found.append(own[position[own] == site["position"]].item())
            parts[f"{kind} {name}"].append(scores[found])
            labels[found] |= name != "decoy"
        everything[kind].append((labels, scores))


def _print(parts: dict[str, list[Floats]], everything: dict[str, list[tuple[npt.NDArray[np.bool_], Floats]]]) -> None:
    print("                         n   median   mean   >= 0.5")
    joined = {name: np.concatenate(scores) for name, scores in parts.items()}
    for name, scores in joined.items():
        if len(scores):
            called = (scores >= 0.5).mean()
            print(f"{name:<20} {len(scores):>5}   {np.median(scores):6.4f} {scores.mean():6.3f}   {called:6.3f}")
    print("\n           AUROC and AP against decoys   AP over all positions of genes")
    for kind in TYPES:
        sites, decoys = joined[f"{kind} site"], joined[f"{kind} decoy"]
        labels, scores = (np.concatenate(column) for column in zip(*everything[kind], strict=True))
        against = np.concatenate([sites, decoys])
        is_site = np.arange(len(against)) < len(sites)
        print(
            f"{kind:<10} {_auroc(sites, decoys):5.3f}     {average_precision(is_site, against):5.3f}"
            f"                   {average_precision(labels, scores):5.3f}"
        )


def _auroc(positive: Floats, negative: Floats) -> float:
    """Chance that a site outscores a decoy, ties counting half."""
    above = (positive[:, None] > negative).mean()
    return float(above + 0.5 * (positive[:, None] == negative).mean())


if __name__ == "__main__":
    sys.exit(main())

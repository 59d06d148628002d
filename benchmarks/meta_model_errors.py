"""Which sites a meta-model and its base models miss, and what their false calls are.

    python benchmarks/meta_model_errors.py --data-root ROOT --test-pass chr1_5_9 --meta FOLDER --out FOLDER

Every model calls at the thresholds of best F1 on the validation genes that the meta-model's folder has. Sites of all
transcripts count, those of other genes and of boundary transcripts are left out. The result is ``OUT/errors.md``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from meta_model_experiment import scored_genes
from splicecore.api import Session
from splicecore.artifacts.store import make_folder, read_json, write_text
from splicecore.evaluate.mask import annotation_sites
from splicecore.evaluate.site_labels import canonical_transcripts
from splicecore.genome.annotation import read_annotation
from splicecore.genome.arrow import numbers
from splicecore.genome.contigs import canonical_name
from splicecore.genome.encoding import N
from splicecore.training.operating_points import OperatingPoints
from splicecore.training.position_scores import MEAN, META
from splicecore.training.scored_genes import ScoredGenes
from splicecore.training.test_figures import thresholds_of

if TYPE_CHECKING:
    from splicecore.genome.genes import Gene

KINDS = ("acceptor", "donor")
NEAR, EDGE = 20, 5_000


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--source", default="refseq")
    parser.add_argument("--build", default="GRCh38")
    parser.add_argument("--test-pass", required=True)
    parser.add_argument("--test-chromosomes", default="1,5,9")
    parser.add_argument("--meta", required=True, type=Path, help="folder of a trained meta-model or of a fold")
    parser.add_argument("--mask-boundary", type=Path)
    parser.add_argument("--other-annotation", type=Path, help="another annotation, to look false calls up in")
    parser.add_argument("--out", required=True, type=Path)
    return parser.parse_args()


class SiteFacts:
    """What the annotation says of each site of a gene."""

    def __init__(self, scored: ScoredGenes) -> None:
        annotation = scored.resources.annotation()
        table = scored.resources.table("splice_sites")
        self.gene, self.position = numbers(table, "gene"), numbers(table, "position")
        self.donor = np.array(table.column("site_type").to_pylist()) == "donor"
        self.exon, transcript = numbers(table, "exon_number"), numbers(table, "transcript")
        exons = np.bincount(numbers(annotation.exons, "transcript"), minlength=len(annotation.transcripts))
        self.exons = exons[transcript]
        self.motif = np.array(table.column("motif").to_pylist())
        self.canonical = np.isin(transcript, canonical_transcripts(annotation))
        owner = numbers(annotation.transcripts, "gene")[np.flatnonzero(exons > 1)]
        self.transcripts = np.bincount(owner, minlength=len(annotation.genes))

    def of(self, gene: Gene, position: int, *, donor: bool) -> dict[str, bool]:
        """Categories of a site."""
        rows = np.flatnonzero((self.gene == gene.index) & (self.position == position) & (self.donor == donor))
        exon, last = self.exon[rows], self.exons[rows]
        edge = (exon == 1) if donor else (exon == last)
        return {
            "of the canonical transcript": bool(self.canonical[rows].any()),
            "of some of the gene's transcripts only": len(rows) < self.transcripts[gene.index],
            "of one of several transcripts": len(rows) == 1 and self.transcripts[gene.index] > 1,
            "end of the first or start of the last exon": bool(edge.all()),
            "other than GT, AG": str(self.motif[rows[0]]) not in ("GT", "AG"),
        }


def main() -> None:
    """Score the tested genes, sort the errors and write a page."""
    options = arguments()
    options.out = make_folder(options.out)
    session = Session(data_root=options.data_root)
    tested = {canonical_name(name) for name in options.test_chromosomes.split(",")}
    points = read_json(options.meta / "operating_points.json")["models"]
    limits = thresholds_of({name: OperatingPoints.from_json(values) for name, values in points.items()})
    other = {} if options.other_annotation is None else annotation_sites(read_annotation(options.other_annotation))
    with session.open_meta_model(options.meta) as scorer, scored_genes(session, options, scorer.base_models) as opened:
        scored = ScoredGenes(
            opened[0].resources, opened[1], opened[0].contract, "all", session.cache_dir, boundary=options.mask_boundary
        )
        errors = Errors(scorer, scored, limits, other)
        for gene in scored.genes.values():
            if canonical_name(gene.contig) in tested:
                errors.add(gene)
    names = [name for name in (*scorer.base_models, MEAN, META) if name in limits]
    page = [
        "# Errors",
        "",
        *table("Sites", errors.sites, names, "missed"),
        "",
        *table("False calls", errors.calls, names, "called"),
    ]
    write_text(options.out / "errors.md", "\n".join(page) + "\n")
    print("\n".join(page))


class Errors:
    """Sites and false calls with their categories, gathered gene by gene."""

    def __init__(self, scorer: Any, scored: ScoredGenes, limits: dict[str, Any], other: dict[Any, Any]) -> None:
        self.scorer, self.scored, self.limits, self.other = scorer, scored, limits, other
        self.facts = SiteFacts(scored)
        self.sites: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self._wide = SimpleNamespace(models=scorer.base_models, halo=EDGE, requires=scorer.pipeline.requires)

    def add(self, gene: Gene) -> None:
        """Add a gene's sites, and the positions that a model calls and that are none."""
        block, given = self.scored.block(gene, self._wide)
        scores = {name: block.scores[name][:, :3] for name in self.scorer.base_models}
        if len(scores) > 1:
            scores[MEAN] = np.mean(np.stack([*scores.values()]), axis=0, dtype=np.float64).astype(np.float32)
        scores[META] = self.scorer.score(block, given=given).calibrated
        truth = self.scored.truth(gene)
        unknown = np.concatenate([[0], np.cumsum(block.codes == N)])
        coding = truth.gene.gene_type == "protein_coding"
        for k, kind in enumerate(KINDS):
            called = {
                name: values[:, k + 1].astype(np.float64) >= self.limits[name][k] for name, values in scores.items()
            }
            true = truth.sites[:, k] & truth.counts
            false = ~truth.sites[:, k] & truth.counts & np.any([*called.values()], axis=0)
            known = np.flatnonzero(truth.sites[:, k])
            for row in np.flatnonzero(true | false).tolist():
                position = gene.start + row if gene.strand == "+" else gene.end - 1 - row
                here = {
                    "all": True,
                    "in a gene that codes for no protein": not coding,
                    f"unknown sequence within {EDGE:,} bases": bool(unknown[row + 2 * EDGE + 1] - unknown[row]),
                }
                flags = {name: bool(each[row]) for name, each in called.items()}
                if true[row]:
                    here |= self.facts.of(gene, position, donor=kind == "donor")
                    self.sites.append({"is": here, **{name: not flag for name, flag in flags.items()}})
                else:
                    here |= self._false(gene, position, np.abs(known - row))
                    here["called by all base models"] = all(flags[name] for name in self.scorer.base_models)
                    self.calls.append({"is": here, **flags})

    def _false(self, gene: Gene, position: int, far: Any) -> dict[str, bool]:
        elsewhere = self.other.get((canonical_name(gene.contig), gene.strand), np.empty(0, np.int64))
        place = int(np.searchsorted(elsewhere, position))
        return {
            f"within {NEAR} bases of a site of its kind": bool(len(far) and far.min() <= NEAR),
            "in a gene without introns in the annotation": not len(far),
            "a site in the other annotation": place < len(elsewhere) and bool(elsewhere[place] == position),
        }


def table(title: str, rows: list[dict[str, Any]], names: list[str], verb: str) -> list[str]:
    """Count rows by category, and those of each model among them."""
    categories = list(dict.fromkeys(name for row in rows for name in row["is"]))
    lines = [f"## {title}", "", f"| which | all | {' | '.join(f'{verb} by {name}' for name in names)} |"]
    lines.append("|---" * (len(names) + 2) + "|")
    for category in categories:
        chosen = [row for row in rows if row["is"].get(category)]
        counts = [str(sum(row[name] for row in chosen)) for name in names]
        lines.append(f"| {category} | {len(chosen)} | {' | '.join(counts)} |")
    return lines


if __name__ == "__main__":
    main()

"""Accuracy of a base model's predictions against an annotation: average precision, top-k, calls, zero-offset check.

    python benchmarks/accuracy.py out/predictions/base_model_predictions.parquet --annotation genes.gtf --contigs 1,5,9

Reads what `splicecore run` wrote, one row group at a time; only two scores and two labels a position stay in memory.
Every row counts: a position of two genes counts once for each. A position is a true site if an annotated transcript has
it, by default one of any gene on the same strand (`--scope gene`: of the row's own gene only).

`--mask-boundary` names a table of transcripts that the annotation lacks because the known sequence ends within them
(tab-separated; columns chrom, strand, exon_starts_0based, exon_ends). Their splice sites are real but not annotated, so
these positions are left out, unless the annotation has them too.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from splicecore.errors import AnnotationError, ContigError, InputError, SplicecoreError
from splicecore.evaluate.metrics import OffsetScan, average_precision, confusion_at, top_k_accuracy
from splicecore.genome.annotation import read_annotation
from splicecore.genome.contigs import canonical_name
from splicecore.genome.sites import splice_sites

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Ints = npt.NDArray[np.int64]
    Key = tuple[str, ...]
    """(contig, strand) or (contig, strand, gene_id)."""

TYPES = ("acceptor", "donor")
COLUMNS = ("build", "contig", "strand", "position", "gene_id", "acceptor_score", "donor_score")
NO_SITES: Ints = np.empty(0, dtype=np.int64)


@attrs.frozen
class Truth:
    """Sites by (contig, strand[, gene_id]): sorted genomic positions, 0-based, without repeats."""

    sites: dict[str, dict[Key, Ints]]
    by_gene: bool

    def of(self, kind: str, key: Key) -> Ints:
        """Sites of a type among rows with this key (contig, strand, gene_id)."""
        return self.sites[kind].get(key if self.by_gene else key[:2], NO_SITES)


@attrs.define
class Tally:
    """What is kept of the rows that were read."""

    max_offset: int
    rows: int = 0
    masked_rows: int = 0
    masked_positions: set[tuple[str, str, int]] = attrs.field(factory=set)
    builds: set[str] = attrs.field(factory=set)
    contigs: set[str] = attrs.field(factory=set)
    genes: set[Key] = attrs.field(factory=set)
    scores: dict[str, list[npt.NDArray[np.float32]]] = attrs.field(factory=lambda: defaultdict(list))
    labels: dict[str, list[npt.NDArray[np.bool_]]] = attrs.field(factory=lambda: defaultdict(list))
    offsets: dict[tuple[str, str], OffsetScan] = attrs.field(factory=dict)

    def add(self, key: Key, positions: Ints, scores: dict[str, Any], truth: Truth, masked: Ints) -> None:
        """Add rows of one gene, sorted by position."""
        self.genes.add(key)
        self.contigs.add(key[0])
        labels = {}
        for kind in TYPES:
            rows, offset = near(positions, truth.of(kind, key), self.max_offset)
            self._scan(key[1], kind, offset if key[1] == "+" else -offset, scores[kind][rows])
            labels[kind] = np.zeros(len(positions), dtype=np.bool_)
            labels[kind][rows[offset == 0]] = True
        unknown = np.zeros(len(positions), dtype=np.bool_)
        unknown[near(positions, masked, 0)[0]] = True
        unknown &= ~(labels["acceptor"] | labels["donor"])
        self.masked_rows += int(np.count_nonzero(unknown))
        self.masked_positions.update((key[0], key[1], int(position)) for position in positions[unknown])
        self.rows += int(np.count_nonzero(~unknown))
        for kind in TYPES:
            self.scores[kind].append(scores[kind][~unknown])
            self.labels[kind].append(labels[kind][~unknown])

    def _scan(self, strand: str, kind: str, offset: Ints, scores: npt.NDArray[np.float32]) -> None:
        bins = 2 * self.max_offset + 1
        scan = OffsetScan(
            np.arange(-self.max_offset, self.max_offset + 1, dtype=np.int64),
            np.bincount(offset + self.max_offset, weights=scores, minlength=bins).astype(np.float64),
            np.bincount(offset + self.max_offset, minlength=bins).astype(np.int64),
        )
        known = self.offsets.get((strand, kind))
        self.offsets[strand, kind] = scan if known is None else known + scan


def near(positions: Ints, sites: Ints, reach: int) -> tuple[Ints, Ints]:
    """Rows within ``reach`` bases of a site, and each one's position minus the site; a row once for every such site.

    Both arrays are sorted.
    """
    first = np.searchsorted(positions, sites - reach, side="left")
    count = np.searchsorted(positions, sites + reach, side="right") - first
    before = np.cumsum(count) - count
    rows = np.arange(int(count.sum()), dtype=np.int64) - np.repeat(before - first, count)
    return rows, positions[rows] - np.repeat(sites, count)


def read_truth(path: Path, *, by_gene: bool) -> Truth:
    """Read the annotated sites."""
    annotation = read_annotation(path)
    table = splice_sites(annotation)
    gene_ids = annotation.genes.column("gene_id").take(table.column("gene"))
    columns = [table.column("site_type"), table.column("contig"), table.column("strand"), gene_ids]
    grouped: dict[str, dict[Key, list[int]]] = {kind: defaultdict(list) for kind in TYPES}
    rows = zip(*(column.to_pylist() for column in columns), table.column("position").to_pylist(), strict=True)
    for kind, contig, strand, gene_id, position in rows:
        key = (canonical_name(contig), strand)
        grouped[kind][(*key, gene_id) if by_gene else key].append(position)
    if not any(grouped.values()):
        raise AnnotationError(f"{path} has no introns, so there is nothing to compare with")
    return Truth({kind: {key: _sorted(x) for key, x in keys.items()} for kind, keys in grouped.items()}, by_gene)


def read_boundary_sites(path: Path) -> dict[Key, Ints]:
    """Splice sites of transcripts that are cut by the edge of the known sequence, by (contig, strand)."""
    sites: dict[Key, list[int]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for number, row in enumerate(csv.DictReader(lines, delimiter="\t"), start=2):
            try:
                starts = [int(x) for x in row["exon_starts_0based"].split(",") if x]
                ends = [int(x) for x in row["exon_ends"].split(",") if x]
                key = (canonical_name(row["chrom"]), row["strand"])
                exons = sorted(zip(starts, ends, strict=True))
            except (KeyError, ValueError, AttributeError) as error:
                raise InputError(
                    f"{path}, line {number}: not a boundary transcript ({error!r})",
                    hint="columns chrom, strand, exon_starts_0based, exon_ends are needed",
                ) from error
            sites[key] += [end - 1 for _, end in exons[:-1]] + [start for start, _ in exons[1:]]
    return {key: _sorted(positions) for key, positions in sites.items()}


def read_rows(path: Path, contigs: frozenset[str] | None) -> Iterator[tuple[str, Key, Ints, dict[str, Any]]]:
    """Rows of one gene and row group at a time: build, (contig, strand, gene_id), positions, scores by type."""
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}") from error
    missing = sorted(set(COLUMNS) - set(file.schema_arrow.names))
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}", hint="give base_model_predictions.parquet")
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, columns=list(COLUMNS))
        words, codes = zip(*(_encoded(table, name) for name in ("build", "contig", "strand", "gene_id")), strict=True)
        combined = np.ravel_multi_index(codes, [max(len(w), 1) for w in words])
        order = np.argsort(combined, kind="stable")
        starts = np.flatnonzero(np.diff(combined[order], prepend=-1))
        positions = table.column("position").to_numpy()
        scores = {kind: table.column(f"{kind}_score").to_numpy() for kind in TYPES}
        for rows in np.split(order, starts[1:]) if len(order) else ():
            build, contig, strand, gene_id = (w[c[rows[0]]] for w, c in zip(words, codes, strict=True))
            key = (canonical_name(contig), strand, gene_id)
            if (np.diff(positions[rows]) <= 0).any():
                raise InputError(f"{path}: the rows of {gene_id} are not sorted by position in row group {group}")
            if contigs is None or key[0] in contigs:
                yield build, key, positions[rows], {kind: scores[kind][rows] for kind in TYPES}


def _encoded(table: pa.Table, name: str) -> tuple[list[str], npt.NDArray[np.int32]]:
    column = table.column(name)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    array: Any = column.unify_dictionaries().combine_chunks()
    if array.null_count:
        raise InputError(f"column {name} has {array.null_count} nulls")
    return array.dictionary.to_pylist(), array.indices.to_numpy()


def _sorted(positions: Iterable[int]) -> Ints:
    return np.unique(np.fromiter(positions, dtype=np.int64))


def tally(arguments: argparse.Namespace) -> Tally:
    """Read annotation and predictions."""
    truth = read_truth(arguments.annotation, by_gene=arguments.scope == "gene")
    boundary = read_boundary_sites(arguments.mask_boundary) if arguments.mask_boundary else {}
    wanted = frozenset(canonical_name(name) for name in arguments.contigs.split(",")) if arguments.contigs else None
    result = Tally(arguments.max_offset)
    for build, key, positions, scores in read_rows(arguments.predictions, wanted):
        result.builds.add(build)
        result.add(key, positions, scores, truth, boundary.get(key[:2], NO_SITES))
    if not result.rows:
        raise ContigError(f"{arguments.predictions} has no rows" + (f" on {arguments.contigs}" if wanted else ""))
    absent = sorted((wanted or set()) - result.contigs)
    if absent:
        raise ContigError(f"{arguments.predictions} has no rows on {', '.join(absent)}")
    if not any(labels.any() for kind in TYPES for labels in result.labels[kind]):
        raise ContigError(
            f"no position of {arguments.predictions} is a site of {arguments.annotation}",
            hint="are the two of the same build?",
        )
    return result


def summarise(result: Tally, threshold: float) -> dict[str, Any]:
    """Compute the figures from what was kept."""
    figures: dict[str, Any] = {
        "builds": sorted(result.builds),
        "contigs": sorted(result.contigs),
        "genes": len(result.genes),
        "positions": result.rows,
        "masked_rows": result.masked_rows,
        "masked_positions": len(result.masked_positions),
        "threshold": threshold,
    }
    for kind in TYPES:
        labels, scores = np.concatenate(result.labels[kind]), np.concatenate(result.scores[kind])
        calls = confusion_at(labels, scores, threshold)
        figures[kind] = {
            "sites": int(np.count_nonzero(labels)),
            "average_precision": average_precision(labels, scores),
            "top_k": top_k_accuracy(labels, scores),
            "false_positives": calls.false_positives,
            "false_negatives": calls.false_negatives,
            "precision": calls.precision,
            "recall": calls.recall,
        }
    figures["offsets"] = [
        {
            "strand": strand,
            "type": kind,
            "sites": int(scan.counts[result.max_offset]),
            "best": scan.best,
            "means": dict(zip(map(int, scan.offsets), map(float, scan.means), strict=True)),
        }
        for (strand, kind), scan in sorted(result.offsets.items())
        if scan.counts.any()
    ]
    return figures


def report(figures: dict[str, Any]) -> Iterator[str]:
    """Lines for people."""
    yield (
        f"{figures['positions']:,} positions of {figures['genes']:,} genes on {', '.join(figures['contigs'])} "
        f"({', '.join(figures['builds'])})"
    )
    masked, rows = figures["masked_positions"], figures["masked_rows"]
    yield f"left out: {masked:,} positions that are sites of boundary transcripts ({rows:,} rows)"
    yield ""
    at = f"at {figures['threshold']:g}"
    yield f"{'type':<10}{'sites':>9}{'AP':>9}{'top-k':>9}{'FP ' + at:>11}{'FN ' + at:>11}{'precision':>11}{'recall':>9}"
    for kind in TYPES:
        row = figures[kind]
        yield (
            f"{kind:<10}{row['sites']:>9,}{row['average_precision']:>9.4f}{row['top_k']:>9.4f}"
            f"{row['false_positives']:>11,}{row['false_negatives']:>11,}{row['precision']:>11.4f}{row['recall']:>9.4f}"
        )
    yield ""
    yield "mean score by offset from annotated sites, transcript orientation (the best must be 0)"
    for row in figures["offsets"]:
        means = "  ".join(f"{offset:+d}:{mean:.3f}" for offset, mean in row["means"].items())
        yield f"{row['strand']} {row['type']:<9}{row['sites']:>7,} sites  best {row['best']:+d}   {means}"


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictions", type=Path, help="predictions/base_model_predictions.parquet of a run")
    parser.add_argument("--annotation", type=Path, required=True, help="GTF or SpliceAI table, of the run's build")
    parser.add_argument("--contigs", help="only these, comma-separated, with or without chr (default: all)")
    parser.add_argument("--scope", choices=("strand", "gene"), default="strand", help="whose sites are true ones")
    parser.add_argument("--mask-boundary", type=Path, metavar="TSV", help="transcripts whose sites are left out")
    parser.add_argument("--threshold", type=float, default=0.5, help="lowest score that is called (default: 0.5)")
    parser.add_argument("--max-offset", type=int, default=5, help="largest offset that is looked at (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print the figures; status 1 if an offset other than 0 is best."""
    arguments = parse(argv)
    try:
        figures = summarise(tally(arguments), arguments.threshold)
    except SplicecoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return int(error.exit_code)
    print("\n".join(report(figures)))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["best"] == 0 for row in figures["offsets"]) else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""The same scores as `openspliceai predict`, of any context: compares its BED files with a run's table.

OpenSpliceAI lives in an environment of its own (`pip install openspliceai`), which needs nothing of splicecore; WEIGHTS
is a folder of five .pt files, and -f their context:

    python benchmarks/parity_openspliceai.py export --fasta GRCh38.fa.gz --table genes.txt --genes UPK3A,RAC2 work/
    openspliceai-env/bin/openspliceai predict -i work/genome.fa -a work/genes.gff -m WEIGHTS -f 10000 -t 1e-6 -o tool/
    splicecore run --fasta work/genome.fa --annotation work/genes.txt --base-model openspliceai --models-dir WEIGHTS
        --all-genes --output-dir out/
    python benchmarks/parity_openspliceai.py compare out/predictions/base_model_predictions.parquet tool/*/*.bed

With `--gene-flank 0` OpenSpliceAI sees N beyond a gene, as `splicecore run --flank n` does; its default is real
sequence. The BED files that the project published name the interval of each gene in column 4; `intervals` makes a table
of them to run on. All genes of an export must lie on one chromosome. `compare` ends with status 1 if a score differs by
more than `--tolerance`, or if the run has a score over `--floor` that the BED files lack.
"""

from __future__ import annotations

import argparse
import gzip
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pysam
from splicecore.genome.contigs import canonical_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEADER = "#NAME\tCHROM\tSTRAND\tTX_START\tTX_END\tEXON_START\tEXON_END"
NAME = re.compile(
    r"(?:gene-)?(?P<gene>\S+) (?P<contig>\S+):(?P<start>\d+)-(?P<end>\d+)\((?P<strand>[+-])\)_(?P<kind>\w+)"
)


def bed_sites(paths: Iterable[Path]) -> Iterator[tuple[str, str, int, int, str, str, int, float]]:
    """Yield gene, contig, start, end (of the gene, 0-based half-open), strand, type, position (0-based), score.

    The position is that of the exon's base. Version 0.0.7 writes an interval of one base, a donor's own or the one
    before an acceptor; earlier ones wrote the intron's two bases beside the site.
    """
    for path in paths:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            for line in lines:
                _, first, last, name, score, strand = line.rstrip("\n").split("\t")[:6]
                found = NAME.match(name)
                if found is None:
                    raise SystemExit(f"{path}: {name!r} names no interval; give OpenSpliceAI a GFF file")
                gene, contig, start, end, _, kind = found.groups()
                before, after = (int(first) - 1, int(last)) if strand == "+" else (int(last), int(first) - 1)
                own = int(first)
                position = after if kind == "Acceptor" else own if int(last) - own == 1 else before
                yield gene, contig, int(start) - 1, int(end), strand, kind.lower(), position, float(score)


def intervals(arguments: argparse.Namespace) -> int:
    """Write the genes of BED files as a table."""
    known = defaultdict(list)
    for line in arguments.known.open() if arguments.known else ():
        contig, start, end = line.split()[:3]
        known[canonical_name(contig)].append((int(start), int(end)))
    genes = sorted({site[:5] for site in bed_sites(arguments.bed)}, key=lambda gene: gene[1:4])
    print(HEADER)
    for gene, contig, start, end, strand in genes:
        if not arguments.known or any(a <= start and end <= b for a, b in known[canonical_name(contig)]):
            print(gene, contig, strand, start, end, f"{start},", f"{end},", sep="\t")
    return 0


def export(arguments: argparse.Namespace) -> int:
    """Write one chromosome and some of its genes in the forms that both tools read."""
    wanted = set(arguments.genes.split(","))
    rows = [line.rstrip("\n").split("\t") for line in arguments.table.open()]
    rows = [row for row in rows if row[0] in wanted]
    contigs = {row[1] for row in rows}
    if len(contigs) != 1:
        raise SystemExit(f"these genes lie on {', '.join(sorted(contigs)) or 'no chromosome'}; one is needed")
    name = canonical_name(contigs.pop())
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with pysam.FastaFile(str(arguments.fasta)) as fasta, (arguments.folder / "genome.fa").open("w") as handle:
        (reference,) = (contig for contig in fasta.references if canonical_name(contig) == name)
        handle.write(f">{name}\n{fasta.fetch(reference)}\n")
    with (arguments.folder / "genes.gff").open("w") as handle:
        for gene, _, strand, start, end, *_ in rows:
            fields = (name, "table", "gene", int(start) + 1, end, ".", strand, ".", f"ID=gene-{gene};Name={gene}")
            print(*fields, sep="\t", file=handle)
    (arguments.folder / "genes.txt").write_text("\n".join([HEADER, *("\t".join(row) for row in rows)]) + "\n")
    return 0


def compare(arguments: argparse.Namespace) -> int:
    """Print the largest differences; status 1 if one is too large or a site is missing."""
    table = pq.read_table(arguments.predictions)
    rows = {
        (gene, position): row
        for row, (gene, position) in enumerate(
            zip(table["gene_name"].to_pylist(), table["position"].to_pylist(), strict=True)
        )
    }
    genes = {gene for gene, _ in rows}
    sites = [site for site in bed_sites(arguments.bed) if site[0] in genes]
    failed = not sites
    for kind in ("acceptor", "donor"):
        scores = table[f"{kind}_score"].to_numpy()
        theirs = {(site[0], site[6]): site[7] for site in sites if site[5] == kind}
        inside = {key: score for key, score in theirs.items() if key in rows}
        ours = scores[[rows[key] for key in inside]].astype(np.float64)
        differences = np.abs(ours - np.fromiter(inside.values(), dtype=np.float64))
        lacking = sum(scores[row] > arguments.floor for key, row in rows.items() if key not in theirs)
        print(
            f"{kind:<9}{len(inside):>7,} scores compared ({len(theirs) - len(inside):,} outside the genes), "
            f"largest difference {differences.max(initial=0):.2e}, median {np.median(differences):.1e}, "
            f"{np.count_nonzero(differences > arguments.tolerance):,} over {arguments.tolerance:g}; "
            f"{lacking:,} of ours over {arguments.floor:g} are not in the BED"
        )
        failed |= bool(differences.max(initial=0) > arguments.tolerance or lacking)
    return int(failed)


def main(argv: list[str] | None = None) -> int:
    """Do one step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True)
    step = steps.add_parser("export", help="a chromosome and genes for both tools")
    step.add_argument("--fasta", type=Path, required=True)
    step.add_argument("--table", type=Path, required=True, help="genes in SpliceAI's annotation format")
    step.add_argument("--genes", required=True, metavar="A,B")
    step.add_argument("folder", type=Path)
    step.set_defaults(run=export)
    step = steps.add_parser("intervals", help="a table of the genes that BED files name, to stdout")
    step.add_argument("bed", type=Path, nargs="+")
    step.add_argument("--known", type=Path, help="BED of known sequence; genes that reach out of it are left out")
    step.set_defaults(run=intervals)
    step = steps.add_parser("compare", help="a run against BED files")
    step.add_argument("predictions", type=Path, help="predictions/base_model_predictions.parquet of a run")
    step.add_argument("bed", type=Path, nargs="+")
    step.add_argument("--tolerance", type=float, default=1e-5)
    step.add_argument("--floor", type=float, default=1.5e-6, help="the tool's --threshold and half its last digit")
    step.set_defaults(run=compare)
    arguments = parser.parse_args(argv)
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())

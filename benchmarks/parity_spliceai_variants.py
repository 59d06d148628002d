r"""Compare scores of variants with those of SpliceAI's own command, or of ``openspliceai variant``.

    python benchmarks/parity_spliceai_variants.py variants --fasta GRCh38.fa.gz --table GRCh38.spliceai_table.txt \
        --plain plain.fa set.vcf
    spliceai-env/bin/spliceai -I set.vcf -O spliceai.vcf -R plain.fa -A GRCh38.spliceai_table.txt -D 50 -M 0
    python benchmarks/parity_spliceai_variants.py compare --fasta GRCh38.fa.gz --table GRCh38.spliceai_table.txt \
        --weights MODELS spliceai.vcf
    openspliceai-env/bin/openspliceai variant -I set.vcf -O openspliceai.vcf -R plain.fa -A GRCh38.spliceai_table.txt \
        -D 50 -M 0 -m WEIGHTS -f 10000 -t pytorch -p 6
    python benchmarks/parity_spliceai_variants.py compare --fasta GRCh38.fa.gz --table GRCh38.spliceai_table.txt \
        --base-model openspliceai --weights WEIGHTS --precision 6 openspliceai.vcf

``variants`` draws substitutions, insertions and deletions near exon ends and inside introns, from genes of both
strands; the same ones every time. ``--plain`` also writes their contigs as plain FASTA for the peers. ``compare``
scores the records of a peer's VCF with ``splicecore variants`` and compares entry by entry: a result of one ALT in one
gene. Its figures: entries that only one side has; scores that are equal at two decimals; positions that are equal where
the score is at least 0.01 (below that they are noise). Before they are rounded, splicecore's scores must be within 1e-5
of what the peer may have rounded; if they are, and two decimals still differ, that is counted as due to rounding. All
else is printed. It ends with status 1 if less than 99.9 % of scores or positions are equal, or if anything is not
explained. ``--mask`` must be the peer's -M.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from splicecore.api import Session
from variant_workloads import write_plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

SEED = 20261121
CONTIGS = ("1", "5", "9", "17", "13", "2", "22", "11", "7", "X")
GENES, SUBSTITUTIONS, INDELS = 7, 24, 9
LENGTHS = (1, 1, 2, 3, 4, 5, 8, 12, 30, 60)
SHOWN = 0.01
DECIMALS = 2
NEAR = 1e-5
ENOUGH = 0.999
KINDS = ("ag", "al", "dg", "dl")
OURS = "Ours"
TAGS = {"spliceai": "SpliceAI", "openspliceai": "OpenSpliceAI"}

Allele = tuple[str, int, str, str]

# ------------------------------------------------------------------------------------------------------------- variants


@attrs.frozen
class Row:
    """A gene of SpliceAI's table: contig, strand, span and exons, starts 0-based and ends inclusive 1-based."""

    contig: str
    strand: str
    start: int
    end: int
    exon_starts: list[int]
    exon_ends: list[int]


def read_rows(path: Path) -> Iterator[Row]:
    """Read genes of middle length with several exons from the contigs that are used."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        _, contig, strand, start, end, starts, ends = line.split("\t")[:7]
        row = Row(
            contig, strand, int(start), int(end), *([int(n) for n in text.split(",") if n] for text in (starts, ends))
        )
        if 8_000 < row.end - row.start < 60_000 and len(row.exon_starts) >= 6 and contig in CONTIGS:
            yield row


class Draw:
    """Draws variants of genes from a genome."""

    def __init__(self, fasta: Any, seed: int) -> None:
        self.fasta = fasta
        self.names = set(fasta.references)
        self.random = np.random.default_rng(seed)
        self.found: set[Allele] = set()

    def name(self, contig: str) -> str:
        """Name that the genome has for a contig of the table."""
        return contig if contig in self.names else f"chr{contig}"

    def bases(self, contig: str, position: int, length: int) -> str:
        """Bases from a position (1-based) on."""
        return str(self.fasta.fetch(self.name(contig), position - 1, position - 1 + length)).upper()

    def choose(self, rows: list[Row]) -> list[Row]:
        """Choose genes of a strand."""
        return [rows[index] for index in sorted(self.random.choice(len(rows), GENES, replace=False))]

    def substitution(self, row: Row, number: int) -> None:
        """Draw one near an exon's end or anywhere in the gene, every third one at a larger distance from there."""
        draw = self.random
        exon, side = draw.integers(len(row.exon_starts)), int(draw.integers(3))
        anywhere = int(draw.integers(row.start + 1, row.end + 1))
        place = (row.exon_starts[exon] + 1, row.exon_ends[exon], anywhere)[side]
        place += int(draw.integers(-60, 61)) if number % 3 == 0 else int(draw.integers(-8, 9))
        place = min(max(place, row.start + 1), row.end)
        ref = self.bases(row.contig, place, 1)
        if ref != "N":
            self.found.add((row.contig, place, ref, str(draw.choice([base for base in "ACGT" if base != ref]))))

    def indel(self, row: Row, number: int) -> None:
        """Draw an insertion, or a deletion if the number is odd, near an exon's end."""
        draw = self.random
        exon = draw.integers(len(row.exon_starts))
        place = row.exon_starts[exon] + 1 if draw.integers(2) else row.exon_ends[exon]
        place = min(max(place + int(draw.integers(-15, 16)), row.start + 30), row.end - 30)
        length = int(draw.choice(LENGTHS))
        ref = self.bases(row.contig, place, length + 1 if number % 2 else 1)
        if number % 2 == 0:
            self.found.add((row.contig, place, ref, ref + "".join(draw.choice(list("ACGT"), length))))
        elif "N" not in ref:
            self.found.add((row.contig, place, ref, ref[0]))


def variants(arguments: argparse.Namespace) -> int:
    """Write the set."""
    import pysam

    with pysam.FastaFile(str(arguments.fasta)) as fasta:
        draw = Draw(fasta, SEED)
        rows = list(read_rows(arguments.table))
        chosen = [row for strand in "+-" for row in draw.choose([row for row in rows if row.strand == strand])]
        for row in chosen:
            for number in range(SUBSTITUTIONS):
                draw.substitution(row, number)
            for number in range(INDELS):
                draw.indel(row, number)
        order = {name: index for index, name in enumerate(fasta.references)}
        found = sorted(draw.found, key=lambda allele: (order[draw.name(allele[0])], *allele[1:]))
        with arguments.vcf.open("w", encoding="ascii") as target:
            target.write("##fileformat=VCFv4.2\n")
            for name, length in zip(fasta.references, fasta.lengths, strict=True):
                target.write(f"##contig=<ID={name},length={length}>\n")
            target.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
            for contig, position, ref, alt in found:
                target.write(f"{draw.name(contig)}\t{position}\t.\t{ref}\t{alt}\t.\t.\t.\n")
        if arguments.plain is not None:
            write_plain(fasta, sorted({draw.name(allele[0]) for allele in found}), arguments.plain)
    single = sum(len(ref) == len(alt) == 1 for _, _, ref, alt in found)
    strands = Counter(row.strand for row in chosen)
    print(f"{single} substitutions, {len(found) - single} insertions and deletions, genes: {dict(strands)}")
    return 0


# -------------------------------------------------------------------------------------------------------------- compare


@attrs.frozen
class Entry:
    """Scores as printed (AG, AL, DG, DL), and positions; None where there are dots."""

    scores: tuple[str, ...] | None
    positions: tuple[int, ...] | None


Key = tuple[str, int, str, str, str]


def read_entries(path: Path, tag: str) -> dict[Key, Entry]:
    """Read the entries of a VCF by contig, POS, REF, ALT and gene."""
    entries: dict[Key, Entry] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        contig, pos, _, ref, _, _, _, info = line.split("\t")[:8]
        for item in info.split(";"):
            name, _, value = item.partition("=")
            for text in value.split(",") if name == tag else ():
                alt, gene, *numbers = text.split("|")
                dots = "." in numbers
                entry = Entry(None, None) if dots else Entry(tuple(numbers[:4]), tuple(map(int, numbers[4:])))
                entries[contig, int(pos), ref, alt, gene] = entry
    return entries


def score(arguments: argparse.Namespace, folder: Path) -> tuple[dict[Key, Entry], dict[Key, tuple[float, ...]]]:
    """Score the peer's records; return entries as printed, and the scores of each before they were rounded."""
    import pyarrow.parquet as pq

    vcf, table = folder / "ours.vcf", folder / "ours.parquet"
    Session().run_variants(
        input=str(arguments.peer),
        output=[str(vcf), str(table)],
        fasta=str(arguments.fasta),
        annotation=str(arguments.table),
        base_model=arguments.base_model,
        models_dir=(str(arguments.weights),) if arguments.weights else (),
        distance=arguments.distance,
        mask=arguments.mask == 1,
        precision=arguments.precision,
        threads=arguments.threads,
        tags=f"{arguments.base_model}={OURS}",
    )
    return read_entries(vcf, OURS), full_scores(pq.read_table(table))


def full_scores(table: pa.Table) -> dict[Key, tuple[float, ...]]:
    """Scores of a table by the key of their entry."""
    names = ["contig", "position", "ref", "alt", "gene_name", *(f"ds_{kind}" for kind in KINDS)]
    rows = zip(*(table.column(name).to_pylist() for name in names), strict=True)
    return {(contig, position + 1, ref, alt, gene): scores for contig, position, ref, alt, gene, *scores in rows}


@attrs.define
class Comparison:
    """Counts what is equal, and keeps what is neither equal nor explained.

    Attributes
    ----------
    precision
        Decimals that scores are printed with.
    largest
        Largest difference of one of splicecore's scores, before it is rounded, from the peer's as printed.
    """

    precision: int
    counts: Counter[str] = attrs.field(factory=Counter)
    unexplained: list[str] = attrs.field(factory=list)
    largest: float = 0.0

    def add(self, key: Key, mine: Entry | None, other: Entry | None, full: tuple[float, ...]) -> None:
        """Compare an entry."""
        if mine is None or other is None:
            self.unexplained.append(f"{key}: only {'the peer' if mine is None else 'splicecore'} has an entry")
            return
        self.counts["substitutions" if len(key[2]) == len(key[3]) == 1 else "others"] += 1
        if mine.scores is None or other.scores is None or mine.positions is None or other.positions is None:
            self.counts["dots"] += 1
            if mine != other:
                self.unexplained.append(f"{key}: {mine} beside the peer's {other}")
            return
        columns = zip(KINDS, mine.scores, other.scores, mine.positions, other.positions, full, strict=True)
        for kind, score, wanted, position, place, exact in columns:
            where = f"{key} {kind.upper()}"
            self.score(where, score, wanted, exact)
            if float(wanted) >= SHOWN:
                self.counts["positions"] += 1
                self.counts["positions equal"] += position == place
                if position != place:
                    self.unexplained.append(f"{where}: {position} beside the peer's {place}, of score {wanted}")

    def score(self, where: str, text: str, wanted: str, exact: float) -> None:
        """Compare a score."""
        self.counts["scores"] += 1
        difference = abs(exact - float(wanted))
        self.largest = max(self.largest, difference)
        same = round(float(text), DECIMALS) == round(float(wanted), DECIMALS)
        self.counts["scores equal"] += same
        if difference > 0.5 * 10.0**-self.precision + NEAR:
            self.unexplained.append(f"{where}: {exact:.6f} beside the peer's {wanted}")
        elif not same:
            self.counts["rounding"] += 1

    def report(self) -> bool:
        """Print; returns whether enough is equal and the rest explained."""
        counts = self.counts
        print(f"{counts['substitutions']} entries of substitutions, {counts['others']} of insertions and deletions")
        rates = []
        for what in ("scores", "positions"):
            rates.append(counts[f"{what} equal"] / max(1, counts[what]))
            print(f"{what}: {counts[f'{what} equal']} of {counts[what]} equal ({100 * rates[-1]:.2f} %)")
        print(f"scores that differ at a rounding boundary: {counts['rounding']}; dots on both sides: {counts['dots']}")
        print(f"largest difference of a score, not rounded, from the peer's as printed: {self.largest:.2e}")
        print(f"not explained: {len(self.unexplained)}", *self.unexplained, sep="\n  ")
        return min(rates) >= ENOUGH and not self.unexplained


def compare(arguments: argparse.Namespace) -> int:
    """Compare and print; 1 if too much differs."""
    with tempfile.TemporaryDirectory() as folder:
        ours, full = score(arguments, Path(folder))
    theirs = read_entries(arguments.peer, arguments.tag or TAGS[arguments.base_model])
    comparison = Comparison(arguments.precision)
    for key in sorted(ours.keys() | theirs.keys()):
        comparison.add(key, ours.get(key), theirs.get(key), full.get(key, ()))
    return 0 if comparison.report() else 1


def main() -> int:
    """Run one step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True)
    step = steps.add_parser("variants", help="write the variants to score")
    step.add_argument("--plain", type=Path, help="also write their contigs, as plain FASTA")
    step.add_argument("vcf", type=Path)
    step.set_defaults(run=variants)
    step = steps.add_parser("compare", help="score with splicecore and compare")
    step.add_argument("--base-model", default="spliceai", choices=list(TAGS))
    step.add_argument("--weights", type=Path, help="the model's, if they are not installed")
    step.add_argument("--distance", type=int, default=50)
    step.add_argument("--mask", type=int, choices=(0, 1), default=0)
    step.add_argument("--precision", type=int, default=2, help="decimals of the peer's scores (%(default)s)")
    step.add_argument("--tag", help="INFO tag of the peer's scores")
    step.add_argument("--threads", type=int, default=2)
    step.add_argument("peer", type=Path, help="VCF with the peer's scores")
    step.set_defaults(run=compare)
    for step in steps.choices.values():
        step.add_argument("--fasta", type=Path, required=True)
        step.add_argument("--table", type=Path, required=True, help="annotation in SpliceAI's format")
    arguments = parser.parse_args()
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())

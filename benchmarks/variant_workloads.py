"""The variants that variants.py scores."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

__all__ = ["DENSITIES", "SPARSE", "plain_path", "vcf_path", "write_plain", "write_workloads"]

SPARSE = "sparse"
DENSITIES = (10_000, 1_000, 100, 10)
Record = tuple[str, int, str, str]


class Genes:
    """Genes of a SpliceAI table and their bases."""

    def __init__(self, fasta: Path, table: Path) -> None:
        import pysam

        self.fasta = pysam.FastaFile(str(fasta))
        rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()[1:]]
        self.rows = [row for row in rows if int(row[4]) - int(row[3]) >= 20_000 and row[5].count(",") >= 6]

    def bases(self, contig: str, start: int, end: int) -> tuple[str, str]:
        """Name in the genome, and bases from ``start`` (0-based) to ``end``."""
        name = contig if contig in self.fasta.references else f"chr{contig}"
        return name, self.fasta.fetch(name, start, end).upper()


def substitutions(genes: Genes, contig: str, span: tuple[int, int], step: int, *, alternates: int = 1) -> list[Record]:
    """Substitutions at every ``step``-th base of a span (0-based, half-open)."""
    start, end = span
    name, bases = genes.bases(contig, start, end)
    found = []
    for offset in range(step // 2, end - start, step):
        others = [base for base in "ACGT" if base != bases[offset]]
        if bases[offset] != "N":
            first = offset % 3 if alternates == 1 else 0
            found += [(name, start + offset + 1, bases[offset], alt) for alt in others[first : first + alternates]]
    return found


def indels(genes: Genes, row: list[str], ends: int) -> list[Record]:
    """Ten insertions and deletions of 1 to 10 bases around each of the first exon ends."""
    draw = random.Random(1)
    found: set[Record] = set()
    for edge in [int(text) for text in row[6].split(",") if text][:ends]:
        for length in range(1, 11):
            start = edge + draw.randrange(-20, 21)
            name, bases = genes.bases(row[1], start, start + length + 1)
            inserted = "".join(draw.choices("ACGT", k=length))
            found.add(
                (name, start + 1, bases, bases[0]) if length % 2 else (name, start + 1, bases[0], bases[0] + inserted)
            )
    return sorted(found)


def write_workloads(folder: Path, arguments: argparse.Namespace) -> dict[str, int]:
    """Write a VCF for each workload, and their contigs as plain FASTA; returns how many variants each has."""
    genes = Genes(arguments.fasta, arguments.table)
    draw = random.Random(arguments.seed)
    draw.shuffle(genes.rows)
    sparse: list[Record] = []
    for row in genes.rows:
        sparse += substitutions(genes, row[1], (int(row[3]), int(row[4])), 1_000)
        if len(sparse) >= arguments.sparse:
            break
    row = genes.rows[0]
    middle = (int(row[3]) + int(row[4])) // 2
    half = arguments.window // 2
    workloads = {
        SPARSE: sparse[: arguments.sparse],
        "indels": indels(genes, row, arguments.exons),
        "saturation": substitutions(genes, row[1], (middle - half, middle + half), 1, alternates=3),
    }
    for step in DENSITIES:
        workloads[f"every {step:,}"] = substitutions(genes, row[1], (middle - 10_000, middle + 10_000), step)
    for name, records in workloads.items():
        lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
        contigs = sorted({record[0] for record in records})
        lines[1:1] = [f"##contig=<ID={contig}>" for contig in contigs]
        lines += [f"{contig}\t{pos}\t.\t{ref}\t{alt}\t.\t.\t." for contig, pos, ref, alt in sorted(records)]
        vcf_path(folder, name).write_text("\n".join(lines) + "\n", encoding="ascii")
    names = sorted({record[0] for records in workloads.values() for record in records})
    write_plain(genes.fasta, names, plain_path(folder))
    return {name: len(records) for name, records in workloads.items()}


def vcf_path(folder: Path, name: str) -> Path:
    """File of a workload."""
    return folder / f"{name.replace(' ', '_').replace(',', '')}.vcf"


def plain_path(folder: Path) -> Path:
    """File of the workloads' contigs, which peers read."""
    return folder / "plain.fa"


def write_plain(fasta: Any, names: list[str], path: Path) -> None:
    """Write contigs in lines of 60 bases."""
    with path.open("w", encoding="ascii") as target:
        for name in names:
            target.write(f">{name}\n")
            length = fasta.get_reference_length(name)
            for start in range(0, length, 6_000_000):
                bases = fasta.fetch(name, start, start + 6_000_000)
                target.writelines(f"{bases[i : i + 60]}\n" for i in range(0, len(bases), 60))

"""Writing a simulated genome: FASTA, GTF in the style of GENCODE, SpliceAI's annotation table."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

from splicecore.errors import OutputError
from splicecore.genome.encoding import decode

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from splicecore.testing.simulate import SimulatedGene, SimulatedGenome

__all__ = ["SimulatedPaths", "write_genome"]

_LINE = 60


@attrs.frozen
class SimulatedPaths:
    """Files of a simulated genome; ``spliceai_table`` is None unless it was asked for."""

    fasta: Path
    annotation: Path
    spliceai_table: Path | None


def write_genome(
    genome: SimulatedGenome, folder: str | os.PathLike[str], *, bgzip: bool, spliceai_table: bool
) -> SimulatedPaths:
    """Write the files; see :meth:`splicecore.testing.simulate.SimulatedGenome.write`."""
    target = Path(folder)
    suffix = ".gz" if bgzip else ""
    table = target / "spliceai_table.txt" if spliceai_table else None
    paths = SimulatedPaths(target / f"genome.fa{suffix}", target / f"annotation.gtf{suffix}", table)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for index in (".fai", ".gzi"):
            paths.fasta.with_name(paths.fasta.name + index).unlink(missing_ok=True)
        _write(paths.fasta, _fasta(genome), bgzip=bgzip)
        _write(paths.annotation, _gtf(genome), bgzip=bgzip)
        if table is not None:
            _write(table, _spliceai_table(genome), bgzip=False)
    except OSError as error:
        raise OutputError(f"cannot write a simulated genome to {target}: {error}") from error
    return paths


def _write(path: Path, lines: Iterator[str], *, bgzip: bool) -> None:
    content = "".join(f"{line}\n" for line in lines).encode("ascii")
    if not bgzip:
        path.write_bytes(content)
        return
    import pysam

    with pysam.BGZFile(str(path), "wb", None) as handle:
        handle.write(content)


def _fasta(genome: SimulatedGenome) -> Iterator[str]:
    for contig, codes in genome.sequences.items():
        letters = np.frombuffer(decode(codes).encode("ascii"), dtype=np.uint8)
        text = np.where(genome.soft_masked[contig], letters | 0x20, letters).astype(np.uint8).tobytes().decode("ascii")
        yield f">{contig}"
        yield from (text[start : start + _LINE] for start in range(0, len(text), _LINE))


def _gtf(genome: SimulatedGenome) -> Iterator[str]:
    yield "##description: simulated genome"
    yield f"##provider: splicecore.testing.simulate, seed {genome.seed}"
    yield "##format: gtf"
    exon_number = itertools.count(1)
    contig_rank = {contig: rank for rank, contig in enumerate(genome.sequences)}
    for gene in sorted(genome.genes, key=lambda gene: (contig_rank[gene.contig], gene.start)):
        attributes = f'gene_id "{gene.gene_id}";'
        described = f'gene_type "protein_coding"; gene_name "{gene.gene_name}";'
        yield _row(gene, "gene", gene.start, gene.end, f"{attributes} {described} level 2;")
        for index, transcript in enumerate(gene.transcripts):
            name = f"{gene.gene_name}-{index + 1:03d}"
            ids = f'{attributes} transcript_id "{transcript.transcript_id}"; {described}'
            ids += f' transcript_type "protein_coding"; transcript_name "{name}";'
            tags = ' level 2; tag "basic";' + (' tag "Ensembl_canonical";' if index == 0 else "")
            start, end = int(transcript.exons[0, 0]), int(transcript.exons[-1, 1])
            yield _row(gene, "transcript", start, end, ids + tags)
            exons = transcript.exons if gene.strand == "+" else transcript.exons[::-1]
            for number, (exon_start, exon_end) in enumerate(exons.tolist(), start=1):
                numbered = f' exon_number {number}; exon_id "SIME{next(exon_number):09d}.1";'
                yield _row(gene, "exon", exon_start, exon_end, ids + numbered + tags)


def _row(gene: SimulatedGene, feature: str, start: int, end: int, attributes: str) -> str:
    columns = (gene.contig, "SIMULATED", feature, start + 1, end, ".", gene.strand, ".", attributes)
    return "\t".join(map(str, columns))


def _spliceai_table(genome: SimulatedGenome) -> Iterator[str]:
    yield "#NAME\tCHROM\tSTRAND\tTX_START\tTX_END\tEXON_START\tEXON_END"
    for gene in genome.genes:
        exons = gene.transcripts[0].exons
        starts = "".join(f"{start}," for start in exons[:, 0].tolist())
        ends = "".join(f"{end}," for end in exons[:, 1].tolist())
        columns = (gene.gene_name, gene.contig.removeprefix("chr"), gene.strand, gene.start, gene.end, starts, ends)
        yield "\t".join(map(str, columns))

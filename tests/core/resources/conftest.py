"""Inputs of derived resources: a golden annotation that is checked by hand, and a simulated genome."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from splicecore.testing.simulate import SimulationConfig, simulate_genome

if TYPE_CHECKING:
    from pathlib import Path


class Inputs(NamedTuple):
    fasta: Path
    annotation: Path


# chr1: a gene on each strand that overlap, and one of a single exon within; chr2: exons that touch; chr9: nowhere.
MODELS = """\
chr1 + GP PLUS protein_coding T1 11-20,41-60,91-100
chr1 + GP PLUS protein_coding T2 11-20,41-50,91-100
chr1 - GM MINUS lncRNA T3 81-95,121-130,161-170
chr1 + GS - lncRNA T4 131-140
chr2 + GX TOUCH protein_coding T5 11-20,21-30,41-50
chr2 + GY NEXT protein_coding T6 51-60
chr9 - GZ AWAY protein_coding T7 11-20,31-40
"""

# Bases beside exons, genomic and 0-based: GT-AG everywhere but one GC and one AT donor, and an acceptor with an N.
PLANTED = {
    "chr1": {20: "GT", 38: "AG", 50: "GT", 60: "GC", 88: "AG", 95: "CT", 118: "AC", 130: "CT", 158: "AT"},
    "chr2": {30: "GT", 38: "NG"},
}
LENGTHS = {"chr1": 200, "chr2": 100}


def golden_gtf() -> str:
    lines = []
    for model in MODELS.splitlines():
        contig, strand, gene, name, biotype, transcript, exons = model.split()
        values = f'gene_id "{gene}"; transcript_id "{transcript}"; gene_biotype "{biotype}"; '
        values += f'transcript_biotype "{biotype}"; ' + (f'gene_name "{name}"; ' if name != "-" else "")
        values += 'tag "MANE_Select";' if transcript == "T1" else ""
        for exon in exons.split(","):
            start, end = exon.split("-")
            lines.append(f"{contig}\tt\texon\t{start}\t{end}\t.\t{strand}\t.\t{values}\n")
    return "".join(lines)


def golden_fasta() -> str:
    text = ""
    for contig, length in LENGTHS.items():
        bases = list("A" * length)
        for start, motif in PLANTED[contig].items():
            bases[start : start + 2] = motif
        text += f">{contig}\n{''.join(bases)}\n"
    return text


@pytest.fixture
def golden(tmp_path):
    folder = tmp_path / "inputs"
    folder.mkdir()
    (folder / "g.fa").write_text(golden_fasta())
    (folder / "a.gtf").write_text(golden_gtf())
    return Inputs(folder / "g.fa", folder / "a.gtf")


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """A genome of two contigs with genes enough for the check of motifs."""
    config = SimulationConfig(intron_length=150, intron_range=(100, 300), intergenic_length=500)
    paths = simulate_genome(config, seed=11).write(tmp_path_factory.mktemp("simulated"))
    return Inputs(paths.fasta, paths.annotation)

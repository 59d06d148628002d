"""A genome of two small contigs, and one annotation of it in three formats."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

GTF = """\
#!genome-build mini
chr1\ttest\tgene\t11\t60\t.\t+\t.\tgene_id "G1"; gene_name "PLUS"; gene_type "protein_coding";
chr1\ttest\ttranscript\t11\t60\t.\t+\t.\tgene_id "G1"; transcript_id "T1"; transcript_type "protein_coding";
chr1\ttest\texon\t11\t20\t.\t+\t.\tgene_id "G1"; transcript_id "T1"; exon_number 1;
chr1\ttest\tCDS\t15\t20\t.\t+\t0\tgene_id "G1"; transcript_id "T1"; exon_number 1;
chr1\ttest\texon\t31\t40\t.\t+\t.\tgene_id "G1"; transcript_id "T1"; exon_number 2;
chr1\ttest\texon\t51\t60\t.\t+\t.\tgene_id "G1"; transcript_id "T1"; exon_number 3;
chr2\ttest\tgene\t5\t50\t.\t-\t.\tgene_id "G2"; gene_name "MINUS"; gene_type "lncRNA";
chr2\ttest\ttranscript\t5\t50\t.\t-\t.\tgene_id "G2"; transcript_id "T2"; transcript_type "lncRNA";
chr2\ttest\texon\t41\t50\t.\t-\t.\tgene_id "G2"; transcript_id "T2"; exon_number 1;
chr2\ttest\texon\t25\t34\t.\t-\t.\tgene_id "G2"; transcript_id "T2"; exon_number 2;
chr2\ttest\texon\t5\t14\t.\t-\t.\tgene_id "G2"; transcript_id "T2"; exon_number 3;
"""

GFF3 = """\
##gff-version 3
#!genome-build mini
##sequence-region chr1 1 100
chr1\ttest\tgene\t11\t60\t.\t+\t.\tID=G1;gene_id=G1;gene_name=PLUS;gene_type=protein_coding
chr1\ttest\ttranscript\t11\t60\t.\t+\t.\tID=T1;Parent=G1;gene_id=G1;transcript_id=T1;transcript_type=protein_coding
chr1\ttest\texon\t11\t20\t.\t+\t.\tID=exon:T1:1;Parent=T1
chr1\ttest\tCDS\t15\t20\t.\t+\t0\tID=CDS:T1;Parent=T1
chr1\ttest\texon\t31\t40\t.\t+\t.\tID=exon:T1:2;Parent=T1
chr1\ttest\texon\t51\t60\t.\t+\t.\tID=exon:T1:3;Parent=T1
###
# a comment
#\ta\tcomment\twith tabs

chr2\ttest\tgene\t5\t50\t.\t-\t.\tID=G2;gene_id=G2;gene_name=MINUS;gene_type=lncRNA
chr2\ttest\tlnc_RNA\t5\t50\t.\t-\t.\tID=T2;Parent=G2;transcript_id=T2;transcript_type=lncRNA
chr2\ttest\texon\t41\t50\t.\t-\t.\tParent=T2
chr2\ttest\texon\t25\t34\t.\t-\t.\tParent=T2
chr2\ttest\texon\t5\t14\t.\t-\t.\tParent=T2
###
"""

TABLE = """\
#NAME\tCHROM\tSTRAND\tTX_START\tTX_END\tEXON_START\tEXON_END
PLUS\t1\t+\t10\t60\t10,30,50,\t20,40,60,
MINUS\t2\t-\t4\t50\t4,24,40\t14,34,50
"""

LENGTHS = {"chr1": 100, "chr2": 60}


def random_sequence(length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices("ACGTNacgtnRY", weights=[20] * 4 + [1] + [5] * 4 + [1] * 3, k=length))


SEQUENCES = {name: random_sequence(length, seed) for seed, (name, length) in enumerate(LENGTHS.items())}


def fasta_text(sequences: dict[str, str], width: int = 17) -> str:
    parts = []
    for name, sequence in sequences.items():
        lines = [sequence[start : start + width] for start in range(0, len(sequence), width)]
        parts.append("\n".join([f">{name} some description", *lines]) + "\n")
    return "".join(parts)


@pytest.fixture(scope="session")
def sequences() -> dict[str, str]:
    return SEQUENCES


@pytest.fixture(scope="session")
def mini_fasta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plain") / "mini.fa"
    path.write_text(fasta_text(SEQUENCES))
    return path


@pytest.fixture(scope="session")
def mini_bgzip(mini_fasta: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import pysam

    path = tmp_path_factory.mktemp("bgzip") / "mini.fa.gz"
    pysam.tabix_compress(str(mini_fasta), str(path))
    return path


@pytest.fixture
def mini_gtf(tmp_path: Path) -> Path:
    path = tmp_path / "mini.gtf"
    path.write_text(GTF)
    return path


@pytest.fixture(scope="session")
def mini_gff3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gff3") / "mini.gff3"
    path.write_text(GFF3)
    return path


@pytest.fixture
def mini_table(tmp_path: Path) -> Path:
    path = tmp_path / "mini.txt"
    path.write_text(TABLE)
    return path

"""Reading GFF3 of the usual sources: which feature is what, whose it is, and what is malformed."""

from __future__ import annotations

import logging

import pytest
from splicecore.errors import AnnotationError
from splicecore.genome import feature_lines
from splicecore.genome.annotation import read_annotation
from splicecore.genome.sites import splice_sites


def row(feature, start, end, attributes, *, contig="1", strand="+"):
    return f"{contig}\ttest\t{feature}\t{start}\t{end}\t.\t{strand}\t.\t{attributes}\n"


def read(tmp_path, *rows, name="a.gff3"):
    path = tmp_path / name
    path.write_text("##gff-version 3\n" + "".join(rows))
    return read_annotation(path)


def models(annotation):
    """Gene, transcript and exons (0-based), in words."""
    genes, transcripts = annotation.genes.to_pylist(), annotation.transcripts.to_pylist()
    exons = annotation.exons.to_pylist()
    return [
        (
            genes[transcript["gene"]]["gene_id"],
            transcript["transcript_id"],
            [(exon["start"], exon["end"]) for exon in exons if exon["transcript"] == index],
        )
        for index, transcript in enumerate(transcripts)
    ]


def test_refseq(tmp_path):
    annotation = read(
        tmp_path,
        row("region", 1, 900, "ID=NC_000001.11:1..900;Dbxref=taxon:9606;Name=1;gbkey=Src"),
        row("gene", 1, 50, "ID=gene-AAA;Dbxref=GeneID:1;Name=AAA;gbkey=Gene;gene=AAA;gene_biotype=protein_coding"),
        row("mRNA", 1, 50, "ID=rna-NM_1.2;Parent=gene-AAA;gbkey=mRNA;gene=AAA;tag=MANE Select;transcript_id=NM_1.2"),
        row("exon", 1, 9, "ID=exon-NM_1.2-1;Parent=rna-NM_1.2;gbkey=mRNA;gene=AAA;tag=MANE Select"),
        row("exon", 31, 50, "ID=exon-NM_1.2-2;Parent=rna-NM_1.2;gbkey=mRNA;gene=AAA;tag=MANE Select"),
        row("CDS", 3, 40, "ID=cds-NP_1.2;Parent=rna-NM_1.2;Name=NP_1.2;gbkey=CDS;gene=AAA;protein_id=NP_1.2"),
        row("mRNA", 1, 50, "ID=rna-NM_2.1;Parent=gene-AAA;gene=AAA;tag=MANE Plus Clinical;transcript_id=NM_2.1"),
        row("exon", 1, 50, "ID=exon-NM_2.1-1;Parent=rna-NM_2.1;transcript_id=NM_2.1"),
        row("pseudogene", 100, 180, "ID=gene-BBBP1;Name=BBBP1;gbkey=Gene;gene=BBBP1;gene_biotype=pseudogene"),
        row("exon", 100, 120, "ID=id-BBBP1;Parent=gene-BBBP1;gbkey=exon;gene=BBBP1"),
        row("exon", 150, 180, "ID=id-BBBP1-2;Parent=gene-BBBP1;gbkey=exon;gene=BBBP1"),
        row("gene", 200, 272, "ID=gene-TRNA1;Name=TRNA1;gbkey=Gene;gene=TRNA1;gene_biotype=tRNA"),
        row("tRNA", 200, 272, "ID=rna-TRNA1;Parent=gene-TRNA1;gbkey=tRNA;gene=TRNA1;product=tRNA-Ala"),
        row("exon", 200, 272, "ID=exon-TRNA1-1;Parent=rna-TRNA1;gbkey=tRNA;gene=TRNA1"),
        row("gene", 300, 390, "ID=gene-MIR1;Name=MIR1;gbkey=Gene;gene=MIR1;gene_biotype=miRNA"),
        row("primary_transcript", 300, 390, "ID=rna-NR_1.1;Parent=gene-MIR1;gbkey=precursor_RNA;transcript_id=NR_1.1"),
        row("exon", 300, 390, "ID=exon-NR_1.1-1;Parent=rna-NR_1.1;gbkey=precursor_RNA"),
        row("miRNA", 310, 330, "ID=rna-MIR1;Parent=rna-NR_1.1;gbkey=ncRNA;gene=MIR1;product=miR-1"),
        row("exon", 310, 330, "ID=exon-MIR1-1;Parent=rna-MIR1;gbkey=ncRNA;gene=MIR1"),
        row("gene", 400, 499, "ID=gene-IGHV1;Name=IGHV1;gene=IGHV1;gene_biotype=V_segment", strand="-"),
        row("V_gene_segment", 400, 499, "ID=id-IGHV1;Parent=gene-IGHV1;gbkey=V_segment", strand="-"),
        row("exon", 400, 440, "ID=id-IGHV1-2;Parent=id-IGHV1", strand="-"),
        row("exon", 460, 499, "ID=id-IGHV1-3;Parent=id-IGHV1", strand="-"),
        row("cDNA_match", 1, 50, "ID=aln0;Target=NM_1.2 1 50 +"),
    )  # fmt: skip

    assert models(annotation) == [
        ("AAA", "NM_1.2", [(0, 9), (30, 50)]),
        ("AAA", "NM_2.1", [(0, 50)]),
        ("BBBP1", "BBBP1", [(99, 120), (149, 180)]),
        ("TRNA1", "TRNA1", [(199, 272)]),
        ("MIR1", "NR_1.1", [(299, 390)]),
        ("MIR1", "MIR1", [(309, 330)]),
        ("IGHV1", "id-IGHV1", [(399, 440), (459, 499)]),
    ]
    assert annotation.genes.column("gene_name").to_pylist() == ["AAA", "BBBP1", "TRNA1", "MIR1", "IGHV1"]
    assert annotation.genes.column("gene_biotype").to_pylist()[:3] == ["protein_coding", "pseudogene", "tRNA"]
    transcripts = annotation.transcripts
    assert transcripts.column("biotype").to_pylist()[:4] == ["mRNA", "mRNA", None, "tRNA"]
    assert transcripts.column("tags").to_pylist()[:3] == [["MANE_Select"], ["MANE_Plus_Clinical"], []]


def test_ensembl(tmp_path):
    annotation = read(
        tmp_path,
        row("chromosome", 1, 900, "ID=chromosome:1;Alias=CM000663.2,NC_000001.11", strand="."),
        row("biological_region", 5, 6, "external_name=oo;logic_name=cpg", strand="."),
        row("gene", 1, 50, "ID=gene:ENSG1;Name=AAA;biotype=protein_coding;description=a%3B b;gene_id=ENSG1;version=5"),
        row("mRNA", 1, 50, "ID=transcript:ENST1;Parent=gene:ENSG1;Name=AAA-201;biotype=protein_coding;"
            "tag=basic,Ensembl_canonical,MANE_Select;transcript_id=ENST1;version=2"),
        row("five_prime_UTR", 1, 2, "Parent=transcript:ENST1"),
        row("exon", 1, 9, "Parent=transcript:ENST1;Name=ENSE1;exon_id=ENSE1;rank=1"),
        row("exon", 31, 50, "Parent=transcript:ENST1;Name=ENSE2;exon_id=ENSE2;rank=2"),
        row("ncRNA_gene", 60, 90, "ID=gene:ENSG2;biotype=lncRNA;gene_id=ENSG2;version=1"),
        row("lnc_RNA", 60, 90, "ID=transcript:ENST2;Parent=gene:ENSG2;biotype=lncRNA;transcript_id=ENST2"),
        row("exon", 60, 90, "Parent=transcript:ENST2;Name=ENSE3"),
        row("pseudogene", 95, 99, "ID=gene:ENSG3;Name=P1;biotype=processed_pseudogene;gene_id=ENSG3"),
        row("pseudogenic_transcript", 95, 99, "ID=transcript:ENST3;Parent=gene:ENSG3;biotype=processed_pseudogene"),
        row("exon", 95, 99, "Parent=transcript:ENST3"),
    )  # fmt: skip

    assert models(annotation) == [
        ("ENSG1", "ENST1", [(0, 9), (30, 50)]),
        ("ENSG2", "ENST2", [(59, 90)]),
        ("ENSG3", "ENST3", [(94, 99)]),
    ]
    assert annotation.genes.column("gene_name").to_pylist() == ["AAA", "ENSG2", "P1"]
    assert annotation.genes.column("gene_biotype").to_pylist() == ["protein_coding", "lncRNA", "processed_pseudogene"]
    assert annotation.transcripts.column("biotype").to_pylist()[0] == "protein_coding"
    assert annotation.transcripts.column("tags").to_pylist() == [["basic", "Ensembl_canonical", "MANE_Select"], [], []]


def test_gencode_genes_of_the_pseudoautosomal_regions(tmp_path):
    rows = []
    for contig, suffix in (("chrX", ""), ("chrY", "_PAR_Y")):
        gene, transcript = f"ENSG1.5{suffix}", f"ENST1.2{suffix}"
        rows += [
            row("gene", 1, 9, f"ID={gene};gene_id=ENSG1.5;gene_type=lncRNA;gene_name=N", contig=contig),
            row("transcript", 1, 9, f"ID={transcript};Parent={gene};gene_id=ENSG1.5;tag=PAR", contig=contig),
            row("exon", 1, 9, f"ID=exon:{transcript}:1;Parent={transcript}", contig=contig),
        ]
    annotation = read(tmp_path, *rows)
    assert annotation.genes.column("gene_id").to_pylist() == ["ENSG1.5", "ENSG1.5_PAR_Y"]
    assert annotation.transcripts.column("transcript_id").to_pylist() == ["ENST1.2", "ENST1.2_PAR_Y"]


def test_percent_encoding_and_several_parents(tmp_path):
    annotation = read(
        tmp_path,
        row("gene", 1, 99, "ID=g%2C1;Name=alpha%3B beta%2C %C3%A9", contig="chr%7C1"),
        row("mRNA", 1, 99, "ID=t%3B1;Parent=g%2C1", contig="chr%7C1"),
        row("mRNA", 1, 40, "ID=t2;Parent=g%2C1", contig="chr%7C1"),
        row("exon", 1, 9, "Parent=t%3B1,t2", contig="chr%7C1"),
        row("exon", 30, 40, "Note=shared; Parent=t2,t%3B1 ;", contig="chr%7C1"),
        row("exon", 90, 99, "Parent=t%3B1", contig="chr%7C1"),
    )
    assert models(annotation) == [
        ("g,1", "t2", [(0, 9), (29, 40)]),
        ("g,1", "t;1", [(0, 9), (29, 40), (89, 99)]),
    ]
    gene = annotation.genes.to_pylist()[0]
    assert (gene["gene_name"], gene["contig"]) == ("alpha; beta, \xe9", "chr|1")
    assert len(splice_sites(annotation)) == 6


def test_transcript_of_two_genes_belongs_to_both(tmp_path):
    annotation = read(
        tmp_path,
        row("gene", 1, 20, "ID=a"),
        row("gene", 15, 50, "ID=b"),
        row("mRNA", 1, 50, "ID=t;Parent=a,b"),
        row("exon", 1, 9, "Parent=t"),
        row("exon", 30, 50, "Parent=t"),
    )
    assert models(annotation) == [("a", "t", [(0, 9), (29, 50)]), ("b", "t", [(0, 9), (29, 50)])]


def test_transcripts_without_a_gene_are_genes_or_share_one(tmp_path):
    annotation = read(
        tmp_path,
        row("mRNA", 1, 50, "ID=t1;geneID=G;gene_name=N"),
        row("exon", 1, 50, "Parent=t1"),
        row("mRNA", 5, 60, "ID=t2;geneID=G;gene_name=N"),
        row("exon", 5, 60, "Parent=t2"),
        row("transcript", 70, 80, "ID=t3;Name=other"),
        row("exon", 70, 80, "Parent=t3"),
        row("locus", 90, 99, "ID=l"),
        row("thing", 90, 99, "ID=t4;Parent=l"),
        row("exon", 90, 99, "Parent=t4"),
    )
    assert models(annotation) == [
        ("G", "t1", [(0, 50)]),
        ("G", "t2", [(4, 60)]),
        ("t3", "t3", [(69, 80)]),
        ("l", "t4", [(89, 99)]),
    ]
    assert annotation.genes.column("gene_name").to_pylist() == ["N", "t3", "l"]
    assert annotation.genes.column("end").to_pylist() == [60, 80, 99]


def test_one_accession_at_two_places_of_a_gene(tmp_path):
    """Equal transcript_ids of different features do not become one transcript."""
    annotation = read(
        tmp_path,
        row("gene", 1, 99, "ID=gene-A;gene=A"),
        *(
            line
            for name, start in (("rna-NM_1.1", 1), ("rna-NM_1.1-2", 60))
            for line in (
                row("mRNA", start, start + 20, f"ID={name};Parent=gene-A;transcript_id=NM_1.1"),
                row("exon", start, start + 20, f"ID=exon-{start};Parent={name}"),
            )
        ),
    )
    assert models(annotation) == [("A", "rna-NM_1.1", [(0, 21)]), ("A", "rna-NM_1.1-2", [(59, 80)])]


def test_genes_with_one_gene_id_stay_two(tmp_path):
    rows = [
        line
        for name, start in (("gene:A", 1), ("gene:A-2", 60))
        for line in (
            row("gene", start, start + 20, f"ID={name};gene_id=A"),
            row("exon", start, start + 20, f"Parent={name}"),
        )
    ]
    assert read(tmp_path, *rows).genes.column("gene_id").to_pylist() == ["gene:A", "gene:A-2"]


def test_parts_of_a_feature_share_its_id(tmp_path):
    annotation = read(
        tmp_path,
        row("gene", 1, 20, "ID=g;gene=rps12;part=1"),
        row("gene", 50, 90, "ID=g;gene=rps12;part=2", strand="-"),
        row("exon", 1, 20, "Parent=g"),
        row("exon", 50, 60, "Parent=g", strand="-"),
        row("exon", 80, 90, "Parent=g", strand="-"),
    )
    assert [(g["gene_name"], g["strand"], g["start"], g["end"]) for g in annotation.genes.to_pylist()] == [
        ("rps12", "+", 0, 20),
        ("rps12", "-", 49, 90),
    ]
    assert len(annotation.exons) == 3


def test_ancestors_of_genes_that_go_in_circles_do_no_harm(tmp_path):
    operons = row("operon", 1, 99, "ID=o1;Parent=o2"), row("operon", 1, 99, "ID=o2;Parent=o1")
    annotation = read(tmp_path, *operons, row("gene", 1, 99, "ID=g;Parent=o1"), row("exon", 1, 9, "Parent=g"))
    assert models(annotation) == [("g", "g", [(0, 9)])]


def test_genes_of_an_operon(tmp_path):
    annotation = read(
        tmp_path,
        row("operon", 1, 99, "ID=o"),
        row("gene", 1, 40, "ID=g;Parent=o"),
        row("mRNA", 1, 40, "ID=t;Parent=g"),
        row("exon", 1, 40, "Parent=t"),
        row("gene", 50, 99, "ID=h;Parent=o"),
        row("exon", 50, 99, "Parent=h"),
    )
    assert models(annotation) == [("g", "t", [(0, 40)]), ("h", "h", [(49, 99)])]


def test_transcripts_without_exons_keep_their_genes_span(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        annotation = read(
            tmp_path,
            row("gene", 1, 99, "ID=g"),
            row("mRNA", 1, 99, "ID=t;Parent=g"),
            row("CDS", 5, 20, "ID=c;Parent=t"),
            row("gene", 200, 299, "ID=h"),
            row("mRNA", 200, 299, "ID=u;Parent=h"),
            row("exon", 200, 299, "Parent=u"),
            row("gene", 300, 399, "ID=i"),
        )
    assert annotation.genes.column("gene_id").to_pylist() == ["g", "h", "i"]
    assert annotation.genes.column("end").to_pylist() == [99, 299, 399]
    assert annotation.transcripts.column("transcript_id").to_pylist() == ["t", "u"]
    assert "1 transcripts have no exons and give no splice sites, first t" in caplog.text
    with pytest.raises(AnnotationError, match="has no exon") as caught:
        read(tmp_path, row("gene", 1, 99, "ID=g"), row("mRNA", 1, 99, "ID=t;Parent=g"), row("CDS", 5, 20, "Parent=t"))
    assert "not from CDS" in caught.value.hint


GENE, MRNA, EXON = row("gene", 1, 99, "ID=g"), row("mRNA", 1, 99, "ID=t;Parent=g"), row("exon", 1, 9, "Parent=t")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1\ttest\texon\t1\t9\t.\t+\t.\n", "8 columns separated by tabs instead of 9"),
        (EXON.replace("\n", "\tmore\n"), "10 columns separated by tabs instead of 9"),
        ("1 test exon 1 9\n", "1 columns separated by tabs instead of 9"),
        (row("exon", "x", 9, "Parent=t"), "start 'x' is not a whole number"),
        (row("CDS", 1, "", "Parent=t"), "end '' is not a whole number"),
        (row("exon", 0, 9, "Parent=t"), "start 0; coordinates begin at 1"),
        (row("exon", 10, 9, "Parent=t"), "start 10 lies after end 9"),
        (row("exon", 1, 9, "Parent=t", strand="."), r"strand '\.' is neither"),
        (row("mRNA", 1, 9, "ID=t2;Parent=g", strand="?"), r"strand '\?' is neither"),
        (row("gene", 9, 1, "ID=g2"), "start 9 lies after end 1"),
        (row("exon", 1, 9, "ID=e"), "exon without Parent"),
        (row("exon", 1, 9, "."), "exon without Parent"),
        (row("exon", 1, 9, "Parent="), "exon without Parent"),
        (row("exon", 1, 9, "Parent=nobody"), "exon has Parent=nobody, but no gene or transcript has this ID"),
        (row("exon", 1, 9, "Parent=t,nobody"), "exon has Parent=t,nobody, but no gene or transcript has this ID"),
        (row("mRNA", 1, 9, "ID=t2;Parent=nobody"), "mRNA t2 has Parent=nobody, but no feature has this ID"),
        (row("mRNA", 1, 9, "Parent=g"), "mRNA without ID"),
        (row("gene", 1, 9, "Name=x"), "gene without ID"),
        (row("gene", 200, 209, "ID=g"), "ID=g was given to another gene on line 2"),
        (row("mRNA", 200, 209, "ID=t;Parent=g"), "ID=t was given to another mRNA on line 3"),
        (row("exon", 1, 9, "Parent=t", contig="2"), "the exon and its parent t are on different contigs or strands"),
        (row("exon", 1, 9, "Parent=t", strand="-"), "the exon and its parent t are on different contigs or strands"),
        (
            row("mRNA", 1, 9, "ID=t2;Parent=g", strand="-"),
            "the transcript and its parent g are on different contigs or strands",
        ),
        (row("mRNA", 1, 9, "ID=t2;Parent=t2"), "t2 is its own ancestor by Parent"),
        (row("exon", 1, 9, "Parent=t;Note=\xe9").encode("latin-1"), r"not text \(UTF-8\)"),
    ],
)
def test_malformed(tmp_path, line, problem):
    path = tmp_path / "a.gff3"
    before = ("##gff-version 3\n" + GENE + MRNA + EXON + "###\n").encode()
    path.write_bytes(before + (line if isinstance(line, bytes) else line.encode()) + EXON.encode())
    with pytest.raises(AnnotationError, match=rf"a\.gff3, line 6:? .*{problem}") as caught:
        read_annotation(path)
    assert not isinstance(caught.value.__cause__, KeyError)


def test_line_numbers_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_lines, "_BLOCK", 150)
    rows = [row("exon", 1, 9, f"Parent=t;n={i}") for i in range(40)]
    with pytest.raises(AnnotationError, match=r"a\.gff3, line 44: exon has Parent=lost"):
        read(tmp_path, GENE, MRNA, *rows, row("exon", 1, 9, "Parent=lost"))
    with pytest.raises(AnnotationError, match=r"a\.gff3, line 44: exon without Parent"):
        read(tmp_path, GENE, MRNA, *rows, row("exon", 1, 9, "ID=lost"))

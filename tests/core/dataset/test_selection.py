"""Which genes are chosen, and lists of genes in files."""

from __future__ import annotations

import numpy as np
import pytest
from splicecore.dataset.config import DatasetConfig
from splicecore.dataset.gene_list import COLUMNS, gene_list, read_gene_list, write_gene_list
from splicecore.dataset.scored_pass import ScoredPass
from splicecore.dataset.selection import HARD_MARGIN, GenePool, choose_genes, rank_counts
from splicecore.errors import ConfigError, ContigError, GeneNotFoundError, InputError
from splicecore.genome.annotation import read_annotation
from splicecore.genome.contigs import Contigs
from splicecore.genome.genes import Gene, GeneCatalog

GENES = [
    ("chr1", 100, "+", "G1", "ALPHA", "protein_coding"),
    ("chr1", 500, "-", "G2", "BETA", "lncRNA"),
    ("chr2", 100, "+", "G3", "GAMMA", "protein_coding"),
    ("chr2", 900, "-", "G4", "DELTA", "protein_coding"),
    ("chr9", 100, "+", "G9", "OMEGA", "protein_coding"),
]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Catalog of four genes on two contigs, and one whose contig the reference lacks."""
    lines = []
    for contig, start, strand, gene_id, name, biotype in GENES:
        names = f'gene_id "{gene_id}"; gene_name "{name}"; gene_biotype "{biotype}";'
        for feature, end in (("gene", start + 200), ("transcript", start + 200), ("exon", start + 200)):
            more = "" if feature == "gene" else f' transcript_id "T{gene_id}";'
            lines.append("\t".join([contig, "x", feature, str(start), str(end), ".", strand, ".", names + more]))
    path = tmp_path_factory.mktemp("genes") / "genes.gtf"
    path.write_text("\n".join(lines) + "\n")
    return GeneCatalog(read_annotation(path).bind(Contigs(("chr1", "chr2"), (5000, 5000))))


def config(**values):
    return DatasetConfig(**({"subset_policy": "all"} | values))


def ids(genes):
    return [gene.gene_id for gene in genes]


def test_gene_types_and_chromosomes(catalog):
    assert ids(GenePool(catalog, config()).genes()) == ["G1", "G2", "G3", "G4"]
    assert ids(GenePool(catalog, config(gene_types="lncRNA")).genes()) == ["G2"]
    assert ids(GenePool(catalog, config(chromosomes="2")).genes()) == ["G3", "G4"]
    assert ids(GenePool(catalog, config(exclude_chromosomes=["chr1"])).genes()) == ["G3", "G4"]
    with pytest.raises(ConfigError, match="no gene is of type 'lncrna'") as caught:
        GenePool(catalog, config(gene_types="lncrna"))
    assert "lncRNA" in str(caught.value.hint)
    with pytest.raises(ContigError, match="chr7"):
        GenePool(catalog, config(chromosomes="chr7"))
    with pytest.raises(InputError, match="no gene is left"):
        GenePool(catalog, config(gene_types="lncRNA", chromosomes="chr2"))


def test_named_genes_keep_their_place_with_the_reason(catalog):
    pool = GenePool(catalog, config(gene_types="protein_coding", chromosomes="chr1"))
    found = pool.named(["ALPHA", "G2", "GAMMA", "OMEGA", "ALPHS", "ALPHA"])
    assert [(item.requested, item.status) for item in found] == [
        ("ALPHA", "pending"),
        ("G2", "excluded"),
        ("GAMMA", "excluded"),
        ("OMEGA", "no_sequence"),
        ("ALPHS", "not_in_annotation"),
    ]
    assert "lncRNA" in found[1].reason
    assert "chr2" in found[2].reason
    assert "chr9" in found[3].reason
    assert "ALPHA" in found[4].reason
    with pytest.raises(GeneNotFoundError, match=r"ALPHS.*1 more"):
        pool.named(["ALPHS", "G3"])


def test_ranking_breaks_ties_in_genomic_order(catalog):
    genes = catalog.all()
    counts = {("chr1", "+", "G1"): 2, ("chr1", "-", "G2"): 5, ("chr2", "+", "G3"): 2, ("chr2", "-", "G4"): 0}

    def chosen(n):
        return ids(choose_genes(config(subset_policy="error_total", n_genes=n), genes, counts))

    assert chosen(1) == ["G2"]
    assert chosen(2) == ["G1", "G2"]
    assert chosen(3) == chosen(None) == ["G1", "G2", "G3"]
    with pytest.raises(InputError, match="4 genes are asked for, but of 4 candidates 3 are there with such an error"):
        chosen(4)


def test_a_count_is_of_the_gene_on_its_strand_and_contig(catalog):
    found = choose_genes(config(subset_policy="hard"), catalog.all(), {("chr1", "-", "G1"): 9, ("chr1", "-", "G2"): 1})
    assert ids(found) == ["G2"]


def test_a_random_choice_is_seeded_and_grows(catalog):
    genes = [Gene(f"G{i}", "x", "chr1", "+", 10 * i, 10 * i + 5, i) for i in range(200)]
    chosen = {n: ids(choose_genes(config(subset_policy="random", n_genes=n), genes, {})) for n in (20, 50)}
    again = ids(choose_genes(config(subset_policy="random", n_genes=20), genes[::-1], {}))
    other = ids(choose_genes(config(subset_policy="random", n_genes=20, seed=1), genes, {}))
    assert chosen[20] == again != other
    assert set(chosen[20]) < set(chosen[50])
    assert len(other) == 20
    half = ids(choose_genes(config(subset_policy="random", n_genes=10), genes[:100], {}))
    assert {gene for gene in chosen[20] if int(gene[1:]) < 100} <= set(half) | set(chosen[20])


def test_policies_and_their_options():
    assert DatasetConfig().policy == "error_total"
    assert DatasetConfig(genes="A").policy == "custom"
    assert DatasetConfig(genes="A", subset_policy="random").policy == "random"
    with pytest.raises(ConfigError, match="no genes are named"):
        DatasetConfig(subset_policy="custom")
    with pytest.raises(ConfigError, match="n_genes is given"):
        DatasetConfig(subset_policy="all", n_genes=3)
    with pytest.raises(ConfigError, match="subset_policy"):
        DatasetConfig(subset_policy="errors")


def test_weights_by_model():
    models = ("spliceai", "openspliceai")
    given = DatasetConfig(base_model=models, models_dir=("/a", "openspliceai=/b=c")).weights
    assert given == {"spliceai": "/a", "openspliceai": "/b=c"}
    for wrong in (["other=/a"], ["/a", "spliceai=/b"], ["spliceai="]):
        with pytest.raises(ConfigError, match="models_dir"):
            DatasetConfig(base_model=models, models_dir=wrong)


def test_hard_positions_against_plain_python(workshop):
    scored = ScoredPass.read(workshop.passes["quick"])
    import pyarrow.parquet as pq

    expected = {}
    for row in pq.read_table(scored.folder / "splice_positions_enhanced.parquet").to_pylist():
        score = row["window_score"] if row["pred_type"] in ("TP", "FN") else row["score"]
        if abs(score - 0.5) <= HARD_MARGIN:
            key = row["contig"], row["strand"], row["gene_id"]
            expected[key] = expected.get(key, 0) + 1
    assert rank_counts([scored], "hard") == expected != {}
    errors = scored.errors()
    assert rank_counts([scored], "error_total") == {key: row["fp"] + row["fn"] for key, row in errors.items()}
    assert rank_counts([scored], "error_fn") == {key: row["fn"] for key, row in errors.items()}


@pytest.mark.parametrize(
    ("text", "column", "names"),
    [
        ("BRCA1\nTP53 # the guardian\n\n# nothing\nBRCA1\n", None, ("BRCA1", "TP53")),
        ("gene_id\nG1\nG2\n", None, ("G1", "G2")),
        ("\ufeffgene_name\tgene_id\nA\tG1\nB\tG2\n", None, ("G1", "G2")),
        ("gene_name\tgene_id\nA\tG1\nB\tG2\n", "gene_name", ("A", "B")),
        ("G1\tx\nG2\ty\n", None, ("G1", "G2")),
        ('n,symbol\n1,"A"\n2,B\n', None, ("A", "B")),
        ("x,Gene\r\n1,A\r\n2,B\r\n", None, ("A", "B")),
        ("what\twhere\nA\t1\n", "what", ("A",)),
    ],
)
def test_reading_lists(tmp_path, text, column, names):
    path = tmp_path / "genes"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_gene_list(path, column) == names


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("", None, "names no gene"),
        ("gene_id\n", None, "names no gene"),
        ("gene_id\tx\nG1\ty\n\tz\n", None, "line 3 .* has no gene"),
        ("gene_id\tx\nG1\ty\n", "gene_ids", "no column 'gene_ids'.*did you mean gene_id"),
        ("x\tgene_id\nG1\n", "gene_id", "line 2 .* has no gene_id"),
    ],
)
def test_lists_that_cannot_be_read(tmp_path, text, column, said):
    path = tmp_path / "genes.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_gene_list(path, column)
    with pytest.raises(InputError, match="cannot read"):
        read_gene_list(tmp_path / "missing", column)


def test_listing_genes_of_passes(workshop, tmp_path):
    folders = [workshop.passes["quick"]]
    whole = gene_list(folders)
    assert len(whole) == 12
    assert [row["start"] for row in whole if row["contig"] == "chr1"] == sorted(
        row["start"] for row in whole if row["contig"] == "chr1"
    )
    assert all(row["sites"] == row["tp"] + row["fn"] for row in whole)
    assert gene_list(folders * 2) == whole
    assert gene_list(folders, first=3) == whole[:3]
    drawn = gene_list(folders, n_genes=5)
    assert len(drawn) == 5
    assert drawn == [row for row in whole if row in drawn] == gene_list(folders, n_genes=5)
    assert drawn != gene_list(folders, n_genes=5, seed=3)
    for wrong in ({"n_genes": 13}, {"first": 13}):
        with pytest.raises(InputError, match="13 genes are asked for, but 12"):
            gene_list(folders, **wrong)
    with pytest.raises(ConfigError, match="random sample and the first"):
        gene_list(folders, n_genes=1, first=1)
    write_gene_list(tmp_path / "genes.tsv", drawn)
    lines = (tmp_path / "genes.tsv").read_text().splitlines()
    assert lines[0].split("\t") == list(COLUMNS)
    assert read_gene_list(tmp_path / "genes.tsv") == tuple(row["gene_id"] for row in drawn)
    assert np.unique([len(line.split("\t")) for line in lines]).tolist() == [len(COLUMNS)]

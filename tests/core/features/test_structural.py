from __future__ import annotations

import attrs
import numpy as np
import pyarrow as pa
import pytest
from splicecore.errors import GeneNotFoundError, ResourceError
from splicecore.features.gene_record import GeneRecord, GeneRecords
from splicecore.features.structural import chromosome_code, gene_type_code


@pytest.mark.parametrize(("strand", "sign", "positions"), [("+", 1, [1000, 1099]), ("-", -1, [1099, 1000])])
def test_values(make_block, make_record, open_sets, strand, sign, positions):
    block = make_block(1, 100, strand=strand)
    resources = {"gene_features": make_record(block.gene)}
    batch = open_sets("structural").compute(block, np.array([0, 99]), resources)
    first, last = batch.to_pylist()
    of_position = {
        "absolute_position": positions,
        "distance_to_start": [0, 99],
        "distance_to_end": [99, 0],
    }
    for name, values in of_position.items():
        assert [first.pop(name), last.pop(name)] == values
    assert first == last
    assert first == {
        "gene_start": 1000,
        "gene_end": 1100,
        "gene_length": 100,
        "tx_start": 1000,
        "tx_end": 1100,
        "transcript_length": 100,
        "num_exons": 5,
        "avg_exon_length": pytest.approx(10.2),
        "median_exon_length": 9.5,
        "total_exon_length": 40,
        "total_intron_length": 60,
        "n_splice_sites": 7,
        "num_overlaps": 1,
        "chrom": 7,
        "strand_sign": sign,
        "num_transcripts": 2,
        "gene_type": 2,
    }


def test_what_the_annotation_does_not_say_is_null(make_block, make_record, open_sets):
    block = make_block(1, 10)
    pipeline = open_sets("structural", structural={"columns": ["gene_type", "avg_exon_length", "gene_length"]})
    record = make_record(block.gene, gene_biotype=None, avg_exon_length=None)
    batch = pipeline.compute(block, np.arange(3), {"gene_features": record})
    assert batch.to_pydict() == {"gene_type": [None] * 3, "avg_exon_length": [None] * 3, "gene_length": [10] * 3}


@pytest.mark.parametrize("change", [{"gene_id": "G2"}, {"contig": "chr8"}, {"strand": "-"}, {"end": 1011}])
def test_the_record_of_another_gene_is_refused(make_block, make_record, open_sets, change):
    block = make_block(1, 10)
    with pytest.raises(ResourceError, match=r"given for G1 \(chr7:1,001-1,010, \+\) are those of") as caught:
        open_sets("structural").compute(block, np.arange(3), {"gene_features": make_record(block.gene, **change)})
    assert "derive" in caught.value.hint


def test_chromosome_codes():
    names = ["chr1", "22", "NC_000001.11", "chrX", "Y", "MT", "chrM", "chr23", "2L", "GL000191.1"]
    assert [chromosome_code(name) for name in names] == [1, 22, 1, 23, 24, 25, 25, 100, 100, 100]


def test_gene_type_codes():
    names = ["protein_coding", "lincRNA", "miRNA", "processed_pseudogene", "IG_V_gene", "TR_V_pseudogene", "TEC", None]
    assert [gene_type_code(name) for name in names] == [1, 2, 3, 9, 10, 9, 99, None]


@pytest.fixture
def table(make_block, make_record):
    gene = make_block(1, 10).gene
    other = attrs.evolve(gene, contig="chrY")
    rows = [attrs.asdict(make_record(place)) | {"more": 1} for place in (gene, other)]
    return pa.Table.from_pylist(rows)


def test_records_are_found_by_id_contig_and_strand(make_block, make_record, table):
    gene = make_block(1, 10).gene
    records = GeneRecords(table)
    assert len(records) == 2
    assert records.record(gene) == make_record(gene)
    assert records.record(attrs.evolve(gene, contig="chrY")).contig == "chrY"
    with pytest.raises(GeneNotFoundError, match=r"no gene G1 on chr7 \(-\)"):
        records.record(attrs.evolve(gene, strand="-"))


def test_a_table_without_a_column_is_refused(table):
    with pytest.raises(ResourceError, match="lacks num_overlaps"):
        GeneRecords(table.drop_columns(["num_overlaps"]))


def test_a_record_is_data(make_block, make_record):
    record = make_record(make_block(1, 10).gene)
    assert GeneRecord(**attrs.asdict(record)) == record

"""The tables of a pass: one size of row groups, declared schemas, the same bytes however the genes are cut."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from splicecore.errors import ChecksumError
from splicecore.predict import assessor, pass_tables
from splicecore.predict.assessor import TABLES, read_assessment
from splicecore.predict.runner import PassResult

SCHEMAS = pass_tables._SCHEMAS


def column(kind, rows, rng):
    if pa.types.is_dictionary(kind):
        words = [f"w{number}" for number in rng.integers(0, 5, rows)]
        return pa.array(words, pa.string()).dictionary_encode()
    if pa.types.is_list(kind):
        return pa.array([["T"] * int(number) for number in rng.integers(0, 3, rows)], kind)
    if pa.types.is_string(kind):
        return pa.array(["ACGT"[: int(number)] for number in rng.integers(1, 5, rows)], kind)
    return pa.array(rng.integers(0, 100, rows)).cast(kind)


def random_table(schema, rows, seed):
    rng = np.random.default_rng(seed)
    return pa.Table.from_arrays([column(field.type, rows, rng) for field in schema], schema=schema)


@pytest.fixture
def assessments(tmp_path):
    """Write assessments of genes with so many rows; returns their paths and the tables."""

    def write(sizes):
        paths, tables = [], {name: [] for name in TABLES}
        for index, rows in enumerate(sizes):
            made = {name: random_table(SCHEMAS[name], rows, index) for name in TABLES}
            paths.append(tmp_path / f"{index}.assessment")
            assessor._write(paths[-1], tuple(made.values()))
            for name, table in made.items():
                tables[name].append(table)
        return paths, {name: pa.concat_tables(parts).unify_dictionaries() for name, parts in tables.items()}

    return write


def write_tables(folder, paths, metadata=None):
    folder.mkdir()
    counts = pass_tables.write_tables(folder, paths, metadata or {"splicecore.base_model": "m"})
    return counts, {name: folder / file for name, file in pass_tables.FILES.items()}


def test_the_rows_are_those_of_the_genes_in_their_order(assessments, tmp_path):
    paths, expected = assessments([5, 0, 40, 3])
    counts, files = write_tables(tmp_path / "out", paths)
    assert counts == dict.fromkeys(TABLES, 48)
    for name, file in files.items():
        table = pq.read_table(file)
        assert table.to_pylist() == expected[name].to_pylist()
        assert table.schema.remove_metadata().equals(SCHEMAS[name].remove_metadata())
        found = {key: value for key, value in table.schema.metadata.items() if key != b"ARROW:schema"}
        assert found == {**SCHEMAS[name].metadata, b"splicecore.base_model": b"m"}
        assert [field.metadata[b"description"] for field in table.schema] == [
            field.metadata[b"description"] for field in SCHEMAS[name]
        ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(pass_tables.FILES.values())


def test_row_groups_have_one_size_whatever_the_genes(assessments, tmp_path, monkeypatch):
    monkeypatch.setattr(pass_tables, "_ROW_GROUP", 16)
    sizes = [5, 40, 0, 16, 1, 1, 30]
    _, files = write_tables(tmp_path / "out", assessments(sizes)[0])
    for file in files.values():
        metadata = pq.read_metadata(file)
        groups = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
        assert groups == [16] * 5 + [13]
        assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_the_same_bytes_every_time(assessments, tmp_path, monkeypatch):
    monkeypatch.setattr(pass_tables, "_ROW_GROUP", 16)
    paths, _ = assessments([5, 40, 7])
    digests = []
    for name in ("a", "b"):
        _, files = write_tables(tmp_path / name, paths)
        digests.append([hashlib.sha256(file.read_bytes()).hexdigest() for file in files.values()])
    assert digests[0] == digests[1]


def test_no_rows_at_all(assessments, tmp_path):
    counts, files = write_tables(tmp_path / "out", assessments([0, 0])[0])
    assert set(counts.values()) == {0}
    assert all(pq.read_table(file).num_rows == 0 for file in files.values())


def test_pages_have_checksums(assessments, tmp_path):
    _, files = write_tables(tmp_path / "out", assessments([2000])[0])
    path = files["positions"]
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 16
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"."):
        pq.read_table(path, page_checksum_verification=True)


def test_a_damaged_assessment_leaves_no_tables(assessments, tmp_path):
    paths, _ = assessments([5, 5])
    paths[1].write_bytes(paths[1].read_bytes()[:-1])
    with pytest.raises(ChecksumError, match="is damaged"):
        write_tables(tmp_path / "out", paths)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("where", [0, 3, 30, 60, -1])
def test_an_assessment_is_read_whole_or_not_at_all(assessments, where):
    (path,), expected = assessments([9])
    assert {name: table.to_pylist() for name, table in read_assessment(path).items()} == {
        name: table.to_pylist() for name, table in expected.items()
    }
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    with pytest.raises(ChecksumError, match="remove the file and run the same command again"):
        read_assessment(path)


def test_the_manifest_of_genes(records, tmp_path):
    record = records.make((100, 200), missing=("X",))
    failed = {"key": record.keys[1], "status": "prediction_failed", "reason": "no memory"}
    result = PassResult(units={record.keys[0]: {"status": "processed", "reason": None}, record.keys[1]: failed})
    gene = record.genes[0]
    place = {"contig": gene.contig, "strand": gene.strand, "gene_id": gene.gene_id}
    kinds = [{**place, "site_type": kind, "sites": sites} for kind, sites in (("acceptor", 3), ("both", 7))]
    pq.write_table(pa.Table.from_pylist(kinds), tmp_path / pass_tables.FILES["performance"])
    text = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema([(name, text) for name in place])
    with pq.ParquetWriter(
        tmp_path / pass_tables.FILES["positions"], schema
    ) as writer:  # row groups of own dictionaries
        for rows in ([place] * 5, [{**place, "gene_id": "other"}]):
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    pass_tables.write_gene_manifest(tmp_path, record, result)
    first, second, third = pq.read_table(tmp_path / pass_tables.GENE_MANIFEST).to_pylist()
    assert (first["status"], first["positions"], first["rows"], first["sites"]) == ("processed", 100, 5, 7)
    assert first["scores"] == f"scores/{record.keys[0]}.parquet"
    assert (second["status"], second["reason"], second["positions"]) == ("prediction_failed", "no memory", 0)
    assert (second["gene_id"], second["scores"], second["rows"], second["sites"]) == ("G1", None, 0, None)
    assert (third["requested"], third["status"], third["gene_id"]) == ("X", "not_in_annotation", None)

"""Merging parts against the whole that they are of."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from splicecore.dataset.dataset import Dataset
from splicecore.dataset.dedup import dedup_dataset
from splicecore.dataset.manifest import write_manifest
from splicecore.dataset.merge import merge_datasets
from splicecore.dataset.merge_order import contig_order
from splicecore.errors import ChecksumError, ConfigError, InputError, OutputError


def genes_of(kit, count=9):
    """Genes in genomic order on three contigs and both strands, with 0 to 11 rows each."""
    made = []
    for i in range(count):
        start = 30 * i
        rows = tuple(
            (start + 5 * j, j % 3, ("TN", "TP", "FN")[j % 3], 0.5 if j % 3 == 0 else 1.0) for j in range(i % 12)
        )
        contig = ("chr2", "chr10", "chrX")[3 * i // count]
        made.append(kit.gene(f"G{i}", contig, "+-"[i % 2], start, start + 100, rows))
    return made


def master(dataset):
    return {path.name: path.read_bytes() for path in dataset.files}


@pytest.mark.parametrize("step", [1, 2, 3])
def test_parts_make_the_whole_byte_for_byte(kit, tmp_path, step):
    """Interleaved, so that no batch of a part is one of the whole."""
    genes = genes_of(kit)
    whole = kit.write(tmp_path / "whole", genes, batch_size=2)
    for part in range(3):
        chosen = [gene for i, gene in enumerate(genes) if i // step % 3 == part]
        kit.write(tmp_path / f"part{part}", chosen, batch_size=2)
    result = merge_datasets([tmp_path / f"part{i}" for i in (2, 0, 1)], tmp_path / "merged")
    merged = Dataset.open(tmp_path / "merged")
    assert master(merged) == master(whole)
    assert merged.genes() == whole.genes()
    assert merged.manifest.identity == whole.manifest.identity
    for name in ("rows", "classes", "pred_types", "genes", "alarms", "contract"):
        assert getattr(merged.manifest, name) == getattr(whole.manifest, name)
    assert (result.genes, result.rows, result.as_one_build) == (9, whole.manifest.rows, True)
    assert not merged.verify()


def test_batches_of_the_same_genes_are_linked(kit, tmp_path):
    genes = genes_of(kit, 8)
    whole = kit.write(tmp_path / "whole", genes, batch_size=2)
    first = kit.write(tmp_path / "a", genes[:4], batch_size=2)
    second = kit.write(tmp_path / "b", genes[4:], batch_size=2)
    result = merge_datasets([tmp_path / "a", tmp_path / "b"], tmp_path / "merged")
    assert (result.batches_linked, result.batches_written) == (4, 0)
    merged = Dataset.open(tmp_path / "merged")
    assert all(a.samefile(b) for a, b in zip(merged.files, [*first.files, *second.files], strict=True))
    assert all(p.samefile(p.parents[1] / "batches" / p.stem / "trim.parquet") for p in merged.files)
    assert master(merged) == master(whole)
    assert [r.key for r in merged.manifest.batches] == [r.key for r in whole.manifest.batches]


def test_kept_batches_have_the_same_rows(kit, tmp_path):
    genes = genes_of(kit)
    whole = kit.write(tmp_path / "whole", genes, batch_size=2)
    kit.write(tmp_path / "a", genes[::2], batch_size=2)
    kit.write(tmp_path / "b", genes[1::2], batch_size=2)
    result = merge_datasets([tmp_path / "a", tmp_path / "b"], tmp_path / "merged", keep_batches=True)
    assert (result.batches_linked, result.batches_written, result.as_one_build) == (5, 0, False)
    merged = Dataset.open(tmp_path / "merged")

    def key(row):
        return row["contig"], row["strand"], row["position"], row["gene_id"]

    assert sorted(kit.rows(merged), key=key) == sorted(kit.rows(whole), key=key)


def test_genes_that_several_have(kit, tmp_path):
    genes = genes_of(kit)
    whole = kit.write(tmp_path / "whole", genes, batch_size=3)
    kit.write(tmp_path / "a", genes[:6], batch_size=3)
    changed = [attrs.evolve(gene, rows=gene.rows[:1]) for gene in genes[4:6]]
    kit.write(tmp_path / "b", [*changed, *genes[6:]], batch_size=3)
    with pytest.raises(InputError, match=r"2 genes are in several datasets: G4, G5 .*keep-first"):
        merge_datasets([tmp_path / "a", tmp_path / "b"], tmp_path / "merged")
    result = merge_datasets([tmp_path / "a", tmp_path / "b"], tmp_path / "merged", keep_first=True)
    assert result.left_out == 2
    assert master(Dataset.open(tmp_path / "merged")) == master(whole)
    kept = merge_datasets([tmp_path / "a", tmp_path / "b"], tmp_path / "kept", keep_first=True, keep_batches=True)
    assert kept.rows == whole.manifest.rows
    assert (kept.batches_written, kept.batches_linked) == (1, 3)


def test_an_id_in_two_places_is_two_genes(kit, tmp_path):
    """Genes of the pseudoautosomal regions have one id on X and Y in some annotations."""
    x, y = (kit.gene("PAR", contig, rows=((5, 1, "TP", 1.0),)) for contig in ("chrX", "chrY"))
    kit.write(tmp_path / "x", [x])
    kit.write(tmp_path / "y", [y])
    assert merge_datasets([tmp_path / "x", tmp_path / "y"], tmp_path / "merged").genes == 2


def test_names_without_rows_are_kept_once(kit, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    genes = genes_of(kit, 4)
    for name, chosen, lacking in (("a", genes[:2], ["NOPE", "G3"]), ("b", genes[2:], ["NOPE"])):
        dataset = kit.write(tmp_path / name, chosen)
        table = dataset.genes()
        rows = [{"requested": x, "status": "not_in_annotation", "reason": "no", "rows": 0} for x in lacking]
        more = pa.Table.from_pylist([{f: row.get(f) for f in table.schema.names} for row in rows], schema=table.schema)
        pq.write_table(pa.concat_tables([table, more]), tmp_path / name / "gene_manifest.parquet")
    merge_datasets([tmp_path / "a", tmp_path / "b"], tmp_path / "merged")
    found = Dataset.open(tmp_path / "merged").genes().to_pylist()
    assert [row["gene_id"] or row["requested"] for row in found] == ["G0", "G1", "G2", "G3", "NOPE", "G3"]


def test_what_is_refused(kit, tmp_path):
    genes = genes_of(kit)
    kit.write(tmp_path / "a", genes[:5])
    kit.write(tmp_path / "b", genes[5:])
    kit.write(tmp_path / "seed", genes[5:], identity={"sampling": {"seed": 7}})
    folders = [tmp_path / "a", tmp_path / "b"]
    with pytest.raises(ConfigError, match="two or more"):
        merge_datasets(folders[:1], tmp_path / "merged")
    with pytest.raises(ConfigError, match="named twice"):
        merge_datasets([*folders, tmp_path / "b"], tmp_path / "merged")
    with pytest.raises(InputError, match="differ in more than their genes: sampling: none and"):
        merge_datasets([tmp_path / "a", tmp_path / "seed"], tmp_path / "merged")
    with pytest.raises(ConfigError, match="is where the dataset"):
        merge_datasets(folders, tmp_path / "a")
    dedup_dataset(tmp_path / "b", tmp_path / "unique")
    with pytest.raises(InputError, match="merge first"):
        merge_datasets([tmp_path / "a", tmp_path / "unique"], tmp_path / "merged")
    merge_datasets(folders, tmp_path / "merged")
    with pytest.raises(OutputError, match="holds a dataset already"):
        merge_datasets(folders, tmp_path / "merged")
    merge_datasets(folders, tmp_path / "merged", overwrite=True)
    path = Dataset.open(tmp_path / "b").files[0]
    data = path.read_bytes()
    path.write_bytes(data[:-10] + bytes(10))
    with pytest.raises(ChecksumError, match="has other content"):
        merge_datasets(folders, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    write_manifest(tmp_path / "b", attrs.evolve(Dataset.open(tmp_path / "b").manifest, complete=False))
    with pytest.raises(Exception, match="not finished"):
        merge_datasets(folders, tmp_path / "again")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(st.integers(0, 2), min_size=9, max_size=9),
    size=st.integers(1, 4),
    group_rows=st.integers(1, 9),
)
def test_any_division_makes_the_whole(kit, tmp_path_factory, parts, size, group_rows):
    folder = tmp_path_factory.mktemp("division")
    genes = genes_of(kit)
    divided = [[gene for gene, part in zip(genes, parts, strict=True) if part == number] for number in range(3)]
    present = [part for part in divided if any(gene.rows for gene in part)]
    left = [gene for part in divided if not any(gene.rows for gene in part) for gene in part]
    whole = kit.write(
        folder / "whole", [gene for gene in genes if gene not in left], batch_size=size, group_rows=group_rows
    )
    if len(present) < 2:
        return
    for number, part in enumerate(present):
        kit.write(folder / f"part{number}", part, batch_size=size, group_rows=group_rows)
    merge_datasets([folder / f"part{number}" for number in range(len(present))], folder / "merged")
    merged = Dataset.open(folder / "merged")
    assert master(merged) == master(whole)
    assert merged.genes() == whole.genes()


def test_order_of_contigs():
    assert list(contig_order([["chr2", "chr10"], ["chrX", "scaffold12", "scaffold2"], ["chr1"]])) == [
        "chr1", "chr2", "chr10", "chrX", "scaffold12", "scaffold2",
    ]  # fmt: skip
    assert list(contig_order([["chr10", "chr2"], ["chr1", "chr10"]])) == ["chr1", "chr10", "chr2"]
    assert list(contig_order([["scaffold12"], ["scaffold2"], ["a", "a"]])) == ["a", "scaffold2", "scaffold12"]
    with pytest.raises(InputError, match="different orders"):
        contig_order([["chr1", "chr2"], ["chr2", "chr1"]])

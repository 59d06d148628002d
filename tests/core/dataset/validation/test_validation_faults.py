"""Validation passes the clean dataset, and finds and names every fault that is planted."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from splicecore.artifacts.store import read_json, write_json


def failed(validation):
    return {check.name for check in validation.checks if check.status in ("failed", "damaged")}


def test_the_clean_dataset_passes_every_check(clean):
    validation = clean.validate(scores=clean.scores)
    assert validation.issues == []
    assert validation.exit_code == 0
    by_name = {check.name: check.status for check in validation.checks}
    assert len(by_name) == len(validation.checks)
    assert {name for name, status in by_name.items() if status != "passed"} == set()
    assert json.loads(json.dumps(validation.to_json()))["passed"] is True


def test_without_genome_the_rest_is_checked_and_it_is_said(clean):
    validation = clean.validate(genome=False)
    skipped = {check.name for check in validation.checks if check.status == "skipped"}
    assert skipped == {"sequence features", "motifs", "score features", "annotation"}
    assert validation.passed


def test_the_same_dataset_gives_the_same_report(clean):
    assert clean.validate().to_json() == clean.validate().to_json()


def test_shifted_word_column(damaged):
    damaged.replace_everywhere("3mer_ACG", lambda table: np.roll(table.column("3mer_ACG").to_numpy(), 40))
    validation = damaged.validate()
    assert failed(validation) >= {"sequence features"}
    check = validation.check("sequence features")
    assert list(check.data["columns"]) == ["3mer_ACG"]
    assert "3mer_ACG" in check.details
    assert validation.exit_code == 3


def test_shifted_word_column_without_genome(damaged):
    damaged.replace_everywhere("3mer_ACG", lambda table: np.roll(table.column("3mer_ACG").to_numpy(), 40))
    assert failed(damaged.validate(genome=False)) == {"k-mers"}


def swap_classes(table):
    label = table.column("label").to_numpy()
    return np.where(label == 1, 2, np.where(label == 2, 1, 0)).astype(np.int8)


def test_swapped_classes(damaged):
    damaged.replace("label", swap_classes(damaged.table()))
    validation = damaged.validate()
    assert failed(validation) >= {"labels", "annotation"}
    assert "exchanged" in validation.check("annotation").details


def test_swapped_classes_with_fitting_site_types(damaged):
    table = damaged.table()
    others = {"acceptor": "donor", "donor": "acceptor"}
    sites = [others.get(name) for name in table.column("site_type").to_pylist()]
    annotated = table.column("label").to_numpy() > 0
    kept = table.column("site_type").to_pylist()
    swapped = [site if here else old for site, old, here in zip(sites, kept, annotated, strict=True)]
    damaged.replace("label", swap_classes(table))
    damaged.replace("site_type", swapped)
    validation = damaged.validate(genome=False)
    assert failed(validation) >= {"scores"}
    assert "pred_type is TP" in validation.check("scores").details


def test_null(damaged):
    values = damaged.table().column("gene_length").to_pylist()
    values[3] = None
    damaged.replace("gene_length", values)
    validation = damaged.validate()
    assert "gene_length is null" in validation.check("nulls").details
    assert "nulls" in failed(validation)


def test_null_in_a_fact(damaged):
    values = damaged.table().column("pred_type").to_pylist()
    values[0] = None
    damaged.replace("pred_type", values)
    validation = damaged.validate(genome=False)
    assert "pred_type is null" in validation.check("nulls").details
    assert "labels" in failed(validation)


def test_duplicated_row(damaged):
    table = damaged.table(1)
    damaged.write(pa.concat_tables([table.slice(0, 10), table.slice(9, 1), table.slice(10)]), 1)
    validation = damaged.validate()
    assert failed(validation) >= {"duplicates", "order"}
    assert "row 10 of batch_00001.parquet" in validation.check("duplicates").details
    assert "row 9 of batch_00001.parquet" in validation.check("duplicates").details
    assert validation.check("duplicates").data == {"rows": 1}


def test_row_duplicated_in_another_file(damaged):
    table = damaged.table(0)
    damaged.write(pa.concat_tables([damaged.table(2), table.slice(5, 1)]), 2)
    validation = damaged.validate(genome=False)
    assert failed(validation) >= {"duplicates", "genes"}
    assert "row 5 of batch_00000.parquet" in validation.check("duplicates").details
    assert "another batch" in validation.check("genes").details


def test_wrong_build_in_the_rows(damaged):
    damaged.replace("build", ["GRCh37"] * damaged.table().num_rows)
    validation = damaged.validate()
    assert failed(validation) == {"build"}
    assert "GRCh37" in validation.check("build").details


def test_genome_of_another_build(clean, tmp_path):
    fasta = tmp_path / "other.fa"
    fasta.write_text(">chr1\n" + "ACGT" * 5_000 + "\n")
    annotation = tmp_path / "other.gtf"
    line = 'chr1\tx\texon\t101\t200\t.\t+\t.\tgene_id "A"; transcript_id "B";'
    annotation.write_text(f"{line}\n{line.replace('101', '301').replace('200', '400')}\n")
    validation = clean.validate(genome=False, fasta=fasta, annotation=annotation)
    assert failed(validation) == {"inputs"}
    assert validation.check("sequence features").status == "skipped"


@pytest.mark.parametrize("genome", [True, False])
def test_leak_column_zero_on_negatives(damaged, genome):
    def leak(table):
        return np.where(table.column("label").to_numpy() > 0, table.column("num_exons").to_numpy(), 0)

    damaged.replace_everywhere("num_exons", leak)
    validation = damaged.validate(genome=genome)
    assert failed(validation) >= {"leakage", "structure"}
    assert "num_exons" in validation.check("leakage").details
    assert "num_exons" in validation.check("structure").details


def test_leak_through_missing_values(damaged):
    def leak(table):
        here = table.column("label").to_numpy() > 0
        return pa.array(table.column("gc_content").to_numpy(), mask=~here)

    damaged.replace_everywhere("gc_content", leak)
    validation = damaged.validate(genome=False)
    assert failed(validation) >= {"missingness"}
    assert "gc_content" in validation.check("missingness").details


def test_leak_shared_by_two_columns(damaged, random):
    pytest.importorskip("sklearn")

    for batch in range(3):
        noise = random.random(damaged.table(batch).num_rows, dtype=np.float32)
        site = damaged.table(batch).column("label").to_numpy() > 0
        damaged.replace("gc_content", noise, batch)
        damaged.replace("sequence_complexity", noise + site * np.float32(0.5), batch)
    validation = damaged.validate(genome=False)
    assert validation.check("leakage").status == "passed"
    assert "label permutation" in failed(validation)


def test_constant_column(damaged):
    damaged.replace_everywhere("gc_content", lambda table: np.full(table.num_rows, 0.5, dtype=np.float32))
    validation = damaged.validate(genome=False)
    assert failed(validation) == {"constant columns"}
    assert "gc_content is 0.5" in validation.check("constant columns").details


def test_missing_gene(damaged):
    table = damaged.table(2)
    gene = table.column("gene_id")[0].as_py()
    damaged.write(table.filter(pc.not_equal(table.column("gene_id").cast(pa.string()), gene)), 2)
    validation = damaged.validate()
    assert failed(validation) == {"genes"}
    assert f"missing: {gene}" in validation.check("genes").details
    assert validation.check("genes").data["missing"] == [gene]


def test_unknown_gene(damaged):
    names = ["NEVER"] * 2 + damaged.table().column("gene_id").to_pylist()[2:]
    damaged.replace("gene_id", names)
    validation = damaged.validate(genome=False)
    assert "not in gene_manifest" in validation.check("genes").details


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_truncated_file(damaged, share):
    content = damaged.path(1).read_bytes()
    damaged.path(1).write_bytes(content[: int(len(content) * share)])
    validation = damaged.validate(genome=False)
    assert validation.check("files").status == "damaged"
    assert "batch_00001.parquet (truncated" in validation.check("files").details
    assert validation.check("genes").status == "passed"  # genes of a file that cannot be read are not judged
    assert validation.exit_code == 5


def test_missing_and_extra_files(damaged):
    damaged.path(0).rename(damaged.path(7))
    check = damaged.validate(genome=False).check("files")
    assert check.data == {"missing": ["batch_00000.parquet"], "changed": [], "extra": ["batch_00007.parquet"]}


def test_flipped_byte(damaged):
    content = bytearray(damaged.path(0).read_bytes())
    content[len(content) // 3] ^= 1
    damaged.path(0).write_bytes(content)
    validation = damaged.validate(genome=False)
    assert validation.check("files").status == "damaged"
    assert validation.check("reading").status == "warned"


def test_wrong_dtype(damaged):
    damaged.replace("3mer_AAC", pa.array(damaged.table().column("3mer_AAC").to_numpy().astype(np.float64)))
    validation = damaged.validate()
    assert failed(validation) == {"schema"}
    assert "3mer_AAC is double, not int16" in validation.check("schema").details


def test_columns_in_another_order_or_missing(damaged):
    table = damaged.table()
    damaged.write(table.select([*table.schema.names[:-2], table.schema.names[-1], table.schema.names[-2]]))
    assert "another order" in damaged.validate(genome=False).check("schema").details
    damaged.write(table.select(table.schema.names[:-1]))
    assert "missing columns chrom" not in damaged.validate(genome=False).check("schema").details
    assert f"missing columns {table.schema.names[-1]}" in damaged.validate(genome=False).check("schema").details


def test_position_off_by_one(damaged):
    damaged.replace("position", damaged.table().column("position").to_numpy() + 1)
    assert failed(damaged.validate()) >= {"places", "annotation"}


def test_rows_out_of_order(damaged):
    table = damaged.table()
    order = np.arange(table.num_rows)
    order[[20, 21]] = order[[21, 20]]
    damaged.write(table.take(order))
    assert failed(damaged.validate(genome=False)) == {"order"}


def test_genes_out_of_order(damaged):
    table = damaged.table()
    gene = np.array(table.column("gene_id").to_pylist())
    first = gene == gene[0]
    damaged.write(table.take(np.concatenate([np.flatnonzero(~first), np.flatnonzero(first)])))
    assert failed(damaged.validate(genome=False)) == {"order"}


def test_scores_of_another_position(damaged):
    damaged.replace("donor_score", np.roll(damaged.table().column("donor_score").to_numpy(), 1))
    validation = damaged.validate(scores=damaged.clean.scores)
    assert failed(validation) >= {"scores", "derived features", "score features"}


def test_context_of_another_position_is_found_by_the_score_files(damaged):
    damaged.replace_everywhere("context_max", lambda table: np.roll(table.column("context_max").to_numpy(), 1))
    validation = damaged.validate(scores=damaged.clean.scores)
    assert failed(validation) == {"score features"}
    assert list(validation.check("score features").data["columns"]) == ["context_max"]


def test_scores_of_another_model_are_refused(damaged):
    path = damaged.folder / "dataset.json"
    manifest = read_json(path)
    manifest["contract"]["models"][0]["fingerprint"] = "0" * 64
    write_json(path, manifest)
    validation = damaged.validate(scores=damaged.clean.scores)
    assert "fingerprint" in validation.check("score features").details
    assert failed(validation) == {"score features"}


def test_inclusion_probability_that_cannot_be(damaged):
    values = damaged.table().column("inclusion_prob").to_numpy().copy()
    values[0], values[1] = 0.0, 1.5
    damaged.replace("inclusion_prob", values)
    assert "2 rows: inclusion_prob" in damaged.validate(genome=False).check("labels").details


def test_counts_of_the_manifest(damaged):
    path = damaged.folder / "dataset.json"
    manifest = read_json(path)
    manifest["classes"]["donor"] += 1
    write_json(path, manifest)
    assert failed(damaged.validate(genome=False)) == {"counts"}


def test_absent_class(damaged):
    for batch in range(3):
        table = damaged.table(batch)
        damaged.write(table.filter(pc.not_equal(table.column("label"), 2)), batch)
    check = damaged.validate(genome=False).check("classes")
    assert check.status == "failed"
    assert "no row of class donor" in check.details


def test_equal_columns_are_noted(damaged):
    damaged.replace_everywhere("3mer_CCC", lambda table: table.column("3mer_GGG").to_numpy())
    assert "3mer_CCC = 3mer_GGG" in damaged.validate(genome=False).check("equal columns").details

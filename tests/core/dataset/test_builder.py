"""Building datasets: what is in them, and what they depend on and what they do not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from splicecore.artifacts.store import file_sha256
from splicecore.config import PassConfig
from splicecore.dataset.dataset import Dataset
from splicecore.dataset.manifest import read_manifest
from splicecore.dataset.schema import FACTS, GENES, KEY
from splicecore.dataset.scored_pass import ScoredPass
from splicecore.errors import ChecksumError, ConfigError, ExitCode, ResourceNotFoundError
from splicecore.features.configs import FeatureConfig
from splicecore.features.pipeline import FeaturePipeline
from splicecore.genome.genes import GeneCatalog
from splicecore.predict.blocks import Block, GeneSequence
from splicecore.predict.parts import PartReader
from splicecore.resources.inputs import open_inputs


def rows_of(folder):
    """All rows of a dataset as a table, texts as plain strings."""
    table = pa.Table.from_batches(list(Dataset.open(folder).batches())).unify_dictionaries()
    return table.cast(
        pa.schema([f.with_type(pa.string()) if pa.types.is_dictionary(f.type) else f for f in table.schema])
    )


def test_the_files_of_a_dataset(workshop, tmp_path):
    result = workshop.build(tmp_path / "set")
    dataset = Dataset.open(tmp_path / "set")
    assert (result.genes, result.missing, result.exit_code) == (12, 0, ExitCode.OK)
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [
        ".lock", "batches", "dataset.json", "gene_manifest.parquet", "master",
    ]  # fmt: skip
    assert [path.name for path in dataset.files] == [f"batch_0000{i}.parquet" for i in range(4)]
    for batch, path in zip(dataset.manifest.batches, dataset.files, strict=True):
        folder = tmp_path / "set" / "batches" / batch.name
        assert sorted(file.name for file in folder.iterdir()) == ["batch.json", "trim.parquet"]
        assert path.samefile(folder / "trim.parquet")
        assert json.loads((folder / "batch.json").read_text())["key"] == batch.key
    assert dataset.verify() == []
    assert len(dataset) == result.rows == sum(batch.rows for batch in dataset.manifest.batches)


def test_the_schema_is_that_of_the_contract_in_every_file(workshop, tmp_path):
    workshop.build(tmp_path / "set", "quick", "second", features="seed")
    dataset = Dataset.open(tmp_path / "set")
    assert dataset.schema.names == [*FACTS.names, *dataset.contract.names]
    for path in dataset.files:
        schema = pq.read_schema(path)
        assert schema.equals(dataset.schema, check_metadata=True)
        assert schema.metadata[b"splicecore.schema"] == b"dataset/1"
        assert schema.metadata[b"splicecore.key"] == ", ".join(KEY).encode()
        assert schema.metadata[b"splicecore.contract"].decode() == dataset.contract.schema_hash
        build = dataset.manifest.identity["inputs"]["build_digest"]
        assert schema.metadata[b"splicecore.build_digest"].decode() == build
    near = [f.name for f in dataset.schema if (f.metadata or {}).get(b"near_label") == b"true"]
    assert tuple(near) == dataset.manifest.near_label == dataset.contract.near_label
    assert "n_splice_sites" in near
    assert "second__donor_score" in dataset.schema.names


def test_counts_of_the_manifest(workshop, tmp_path):
    result = workshop.build(tmp_path / "set")
    rows = rows_of(tmp_path / "set")
    labels, pred_types = (rows.column(name).to_pylist() for name in ("label", "pred_type"))
    assert result.classes == {name: labels.count(i) for i, name in enumerate(("neither", "acceptor", "donor"))}
    assert result.pred_types == {name: pred_types.count(name) for name in ("TP", "FP", "FN", "TN")}
    assert min(result.classes.values()) > 0
    assert min(result.pred_types["TP"], result.pred_types["FP"], result.pred_types["TN"]) > 0
    genes = Dataset.open(tmp_path / "set").genes()
    assert genes.schema.equals(GENES, check_metadata=True)
    of_gene = Counter(rows.column("gene_id").to_pylist())
    assert genes.column("rows").to_pylist() == [of_gene[gene] for gene in genes.column("gene_id").to_pylist()]
    assert genes.column("global_index").to_pylist() == list(range(12))
    assert set(genes.column("status").to_pylist()) == {"processed"}


def test_labels_are_those_of_the_artifacts(workshop, tmp_path):
    workshop.build(tmp_path / "set", easy_ratio=100.0)
    found = rows_of(tmp_path / "set")
    table = pq.read_table(workshop.passes["quick"] / "splice_positions_enhanced.parquet")
    best = {}
    rank = {"TP": 0, "FN": 1, "FP": 2, "TN": 3}
    for row in table.to_pylist():
        key = row["contig"], row["strand"], row["position"], row["gene_id"]
        if key not in best or rank[row["pred_type"]] < rank[best[key]["pred_type"]]:
            best[key] = row
    assert found.num_rows == len(best) > 1000
    for row in found.select(FACTS.names).to_pylist():
        expected = best[row["contig"], row["strand"], row["position"], row["gene_id"]]
        names = ("build", "rel_position", "gene_name", "gene_biotype", "pred_type", "n_transcripts", "inclusion_prob")
        assert [row[name] for name in names] == [expected[name] for name in names]
        site = expected["pred_type"] in ("TP", "FN")
        assert row["label"] == (["acceptor", "donor"].index(expected["site_type"]) + 1 if site else 0)


def test_rows_are_unique_and_in_order(workshop, tmp_path):
    workshop.build(tmp_path / "set")
    rows = rows_of(tmp_path / "set")
    assert rows.group_by(list(KEY)).aggregate([]).num_rows == rows.num_rows
    genes = Dataset.open(tmp_path / "set").genes().column("gene_id").to_pylist()
    places = [genes.index(gene) for gene in rows.column("gene_id").to_pylist()]
    order = list(zip(places, rows.column("rel_position").to_pylist(), strict=True))
    assert order == sorted(order)


@pytest.mark.parametrize("keep_raw", [False, True])
def test_features_are_those_of_the_pipeline(workshop, tmp_path, keep_raw):
    workshop.build(tmp_path / "set", "quick", "second", keep_raw=keep_raw, features="probability,context,sequence")
    dataset, session = Dataset.open(tmp_path / "set"), workshop.session()
    resources = open_inputs(
        session, PassConfig(fasta=str(workshop.fasta), annotation=str(workshop.annotation))
    ).resources
    passes = {name: ScoredPass.read(path) for name, path in workshop.passes.items()}
    config = FeatureConfig(sets=("probability", "context", "sequence"))
    pipeline = FeaturePipeline.open(config, session.host, ("quick", "second"))
    rows = pa.Table.from_batches(list(dataset.batches()))
    with resources.reference() as reference:
        for gene in GeneCatalog(resources.annotation()).all():
            mine = rows.filter(pa.compute.equal(rows.column("gene_id"), gene.gene_id))
            scores = {name: PartReader(scored.part(gene)).read(0, gene.length) for name, scored in passes.items()}
            sequence = GeneSequence(reference=reference, gene=gene, flank="real")
            block = Block(
                gene=gene,
                build=resources.build.name,
                flank="real",
                halo=pipeline.halo,
                codes=sequence.codes(-pipeline.halo, gene.length + pipeline.halo),
                scores=scores,
            )
            expected = pipeline.compute(block, mine.column("rel_position").to_numpy())
            assert mine.num_rows
            assert pa.Table.from_batches([expected]).equals(mine.select(expected.schema.names))


def test_raw_holds_all_rows_and_trim_is_the_same_with_and_without(workshop, tmp_path):
    workshop.build(tmp_path / "without")
    workshop.build(tmp_path / "with", keep_raw=True)
    assert workshop.masters(tmp_path / "without") == workshop.masters(tmp_path / "with")
    for i in range(4):
        folder = tmp_path / "with" / "batches" / f"batch_0000{i}"
        raw, trim = pq.read_table(folder / "raw.parquet"), pq.read_table(folder / "trim.parquet")
        assert raw.num_rows > trim.num_rows
        key = ["gene_id", "rel_position"]
        both = trim.select([*key, "inclusion_prob", "gc_content"]).join(
            raw.select([*key, "inclusion_prob", "gc_content"]), keys=key, right_suffix="_raw", join_type="inner"
        )
        assert both.num_rows == trim.num_rows
        assert both.column("gc_content").equals(both.column("gc_content_raw"))
        assert (both.column("inclusion_prob").to_numpy() <= both.column("inclusion_prob_raw").to_numpy()).all()


def test_inclusion_probabilities_add_up_to_the_genes_positions(workshop, tmp_path):
    workshop.build(tmp_path / "set")
    rows = rows_of(tmp_path / "set")
    negative = np.array(rows.column("pred_type").to_pylist()) == "TN"
    weights = 1 / rows.column("inclusion_prob").to_numpy()[negative]
    assert (rows.column("inclusion_prob").to_numpy()[~negative] == 1).all()
    performance = pq.read_table(workshop.passes["quick"] / "splice_performance.parquet").to_pylist()
    available = sum(row["tn"] for row in performance if row["site_type"] == "both")
    assert weights.sum() == pytest.approx(available, rel=0.25)


def test_the_same_bytes_with_workers_and_whatever_the_machine(workshop, tmp_path):
    workshop.build(tmp_path / "one")
    workshop.build(tmp_path / "two", workers=2)
    assert workshop.masters(tmp_path / "one") == workshop.masters(tmp_path / "two")
    for name in ("dataset.json", "gene_manifest.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_batch_depends_on_its_own_genes_alone(workshop, tmp_path):
    workshop.build(tmp_path / "all", batch_size=4)
    genes = Dataset.open(tmp_path / "all").genes().column("gene_id").to_pylist()
    workshop.build(tmp_path / "some", genes=genes[4:8], batch_size=4)
    assert (
        workshop.masters(tmp_path / "some")["batch_00000.parquet"]
        == workshop.masters(tmp_path / "all")["batch_00001.parquet"]
    )


@pytest.mark.parametrize("rows", [60, 700])
def test_row_groups_are_of_batch_rows(workshop, tmp_path, rows):
    workshop.build(tmp_path / "set", batch_rows=rows)
    workshop.build(tmp_path / "plain")
    for path in Dataset.open(tmp_path / "set").files:
        metadata = pq.read_metadata(path)
        sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        assert set(sizes[:-1]) <= {rows}
        assert 0 < sizes[-1] <= rows
    assert rows_of(tmp_path / "set").equals(rows_of(tmp_path / "plain"))


def test_reading(workshop, tmp_path):
    workshop.build(tmp_path / "set")
    dataset = Dataset.open(tmp_path / "set")
    batches = list(dataset.batches(["label", "position"], rows=100))
    assert batches[0].schema.names == ["label", "position"]
    assert max(batch.num_rows for batch in batches) <= 100
    assert sum(batch.num_rows for batch in batches) == len(dataset)
    second = dataset.batches(["label"], files=dataset.files[1:2])
    assert sum(batch.num_rows for batch in second) == dataset.manifest.batches[1].rows
    with pytest.raises(ConfigError, match="lable") as caught:
        next(dataset.batches(["lable"]))
    assert "label" in str(caught.value.hint)
    with pytest.raises(ResourceNotFoundError, match="holds no dataset"):
        Dataset.open(tmp_path)
    path = dataset.files[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 255
    path.unlink()
    path.write_bytes(content)
    assert dataset.verify() == [f"{path} has other content than dataset.json says"]
    with pytest.raises(ChecksumError, match="damaged"):
        list(dataset.batches())


def test_patch_dataset_adds_the_structural_columns(workshop, tmp_path):
    workshop.build(tmp_path / "set", patch_dataset=True)
    dataset = Dataset.open(tmp_path / "set")
    assert {"num_exons", "gene_type"} <= set(dataset.contract.names)
    assert [used.name for used in dataset.contract.sets][-1] == "structural"


def test_nothing_of_the_machine_is_in_the_identity(workshop, tmp_path):
    workshop.build(tmp_path / "set")
    text = json.dumps(read_manifest(tmp_path / "set").identity)
    assert str(tmp_path) not in text
    assert "/" not in text.replace("dataset/1", "")
    assert file_sha256(workshop.fasta) in text


MEASURE = """
import sys
import pyarrow as pa
from splicecore.plugins.host import PluginSettings
from splicecore.session import Session

site, fasta, annotation, scores, output, genes = sys.argv[1:]
settings = PluginSettings(load=("workshop-models",))
session = Session(plugins=settings, data_root=site + "/data", cache_dir=site + "/cache")
session.build_dataset(
    fasta=fasta, annotation=annotation, base_model=["quick"], artifacts=[scores], output_dir=output,
    genes=genes, negatives="none", easy_ratio=1e6, batch_rows=500, kmer_sizes=[4],
)
print(pa.default_memory_pool().max_memory())
"""


def test_memory_follows_the_rows_of_a_batch_not_the_genes(workshop, tmp_path):
    genes = sorted(workshop.genome.genes, key=lambda gene: gene.start - gene.end)
    longest = [gene.gene_id for gene in genes[:1]]
    peaks = []
    for count in (6, 12):
        names = [*longest, *(gene.gene_id for gene in genes[1:count])]
        output = tmp_path / str(count)
        command = [sys.executable, "-c", MEASURE, workshop.site, workshop.fasta, workshop.annotation]
        arguments = [workshop.passes["quick"], output, ",".join(names)]
        done = subprocess.run(
            [*map(str, command), *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(workshop.site), "ARROW_DEFAULT_MEMORY_POOL": "system"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
        dataset = Dataset.open(output)
        assert [batch.genes for batch in dataset.manifest.batches] == [count]
    whole = sum(batch.nbytes for batch in dataset.batches())
    assert peaks[1] <= 1.1 * peaks[0]
    assert peaks[1] < whole / 3

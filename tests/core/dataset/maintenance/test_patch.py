"""Patching against what a build of today would have written, and what it refuses."""

from __future__ import annotations

import json

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from splicecore.artifacts.store import file_sha256, read_json, write_json
from splicecore.config import PassConfig
from splicecore.dataset.dataset import Dataset
from splicecore.dataset.manifest import read_manifest, write_manifest
from splicecore.dataset.merge import merge_datasets
from splicecore.dataset.patch import patch_dataset
from splicecore.errors import ConfigError, InputError, PluginError
from splicecore.features.configs import STRUCTURAL

COLUMNS = list(STRUCTURAL)


def build(workshop, folder, *models, features="probability,structural", **options):
    """Build a dataset whose structural columns, if any, are those that datasets have no other column for."""
    if "structural" in features and "feature_settings" not in options:
        options["feature_settings"] = {"structural": {"columns": COLUMNS}}
    return workshop.build(folder, *models, features=features, **options)


def masters(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "master").iterdir())}


def table_of(folder):
    """Rows as a table with plain text."""
    table = pa.Table.from_batches(list(Dataset.open(folder).batches())).unify_dictionaries()
    return table.cast(
        pa.schema([f.with_type(pa.string()) if pa.types.is_dictionary(f.type) else f for f in table.schema])
    )


def damage(folder, **columns):
    """Replace columns of every batch, and let the manifests say so: a dataset of an older annotation."""
    manifest = read_manifest(folder)
    batches = []
    for batch in manifest.batches:
        path, place = folder / "master" / f"{batch.name}.parquet", folder / "batches" / batch.name
        table = pq.read_table(path)
        for name, change in columns.items():
            field = table.schema.field(name)
            values = pa.array(change(table.column(name).to_pylist()), field.type)
            table = table.set_column(table.schema.get_field_index(name), field, values)
        path.unlink()
        pq.write_table(table, path, compression="zstd", write_page_checksum=True)
        (place / "trim.parquet").unlink()
        (place / "trim.parquet").hardlink_to(path)
        batches.append(attrs.evolve(batch, sha256=file_sha256(path)))
        write_json(place / "batch.json", {**read_json(place / "batch.json"), "sha256": batches[-1].sha256})
    write_manifest(folder, attrs.evolve(manifest, batches=tuple(batches)))


def test_damaged_columns_become_what_they_were(workshop, tmp_path):
    build(workshop, tmp_path / "set", features="probability,structural")
    good = table_of(tmp_path / "set")
    rows = good.num_rows
    damage(
        tmp_path / "set",
        num_exons=lambda values: [0] * len(values),
        gene_type=lambda values: [None] * len(values),
        avg_exon_length=lambda values: [None if i % 2 else value for i, value in enumerate(values)],
        gene_biotype=lambda values: [None] * len(values),
        gene_name=lambda values: ["old"] * len(values),
    )
    result = patch_dataset(workshop.session(), tmp_path / "set", inplace=True)
    assert table_of(tmp_path / "set").equals(good)
    cells = {name: attrs.astuple(found) for name, found in result.cells.items()}
    typed = rows - good.column("gene_type").null_count
    assert cells == {
        "num_exons": (0, rows, 0),
        "gene_type": (typed, 0, 0),
        "gene_biotype": (typed, 0, 0),
        "gene_name": (0, rows, 0),
        "avg_exon_length": (cells["avg_exon_length"][0], 0, 0),
    }
    assert rows // 2 - 4 <= cells["avg_exon_length"][0] <= rows // 2
    patched = Dataset.open(tmp_path / "set")
    assert not patched.verify()
    assert patched.manifest.extra["patch"]["cells"]["num_exons"]["changed"] == rows
    again = patch_dataset(workshop.session(), tmp_path / "set", inplace=True)
    assert (again.cells, again.added, again.batches_written) == ({}, (), 0)
    assert Dataset.open(tmp_path / "set").manifest == patched.manifest


@pytest.mark.parametrize("models", [("quick",), ("quick", "second")])
def test_added_sets_are_those_of_a_build_that_has_them(workshop, tmp_path, models):
    """Same columns in the same order, same contract, same values; scores of the other models stay behind."""
    build(workshop, tmp_path / "plain", *models, features="probability")
    settings = {"sequence": {"kmer_sizes": [1, 2], "window": 40}, "structural": {"columns": ["chrom", "num_exons"]}}
    names = ("sequence", "structural")
    build(workshop, tmp_path / "full", *models, features=",".join(("probability", *names)), feature_settings=settings)
    before = masters(tmp_path / "plain")
    result = patch_dataset(workshop.session(), tmp_path / "plain", features=names, settings=settings)
    assert masters(tmp_path / "plain") == before
    assert result.path == tmp_path / "plain_patched"
    full, patched = Dataset.open(tmp_path / "full"), Dataset.open(result.path)
    assert patched.contract == full.contract
    assert patched.schema.equals(full.schema, check_metadata=True)
    assert patched.manifest.near_label == full.manifest.near_label == ("num_exons",)
    assert patched.manifest.alarms == full.manifest.alarms
    assert table_of(result.path).equals(table_of(tmp_path / "full"))
    assert set(result.added) == set(full.contract.names) - set(Dataset.open(tmp_path / "plain").contract.names)


def test_tracks_are_added_and_replaced(workshop, tmp_path):
    build(workshop, tmp_path / "set", features="probability,structural")
    for name, value in (("one", 1.5), ("two", 2.5)):
        (tmp_path / f"{name}.bedgraph").write_text(f"chr1\t0\t10000\t{value}\n")

    def tracks(name):
        return {"tracks": {"tracks": [{"name": "signal", "path": str(tmp_path / f"{name}.bedgraph")}]}}

    first = patch_dataset(
        workshop.session(), tmp_path / "set", features=("tracks",), settings=tracks("one"), inplace=True
    )
    assert first.added == ("signal",)
    values = set(table_of(tmp_path / "set").column("signal").to_pylist())
    assert 1.5 in values
    second = patch_dataset(
        workshop.session(), tmp_path / "set", features=("tracks",), settings=tracks("two"), inplace=True
    )
    assert second.added == ()
    assert second.cells["signal"].changed == table_of(tmp_path / "set").column("signal").to_pylist().count(2.5) > 0
    text = (tmp_path / "set" / "dataset.json").read_text()
    assert json.loads(text)["contract"]["sets"][-1]["name"] == "tracks"
    assert str(tmp_path / "two.bedgraph") not in text
    with pytest.raises(ConfigError):
        patch_dataset(workshop.session(), tmp_path / "set", features=("tracks",), inplace=True)


def test_what_needs_scores_is_refused(workshop, tmp_path):
    build(workshop, tmp_path / "set", features="structural")
    with pytest.raises(ConfigError, match="computed from the base models' scores"):
        patch_dataset(workshop.session(), tmp_path / "set", features=("probability",))
    with pytest.raises(PluginError, match="sequenz"):
        patch_dataset(workshop.session(), tmp_path / "set", features=("sequenz",))
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def other_annotation(workshop, path, change):
    """The annotation with some lines changed."""
    lines = workshop.annotation.read_text().splitlines(keepends=True)
    path.write_text("".join(line for old in lines if (line := change(old))))
    return PassConfig(fasta=str(workshop.fasta), annotation=str(path))


def test_genes_that_are_gone_or_moved_are_refused(workshop, tmp_path):
    build(workshop, tmp_path / "set", features="structural")
    gene = Dataset.open(tmp_path / "set").genes().to_pylist()[3]
    name = gene["gene_id"]
    gone = other_annotation(workshop, tmp_path / "gone.gtf", lambda line: "" if f'"{name}"' in line else line)
    with pytest.raises(InputError, match=f"{name} is not there"):
        patch_dataset(workshop.session(), tmp_path / "set", config=gone)

    def longer(line):
        fields = line.split("\t")
        if f'"{name}"' in line and int(fields[4]) == gene["end"]:
            fields[4] = str(gene["end"] + 7)
        return "\t".join(fields)

    moved = other_annotation(workshop, tmp_path / "moved.gtf", longer)
    with pytest.raises(InputError, match=f"{name} is at .*-{gene['end'] + 7:,}"):
        patch_dataset(workshop.session(), tmp_path / "set", config=moved)


def test_another_build_is_refused(workshop, tmp_path):
    build(workshop, tmp_path / "set", features="structural")
    (tmp_path / "other.fa").write_text(workshop.fasta.read_text() + ">chr3\n" + "ACGT" * 5 + "\n")
    config = PassConfig(fasta=str(tmp_path / "other.fa"), annotation=str(workshop.annotation))
    with pytest.raises(InputError, match="is of build custom-"):
        patch_dataset(workshop.session(), tmp_path / "set", config=config)


def test_an_annotation_with_other_aggregates_refreshes_them(workshop, tmp_path, caplog):
    """A transcript more, in the same place: structural columns change, and nothing else does."""
    build(workshop, tmp_path / "set", features="probability,structural")
    before = table_of(tmp_path / "set")
    gene = Dataset.open(tmp_path / "set").genes().to_pylist()[0]

    def doubled(line):
        if f'"{gene["gene_id"]}"' not in line or line.split("\t")[2] == "gene":
            return line
        return line + line.replace('transcript_id "', 'transcript_id "copy_')

    config = other_annotation(workshop, tmp_path / "more.gtf", doubled)
    result = patch_dataset(workshop.session(), tmp_path / "set", tmp_path / "new", config=config)
    after = table_of(tmp_path / "new")
    assert set(result.cells) == {"num_transcripts"}
    assert result.cells["num_transcripts"].changed == gene["rows"]
    assert result.batches_written == 1
    assert "another annotation" in caplog.text
    own = np.array(before.column("gene_id").to_pylist()) == gene["gene_id"]
    was, now = (np.array(t.column("num_transcripts").to_pylist()) for t in (before, after))
    assert (now == np.where(own, 2 * was, was)).all()
    assert after.drop_columns("num_transcripts").equals(before.drop_columns("num_transcripts"))


def test_raw_rows_stay_beside_their_batch(workshop, tmp_path):
    build(workshop, tmp_path / "set", features="probability", keep_raw=True)
    raw = (tmp_path / "set" / "batches" / "batch_00001" / "raw.parquet").read_bytes()
    patch_dataset(workshop.session(), tmp_path / "set", inplace=True)
    assert (tmp_path / "set" / "batches" / "batch_00001" / "raw.parquet").read_bytes() == raw


def test_a_build_of_the_same_command_leaves_a_patched_dataset_alone(workshop, tmp_path):
    build(workshop, tmp_path / "set", features="probability")
    patch_dataset(workshop.session(), tmp_path / "set", inplace=True)
    patched = masters(tmp_path / "set")
    assert build(workshop, tmp_path / "set", features="probability").already_finished
    assert masters(tmp_path / "set") == patched


@pytest.mark.parametrize("rows", [50_000, 100])
def test_three_parallel_builds_make_one(workshop, tmp_path, rows):
    """Merged in any order, byte for byte what one build of all genes writes."""
    workshop.build(tmp_path / "whole", "quick", "second", batch_rows=rows)
    genes = [row["gene_id"] for row in Dataset.open(tmp_path / "whole").genes().to_pylist()]
    for part in range(3):
        workshop.build(tmp_path / f"part{part}", "quick", "second", genes=genes[part::3], batch_rows=rows)
    result = merge_datasets([tmp_path / f"part{part}" for part in (1, 2, 0)], tmp_path / "merged")
    assert masters(tmp_path / "merged") == masters(tmp_path / "whole")
    whole, merged = Dataset.open(tmp_path / "whole"), Dataset.open(tmp_path / "merged")
    named = merged.genes().drop_columns("requested")
    assert named.equals(whole.genes().drop_columns("requested"))
    assert (merged.manifest.identity, merged.manifest.alarms) == (whole.manifest.identity, whole.manifest.alarms)
    assert (result.rows, result.as_one_build) == (whole.manifest.rows, True)
    assert workshop.build(tmp_path / "merged", "quick", "second", batch_rows=rows).already_finished


def test_a_patched_and_an_unpatched_dataset_are_not_merged(workshop, tmp_path):
    genes = [f.gene_id for f in workshop.genome.genes] if hasattr(workshop.genome, "genes") else None
    assert genes
    for name, chosen in (("a", genes[:4]), ("b", genes[4:])):
        build(workshop, tmp_path / name, genes=chosen, features="probability")
    patch_dataset(workshop.session(), tmp_path / "a", inplace=True)
    with pytest.raises(InputError, match="differ in more than their genes"):
        merge_datasets([tmp_path / "a", tmp_path / "b"], tmp_path / "merged")
    patch_dataset(workshop.session(), tmp_path / "b", inplace=True)
    assert merge_datasets([tmp_path / "a", tmp_path / "b"], tmp_path / "merged").genes == len(genes)

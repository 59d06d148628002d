"""The summary of a dataset against the same counts made row by row."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import Counter

import attrs
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from splicecore.dataset.summary import BINS, summarize_dataset
from splicecore.dataset.summary_html import summary_html, write_summary_html
from splicecore.errors import ChecksumError


@pytest.fixture(scope="module")
def rows(clean):
    names = [
        "contig",
        "gene_biotype",
        "gene_id",
        "label",
        "pred_type",
        "inclusion_prob",
        "donor_score",
        "acceptor_score",
    ]
    files = sorted((clean.folder / "master").glob("*.parquet"))
    return [{**row, "batch": file.stem} for file in files for row in pq.read_table(file, columns=names).to_pylist()]


@pytest.fixture(scope="module")
def summary(clean):
    return summarize_dataset(clean.folder)


def test_counts(summary, rows):
    assert summary.total.rows == len(rows)
    assert summary.total.genes == len({row["gene_id"] for row in rows})
    labels = Counter(row["label"] for row in rows)
    assert list(summary.total.classes.values()) == [labels[0], labels[1], labels[2]]
    assert summary.total.pred_types == {
        name: sum(r["pred_type"] == name for r in rows) for name in ("TP", "FP", "FN", "TN")
    }
    assert sum(summary.genes_by_status.values()) == 24


@pytest.mark.parametrize(
    ("groups", "column"), [("chromosomes", "contig"), ("gene_types", "gene_biotype"), ("batches", "batch")]
)
def test_groups(summary, rows, groups, column):
    found = {group.name: group for group in getattr(summary, groups)}
    assert set(found) == {row[column] for row in rows}
    for name, group in found.items():
        mine = [row for row in rows if row[column] == name]
        assert group.rows == len(mine)
        assert group.genes == len({row["gene_id"] for row in mine})
        assert group.classes["donor"] == sum(row["label"] == 2 for row in mine)
        weights = [1 / row["inclusion_prob"] for row in mine]
        sites = [weight for row, weight in zip(mine, weights, strict=True) if row["label"]]
        assert group.positions == pytest.approx(sum(weights))
        assert group.prevalence == pytest.approx(sum(sites) / sum(weights))


def test_histograms_of_scores(summary, rows):
    for kind, counts in summary.histograms.items():
        scores = [max(row["donor_score"], row["acceptor_score"]) for row in rows if row["pred_type"] == kind]
        assert sum(counts) == len(scores)
        assert sum(counts[BINS // 2 :]) == sum(score >= 0.5 for score in scores)


def test_columns(summary, clean):
    table = pq.read_table(sorted((clean.folder / "master").glob("*.parquet")))
    assert [column.name for column in summary.columns] == table.schema.names[13:]
    for column in summary.columns[::17]:
        values = table.column(column.name).to_numpy()
        assert (column.low, column.high) == (values.min(), values.max())
        assert column.mean == pytest.approx(values.mean(dtype=float), rel=1e-6)
    assert summary.with_nulls == ()
    assert "num_exons" in summary.near_label
    assert "donor_score" not in summary.near_label


def test_nulls_are_counted(damaged):
    gc = damaged.table(1).column("gc_content").to_pylist()
    damaged.replace("gc_content", [None, None, *gc[2:]], 1)
    (column,) = summarize_dataset(damaged.folder).with_nulls
    assert (column.name, column.nulls) == ("gc_content", 2)


def test_the_same_dataset_gives_the_same_summary_and_page(clean, summary):
    again = summarize_dataset(clean.folder)
    assert again == summary
    assert summary_html(again) == summary_html(summary)
    assert json.loads(json.dumps(summary.to_json()))["total"]["rows"] == summary.total.rows


def test_page_is_well_formed_and_needs_nothing_else(summary, tmp_path):
    write_summary_html(tmp_path / "page.html", summary)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    doctype, document = page.split("\n", 1)
    assert doctype == "<!DOCTYPE html>"
    root = ET.fromstring(document)
    assert root.tag == "html"
    assert len(root.findall(".//{http://www.w3.org/2000/svg}svg")) == 4
    assert not [e for e in root.iter() if e.tag in ("script", "link", "img") or e.get("src") or e.get("href")]
    assert "prefers-color-scheme: dark" in page
    assert f"{summary.total.rows:,}" in page
    for group in (*summary.chromosomes, *summary.gene_types, *summary.batches):
        assert f"<td>{group.name}</td>" in page


def test_names_are_escaped(summary):
    odd = attrs.evolve(summary.chromosomes[0], name="<b>&\"'")
    page = summary_html(attrs.evolve(summary, chromosomes=(odd,), folder="/x/<i>"))
    ET.fromstring(page.split("\n", 1)[1])
    assert "<b>" not in page
    assert "<i>" not in page


def test_settings_are_written_as_people_do(summary):
    settings = {"kmer_sizes": [2, 3], "window": 500, "halves": True, "extra": [], "most": None}
    page = summary_html(attrs.evolve(summary, feature_sets={"context": {}, "sequence": settings}))
    told = "context; sequence (kmer_sizes 2 + 3, window 500, halves yes, extra none, most none)"
    assert f"<p>feature sets: {told}</p>" in page


def test_dataset_without_scores_has_no_histograms(summary):
    assert "not part of this dataset" in summary_html(attrs.evolve(summary, histograms={}))


def test_rows_that_make_no_sense_are_an_error(damaged):
    label = damaged.table().column("label").to_numpy().copy()
    label[7] = 9
    place = damaged.table().schema.get_field_index("label")
    table = damaged.table()
    pq.write_table(table.set_column(place, table.schema.field("label"), pa.array(label)), damaged.path())
    with pytest.raises(ChecksumError, match=r"row 7 of batch_00000\.parquet"):
        summarize_dataset(damaged.folder)

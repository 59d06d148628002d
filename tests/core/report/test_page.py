"""The page, and writing it."""

from __future__ import annotations

import html.parser
import json
import re

import numpy as np
import pytest
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import read_json, write_json
from splicecore.config import RunConfig, structure
from splicecore.errors import ConfigError, InputError, MissingDependencyError
from splicecore.export.exports import wanted_exports
from splicecore.report import bokeh_script as script_module
from splicecore.report import page as page_module
from splicecore.report import write_report
from splicecore.report.gathering import OCTAVES
from splicecore.report.run_folder import METADATA, RunFolder
from splicecore.report.selection_plot import uncertainty_histogram
from splicecore.report.writing import REPORT

VOID = {"meta", "link", "path", "circle", "rect", "br", "wbr"}


class Outline(html.parser.HTMLParser):
    """Checks that elements nest, and collects links, tables and resources."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.fetched: list[str] = []
        self.links: list[dict[str, str | None]] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag not in VOID:
            self.stack.append(tag)
        if tag == "a":
            self.links.append(values)
        if "id" in values:
            self.ids.append(values["id"])
        self.fetched += [values[name] for name in ("src", "srcset") if name in values]
        if tag == "link":
            self.fetched.append(values["href"])

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.stack.pop() == tag, (tag, self.getpos())


def outline(page: str) -> Outline:
    """Parse a page less the plotting library, whose text holds what looks like tags."""
    parsed = Outline()
    parsed.feed(re.sub(r"<script>\n.*?</script>", "<script></script>", page, flags=re.DOTALL))
    parsed.close()
    assert not parsed.stack
    return parsed


def body(page: str) -> str:
    return page.partition("<body>")[2].partition('<script id="report-data"')[0]


def test_the_page_is_whole_and_fetches_nothing(hybrid_run):
    page = write_report(hybrid_run).read_text()
    found = outline(page)
    assert found.fetched == ["data:,"]
    assert len(found.ids) == len(set(found.ids))
    assert not re.search(r"@import|url\((?!#)", body(page))
    assert "http" not in body(page)


def test_links_of_calls_lead_to_tracks_that_are_there(hybrid_run, page_data):
    page = write_report(hybrid_run).read_text()
    data, found = page_data(page), outline(page)
    links = [link for link in found.links if "data-position" in link]
    assert len(links) > 8
    for link in links:
        gene = data["genes"][link["data-gene"]]
        assert gene["start"] <= int(link["data-position"]) < gene["end"]
        assert int(link["data-position"]) - gene["start"] in gene["track"]["calls"]
        assert f"gene-{link['data-gene']}" in found.ids
        assert f"plot-{link['data-gene']}" in found.ids


def test_the_same_run_gives_the_same_bytes(tmp_path, write_run):
    pages = [write_report(write_run(tmp_path / name)).read_bytes() for name in ("a", "b")]
    assert pages[0] == pages[1]
    assert str(tmp_path).encode() not in pages[0]


def test_texts_from_outside_are_escaped(hybrid_run):
    page = body(write_report(hybrid_run).read_text())
    assert "&lt;none&gt;" in page
    assert "no such gene &amp; no &lt;b&gt;other&lt;/b&gt;" in page
    assert "<none>" not in page


def test_summary_and_thresholds_are_those_of_the_run(hybrid_run, page_data):
    page = write_report(hybrid_run).read_text()
    assert "base acceptor 0.5, donor 0.5; final acceptor 0.4, donor 0.45" in page
    assert "trees (121212121212), trained on 1,200 genes" in page
    assert "quick (abababababab, engine python)" in page
    assert page_data(page)["called"] == {"base": [0.5, 0.5], "final": [0.4, 0.45]}
    assert ">2B<" in page


def test_a_run_of_the_base_model_has_no_parts_of_a_meta_model(base_run, page_data):
    page = write_report(base_run).read_text()
    outline(page)
    data = page_data(page)
    assert data["meta"] is False
    assert all(gene["track"]["final"] is None for gene in data["genes"].values())
    assert "Calls that differ from the annotation" in body(page)
    for word in ("Selection", "Changed calls", "recalibrated", "uncertainty"):
        assert word not in body(page)


def test_without_an_annotation_there_are_scores_but_no_curves(tmp_path, page_data, write_run):
    for meta in (True, False):
        folder = write_run(tmp_path / str(meta), meta=meta, annotated=False)
        page = write_report(folder).read_text()
        outline(page)
        assert "kept no annotated splice sites" in body(page)
        assert "reliability" not in body(page)
        tracks = [gene["track"] for gene in page_data(page)["genes"].values()]
        assert all(track["exons"] == [] and track["at"] for track in tracks)


def test_a_sparse_table_gets_no_curves(base_run):
    manifest = read_json(base_run / "manifest.json")
    manifest["identity"]["min_score"] = 0.05
    write_json(base_run / "manifest.json", manifest)
    page = body(write_report(base_run).read_text())
    assert "precision and recall would be wrong" in page
    assert "only those that score 0.05 or more" in page


def test_few_genes_are_drawn_and_all_are_listed(hybrid_run, page_data):
    page = write_report(hybrid_run, genes=1).read_text()
    assert len(page_data(page)["genes"]) == 1
    assert "1 of 4 genes, those with most changed calls" in page
    listed = body(page).partition("<h2>All genes</h2>")[2]
    assert all(f"NAME{number}" in listed for number in range(4))
    none = write_report(hybrid_run, genes=0).read_text()
    assert page_data(none)["genes"] == {}
    assert not [link for link in outline(none).links if "data-gene" in link]


def test_long_tables_are_cut_and_say_so(hybrid_run, monkeypatch):
    monkeypatch.setattr(page_module, "MAX_CALLS", 3)
    monkeypatch.setattr(page_module, "MAX_GENES", 2)
    page = write_report(hybrid_run).read_text()
    assert "The 3 with the largest differences" in page
    assert len([link for link in outline(page).links if "data-position" in link]) == 3
    assert "The first 2 of 4" in page


def test_folders_without_a_finished_run_are_refused(tmp_path, hybrid_run):
    with pytest.raises(InputError, match=r"holds no finished run: it has no manifest\.json"):
        write_report(tmp_path)
    (tmp_path / "shard").mkdir()
    write_json(tmp_path / "shard" / "manifest.json", {"identity": {"shard": "1/2"}})
    with pytest.raises(InputError, match="holds shard 1/2 of a run"):
        write_report(tmp_path / "shard")
    for genes in (-1, 201):
        with pytest.raises(ConfigError, match="cannot have tracks"):
            write_report(hybrid_run, genes=genes)


def test_thresholds_that_are_not_stored_are_one_half(hybrid_run):
    metadata = read_json(hybrid_run / METADATA)
    del metadata["thresholds"]["final"]["donor"], metadata["thresholds"]["base_model"]
    write_json(hybrid_run / METADATA, metadata)
    assert RunFolder.open(hybrid_run).thresholds == ((0.5, 0.5), (0.4, 0.5))


def test_a_report_is_recorded_and_leaves_the_run_finished(hybrid_run):
    identity = read_json(hybrid_run / "manifest.json")["identity"]
    write_report(hybrid_run)
    write_report(hybrid_run, genes=2)
    manifest = read_json(hybrid_run / "manifest.json")
    assert manifest["exports"]["report"] == {"settings": {"genes": 2}, "files": [REPORT]}
    with RunDirectory(hybrid_run).locked() as directory:
        assert directory.begin(identity)
        assert not directory.begin(identity, force=True)
    assert not (hybrid_run / REPORT).exists()


def wanted(**options):
    return wanted_exports(structure(options, RunConfig, where="options")).get("report")


def test_runs_have_reports_unless_told_otherwise_and_shards_have_none():
    assert wanted() == {"genes": 25}
    assert wanted(report_genes=3) == {"genes": 3}
    assert wanted(report=False) is None
    assert wanted(shard="1/2") is None
    with pytest.raises(ConfigError, match="-1 genes cannot have tracks"):
        wanted(report_genes=-1)


def test_without_the_library_runs_go_on_and_the_remedy_is_told(hybrid_run, monkeypatch, caplog):
    monkeypatch.setattr(script_module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match="bokeh") as caught:
        write_report(hybrid_run)
    assert "splicecore[report]" in str(caught.value)
    assert wanted() is None
    assert "splicecore[report]" in caplog.text
    with pytest.raises(MissingDependencyError, match="bokeh"):
        wanted(report=True)
    assert not (hybrid_run / REPORT).exists()


def test_the_histogram_names_its_bins():
    counts = np.zeros((2, OCTAVES), dtype=np.int64)
    counts[0, 0], counts[1, -1], counts[:, -2] = 1000, 7, 3
    svg = uncertainty_histogram(counts)
    assert "0: 1,000 not selected, 0 selected" in svg
    assert "2 to 4: 0 not selected, 7 selected" in svg
    assert svg.count("<rect") == 4


def test_the_data_ends_no_script(hybrid_run):
    text = write_report(hybrid_run).read_text().partition('type="application/json">')[2].partition("</script>")[0]
    assert "<" not in text
    json.loads(text)

"""Folders of finished runs, written by hand: genes on both strands, a base model that errs, a meta-model that helps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import write_json
from splicecore.genome.annotation import read_annotation
from splicecore.genome.build import Build
from splicecore.genome.contigs import Contigs
from splicecore.genome.genes import Gene, GeneCatalog
from splicecore.genome.sites import SiteIndex
from splicecore.report.gene_annotation import GENE_ANNOTATION, write_gene_annotation
from splicecore.report.run_folder import BASE, COMPLETE, METADATA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXT = pa.dictionary(pa.int32(), pa.string())
THRESHOLDS = {"base_model": {"acceptor": 0.5, "donor": 0.5}, "final": {"acceptor": 0.4, "donor": 0.45}}


@attrs.frozen
class Bench:
    """An annotation with its genes and sites.

    Attributes
    ----------
    genes
        In genomic order.
    """

    annotation: object
    sites: SiteIndex
    genes: list[Gene]


def gtf(path: Path, genes: int = 4, exons: int = 5, intron: int = 400) -> Path:
    """Write genes one after another on alternating strands, each with two transcripts; the last two overlap."""
    lines, start = [], 1000
    for number in range(genes):
        strand = "+-"[number % 2]
        spans = [(start + k * (intron + 120), start + k * (intron + 120) + 120) for k in range(exons)]
        name = f'gene_id "G{number}"; gene_name "NAME{number}";'
        row = "chrT\tsim\t{kind}\t{a}\t{b}\t.\t{strand}\t.\t{text}"
        lines.append(row.format(kind="gene", a=spans[0][0] + 1, b=spans[-1][1], strand=strand, text=name))
        for which, chosen in ("a", spans), ("b", [*spans[:2], (spans[3][0] - 40, spans[3][1]), *spans[4:]]):
            text = f'{name} transcript_id "T{number}{which}";' + (' tag "MANE_Select";' if which == "a" else "")
            lines.append(row.format(kind="transcript", a=chosen[0][0] + 1, b=chosen[-1][1], strand=strand, text=text))
            lines += [row.format(kind="exon", a=a + 1, b=b, strand=strand, text=text) for a, b in chosen]
        start = spans[-1][1] + (500 if number != genes - 2 else -700)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def bench(tmp_path_factory) -> Bench:
    return make_bench(tmp_path_factory.mktemp("annotation"))


def make_bench(folder: Path, **shape: int) -> Bench:
    annotation = read_annotation(gtf(folder / "genes.gtf", **shape)).bind(
        Contigs(("chrT",), (10_000_000,)), Build("toy", "0" * 64)
    )
    catalog = GeneCatalog(annotation)
    return Bench(annotation, SiteIndex(annotation), [catalog.gene(row) for row in range(len(annotation.genes))])


def scores_of(bench: Bench, gene: Gene, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Columns of a gene's rows by genomic position: the base model misses every fifth site and has false ones."""
    acceptor, donor = (
        mask[:: 1 if gene.strand == "+" else -1] for mask in bench.sites.site_masks(gene, scope="strand")
    )
    true = np.stack([acceptor, donor], axis=1)
    noise = (rng.random((gene.length, 2)) ** 12 * 0.3).astype(np.float32)
    base = np.where(true, 0.9, noise * (noise > 0.01)).astype(np.float32)
    found = np.flatnonzero(true.any(axis=1))
    base[found[::5]] *= 0.3
    false = rng.choice(np.flatnonzero(~true.any(axis=1)), 3, replace=False)
    base[false, rng.integers(0, 2, 3)] = 0.7
    uncertainty = (4 * base * (1 - base)).max(axis=1).astype(np.float32)
    uncertain = uncertainty >= 0.3
    final = np.where(uncertain[:, None], np.where(true, 0.8, base * 0.4), base).astype(np.float32)
    reasons = np.where(uncertainty > 0.7, "confidence+entropy", "entropy")
    columns = {"uncertainty": uncertainty, "is_uncertain": uncertain, "is_adjusted": uncertain}
    for kind, values in ("score", base), ("base", base * np.float32(0.95)), ("meta", final):
        shares = values / np.maximum(1, values.sum(axis=1, keepdims=True))
        columns[f"acceptor_{kind}"], columns[f"donor_{kind}"] = shares[:, 0], shares[:, 1]
        columns[f"neither_{kind}"] = (1 - shares.sum(axis=1)).astype(np.float32)
    columns["selection_reason"] = np.where(uncertain, reasons, "")
    return columns


def _write_run(folder: Path, bench: Bench, *, meta: bool = True, annotated: bool = True, row_group: int = 700) -> Path:
    """Write the folder of a finished run."""
    rng = np.random.Generator(np.random.PCG64(5))
    parts = []
    for gene in bench.genes:
        columns = {"position": np.arange(gene.start, gene.end, dtype=np.int64), **scores_of(bench, gene, rng)}
        columns["order"] = np.full(gene.length, bench.genes.index(gene))
        texts = {"build": "toy", "contig": gene.contig, "strand": gene.strand}
        texts |= {"gene_id": gene.gene_id, "gene_name": gene.gene_name}
        columns |= {name: np.full(gene.length, text) for name, text in texts.items()}
        parts.append(pa.table(columns))
    table = pa.concat_tables(parts).sort_by([("position", "ascending"), ("order", "ascending")]).drop(["order"])
    for name in ("build", "contig", "strand", "gene_id", "gene_name", "selection_reason"):
        table = table.set_column(table.column_names.index(name), name, table.column(name).combine_chunks().cast(TEXT))
    path = folder / (COMPLETE if meta else BASE)
    path.parent.mkdir(parents=True)
    if not meta:
        table = table.select([name for name in table.column_names if name[-5:] not in ("_base", "_meta")])
    pq.write_table(table, path, row_group_size=row_group)
    if annotated:
        write_gene_annotation(folder / GENE_ANNOTATION, bench.annotation, bench.sites, bench.genes)
    rows = [
        {"requested": gene.gene_name, "status": "processed", "reason": None, **_about(gene)} for gene in bench.genes
    ]
    rows.append({"requested": "<none>", "status": "not_found", "reason": "no such gene & no <b>other</b>"})
    write_json(folder / "gene_manifest.json", {"genes": rows})
    mode = "hybrid" if meta else "base_only"
    if meta:
        (folder / "metadata").mkdir(exist_ok=True)
        write_json(folder / METADATA, {**_METADATA, "mode": mode})
    files = [path, folder / "gene_manifest.json"]
    with RunDirectory(folder).locked() as directory:
        identity = {**_IDENTITY, "inference_mode": mode}
        directory.finish({"identity": identity, "rows": len(table), "genes": 4, "failed": 1, **_MANIFEST}, files)
    return folder


def _about(gene: Gene) -> dict:
    fields = ("gene_id", "gene_name", "contig", "strand", "start", "end")
    return {**{name: getattr(gene, name) for name in fields}, "positions": gene.length, "scenario": "2B"}


_IDENTITY = {
    "base_model": {"name": "quick", "fingerprint": "ab" * 32, "engine": "python"},
    "flank": "real",
    "inputs": {"build": "toy", "build_digest": "cd" * 32, "annotation": "ef" * 32},
    "splicecore": "0.1.0",
}
_MANIFEST = {"inputs": {"fasta": "genome.fa", "annotation": "genes.gtf"}, "base_model": {"licence": "Apache-2.0"}}
_METADATA = {
    "meta_model": {"name": "trees", "fingerprint": "12" * 32, "training_genes": 1200},
    "selection": {"strategy": "hybrid_entropy", "threshold": 0.3, "target_rate": None, "reached_rate": 0.01},
    "thresholds": THRESHOLDS,
}


@pytest.fixture(scope="session")
def write_run(bench) -> Callable[..., Path]:
    """Write the folder of a finished run of the bench's genes."""

    def write(folder: Path, **shape: Any) -> Path:
        return _write_run(folder, bench, **shape)

    return write


@pytest.fixture
def hybrid_run(tmp_path, write_run) -> Path:
    """A finished run with a meta-model."""
    return write_run(tmp_path / "run")


@pytest.fixture
def base_run(tmp_path, write_run) -> Path:
    """A finished run of the base model alone."""
    return write_run(tmp_path / "base", meta=False)


@pytest.fixture(scope="session")
def page_data() -> Callable[[str], dict[str, Any]]:
    """Read what a page's script reads."""

    def read(page: str) -> dict[str, Any]:
        text = page.partition('<script id="report-data" type="application/json">')[2].partition("</script>")[0]
        return json.loads(text)

    return read

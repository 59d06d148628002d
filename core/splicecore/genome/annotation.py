"""Gene annotations: genes, transcripts and exons as Arrow tables, from GTF, GFF3 and SpliceAI tables.

Reading and binding are two steps. :func:`read_annotation` knows nothing of a reference; :meth:`Annotation.bind` gives
the contigs the reference's own names, sets genes aside whose contig the reference lacks, and refuses coordinates of
another build.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs
import numpy as np
import pyarrow as pa

from splicecore.errors import AnnotationError, ContigError
from splicecore.genome.arrow import compute as pc
from splicecore.genome.build import Build
from splicecore.genome.contigs import Contigs, describe_names
from splicecore.genome.gene_models import assemble
from splicecore.genome.gff3 import read_gff3
from splicecore.genome.gtf import read_gtf
from splicecore.genome.spliceai_table import COLUMNS, read_spliceai_table
from splicecore.genome.text_source import TextSource

if TYPE_CHECKING:
    import os

__all__ = ["Annotation", "BoundAnnotation", "read_annotation"]

_LOG = logging.getLogger(__name__)

Format = Literal["gtf", "gff3", "spliceai"]

_READERS = {"gtf": read_gtf, "gff3": read_gff3, "spliceai": read_spliceai_table}
_SNIFFED_LINES = 10_000


@attrs.frozen(eq=False)
class Annotation:
    """An annotation as its file has it. Coordinates are 0-based, half-open.

    Attributes
    ----------
    path
        The file.
    format
        ``"gtf"``, ``"gff3"`` or ``"spliceai"``.
    genes
        Columns gene_id, gene_name (the id where the file has no name), gene_biotype (null where unknown), contig,
        strand (``"+"``/``"-"``), start, end (int64). Sorted by contig, start, end, strand, gene_id. One id on two
        contigs or on two strands is two genes.
    transcripts
        Columns transcript_id, gene_id, gene (int32, row of ``genes``), biotype (null where unknown), tags (list of
        strings, such as ``MANE_Select``; empty where there are none), start, end (int64). Sorted by gene, start, end,
        transcript_id.
    exons
        Columns transcript (int32, row of ``transcripts``), start, end (int64). Sorted by transcript, start.
    """

    path: Path
    format: str
    genes: pa.Table
    transcripts: pa.Table
    exons: pa.Table

    @property
    def contigs(self) -> tuple[str, ...]:
        """Names of the contigs that have genes, in the order of the genes."""
        return tuple(pc.unique(self.genes.column("contig")).to_pylist())

    def bind(
        self, reference: Contigs, build: Build | None = None, *, reference_name: str = "the reference"
    ) -> BoundAnnotation:
        """Bind to a reference: its names, its order of contigs, only genes that lie on it.

        Parameters
        ----------
        reference
            The reference's contigs.
        build
            Its build, kept with the result.
        reference_name
            What messages call the reference, usually its path.

        Raises
        ------
        ContigError
            If no contig is common, or names contradict the build or are ambiguous.
        AnnotationError
            If a gene ends beyond its contig.
        """
        names = self.contigs
        resolved = {name: reference.resolve(name) for name in names}
        if not any(resolved.values()):
            raise ContigError(
                f"{self.path} and {reference_name} have no contig in common: the annotation has "
                f"{describe_names(names)}; the reference has {describe_names(reference.names)}",
                hint="the two files must be of the same species and build",
            )
        code = {name: index for index, name in enumerate(names)}
        column = pc.index_in(self.genes.column("contig"), value_set=pa.array(names)).to_numpy()
        rank = np.array([reference.order(found) if found else -1 for found in resolved.values()], dtype=np.int64)[
            column
        ]
        self._check_ends(reference, rank)
        counts = np.bincount(column, minlength=len(names))
        unmatched = {name: int(counts[code[name]]) for name in names if resolved[name] is None}
        if unmatched:
            _LOG.warning(
                "%d genes of %s lie on contigs that %s does not have: %s",
                sum(unmatched.values()),
                self.path,
                reference_name,
                describe_names(tuple(unmatched), count=8),
            )
        rows = np.flatnonzero(rank >= 0)
        rows = rows[np.argsort(rank[rows], kind="stable")]
        genes = self.genes.take(rows)
        own = pa.array(reference.names).take(pa.array(rank[rows]))
        genes = genes.set_column(genes.schema.get_field_index("contig"), "contig", own)
        transcripts, exons = _take_genes(self.transcripts, self.exons, rows, len(self.genes))
        return BoundAnnotation(
            path=self.path,
            format=self.format,
            genes=genes,
            transcripts=transcripts,
            exons=exons,
            reference_contigs=reference,
            build=build,
            unmatched=unmatched,
            unmatched_genes=self.genes.take(np.flatnonzero(rank < 0)),
            reference_name=reference_name,
        )

    def _check_ends(self, reference: Contigs, rank: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        lengths = np.append(np.array(reference.lengths, dtype=np.int64), np.iinfo(np.int64).max)
        beyond = np.flatnonzero(self.genes.column("end").to_numpy() > lengths[rank])
        if len(beyond):
            gene = self.genes.slice(int(beyond[0]), 1).to_pylist()[0]
            raise AnnotationError(
                f"{self.path}: {len(beyond)} genes end beyond their contig, first {gene['gene_id']} at "
                f"{gene['contig']}:{gene['start'] + 1:,}-{gene['end']:,} "
                f"of a contig with {lengths[rank[beyond[0]]]:,} bases",
                hint="is the annotation of another build than the reference?",
            )


@attrs.frozen(eq=False, kw_only=True)
class BoundAnnotation(Annotation):
    """An annotation whose contigs carry a reference's names; genes are sorted in the reference's order of contigs.

    Attributes
    ----------
    reference_contigs
        Contigs of the reference.
    build
        Build of the reference, or None if not given.
    unmatched
        Number of genes on each contig (the annotation's name) that the reference does not have.
    unmatched_genes
        Those genes, columns as ``genes``; they are not in ``genes``.
    reference_name
        What messages call the reference.
    """

    reference_contigs: Contigs
    build: Build | None
    unmatched: dict[str, int]
    unmatched_genes: pa.Table
    reference_name: str

    def only(self, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> BoundAnnotation:
        """Return the annotation with only some rows of ``genes``, in the order given, each once."""
        genes = self.genes.take(rows)
        transcripts, exons = _take_genes(self.transcripts, self.exons, rows, len(self.genes))
        return attrs.evolve(self, genes=genes, transcripts=transcripts, exons=exons)


def _take_genes(
    transcripts: pa.Table, exons: pa.Table, rows: np.ndarray[tuple[int], np.dtype[np.int64]], count: int
) -> tuple[pa.Table, pa.Table]:
    """Transcripts and exons of the chosen genes, in the genes' new order, with new row indices."""
    new_gene = np.full(count, -1, dtype=np.int64)
    new_gene[rows] = np.arange(len(rows))
    gene = new_gene[transcripts.column("gene").to_numpy()]
    chosen = np.flatnonzero(gene >= 0)
    chosen = chosen[np.argsort(gene[chosen], kind="stable")]
    new_transcript = np.full(len(transcripts), -1, dtype=np.int64)
    new_transcript[chosen] = np.arange(len(chosen))
    parent = new_transcript[exons.column("transcript").to_numpy()]
    kept = np.flatnonzero(parent >= 0)
    kept = kept[np.argsort(parent[kept], kind="stable")]
    transcripts = transcripts.take(chosen)
    exons = exons.take(kept)
    index = transcripts.schema.get_field_index("gene")
    transcripts = transcripts.set_column(index, "gene", pa.array(gene[chosen].astype(np.int32)))
    return transcripts, exons.set_column(0, "transcript", pa.array(parent[kept].astype(np.int32)))


def read_annotation(path: str | os.PathLike[str]) -> Annotation:
    """Read GTF, GFF3 or a SpliceAI table, plain, gzip or bgzip; the content tells the format, not the name.

    Raises
    ------
    AnnotationError
        If the file is missing, truncated, of an unknown format, or malformed (with the 1-based line).
    """
    source = TextSource.of(Path(path))
    kind = _sniff(source)
    models = assemble(_READERS[kind](source))
    _LOG.info("%s (%s): %d genes, %d transcripts", source.path, kind, len(models.genes), len(models.transcripts))
    return Annotation(source.path, kind, models.genes, models.transcripts, models.exons)


def _sniff(source: TextSource) -> Format:
    """Tell the format by the first lines."""
    first = ""
    for number, line in source.lines():
        if number == 1 and line.lstrip("#").split("\t")[:2] == ["NAME", "CHROM"]:
            _check_table_header(source, line)
            return "spliceai"
        if line.startswith("##gff-version"):
            return "gff3" if line.split()[1:2] and line.split()[1].startswith("3") else "gtf"
        if line.strip() and not line.startswith("#"):
            first = line
            break
        if number > _SNIFFED_LINES:
            break
    if not first:
        raise AnnotationError(f"annotation file {source.path} has nothing but comments")
    fields = first.split("\t")
    if len(fields) >= 8:
        return "gff3" if re.match(r"\s*[\w-]+=", fields[-1]) else "gtf"
    raise AnnotationError(
        f"{source.path} is neither GTF, GFF3 nor a SpliceAI table; it begins with {first[:60]!r}",
        hint="a line of GTF or GFF3 has 9 columns separated by tabs; a SpliceAI table begins with #NAME, CHROM, ...",
    )


def _check_table_header(source: TextSource, line: str) -> None:
    found = "#" + line.lstrip("#")
    if tuple(found.split("\t")) != COLUMNS:
        raise AnnotationError(
            f"{source.path}, line 1: the header is {found!r}", hint=f"it must be {' '.join(COLUMNS)}, separated by tabs"
        )

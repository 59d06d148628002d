"""Derived datasets as tab-separated text, for tools made for files of this kind.

Names and conventions are those of these files, not splicecore's:

- Coordinates are GTF's: 1-based, both ends included. Contigs (``chrom``) have the reference's own names.
- In ``splice_sites_enhanced.tsv`` and ``junctions.tsv`` a splice site lies on the *intron's* side of the border: on "+"
  the donor is the base after the exon and the acceptor the base before it; on "-" the donor is the base before the exon
  (in genomic order) and the acceptor the base after it. ``start`` and ``end`` are two bases before and after, ``start``
  not below 1. ``exon_number`` and ``exon_rank`` are both the rank in transcription order.
- ``junctions.tsv`` has the introns between adjacent exons and nothing else; on "-" ``donor_pos`` is the higher one.
- ``overlapping_gene_counts.tsv`` lists every pair in both directions; ``num_overlaps`` is the number of genes that
  overlap ``gene_id_1``, each counted once, genes of a single exon included.
- What splicecore does not keep of an annotation is empty: ``exon_id``, ``transcript_name``. Nothing is quoted: a tab,
  quotation mark or line break within a name becomes ``_``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from splicecore.artifacts.store import atomic_path, make_folder
from splicecore.errors import ConfigError
from splicecore.genome.arrow import codes_of, numbers
from splicecore.genome.arrow import compute as pc
from splicecore.resources.labels import label_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from splicecore.resources.resource_set import ResourceSet

__all__ = ["TSV_FILES", "export_tsv"]

TSV_FILES: dict[str, str] = {
    "splice_sites": "splice_sites_enhanced.tsv",
    "gene_features": "gene_features.tsv",
    "transcript_features": "transcript_features.tsv",
    "exon_features": "exon_features.tsv",
    "junctions": "junctions.tsv",
    "overlapping_genes": "overlapping_gene_counts.tsv",
}
"""Name of the file of each kind that can be exported."""

_OPTIONS = pyarrow.csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
_WINDOW = 2
_Ints = npt.NDArray[np.int64]
_Columns = dict[str, Any]


def export_tsv(resource_set: ResourceSet, folder: Path, kinds: Sequence[str] = tuple(TSV_FILES)) -> dict[str, Path]:
    """Write datasets as text, each file atomically.

    Parameters
    ----------
    resource_set
        The derived resources.
    folder
        Where to write; made if it is missing.
    kinds
        Which of :data:`TSV_FILES`.

    Returns
    -------
    The files by kind.

    Raises
    ------
    ConfigError
        If a kind cannot be exported.
    ResourceNotFoundError, ChecksumError
        If a dataset is missing or damaged.
    OutputError
        If a file cannot be written.
    """
    unknown = [kind for kind in kinds if kind not in TSV_FILES]
    if unknown:
        raise ConfigError(f"{unknown[0]} cannot be written as TSV", hint=f"one of {', '.join(TSV_FILES)}")
    make_folder(folder)
    paths = {kind: folder / TSV_FILES[kind] for kind in kinds}
    for kind, path in paths.items():
        _write(path, _MAKERS[kind](resource_set))
    return paths


def _write(path: Path, columns: _Columns) -> None:
    table = pa.table(columns)
    with atomic_path(path) as temporary:
        try:
            _write_csv(temporary, table)
        except pa.ArrowInvalid:  # a name holds one of the characters that would have to be quoted
            _write_csv(temporary, _without_structure(table))


def _write_csv(path: Path, table: pa.Table) -> None:
    with path.open("wb") as handle:
        handle.write(("\t".join(table.schema.names) + "\n").encode())
        pyarrow.csv.write_csv(table, handle, _OPTIONS)


def _without_structure(table: pa.Table) -> pa.Table:
    for index, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type) or field.type == pa.string():
            words = table.column(index).cast(pa.string())
            plain = pc.replace_substring_regex(words, pattern='[\\t\\r\\n"]', replacement="_")
            table = table.set_column(index, field.name, plain)
    return table


def _splice_sites(resources: ResourceSet) -> _Columns:
    sites = resources.table("splice_sites")
    position = _intron_side(numbers(sites, "position"), _is(sites, "site_type", "donor"), _is(sites, "strand", "-"))
    return {
        "chrom": sites.column("contig"),
        "start": np.maximum(position - _WINDOW, 1),
        "end": position + _WINDOW,
        "position": position,
        "strand": sites.column("strand"),
        "site_type": sites.column("site_type"),
        "gene_id": sites.column("gene_id"),
        "transcript_id": sites.column("transcript_id"),
        "gene_name": sites.column("gene_name"),
        "gene_biotype": sites.column("gene_biotype"),
        "transcript_biotype": sites.column("transcript_biotype"),
        "exon_id": _nothing(sites),
        "exon_number": sites.column("exon_number"),
        "exon_rank": sites.column("exon_number"),
    }


def _gene_features(resources: ResourceSet) -> _Columns:
    genes = resources.table("gene_features")
    return {
        **_places(genes),
        "gene_id": genes.column("gene_id"),
        "gene_name": genes.column("gene_name"),
        "gene_type": genes.column("gene_biotype"),
        "gene_length": genes.column("gene_length"),
    }


def _transcript_features(resources: ResourceSet) -> _Columns:
    transcripts = resources.table("transcript_features")
    return {
        **_places(transcripts),
        "transcript_id": transcripts.column("transcript_id"),
        "transcript_name": _nothing(transcripts),
        "transcript_type": transcripts.column("biotype"),
        "transcript_length": transcripts.column("transcript_length"),
        "gene_id": transcripts.column("gene_id"),
    }


def _exon_features(resources: ResourceSet) -> _Columns:
    exons = resources.table("exon_features")
    transcripts = resources.table("transcript_features", ["gene", "biotype"])
    transcript = numbers(exons, "transcript")
    places = _places(exons)
    return {
        "gene_id": exons.column("gene_id"),
        "transcript_id": exons.column("transcript_id"),
        "gene_name": _gene_names(resources, numbers(transcripts, "gene")[transcript]),
        "transcript_type": label_rows(transcripts, "biotype", transcript),
        "exon_number": exons.column("exon_number"),
        "exon_length": exons.column("exon_length"),
        "chrom": places["chrom"],
        "seqname": places["chrom"],
        "start": places["start"],
        "end": places["end"],
        "strand": places["strand"],
    }


def _junctions(resources: ResourceSet) -> _Columns:
    table = resources.table("junctions")
    minus = _is(table, "strand", "-")
    every = np.ones(len(table), dtype=np.bool_)
    return {
        "chrom": table.column("contig"),
        "donor_pos": _intron_side(numbers(table, "donor_position"), every, minus),
        "acceptor_pos": _intron_side(numbers(table, "acceptor_position"), ~every, minus),
        "strand": table.column("strand"),
        "gene_id": table.column("gene_id"),
        "gene_name": _gene_names(resources, numbers(table, "gene")),
        "transcript_id": table.column("transcript_id"),
        "intron_length": table.column("intron_length"),
    }


def _overlapping_genes(resources: ResourceSet) -> _Columns:
    pairs = resources.table("overlapping_genes")
    overlaps = numbers(resources.table("gene_features", ["num_overlaps"]), "num_overlaps")
    first, second = numbers(pairs, "gene_1"), numbers(pairs, "gene_2")
    one, other = np.concatenate([first, second]), np.concatenate([second, first])
    order = np.lexsort((other, one))
    row = np.tile(np.arange(len(pairs)), 2)[order]
    swapped = (np.arange(len(order)) >= len(pairs))[order]

    swapped = swapped.astype(np.int64)

    def side(name: str, number: int) -> Any:
        both = pa.concat_tables(
            pairs.select([f"{name}_{which}"]).rename_columns(["both"]) for which in ((1, 2) if number == 1 else (2, 1))
        )
        rows = row + swapped * len(pairs)
        words = pa.types.is_dictionary(both.schema.field(0).type)
        return label_rows(both, "both", rows) if words else numbers(both, "both")[rows]

    return {
        "gene_id_1": side("gene_id", 1),
        "gene_id_2": side("gene_id", 2),
        "chrom": label_rows(pairs, "contig", row),
        "start_1": side("start", 1) + 1,
        "end_1": side("end", 1),
        "start_2": side("start", 2) + 1,
        "end_2": side("end", 2),
        "strand_1": side("strand", 1),
        "strand_2": side("strand", 2),
        "num_overlaps": overlaps[one[order]],
    }


_MAKERS: dict[str, Callable[[ResourceSet], _Columns]] = {
    "splice_sites": _splice_sites,
    "gene_features": _gene_features,
    "transcript_features": _transcript_features,
    "exon_features": _exon_features,
    "junctions": _junctions,
    "overlapping_genes": _overlapping_genes,
}


def _intron_side(position: _Ints, donor: npt.NDArray[np.bool_], minus: npt.NDArray[np.bool_]) -> _Ints:
    """1-based position of the intron's base beside an exon's base, which is given 0-based."""
    rising = donor != minus  # the intron follows the exon's base in genomic order
    return position + np.where(rising, 2, 0)


def _is(table: pa.Table, name: str, word: str) -> npt.NDArray[np.bool_]:
    codes, words = codes_of(table, name)
    return np.array([found == word for found in words], dtype=np.bool_)[codes]


def _places(table: pa.Table) -> _Columns:
    """Contig, 1-based start and end (both included), strand."""
    return {
        "chrom": table.column("contig"),
        "start": numbers(table, "start") + 1,
        "end": table.column("end"),
        "strand": table.column("strand"),
    }


def _nothing(table: pa.Table) -> pa.Array[Any]:
    return pa.nulls(len(table), pa.string())


def _gene_names(resources: ResourceSet, gene: npt.NDArray[np.integer[Any]]) -> Any:
    return label_rows(resources.table("gene_features", ["gene_name"]), "gene_name", gene)

"""The one schema of a dataset's files: key and facts of a row, then the feature columns of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from splicecore.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CLASSES", "FACTS", "GENES", "KEY", "PRED_TYPES", "VERSION", "dataset_schema", "feature_names"]

CLASSES: tuple[str, ...] = ("neither", "acceptor", "donor")
"""Name of each label 0, 1, 2."""

PRED_TYPES: tuple[str, ...] = ("TP", "FP", "FN", "TN")

KEY: tuple[str, ...] = ("build", "contig", "strand", "position", "gene_id")
"""Columns that tell the rows of a dataset apart."""

VERSION = "dataset/1"
"""Of the schema, in the metadata of every file."""
_TEXT = pa.dictionary(pa.int32(), pa.string())
_COORDINATES = "0-based; position is genomic, rel_position the offset from the gene's 5' end; intervals are half-open"


def _field(name: str, kind: Any, description: str, *, nullable: bool = False) -> pa.Field[Any]:
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


FACTS: pa.Schema = pa.schema(
    [
        _field("build", _TEXT, "genome build"),
        _field("contig", _TEXT, "the reference's name of it"),
        _field("strand", _TEXT, "+ or -, of the gene"),
        _field("position", pa.int64(), "genomic"),
        _field("rel_position", pa.int64(), "the same as bases from the gene's 5' end"),
        _field("gene_id", _TEXT, "as in the annotation"),
        _field("gene_name", _TEXT, "as in the annotation; the id where it has none"),
        _field("gene_biotype", _TEXT, "as in the annotation; null where it has none", nullable=True),
        _field("label", pa.int8(), "0 neither, 1 acceptor, 2 donor: what is annotated at position"),
        _field("pred_type", _TEXT, "TP, FP, FN or TN, of the primary base model"),
        _field("site_type", _TEXT, "acceptor or donor: of the site (TP, FN) or call (FP); TN: null", nullable=True),
        _field("n_transcripts", pa.int32(), "transcripts of the gene that have the site; FP, TN: 0"),
        _field("inclusion_prob", pa.float64(), "probability with which all sampling steps kept the row; TP, FP, FN: 1"),
    ]
)
"""Key and facts of a row; none of them is a feature."""

GENES: pa.Schema = pa.schema(
    [
        _field("global_index", pa.int64(), "number of the gene in the dataset; null if it is not in it", nullable=True),
        _field("gene_id", pa.string(), "as in the annotation; null for a name without a gene", nullable=True),
        _field("gene_name", pa.string(), "as in the annotation; the id where it has none", nullable=True),
        _field("contig", pa.string(), "the reference's name of it", nullable=True),
        _field("strand", pa.string(), "+ or -", nullable=True),
        _field("start", pa.int64(), "genomic, 0-based", nullable=True),
        _field("end", pa.int64(), "genomic, half-open", nullable=True),
        _field("batch", pa.string(), "name of the batch that has its rows", nullable=True),
        _field("rows", pa.int64(), "of the gene in the dataset"),
        _field("status", pa.string(), "processed, or why the dataset has no rows of it"),
        _field("reason", pa.string(), "of a status other than processed", nullable=True),
        _field("requested", pa.string(), "name that was asked for; null if not by name", nullable=True),
    ],
    metadata={"splicecore.schema": "dataset_genes/1"},
)
"""``gene_manifest.parquet``: every gene that was chosen and every name that was asked for."""


def dataset_schema(features: pa.Schema, metadata: Mapping[str, str]) -> pa.Schema:
    """Make the schema of a dataset.

    Parameters
    ----------
    features
        Columns of the features, in order.
    metadata
        What to add to the conventions: ``contract`` (the contract's schema hash) and ``build_digest``; keys are
        prefixed with ``splicecore.``.

    Raises
    ------
    ContractError
        If a feature has the name of a fact.
    """
    kept: dict[bytes | str, bytes | str] = {
        "splicecore.schema": VERSION,
        "splicecore.key": ", ".join(KEY),
        "splicecore.coordinates": _COORDINATES,
        **{f"splicecore.{name}": value for name, value in metadata.items()},
    }
    taken = [name for name in features.names if name in FACTS.names]
    if taken:
        raise ContractError(
            f"features {', '.join(taken)} have the names of other columns of a dataset", hint="leave these features out"
        )
    return pa.schema([*FACTS, *features], metadata=kept)


def feature_names(schema: pa.Schema) -> list[str]:
    """Names of the feature columns of a dataset's schema, in order."""
    return [name for name in schema.names if name not in FACTS.names]

"""The column tables of the reference, made from the schemas in the code.

python docs/tools/tables.py      # writes them into the pages of docs/reference anew

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``. Where the code has no description of a column it is
here; a column that neither describes is an error, and so is a description that no column has.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["PAGES", "TABLES", "with_tables", "written"]

PAGES = tuple(Path(__file__).parents[1] / "reference" / name for name in ("file_formats.md", "licences.md"))

_KEY = {
    "build": "genome build, such as GRCh38",
    "contig": "the reference's name of it",
    "strand": "+ or -, of the gene",
    "position": "genomic, 0-based",
    "rel_position": "bases from the gene's 5' end, 0-based",
    "gene_id": "as in the annotation",
    "gene_name": "as in the annotation; the id where it has none",
}
_SCORES = {
    "neither_score": "probability, of the primary base model as it is",
    "acceptor_score": "probability, likewise",
    "donor_score": "probability, likewise; models with more outputs have more columns",
}
_SITE_NAMES = {"ag": "acceptor gain", "al": "acceptor loss", "dg": "donor gain", "dl": "donor loss"}


def _type(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return "text (dictionary)"
    if pa.types.is_string(kind):
        return "text"
    if pa.types.is_list(kind):
        return f"list of {_type(kind.value_type)}"
    return {"float": "float32", "double": "float64"}.get(str(kind), str(kind))


def _table(fields: Iterable[pa.Field[Any]], described: Mapping[str, str] | None = None) -> str:
    said = dict(described or {})
    lines = ["| column | type | content |", "| --- | --- | --- |"]
    for field in fields:
        metadata = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        text = metadata.get("description") or said[field.name]
        said.pop(field.name, None)
        lines.append(f"| `{field.name}` | {_type(field.type)} | {text} |")
    if said:
        raise ValueError(f"no column {', '.join(said)}")
    return "\n".join(lines)


def _scores() -> str:
    from splicecore.api import OUTPUTS
    from splicecore.predict.table import ScoreTable

    table = ScoreTable(genes=(), build="", contigs=(), keys=(), parts=Path(), outputs=OUTPUTS)
    return _table(table.schema, {**_KEY, **_SCORES})


def _complete() -> str:
    from splicecore.api import OUTPUTS
    from splicecore.inference.tables import CompleteTable
    from splicecore.predict.table import ModelScores

    other = ModelScores(name="MODEL", keys=(), outputs=OUTPUTS)
    table = CompleteTable(
        genes=(), build="", contigs=(), keys=(), parts=Path(), outputs=OUTPUTS, others=[other], meta_keys=(), facts=()
    )
    own = {
        **{f"MODEL__{name}_score": "of each other base model, by its name" for name in OUTPUTS},
        **{f"{name}_base": "base scores, calibrated" for name in OUTPUTS},
        **{f"{name}_meta": "what to use: the meta-model's where is_adjusted, else *_base" for name in OUTPUTS},
        "uncertainty": "the strategy's score; larger is less sure",
        "is_uncertain": "the strategy selects the position",
        "is_adjusted": "the meta-model scored it",
        "prediction_source": "meta_model or base_model",
        "selection_reason": "such as confidence+entropy; meta_only where only the mode asked; empty where not selected",
    }
    return _table(table.schema, {**_KEY, **_SCORES, **own})


def _meta() -> str:
    from splicecore.api import OUTPUTS
    from splicecore.inference.gene_part import GeneFacts
    from splicecore.inference.tables import MetaTable

    facts = GeneFacts(uncertain=0, recalibrated=0, changed_calls=0, reasons={}, criteria=("CRITERION",))
    table = MetaTable(genes=(), build="", contigs=(), parts=Path(), meta_keys=(), facts=[facts])
    own = {
        **{f"{name}_meta_raw": "the meta-model's probability before calibration" for name in OUTPUTS},
        **{f"{name}_meta": "the same, calibrated" for name in OUTPUTS},
        "uncertainty": "the strategy's score; larger is less sure",
        "CRITERION": "one column for each criterion of the strategy, by its name",
        "selection_reason": "why the position was selected",
    }
    return _table(table.schema, {**_KEY, **own})


def _gene_annotation() -> str:
    from splicecore.report.gene_annotation import _SCHEMA

    said = {
        "contig": "the reference's name of it",
        "strand": "+ or -",
        "gene_id": "as in the annotation",
        "kind": "exon (of all transcripts, merged), canonical_exon, acceptor, donor",
        "start": "genomic, 0-based; of a site the exon's base",
        "end": "exclusive",
        "transcript_id": "of canonical_exon; else null",
    }
    return _table(_SCHEMA, said)


def _part() -> str:
    from splicecore.api import OUTPUTS

    said = dict.fromkeys(OUTPUTS, "probability; one row for each base of the gene from its 5' end")
    return _table([pa.field(name, pa.float32()) for name in OUTPUTS], said)


def _pass_manifest() -> str:
    from splicecore.predict.pass_tables import _MANIFEST

    return _table(_MANIFEST)


def _assessed(name: str) -> str:
    from splicecore.assess import enhanced, schemas

    known = {"positions": enhanced.enhanced_schema(), "errors": schemas.ERRORS}
    return _table({**known, "sequences": schemas.SEQUENCES, "performance": schemas.PERFORMANCE}[name])


def _dataset(name: str) -> str:
    from splicecore.dataset.schema import FACTS, GENES

    return _table({"facts": FACTS, "genes": GENES}[name])


def _resource(kind: str) -> str:
    from splicecore.resources.schemas import SCHEMAS

    schema = SCHEMAS[kind]
    text = _table(schema.arrow(), {column.name: column.meaning for column in schema.columns})
    order = f"; sorted by {', '.join(schema.sorting)}" if schema.sorting else ""
    return f"One row is {schema.summary}{order}.\n\n{text}"


def _variants() -> str:
    from splicecore.variants.tables import SCORES

    said = {
        "record": "place of the record in the input, from 0",
        "allele": "place of the ALT in the record, from 0; -1 where ALT is `.`",
        "build": "genome build",
        "contig": "as in the input",
        "position": "of the first base of REF, 0-based: POS - 1",
        "ref": "as in the input",
        "alt": "as in the input",
        "base_model": "name of the base model",
        **dict.fromkeys(("gene_id", "gene_name", "transcript_id", "strand"), "null where there is no gene"),
        "transcript_start": "genomic, 0-based",
        "transcript_end": "exclusive",
        **{f"ds_{name}": f"delta score of {text}, 0 to 1; null without scores" for name, text in _SITE_NAMES.items()},
        **{f"dp_{name}": f"place of the {text}, in bases from POS, genomic" for name, text in _SITE_NAMES.items()},
        **{
            f"{allele}_{name}": f"probability at the {text}, of {allele.upper()}, never masked"
            for name, text in _SITE_NAMES.items()
            for allele in ("ref", "alt")
        },
        "unscored": "why there are no scores, or null",
        "flags": "what to know about the scores, separated by commas, or null",
    }
    return _table(SCORES, said)


def _gene_figures() -> str:
    from splicecore.evaluate.evaluated_gene import EvaluatedGene, GeneKey
    from splicecore.evaluate.gene_figures import gene_figures
    from splicecore.evaluate.pooled import CLASSES, PooledScores

    pooled = PooledScores()
    gene = EvaluatedGene(GeneKey("chr1", "+", "G1"), 0, 2, "G1", "protein_coding")
    pooled.add(gene, np.eye(2, dtype=bool), np.full((2, 3), 1 / 3, dtype=np.float32))
    said = {name: _KEY[name] for name in ("contig", "strand", "gene_id", "gene_name")}
    said |= {"gene_type": "as in the annotation", "start": "genomic, 0-based", "end": "exclusive"}
    said["positions"] = "that count"
    for name in CLASSES:
        said |= {
            f"{name}_sites": f"annotated {name}s",
            f"{name}_true_positives": "of them called at the first threshold",
            f"{name}_false_positives": "other positions called",
            f"{name}_false_negatives": "not called",
            f"{name}_average_precision": "NaN without sites",
        }
    fields = [pa.field("model", pa.string()), *gene_figures(pooled.pool, (0.5, 0.5)).schema]
    return _table(fields, {"model": "name of the model", **said})


def _weights() -> str:
    names = ("spliceai", "openspliceai", "consensus")
    specs = [importlib.import_module(f"splicecore_{name}.plugin").SPEC for name in names]
    lines = ["| base model | licence | commercial use | cite |", "| --- | --- | --- | --- |"]
    for spec in specs:
        use = {True: "yes", False: "no", None: "unclear"}[spec.commercial_use]
        lines.append(f"| `{spec.name}` | [{spec.licence}]({spec.licence_url}) | {use} | {spec.citation} |")
    return "\n".join(lines)


def _resource_table(kind: str) -> Callable[[], str]:
    return lambda: _resource(kind)


def _tables() -> dict[str, Callable[[], str]]:
    from splicecore.resources.schemas import SCHEMAS

    return {
        "scores": _scores,
        "complete": _complete,
        "meta": _meta,
        "gene_annotation": _gene_annotation,
        "part": _part,
        "positions": lambda: _assessed("positions"),
        "errors": lambda: _assessed("errors"),
        "sequences": lambda: _assessed("sequences"),
        "performance": lambda: _assessed("performance"),
        "pass_manifest": _pass_manifest,
        "dataset_facts": lambda: _dataset("facts"),
        "dataset_genes": lambda: _dataset("genes"),
        "variants": _variants,
        "gene_figures": _gene_figures,
        "weights": _weights,
        **{f"resource_{kind}": _resource_table(kind) for kind in SCHEMAS},
    }


TABLES = _tables()


def written(page: str) -> dict[str, str]:
    """Find the tables that a page has: name -> text."""
    return dict(re.findall(r"^<!-- table (\w+) -->\n(.*?)\n?^<!-- end -->", page, flags=re.MULTILINE | re.DOTALL))


def with_tables(page: str) -> str:
    """Put the tables as they should be into a page."""

    def replace(match: re.Match[str]) -> str:
        return f"<!-- table {match[1]} -->\n{TABLES[match[1]]()}\n<!-- end -->"

    return re.sub(r"^<!-- table (\w+) -->\n.*?^<!-- end -->", replace, page, flags=re.MULTILINE | re.DOTALL)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")

"""Small datasets of made-up rows, written as the builder writes them."""

from __future__ import annotations

import attrs
import numpy as np
import pyarrow as pa
import pytest
from splicecore.artifacts.store import digest
from splicecore.assess.positions import constant_text
from splicecore.dataset.dataset import Dataset
from splicecore.dataset.manifest import BatchRecord, DatasetManifest
from splicecore.dataset.rewriting import Rewriting
from splicecore.dataset.schema import CLASSES, FACTS, GENES, PRED_TYPES, dataset_schema
from splicecore.features.contract import FeatureColumn, FeatureContract, FeatureModel, FeatureSetUse

FEATURES = pa.schema([pa.field("donor_score", pa.float32()), pa.field("phylop", pa.float32(), nullable=True)])
CONTRACT = FeatureContract(
    columns=(
        FeatureColumn(name="donor_score", dtype="float", feature_set="probability", model="m"),
        FeatureColumn(name="phylop", dtype="float", nullable=True, feature_set="tracks"),
    ),
    sets=(FeatureSetUse(name="probability"), FeatureSetUse(name="tracks")),
    models=(FeatureModel(name="m", fingerprint="f"),),
    flank="real",
    build="custom",
)
SCHEMA = dataset_schema(FEATURES, {"contract": CONTRACT.schema_hash, "build_digest": "d"})


def coded(values, known):
    """Text with all of the known values in its dictionary, as the assessment of a gene gives it."""
    codes = pa.array([None if value is None else known.index(value) for value in values], pa.int32())
    return pa.DictionaryArray.from_arrays(codes, pa.array(known))


@attrs.frozen
class MadeGene:
    """A gene of a made-up dataset and its rows: (position, label, pred_type, inclusion_prob)."""

    gene_id: str
    contig: str = "chr1"
    strand: str = "+"
    start: int = 0
    end: int = 100
    rows: tuple[tuple[int, int, str, float], ...] = ()

    def batch(self):
        """Rows by rising rel_position; features depend on the key alone."""
        n = len(self.rows)
        position, label, pred_type, probability = zip(*self.rows, strict=True) if n else ((), (), (), ())
        position = np.array(position, dtype=np.int64)
        rel = position - self.start if self.strand == "+" else self.end - 1 - position
        order = np.argsort(rel, kind="stable")
        site = [
            None if kind == "TN" else "donor" if value == 2 else "acceptor"
            for value, kind in zip(label, pred_type, strict=True)
        ]
        one = {"build": "custom", "contig": self.contig, "strand": self.strand, "gene_id": self.gene_id}
        one |= {"gene_name": self.gene_id.lower(), "gene_biotype": None}
        columns = {name: constant_text(value, n) for name, value in one.items()}
        columns |= {"pred_type": coded(pred_type, PRED_TYPES), "site_type": coded(site, CLASSES[1:])}
        columns |= {
            "position": pa.array(position),
            "rel_position": pa.array(rel),
            "label": pa.array(label, pa.int8()),
            "n_transcripts": pa.array([int(value > 0) for value in label], pa.int32()),
            "inclusion_prob": pa.array(probability, pa.float64()),
            "donor_score": pa.array((position % 97).astype(np.float32) / 97),
            "phylop": pa.array([None if value % 3 else float(value) for value in position.tolist()], pa.float32()),
        }
        arrays = [columns[name] for name in SCHEMA.names]
        batch = pa.RecordBatch.from_arrays(
            [array.cast(f.type) for array, f in zip(arrays, SCHEMA, strict=True)], schema=SCHEMA
        )
        return batch.take(pa.array(order))


def gene_table(batches):
    rows = []
    for name, genes in batches:
        for gene in genes:
            rows.append(
                {
                    "global_index": len(rows),
                    "gene_id": gene.gene_id,
                    "gene_name": gene.gene_id.lower(),
                    "contig": gene.contig,
                    "strand": gene.strand,
                    "start": gene.start,
                    "end": gene.end,
                    "batch": name,
                    "rows": len(gene.rows),
                    "status": "processed",
                }
            )
    return pa.Table.from_pylist([{name: row.get(name) for name in GENES.names} for row in rows], schema=GENES)


def write(folder, genes, *, batch_size=2, group_rows=8, identity=None, schema=SCHEMA):
    """Write a dataset of genes, ``batch_size`` to a batch."""
    folder.mkdir(parents=True)
    batches = [
        (f"batch_{i:05d}", genes[start : start + batch_size])
        for i, start in enumerate(range(0, len(genes), batch_size))
    ]
    places = [[g.gene_id, g.gene_id.lower(), g.contig, g.start, g.end, g.strand] for g in genes]
    common = {"batch_rows": group_rows, "inputs": {"build": "custom", "build_digest": "d"}, **(identity or {})}
    rewriting = Rewriting(folder, schema, group_rows)
    for name, chosen in batches:
        key = digest([common, [gene.gene_id for gene in chosen]])
        record = BatchRecord(name=name, key=key, genes=len(chosen), rows=0, sha256="")
        rewriting.write(
            record, (gene.batch() for gene in chosen), gene_rows=[len(gene.rows) for gene in chosen], ambiguous=0
        )
    genes_of = {"count": len(genes), "digest": digest(places)}
    manifest = DatasetManifest(
        complete=False,
        identity={**common, "genes": {**genes_of, "chosen": genes_of}, "batch_size": batch_size},
        config={},
        contract=CONTRACT.to_json(),
        genes=len(genes),
    )
    rewriting.finish(manifest, gene_table(batches))
    return Dataset.open(folder)


def rows_of(dataset):
    """Rows of a dataset as dictionaries, in order."""
    return [row for batch in dataset.batches() for row in batch.to_pylist()]


def contents(folder):
    """Name -> bytes of every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@attrs.frozen
class Kit:
    """What the tests make and look at datasets with."""

    gene: type = MadeGene
    facts: pa.Schema = FACTS
    write: object = staticmethod(write)
    rows: object = staticmethod(rows_of)
    contents: object = staticmethod(contents)
    gene_table: object = staticmethod(gene_table)


@pytest.fixture(scope="session")
def kit():
    return Kit()

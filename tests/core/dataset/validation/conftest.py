"""A clean dataset, built once by the builder from a simulated genome, and ways to damage copies of it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from splicecore.artifacts.store import file_sha256, read_json, write_json
from splicecore.dataset.builder import build_dataset
from splicecore.dataset.config import DatasetConfig
from splicecore.dataset.schema import CLASSES, PRED_TYPES
from splicecore.dataset.validation.validate import validate_dataset
from splicecore.plugins.records import PluginSettings
from splicecore.session import Session
from splicecore.testing.plugins import fake_distribution
from splicecore.testing.simulate import SimulationConfig, simulate_genome

MODELS = """
import attrs
from splicecore.api import hookimpl
from splicecore.testing.fakes import MOTIF_SPEC, MotifModel

SPECS = [attrs.evolve(MOTIF_SPEC, name=name, factory=__name__ + ":open_model") for name in ("strict", "loose")]

@hookimpl
def splicecore_base_models():
    return SPECS

def open_model(spec, request):
    return MotifModel(spec, attrs.evolve(request, config={"site": 7.0 if spec.name == "strict" else 4.0}))
"""


@attrs.frozen
class Clean:
    """A dataset that is as it should be, and what it was built of."""

    folder: Path
    session: Session
    fasta: Path
    annotation: Path

    @property
    def scores(self) -> list[Path]:
        """Folders of the base-model passes."""
        return sorted((self.folder / "base_model_pass").iterdir())

    def validate(self, folder: Path | None = None, *, genome: bool = True, **options: Any) -> Any:
        """Validate the dataset, or a copy of it."""
        inputs = {"fasta": self.fasta, "annotation": self.annotation} if genome else {}
        return validate_dataset(folder or self.folder, session=self.session, sample=100, **inputs, **options)


@pytest.fixture(scope="session")
def clean(tmp_path_factory) -> Clean:
    """Twenty-four genes on both strands of two contigs, in three batches, features of two models."""
    folder = tmp_path_factory.mktemp("clean")
    fake_distribution(folder / "site", "validation-models", "1.0", MODELS)
    sys.path.insert(0, str(folder / "site"))
    config = SimulationConfig(
        genes_per_contig=12,
        intron_length=200,
        intron_range=(100, 500),
        intergenic_length=300,
        exons_per_gene=(5, 9),
        n_run_length=0,
    )
    paths = simulate_genome(config, seed=7).write(folder / "genome")
    session = Session(
        plugins=PluginSettings(load=("validation-models",)), cache_dir=folder / "cache", data_root=folder / "data"
    )
    build_dataset(
        session,
        DatasetConfig(
            fasta=str(paths.fasta),
            annotation=str(paths.annotation),
            base_model=("strict", "loose"),
            subset_policy="all",
            run_workflow=True,
            features="seed",
            feature_settings={"sequence": {"composition": ["gc_content", "sequence_complexity"]}},
            batch_size=8,
            negative_ratio=0.1,
            output_dir=str(folder / "dataset"),
        ),
    )
    yield Clean(folder / "dataset", session, paths.fasta, paths.annotation)
    sys.path.remove(str(folder / "site"))


@attrs.frozen
class Damaged:
    """A copy of the clean dataset, to be changed; the manifest is made to fit, as if it had been built so."""

    clean: Clean
    folder: Path

    def path(self, batch: int = 0) -> Path:
        return self.folder / "master" / f"batch_{batch:05d}.parquet"

    def table(self, batch: int = 0) -> pa.Table:
        return pq.read_table(self.path(batch))

    def write(self, table: pa.Table, batch: int = 0) -> None:
        pq.write_table(table, self.path(batch), compression="zstd", write_page_checksum=True)
        self.settle()

    def replace(self, name: str, values: Any, batch: int = 0) -> None:
        """Put other values into a column, of its type unless they have another one."""
        table = self.table(batch)
        field = table.schema.field(name)
        column = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, type=_plain(field.type))
        if column.type == _plain(field.type) != field.type:
            column = column.dictionary_encode().cast(field.type)
        place = table.schema.get_field_index(name)
        field = field.with_type(column.type).with_nullable(field.nullable or column.null_count > 0)
        self.write(table.set_column(place, field, column), batch)

    def replace_everywhere(self, name: str, function: Any) -> None:
        """Put ``function(table)`` into a column of every file."""
        for batch in range(3):
            self.replace(name, function(self.table(batch)), batch)

    def settle(self) -> None:
        """Let hashes and counts of the manifest be those of the files."""
        path = self.folder / "dataset.json"
        manifest = read_json(path)
        label, kind = [], []
        for one in manifest["batches"]:
            file = self.folder / "master" / f"{one['name']}.parquet"
            table = pq.read_table(file, columns=["label", "pred_type"])
            one |= {"sha256": file_sha256(file), "rows": table.num_rows}
            label += table.column("label").to_pylist()
            kind += table.column("pred_type").to_pylist()
        manifest["rows"] = len(label)
        manifest["classes"] = {name: label.count(code) for code, name in enumerate(CLASSES)}
        manifest["pred_types"] = {name: kind.count(name) for name in PRED_TYPES}
        write_json(path, manifest)

    def validate(self, **options: Any) -> Any:
        return self.clean.validate(self.folder, **options)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


@pytest.fixture
def damaged(clean, tmp_path) -> Damaged:
    """A copy of the clean dataset."""
    shutil.copytree(clean.folder, tmp_path / "dataset", ignore=shutil.ignore_patterns("base_model_pass", "batches"))
    return Damaged(clean, tmp_path / "dataset")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(5))

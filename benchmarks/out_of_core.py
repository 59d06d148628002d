"""Train on a dataset at least four times the memory that the process may have, and compare with training in memory.

    python benchmarks/out_of_core.py                       # 10 to 20 minutes, 10 GB of disk
    python benchmarks/out_of_core.py --models sgd_logistic

A dataset of made-up features (float32) is written as Parquet in the layout of `splicecore dataset`, in a temporary
folder. Each model is then trained in processes of its own, on the same stream of record batches: one with
little memory, where xgboost keeps its bins in files, and one with all there is, where it keeps them in memory.
Both score the dataset's last batch, which neither was trained on.

The limit is ``RLIMIT_DATA``: the kernel refuses the process more private writable memory than that, which is where
arrays live. Program code and pages of files, which the kernel drops when it needs the room, do not count; the peak of
everything resident is printed too. Ends with status 1 if the dataset is not four times the limit, a process runs out of
memory, or an average precision differs by more than 0.01.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS: dict[str, dict[str, Any]] = {
    "xgboost": {"n_estimators": 6, "learning_rate": 0.5, "max_depth": 4, "colsample_bytree": 0.3, "max_bin": 64,
                "page_rows": 16_384, "threads": 1},
    "sgd_logistic": {"epochs": 2, "page_rows": 16_384},
}  # fmt: skip
MEMORY = {"xgboost": 800, "sgd_logistic": 640}
"""MiB that a process may have."""

ROWS = 131_072
"""Rows of a file of the dataset."""


def write_dataset(folder: Path, files: int, features: int) -> None:
    """Write a dataset of ``files`` batches of made-up rows: one in twenty an acceptor, one in twenty a donor."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from splicecore.dataset.manifest import BatchRecord, DatasetManifest, write_manifest
    from splicecore.dataset.schema import dataset_schema
    from splicecore.features.contract import FeatureColumn, FeatureContract

    columns = tuple(FeatureColumn(name=f"feature_{number}", dtype="float") for number in range(features))
    contract = FeatureContract(columns=columns, sets=(), models=(), flank="real", build="made-up")
    schema = dataset_schema(pa.schema([pa.field(column.name, pa.float32()) for column in columns]), {})
    (folder / "master").mkdir(parents=True)
    records = []
    for number in range(files):
        name = f"batch_{number:05d}"
        generator = np.random.Generator(np.random.PCG64([17, number]))
        values = generator.standard_normal((ROWS, features), dtype=np.float32)
        chance = values[:, :6].sum(axis=1) + 2 * values[:, 6] * values[:, 7] + generator.standard_normal(ROWS)
        label = np.where(chance > 5.4, 1, np.where(chance < -5.4, 2, 0))
        facts: dict[str, Any] = {
            "build": "made-up", "contig": "1", "strand": "+", "gene_id": name, "gene_name": name,
            "gene_biotype": "none", "pred_type": "TN", "site_type": None, "n_transcripts": 0, "inclusion_prob": 1.0,
        }  # fmt: skip
        arrays = [
            pa.array(values[:, schema.get_field_index(field.name) - len(schema) + features])
            if field.name.startswith("feature_")
            else pa.array(label if field.name == "label" else np.arange(ROWS), field.type)
            if field.name in ("label", "position", "rel_position")
            else pa.array([facts[field.name]] * ROWS, field.type)
            for field in schema
        ]
        path = folder / "master" / f"{name}.parquet"
        pq.write_table(
            pa.Table.from_arrays(arrays, schema=schema), path,
            compression="zstd", write_page_checksum=True, row_group_size=16_384, use_dictionary=False,
        )  # fmt: skip
        records.append(BatchRecord(name=name, key="", genes=1, rows=ROWS, sha256=""))
    manifest = DatasetManifest(
        complete=True, identity={}, config={}, contract=contract.to_json(), genes=files, batches=tuple(records),
        rows=files * ROWS,
    )  # fmt: skip
    write_manifest(folder, manifest)


class Stream:
    """Rows of some files of a dataset, read anew at every pass."""

    def __init__(self, folder: Path, files: slice) -> None:
        from splicecore.dataset.dataset import Dataset

        self.dataset = Dataset.open(folder)
        self.files = self.dataset.files[files]
        self.names = list(self.dataset.contract.names)

    def __iter__(self) -> Iterator[tuple[Any, Any, Any]]:
        """Yield features, classes and weights."""
        from splicecore.features.matrix import to_matrix

        columns = ["label", "inclusion_prob", *self.names]
        for batch in self.dataset.batches(columns, rows=16_384, files=self.files):
            yield to_matrix(batch.select(self.names)), batch["label"].to_numpy(), 1 / batch["inclusion_prob"].to_numpy()


def train(folder: Path, name: str, files: int, memory: int | None) -> dict[str, Any]:
    """Train a model on the first files and score the last one; with ``memory`` (MiB) as the limit of the process."""
    import gc

    if memory is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory * 2**20, memory * 2**20))
    import numpy as np
    from splicecore.api import load_object
    from splicecore_xgb_meta.plugin import SPECS

    spec = next(spec for spec in SPECS if spec.name == name)
    settings = dict(MODELS[name])
    if name == "xgboost":
        settings["memory_gib"] = 0.0 if memory is not None else 64.0
    model = load_object(spec.factory)(spec.config_cls(**settings))
    start = time.perf_counter()
    model.fit(Stream(folder, slice(0, files)), None, 1)
    seconds = time.perf_counter() - start
    gc.collect()
    parts = [(model.predict_proba(rows), classes) for rows, classes, _ in Stream(folder, slice(-1, None))]
    probability, classes = (np.concatenate(part) for part in zip(*parts, strict=True))
    with tempfile.TemporaryDirectory() as saved:
        model.save(saved)
        content = b"".join(path.read_bytes() for path in sorted(Path(saved).iterdir()) if path.name != "model.json")
    return {
        "seconds": round(seconds, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "acceptor": average_precision(probability[:, 1], classes == 1),
        "donor": average_precision(probability[:, 2], classes == 2),
        "log_loss": float(-np.log(np.maximum(probability[np.arange(len(classes)), classes], 1e-15)).mean()),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def average_precision(score: Any, truth: Any) -> float:
    """Mean precision at the ranks of the true ones."""
    import numpy as np

    hits = truth[np.argsort(-score, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def in_process(folder: Path, name: str, files: int, memory: int | None) -> dict[str, Any] | None:
    """Train in a new process; None if it fails, which is printed."""
    few = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    quiet = {"ARROW_DEFAULT_MEMORY_POOL": "system", "TMPDIR": str(folder.parent)}
    limit = [] if memory is None else ["--memory", str(memory)]
    command = [sys.executable, __file__, "--train", name, str(folder), str(files), *limit]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **few, **quiet}, check=False)
    if done.returncode:
        print(f"{name} failed: {(done.stderr.strip().splitlines() or ['killed'])[-1]}")
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--memory", type=int, help="MiB that a process may have; a figure of its own for each model")
    parser.add_argument("--features", type=int, default=200)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--folder", help="where the dataset is written and removed again")
    parser.add_argument("--train", nargs=3, metavar=("MODEL", "DATASET", "FILES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        name, folder, files = options.train
        print(json.dumps(train(Path(folder), name, int(files), options.memory)))
        return
    limits = {name: options.memory or MEMORY[name] for name in options.models.split(",")}
    wanted = {name: math.ceil(4.4 * limit * 2**20 / (4 * options.features * ROWS)) for name, limit in limits.items()}
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        write_dataset(Path(scratch, "dataset"), max(wanted.values()) + 1, options.features)
        good = [compare(Path(scratch, "dataset"), name, files, limits[name]) for name, files in wanted.items()]
    sys.exit(0 if all(good) else 1)


def compare(folder: Path, name: str, files: int, memory: int) -> bool:
    """Train with little memory and with all there is, and print what comes of it; whether all is well."""
    paths = sorted((folder / "master").iterdir())[:files]
    size = sum(path.stat().st_size for path in paths) / 2**20  # incompressible: as large in memory, or larger
    print(f"{name}: {files * ROWS} rows, {size:.0f} MiB of Parquet, {size / memory:.1f} times {memory} MiB", flush=True)
    results = {}
    for limit in (memory, None):
        found = results[limit] = in_process(folder, name, files, limit)
        if found is None:
            return False
        print(
            f"  {'no limit' if limit is None else f'{limit} MiB'}: AP {found['acceptor']:.4f} (acceptor) "
            f"{found['donor']:.4f} (donor), log loss {found['log_loss']:.5f}, {found['seconds']} s, "
            f"{found['peak_mib']} MiB resident at most",
            flush=True,
        )
    few, ample = results[memory] or {}, results[None] or {}
    print(f"  the models have {'the same' if few['sha256'] == ample['sha256'] else 'other'} bytes", flush=True)
    return size >= 4 * memory and all(abs(few[kind] - ample[kind]) < 0.01 for kind in ("acceptor", "donor"))


if __name__ == "__main__":
    main()

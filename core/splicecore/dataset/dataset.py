"""A built dataset, opened for reading; rows are streamed, so memory follows the rows asked for at a time."""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import TYPE_CHECKING

from splicecore.artifacts.store import file_sha256
from splicecore.dataset.manifest import read_manifest
from splicecore.errors import ChecksumError, ConfigError, ResourceNotFoundError
from splicecore.genome.suggestions import near_names

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from splicecore.dataset.manifest import DatasetManifest
    from splicecore.features.contract import FeatureContract

__all__ = ["Dataset"]

_ROWS = 65_536


class Dataset:
    """A dataset in a folder; read-only. Make it by :meth:`open`.

    Attributes
    ----------
    path
        The folder.
    manifest
        Content of ``dataset.json``.

    Examples
    --------
    >>> dataset = Dataset.open("train_1000")  # doctest: +SKIP
    >>> for batch in dataset.batches(columns=["label", *dataset.contract.names]):  # doctest: +SKIP
    ...     matrix = to_matrix(batch.select(list(dataset.contract.names)))
    """

    path: Path
    manifest: DatasetManifest

    def __init__(self, path: Path, manifest: DatasetManifest) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, incomplete: bool = False) -> Dataset:
        """Open a dataset.

        Parameters
        ----------
        path
            Its folder.
        incomplete
            Whether it may be unfinished.

        Raises
        ------
        ResourceNotFoundError
            If there is none, or it is not finished.
        ChecksumError
            If its manifest is damaged.
        """
        folder = Path(path)
        manifest = read_manifest(folder)
        if not (manifest.complete or incomplete):
            raise ResourceNotFoundError(
                f"the dataset in {folder} is not finished", hint="run the command that builds it again to go on"
            )
        return cls(folder, manifest)

    @functools.cached_property
    def contract(self) -> FeatureContract:
        """Which features the rows have, and what they were computed from."""
        from splicecore.features.contract import FeatureContract

        return FeatureContract.from_json(self.manifest.contract, where=str(self.path / "dataset.json"))

    @functools.cached_property
    def schema(self) -> pa.Schema:
        """Arrow schema of the files."""
        import pyarrow.parquet as pq

        first = self.files[0]
        with self._guard(first):
            schema: pa.Schema = pq.read_schema(first)
            return schema

    @property
    def files(self) -> tuple[Path, ...]:
        """Files of the master, in order."""
        return tuple(self.path / "master" / f"{batch.name}.parquet" for batch in self.manifest.batches)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.manifest.rows

    def batches(
        self, columns: Sequence[str] | None = None, rows: int = _ROWS, files: Sequence[Path] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, some at a time.

        Parameters
        ----------
        columns
            Names of the columns to read, in this order; None for all.
        rows
            Most rows of a batch.
        files
            Some of :attr:`files`; None for all.

        Raises
        ------
        ConfigError
            If there is no such column.
        ChecksumError
            If a file is missing or damaged.
        """
        import pyarrow.parquet as pq

        names = self.schema.names if columns is None else list(columns)
        for name in names:
            if name not in self.schema.names:
                near = near_names(name, self.schema.names)
                hint = f"did you mean {near[0]}?" if near else None
                raise ConfigError(f"the dataset in {self.path} has no column {name!r}", hint=hint)
        for path in self.files if files is None else files:
            with self._guard(path), pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
                for batch in file.iter_batches(rows, columns=names, use_threads=False):
                    yield batch.select(names)

    def genes(self) -> pa.Table:
        """Return the table of genes, of the schema :data:`~splicecore.dataset.schema.GENES`."""
        import pyarrow.parquet as pq

        path = self.path / "gene_manifest.parquet"
        with self._guard(path):
            return pq.read_table(path, page_checksum_verification=True)

    def verify(self) -> list[str]:
        """Compare every file of the master with the manifest, byte for byte; returns a sentence for each problem."""
        problems = []
        for batch, path in zip(self.manifest.batches, self.files, strict=True):
            if not path.is_file():
                problems.append(f"{path} is missing")
            elif file_sha256(path) != batch.sha256:
                problems.append(f"{path} has other content than dataset.json says")
        return problems

    def __repr__(self) -> str:
        return f"Dataset({str(self.path)!r}, rows={self.manifest.rows}, genes={self.manifest.genes})"

    @contextlib.contextmanager
    def _guard(self, path: Path) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except (OSError, pa.ArrowInvalid) as error:
            if isinstance(error, ChecksumError | ResourceNotFoundError):
                raise
            what = "is missing" if not path.exists() else f"is damaged: {error}"
            raise ChecksumError(f"{path} {what}", hint="run the command that builds the dataset again") from error

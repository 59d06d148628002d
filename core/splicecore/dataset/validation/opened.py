"""A dataset as its validation reads it: against the contract, file by file, whatever the files themselves say."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.dataset.dataset import Dataset
from splicecore.dataset.schema import FACTS
from splicecore.dataset.validation.row_batch import GeneIndex, RowBatch
from splicecore.errors import ChecksumError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["OpenedDataset"]

_ROWS, _CELLS = 1 << 14, 1 << 22
_DTYPES = {"float": pa.float32(), "double": pa.float64(), "halffloat": pa.float16(), "bool": pa.bool_()}
_alias: Any = pa.type_for_alias


@attrs.frozen(kw_only=True, eq=False, slots=False)
class OpenedDataset:
    """A dataset and its genes.

    Attributes
    ----------
    dataset
        As opened; its manifests could be read.
    index
        The genes.
    """

    dataset: Dataset
    index: GeneIndex

    @classmethod
    def open(cls, folder: Path) -> OpenedDataset:
        """Open a finished dataset.

        Raises
        ------
        ResourceNotFoundError
            If there is none, or it is not finished.
        ChecksumError
            If a manifest is damaged.
        """
        dataset = Dataset.open(folder)
        try:
            dataset.contract  # noqa: B018 - a damaged contract is told here, not in the middle of the rows
            index = GeneIndex(dataset.genes())
        except (KeyError, ValueError) as error:
            raise ChecksumError(
                f"the manifests in {folder} are damaged: {error}", hint="build the dataset again with --overwrite"
            ) from error
        return cls(dataset=dataset, index=index)

    @functools.cached_property
    def schema(self) -> pa.Schema:
        """What the contract promises of every file: the facts, then the features."""
        columns = self.dataset.contract.columns
        return pa.schema([*FACTS, *(pa.field(c.name, _dtype(c.dtype), nullable=c.nullable) for c in columns)])

    def setting(self, name: str, default: Any) -> Any:
        """Return a setting of the assessment that the labels are from."""
        found = self.dataset.manifest.identity.get("assess", {}).get(name)
        return default if found is None else found

    def batches(self, path: Path) -> Iterator[RowBatch]:
        """Yield the rows of a file in the types of :attr:`schema`, as many at a time as take bounded memory.

        Raises
        ------
        ChecksumError
            If the file cannot be read.
        InputError
            If its columns are other ones, or no such numbers.
        """
        rows = max(256, min(_ROWS, _CELLS // len(self.schema)))
        first = 0
        try:
            with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
                for batch in file.iter_batches(batch_size=rows, use_threads=False):
                    yield RowBatch(batch=self._typed(batch, path), file=path.name, first=first, index=self.index)
                    first += batch.num_rows
        except (OSError, pa.ArrowInvalid) as error:
            raise ChecksumError(f"{path} cannot be read: {error}") from error

    def _typed(self, batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
        if batch.schema.names != self.schema.names:
            raise InputError(f"{path} has other columns than the contract")
        arrays = []
        for field, column in zip(self.schema, batch.columns, strict=True):
            try:
                arrays.append(column if column.type == field.type else column.cast(field.type, safe=False))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise InputError(f"{path}: {field.name} is {column.type}, not {field.type}") from error
        return pa.RecordBatch.from_arrays(arrays, names=self.schema.names)


def _dtype(name: str) -> pa.DataType:
    """Arrow type by the name that contracts have for it."""
    known: Any = _DTYPES[name] if name in _DTYPES else _alias(name)
    dtype: pa.DataType = known
    return dtype

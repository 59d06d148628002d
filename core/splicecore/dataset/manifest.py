"""``dataset.json``: what a dataset is made of, its batches, and whether it is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import read_json, write_json
from splicecore.errors import ChecksumError, OutputError, ResourceNotFoundError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MANIFEST_SCHEMA", "BatchRecord", "DatasetManifest", "read_manifest", "write_manifest"]

MANIFEST_SCHEMA = "splicecore-dataset/1"

_FILE = "dataset.json"


@attrs.frozen(kw_only=True)
class BatchRecord:
    """A finished batch.

    Attributes
    ----------
    name
        ``"batch_00000"``: of its folder in ``batches`` and of its file in ``master``.
    key
        Digest (hex) of everything that decides its bytes.
    genes, rows
        Their number.
    sha256
        Of its file in ``master``, hex.
    """

    name: str
    key: str
    genes: int
    rows: int
    sha256: str


@attrs.frozen(kw_only=True)
class DatasetManifest:
    """Content of ``dataset.json``. There are no times in it, and no paths but in ``config``.

    Attributes
    ----------
    complete
        Whether the dataset is finished.
    identity
        Everything that decides the rows' bytes.
    config
        The options that the dataset was built with.
    contract
        The feature contract as JSON; see :class:`~splicecore.features.contract.FeatureContract`.
    genes
        Number of genes that were asked for and have scores.
    batches
        Finished batches in order.
    rows
        Of all batches.
    classes
        Rows by label: ``neither``, ``acceptor``, ``donor``.
    pred_types
        Rows by TP, FP, FN, TN.
    alarms
        Columns that are constant or missing throughout: ``column``, ``state``, ``rows``, ``value``.
    near_label
        Names of the feature columns that are close to the label.
    ambiguous
        Positions that are annotated as acceptor and as donor; they are labeled donor.
    masked
        Rows that were left out because they are at sites of boundary transcripts.
    extra
        Further entries of the file, such as those of maintenance; kept as they are.
    """

    complete: bool
    identity: dict[str, Any]
    config: dict[str, Any]
    contract: dict[str, Any]
    genes: int = 0
    batches: tuple[BatchRecord, ...] = ()
    rows: int = 0
    classes: dict[str, int] = attrs.field(factory=dict)
    pred_types: dict[str, int] = attrs.field(factory=dict)
    alarms: tuple[dict[str, Any], ...] = ()
    near_label: tuple[str, ...] = ()
    ambiguous: int = 0
    masked: int = 0
    extra: dict[str, Any] = attrs.field(factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON value of the file."""
        values: dict[str, Any] = attrs.asdict(self, filter=lambda attribute, _: attribute.name != "extra")
        listed = {name: list(values[name]) for name in ("batches", "alarms", "near_label")}
        return {**self.extra, **values, **listed, "schema": MANIFEST_SCHEMA}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> DatasetManifest:
        """Read what :meth:`to_json` made; KeyError, TypeError or ValueError if it did not make it."""
        known = {field.name for field in attrs.fields(cls)} - {"extra"}
        fields = {name: value for name, value in values.items() if name in known}
        fields["batches"] = tuple(BatchRecord(**batch) for batch in values["batches"])
        for name in ("alarms", "near_label"):
            fields[name] = tuple(values.get(name, ()))
        extra = {name: value for name, value in values.items() if name not in known and name != "schema"}
        return cls(**fields, extra=extra)


def read_manifest(folder: Path) -> DatasetManifest:
    """Read the manifest of the dataset in a folder.

    Raises
    ------
    ResourceNotFoundError
        If the folder holds no dataset.
    ChecksumError
        If the manifest is damaged or of another version.
    """
    path = folder / _FILE
    if not path.is_file():
        where = "holds no dataset" if folder.is_dir() else "does not exist"
        raise ResourceNotFoundError(f"{folder} {where}", hint="name the folder that `splicecore dataset build` wrote")
    try:
        values = read_json(path)
        if values["schema"] != MANIFEST_SCHEMA:
            raise ChecksumError(
                f"{path} is of schema {values['schema']!r}, not {MANIFEST_SCHEMA!r}",
                hint="use the version of splicecore that wrote it",
            )
        return DatasetManifest.from_json(values)
    except (OutputError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ChecksumError(
            f"{path} is damaged: {getattr(error, 'message', None) or repr(error)}",
            hint="build the dataset again with --overwrite",
        ) from error


def write_manifest(folder: Path, manifest: DatasetManifest) -> None:
    """Write the manifest of a dataset, atomically."""
    write_json(folder / _FILE, manifest.to_json())

"""Ordered feature sets as one table of declared columns: the one way to features, for training and for inference."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import attrs
import cattrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.config import FlankMode, structure
from splicecore.errors import ConfigError, ContractError, PluginError, ResourceNotFoundError, SplicecoreError
from splicecore.features.columns import is_near_label
from splicecore.features.contract import FeatureColumn, FeatureContract, FeatureModel, FeatureSetUse
from splicecore.plugins.protocols import FeatureSet
from splicecore.plugins.specs import FeatureSetSpec, load_object

if TYPE_CHECKING:
    from pathlib import Path

    from splicecore.features.configs import FeatureConfig
    from splicecore.plugins.host import PluginHost
    from splicecore.predict.blocks import Block

__all__ = ["CELLS", "ROWS", "FeaturePipeline"]

ROWS, CELLS = 1 << 16, 1 << 23
"""Most rows and most values of a batch, unless asked otherwise."""

_NONE: Mapping[str, Any] = MappingProxyType({})


@attrs.frozen(kw_only=True, eq=False, slots=False)
class _Part:
    """What one feature set gives for one base model, or for none in particular (``model`` is empty then)."""

    spec: FeatureSetSpec
    features: FeatureSet
    schema: pa.Schema
    model: str
    prefix: str

    @property
    def fields(self) -> list[pa.Field[Any]]:
        """Columns as they appear in the whole table."""
        return [self._field(field) for field in self.schema]

    @functools.cached_property
    def complete(self) -> list[int]:
        """Columns without nulls, by index."""
        return [i for i, field in enumerate(self.schema) if not field.nullable]

    @functools.cached_property
    def floats(self) -> list[int]:
        """Columns of floats, by index."""
        return [i for i, field in enumerate(self.schema) if pa.types.is_floating(field.type)]

    def _field(self, field: pa.Field[Any]) -> pa.Field[Any]:
        near = "true" if is_near_label(field, self.spec.near_label) else "false"
        metadata: dict[bytes | str, bytes | str] = {
            "near_label": near,
            "feature_set": self.spec.name,
            "model": self.model,
        }
        metadata |= {key: value for key, value in (field.metadata or {}).items() if key != b"near_label"}
        return field.with_name(self.prefix + field.name).with_metadata(metadata)


class FeaturePipeline:
    """Computes the columns of several feature sets for chosen positions of a gene.

    The value of a position does not depend on which other positions are asked for, in which order or how many at once.

    Parameters
    ----------
    specs
        Feature sets, in the order of their columns.
    configs
        The structured config of each; None for a set without settings.
    models
        Names of base models. The first is primary: its columns have no prefix. Sets that are computed for each model
        have the columns of the others, as ``<model>__<column>``, after all columns of the primary.

    Attributes
    ----------
    schema
        Columns in order, each with the metadata ``feature_set``, ``model``, ``near_label`` and what the set declares
        (``description``, ``unit``, ``range``).
    halo
        Bases beyond the gene that blocks must carry.
    requires
        Names of the resources that :meth:`compute` must be given.
    reach
        Positions on either side whose scores the features of a position depend on; None where a set does not say.

    Raises
    ------
    ContractError
        If a set's schema is no schema, or two sets have a column of the same name.
    """

    def __init__(self, specs: Sequence[FeatureSetSpec], configs: Sequence[Any], models: Sequence[str]) -> None:
        if not specs or not models or len(set(models)) < len(models):
            raise ConfigError(f"features need feature sets and different base models; got {len(specs)}, {models}")
        self.specs, self.configs, self.models = tuple(specs), tuple(configs), tuple(models)
        self._features: list[FeatureSet] = []
        self._parts = self._open()
        self.schema = pa.schema([field for part in self._parts for field in part.fields])
        _check_unique(self._parts)
        halos = (int(getattr(part.features, "halo", part.spec.halo)) for part in self._parts)
        self.halo = max(halos)
        self.requires = tuple(sorted({name for spec in self.specs for name in spec.requires}))
        reaches = [getattr(part.features, "reach", None) for part in self._parts]
        self.reach = None if None in reaches else max(int(reach) for reach in reaches if reach is not None)

    @classmethod
    def open(cls, config: FeatureConfig, host: PluginHost, models: Sequence[str]) -> FeaturePipeline:
        """Open the feature sets that a config names.

        Raises
        ------
        PluginError
            If a set is not installed (names the nearest) or its plugin is faulty.
        ConfigError
            If a setting is unknown or makes no sense.
        """
        specs = [host.feature_set(name) for name in config.sets]
        configs = [_structured(spec, config.settings.get(spec.name, {})) for spec in specs]
        return cls(specs, configs, models)

    def _open(self) -> list[_Part]:
        primary, *others = self.models
        opened = []
        for spec, config in zip(self.specs, self.configs, strict=True):
            features, schema = load_object(spec.factory)(config), load_object(spec.schema)(config)
            if not isinstance(schema, pa.Schema) or not schema.names:
                raise ContractError(f"the schema of feature set {spec.name!r} is no Arrow schema with columns")
            opened.append((spec, features, schema))
            self._features.append(features)
        parts = [
            _Part(spec=spec, features=features, schema=schema, model=primary if spec.per_model else "", prefix="")
            for spec, features, schema in opened
        ]
        parts += [
            _Part(spec=spec, features=features, schema=schema, model=model, prefix=f"{model}__")
            for model in others
            for spec, features, schema in opened
            if spec.per_model
        ]
        return parts

    def compute(
        self, block: Block, index: npt.NDArray[np.int64], resources: Mapping[str, Any] = _NONE
    ) -> pa.RecordBatch:
        """Compute the features of positions.

        Parameters
        ----------
        block
            One gene with the scores of every model, and a halo of at least :attr:`halo`.
        index
            int64, shape (k,): offsets in transcript orientation, 0-based, in any order.
        resources
            What :attr:`requires` names; ``gene_features`` is the gene's
            :class:`~splicecore.features.gene_record.GeneRecord`.

        Returns
        -------
        RecordBatch of k rows of :attr:`schema`

        Raises
        ------
        ValueError
            If the index or the block is not as described.
        ResourceNotFoundError
            If a resource is missing.
        ContractError
            If a set returns other rows, columns or types than it declares, a null where it declares none, or a float
            that is not finite.
        PluginError
            If a set fails.
        """
        self._check_arguments(block, index, resources)
        arrays: list[pa.Array[Any]] = []
        whole = attrs.evolve(block, scores={name: block.scores[name] for name in self.models})
        for part in self._parts:
            seen = attrs.evolve(block, scores={part.model: block.scores[part.model]}) if part.model else whole
            given = {name: resources[name] for name in part.spec.requires}
            batch = _call(part, seen, index, given)
            _check_batch(part, batch, len(index))
            arrays += batch.columns
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def batches(
        self,
        block: Block,
        index: npt.NDArray[np.int64],
        resources: Mapping[str, Any] = _NONE,
        *,
        rows: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield :meth:`compute` of some positions at a time, so that memory does not follow the gene.

        Parameters
        ----------
        block, index, resources
            As for :meth:`compute`.
        rows
            Rows of a batch, the last one may be shorter; None for as many as :data:`ROWS` and :data:`CELLS` allow.
        """
        rows = max(1, min(ROWS, CELLS // len(self.schema))) if rows is None else rows
        for first in range(0, len(index), rows):
            yield self.compute(block, index[first : first + rows], resources)

    def contract(
        self, *, fingerprints: Mapping[str, str], flank: FlankMode, build: str, cache: Path | None = None
    ) -> FeatureContract:
        """Describe the columns and what they are computed from.

        A set with a method ``contract_settings(cache)`` says itself what its settings are, such as the content of files
        in place of their paths.

        Parameters
        ----------
        cache
            Folder that remembers the hashes of files.
        fingerprints
            Base model's name -> fingerprint.
        flank, build
            Of the blocks.
        """
        return FeatureContract(
            columns=tuple(_contract_column(field) for field in self.schema),
            sets=tuple(
                FeatureSetUse(name=spec.name, settings=_settings(features, config, cache))
                for spec, features, config in zip(self.specs, self._features, self.configs, strict=True)
            ),
            models=tuple(FeatureModel(name=name, fingerprint=fingerprints[name]) for name in self.models),
            flank=flank,
            build=build,
        )

    def close(self) -> None:
        """Close the feature sets that hold files open. May be called twice."""
        for features in self._features:
            close = getattr(features, "close", None)
            if close is not None:
                close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_arguments(self, block: Block, index: npt.NDArray[np.int64], resources: Mapping[str, Any]) -> None:
        if index.dtype != np.int64 or index.ndim != 1:
            raise ValueError(f"index is {index.dtype} of shape {index.shape}, not int64 of one dimension")
        if len(index) and not 0 <= index.min() <= index.max() < block.length:
            raise ValueError(
                f"index is from {index.min()} to {index.max()}; gene {block.gene.gene_id} has positions 0 to "
                f"{block.length - 1}"
            )
        if block.halo < self.halo:
            raise ValueError(f"the block has a halo of {block.halo} bases; the features need {self.halo}")
        for name in self.models:
            if name not in block.scores:
                raise ValueError(f"the block has no scores of base model {name}; it has {', '.join(block.scores)}")
        for name in self.requires:
            if name not in resources:
                users = ", ".join(spec.name for spec in self.specs if name in spec.requires)
                raise ResourceNotFoundError(
                    f"feature set {users} needs {name}", hint="derive the genomic resources, or leave the set out"
                )


def _structured(spec: FeatureSetSpec, settings: Mapping[str, Any]) -> Any:
    if spec.config_cls is not None:
        return structure(settings, spec.config_cls, where=f"settings of feature set {spec.name}")
    if settings:
        raise ConfigError(f"feature set {spec.name} has no settings, but was given {', '.join(sorted(settings))}")
    return None


def _settings(features: FeatureSet, config: Any, cache: Path | None) -> dict[str, Any]:
    own = getattr(features, "contract_settings", None)
    if own is not None:
        described: dict[str, Any] = _lists(own(cache))
        return described
    return {} if config is None else _lists(cattrs.Converter().unstructure(config))


def _lists(value: Any) -> Any:
    """Tuples as lists, as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, list | tuple) else value


def _contract_column(field: pa.Field[Any]) -> FeatureColumn:
    metadata = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    return FeatureColumn(
        name=field.name,
        dtype=str(field.type),
        nullable=field.nullable,
        near_label=metadata["near_label"] == "true",
        feature_set=metadata["feature_set"],
        model=metadata["model"],
    )


def _check_unique(parts: Sequence[_Part]) -> None:
    owners: dict[str, str] = {}
    for part in parts:
        for field in part.fields:
            if field.name in owners:
                raise ContractError(
                    f"feature sets {owners[field.name]!r} and {part.spec.name!r} both have a column {field.name!r}"
                )
            owners[field.name] = part.spec.name


def _call(part: _Part, block: Block, index: npt.NDArray[np.int64], resources: Mapping[str, Any]) -> Any:
    try:
        return part.features.compute(block, index, resources)
    except SplicecoreError:
        raise
    except Exception as error:
        raise PluginError(
            f"feature set {part.spec.name!r} failed on gene {block.gene.gene_id}: {type(error).__name__}: {error}"
        ) from error


def _check_batch(part: _Part, batch: Any, rows: int) -> None:
    who = f"feature set {part.spec.name!r}"
    if not isinstance(batch, pa.RecordBatch):
        raise ContractError(f"{who} returned {type(batch).__name__}, not a RecordBatch")
    if batch.num_rows != rows:
        raise ContractError(f"{who} returned {batch.num_rows} rows for {rows} positions")
    if batch.schema.names != part.schema.names:
        wrong = next(((a, b) for a, b in zip(batch.schema.names, part.schema.names, strict=False) if a != b), None)
        said = f"{len(batch.schema.names)} columns, not {len(part.schema.names)}"
        raise ContractError(
            f"{who} returned {f'column {wrong[0]!r} where {wrong[1]!r} is declared' if wrong else said}"
        )
    if batch.schema.types != part.schema.types:
        declared, column = next(
            each for each in zip(part.schema, batch.schema, strict=True) if each[0].type != each[1].type
        )
        raise ContractError(f"{who} returned {declared.name} as {column.type}, not {declared.type}")
    for i in part.complete:
        if batch.column(i).null_count:
            raise ContractError(f"{who} returned a null in {part.schema.names[i]}, which is declared without")
    for i in part.floats:
        values = batch.column(i)
        values = values.drop_null() if values.null_count else values
        if not np.isfinite(values.to_numpy(zero_copy_only=False)).all():
            raise ContractError(f"{who} returned a {part.schema.names[i]} that is not finite; what is missing is null")

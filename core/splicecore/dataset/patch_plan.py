"""Which columns a patch computes, and the contract and schema that the dataset has afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import attrs
import pyarrow as pa

from splicecore.dataset.schema import FACTS
from splicecore.errors import ConfigError, ContractError
from splicecore.features.configs import FeatureConfig
from splicecore.features.contract import FeatureContract
from splicecore.features.pipeline import FeaturePipeline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from splicecore.dataset.dataset import Dataset
    from splicecore.features.contract import FeatureColumn, FeatureSetUse
    from splicecore.plugins.host import PluginHost

__all__ = ["NO_SCORES", "PatchPlan", "make_patch_plan"]


class _NoScores:
    """Stands where a base model's scores would be; using it is an error."""

    def _refuse(self, *_: object) -> NoReturn:
        raise ConfigError(
            "a feature set that is to be patched needs the base models' scores", hint="build the dataset with it"
        )

    __getattr__ = __getitem__ = __len__ = __iter__ = __array__ = _refuse


NO_SCORES: Any = _NoScores()


@attrs.frozen(kw_only=True, eq=False)
class PatchPlan:
    """What is to be done.

    Attributes
    ----------
    pipeline
        Computes the feature sets that are patched.
    contract
        Of the dataset afterwards.
    schema
        Of its files afterwards.
    added
        Columns that the dataset does not have yet.
    """

    pipeline: FeaturePipeline
    contract: FeatureContract
    schema: pa.Schema
    added: tuple[str, ...]


def make_patch_plan(
    dataset: Dataset,
    host: PluginHost,
    features: Sequence[str],
    settings: Mapping[str, Mapping[str, Any]],
    cache: Path | None,
) -> PatchPlan:
    """Plan to compute feature sets anew, or to add them.

    Parameters
    ----------
    dataset
        As it is.
    host
        Has the feature sets.
    features
        Names of feature sets that are not computed from scores.
    settings
        Their settings; those of the contract for a set without an entry that the dataset has.
    cache
        Folder that remembers the hashes of files.

    Raises
    ------
    ConfigError
        If a set is computed from scores, or a setting makes no sense.
    ContractError
        If two sets have a column of one name.
    """
    contract = dataset.contract
    for name in features:
        if host.feature_set(name).per_model:
            raise ConfigError(
                f"feature set {name} is computed from the base models' scores, which a dataset does not keep",
                hint="build the dataset with it",
            )
    known = {used.name: used.settings for used in contract.sets}
    chosen = {name: dict(settings.get(name, known.get(name, {}))) for name in features}
    models = tuple(model.name for model in contract.models)
    pipeline = FeaturePipeline.open(FeatureConfig(sets=tuple(features), settings=chosen), host, models[:1])
    fresh = pipeline.contract(
        fingerprints={model.name: model.fingerprint for model in contract.models},
        flank=contract.flank,
        build=contract.build,
        cache=cache,
    )
    after = _joined(contract, fresh)
    fields = {field.name: field for field in dataset.schema} | {field.name: field for field in pipeline.schema}
    metadata: Any = dict(dataset.schema.metadata or {})
    metadata[b"splicecore.contract"] = after.schema_hash.encode()
    schema = pa.schema([*FACTS, *(fields[name] for name in after.names)], metadata=metadata)
    added = tuple(name for name in fresh.names if name not in contract.names)
    return PatchPlan(pipeline=pipeline, contract=after, schema=schema, added=added)


def _joined(contract: FeatureContract, fresh: FeatureContract) -> FeatureContract:
    """Contract with some sets replaced or added; the columns are in the order that a pipeline gives them."""
    sets: dict[str, FeatureSetUse] = {used.name: used for used in contract.sets}
    sets |= {used.name: used for used in fresh.sets}
    columns: dict[str, list[FeatureColumn]] = {}
    replaced = {used.name for used in fresh.sets}
    kept = [column for column in contract.columns if column.feature_set not in replaced]
    for column in (*kept, *fresh.columns):
        columns.setdefault(column.feature_set, []).append(column)
    primary, *others = (model.name for model in contract.models)
    ordered = [
        column
        for models in (("", primary), *((other,) for other in others))
        for name in sets
        for column in columns.get(name, ())
        if column.model in models
    ]
    names = [*FACTS.names, *(column.name for column in ordered)]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ContractError(f"two feature sets have a column {', '.join(twice)}", hint="rename the track")
    return attrs.evolve(contract, sets=tuple(sets.values()), columns=tuple(ordered))

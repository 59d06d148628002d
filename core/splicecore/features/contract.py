"""What a matrix of features is made of, so that training and inference can be held to the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs
import cattrs

from splicecore.artifacts.store import digest
from splicecore.config import FlankMode, structure
from splicecore.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["CONTRACT_VERSION", "Aspect", "FeatureColumn", "FeatureContract", "FeatureModel", "FeatureSetUse"]

CONTRACT_VERSION = 1

Aspect = Literal["sets", "models", "fingerprints", "flank", "build"]
"""What :meth:`FeatureContract.check` may be told to pass over; columns always count."""

_SHOWN = 8


@attrs.frozen(kw_only=True)
class FeatureColumn:
    """One column: name, Arrow type in words (``"float"``, ``"int16"``), whether it may be null, and where it is from.

    ``model`` is the base model that it is computed from, ``""`` where there is none in particular.
    """

    name: str
    dtype: str
    nullable: bool = False
    near_label: bool = False
    feature_set: str = ""
    model: str = ""


@attrs.frozen(kw_only=True)
class FeatureSetUse:
    """A feature set and its complete settings."""

    name: str
    settings: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class FeatureModel:
    """A base model by its name and its fingerprint."""

    name: str
    fingerprint: str


@attrs.frozen(kw_only=True)
class FeatureContract:
    """Everything that the values of a feature matrix depend on beside the genome and the genes.

    Attributes
    ----------
    columns
        In the order of the matrix.
    sets
        Feature sets in order, with their settings.
    models
        Base models; the first is the primary one, whose columns have no prefix.
    flank
        What the models saw beyond the gene's ends.
    build
        Name of the genome build.
    version
        Of this description.
    """

    columns: tuple[FeatureColumn, ...]
    sets: tuple[FeatureSetUse, ...]
    models: tuple[FeatureModel, ...]
    flank: FlankMode
    build: str
    version: int = CONTRACT_VERSION

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns in order."""
        return tuple(column.name for column in self.columns)

    @property
    def near_label(self) -> tuple[str, ...]:
        """Names of the columns that are close to the label."""
        return tuple(column.name for column in self.columns if column.near_label)

    @property
    def kmer_sizes(self) -> tuple[int, ...]:
        """Lengths of the words that the set ``sequence`` counts; empty without it."""
        return tuple(k for used in self.sets if used.name == "sequence" for k in used.settings.get("kmer_sizes", ()))

    @property
    def schema_hash(self) -> str:
        """SHA-256 (hex) of the columns' names, types and order."""
        return digest([[column.name, column.dtype, column.nullable] for column in self.columns])

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping with ``schema_hash`` and ``kmer_sizes`` for readers and other tools."""
        values: dict[str, Any] = cattrs.Converter().unstructure(self)
        return {**values, "kmer_sizes": list(self.kmer_sizes), "schema_hash": self.schema_hash}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], *, where: str = "feature contract") -> FeatureContract:
        """Read what :meth:`to_json` returned.

        Raises
        ------
        ConfigError
            If a key is missing, unknown or of the wrong type.
        ContractError
            If the version is another, or the columns are not those that the hash was made of.
        """
        if values.get("version") != CONTRACT_VERSION:
            raise ContractError(
                f"{where} has version {values.get('version')!r}; this splicecore reads {CONTRACT_VERSION}",
                hint="use the version of splicecore that wrote it",
            )
        derived = ("kmer_sizes", "schema_hash")
        contract = structure({key: values[key] for key in values if key not in derived}, cls, where=where)
        if values.get("schema_hash") != contract.schema_hash:
            raise ContractError(f"{where}: the columns do not fit the schema_hash; the file was changed by hand")
        return contract

    def differences(self, other: FeatureContract, *, ignore: Collection[Aspect] = ()) -> list[str]:
        """Say in what ``other`` differs from this contract, one line each; empty if in nothing."""
        lines = list(_column_differences(self.columns, other.columns))
        if "sets" not in ignore:
            lines += _set_differences(self.sets, other.sets)
        if "models" not in ignore:
            lines += _model_differences(self.models, other.models, fingerprints="fingerprints" not in ignore)
        lines += [
            f"{aspect} is {getattr(other, aspect)}, not {getattr(self, aspect)}"
            for aspect in ("flank", "build")
            if aspect not in ignore and getattr(other, aspect) != getattr(self, aspect)
        ]
        return lines

    def check(self, other: FeatureContract, *, ignore: Collection[Aspect] = ()) -> None:
        """Hold other features to this contract.

        Parameters
        ----------
        other
            Contract of the features at hand.
        ignore
            What may differ: a model without coordinates among its features may serve another ``build``.

        Raises
        ------
        ContractError
            Naming every column that is missing, extra, in another place or of another type, and everything else that
            differs.
        """
        lines = self.differences(other, ignore=ignore)
        if lines:
            raise ContractError(
                f"the features are not those of the contract: {'; '.join(lines)}",
                hint="compute them with the feature sets, settings and base models that the contract names",
            )


def _list(names: Collection[str]) -> str:
    shown = list(names)[:_SHOWN]
    return ", ".join(shown) + (f", ... ({len(names)} in all)" if len(names) > _SHOWN else "")


def _column_differences(wanted: tuple[FeatureColumn, ...], found: tuple[FeatureColumn, ...]) -> Iterator[str]:
    expected, present = {c.name: c for c in wanted}, {c.name: c for c in found}
    if missing := [name for name in expected if name not in present]:
        yield f"missing columns {_list(missing)}"
    if extra := [name for name in present if name not in expected]:
        yield f"extra columns {_list(extra)}"
    kept, order = ([name for name in a if name in b] for a, b in ((expected, present), (present, expected)))
    if moved := [name for name, other in zip(kept, order, strict=True) if name != other]:
        yield f"columns in another order: {_list(moved)}"
    other_type = [
        f"{name} ({_kind(present[name])}, not {_kind(expected[name])})"
        for name in kept
        if _kind(present[name]) != _kind(expected[name])
    ]
    if other_type:
        yield f"columns of another type: {_list(other_type)}"


def _kind(column: FeatureColumn) -> str:
    return column.dtype + (" or null" if column.nullable else "")


def _set_differences(wanted: tuple[FeatureSetUse, ...], found: tuple[FeatureSetUse, ...]) -> Iterator[str]:
    if (expected := [used.name for used in wanted]) != (present := [used.name for used in found]):
        yield f"feature sets are {', '.join(present)}, not {', '.join(expected)}"
        return
    for mine, others in zip(wanted, found, strict=True):
        for key in sorted({*mine.settings, *others.settings}):
            a, b = _plain(mine.settings.get(key)), _plain(others.settings.get(key))
            if a != b:
                yield f"{key} of feature set {mine.name} is {b!r}, not {a!r}"


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _model_differences(
    wanted: tuple[FeatureModel, ...], found: tuple[FeatureModel, ...], *, fingerprints: bool
) -> Iterator[str]:
    if (expected := [model.name for model in wanted]) != (present := [model.name for model in found]):
        yield f"base models are {', '.join(present)}, not {', '.join(expected)}"
    elif fingerprints:
        for mine, others in zip(wanted, found, strict=True):
            if mine.fingerprint != others.fingerprint:
                yield f"base model {mine.name} has the fingerprint {others.fingerprint}, not {mine.fingerprint}"

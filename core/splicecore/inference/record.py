"""What the results of a run with a meta-model need to know of it, JSON-able, so that shards can be merged anywhere."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Self

import attrs

from splicecore.inference.served_model import CallThresholds

__all__ = ["GeneKeys", "InferenceRecord", "merge_records"]


@attrs.frozen(kw_only=True)
class GeneKeys:
    """Keys of a gene's parts beside that of the primary base model's scores.

    Attributes
    ----------
    meta
        Of the part that the meta-model's run left.
    others
        Of the scores of the other base models, in their order.
    """

    meta: str
    others: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class InferenceRecord:
    """A run with a meta-model, beside what every pass records.

    Attributes
    ----------
    mode
        ``"hybrid"`` or ``"meta_only"``.
    meta_model
        As :meth:`~splicecore.inference.served_model.ServedModel.about` says.
    base_models
        As a pass describes them, the primary one first.
    selection
        Strategy, its settings, thresholds, target rate.
    base_calls, calls
        Least probabilities of a call: of the primary base model as it is, and final.
    keys
        Key of the primary base model's scores of a gene -> keys of its other parts.
    scenarios
        The same -> ``"1"``, ``"2A"`` or ``"2B"``.
    """

    mode: str
    meta_model: Mapping[str, Any]
    base_models: Sequence[Mapping[str, Any]]
    selection: Mapping[str, Any]
    base_calls: CallThresholds
    calls: CallThresholds
    keys: Mapping[str, GeneKeys]
    scenarios: Mapping[str, str]

    @property
    def part_keys(self) -> list[str]:
        """Keys of all parts but the primary base model's."""
        return [key for keys in self.keys.values() for key in (*keys.others, keys.meta)]

    def merge(self, other: InferenceRecord) -> InferenceRecord:
        """Return the record of both shards together."""
        return attrs.evolve(self, keys={**self.keys, **other.keys}, scenarios={**self.scenarios, **other.scenarios})

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON value."""
        return attrs.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` made; KeyError or TypeError if it did not make it."""
        fields = dict(value)
        for name in ("base_calls", "calls"):
            fields[name] = CallThresholds(**fields[name])
        fields["keys"] = {
            key: GeneKeys(meta=keys["meta"], others=tuple(keys["others"])) for key, keys in fields["keys"].items()
        }
        return cls(**fields)


def merge_records(records: Sequence[InferenceRecord]) -> InferenceRecord:
    """Return the record of all shards together."""
    return functools.reduce(InferenceRecord.merge, records)

"""The alarm for dead channels: columns that are constant or wholly missing over everything that was computed."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any, Literal

import attrs
import pyarrow as pa

from splicecore.errors import ContractError
from splicecore.genome.arrow import compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ChannelMonitor", "DeadChannel"]

_LOG = logging.getLogger(__name__)


@attrs.frozen
class DeadChannel:
    """A column that says nothing.

    Attributes
    ----------
    column
        Its name.
    state
        ``"missing"``: it has no value at all; ``"constant"``: every row has the same value.
    rows
        Number of rows.
    value
        The value of a constant column.
    """

    column: str
    state: Literal["missing", "constant"]
    rows: int
    value: Any = None

    def __str__(self) -> str:
        if self.state == "missing":
            return f"{self.column} has no value in {self.rows:,} rows"
        return f"{self.column} is {self.value!r} in all of {self.rows:,} rows"


@attrs.define
class _Channel:
    """What was seen of one column: rows, those without a value, and the smallest and largest value."""

    rows: int = 0
    missing: int = 0
    low: Any = None
    high: Any = None

    def add(self, rows: int, missing: int, low: Any, high: Any) -> None:
        self.rows += rows
        self.missing += missing
        if low is not None:
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)


class ChannelMonitor:
    """Watches columns batch by batch; monitors of several workers are merged.

    The order of batches and merges makes no difference. Null and NaN are missing.

    Examples
    --------
    >>> import pyarrow as pa
    >>> monitor = ChannelMonitor()
    >>> monitor.add(pa.record_batch({"phylop": pa.array([0.0, 0.0]), "score": pa.array([0.1, 0.7])}))
    >>> [str(dead) for dead in monitor.dead()]
    ['phylop is 0.0 in all of 2 rows']
    """

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in the order of the batches."""
        return tuple(self._channels)

    @property
    def rows(self) -> int:
        """Number of rows seen."""
        return max((channel.rows for channel in self._channels.values()), default=0)

    def add(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Take a batch of any columns of numbers, booleans or strings into account.

        Raises
        ------
        ContractError
            If its columns are not those of the batches before.
        """
        self._same_columns(tuple(batch.schema.names))
        for name in batch.schema.names:
            values: Any = batch.column(name)
            self._channels[name].add(len(values), *_extremes(values))

    def merge(self, other: ChannelMonitor) -> None:
        """Take over what another monitor saw.

        Raises
        ------
        ContractError
            If both saw batches, and their columns differ.
        """
        if other._channels:
            self._same_columns(other.columns)
            for name, channel in other._channels.items():
                self._channels[name].add(*attrs.astuple(channel))

    def dead(self) -> tuple[DeadChannel, ...]:
        """Columns that are missing throughout or constant, in order; none if fewer than two rows were seen.

        A column with missing values and one other value is not constant: where it is missing says something.
        """
        found = []
        for name, channel in self._channels.items():
            if channel.rows < 2:
                continue
            if channel.missing == channel.rows:
                found.append(DeadChannel(name, "missing", channel.rows))
            elif not channel.missing and channel.low == channel.high:
                found.append(DeadChannel(name, "constant", channel.rows, channel.low))
        return tuple(found)

    def warn(self) -> tuple[DeadChannel, ...]:
        """Log a warning for each dead column and return them; call it once, at the end."""
        found = self.dead()
        for channel in found:
            _LOG.warning("dead channel: %s", channel)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return what was seen as JSON-able values, which :meth:`from_dict` takes."""
        return {
            name: {field: _plain(value) for field, value in attrs.asdict(channel).items()}
            for name, channel in self._channels.items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Mapping[str, Any]]) -> ChannelMonitor:
        """Make a monitor of what :meth:`to_dict` returned."""
        monitor = cls()
        for name, channel in values.items():
            monitor._channels[name] = _Channel(**{field: _restored(value) for field, value in channel.items()})
        return monitor

    def _same_columns(self, names: tuple[str, ...]) -> None:
        if not self._channels:
            self._channels = {name: _Channel() for name in names}
        if names != self.columns:
            differing = sorted(set(names) ^ set(self._channels)) or ["their order"]
            raise ContractError(f"batches have different columns: {', '.join(differing)}")


def _extremes(values: Any) -> tuple[int, Any, Any]:
    """Find the number of missing values, and the smallest and largest value (None where there is none)."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
    if pa.types.is_floating(kind):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, kind), values)
    extremes = pc.min_max(values)
    low, high = extremes["min"].as_py(), extremes["max"].as_py()
    return values.null_count, low, high


def _plain(value: Any) -> Any:
    return {"infinite": value > 0} if isinstance(value, float) and math.isinf(value) else value


def _restored(value: Any) -> Any:
    return (math.inf if value["infinite"] else -math.inf) if isinstance(value, dict) else value

"""Which tracks to use as features, and which columns they give."""

from __future__ import annotations

import re
from typing import Any, Literal

import attrs

from splicecore.errors import ConfigError
from splicecore.genome.suggestions import near_names

__all__ = ["JUNCTION_COLUMNS", "TrackConfig", "TrackKind", "TracksConfig"]

TrackKind = Literal["bigwig", "bedgraph", "junctions"]

JUNCTION_COLUMNS: tuple[str, ...] = (
    "donor_reads",
    "acceptor_reads",
    "donor_reads_log1p",
    "acceptor_reads_log1p",
    "donor_partners",
    "acceptor_partners",
    "donor_share",
    "acceptor_share",
    "donor_distance",
    "acceptor_distance",
    "undefined_strand_reads",
)
"""Columns that a junction table can give, in the order in which they appear; the track's name comes before them."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")
_WIDEST = 100_000


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else value


@attrs.frozen(kw_only=True)
class TrackConfig:
    """One track: a signal along the genome (bigWig, bedGraph) or a table of splice junctions.

    Attributes
    ----------
    name
        What its columns' names begin with: letters, digits and single underscores.
    path
        The file.
    path_minus
        With ``strand="gene"`` of a signal: the file for genes on the minus strand; ``path`` is then that for the plus
        strand.
    kind
        ``"bigwig"``, ``"bedgraph"`` or ``"junctions"``; None: told by the file's content.
    windows
        Of a signal: half-widths in bases. 0 gives the value at the position, w the mean and the maximum over the
        2 w + 1 bases around it. Default (0,).
    strand
        Of a signal: ``"both"`` (default) for genes of either strand; ``"+"`` or ``"-"``: genes of the other strand get
        missing values; ``"gene"``: one file for each strand. Of junctions: ``"gene"`` (default) for junctions of the
        gene's strand and those of undefined strand; ``"both"`` for all.
    columns
        Of junctions: some of :data:`JUNCTION_COLUMNS`; empty for all.
    min_reads
        Of junctions: junctions with fewer reads are left out. At least 1.
    multimapped
        Of junctions: also count reads that map to several places, where the file tells them apart (STAR).
    reach
        Of junctions: how many bases away the nearest junction end is looked for.
    """

    name: str = attrs.field()
    path: str
    path_minus: str | None = None
    kind: TrackKind | None = None
    windows: tuple[int, ...] | None = attrs.field(default=None, converter=_as_tuple)
    strand: Literal["both", "+", "-", "gene"] | None = None
    columns: tuple[str, ...] = attrs.field(default=(), converter=_as_tuple)
    min_reads: int = attrs.field(default=1)
    multimapped: bool = False
    reach: int = attrs.field(default=100)

    def __attrs_post_init__(self) -> None:
        if self.path_minus is not None and self.strand != "gene":
            raise ConfigError(f"track {self.name}: path_minus is given", hint='it needs strand = "gene"')

    @name.validator
    def _check_name(self, _: object, value: str) -> None:
        if not _NAME.fullmatch(value):
            raise ConfigError(
                f"track name {value!r} cannot begin the name of a column",
                hint="letters, digits and single underscores, beginning with a letter",
            )

    @windows.validator
    def _check_windows(self, _: object, value: tuple[int, ...] | None) -> None:
        if value is None:
            return
        if not value or len(set(value)) != len(value):
            raise ConfigError(f"track {self.name}: windows {list(value)} are empty or have one twice")
        for width in value:
            if not 0 <= width <= _WIDEST:
                raise ConfigError(f"track {self.name}: window {width} is not from 0 to {_WIDEST:,} bases")

    @columns.validator
    def _check_columns(self, _: object, value: tuple[str, ...]) -> None:
        for column in value:
            if column not in JUNCTION_COLUMNS:
                near = near_names(column, JUNCTION_COLUMNS) or JUNCTION_COLUMNS
                raise ConfigError(
                    f"track {self.name}: junctions give no column {column!r}", hint=f"there is {', '.join(near)}"
                )

    @min_reads.validator
    def _check_min_reads(self, _: object, value: int) -> None:
        if value < 1:
            raise ConfigError(f"track {self.name}: min_reads is {value}; it must be at least 1")

    @reach.validator
    def _check_reach(self, _: object, value: int) -> None:
        if not 0 <= value <= _WIDEST:
            raise ConfigError(f"track {self.name}: reach {value} is not from 0 to {_WIDEST:,} bases")


@attrs.frozen(kw_only=True)
class TracksConfig:
    """Settings of the feature set ``tracks``: ``[[features.tracks.tracks]]`` of a configuration file.

    Attributes
    ----------
    tracks
        The tracks, in the order of their columns; names occur once.
    """

    tracks: tuple[TrackConfig, ...] = attrs.field(default=(), converter=_as_tuple)

    @tracks.validator
    def _check_tracks(self, _: object, value: tuple[TrackConfig, ...]) -> None:
        seen: set[str] = set()
        for track in value:
            if track.name in seen:
                raise ConfigError(f"two tracks are named {track.name!r}", hint="give each a name of its own")
            seen.add(track.name)

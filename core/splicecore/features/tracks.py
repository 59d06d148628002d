"""The set ``tracks``: signals and splice junctions from files of the user, at and around positions.

A value depends on the position, the gene's strand and the files, never on the other positions that are asked for.
Windows are symmetric and take the files as they are, beyond the gene's ends too. Columns of junctions are near-label.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.artifacts.store import file_sha256
from splicecore.errors import ConfigError, InputError
from splicecore.features.columns import Column, column_batch, column_schema
from splicecore.genome.bgzf import read_head
from splicecore.tracks.config import JUNCTION_COLUMNS, TrackConfig, TracksConfig
from splicecore.tracks.junction_index import JunctionIndex
from splicecore.tracks.kinds import detect_kind
from splicecore.tracks.signal import SignalTrack, open_signal
from splicecore.tracks.text import WHAT
from splicecore.tracks.windows import windowed_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore.genome.contigs import Contigs
    from splicecore.genome.genes import Gene
    from splicecore.predict.blocks import Block

__all__ = ["TrackFeatures", "schema"]

_F, _I32, _I64 = pa.float32(), pa.int32(), pa.int64()
_ANY = "any, or missing"
_COUNT = "0 and above, or missing"


def schema(config: TracksConfig) -> pa.Schema:
    """Columns of the set, in the order of the tracks.

    Raises
    ------
    ConfigError
        If there is no track, an option does not go with a track's kind, or two columns have one name.
    InputError
        If a track's kind is not given and its file does not tell it.
    """
    columns = [column for track in _resolved(config) for column in _columns(track)]
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two tracks give a column {name!r}", hint="rename one of them")
    return column_schema(columns)


class TrackFeatures:
    """Values of the user's tracks; a context manager. Files are opened when they are first needed.

    Parameters
    ----------
    config
        The tracks.
    """

    reach = 0

    def __init__(self, config: TracksConfig) -> None:
        self.config = TracksConfig(tracks=_resolved(config))
        self._schema = schema(self.config)
        self._open: dict[str, dict[str, SignalTrack] | JunctionIndex] = {}
        self._contigs: Contigs | None = None
        self._cache: Path | None = None

    def compute(self, block: Block, index: npt.NDArray[np.int64], resources: Mapping[str, Any]) -> pa.RecordBatch:
        """See :meth:`splicecore.api.FeatureSet.compute`.

        ``resources`` has ``"contigs"``, the :class:`~splicecore.genome.contigs.Contigs` of the reference, and
        ``"cache"``, the folder of what can be computed again. Positions may lie outside the gene.

        Raises
        ------
        InputError, ContigError, MissingDependencyError
            If a file cannot be used.
        """
        self._cache = Path(resources["cache"])
        self._ensure_open(resources["contigs"], self._cache)
        position = block.gene.to_genomic(index)
        columns: dict[str, Any] = {}
        for track in self.config.tracks:
            columns |= self._compute(track, block.gene, position)
        return column_batch(self._schema, columns)

    def contract_settings(self, cache: Path | None = None) -> dict[str, Any]:
        """Describe the tracks for the feature contract: each file by its name and SHA-256, not by where it lies.

        Parameters
        ----------
        cache
            Folder that remembers the hashes of files; None for the one that :meth:`compute` was given last.

        Returns
        -------
        ``{"tracks": [...]}``: for each track its settings, JSON-able, with ``files`` (name and sha256) instead of
        paths.
        """
        cache = self._cache if cache is None else cache
        described = []
        for track in self.config.tracks:
            settings = {key: value for key, value in attrs.asdict(track).items() if not key.startswith("path")}
            settings = {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
            settings["files"] = [_identity(path, cache) for path in _paths(track)]
            described.append(settings)
        return {"tracks": described}

    def close(self) -> None:
        """Close the files. May be called twice."""
        for opened in self._open.values():
            for signal in opened.values() if isinstance(opened, dict) else ():
                signal.close()
        self._open = {}
        self._contigs = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ensure_open(self, contigs: Contigs, cache: Path) -> None:
        if self._contigs == contigs:
            return
        self.close()
        for track in self.config.tracks:
            if track.kind == "junctions":
                self._open[track.name] = JunctionIndex.open(track, contigs)
            else:
                assert track.kind is not None
                opened: dict[str, SignalTrack] = {}
                self._open[track.name] = opened
                for path, strands in zip(_paths(track), _strands(track), strict=True):
                    signal = open_signal(path, track.kind, contigs, cache)
                    opened |= dict.fromkeys(strands, signal)
        self._contigs = contigs

    def _compute(self, track: TrackConfig, gene: Gene, position: npt.NDArray[np.int64]) -> dict[str, Any]:
        opened = self._open[track.name]
        if isinstance(opened, JunctionIndex):
            values = opened.columns(gene.contig, gene.strand, position)
            return {f"{track.name}_{name}": values[name] for name in track.columns}
        assert track.windows is not None
        assert self._contigs is not None
        names = [name for name, _ in _signal_names(track)]
        if gene.strand not in opened:
            return dict.fromkeys(names, np.full(len(position), np.nan, dtype=np.float32))
        length = self._contigs.length(gene.contig)
        signal = windowed_values(opened[gene.strand], gene.contig, length, position, track.windows)
        return dict(zip(names, signal, strict=True))


def _resolved(config: TracksConfig) -> tuple[TrackConfig, ...]:
    """Tracks with their kind and all that depends on it filled in."""
    if not config.tracks:
        raise ConfigError("the feature set tracks has no track", hint="list some in [[features.tracks.tracks]]")
    return tuple(_resolve(track) for track in config.tracks)


def _resolve(track: TrackConfig) -> TrackConfig:
    kind = track.kind or detect_kind(Path(track.path))
    signal = kind != "junctions"
    strand = track.strand or ("both" if signal else "gene")
    if signal:
        if track.columns:
            raise ConfigError(f"track {track.name}: columns are for junctions; this is {kind}")
        if strand == "gene" and track.path_minus is None:
            raise ConfigError(
                f'track {track.name}: strand = "gene" takes a file for each strand', hint="give path_minus too"
            )
    elif strand in ("+", "-") or track.path_minus is not None or track.windows is not None:
        raise ConfigError(
            f"track {track.name}: windows, path_minus and strands + and - are for signals; this is a junction table",
            hint='its strand is "gene" or "both", its window is reach',
        )
    chosen = track.columns or JUNCTION_COLUMNS
    return attrs.evolve(
        track,
        kind=kind,
        strand=strand,
        windows=(track.windows or (0,)) if signal else None,
        columns=() if signal else tuple(name for name in JUNCTION_COLUMNS if name in chosen),
    )


def _paths(track: TrackConfig) -> list[Path]:
    return [Path(path) for path in (track.path, track.path_minus) if path is not None]


def _identity(path: Path, cache: Path | None) -> dict[str, str]:
    read_head(path, WHAT, InputError)  # a file that is missing is an error of the input
    return {"name": path.name, "sha256": file_sha256(path, cache)}


def _strands(track: TrackConfig) -> list[tuple[str, ...]]:
    """Strands of the genes that each file of a signal is for."""
    if track.strand == "gene":
        return [("+",), ("-",)]
    return [("+", "-") if track.strand == "both" else (str(track.strand),)]


def _signal_names(track: TrackConfig) -> list[tuple[str, str]]:
    """Names and formulas of a signal's columns."""
    names: list[tuple[str, str]] = []
    for width in track.windows or ():
        if width == 0:
            names.append((track.name, "value at the position"))
        else:
            around = f"of the values up to {width} bases away"
            names.append((f"{track.name}_mean_{width}", f"mean {around}"))
            names.append((f"{track.name}_max_{width}", f"maximum {around}"))
    return names


def _columns(track: TrackConfig) -> list[Column]:
    if track.kind == "junctions":
        return [_junction_column(track, name) for name in track.columns]
    return [
        Column(name, _F, formula, "as the file's", _ANY, nullable=True, near_label=False)
        for name, formula in _signal_names(track)
    ]


def _junction_column(track: TrackConfig, name: str) -> Column:
    role, _, what = name.partition("_")
    kinds: dict[str, tuple[pa.DataType, str, str, str]] = {
        "reads": (_I64, f"reads of the junctions that have their {role} here", "count", _COUNT),
        "reads_log1p": (_F, f"ln(1 + {role}_reads)", "nats", _COUNT),
        "partners": (_I32, f"different junctions that have their {role} here", "count", _COUNT),
        "share": (_F, f"{role}_reads / reads of the junctions that end here or span the position", "ratio",
                  "0 to 1, or missing"),
        "distance": (_I32, f"bases to the nearest {role} of a junction, missing beyond {track.reach}", "bases",
                     f"0 to {track.reach}, or missing"),
        "strand_reads": (_I64, "reads of the junctions of undefined strand that end here", "count", _COUNT),
    }  # fmt: skip
    kind, formula, unit, span = kinds[what]
    return Column(f"{track.name}_{name}", kind, formula, unit, span, nullable=True, near_label=True)

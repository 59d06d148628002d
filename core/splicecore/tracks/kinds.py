"""Telling what a track file is by its content."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from splicecore.errors import InputError
from splicecore.genome.bgzf import read_head
from splicecore.tracks.text import WHAT, TrackText

if TYPE_CHECKING:
    from pathlib import Path

    from splicecore.tracks.config import TrackKind

__all__ = ["detect_kind"]

_BIGWIG = (bytes.fromhex("26fc8f88"), bytes.fromhex("888ffc26"))
_BIGBED = (bytes.fromhex("ebf28987"), bytes.fromhex("8789f2eb"))
_BY_COLUMNS: dict[int, TrackKind] = {4: "bedgraph", 9: "junctions", 12: "junctions"}
_WIGGLE = re.compile(r"(?:fixed|variable)Step\b")


def detect_kind(path: Path) -> TrackKind:
    """Tell a track's kind by its content, whatever its name.

    Raises
    ------
    InputError
        If it is missing, empty, damaged, or neither bigWig, bedGraph nor a junction table.
    """
    head = read_head(path, WHAT, InputError)
    if head[:4] in _BIGWIG:
        return "bigwig"
    if head[:4] in _BIGBED:
        raise InputError(
            f"{path} is bigBed", hint="convert it by bigBedToBed; bedGraph and BED12 junctions can be read"
        )
    number, line = TrackText.of(path).first_line()
    if _WIGGLE.match(line):
        raise InputError(f"{path}, line {number}: this is a wiggle file", hint="convert it by wigToBigWig")
    kind = _BY_COLUMNS.get(len(line.split("\t") if "\t" in line else line.split()))
    if kind is None:
        raise InputError(
            f"{path} is neither bigWig, bedGraph nor a junction table; line {number} is {line[:60]!r}",
            hint="bedGraph has 4 columns, STAR's SJ.out.tab 9, BED12 junctions (TopHat, regtools) 12",
        )
    return kind

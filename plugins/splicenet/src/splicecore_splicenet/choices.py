"""Which convolutions are computed as a discrete Fourier transform, and in what portions; constants, never timings.

The table was measured once and is part of what decides a score's last bits, so it depends on the layer and the kind of
device alone, never on the machine, its load or the number of threads. ``benchmarks/convolutions.py`` measures again.

Nanoseconds of processor time a position and layer, activation and writing included; one thread of a 2-core AMD EPYC
(Zen 4), torch 2.13 (oneDNN and MKL), 2026, while the machine had other work. Blocks are rows / at a time:

==== ======== ====== =============================== ============== =====
taps dilation direct by DFT, other sizes             by DFT, chosen times
==== ======== ====== =============================== ============== =====
41   25       806    80/4 319, 96/4 280, 160/4 269   112/4 264      3.1
21   10       423    48/12 239, 64/16 202, 128/8 216 80/16 196      2.2
11   4        245    32/32 206, 48/32 174, 64/32 173 48/64 160      1.5
11   1        240    32/128 204, 64/128 172          48/256 160     1.5
==== ======== ====== =============================== ============== =====

Larger portions than these gain nothing that is worth the unevenness that they bring to threads that share a short tile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from splicecore_splicenet.architecture import Block

__all__ = ["CONVOLUTIONS", "Convolutions", "Direct", "Transform", "choose"]

Convolutions = Literal["fast", "direct"]
CONVOLUTIONS: tuple[Convolutions, ...] = ("fast", "direct")
"""``"fast"``: transformed where the table says so; ``"direct"``: none."""


@attrs.frozen
class Direct:
    """Direct convolution in chunks of at most ``unit * units`` output rows, a whole number of units each.

    Units keep the number of different shapes small: torch's convolutions keep a compiled kernel for every shape.
    """

    unit: int = 512
    units: int = 8


@attrs.frozen
class Transform:
    """Convolution by DFT on blocks of ``rows`` rows of the dilated view, ``blocks`` of them at a time."""

    rows: int
    blocks: int


_TRANSFORMS: dict[tuple[int, int], Transform] = {
    (41, 25): Transform(rows=112, blocks=4),
    (21, 10): Transform(rows=80, blocks=16),
    (11, 4): Transform(rows=48, blocks=64),
    (11, 1): Transform(rows=48, blocks=256),
}
"""By taps and dilation."""
_WHOLE = Direct(unit=512, units=1 << 20)


def choose(block: Block, convolutions: Convolutions = "fast", device: str = "cpu") -> Direct | Transform:
    """Return how the two convolutions of a residual block are computed on this kind of device.

    Only the CPU's table has transforms: elsewhere nothing was measured, and convolutions are direct, in one piece.
    """
    if device != "cpu":
        return _WHOLE
    if convolutions == "direct":
        return Direct()
    return _TRANSFORMS.get((block.kernel, block.dilation), Direct())

"""Which convolutions are computed as a discrete Fourier transform, and in what portions; constants, never timings.

The table was measured once and is part of what decides a score's last bits, so it depends on the layer and the kind of
device alone, never on the machine, its load or the number of threads. ``benchmarks/convolutions.py`` measures again.

Nanoseconds of processor time a position and layer, activation and writing included; one thread of a 2-core AMD EPYC
(Zen 4), torch 2.13 (oneDNN and MKL), 2026, while the machine had other work. Blocks are rows / at a time:

==== ======== ====== =============================== ============== =====
taps dilation direct by DFT, other sizes             by DFT, chosen times
==== ======== ====== =============================== ============== =====
41   25       824    80/4 344, 96/4 289, 128/4 274   112/4 278      3.0
21   10       445    48/12 259, 80/16 211, 96/8 223  64/16 214      2.1
11   4        265    32/32 218, 48/64 172, 64/32 182 48/48 172      1.5
11   1        263    32/128 225, 48/256 172          48/192 178     1.5
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
    (21, 10): Transform(rows=64, blocks=16),
    (11, 4): Transform(rows=48, blocks=48),
    (11, 1): Transform(rows=48, blocks=192),
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

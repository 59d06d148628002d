"""Which way of computing a convolution is the fastest: the measurement behind splicecore_splicenet's table of choices.

    python benchmarks/convolutions.py                 # every layer of the family; --layers 41,25 for one
    python benchmarks/convolutions.py --repeats 50    # on a machine that is not quiet

Each way computes one portion, as the engine does, on one thread: activation before, convolution, writing. Printed are
nanoseconds a position (processor time, the least of the repeats, taken in turns) and the largest difference from the
sum in float64, relative to the largest value. The table is in ``splicecore_splicenet/choices.py``; a change of it
changes the last bits of scores.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from splicecore_splicenet.choices import Direct
from splicecore_splicenet.dft import DFTConvolution
from splicecore_splicenet.network import DirectConvolution
from splicecore_splicenet.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable

    Convolution = DirectConvolution | DFTConvolution

CHANNELS = 32
CANDIDATES: dict[tuple[int, int], list[tuple[int, int]]] = {
    (41, 25): [(80, 4), (96, 2), (96, 4), (96, 8), (112, 4), (128, 2), (128, 4), (160, 4)],
    (21, 10): [(48, 12), (64, 8), (64, 16), (80, 4), (80, 8), (80, 16), (96, 8), (128, 8)],
    (11, 4): [(32, 32), (40, 32), (48, 16), (48, 32), (48, 48), (48, 64), (64, 32)],
    (11, 1): [(32, 128), (40, 128), (48, 64), (48, 128), (48, 192), (48, 256), (64, 128)],
}
"""Rows of a block and blocks at a time, by taps and dilation."""


def ways(taps: int, dilation: int, rng: np.random.Generator) -> dict[str, Convolution]:
    """Make the same convolution, in every way."""
    kernel = rng.normal(0, 1 / np.sqrt(taps * CHANNELS), (taps, CHANNELS, CHANNELS))
    bias = rng.normal(size=CHANNELS)
    choice = Direct()
    made: dict[str, Convolution] = {
        "direct": DirectConvolution(kernel, bias, dilation, unit=choice.unit, units=choice.units)
    }
    for rows, blocks in CANDIDATES[taps, dilation]:
        made[f"{rows} rows, {blocks} blocks"] = DFTConvolution(kernel, bias, dilation, rows=rows, blocks=blocks)
    return made


def portion(convolution: Convolution, scratch: Scratch) -> Callable[[], None]:
    """Return what computes one full portion."""
    rows = convolution.unit * convolution.units
    x = torch.randn(rows + convolution.reach, CHANNELS)
    scale, shift, written = torch.rand(CHANNELS), torch.rand(CHANNELS), torch.empty(rows, CHANNELS)

    def compute() -> None:
        active = scratch.take("active", *x.shape)
        torch.relu_(torch.addcmul(shift, x, scale, out=active))
        convolution.convolve(active, written, scratch)
        torch.relu_(written)

    return compute


def error(convolution: Convolution, scratch: Scratch, kernel: np.ndarray, bias: np.ndarray, dilation: int) -> float:
    """Largest difference from the sum in float64, relative to its largest value."""
    rows = convolution.unit * convolution.units
    x = torch.relu(torch.randn(rows + convolution.reach, CHANNELS, generator=torch.Generator().manual_seed(1)))
    result = torch.empty(rows, CHANNELS)
    convolution.convolve(x, result, scratch)
    exact = x.double().numpy()
    expected = sum(exact[t * dilation : t * dilation + rows] @ kernel[t] for t in range(len(kernel))) + bias
    return float(np.abs(result.double().numpy() - expected).max() / np.abs(expected).max())


def measure(taps: int, dilation: int, repeats: int) -> None:
    """Print the table of one layer."""
    scratch = Scratch()
    made = ways(taps, dilation, np.random.default_rng(0))
    rng = np.random.default_rng(0)  # once more, for the same kernel
    kernel = rng.normal(0, 1 / np.sqrt(taps * CHANNELS), (taps, CHANNELS, CHANNELS))
    bias = rng.normal(size=CHANNELS)
    jobs = {name: portion(convolution, scratch) for name, convolution in made.items()}
    least = dict.fromkeys(jobs, np.inf)
    for turn in range(repeats + 1):
        for name, job in jobs.items():
            started = time.thread_time_ns()
            job()
            if turn:
                least[name] = min(least[name], time.thread_time_ns() - started)
    print(f"\n{taps} taps, dilation {dilation}\n\n| way | ns a position | times direct | error |\n|---|---|---|---|")
    cost = {name: least[name] / (made[name].unit * made[name].units) for name in made}
    for name, convolution in made.items():
        off = error(convolution, scratch, kernel, bias, dilation)
        print(f"| {name} | {cost[name]:.0f} | {cost['direct'] / cost[name]:.2f} | {off:.1e} |", flush=True)


def main() -> None:
    """Measure every layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--layers", nargs="*", metavar="TAPS,DILATION")
    arguments = parser.parse_args()
    layers = [tuple(map(int, layer.split(","))) for layer in arguments.layers or []] or list(CANDIDATES)
    torch.set_num_threads(1)
    with torch.inference_mode():
        for taps, dilation in layers:
            measure(taps, dilation, arguments.repeats)


if __name__ == "__main__":
    main()

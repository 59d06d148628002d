"""The check that every base model makes of what it is asked to score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from splicecore.genome.encoding import N

if TYPE_CHECKING:
    import numpy.typing as npt

    from splicecore.plugins.specs import BaseModelSpec

__all__ = ["check_codes"]


def check_codes(codes: npt.NDArray[np.uint8], spec: BaseModelSpec) -> int:
    """Hold the caller of :meth:`BaseModel.predict` to the contract; base models call this first.

    Parameters
    ----------
    codes
        What ``predict`` was given.
    spec
        The model's descriptor as opened.

    Returns
    -------
    Number of positions L that each row asks for.

    Raises
    ------
    ValueError
        If the array is not uint8 of shape (n, left + L + right), holds other values than 0 to 4, or asks for more
        positions than the spec's ``max_positions`` at once.
    """
    context = spec.left + spec.right
    if not isinstance(codes, np.ndarray) or codes.dtype != np.uint8 or codes.ndim != 2:
        found = f"{codes.dtype} {codes.shape}" if isinstance(codes, np.ndarray) else type(codes).__name__
        raise ValueError(f"{spec.name} scores a uint8 array of shape (n, {context} + L), not {found}")
    rows, width = codes.shape
    length = int(width) - context
    if length < 0:
        raise ValueError(f"rows of {width} bases are shorter than {spec.name}'s context of {context}")
    if rows * length > spec.max_positions:
        raise ValueError(f"{rows} x {length} positions in one call; {spec.name} scores {spec.max_positions} at most")
    if codes.size and codes.max() > N:
        raise ValueError(f"{spec.name} was given the code {codes.max()}; bases are 0 to {N} (A, C, G, T, N)")
    return length

"""A signal along the genome, whatever file it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from splicecore.genome.contigs import Contigs
    from splicecore.tracks.config import TrackKind

__all__ = ["SignalTrack", "open_signal"]


class SignalTrack(Protocol):
    """An open signal file, bound to a reference."""

    def values(self, contig: str, start: int, end: int) -> npt.NDArray[np.float32]:
        """Read the values of a span.

        Parameters
        ----------
        contig
            The reference's name.
        start, end
            Genomic, 0-based, half-open; within the contig.

        Returns
        -------
        float32, shape (end - start,)
            NaN where the file has no value, on contigs that it does not have too.

        Raises
        ------
        InputError
            If the file turns out to be damaged there, or has an infinite value.
        """
        ...

    def close(self) -> None:
        """Close the file. May be called twice."""
        ...


def open_signal(path: Path, kind: TrackKind, contigs: Contigs, cache: Path) -> SignalTrack:
    """Open a bigWig or bedGraph file and bind it to a reference.

    Parameters
    ----------
    path
        The file.
    kind
        ``"bigwig"`` or ``"bedgraph"``.
    contigs
        Contigs of the reference.
    cache
        Folder of what can be computed again: the index of a bedGraph file.

    Raises
    ------
    InputError
        If the file is damaged, shares no contig with the reference, or does not fit its lengths.
    ContigError
        If its contigs cannot be told.
    MissingDependencyError
        If it is bigWig and pybigtools is not installed.
    """
    if kind == "bigwig":
        from splicecore.tracks.bigwig import BigWigTrack

        return BigWigTrack.open(path, contigs)
    from splicecore.tracks.bedgraph import BedGraphTrack

    return BedGraphTrack.open(path, contigs, cache)

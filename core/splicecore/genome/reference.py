"""The reference genome: bases by contig and position, on either strand, from plain or bgzip FASTA."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from splicecore.errors import ContigError, FastaError
from splicecore.genome.build import Build, check_build
from splicecore.genome.contigs import Contigs
from splicecore.genome.encoding import Codes, N, encode, reverse_complement
from splicecore.genome.fasta_index import FastaIndex, classify, ensure_index, verify_index
from splicecore.genome.htslib import quiet_htslib

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

__all__ = ["Reference"]


class Reference:
    """An opened reference genome; a context manager. Not picklable: every worker opens its own.

    Make it by :meth:`open`.

    Attributes
    ----------
    path
        The FASTA file.
    contigs
        Its contigs.
    build
        Its build, recognized from the contigs' lengths.
    """

    path: Path
    contigs: Contigs
    build: Build

    def __init__(self, path: Path, contigs: Contigs, build: Build, handle: Any) -> None:
        self.path = path
        self.contigs = contigs
        self.build = build
        self._handle = handle

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, build: str | None = None, cache: str | os.PathLike[str] | None = None
    ) -> Self:
        """Open a FASTA file, plain or compressed by bgzip. A missing index is made beside it, or else in the cache.

        Parameters
        ----------
        path
            The file.
        build
            The build that the user thinks it is (``"GRCh38"``, ``"hg19"``, ...); checked against the contigs' lengths.
        cache
            Folder for the index of a FASTA that lies where nothing can be written.

        Raises
        ------
        FastaError
            If the file is missing, empty, damaged, truncated, compressed by plain gzip, cannot be indexed, has a contig
            twice, or has an index that describes another file.
        ContigError
            If the contigs contradict ``build`` or their own accessions.
        """
        fasta = Path(path)
        kind = classify(fasta)
        fai, gzi = ensure_index(fasta, kind, None if cache is None else Path(cache))
        index = FastaIndex.read(fai)
        verify_index(fasta, index, gzi)
        contigs = Contigs(index.names, tuple(index.lengths.tolist()))
        found = Build.of(contigs) if build is None else check_build(build, contigs)
        return cls(fasta, contigs, found, _open_handle(fasta, fai, gzi))

    def fetch(self, contig: str, start: int, end: int) -> Codes:
        """Bases of the plus strand.

        Parameters
        ----------
        contig
            Any name of the contig.
        start, end
            0-based, half-open. They may reach beyond the contig's ends, or lie outside it altogether: N there.

        Returns
        -------
        uint8, shape (end - start,)
            Codes A, C, G, T, N = 0..4.

        Raises
        ------
        ContigError
            If the reference does not have the contig; near names are suggested.
        FastaError
            If the file turns out to be damaged there.
        """
        if end < start:
            raise ContigError(f"interval {contig}:{start}-{end} ends before it starts")
        name = self.contigs.require(contig)
        inside = max(start, 0), min(end, self.contigs.length(name))
        codes = np.full(end - start, N, dtype=np.uint8)
        if inside[0] < inside[1]:
            codes[inside[0] - start : inside[1] - start] = encode(self._read(name, *inside))
        return codes

    def fetch_oriented(self, contig: str, start: int, end: int, strand: str) -> Codes:
        """Bases of a strand, 5' to 3': those of :meth:`fetch`, reverse-complemented where ``strand`` is ``"-"``.

        Parameters
        ----------
        contig, start, end
            As for :meth:`fetch`: genomic, 0-based, half-open.
        strand
            ``"+"`` or ``"-"``.

        Returns
        -------
        uint8, shape (end - start,)
            On the minus strand the first base is the complement of genomic position ``end - 1``.
        """
        if strand not in ("+", "-"):
            raise ContigError(f"strand {strand!r} is neither '+' nor '-'")
        codes = self.fetch(contig, start, end)
        return codes if strand == "+" else reverse_complement(codes)

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._handle.close()

    def _read(self, name: str, start: int, end: int) -> str:
        try:
            with quiet_htslib():
                sequence: str = self._handle.fetch(name, start, end)
        except (OSError, ValueError) as error:
            raise FastaError(f"{self.path} cannot be read at {name}:{start + 1:,}-{end:,}: {error}") from error
        if len(sequence) != end - start:
            raise FastaError(
                f"{self.path} is damaged: {name}:{start + 1:,}-{end:,} has {len(sequence):,} bases",
                hint="fetch or copy it again",
            )
        return sequence

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Reference({str(self.path)!r}, build={self.build.name!r}, contigs={len(self.contigs)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Reference cannot be pickled: send its path and open it in the worker")


def _open_handle(path: Path, fai: Path, gzi: Path | None) -> Any:
    import pysam

    try:
        with quiet_htslib():
            return pysam.FastaFile(
                str(path),
                filepath_index=str(fai),
                filepath_index_compressed=None if gzi is None else str(gzi),
            )
    except (OSError, ValueError) as error:
        raise FastaError(f"FASTA file {path} cannot be opened: {error}") from error

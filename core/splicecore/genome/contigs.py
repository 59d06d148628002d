"""Names of contigs: one alias table, applied when files are opened.

``chr1``, ``1``, ``NC_000001.10`` and ``NC_000001.11`` are names of the same chromosome, the accessions of one build
each. The canonical name is UCSC's (``chr1``, ``chrX``, ``chrM``); names that follow no known pattern are their own.

The mitochondrion needs care: UCSC's hg19 has the older NC_001807 (16,571 bases) as ``chrM``, while everybody else's
``MT`` is NC_012920 (16,569 bases), with other coordinates. ``M``/``chrM`` and ``MT``/``chrMT`` are therefore aliases of
each other only where the reference's contig is not 16,571 bases long and the reference is not GRCh37, in whose
coordinates ``chrM`` may mean either sequence. The accessions name one sequence each and match by its length.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import ContigError
from splicecore.genome.assemblies import ACCESSIONS, ASSEMBLIES, HG19_CHRM_LENGTH, MT_LENGTH
from splicecore.genome.suggestions import near_names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Contigs", "canonical_name", "describe_names"]

_CHROMOSOME = re.compile(r"(?:chr)?(?P<body>[1-9]\d?[LRAB]?|[XYWZ]|[IVX]{1,5}|MT?)", re.IGNORECASE)
_MITOCHONDRIA: Mapping[str, int] = {
    "NC_012920.1": MT_LENGTH,
    "J01415.2": MT_LENGTH,
    "CP068254.1": MT_LENGTH,
    "NC_001807.4": HG19_CHRM_LENGTH,
}


def canonical_name(name: str) -> str:
    """UCSC's name of a chromosome (``"chr1"``, ``"chrX"``, ``"chrM"``); other names come back unchanged.

    Examples
    --------
    >>> canonical_name("1"), canonical_name("NC_000001.11"), canonical_name("MT"), canonical_name("GL000191.1")
    ('chr1', 'chr1', 'chrM', 'GL000191.1')
    """
    if name in ACCESSIONS:
        return ACCESSIONS[name][0]
    if name in _MITOCHONDRIA:
        return "chrM"
    match = _CHROMOSOME.fullmatch(name)
    if match is None:
        return name
    body = match["body"].upper()
    return "chrM" if body == "MT" else f"chr{body}"


def _mitochondrial_style(name: str) -> str:
    if name in _MITOCHONDRIA:
        return "M" if _MITOCHONDRIA[name] == HG19_CHRM_LENGTH else "MT"
    return "MT" if name.upper().endswith("T") else "M"


def describe_names(names: tuple[str, ...], *, count: int = 4) -> str:
    """List the first names, for messages: ``"chr1, chr2, chr4, chr5, ... (22 in all)"``."""
    shown = ", ".join(names[:count])
    return shown if len(names) <= count else f"{shown}, ... ({len(names)} in all)"


def _index(contigs: Contigs) -> dict[str, int]:
    return {name: order for order, name in enumerate(contigs.names)}


def _by_canonical_name(contigs: Contigs) -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for name in contigs.names:
        canonical = canonical_name(name)
        table[canonical] = (*table.get(canonical, ()), name)
    return table


def _is_grch37(contigs: Contigs) -> bool:
    # GRCh37's chromosomes have lengths that no other build has, so one of them is enough to know.
    lengths = ASSEMBLIES[0].lengths
    return any(lengths.get(canonical_name(n)) == size for n, size in zip(contigs.names, contigs.lengths, strict=True))


def _check_names(_: object, __: attrs.Attribute[tuple[str, ...]], names: tuple[str, ...]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ContigError(f"contig {name!r} occurs twice", hint="names of contigs must be unique")
        seen.add(name)


@attrs.frozen
class Contigs:
    """The contigs of a reference, in its order and with its own names.

    Attributes
    ----------
    names
        Names as in the reference.
    lengths
        Lengths in bases, same order.

    Raises
    ------
    ContigError
        If a name occurs twice or the numbers of names and lengths differ.
    """

    names: tuple[str, ...] = attrs.field(validator=_check_names)
    lengths: tuple[int, ...]
    _order: dict[str, int] = attrs.field(
        init=False, repr=False, eq=False, default=attrs.Factory(_index, takes_self=True)
    )
    _canonical: dict[str, tuple[str, ...]] = attrs.field(
        init=False, repr=False, eq=False, default=attrs.Factory(_by_canonical_name, takes_self=True)
    )
    _grch37: bool = attrs.field(init=False, repr=False, eq=False, default=False)

    def __attrs_post_init__(self) -> None:
        if len(self.names) != len(self.lengths):
            raise ContigError(f"{len(self.names)} names of contigs but {len(self.lengths)} lengths")
        object.__setattr__(self, "_grch37", _is_grch37(self))

    @classmethod
    def from_mapping(cls, lengths: Mapping[str, int]) -> Contigs:
        """Contigs from a mapping of name to length, in its order."""
        return cls(tuple(lengths), tuple(lengths.values()))

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: Any) -> bool:
        return name in self._order

    def resolve(self, name: str) -> str | None:
        """Find the reference's own name of a contig that may be named in another style; None if it has none.

        An exact match wins; then aliases are tried.

        Raises
        ------
        ContigError
            If several contigs of the reference answer to the name, or if the name is a RefSeq accession of another
            build than the reference's.
        """
        if name in self._order:
            return name
        candidates = self._canonical.get(canonical_name(name), ())
        if canonical_name(name) == "chrM":
            candidates = tuple(found for found in candidates if self._same_mitochondrion(name, found))
        if not candidates:
            return None
        if len(candidates) > 1:
            raise ContigError(
                f"contig {name!r} is ambiguous: the reference has {', '.join(candidates)}",
                hint="use the reference's own name",
            )
        self._check_accession(name, candidates[0])
        return candidates[0]

    def length(self, name: str) -> int:
        """Length in bases of a contig, by any of its names.

        Raises
        ------
        ContigError
            If the reference does not have it; the message suggests near names.
        """
        return self.lengths[self.order(name)]

    def order(self, name: str) -> int:
        """Index of a contig in the reference, by any of its names.

        Raises
        ------
        ContigError
            If the reference does not have it; the message suggests near names.
        """
        return self._order[self.require(name)]

    def require(self, name: str) -> str:
        """Like :meth:`resolve`, but a contig that the reference does not have is an error."""
        found = self.resolve(name)
        if found is None:
            near = near_names(name, self.names)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {describe_names(self.names)}"
            raise ContigError(f"the reference has no contig {name!r}", hint=hint)
        return found

    def _same_mitochondrion(self, name: str, found: str) -> bool:
        length = self.lengths[self._order[found]]
        if name in _MITOCHONDRIA:
            return length == _MITOCHONDRIA[name]
        if _mitochondrial_style(name) == _mitochondrial_style(found):
            return True
        return length != HG19_CHRM_LENGTH and not self._grch37

    def _check_accession(self, name: str, found: str) -> None:
        for accession in (name, found):
            if accession not in ACCESSIONS:
                continue
            canonical, assembly = ACCESSIONS[accession]
            length = self.lengths[self._order[found]]
            if length != assembly.lengths[canonical]:
                raise ContigError(
                    f"{name} was asked for, but {accession} is {canonical} of {assembly.name} "
                    f"({assembly.lengths[canonical]:,} bases) and the reference's {found} has {length:,}",
                    hint="reference and annotation must be of the same build",
                )

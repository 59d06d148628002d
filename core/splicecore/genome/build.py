"""Genome builds, recognized by the lengths of their chromosomes, never by a file's name."""

from __future__ import annotations

import hashlib

import attrs

from splicecore.errors import ContigError
from splicecore.genome.assemblies import ACCESSIONS, ASSEMBLIES, Assembly
from splicecore.genome.contigs import Contigs, canonical_name

__all__ = ["Build", "check_build"]


@attrs.frozen
class Build:
    """A genome build.

    Attributes
    ----------
    name
        ``"GRCh37"``, ``"GRCh38"``, ``"T2T-CHM13v2"``, or ``"custom-"`` and the first 8 digits of ``digest``.
    digest
        SHA-256 (hexadecimal) over the sorted canonical names and lengths of all contigs. Two references of one build
        have different digests if one of them lacks a contig; naming style and order make no difference.
    """

    name: str
    digest: str

    @classmethod
    def of(cls, contigs: Contigs) -> Build:
        """Recognize the build of a reference.

        All main chromosomes (1-22, X, Y) that are present must have the lengths of one build, otherwise it is custom.

        Raises
        ------
        ContigError
            If contigs are named by RefSeq accessions of another build than their lengths say.
        """
        digest = _digest(contigs)
        assembly = _recognize(contigs)
        if assembly is None:
            return cls(f"custom-{digest[:8]}", digest)
        for name in contigs.names:
            if name in ACCESSIONS and ACCESSIONS[name][1] is not assembly:
                raise ContigError(
                    f"contig {name} is named as one of {ACCESSIONS[name][1].name}, "
                    f"but the lengths of the reference's chromosomes are those of {assembly.name}",
                    hint="the names of the contigs are wrong",
                )
        return cls(assembly.name, digest)


def check_build(declared: str, contigs: Contigs) -> Build:
    """Check a declared build against the lengths of the reference's contigs.

    Parameters
    ----------
    declared
        A build's name or usual synonym (hg19, b37, hs37; hg38; chm13, hs1), in any case.
    contigs
        Contigs of the reference.

    Returns
    -------
    Build
        As recognized.

    Raises
    ------
    ContigError
        If the lengths contradict what was declared, or the declared name is not known.
    """
    build = Build.of(contigs)
    wanted = declared.strip().lower()
    if wanted == build.name.lower():
        return build
    assembly = next((known for known in ASSEMBLIES if wanted in known.synonyms), None)
    if assembly is None:
        known = ", ".join(known.name for known in ASSEMBLIES)
        raise ContigError(
            f"build {declared!r} is not known; the reference is {build.name}",
            hint=f"leave the build out or give one of {known}",
        )
    if assembly.name != build.name:
        raise ContigError(
            f"build {declared!r} was declared, but the reference is {build.name}: {_contradiction(assembly, contigs)}",
            hint="give the reference of the declared build, or leave the build out",
        )
    return build


def _main_lengths(contigs: Contigs) -> list[tuple[str, str, int]]:
    """Canonical name, own name and length of the main chromosomes that are present."""
    known = ASSEMBLIES[0].lengths
    pairs = zip(contigs.names, contigs.lengths, strict=True)
    return [(canonical_name(name), name, length) for name, length in pairs if canonical_name(name) in known]


def _recognize(contigs: Contigs) -> Assembly | None:
    present = _main_lengths(contigs)
    if not present:
        return None
    for assembly in ASSEMBLIES:
        if all(assembly.lengths[canonical] == length for canonical, _, length in present):
            return assembly
    return None


def _contradiction(assembly: Assembly, contigs: Contigs) -> str:
    for canonical, name, length in _main_lengths(contigs):
        expected = assembly.lengths[canonical]
        if length != expected:
            return f"its {name} has {length:,} bases, that of {assembly.name} has {expected:,}"
    return f"it has no chromosome of {assembly.name}"


def _digest(contigs: Contigs) -> str:
    pairs = sorted((canonical_name(name), length) for name, length in zip(contigs.names, contigs.lengths, strict=True))
    return hashlib.sha256("".join(f"{name}\t{length}\n" for name, length in pairs).encode()).hexdigest()

"""What is known of the human assemblies: lengths and RefSeq accessions of their chromosomes.

The lengths are those of the primary assemblies (patches do not change them). The version of a RefSeq accession tells
the assembly: NC_000001.10 is chromosome 1 of GRCh37, NC_000001.11 that of GRCh38, NC_060925.1 that of T2T-CHM13v2.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

import attrs

__all__ = ["ACCESSIONS", "ASSEMBLIES", "CHROMOSOMES", "HG19_CHRM_LENGTH", "MT_LENGTH", "Assembly"]

_T = TypeVar("_T")

CHROMOSOMES: tuple[str, ...] = (*(f"chr{number}" for number in range(1, 23)), "chrX", "chrY")
"""Canonical names of the main human chromosomes, without the mitochondrion."""

MT_LENGTH = 16_569
"""Length of NC_012920.1, the mitochondrial sequence of GRCh37 and GRCh38 (and of CHM13's own)."""

HG19_CHRM_LENGTH = 16_571
"""Length of NC_001807, which UCSC's hg19 has as chrM: other coordinates than MT."""


@attrs.frozen(kw_only=True)
class Assembly:
    """A human assembly.

    Attributes
    ----------
    name
        ``"GRCh37"``, ``"GRCh38"`` or ``"T2T-CHM13v2"``.
    synonyms
        Other names that users know it by, lower case.
    lengths
        Bases of each of :data:`CHROMOSOMES`, by canonical name.
    accessions
        RefSeq accession with version of each of :data:`CHROMOSOMES`, by canonical name.
    """

    name: str
    synonyms: frozenset[str]
    lengths: Mapping[str, int]
    accessions: Mapping[str, str]


def _by_chromosome(values: tuple[_T, ...]) -> Mapping[str, _T]:
    return MappingProxyType(dict(zip(CHROMOSOMES, values, strict=True)))


def _versions(*versions: int) -> Mapping[str, str]:
    return _by_chromosome(tuple(f"NC_{number:06d}.{version}" for number, version in enumerate(versions, start=1)))


_GRCH37 = Assembly(
    name="GRCh37",
    synonyms=frozenset({"grch37", "hg19", "b37", "hs37", "hs37d5", "g1k_v37"}),
    lengths=_by_chromosome(
        (
            249_250_621, 243_199_373, 198_022_430, 191_154_276, 180_915_260, 171_115_067, 159_138_663, 146_364_022,
            141_213_431, 135_534_747, 135_006_516, 133_851_895, 115_169_878, 107_349_540, 102_531_392, 90_354_753,
            81_195_210, 78_077_248, 59_128_983, 63_025_520, 48_129_895, 51_304_566, 155_270_560, 59_373_566,
        )
    ),
    accessions=_versions(10, 11, 11, 11, 9, 11, 13, 10, 11, 10, 9, 11, 10, 8, 9, 9, 10, 9, 9, 10, 8, 10, 10, 9),
)  # fmt: skip

_GRCH38 = Assembly(
    name="GRCh38",
    synonyms=frozenset({"grch38", "hg38", "b38", "hs38", "hs38dh", "hs38d1"}),
    lengths=_by_chromosome(
        (
            248_956_422, 242_193_529, 198_295_559, 190_214_555, 181_538_259, 170_805_979, 159_345_973, 145_138_636,
            138_394_717, 133_797_422, 135_086_622, 133_275_309, 114_364_328, 107_043_718, 101_991_189, 90_338_345,
            83_257_441, 80_373_285, 58_617_616, 64_444_167, 46_709_983, 50_818_468, 156_040_895, 57_227_415,
        )
    ),
    accessions=_versions(11, 12, 12, 12, 10, 12, 14, 11, 12, 11, 10, 12, 11, 9, 10, 10, 11, 10, 10, 11, 9, 11, 11, 10),
)  # fmt: skip

_CHM13 = Assembly(
    name="T2T-CHM13v2",
    synonyms=frozenset({"t2t-chm13v2", "t2t-chm13v2.0", "t2t-chm13", "chm13v2.0", "chm13v2", "chm13", "t2t", "hs1"}),
    lengths=_by_chromosome(
        (
            248_387_328, 242_696_752, 201_105_948, 193_574_945, 182_045_439, 172_126_628, 160_567_428, 146_259_331,
            150_617_247, 134_758_134, 135_127_769, 133_324_548, 113_566_686, 101_161_492, 99_753_195, 96_330_374,
            84_276_897, 80_542_538, 61_707_364, 66_210_255, 45_090_682, 51_324_926, 154_259_566, 62_460_029,
        )
    ),
    accessions=_by_chromosome(tuple(f"NC_{60_925 + index:06d}.1" for index in range(24))),
)  # fmt: skip

ASSEMBLIES: tuple[Assembly, ...] = (_GRCH37, _GRCH38, _CHM13)
"""The assemblies that are recognized by their lengths."""

ACCESSIONS: Mapping[str, tuple[str, Assembly]] = MappingProxyType(
    {accession: (name, assembly) for assembly in ASSEMBLIES for name, accession in assembly.accessions.items()}
)
"""Canonical name and assembly of each RefSeq accession with version, nuclear chromosomes only."""

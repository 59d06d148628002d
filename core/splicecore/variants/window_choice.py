"""Whether alleles are scored in tiles or each in a window of its own: by how many there are in a tile."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

from splicecore.variants.windows import TILE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from splicecore.variants.rules import Windows
    from splicecore.variants.vcf import VcfRecord

__all__ = ["choose_windows"]

logger = logging.getLogger(__name__)

_RECORDS = 50_000
_ENOUGH = 2.5
"""Sites in a tile from which on it is cheaper; see docs/results/variants_accuracy.md, "Speed"."""


def choose_windows(records: Iterable[VcfRecord]) -> Windows:
    """Choose by the first 50,000 records: ``"tile"`` if a tile that has any has 2.5 sites or more on average.

    Tiles are counted on the genome, of :data:`~splicecore.variants.windows.TILE` bases. The choice is that of the whole
    input, so all shards of it come to the same one. Scores differ by up to 1e-6 between the two.
    """
    sites = {(record.contig, record.position) for record in itertools.islice(records, _RECORDS)}
    tiles = {(contig, position // TILE) for contig, position in sites}
    windows: Windows = "tile" if len(sites) >= _ENOUGH * len(tiles) else "allele"
    logger.info("%d sites in %d tiles of %d bases: scored by %s", len(sites), len(tiles), TILE, windows)
    return windows

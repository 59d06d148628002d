"""Variants that are given as a list: scored as a VCF would be."""

from __future__ import annotations

import re
import tempfile
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splicecore.errors import InputError
from splicecore.options import given_options
from splicecore.variants.config import variants_config
from splicecore.variants.workflow import score_variants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from splicecore.session import Session

__all__ = ["score_listed"]

_HEADER = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
_END = 10**11  # no contig has more bases
_WORD = re.compile(r"\S+")


def score_listed(
    session: Session, variants: str | Path | Iterable[tuple[str, int, str, str]], options: Mapping[str, Any]
) -> pa.Table:
    """Score variants; see :meth:`splicecore.session.Session.score_variants`.

    Raises
    ------
    InputError
        If there is no variant, or one is not (contig, position, REF, ALT); names its place in the list.
    """
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory(prefix="splicecore-") as folder:
        if isinstance(variants, str | Path):
            path = Path(variants)
        else:
            path = Path(folder) / "variants.vcf"
            with path.open("w", encoding="utf-8") as target:
                target.write(_HEADER)
                written = 0
                for number, variant in enumerate(variants):
                    written += target.write(_line(number, variant))
            if not written:
                raise InputError("there are no variants")
        output = Path(folder) / "scores.parquet"
        places = {"input": str(path), "output": str(output)}
        score_variants(session, variants_config({**given_options(options), **places}))
        return pq.read_table(output)


def _line(number: int, variant: tuple[str, int, str, str]) -> str:
    try:
        contig, position, ref, alt = variant
        good = 0 <= index(position) < _END and all(_WORD.fullmatch(text) for text in (contig, ref, alt))
    except (TypeError, ValueError):
        good = False
    if not good:
        raise InputError(f"variant {number} is {variant!r}", hint="it must be (contig, position from 0, REF, ALT)")
    return f"{contig}\t{index(position) + 1}\t.\t{ref}\t{alt}\t.\t.\t.\n"

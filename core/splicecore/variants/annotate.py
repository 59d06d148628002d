"""From results to the values of INFO tags, and to the records that VEP's plugin reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from splicecore.variants.alleles import Unscored
from splicecore.variants.info import InfoTag, ScoreText, escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from splicecore.variants.results import ResultRow
    from splicecore.variants.transcripts import Transcripts

__all__ = ["Annotator", "main_transcripts"]


def main_transcripts(transcripts: Transcripts, canonical: Transcripts) -> frozenset[int] | None:
    """Choose the transcripts whose scores go into the tag of SpliceAI's format, one a gene.

    Parameters
    ----------
    transcripts
        All that are scored in.
    canonical
        Those that would be by ``"canonical"``.

    Returns
    -------
    Their places in ``transcripts``: of each gene the canonical one, or the first where that is not scored in; None for
    all of them.
    """
    if transcripts.choice == "canonical":
        return None
    preferred = {(one.contig, one.gene_id, one.transcript_id) for one in canonical}
    chosen: dict[tuple[str, str, str], tuple[bool, int]] = {}
    for one in transcripts:
        gene = (one.contig, one.strand, one.gene_id)
        rank = ((one.contig, one.gene_id, one.transcript_id) not in preferred, one.order)
        chosen[gene] = min(chosen.get(gene, rank), rank)
    return frozenset(order for _, order in chosen.values())


@attrs.frozen(kw_only=True)
class Annotator:
    """Makes the values of INFO tags.

    Attributes
    ----------
    tags
        Of each base model.
    text
        How scores are written.
    main
        Places of the transcripts that go into SpliceAI's own format; None for all.
    reasons
        Whether to say why alleles have no scores.
    """

    tags: tuple[InfoTag, ...]
    text: ScoreText
    main: frozenset[int] | None = None
    reasons: bool = False

    @property
    def written(self) -> tuple[str, ...]:
        """All tags that may be written; those that a record has from before give way."""
        names = []
        for tag in self.tags:
            names += [tag.name, *([] if self.main is None else [tag.transcripts])]
            names += [tag.reasons] if self.reasons else []
        return tuple(names)

    def header(self, version: str, fingerprints: dict[str, str]) -> list[bytes]:
        """Lines that declare the tags."""
        return [
            line
            for tag in self.tags
            for line in tag.header(
                version, fingerprints[tag.model], transcripts=self.main is not None, reasons=self.reasons
            )
        ]

    def values(self, rows: Sequence[ResultRow]) -> dict[str, str]:
        """Return tag -> value for the rows of one record; only tags that have one."""
        values = {}
        for tag in self.tags:
            own = [row for row in rows if row.base_model == tag.model]
            values[tag.name] = ",".join(self._scores(row) for row in own if self._is_main(row) and _shown(row))
            if self.main is not None:
                further = [row for row in own if not self._is_main(row) and _shown(row)]
                values[tag.transcripts] = ",".join(self._scores(row, transcript=True) for row in further)
            if self.reasons:
                values[tag.reasons] = ",".join(_reason(row) for row in own if row.unscored is not None)
        return {name: value for name, value in values.items() if value}

    def vep_records(self, rows: Sequence[ResultRow]) -> Iterator[bytes]:
        """Yield one line for each ALT and gene that has scores, with these as its only INFO."""
        for tag in self.tags:
            for row in rows:
                if row.base_model == tag.model and row.scores is not None and self._is_main(row):
                    place = f"{row.contig}\t{row.position + 1}\t.\t{row.ref}\t{row.alt}\t.\t."
                    yield f"{place}\t{tag.name}={self._scores(row)}".encode()

    def _is_main(self, row: ResultRow) -> bool:
        return self.main is None or row.order in self.main

    def _scores(self, row: ResultRow, *, transcript: bool = False) -> str:
        names = [row.gene_name or "."]
        if transcript:
            names += [row.transcript_id or ".", row.strand or "."]
        return self.text.fields(row.alt, names, row.scores, row.offsets)


def _shown(row: ResultRow) -> bool:
    """Whether a row has a field in the tag of scores: with scores, or with SpliceAI's dots."""
    return row.scores is not None or (row.unscored == Unscored.MNV_NOT_SCORED and row.gene_name is not None)


def _reason(row: ResultRow) -> str:
    return "|".join(
        (escape(row.alt), escape(row.gene_name or "."), escape(row.transcript_id or "."), row.unscored or ".")
    )

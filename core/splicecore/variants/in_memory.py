"""Haplotypes, and variants of sequences that are in no genome: scored from memory, as tables."""

from __future__ import annotations

import contextlib
from operator import index
from typing import TYPE_CHECKING, Any, Self

import attrs
import pyarrow as pa

from splicecore.errors import ConfigError, InputError
from splicecore.genome.reference import Reference
from splicecore.options import given_options
from splicecore.session import Session
from splicecore.variants.alleles import Job, Variant
from splicecore.variants.config import VariantsConfig, variants_config
from splicecore.variants.delta import delta_scores
from splicecore.variants.haplotypes import HaplotypeResult, SequenceReference
from splicecore.variants.scorer import AlleleResult, VariantScorer
from splicecore.variants.tables import ROWS, SCORES, Place, result_rows, score_table
from splicecore.variants.transcripts import Transcript, Transcripts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


__all__ = ["require_sequences", "score_haplotypes", "score_in_sequences"]

_Listed = tuple[str, int, str, str]


def score_in_sequences(
    session: Session,
    variants: Iterable[_Listed],
    sequences: Mapping[str, str],
    exons: Mapping[str, Sequence[tuple[int, int]]] | None,
    options: Mapping[str, Any],
) -> pa.Table:
    """Score variants of sequences; see :meth:`splicecore.session.Session.score_variants`."""
    with _Scorers.of_sequences(session, sequences, exons, options) as scorers:
        jobs = []
        for number, listed in enumerate(variants):
            variant = _variant(listed, f"variant {number}")
            found: list[Transcript | None] = [*scorers.at([variant])]
            jobs += [(number, Job(variant, transcript)) for transcript in found or [None]]
        if not jobs:
            raise InputError("there are no variants")
        results: list[tuple[Place, AlleleResult]] = []
        for name, scorer in scorers.opened():
            scored = scorer.score([job for _, job in jobs])
            results += [(scorers.place(record, name), one) for (record, _), one in zip(jobs, scored, strict=True)]
        return _table(results)


def score_haplotypes(
    session: Session,
    haplotypes: Iterable[Sequence[_Listed]],
    sequences: Mapping[str, str] | None,
    exons: Mapping[str, Sequence[tuple[int, int]]] | None,
    options: Mapping[str, Any],
) -> pa.Table:
    """Score haplotypes; see :meth:`splicecore.session.Session.score_haplotypes`."""
    require_sequences(sequences, exons)
    opened = (
        _Scorers.of_genome(session, options)
        if sequences is None
        else _Scorers.of_sequences(session, sequences, exons, options)
    )
    with opened as scorers:
        listed = [
            [_variant(one, f"haplotype {number}") for one in haplotype] for number, haplotype in enumerate(haplotypes)
        ]
        if not listed:
            raise InputError("there are no haplotypes")
        results: list[tuple[Place, AlleleResult]] = []
        for name, scorer in scorers.opened():
            for record, variants in enumerate(listed):
                if not variants:
                    raise InputError(f"haplotype {record} has no variants")
                found = scorers.at(variants)
                if not found:
                    raise InputError(f"haplotype {record} lies in no transcript: {', '.join(map(str, variants))}")
                results += [
                    (scorers.place(record, name), _of_haplotype(scorer.score_haplotype(variants, transcript)))
                    for transcript in found
                ]
        return _table(results)


def require_sequences(sequences: Mapping[str, str] | None, exons: Mapping[str, Any] | None) -> None:
    """Refuse exons where there are no sequences that they could be of.

    Raises
    ------
    ConfigError
        If there are.
    """
    if sequences is None and exons is not None:
        raise ConfigError("exons are given, and no sequences that they are of", hint="a genome's are in the annotation")


@attrs.frozen(kw_only=True, eq=False)
class _Scorers(contextlib.AbstractContextManager["_Scorers"]):
    """What is scored with: genome or sequences, transcripts, and base models that are opened one after the other."""

    session: Session
    config: VariantsConfig
    reference: Reference
    transcripts: Transcripts | dict[str, Transcript]
    build: str

    @classmethod
    def of_genome(cls, session: Session, options: Mapping[str, Any]) -> Self:
        from splicecore.variants.opening import open_inputs_of

        config = _config(given_options(options))
        inputs = open_inputs_of(session, config)
        return cls(
            session=session,
            config=config,
            reference=inputs.resources.reference(session.cache_dir),
            transcripts=Transcripts.of(inputs.resources.annotation(), config.transcripts),
            build=inputs.resources.build.name,
        )

    @classmethod
    def of_sequences(
        cls,
        session: Session,
        sequences: Mapping[str, str],
        exons: Mapping[str, Sequence[tuple[int, int]]] | None,
        options: Mapping[str, Any],
    ) -> Self:
        if not sequences or not all(sequences.values()):
            raise InputError("there is no sequence, or one is empty")
        unknown = [name for name in exons or {} if name not in sequences]
        if unknown:
            raise InputError(f"exons are given for {', '.join(unknown)}, of which there is no sequence")
        reference = SequenceReference(sequences)
        whole = {
            name: _construct(name, len(letters), (exons or {}).get(name), order)
            for order, (name, letters) in enumerate(sequences.items())
        }
        config = _config({"pad_ends": True, **given_options(options)})
        return cls(session=session, config=config, reference=reference, transcripts=whole, build=reference.build.name)

    def at(self, variants: Sequence[Variant]) -> list[Transcript]:
        """Transcripts in which POS of any of the variants lies, in the order of the table."""
        found: dict[int, Transcript] = {}
        for one in variants:
            if isinstance(self.transcripts, Transcripts):
                here = self.transcripts.at(one.contig, one.position)
            else:
                sequence = self.transcripts.get(one.contig)
                here = [sequence] if sequence is not None and 0 <= one.position < sequence.length else []
            found |= {transcript.order: transcript for transcript in here}
        return [found[order] for order in sorted(found)]

    def opened(self) -> Iterator[tuple[str, VariantScorer]]:
        """Yield name and scorer of each base model, open meanwhile."""
        for name in self.config.base_model:
            spec, request, _ = self.session.open_request(self.config.pass_config(name))
            with contextlib.closing(self.session.host.open_base_model(spec, request)) as model:
                yield spec.name, VariantScorer(model, self.reference, self.config.rules)

    def place(self, record: int, model: str) -> Place:
        return Place(record=record, allele=0, base_model=model, build=self.build)

    def __exit__(self, *_: object) -> None:
        self.reference.close()


def _config(options: Mapping[str, Any]) -> VariantsConfig:
    config = variants_config(options)
    if config.meta_model is not None:
        raise ConfigError("haplotypes and sequences are scored by base models only", hint="leave meta_model out")
    return config


def _construct(name: str, length: int, exons: Sequence[tuple[int, int]] | None, order: int) -> Transcript:
    """Make a sequence one transcript of the plus strand; without exons all of it is one."""
    spans = sorted(exons) if exons else [(0, length)]
    for (start, end), after in zip(spans, [*(start for start, _ in spans[1:]), length], strict=True):
        if not 0 <= start < end <= after:
            raise InputError(
                f"exon {start}-{end} of {name} is empty, overlaps the next or leaves the sequence ({length} bases)"
            )
    starts, ends = zip(*spans, strict=True)
    return Transcript(name, name, name, name, "+", 0, length, tuple(starts), tuple(ends), order)


def _variant(listed: Any, where: str) -> Variant:
    try:
        contig, position, ref, alt = listed
        return Variant(str(contig), index(position), str(ref), str(alt))
    except (TypeError, ValueError) as error:
        raise InputError(f"{where} has {listed!r}", hint="it must be (contig, position from 0, REF, ALT)") from error


def _of_haplotype(result: HaplotypeResult) -> AlleleResult:
    merged = result.haplotype.merged
    _, raw = delta_scores(result.tracks, merged.position, None)
    return AlleleResult(job=Job(merged, result.transcript), delta=result.delta, raw=raw)


def _table(results: list[tuple[Place, AlleleResult]]) -> pa.Table:
    """Make the table, by record, base model, transcript."""
    results.sort(key=lambda item: item[0].record)
    rows = result_rows(results)
    assert rows.schema == ROWS
    return pa.Table.from_batches([score_table(rows)], SCORES)

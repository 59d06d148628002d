"""The single checks of derived resources; each says what it found as a :class:`ResourceCheck`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

from splicecore.errors import ContigError, FastaError
from splicecore.genome.arrow import codes_of, labels, numbers
from splicecore.genome.build import Build, check_build
from splicecore.genome.contigs import Contigs, canonical_name, describe_names
from splicecore.resources.importing import known_build

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from splicecore.resources.motif_shares import MotifCounts
    from splicecore.resources.resource_set import ResourceSet

__all__ = [
    "Outcome",
    "ResourceCheck",
    "check_contigs",
    "check_coordinates",
    "check_files",
    "check_gene_ids",
    "check_index",
    "check_inputs",
    "check_motifs",
    "check_recorded_build",
    "check_sites",
    "check_symmetry",
    "genes_without_sites",
    "repeated_gene_ids",
]

Outcome = Literal["passed", "noted", "not judged", "failed", "damaged"]

_ENOUGH = 20
_ASYMMETRY = 0.02
_LISTED = 5


@attrs.frozen
class ResourceCheck:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What.
    outcome
        ``"passed"``; ``"noted"``: not wrong, but worth knowing; ``"not judged"``: too little to judge by, or not
        readable; ``"failed"``: cannot be used as it is; ``"damaged"``: files that are not what was derived.
    message
        What was found.
    """

    name: str
    outcome: Outcome
    message: str


def check_files(resources: ResourceSet) -> ResourceCheck:
    """Compare every file with its hash in the manifest."""
    problems = resources.verify()
    if problems:
        return ResourceCheck("files", "damaged", "; ".join(problems))
    files = sum(len(record.checksums) for record in resources.manifest.datasets.values())
    return ResourceCheck("files", "passed", f"{files} files are as they were derived")


def check_inputs(resources: ResourceSet) -> ResourceCheck:
    """Check that genome and annotation are what everything was derived from; raises ``ChecksumError`` otherwise."""
    resources.check_inputs()
    names = f"{resources.fasta.name} and {resources.annotation_path.name}"
    return ResourceCheck("inputs", "passed", f"{names} are what the datasets were derived from")


def check_index(resources: ResourceSet) -> ResourceCheck:
    """Check that the genome's index is there, describes it, and has the manifest's contigs; nothing is made."""
    from splicecore.genome.fasta_index import FastaIndex, classify, verify_index

    fasta = resources.fasta
    try:
        compressed = classify(fasta) == "bgzip"
        fai, gzi = (fasta.with_name(fasta.name + suffix) for suffix in (".fai", ".gzi"))
        missing = [path for path in (fai, *([gzi] if compressed else [])) if not path.is_file()]
        if missing:
            return _without_index(missing[0], writable=os.access(fasta.parent, os.W_OK))
        index = FastaIndex.read(fai)
        verify_index(fasta, index, gzi if compressed else None)
    except FastaError as error:
        return ResourceCheck("index", "failed", str(error))
    if Contigs(index.names, tuple(index.lengths.tolist())) != resources.contigs:
        return ResourceCheck("index", "failed", f"{fai} has other contigs than {resources.folder} was derived from")
    return ResourceCheck("index", "passed", f"{fai.name} describes the genome")


def _without_index(path: Any, *, writable: bool) -> ResourceCheck:
    if writable:
        return ResourceCheck("index", "failed", f"{path} is missing: samtools faidx makes it")
    return ResourceCheck(
        "index", "noted", f"{path} is missing; an index is made in the cache when the genome is opened"
    )


def check_recorded_build(resources: ResourceSet) -> ResourceCheck:
    """Check the build by the lengths of the contigs, and against the key's name where that is a known one."""
    contigs, key = resources.contigs, resources.key
    declared = None if key is None else known_build(key.build)
    try:
        found = Build.of(contigs) if declared is None else check_build(declared, contigs)
    except ContigError as error:
        return ResourceCheck("build", "failed", str(error))
    if found != resources.build:
        return ResourceCheck("build", "failed", f"the contigs are of {found.name}, not {resources.build.name}")
    return ResourceCheck("build", "passed", f"{found.name} by the lengths of {len(contigs)} contigs")


def check_contigs(resources: ResourceSet) -> ResourceCheck:
    """Tell which contigs of the annotation the genome does not have."""
    unmatched, only = resources.manifest.unmatched, resources.manifest.only_contigs
    limited = f"; the datasets are restricted to {describe_names(only)}" if only else ""
    if not unmatched:
        return ResourceCheck("contigs", "passed", f"the genome has every contig of the annotation{limited}")
    named = describe_names(tuple(unmatched))
    text = f"{sum(unmatched.values()):,} genes lie on contigs that the genome does not have: {named}"
    return ResourceCheck("contigs", "noted", text + limited)


def check_coordinates(resources: ResourceSet) -> ResourceCheck:
    """Check that everything is longer than nothing, inside its contig, and inside what it is a part of."""
    spans = ("contig", "start", "end")
    genes = resources.table("gene_features", [*spans, "gene_id"])
    transcripts = resources.table("transcript_features", [*spans, "gene", "transcript_id"])
    exons = resources.table("exon_features", [*spans, "transcript", "transcript_id"])
    sites = resources.table("splice_sites", ["position", "gene", "gene_id"])
    lengths = dict(zip(resources.contigs.names, resources.contigs.lengths, strict=True))
    for what, table, name in (
        ("gene", genes, "gene_id"), ("transcript", transcripts, "transcript_id"), ("exon", exons, "transcript_id")
    ):  # fmt: skip
        codes, words = codes_of(table, "contig")
        ends = np.array([lengths.get(contig, -1) for contig in words], dtype=np.int64)[codes]
        start, end = numbers(table, "start"), numbers(table, "end")
        problem = _first_wrong(table, name, (start < 0) | (start >= end) | (end > ends), f"{what}s")
        if problem:
            return ResourceCheck("coordinates", "failed", f"{problem} of no length or beyond the contig's ends")
    for what, part, whole, parent, name in (
        ("transcripts", transcripts, genes, "gene", "transcript_id"),
        ("exons", exons, transcripts, "transcript", "transcript_id"),
    ):
        problem = _first_wrong(part, name, _outside(part, whole, numbers(part, parent)), what)
        if problem:
            return ResourceCheck("coordinates", "failed", f"{problem} outside their {parent}")
    gene, position = numbers(sites, "gene"), numbers(sites, "position")
    outside = (position < numbers(genes, "start")[gene]) | (position >= numbers(genes, "end")[gene])
    problem = _first_wrong(sites, "gene_id", outside, "splice sites")
    if problem:
        return ResourceCheck("coordinates", "failed", f"{problem} outside their gene")
    counted = f"{len(genes):,} genes, {len(transcripts):,} transcripts, {len(exons):,} exons, {len(sites):,} sites"
    return ResourceCheck("coordinates", "passed", f"{counted}: all inside their contigs")


def _outside(part: pa.Table, whole: pa.Table, parent: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    outside: npt.NDArray[np.bool_] = (numbers(part, "start") < numbers(whole, "start")[parent]) | (
        numbers(part, "end") > numbers(whole, "end")[parent]
    )
    return outside


def _first_wrong(table: pa.Table, name: str, wrong: npt.NDArray[np.bool_], what: str) -> str | None:
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return None
    return f"{len(rows):,} {what} (first: of {table.column(name)[int(rows[0])].as_py()}) are"


def check_motifs(counts: MotifCounts, gate: float) -> ResourceCheck:
    """Check that enough sites of a strand and type have a motif of splicing."""
    name = f"motifs {counts.strand} {counts.subject}"
    if counts.known < _ENOUGH:
        text = f"{counts.known} sites in known sequence; {_ENOUGH} are needed"
        return ResourceCheck(name, "not judged", text)
    shares = ", ".join(f"{motif} {count / counts.known:.2%}" for motif, count in counts.counts.items())
    text = f"{counts.share:.2%} of {counts.known:,} known sites ({shares}); at least {gate:.0%} must be"
    return ResourceCheck(name, "passed" if counts.share >= gate else "failed", text)


def check_symmetry(counts: Sequence[MotifCounts]) -> ResourceCheck:
    """Check that both strands are equally well annotated: shifted coordinates show on one strand first."""
    sites = {(one.strand, one.subject): one for one in counts if one.subject != "intron"}
    if any(one.known < _ENOUGH for one in sites.values()):
        return ResourceCheck("strand symmetry", "not judged", "a strand has too few sites in known sequence")
    texts, failed = [], False
    for subject in ("acceptor", "donor"):
        plus, minus = sites["+", subject], sites["-", subject]
        error = sum(one.share * (1 - one.share) / one.known for one in (plus, minus)) ** 0.5
        difference = abs(plus.share - minus.share)
        failed |= difference > _ASYMMETRY + 3 * error
        texts.append(f"{subject}s {plus.share:.2%} and {minus.share:.2%}")
    text = f"shares on + and -: {', '.join(texts)}"
    return ResourceCheck("strand symmetry", "failed" if failed else "passed", text)


def repeated_gene_ids(resources: ResourceSet) -> dict[str, tuple[str, ...]]:
    """Places (contig, strand, 1-based first base and end) of every gene_id that is at several of them."""
    genes = resources.table("gene_features", ["gene_id", "contig", "strand", "start", "end"])
    ids = np.array(labels(genes, "gene_id"), dtype=object)
    names, group = np.unique(ids, return_inverse=True)
    repeated = np.bincount(group, minlength=len(names)) > 1
    places: dict[str, list[str]] = {}
    for row in genes.take(np.flatnonzero(repeated[group])).to_pylist():
        places.setdefault(row["gene_id"], []).append(f"{row['contig']}:{row['strand']}:{row['start'] + 1}-{row['end']}")
    return {name: tuple(found) for name, found in sorted(places.items())}


def check_gene_ids(repeated: dict[str, tuple[str, ...]]) -> ResourceCheck:
    """Tell which gene_ids are at several places; twice on one contig and strand is an error, X and Y are expected."""
    loci = {name: [tuple(place.rsplit(":", 2)[:2]) for place in places] for name, places in repeated.items()}
    twice = [name for name, found in loci.items() if len(set(found)) < len(found)]
    if twice:
        named = describe_names(tuple(twice), count=_LISTED)
        return ResourceCheck("gene ids", "failed", f"{len(twice)} ids occur twice on one contig and strand: {named}")
    pairs = [name for name, found in loci.items() if {canonical_name(one[0]) for one in found} == {"chrX", "chrY"}]
    others = [name for name in repeated if name not in set(pairs)]
    par = f"{len(pairs)} ids are on X and Y (pseudoautosomal regions)" if pairs else ""
    if not others:
        return ResourceCheck("gene ids", "passed", par or "every id is at one place")
    text = f"{len(others)} ids are at several places: {describe_names(tuple(others), count=_LISTED)}"
    return ResourceCheck("gene ids", "noted", f"{text}; {par}" if par else text)


def genes_without_sites(resources: ResourceSet) -> tuple[tuple[str, bool], ...]:
    """Ids of the genes without splice sites, and whether every transcript of them has a single exon."""
    genes = resources.table("gene_features", ["gene_id", "n_splice_sites"])
    transcripts = resources.table("transcript_features", ["gene", "num_exons"])
    most = np.zeros(len(genes), dtype=np.int64)
    np.maximum.at(most, numbers(transcripts, "gene"), numbers(transcripts, "num_exons"))
    rows = np.flatnonzero(numbers(genes, "n_splice_sites") == 0)
    names = labels(genes.take(rows), "gene_id")
    return tuple(zip(names, (most[rows] <= 1).tolist(), strict=True))


def check_sites(without: Sequence[tuple[str, bool]], total: int) -> ResourceCheck:
    """Tell how many genes have no splice site, and which have none though a transcript has several exons."""
    if len(without) == total:
        return ResourceCheck("genes without sites", "failed", f"none of {total:,} genes has a splice site")
    if not without:
        return ResourceCheck("genes without sites", "passed", f"all of {total:,} genes have splice sites")
    others = [name for name, single in without if not single]
    text = f"{len(without):,} of {total:,} genes have none, {len(without) - len(others):,} of them single-exon genes"
    if others:
        text += f"; not: {describe_names(tuple(others), count=_LISTED)}"
    return ResourceCheck("genes without sites", "noted", text)

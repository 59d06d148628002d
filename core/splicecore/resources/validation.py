"""Whether derived resources can be trusted: their files, their inputs, and what the genome says to the annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from splicecore.errors import ChecksumError, ExitCode, ResourceError
from splicecore.resources import validation_checks as checks
from splicecore.resources.motif_shares import MotifCounts, intron_motifs, site_motifs
from splicecore.resources.validation_checks import ResourceCheck

if TYPE_CHECKING:
    from collections.abc import Callable

    from splicecore.resources.resource_set import ResourceSet

__all__ = ["ResourceCheck", "ResourceValidation", "validate_resources"]

_T = TypeVar("_T")

_SITE_COLUMNS = ("contig", "strand", "position", "site_type", "transcript", "motif")


@attrs.frozen(kw_only=True)
class ResourceValidation:
    """What was found of derived resources.

    Attributes
    ----------
    folder
        Where they are.
    gate
        Least share of motifs of splicing of every strand and type.
    checks
        In the order in which they were made.
    motifs
        Motifs of the sites of each strand and type, then of the introns of each strand; empty if the sites cannot be
        read.
    genes_without_sites
        Ids of genes without any splice site, in the order of the genes, and whether all their transcripts have a single
        exon.
    repeated_gene_ids
        Places of each gene_id that is at several: contig, strand, first base (1-based) and end, as in ``chr1:+:11-20``.
    """

    folder: str
    gate: float
    checks: tuple[ResourceCheck, ...]
    motifs: tuple[MotifCounts, ...] = ()
    genes_without_sites: tuple[tuple[str, bool], ...] = ()
    repeated_gene_ids: dict[str, tuple[str, ...]] = attrs.field(factory=dict)

    @property
    def issues(self) -> list[str]:
        """What is wrong, one line each."""
        wrong = ("failed", "damaged")
        return [f"{check.name}: {check.message}" for check in self.checks if check.outcome in wrong]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.issues

    @property
    def exit_code(self) -> ExitCode:
        """5 if files are damaged, 3 if a check failed, else 0."""
        outcomes = {check.outcome for check in self.checks}
        if "damaged" in outcomes:
            return ExitCode.RESOURCE
        return ExitCode.INPUT if "failed" in outcomes else ExitCode.OK

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-able values."""
        return {
            "folder": self.folder,
            "passed": self.passed,
            "gate": self.gate,
            "checks": [attrs.asdict(check) for check in self.checks],
            "issues": self.issues,
            "motifs": [counts.to_json() for counts in self.motifs],
            "genes_without_sites": [
                {"gene_id": name, "single_exon": single} for name, single in self.genes_without_sites
            ],
            "repeated_gene_ids": {name: list(places) for name, places in self.repeated_gene_ids.items()},
        }


def validate_resources(resource_set: ResourceSet, gate: float = 0.95) -> ResourceValidation:
    """Validate derived resources. Nothing is written, and what is wrong with them is in the result, not raised.

    Parameters
    ----------
    resource_set
        Opened resources with at least gene_features, transcript_features, exon_features and splice_sites.
    gate
        Least share, 0-1, of sites of each strand and type that must have a motif of splicing (donors GT, GC, AT;
        acceptors AG, AC). Fewer than 20 sites in known sequence are not judged.
    """
    report = _Report()
    for name, check in (
        ("files", checks.check_files),
        ("inputs", checks.check_inputs),
        ("index", checks.check_index),
        ("build", checks.check_recorded_build),
        ("contigs", checks.check_contigs),
        ("coordinates", checks.check_coordinates),
    ):
        report.add(report.attempt(name, check, resource_set))
    motifs = report.attempt("motifs", _motifs, resource_set) or ()
    for counts in motifs:
        if counts.subject != "intron":
            report.add(checks.check_motifs(counts, gate))
    if motifs:
        report.add(checks.check_symmetry(motifs))
    repeated = report.attempt("gene ids", checks.repeated_gene_ids, resource_set)
    if repeated is not None:
        report.add(checks.check_gene_ids(repeated))
    without = report.attempt("genes without sites", checks.genes_without_sites, resource_set)
    if without is not None:
        report.add(checks.check_sites(without, resource_set.manifest.datasets["gene_features"].rows))
    return ResourceValidation(
        folder=str(resource_set.folder),
        gate=gate,
        checks=tuple(report.checks),
        motifs=motifs,
        genes_without_sites=without or (),
        repeated_gene_ids=repeated or {},
    )


def _motifs(resource_set: ResourceSet) -> tuple[MotifCounts, ...]:
    sites = resource_set.table("splice_sites", _SITE_COLUMNS)
    return (*site_motifs(sites), *intron_motifs(sites))


@attrs.define
class _Report:
    """Checks so far."""

    checks: list[ResourceCheck] = attrs.field(factory=list)

    def add(self, check: ResourceCheck | None) -> None:
        if check is not None:
            self.checks.append(check)

    def attempt(self, name: str, question: Callable[[ResourceSet], _T], resource_set: ResourceSet) -> _T | None:
        """Answer a question; where files cannot be read, that is recorded as the outcome of the check of this name."""
        try:
            return question(resource_set)
        except ChecksumError as error:
            self.checks.append(ResourceCheck(name, "damaged", str(error)))
        except ResourceError as error:
            self.checks.append(ResourceCheck(name, "not judged", str(error)))
        return None

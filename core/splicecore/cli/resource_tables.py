"""Tables of ``splicecore resources`` for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from splicecore.cli.output import write_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from splicecore.resources.derive import DeriveResult
    from splicecore.resources.importing import ImportedFile
    from splicecore.resources.sources import SourceFolder
    from splicecore.resources.status import ResourceStatus
    from splicecore.resources.validation import ResourceValidation

__all__ = ["show_step", "write_derived", "write_imported", "write_sources", "write_status", "write_validation"]

_LISTED = 20


def show_step(step: str) -> None:
    """Say on stderr what is being done."""
    click.echo(f"{step.replace('_', ' ')} ...", err=True)


def write_sources(sources: Iterable[SourceFolder]) -> None:
    """List what a data root holds."""
    rows = [
        (one.source, one.build, one.release or "-", "yes" if one.derived else "no", str(one.folder)) for one in sources
    ]
    write_table(("source", "build", "release", "derived", "folder"), rows)


def write_status(folder: Path, resources: Iterable[ResourceStatus]) -> None:
    """Tell what there is, kind by kind; problems below."""
    resources = list(resources)
    rows = [
        (
            one.kind,
            one.state,
            "" if one.rows is None else f"{one.rows:,}",
            one.provenance or "",
            (one.sha256 or "")[:12],
            one.path or "",
        )
        for one in resources
    ]
    click.echo(str(folder))
    write_table(("kind", "state", "rows", "found by", "sha256", "path"), rows)
    for one in resources:
        if one.problem:
            click.echo(f"{one.kind}: {' '.join(one.problem.split())}", err=True)


def write_derived(result: DeriveResult) -> None:
    """Tell what a derivation did, dataset by dataset."""
    click.echo(str(result.folder))
    rows = [
        (
            kind,
            "derived" if kind in result.derived else "found",
            f"{count:,}",
            f"{result.seconds[kind]:.2f}" if kind in result.seconds else "",
        )
        for kind, count in result.rows.items()
    ]
    write_table(("dataset", "state", "rows", "seconds"), rows)
    others = {name: seconds for name, seconds in result.seconds.items() if name not in result.rows}
    if others:
        parts = ", ".join(f"{name.replace('_', ' ')} {seconds:.2f}" for name, seconds in others.items())
        click.echo(f"{sum(result.seconds.values()):.2f} seconds in all ({parts})")


def write_imported(files: Iterable[ImportedFile]) -> None:
    """Tell what was placed where."""
    write_table(("kind", "state", "path"), [(file.kind, file.state, str(file.path)) for file in files])


def write_validation(validation: ResourceValidation) -> None:
    """Tell what a validation found: checks, motifs, ids."""
    click.echo(validation.folder)
    rows = [(check.name, check.outcome, " ".join(check.message.split())) for check in validation.checks]
    write_table(("check", "outcome", "found"), rows)
    if validation.motifs:
        click.echo("\nMotifs of sites and introns, each counted once")
        write_table(
            ("strand", "of", "in all", "known", "share", "motifs"),
            [
                (
                    one.strand,
                    one.subject,
                    f"{one.total:,}",
                    f"{one.known:,}",
                    f"{one.share:.2%}" if one.known else "-",
                    ", ".join(f"{motif} {count:,}" for motif, count in one.counts.items()),
                )
                for one in validation.motifs
            ],
        )
    _write_list("Genes without sites though a transcript has several exons", _unexplained(validation))
    places = [f"{name}: {', '.join(found)}" for name, found in validation.repeated_gene_ids.items()]
    _write_list("Ids of genes at several places", places)
    count = len(validation.issues)
    click.echo("\npassed" if validation.passed else f"\n{count} issue{'s' if count > 1 else ''}")


def _unexplained(validation: ResourceValidation) -> list[str]:
    return [name for name, single in validation.genes_without_sites if not single]


def _write_list(title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    click.echo(f"\n{title}")
    for line in lines[:_LISTED]:
        click.echo(f"- {line}")
    if len(lines) > _LISTED:
        click.echo(f"- ... {len(lines) - _LISTED:,} more (--json has all)")

"""``splicecore dataset validate`` and ``summary``: look at a dataset without changing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from splicecore.cli.output import as_json_option, write_json, write_table
from splicecore.plugins.records import PluginSettings

if TYPE_CHECKING:
    from splicecore.dataset.summary import DatasetSummary, GroupSummary
    from splicecore.dataset.validation.report import DatasetValidation

__all__ = ["summary", "validate"]

_CONTEXT = {"help_option_names": ["-h", "--help"]}
_SHOWN = 15


@click.command("validate", context_settings=_CONTEXT)
@click.argument("folder", metavar="DIR")
@click.option("--fasta", metavar="FILE", help="Reference genome that the dataset was built of.")
@click.option("--annotation", metavar="FILE", help="Annotation that the dataset was built of.")
@click.option("--source", metavar="NAME", envvar="SPLICECORE_SOURCE", help="Or: whose annotation in the data root.")
@click.option("--build", metavar="NAME", envvar="SPLICECORE_BUILD", help="Genome build, such as GRCh38.")
@click.option("--release", metavar="NAME", envvar="SPLICECORE_RELEASE", help="Of the annotation, if there are several.")
@click.option("--data-root", metavar="FOLDER", help="The user's data; by default SPLICECORE_DATA_ROOT.")
@click.option(
    "--scores", multiple=True, metavar="FOLDER", help="Folder of 'predict' with a model's scores; repeatable."
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=500,
    metavar="N",
    help="Sites, and other rows, to compute anew; 500.",
)
@click.option("--seed", type=int, default=42, metavar="N", help="Of the samples; 42.")
@click.option("--report", metavar="FILE", help="Write the report as JSON into this file too.")
@as_json_option
@click.pass_context
def validate(
    ctx: click.Context, /, *, folder: str, data_root: str | None, report: str | None, as_json: bool, **options: Any
) -> int:
    """Check a dataset: files, schema, rows, labels, genome, annotation, leakage.

    Ends with 3 if a check failed, with 5 if files are damaged.
    """
    from splicecore.dataset.validation.validate import validate_dataset
    from splicecore.session import Session

    plugins = ctx.obj if isinstance(ctx.obj, PluginSettings) else None
    session = Session(plugins=plugins, data_root=data_root)
    validation = validate_dataset(folder, session=session, **options)
    if report is not None:
        validation.write(Path(report))
    if as_json:
        write_json(validation.to_json())
    else:
        _write_validation(validation)
    return int(validation.exit_code)


def _write_validation(validation: DatasetValidation) -> None:
    click.echo(f"{validation.folder}: {validation.rows:,} rows in {validation.files:,} files")
    write_table(("check", "outcome", "found"), [(one.name, one.status, one.details) for one in validation.checks])
    remedies = [one for one in validation.checks if one.remedy and one.status not in ("passed", "skipped")]
    if remedies:
        click.echo("\nwhat to do")
        for one in remedies:
            click.echo(f"- {one.name}: {one.remedy}")
    count = len(validation.issues)
    click.echo("\npassed" if validation.passed else f"\n{count} issue{'s' if count > 1 else ''}")


@click.command("summary", context_settings=_CONTEXT)
@click.argument("folder", metavar="DIR")
@click.option("--html", metavar="FILE", help="Write a page with plots into this file too; it opens offline.")
@as_json_option
def summary(folder: str, html: str | None, as_json: bool) -> None:
    """Count what a dataset holds: classes, kinds, genes, chromosomes, nulls, features."""
    from splicecore.dataset.summary import summarize_dataset

    found = summarize_dataset(folder)
    if html is not None:
        from splicecore.dataset.summary_html import write_summary_html

        write_summary_html(Path(html), found)
    if as_json:
        write_json(found.to_json())
    else:
        _write_summary(found)
        if html is not None:
            click.echo(f"\n{html}")


def _write_summary(found: DatasetSummary) -> None:
    total = found.total
    click.echo(f"{found.folder}: {total.rows:,} rows of {total.genes:,} genes, {len(found.columns):,} features")
    click.echo(f"build {found.build}, flank mode {found.flank}, base models {', '.join(found.base_models)}")
    click.echo(f"features: {', '.join(_sets(found))}")
    statuses = ", ".join(f"{count:,} {name}" for name, count in found.genes_by_status.items())
    click.echo(f"genes: {statuses}")
    click.echo(
        f"the rows stand for {total.positions:,.0f} positions, of which {total.prevalence:.4%} are sites"
        f" ({found.ambiguous:,} of both types)"
    )
    _write_counts("class", total.classes, total.rows)
    _write_counts("kind", total.pred_types, total.rows)
    for title, groups in (
        ("chromosome", found.chromosomes),
        ("gene type", found.gene_types),
        ("batch", found.batches),
    ):
        _write_groups(title, groups)
    _write_features(found)


def _sets(found: DatasetSummary) -> list[str]:
    counts: dict[str, int] = {}
    for column in found.columns:
        counts[column.feature_set] = counts.get(column.feature_set, 0) + 1
    return [f"{name} ({count:,})" for name, count in counts.items()]


def _write_counts(title: str, counts: dict[str, int], rows: int) -> None:
    click.echo()
    write_table(
        (title, "rows", "share"), [(name, f"{count:,}", f"{count / rows:.2%}") for name, count in counts.items()]
    )


def _write_groups(title: str, groups: tuple[GroupSummary, ...]) -> None:
    click.echo()
    write_table(
        (title, "genes", "rows", *groups[0].classes, *groups[0].pred_types, "prevalence"),
        [
            (
                group.name,
                f"{group.genes:,}",
                f"{group.rows:,}",
                *(f"{count:,}" for count in (*group.classes.values(), *group.pred_types.values())),
                f"{group.prevalence:.3%}",
            )
            for group in groups[:_SHOWN]
        ],
    )
    if len(groups) > _SHOWN:
        click.echo(f"... {len(groups) - _SHOWN:,} more (--json has all)")


def _write_features(found: DatasetSummary) -> None:
    click.echo()
    if found.with_nulls:
        rows = [
            (one.name, f"{one.nulls:,}", f"{one.nulls / found.total.rows:.2%}") for one in found.with_nulls[:_SHOWN]
        ]
        write_table(("feature with nulls", "rows", "share"), rows)
    else:
        click.echo("no feature has nulls")
    if found.near_label:
        click.echo(f"near the label: {', '.join(found.near_label)}")
    for alarm in found.alarms:
        click.echo(f"alarm: {alarm['column']} is {alarm['state']} in all of {alarm['rows']:,} rows")

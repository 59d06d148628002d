"""``splicecore evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from splicecore.cli.output import as_json_option, write_json
from splicecore.errors import ConfigError, ExitCode
from splicecore.plugins.records import PluginSettings

if TYPE_CHECKING:
    from splicecore.genome.annotation import Annotation

__all__ = ["command"]


def _names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


@click.command("evaluate", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("tables", nargs=-1, required=True, metavar="[NAME=]FOLDER|PARQUET...")
@click.option("--annotation", metavar="FILE", help="True sites: GTF, GFF3 or SpliceAI's annotation table.")
@click.option("--fasta", metavar="FILE", help="The genome, to check builds and contigs.")
@click.option("--source", metavar="NAME", help="Take genome and annotation from the data root: whose, as in gencode.")
@click.option("--release", metavar="NAME", help="Release of the annotation in the data root.")
@click.option("--build", metavar="NAME", help="Build that everything must be of, such as GRCh38.")
@click.option("--data-root", metavar="FOLDER", envvar="SPLICECORE_DATA_ROOT", help="The user's data.")
@click.option("--labels", default="all", metavar="all|canonical", help="Sites of all transcripts, or of one a gene.")
@click.option(
    "--scope", default="strand", metavar="strand|gene", help="Sites of any gene on the strand, or of the own."
)
@click.option("--contigs", callback=_names, metavar="A,B", help="Only these contigs, by any of their names.")
@click.option("--genes", callback=_names, metavar="A,B", help="Only these genes, by name or id.")
@click.option("--genes-file", metavar="FILE", help="Only the genes of this file, one a line.")
@click.option(
    "--columns", multiple=True, metavar="[NAME=]KIND", help="Scores: 'score' (default), 'meta', or X__*_score."
)
@click.option(
    "--mean", "means", multiple=True, metavar="[NAME=]A,B", help="Evaluate the mean of models too; repeatable."
)
@click.option(
    "--reference", metavar="NAME", help="Compare the others with this model; the first unless said otherwise."
)
@click.option(
    "--threshold", "thresholds", multiple=True, metavar="[NAME=]T", help="Lowest score called; repeatable [0.5]."
)
@click.option(
    "--mask-boundary", metavar="TSV", help="Leave out sites of transcripts cut by the edge of known sequence."
)
@click.option("--mask-annotation", metavar="FILE", help="Leave out sites of this annotation that are no labels.")
@click.option("--mask-other-transcripts", is_flag=True, help="With canonical labels, leave out the other transcripts'.")
@click.option("--allow-missing", is_flag=True, help="Compare what tables share where positions are missing.")
@click.option("--bootstrap", type=int, default=1000, metavar="N", show_default=True, help="Replicates; 0 for none.")
@click.option("--seed", type=int, default=42, metavar="N", show_default=True, help="Of the bootstrap.")
@click.option("--max-offset", type=int, default=5, metavar="N", show_default=True, help="Reach of the offset check.")
@click.option("--worst", type=int, default=20, metavar="N", show_default=True, help="How many worst genes to list.")
@click.option("--html", metavar="FILE", help="Write a report with plots there too.")
@click.option("--genes-out", metavar="FILE", help="Write the figures of every gene there too (Parquet).")
@as_json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    tables: tuple[str, ...],
    columns: tuple[str, ...],
    means: tuple[str, ...],
    html: str | None,
    genes_out: str | None,
    genes_file: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Compare predictions with an annotation, several models side by side.

    Every position of the genes that all tables have is counted. The exit code is 3 if the scores lie beside the sites
    instead of on them (another offset than 0 scores best).
    """
    from splicecore.evaluate.config import EvaluateConfig, parse_inputs
    from splicecore.evaluate.evaluation import evaluate_tables
    from splicecore.evaluate.report import evaluation_json, report_lines

    place = {name: options.pop(name) for name in ("annotation", "fasta", "source", "release", "build", "data_root")}
    if genes_file is not None:
        from splicecore.predict.selection import read_gene_names

        options["genes"] = (*options["genes"], *read_gene_names(genes_file))
    options["thresholds"] = options["thresholds"] or ("0.5",)
    inputs = parse_inputs(tables, columns)
    config = EvaluateConfig(**options)
    annotation, build = _truth(ctx, place)
    result = evaluate_tables(inputs, annotation, config, means=means, build=build)
    if html is not None:
        from splicecore.evaluate.report_html import write_html

        write_html(Path(html), result)
    if genes_out is not None:
        from splicecore.evaluate.gene_figures import write_gene_figures

        write_gene_figures(Path(genes_out), result.pools, result.points[0])
    if as_json:
        write_json(evaluation_json(result))
    else:
        for line in report_lines(result):
            click.echo(line)
    return int(ExitCode.INPUT if result.shifted else ExitCode.OK)


def _truth(ctx: click.Context, place: dict[str, str | None]) -> tuple[Annotation, str | None]:
    """Open the annotation; with a genome also bind it and name the build."""
    if place["fasta"] is None and place["source"] is None:
        from splicecore.genome.annotation import read_annotation

        if place["annotation"] is None:
            raise ConfigError("no annotation given", hint="--annotation FILE, or --source NAME and --build NAME")
        return read_annotation(place["annotation"]), place["build"]
    from splicecore.config import PassConfig
    from splicecore.resources.inputs import open_inputs
    from splicecore.session import Session

    settings = ctx.obj if isinstance(ctx.obj, PluginSettings) else PluginSettings.from_environment()
    session = Session(plugins=settings, data_root=place.pop("data_root"))
    resources = open_inputs(session, PassConfig(**place)).resources  # type: ignore[arg-type]
    return resources.annotation(), resources.build.name

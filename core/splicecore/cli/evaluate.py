"""``splicecore evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from splicecore.cli.logs import command_log
from splicecore.cli.output import as_json_option, write_json
from splicecore.cli.pass_options import common_options, flag, option, plugin_settings
from splicecore.config import FileConfig, read_config_file, structure
from splicecore.errors import ExitCode
from splicecore.session import Session

if TYPE_CHECKING:
    from splicecore.evaluate.evaluation import Evaluation
    from splicecore.evaluate.task import EvaluateTask

__all__ = ["command"]


def _own(*names: str, **attributes: Any) -> Any:
    """Make an option that no environment variable sets."""
    return option(*names, envvar=None, **attributes)


_OPTIONS = (
    option("--annotation", metavar="FILE", help="True sites: GTF, GFF3 or SpliceAI's annotation table."),
    option("--fasta", metavar="FILE", help="The genome, to check builds and contigs."),
    option("--source", metavar="NAME", help="Take genome and annotation from the data root: whose, as in gencode."),
    option("--release", metavar="NAME", help="Release of the annotation in the data root."),
    option("--build", metavar="NAME", help="Build that everything must be of, such as GRCh38."),
    _own("--labels", metavar="all|canonical", help="Sites of all transcripts (the default), or of one a gene."),
    _own("--scope", metavar="strand|gene", help="Sites of any gene on the strand (the default), or of the own."),
    _own("--contigs", metavar="A,B", help="Only these contigs, by any of their names."),
    _own("--genes", metavar="A,B", help="Only these genes, by name or id."),
    _own("--genes-file", metavar="FILE", help="Only the genes of this file, one a line."),
    flag("--unseen", envvar=None, help="Leave out genes that a run's meta-model was trained on."),
    _own(
        "--columns",
        multiple=True,
        metavar="[NAME=]KIND",
        help="Scores: 'meta', 'score' or X__*_score; by default a meta-model's where there are some.",
    ),
    _own("--mean", "means", multiple=True, metavar="[NAME=]A,B", help="Evaluate the mean of models too; repeatable."),
    _own("--reference", metavar="NAME", help="Compare the others with this model; the first unless said otherwise."),
    _own(
        "--threshold",
        "thresholds",
        multiple=True,
        metavar="[NAME=]T",
        help="Lowest score called; repeatable; by default 0.5, and those that meta-models stored.",
    ),
    _own("--mask-boundary", metavar="TSV", help="Leave out sites of transcripts cut by the edge of known sequence."),
    _own("--mask-annotation", metavar="FILE", help="Leave out sites of this annotation that are no labels."),
    flag("--mask-other-transcripts", envvar=None, help="With canonical labels, leave out the other transcripts'."),
    flag("--allow-missing", envvar=None, help="Compare what tables share where positions are missing."),
    _own("--bootstrap", type=int, metavar="N", help="Replicates; 1000; 0 for none."),
    _own("--seed", type=int, metavar="N", help="Of the bootstrap; 42."),
    _own("--max-offset", type=int, metavar="N", help="Reach of the offset check; 5."),
    _own("--worst", type=int, metavar="N", help="How many worst genes to list; 20."),
    click.option("--html", metavar="FILE", help="Write a report with plots there too."),
    click.option("--genes-out", metavar="FILE", help="Write the figures of every gene there too (Parquet)."),
)


def _options(function: Any) -> Any:
    for decorate in reversed(_OPTIONS):
        function = decorate(function)
    return function


@click.command("evaluate", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("tables", nargs=-1, metavar="[NAME=]FOLDER[:base]|PARQUET...")
@_options
@as_json_option
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    html: str | None,
    genes_out: str | None,
    as_json: bool,
    data_root: str | None,
    config_file: str | None,
    quiet: bool,
    verbose: int,
    **options: Any,
) -> int:
    """Compare predictions with an annotation, several models side by side.

    Takes folders of `splicecore run`, `predict` and `merge`, and Parquet tables. Of a run with a meta-model FOLDER
    means the final scores, FOLDER:base the base model's. Every position of the genes that all tables have is counted.
    The exit code is 3 if the scores lie beside the sites instead of on them (another offset than 0 scores best).
    Options may also come from a TOML file's [evaluate] table.
    """
    file_config = read_config_file(config_file)
    task = _merged(file_config, options, config_file)
    session = Session(plugins=plugin_settings(ctx, file_config, config_file), data_root=data_root)
    with command_log(None, quiet=quiet, verbose=verbose, problems=session.host.problems):
        result = session.evaluate(task)
        _write_files(result, html, genes_out)
    _tell(result, as_json=as_json)
    return int(ExitCode.INPUT if result.shifted else ExitCode.OK)


def _merged(file_config: FileConfig, options: dict[str, Any], config_file: str | None) -> EvaluateTask:
    """Lay the options that were given over the file's table."""
    from splicecore.evaluate.task import EvaluateTask, evaluate_task

    if file_config.evaluate:
        structure(file_config.evaluate, EvaluateTask, where=f"{config_file} [evaluate]")
    given = {name: value for name, value in options.items() if value not in (None, ())}
    return evaluate_task(**{**file_config.evaluate, **given})


def _write_files(result: Evaluation, html: str | None, genes_out: str | None) -> None:
    if html is not None:
        from splicecore.evaluate.report_html import write_html

        write_html(Path(html), result)
    if genes_out is not None:
        from splicecore.evaluate.gene_figures import write_gene_figures

        write_gene_figures(Path(genes_out), result.pools, result.points[0])


def _tell(result: Evaluation, *, as_json: bool) -> None:
    from splicecore.evaluate.report import evaluation_json, report_lines

    if as_json:
        write_json(evaluation_json(result))
        return
    for line in report_lines(result):
        click.echo(line)

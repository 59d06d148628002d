"""``splicecore run``."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from splicecore.artifacts.store import make_folder
from splicecore.cli.export_options import export_options
from splicecore.cli.logs import command_log
from splicecore.cli.model_options import merge_model_options, model_option
from splicecore.cli.progress import BarProgress
from splicecore.config import FileConfig, RunConfig, read_config_file, structure
from splicecore.errors import ConfigError
from splicecore.plugins.host import PluginSettings
from splicecore.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command"]

_Function = TypeVar("_Function", bound="Callable[..., Any] | click.Command")

logger = logging.getLogger(__name__)


def _option(*names: str, **attributes: Any) -> Callable[[_Function], _Function]:
    """Make an option that the environment variable SPLICECORE_<NAME> sets too, and that is None unless it is given."""
    variable = "SPLICECORE_" + names[0].lstrip("-").replace("-", "_").upper()
    attributes.setdefault("envvar", variable)
    return click.option(*names, default=None, **attributes)


@click.command("run")
@_option("--fasta", metavar="FILE", help="Reference genome: FASTA, plain or bgzip.")
@_option("--annotation", metavar="FILE", help="Genes: GTF, GFF3 or SpliceAI's annotation table, gzipped or not.")
@_option("--base-model", metavar="NAME", help="Base model; 'spliceai' unless said otherwise.")
@_option("--models-dir", metavar="PATH", envvar=None, help="Folder (or file) of the base model's weights.")
@model_option
@_option("--engine", metavar="NAME", help="How to compute the base model; its own default unless said otherwise.")
@_option("--inference-mode", metavar="MODE", help="base_only: the base model's scores as they are.")
@_option("--genes", metavar="A,B", help="Gene names or ids, separated by commas.")
@_option("--genes-file", metavar="FILE", help="File of gene names or ids, one a line.")
@_option("--region", metavar="CHR:FROM-TO", help="Genes that overlap this region (1-based, both ends included).")
@_option("--all-genes", is_flag=True, flag_value=True, type=bool, help="Every gene of the annotation.")
@_option("--build", metavar="NAME", help="Build that the genome must be, such as GRCh38.")
@_option("--flank", metavar="real|n", help="Beyond a gene's ends: the genome (real, the default) or N.")
@_option("--output-dir", "-o", metavar="FOLDER", help="Folder of the results.")
@export_options
@_option(
    "--executor", metavar="NAME", help="Who runs the work; by default 'serial', or 'process' with several workers."
)
@_option("--workers", type=int, metavar="N", help="Processes; 1 unless said otherwise.")
@_option(
    "--threads", type=int, metavar="N", help="Threads of each process; by default the cores shared by the workers."
)
@_option("--device", metavar="NAME", help="cpu (the default), cuda, cuda:1, mps.")
@_option(
    "--force", is_flag=True, flag_value=True, type=bool, help="Replace what another run left in the output folder."
)
@click.option(
    "--config", "config_file", metavar="FILE", envvar="SPLICECORE_CONFIG", help="TOML file with these options."
)
@click.option("-q", "--quiet", is_flag=True, help="Only errors on stderr.")
@click.option("-v", "--verbose", count=True, help="-v what is done, -vv details, -vvv libraries' details too.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    config_file: str | None,
    quiet: bool,
    verbose: int,
    model_options: tuple[str, ...],
    **options: Any,
) -> int:
    """Score every position of genes.

    Writes predictions/base_model_predictions.parquet, gene_manifest.json, performance_report.{json,txt}, manifest.json
    and run.log into the output folder. The same command goes on from an interrupted attempt. Options may also come
    from a TOML file ([run] fasta = "...") or from environment variables (SPLICECORE_FASTA); the command line wins.
    """
    file_config = read_config_file(config_file) if config_file is not None else FileConfig()
    config = _merge(file_config, options, config_file)
    models = merge_model_options(file_config.models, config.base_model, model_options)
    if config.output_dir is None:
        raise ConfigError("no output folder given", hint="--output-dir FOLDER")
    with command_log(make_folder(Path(config.output_dir)) / "run.log", quiet=quiet, verbose=verbose):
        session = Session(plugins=_plugins(ctx, file_config, config_file), models=models)
        for problem in session.host.problems():
            logger.warning("%s", problem)
        progress = BarProgress() if sys.stderr.isatty() and not quiet else None
        result = session.run(config, progress=progress)
        logger.info("finished: %s genes, %s rows", result.genes, result.rows)
    if not quiet:
        done = "found finished from before" if result.already_finished else f"{result.genes - result.failed} genes"
        unit = "positions" if config.min_score is None else "rows"
        click.echo(f"{done}, {result.rows:,} {unit}: {result.predictions}")
        for path in result.exports:
            click.echo(str(path))
        if result.failed:
            manifest = result.output_dir / "gene_manifest.json"
            click.echo(f"{result.failed} of the requested genes could not be scored: {manifest}", err=True)
        click.echo(str(result.report))
    return int(result.exit_code)


def _merge(file_config: FileConfig, options: dict[str, Any], config_file: str | None) -> RunConfig:
    """Lay the file's table under the options that were given."""
    if file_config.run:
        structure(file_config.run, RunConfig, where=f"{config_file} [run]")
    given = {name: value for name, value in options.items() if value is not None}
    return structure({**file_config.run, **given}, RunConfig, where="options")


def _plugins(ctx: click.Context, file_config: FileConfig, config_file: str | None) -> PluginSettings:
    """Lay the file's [plugins] table under the environment and the command line."""
    settings = ctx.obj if isinstance(ctx.obj, PluginSettings) else PluginSettings.from_environment()
    table = structure(file_config.plugins, PluginSettings, where=f"{config_file} [plugins]")
    return attrs.evolve(
        settings,
        disable=(*table.disable, *settings.disable),
        load=table.load if settings.load is None else settings.load,
        extra=(*table.extra, *settings.extra),
        strict=table.strict or settings.strict,
    )

"""``splicecore run``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import attrs
import click

from splicecore.artifacts.store import make_folder
from splicecore.cli.export_options import export_options
from splicecore.cli.logs import command_log
from splicecore.cli.model_options import merge_model_options
from splicecore.cli.pass_options import (
    bar_on_terminal,
    common_options,
    merge_options,
    option,
    pass_options,
    plugin_settings,
)
from splicecore.config import RunConfig, read_config_file
from splicecore.errors import ConfigError
from splicecore.session import Session

__all__ = ["command", "tell"]

logger = logging.getLogger(__name__)


@click.command("run")
@option("--output-dir", "-o", metavar="FOLDER", help="Folder of the results.")
@option("--meta-model", metavar="FOLDER", help="A trained meta-model; it says which base models it needs.")
@option(
    "--inference-mode",
    metavar="MODE",
    help="base_only, hybrid (the meta-model where the base model is unsure; the default with one) or meta_only.",
)
@option("--training-dataset", metavar="FOLDER", help="The dataset that the meta-model was trained on; checked.")
@option(
    "--uncertainty-strategy", metavar="NAME", help="How to tell what is unsure; hybrid_entropy unless said otherwise."
)
@option("--uncertainty-low", type=float, metavar="P", help="Site scores from here on are unsure; 0.02.")
@option("--uncertainty-high", type=float, metavar="P", help="Site scores from here on are sure again; 0.80.")
@option("--uncertainty-threshold", type=float, metavar="U", help="Least uncertainty that is selected, for shards.")
@option("--target-meta-rate", type=float, metavar="R", help="Recalibrate this share of the positions, the least sure.")
@option(
    "--keep-artifacts-dir", metavar="FOLDER", help="Keep the genes' scores here for later runs, which look here first."
)
@pass_options
@export_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    data_root: str | None,
    config_file: str | None,
    quiet: bool,
    verbose: int,
    model_options: tuple[str, ...],
    **options: Any,
) -> int:
    """Score every position of genes.

    Writes predictions/base_model_predictions.parquet, gene_manifest.json, performance_report.{json,txt}, manifest.json
    and run.log into the output folder; with a meta-model also predictions/complete_coverage_predictions.parquet and
    predictions/meta_model_predictions.parquet. The same command goes on from an interrupted attempt. Options may also
    come from a TOML file ([run] fasta = "...") or from environment variables (SPLICECORE_FASTA); the command line wins.
    """
    file_config = read_config_file(config_file)
    config = merge_options(file_config.run, options, RunConfig, where=f"{config_file} [run]")
    if config.output_dir is None:
        raise ConfigError("no output folder given", hint="--output-dir FOLDER")
    models = merge_model_options(file_config.models, _primary(config) if model_options else "", model_options)
    if config.inference_mode != "base_only":
        tables = {"feature_settings": file_config.features, "uncertainty_settings": file_config.uncertainty}
        given: dict[str, Any] = {name: table for name, table in tables.items() if table}
        config = attrs.evolve(config, **given)
    session = Session(plugins=plugin_settings(ctx, file_config, config_file), models=models, data_root=data_root)
    output = Path(str(config.output_dir))
    session.resources.check_output(output)
    with command_log(make_folder(output) / "run.log", quiet=quiet, verbose=verbose, problems=session.host.problems):
        progress = bar_on_terminal(quiet=quiet)
        result = session.run(config, progress=progress)
        logger.info("finished: %s genes, %s rows", result.genes, result.rows)
    if not quiet:
        tell(result, "positions" if config.min_score is None else "rows")
    return int(result.exit_code)


def _primary(config: RunConfig) -> str:
    """Name of the base model that ``--model-option`` is for."""
    if config.base_model or config.meta_model is None:
        return config.base_model
    from splicecore.inference.served_model import ServedModel

    return ServedModel.open(config.meta_model).base_models[0]


def tell(result: Any, unit: str) -> None:
    """Say what a run left behind: counts and paths on stdout, failures on stderr."""
    done = "found finished from before" if result.already_finished else f"{result.genes} genes"
    click.echo(f"{done}, {result.rows:,} {unit}: {result.predictions}")
    if result.recalibrated is not None:
        click.echo(f"{result.recalibrated:,} positions recalibrated by the meta-model")
    for path in result.exports:
        click.echo(str(path))
    if result.failed:
        manifest = result.output_dir / "gene_manifest.json"
        click.echo(f"{result.failed} of the requested genes could not be scored: {manifest}", err=True)
    click.echo(str(result.report))

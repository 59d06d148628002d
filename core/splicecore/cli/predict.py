"""``splicecore predict``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from splicecore.artifacts.store import make_folder
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
from splicecore.config import PredictConfig, read_config_file
from splicecore.session import Session

if TYPE_CHECKING:
    from splicecore.predict.base_model_pass import PredictResult

__all__ = ["command", "tell_pass"]


@click.command("predict")
@option("--mode", metavar="MODE", help="test (the default; may be overwritten) or production (never, unless forced).")
@option("--coverage", metavar="WHAT", help="gene_subset (the default), chromosome or full_genome (then production).")
@option("--test-name", metavar="NAME", help="Name of the test; made of the time where none is given.")
@option("--new-version", is_flag=True, flag_value=True, type=bool, help="Add a production version beside another one.")
@option("--output-dir", "-o", metavar="FOLDER", help="Write into this folder, not among the data root's artifacts.")
@option("--threshold", type=float, metavar="P", help="Lowest probability that calls a site; 0.5 unless said otherwise.")
@option("--consensus-window", type=int, metavar="BP", help="Bases beside a site within which a call finds it; 2.")
@option("--error-window", type=int, metavar="BP", help="Bases beside an error that its window spans; 500.")
@option("--negatives", metavar="MODE", help="Sampling of true negatives: random, proximity, window, or none (all).")
@option("--negative-ratio", type=float, metavar="X", help="True negatives for every other row of a gene; 1.2.")
@option("--negative-window", type=int, metavar="BP", help="Reach of the sampling modes window and proximity; 50.")
@option("--seed", type=int, metavar="N", help="Of the sampling; 42.")
@option("--sequence-flank", type=int, metavar="BP", help="Bases beside a position in the analysis sequences; 250.")
@option("--tsv", is_flag=True, flag_value=True, type=bool, help="Write the tables as TSV too, with the older names.")
@pass_options
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
    """Do the base-model pass that datasets are built from.

    For the chosen genes: scores, splice_positions_enhanced, splice_errors, analysis_sequences, splice_performance and
    gene_manifest, as Parquet, among the artifacts of the data root (or in --output-dir). The same command goes on from
    an interrupted attempt. Options may also come from a TOML file's [predict] table or from environment variables.
    """
    file_config = read_config_file(config_file)
    config = merge_options(file_config.predict, options, PredictConfig, where=f"{config_file} [predict]")
    models = merge_model_options(file_config.models, config.base_model, model_options)
    session = Session(plugins=plugin_settings(ctx, file_config, config_file), models=models, data_root=data_root)
    with command_log(None, quiet=quiet, verbose=verbose, problems=session.host.problems) as log_into:
        progress = bar_on_terminal(quiet=quiet)
        result = session.predict_pass(
            config, progress=progress, placed=lambda folder: log_into(make_folder(folder) / "run.log")
        )
    if not quiet:
        tell_pass(result)
    return int(result.exit_code)


def tell_pass(result: PredictResult) -> None:
    """Say what a pass left behind: counts, accuracy and the folder on stdout, failures on stderr."""
    done = "found finished from before" if result.already_finished else f"{result.genes} genes"
    rows = ", ".join(f"{number:,} {table}" for table, number in result.rows.items())
    click.echo(f"{done}; rows: {rows or 'to be merged'}")
    for total in result.totals:
        counts = "  ".join(f"{name.upper()} {total[name]:,}" for name in ("tp", "fp", "fn"))
        f1 = "-" if total["f1"] is None else f"{total['f1']:.4f}"
        click.echo(f"{total['site_type']:<9} {counts}  F1 {f1}")
    if result.failed:
        manifest = result.folder / "gene_manifest.json"
        click.echo(f"{result.failed} of the requested genes could not be scored: {manifest}", err=True)
    click.echo(str(result.folder))

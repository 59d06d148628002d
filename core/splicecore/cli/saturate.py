"""``splicecore saturate``."""

from __future__ import annotations

from typing import Any

import click

from splicecore.cli.logs import command_log
from splicecore.cli.pass_options import common_options, option, plugin_settings
from splicecore.cli.variants import (
    FORMS,
    MODELS,
    RULES,
    WORK,
    add,
    merge_tables,
    scoring_session,
    show_progress,
    tell_scored,
    with_features,
)
from splicecore.config import read_config_file
from splicecore.variants.saturate_config import SaturateConfig

__all__ = ["command"]

_PLACE = (
    option("--gene", "-g", envvar=None, metavar="A,B", help="Genes, by name or id: all of their transcripts' bases."),
    option("--region", envvar=None, metavar="CHR:FROM-TO", help="Region, 1-based, both ends included."),
    option("--snvs/--no-snvs", envvar=None, type=bool, help="The three substitutions of every base (the default)."),
    option("--insertions/--no-insertions", envvar=None, type=bool, help="Insertions of one base."),
    option("--deletions", envvar=None, type=int, metavar="N", help="Deletions of 1 to N bases, up to 4."),
)


@click.command("saturate")
@add((*_PLACE, *MODELS, *RULES, *FORMS, *WORK))
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
    as_json: bool,
    **options: Any,
) -> int:
    """Score every small variant of genes or of a region.

    Writes what `splicecore variants` would for a VCF of all substitutions there (and insertions of one base, deletions
    of up to 4), one allele a record, each change once. Options may also come from a TOML file's [saturate] table.
    """
    file_config = read_config_file(config_file)
    config = merge_tables(file_config.saturate, options, SaturateConfig, where=f"{config_file} [saturate]")
    config = with_features(config, file_config)
    settings = plugin_settings(ctx, file_config, config_file)
    session = scoring_session(config, file_config, model_options, plugins=settings, data_root=data_root)
    with command_log(None, quiet=quiet, verbose=verbose, problems=session.host.problems):
        result = session.run_saturate(config, progress=show_progress(quiet=quiet))
    tell_scored(result, as_json=as_json, quiet=quiet, to_stdout="-" in config.output)
    return 0

"""``splicecore merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from splicecore.cli.export_options import export_options
from splicecore.cli.logs import command_log
from splicecore.cli.predict import tell_pass
from splicecore.cli.run import tell
from splicecore.errors import ConfigError
from splicecore.variants.config import output_kind

__all__ = ["command"]


def _is_of_variants(name: str) -> bool:
    """Whether a shard is named that is a file of variants, and not a folder."""
    try:
        output_kind(name)
    except ConfigError:
        return False
    return not Path(name).is_dir()


def _merge_variants(parts: tuple[str, ...], output: str | None, *, quiet: bool, verbose: int) -> int:
    """Merge the files of shards of variants."""
    from splicecore.variants.merge import merge_variant_shards

    with command_log(None, quiet=quiet, verbose=verbose):
        result = merge_variant_shards(parts, output)
    if not quiet:
        unit = "records" if output_kind(str(output)) == "vcf" else "rows"
        click.echo(f"{result.summary[unit]:,} {unit}: {output}")
    return 0


@click.command("merge")
@click.argument("shards", nargs=-1, required=True, metavar="FOLDER...")
@click.option("--output-dir", "-o", metavar="FOLDER", help="Folder (or file of variants) of the merged results.")
@click.option("--force", is_flag=True, help="Replace what another run left in the output folder.")
@export_options
@click.option("-q", "--quiet", is_flag=True, help="Only errors on stderr.")
@click.option("-v", "--verbose", count=True, help="-v what is done, -vv details, -vvv libraries' details too.")
def command(
    *,
    shards: tuple[str, ...],
    output_dir: str | None,
    force: bool,
    quiet: bool,
    verbose: int,
    min_score: float | None,
    **exports: Any,
) -> int:
    """Put the shards of one run or base-model pass together.

    FOLDER... are the output folders of all of `splicecore run --shard 1/N` to `--shard N/N`. The results are those of
    the same command without --shard; those of `splicecore predict` go among the artifacts that the shards lie in
    unless --output-dir says otherwise. Missing, repeated, damaged and foreign shards are refused.

    Instead of folders, the files of the shards of `splicecore variants` or `splicecore saturate` may be given, all of
    one form: VCF, BCF, TSV or Parquet, with -o NAME.vcf.gz, .bcf, .tsv or .parquet. The summary that lies beside each
    (NAME.summary.json) must be there; Parquet does without.
    """
    if min_score is not None:
        raise click.UsageError("--min-score is an option of `splicecore run`: every shard is made with it")
    given = {name: value for name, value in exports.items() if value is not None}
    if any(map(_is_of_variants, shards)):
        if given:
            raise click.UsageError(f"files of variants have no exports: leave out {', '.join(given)}")
        return _merge_variants(shards, output_dir, quiet=quiet, verbose=verbose)
    from splicecore.predict.merge import merge_shards
    from splicecore.predict.workflow import RunResult

    with command_log(None, quiet=quiet, verbose=verbose):
        result = merge_shards(shards, output_dir, force=force, **given)
    if not quiet:
        if isinstance(result, RunResult):
            tell(result, "rows")
        else:
            tell_pass(result)
    return int(result.exit_code)

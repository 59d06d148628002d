"""``splicecore dataset dedup``, ``patch`` and ``merge``: change finished datasets, or put them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from splicecore.cli.logs import command_log
from splicecore.cli.output import as_json_option, write_json, write_table
from splicecore.cli.pass_options import common_options, plugin_settings
from splicecore.config import PassConfig, read_config_file, structure

if TYPE_CHECKING:
    from splicecore.dataset.dedup import DedupResult
    from splicecore.dataset.merge import MergeResult
    from splicecore.dataset.patch import PatchResult

__all__ = ["dedup", "merge", "patch"]

_CONTEXT = {"help_option_names": ["-h", "--help"]}

_inplace = click.option("--inplace", is_flag=True, help="Replace the dataset, in one step, when all is done.")
_overwrite = click.option("--overwrite", is_flag=True, help="Replace a dataset that is where the result goes.")


@click.command("dedup", context_settings=_CONTEXT)
@click.argument("folder", metavar="DIR")
@click.option("--dst", metavar="FOLDER", help="Folder of the result; by default DIR_dedup.")
@_inplace
@_overwrite
@as_json_option
def dedup(folder: str, as_json: bool, **options: Any) -> None:
    """Keep one row of those that have build, contig, strand, position and class in common.

    Such rows come from genes that overlap. The row of the call that comes first in TP, FN, FP, TN stays; of those, that
    of the gene that starts first. Its inclusion_prob becomes the probability that any of the genes kept its row.
    """
    from splicecore.dataset.dedup import dedup_dataset

    result = dedup_dataset(folder, **options)
    if as_json:
        write_json(result.to_json())
    else:
        _tell_dedup(result)


def _tell_dedup(result: DedupResult) -> None:
    gone = result.rows_before - result.rows
    click.echo(f"{result.rows:,} of {result.rows_before:,} rows stay; {gone:,} were duplicates ({_share(result)})")
    click.echo(f"{result.keys:,} positions and classes had several rows; {result.reweighted:,} rows were reweighted")
    if gone:
        click.echo("gone: " + ", ".join(f"{name} {count:,}" for name, count in result.dropped.items()))
        click.echo("      " + ", ".join(f"{name} {count:,}" for name, count in result.pred_types.items()))
    _tell_place(result)


def _share(result: DedupResult) -> str:
    return f"{(result.rows_before - result.rows) / result.rows_before:.2%}"


def _tell_place(result: DedupResult | PatchResult | MergeResult) -> None:
    click.echo(f"batches: {result.batches_written} written, {result.batches_linked} as they were")
    click.echo(str(result.path))


@click.command("patch", context_settings=_CONTEXT)
@click.argument("folder", metavar="DIR")
@click.option("--dst", metavar="FOLDER", help="Folder of the result; by default DIR_patched.")
@_inplace
@_overwrite
@click.option("--fasta", metavar="FILE", help="Reference genome; by default what the dataset was built from.")
@click.option("--annotation", metavar="FILE", help="Annotation; by default what the dataset was built from.")
@click.option("--source", metavar="NAME", help="Or take both from the data root: whose.")
@click.option("--release", metavar="NAME", help="Release of the annotation in the data root.")
@click.option("--build", metavar="NAME", help="Genome build, such as GRCh38.")
@click.option(
    "--features",
    metavar="A,B",
    default="structural",
    help="Feature sets to compute anew or to add, none that needs scores; structural.",
)
@as_json_option
@common_options
@click.pass_context
def patch(
    ctx: click.Context,
    /,
    *,
    folder: str,
    features: str,
    as_json: bool,
    data_root: str | None,
    config_file: str | None,
    quiet: bool,
    verbose: int,
    dst: str | None,
    inplace: bool,
    overwrite: bool,
    **inputs: str | None,
) -> None:
    """Fill in, refresh or add columns that need no scores: structural, gene types, sequence, tracks.

    Settings of feature sets are the [features.SET] tables of the --config file. Rows, labels and columns that come from
    scores stay as they are. Genome and annotation must be of the dataset's build and have its genes in their places.
    """
    from splicecore.dataset.patch import patch_dataset
    from splicecore.session import Session

    file_config = read_config_file(config_file)
    given = {name: value for name, value in inputs.items() if value is not None}
    session = Session(plugins=plugin_settings(ctx, file_config, config_file), data_root=data_root)
    with command_log(None, quiet=quiet, verbose=verbose):
        result = patch_dataset(
            session,
            folder,
            dst,
            config=structure(given, PassConfig, where="options") if given else None,
            features=tuple(name.strip() for name in features.split(",") if name.strip()),
            settings=file_config.features,
            inplace=inplace,
            overwrite=overwrite,
        )
    if as_json:
        write_json(result.to_json())
    elif not quiet:
        _tell_patch(result)


def _tell_patch(result: PatchResult) -> None:
    click.echo(f"{result.rows:,} rows; {len(result.added)} columns added, {len(result.cells)} changed")
    if result.added:
        click.echo("added: " + ", ".join(result.added))
    if result.cells:
        rows = [
            (name, f"{cells.filled:,}", f"{cells.changed:,}", f"{cells.emptied:,}")
            for name, cells in result.cells.items()
        ]
        write_table(("column", "filled", "changed", "emptied"), rows)
    _tell_place(result)


@click.command("merge", context_settings=_CONTEXT)
@click.argument("folders", metavar="DIR...", nargs=-1, required=True)
@click.option("--output-dir", "-o", metavar="FOLDER", required=True, help="Folder of the merged dataset.")
@click.option("--keep-batches", is_flag=True, help="Link all batches as they are; other files than one build's.")
@click.option("--keep-first", is_flag=True, help="Take a gene of several datasets from the first that has it.")
@_overwrite
@as_json_option
def merge(folders: tuple[str, ...], output_dir: str, as_json: bool, **options: Any) -> None:
    """Merge datasets that differ in nothing but their genes.

    The master gets the bytes that one build of all genes would have written. Batches that are the same are linked.
    """
    from splicecore.dataset.merge import merge_datasets

    result = merge_datasets(folders, output_dir, **options)
    if as_json:
        write_json(result.to_json())
    else:
        _tell_merge(result)


def _tell_merge(result: MergeResult) -> None:
    click.echo(f"{result.rows:,} rows of {result.genes:,} genes from {result.datasets} datasets")
    if result.left_out:
        click.echo(f"{result.left_out:,} genes were left out: an earlier dataset has them")
    if not result.as_one_build:
        click.echo("the files are not those of one build; the rows are")
    _tell_place(result)

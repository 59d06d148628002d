"""``splicecore dataset``: building training datasets, and the group of what is done with them."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from splicecore.artifacts.store import make_folder
from splicecore.cli.logs import command_log
from splicecore.cli.output import as_json_option, write_json
from splicecore.cli.pass_options import bar_on_terminal, common_options, flag, option, plugin_settings
from splicecore.config import FileConfig, read_config_file, structure
from splicecore.dataset.config import DatasetConfig, dataset_config
from splicecore.errors import ConfigError
from splicecore.session import Session

if TYPE_CHECKING:
    from splicecore.dataset.builder import BuildResult

__all__ = ["command"]

logger = logging.getLogger(__name__)

_CONTEXT = {"help_option_names": ["-h", "--help"]}
_OTHERS = {
    "validate": ("splicecore.cli.dataset_checks", "Check a dataset against its manifest, genome and annotation."),
    "summary": ("splicecore.cli.dataset_checks", "Count rows, classes and missing values; a page with plots."),
    "dedup": ("splicecore.cli.dataset_maintenance", "Keep one row of each position and class."),
    "patch": ("splicecore.cli.dataset_maintenance", "Fill in or refresh columns that need no scores."),
    "merge": ("splicecore.cli.dataset_maintenance", "Put datasets of different genes together."),
}


class _Group(click.Group):
    """Imports the module of a command that is not defined here when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *_OTHERS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _OTHERS:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(importlib.import_module(_OTHERS[cmd_name][0]), cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = [(name, self.commands[name].get_short_help_str(200)) for name in super().list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([*own, *((name, summary) for name, (_, summary) in _OTHERS.items())])


@click.group("dataset", cls=_Group, context_settings=_CONTEXT)
def command() -> None:
    """Build, check, summarize and maintain the datasets that meta-models are trained on."""


_BUILD_OPTIONS = (
    option("--fasta", metavar="FILE", help="Reference genome: FASTA, plain or bgzip."),
    option("--annotation", metavar="FILE", help="Genes: GTF, GFF3 or SpliceAI's annotation table, gzipped or not."),
    option("--source", metavar="NAME", help="Take genome, annotation and artifacts from the data root: whose."),
    option("--release", metavar="NAME", help="Release of the annotation in the data root, where there are several."),
    option("--build", metavar="NAME", help="Build that the genome must be, such as GRCh38."),
    option("--base-model", metavar="NAME", multiple=True, help="Base model; repeatable, the first is primary."),
    option("--models-dir", metavar="[NAME=]PATH", multiple=True, envvar=None, help="Weights of a base model."),
    option("--artifacts", metavar="FOLDER", multiple=True, help="A folder of `splicecore predict`; repeatable."),
    option("--test-name", metavar="NAME", help="Take this test's artifacts of the data root, not production's."),
    flag("--run-workflow", help="Do the base-model pass for the genes that lack scores."),
    option("--n-genes", type=int, metavar="N", help="How many genes the policy chooses; as many as there are."),
    option(
        "--subset-policy",
        metavar="NAME",
        help="error_total (the default), error_fp, error_fn, hard, random, all, or custom: only named genes.",
    ),
    option("--genes", metavar="A,B", help="Gene names or ids, separated by commas; always part of the dataset."),
    option("--genes-file", metavar="FILE", help="File of gene names or ids: one a line, TSV or CSV."),
    option("--gene-col", metavar="NAME", help="Column of the genes file; found by its name unless given."),
    option("--gene-types", metavar="A,B", help="Only genes of these biotypes."),
    option("--chromosomes", metavar="A,B", help="Only genes of these chromosomes."),
    option("--exclude-chromosomes", metavar="A,B", help="No genes of these chromosomes."),
    option("--batch-size", type=int, metavar="N", help="Genes of a batch; 1000 unless said otherwise."),
    option("--batch-rows", type=int, metavar="N", help="Rows held at a time, which memory follows; 50000."),
    option("--easy-ratio", type=float, metavar="X", help="Easy true negatives for every TP, FP and FN; 0.5."),
    option("--hard-prob", type=float, metavar="P", help="True negatives that score at least this stay; 0.15."),
    option("--window", type=int, metavar="BP", help="True negatives this near to a TP, FP or FN stay; 75."),
    option("--threshold", type=float, metavar="P", help="Lowest probability that calls a site; as the artifacts'."),
    option("--consensus-window", type=int, metavar="BP", help="Within which a call finds a site; as the artifacts'."),
    option("--negatives", metavar="MODE", help="Sampling before that: random, proximity, window, none; as artifacts'."),
    option("--negative-ratio", type=float, metavar="X", help="Its true negatives for every other row; as artifacts'."),
    option("--negative-window", type=int, metavar="BP", help="Its reach; as the artifacts'."),
    option("--mask-boundary", metavar="FILE", help="Table of boundary transcripts; no negatives at their sites."),
    option("--features", metavar="NAMES", help="A preset (default, seed), or feature sets: probability,context,..."),
    option("--kmer-sizes", metavar="3,6", help="Word lengths that the set sequence counts; 0 for none."),
    option("--flank", metavar="real|n", help="Beyond a gene's ends: the genome (real, the default) or N."),
    flag("--patch-dataset", help="Add and fill in the structural columns when the dataset is built."),
    option("--seed", type=int, metavar="N", help="Of all random choices; 42."),
    option("--output-dir", "-o", metavar="FOLDER", help="Folder of the dataset."),
    flag("--overwrite", help="Replace a dataset of other settings."),
    flag("--keep-raw", help="Keep the rows before the sampling of true negatives, with features."),
    option("--engine", metavar="NAME", help="How to compute the primary base model."),
    option("--device", metavar="NAME", help="cpu (the default), cuda, cuda:1, mps: for --run-workflow."),
    option("--executor", metavar="NAME", help="Who runs the work; 'serial', or 'process' with several workers."),
    option("--workers", type=int, metavar="N", help="Processes; 1 unless said otherwise. Each does whole batches."),
    option("--threads", type=int, metavar="N", help="Threads of each process in --run-workflow."),
)


def _build_options(function: Any) -> Any:
    for decorate in reversed(_BUILD_OPTIONS):
        function = decorate(function)
    return function


@command.command("build", context_settings=_CONTEXT)
@_build_options
@common_options
@as_json_option
@click.pass_context
def build(
    ctx: click.Context,
    /,
    *,
    data_root: str | None,
    config_file: str | None,
    quiet: bool,
    verbose: int,
    as_json: bool,
    **options: Any,
) -> int:
    """Build a training dataset, or go on with one that was interrupted.

    Scores come from the artifacts of `splicecore predict` (--artifacts, or the data root's), or are made now
    (--run-workflow). The same command goes on from an interrupted attempt; one with other settings is refused. Options
    may also come from a TOML file's [dataset] and [features.SET] tables, or from environment variables.
    """
    file_config = read_config_file(config_file) if config_file is not None else FileConfig()
    config = _merged(file_config, options, config_file)
    session = Session(
        plugins=plugin_settings(ctx, file_config, config_file), models=file_config.models, data_root=data_root
    )
    with command_log(None, quiet=quiet, verbose=verbose) as log_into:
        for problem in session.host.problems():
            logger.warning("%s", problem)
        result = session.build_dataset(
            config,
            progress=bar_on_terminal(quiet=quiet, description="bases"),
            placed=lambda folder: log_into(folder / "run.log"),
        )
    if as_json:
        write_json({**attrs.asdict(result), "folder": str(result.folder)})
    elif not quiet:
        _tell(result)
    return int(result.exit_code)


def _merged(file_config: FileConfig, options: dict[str, Any], config_file: str | None) -> DatasetConfig:
    """Lay the options that were given over the file's tables."""
    tables = dict(file_config.dataset)
    if file_config.features:
        tables["feature_settings"] = file_config.features
    if tables:
        structure(tables, DatasetConfig, where=f"{config_file} [dataset]")
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if "kmer_sizes" in given:
        given["kmer_sizes"] = _sizes(given["kmer_sizes"])
    return dataset_config(**{**tables, **given})


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.replace(",", " ").split()]
    except ValueError as error:
        raise ConfigError(f"--kmer-sizes {text!r} are no numbers", hint="for example --kmer-sizes 3,6") from error
    return [size for size in sizes if size]


def _tell(result: BuildResult) -> None:
    done = "found finished from before" if result.already_finished else f"{result.built} of {result.batches} built now"
    click.echo(f"{result.rows:,} rows of {result.genes:,} genes, {result.columns:,} features; batches: {done}")
    for counts in (result.classes, result.pred_types):
        click.echo("  ".join(f"{name} {number:,}" for name, number in counts.items()))
    if result.missing:
        click.echo(f"{result.missing} genes or names have no rows: {result.folder / 'gene_manifest.parquet'}", err=True)
    click.echo(str(result.folder))


@command.command("gene-list", context_settings=_CONTEXT)
@click.option("--artifacts", metavar="FOLDER", multiple=True, required=True, help="A folder of `splicecore predict`.")
@click.option("--n-genes", type=int, metavar="N", help="A random sample of so many.")
@click.option("--first", type=int, metavar="N", help="The first so many, in genomic order.")
@click.option("--seed", type=int, default=42, metavar="N", help="Of the sample; 42.")
@click.option("--out", metavar="FILE", required=True, help="TSV file to write.")
def list_genes(artifacts: tuple[str, ...], n_genes: int | None, first: int | None, seed: int, out: str) -> None:
    """Write the genes that have scores in base-model passes as a TSV file, with their counts."""
    from splicecore.dataset.gene_list import gene_list, write_gene_list

    rows = gene_list([Path(folder) for folder in artifacts], n_genes=n_genes, first=first, seed=seed)
    make_folder(Path(out).absolute().parent)
    write_gene_list(Path(out), rows)
    click.echo(f"{len(rows):,} genes")
    click.echo(out)

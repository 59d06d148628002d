"""``splicecore train``: training, calibrating and testing meta-models."""

from __future__ import annotations

from typing import Any

import click

from splicecore.cli.logs import command_log
from splicecore.cli.output import as_json_option, write_json, write_table
from splicecore.cli.pass_options import common_options, flag, option, plugin_settings
from splicecore.config import FileConfig, read_config_file
from splicecore.errors import ConfigError
from splicecore.session import Session
from splicecore.training.train_config import TrainConfig, train_config

__all__ = ["command"]

_OPTIONS = (
    option("--model", metavar="NAME|JSON", help='Meta-model; xgboost, or {"name": "xgboost", "max_depth": 6}.'),
    option("--out-dir", "-o", metavar="FOLDER", envvar=None, help="Folder of the model."),
    option(
        "--split",
        metavar="NAME",
        help="group-kfold (the default), group-shuffle, chromosome, leave-one-chromosome-out.",
    ),
    option("--folds", type=int, metavar="N", help="Of group-kfold; 5."),
    option(
        "--valid-share", type=float, metavar="X", help="Share of the genes for early stopping and calibration; 0.1."
    ),
    option("--test-share", type=float, metavar="X", help="Share of the genes that group-shuffle tests; 0.2."),
    option("--train-chromosomes", metavar="A,B", help="Of the split chromosome; by default all others."),
    option("--valid-chromosomes", metavar="A,B", help="Of the split chromosome; by default a share of the genes."),
    option("--test-chromosomes", metavar="A,B", help="Of the split chromosome."),
    option("--group-col", metavar="NAME", help="Genes with one value of this column stay together; gene_id."),
    option("--balance", metavar="NAME", help="What shares are shares of: bases (the default), rows, genes."),
    option("--paralogs", metavar="NAME", help="Genes of similar sequence: off (the default), report, exclude, group."),
    flag("--prune-features", help="Leave out features that are constant or correlate with an earlier one."),
    option("--corr-thr", type=float, metavar="R", help="Correlation from which on; 0.99."),
    option("--class-weights", metavar="NAME", help="none (the default), sqrt, balanced."),
    option(
        "--inclusion-weights/--no-inclusion-weights",
        type=bool,
        help="Let a row stand for those that sampling left out (the default).",
    ),
    option("--calibration", metavar="NAME", help="isotonic (the default), platt, temperature, none."),
    option("--calibrate-on", metavar="WHAT", help="all-positions, sampled, or auto (the default)."),
    option("--evaluate-on", metavar="WHAT", help="all-positions, sampled, or auto (the default)."),
    option(
        "--labels", metavar="all|canonical", help="Sites of all transcripts (the default) or one a gene, for tests."
    ),
    option("--mask-boundary", metavar="FILE", help="Table of boundary transcripts, whose sites do not count in tests."),
    flag("--incremental", help="Stream the rows from disk instead of holding them."),
    option("--max-rows", type=int, metavar="N", help="Most rows to use; easy true negatives are sampled first."),
    option("--final/--no-final", type=bool, help="Train a model on the genes of all folds (the default)."),
    option("--ablate", metavar="A,B", help="Train without these feature sets or base models too; 'all' for each."),
    flag("--alarms", help="Probe single features and train on permuted labels, to find leaks."),
    option("--seed", type=int, metavar="N", help="Of everything random; 42."),
    option(
        "--artifacts", metavar="FOLDER", multiple=True, envvar=None, help="Passes with the base scores; repeatable."
    ),
    option("--test-name", metavar="NAME", help="Take base scores from this test of the data root."),
    option("--fasta", metavar="FILE", help="Reference genome, if it is not where the dataset had it from."),
    option("--annotation", metavar="FILE", help="Annotation, if it is not where the dataset had it from."),
    option("--source", metavar="NAME", help="Whose genome and annotation in the data root."),
    option("--release", metavar="NAME", help="Release of the annotation in the data root."),
    option("--build", metavar="NAME", help="Genome build in the data root."),
    flag("--overwrite", help="Replace a training of other settings."),
)


def _options(function: Any) -> Any:
    for decorate in reversed(_OPTIONS):
        function = decorate(function)
    return function


@click.command("train", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("dataset", metavar="DATASET")
@_options
@as_json_option
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    dataset: str,
    as_json: bool,
    data_root: str | None,
    config_file: str | None,
    quiet: bool,
    verbose: int,
    **options: Any,
) -> int:
    """Train a meta-model on DATASET, calibrate it, and test it against the base models.

    Genes are divided into folds; each fold's model is tested on genes that it did not see, on all their positions where
    the base scores are at hand. The same command goes on from an interrupted attempt; one with other settings is
    refused. Options may also come from a TOML file's [train] table or from environment variables; settings of feature
    sets that read files come from its [features.SET] tables.
    """
    file_config = read_config_file(config_file)
    config = _merged(file_config, {"dataset": dataset, **options}, config_file)
    session = Session(
        plugins=plugin_settings(ctx, file_config, config_file), models=file_config.models, data_root=data_root
    )

    def told(step: str, state: str) -> None:
        if not quiet:
            click.echo(f"{step}: {state}", err=True)

    with command_log(None, quiet=quiet, verbose=verbose, problems=session.host.problems) as log_into:
        result = session.train(config, told=told, placed=lambda folder: log_into(folder / "run.log"))
    if as_json:
        write_json({"folder": str(result.folder), "fingerprint": result.fingerprint, "metrics": result.metrics})
    elif not quiet:
        from splicecore.training.model_card import figure_rows

        header, *rows = figure_rows(result.metrics)
        write_table(header, rows)
        if result.metrics["positions"] != "all":
            click.echo("figures are estimates from sampled rows", err=True)
        click.echo(str(result.folder))
    return 0


def _merged(file_config: FileConfig, options: dict[str, Any], config_file: str | None) -> TrainConfig:
    """Lay the options that were given over the file's tables."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    tables = dict(file_config.train)
    if file_config.features:
        tables["feature_settings"] = file_config.features
    if "out_dir" not in {**tables, **given}:
        raise ConfigError("no folder is given for the model", hint="--out-dir FOLDER")
    if file_config.train:
        places: dict[str, Any] = {name: given[name] for name in ("dataset", "out_dir") if name in given}
        train_config(where=f"{config_file} [train]", **(tables | places))
    return train_config(**{**tables, **given})

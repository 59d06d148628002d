"""``splicecore variants``."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from splicecore.cli.logs import command_log
from splicecore.cli.model_options import merge_model_options, model_option
from splicecore.cli.output import as_json_option
from splicecore.cli.pass_options import bar_on_terminal, common_options, option, plugin_settings
from splicecore.config import FileConfig, read_config_file, structure
from splicecore.errors import ConfigError, OutputError
from splicecore.session import Session
from splicecore.variants.config import VariantsConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from splicecore.plugins.host import PluginSettings
    from splicecore.variants.outputs import VariantsResult

__all__ = ["FORMS", "MODELS", "RULES", "WORK", "add", "command", "score"]

_Config = TypeVar("_Config", bound=VariantsConfig)

_FLAG: dict[str, Any] = {"is_flag": True, "flag_value": True, "type": bool}
_MANY: dict[str, Any] = {"multiple": True, "envvar": None}


def add(options: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    """Make a decorator that adds options in their order."""

    def decorate(function: Any) -> Any:
        for each in reversed(options):
            function = each(function)
        return function

    return decorate


_INPUT = option("--input", "-I", envvar=None, metavar="FILE", help="VCF (plain, gzip, bgzip) or BCF; - for stdin.")
MODELS = (
    click.option(
        "--output", "-O", multiple=True, metavar="FILE",
        help=".vcf, .vcf.gz, .bcf, .parquet, .tsv[.gz]; - for stdout; repeatable.",
    ),
    option("--fasta", "--reference", "-R", "fasta", envvar="SPLICECORE_FASTA", metavar="FILE",
           help="Reference genome: FASTA, plain or bgzip."),
    option("--annotation", "-A", envvar="SPLICECORE_ANNOTATION", metavar="FILE",
           help="Genes: GTF, GFF3, SpliceAI's table, or grch37/grch38 for the table of an installed SpliceAI."),
    option("--source", metavar="NAME", help="Take genome and annotation from the data root: whose, as in gencode."),
    option("--release", metavar="NAME", help="Release of the annotation in the data root."),
    option("--build", metavar="NAME", help="Build that the genome must be, such as GRCh38."),
    option("--base-model", metavar="A,B", help="Base models; 'spliceai' unless said otherwise."),
    option("--meta-model", metavar="FOLDER", help="Add the scores of a trained meta-model; it names its base models."),
    click.option("--models-dir", multiple=True, metavar="[MODEL=]PATH", help="Folder or file of weights; repeatable."),
    model_option,
    option("--engine", metavar="NAME", help="How to compute the base models; their own default."),
    click.option("--base-model-env", multiple=True, metavar="[MODEL=]PYTHON",
                 help="Run the base models in this Python interpreter; repeatable."),
    option("--device", metavar="NAME", help="cpu (the default), cuda, cuda:1, mps."),
)  # fmt: skip
RULES = (
    option("--distance", "-D", envvar=None, type=int, metavar="BP",
           help="Bases on either side in which gains and losses are looked for; 50."),
    option("--mask", "-M", envvar=None, type=click.Choice(["0", "1"]), metavar="0|1",
           help="1: hide gains of annotated sites and losses of others; 0 (the default): show all."),
    option("--transcripts", type=click.Choice(["canonical", "mane", "all"]), metavar="WHICH",
           help="canonical (the default; one a gene), mane or all."),
    option("--compat", type=click.Choice(["spliceai", "extended"]), metavar="RULES",
           help="spliceai (the default): what SpliceAI scores; extended: --mnv to --normalise, all of them."),
    option("--mnv/--no-mnv", "score_mnv", envvar=None, type=bool, help="Score several bases in REF and in ALT."),
    option("--pad-ends/--no-pad-ends", envvar=None, type=bool, help="Score near the ends of contigs, with N beyond."),
    option("--long-deletions/--no-long-deletions", envvar=None, type=bool, help="Score REFs longer than 2 D."),
    option("--indel-alignment", type=click.Choice(["spliceai", "max"]), metavar="HOW",
           help="spliceai, or max: every retained base is compared with itself."),
    option("--normalise/--no-normalise", envvar=None, type=bool, help="Trim and left-align alleles first."),
    option("--flank", type=click.Choice(["n", "real"]), metavar="n|real",
           help="Beyond a transcript's ends: N (the default) or the genome."),
    option("--windows", type=click.Choice(["auto", "tile", "allele"]), metavar="HOW",
           help="Score alleles together (tile), each by itself (allele), or as is cheaper (auto, the default)."),
)  # fmt: skip
FORMS = (
    option("--precision", type=int, metavar="N", help="Decimals of delta scores in VCF; 2."),
    option("--vep-compatible", envvar=None, help="One record per ALT and gene, for VEP's plugin.", **_FLAG),
    option("--reasons", envvar=None, help="Say in a tag of its own why an allele has no scores.", **_FLAG),
    click.option("--tag", "tags", multiple=True, metavar="MODEL=NAME", help="Another name for a model's INFO tag."),
    option("--summary", envvar=None, metavar="FILE", help="Where the counts go (JSON); beside the output by default."),
)
WORK = (
    option(
        "--cache",
        envvar="SPLICECORE_VARIANTS_CACHE",
        metavar="FOLDER",
        help="Keep scores here, and take those that are.",
    ),
    option("--work-dir", metavar="FOLDER", help="What an interrupted run has so far; beside the output by default."),
    option("--executor", metavar="NAME", help="Who runs the work; 'serial', or 'process' with several workers."),
    option("--workers", type=int, metavar="N", help="Processes; 1 unless said otherwise."),
    option("--threads", type=int, metavar="N", help="Threads of each process; by default the cores are shared."),
    option("--shard", metavar="I/N", help="Do the I-th of N parts of the records."),
    option("--force", envvar=None, help="Drop what an interrupted run with other settings left.", **_FLAG),
    as_json_option,
)


@click.command("variants")
@add((_INPUT, *MODELS, *RULES, *FORMS, *WORK))
@common_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int:
    """Score the effects of variants on splicing.

    Adds SpliceAI=ALLELE|SYMBOL|DS_AG|DS_AL|DS_DG|DS_DL|DP_AG|DP_AL|DP_DG|DP_DL to the records of a VCF (a tag of its
    own for each base model), or writes a table. The same command goes on from an interrupted attempt. Options may also
    come from a TOML file's [variants] table.
    """
    return score(ctx, "variants", VariantsConfig, Session.run_variants, **options)


def score(
    ctx: click.Context,
    table: str,
    config_cls: type[_Config],
    run: Callable[..., VariantsResult],
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
    """Do a command that scores variants.

    Parameters
    ----------
    table, config_cls
        Where its settings are in a configuration file, and what they are structured to.
    run
        The session's method that does it.
    """
    file_config = read_config_file(config_file)
    config = merge_tables(getattr(file_config, table), options, config_cls, where=f"{config_file} [{table}]")
    config = with_features(config, file_config)
    settings = plugin_settings(ctx, file_config, config_file)
    session = scoring_session(config, file_config, model_options, plugins=settings, data_root=data_root)
    with command_log(None, quiet=quiet, verbose=verbose, problems=session.host.problems):
        progress = bar_on_terminal(quiet=quiet, unit="alleles/s", scale=1)
        try:
            result = run(session, config, progress=progress)
        except OutputError as error:
            if error.errno == errno.EPIPE and len(config.output) > 1:
                raise OutputError(error.message, hint=error.hint) from error  # else it would pass for `| head`
            raise
    tell_scored(result, as_json=as_json, quiet=quiet, to_stdout="-" in config.output)
    return 0


def merge_tables(table: dict[str, Any], options: dict[str, Any], config_cls: type[_Config], *, where: str) -> _Config:
    """Lay the options that were given over a configuration file's table.

    Raises
    ------
    ConfigError
        If either has a key or value that makes no sense; the file's are named with the file.
    """
    given = {name: value for name, value in options.items() if value is not None and value != ()}
    if "mask" in given:
        given["mask"] = given["mask"] == "1"
    known = attrs.fields_dict(config_cls)
    unknown = [name for name in table if name not in known]
    if unknown:
        raise ConfigError(f"{where}: nothing reads {', '.join(unknown)}", hint=f"known keys: {', '.join(known)}")
    return structure({**table, **given}, config_cls, where=f"options and {where}" if table else "options")


def with_features(config: _Config, file_config: FileConfig) -> _Config:
    """Put the file's ``[features.SET]`` tables into a configuration that has a meta-model."""
    if config.meta_model is None or not file_config.features:
        return config
    return attrs.evolve(config, feature_settings=file_config.features)


def scoring_session(
    config: VariantsConfig,
    file_config: FileConfig,
    model_options: tuple[str, ...],
    *,
    plugins: PluginSettings,
    data_root: str | None,
) -> Session:
    """Open the session of a command that scores variants.

    Raises
    ------
    ConfigError
        If a base model's option does not say whose it is.
    """
    if not model_options:
        return Session(plugins=plugins, models=file_config.models, data_root=data_root)
    names = config.base_model
    if config.meta_model is not None:
        from splicecore.variants.meta_scores_opening import with_base_models

        names = with_base_models(config).base_model
    if len(names) > 1:
        raise ConfigError("--model-option does not say for which base model", hint="[models.NAME] in a --config file")
    models = merge_model_options(file_config.models, names[0], model_options)
    return Session(plugins=plugins, models=models, data_root=data_root)


def tell_scored(result: VariantsResult, *, as_json: bool, quiet: bool, to_stdout: bool) -> None:
    """Say what was counted and written; on stderr where the VCF goes to stdout."""
    import json

    if as_json:
        click.echo(json.dumps(result.summary, indent=2, sort_keys=True), err=to_stdout)
        return
    if quiet:
        return
    summary = result.summary
    done = "found finished from before: " if result.already_finished else ""
    click.echo(f"{done}{summary['records']:,} records, {summary['alleles']:,} alleles", err=to_stdout)
    meta = {"meta-model": summary["meta_model"]} if "meta_model" in summary else {}
    for name, model in {**summary["base_models"], **meta}.items():
        reasons = ", ".join(f"{reason} {number:,}" for reason, number in model["reasons"].items())
        text = f"{name}: {model['scored']:,} scored, {model['unscored']:,} not"
        click.echo(f"{text} ({reasons})" if reasons else text, err=to_stdout)
    for path in result.outputs:
        click.echo(str(path), err=to_stdout)

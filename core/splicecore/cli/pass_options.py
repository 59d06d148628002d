"""Options that ``run`` and ``predict`` share: genome, base model, genes, and who does the work."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from splicecore.cli.model_options import model_option
from splicecore.config import FileConfig, PassConfig, structure
from splicecore.plugins.host import PluginSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from splicecore.predict.runner import ProgressListener

__all__ = ["bar_on_terminal", "common_options", "merge_options", "option", "pass_options", "plugin_settings"]

_Function = TypeVar("_Function", bound="Callable[..., Any] | click.Command")
_Config = TypeVar("_Config", bound=PassConfig)
_FLAG: dict[str, Any] = {"is_flag": True, "flag_value": True, "type": bool}


def option(*names: str, **attributes: Any) -> Callable[[_Function], _Function]:
    """Make an option that the environment variable SPLICECORE_<NAME> sets too, and that is None unless it is given."""
    variable = "SPLICECORE_" + names[0].split("/")[0].lstrip("-").replace("-", "_").upper()
    attributes.setdefault("envvar", variable)
    return click.option(*names, default=None, **attributes)


def flag(*names: str, **attributes: Any) -> Callable[[_Function], _Function]:
    """Make an option without a value that is True where it is given, else None."""
    return option(*names, **_FLAG, **attributes)


def pass_options(function: _Function) -> _Function:
    """Add the options of :class:`~splicecore.config.PassConfig`, each None unless given, and ``--model-option``."""
    options = (
        option("--fasta", metavar="FILE", help="Reference genome: FASTA, plain or bgzip."),
        option("--annotation", metavar="FILE", help="Genes: GTF, GFF3 or SpliceAI's annotation table, gzipped or not."),
        option("--source", metavar="NAME", help="Take genome and annotation from the data root: whose, as in gencode."),
        option(
            "--release", metavar="NAME", help="Release of the annotation in the data root, where there are several."
        ),
        option("--build", metavar="NAME", help="Build that the genome must be, such as GRCh38."),
        option("--base-model", metavar="NAME", help="Base model; 'spliceai' unless said otherwise."),
        option("--models-dir", metavar="PATH", envvar=None, help="Folder (or file) of the base model's weights."),
        model_option,
        option(
            "--engine", metavar="NAME", help="How to compute the base model; its own default unless said otherwise."
        ),
        option("--base-model-env", metavar="[MODEL=]PYTHON", help="Run the base model in this Python interpreter."),
        option("--genes", metavar="A,B", help="Gene names or ids, separated by commas."),
        option("--genes-file", metavar="FILE", help="File of gene names or ids, one a line."),
        option("--region", metavar="CHR:FROM-TO", help="Genes that overlap this region (1-based, both ends included)."),
        option("--chromosomes", metavar="A,B", help="All genes of these chromosomes."),
        flag("--all-genes", help="Every gene of the annotation."),
        option("--flank", metavar="real|n", help="Beyond a gene's ends: the genome (real, the default) or N."),
        option("--executor", metavar="NAME", help="Who runs the work; 'serial', or 'process' with several workers."),
        option("--workers", type=int, metavar="N", help="Processes; 1 unless said otherwise."),
        option("--threads", type=int, metavar="N", help="Threads of each process; by default the cores are shared."),
        option("--device", metavar="NAME", help="cpu (the default), cuda, cuda:1, mps."),
        option("--shard", metavar="I/N", help="Do the I-th of N parts of the work; 'merge' puts them together."),
        option(
            "--reuse/--no-reuse",
            type=bool,
            help="Take scores of earlier passes from the data root and the cache, and leave new ones (the default).",
        ),
        flag("--force", help="Replace what another run left in the output folder."),
    )
    return _add(function, options)


def common_options(function: _Function) -> _Function:
    """Add ``--data-root``, ``--config``, ``-q`` and ``-v``."""
    options = (
        click.option(
            "--data-root",
            metavar="FOLDER",
            envvar="SPLICECORE_DATA_ROOT",
            help="The user's data; by default SPLICECORE_DATA_ROOT or the platform's folder.",
        ),
        click.option(
            "--config", "config_file", metavar="FILE", envvar="SPLICECORE_CONFIG", help="TOML file with these options."
        ),
        click.option("-q", "--quiet", is_flag=True, help="Only errors on stderr."),
        click.option("-v", "--verbose", count=True, help="-v what is done, -vv details, -vvv libraries' details too."),
    )
    return _add(function, options)


def _add(function: _Function, options: tuple[Callable[[Any], Any], ...]) -> _Function:
    for decorate in reversed(options):
        function = decorate(function)
    return function


def merge_options(
    table: dict[str, Any], options: dict[str, Any], config_cls: type[_Config], *, where: str | None
) -> _Config:
    """Lay the options that were given over a configuration file's table.

    Raises
    ------
    ConfigError
        If either has a key or value that makes no sense; the file's are named with the file.
    """
    if table:
        structure(table, config_cls, where=str(where))
    given = {name: value for name, value in options.items() if value is not None}
    return structure({**table, **given}, config_cls, where="options")


def plugin_settings(ctx: click.Context, file_config: FileConfig, config_file: str | None) -> PluginSettings:
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


def bar_on_terminal(*, quiet: bool, description: str = "scoring", **units: Any) -> ProgressListener | None:
    """Return a bar on stderr if that is a terminal, else None; what draws it is imported only then.

    ``units`` are ``unit`` and ``scale`` of :class:`~splicecore.cli.progress.BarProgress`.
    """
    if quiet or not sys.stderr.isatty():
        return None
    from splicecore.cli.progress import BarProgress

    return BarProgress(description, **units)

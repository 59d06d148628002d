"""``splicecore``: the group of commands, and what an error becomes: one line on stderr and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from splicecore import __version__
from splicecore.errors import ExitCode, SplicecoreError

__all__ = ["cli", "main"]

_COMMANDS = {
    "run": ("splicecore.cli.run", "Score every position of genes with a base model."),
    "predict": ("splicecore.cli.predict", "Do the base-model pass that datasets are built from."),
    "variants": ("splicecore.cli.variants", "Score the effects of a VCF's variants on splicing."),
    "saturate": ("splicecore.cli.saturate", "Score every small variant of genes or of a region."),
    "dataset": ("splicecore.cli.dataset", "Build, check, summarize and maintain training datasets."),
    "train": ("splicecore.cli.train", "Train, calibrate and test a meta-model on a dataset."),
    "explain": ("splicecore.cli.explain", "Show which features made a meta-model score as it does."),
    "report": ("splicecore.cli.report", "Write the report of a finished run: one page with zoomable tracks."),
    "merge": ("splicecore.cli.merge", "Put the shards of one run together."),
    "evaluate": ("splicecore.cli.evaluate", "Compare predictions with an annotation, several models side by side."),
    "artifacts": ("splicecore.cli.artifacts", "List, check, promote and remove kept base-model passes."),
    "resources": ("splicecore.cli.resources", "Find, derive, check and import genomes and annotations."),
    "models": ("splicecore.cli.models", "List base models and trained meta-models, show them, check base models."),
    "plugins": ("splicecore.cli.plugins", "List, check and begin plugins, say why one was not loaded."),
}


class _LazyGroup(click.Group):
    """Imports a command's module when it is called; ``--help`` imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="splicecore")
@click.option("--disable-plugin", "disable", multiple=True, metavar="NAME", help="Do not load this plugin; repeatable.")
@click.option("--no-plugins", is_flag=True, help="Load no installed plugin at all.")
@click.option("--strict-plugins", is_flag=True, help="End with an error if any plugin cannot be loaded.")
@click.pass_context
def cli(ctx: click.Context, disable: tuple[str, ...], no_plugins: bool, strict_plugins: bool) -> None:
    """Splice-site predictions with deep networks, made right and put to use.

    Exit codes: 0 done, 1 a bug, 2 wrong usage or configuration, 3 bad input, 4 a plugin, 5 a resource or the output
    folder, 6 finished in part, 130 interrupted.
    """
    import attrs

    from splicecore.plugins.host import PluginSettings

    settings = PluginSettings.from_environment()
    ctx.obj = attrs.evolve(
        settings,
        disable=(*settings.disable, *disable),
        load=() if no_plugins else settings.load,
        strict=settings.strict or strict_plugins,
    )


def main(args: list[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(_run(args))


def _run(args: list[str] | None) -> int:
    stdout = sys.stdout
    try:
        result: Any = cli.main(args=args, prog_name="splicecore", standalone_mode=False)
    except SplicecoreError as error:
        _complain(str(error))
        return int(error.exit_code)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx is not None else "splicecore"
        _complain(f"{error.format_message()} (see '{command} --help')")
        return int(ExitCode.USAGE)
    except click.ClickException as error:
        _complain(error.format_message())
        return int(ExitCode.USAGE)
    except (KeyboardInterrupt, click.Abort):
        _complain("interrupted; the same command goes on from here")
        return int(ExitCode.INTERRUPTED)
    except SystemExit:
        if sys.stdout is stdout:
            raise
        sys.stdout = stdout  # click had put another in its place: whoever read has enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
        return int(ExitCode.OK)
    return result if isinstance(result, int) else int(ExitCode.OK)


def _complain(message: str) -> None:
    click.echo(f"splicecore: error: {' '.join(message.split())}", err=True)

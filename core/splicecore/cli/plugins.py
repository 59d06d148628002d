"""``splicecore plugins``: what is installed, what it provides, why something was not loaded, whether it conforms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from splicecore import __version__
from splicecore.cli.model_options import merge_model_options, model_option
from splicecore.cli.output import write_table
from splicecore.cli.plugins_new import command as new_command
from splicecore.errors import ConfigError, ExitCode, PluginNotFoundError
from splicecore.plugins.catalog import KINDS
from splicecore.plugins.discovery import nearest
from splicecore.plugins.hookspecs import API_VERSION
from splicecore.plugins.host import CORE, PluginHost
from splicecore.plugins.records import PluginRecord, PluginSettings, PluginState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from splicecore.testing.conformance.checks import CheckResult
    from splicecore.testing.conformance.report import ConformanceReport

__all__ = ["command"]

_CONTEXT = {"help_option_names": ["-h", "--help"]}
_STYLES = {PluginState.LOADED: "green", PluginState.DISABLED: "dim"}
_CHECKED = ("plugin", *(kind for kind in KINDS if kind != "resource_finders"))
_as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON instead of a table.")


@click.group("plugins", context_settings=_CONTEXT)
def command() -> None:
    """List plugins, say why one was not loaded, and check one."""


command.add_command(new_command)


@command.command("list", context_settings=_CONTEXT)
@_as_json
@click.option("--all", "with_core", is_flag=True, help="List the built-in plugin too.")
@click.pass_context
def list_plugins(ctx: click.Context, as_json: bool, with_core: bool) -> None:
    """List the plugins that are installed, whatever their state."""
    host = _host(ctx)
    records = [record for record in host.records if with_core or record.name != CORE]
    if as_json:
        _write_json(
            {
                "splicecore": __version__,
                "api_version": list(API_VERSION),
                "plugins": [record.to_json() for record in records],
                "problems": host.problems(),
            }
        )
        return
    if records:
        _console().print(_table(records))
    else:
        click.echo("no plugin is installed")
    for problem in host.problems():
        click.echo(problem, err=True)


@command.command("show", context_settings=_CONTEXT)
@click.argument("name")
@_as_json
@click.option("--traceback", is_flag=True, help="Add the traceback of what made the plugin fail.")
@click.pass_context
def show_plugin(ctx: click.Context, name: str, as_json: bool, traceback: bool) -> None:
    """Show everything about the plugin NAME (or about the plugins of the distribution NAME)."""
    host = _host(ctx)
    records = _matching(host.records, name)
    if as_json:
        _write_json({"plugins": [record.to_json(traceback=traceback) for record in records]})
        return
    for number, record in enumerate(records):
        if number:
            click.echo()
        _write_record(record, host, traceback=traceback)


@command.command("check", context_settings=_CONTEXT)
@click.argument("name")
@click.option("--kind", type=click.Choice(_CHECKED), help="What NAME is, where it has several meanings.")
@click.option("--report", metavar="FILE", help="Also write the results as JSON.")
@click.option("--models-dir", metavar="PATH", help="Folder (or file) of a base model's weights.")
@click.option("--data-root", metavar="FOLDER", envvar="SPLICECORE_DATA_ROOT", help="The user's data.")
@model_option
@click.option("--setting", "settings", multiple=True, metavar="KEY=VALUE", help="Of anything else; repeatable.")
@click.option("--fasta", metavar="FILE", help="Genome with splice sites that a base model knows; else simulated.")
@click.option("--annotation", metavar="FILE", help="Genes of that genome.")
@_as_json
@click.pass_context
def check_plugin_command(
    ctx: click.Context,
    /,
    *,
    name: str,
    kind: str | None,
    report: str | None,
    models_dir: str | None,
    data_root: str | None,
    model_options: tuple[str, ...],
    settings: tuple[str, ...],
    fasta: str | None,
    annotation: str | None,
    as_json: bool,
) -> int:
    """Check the plugin NAME and all that it provides, or one base model, feature set, strategy, ... of that name.

    Ends with 4 if a check fails.
    """
    from splicecore.artifacts.store import write_json
    from splicecore.session import Session
    from splicecore.testing.conformance.report import check_plugin

    if (fasta is None) != (annotation is None):
        raise ConfigError("genome and annotation belong together", hint="give --fasta and --annotation")
    host_settings = _host(ctx).settings
    models = {name: merge_model_options({}, name, model_options).get(name, {})}
    found = check_plugin(
        Session(plugins=host_settings, data_root=data_root, models=models),
        name,
        kind=kind,
        models_dir=models_dir,
        settings=merge_model_options({}, name, settings).get(name, {}),
        genome=None if fasta is None or annotation is None else (fasta, annotation),
    )
    if report is not None:
        write_json(Path(report), found.to_json())
    if as_json:
        _write_json(found.to_json())
    else:
        _write_report(found)
    return int(ExitCode.OK if found.passed else ExitCode.PLUGIN)


def _write_report(report: ConformanceReport) -> None:
    """Write a table a subject, what failed with its remedy, and the count."""
    for subject in report.subjects:
        click.echo(click.style(f"{subject.noun} {subject.name}", bold=True))
        rows = [(each.name.replace("_", " "), each.outcome, _finding(each)) for each in subject.results]
        write_table(("check", "outcome", "found"), rows)
        click.echo()
    for subject in report.subjects:
        for result in subject.results:
            if result.outcome == "failed":
                click.echo(f"{subject.name}, {result.name.replace('_', ' ')}: {result.remedy}")
    counts = ", ".join(f"{report.count(outcome)} {outcome}" for outcome in ("passed", "failed", "skipped"))
    click.echo(f"{report.name}: {counts}")


def _finding(result: CheckResult) -> str:
    return " ".join((result.message or result.summary.removeprefix("Check that ").rstrip(".")).split())


def _host(ctx: click.Context) -> PluginHost:
    """Discover plugins as the command line says, but never strictly: this command is how one learns what is wrong."""
    chosen = ctx.find_root().obj
    settings = chosen if isinstance(chosen, PluginSettings) else PluginSettings.from_environment()
    return PluginHost.discover(attrs.evolve(settings, strict=False))


def _matching(records: Sequence[PluginRecord], name: str) -> list[PluginRecord]:
    found = [record for record in records if record.name == name]
    found = found or [record for record in records if record.distribution == name and record.name != CORE]
    if not found:
        names = [record.name for record in records]
        guess = nearest(name, names)
        raise PluginNotFoundError(
            f"there is no plugin {name!r}; installed: {', '.join(names)}",
            hint=f"did you mean {guess}?" if guess else "splicecore plugins list shows the installed plugins",
        )
    return found


def _provided(record: PluginRecord) -> str:
    kinds = [f"{key.replace('_', ' ')}: {', '.join(record.provides[key])}" for key in KINDS if key in record.provides]
    return "; ".join(kinds) or ", ".join(record.provides.get("hooks", ()))


def _table(records: Sequence[PluginRecord]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "distribution", "version", "state", "provides", box=None, pad_edge=False)
    for record in records:
        state = Text(record.state.value, style=_STYLES.get(record.state, "red"))
        row = (record.name, record.distribution or record.entry_point, record.version or "")
        table.add_row(*(Text(cell) for cell in row), state, Text(_provided(record)))
    return table


def _write_record(record: PluginRecord, host: PluginHost, *, traceback: bool) -> None:
    from rich.text import Text

    console = _console()
    facts = {
        "name": record.name,
        "distribution": record.distribution or "none",
        "version": record.version or "none",
        "entry point": record.entry_point,
        "requires": ", ".join(record.requires) or "any splicecore",
        "state": record.state.value,
        "error": record.error,
        "remedy": record.remedy,
        "deprecated": "; ".join(record.deprecated),
        "hooks": ", ".join(record.provides.get("hooks", ())),
    }
    lines = [(label, value) for label, value in facts.items() if value]
    lines += [(KINDS[key].noun, _summary(host, key, name)) for key in KINDS for name in record.provides.get(key, ())]
    for label, value in lines:
        console.print(Text.assemble((f"{label:<22}", "bold"), value), soft_wrap=True)
    if traceback:
        click.echo(f"\n{record.traceback or 'no traceback: no exception was raised'}".rstrip())


def _summary(host: PluginHost, kind: str, name: str) -> str:
    accessor = getattr(host, kind)
    spec = accessor().get(name)
    if spec is None:
        return f"{name}: provided by another plugin too, cannot be used"
    text = getattr(spec, "summary", "")
    licence = getattr(spec, "licence", "")
    return name + (f": {text}" if text else "") + (f" [weights: {licence}]" if licence else "")


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _write_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, sort_keys=True))

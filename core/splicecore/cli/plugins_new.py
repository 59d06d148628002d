"""``splicecore plugins new``."""

from __future__ import annotations

import attrs
import click

from splicecore.cli.output import as_json_option, write_json
from splicecore.plugins.host import PluginHost
from splicecore.plugins.records import PluginSettings
from splicecore.plugins.scaffold import PluginKind, new_plugin

__all__ = ["command"]


@click.command("new", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name")
@click.option(
    "--kind", required=True, type=click.Choice([kind.value for kind in PluginKind]), help="What the plugin provides."
)
@click.option("--dir", "folder", metavar="FOLDER", help="Where to write it; splicecore-NAME.")
@click.option("--author", metavar="NAME", help='Author and holder of the licence: "Name" or "Name <address>".')
@as_json_option
@click.pass_context
def command(ctx: click.Context, *, name: str, kind: str, folder: str | None, author: str | None, as_json: bool) -> None:
    """Write a new plugin package, complete with tests, licence and CI.

    It computes something small, conforms, and is installed by `pip install -e FOLDER`. An existing folder is left
    alone, unless it is empty.
    """
    chosen = ctx.find_root().obj
    settings = chosen if isinstance(chosen, PluginSettings) else PluginSettings.from_environment()
    host = PluginHost.discover(attrs.evolve(settings, strict=False))
    made = new_plugin(name, kind=kind, folder=folder, author=author, host=host)
    if as_json:
        facts = {"name": made.name, "kind": made.kind.value, "distribution": made.distribution}
        write_json({**facts, "package": made.package, "folder": str(made.folder), "files": list(made.files)})
        return
    click.echo(f"wrote {len(made.files)} files to {made.folder}; next:")
    for line in (f"cd {made.folder}", 'pip install -e ".[dev]"', "pytest", f"splicecore plugins check {made.name}"):
        click.echo(f"  {line}")

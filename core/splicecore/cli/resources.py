"""``splicecore resources``: genomes, annotations and what is derived from them, below the data root."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from splicecore.cli import resource_tables as tables
from splicecore.cli.output import as_json_option, write_json
from splicecore.errors import ConfigError, ExitCode
from splicecore.plugins.records import PluginSettings
from splicecore.resources.keys import DERIVED_KINDS, PRIMARY_KINDS, ResourceKey
from splicecore.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from splicecore.resources.registry import Registry

__all__ = ["command"]

_CONTEXT = {"help_option_names": ["-h", "--help"]}
_data_root = click.option(
    "--data-root", metavar="FOLDER", help="The user's data; by default SPLICECORE_DATA_ROOT or the platform's folder."
)


def _key_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--source``, ``--build``, ``--release`` and ``--data-root``."""
    options = (
        click.option("--source", metavar="NAME", envvar="SPLICECORE_SOURCE", help="Whose annotation, as in gencode."),
        click.option("--build", metavar="NAME", envvar="SPLICECORE_BUILD", help="Genome build, such as GRCh38."),
        click.option(
            "--release", metavar="NAME", envvar="SPLICECORE_RELEASE", help="Of the annotation, where there are several."
        ),
        _data_root,
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group("resources", context_settings=_CONTEXT)
def command() -> None:
    """Find, derive, check and import genomes, annotations and their datasets.

    Where the data root has only one source and build, --source and --build may be left out.
    """


@command.command("list", context_settings=_CONTEXT)
@_data_root
@as_json_option
@click.pass_context
def list_sources(ctx: click.Context, data_root: str | None, as_json: bool) -> None:
    """List the sources, builds and releases that the data root holds."""
    registry = _registry(ctx, data_root)
    sources = registry.sources()
    if as_json:
        write_json({"data_root": str(registry.data_root), "sources": [source.to_json() for source in sources]})
    elif sources:
        tables.write_sources(sources)
    else:
        click.echo(f"no resources in {registry.data_root}")


@command.command("status", context_settings=_CONTEXT)
@_key_options
@as_json_option
@click.pass_context
def status(ctx: click.Context, /, *, as_json: bool, data_root: str | None, **chosen: str | None) -> int:
    """Tell of every kind of resource whether it is found, missing or damaged. Ends with 5 if one is damaged."""
    registry = _registry(ctx, data_root)
    source, build, release = registry.choose(**chosen)
    rows = registry.status(source, build, release)
    folder = registry.folder(source, build, release)
    if as_json:
        key = {"source": source, "build": build, "release": release, "folder": str(folder)}
        write_json({**key, "resources": [row.to_json() for row in rows]})
    else:
        tables.write_status(folder, rows)
        if any(row.state == "missing" and row.kind in (*PRIMARY_KINDS, *DERIVED_KINDS) for row in rows):
            click.echo(f"\nto get what is missing: {registry.remedy(source, build, release)}")
    return int(ExitCode.RESOURCE if any(row.state == "damaged" for row in rows) else ExitCode.OK)


@command.command("path", context_settings=_CONTEXT)
@click.argument("kind")
@_key_options
@as_json_option
@click.pass_context
def path(ctx: click.Context, /, *, kind: str, as_json: bool, data_root: str | None, **chosen: str | None) -> None:
    """Print where a resource of KIND is and nothing else."""
    registry = _registry(ctx, data_root)
    source, build, release = registry.choose(**chosen)
    location = registry.resolve(ResourceKey(kind=kind, source=source, build=build, release=release))
    if as_json:
        write_json({"kind": kind, "path": location.path, "provenance": location.provenance})
    else:
        click.echo(location.path)


@command.command("derive", context_settings=_CONTEXT)
@_key_options
@click.option("--fasta", metavar="FILE", help="Reference genome; found as by 'path fasta' unless given.")
@click.option("--annotation", metavar="FILE", help="Genes; found as by 'path annotation' unless given.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(DERIVED_KINDS), help="Only this; repeatable.")
@click.option("--chromosomes", metavar="A,B", default="", help="Only the genes of these chromosomes.")
@click.option("--materialize-sequences", is_flag=True, help="Write the genes' sequences, which else stay in the FASTA.")
@click.option("--tsv", metavar="FOLDER", help="Export the datasets as TSV, 1-based, into this folder too.")
@click.option("--force", is_flag=True, help="Derive even what is there.")
@as_json_option
@click.pass_context
def derive(
    ctx: click.Context,
    /,
    *,
    data_root: str | None,
    source: str | None,
    build: str | None,
    release: str | None,
    chromosomes: str,
    tsv: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Derive the datasets of a source and build into the data root; what is there already is found, not derived."""
    registry = _registry(ctx, data_root)
    source, build, release = registry.choose(source, build, release)
    if tsv is not None:
        registry.check_output(tsv)
    contigs = tuple(name.strip() for name in chromosomes.split(",") if name.strip())
    progress = tables.show_step if sys.stderr.isatty() and not as_json else None
    result = registry.derive(source, build, release, contigs=contigs, progress=progress, **options)
    exported = {} if tsv is None else registry.export_tsv(tsv, source, build, release, kinds=options["kinds"])
    if as_json:
        write_json(
            {
                "folder": str(result.folder),
                "derived": list(result.derived),
                "found": list(result.found),
                "seconds": result.seconds,
                "rows": result.rows,
                "tsv": {kind: str(file) for kind, file in exported.items()},
            }
        )
        return
    tables.write_derived(result)
    for file in exported.values():
        click.echo(str(file))


@command.command("validate", context_settings=_CONTEXT)
@_key_options
@click.option(
    "--gate", type=click.FloatRange(0, 1), default=0.95, metavar="SHARE", help="Least share of motifs, 0-1; 0.95."
)
@as_json_option
@click.pass_context
def validate(ctx: click.Context, /, *, gate: float, as_json: bool, data_root: str | None, **chosen: str | None) -> int:
    """Check files, coordinates, motifs and ids of derived datasets.

    Ends with 3 if a check failed, with 5 if files are damaged.
    """
    registry = _registry(ctx, data_root)
    validation = registry.validate(*registry.choose(**chosen), gate=gate)
    if as_json:
        write_json(validation.to_json())
    else:
        tables.write_validation(validation)
    return int(validation.exit_code)


@command.command("import", context_settings=_CONTEXT)
@_key_options
@click.option("--fasta", metavar="FILE", help="Reference genome: FASTA, plain or bgzip; its indexes come along.")
@click.option("--annotation", metavar="FILE", help="Genes: GTF, GFF3 or SpliceAI's annotation table, gzipped or not.")
@click.option("--link/--copy", default=False, help="Make symbolic links, or copies (the default).")
@as_json_option
@click.pass_context
def import_files(
    ctx: click.Context,
    /,
    *,
    data_root: str | None,
    source: str | None,
    build: str | None,
    release: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Place a genome and an annotation into the data root; other content that is there is never replaced."""
    if source is None or build is None:
        raise ConfigError("import needs a source and a build", hint="such as --source gencode --build GRCh38")
    registry = _registry(ctx, data_root)
    files = registry.import_files(source, build, release, **options)
    if as_json:
        folder = str(registry.folder(source, build, release))
        write_json({"folder": folder, "files": [file.to_json() for file in files]})
        return
    tables.write_imported(files)
    click.echo(f"\nnext: {registry.derive_command(source, build, release)}")


def _registry(ctx: click.Context, data_root: str | None) -> Registry:
    chosen = ctx.find_root().obj
    settings = chosen if isinstance(chosen, PluginSettings) else PluginSettings.from_environment()
    return Session(plugins=settings, data_root=data_root).resources

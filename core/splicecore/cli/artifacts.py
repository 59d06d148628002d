"""``splicecore artifacts``: what base-model passes are kept, whether they are whole, promoting and removing them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from splicecore.artifacts.discovery import find_artifacts
from splicecore.artifacts.layout import test_of_pass
from splicecore.artifacts.manager import ArtifactManager
from splicecore.cli.output import as_json_option, write_json, write_table
from splicecore.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from splicecore.artifacts.artifact_config import ArtifactConfig
    from splicecore.artifacts.cleaning import Cleaning
    from splicecore.artifacts.pass_validation import PassValidation

__all__ = ["command"]

_CONTEXT = {"help_option_names": ["-h", "--help"]}
_yes = click.option("--yes", is_flag=True, help="Do it; without, only say what would be done.")


def _whose(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say whose artifacts."""
    for option in (
        click.option("--base-model", metavar="NAME", help="Only those of this base model."),
        click.option("--release", metavar="NAME", help="Only those on this release of the annotation."),
        click.option("--build", metavar="NAME", help="Only those on this genome build, such as GRCh38."),
        click.option("--source", metavar="NAME", help="Only those on annotation of this source, such as ensembl."),
        click.option("--data-root", metavar="FOLDER", help="Data root; SPLICECORE_DATA_ROOT or the platform's."),
    ):
        function = option(function)
    return function


@click.group("artifacts", context_settings=_CONTEXT)
def command() -> None:
    """List, check, promote and remove the base-model passes that a data root keeps."""


@command.command("list", context_settings=_CONTEXT)
@_whose
@as_json_option
def list_passes(as_json: bool, **whose: str | None) -> int:
    """List all passes: production newest first, then tests by name. Ends with 5 if one is damaged."""
    managers = [ArtifactManager(config) for config in find_artifacts(**whose)]
    summaries = [manager.summary() for manager in managers]
    if as_json:
        write_json({"artifacts": summaries})
    elif not summaries:
        click.echo("there are no artifacts")
    else:
        for number, (manager, summary) in enumerate(zip(managers, summaries, strict=True)):
            click.echo(("\n" if number else "") + click.style(f"{manager.config}: {summary['base']}", bold=True))
            _write_passes(summary["passes"])
    damaged = any(row["state"] in {"damaged", "foreign"} for summary in summaries for row in summary["passes"])
    return int(ExitCode.RESOURCE if damaged else ExitCode.OK)


@command.command("show", context_settings=_CONTEXT)
@click.argument("which", default="latest")
@_whose
@as_json_option
def show(which: str, as_json: bool, **whose: str | None) -> None:
    """Show everything about a pass: WHICH is latest (the default), a version such as v2, or the name of a test."""
    facts = _manager(**whose).show(which)
    if as_json:
        write_json(facts)
        return
    for key, value in facts.items():
        if key not in {"files", "identity"} and value is not None:
            text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
            click.echo(click.style(f"{key.replace('_', ' '):<20}", bold=True) + _yes_no.get(text, text))
    click.echo(click.style(f"{'identity':<20}", bold=True) + json.dumps(facts["identity"], sort_keys=True))
    if facts["files"]:
        click.echo()
        rows = [(file["name"], _count(file["bytes"]) or "missing", file["sha256"]) for file in facts["files"]]
        write_table(("file", "bytes", "sha256"), rows)


@command.command("validate", context_settings=_CONTEXT)
@click.argument("which", default="all")
@_whose
@as_json_option
def validate(which: str, as_json: bool, **whose: str | None) -> int:
    """Read every file of a pass and compare it with the manifest: WHICH is all (the default), or as for show.

    Ends with 5 if anything is damaged, else with 6 if a pass is not finished.
    """
    manager = _manager(**whose)
    results = manager.validate_artifacts() if which == "all" else [manager.validate(which)]
    if as_json:
        write_json({"passed": all(result.passed for result in results), "passes": [r.to_json() for r in results]})
    else:
        _write_validation(results)
    if any(result.damaged for result in results):
        return int(ExitCode.RESOURCE)
    return int(ExitCode.OK if all(result.passed for result in results) else ExitCode.PARTIAL)


@command.command("promote", context_settings=_CONTEXT)
@click.argument("test_name")
@_whose
@_yes
@as_json_option
def promote(test_name: str, yes: bool, as_json: bool, **whose: str | None) -> int:
    """Copy the finished test TEST_NAME into a new production version, verify it, and make it the latest."""
    manager = _manager(**whose)
    if not yes:
        result = manager.validate(test_name)
        if as_json:
            write_json({"promoted": None, "validation": result.to_json()})
        else:
            _write_validation([result])
            click.echo("nothing was promoted; --yes does it" if result.passed else "it cannot be promoted")
        return int(ExitCode.OK if result.passed else ExitCode.RESOURCE)
    version = manager.promote(test_name)
    if as_json:
        write_json({"promoted": version.to_json()})
    else:
        click.echo(f"test {test_name} is version {version.name}: {version.folder}")
    return int(ExitCode.OK)


@command.command("clean", context_settings=_CONTEXT)
@click.option("--keep", type=click.IntRange(min=0), required=True, metavar="N", help="Tests to keep, the newest ones.")
@click.option("--force", is_flag=True, help="Remove unfinished and damaged tests too.")
@_whose
@_yes
@as_json_option
def clean(keep: int, force: bool, yes: bool, as_json: bool, **whose: str | None) -> None:
    """Remove the tests that were written longest ago; production is never touched."""
    cleaning = _manager(**whose).clean(keep, dry_run=not yes, force=force)
    if as_json:
        write_json(
            {
                "removed": [test.name for test in cleaning.removed] if yes else [],
                "would_remove": [] if yes else [test.name for test in cleaning.removed],
                "kept": {test.name: reason for test, reason in cleaning.kept},
            }
        )
        return
    _write_cleaning(cleaning, done=yes)


def _manager(**whose: str | None) -> ArtifactManager:
    """Return the manager of the one folder that the options allow."""
    found = find_artifacts(**whose)
    if not found:
        raise ConfigError("there are no such artifacts", hint="splicecore artifacts list shows what there is")
    if len(found) > 1:
        raise ConfigError(
            f"there are artifacts of {', '.join(map(str, found))}",
            hint="choose with --source, --build, --release and --base-model",
        )
    config: ArtifactConfig = found[0]
    return ArtifactManager(config)


def _write_passes(passes: Sequence[dict[str, Any]]) -> None:
    rows = [
        (
            row["kind"],
            row["name"] + (" (latest)" if row["latest"] else ""),
            "running" if row["running"] else row["state"],
            _count(row["genes"]),
            _count(row["rows"]),
            _count(len(row["files"])),
            _count(row["bytes"]),
            row["modified"],
        )
        for row in passes
    ]
    write_table(("kind", "name", "state", "genes", "rows", "files", "bytes", "written"), rows)
    for row in passes:
        if row["problem"]:
            click.echo(f"- {row['name']}: {row['problem']}")


def _write_validation(results: Sequence[PassValidation]) -> None:
    rows = [
        (
            result.record.kind,
            result.record.name,
            "passed" if result.passed else "damaged" if result.damaged else result.record.state,
            _count(result.checked),
        )
        for result in results
    ]
    write_table(("kind", "name", "outcome", "files read"), rows)
    for result in results:
        for finding in result.findings:
            click.echo(f"- {result.record.name}: {finding}")


def _write_cleaning(cleaning: Cleaning, *, done: bool) -> None:
    for test in cleaning.removed:
        click.echo(f"{'removed' if done else 'would remove'} {test.name}: {test_of_pass(test.folder)}")
    for test, reason in cleaning.kept:
        click.echo(f"kept {test.name}: {reason}")
    if not cleaning.removed:
        click.echo("there is nothing to remove")
    elif not done:
        click.echo("nothing was removed; --yes does it")


_yes_no = {"True": "yes", "False": "no"}


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"

"""``splicecore models``: base models, where their weights are, whether they work; and meta-models that were trained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from splicecore.cli.model_options import merge_model_options, model_option
from splicecore.cli.output import as_json_option, write_json, write_table
from splicecore.cli.pass_options import plugin_settings
from splicecore.config import read_config_file
from splicecore.errors import ExitCode, ResourceNotFoundError
from splicecore.resources.models import ModelDescription, describe_model
from splicecore.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable

    from splicecore.resources.model_validation import ModelValidation
    from splicecore.training.trained_models import TrainedModel

__all__ = ["command"]

_CONTEXT = {"help_option_names": ["-h", "--help"]}
_COMMERCIAL = {True: "yes", False: "no", None: "unclear"}
_models_dir = click.option("--models-dir", metavar="PATH", help="Folder (or file) of the weights.")


def _common(function: Any) -> Any:
    """Add ``--data-root`` and ``--config``."""
    config = click.option(
        "--config", "config_file", metavar="FILE", envvar="SPLICECORE_CONFIG", help="TOML file with [models.NAME]."
    )
    root = click.option("--data-root", metavar="FOLDER", envvar="SPLICECORE_DATA_ROOT", help="The user's data.")
    return root(config(function))


@click.group("models", context_settings=_CONTEXT)
def command() -> None:
    """List base models and trained meta-models, show them, and check that base models work."""


@command.command("list", context_settings=_CONTEXT)
@_models_dir
@_common
@as_json_option
@click.pass_context
def list_models(
    ctx: click.Context, /, *, models_dir: str | None, data_root: str | None, config_file: str | None, as_json: bool
) -> None:
    """List the base models of all loaded plugins, where their weights were found, and the data root's meta-models."""
    session = _session(ctx, data_root, config_file)
    trained = _trained(session)
    models = [
        describe_model(session, name, models_dir=models_dir, hashes=False) for name in sorted(session.base_models())
    ]
    if as_json:
        values = {"models": [model.to_json() for model in models], "problems": session.host.problems()}
        write_json({**values, "meta_models": [model.to_json() for model in trained]})
        return
    if not models:
        click.echo("no base model is installed")
    for model in models:
        if model is not models[0]:
            click.echo()
        _write_facts(_facts(model)[:9])
    for found in trained:
        click.echo()
        _write_facts(_trained_facts(found)[:6])
    for problem in session.host.problems():
        click.echo(problem, err=True)


@command.command("show", context_settings=_CONTEXT)
@click.argument("name")
@_models_dir
@_common
@as_json_option
@click.pass_context
def show_model(
    ctx: click.Context,
    /,
    *,
    name: str,
    models_dir: str | None,
    data_root: str | None,
    config_file: str | None,
    as_json: bool,
) -> None:
    """Show everything about the base model NAME, or the trained meta-model in the folder NAME."""
    from splicecore.training.trained_models import describe_trained, is_trained

    if is_trained(name):
        found = describe_trained(name)
        if as_json:
            write_json(found.to_json())
        else:
            _write_facts(_trained_facts(found))
        return
    model = _session(ctx, data_root, config_file).describe_model(name, models_dir=models_dir)
    if as_json:
        write_json(model.to_json())
        return
    _write_facts(_facts(model))
    if model.files:
        click.echo()
        rows = [(file.name, f"{file.size:,}", str(file.context or ""), file.sha256 or "") for file in model.files]
        write_table(("file", "bytes", "context", "sha256"), rows)


@command.command("path", context_settings=_CONTEXT)
@click.argument("name")
@_models_dir
@_common
@click.pass_context
def model_path(
    ctx: click.Context, /, *, name: str, models_dir: str | None, data_root: str | None, config_file: str | None
) -> None:
    """Print the folder of the weights of NAME and nothing else."""
    model = describe_model(_session(ctx, data_root, config_file), name, models_dir=models_dir, hashes=False)
    if model.folder is None:
        raise ResourceNotFoundError(model.problem or f"base model {name} needs no weights", hint=model.hint)
    click.echo(str(model.folder))


@command.command("validate", context_settings=_CONTEXT)
@click.argument("name")
@click.option("--context", type=int, metavar="N", help="Bases of context, both sides together, that it must have.")
@_models_dir
@model_option
@click.option("--fasta", metavar="FILE", help="Reference genome, for the self-test of coordinates.")
@click.option("--annotation", metavar="FILE", help="Genes of that genome, for the self-test of coordinates.")
@click.option("--sites", type=click.IntRange(min=5), default=25, metavar="N", help="Sites of each strand and type; 25.")
@click.option("--build", metavar="NAME", help="Build that the genome must be, such as GRCh38.")
@click.option("--engine", metavar="NAME", help="How to compute the model; its own default unless said otherwise.")
@click.option("--device", metavar="NAME", help="cpu (the default), cuda, cuda:1, mps.")
@click.option("--threads", type=int, metavar="N", help="Threads; by default as many as there are cores.")
@_common
@as_json_option
@click.pass_context
def validate(
    ctx: click.Context,
    /,
    *,
    name: str,
    model_options: tuple[str, ...],
    data_root: str | None,
    config_file: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Open the base model NAME and check its weights, context and scores.

    With --fasta and --annotation annotated sites are scored too: the mean score of each strand and type must be highest
    at the sites themselves. Ends with 5 if there are issues.
    """
    session = _session(ctx, data_root, config_file, name=name, model_options=model_options)
    validation = session.validate_model(name, **options)
    if as_json:
        write_json(validation.to_json())
    else:
        _write_validation(validation)
    return int(ExitCode.OK if validation.passed else ExitCode.RESOURCE)


def _session(
    ctx: click.Context,
    data_root: str | None,
    config_file: str | None,
    *,
    name: str = "",
    model_options: tuple[str, ...] = (),
) -> Session:
    file_config = read_config_file(config_file)
    models = merge_model_options(file_config.models, name, model_options)
    root = ctx.find_root()
    return Session(plugins=plugin_settings(root, file_config, config_file), models=models, data_root=data_root)


def _facts(model: ModelDescription) -> list[tuple[str, str]]:
    """Labels and values for people; the first nine are what a list shows."""
    spec, values = model.spec, model.to_json()
    sides = f"{spec.left} to the left, {spec.right} to the right"
    contexts = f"{', '.join(map(str, model.contexts))} bases" + (f" ({sides})" if len(model.contexts) == 1 else "")
    weights = f"not found: {model.problem}" if model.problem else "none needed"
    if model.location is not None:
        path, provenance = model.location.path, model.location.provenance
        weights = provenance if path in provenance else f"{path} ({provenance})"
    facts = [
        ("name", spec.name),
        ("summary", spec.summary),
        ("plugin", model.plugin),
        ("licence", spec.licence),
        ("commercial use", _COMMERCIAL[spec.commercial_use]),
        ("builds", ", ".join(spec.builds)),
        ("context", contexts),
        ("engines", ", ".join(spec.engines)),
        ("weights", weights),
        ("licence text", spec.licence_url or ""),
        ("citation", spec.citation),
        ("outputs", ", ".join(spec.outputs)),
        ("positions per call", f"{spec.max_positions:,}" if spec.output_length is None else f"{spec.output_length:,}"),
        ("position-invariant", "yes" if spec.position_invariant else "no"),
        ("tolerance", f"{spec.tolerance:g}"),
        ("needs", ", ".join(pattern.replace("|", " or ") for pattern in spec.weights)),
        ("settings", ", ".join(f"{key}={json.dumps(value)}" for key, value in values["settings"].items())),
        ("factory", spec.factory),
        ("folder", str(model.folder or "")),
        (
            "metadata file",
            json.dumps(model.metadata) if model.metadata is not None else model.metadata_problem or "none",
        ),
    ]
    return [(label, value or "-") for label, value in facts]


def _trained(session: Session) -> list[TrainedModel]:
    from splicecore.training.trained_models import find_trained

    return find_trained(session.data_root)


def _trained_facts(found: TrainedModel) -> list[tuple[str, str]]:
    """Labels and values for people; the first six are what a list shows."""
    if found.problem is not None:
        return [("meta-model", str(found.path)), ("problem", found.problem)]
    facts = found.facts
    scores = {name: value for name, value in facts.get("average_precision", {}).items() if value is not None}
    lines = [
        ("meta-model", str(found.path)),
        ("kind", f"{facts['model']} ({facts['plugin']})"),
        ("base models", ", ".join(model["name"] for model in facts["base_models"])),
        ("build", facts["build"]),
        ("trained on", ", ".join(facts.get("trained_on", ())) or "-"),
        (
            "average precision",
            ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
            + f" ({facts.get('positions')} positions)"
            if scores
            else "-",
        ),
        ("flank", facts["flank"]),
        ("columns", str(facts["columns"])),
        ("near-label", ", ".join(facts["near_label"]) or "none"),
        ("k-mer sizes", ", ".join(map(str, facts["kmer_sizes"])) or "none"),
        ("calibration", facts["calibration"]),
        ("settings", ", ".join(f"{key}={json.dumps(value)}" for key, value in facts["settings"].items()) or "-"),
        ("fingerprint", facts["fingerprint"]),
    ]
    lines += [("weights", f"{m['name']} {m['fingerprint']}") for m in facts["base_models"]]
    return lines


def _write_validation(validation: ModelValidation) -> None:
    write_table(
        ("check", "outcome", "found"), [(check.name, check.outcome, check.message) for check in validation.checks]
    )
    scored = [offsets for offsets in validation.offsets if offsets.mean_scores]
    if scored:
        steps = sorted(scored[0].mean_scores)
        click.echo("\nMean score around annotated sites, by offset in transcript orientation (the best must be +0)")
        rows = [
            (offsets.title, str(offsets.sites), *(f"{offsets.mean_scores[step]:.3f}" for step in steps))
            for offsets in scored
        ]
        write_table(("strand, type", "sites", *(f"{step:+d}" for step in steps)), rows)
    for title, lines in (("Issues", validation.issues), ("Recommendations", validation.recommendations)):
        if lines:
            click.echo(f"\n{title}")
            for line in lines:
                click.echo(f"- {' '.join(line.split())}")
    count = len(validation.issues)
    verdict = "passed" if validation.passed else f"{count} issue{'s' if count > 1 else ''}"
    click.echo(f"\n{validation.description.spec.name}: {verdict}")


def _write_facts(facts: Iterable[tuple[str, str]]) -> None:
    for label, value in facts:
        click.echo(click.style(f"{label:<20}", bold=True) + value)

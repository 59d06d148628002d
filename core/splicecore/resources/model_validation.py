"""Whether a base model can be used as it is installed: weights, opening, context, scores, coordinates."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Literal

import attrs

from splicecore.errors import ConfigError, SplicecoreError
from splicecore.resources.models import ModelDescription, describe_model, has_context_setting
from splicecore.resources.site_offsets import LEAST_SITES, SiteOffsets, scan_site_offsets

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from splicecore.config import RunConfig
    from splicecore.genome.encoding import Codes
    from splicecore.plugins.protocols import BaseModel, Scores
    from splicecore.plugins.specs import BaseModelSpec, OpenRequest
    from splicecore.workplace import Workplace

__all__ = ["ModelCheck", "ModelValidation", "validate_model"]

logger = logging.getLogger(__name__)

_LOW = 0.02


@attrs.frozen
class ModelCheck:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What.
    outcome
        ``"passed"``, ``"failed"`` or ``"skipped"``.
    message
        What was found.
    """

    name: str
    outcome: Literal["passed", "failed", "skipped"]
    message: str


@attrs.define(kw_only=True)
class ModelValidation:
    """What was found of a base model.

    Attributes
    ----------
    description
        The model as it is installed.
    context
        Bases of context, both sides together, of the opened model; None if it could not be opened.
    fingerprint
        Of the opened model, or None.
    checks
        In the order in which they were made.
    offsets
        Of the zero-offset self-test; empty if it was not made.
    recommendations
        What to do, most important first.
    """

    description: ModelDescription
    context: int | None = None
    fingerprint: str | None = None
    checks: list[ModelCheck] = attrs.field(factory=list)
    offsets: tuple[SiteOffsets, ...] = ()
    recommendations: list[str] = attrs.field(factory=list)

    @property
    def issues(self) -> list[str]:
        """What is wrong, one line each."""
        return [f"{check.name}: {check.message}" for check in self.checks if check.outcome == "failed"]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.issues

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-able values."""
        return {
            "name": self.description.spec.name,
            "passed": self.passed,
            "context": self.context,
            "fingerprint": self.fingerprint,
            "checks": [attrs.asdict(check) for check in self.checks],
            "offsets": [attrs.asdict(offsets) for offsets in self.offsets],
            "issues": self.issues,
            "recommendations": self.recommendations,
            "model": self.description.to_json(),
        }

    def note(self, name: str, problem: str | None, good: str, remedy: str | None = None) -> None:
        """Record a check that failed if there is a problem; its remedy becomes a recommendation."""
        self.checks.append(ModelCheck(name, "passed" if problem is None else "failed", problem or good))
        if problem is not None and remedy and remedy not in self.recommendations:
            self.recommendations.append(remedy)


def validate_model(
    session: Workplace, config: RunConfig, *, context: int | None = None, sites: int = 25
) -> ModelValidation:
    """Validate a base model; what is wrong with it is in the result, what is wrong with the question is raised.

    Parameters
    ----------
    session
        Plugins and folders.
    config
        ``base_model``, ``models_dir``, ``engine``, ``device``, ``threads``; ``fasta`` and ``annotation`` together for
        the zero-offset self-test.
    context
        Bases of context, both sides together, that the model must have; a model with the setting ``context`` is opened
        with it.
    sites
        Sites of each strand and type for the self-test, at most.

    Raises
    ------
    PluginNotFoundError, PluginLoadError
        If no loaded plugin has the model.
    ConfigError
        If the context is not one of the model's, an engine or setting does not exist, or only one of genome and
        annotation is given.
    InputError
        If genome or annotation cannot be used.
    """
    if (config.fasta is None) != (config.annotation is None):
        raise ConfigError(
            "the self-test needs a genome and an annotation; only one was given", hint="give --fasta and --annotation"
        )
    validation = ModelValidation(description=describe_model(session, config.base_model, models_dir=config.models_dir))
    spec = validation.description.spec
    if context is not None and not has_context_setting(spec) and context != spec.left + spec.right:
        raise ConfigError(
            f"base model {spec.name} has a context of {spec.left + spec.right} bases, not {context}",
            hint="its context cannot be chosen; leave --context out",
        )
    if _check_files(validation):
        _check_opened(validation, session, config, context, sites)
    return validation


def _check_files(validation: ModelValidation) -> bool:
    """Check what can be checked without opening the model; returns whether it is worth opening."""
    description = validation.description
    if description.problem is not None:
        validation.note("weights", description.problem, "", description.hint)
        return False
    where = description.location.provenance if description.location is not None else "none needed"
    validation.note("weights", None, where)
    if description.location is not None:
        empty = [file.name for file in description.files if file.size == 0]
        total = sum(file.size for file in description.files)
        problem = f"empty: {', '.join(empty)}" if empty else None
        remedy = "get the weights again: the download may have been cut off"
        validation.note("files", problem, f"{len(description.files)} of them, {total:,} bytes", remedy)
    _check_metadata(validation)
    return True


def _check_metadata(validation: ModelValidation) -> None:
    description = validation.description
    if description.metadata_problem is not None:
        validation.note("metadata", description.metadata_problem, "", "mend or remove the metadata file")
        return
    if description.metadata is None:
        validation.checks.append(ModelCheck("metadata", "skipped", "no metadata file"))
        return
    promised = description.metadata.get("files", {})
    hashes = {file.name: file.sha256 for file in description.files}
    wrong = [
        f"{name} is {'not there' if name not in hashes else 'not the file that it describes'}"
        for name, sha256 in (promised.items() if isinstance(promised, dict) else ())
        if hashes.get(name) != sha256
    ]
    validation.note(
        "metadata", "; ".join(wrong) or None, f"{len(description.metadata)} entries", "get the weights again"
    )


def _check_opened(
    validation: ModelValidation, session: Workplace, config: RunConfig, context: int | None, sites: int
) -> None:
    from splicecore.genome.annotation import read_annotation
    from splicecore.genome.reference import Reference

    spec, request, _ = session.open_request(config)
    if context is not None and has_context_setting(spec):
        request = attrs.evolve(request, config={**request.config, "context": context})
    reference = None
    if config.fasta is not None:
        reference = Reference.open(config.fasta, build=config.build, cache=session.cache_dir)
    try:
        bound = None
        if reference is not None and config.annotation is not None:
            annotation = read_annotation(config.annotation)
            bound = annotation.bind(reference.contigs, reference.build, reference_name=str(config.fasta))
        model = _open(validation, session, spec, request)
        if model is None:
            return
        with model:
            _check_context(validation, model, context)
            _check_scores(validation, model, request)
            if reference is None or bound is None:
                validation.checks.append(ModelCheck("offsets", "skipped", "no genome and annotation given"))
                validation.recommendations.append("give --fasta and --annotation to test the model's coordinates too")
            elif validation.passed:
                _check_build(validation, spec, reference.build.name)
                validation.offsets = scan_site_offsets(model, reference, bound, sites=sites)
                _check_offsets(validation)
            else:
                validation.checks.append(ModelCheck("offsets", "skipped", "the scores are wrong already"))
    finally:
        if reference is not None:
            reference.close()


def _open(
    validation: ModelValidation, session: Workplace, spec: BaseModelSpec, request: OpenRequest
) -> BaseModel | None:
    started = time.perf_counter()
    try:
        model = session.host.open_base_model(spec, request)
    except ConfigError:
        raise
    except SplicecoreError as error:
        logger.debug("%s cannot be opened", spec.name, exc_info=True)
        validation.note("opening", error.message, "", error.hint)
        return None
    validation.fingerprint = model.fingerprint
    seconds = time.perf_counter() - started
    validation.note("opening", None, f"engine {request.engine} on {request.device}, {seconds:.1f} s")
    return model


def _check_context(validation: ModelValidation, model: BaseModel, wanted: int | None) -> None:
    """Compare the context of the opened model with what was asked for, the descriptor, and the metadata."""
    spec = validation.description.spec
    found = model.spec.left + model.spec.right
    validation.context = found
    expected = wanted if wanted is not None else None if has_context_setting(spec) else spec.left + spec.right
    problem = None
    if expected is not None and found != expected:
        problem = f"the weights have a context of {found} bases, not {expected}"
    told = _told_contexts(validation.description.metadata or {})
    if problem is None and told and found not in told:
        problem = f"the weights have a context of {found} bases; the metadata file says {', '.join(map(str, told))}"
    sides = f"{found} bases: {model.spec.left} to the left, {model.spec.right} to the right"
    validation.note("context", problem, sides, "choose the folder of the right context with --models-dir")


def _told_contexts(metadata: dict[str, Any]) -> list[int]:
    for key in ("context_windows", "context_window", "context"):
        value = metadata.get(key)
        values = [item for item in (value if isinstance(value, list) else [value]) if type(item) is int]
        if values:
            return values
    return []


class _Kept:
    """An open model that a check may close without closing it."""

    def __init__(self, model: BaseModel) -> None:
        self.spec, self.fingerprint, self._model = model.spec, model.fingerprint, model

    def predict(self, codes: Codes) -> Scores:
        return self._model.predict(codes)

    def close(self) -> None:
        """Leave it open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_scores(validation: ModelValidation, model: BaseModel, request: OpenRequest) -> None:
    """Run those conformance checks that show broken weights, on short windows of made-up sequence."""
    from splicecore.testing.conformance import scores
    from splicecore.testing.conformance.case import BaseModelCase, CheckSkipped

    case = BaseModelCase(spec=model.spec, request=request, opener=lambda _, __: _Kept(model))
    checks = {
        "shape": scores.check_shape,
        "probabilities": scores.check_probabilities,
        "repeatable": scores.check_repeatable,
        "unknown bases": scores.check_only_n,
        "one strand": scores.check_given_strand_only,
    }
    for name, check in checks.items():
        summary = (check.__doc__ or "").strip().partition("\n")[0].removeprefix("Check that ").rstrip(".")
        try:
            check(case)
        except CheckSkipped as reason:
            validation.checks.append(ModelCheck(name, "skipped", str(reason)))
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and that is the finding
            text = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            validation.note(name, text, "", "report this to the plugin's author, or get the weights again")
        else:
            validation.note(name, None, summary)


def _check_build(validation: ModelValidation, spec: BaseModelSpec, build: str) -> None:
    if spec.builds and build not in spec.builds:
        validation.recommendations.append(
            f"{spec.name} was trained on {', '.join(spec.builds)} and the genome is {build}: say so when you publish"
        )


def _check_offsets(validation: ModelValidation) -> None:
    for offsets in validation.offsets:
        name = f"offsets {offsets.title}"
        if offsets.sites < LEAST_SITES:
            validation.checks.append(ModelCheck(name, "skipped", f"too few sites ({offsets.sites})"))
            continue
        own = offsets.mean_scores[0]
        problem = f"the mean score is highest at offset {offsets.best:+d}, not at the annotated base"
        validation.note(
            name,
            problem if offsets.best != 0 else None,
            f"best at 0: mean score {own:.3f} over {offsets.sites} sites",
            "model and annotation disagree on where a site is: is the annotation of this genome's build?",
        )
        if offsets.best == 0 and own < _LOW:
            validation.recommendations.append(
                f"{offsets.title} sites score {own:.3f} on average: is this a model of this species?"
            )
    if all(offsets.sites < LEAST_SITES for offsets in validation.offsets):
        validation.note(
            "offsets", "too few annotated sites to test anything", "", "give an annotation with more transcripts"
        )

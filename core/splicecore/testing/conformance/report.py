"""Check a plugin, or one thing that it provides, without writing a test: what ``splicecore plugins check`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from splicecore import __version__
from splicecore.errors import ConfigError, PluginNotFoundError
from splicecore.plugins.catalog import KINDS
from splicecore.plugins.discovery import nearest
from splicecore.plugins.hookspecs import API_VERSION
from splicecore.testing.conformance.checks import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from splicecore.plugins.records import PluginRecord
    from splicecore.session import Session

__all__ = ["CHECKED_KINDS", "ConformanceReport", "Subject", "check_plugin"]

CHECKED_KINDS: tuple[str, ...] = (
    "base_models",
    "feature_sets",
    "uncertainty_strategies",
    "meta_models",
    "executors",
)
"""Kinds of descriptors that have a suite."""


@attrs.frozen
class Subject:
    """One thing that was checked.

    Attributes
    ----------
    noun
        What it is: ``"plugin"``, ``"base model"``, ``"feature set"``, ...
    name
        Of it.
    results
        A result for each check.
    """

    noun: str
    name: str
    results: tuple[CheckResult, ...]


@attrs.frozen
class ConformanceReport:
    """What became of all checks.

    Attributes
    ----------
    name
        What was asked for.
    subjects
        The plugin's package first, then what it provides.
    """

    name: str
    subjects: tuple[Subject, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.count("failed")

    def count(self, outcome: str) -> int:
        """Count the checks with an outcome: ``passed``, ``failed``, ``skipped``."""
        return sum(result.outcome == outcome for subject in self.subjects for result in subject.results)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-able values; no times, no paths but those in messages."""
        return {
            "splicecore": __version__,
            "api_version": list(API_VERSION),
            "name": self.name,
            "passed": self.passed,
            "counts": {outcome: self.count(outcome) for outcome in ("passed", "failed", "skipped")},
            "subjects": [
                {"kind": subject.noun, "name": subject.name, "checks": [attrs.asdict(each) for each in subject.results]}
                for subject in self.subjects
            ],
        }


def check_plugin(
    session: Session,
    name: str,
    *,
    kind: str | None = None,
    models_dir: str | None = None,
    settings: Mapping[str, Any] | None = None,
    genome: tuple[str, str] | None = None,
) -> ConformanceReport:
    """Run the conformance checks of a plugin, a distribution, or one thing that a plugin provides.

    Parameters
    ----------
    session
        Plugins and folders; base models have the session's settings.
    name
        Of a plugin or distribution: its package and all that it provides is checked. Else of a base model, feature
        set, uncertainty strategy, meta-model or executor, which is checked alone.
    kind
        ``"plugin"`` or one of :data:`CHECKED_KINDS`, where a name has several meanings; a plugin comes first otherwise.
    models_dir
        Weights of base models, as in ``splicecore run``.
    settings
        Settings of the feature set, strategy or meta-model; few rounds make the checks of a meta-model fast.
    genome
        FASTA and annotation whose splice sites base models know; simulated genes if None.

    Raises
    ------
    PluginNotFoundError
        If nothing has that name.
    ConfigError
        If settings are given for something else, or for more than one thing.
    ResourceNotFoundError
        If the weights of a base model are nowhere.
    """
    host = session.host
    records = [record for record in host.records if name in {record.name, record.distribution}]
    records = [record for record in records if record.name == name] or records
    if kind in {None, "plugin"} and records:
        targets = [
            (each, provided)
            for record in records
            for each in CHECKED_KINDS
            for provided in record.provides.get(each, ())
            if provided in getattr(host, each)()
        ]
        _check_settings(settings, targets)
        subjects = [_packaging(session, record) for record in records]
    else:
        targets, subjects = [(each, name) for each in _kinds_of(session, name, kind)], []
        _check_settings(settings, targets)
    for each, provided in targets:
        given = dict(settings or {})
        results = _results(session, each, provided, models_dir=models_dir, settings=given, genome=genome)
        subjects.append(Subject(KINDS[each].noun, provided, tuple(results)))
    return ConformanceReport(name, tuple(subjects))


def _kinds_of(session: Session, name: str, kind: str | None) -> list[str]:
    wanted = CHECKED_KINDS if kind is None else (kind,)
    found = [each for each in wanted if each in CHECKED_KINDS and name in getattr(session.host, each)()]
    if found:
        return found
    if kind in CHECKED_KINDS:
        session.host.provider(str(kind), name)
    names = {record.name for record in session.host.records}
    names |= {provided for each in CHECKED_KINDS for provided in getattr(session.host, each)()}
    guess = nearest(name, names)
    raise PluginNotFoundError(
        f"there is no plugin and nothing that a loaded plugin provides of the name {name!r}",
        hint=f"did you mean {guess}?" if guess else "splicecore plugins list shows the installed plugins",
    )


def _check_settings(settings: Mapping[str, Any] | None, targets: list[tuple[str, str]]) -> None:
    taking = [target for target in targets if target[0] not in {"base_models", "executors"}]
    if settings and len(taking) != 1:
        raise ConfigError(
            f"settings are given, and {len(taking)} of what is checked take some",
            hint="name the one thing that they belong to; settings of base models are --model-option",
        )


def _packaging(session: Session, record: PluginRecord) -> Subject:
    from splicecore.testing.conformance.packaging_checks import PluginCase, run_packaging_checks

    case = PluginCase(record=record, problems=tuple(session.host.problems()))
    return Subject("plugin", record.name, tuple(run_packaging_checks(case)))


def _results(
    session: Session,
    kind: str,
    name: str,
    *,
    models_dir: str | None,
    settings: dict[str, Any],
    genome: tuple[str, str] | None,
) -> Iterator[CheckResult]:
    spec: Any = getattr(session.host, kind)()[name]
    if kind == "base_models":
        return _base_model(session, name, models_dir, genome)
    if kind == "feature_sets":
        from splicecore.testing.conformance.feature_case import FeatureSetCase
        from splicecore.testing.conformance.feature_checks import run_feature_set_checks

        return run_feature_set_checks(FeatureSetCase(spec=spec, config=settings))
    if kind == "uncertainty_strategies":
        from splicecore.testing.conformance.uncertainty_case import UncertaintyCase
        from splicecore.testing.conformance.uncertainty_checks import run_uncertainty_checks

        return run_uncertainty_checks(UncertaintyCase(spec=spec, config=settings))
    if kind == "meta_models":
        from splicecore.testing.conformance.meta_case import MetaModelCase
        from splicecore.testing.conformance.meta_checks import run_meta_model_checks

        return run_meta_model_checks(MetaModelCase(spec=spec, config=settings))
    from splicecore.testing.conformance.executor_case import ExecutorCase
    from splicecore.testing.conformance.executor_checks import run_executor_checks

    return run_executor_checks(ExecutorCase(spec=spec))


def _base_model(
    session: Session, name: str, models_dir: str | None, genome: tuple[str, str] | None
) -> Iterator[CheckResult]:
    from splicecore.config import RunConfig
    from splicecore.testing.conformance.case import BaseModelCase
    from splicecore.testing.conformance.checks import run_base_model_checks

    spec, request, _ = session.open_request(RunConfig(base_model=name, models_dir=models_dir))
    case = BaseModelCase(
        spec=spec,
        request=attrs.evolve(request, threads=1),
        plugin_module=session.host.provider("base_models", name).entry_point.partition(":")[0],
        genome=genome,
    )
    return run_base_model_checks(case)

"""The list of base-model checks, and running them without pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeVar

import attrs

from splicecore.testing.conformance import contract, isolation, scores
from splicecore.testing.conformance.case import BaseModelCase, CheckSkipped

__all__ = ["BASE_MODEL_CHECKS", "BaseModelCheck", "CheckResult", "run_base_model_checks", "run_checks"]

Case = TypeVar("Case")

BaseModelCheck = Callable[[BaseModelCase], None]
"""Returns if the model conforms, raises ConformanceFailure or CheckSkipped; any other exception is a failure too."""

BASE_MODEL_CHECKS: tuple[BaseModelCheck, ...] = (
    isolation.check_light_import,
    contract.check_spec,
    contract.check_opening,
    scores.check_shape,
    scores.check_probabilities,
    scores.check_repeatable,
    isolation.check_other_process,
    scores.check_threads,
    scores.check_batch_invariance,
    scores.check_tiling_invariance,
    scores.check_only_n,
    scores.check_n_around_bases,
    scores.check_given_strand_only,
    scores.check_empty,
    scores.check_one_position,
    isolation.check_input_untouched,
    isolation.check_input_layout,
    isolation.check_silence,
    isolation.check_global_state,
    contract.check_bad_input,
    contract.check_fingerprint,
    contract.check_fingerprint_of_altered_weights,
    contract.check_closing,
    contract.check_unknown_device,
    contract.check_unknown_engine,
)
"""All of them, in the order in which they are best read: a model that fails an early one often fails later ones."""


@attrs.frozen
class CheckResult:
    """What became of one check.

    Attributes
    ----------
    name
        Of the check, without ``check_``.
    summary
        What the check asks for, in one line.
    outcome
        ``"passed"``, ``"failed"`` or ``"skipped"``.
    message
        Why it failed or was skipped; None if it passed.
    """

    name: str
    summary: str
    outcome: Literal["passed", "failed", "skipped"]
    message: str | None = None


def run_base_model_checks(case: BaseModelCase) -> Iterator[CheckResult]:
    """Run every check on a base model, one by one, whatever the others say."""
    return run_checks(BASE_MODEL_CHECKS, case)


def run_checks(checks: Iterable[Callable[[Case], None]], case: Case) -> Iterator[CheckResult]:
    """Run checks on a case, one by one, whatever the others say."""
    for check in checks:
        name = check.__name__.removeprefix("check_")
        summary = (check.__doc__ or "").strip().partition("\n")[0]
        try:
            check(case)
        except CheckSkipped as reason:
            yield CheckResult(name, summary, "skipped", str(reason))
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and that is the finding
            message = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            yield CheckResult(name, summary, "failed", message)
        else:
            yield CheckResult(name, summary, "passed")

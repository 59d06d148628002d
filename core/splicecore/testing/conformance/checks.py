"""The list of base-model checks, and running them without pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeVar

import attrs

from splicecore.testing.conformance import contract, edits, isolation, memory, scores, sites, weights
from splicecore.testing.conformance.case import BaseModelCase, CheckSkipped

__all__ = [
    "BASE_MODEL_CHECKS",
    "BaseModelCheck",
    "CheckResult",
    "describe_check",
    "run_base_model_checks",
    "run_checks",
]

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
    scores.check_flanks,
    scores.check_only_n,
    scores.check_n_around_bases,
    scores.check_letters,
    scores.check_given_strand_only,
    sites.check_zero_offset,
    scores.check_empty,
    scores.check_one_position,
    edits.check_edits,
    edits.check_edits_alone,
    isolation.check_input_untouched,
    isolation.check_input_layout,
    isolation.check_silence,
    isolation.check_global_state,
    contract.check_bad_input,
    contract.check_fingerprint,
    contract.check_fingerprint_of_altered_weights,
    weights.check_missing_weights,
    weights.check_truncated_weights,
    weights.check_altered_weights,
    memory.check_memory,
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
    remedy
        What to do about it; None unless it failed.
    """

    name: str
    summary: str
    outcome: Literal["passed", "failed", "skipped"]
    message: str | None = None
    remedy: str | None = None


def run_base_model_checks(case: BaseModelCase) -> Iterator[CheckResult]:
    """Run every check on a base model, one by one, whatever the others say."""
    return run_checks(BASE_MODEL_CHECKS, case)


def run_checks(checks: Iterable[Callable[[Case], None]], case: Case) -> Iterator[CheckResult]:
    """Run checks on a case, one by one, whatever the others say."""
    for check in checks:
        name, summary, remedy = describe_check(check)
        try:
            check(case)
        except CheckSkipped as reason:
            yield CheckResult(name, summary, "skipped", str(reason))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything, and that is the finding
            message = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            yield CheckResult(name, summary, "failed", message, remedy)
        else:
            yield CheckResult(name, summary, "passed")


def describe_check(check: Callable[..., None]) -> tuple[str, str, str]:
    """Return a check's name, what it asks for in one line, and the remedy, as its docstring has them."""
    text = check.__doc__ or ""
    remedy = " ".join(text.partition("Remedy:")[2].split())
    return check.__name__.removeprefix("check_"), text.strip().partition("\n")[0], remedy

"""Checks of an uncertainty strategy: what it returns, how it ranks; and running them without pytest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import ConfigError
from splicecore.testing.conformance.case import ConformanceFailure, expect, skip
from splicecore.testing.conformance.checks import CheckResult, run_checks
from splicecore.testing.conformance.isolation import captured_stdout, unchanged_generators
from splicecore.testing.conformance.uncertainty_case import UncertaintyCase

if TYPE_CHECKING:
    from splicecore.predict.blocks import Block

__all__ = ["UNCERTAINTY_CHECKS", "UncertaintyCheck", "run_uncertainty_checks"]

UncertaintyCheck: TypeAlias = Callable[[UncertaintyCase], None]
"""Returns if the strategy conforms, raises ConformanceFailure or CheckSkipped; any other exception is a failure too."""

_COLUMN = re.compile(r"[a-z][a-z0-9_]*")


def check_making(case: UncertaintyCase) -> None:
    """Check that the factory makes a strategy and that unknown settings are refused.

    Remedy: give the factory the structured config and return an object with score.
    """
    strategy = case.make()
    expect(callable(getattr(strategy, "score", None)), f"{type(strategy).__name__} has no method score")
    if case.spec.config_cls is not None:
        expect(attrs.has(case.spec.config_cls), f"config_cls {case.spec.config_cls!r} is not an attrs class")
        try:
            attrs.evolve(case, config={**case.config, "no_such_setting": 1}).make()
        except ConfigError:
            return
        raise ConformanceFailure("an unknown setting is accepted, where ConfigError was expected")


def check_shape(case: UncertaintyCase) -> None:
    """Check that scores are a float32 array of shape (L,), for a gene of one base too.

    Remedy: return score as float32 of shape (L,).
    """
    for length in (300, 1):
        found: Any = case.make().score(case.mixed(length))
        expect(isinstance(found, np.ndarray), f"score returned {type(found).__name__}, not a NumPy array")
        expect(found.shape == (length,), f"score returned shape {found.shape}, not (L,) = ({length},)")
        expect(found.dtype == np.float32, f"score returned {found.dtype}, not float32")


def check_range(case: UncertaintyCase) -> None:
    """Check that scores are finite and 0 or above, for the undecided and for probabilities off by rounding too.

    Remedy: clip probabilities before logarithms, and the score at 0.
    """
    odd = np.array([[1 / 3] * 3, [0.5, 0.5, 0], [0, 0.5, 0.5], [1 + 1e-6, -1e-6, 0], [0, 0, 1 + 1e-6]])
    for block in (case.mixed(), case.block([odd] * len(case.models))):
        found = case.make().score(block)
        expect(np.isfinite(found).all(), f"{np.count_nonzero(~np.isfinite(found))} of {found.size} are not finite")
        expect(found.min() >= 0, f"the least score is {found.min():g}; it cannot be negative")


def check_one_hot(case: UncertaintyCase) -> None:
    """Check that positions of which all models are sure, and agree, have the score 0.

    Remedy: give 0 where all models are sure of the same class.
    """
    found = case.make().score(case.sure())
    for channel, name in enumerate(("neither", "acceptor", "donor")):
        highest = float(np.abs(found[channel::3]).max())
        expect(highest == 0, f"a sure {name} has the score {highest:g}, so it could be selected")


def check_order(case: UncertaintyCase) -> None:
    """Check that scores rise with doubt, for acceptors and donors.

    Remedy: turn the score around: larger is less sure.
    """
    for channel, name in ((1, "acceptor"), (2, "donor")):
        found = case.make().score(case.graded(channel)).astype(np.float64)
        worst = float(np.diff(found).min())
        expect(worst >= -1e-6, f"the score falls by {-worst:.2g} as a {name} gets from 0 to 30 % likely")
        expect(found[-1] > found[0], f"the score is the same whether a {name} is impossible or 30 % likely")


def check_repeatable(case: UncertaintyCase) -> None:
    """Check that a block has the same scores, bit for bit, whatever was scored before it and whoever scores it.

    Remedy: keep no state between blocks.
    """
    strategy = case.make()
    first = strategy.score(case.mixed()).tobytes()
    strategy.score(case.mixed(seed=2))
    expect(first == strategy.score(case.mixed()).tobytes(), "the same block gave other scores after another block")
    expect(first == case.make().score(case.mixed()).tobytes(), "the same block gave other scores by another instance")


def check_orientation(case: UncertaintyCase) -> None:
    """Check that scores stay in transcript orientation on both strands.

    Remedy: do not look at the strand: blocks are in transcript orientation already.
    """
    block = case.mixed()
    other = attrs.evolve(block, gene=attrs.evolve(block.gene, strand="-"))
    found = case.make().score(other).tobytes()
    expect(
        case.make().score(case.mixed()).tobytes() == found,
        "the same scores and bases are ranked otherwise on the minus strand, where blocks are oriented already",
    )


def check_threshold(case: UncertaintyCase) -> None:
    """Check that the threshold, if there is one, is a finite number above 0.

    Remedy: set threshold to a finite number above 0, or leave it out.
    """
    found = getattr(case.make(), "threshold", None)
    if found is None:
        skip("the strategy has no threshold; it is used with a target rate only")
    number = isinstance(found, int | float | np.floating) and not isinstance(found, bool)
    expect(number and 0 < found < np.inf, f"the threshold is {found!r}, not a number above 0")


def check_criteria(case: UncertaintyCase) -> None:
    """Check that criteria, if there are any, are columns of one float32 number a position.

    Remedy: return a mapping of column names to float32 arrays of shape (L,).
    """
    _check_columns(case, "criteria")


def check_terms(case: UncertaintyCase) -> None:
    """Check that terms, if there are any, are such columns, and that the score is their maximum.

    Remedy: make the score the maximum of the terms, or leave terms out.
    """
    block = case.mixed()
    terms = _check_columns(case, "terms")
    highest = np.maximum.reduce(list(terms.values()))
    expect(np.array_equal(highest, case.make().score(block)), "the score is not the maximum of the terms")


def check_input_untouched(case: UncertaintyCase) -> None:
    """Check that blocks may be read-only and are left as they are.

    Remedy: copy what you write to.
    """
    block = case.mixed()
    arrays: list[npt.NDArray[Any]] = [block.codes, *block.scores.values()]
    before = [array.tobytes() for array in arrays]
    _use(case, block)
    expect(before == [array.tobytes() for array in arrays], "the block's arrays are changed")
    for array in arrays:
        array.flags.writeable = False
    _use(case, block)


def check_silence(case: UncertaintyCase) -> None:
    """Check that nothing is written to standard output.

    Remedy: log with the logging module.
    """
    with captured_stdout() as written:
        _use(case, case.mixed())
    text = "".join(written)
    expect(not text, f"standard output got {text[:60]!r}; it belongs to results")


def check_global_state(case: UncertaintyCase) -> None:
    """Check that the global generators of random numbers are left alone.

    Remedy: draw nothing; a strategy is deterministic.
    """
    untouched = unchanged_generators(lambda: _use(case, case.mixed()))
    expect(untouched, "a global generator of random numbers is seeded or used")


UNCERTAINTY_CHECKS: tuple[UncertaintyCheck, ...] = (
    check_making,
    check_shape,
    check_range,
    check_one_hot,
    check_order,
    check_repeatable,
    check_orientation,
    check_threshold,
    check_criteria,
    check_terms,
    check_input_untouched,
    check_silence,
    check_global_state,
)
"""All of them, in the order in which they are best read."""


def run_uncertainty_checks(case: UncertaintyCase) -> Iterator[CheckResult]:
    """Run every check on a strategy, one by one, whatever the others say."""
    return run_checks(UNCERTAINTY_CHECKS, case)


def _check_columns(case: UncertaintyCase, method: str) -> dict[str, Any]:
    make, block = getattr(case.make(), method, None), case.mixed()
    if make is None:
        skip(f"the strategy has no {method}")
    found = make(block)
    expect(isinstance(found, Mapping), f"{method} returned {type(found).__name__}, not a mapping")
    if method == "terms" and not found:
        raise ConformanceFailure("terms are empty; leave the method out")
    for name, values in found.items():
        valid = isinstance(name, str) and _COLUMN.fullmatch(name)
        expect(valid, f"{method}: {name!r} is not a column's name (lower-case letters, digits and _)")
        expect(
            isinstance(values, np.ndarray) and values.shape == (block.length,) and values.dtype == np.float32,
            f"{method} {name} is {getattr(values, 'dtype', type(values).__name__)} of shape "
            f"{getattr(values, 'shape', '?')}, not float32 of shape (L,)",
        )
        expect(np.isfinite(values).all(), f"{method} {name} is not finite")
    return dict(found)


def _use(case: UncertaintyCase, block: Block) -> None:
    strategy = case.make()
    strategy.score(block)
    for method in ("criteria", "terms"):
        make = getattr(strategy, method, None)
        if make is not None:
            make(block)

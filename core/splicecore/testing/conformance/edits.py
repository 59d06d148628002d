"""The check of ``predict_edits``, which a base model may offer: equal to scoring the edited sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from splicecore.plugins.protocols import EditScoring
from splicecore.testing.conformance.case import BaseModelCase, difference, expect, skip

if TYPE_CHECKING:
    from splicecore.genome.encoding import Codes
    from splicecore.plugins.protocols import BaseModel, Edit, Scores
    from splicecore.plugins.specs import BaseModelSpec

__all__ = ["check_edits", "check_edits_alone"]

_LEAST_TOLERANCE = 1e-6
_ALONE = 1e-7
_RADIUS = 20


def check_edits(case: BaseModelCase) -> None:
    """Check that ``predict_edits``, where offered, gives what ``predict`` gives for the edited sequence.

    Remedy: recompute everything within the receptive field of the edit, shifted by what it inserts or deletes.
    """
    with case.open() as model:
        edits_of = _offered(model)
        codes, edits = _problem(case, model.spec)
        before = codes.copy()
        for radius in (_RADIUS, 0):
            found = edits_of.predict_edits(codes, list(edits.values()), radius)
            expect(isinstance(found, list), f"predict_edits returned {type(found).__name__}, not a list")
            expect(len(found) == len(edits), f"predict_edits returned {len(found)} results for {len(edits)} edits")
            for (name, edit), scores in zip(edits.items(), found, strict=True):
                _compare(f"{name}, radius {radius}", scores, _rescored(model, codes, edit, radius), model.spec)
        expect(edits_of.predict_edits(codes, [], _RADIUS) == [], "no edits do not give an empty list")
    expect(np.array_equal(before, codes), "predict_edits changed its input")


def check_edits_alone(case: BaseModelCase) -> None:
    """Check that the scores of an edit do not depend on which others are asked for in the same call.

    Remedy: start every edit from the reference's activations, never from another edit's.
    """
    with case.open() as model:
        edits_of = _offered(model)
        codes, edits = _problem(case, model.spec)
        together = edits_of.predict_edits(codes, list(edits.values()), _RADIUS)
        for (name, edit), scores in zip(edits.items(), together, strict=True):
            off = difference(scores, edits_of.predict_edits(codes, [edit], _RADIUS)[0])
            expect(off <= _ALONE, f"{name} alone and among others differs by {off:.2g} (allowed {_ALONE:g})")


def _offered(model: BaseModel) -> EditScoring:
    if not isinstance(model, EditScoring):
        skip("the model has no predict_edits; the core scores whole windows")
    return model


def _problem(case: BaseModelCase, spec: BaseModelSpec) -> tuple[Codes, dict[str, Edit]]:
    """Make a sequence of left + L + right bases, and edits of all kinds in it."""
    length = case.positions(spec) * (1 if spec.output_length is None else 2) + 40
    codes = case.windows(spec, n=1, positions=length)[0]
    middle, last = spec.left + length // 2, spec.left + length - 1

    def other(start: int, bases: int) -> Codes:
        found: Codes = (codes[start : start + bases] + 1) % 4
        return found.astype(np.uint8)

    return codes, {
        "a substitution": (middle, middle + 1, other(middle, 1)),
        "an insertion": (middle, middle + 1, np.concatenate([codes[middle : middle + 1], other(middle, 5)])),
        "a deletion": (middle, middle + 8, codes[middle : middle + 1].copy()),
        "a change of several bases": (middle - 2, middle + 1, other(middle, 5)),
        "no change": (middle, middle + 1, codes[middle : middle + 1].copy()),
        "a substitution of the first position": (spec.left, spec.left + 1, other(spec.left, 1)),
        "a substitution of the last position": (last, last + 1, other(last, 1)),
    }


def _rescored(model: BaseModel, codes: Codes, edit: Edit, radius: int) -> Scores:
    start, end, new = edit
    spec = model.spec
    edited = np.concatenate([codes[:start], new, codes[end:]])
    low = max(start - radius, spec.left)
    high = min(start + len(new) + radius, len(edited) - spec.right)
    if spec.output_length is None:
        whole = model.predict(edited[None, low - spec.left : high + spec.right].copy())
        return np.asarray(whole[0])
    scores = np.empty((high - low, spec.n_outputs), dtype=np.float32)
    for at in range(low, high, spec.output_length):
        first = min(at, len(edited) - spec.right - spec.output_length)
        window = edited[None, first - spec.left : first + spec.output_length + spec.right].copy()
        kept = min(high - at, first + spec.output_length - at)
        scores[at - low : at - low + kept] = model.predict(window)[0, at - first : at - first + kept]
    return scores


def _compare(what: str, found: Scores, expected: Scores, spec: BaseModelSpec) -> None:
    expect(isinstance(found, np.ndarray), f"{what}: the result is {type(found).__name__}, not a NumPy array")
    expect(found.shape == expected.shape, f"{what}: scores have shape {found.shape}, not {expected.shape}")
    expect(found.dtype == np.float32, f"{what}: scores are {found.dtype}, not float32")
    allowed = max(spec.tolerance, _LEAST_TOLERANCE)
    off = difference(found, expected)
    expect(off <= allowed, f"{what}: scores differ from predict's by {off:.2g} (allowed {allowed:g})")

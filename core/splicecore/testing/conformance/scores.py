"""Checks of the scores: shape, range, determinism, invariance, unknown bases, strand, and the smallest inputs."""

from __future__ import annotations

import attrs
import numpy as np

from splicecore.genome.encoding import N, decode, encode, reverse_complement
from splicecore.testing.conformance.case import BaseModelCase, difference, expect, expect_shape, skip

__all__ = [
    "check_batch_invariance",
    "check_empty",
    "check_flanks",
    "check_given_strand_only",
    "check_letters",
    "check_n_around_bases",
    "check_one_position",
    "check_only_n",
    "check_probabilities",
    "check_repeatable",
    "check_shape",
    "check_threads",
    "check_tiling_invariance",
]

_SUM_TOLERANCE = 1e-4
_LEAST_STRAND_DIFFERENCE = 1e-6
_AMBIGUOUS = "RYSWKMBDHVn"


def check_shape(case: BaseModelCase) -> None:
    """Check that scores are a float32 array of shape (n, L, outputs).

    Remedy: return a float32 array of shape (n, L, outputs), all axes kept.
    """
    with case.open() as model:
        scores = model.predict(case.windows(model.spec, n=2))
        expect_shape(scores, model.spec, 2, case.positions(model.spec))
        expect(scores.dtype == np.float32, f"predict returned {scores.dtype}, not float32")


def check_probabilities(case: BaseModelCase) -> None:
    """Check that scores are finite and in [0, 1], and that neither, acceptor and donor sum to one.

    Remedy: end with a softmax, and clip what rounding puts outside 0 to 1.
    """
    with case.open() as model:
        scores = model.predict(case.windows(model.spec, n=2))
    expect(np.isfinite(scores).all(), f"{np.count_nonzero(~np.isfinite(scores))} of {scores.size} scores not finite")
    expect(scores.min() >= 0 and scores.max() <= 1, f"scores range from {scores.min()} to {scores.max()}, not in 0..1")
    gap = float(np.abs(scores[..., :3].sum(axis=-1, dtype=np.float64) - 1).max())
    expect(
        gap <= _SUM_TOLERANCE, f"neither + acceptor + donor is off 1 by up to {gap:.2g} (allowed {_SUM_TOLERANCE:g})"
    )


def check_repeatable(case: BaseModelCase) -> None:
    """Check that one opened model gives the same bytes for the same input.

    Remedy: switch dropout and every other randomness off.
    """
    with case.open() as model:
        codes = case.windows(model.spec, n=2)
        first, second = model.predict(codes), model.predict(codes)
    expect(
        first.tobytes() == second.tobytes(),
        f"the same input gave other bytes the second time (largest difference {difference(first, second):.2g})",
    )


def check_threads(case: BaseModelCase) -> None:
    """Check that one thread and two give the same bytes.

    Remedy: fix the order of additions, or fix the number of threads inside the model.
    """
    scores = []
    for threads in (1, 2):
        with case.open_with(attrs.evolve(case.request, threads=threads)) as model:
            scores.append(model.predict(case.windows(model.spec, n=2)))
    expect(
        scores[0].tobytes() == scores[1].tobytes(),
        f"1 and 2 threads give other bytes (largest difference {difference(*scores):.2g})",
    )


def check_batch_invariance(case: BaseModelCase) -> None:
    """Check that a window's scores depend neither on the other windows of the batch nor on its place there.

    Remedy: score windows independently; normalization must use trained statistics (eval mode).
    """
    with case.open() as model:
        spec = model.spec
        codes = case.windows(spec, n=3)
        whole = model.predict(codes)
        splits = {
            "one by one": np.concatenate([model.predict(codes[row : row + 1].copy()) for row in range(3)]),
            "in reverse order": model.predict(codes[::-1].copy())[::-1],
        }
    for how, scores in splits.items():
        off = difference(whole, scores)
        expect(off <= spec.tolerance, f"windows scored {how} differ by {off:.2g} (tolerance {spec.tolerance:g})")


def check_tiling_invariance(case: BaseModelCase) -> None:
    """Check that a position's score depends on its left + 1 + right bases, not on the tile that covered it.

    Tiles of one position see nothing beyond the declared context, so this is also the check that bases further away
    have no influence.

    Remedy: declare the whole context in left and right, or position_invariant=False.
    """
    with case.open() as model:
        spec = model.spec
        if not spec.position_invariant:
            skip("the spec declares position_invariant=False")
        tile = case.positions(spec)
        extra = max(1, tile // 2)
        codes = case.windows(spec, n=1, positions=tile + extra)

        def score(start: int, positions: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            return model.predict(codes[:, start : start + spec.left + positions + spec.right].copy())

        if spec.output_length is not None:
            pairs = {f"tiles {extra} apart": (score(0, tile)[:, extra:], score(extra, tile)[:, : tile - extra])}
        else:
            total = tile + extra
            whole = score(0, total)
            middle = total // 2
            halves = np.concatenate([score(0, middle), score(middle, total - middle)], axis=1)
            pairs = {"two tiles and one": (whole, halves)}
            for at in sorted({0, middle, total - 1}):
                pairs[f"a tile of position {at} alone and one of all"] = (whole[:, at : at + 1], score(at, 1))
    for which, (left, right) in pairs.items():
        off = difference(left, right)
        expect(off <= spec.tolerance, f"{which} differ by {off:.2g} (tolerance {spec.tolerance:g})")


def check_only_n(case: BaseModelCase) -> None:
    """Check that a window of nothing but N has no site: p(neither) is over one half everywhere.

    Remedy: encode N as nothing (zeros), as in training.
    """
    with case.open() as model:
        scores = model.predict(case.unknown(model.spec))
    expect(np.isfinite(scores).all(), "scores of a window of nothing but N are not finite")
    least = float(scores[..., 0].min())
    expect(least > 0.5, f"p(neither) falls to {least:.3g} in a window of nothing but N; it must stay over 0.5")


def check_n_around_bases(case: BaseModelCase) -> None:
    """Check that a few bases in a sea of N, and a window that is half N, get finite scores.

    Remedy: divide by nothing that a window of N makes zero.
    """
    with case.open() as model:
        spec = model.spec
        known = case.windows(spec, n=2)
        island = np.full_like(known, N)
        middle = spec.left + case.positions(spec) // 2
        island[:, middle : middle + 8] = known[:, middle : middle + 8]
        half = known.copy()
        half[:, middle:] = N
        for what, codes in (("bases in a sea of N", island[:1]), ("a window that is half N", half[:1])):
            scores = model.predict(codes)
            expect_shape(scores, spec, 1, case.positions(spec))
            expect(np.isfinite(scores).all(), f"scores of {what} are not finite")


def check_letters(case: BaseModelCase) -> None:
    """Check that soft-masked sequence with ambiguity codes gets probabilities.

    The core reads letters: lower case is ordinary sequence, an IUPAC code is N. So a model meets single N among bases.

    Remedy: take N anywhere among the bases, one or many.
    """
    with case.open() as model:
        codes = case.windows(model.spec, n=1)
        letters = [letter.lower() if place % 3 else letter for place, letter in enumerate(decode(codes[0]))]
        for place in range(0, len(letters), 17):
            letters[place] = _AMBIGUOUS[place % len(_AMBIGUOUS)]
        plain, odd = model.predict(codes), model.predict(encode("".join(letters))[None])
    expect(np.isfinite(odd).all(), "scores of a sequence with ambiguity codes are not finite")
    allowed, gap = (float(np.abs(each[..., :3].sum(axis=-1, dtype=np.float64) - 1).max()) for each in (plain, odd))
    expect(
        gap <= max(allowed, _SUM_TOLERANCE), f"with ambiguity codes, neither + acceptor + donor is off 1 by {gap:.2g}"
    )


def check_flanks(case: BaseModelCase) -> None:
    """Check that what lies beyond a position's context, real sequence or N, makes no difference to its scores.

    Remedy: declare the whole context in left and right, or position_invariant=False.
    """
    with case.open() as model:
        spec = model.spec
        if not spec.position_invariant:
            skip("the spec declares position_invariant=False")
        codes = case.windows(spec, n=1)
        middle = case.positions(spec) // 2
        cut = codes.copy()
        cut[:, :middle] = N
        cut[:, middle + spec.left + 1 + spec.right :] = N
        off = difference(model.predict(codes)[:, middle], model.predict(cut)[:, middle])
    expect(off <= spec.tolerance, f"N beyond the context changes scores by {off:.2g} (tolerance {spec.tolerance:g})")


def check_given_strand_only(case: BaseModelCase) -> None:
    """Check that the model scores the strand that it is given: the core reverse-complements, and nobody else.

    A window with splice sites and its reverse complement must not have the same scores read backwards, neither with
    acceptor and donor as they are nor swapped, which is what a model that adds up both strands would give.

    Remedy: score the codes as they come; the core reverse-complements the minus strand.
    """
    with case.open() as model:
        spec = model.spec
        flank = max(spec.left, spec.right)
        seen = slice(flank - spec.left, flank + case.positions(spec) + spec.right)
        codes = case.windows(attrs.evolve(spec, left=flank, right=flank), n=1)
        given = model.predict(codes[:, seen].copy())[..., :3]
        opposite = model.predict(reverse_complement(codes)[:, seen].copy())[:, ::-1, :3]
    least = max(spec.tolerance, _LEAST_STRAND_DIFFERENCE)
    for which, order in (("", [0, 1, 2]), (" with acceptor and donor swapped", [0, 2, 1])):
        expect(
            difference(given, opposite[..., order]) > least,
            f"a sequence and its reverse complement score the same{which}: the model must see one strand only",
        )


def check_empty(case: BaseModelCase) -> None:
    """Check that no windows give (0, L, outputs) and windows of no position (n, 0, outputs).

    Remedy: return an empty array of the right shape before a framework sees the input.
    """
    with case.open() as model:
        spec = model.spec
        width = case.positions(spec)
        expect_shape(model.predict(np.empty((0, spec.left + width + spec.right), dtype=np.uint8)), spec, 0, width)
        if spec.output_length is None:
            nothing = model.predict(case.windows(spec, n=2, positions=0))
            expect_shape(nothing, spec, 2, 0)
            expect(nothing.dtype == np.float32, f"an empty result is {nothing.dtype}, not float32")


def check_one_position(case: BaseModelCase) -> None:
    """Check that a window of one position gives (1, 1, outputs).

    Remedy: never squeeze an axis.
    """
    with case.open() as model:
        spec = model.spec
        if spec.output_length not in (None, 1):
            skip(f"the model scores {spec.output_length} positions at a time")
        expect_shape(model.predict(case.windows(spec, n=1, positions=1)), spec, 1, 1)

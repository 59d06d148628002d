"""Checks of a meta-model: what it returns, what it learns, what it saves; and running them without pytest."""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import attrs
import numpy as np

from splicecore.errors import ConfigError, PluginError, SplicecoreError
from splicecore.plugins.protocols import MetaModel
from splicecore.testing.conformance.case import difference, expect, expect_refusal, skip
from splicecore.testing.conformance.checks import CheckResult, run_checks
from splicecore.testing.conformance.isolation import captured_stdout, unchanged_generators
from splicecore.testing.conformance.meta_case import MetaModelCase

if TYPE_CHECKING:
    from splicecore.testing.conformance.meta_case import Batch

__all__ = ["META_MODEL_CHECKS", "MetaModelCheck", "run_meta_model_checks"]

MetaModelCheck: TypeAlias = Callable[[MetaModelCase], None]
"""Returns if the model conforms, raises ConformanceFailure or CheckSkipped; any other exception is a failure too."""

_SUM_TOLERANCE = 1e-5
_TOLERANCE = 1e-6
_LEAST_RECALL = 0.8
_PICKLE_ENDINGS = (".pkl", ".pickle", ".joblib")


def check_making(case: MetaModelCase) -> None:
    """Check that the factory makes a meta-model and that unknown settings are refused.

    Remedy: give the factory the structured config, and return every member of splicecore.api.MetaModel.
    """
    model = case.make()
    expect(isinstance(model, MetaModel), f"{type(model).__name__} lacks a member of the MetaModel protocol")
    if case.spec.config_cls is not None:
        expect(attrs.has(case.spec.config_cls), f"config_cls {case.spec.config_cls!r} is not an attrs class")
        odd = attrs.evolve(case, config={**case.config, "no_such_setting": 1})
        expect_refusal(odd.make, "an unknown setting", (ConfigError,))


def check_shape(case: MetaModelCase) -> None:
    """Check that probabilities are a float32 array of shape (k, 3).

    Remedy: return predict_proba as float32 of shape (k, 3).
    """
    found = case.fitted().predict_proba(case.test_features(7))
    expect(isinstance(found, np.ndarray), f"predict_proba returned {type(found).__name__}, not a NumPy array")
    expect(found.shape == (7, 3), f"predict_proba returned shape {found.shape}, not (k, 3) = (7, 3)")
    expect(found.dtype == np.float32, f"predict_proba returned {found.dtype}, not float32")


def check_probabilities(case: MetaModelCase) -> None:
    """Check that probabilities are finite, in [0, 1], and that each row sums to one.

    Remedy: normalize rows, after the conversion to float32 if need be.
    """
    found = case.fitted().predict_proba(case.test_features())
    expect(np.isfinite(found).all(), f"{np.count_nonzero(~np.isfinite(found))} of {found.size} are not finite")
    expect(found.min() >= 0 and found.max() <= 1, f"they range from {found.min()} to {found.max()}, not in 0..1")
    gap = float(np.abs(found.sum(axis=1, dtype=np.float64) - 1).max())
    expect(gap <= _SUM_TOLERANCE, f"rows are off a sum of 1 by up to {gap:.2g} (allowed {_SUM_TOLERANCE:g})")


def check_learning(case: MetaModelCase) -> None:
    """Check that an easy problem is learned with the classes in their order: neither, acceptor, donor.

    Remedy: keep the columns in the order neither, acceptor, donor, whatever order the library has.
    """
    features, classes, _ = case.batch(600, 4, missing=0.0)
    chosen = case.fitted().predict_proba(features).argmax(axis=1)
    for number, name in enumerate(("neither", "acceptor", "donor")):
        recall = float((chosen[classes == number] == number).mean())
        expect(
            recall >= _LEAST_RECALL,
            f"of rows of class {number} ({name}), {recall:.0%} are recognised where {_LEAST_RECALL:.0%} are expected",
        )


def check_without_validation(case: MetaModelCase) -> None:
    """Check that the model is fitted without validation rows too.

    Remedy: leave early stopping out where valid is None.
    """
    model = case.make()
    model.fit(case.train(), None, 5)
    expect(np.isfinite(model.predict_proba(case.test_features())).all(), "probabilities are not finite")


def check_weights(case: MetaModelCase) -> None:
    """Check that row weights count: of two contradicting sets of labels, the heavy one is learned.

    Remedy: pass the row weights to the library.
    """
    features, classes, weight = case.batch(case.rows, 1)
    other = ((classes + 1) % 3).astype(np.int8)
    model = case.make()
    model.fit([(features, other, weight * 1e-3), (features, classes, weight)], None, 5)
    test, expected, _ = case.batch(600, 4, missing=0.0)
    share = float((model.predict_proba(test).argmax(axis=1) == expected).mean())
    expect(share >= _LEAST_RECALL, f"{share:.0%} of rows get the label that has nearly all of the weight")


def check_missing(case: MetaModelCase) -> None:
    """Check that missing values (NaN) are tolerated, rows of nothing else included.

    Remedy: impute or support NaN.
    """
    features = case.test_features(8)
    features[:4] = np.nan
    found = case.fitted().predict_proba(features)
    expect(np.isfinite(found).all(), "probabilities of rows with missing values are not finite")


def check_repeatable(case: MetaModelCase) -> None:
    """Check that one model gives the same bytes for the same rows.

    Remedy: switch randomness in prediction off.
    """
    model, features = case.fitted(), case.test_features()
    first, second = model.predict_proba(features), model.predict_proba(features)
    expect(first.tobytes() == second.tobytes(), "the same rows gave other bytes the second time")


def check_row_order(case: MetaModelCase) -> None:
    """Check that a row's probabilities depend on that row alone.

    Remedy: use nothing of a batch but the row.
    """
    model, features = case.fitted(), case.test_features()
    whole = model.predict_proba(features)
    splits = {
        "in reverse order": model.predict_proba(features[::-1].copy())[::-1],
        "one by one": np.concatenate([model.predict_proba(features[row : row + 1].copy()) for row in range(8)]),
    }
    for how, found in splits.items():
        off = difference(whole[: len(found)], found)
        expect(off <= _TOLERANCE, f"rows {how} differ by {off:.2g} (tolerance {_TOLERANCE:g})")


def check_empty(case: MetaModelCase) -> None:
    """Check that no rows give an array of shape (0, 3).

    Remedy: return zeros((0, 3)) before the library sees the rows.
    """
    found = case.fitted().predict_proba(np.empty((0, case.features), dtype=np.float32))
    expect(found.shape == (0, 3), f"no rows give shape {found.shape}, not (0, 3)")


def check_other_width(case: MetaModelCase) -> None:
    """Check that rows with another number of features are refused (ValueError or SplicecoreError).

    Remedy: compare the number of features with that of training and raise an error of splicecore.api.
    """
    model, features = case.fitted(), case.test_features(4)
    wider = np.concatenate([features, features[:, :1]], axis=1)
    for what, given in (("one feature too few", features[:, :-1].copy()), ("one feature too many", wider)):
        expect_refusal(functools.partial(model.predict_proba, given), what, (ValueError, SplicecoreError))


def check_contributions(case: MetaModelCase) -> None:
    """Check that contributions are float32 of shape (k, 3, features + 1) and add up, or refused with a PluginError.

    Remedy: return a last column of biases, features in the order of the input, whose sums have the probabilities as
    their softmax, or raise PluginError.
    """
    model, features = case.fitted(), case.test_features(7)
    try:
        found = model.contributions(features)
    except PluginError as reason:
        skip(str(reason))
    wanted = (7, 3, case.features + 1)
    expect(found.shape == wanted, f"contributions have shape {found.shape}, not (k, 3, features + 1) = {wanted}")
    expect(found.dtype == np.float32, f"contributions are {found.dtype}, not float32")
    expect(np.isfinite(found).all(), "contributions are not finite")
    scores = found.sum(axis=2, dtype=np.float64)
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    off = np.abs(odds / odds.sum(axis=1, keepdims=True) - model.predict_proba(features)).max()
    expect(off < 1e-3, f"the softmax of contributions added up is off the probabilities by {off:.3g}")
    noise, signal = np.abs(found[:, :, 2:-1]).mean(), np.abs(found[:, :, :2]).mean()
    expect(noise < signal, "features that are noise contribute more than those that tell the classes apart")


def check_seed(case: MetaModelCase) -> None:
    """Check that two fits with one seed save the same files, byte for byte.

    Remedy: pass the seed to everything random, fix threads, save no times and no ids.
    """
    first, second = case.saved(case.fitted()), case.saved(case.fitted())
    expect(first, "nothing is saved")
    differing = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    expect(not differing, f"two fits with the same seed save different bytes: {', '.join(differing)}")


def check_round_trip(case: MetaModelCase) -> None:
    """Check that a loaded model gives the same bytes as the one that was saved.

    Remedy: save all digits.
    """
    model, features = case.fitted(), case.test_features()
    found, again = model.predict_proba(features), case.loaded(case.saved(model)).predict_proba(features)
    expect(
        found.tobytes() == again.tobytes(),
        f"the loaded model gives other probabilities (largest difference {difference(found, again):.2g})",
    )


def check_no_pickle(case: MetaModelCase) -> None:
    """Check that no saved file is a pickle.

    Remedy: save numbers as JSON, UBJ, NPY or skops.
    """
    for name, content in case.saved(case.fitted()).items():
        expect(not _holds_pickle(name, content), f"{name} is a pickle, which can run any code when it is loaded")


def check_damage(case: MetaModelCase) -> None:
    """Check that truncated files are refused with a SplicecoreError.

    Remedy: save a digest and raise ChecksumError where it does not hold.
    """
    files = case.saved(case.fitted())
    for name, content in files.items():
        damaged = {**files, name: content[: len(content) // 2]}
        expect_refusal(functools.partial(case.loaded, damaged), f"{name}, truncated", (SplicecoreError,))


def check_input_untouched(case: MetaModelCase) -> None:
    """Check that fitting and predicting take read-only arrays and leave arrays as they are.

    Remedy: copy what you write to.
    """
    batches, features = case.train(), case.test_features()
    before = [array.tobytes() for batch in batches for array in batch] + [features.tobytes()]
    model = case.make()
    model.fit(batches, None, 5)
    model.predict_proba(features)
    after = [array.tobytes() for batch in batches for array in batch] + [features.tobytes()]
    expect(before == after, "fitting or predicting changes the arrays that it is given")
    for batch in batches:
        _lock(batch)
    features.flags.writeable = False
    model = case.make()
    model.fit(batches, None, 5)
    model.predict_proba(features)


def check_silence(case: MetaModelCase) -> None:
    """Check that nothing is written to standard output.

    Remedy: set the library's verbosity to none and log with the logging module.
    """
    with captured_stdout() as written:
        case.fitted().predict_proba(case.test_features())
    text = "".join(written)
    expect(not text, f"standard output got {text[:60]!r}; it belongs to results")


def check_global_state(case: MetaModelCase) -> None:
    """Check that the global generators of random numbers are left alone.

    Remedy: use np.random.default_rng(seed), never np.random.seed.
    """
    untouched = unchanged_generators(lambda: case.fitted().predict_proba(case.test_features()))
    expect(untouched, "fitting or predicting seeds or uses a global generator of random numbers")


META_MODEL_CHECKS: tuple[MetaModelCheck, ...] = (
    check_making,
    check_shape,
    check_probabilities,
    check_learning,
    check_without_validation,
    check_weights,
    check_missing,
    check_repeatable,
    check_row_order,
    check_empty,
    check_other_width,
    check_contributions,
    check_seed,
    check_round_trip,
    check_no_pickle,
    check_damage,
    check_input_untouched,
    check_silence,
    check_global_state,
)
"""All of them, in the order in which they are best read."""


def run_meta_model_checks(case: MetaModelCase) -> Iterator[CheckResult]:
    """Run every check on a meta-model, one by one, whatever the others say."""
    return run_checks(META_MODEL_CHECKS, case)


def _holds_pickle(name: str, content: bytes) -> bool:
    """Whether a file is a pickle (of protocol 2 or later), or an archive with one in it."""
    if name.endswith(_PICKLE_ENDINGS) or content[:1] == b"\x80":
        return True
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return False
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return any(_holds_pickle(member, archive.read(member)) for member in archive.namelist())


def _lock(batch: Batch) -> None:
    for array in batch:
        array.flags.writeable = False

"""The four strategies: what they select, and what must hold for all probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from splicecore.errors import ConfigError

few = settings(max_examples=30)

ONE_MODEL = ("confidence_only", "entropy_only", "hybrid_entropy")
ALL = ("ensemble_disagreement", *ONE_MODEL)
SEEDS = st.integers(0, 2**32 - 1)
SHARPNESS = st.sampled_from([0.01, 0.1, 1.0, 30.0])
ONE_HOT = np.eye(3, dtype=np.float32)
SPREADS = ("neither", "acceptor", "donor", "acceptor_spread", "donor_spread")


def sites(*values):
    """Rows with these donor scores and the rest on neither."""
    donor = np.array(values, dtype=np.float32)
    return np.stack([1 - donor, np.zeros_like(donor), donor], axis=1)


@pytest.mark.parametrize("name", ALL)
def test_one_hot_scores_are_never_selected(open_, block_of, name):
    selector = open_(name)
    block = block_of(ONE_HOT, ONE_HOT)
    assert selector.score(block).tolist() == [0, 0, 0]
    assert selector.select(selector.score(block), 1e-30).size == 0


@pytest.mark.parametrize("name", ONE_MODEL)
def test_thresholds_at_the_ends_select_no_one_hot_score(open_, block_of, name):
    zone = {} if name == "entropy_only" else {"low": 0.0, "high": 1.0}
    selector = open_(name, **zone)
    assert selector.score(block_of(ONE_HOT)).tolist() == [0, 0, 0]
    if zone:
        assert selector.select(selector.score(block_of(sites(0, 1e-7, 0.5, 0.999, 1)))).tolist() == [1, 2, 3]


@few
@given(SEEDS, SHARPNESS)
@pytest.mark.parametrize("name", ALL)
def test_donor_and_acceptor_are_alike(open_, block_of, draw_scores, name, seed, sharpness):
    first, second = draw_scores(seed, sharpness=sharpness), draw_scores(seed + 1, sharpness=sharpness)
    swap = [0, 2, 1]
    scores = open_(name).score(block_of(first, second))
    swapped = open_(name).score(block_of(first[:, swap], second[:, swap]))
    np.testing.assert_allclose(swapped, scores, rtol=1e-6, atol=1e-12)


@few
@given(SEEDS, SHARPNESS)
@pytest.mark.parametrize("name", ONE_MODEL)
def test_only_the_primary_base_model_counts(open_, block_of, draw_scores, name, seed, sharpness):
    rows = draw_scores(seed, sharpness=sharpness)
    alone, beside = (open_(name).score(block_of(*models)) for models in ((rows,), (rows, rows[::-1])))
    assert alone.tobytes() == beside.tobytes()


@few
@given(SEEDS, SHARPNESS)
@pytest.mark.parametrize("name", ONE_MODEL)
def test_a_position_counts_for_itself(open_, block_of, draw_scores, name, seed, sharpness):
    rows = draw_scores(seed, sharpness=sharpness)
    assert open_(name).score(block_of(rows[::-1])).tolist() == open_(name).score(block_of(rows))[::-1].tolist()


@few
@given(SEEDS, SHARPNESS)
@pytest.mark.parametrize("name", ALL)
def test_the_score_is_the_maximum_of_the_terms(open_, block_of, draw_scores, name, seed, sharpness):
    selector = open_(name)
    block = block_of(draw_scores(seed, sharpness=sharpness), draw_scores(seed + 1, sharpness=sharpness))
    assert np.maximum.reduce(list(selector.strategy.terms(block).values())).tolist() == selector.score(block).tolist()


def test_confidence_is_low_to_high_exclusive(open_, block_of):
    selector = open_("confidence_only")
    below = np.nextafter(np.float32([0.02, 0.8]), np.float32(0))
    scores = selector.score(block_of(sites(0, below[0], 0.02, 0.41, below[1], 0.8, 1)))
    assert selector.threshold == 1
    assert selector.select(scores).tolist() == [2, 3, 4]
    assert scores[3] == pytest.approx(2)
    assert scores[[1, 5]].max() < 1


@pytest.mark.parametrize("low", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("high", [0.35, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("name", ["confidence_only", "hybrid_entropy"])
def test_the_zone_ends_where_it_says(open_, block_of, name, low, high):
    """Whichever way the thresholds round to float32; (p, 1 - p, 0) is too sure for the other criteria."""
    others = {"settings": {"entropy": 1.0, "spread": 1e-6, "variance": 1.0}} if name == "hybrid_entropy" else {}
    selector = open_(name, low=low, high=high, **others)
    ends = np.float32([low, high])
    donor = np.concatenate([np.nextafter(ends, np.float32(0)), ends, np.nextafter(ends, np.float32(1))])
    assert selector.select(selector.score(block_of(sites(*donor)))).tolist() == [1, 2, 4]


@few
@given(SEEDS, st.sampled_from(["entropy", "spread", "variance"]))
def test_criteria_are_met_at_their_thresholds_to_the_last_bit(open_, block_of, draw_scores, seed, name):
    block = block_of(draw_scores(seed, count=1))
    value = open_("hybrid_entropy").criteria(block)[name][0]
    above = float(np.nextafter(value, np.float32(2)))
    assume(value > 0 and above < 1)

    def met(threshold):
        strategy = open_("hybrid_entropy", settings={name: threshold}).strategy
        return bool(strategy.terms(block)[name][0] >= 1)

    assert (met(float(value)), met(above)) == ((False, True) if name == "spread" else (True, False))


@few
@given(st.floats(0.001, 0.5), st.floats(0.51, 0.999), SEEDS)
def test_confidence_rises_to_the_middle_of_the_zone_and_falls(open_, block_of, low, high, seed):
    donor = np.sort(np.random.default_rng(seed).random(200).astype(np.float32))
    scores = open_("confidence_only", low=low, high=high).score(block_of(sites(*donor)))
    top = int(scores.argmax())
    assert (np.diff(scores[: top + 1]) >= 0).all()
    assert (np.diff(scores[top:]) <= 0).all()
    np.testing.assert_array_equal(scores >= 1, (donor >= np.float32(low)) & (donor < np.float32(high)))


def test_entropy_is_the_normalized_entropy(open_, block_of):
    selector = open_("entropy_only", settings={"entropy": 0.6})
    rows = [[1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0], [0.9, 0.1, 0]]
    scores = selector.score(block_of(rows))
    np.testing.assert_allclose(scores, [1, 0.63093, 0.29590], atol=1e-5)
    assert selector.threshold == 0.6
    assert selector.select(scores).tolist() == [0, 1]


@few
@given(SEEDS, SHARPNESS, st.sampled_from([0.3, 0.6, 0.9]), st.sampled_from([0.1, 0.4]), st.sampled_from([0.2, 0.64]))
def test_hybrid_selects_where_one_criterion_is_met(
    open_, block_of, draw_scores, seed, sharpness, entropy, spread, variance
):
    """As the columns that are written beside the selection say, to the last bit."""
    settings = {"entropy": entropy, "spread": spread, "variance": variance}
    selector = open_("hybrid_entropy", low=0.1, high=0.4, settings=settings)
    block = block_of(draw_scores(seed, sharpness=sharpness))
    values = selector.criteria(block)
    met = {
        "confidence": (values["site_probability"] >= np.float32(0.1)) & (values["site_probability"] < np.float32(0.4)),
        "entropy": values["entropy"] >= np.float32(entropy),
        "spread": values["spread"] < np.float32(spread),
        "variance": values["variance"] >= np.float32(variance),
    }

    index = selector.select(selector.score(block))

    assert index.tolist() == np.flatnonzero(np.any(list(met.values()), axis=0)).tolist()
    reasons = ["+".join(name for name, rows in met.items() if rows[row]) for row in index]
    assert selector.reason(block, index).tolist() == reasons


@few
@given(st.lists(st.floats(0, 1 / 3), min_size=2, max_size=40), st.sampled_from([0, 2]))
def test_hybrid_rises_from_neither_toward_indecision(open_, block_of, values, channel):
    rest = np.sort(np.array(values, dtype=np.float32))
    rows = np.stack([1 - 2 * rest, rest, rest], axis=1) if channel == 0 else sites(*rest)
    scores = open_("hybrid_entropy").score(block_of(rows))
    assert (np.diff(scores) >= -1e-6).all()


def test_hybrid_does_not_select_the_sure(open_, block_of):
    """The variance of the three probabilities is largest where a model is sure: that is no reason."""
    rows = [[0.999, 0.0005, 0.0005], [0.02, 0.001, 0.979], [0.05, 0.95, 0]]
    selector = open_("hybrid_entropy")
    assert selector.select(selector.score(block_of(rows))).size == 0


def test_hybrid_finds_the_undecided_beyond_the_zone(open_, block_of):
    selector = open_("hybrid_entropy", low=0.02, high=0.3)
    block = block_of([[0.05, 0.5, 0.45], [0.1, 0.9, 0], [0.75, 0, 0.25]])
    index = selector.select(selector.score(block))
    assert dict(zip(index.tolist(), selector.reason(block, index).tolist(), strict=True)) == {
        0: "entropy+spread+variance",
        2: "confidence",
    }


def test_disagreement_among_base_models(open_, block_of):
    first = [[0.9, 0.1, 0], [0.5, 0.5, 0], [0.2, 0, 0.8]]
    second = [[0.9, 0.1, 0], [0.3, 0.7, 0], [0.2, 0.8, 0]]
    selector = open_("ensemble_disagreement")
    block = block_of(first, second)
    scores = selector.score(block)
    np.testing.assert_allclose(scores, [0, 0.1, 0.4], atol=1e-7)
    assert selector.select(scores).tolist() == [1, 2]
    assert selector.reason(block, np.array([1, 2])).tolist() == ["models", "models"]
    assert list(selector.criteria(block)) == ["models_deviation"]


@few
@given(SEEDS, SHARPNESS)
def test_disagreement_does_not_depend_on_the_order_of_the_models(open_, block_of, draw_scores, seed, sharpness):
    models = [draw_scores(seed + number, sharpness=sharpness) for number in range(3)]
    scores = open_("ensemble_disagreement").score(block_of(*models))
    np.testing.assert_allclose(open_("ensemble_disagreement").score(block_of(*models[::-1])), scores, rtol=1e-6)
    np.testing.assert_allclose(scores, np.std(models, axis=0, dtype=np.float64)[:, 1:].max(axis=1), atol=1e-6)
    assert (open_("ensemble_disagreement").score(block_of(*models[:1] * 3)) == 0).all()


def test_disagreement_among_members(open_, block_of):
    rows = [[0.9, 0.1, 0, 0.02, 0.3], [0.9, 0.1, 0, 0.01, 0.0]]
    selector = open_("ensemble_disagreement")
    block = block_of(rows, outputs={"m0": SPREADS})
    assert selector.score(block).tolist() == [np.float32(0.3), np.float32(0.01)]
    assert selector.reason(block, selector.select(selector.score(block))).tolist() == ["members"]
    assert list(selector.criteria(block)) == ["members_deviation"]


def test_disagreement_of_both_kinds_is_the_larger_one(open_, block_of):
    members = [[0.9, 0.1, 0, 0.06, 0], [0.9, 0.1, 0, 0.06, 0], [0.9, 0.1, 0, 0, 0]]
    other = [[0.9, 0.1, 0], [0.7, 0.3, 0], [0.9, 0.1, 0]]
    selector = open_("ensemble_disagreement")
    block = block_of(members, other, outputs={"m0": SPREADS, "m1": SPREADS[:3]})
    scores = selector.score(block)
    np.testing.assert_allclose(scores, [0.06, 0.1, 0], atol=1e-7)
    index = selector.select(scores)
    assert selector.reason(block, index).tolist() == ["members", "models+members"]


def test_one_model_without_members_has_nothing_to_disagree_with(open_, block_of):
    selector = open_("ensemble_disagreement")
    with pytest.raises(ConfigError, match="m0, has nothing to disagree with") as caught:
        selector.score(block_of(ONE_HOT))
    assert "member_spread=true" in caught.value.hint
    with pytest.raises(ConfigError, match="spliceai, has nothing"):
        selector.check({"spliceai": SPREADS[:3]})
    selector.check({"spliceai": SPREADS})
    selector.check({"spliceai": SPREADS[:3], "openspliceai": SPREADS[:3]})
    open_("hybrid_entropy").check({"spliceai": SPREADS[:3]})

"""Scores of edits equal those of whole edited sequences, whatever is edited."""

from __future__ import annotations

import gc
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.api import BaseModelSpec, EditScoring
from splicecore_splicenet import edit_scorer
from splicecore_splicenet.architecture import Architecture, Block, spliceai_architecture
from splicecore_splicenet.engine import SplicenetEnsemble
from splicecore_splicenet.model import EnsembleModel
from splicecore_splicenet.network import Network
from splicecore_splicenet.weights import BatchNorm, BlockWeights, Convolution, NetworkWeights

Edit = tuple[int, int, np.ndarray]


def random_weights(architecture: Architecture, seed: int) -> NetworkWeights:
    rng = np.random.default_rng(seed)
    width = architecture.channels

    def convolution(taps: int, inputs: int, outputs: int) -> Convolution:
        return Convolution(
            rng.normal(0, 0.7 / np.sqrt(taps * inputs), (taps, inputs, outputs)), rng.normal(0, 0.2, outputs)
        )

    def norm() -> BatchNorm:
        return BatchNorm(
            rng.uniform(-1.5, 1.5, width),
            rng.normal(0, 0.3, width),
            rng.normal(0, 0.3, width),
            rng.uniform(0.3, 2, width),
        )

    return NetworkWeights(
        architecture=architecture,
        stem=convolution(1, 4, width),
        blocks=[
            BlockWeights(
                norm(), convolution(block.kernel, width, width), norm(), convolution(block.kernel, width, width)
            )
            for block in architecture.blocks
        ],
        skips=[convolution(1, width, width) for _ in range(architecture.n_skips)],
        output=convolution(1, width, architecture.outputs),
    )


def edited(codes: np.ndarray, edit: Edit) -> np.ndarray:
    start, end, new = edit
    return np.concatenate([codes[:start], new, codes[end:]])


def expected(ensemble: SplicenetEnsemble, codes: np.ndarray, edit: Edit, radius: int) -> np.ndarray:
    """The definition."""
    start, _, new = edit
    whole = edited(codes, edit)
    low, high = start - radius, start + len(new) + radius
    context = ensemble.radius
    if len(whole) < 2 * context:
        return np.empty((0, 3), dtype=np.float32)
    scores = ensemble.predict(whole[None])[0]
    wanted: np.ndarray = scores[max(low - context, 0) : max(high - context, 0)]
    return wanted


def substitution(codes: np.ndarray, position: int) -> Edit:
    return position, position + 1, (codes[position : position + 1] + 1) % 4


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    group = draw(st.integers(1, 2))
    blocks = draw(
        st.lists(st.builds(Block, st.sampled_from([1, 3, 5, 11]), st.sampled_from([1, 2, 5])), min_size=2, max_size=6)
    )
    return Architecture(
        blocks=blocks[: len(blocks) // group * group],
        activation=draw(st.sampled_from(["relu", "leaky_relu"])),
        channels=draw(st.sampled_from([3, 8, 32])),
        group=group,
    )


@st.composite
def some_edits(draw: st.DrawFn, codes: np.ndarray) -> list[Edit]:
    edits = []
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(codes)))
        end = draw(st.sampled_from([start, start + 1, start + 2, start + 40]).filter(lambda end: end <= len(codes)))
        if draw(st.booleans()):
            new = codes[start:end].copy()
        else:
            new = np.array(
                draw(st.lists(st.integers(0, 4), max_size=draw(st.sampled_from([1, 3, 50])))), dtype=np.uint8
            )
        edits.append((start, end, new))
    return edits


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_edits_equal_edited_sequences(data: st.DataObject) -> None:
    architecture = data.draw(architectures())
    length = data.draw(st.sampled_from([0, 1, 30, 200]))
    seed = data.draw(st.integers(0, 1000))
    codes = np.random.default_rng(seed).integers(0, 5, length + 2 * architecture.radius).astype(np.uint8)
    edits = data.draw(some_edits(codes))
    radius = data.draw(st.sampled_from([0, 1, 7, 60, 300]))
    ensemble = SplicenetEnsemble(
        [random_weights(architecture, seed + member) for member in range(2)],
        threads=data.draw(st.sampled_from([1, 2])),
        convolutions=data.draw(st.sampled_from(["fast", "direct"])),
    )
    for edit, scores in zip(edits, ensemble.predict_edits(codes, edits, radius), strict=True):
        wanted = expected(ensemble, codes, edit, radius)
        assert scores.dtype == np.float32
        assert scores.shape == wanted.shape
        np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-6)
    ensemble.close()


@pytest.fixture
def ensemble() -> Any:
    """Three groups of the published shape: small and large dilations, windows that change and are needed in part."""
    members = [random_weights(spliceai_architecture(2000), seed) for seed in range(2)]
    ensemble = SplicenetEnsemble(members, threads=2)
    yield ensemble
    ensemble.close()


@pytest.fixture
def codes() -> np.ndarray:
    codes = np.random.default_rng(5).integers(0, 4, 2000 + 1500).astype(np.uint8)
    codes[:1200] = 4
    codes[2300:2340] = 4
    return codes


def all_kinds(codes: np.ndarray) -> list[Edit]:
    rng = np.random.default_rng(6)
    return [
        substitution(codes, 1400),
        substitution(codes, 1000),
        substitution(codes, len(codes) - 1),
        (1500, 1500, np.array([0, 1, 2], dtype=np.uint8)),
        (1600, 1601, np.concatenate([codes[1600:1601], rng.integers(0, 4, 77).astype(np.uint8)])),
        (1700, 1713, codes[1700:1701]),
        (1700, 3200, np.empty(0, dtype=np.uint8)),
        (1800, 1830, rng.integers(0, 5, 2500).astype(np.uint8)),
        (1900, 1904, codes[1900:1904]),
        (0, 1, np.array([3], dtype=np.uint8)),
        (0, 7, np.empty(0, dtype=np.uint8)),
        (len(codes), len(codes), np.array([1, 1], dtype=np.uint8)),
        (2290, 2350, codes[2290:2349]),
    ]


@pytest.mark.parametrize("radius", [0, 50, 1300])
def test_kinds_of_edits(ensemble: SplicenetEnsemble, codes: np.ndarray, radius: int) -> None:
    edits = all_kinds(codes)

    results = ensemble.predict_edits(codes, edits, radius)

    for edit, scores in zip(edits, results, strict=True):
        wanted = expected(ensemble, codes, edit, radius)
        assert scores.shape == wanted.shape
        np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-6)
    plain = ensemble.predict(codes[None])[0]
    assert np.abs(results[0] - plain[max(400 - radius, 0) : 401 + radius]).max() > 1e-2  # an edit does change something


def test_no_change_gives_the_reference(ensemble: SplicenetEnsemble, codes: np.ndarray) -> None:
    plain = ensemble.predict(codes[None])[0]
    edits = [(1900, 1904, codes[1900:1904]), substitution(codes, 1950), (1000, 1000, np.empty(0, dtype=np.uint8))]

    results = ensemble.predict_edits(codes, edits, 20)

    assert results[0].tobytes() == plain[880:924].tobytes()
    assert results[2].tobytes() == plain[:20].tobytes()
    assert ensemble.predict_edits(codes, edits[:1], 20)[0].tobytes() == plain[880:924].tobytes()


def test_other_edits_and_threads_do_not_change_a_bit(ensemble: SplicenetEnsemble, codes: np.ndarray) -> None:
    edits = all_kinds(codes)
    together = [scores.tobytes() for scores in ensemble.predict_edits(codes, edits, 50)]
    single = SplicenetEnsemble([random_weights(spliceai_architecture(2000), seed) for seed in range(2)])

    assert [ensemble.predict_edits(codes, [edit], 50)[0].tobytes() for edit in edits] == together
    assert [scores.tobytes() for scores in single.predict_edits(codes, edits[::-1], 50)][::-1] == together
    single.close()


def test_edits_in_batches(ensemble: SplicenetEnsemble, codes: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on other devices than the CPU; deletions and substitutions of the same size differ in what follows them."""
    new = np.array([3], dtype=np.uint8)
    edits = [substitution(codes, position) for position in (1300, 1301, 1400, 1900)]
    edits += [(position, position + 2, new) for position in (1350, 1800)] + all_kinds(codes)
    alone = ensemble.predict_edits(codes, edits, 50)
    sizes: list[int] = []
    batches = edit_scorer._batches

    def in_batches(edits: Any, size: int) -> Any:
        for batch in batches(edits, 3):
            sizes.append(len(batch))
            yield batch

    monkeypatch.setattr(edit_scorer, "_batches", in_batches)

    together = ensemble.predict_edits(codes, edits, 50)

    assert max(sizes) == 3
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_long_sequences_are_scored_in_tiles(
    ensemble: SplicenetEnsemble, codes: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a deletion that reaches from one tile through several others."""
    monkeypatch.setattr(edit_scorer, "_POSITIONS", 300)
    monkeypatch.setattr(edit_scorer, "_REMOVED", 40)
    lengths: list[int] = []
    stages = Network.stages

    def record(self: Network, row: Any, *rest: Any, **more: Any) -> Any:
        lengths.append(len(row))
        return stages(self, row, *rest, **more)

    monkeypatch.setattr(Network, "stages", record)
    edits = all_kinds(codes)

    results = ensemble.predict_edits(codes, edits, 50)

    assert max(lengths) <= 2000 + max(300 + 2 * 90, 2500 + 100)
    for edit, scores in zip(edits, results, strict=True):
        np.testing.assert_allclose(scores, expected(ensemble, codes, edit, 50), rtol=0, atol=1e-6)


def test_the_spread_of_the_members(codes: np.ndarray) -> None:
    ensemble = SplicenetEnsemble(
        [random_weights(spliceai_architecture(400), seed) for seed in range(3)], member_spread=True
    )
    edits = [substitution(codes, 1400), (1500, 1503, codes[1500:1501]), (1600, 1601, codes[1600:1601])]

    for edit, scores in zip(edits, ensemble.predict_edits(codes, edits, 30), strict=True):
        whole = ensemble.predict(edited(codes, edit)[None])[0][edit[0] - 230 :][: 60 + len(edit[2])]
        assert scores.shape == whole.shape
        assert scores[:, 3:].max() > 0.01
        np.testing.assert_allclose(scores, whole, rtol=0, atol=2e-6)
    ensemble.close()


def test_callers_may_share_an_ensemble(ensemble: SplicenetEnsemble, codes: np.ndarray) -> None:
    edits = [all_kinds(codes)[:2], all_kinds(codes)[3:6]]
    wanted = [[scores.tobytes() for scores in ensemble.predict_edits(codes, some, 10)] for some in edits]
    plain = ensemble.predict(codes[None]).tobytes()

    with ThreadPoolExecutor(3) as callers:
        found = list(callers.map(lambda some: ensemble.predict_edits(codes, some, 10), edits * 2))
        assert ensemble.predict(codes[None]).tobytes() == plain

    assert [[scores.tobytes() for scores in some] for some in found] == wanted * 2


def test_ctrl_c_ends_a_long_call(ensemble: SplicenetEnsemble, codes: np.ndarray) -> None:
    """And leaves the ensemble as it was."""
    edits = [substitution(codes, 1000 + number % 1500) for number in range(20_000)]
    before = ensemble.predict_edits(codes, edits[:2], 50)[1].tobytes()
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(1.0, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()

    gc.disable()  # hypothesis watches collections, and what is raised while it does is lost
    try:
        with pytest.raises(KeyboardInterrupt):
            ensemble.predict_edits(codes, edits, 50)
    finally:
        gc.enable()

    assert ensemble.predict_edits(codes, edits[:2], 50)[1].tobytes() == before


def test_nothing_to_score(ensemble: SplicenetEnsemble, codes: np.ndarray) -> None:
    assert ensemble.predict_edits(codes, [], 50) == []
    scores = ensemble.predict_edits(codes, [substitution(codes, 100), (0, 2500, codes[:0])], 50)
    assert [one.shape for one in scores] == [(0, 3), (0, 3)]
    ensemble.close()
    with pytest.raises(ValueError, match="closed"):
        ensemble.predict_edits(codes, [], 50)


def test_inputs_are_not_modified(ensemble: SplicenetEnsemble, codes: np.ndarray) -> None:
    edit = substitution(codes, 1400)
    codes.setflags(write=False)
    edit[2].setflags(write=False)

    first = ensemble.predict_edits(codes, [edit], 5)[0]

    assert ensemble.predict_edits(codes, [edit], 5)[0].tobytes() == first.tobytes()


def test_the_model_refuses_what_makes_no_sense(ensemble: SplicenetEnsemble, codes: np.ndarray) -> None:
    spec = BaseModelSpec(name="small", left=1000, right=1000, factory="a:b", licence="none", citation="none")
    model = EnsembleModel(spec, "0", ensemble)
    assert isinstance(model, EditScoring)
    edit = substitution(codes, 1400)

    assert model.predict_edits(codes, [edit], 5)[0].shape == (11, 3)
    with pytest.raises(ValueError, match="radius of -1"):
        model.predict_edits(codes, [edit], -1)
    with pytest.raises(ValueError, match="edit 1 replaces bases 3500 to 3501 of 3500"):
        model.predict_edits(codes, [edit, (3500, 3501, edit[2])], 5)
    with pytest.raises(ValueError, match="new bases of edit 0 must be uint8"):
        model.predict_edits(codes, [(1, 2, np.array([7], dtype=np.uint8))], 5)
    with pytest.raises(ValueError, match="shorter than small's context"):
        model.predict_edits(codes[:1999], [edit], 5)


def test_an_engine_without_it_leaves_the_model_without_it() -> None:
    class Plain:
        def predict(self, codes: np.ndarray) -> np.ndarray:
            return codes

        def close(self) -> None: ...

    spec = BaseModelSpec(name="small", left=1000, right=1000, factory="a:b", licence="none", citation="none")
    model = EnsembleModel(spec, "0", Plain())

    assert not isinstance(model, EditScoring)
    assert getattr(model, "predict_edits", None) is None

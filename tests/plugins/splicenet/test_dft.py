from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore_splicenet.architecture import Architecture, Block, spliceai_architecture
from splicecore_splicenet.choices import Direct, Transform, choose
from splicecore_splicenet.dft import DFTConvolution, plan_dft
from splicecore_splicenet.engine import SplicenetEnsemble
from splicecore_splicenet.keras_h5 import load_keras_h5
from splicecore_splicenet.scratch import Scratch

BLOCKS = [Block(11, 1), Block(11, 4), Block(21, 10), Block(41, 25)]


def direct(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, dilation: int) -> np.ndarray:
    """Valid convolution in float64, as it is defined."""
    taps = len(kernel)
    rows = len(x) - (taps - 1) * dilation
    parts = (x[t * dilation : t * dilation + rows].astype(np.float64) @ kernel[t] for t in range(taps))
    return sum(parts) + bias


@pytest.mark.parametrize("rows", [12, 16, 32])
def test_the_matrices_make_the_convolution(rows: int) -> None:
    """In float64, exactly: forward, products, inverse."""
    rng = np.random.default_rng(rows)
    taps, inputs, outputs = 11, 3, 2
    kernel = rng.normal(size=(taps, inputs, outputs))
    x = rng.normal(size=(rows, inputs))

    plan = plan_dft(kernel, rows)
    halves = np.split(x, 2)
    spectrum = [plan.forward[0] @ (halves[0] + halves[1]), plan.forward[1] @ (halves[0] - halves[1])]
    product = [
        np.einsum("fi,pfio->pfo", half.reshape(rows // 4, 2 * inputs), plan.products[parity])
        for parity, half in enumerate(spectrum)
    ]
    even, odd = (plan.inverse[parity] @ product[parity].reshape(rows // 2, outputs) for parity in (0, 1))
    result = np.concatenate([even + odd, (even - odd)[: plan.valid - len(even)]])

    np.testing.assert_allclose(result, direct(x, kernel, np.zeros(outputs), 1), rtol=0, atol=1e-13)


@pytest.mark.parametrize("rows", [40, 42, 0])
def test_blocks_that_make_no_sense(rows: int) -> None:
    with pytest.raises(ValueError, match=f"blocks of {rows} rows"):
        plan_dft(np.zeros((41, 2, 2)), rows)


@settings(deadline=None, max_examples=60)
@given(
    taps=st.integers(1, 24),
    spare=st.integers(0, 12),
    dilation=st.integers(1, 12),
    channels=st.integers(1, 9),
    outputs=st.integers(1, 9),
    blocks=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_equal_to_the_direct_sum(
    *, taps: int, spare: int, dilation: int, channels: int, outputs: int, blocks: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = max(4, -(-(taps + spare) // 4) * 4)
    kernel = rng.normal(size=(taps, channels, outputs)) / np.sqrt(taps * channels)
    bias = rng.normal(size=outputs)
    convolution = DFTConvolution(kernel, bias, dilation, rows=rows, blocks=blocks)
    x = rng.normal(size=(blocks * convolution.unit + convolution.reach, channels)).astype(np.float32)

    expected = direct(x, kernel, bias, dilation)
    result = torch.full(expected.shape, np.nan)
    convolution.convolve(torch.from_numpy(x), result, Scratch())
    np.testing.assert_allclose(result.numpy(), expected, rtol=0, atol=1e-5)
    convolution.convolve(torch.from_numpy(x), result, Scratch(), add=True)
    np.testing.assert_allclose(result.numpy(), 2 * expected, rtol=0, atol=2e-5)


def test_scratch_keeps_what_was_prepared_while_its_user_lives() -> None:
    class User:
        pass

    class Made:
        pass

    scratch, first, second = Scratch(), User(), User()
    kept = scratch.prepared(first, lambda _: Made())
    assert scratch.prepared(first, lambda _: Made()) is kept
    others = weakref.ref(scratch.prepared(second, lambda _: Made()))
    assert others() is not None
    del second
    gc.collect()
    assert others() is None
    scratch.take("rows", 10)  # memory that is given anew
    assert scratch.prepared(first, lambda _: Made()) is not kept


def network(blocks: list[Block], *, channels: int = 8, seed: int = 0, slope: float = 0.0) -> Any:
    from splicecore_splicenet.weights import BatchNorm, BlockWeights, Convolution, NetworkWeights

    rng = np.random.default_rng(seed)

    def convolution(taps: int, inputs: int, outputs: int) -> Convolution:
        spread = 0.7 / np.sqrt(taps * inputs)
        return Convolution(kernel=rng.normal(0, spread, (taps, inputs, outputs)), bias=rng.normal(0, 0.2, outputs))

    def norm() -> BatchNorm:
        return BatchNorm(
            gamma=rng.uniform(-1.5, 1.5, channels),
            beta=rng.normal(0, 0.3, channels),
            mean=rng.normal(0, 0.3, channels),
            variance=rng.uniform(0.3, 2, channels),
        )

    return NetworkWeights(
        architecture=Architecture(
            blocks=blocks,
            group=1,
            channels=channels,
            activation="leaky_relu" if slope else "relu",
            negative_slope=slope or 0.1,
        ),
        stem=convolution(1, 4, channels),
        blocks=[
            BlockWeights(
                norm1=norm(),
                conv1=convolution(block.kernel, channels, channels),
                norm2=norm(),
                conv2=convolution(block.kernel, channels, channels),
            )
            for block in blocks
        ],
        skips=[convolution(1, channels, channels) for _ in range(len(blocks) + 1)],
        output=convolution(1, channels, 3),
    )


def test_every_layer_of_the_family_is_in_the_table() -> None:
    kinds = {block: type(choose(block)) for block in spliceai_architecture().blocks}

    assert set(kinds.values()) == {Transform}
    assert choose(Block(9, 3)) == Direct()
    for block in BLOCKS:
        assert isinstance(choose(block, "direct"), Direct)
        assert isinstance(choose(block, "fast", "cuda"), Direct)


@settings(deadline=None, max_examples=25)
@given(
    length=st.one_of(st.integers(1, 40), st.integers(41, 6000)),
    block=st.sampled_from(BLOCKS),
    slope=st.sampled_from([0.0, 0.1]),
    seed=st.integers(0, 3),
)
def test_fast_is_direct_at_any_length(length: int, block: Block, slope: float, seed: int) -> None:
    weights = network([block], seed=seed, slope=slope)
    codes = np.random.default_rng(length).integers(0, 5, (1, length + 2 * weights.architecture.radius), dtype=np.uint8)
    fast, slow = SplicenetEnsemble([weights]), SplicenetEnsemble([weights], convolutions="direct")

    scores = fast.predict(codes)

    np.testing.assert_allclose(scores, slow.predict(codes), rtol=0, atol=2e-6)
    np.testing.assert_array_equal(scores, fast.predict(codes))
    fast.close()
    slow.close()


@pytest.mark.parametrize("convolutions", ["fast", "direct"])
def test_what_was_scored_before_leaves_nothing_behind(convolutions: Any) -> None:
    """Memory is kept from tile to tile; a short tile after a long one, and after values that are not finite."""
    weights = network(BLOCKS, channels=4)
    radius = weights.architecture.radius
    codes = np.random.default_rng(5).integers(0, 5, (1, 9000 + 2 * radius), dtype=np.uint8)
    ensemble = SplicenetEnsemble([weights], threads=2, convolutions=convolutions)
    expected = [ensemble.predict(codes[:, : length + 2 * radius]) for length in (1, 77, 3001)]
    ensemble.predict(codes)
    with torch.inference_mode():
        for scratch in (ensemble._memory, *ensemble._scratches):
            for buffer in scratch._buffers.values():
                buffer.fill_(float("nan"))

    again = [ensemble.predict(codes[:, : length + 2 * radius]) for length in (1, 77, 3001)]

    assert [scores.tobytes() for scores in again] == [scores.tobytes() for scores in expected]
    ensemble.close()


def test_threads_do_not_change_a_bit_of_long_tiles() -> None:
    """Tiles of many portions in every stage."""
    members = [network(BLOCKS, channels=4, seed=seed) for seed in range(2)]
    codes = np.random.default_rng(5).integers(0, 5, (2, 20_000 + 2 * members[0].architecture.radius), dtype=np.uint8)
    scores = {}
    for threads in (1, 2, 5):
        ensemble = SplicenetEnsemble(members, threads=threads)
        scores[threads] = [ensemble.predict(codes).tobytes() for _ in range(3)]
        ensemble.close()

    assert len({once for repeats in scores.values() for once in repeats}) == 1


def test_a_failure_in_one_thread_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = network([Block(11, 1)], channels=4)
    ensemble = SplicenetEnsemble([weights], threads=3)
    codes = np.zeros((1, 60_000), dtype=np.uint8)
    calls = []

    def fail(*_: object, **__: object) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise MemoryError("no more")
        torch.softmax(torch.zeros(4), dim=0)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "addmm", fail)
        with pytest.raises(MemoryError, match="no more"):
            ensemble.predict(codes)

    assert np.isfinite(ensemble.predict(codes)).all()  # and it goes on
    ensemble.close()


def test_memory_beside_the_tile_does_not_grow_with_it() -> None:
    weights = network(BLOCKS, channels=4)
    context = 2 * weights.architecture.radius
    beside = []
    for length in (20_000, 60_000):
        ensemble = SplicenetEnsemble([weights])
        ensemble.predict(np.zeros((1, length + context), dtype=np.uint8))
        beside.append(sum(buffer.numel() for buffer in ensemble._scratches[0]._buffers.values()))
        tile = sum(buffer.numel() for buffer in ensemble._memory._buffers.values())
        assert tile < (2 * 4 + 3) * (length + 10_000) + 3 * 65_536
        ensemble.close()

    assert beside[0] == beside[1]


@pytest.mark.realdata
def test_real_sequence_all_networks(real_data: Path) -> None:
    """The published networks on a stretch of real sequence with genes: fast is direct."""
    pysam = pytest.importorskip("pysam")
    from importlib.metadata import PackageNotFoundError, distribution

    from splicecore.api import encode

    try:
        folder = Path(str(distribution("spliceai").locate_file("spliceai/models")))
    except PackageNotFoundError:
        pytest.skip("the distribution spliceai is not installed")
    with pysam.FastaFile(str(real_data / "genome" / "GRCh37.fa.gz")) as fasta:
        contig = next(name for name in ("chr19", "19") if name in fasta.references)
        codes = encode(fasta.fetch(contig, 1_500_000, 1_514_000))[np.newaxis]
    differences = []
    for member in range(1, 6):
        weights = load_keras_h5(folder / f"spliceai{member}.h5", spliceai_architecture())
        ways = [SplicenetEnsemble([weights], threads=2, convolutions=way) for way in ("fast", "direct")]
        fast, slow = (way.predict(codes) for way in ways)
        for way in ways:
            way.close()
        assert fast[..., 1:].max() > 0.1
        differences.append(float(np.abs(fast - slow).max()))

    assert max(differences) < 3e-6, differences
    assert min(differences) > 0

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pytest
import torch
from splicecore.api import ConfigError
from splicecore_splicenet.architecture import spliceai_architecture
from splicecore_splicenet.engine import SplicenetEnsemble
from splicecore_splicenet.keras_h5 import load_keras_h5

if TYPE_CHECKING:
    from pathlib import Path

    from splicecore_splicenet.weights import NetworkWeights

CONTEXT = {1: 80, 2: 400, 3: 2000}


@pytest.fixture
def load(keras_network: Any, tmp_path: Path) -> Any:
    def load(groups: int = 1, seed: int = 0) -> NetworkWeights:
        path = keras_network(groups, seed=seed).save(tmp_path / f"{groups}-{seed}.h5")
        return load_keras_h5(path, spliceai_architecture(CONTEXT[groups]))

    return load


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_valid_convolutions_equal_same_padding(load: Any, keras_network: Any, random_codes: Any, groups: int) -> None:
    codes = random_codes(1, CONTEXT[groups] + 61, unknown=True)
    expected = keras_network(groups).reference(codes[0])

    scores = SplicenetEnsemble([load(groups)]).predict(codes)

    assert scores.dtype == np.float32
    assert scores.shape == (1, 61, 3)
    assert expected.max(axis=0).min() > 0.2  # all three classes occur: the comparison is not of zeros
    np.testing.assert_allclose(scores[0], expected, rtol=0, atol=1e-6)


def test_the_torch_members_of_the_family(load: Any, keras_network: Any, random_codes: Any) -> None:
    """LeakyReLU 0.1 and epsilon 1e-5."""
    codes = random_codes(1, 400 + 50)
    weights = load(2)
    other = attrs.evolve(weights, architecture=spliceai_architecture(400, activation="leaky_relu", epsilon=1e-5))
    expected = keras_network(2).reference(codes[0], slope=0.1, epsilon=1e-5)

    scores = SplicenetEnsemble([other]).predict(codes)[0]

    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-6)
    assert np.abs(scores - SplicenetEnsemble([weights]).predict(codes)[0]).max() > 1e-3


def test_an_ensemble_is_the_mean(load: Any, random_codes: Any) -> None:
    codes = random_codes(2, 80 + 33)
    members = [load(seed=seed) for seed in range(3)]
    single = np.stack([SplicenetEnsemble([member]).predict(codes) for member in members])

    scores = SplicenetEnsemble(members).predict(codes)

    np.testing.assert_allclose(scores, single.mean(axis=0, dtype=np.float64), rtol=0, atol=2e-7)
    assert np.abs(single - scores).max() > 0.05


@pytest.mark.parametrize("cut", [1, 17, 99])
def test_tiles_do_not_matter(load: Any, random_codes: Any, cut: int) -> None:
    codes = random_codes(1, 400 + 100, unknown=True)
    ensemble = SplicenetEnsemble([load(2)])

    tiles = [ensemble.predict(codes[:, : cut + 400]), ensemble.predict(codes[:, cut:])]

    np.testing.assert_allclose(np.concatenate(tiles, axis=1), ensemble.predict(codes), rtol=0, atol=1e-6)


def test_other_rows_do_not_matter(load: Any, random_codes: Any) -> None:
    codes = random_codes(4, 80 + 40)
    ensemble = SplicenetEnsemble([load(), load(seed=1)])
    whole = ensemble.predict(codes)

    assert np.concatenate([ensemble.predict(codes[row : row + 1]) for row in range(4)]).tobytes() == whole.tobytes()
    assert ensemble.predict(codes[::-1])[::-1].tobytes() == whole.tobytes()


def test_bases_beyond_the_radius_do_not_matter(load: Any, random_codes: Any) -> None:
    codes = random_codes(1, 80 + 1)
    ensemble = SplicenetEnsemble([load()])
    alone = ensemble.predict(codes)

    inside = codes.copy()
    inside[0, :4] = (inside[0, :4] + 1) % 4

    assert np.abs(ensemble.predict(inside) - alone).max() > 0
    assert ensemble.radius == 40


def test_threads_do_not_change_a_bit(load: Any, random_codes: Any) -> None:
    codes = random_codes(3, 2000 + 700, unknown=True)
    members = [load(3, seed=seed) for seed in range(5)]
    scores = {}
    for threads in (1, 2, 3):
        ensemble = SplicenetEnsemble(members, threads=threads)
        scores[threads] = ensemble.predict(codes).tobytes()
        ensemble.close()

    assert scores[1] == scores[2] == scores[3]


def test_callers_may_share_an_ensemble(load: Any, random_codes: Any) -> None:
    codes = [random_codes(2, 80 + 50, seed=seed) for seed in range(6)]
    ensemble = SplicenetEnsemble([load(), load(seed=1)], threads=2)
    expected = [ensemble.predict(one).tobytes() for one in codes]

    with ThreadPoolExecutor(3) as callers:
        assert [scores.tobytes() for scores in callers.map(ensemble.predict, codes)] == expected


def test_the_embedding_process_keeps_its_threads(load: Any, random_codes: Any) -> None:
    """torch's own threads are off inside the pool, and only there."""
    mine = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        ensemble = SplicenetEnsemble([load()], threads=2)
        ensemble.predict(random_codes(3, 100))

        assert torch.get_num_threads() == 3
        assert _in_new_thread(torch.get_num_threads) == 3
        pool = ensemble._open_pool()
        meeting = threading.Barrier(2)
        inside = [pool.submit(lambda: (meeting.wait(), torch.get_num_threads())[1]) for _ in range(2)]
        assert [future.result() for future in inside] == [1, 1]
    finally:
        torch.set_num_threads(mine)


def test_a_system_without_threads_is_an_error_and_not_a_hang(
    load: Any, random_codes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when some threads have started and wait for the others."""
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def start_two(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        start(thread)
        started.append(thread)

    mine = torch.get_num_threads()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_two)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            SplicenetEnsemble([load()], threads=4).predict(random_codes(1, 100))
    for thread in started:
        thread.join(timeout=10)
    assert [thread.is_alive() for thread in started] == [False, False]
    assert torch.get_num_threads() == mine
    assert _in_new_thread(torch.get_num_threads) == mine


def test_close_stops_the_threads(load: Any, random_codes: Any) -> None:
    gc.collect()
    before = threading.active_count()
    ensemble = SplicenetEnsemble([load()], threads=2)
    ensemble.predict(random_codes(1, 100))
    assert threading.active_count() == before + 2

    ensemble.close()
    ensemble.close()

    assert threading.active_count() == before
    with pytest.raises(ValueError, match="closed"):
        ensemble.predict(random_codes(1, 100))


def test_input_is_not_modified(load: Any, random_codes: Any) -> None:
    codes = random_codes(2, 100, unknown=True)
    codes.setflags(write=False)

    assert SplicenetEnsemble([load()]).predict(codes[:, ::-1]).shape == (2, 20, 3)


@pytest.mark.parametrize(("n", "length"), [(0, 0), (0, 50), (3, 0)])
def test_nothing_to_score(load: Any, n: int, length: int) -> None:
    scores = SplicenetEnsemble([load()]).predict(np.zeros((n, 80 + length), dtype=np.uint8))

    assert scores.shape == (n, length, 3)
    assert scores.dtype == np.float32


def test_too_short(load: Any) -> None:
    with pytest.raises(ValueError, match="rows of 79 bases are shorter than the context of 80"):
        SplicenetEnsemble([load()]).predict(np.zeros((1, 79), dtype=np.uint8))


def test_ensembles_that_make_no_sense(load: Any) -> None:
    with pytest.raises(ValueError, match="at least one network"):
        SplicenetEnsemble([])
    with pytest.raises(ValueError, match="one architecture"):
        SplicenetEnsemble([load(1), load(2)])
    with pytest.raises(ValueError, match="threads is 0"):
        SplicenetEnsemble([load()], threads=0)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cuda:x", "xpu", "meta", ""])
def test_devices_that_are_not_there(load: Any, device: str) -> None:
    with pytest.raises(ConfigError, match="device") as caught:
        SplicenetEnsemble([load()], device=device)
    assert caught.value.hint


def test_cuda_without_cuda(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="'cuda': this torch sees no CUDA device"):
        SplicenetEnsemble([load()], device="cuda")


def test_modules_without_arithmetic_do_not_import_torch() -> None:
    code = (
        "import sys, splicecore_splicenet.architecture, splicecore_splicenet.weights;"
        "sys.exit(bool({'torch', 'h5py'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _in_new_thread(function: Any) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]

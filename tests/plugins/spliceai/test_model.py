from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from splicecore.api import (
    BaseModel,
    ConfigError,
    MissingDependencyError,
    OpenRequest,
    ResourceError,
    ResourceNotFoundError,
    SplicecoreError,
)
from splicecore_spliceai.model import SpliceAI, open_model
from splicecore_spliceai.plugin import SPEC


@pytest.fixture
def weights(random_weights: Path, tmp_path: Path) -> Path:
    """A copy of the random weights that a test may spoil."""
    return Path(shutil.copytree(random_weights, tmp_path / "weights"))


def request_for(folder: Path, members: list[int] | None = None, **changes: Any) -> OpenRequest:
    config = {} if members is None else {"members": members}
    return OpenRequest(weights=str(folder), config=config, **changes)


def test_it_is_a_base_model(random_weights: Path, codes: np.ndarray) -> None:
    with open_model(SPEC, request_for(random_weights)) as model:
        assert isinstance(model, BaseModel)
        assert model.spec == SPEC
        scores = model.predict(codes[np.newaxis, :10_030])

    assert scores.shape == (1, 30, 3)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=2), 1, rtol=0, atol=1e-6)
    model.close()


def test_the_mean_is_over_the_chosen_members(random_weights: Path, codes: np.ndarray) -> None:
    window = codes[np.newaxis, :10_020]

    def score(*members: int) -> np.ndarray:
        with open_model(SPEC, request_for(random_weights, list(members))) as model:
            return model.predict(window)

    one, three = score(1), score(3)

    np.testing.assert_allclose(score(1, 3), (one.astype(np.float64) + three) / 2, rtol=0, atol=1e-7)
    assert score(3, 1).tobytes() == score(1, 3).tobytes()
    assert np.abs(one - three).max() > 1e-3


def test_fingerprint(random_weights: Path, weights: Path, keras_network: Any) -> None:
    def fingerprint(folder: Path, members: list[int] | None = None, threads: int = 1) -> str:
        with open_model(SPEC, request_for(folder, members, threads=threads)) as model:
            return model.fingerprint

    whole = fingerprint(random_weights)
    assert whole == fingerprint(weights) == fingerprint(weights, threads=2) == fingerprint(weights, [5, 4, 3, 2, 1])
    assert len({whole, fingerprint(weights, [1, 2]), fingerprint(weights, [1]), fingerprint(weights, [2])}) == 4
    keras_network(4, seed=99).save(weights / "spliceai4.h5")
    assert fingerprint(weights) != whole
    assert fingerprint(weights, [1, 2]) == fingerprint(random_weights, [1, 2])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"members": []}, "members is"),
        ({"members": [0]}, "members is"),
        ({"members": [1, 1]}, "members is"),
        ({"members": [True]}, "members is"),
        ({"members": 3}, "members is"),
        ({"members": ["1"]}, "members is"),
        ({"convolutions": "slow"}, "convolutions is"),
        ({"member": [1]}, "unknown setting member"),
    ],
)
def test_settings_that_make_no_sense(random_weights: Path, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SpliceAI(SPEC, OpenRequest(weights=str(random_weights), config=config))


def test_engines_and_devices_that_do_not_exist(random_weights: Path) -> None:
    with pytest.raises(ConfigError, match="no engine 'jax'"):
        open_model(SPEC, request_for(random_weights, engine="jax"))
    with pytest.raises(ConfigError, match="device 'cuda:99'"):
        open_model(SPEC, request_for(random_weights, [1], device="cuda:99"))


def test_tensorflow_that_is_not_installed(random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # what importing it finds
    with pytest.raises(MissingDependencyError, match=r"^spliceai: engine tensorflow: .*tensorflow") as caught:
        open_model(SPEC, request_for(random_weights, [1], engine="tensorflow"))
    assert caught.value.hint == 'pip install "splicecore-spliceai[tensorflow]"'
    assert caught.value.exit_code == 4


def test_the_command_line_says_what_to_install(random_weights: Path, tmp_path: Path) -> None:
    """One line and exit code 4 where TensorFlow is not installed."""
    (tmp_path / "contig.fa").write_text(">chr1\n" + "ACGTTGCAAC" * 300 + "\n", encoding="ascii")
    (tmp_path / "genes.txt").write_text(
        "#NAME\tCHROM\tSTRAND\tTX_START\tTX_END\tEXON_START\tEXON_END\nA\tchr1\t+\t100\t900\t100,500,\t200,900,\n",
        encoding="ascii",
    )
    program = "import sys; sys.modules['tensorflow'] = None; from splicecore.cli.main import main; main()"
    arguments = ["run", "--fasta", str(tmp_path / "contig.fa"), "--annotation", str(tmp_path / "genes.txt"), "-q"]
    arguments += ["--genes", "A", "--base-model", "spliceai", "--models-dir", str(random_weights)]
    arguments += ["--engine", "tensorflow", "-o", str(tmp_path / "out")]

    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)

    assert done.returncode == 4, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if "not the published network" not in line)
    assert line.startswith("splicecore: error: spliceai: engine tensorflow: ")
    assert line.endswith('(pip install "splicecore-spliceai[tensorflow]")')


def expect_remedy(error: SplicecoreError) -> None:
    assert "splicecore-spliceai[weights]" in str(error.hint)
    assert "--models-dir" in str(error.hint)


def test_no_weights(tmp_path: Path) -> None:
    with pytest.raises(ResourceNotFoundError) as caught:
        open_model(SPEC, OpenRequest())
    expect_remedy(caught.value)
    with pytest.raises(ResourceNotFoundError, match=r"spliceai1\.h5.*spliceai5\.h5") as caught:
        open_model(SPEC, request_for(tmp_path))
    expect_remedy(caught.value)


def test_a_missing_file_is_named_and_others_are_not(weights: Path) -> None:
    (weights / "spliceai3.h5").unlink()

    with pytest.raises(ResourceNotFoundError, match=r"missing [^ ]*spliceai3\.h5 \(pip") as caught:
        open_model(SPEC, request_for(weights))
    expect_remedy(caught.value)
    with open_model(SPEC, request_for(weights, [1, 2])):
        pass


@pytest.mark.parametrize("kept", [0, 1000, 2_000_000])
def test_a_corrupted_file_is_named(weights: Path, kept: int) -> None:
    path = weights / "spliceai4.h5"
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(ResourceError, match=r"spliceai4\.h5: not an HDF5 file, or truncated") as caught:
        open_model(SPEC, request_for(weights))
    expect_remedy(caught.value)


def test_a_smaller_network_is_refused(weights: Path, keras_network: Any) -> None:
    keras_network(3).save(weights / "spliceai2.h5", config=None)

    with pytest.raises(ResourceError, match=r"spliceai2\.h5: layer batch_normalization_25"):
        open_model(SPEC, request_for(weights))


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (np.zeros((1, 10_001), dtype=np.int64), "int64"),
        (np.zeros(10_001, dtype=np.uint8), r"uint8 \(10001,\)"),
        (np.zeros((1, 9_999), dtype=np.uint8), "9999 bases are shorter"),
        (np.full((1, 10_001), 5, dtype=np.uint8), "code 5"),
        (np.zeros((1 + SPEC.max_positions // 2000, 12_000), dtype=np.uint8), "x 2000 positions"),
        ([[0] * 10_001], "list"),
    ],
)
def test_input_that_is_not_codes(random_weights: Path, window: Any, message: str) -> None:
    with (
        open_model(SPEC, request_for(random_weights, [1])) as model,
        pytest.raises(ValueError, match=message),
    ):
        model.predict(window)


def test_a_closed_model_refuses(random_weights: Path, codes: np.ndarray) -> None:
    model = open_model(SPEC, request_for(random_weights, [1]))
    model.close()

    with pytest.raises(ValueError, match="closed"):
        model.predict(codes[np.newaxis, :10_001])


def test_other_weights_are_reported(
    random_weights: Path, published_weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        open_model(SPEC, request_for(published_weights)).close()
        assert caplog.messages == []
        open_model(SPEC, request_for(random_weights, [2])).close()

    assert len(caplog.messages) == 1
    assert "spliceai2.h5 is not the published network" in caplog.messages[0]


def test_requests_decide_alone(random_weights: Path, codes: np.ndarray) -> None:
    """Another opening with an equal request gives the same bytes: the model can be opened in another process."""
    request = request_for(random_weights, [1, 2])
    window = np.stack([codes[:10_050], codes[500:10_550]])
    results = []
    for threads in (1, 2, 3):
        with open_model(SPEC, attrs.evolve(request, threads=threads)) as model:
            results.append(model.predict(window).tobytes())

    assert results[0] == results[1] == results[2]


def test_the_spread_of_the_members(random_weights: Path, codes: np.ndarray) -> None:
    window = codes[np.newaxis, :10_030]
    request = request_for(random_weights, [1, 3])
    with (
        open_model(SPEC, request) as plain,
        open_model(SPEC, attrs.evolve(request, config={**request.config, "member_spread": True})) as model,
    ):
        assert model.spec == attrs.evolve(SPEC, outputs=(*SPEC.outputs, "acceptor_spread", "donor_spread"))
        assert model.fingerprint == plain.fingerprint
        scores = model.predict(window)
        assert scores.shape == (1, 30, 5)
        assert scores[:, :, :3].tobytes() == plain.predict(window).tobytes()
    assert 0 < scores[:, :, 3:].max() <= 0.5


@pytest.mark.parametrize("config", [{"members": [2], "member_spread": True}, {"member_spread": "yes"}])
def test_settings_of_the_spread_that_make_no_sense(random_weights: Path, config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="member_spread"):
        open_model(SPEC, OpenRequest(weights=str(random_weights), config=config))

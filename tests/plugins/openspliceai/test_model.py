from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from splicecore.api import BaseModel, ConfigError, OpenRequest, ResourceError, ResourceNotFoundError
from splicecore_openspliceai.model import OpenSpliceAI, open_model
from splicecore_openspliceai.plugin import SPEC


def open_(folder: Path, **config: Any) -> OpenSpliceAI:
    return open_model(SPEC, OpenRequest(weights=str(folder), config=config))


@pytest.fixture
def folder(weights: Path, tmp_path: Path) -> Path:
    """A copy of one checkpoint folder that a test may spoil."""
    return Path(shutil.copytree(weights / "openspliceai-mane" / "80nt", tmp_path / "80nt"))


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 5, (2, 460)).astype(np.uint8)


@pytest.mark.parametrize(("context", "species"), [(80, "mane"), (400, "mane"), (400, "arabidopsis")])
def test_the_context_is_that_of_the_weights(weights: Path, codes: np.ndarray, context: int, species: str) -> None:
    with open_(weights, context=context, species=species) as model:
        assert isinstance(model, BaseModel)
        assert model.spec.left == model.spec.right == context // 2
        assert f"{species}, {context} nt of context, 3 networks" in model.spec.summary
        assert model.spec.builds == (("GRCh38",) if species == "mane" else ())
        scores = model.predict(codes)

    assert scores.shape == (2, 460 - context, 3)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=2), 1, rtol=0, atol=1e-6)


def test_the_mean_is_over_the_members(weights: Path, codes: np.ndarray) -> None:
    def score(*members: int) -> np.ndarray:
        with open_(weights, context=80, members=list(members)) as model:
            return model.predict(codes)

    nine, eleven = score(9), score(11)

    np.testing.assert_allclose(score(9, 11), (nine.astype(np.float64) + eleven) / 2, rtol=0, atol=1e-7)
    assert score(11, 9).tobytes() == score(9, 11).tobytes()
    assert np.abs(nine - eleven).max() > 1e-3


def test_fingerprint(weights: Path, folder: Path, save: Any) -> None:
    def fingerprint(path: Path, **config: Any) -> str:
        with open_(path, **config) as model:
            return model.fingerprint

    whole = fingerprint(weights, context=80)
    assert whole == fingerprint(folder) == fingerprint(weights / "openspliceai-mane" / "80nt", context=80)
    assert len({whole, fingerprint(folder, members=[9]), fingerprint(folder, members=[9, 10])}) == 3
    (folder / "model_80nt_rs9.pt").rename(folder / "model_80nt_rs9.pth")
    assert fingerprint(folder) == whole
    save(folder / "model_80nt_rs10.pt", 80, seed=77)
    assert fingerprint(folder) != whole


def test_mixed_contexts_are_refused_with_the_list(tmp_path: Path, save: Any) -> None:
    for seed, context in ((1, 80), (2, 400), (10, 80)):
        save(tmp_path / f"{seed}.pt", context, seed)

    with pytest.raises(ResourceError, match=r"mixes .*\(1\.pt: 80 nt, 2\.pt: 400 nt, 10\.pt: 80 nt\)"):
        open_(tmp_path)
    with open_(tmp_path, members=[1, 10]) as model:
        assert model.spec.left == 40


@pytest.mark.parametrize("name", ["model_10000nt_rs1.pt", "10000nt/1.pt", "openspliceai-mane/10000nt/model_400nt.pt"])
def test_a_name_that_contradicts_its_weights(tmp_path: Path, save: Any, name: str) -> None:
    path = save(tmp_path / name, 400, 1)

    with pytest.raises(ResourceError, match=r"says 10000 nt, but its weights are of 400 nt") as caught:
        open_(path.parent)
    assert str(path) in caught.value.message


def test_a_setting_that_contradicts_the_weights(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "mine" / "1.pt", 400, 1)

    with pytest.raises(ResourceError, match=r"context is set to 2000, but the weights in .*mine are of 400 nt"):
        open_(tmp_path / "mine", context=2000)


def test_one_network_twice_is_refused(folder: Path) -> None:
    shutil.copy(folder / "model_80nt_rs10.pt", folder / "model_best.pt")

    with pytest.raises(ResourceError, match=r"rs10\.pt and .*model_best\.pt hold the same network"):
        open_(folder)
    with open_(folder, members=["model_best"]) as model:
        assert "1 network" in model.spec.summary


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.marker,)


def test_code_in_a_file_is_not_run(folder: Path, tmp_path: Path) -> None:
    torch.save({"initial_conv.weight": Evil(tmp_path / "marker")}, folder / "model_80nt_rs10.pt")

    with pytest.raises(ResourceError, match=r"model_80nt_rs10\.pt: holds more than tensors"):
        open_(folder)
    assert not (tmp_path / "marker").exists()


def test_a_damaged_file_is_named(folder: Path) -> None:
    path = folder / "model_80nt_rs11.pt"
    path.write_bytes(path.read_bytes()[:50_000])

    with pytest.raises(ResourceError, match=r"openspliceai: .*model_80nt_rs11\.pt: .*truncated"):
        open_(folder)
    with open_(folder, members=[9, 10]):
        pass


def test_no_weights(tmp_path: Path) -> None:
    with pytest.raises(ResourceNotFoundError, match="no folder of weights"):
        open_model(SPEC, OpenRequest())
    with pytest.raises(ResourceNotFoundError, match=r"holds no \.pt"):
        open_(tmp_path)


def test_engines_that_do_not_exist(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no engine 'tensorflow'"):
        open_model(SPEC, OpenRequest(weights=str(folder), engine="tensorflow"))


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (np.zeros((1, 81), dtype=np.int64), "int64"),
        (np.zeros(81, dtype=np.uint8), r"uint8 \(81,\)"),
        (np.zeros((1, 79), dtype=np.uint8), "79 bases are shorter"),
        (np.full((1, 81), 5, dtype=np.uint8), "code 5"),
        (np.zeros((2, 81 + SPEC.max_positions // 2), dtype=np.uint8), "2 x .* positions"),
        ([[0] * 81], "list"),
    ],
)
def test_input_that_is_not_codes(folder: Path, window: Any, message: str) -> None:
    with open_(folder, members=[9]) as model, pytest.raises(ValueError, match=message):
        model.predict(window)


def test_requests_decide_alone(weights: Path, codes: np.ndarray) -> None:
    request = OpenRequest(weights=str(weights), config={"context": 400, "species": "arabidopsis"})
    results = []
    for threads in (1, 2):
        with open_model(SPEC, attrs.evolve(request, threads=threads)) as model:
            results.append(model.predict(codes).tobytes())

    assert results[0] == results[1]


def test_the_spread_of_the_members(weights: Path, codes: np.ndarray) -> None:
    with open_(weights, context=80) as plain, open_(weights, context=80, member_spread=True) as model:
        assert model.spec == attrs.evolve(plain.spec, outputs=(*SPEC.outputs, "acceptor_spread", "donor_spread"))
        assert model.fingerprint == plain.fingerprint
        scores = model.predict(codes)
        assert scores[:, :, :3].tobytes() == plain.predict(codes).tobytes()
    assert 0 < scores[:, :, 3:].max() <= 0.5

    with pytest.raises(ConfigError, match="member_spread needs an ensemble"):
        open_(weights, context=80, members=[9], member_spread=True)

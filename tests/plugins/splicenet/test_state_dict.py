from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from splicecore.api import ResourceError, ResourceNotFoundError
from splicecore_splicenet.architecture import CONTEXTS, spliceai_architecture
from splicecore_splicenet.engine import SplicenetEnsemble
from splicecore_splicenet.state_dict import load_state_dict, unit_numbers

if TYPE_CHECKING:
    from pathlib import Path

SKIP_NUMBERS = {1: (2, 11), 2: (2, 11, 20), 3: (2, 11, 20, 29), 4: (2, 11, 20, 29, 38)}
OUTPUT_NUMBERS = {1: 12, 2: 21, 3: 30, 4: 39}


def to_state_dict(network: Any) -> dict[str, torch.Tensor]:
    """The same network under the names that OpenSpliceAI's checkpoints have, spelt out here."""
    state: dict[str, torch.Tensor] = {}

    def convolution(name: str, number: int) -> None:
        layer = network.layers[f"conv1d_{number}"]
        state[f"{name}.weight"] = torch.tensor(layer["kernel"].transpose(2, 1, 0).copy())
        state[f"{name}.bias"] = torch.tensor(layer["bias"])

    convolution("initial_conv", 1)
    convolution("initial_skip.conv", 2)
    for index, (first, second) in enumerate(network.block_convs):
        unit = f"residual_units.{index // 4 * 5 + index % 4}"
        for part, number in ((1, first), (2, second)):
            norm = network.layers[f"batch_normalization_{2 * index + part}"]
            state[f"{unit}.batchnorm{part}.weight"] = torch.tensor(norm["gamma"])
            state[f"{unit}.batchnorm{part}.bias"] = torch.tensor(norm["beta"])
            state[f"{unit}.batchnorm{part}.running_mean"] = torch.tensor(norm["moving_mean"])
            state[f"{unit}.batchnorm{part}.running_var"] = torch.tensor(norm["moving_variance"])
            state[f"{unit}.batchnorm{part}.num_batches_tracked"] = torch.tensor(1000)
            convolution(f"{unit}.conv{part}", number)
    for group, number in enumerate(SKIP_NUMBERS[network.groups][1:]):
        convolution(f"residual_units.{5 * group + 4}.conv", number)
    convolution("final_conv", OUTPUT_NUMBERS[network.groups])
    return state


@pytest.fixture
def state(keras_network: Any) -> dict[str, torch.Tensor]:
    return to_state_dict(keras_network(1))


def save(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize("groups", [1, 2, 3, 4])
def test_context_and_dilations_are_read_from_the_tensors(keras_network: Any, tmp_path: Path, groups: int) -> None:
    weights = load_state_dict(save(tmp_path / "net.pt", to_state_dict(keras_network(groups))))

    expected = spliceai_architecture(CONTEXTS[groups - 1], activation="leaky_relu", epsilon=1e-5)
    assert weights.architecture == expected
    assert weights.architecture.negative_slope == 0.1
    assert 2 * weights.architecture.radius == CONTEXTS[groups - 1]


def test_numbers_of_units() -> None:
    blocks, skips = unit_numbers(spliceai_architecture(10_000))

    assert skips == (4, 9, 14, 19)
    assert sorted((*blocks, *skips)) == list(range(20))


@pytest.mark.parametrize("groups", [1, 2])
def test_scores_are_those_of_the_formula(keras_network: Any, random_codes: Any, tmp_path: Path, groups: int) -> None:
    network = keras_network(groups, seed=3)
    weights = load_state_dict(save(tmp_path / "net.pth", to_state_dict(network)))
    codes = random_codes(1, CONTEXTS[groups - 1] + 60, unknown=True)

    scores = SplicenetEnsemble([weights]).predict(codes)[0]

    np.testing.assert_allclose(scores, network.reference(codes[0], slope=0.1, epsilon=1e-5), rtol=0, atol=2e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_other_float_types(state: dict[str, torch.Tensor], tmp_path: Path, dtype: torch.dtype) -> None:
    path = save(tmp_path / "net.pt", {k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()})

    stem = load_state_dict(path).stem.kernel

    assert stem.dtype == np.float32
    np.testing.assert_allclose(stem, state["initial_conv.weight"].numpy().transpose(2, 1, 0), rtol=1e-3)


class Evil:
    """Unpickling one makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.marker,)


@pytest.mark.parametrize("archive", [True, False])
def test_code_is_refused_and_not_run(state: dict[str, torch.Tensor], tmp_path: Path, archive: bool) -> None:
    marker, path = tmp_path / "marker", tmp_path / "evil.pt"
    content = {**state, "extra": Evil(marker)}
    if archive:
        save(path, content)
    else:
        path.write_bytes(pickle.dumps(content))

    with pytest.raises(ResourceError, match=r"evil\.pt: (holds more than tensors .*mkdir|not a torch state dict)"):
        load_state_dict(path)

    assert not marker.exists()
    torch.load(path, weights_only=False) if archive else pickle.loads(path.read_bytes())
    assert marker.exists(), "the file is not the trap that this test is about"


def test_a_whole_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"net\.pt: holds more than tensors \(torch\.nn"):
        load_state_dict(save(tmp_path / "net.pt", torch.nn.Linear(2, 2)))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ResourceNotFoundError, match=r"nowhere\.pt: no such file"):
        load_state_dict(tmp_path / "nowhere.pt")


@pytest.mark.parametrize("kept", [0, 300, 0.5, 0.999])
def test_truncated(state: dict[str, torch.Tensor], tmp_path: Path, kept: float) -> None:
    path = save(tmp_path / "net.pt", state)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept if kept > 1 else kept * len(content))])

    with pytest.raises(ResourceError, match=r"net\.pt: not a torch state dict, or truncated or damaged"):
        load_state_dict(path)


def test_one_flipped_bit_is_noticed(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = save(tmp_path / "net.pt", state)
    content = bytearray(path.read_bytes())
    place = bytes(content).index(state["residual_units.2.conv1.weight"].numpy().tobytes())
    content[place + 1001] ^= 4
    path.write_bytes(content)

    with pytest.raises(ResourceError, match=r"net\.pt: damaged, the checksum of"):
        load_state_dict(path)


@pytest.mark.parametrize("content", [b"<html>404 not found</html>\n" * 100, bytes(range(256)) * 20])
def test_other_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(content)

    with pytest.raises(ResourceError, match=r"net\.pt: not a torch state dict"):
        load_state_dict(path)


def change(state: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Replace entries (None removes); a double underscore stands for the dot."""
    changed = {**state, **{name.replace("__", "."): value for name, value in changes.items()}}
    return {name: value for name, value in changed.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"final_conv__weight": None}, r"has no tensor final_conv\.weight \(it has initial_conv"),
        ({"final_conv__weight": torch.zeros(4, 32, 1)}, r"output\.kernel has shape \(1, 32, 4\)"),
        ({"initial_conv__weight": torch.zeros(32, 5, 1)}, r"stem\.kernel has shape \(1, 5, 32\)"),
        ({"initial_conv__weight": torch.zeros(32, 4, 1, 1)}, r"initial_conv\.weight is torch\.float32 \(32, 4, 1, 1\)"),
        ({"initial_conv__bias": torch.zeros(32, dtype=torch.int64)}, r"initial_conv\.bias is torch\.int64"),
        ({"initial_conv__bias": "text"}, r"initial_conv\.bias is str"),
        ({"initial_conv__bias": torch.full((32,), float("nan"))}, r"stem\.bias holds values that are not finite"),
        ({"residual_units__3__conv1__weight": torch.zeros(32, 32, 21)}, r"blocks \(kernels: 11, 11, 11, 21\)"),
        ({"residual_units__3__conv2__weight": torch.zeros(32, 32, 21)}, r"blocks\.3\.conv2\.kernel has shape"),
        ({"residual_units__3__conv1__weight": None}, r"blocks \(kernels: 11, 11, 11\)"),
        ({"residual_units__1__batchnorm1__running_var": torch.full((32,), -1.0)}, "holds negative values"),
        ({"attention__weight": torch.zeros(3)}, r"does not know: attention\.weight"),
    ],
)
def test_tensors_of_another_network(
    state: dict[str, torch.Tensor], tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ResourceError, match=r"net\.pt: .*" + message):
        load_state_dict(save(tmp_path / "net.pt", change(state, **changes)))


@pytest.mark.parametrize("content", [torch.zeros(3), [1, 2], {1: torch.zeros(3)}, {}, {"model": {"a": torch.zeros(2)}}])
def test_not_a_state_dict(tmp_path: Path, content: Any) -> None:
    with pytest.raises(
        ResourceError, match=r"net\.pt: (holds \w+, not a state dict|its residual blocks \(kernels: none)"
    ):
        load_state_dict(save(tmp_path / "net.pt", content))

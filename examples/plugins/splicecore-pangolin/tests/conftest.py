"""Random networks in Pangolin's naming, and what they compute, written down once more."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

KERNELS = (11,) * 8 + (21,) * 4 + (41,) * 4
DILATIONS = (1,) * 4 + (4,) * 4 + (10,) * 4 + (25,) * 4


def random_state(seed):
    """State dict of a whole network, eight heads."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator)

    state = {}

    def convolution(name, outputs, inputs, taps=1):
        state[f"{name}.weight"] = normal(outputs, inputs, taps) * 0.7 / (inputs * taps) ** 0.5
        state[f"{name}.bias"] = normal(outputs) * 0.2

    convolution("conv1", 32, 4)
    convolution("skip", 32, 32)
    for index, taps in enumerate(KERNELS):
        for part in (1, 2):
            norm = f"resblocks.{index}.bn{part}"
            state[f"{norm}.weight"], state[f"{norm}.bias"] = 1 + normal(32) * 0.2, normal(32) * 0.2
            state[f"{norm}.running_mean"] = normal(32) * 0.2
            state[f"{norm}.running_var"] = 1 + normal(32).abs()
            state[f"{norm}.num_batches_tracked"] = torch.tensor(7)
            convolution(f"resblocks.{index}.conv{part}", 32, 32, taps)
    for index in range(4):
        convolution(f"convs.{index}", 32, 32)
    for number in range(1, 9):
        convolution(f"conv_last{number}", 2 if number % 2 else 1, 32)
        state[f"conv_last{number}.weight"] *= 0.3
        state[f"conv_last{number}.bias"][0] += 3 if number % 2 else -3  # sites are rare
    return state


def reference_scores(state, codes):
    """float32 (12, L): what the published network gives for uint8 (5000 + L + 5000,); layers padded, then cropped."""
    x = F.one_hot(torch.from_numpy(codes).long(), 5)[:, :4].T.float()[None]

    def conv(x, name, dilation=1):
        weight = state[f"{name}.weight"]
        padding = (weight.shape[2] - 1) * dilation // 2
        return F.conv1d(x, weight, state[f"{name}.bias"], padding=padding, dilation=dilation)

    def norm(x, name):
        mean, variance, gamma, beta = (
            state[f"{name}.{part}"][:, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return torch.relu((x - mean) / torch.sqrt(variance + 1e-5) * gamma + beta)

    x = conv(x, "conv1")
    total = conv(x, "skip")
    for index, dilation in enumerate(DILATIONS):
        unit = f"resblocks.{index}"
        h = conv(norm(x, f"{unit}.bn1"), f"{unit}.conv1", dilation)
        x = x + conv(norm(h, f"{unit}.bn2"), f"{unit}.conv2", dilation)
        if index % 4 == 3:
            total = total + conv(x, f"convs.{index // 4}")
    total = total[:, :, 5000:-5000]
    heads = [conv(total, f"conv_last{number}")[0] for number in range(1, 9)]
    return torch.cat([torch.softmax(h, 0) if len(h) == 2 else torch.sigmoid(h) for h in heads]).numpy()


def seed_of(repeat, head):
    return 100 * repeat + head


@pytest.fixture(scope="session")
def make_state():
    return random_state


@pytest.fixture(scope="session")
def reference():
    return reference_scores


@pytest.fixture(scope="session")
def member():
    """(repeat, head) -> the state dict that the folder of weights has."""
    return lambda repeat, head: random_state(seed_of(repeat, head))


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """Folder with two repeats of all outputs."""
    folder = tmp_path_factory.mktemp("pangolin")
    for repeat in (1, 2):
        for head in range(8):
            torch.save(random_state(seed_of(repeat, head)), folder / f"final.{repeat}.{head}.3.v2")
    return folder


@pytest.fixture(scope="session")
def altered_weights(weights, tmp_path_factory):
    """The same, but for one number of one of the networks of P(splice) in the brain."""
    folder = tmp_path_factory.mktemp("altered")
    for path in weights.iterdir():
        if path.name != "final.2.4.3.v2":
            (folder / path.name).symlink_to(path)
    state = random_state(seed_of(2, 4))
    state["resblocks.9.conv2.weight"][3, 5, 7] += 1e-3
    torch.save(state, folder / "final.2.4.3.v2")
    return folder

"""Networks with random weights in OpenSpliceAI's layout, and the published ones where they are at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = {80: (11,), 400: (11, 11), 2000: (11, 11, 21), 10_000: (11, 11, 21, 41)}


def random_state(context: int, seed: int) -> dict[str, torch.Tensor]:
    """Make a state dict with random weights."""
    rng = np.random.default_rng(seed)
    state: dict[str, torch.Tensor] = {}

    def convolution(name: str, outputs: int, inputs: int, taps: int = 1) -> None:
        kernel = rng.normal(0, 0.7 / np.sqrt(inputs * taps), (outputs, inputs, taps))
        state[f"{name}.weight"] = torch.tensor(kernel, dtype=torch.float32)
        state[f"{name}.bias"] = torch.tensor(rng.normal(0, 0.2, outputs), dtype=torch.float32)

    convolution("initial_conv", 32, 4)
    convolution("initial_skip.conv", 32, 32)
    for group, taps in enumerate(GROUPS[context]):
        for block in range(4):
            unit = f"residual_units.{5 * group + block}"
            for part in (1, 2):
                for field, low, high in (("weight", -1.5, 1.5), ("bias", -0.5, 0.5), ("running_var", 0.3, 2.0)):
                    values = rng.uniform(low, high, 32)
                    state[f"{unit}.batchnorm{part}.{field}"] = torch.tensor(values, dtype=torch.float32)
                state[f"{unit}.batchnorm{part}.running_mean"] = torch.zeros(32)
                state[f"{unit}.batchnorm{part}.num_batches_tracked"] = torch.tensor(7)
                convolution(f"{unit}.conv{part}", 32, 32, taps)
        convolution(f"residual_units.{5 * group + 4}.conv", 32, 32)
    convolution("final_conv", 3, 32)
    return state


def save_network(path: Path, context: int = 80, seed: int = 1) -> Path:
    """Write a network with random weights; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(random_state(context, seed), path)
    return path


@pytest.fixture(scope="session")
def save():
    """Write a network with random weights: ``save(path, context=80, seed=1)``."""
    return save_network


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out like the published releases: two species, two contexts, random weights."""
    root = tmp_path_factory.mktemp("weights")
    layout = (("openspliceai-mane", 80), ("openspliceai-mane", 400), ("openspliceai-arabidopsis", 400))
    for number, (release, context) in enumerate(layout):
        for seed in (9, 10, 11):
            save_network(
                root / release / f"{context}nt" / f"model_{context}nt_rs{seed}.pt", context, 100 * number + seed
            )
    return root


@pytest.fixture(scope="session")
def published_weights(real_data: Path) -> Path:
    """Folder of OpenSpliceAI's own weights; skips where they are not at hand."""
    folder = real_data / "weights"
    if not (folder / "openspliceai-mane").is_dir():
        pytest.skip("the real data has no OpenSpliceAI weights")
    return folder

"""Small networks with random weights, as the files that Keras writes, and what NumPy makes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = ((11, 1), (11, 4), (21, 10), (41, 25))
SKIPS = (2, 11, 20, 29, 38)
OUTPUT = {1: 12, 2: 21, 3: 30, 4: 39}
EPSILON = 1e-3


class KerasNetwork:
    """Random weights of a network of 1 to 4 groups, by Keras's layer names, which are spelt out here."""

    def __init__(self, groups: int = 1, *, seed: int = 0, channels: int = 32) -> None:
        self.groups = groups
        self.channels = channels
        self.table = [pair for pair in GROUPS[:groups] for _ in range(4)]
        self.layers: dict[str, dict[str, np.ndarray]] = {}
        rng = np.random.default_rng(seed)
        self._conv(rng, 1, (1, 4, channels))
        for number in SKIPS[: groups + 1]:
            self._conv(rng, number, (1, channels, channels))
        self._conv(rng, OUTPUT[groups], (1, channels, 3))
        free = [number for number in range(3, 38) if number not in SKIPS]
        self.block_convs = list(zip(free[0::2], free[1::2], strict=True))[: len(self.table)]
        for index, (first, second) in enumerate(self.block_convs):
            for number in (first, second):
                self._conv(rng, number, (self.table[index][0], channels, channels))
            for number in (2 * index + 1, 2 * index + 2):
                self.layers[f"batch_normalization_{number}"] = {
                    "gamma": rng.uniform(-1.5, 1.5, channels),
                    "beta": rng.normal(0, 0.3, channels),
                    "moving_mean": rng.normal(0, 0.3, channels),
                    "moving_variance": rng.uniform(0.3, 2.0, channels),
                }
        self.layers = {
            layer: {name: array.astype(np.float32) for name, array in arrays.items()}
            for layer, arrays in self.layers.items()
        }

    def _conv(self, rng: np.random.Generator, number: int, shape: tuple[int, int, int]) -> None:
        spread = 0.7 / np.sqrt(shape[0] * shape[1])
        self.layers[f"conv1d_{number}"] = {"kernel": rng.normal(0, spread, shape), "bias": rng.normal(0, 0.2, shape[2])}

    def config(self) -> dict[str, Any]:
        """What Keras says about the layers, as far as the loader looks at it."""
        layers = [
            self._layer("Conv1D", f"conv1d_{number}", dilation_rate=[self.table[index][1]])
            for index, numbers in enumerate(self.block_convs)
            for number in numbers
        ]
        norms = (name for name in self.layers if name.startswith("batch"))
        layers += [self._layer("BatchNormalization", name, epsilon=EPSILON) for name in norms]
        layers.append(self._layer("Activation", "activation_1", activation="relu"))
        layers.append(self._layer("Conv1D", f"conv1d_{OUTPUT[self.groups]}", dilation_rate=[1], activation="softmax"))
        return {"class_name": "Model", "config": {"layers": layers}}

    @staticmethod
    def _layer(kind: str, name: str, **config: object) -> dict[str, Any]:
        return {"class_name": kind, "name": name, "config": {"name": name, **config}}

    def save(self, path: Path, *, config: Any = True, root: str = "model_weights") -> Path:
        """Write the file; ``config`` True for its own, None for none, else what to write in its place."""
        with h5py.File(path, "w") as file:
            if config is not None:
                file.attrs["model_config"] = json.dumps(self.config()) if config is True else config
            group = file.create_group(root) if root else file
            for layer, arrays in self.layers.items():
                for name, array in arrays.items():
                    group[f"{layer}/{layer}/{name}:0"] = array
        return path

    def reference(self, codes: np.ndarray, *, slope: float = 0.0, epsilon: float = EPSILON) -> np.ndarray:
        """Score one row in float64 with `same` padding, then crop, as the original network is defined."""

        def conv(x: np.ndarray, number: int, dilation: int = 1) -> np.ndarray:
            layer = self.layers[f"conv1d_{number}"]
            taps = len(layer["kernel"])
            reach = (taps - 1) * dilation // 2
            padded = np.pad(x, ((reach, reach), (0, 0)))
            parts = (padded[t * dilation : t * dilation + len(x)] @ layer["kernel"][t] for t in range(taps))
            return sum(parts) + layer["bias"]

        def norm_act(x: np.ndarray, number: int) -> np.ndarray:
            layer = self.layers[f"batch_normalization_{number}"]
            x = (x - layer["moving_mean"]) / np.sqrt(layer["moving_variance"].astype(np.float64) + epsilon)
            x = x * layer["gamma"] + layer["beta"]
            return np.where(x > 0, x, slope * x)

        one_hot = np.vstack([np.eye(4), np.zeros(4)])
        x = conv(one_hot[codes], 1)
        total = conv(x, SKIPS[0])
        for index, (first, second) in enumerate(self.block_convs):
            dilation = self.table[index][1]
            h = conv(norm_act(x, 2 * index + 1), first, dilation)
            x = x + conv(norm_act(h, 2 * index + 2), second, dilation)
            if index % 4 == 3:
                total = total + conv(x, SKIPS[index // 4 + 1])
        radius = sum((kernel - 1) * dilation for kernel, dilation in self.table)
        logits = conv(total, OUTPUT[self.groups])[radius : len(codes) - radius]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


@pytest.fixture
def keras_network() -> type[KerasNetwork]:
    """The class of small random networks."""
    return KerasNetwork


@pytest.fixture
def random_codes() -> Any:
    """Make (n, length) random codes, with runs of N where asked for."""

    def make(n: int, length: int, *, seed: int = 7, unknown: bool = False) -> np.ndarray:
        codes = np.random.default_rng(seed).integers(0, 4, (n, length)).astype(np.uint8)
        if unknown:
            codes[:, : length // 5] = 4
            codes[:, length // 2 : length // 2 + 9] = 4
            codes[:, -3:] = 4
        return codes

    return make

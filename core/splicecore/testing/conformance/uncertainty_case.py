"""What a check of an uncertainty strategy is given: how to make it, and blocks of scores whose doubt is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.config import structure
from splicecore.genome.encoding import N
from splicecore.genome.genes import Gene
from splicecore.plugins.specs import OUTPUTS, UncertaintySpec, load_object
from splicecore.predict.blocks import Block

if TYPE_CHECKING:
    from splicecore.plugins.protocols import UncertaintyStrategy

__all__ = ["UncertaintyCase"]

_START = 1_000


@attrs.frozen(kw_only=True)
class UncertaintyCase:
    """A strategy under test.

    Attributes
    ----------
    spec
        The descriptor that the plugin's hook yields.
    config
        Its settings as JSON-able keys and values.
    models
        Names of the base models of the blocks, the primary one first.
    extras
        Outputs of every base model after the three probabilities; values from 0, where a model is sure, to 0.5.
    halo
        Bases beyond the gene that blocks carry.
    """

    spec: UncertaintySpec
    config: dict[str, Any] = attrs.field(factory=dict)
    models: tuple[str, ...] = ("first", "second")
    extras: tuple[str, ...] = ()
    halo: int = 10

    def make(self) -> UncertaintyStrategy:
        """Make the strategy as the core does."""
        config: Any = None
        if self.spec.config_cls is not None:
            config = structure(self.config, self.spec.config_cls, where=self.spec.name)
        made: UncertaintyStrategy = load_object(self.spec.factory)(config)
        return made

    def mixed(self, length: int = 300, seed: int = 1) -> Block:
        """Make a block of positions of all kinds: sure, undecided, and in between; models differ."""
        generator = np.random.Generator(np.random.PCG64(seed))
        scores = []
        for _ in self.models:
            sharpness = 10.0 ** generator.uniform(-1, 1.5, (length, 1))
            parts = generator.gamma(sharpness, size=(length, 3)) + 1e-12
            scores.append(parts / parts.sum(axis=1, keepdims=True))
        return self.block(scores)

    def sure(self) -> Block:
        """Make a block of one-hot positions on which all models agree: neither, acceptor, donor, in turn."""
        rows = np.tile(np.eye(3), (20, 1))
        return self.block([rows] * len(self.models))

    def graded(self, channel: int, steps: int = 40) -> Block:
        """Make a block of rising doubt: from neither alone to 30 % of a site in the primary model, less in the others.

        Parameters
        ----------
        channel
            1 for an acceptor, 2 for a donor.
        steps
            Number of positions.
        """
        share = np.linspace(0, 0.3, steps)
        scores = []
        for number in range(len(self.models)):
            rows = np.zeros((steps, 3))
            rows[:, channel] = share / (1 + number)
            rows[:, 0] = 1 - rows[:, channel]
            scores.append(rows)
        return self.block(scores)

    def block(self, scores: list[npt.NDArray[np.float64]], strand: Literal["+", "-"] = "+") -> Block:
        """Make a block of these scores, (L, 3) a model; outputs after the third are half of what neither lacks."""
        length = len(scores[0])
        filled = [
            np.column_stack([rows, *[(1 - rows.max(axis=1)) / 2] * len(self.extras)]).astype(np.float32)
            for rows in scores
        ]
        generator = np.random.Generator(np.random.PCG64(length))
        codes = generator.integers(0, N + 1, length + 2 * self.halo).astype(np.uint8)
        gene = Gene("toy", "toy", "chr1", strand, _START, _START + length, 0)
        return Block(
            gene=gene,
            build="toy",
            flank="real",
            halo=self.halo,
            codes=codes,
            scores=dict(zip(self.models, filled, strict=True)),
            outputs=dict.fromkeys(self.models, (*OUTPUTS, *self.extras)),
        )

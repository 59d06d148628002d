"""The strategy ``ensemble_disagreement``: how far base models, or the members of an ensemble, are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from splicecore.errors import ConfigError
from splicecore.uncertainty.configs import DisagreementConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from splicecore.predict.blocks import Block
    from splicecore.uncertainty.measures import Float32

__all__ = ["EnsembleDisagreement"]

_SPREADS = ("acceptor_spread", "donor_spread")


class EnsembleDisagreement:
    """Unsure where the probabilities of a site have a standard deviation of at least ``disagreement``.

    The score is the larger one of two values, each the population standard deviation of a probability, the larger of
    acceptor's and donor's, 0 to 0.5:

    ``models``
        Among the base models of the block, where there are several.
    ``members``
        Among the members of an ensemble, where a base model has the outputs ``acceptor_spread`` and ``donor_spread``;
        the largest, where several do.

    Query by committee, with the deviation of the votes as the disagreement: Seung et al., COLT 1992, 287-294; for
    ensembles of networks Lakshminarayanan et al., NeurIPS 2017. It is 0 where all agree, whether they are sure or not.
    """

    def __init__(self, config: DisagreementConfig | None = None) -> None:
        self.config = config or DisagreementConfig()
        self.threshold = self.config.disagreement

    def check(self, outputs: Mapping[str, Sequence[str]]) -> None:
        """Refuse base models that cannot disagree.

        Parameters
        ----------
        outputs
            Base model's name -> names of its outputs.

        Raises
        ------
        ConfigError
            If there is one base model, and it has no outputs ``acceptor_spread`` and ``donor_spread``.
        """
        if len(outputs) < 2 and not any(_has_spreads(names) for names in outputs.values()):
            raise ConfigError(
                f"ensemble_disagreement: the only base model, {', '.join(outputs)}, has nothing to disagree with",
                hint="use a meta-model of several base models, or a base model that gives the spread of its members "
                "(--model-option member_spread=true for spliceai and openspliceai)",
            )

    def score(self, block: Block) -> Float32:
        """See :meth:`splicecore.api.UncertaintyStrategy.score`; raises what :meth:`check` does."""
        first, *others = self.terms(block).values()
        for term in others:
            np.maximum(first, term, out=first)
        return first

    def terms(self, block: Block) -> dict[str, Float32]:
        """Return the deviations by name, ``models`` and ``members``, as far as the block has them."""
        self.check({name: block.outputs.get(name, ()) for name in block.scores})
        found = {}
        if len(block.scores) > 1:
            found["models"] = _between_models(block)
        members = [_between_members(block, name) for name in block.scores if _has_spreads(block.outputs.get(name, ()))]
        if members:
            found["members"] = np.maximum.reduce(members)
        return found

    def criteria(self, block: Block) -> dict[str, Float32]:
        """Return the deviations as ``models_deviation`` and ``members_deviation``, as far as the block has them."""
        return {f"{name}_deviation": term for name, term in self.terms(block).items()}


def _has_spreads(outputs: Sequence[str]) -> bool:
    return set(_SPREADS) <= set(outputs)


def _between_models(block: Block) -> Float32:
    sites = np.stack([scores[:, 1:3] for scores in block.scores.values()]).astype(np.float64)
    deviation: Float32 = sites.std(axis=0).max(axis=1).astype(np.float32)
    return deviation


def _between_members(block: Block, model: str) -> Float32:
    outputs, scores = list(block.outputs[model]), block.scores[model]
    acceptor, donor = (scores[:, outputs.index(name)] for name in _SPREADS)
    larger: Float32 = np.maximum(acceptor, donor)
    return np.maximum(larger, np.float32(0))

"""Hooks of what is computed at positions: features, and how unsure a base model is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.plugins.hooks.interface import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from splicecore.plugins.specs import FeatureSetSpec, UncertaintySpec

__all__ = ["splicecore_feature_sets", "splicecore_uncertainty_strategies"]


@hookspec
def splicecore_feature_sets() -> Iterable[FeatureSetSpec]:
    """Yield feature sets: columns computed for chosen positions of a gene.

    The factory and ``schema`` are called with the structured config (None without ``config_cls``); the factory returns
    a :class:`~splicecore.api.FeatureSet`.

    Examples
    --------
    By how much a model prefers its first choice:

    .. code-block:: python

        # margin_features.py
        import numpy as np

        from splicecore.api import FeatureSetSpec, hookimpl


        @hookimpl
        def splicecore_feature_sets():
            yield FeatureSetSpec(name="margin", factory="margin_features:Margin", schema="margin_features:schema")


        def schema(config):
            import pyarrow as pa

            return pa.schema([pa.field("margin", pa.float32(), nullable=False)])


        class Margin:
            def __init__(self, config):
                self.config = config

            def compute(self, block, index, resources):
                import pyarrow as pa

                primary = next(iter(block.scores.values()))
                ranked = np.sort(primary[index, :3], axis=1)
                margin = (ranked[:, 2] - ranked[:, 1]).astype(np.float32)
                return pa.record_batch([pa.array(margin)], schema=schema(self.config))
    """
    return ()


@hookspec
def splicecore_uncertainty_strategies() -> Iterable[UncertaintySpec]:
    """Yield measures of how unsure a base model is at each position.

    The factory is called with the structured config (None without ``config_cls``) and returns an
    :class:`~splicecore.api.UncertaintyStrategy`.

    Examples
    --------
    One minus the larger of the two site scores' distance from even odds:

    .. code-block:: python

        # even_odds.py
        import numpy as np

        from splicecore.api import UncertaintySpec, hookimpl


        @hookimpl
        def splicecore_uncertainty_strategies():
            yield UncertaintySpec(name="even-odds", factory="even_odds:EvenOdds", summary="nearness to 0.5")


        class EvenOdds:
            threshold = 0.5  # selected from here on, unless a target rate is asked for

            def __init__(self, config):
                self.config = config

            def score(self, block):
                site = self.criteria(block)["site_probability"]
                return (1 - 2 * np.abs(site - 0.5)).astype(np.float32)

            def criteria(self, block):
                primary = next(iter(block.scores.values()))
                return {"site_probability": primary[:, 1:3].max(axis=1).clip(0, 1)}
    """
    return ()

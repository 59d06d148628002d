"""Hooks of base models, how they are opened, and of meta-models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.plugins.hooks.interface import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from splicecore.plugins.protocols import BaseModel
    from splicecore.plugins.specs import BaseModelSpec, MetaModelSpec, OpenRequest

__all__ = ["splicecore_base_models", "splicecore_meta_models", "splicecore_open_base_model"]


@hookspec
def splicecore_base_models() -> Iterable[BaseModelSpec]:
    """Yield base models: networks or other functions from sequence to splice-site probabilities.

    The factory is called with (spec, :class:`~splicecore.api.OpenRequest`) and returns a
    :class:`~splicecore.api.BaseModel`.

    Examples
    --------
    Every GT may follow a donor, every AG precede an acceptor:

    .. code-block:: python

        # gt_ag.py
        import numpy as np

        from splicecore.api import A, BaseModelSpec, G, T, hookimpl

        SPEC = BaseModelSpec(
            name="gt-ag",
            factory="gt_ag:GtAg",
            left=2,
            right=2,
            licence="Apache-2.0",
            commercial_use=True,
            citation="none",
            summary="every GT and AG is a site",
        )


        @hookimpl
        def splicecore_base_models():
            yield SPEC


        class GtAg:
            fingerprint = "gt-ag-1"

            def __init__(self, spec, request):
                self.spec = spec

            def predict(self, codes):
                length = codes.shape[1] - 4
                acceptor = (codes[:, :length] == A) & (codes[:, 1 : length + 1] == G)
                donor = (codes[:, 3 : length + 3] == G) & (codes[:, 4:] == T)
                weights = np.stack([np.ones(acceptor.shape), acceptor, donor], axis=-1)
                return (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)

            def close(self):
                pass

            def __enter__(self):
                return self

            def __exit__(self, *exception):
                self.close()
    """
    return ()


@hookspec(firstresult=True)
def splicecore_open_base_model(spec: BaseModelSpec, request: OpenRequest) -> BaseModel | None:  # noqa: ARG001
    """Open a base model. The core's own implementation comes last and calls the spec's factory.

    Others may open a model in its place (a remote one) by returning it, pass with None, or wrap it (a cache, a clock).

    Examples
    --------
    .. code-block:: python

        # stopwatch.py
        import logging
        import time

        from splicecore.api import hookimpl

        log = logging.getLogger(__name__)


        @hookimpl(wrapper=True)
        def splicecore_open_base_model(spec):
            start = time.perf_counter()
            model = yield
            log.warning("opened %s in %.1f s", spec.name, time.perf_counter() - start)
            return model
    """
    return None


@hookspec
def splicecore_meta_models() -> Iterable[MetaModelSpec]:
    """Yield meta-models: trainable models that recalibrate base scores from features.

    The factory is called with the structured config (None without ``config_cls``) and returns a
    :class:`~splicecore.api.MetaModel`.

    Examples
    --------
    Gaussian naive Bayes, fitted in one pass over the batches:

    .. code-block:: python

        # bayes_meta.py
        import json
        from pathlib import Path

        import numpy as np

        from splicecore.api import MetaModelSpec, hookimpl


        @hookimpl
        def splicecore_meta_models():
            yield MetaModelSpec(name="bayes", factory="bayes_meta:Bayes", out_of_core=True)


        class Bayes:
            def __init__(self, config):
                self.config = config

            def fit(self, batches, valid, seed):
                count = total = square = 0.0
                for features, classes, weight in batches:
                    member = (classes[:, None] == np.arange(3)) * weight[:, None]
                    count = count + member.sum(axis=0)
                    total = total + member.T @ features
                    square = square + member.T @ np.square(features, dtype=np.float64)
                n = np.maximum(count, 1e-12)[:, None]
                self.mean = total / n
                self.variance = np.maximum(square / n - self.mean**2, 1e-6)
                self.prior = (count + 1) / (count.sum() + 3)

            def contributions(self, features):
                deviation = np.square(features[:, None, :] - self.mean) / self.variance
                each = -0.5 * (deviation + np.log(2 * np.pi * self.variance))
                bias = np.broadcast_to(np.log(self.prior)[:, None], (len(features), 3, 1))
                return np.concatenate([each, bias], axis=2).astype(np.float32)

            def predict_proba(self, features):
                logit = self.contributions(features).sum(axis=2)
                odds = np.exp(logit - logit.max(axis=1, keepdims=True))
                return odds / odds.sum(axis=1, keepdims=True)

            def save(self, directory):
                state = {name: getattr(self, name).tolist() for name in ("mean", "variance", "prior")}
                Path(directory, "bayes.json").write_text(json.dumps(state), encoding="utf-8")

            def load(self, directory):
                state = json.loads(Path(directory, "bayes.json").read_text(encoding="utf-8"))
                for name, values in state.items():
                    setattr(self, name, np.array(values))
    """
    return ()

"""The hooks: what a plugin may implement, each with a complete plugin as its example.

A plugin is a light module that an entry point of the group :data:`ENTRY_POINT_GROUP` names. Its hooks yield
descriptors; heavy imports (a machine-learning framework) belong into the module that a descriptor's ``factory`` names,
which is the plugin's own module only as long as that stays light. The first line of each example names its file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from splicecore.deprecation import Deprecation
    from splicecore.plugins.protocols import BaseModel
    from splicecore.plugins.specs import (
        BaseModelSpec,
        ExecutorSpec,
        FeatureSetSpec,
        MetaModelSpec,
        OpenRequest,
        ResourceFinderSpec,
        UncertaintySpec,
    )

__all__ = [
    "API_VERSION",
    "ENTRY_POINT_GROUP",
    "PROJECT",
    "REMOVED_HOOKS",
    "hookimpl",
    "hookspec",
    "splicecore_base_models",
    "splicecore_executors",
    "splicecore_feature_sets",
    "splicecore_meta_models",
    "splicecore_open_base_model",
    "splicecore_resource_finders",
    "splicecore_run_finished",
    "splicecore_run_started",
    "splicecore_shard_finished",
    "splicecore_uncertainty_strategies",
]

PROJECT = "splicecore"
"""Name of the hook project; every hook's name begins with it."""

ENTRY_POINT_GROUP = "splicecore.plugins.v1"
"""Entry-point group that plugins are found in; its number is the major version of the hook interface."""

API_VERSION: tuple[int, int] = (1, 0)
"""Version of the hook interface: a minor version only adds hooks, optional arguments and descriptor fields."""

REMOVED_HOOKS: dict[str, Deprecation] = {}
"""Hooks that are gone, by name; for two minor releases before, ``@hookspec(warn_on_impl=...)`` held the warning."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's function as the implementation of the hook of that name."""


@hookspec
def splicecore_resource_finders() -> Iterable[ResourceFinderSpec]:
    """Yield ways to find a resource (weights, or a genomic resource) that a user did not point at.

    A finder is called with a :class:`~splicecore.api.ResourceRequest` and returns a
    :class:`~splicecore.api.ResourceLocation`, or None where it has nothing; finders are asked by rising priority. A
    finder that raises ``ResourceNotFoundError`` ends the search. One that has a method ``describe(request) -> str``
    is quoted with it when nobody finds the resource.

    The genomic kinds are ``fasta``, ``fasta_index``, ``annotation`` and the datasets derived of them
    (``splice_sites``, ``gene_features``, ...); their requests have ``source``, ``build`` and ``release``. A finder
    with a new kind among its ``kinds`` adds that kind to the registry, where users find it too by the variable
    ``SPLICECORE_<KIND>_PATH`` and as ``<kind>`` or ``<kind>.*`` in the folder of the data root. The path of a location
    must exist; a finder may not write into the data root.

    Examples
    --------
    .. code-block:: python

        # lab_share.py
        import os
        from pathlib import Path

        from splicecore.api import ResourceFinderSpec, ResourceLocation, hookimpl


        @hookimpl
        def splicecore_resource_finders():
            yield ResourceFinderSpec(name="lab-share", factory="lab_share:find", kinds=("weights",))


        def find(request):
            share = os.environ.get("LAB_SHARE")
            if not share:
                return None
            folder = Path(share) / request.name
            if not all(any(folder.glob(pattern)) for pattern in request.files):
                return None
            return ResourceLocation(path=str(folder), provenance=f"LAB_SHARE={share}")
    """
    return ()


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


@hookspec
def splicecore_executors() -> Iterable[ExecutorSpec]:
    """Yield executors: what runs the shards of a run. ``serial`` and ``process`` are built in.

    The factory is called with ``workers`` and returns an :class:`~splicecore.api.Executor`.

    Examples
    --------
    Threads, each with a task of its own:

    .. code-block:: python

        # thread_executor.py
        from concurrent.futures import ThreadPoolExecutor, as_completed
        from queue import SimpleQueue

        from splicecore.api import ExecutorSpec, hookimpl, load_object


        @hookimpl
        def splicecore_executors():
            yield ExecutorSpec(name="threads", factory="thread_executor:Threads")


        class Threads:
            def __init__(self, workers):
                self.workers = workers

            def map(self, task, config, shards):
                idle = SimpleQueue()
                for _ in range(self.workers):
                    idle.put(load_object(task)(config))

                def work(shard):
                    opened = idle.get()
                    try:
                        return opened(shard)
                    finally:
                        idle.put(opened)

                pool = ThreadPoolExecutor(self.workers)
                try:
                    for done in as_completed([pool.submit(work, shard) for shard in shards]):
                        yield done.result()
                finally:
                    pool.shutdown(cancel_futures=True)
                    while not idle.empty():
                        idle.get().close()
    """
    return ()


@hookspec
def splicecore_run_started(run: Mapping[str, Any]) -> None:
    """Observe that a run begins. ``run`` holds JSON-able facts of it, its ``id`` (a digest of the others) among them.

    Observers are isolated from each other and from the run: each gets its own copy of the arguments, and one that
    raises is logged and counted.

    Examples
    --------
    .. code-block:: python

        # run_diary.py
        from splicecore.api import hookimpl

        DIARY = []


        @hookimpl
        def splicecore_run_started(run):
            DIARY.append(f"run {run['id']} started")
    """


@hookspec
def splicecore_shard_finished(run: Mapping[str, Any], shard: Mapping[str, Any]) -> None:
    """Observe that a shard of a run is done. ``shard`` holds JSON-able facts of it and of its result.

    Examples
    --------
    An implementation may leave out arguments that it does not need:

    .. code-block:: python

        # shard_counter.py
        from splicecore.api import hookimpl

        SEEN = []


        @hookimpl
        def splicecore_shard_finished(shard):
            SEEN.append(shard["id"])
    """


@hookspec
def splicecore_run_finished(run: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
    """Observe that a run ends, whole or in part. ``summary`` holds JSON-able figures of it.

    Examples
    --------
    .. code-block:: python

        # run_notifier.py
        import json
        import logging

        from splicecore.api import hookimpl

        log = logging.getLogger(__name__)


        @hookimpl
        def splicecore_run_finished(run, summary):
            log.warning("run %s finished: %s", run["id"], json.dumps(summary, sort_keys=True))
    """


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

"""The task that workers run: open the base model and the genome once, then score gene after gene into parts."""

from __future__ import annotations

import logging
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from splicecore.config import FlankMode, structure
from splicecore.errors import ChecksumError, ContractError, SplicecoreError
from splicecore.genome.encoding import N
from splicecore.genome.genes import Gene
from splicecore.genome.reference import Reference
from splicecore.plugins.host import PluginHost, PluginSettings
from splicecore.plugins.specs import OpenRequest
from splicecore.predict.assessor import AssessorConfig, open_assessor
from splicecore.predict.blocks import GeneSequence
from splicecore.predict.parts import part_path, write_part
from splicecore.predict.tiling import Tiling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from splicecore.plugins.protocols import BaseModel, Scores

__all__ = ["ScoreTask", "TaskConfig", "checked_scores", "open_task", "score_gene"]

logger = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class TaskConfig:
    """What a worker needs to know; JSON-able through :func:`attrs.asdict`."""

    plugins: PluginSettings
    base_model: str
    request: OpenRequest
    fingerprint: str
    fasta: str
    flank: FlankMode
    parts: str
    cache: str | None = None
    assess: AssessorConfig | None = None


def open_task(config: Mapping[str, Any]) -> ScoreTask:
    """Open the task in a worker; the executors' entry."""
    return ScoreTask(structure(config, TaskConfig, where="worker"))


class ScoreTask:
    """Scores shards of genes with one base model, and assesses the scores where that is asked for.

    The model is opened when the first gene needs it.
    """

    def __init__(self, config: TaskConfig) -> None:
        self.config = config
        self.reference = Reference.open(config.fasta, cache=config.cache)
        self._model: BaseModel | None = None
        self._assessor = None if config.assess is None else open_assessor(config.assess, self.reference)

    @property
    def model(self) -> BaseModel:
        """The base model, opened at first use; a :class:`ChecksumError` if its weights are no longer those planned."""
        if self._model is None:
            config = self.config
            host = PluginHost.discover(config.plugins)
            self._model = host.open_named(config.base_model, config.request)
            if self._model.fingerprint != config.fingerprint:
                raise ChecksumError(
                    f"the weights of {config.base_model} changed while the run was starting",
                    hint="run the command again",
                )
        return self._model

    def __call__(self, shard: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do ``shard["units"]`` ({"key", "gene", "scored"} each); returns {"units": a result each, "peak_memory", ...}.

        A unit that is ``scored`` has its scores and is only assessed.
        """
        closed = self._model is None
        units = [self._unit(unit) for unit in shard["units"]]
        opened = int(closed and self._model is not None)
        return {"units": units, "peak_memory": peak_memory(), "base_models_opened": opened}

    def _unit(self, unit: Mapping[str, Any]) -> dict[str, Any]:
        gene = Gene(**unit["gene"])
        started = time.perf_counter()
        result: dict[str, Any] = {
            "key": unit["key"],
            "status": "processed",
            "reason": None,
            "reused": bool(unit["scored"]),
        }
        counter = _Counter()
        path = part_path(Path(self.config.parts), unit["key"])
        try:
            if not unit["scored"]:
                sequence = GeneSequence(reference=self.reference, gene=gene, flank=self.config.flank)
                write_part(path, unit["key"], self.model.spec.outputs, score_gene(self.model, sequence, counter))
            if self._assessor is not None:
                self._assessor.assess(gene, unit["key"], path)
        except SplicecoreError:
            raise
        except Exception as error:
            logger.exception("%s on %s failed", self.config.base_model, gene.gene_id)
            result |= {"status": "prediction_failed", "reason": f"{type(error).__name__}: {error}"}
        return result | attrs.asdict(counter) | {"seconds": time.perf_counter() - started}

    def close(self) -> None:
        """Close the model and the genome."""
        if self._model is not None:
            self._model.close()
        self.reference.close()


@attrs.define
class _Counter:
    calls: int = 0
    bases_read: int = 0
    unknown_bases: int = 0


def score_gene(model: BaseModel, sequence: GeneSequence, counter: _Counter | None = None) -> Iterator[Scores]:
    """Score a gene tile by tile.

    Yields
    ------
    float32 of shape (k, outputs)
        The scores of consecutive positions, from the gene's 5' end on; together they cover it once.
    """
    spec, length = model.spec, sequence.gene.length
    counter = _Counter() if counter is None else counter
    for spans in Tiling.of(spec).batches(length):
        codes = np.stack([sequence.codes(start - spec.left, stop + spec.right) for start, stop in spans])
        scores = checked_scores(model, codes)
        counter.calls += 1
        counter.bases_read += codes.size
        for row, (start, stop) in enumerate(spans):
            kept = min(stop, length) - start
            counter.unknown_bases += int(np.count_nonzero(codes[row, spec.left : spec.left + kept] == N))
            yield scores[row, :kept]


def checked_scores(model: BaseModel, codes: np.ndarray[Any, np.dtype[np.uint8]]) -> Scores:
    """Call the model and hold it to its contract.

    Raises
    ------
    ContractError
        If shape, dtype or range of what it returns are not as promised.
    """
    spec = model.spec
    scores = model.predict(codes)
    expected = (codes.shape[0], codes.shape[1] - spec.left - spec.right, spec.n_outputs)
    problem = None
    if not isinstance(scores, np.ndarray) or scores.shape != expected or scores.dtype != np.float32:
        found = f"{scores.dtype} {scores.shape}" if isinstance(scores, np.ndarray) else type(scores).__name__
        problem = f"returned {found} instead of float32 {expected}"
    elif not np.isfinite(scores).all():
        problem = "returned values that are not finite"
    elif scores.size and (scores.min() < -spec.tolerance or scores.max() > 1 + spec.tolerance):
        problem = f"returned probabilities between {scores.min():g} and {scores.max():g}"
    if problem is not None:
        raise ContractError(f"base model {spec.name} {problem}", hint="report this to the plugin's author")
    return scores


def peak_memory() -> int:
    """Largest resident memory that this process had so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

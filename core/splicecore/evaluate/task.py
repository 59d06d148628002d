"""``splicecore evaluate``: which tables are compared with which annotation, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from splicecore.config import PassConfig, structure
from splicecore.errors import ConfigError
from splicecore.evaluate.config import EvaluateConfig, parse_inputs
from splicecore.options import plain

if TYPE_CHECKING:
    from splicecore.evaluate.evaluation import Evaluation
    from splicecore.genome.annotation import Annotation
    from splicecore.session import Session

__all__ = ["EvaluateTask", "evaluate", "evaluate_task"]

_PLACE = ("annotation", "fasta", "source", "release", "build")


@attrs.frozen(kw_only=True)
class EvaluateTask(EvaluateConfig):
    """What ``splicecore evaluate`` does, beside how scores are compared.

    Attributes
    ----------
    tables
        ``"[NAME=]PATH[:base]"``: folders of runs or base-model passes, or Parquet files.
    columns
        ``"[NAME=]KIND"``: which scores; see :func:`~splicecore.evaluate.config.parse_inputs`.
    means
        ``"[NAME=]A,B"``: also evaluate the mean of models' probabilities.
    genes_file
        File of genes, one a line, beside ``genes``.
    annotation, fasta, source, release, build
        The true sites: an annotation, with the genome if builds and contigs are to be checked; or those of the data
        root. ``build`` is what everything must be of.
    """

    tables: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    means: tuple[str, ...] = ()
    genes_file: str | None = None
    annotation: str | None = None
    fasta: str | None = None
    source: str | None = None
    release: str | None = None
    build: str | None = None


def evaluate_task(task: EvaluateTask | None = None, **options: Any) -> EvaluateTask:
    """Make a task of keywords, or replace some values of one; paths may be :class:`~pathlib.Path` objects.

    Raises
    ------
    ConfigError
        If there is no such option, or a value makes no sense.
    """
    values = {name: plain(value) for name, value in options.items()}
    return structure(values, EvaluateTask, where="options") if task is None else attrs.evolve(task, **values)


def evaluate(session: Session, task: EvaluateTask) -> Evaluation:
    """Do what ``splicecore evaluate`` does; see :meth:`splicecore.session.Session.evaluate`."""
    from splicecore.evaluate.evaluation import evaluate_tables

    inputs = parse_inputs(task.tables, task.columns)
    if task.genes_file is not None:
        from splicecore.predict.selection import read_gene_names

        task = attrs.evolve(task, genes=(*task.genes, *read_gene_names(task.genes_file)))
    annotation, build = _truth(session, task)
    return evaluate_tables(inputs, annotation, task, means=task.means, build=build)


def _truth(session: Session, task: EvaluateTask) -> tuple[Annotation, str | None]:
    """Open the annotation; with a genome also bind it and name the build."""
    if task.fasta is None and task.source is None:
        from splicecore.genome.annotation import read_annotation

        if task.annotation is None:
            raise ConfigError("no annotation given", hint="--annotation FILE, or --source NAME and --build NAME")
        return read_annotation(task.annotation), task.build
    from splicecore.resources.inputs import open_inputs

    resources = open_inputs(session, PassConfig(**{name: getattr(task, name) for name in _PLACE})).resources
    return resources.annotation(), resources.build.name

"""Session: plugins, folders and the work itself, for the command line and for tools that embed splicecore.

A session prints nothing, sets up no logging, changes no global state and never ends the process.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splicecore.config import PredictConfig, RunConfig
from splicecore.errors import ConfigError
from splicecore.options import given_config, pass_config
from splicecore.workplace import Workplace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa

    from splicecore.dataset.builder import BuildResult
    from splicecore.dataset.config import DatasetConfig
    from splicecore.evaluate.evaluation import Evaluation
    from splicecore.evaluate.task import EvaluateTask
    from splicecore.predict.base_model_pass import PredictResult
    from splicecore.predict.runner import ProgressListener
    from splicecore.predict.workflow import RunResult
    from splicecore.training.train_config import TrainConfig
    from splicecore.training.trainer import TrainResult
    from splicecore.variants.config import VariantsConfig
    from splicecore.variants.outputs import VariantsResult
    from splicecore.variants.saturate_config import SaturateConfig

__all__ = ["Session"]


class Session(Workplace):
    """One set of plugins and folders.

    Parameters
    ----------
    plugins
        Which plugins to load; None to ask the environment.
    data_root
        The user's data folder; None for ``SPLICECORE_DATA_ROOT`` or the platform's.
    cache_dir
        Folder of what can be computed again; None for ``SPLICECORE_CACHE_DIR`` or the platform's.
    models
        Settings of base models by name, as in a configuration file's ``[models.NAME]``; ``base_model_env`` and
        ``base_model_timeout`` among them say where a model runs and how long a call may take there.

    Examples
    --------
    >>> from splicecore.api import Session
    >>> session = Session()
    >>> table = session.predict(
    ...     fasta="GRCh38.fa.gz", annotation="gencode.gtf.gz", base_model="spliceai", genes=["BRCA1"]
    ... )  # doctest: +SKIP
    """

    def predict(self, config: RunConfig | None = None, **options: Any) -> pa.Table:
        """Score genes and return what ``splicecore run`` would write.

        Parameters
        ----------
        config, **options
            A configuration, or the fields of :class:`~splicecore.config.RunConfig` as keywords (``output_dir`` is not
            used).

        Returns
        -------
        Table of one row per position and gene: build, contig, strand, position (genomic, 0-based), rel_position (from
        the gene's 5' end), gene_id, gene_name, and one float32 ``*_score`` per output; sorted by contig, position,
        strand, gene_id. The same values as in ``predictions/base_model_predictions.parquet``; with a meta-model as in
        ``predictions/complete_coverage_predictions.parquet``.
        """
        from splicecore.predict.workflow import predict_table

        with tempfile.TemporaryDirectory(prefix="splicecore-") as folder:
            return predict_table(self, pass_config(config, RunConfig, options), Path(folder))

    def run(
        self, config: RunConfig | None = None, *, progress: ProgressListener | None = None, **options: Any
    ) -> RunResult:
        """Do what ``splicecore run`` does: score genes into ``output_dir``, going on from an interrupted attempt.

        Returns
        -------
        What was done; see :class:`~splicecore.predict.workflow.RunResult`.
        """
        from splicecore.predict.workflow import run

        return run(self, pass_config(config, RunConfig, options), progress)

    def predict_pass(
        self,
        config: PredictConfig | None = None,
        *,
        progress: ProgressListener | None = None,
        placed: Callable[[Path], None] | None = None,
        **options: Any,
    ) -> PredictResult:
        """Do what ``splicecore predict`` does: the base-model pass that datasets are built from.

        Parameters
        ----------
        progress
            Told how it goes on.
        placed
            Called with the folder of the results as soon as it is chosen.
        config, **options
            A configuration, or the fields of :class:`~splicecore.config.PredictConfig` as keywords.

        Returns
        -------
        What was done; see :class:`~splicecore.predict.base_model_pass.PredictResult`.
        """
        from splicecore.predict.base_model_pass import predict_pass

        return predict_pass(self, pass_config(config, PredictConfig, options), progress, placed)

    def build_dataset(
        self,
        config: DatasetConfig | None = None,
        *,
        progress: ProgressListener | None = None,
        placed: Callable[[Path], None] | None = None,
        **options: Any,
    ) -> BuildResult:
        """Do what ``splicecore dataset build`` does: build a training dataset, or go on with one.

        Parameters
        ----------
        progress
            Told how it goes on.
        placed
            Called with the dataset's folder as soon as it may be written to.
        config, **options
            A configuration, or the fields of :class:`~splicecore.dataset.config.DatasetConfig` as keywords.

        Returns
        -------
        What was done; see :class:`~splicecore.dataset.builder.BuildResult`.
        """
        from splicecore.dataset.builder import build_dataset
        from splicecore.dataset.config import dataset_config

        return build_dataset(self, dataset_config(config, **options), progress, placed)

    def train(
        self,
        config: TrainConfig | None = None,
        *,
        told: Callable[[str, str], None] | None = None,
        placed: Callable[[Path], None] | None = None,
        **options: Any,
    ) -> TrainResult:
        """Do what ``splicecore train`` does: train a meta-model on a dataset, or go on with one.

        Parameters
        ----------
        told
            Called with a step and how far it is: ``("fold_0", "started")``.
        placed
            Called with the model's folder as soon as it may be written to.
        config, **options
            A configuration, or the fields of :class:`~splicecore.training.train_config.TrainConfig` as keywords.

        Returns
        -------
        What was done; see :class:`~splicecore.training.trainer.TrainResult`.
        """
        from splicecore.training.train_config import train_config
        from splicecore.training.trainer import train

        return train(self, train_config(config, **options), told, placed)

    def evaluate(self, task: EvaluateTask | None = None, **options: Any) -> Evaluation:
        """Do what ``splicecore evaluate`` does: compare predictions with an annotation, several models side by side.

        Parameters
        ----------
        task, **options
            A task, or the fields of :class:`~splicecore.evaluate.task.EvaluateTask` as keywords.

        Returns
        -------
        What was found; see :class:`~splicecore.evaluate.evaluation.Evaluation`.
        :func:`splicecore.evaluate.report.evaluation_json` makes a JSON value of it.
        """
        from splicecore.evaluate.task import evaluate, evaluate_task

        return evaluate(self, evaluate_task(task, **options))

    def run_variants(
        self, config: VariantsConfig | None = None, *, progress: ProgressListener | None = None, **options: Any
    ) -> VariantsResult:
        """Do what ``splicecore variants`` does: score the variants of a VCF, going on from an interrupted attempt.

        Parameters
        ----------
        progress
            Told how it goes on.
        config, **options
            A configuration, or the fields of :class:`~splicecore.variants.config.VariantsConfig` as keywords; None is
            an option that is not given.

        Returns
        -------
        What was written and counted; see :class:`~splicecore.variants.outputs.VariantsResult`.
        """
        from splicecore.variants.config import VariantsConfig
        from splicecore.variants.workflow import score_variants

        return score_variants(self, given_config(config, VariantsConfig, options), progress)

    def score_variants(
        self,
        variants: str | Path | Iterable[tuple[str, int, str, str]],
        *,
        sequences: Mapping[str, str] | None = None,
        exons: Mapping[str, Sequence[tuple[int, int]]] | None = None,
        **options: Any,
    ) -> pa.Table:
        """Score variants and return what ``splicecore variants`` would write as a table.

        Parameters
        ----------
        variants
            A VCF or BCF, or (contig, position, REF, ALT) each: position 0-based, of the first base of REF.
        sequences
            Name -> letters, 5' to 3', to be scored in the place of a genome: constructs, minigenes. Each is one
            transcript; beyond its ends the model sees N. The variants are then a list, and name a sequence as contig.
        exons
            Of the sequences: name -> (start, end) each, 0-based, half-open. They matter with ``mask`` only.
        **options
            The fields of :class:`~splicecore.variants.config.VariantsConfig`, less input and output; None is an option
            that is not given.

        Returns
        -------
        Table of :data:`splicecore.variants.tables.SCORES`: a row per variant, transcript and base model, in the order
        given.
        """
        from splicecore.variants.in_memory import require_sequences, score_in_sequences
        from splicecore.variants.listed import score_listed

        require_sequences(sequences, exons)
        if sequences is None:
            return score_listed(self, variants, options)
        if isinstance(variants, str | Path):
            raise ConfigError("variants of sequences are a list", hint="(name, position from 0, REF, ALT) each")
        return score_in_sequences(self, variants, sequences, exons, options)

    def score_haplotypes(
        self,
        haplotypes: Iterable[Sequence[tuple[str, int, str, str]]],
        *,
        sequences: Mapping[str, str] | None = None,
        exons: Mapping[str, Sequence[tuple[int, int]]] | None = None,
        **options: Any,
    ) -> pa.Table:
        """Score several variants in cis as one allele each.

        Parameters
        ----------
        haplotypes
            Variants as for :meth:`score_variants`, on one contig, in any order, without overlap.
        sequences, exons
            As for :meth:`score_variants`.
        **options
            The fields of :class:`~splicecore.variants.config.VariantsConfig` that say where and how to score.

        Returns
        -------
        Table of :data:`splicecore.variants.tables.SCORES`: a row per haplotype, transcript and base model. ``record``
        is the haplotype's place, ``ref`` and ``alt`` are all from the first variant to the last, and offsets count from
        ``position``, the first variant's. Gains and losses are looked for from D bases before the first variant to D
        bases after the last one.

        Raises
        ------
        InputError
            If a variant cannot be scored, or overlaps another, or lies in no transcript; names it.
        """
        from splicecore.variants.in_memory import score_haplotypes

        return score_haplotypes(self, haplotypes, sequences, exons, options)

    def run_saturate(
        self, config: SaturateConfig | None = None, *, progress: ProgressListener | None = None, **options: Any
    ) -> VariantsResult:
        """Do what ``splicecore saturate`` does: score every small variant of genes or of a region into files.

        Parameters
        ----------
        progress
            Told how it goes on.
        config, **options
            A configuration, or the fields of :class:`~splicecore.variants.saturate_config.SaturateConfig` as keywords;
            None is an option that is not given.

        Returns
        -------
        What was written and counted; see :class:`~splicecore.variants.outputs.VariantsResult`.
        """
        from splicecore.variants.saturate import saturate
        from splicecore.variants.saturate_config import SaturateConfig

        return saturate(self, given_config(config, SaturateConfig, options), progress)

    def saturate(self, **options: Any) -> pa.Table:
        """Score every small variant of genes or of a region and return what ``splicecore saturate`` would write.

        Parameters
        ----------
        **options
            The fields of :class:`~splicecore.variants.saturate_config.SaturateConfig`, less output: ``gene="BRCA1"``,
            or ``region="chr17:43,000,000-43,000,100"`` (1-based, both ends included).

        Returns
        -------
        Table of :data:`splicecore.variants.tables.SCORES`: a row per allele, transcript and base model, by rising
        position.
        """
        import pyarrow.parquet as pq

        with tempfile.TemporaryDirectory(prefix="splicecore-") as folder:
            path = Path(folder) / "scores.parquet"
            self.run_saturate(**options, output=str(path))
            return pq.read_table(path)

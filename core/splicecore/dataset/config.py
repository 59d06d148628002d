"""What a dataset is built of, and how. Light: no array library is imported."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, get_args

import attrs

from splicecore.config import FlankMode, PassConfig, structure, usable_cores
from splicecore.errors import ConfigError
from splicecore.options import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DatasetConfig", "NegativeMode", "SamplingConfig", "SubsetPolicy", "dataset_config"]

SubsetPolicy = Literal["error_total", "error_fp", "error_fn", "hard", "random", "all", "custom"]
NegativeMode = Literal["random", "proximity", "window", "none"]

_HOW = ("output_dir", "overwrite", "workers", "threads", "executor")


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(name.strip() for name in parts if name.strip())


def _texts(value: str | Iterable[str] | None) -> tuple[str, ...]:
    """Texts that may hold commas, such as paths."""
    return (value,) if isinstance(value, str) else tuple(value or ())


def _sizes(value: Iterable[int] | None) -> tuple[int, ...] | None:
    return None if value is None else tuple(value)


def _above_zero(_: object, attribute: attrs.Attribute[Any], value: int | None) -> None:
    if value is not None and value < 1:
        raise ConfigError(f"{attribute.name} is {value}; it must be at least 1")


@attrs.frozen(kw_only=True)
class SamplingConfig:
    """Which true negatives of a gene stay; everything else does. JSON-able through :func:`attrs.asdict`.

    Attributes
    ----------
    easy_ratio
        Easy true negatives kept for every row of a gene that is no true negative.
    hard_prob
        A true negative is hard, and stays, if its donor or acceptor score is at least this; compared in float32.
    window
        A true negative within so many bases of a TP, FP or FN of the same gene stays.
    seed
        Of the random choice among the easy ones; a gene's choice depends on it and on the gene alone.
    """

    easy_ratio: float = attrs.field(default=0.5)
    hard_prob: float = attrs.field(default=0.15)
    window: int = attrs.field(default=75)
    seed: int = attrs.field(default=42)

    @easy_ratio.validator
    def _check_ratio(self, _: object, value: float) -> None:
        if not (math.isfinite(value) and value >= 0):
            raise ConfigError(f"easy_ratio is {value:g}; it must be a number from 0 on")

    @hard_prob.validator
    def _check_probability(self, _: object, value: float) -> None:
        if not 0 < value <= 1:
            raise ConfigError(f"hard_prob is {value:g}; it must be a probability above 0")

    @window.validator
    @seed.validator
    def _check_not_negative(self, attribute: attrs.Attribute[int], value: int) -> None:
        if value < 0:
            raise ConfigError(f"{attribute.name} is {value}; it cannot be negative")


@attrs.frozen(kw_only=True)
class DatasetConfig:
    """What ``splicecore dataset build`` does; the keys of a configuration file's ``[dataset]`` table.

    Attributes
    ----------
    fasta, annotation, source, release, build
        Genome and annotation, as in :class:`~splicecore.config.PassConfig`.
    base_model
        Base models. The first is primary: its calls give the labels, its columns have no prefix; those of the others
        are ``<model>__<column>``.
    models_dir
        Where weights are: ``NAME=PATH``, or ``PATH`` for the primary model. Needed with ``run_workflow`` only.
    artifacts
        Folders of ``splicecore predict``, of any of the base models; empty: those of the data root.
    test_name
        Of the data root's artifacts take this test's, not the latest production version.
    run_workflow
        Do the base-model pass for the genes that lack scores, for every base model, into the dataset's folder.
    n_genes
        How many genes the policy chooses; None for as many as there are.
    subset_policy
        ``"error_total"``, ``"error_fp"``, ``"error_fn"``: those with most false calls and missed sites, false calls,
        or missed sites of the primary model, only genes with at least one; ``"hard"``: those with most positions that
        score near the threshold; ``"random"``, ``"all"``, ``"custom"`` (only what is named). None: ``"custom"`` if
        genes are named, else ``"error_total"``.
    genes, genes_file, gene_col
        Genes by name or id, in every case part of the dataset; a file of them: one a line, or a TSV or CSV file with
        the column ``gene_col`` (None: found by its header, else the first).
    gene_types
        Only genes of these biotypes; empty for any.
    chromosomes, exclude_chromosomes
        Only genes on these chromosomes, none on those.
    batch_size
        Genes in a batch; a batch is what a worker does, and what an interrupted build loses.
    batch_rows
        Rows held at a time, and of a row group in the files. Memory follows this.
    easy_ratio, hard_prob, window, seed
        Sampling of true negatives, as in :class:`SamplingConfig`.
    threshold, consensus_window
        What calls a site and where a call finds it, as in :class:`~splicecore.assess.config.AssessConfig`; None: as the
        artifacts'.
    negatives, negative_ratio, negative_window
        The sampling that comes before it, as in :class:`~splicecore.assess.config.AssessConfig`; None: as the
        artifacts'.
    mask_boundary
        Table of transcripts that are cut by the edge of the known sequence, as
        :func:`~splicecore.evaluate.mask.read_boundary_sites` reads it: at their sites nothing is known, so that there
        are no rows but of sites of the annotation.
    features
        Name of a preset, or feature sets separated by commas.
    feature_settings
        Settings of feature sets by name: the ``[features.SET]`` tables of a configuration file.
    kmer_sizes
        Lengths of the words that the set ``sequence`` counts; empty for none, None for the set's own.
    flank
        What the models saw beyond the genes' ends.
    patch_dataset
        Fill in what the dataset lacks of the structural columns when it is built.
    output_dir
        Folder of the dataset.
    overwrite
        Replace a dataset of another configuration.
    keep_raw
        Keep the rows before the sampling of true negatives, with their features.
    engine, device, executor, workers, threads
        Who does the work, as in :class:`~splicecore.config.PassConfig`. The dataset depends on none of them.
    """

    fasta: str | None = None
    annotation: str | None = None
    source: str | None = None
    release: str | None = None
    build: str | None = None
    base_model: tuple[str, ...] = attrs.field(default=("spliceai",), converter=_names)
    models_dir: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    artifacts: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    test_name: str | None = None
    run_workflow: bool = False
    n_genes: int | None = attrs.field(default=None, validator=_above_zero)
    subset_policy: SubsetPolicy | None = attrs.field(default=None)
    genes: tuple[str, ...] = attrs.field(default=(), converter=_names)
    genes_file: str | None = None
    gene_col: str | None = None
    gene_types: tuple[str, ...] = attrs.field(default=(), converter=_names)
    chromosomes: tuple[str, ...] = attrs.field(default=(), converter=_names)
    exclude_chromosomes: tuple[str, ...] = attrs.field(default=(), converter=_names)
    batch_size: int = attrs.field(default=1000, validator=_above_zero)
    batch_rows: int = attrs.field(default=50_000, validator=_above_zero)
    easy_ratio: float = 0.5
    hard_prob: float = 0.15
    window: int = 75
    seed: int = 42
    threshold: float | None = None
    consensus_window: int | None = None
    negatives: NegativeMode | None = None
    negative_ratio: float | None = None
    negative_window: int | None = None
    mask_boundary: str | None = None
    features: str = "default"
    feature_settings: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    kmer_sizes: tuple[int, ...] | None = attrs.field(default=None, converter=_sizes)
    flank: FlankMode = "real"
    patch_dataset: bool = False
    output_dir: str | None = None
    overwrite: bool = False
    keep_raw: bool = False
    engine: str | None = None
    device: str = "cpu"
    executor: str | None = None
    workers: int = attrs.field(default=1, validator=_above_zero)
    threads: int | None = attrs.field(default=None, validator=_above_zero)

    @base_model.validator
    def _check_models(self, _: object, value: tuple[str, ...]) -> None:
        if not value:
            raise ConfigError("no base model is chosen")
        if len(set(value)) < len(value):
            raise ConfigError(f"a base model is named twice: {', '.join(value)}")

    @subset_policy.validator
    def _check_policy(self, _: object, value: str | None) -> None:
        if value is not None and value not in get_args(SubsetPolicy):
            raise ConfigError(f"subset_policy is {value!r}", hint=f"choose one of {', '.join(get_args(SubsetPolicy))}")

    def __attrs_post_init__(self) -> None:
        _ = self.sampling
        _ = self.weights
        if self.policy == "custom" and not self.names_genes:
            raise ConfigError("subset_policy is custom, but no genes are named", hint="--genes or --genes-file")
        if self.policy in ("custom", "all") and self.n_genes is not None:
            raise ConfigError(f"n_genes is given, but subset_policy {self.policy} takes all of its genes")

    @property
    def names_genes(self) -> bool:
        """Whether genes are named one by one."""
        return bool(self.genes) or self.genes_file is not None

    @property
    def policy(self) -> SubsetPolicy:
        """The policy that applies."""
        if self.subset_policy is not None:
            return self.subset_policy
        return "custom" if self.names_genes else "error_total"

    @property
    def sampling(self) -> SamplingConfig:
        """Sampling of true negatives."""
        return SamplingConfig(easy_ratio=self.easy_ratio, hard_prob=self.hard_prob, window=self.window, seed=self.seed)

    @property
    def weights(self) -> dict[str, str]:
        """Base model's name -> folder or file of its weights, where one is given."""
        given: dict[str, str] = {}
        for text in self.models_dir:
            name, equals, path = text.partition("=")
            if not equals:
                name, path = self.base_model[0], text
            if name not in self.base_model:
                raise ConfigError(
                    f"models_dir {text!r} is for {name!r}, which is not among the base models",
                    hint=f"NAME=PATH, where NAME is one of {', '.join(self.base_model)}",
                )
            if name in given or not path:
                raise ConfigError(f"models_dir of {name} is {'given twice' if path else 'empty'}")
            given[name] = path
        return given

    @property
    def threads_per_worker(self) -> int:
        """Threads in each worker: as asked for, else an even share of the usable cores."""
        return self.threads if self.threads is not None else max(1, usable_cores() // self.workers)

    def inputs(self) -> PassConfig:
        """Return where genome and annotation come from, in the form that passes take."""
        return PassConfig(
            fasta=self.fasta,
            annotation=self.annotation,
            source=self.source,
            release=self.release,
            build=self.build,
            base_model=self.base_model[0],
            flank=self.flank,
        )

    def typed(self) -> dict[str, Any]:
        """Return what differs from the defaults, JSON-able, without what only says who does the work and where."""
        values: dict[str, Any] = attrs.asdict(self, filter=lambda a, v: a.name not in _HOW and v != a.default)
        if not self.feature_settings:
            values.pop("feature_settings", None)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def dataset_config(config: DatasetConfig | None = None, **options: Any) -> DatasetConfig:
    """Make a configuration of keywords, or replace some values of one; paths may be :class:`~pathlib.Path` objects.

    Raises
    ------
    ConfigError
        If there is no such option, or a value makes no sense.
    """
    values = {name: plain(value) for name, value in options.items()}
    return structure(values, DatasetConfig, where="options") if config is None else attrs.evolve(config, **values)

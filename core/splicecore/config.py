"""Configuration of a run, from a TOML file, the environment and the command line, in that order of rising weight.

Files have the tables ``[run]`` with the keys of :class:`RunConfig`, ``[predict]`` with those of :class:`PredictConfig`,
``[dataset]``, ``[train]`` and ``[evaluate]`` with those of a dataset's, a training's and an evaluation's configuration,
``[variants]`` and ``[saturate]`` with those of the configurations of variants and of their saturation,
``[features.SET]`` with the settings of feature set SET, ``[uncertainty]`` with those of a run's uncertainty strategy,
``[plugins]`` with those of :class:`~splicecore.plugins.host.PluginSettings`, and ``[models.NAME]`` with the settings of
base model NAME. A key that nothing reads is an error that names it, never ignored.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn

from splicecore.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FileConfig",
    "FlankMode",
    "PassConfig",
    "PredictConfig",
    "RunConfig",
    "parse_shard",
    "read_config_file",
    "structure",
    "usable_cores",
]

T = TypeVar("T")

InferenceMode = Literal["base_only", "hybrid", "meta_only"]
FlankMode = Literal["real", "n"]


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(name.strip() for name in parts if name.strip())


@attrs.frozen(kw_only=True)
class PassConfig:
    """What every command that scores genes is told: genome, base model, genes, and who does the work.

    Attributes
    ----------
    fasta, annotation
        Reference genome (plain or bgzip FASTA) and gene annotation (GTF, GFF3 or SpliceAI table); None to take what the
        data root has for ``source``, ``build`` and ``release``.
    source, release
        Whose annotation in the data root (``"gencode"``), and which release where there are several.
    build
        Genome build that the reference must be (``GRCh38``); None to take what it is.
    base_model
        Name of an installed base model.
    models_dir
        Folder (or file) of the base model's weights; None to search the usual places.
    engine
        How to compute the base model; None for its default.
    base_model_env
        Python interpreter that the base model runs in, with packages of its own; ``NAME=PATH`` each where there are
        several models. Empty for this one.
    genes, genes_file, region, chromosomes, all_genes
        Which genes: names or ids; a file of them, one a line; those that overlap a region (``chr1:1,000-2,000``,
        1-based, both ends included); those of whole chromosomes; all. One of these ways.
    flank
        Beyond a gene's ends the model sees the genome (``"real"``) or N (``"n"``).
    device
        Where to compute: ``"cpu"``, ``"cuda"``, ``"mps"``.
    executor
        Name of the executor; None for ``serial`` with one worker and ``process`` with more.
    workers, threads
        Processes, and threads in each; ``threads`` None shares the usable cores among the workers. Scores depend on
        neither.
    shard
        ``"2/8"``: do the second of eight parts of the work; ``splicecore merge`` puts the parts together.
    reuse
        Take scores that an earlier pass left in the data root or the cache, and leave new ones in the cache.
    force
        Replace what another run left in the output folder.
    """

    fasta: str | None = None
    annotation: str | None = None
    source: str | None = None
    release: str | None = None
    build: str | None = None
    base_model: str = "spliceai"
    models_dir: str | None = None
    engine: str | None = None
    base_model_env: tuple[str, ...] = attrs.field(default=(), converter=_names)
    genes: tuple[str, ...] = attrs.field(default=(), converter=_names)
    genes_file: str | None = None
    region: str | None = None
    chromosomes: tuple[str, ...] = attrs.field(default=(), converter=_names)
    all_genes: bool = False
    flank: FlankMode = "real"
    device: str = "cpu"
    executor: str | None = None
    workers: int = attrs.field(default=1)
    threads: int | None = attrs.field(default=None)
    shard: str | None = attrs.field(default=None)
    reuse: bool = True
    force: bool = False

    @workers.validator
    def _check_workers(self, _: object, value: int) -> None:
        if value < 1:
            raise ConfigError(f"workers is {value}; it must be at least 1")

    @threads.validator
    def _check_threads(self, _: object, value: int | None) -> None:
        if value is not None and value < 1:
            raise ConfigError(f"threads is {value}; it must be at least 1")

    @shard.validator
    def _check_shard(self, _: object, value: str | None) -> None:
        if value is not None and parse_shard(value) is None:
            raise ConfigError(
                f"shard {value!r} is not of the form i/n", hint="1/4, 2/4, 3/4 and 4/4 are the parts of four"
            )

    @property
    def threads_per_worker(self) -> int:
        """Threads in each worker: as asked for, else an even share of the usable cores."""
        return self.threads if self.threads is not None else max(1, usable_cores() // self.workers)


def parse_shard(text: str) -> tuple[int, int] | None:
    """Return (i, n) of ``"i/n"`` with 1 <= i <= n, or None."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text)
    if match is None:
        return None
    index, of = int(match[1]), int(match[2])
    return (index, of) if 1 <= index <= of else None


@attrs.frozen(kw_only=True)
class RunConfig(PassConfig):
    """What ``splicecore run`` does, beside what every pass is told.

    Attributes
    ----------
    output_dir
        Folder of the results.
    base_model
        With a meta-model empty unless given: the meta-model says which base models it needs. ``models_dir`` and
        ``engine`` are then the primary one's; ``models_dir`` may also be ``NAME=PATH`` for some of them, separated by
        commas.
    meta_model
        Folder of a trained meta-model.
    inference_mode
        ``"base_only"``: the base model's scores as they are; ``"hybrid"``: the meta-model's where the base model is
        unsure, the base model's calibrated ones elsewhere; ``"meta_only"``: the meta-model's everywhere. With a
        meta-model hybrid unless given.
    training_dataset
        Folder of the dataset that the meta-model was trained on, which tells which genes it has seen; without it the
        model's own list does.
    uncertainty_strategy
        How to tell how unsure the base model is.
    uncertainty_low, uncertainty_high
        Scores from low on and below high are unsure, for strategies that have such a zone.
    uncertainty_settings
        Settings of that strategy, without low and high.
    uncertainty_threshold
        Least uncertainty that is selected, in place of the strategy's own: the same for every shard of a run, such as
        what a run with a target rate found.
    target_meta_rate
        Share of the run's positions that the meta-model recalibrates, in place of the strategy's thresholds.
    keep_artifacts_dir
        Folder that the genes' scores are kept in for later runs, which look there first.
    feature_settings
        Feature set's name -> settings in place of the meta-model's, for sets that read files.
    min_score
        Keep only rows whose acceptor or donor score (the final one, of a meta-model's modes) is at least this (0-1);
        None to keep every position.
    bed, bed_threshold
        Write ``exports/splice_sites.bed`` with the sites that score at least the threshold; None for 0.1, or
        ``min_score`` where that is higher.
    bigwig
        Write bigWig tracks, one for each site type and strand, into ``exports``.
    tsv
        Write the table as gzipped TSV into ``exports``.
    report
        Write ``report.html``, a page to look at; None: if the plotting library is installed.
    report_genes
        Number of genes whose tracks the report draws.
    """

    output_dir: str | None = None
    meta_model: str | None = None
    base_model: str = attrs.field()
    inference_mode: InferenceMode = attrs.field()
    training_dataset: str | None = None
    uncertainty_strategy: str = "hybrid_entropy"
    uncertainty_low: float = 0.02
    uncertainty_high: float = 0.80
    uncertainty_settings: dict[str, Any] = attrs.field(factory=dict)
    uncertainty_threshold: float | None = None
    target_meta_rate: float | None = None
    keep_artifacts_dir: str | None = None
    feature_settings: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    min_score: float | None = attrs.field(default=None)
    bed: bool = False
    bed_threshold: float | None = attrs.field(default=None)
    bigwig: bool = False
    tsv: bool = False
    report: bool | None = None
    report_genes: int = 25

    @base_model.default
    def _default_base_model(self) -> str:
        return "spliceai" if self.meta_model is None else ""

    @inference_mode.default
    def _default_inference_mode(self) -> InferenceMode:
        return "base_only" if self.meta_model is None else "hybrid"

    @min_score.validator
    @bed_threshold.validator
    def _check_probability(self, attribute: attrs.Attribute[float | None], value: float | None) -> None:
        if value is not None and not 0 <= value <= 1:
            raise ConfigError(f"{attribute.name} is {value:g}; scores are probabilities, from 0 to 1")


@attrs.frozen(kw_only=True)
class PredictConfig(PassConfig):
    """What ``splicecore predict`` does, beside what every pass is told.

    Attributes
    ----------
    mode, coverage, test_name
        What the pass is for: as in :class:`~splicecore.artifacts.artifact_config.ArtifactConfig`.
    new_version
        Add a production version beside one of other settings.
    output_dir
        Write into this folder instead of the data root's artifacts.
    tsv
        Write the tables as TSV too.
    threshold, consensus_window, error_window, negatives, negative_ratio, negative_window, seed, sequence_flank
        How positions are labeled and sampled: as in :class:`~splicecore.assess.config.AssessConfig`.
    """

    mode: Literal["test", "production"] = "test"
    coverage: Literal["gene_subset", "chromosome", "full_genome"] = "gene_subset"
    test_name: str | None = None
    new_version: bool = False
    output_dir: str | None = None
    tsv: bool = False
    threshold: float = 0.5
    consensus_window: int = 2
    error_window: int = 500
    negatives: Literal["random", "proximity", "window", "none"] = "random"
    negative_ratio: float = 1.2
    negative_window: int = 50
    seed: int = 42
    sequence_flank: int = 250


@attrs.frozen(kw_only=True)
class FileConfig:
    """Content of a configuration file. The tables are structured when they are used, with their path in any error."""

    run: dict[str, Any] = attrs.field(factory=dict)
    predict: dict[str, Any] = attrs.field(factory=dict)
    dataset: dict[str, Any] = attrs.field(factory=dict)
    train: dict[str, Any] = attrs.field(factory=dict)
    evaluate: dict[str, Any] = attrs.field(factory=dict)
    variants: dict[str, Any] = attrs.field(factory=dict)
    saturate: dict[str, Any] = attrs.field(factory=dict)
    features: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    uncertainty: dict[str, Any] = attrs.field(factory=dict)
    plugins: dict[str, Any] = attrs.field(factory=dict)
    models: dict[str, dict[str, Any]] = attrs.field(factory=dict)


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(str, _strict(str))
    converter.register_structure_hook(int, _strict(int))
    converter.register_structure_hook(bool, _strict(bool))
    converter.register_structure_hook(float, _strict_float)
    converter.register_structure_hook_func(
        lambda cls: cls == tuple[str, ...], lambda value, _: _names(_checked_names(value))
    )
    converter.register_structure_hook_factory(
        attrs.has, lambda cls: make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True)
    )
    return converter


def _strict(kind: type) -> Any:
    def check(value: Any, _: type) -> Any:
        if type(value) is not kind:
            raise ValueError(f"expected {kind.__name__}, got {value!r}")
        return value

    return check


def _strict_float(value: Any, _: type) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"expected a number, got {value!r}")
    return float(value)


def _checked_names(value: Any) -> Any:
    if isinstance(value, str) or (isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)):
        return value
    raise ValueError(f"expected names, got {value!r}")


def structure(values: Mapping[str, Any], cls: type[T], *, where: str) -> T:
    """Make an attrs object of a mapping.

    Parameters
    ----------
    values
        Keys and values, as read from TOML, JSON or options.
    cls
        attrs class.
    where
        What the mapping is, for the error: a file and table.

    Raises
    ------
    ConfigError
        Naming every unknown key and every value of the wrong type with its path.
    """
    try:
        return _converter().structure(dict(values), cls)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from error
    except cattrs.BaseValidationError as error:
        _raise_nested_config_error(error, where)
        problems = [text.replace("$.", "").replace(" @ $", "") for text in cattrs.transform_error(error)]
        known = ", ".join(field.name for field in attrs.fields(cls))  # type: ignore[arg-type]
        raise ConfigError(f"{where}: {'; '.join(problems)}", hint=f"known keys: {known}") from error


def _raise_nested_config_error(error: BaseException, where: str) -> None:
    for inner in getattr(error, "exceptions", ()):
        if isinstance(inner, ConfigError):
            raise ConfigError(f"{where}: {inner.message}", hint=inner.hint) from error
        _raise_nested_config_error(inner, where)


def read_config_file(path: str | os.PathLike[str] | None) -> FileConfig:
    """Read a TOML configuration file; None gives a configuration that says nothing.

    Raises
    ------
    ConfigError
        If it is missing, is not TOML (with the line), or has a table that nothing reads.
    """
    if path is None:
        return FileConfig()
    try:
        with Path(path).open("rb") as handle:
            values = tomllib.load(handle)
    except OSError as error:
        raise ConfigError(f"cannot read configuration {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"configuration {path} is not valid TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"configuration {path} is not UTF-8 text: {error}") from error
    return structure(values, FileConfig, where=str(path))

"""Configuration of a run, from a TOML file, the environment and the command line, in that order of rising weight.

Files have three tables: ``[run]`` with the keys of :class:`RunConfig`, ``[plugins]`` with those of
:class:`~splicecore.plugins.host.PluginSettings`, and ``[models.NAME]`` with the settings of base model NAME. A key that
nothing reads is an error that names it, never ignored.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn

from splicecore.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FileConfig", "FlankMode", "RunConfig", "read_config_file", "structure", "usable_cores"]

T = TypeVar("T")

InferenceMode = Literal["base_only"]
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
class RunConfig:
    """What ``splicecore run`` does.

    Attributes
    ----------
    fasta, annotation
        Reference genome (plain or bgzip FASTA) and gene annotation (GTF, GFF3 or SpliceAI table).
    output_dir
        Folder of the results.
    base_model
        Name of an installed base model.
    inference_mode
        ``"base_only"``: the base model's scores as they are.
    models_dir
        Folder (or file) of the base model's weights; None to search the usual places.
    engine
        How to compute the base model; None for its default.
    genes, genes_file, region, all_genes
        Which genes: names or ids; a file of them, one a line; those that overlap a region (``chr1:1,000-2,000``,
        1-based, both ends included); all. At least one of the four.
    build
        Genome build that the reference must be (``GRCh38``); None to take what it is.
    flank
        Beyond a gene's ends the model sees the genome (``"real"``) or N (``"n"``).
    device
        Where to compute: ``"cpu"``, ``"cuda"``, ``"mps"``.
    executor
        Name of the executor; None for ``serial`` with one worker and ``process`` with more.
    workers, threads
        Processes, and threads in each; ``threads`` None shares the usable cores among the workers. Scores depend on
        neither.
    force
        Replace what another run left in ``output_dir``.
    min_score
        Keep only rows whose acceptor or donor score is at least this (0-1); None to keep every position.
    bed, bed_threshold
        Write ``exports/splice_sites.bed`` with the sites that score at least the threshold; None for 0.1, or
        ``min_score`` where that is higher.
    bigwig
        Write bigWig tracks, one for each site type and strand, into ``exports``.
    tsv
        Write the table as gzipped TSV into ``exports``.
    """

    fasta: str | None = None
    annotation: str | None = None
    output_dir: str | None = None
    base_model: str = "spliceai"
    inference_mode: InferenceMode = "base_only"
    models_dir: str | None = None
    engine: str | None = None
    genes: tuple[str, ...] = attrs.field(default=(), converter=_names)
    genes_file: str | None = None
    region: str | None = None
    all_genes: bool = False
    build: str | None = None
    flank: FlankMode = "real"
    device: str = "cpu"
    executor: str | None = None
    workers: int = attrs.field(default=1)
    threads: int | None = attrs.field(default=None)
    force: bool = False
    min_score: float | None = attrs.field(default=None)
    bed: bool = False
    bed_threshold: float | None = attrs.field(default=None)
    bigwig: bool = False
    tsv: bool = False

    @min_score.validator
    @bed_threshold.validator
    def _check_probability(self, attribute: attrs.Attribute[float | None], value: float | None) -> None:
        if value is not None and not 0 <= value <= 1:
            raise ConfigError(f"{attribute.name} is {value:g}; scores are probabilities, from 0 to 1")

    @workers.validator
    def _check_workers(self, _: object, value: int) -> None:
        if value < 1:
            raise ConfigError(f"workers is {value}; it must be at least 1")

    @threads.validator
    def _check_threads(self, _: object, value: int | None) -> None:
        if value is not None and value < 1:
            raise ConfigError(f"threads is {value}; it must be at least 1")

    @property
    def threads_per_worker(self) -> int:
        """Threads in each worker: as asked for, else an even share of the usable cores."""
        return self.threads if self.threads is not None else max(1, usable_cores() // self.workers)


@attrs.frozen(kw_only=True)
class FileConfig:
    """Content of a configuration file. The tables are structured when they are used, with their path in any error."""

    run: dict[str, Any] = attrs.field(factory=dict)
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


def read_config_file(path: str | os.PathLike[str]) -> FileConfig:
    """Read a TOML configuration file.

    Raises
    ------
    ConfigError
        If it is missing, is not TOML (with the line), or has a table that nothing reads.
    """
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

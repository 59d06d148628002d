"""Configuration of ``splicecore variants``. Light: no array library is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs

from splicecore.config import FlankMode, PassConfig, parse_shard, structure
from splicecore.errors import ConfigError
from splicecore.isolation.environments import interpreters
from splicecore.variants.rules import Compat, IndelAlignment, VariantRules, Windows

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OutputKind", "VariantsConfig", "output_kind", "variants_config"]

OutputKind = Literal["vcf", "parquet", "tsv"]

_RULES = ("distance", "score_mnv", "pad_ends", "long_deletions", "indel_alignment", "normalise", "flank")
_MAX_PRECISION = 9


def _parts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    items = value.split(",") if isinstance(value, str) else value
    return tuple(str(item).strip() for item in items if str(item).strip())


@attrs.frozen(kw_only=True)
class VariantsConfig:
    """What ``splicecore variants`` does.

    Attributes
    ----------
    input
        VCF, plain, gzip or bgzip, or BCF; ``"-"`` for stdin.
    output
        Files to write; the suffix says what: ``.vcf``, ``.vcf.gz``, ``.bcf``, ``.parquet``, ``.tsv``, ``.tsv.gz``;
        ``"-"`` for VCF text on stdout.
    fasta, annotation, source, release, build
        Genome and annotation, as in :class:`~splicecore.config.PassConfig`; ``annotation`` may also be ``"grch37"`` or
        ``"grch38"`` for SpliceAI's own table of that build, where one is installed.
    meta_model
        Folder of a trained meta-model, whose scores are added to those of the base models that it needs.
    feature_settings
        Feature set's name -> settings in place of the meta-model's, for sets that read files.
    base_model
        Names of installed base models; each has an INFO tag of its own. With a meta-model those that it needs.
    models_dir
        Folders (or files) of weights: a path, or ``MODEL=PATH`` each where there are several models.
    engine, device
        How and where to compute.
    base_model_env
        Python interpreter that the base models run in, with packages of its own; ``MODEL=PATH`` for one of several.
    transcripts
        Score in the ``"canonical"`` transcript of each gene, in its ``"mane"`` transcripts, or in ``"all"``.
    mask, distance, compat, score_mnv, pad_ends, long_deletions, indel_alignment, normalise, flank
        As in :class:`~splicecore.variants.rules.VariantRules`; None for what ``compat`` has.
    windows
        As there, or ``"auto"``: whichever is cheaper for the input; see
        :func:`~splicecore.variants.window_choice.choose_windows`.
    precision
        Decimals of delta scores in VCF.
    vep_compatible
        Write one record for each ALT and gene, with the scores as its only INFO.
    reasons
        Write a tag that says why an allele has no scores.
    tags
        ``MODEL=NAME``: another name of a model's INFO tag.
    summary
        File of the counts, JSON; None for one beside the output.
    cache
        Folder of scores that were computed before, kept for the next time.
    work_dir
        Folder of what an interrupted run has so far; None for one beside the output.
    executor, workers, threads, shard, force
        As in :class:`~splicecore.config.PassConfig`; a shard is a part of the records.
    """

    input: str | None = None
    output: tuple[str, ...] = attrs.field(default=(), converter=_parts)
    fasta: str | None = None
    annotation: str | None = None
    source: str | None = None
    release: str | None = None
    build: str | None = None
    meta_model: str | None = None
    feature_settings: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    base_model: tuple[str, ...] = attrs.field(converter=_parts)
    models_dir: tuple[str, ...] = attrs.field(default=(), converter=_parts)
    engine: str | None = None
    base_model_env: tuple[str, ...] = attrs.field(default=(), converter=_parts)
    device: str = "cpu"
    transcripts: Literal["canonical", "mane", "all"] = "canonical"
    distance: int | None = None
    mask: bool = False
    compat: Compat = "spliceai"
    score_mnv: bool | None = None
    pad_ends: bool | None = None
    long_deletions: bool | None = None
    indel_alignment: IndelAlignment | None = None
    normalise: bool | None = None
    flank: FlankMode | None = None
    windows: Literal["auto", "tile", "allele"] = "auto"
    precision: int = attrs.field(default=2)
    vep_compatible: bool = False
    reasons: bool = False
    tags: tuple[str, ...] = attrs.field(default=(), converter=_parts)
    summary: str | None = None
    cache: str | None = None
    work_dir: str | None = None
    executor: str | None = None
    workers: int = 1
    threads: int | None = None
    shard: str | None = None
    force: bool = False

    @base_model.default
    def _default_models(self) -> tuple[str, ...]:
        return ("spliceai",) if self.meta_model is None else ()

    @base_model.validator
    def _check_models(self, _: object, value: tuple[str, ...]) -> None:
        if not value and self.meta_model is None:
            raise ConfigError("no base model given", hint="--base-model NAME")
        if len(set(value)) < len(value):
            raise ConfigError(f"base models {', '.join(value)}: one is given twice")

    @precision.validator
    def _check_precision(self, _: object, value: int) -> None:
        if not 1 <= value <= _MAX_PRECISION:
            raise ConfigError(f"precision is {value}", hint=f"decimals of the delta scores, 1 to {_MAX_PRECISION}")

    def __attrs_post_init__(self) -> None:
        if self.base_model:
            self.pass_config(self.base_model[0])
        _ = self.rules, self.tag_names

    @property
    def rules(self) -> VariantRules:
        """The rules that alleles are scored by; as long as windows are to be chosen, those with tiles."""
        given = {name: getattr(self, name) for name in _RULES}
        windows: Windows = "tile" if self.windows == "auto" else self.windows
        return VariantRules.of(self.compat, mask=self.mask, windows=windows, **given)

    @property
    def shard_of(self) -> tuple[int, int] | None:
        """(i, n) of the shard, or None for all."""
        return None if self.shard is None else parse_shard(self.shard)

    @property
    def tag_names(self) -> dict[str, str]:
        """Chosen tag by model."""
        return _named(self.tags, "--tag", "MODEL=NAME")

    def pass_config(self, model: str) -> PassConfig:
        """Return what opening one of the base models, the genome and the annotation takes."""
        shared = ("fasta", "annotation", "source", "release", "build", "engine", "device")
        return PassConfig(
            base_model=model,
            models_dir=self._models_dir(model),
            base_model_env=interpreters(self.base_model_env, self.base_model).get(model),
            executor=self.executor,
            workers=self.workers,
            threads=self.threads,
            shard=self.shard,
            **{name: getattr(self, name) for name in shared},
        )

    def _models_dir(self, model: str) -> str | None:
        if len(self.base_model) == 1 and len(self.models_dir) == 1 and not self.models_dir[0].startswith(f"{model}="):
            return self.models_dir[0]
        places = _named(self.models_dir, "--models-dir", "MODEL=PATH where there are several base models")
        for name in places:
            if name not in self.base_model:
                raise ConfigError(f"--models-dir is given for {name}, which is no base model of this command")
        return places.get(model)


def _named(items: tuple[str, ...], option: str, form: str) -> dict[str, str]:
    pairs = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name or not value:
            raise ConfigError(f"{option} {item!r}", hint=f"it must be {form}")
        if name in pairs:
            raise ConfigError(f"{option} is given twice for {name}")
        pairs[name] = value
    return pairs


def output_kind(name: str) -> OutputKind:
    """Tell by an output's suffix what is written.

    Raises
    ------
    ConfigError
        If it is none of those that can be.
    """
    if name == "-" or name.endswith((".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")):
        return "vcf"
    if name.endswith(".parquet"):
        return "parquet"
    if name.endswith((".tsv", ".tsv.gz")):
        return "tsv"
    raise ConfigError(
        f"output {name}: the suffix does not say what to write",
        hint="one of .vcf, .vcf.gz, .bcf, .parquet, .tsv, .tsv.gz, or - for VCF on stdout",
    )


def variants_config(values: Mapping[str, Any], *, where: str = "options") -> VariantsConfig:
    """Make a configuration of a mapping.

    Raises
    ------
    ConfigError
        For an unknown key or a value that makes no sense.
    """
    return structure(values, VariantsConfig, where=where)

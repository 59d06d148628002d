"""What a training is told. Light: no array library is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

import attrs

from splicecore.config import structure
from splicecore.errors import ConfigError
from splicecore.inference.meta_model_spec import MetaModelChoice
from splicecore.options import plain
from splicecore.training.split_config import Balance, SplitConfig, SplitMethod

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CalibrationMethod", "PositionSource", "TrainConfig", "train_config"]

CalibrationMethod = Literal["isotonic", "platt", "temperature", "none"]
PositionSource = Literal["auto", "all-positions", "sampled"]
ParalogChoice = Literal["off", "report", "exclude", "group"]
LabelKind = Literal["all", "canonical"]
ClassWeights = Literal["none", "sqrt", "balanced"]

_HOW = ("out_dir", "overwrite", "incremental")
_CHOICES = {
    "calibration": CalibrationMethod,
    "calibrate_on": PositionSource,
    "evaluate_on": PositionSource,
    "paralogs": ParalogChoice,
    "labels": LabelKind,
    "class_weights": ClassWeights,
}


def _names(value: str | Iterable[str] | None) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value or ()
    return tuple(name.strip() for name in parts if name.strip())


def _texts(value: str | Iterable[str] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


@attrs.frozen(kw_only=True)
class TrainConfig:
    """What ``splicecore train`` does.

    Attributes
    ----------
    dataset
        Folder of a finished dataset.
    out_dir
        Folder of the trained model.
    model
        Kind of meta-model: a name, or JSON with settings (``{"name": "xgboost", "max_depth": 6}``).
    split, folds, valid_share, test_share, group_col, balance
        Division of the genes, as in :class:`~splicecore.training.split_config.SplitConfig`.
    train_chromosomes, valid_chromosomes, test_chromosomes
        Lists of the split ``chromosome``.
    paralogs
        Genes of similar sequence on both sides: ``"off"`` not looked for, else as in ``SplitConfig``.
    prune_features, corr_thr
        Leave out features that are constant, or that correlate with an earlier one by more than ``corr_thr``; decided
        on the training genes of each fold.
    class_weights, inclusion_weights
        Weights of the rows, as in :class:`~splicecore.training.weights.WeightConfig`.
    calibration
        How probabilities are calibrated on the validation genes.
    calibrate_on, evaluate_on
        On all positions of the genes, which takes their base scores, or on the dataset's rows, weighted by
        1 / inclusion_prob; ``"auto"``: on all positions where the scores are at hand.
    labels
        Sites of all transcripts, or of one canonical transcript a gene, for the evaluation; the dataset has its own.
    mask_boundary
        Table of transcripts that are cut by the edge of the known sequence: their sites do not count in the evaluation.
    incremental
        Stream the rows from disk instead of holding them, and have the model keep them in files too, which not every
        model can; the model's bytes do not depend on it.
    max_rows
        Use so many rows at most: all that are no true negatives as far as they go, and a sample of the others.
    final
        Train a model on the genes of all folds at the end. Without it the first fold's model is the result.
    ablate
        Train the first fold again without these groups of features: names of feature sets or of base models, or
        ``all``.
    alarms
        Look for leaks: single features that know the answer, and a run with permuted labels.
    seed
        Of everything random.
    artifacts, test_name, source, build, release, fasta, annotation
        Where the base scores, genome and annotation are, if not where the dataset was built from.
    feature_settings
        Settings of feature sets that read files: the ``[features.SET]`` tables of a configuration file.
    overwrite
        Replace a training of other settings.
    """

    dataset: str
    out_dir: str
    model: str = "xgboost"
    split: SplitMethod = "group-kfold"
    folds: int = 5
    valid_share: float = 0.1
    test_share: float = 0.2
    train_chromosomes: tuple[str, ...] = attrs.field(default=(), converter=_names)
    valid_chromosomes: tuple[str, ...] = attrs.field(default=(), converter=_names)
    test_chromosomes: tuple[str, ...] = attrs.field(default=(), converter=_names)
    group_col: str = "gene_id"
    balance: Balance = "bases"
    paralogs: ParalogChoice = "off"
    prune_features: bool = False
    corr_thr: float = 0.99
    class_weights: ClassWeights = "none"
    inclusion_weights: bool = True
    calibration: CalibrationMethod = "isotonic"
    calibrate_on: PositionSource = "auto"
    evaluate_on: PositionSource = "auto"
    labels: LabelKind = "all"
    mask_boundary: str | None = None
    incremental: bool = False
    max_rows: int | None = None
    final: bool = True
    ablate: tuple[str, ...] = attrs.field(default=(), converter=_names)
    alarms: bool = False
    seed: int = 42
    artifacts: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    test_name: str | None = None
    source: str | None = None
    build: str | None = None
    release: str | None = None
    fasta: str | None = None
    annotation: str | None = None
    feature_settings: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    overwrite: bool = False

    def __attrs_post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in get_args(choices):
                raise ConfigError(
                    f"{name} is {getattr(self, name)!r}", hint=f"choose one of {', '.join(get_args(choices))}"
                )
        if not 0 < self.corr_thr <= 1:
            raise ConfigError(f"corr_thr is {self.corr_thr:g}; it must be above 0 and at most 1")
        if self.max_rows is not None and self.max_rows < 1:
            raise ConfigError(f"max_rows is {self.max_rows}; it must be at least 1")
        _ = self.splits
        _ = self.choice

    @property
    def splits(self) -> SplitConfig:
        """Division of the genes."""
        return SplitConfig(
            method=self.split,
            folds=self.folds,
            valid_share=self.valid_share,
            test_share=self.test_share,
            train=self.train_chromosomes,
            valid=self.valid_chromosomes,
            test=self.test_chromosomes,
            group_col=self.group_col,
            balance=self.balance,
            paralogs="report" if self.paralogs == "off" else self.paralogs,
            seed=self.seed,
        )

    @property
    def choice(self) -> MetaModelChoice:
        """Kind of meta-model and the settings that were given."""
        return MetaModelChoice.parse(self.model)

    def typed(self) -> dict[str, Any]:
        """Return what differs from the defaults, JSON-able, without what only says where and how."""
        values = attrs.asdict(self, filter=lambda a, v: a.name not in _HOW and v != a.default)
        if not self.feature_settings:
            values.pop("feature_settings", None)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def train_config(config: TrainConfig | None = None, *, where: str = "options", **options: Any) -> TrainConfig:
    """Make a configuration of keywords, or replace some values of one.

    Parameters
    ----------
    config
        Whose values to replace; None for the defaults.
    where
        What the options are, for errors.
    **options
        Fields of :class:`TrainConfig`. Paths may be :class:`~pathlib.Path` objects, ``model`` a mapping.

    Raises
    ------
    ConfigError
        If there is no such option, or a value makes no sense.
    """
    import json

    values = {name: plain(value) for name, value in options.items()}
    if isinstance(values.get("model"), Mapping):
        values["model"] = json.dumps(dict(values["model"]), sort_keys=True)
    return structure(values, TrainConfig, where=where) if config is None else attrs.evolve(config, **values)

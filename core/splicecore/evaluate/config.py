"""What an evaluation is told: tables, labels, what is left out, thresholds, bootstrap."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from splicecore.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EvaluateConfig", "ModelInput", "OperatingPoint", "operating_points", "parse_inputs", "parse_means"]

PATTERNS = {"score": "*_score", "base": "*_score", "meta": "*_meta"}
OWN, STORED = "own", "stored"
"""Names of the operating points of thresholds that belong to one model: the user's, and those of meta-models."""

_COMMON = 0.5
_OF_BASE = ":base"
"""What asks for the base model's scores of a run with a meta-model."""


@attrs.frozen
class ModelInput:
    """A table of scores by the name that the report gives it.

    Attributes
    ----------
    name
        The model's.
    path
        A run's or a base-model pass's folder, or a Parquet file.
    pattern
        Names of the score columns, ``*`` standing for neither, acceptor and donor. None: the final ones, which are
        ``*_meta`` where a meta-model took part and ``*_score`` elsewhere.
    """

    name: str
    path: Path
    pattern: str | None = None


@attrs.frozen
class OperatingPoint:
    """A name and, for each model, the lowest acceptor and donor score that is called."""

    name: str
    thresholds: Mapping[str, tuple[float, float]]


@attrs.frozen(kw_only=True)
class EvaluateConfig:
    """How scores are compared with the annotation.

    Attributes
    ----------
    labels
        ``"all"``: sites of every transcript; ``"canonical"``: of one transcript a gene.
    scope
        ``"strand"``: a site of any gene on a position's strand is a true one; ``"gene"``: of the row's own gene only,
        and sites of other genes are left out.
    contigs, genes
        Only these contigs (any of their names) and genes (ids or names); empty for all that all tables have.
    unseen
        Leave out the genes that a run's meta-model was trained on.
    thresholds
        ``"0.5"`` for all models, ``"NAME=0.3"`` or ``"NAME=0.3,0.4"`` (acceptor, donor) for one. None: 0.5, and where
        a meta-model took part also those that it stored.
    reference
        Model that the others are compared with; None for the first one.
    mask_boundary
        Table of transcripts that are cut by the edge of the known sequence; their sites are left out.
    mask_annotation
        An annotation whose sites are left out where they are no labels.
    mask_other_transcripts
        With canonical labels, leave out the sites of the other transcripts.
    allow_missing
        Where tables lack positions, compare what they have in common instead of refusing.
    bootstrap, seed
        Replicates (0: no intervals) and what they are drawn by.
    max_offset
        Largest distance in the check that scores and sites lie at the same base.
    worst
        How many genes the report lists.
    """

    labels: Literal["all", "canonical"] = attrs.field(default="all")
    scope: Literal["strand", "gene"] = attrs.field(default="strand")
    contigs: tuple[str, ...] = ()
    genes: tuple[str, ...] = ()
    unseen: bool = False
    thresholds: tuple[str, ...] = ()
    reference: str | None = None
    mask_boundary: str | None = None
    mask_annotation: str | None = None
    mask_other_transcripts: bool = False
    allow_missing: bool = False
    bootstrap: int = attrs.field(default=1000)
    seed: int = 42
    max_offset: int = attrs.field(default=5)
    worst: int = 20

    @bootstrap.validator
    @max_offset.validator
    def _check_count(self, attribute: attrs.Attribute[int], value: int) -> None:
        if value < 0:
            raise ConfigError(f"{attribute.name} is {value}; it cannot be negative")
        if attribute.name == "bootstrap" and 0 < value < 20:
            raise ConfigError(f"{value} replicates give no interval", hint="--bootstrap 1000, or 0 for none")

    @labels.validator
    @scope.validator
    def _check_choice(self, attribute: attrs.Attribute[str], value: str) -> None:
        known = {"labels": ("all", "canonical"), "scope": ("strand", "gene")}[attribute.name]
        if value not in known:
            raise ConfigError(f"{attribute.name} is {value!r}", hint=f"one of {', '.join(known)}")


def parse_inputs(tables: Sequence[str], columns: Sequence[str] = ()) -> list[ModelInput]:
    """Read ``[NAME=]PATH[:base]`` and ``[NAME=]COLUMNS``.

    Parameters
    ----------
    tables
        Folders and files; without a name a table is called after its folder or file. ``:base`` asks for the scores of
        the base model where there are a meta-model's too.
    columns
        ``"meta"``, ``"score"`` or a pattern such as ``"openspliceai__*_score"``, for all tables or for one.

    Raises
    ------
    ConfigError
        If a name occurs twice, or columns are given for a model that is not there.
    """
    if not tables:
        raise ConfigError("no predictions given", hint="give one or more folders of `splicecore run`")
    general = [text for text in columns if "=" not in text]
    if len(general) > 1:
        raise ConfigError(f"columns are given as {' and as '.join(general)}", hint="NAME=COLUMNS for each model")
    own = dict(text.split("=", 1) for text in columns if "=" in text)
    inputs = []
    for text in tables:
        name, found, path = text.partition("=")
        if not found or "/" in name or Path(text).exists():
            name, path = "", text
        base = path.endswith(_OF_BASE) and not Path(path).exists()
        place = Path(path.removesuffix(_OF_BASE)) if base else Path(path)
        name = name or _name_of(place) + _OF_BASE * base
        if base and name in own:
            raise ConfigError(f"columns are given for {name} by {_OF_BASE} and by {own[name]}", hint="leave one out")
        pattern = "base" if base else own.pop(name, general[0] if general else None)
        inputs.append(ModelInput(name, place, None if pattern is None else _pattern(pattern)))
    _check_names([item.name for item in inputs])
    if own:
        raise ConfigError(f"columns are given for {', '.join(own)}, which is no model here")
    return inputs


def _name_of(path: Path) -> str:
    if path.suffix == ".parquet" and path.parent.name == "predictions":
        return path.absolute().parent.parent.name
    return path.stem if path.suffix == ".parquet" else path.absolute().name


def _pattern(text: str) -> str:
    pattern = PATTERNS.get(text, text)
    if "*" not in pattern:
        raise ConfigError(f"columns {text!r} are not known", hint="score, meta, or a pattern such as NAME__*_score")
    return pattern


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two models are called {name!r}", hint="call them NAME=PATH")
        if not name or set(name) & set(",=@"):
            raise ConfigError(f"{name!r} is no name for a model", hint="no comma, = or @")


def parse_means(means: Sequence[str], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read ``[NAME=]A,B``: models whose scores are means of others'.

    Returns
    -------
    Name -> names of the models to average; without a name it is ``A+B``.
    """
    result: dict[str, tuple[str, ...]] = {}
    for text in means:
        name, found, members = text.rpartition("=")
        parts = tuple(part.strip() for part in members.split(",") if part.strip())
        unknown = [part for part in parts if part not in names]
        if unknown or len(set(parts)) < 2:
            problem = f"{', '.join(unknown)} is no model here" if unknown else "a mean needs two models"
            raise ConfigError(f"mean {text!r}: {problem}", hint=f"the models are {', '.join(names)}")
        result[name if found else "+".join(parts)] = parts
    _check_names([*names, *result])
    return result


def operating_points(
    thresholds: Sequence[str], names: Sequence[str], stored: Mapping[str, tuple[float, float]] | None = None
) -> list[OperatingPoint]:
    """Read thresholds: one point for each common one, and one for those that belong to models.

    A model without a threshold of its own takes the first common one (0.5 if there is none) at the point ``"own"``.

    Parameters
    ----------
    thresholds
        As in :class:`EvaluateConfig`.
    names
        Of the models.
    stored
        Thresholds of models that meta-models stored. They are used where no thresholds are given, at the point
        ``"stored"``, which then comes first.

    Raises
    ------
    ConfigError
        If one is no probability, or belongs to no model.
    """
    if not thresholds:
        common = dict.fromkeys(names, (_COMMON, _COMMON))
        first = [OperatingPoint(STORED, {**common, **stored})] if stored else []
        return [*first, OperatingPoint(f"{_COMMON:g}", common)]
    common_ones = [text for text in thresholds if "=" not in text]
    own = [text.rsplit("=", 1) for text in thresholds if "=" in text]
    values = list(dict.fromkeys(_number(text) for text in common_ones))
    points = [OperatingPoint(f"{value:g}", dict.fromkeys(names, (value, value))) for value in values]
    if own:
        chosen = {}
        for name, text in own:
            numbers = [_number(part) for part in text.split(",")]
            if name not in names or len(numbers) > 2:
                raise ConfigError(
                    f"threshold {name}={text}", hint=f"NAME=T or NAME=ACCEPTOR,DONOR, of {', '.join(names)}"
                )
            chosen[name] = (numbers[0], numbers[-1])
        default = values[0] if values else _COMMON
        points.append(OperatingPoint(OWN, {name: chosen.get(name, (default, default)) for name in names}))
    return points


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise ConfigError(f"threshold {text!r} is no probability above 0")
    return value

"""Frozen descriptors: what hooks yield and what factories are given.

A descriptor is cheap to make and holds no live object. What does the work is named by ``factory``, a
``"module:callable"`` path that the core imports only when the thing is used, so that listing plugins imports no
machine-learning framework. Requests (:class:`OpenRequest`, :class:`ResourceRequest`) hold JSON-able values only: they
can be sent to another process.
"""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any, Literal

import attrs

from splicecore.errors import ContractError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "OUTPUTS",
    "BaseModelSpec",
    "ExecutorSpec",
    "FeatureSetSpec",
    "MetaModelSpec",
    "OpenRequest",
    "ResourceFinderSpec",
    "ResourceLocation",
    "ResourceRequest",
    "UncertaintySpec",
    "load_object",
]

OUTPUTS: tuple[str, str, str] = ("neither", "acceptor", "donor")
"""Channels 0, 1, 2 of every base model, in this order everywhere, labels included."""

_OBJECT_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_NAME = re.compile(r"[a-z][a-z0-9]*([-_.][a-z0-9]+)*")


def _strings(values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise ContractError(f"{values!r} is one string where a tuple of strings is wanted")
    return tuple(values)


def _check_name(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ContractError(
            f"{attribute.name} {value!r} is not a valid name",
            hint="lower-case letters and digits, joined by '-', '_' or '.'",
        )


def _check_object_path(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not isinstance(value, str) or not _OBJECT_PATH.fullmatch(value):
        raise ContractError(f"{attribute.name} {value!r} is not of the form 'package.module:callable'")


def _check_not_negative(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if value < 0:
        raise ContractError(f"{attribute.name} is {value}; it cannot be negative")


def _check_outputs(_: object, __: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    if tuple(value[:3]) != OUTPUTS or len(set(value)) != len(value):
        raise ContractError(f"outputs {value!r} must begin with {OUTPUTS!r} and name nothing twice")


@attrs.frozen(kw_only=True)
class BaseModelSpec:
    """A base model: per-base probabilities of being neither, a splice acceptor or a splice donor.

    Attributes
    ----------
    name
        What users type after ``--base-model``.
    summary
        One line for listings.
    left, right
        Bases of context that the model needs 5' and 3' of the positions that it scores (transcript orientation).
    output_length
        Number of positions that one call scores, or None for any number.
    position_invariant
        Whether the score of a position depends only on its ``left`` + 1 + ``right`` bases.
    outputs
        Names of the channels: neither, acceptor, donor, then extras.
    builds
        Genome builds that the model was trained on (information, not a restriction).
    label_side
        ``"exon"`` if a site is the exon's base beside the intron (the only side that the core accepts today).
    engines
        Names of the ways to compute the model; the first is the default.
    max_positions
        Upper limit of n * L of one :meth:`BaseModel.predict` call. With the other fields it fixes the tiles.
    weights
        Glob patterns of the files that the model needs, relative to its weights folder; empty if it needs none. A file
        must match each; ``|`` separates alternatives within one (``"*.pt|*.pth"``).
    tolerance
        Largest absolute difference of a score between two equivalent calls (other batch, tile or engine).
    memory
        Bytes that the model adds to a process at most: opened on the CPU, framework included, and scoring
        ``max_positions`` in one call. None: not declared.
    licence, licence_url, commercial_use, citation
        Of the weights. ``commercial_use`` None means unknown.
    factory
        ``"module:callable"``; called with (spec, :class:`OpenRequest`), returns a :class:`~splicecore.api.BaseModel`.
    config_cls
        attrs class of the model's own settings, or None.
    """

    name: str = attrs.field(validator=_check_name)
    factory: str = attrs.field(validator=_check_object_path)
    left: int = attrs.field(validator=_check_not_negative)
    right: int = attrs.field(validator=_check_not_negative)
    licence: str
    citation: str
    summary: str = ""
    output_length: int | None = None
    position_invariant: bool = True
    outputs: tuple[str, ...] = attrs.field(default=OUTPUTS, converter=_strings, validator=_check_outputs)
    builds: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    label_side: Literal["exon"] = attrs.field(default="exon", validator=attrs.validators.in_(("exon",)))
    engines: tuple[str, ...] = attrs.field(
        default=("numpy",), converter=_strings, validator=attrs.validators.min_len(1)
    )
    max_positions: int = attrs.field(default=65_536, validator=attrs.validators.ge(1))
    weights: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    tolerance: float = 1e-5
    memory: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(1)))
    licence_url: str | None = None
    commercial_use: bool | None = None
    config_cls: type | None = None

    @property
    def n_outputs(self) -> int:
        """Number of channels."""
        return len(self.outputs)


@attrs.frozen(kw_only=True)
class OpenRequest:
    """How to open a base model. All values are JSON-able.

    Attributes
    ----------
    weights
        Path of the folder or file with the model's weights, as found by the resource finders; None if it needs none.
    engine
        One of the spec's ``engines``; None for its first.
    device
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    threads
        Threads that the model may use. Scores must not depend on it.
    config
        The model's own settings, as a mapping that ``config_cls`` is structured from.
    interpreter
        Python interpreter that the core runs the model in, or None for this process. A model that is opened always
        sees None.
    timeout
        Seconds that one call may take in another interpreter; None for what goes by its number of bases.
    """

    weights: str | None = None
    engine: str | None = None
    device: str = "cpu"
    threads: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    config: dict[str, Any] = attrs.field(factory=dict)
    interpreter: str | None = None
    timeout: float | None = None


@attrs.frozen(kw_only=True)
class ResourceRequest:
    """What a resource finder is asked for.

    Attributes
    ----------
    kind
        ``"weights"``, a genomic kind of the core (``"fasta"``, ``"annotation"``, ``"splice_sites"``, ...), or a kind
        that a plugin adds by a finder for it.
    name
        Whose resource: for weights, the base model's name; for genomic kinds source, build and release in words, as
        messages write them.
    files
        Glob patterns that must all match inside the resource's folder, each with alternatives separated by ``|``.
    explicit
        Path that the user gave by option, or None.
    data_root
        Root of the user's data folder, or None.
    source, build, release
        Of a genomic resource: who made the annotation (``"gencode"``), the genome build (``"GRCh38"``) and the
        annotation's release, None where there is but one. All None for weights.
    """

    kind: str
    name: str
    files: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    explicit: str | None = None
    data_root: str | None = None
    source: str | None = None
    build: str | None = None
    release: str | None = None


@attrs.frozen(kw_only=True)
class ResourceLocation:
    """Where a resource is and how it was found."""

    path: str
    provenance: str


@attrs.frozen(kw_only=True)
class ResourceFinderSpec:
    """One way to find a resource; finders are asked by rising ``priority`` until one answers.

    ``factory`` names a callable ``find(request: ResourceRequest) -> ResourceLocation | None``. The core's own finders
    have priorities 0 (explicit path), 10 (environment) and 20 (data root); plugins use 100 and above.

    Attributes
    ----------
    kinds
        What it is asked for. A kind that the core does not have is a new genomic kind; ``"genomic"`` stands for every
        genomic kind, those of other plugins included.
    """

    name: str = attrs.field(validator=_check_name)
    factory: str = attrs.field(validator=_check_object_path)
    kinds: tuple[str, ...] = attrs.field(converter=_strings)
    priority: int = 100

    def serves(self, request: ResourceRequest) -> bool:
        """Whether the finder is to be asked."""
        return request.kind in self.kinds or ("genomic" in self.kinds and request.source is not None)


@attrs.frozen(kw_only=True)
class FeatureSetSpec:
    """Features of positions, computed from a block's sequence and scores, never from labels.

    Attributes
    ----------
    factory
        ``"module:callable"``; called with the structured config, returns a :class:`~splicecore.api.FeatureSet`.
    schema
        ``"module:callable"``; called with the config, returns the :class:`pyarrow.Schema` of the columns.
    requires
        Names of resources that :meth:`FeatureSet.compute` is given.
    halo
        Bases beyond the gene, on both sides, that a block must carry for these features. Where the config decides, the
        opened set has an attribute ``halo``, which counts instead.
    near_label
        True for features that are close to the label (annotation, junction reads); kept out of headline results. The
        metadata ``near_label`` of a field of the schema (``"true"``, ``"false"``) counts instead for its column.
    per_model
        True for features of a base model's scores: computed once for each model, from blocks with its scores alone.
        Other sets are computed once, from blocks with the scores of all models, the primary one first.
    """

    name: str = attrs.field(validator=_check_name)
    factory: str = attrs.field(validator=_check_object_path)
    schema: str = attrs.field(validator=_check_object_path)
    requires: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    halo: int = attrs.field(default=0, validator=_check_not_negative)
    near_label: bool = False
    per_model: bool = False
    config_cls: type | None = None
    summary: str = ""


@attrs.frozen(kw_only=True)
class UncertaintySpec:
    """A measure of how unsure the base model is; the core selects by it. ``factory`` takes the structured config."""

    name: str = attrs.field(validator=_check_name)
    factory: str = attrs.field(validator=_check_object_path)
    config_cls: type | None = None
    summary: str = ""


@attrs.frozen(kw_only=True)
class MetaModelSpec:
    """A trainable model that recalibrates base scores from features.

    ``out_of_core``: fits from a stream of batches without holding their rows. Training that streams sets ``memory_gib``
    to 0 where the configuration has that setting: from which size on rows are kept in files.
    """

    name: str = attrs.field(validator=_check_name)
    factory: str = attrs.field(validator=_check_object_path)
    out_of_core: bool = False
    config_cls: type | None = None
    summary: str = ""


@attrs.frozen(kw_only=True)
class ExecutorSpec:
    """Something that runs shards. ``factory(workers=N)`` returns an :class:`~splicecore.api.Executor`."""

    name: str = attrs.field(validator=_check_name)
    factory: str = attrs.field(validator=_check_object_path)
    summary: str = ""


def load_object(path: str) -> Callable[..., Any]:
    """Import what ``"module:callable"`` names.

    Raises
    ------
    MissingDependencyError
        If importing the module fails; the import error is the cause.
    ContractError
        If the module has no such attribute, or it cannot be called.
    """
    module_name, _, attribute = path.partition(":")
    try:
        target: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise MissingDependencyError(
            f"cannot import {module_name}: {error}", hint="install the plugin with the extra that its README names"
        ) from error
    for part in attribute.split("."):
        target = getattr(target, part, None)
        if target is None:
            raise ContractError(f"{module_name} has no {attribute!r}")
    if not callable(target):
        raise ContractError(f"{path} is not callable")
    return target  # type: ignore[no-any-return]

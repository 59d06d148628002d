"""Selection of the positions that a meta-model scores again: by a strategy's threshold, or by a target rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import cattrs
import numpy as np
import numpy.typing as npt

from splicecore.config import structure
from splicecore.errors import ConfigError, ContractError, PluginNotFoundError
from splicecore.plugins.specs import load_object
from splicecore.uncertainty.configs import SelectionConfig
from splicecore.uncertainty.rate_histogram import RateHistogram

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from splicecore.plugins.host import PluginHost
    from splicecore.plugins.protocols import UncertaintyStrategy
    from splicecore.plugins.specs import UncertaintySpec
    from splicecore.predict.blocks import Block

__all__ = ["RateHistogram", "SelectionConfig", "Selector", "open_strategy"]

_ZONE = ("low", "high")


def open_strategy(host: PluginHost, config: SelectionConfig) -> Selector:
    """Open the strategy that a selection names.

    Raises
    ------
    ConfigError
        If no plugin has it (the nearest name is in the hint), a setting is unknown or makes no sense, ``low`` or
        ``high`` differ from their defaults and the strategy has none, or it has no threshold and there is no target
        rate.
    PluginLoadError, MissingDependencyError
        If the plugin that provides it cannot be loaded.
    ContractError
        If what the plugin makes is no strategy.
    """
    try:
        spec = host.uncertainty_strategy(config.strategy)
    except PluginNotFoundError as error:
        raise ConfigError(error.message, hint=error.hint) from error
    settings = _structured(spec, config)
    strategy = load_object(spec.factory)(settings)
    if not callable(getattr(strategy, "score", None)):
        raise ContractError(f"uncertainty strategy {spec.name!r} is {type(strategy).__name__}, which lacks score")
    values: dict[str, Any] = {} if settings is None else cattrs.Converter().unstructure(settings)
    return Selector(config, strategy, settings=values)


class Selector:
    """A strategy with its threshold. Make it by :func:`open_strategy`.

    Parameters
    ----------
    config
        What was asked for.
    strategy
        The strategy.
    settings
        All of its settings, JSON-able; for the record.

    Attributes
    ----------
    threshold
        The strategy's own: positions with a score of at least this are selected. None where it has none.
    """

    def __init__(
        self, config: SelectionConfig, strategy: UncertaintyStrategy, *, settings: Mapping[str, Any] | None = None
    ) -> None:
        self.config, self.strategy = config, strategy
        self.settings = dict(settings or {})
        self.threshold = _threshold(config, strategy)

    @property
    def name(self) -> str:
        """Name of the strategy."""
        return self.config.strategy

    def check(self, outputs: Mapping[str, Sequence[str]]) -> None:
        """Refuse base models that the strategy cannot work with; strategies that have no ``check`` work with all.

        Parameters
        ----------
        outputs
            Base model's name -> names of its outputs, the primary one first.

        Raises
        ------
        ConfigError
            What the strategy says.
        """
        check = getattr(self.strategy, "check", None)
        if check is not None:
            check(outputs)

    def score(self, block: Block) -> npt.NDArray[np.float32]:
        """How unsure the base model is at each position: float32, shape (L,), 0 and above.

        Raises
        ------
        ContractError
            If the strategy returns anything else.
        """
        return self._checked(self.strategy.score(block), block, "score")

    def criteria(self, block: Block) -> dict[str, npt.NDArray[np.float32]]:
        """Values that the score is made of, by column name: float32, shape (L,); empty where a strategy has none.

        Raises
        ------
        ContractError
            If one is no number of every position.
        """
        return self._named(block, "criteria")

    def select(self, scores: npt.NDArray[np.float32], threshold: float | None = None) -> npt.NDArray[np.int64]:
        """Select the positions whose score is at least the threshold and above 0.

        Parameters
        ----------
        scores
            float32, shape (L,), of :meth:`score`.
        threshold
            None for :attr:`threshold`.

        Returns
        -------
        int64, shape (k,), rising
        """
        least = np.float32(self._least(threshold))
        return np.flatnonzero((scores >= least) & (scores > 0)).astype(np.int64, copy=False)

    def reason(
        self, block: Block, index: npt.NDArray[np.int64], threshold: float | None = None
    ) -> npt.NDArray[np.str_]:
        """Say why positions were selected: the criteria that reach the threshold, joined by ``+``.

        Parameters
        ----------
        block
            The gene.
        index
            int64, shape (k,): selected positions.
        threshold
            What they were selected by; None for :attr:`threshold`.

        Returns
        -------
        text, shape (k,)
            Such as ``confidence+entropy``; the strategy's name where it has no criteria of its own.
        """
        terms = self._named(block, "terms")
        least = np.float32(self._least(threshold))
        mask = np.zeros(len(index), dtype=np.int64)
        for bit, term in enumerate(terms.values()):
            mask |= (term[index] >= least).astype(np.int64) << bit
        present, which = np.unique(mask, return_inverse=True)
        texts = [
            "+".join(name for bit, name in enumerate(terms) if number >> bit & 1) or self.name
            for number in present.tolist()
        ]
        return np.array(texts, dtype=np.str_)[which] if texts else np.empty(0, dtype=np.str_)

    def _least(self, threshold: float | None) -> float:
        found = self.threshold if threshold is None else threshold
        if found is None:
            raise ContractError(f"uncertainty strategy {self.name!r} has no threshold; give one")
        return found

    def _named(self, block: Block, method: str) -> dict[str, npt.NDArray[np.float32]]:
        make = getattr(self.strategy, method, None)
        found: Mapping[str, Any] = {} if make is None else make(block)
        return {name: self._checked(values, block, f"{method} {name}", sign=False) for name, values in found.items()}

    def _checked(self, values: Any, block: Block, what: str, *, sign: bool = True) -> npt.NDArray[np.float32]:
        who = f"uncertainty strategy {self.name!r}: {what}"
        if not isinstance(values, np.ndarray) or values.shape != (block.length,):
            found = getattr(values, "shape", type(values).__name__)
            raise ContractError(f"{who} is {found}, not one number for each of {block.length} positions")
        scores = values.astype(np.float32, copy=False)
        if not np.isfinite(scores).all():
            raise ContractError(f"{who} is not finite at position {int(np.flatnonzero(~np.isfinite(scores))[0])}")
        if sign and scores.size and scores.min() < 0:
            raise ContractError(f"{who} is {scores.min():g}; it cannot be negative")
        return scores


def _structured(spec: UncertaintySpec, config: SelectionConfig) -> Any:
    where = f"settings of uncertainty strategy {spec.name}"
    if spec.config_cls is None:
        _refuse_zone(spec, config, ())
        if config.settings:
            raise ConfigError(
                f"uncertainty strategy {spec.name} has no settings, but was given {', '.join(sorted(config.settings))}"
            )
        return None
    known = [field.name for field in attrs.fields(spec.config_cls)]
    _refuse_zone(spec, config, known)
    given = [name for name in _ZONE if name in config.settings and name in known]
    if given:
        raise ConfigError(f"{where}: {given[0]} is given twice", hint=f"it is the option uncertainty_{given[0]}")
    zone = {name: getattr(config, name) for name in _ZONE if name in known}
    return structure({**config.settings, **zone}, spec.config_cls, where=where)


def _refuse_zone(spec: UncertaintySpec, config: SelectionConfig, known: Sequence[str]) -> None:
    """Refuse thresholds that were set and that the strategy would ignore."""
    defaults = SelectionConfig()
    for name in _ZONE:
        if name not in known and getattr(config, name) != getattr(defaults, name):
            raise ConfigError(
                f"uncertainty strategy {spec.name} does not use uncertainty_{name}",
                hint="leave it out, or choose confidence_only or hybrid_entropy",
            )


def _threshold(config: SelectionConfig, strategy: UncertaintyStrategy) -> float | None:
    found = getattr(strategy, "threshold", None)
    if found is None:
        if config.target_rate is None:
            raise ConfigError(
                f"uncertainty strategy {config.strategy} has no threshold of its own",
                hint="say which share of positions to select, with --target-meta-rate 0.1",
            )
        return None
    if isinstance(found, bool) or not isinstance(found, int | float | np.floating) or not 0 < found < np.inf:
        raise ContractError(
            f"uncertainty strategy {config.strategy!r} has the threshold {found!r}, not a number above 0"
        )
    return float(found)

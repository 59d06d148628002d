"""Calibration: making probabilities mean what they say at the prevalence of whole genes.

Of the three classes only acceptor and donor are calibrated, each against the rest, by a curve that rises strictly with
its own probability; neither is what they leave. Where they leave less than nothing both are scaled to sum to one.
A curve of its own for neither would have to be normalised against the others in every row, and its error, small as a
share of all positions, is large beside the probability of a site. Temperature scaling treats the three classes alike.
Everything is computed in float64 from the log-odds that float32 probabilities of *all* classes give, so a
site's probability of 1e-9 or 1 - 1e-9 is told apart from 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import ChecksumError, ConfigError, InputError
from splicecore.training.isotonic import IsotonicCurve
from splicecore.training.logistic import LEAST, LogisticCurve, fit_temperature

__all__ = ["Calibration", "CalibrationMethod", "fit_calibration", "read_calibration"]

CalibrationMethod = Literal["none", "isotonic", "platt", "temperature"]

_NAMES = ("neither", "acceptor", "donor")
_SITES = (1, 2)
_VERSION = 1

_Floats = npt.NDArray[np.float64]
_Probabilities = npt.NDArray[np.float32]


@attrs.frozen(eq=False)
class Calibration:
    """A fitted calibration. Make it by :func:`fit_calibration` or :func:`read_calibration`.

    Attributes
    ----------
    method
        How.
    curves
        Of acceptor and donor, for ``isotonic`` and ``platt``.
    temperature
        Of ``temperature``; 1 changes nothing.
    fitted_on
        Rows, the positions that they stand for, and those of acceptors and donors.
    """

    method: CalibrationMethod
    curves: tuple[IsotonicCurve | LogisticCurve, ...] = ()
    temperature: float = 1.0
    fitted_on: Mapping[str, float] = attrs.field(factory=dict)

    def apply(self, probabilities: _Probabilities) -> _Probabilities:
        """Calibrate.

        Parameters
        ----------
        probabilities
            float32, shape (k, 3): neither, acceptor, donor; rows sum to one. Not modified.

        Returns
        -------
        float32, shape (k, 3); rows sum to one

        Raises
        ------
        InputError
            If the shape is another, or a row is no distribution.
        """
        exact = _checked(probabilities)
        if self.method == "none" or not len(exact):
            return np.array(probabilities, dtype=np.float32)
        if self.method == "temperature":
            z = _logarithms(exact) / self.temperature
            result = np.exp(z - z.max(axis=1, keepdims=True))
            return np.asarray(result / result.sum(axis=1, keepdims=True), dtype=np.float32)
        sites = np.stack(
            [
                curve(_share(exact, site) if isinstance(curve, IsotonicCurve) else _log_odds(exact, site))
                for site, curve in zip(_SITES, self.curves, strict=True)
            ],
            axis=1,
        )
        sites /= np.maximum(sites.sum(axis=1, keepdims=True), 1.0)
        neither = np.maximum(1.0 - sites.sum(axis=1, keepdims=True), 0.0)
        return np.concatenate([neither, sites], axis=1).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping; numbers come back the same, so the calibration is the same to the bit."""
        values: dict[str, Any] = {"version": _VERSION, "method": self.method, "fitted_on": dict(self.fitted_on)}
        if self.curves:
            values["curves"] = {_NAMES[site]: curve.to_json() for site, curve in zip(_SITES, self.curves, strict=True)}
        if self.method == "temperature":
            values["temperature"] = self.temperature
        return values


def fit_calibration(
    method: CalibrationMethod,
    probabilities: _Probabilities,
    labels: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
) -> Calibration:
    """Fit a calibration, on positions of genes that the model was not trained on.

    Parameters
    ----------
    method
        ``"isotonic"``: a rising curve of any shape, for plenty of sites; see
        :class:`~splicecore.training.isotonic.IsotonicCurve`. ``"platt"``: slope and intercept on the log-odds.
        ``"temperature"``: one number for all three classes. ``"none"``.
    probabilities
        float32, shape (k, 3): the model's, neither, acceptor, donor.
    labels
        Integers, shape (k,): 0, 1, 2.
    weights
        Real, not negative, shape (k,): 1 / inclusion_prob of sampled rows; None: the rows are all positions.

    Raises
    ------
    ConfigError
        If there is no such method.
    InputError
        If shapes or values are out of range, no row is of one of the classes, or the model ranks a class the wrong way.
    """
    if method not in get_args(CalibrationMethod):
        choices = ", ".join(get_args(CalibrationMethod))
        raise ConfigError(f"there is no calibration {method!r}", hint=f"choose one of {choices}")
    exact = _checked(probabilities)
    classes, mass = _checked_labels(labels, weights, len(exact))
    exact, classes, mass = exact[mass > 0], classes[mass > 0], mass[mass > 0]
    totals = np.bincount(classes, weights=mass, minlength=3)
    for name, total in zip(_NAMES, totals, strict=True):
        if total <= 0 and method != "none":
            raise InputError(f"no position to calibrate on is {name}", hint="take more validation genes")
    named = {name: float(total) for name, total in zip(_NAMES, totals, strict=True)}
    fitted_on = {"rows": float(len(exact)), "positions": float(mass.sum()), **named}
    if method == "temperature":
        temperature = fit_temperature(_logarithms(exact), classes, mass)
        return Calibration(method, temperature=temperature, fitted_on=fitted_on)
    if method == "isotonic":
        a, d = (IsotonicCurve.fit(_share(exact, site), classes == site, mass) for site in _SITES)
        return Calibration(method, curves=(a, d), fitted_on=fitted_on)
    if method == "platt":
        b, e = (_platt(exact, classes, mass, site) for site in _SITES)
        return Calibration(method, curves=(b, e), fitted_on=fitted_on)
    return Calibration(method, fitted_on=fitted_on)


def read_calibration(values: Mapping[str, Any], *, where: str = "calibration") -> Calibration:
    """Read what :meth:`Calibration.to_json` made.

    Raises
    ------
    ChecksumError
        If it did not make it.
    """
    try:
        return _read(values)
    except (KeyError, TypeError, ValueError) as error:
        raise ChecksumError(f"{where} is damaged: {error!r}", hint="train the model again") from error


def _read(values: Mapping[str, Any]) -> Calibration:
    method = values["method"]
    if values["version"] != _VERSION or method not in get_args(CalibrationMethod):
        raise ValueError(f"method {method!r}, version {values['version']!r}")
    kinds: dict[str, Any] = {"isotonic": IsotonicCurve, "platt": LogisticCurve}
    curves: tuple[Any, ...] = ()
    if method in kinds:
        curves = tuple(kinds[method].from_json(values["curves"][_NAMES[site]]) for site in _SITES)
    temperature = float(values["temperature"]) if method == "temperature" else 1.0
    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature {temperature}")
    return Calibration(method, curves, temperature, dict(values["fitted_on"]))


def _platt(exact: _Floats, classes: npt.NDArray[np.int64], mass: _Floats, site: int) -> LogisticCurve:
    curve = LogisticCurve.fit(_log_odds(exact, site), classes == site, mass)
    if curve.slope <= 0:
        raise InputError(
            f"the model's probability of {_NAMES[site]} falls where there are more of them (slope {curve.slope:.3g})",
            hint="the model has learned nothing of this class, or its classes are in another order",
        )
    return curve


def _share(exact: _Floats, site: int) -> _Floats:
    return np.asarray(exact[:, site] / exact.sum(axis=1), dtype=np.float64)


def _log_odds(exact: _Floats, site: int) -> _Floats:
    rest = exact[:, [other for other in range(3) if other != site]].sum(axis=1)
    return np.asarray(np.log(np.maximum(exact[:, site], LEAST)) - np.log(np.maximum(rest, LEAST)), dtype=np.float64)


def _logarithms(exact: _Floats) -> _Floats:
    return np.log(np.maximum(exact, LEAST))


def _checked(probabilities: _Probabilities) -> _Floats:
    exact = np.asarray(probabilities, dtype=np.float64)
    if exact.ndim != 2 or exact.shape[1] != 3:
        raise InputError(f"probabilities are of shape {exact.shape}, not (positions, 3)")
    if not (exact >= 0).all() or not (np.abs(exact.sum(axis=1) - 1) < 1e-3).all():
        raise InputError("probabilities of neither, acceptor and donor must not be negative and must sum to one")
    return exact


def _checked_labels(
    labels: npt.ArrayLike, weights: npt.ArrayLike | None, count: int
) -> tuple[npt.NDArray[np.int64], _Floats]:
    classes = np.asarray(labels)
    mass = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    if classes.shape != (count,) or mass.shape != (count,):
        raise InputError(f"labels {classes.shape} and weights {mass.shape} must be of shape ({count},)")
    if count and (not np.issubdtype(classes.dtype, np.integer) or classes.min() < 0 or classes.max() > 2):
        raise InputError("labels must be 0 (neither), 1 (acceptor) or 2 (donor)")
    if not (np.isfinite(mass) & (mass >= 0)).all():
        raise InputError("weights must be finite and not negative")
    return classes.astype(np.int64), mass

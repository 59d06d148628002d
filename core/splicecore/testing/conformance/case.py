"""What a check is given: the model under test, how to open it, and sequences to score."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.genome.encoding import Codes, N, encode
from splicecore.plugins.hookspecs import ENTRY_POINT_GROUP
from splicecore.plugins.protocols import BaseModel
from splicecore.plugins.specs import BaseModelSpec, OpenRequest

if TYPE_CHECKING:
    from splicecore.plugins.protocols import Scores

__all__ = [
    "BaseModelCase",
    "CheckSkipped",
    "ConformanceFailure",
    "difference",
    "expect",
    "expect_refusal",
    "find_plugin_module",
    "skip",
]

_EXON = encode("CAGATGAAGAGCGGCTCAAGGAGGAACTGCAGAAGGCCATCGACGAGCTGAAGGCCAAG")
_DONOR = encode("GTAAGTATC")
_ACCEPTOR = encode("TGCTAACTTCTTTTCTTTTCCTTCCTCTTTTTTGCAG")


class ConformanceFailure(AssertionError):  # noqa: N818 - pytest and readers know failures, errors are something else
    """A model does not do what its contract says; the message says what and how far off."""


class CheckSkipped(Exception):  # noqa: N818 - not an error
    """A check does not apply to the model; the message says why."""


def expect(condition: object, message: str) -> None:
    """Fail the check with ``message`` unless the condition holds."""
    if not condition:
        raise ConformanceFailure(message)


def expect_refusal(action: Callable[[], object], what: str, errors: tuple[type[Exception], ...]) -> None:
    """Fail the check unless an action raises one of the errors."""
    allowed = " or ".join(error.__name__ for error in errors)
    try:
        action()
    except errors:
        return
    except Exception as error:
        raise ConformanceFailure(f"{what}: raised {error!r} instead of {allowed}") from error
    raise ConformanceFailure(f"{what}: accepted, where {allowed} was expected")


def skip(reason: str) -> NoReturn:
    """End the check as not applicable."""
    raise CheckSkipped(reason)


def difference(left: Scores, right: Scores) -> float:
    """Largest absolute difference of two score arrays; infinite if their shapes differ or one has a NaN."""
    if left.shape != right.shape:
        return float("inf")
    if left.size == 0:
        return 0.0
    largest = float(np.abs(left.astype(np.float64) - right.astype(np.float64)).max())
    return float("inf") if np.isnan(largest) else largest


def open_through_host(spec: BaseModelSpec, request: OpenRequest) -> BaseModel:
    """Open as the core does, with no plugin installed that could wrap the model."""
    from splicecore.plugins.host import PluginHost, PluginSettings

    return PluginHost.discover(PluginSettings(load=())).open_base_model(spec, request)


def find_plugin_module(spec: BaseModelSpec) -> str | None:
    """Find the module that the entry point of the model's plugin names; None if its package declares none.

    It is looked for among the installed entry points, by the top-level package of the spec's factory.
    """
    from importlib.metadata import entry_points

    package = _top_level(spec.factory)
    modules = sorted({point.module for point in entry_points(group=ENTRY_POINT_GROUP)})
    return next((module for module in modules if _top_level(module) == package), None)


@attrs.frozen(kw_only=True)
class BaseModelCase:
    """A base model under test.

    Attributes
    ----------
    spec
        The descriptor that the plugin's hook yields.
    request
        How to open the model: weights, engine, config.
    altered_request
        The same with at least one weight changed, or None if the author supplies none.
    plugin_module
        Dotted name of the module that the plugin's entry point names, or None.
    genome
        Paths of a FASTA file and an annotation with splice sites that the model knows; simulated genes if None.
    length
        Positions that a window of the checks scores, where the model lets the core choose.
    opener
        Called with (spec, request).
    """

    spec: BaseModelSpec
    request: OpenRequest = attrs.field(factory=OpenRequest)
    altered_request: OpenRequest | None = None
    plugin_module: str | None = None
    genome: tuple[str, str] | None = None
    length: int = 120
    opener: Callable[[BaseModelSpec, OpenRequest], BaseModel] = open_through_host

    def open(self) -> BaseModel:
        """Open the model as the author's request says."""
        return self.opener(self.spec, self.request)

    def open_with(self, request: OpenRequest) -> BaseModel:
        """Open the model in another way."""
        return self.opener(self.spec, request)

    def positions(self, spec: BaseModelSpec) -> int:
        """Positions L of one window."""
        return spec.output_length if spec.output_length is not None else self.length

    def windows(self, spec: BaseModelSpec, n: int = 2, *, positions: int | None = None, seed: int = 1) -> Codes:
        """Make windows of random bases with splice sites of strong consensus among the scored positions.

        Returns
        -------
        uint8, shape (n, left + positions + right)
            The same for the same arguments. Every row has an acceptor, an exon and a donor, where they fit.
        """
        scored = self.positions(spec) if positions is None else positions
        rng = np.random.default_rng(seed)
        codes = rng.integers(0, 4, size=(n, spec.left + scored + spec.right), dtype=np.uint8)
        unit = np.concatenate([_ACCEPTOR, _EXON, _DONOR])
        for row, window in enumerate(codes):
            middle = spec.left + scored // 2 + 3 * row
            start = min(max(middle - unit.size // 2, 0), window.size)
            part = unit[: window.size - start]
            window[start : start + part.size] = part
        return codes

    def unknown(self, spec: BaseModelSpec, n: int = 1) -> Codes:
        """Make windows of nothing but N; uint8, shape (n, left + L + right)."""
        return np.full((n, spec.left + self.positions(spec) + spec.right), N, dtype=np.uint8)


def expect_shape(scores: npt.NDArray[np.generic], spec: BaseModelSpec, n: int, positions: int) -> None:
    """Fail unless scores are an array of shape (n, positions, outputs)."""
    expect(isinstance(scores, np.ndarray), f"predict returned {type(scores).__name__}, not a NumPy array")
    expected = (n, positions, spec.n_outputs)
    expect(scores.shape == expected, f"predict returned shape {scores.shape}, not (n, L, outputs) = {expected}")


def _top_level(path: str) -> str:
    return path.partition(":")[0].partition(".")[0]

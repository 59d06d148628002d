"""Settings of the base model ``pangolin`` and the names of its outputs. No torch."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from splicecore.api import OUTPUTS, ConfigError
from splicecore_splicenet.config import NetworkConfig

__all__ = ["TISSUES", "PangolinConfig", "output_names"]

TISSUES: tuple[str, ...] = ("heart", "liver", "brain", "testis")
"""In the order of the network's heads."""

_VERSIONS = ("v1", "v2")


def _in_order(value: Any) -> Any:
    """Make a tuple in the order of the heads of a list of tissues, so that their order makes no difference."""
    if not isinstance(value, list | tuple) or not set(map(str, value)) <= set(TISSUES) or len(set(value)) < len(value):
        return value
    return tuple(tissue for tissue in TISSUES if tissue in value)


@attrs.frozen(kw_only=True)
class PangolinConfig(NetworkConfig):
    """Settings of Pangolin.

    Beside those of every :class:`~splicecore_splicenet.config.NetworkConfig`:

    Attributes
    ----------
    tissues
        Of :data:`TISSUES`, those whose networks are computed; P(splice) is their mean.
    usage
        Also give each tissue's usage of a site; twice the work, since each output has networks of its own.
    version
        ``"v1"`` (files ``final.J.I.3``) or ``"v2"`` (``final.J.I.3.v2``); None for v2 where there is any.
    """

    model: ClassVar[str] = "pangolin"

    tissues: tuple[str, ...] = attrs.field(default=TISSUES, converter=_in_order)
    usage: bool = False
    version: str | None = None

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.tissues, tuple) or not self.tissues or not set(self.tissues) <= set(TISSUES):
            raise ConfigError(
                f"pangolin: tissues is {self.tissues!r}", hint=f"a list of {', '.join(TISSUES)}, each once"
            )
        if type(self.usage) is not bool:
            raise ConfigError(f"pangolin: usage is {self.usage!r}", hint="true or false")
        if self.version not in (None, *_VERSIONS):
            raise ConfigError(f"pangolin: version is {self.version!r}", hint=f"one of {', '.join(_VERSIONS)}")


def output_names(config: PangolinConfig) -> tuple[str, ...]:
    """Return the outputs: the three of every model, ``<tissue>_splice``, and ``<tissue>_usage`` if asked for."""
    kinds = ("splice", "usage") if config.usage else ("splice",)
    return (*OUTPUTS, *(f"{tissue}_{kind}" for kind in kinds for tissue in config.tissues))

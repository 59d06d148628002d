"""What artifacts belong to: mode, coverage, source, build, release and base model."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

import attrs

from splicecore.artifacts.layout import check_base_model, check_test_name
from splicecore.errors import ConfigError
from splicecore.resources.finders import default_data_root
from splicecore.resources.keys import ResourceKey

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ArtifactConfig", "Coverage", "Mode", "local_time"]

logger = logging.getLogger(__name__)

Mode = Literal["test", "production"]
Coverage = Literal["gene_subset", "chromosome", "full_genome"]


def local_time() -> datetime:
    """Return the time of day, with its zone; nothing else in the artifact manager reads the clock."""
    return datetime.now(tz=UTC).astimezone()


def _check_choice(choices: Any) -> Any:
    def check(_: object, attribute: attrs.Attribute[str], value: str) -> None:
        if value not in get_args(choices):
            raise ConfigError(f"{attribute.name} {value!r} is not known", hint=f"one of {', '.join(get_args(choices))}")

    return check


def _check_base_model(_: object, __: attrs.Attribute[str], value: str) -> None:
    check_base_model(value)


def _check_test_name(_: object, __: attrs.Attribute[str | None], value: str | None) -> None:
    if value is not None:
        check_test_name(value)


def _path(value: str | Path | None) -> str:
    return str(default_data_root()) if value is None else os.fspath(value)


@attrs.frozen(kw_only=True)
class ArtifactConfig:
    """What a base-model pass is for, and whose.

    ``attrs.asdict`` of it is JSON-able, and ``ArtifactConfig(**values)`` takes that back.

    Attributes
    ----------
    mode
        ``"test"`` (may be overwritten, the default) or ``"production"`` (immutable unless forced).
    coverage
        ``"gene_subset"``, ``"chromosome"`` or ``"full_genome"``; the whole genome is always production.
    source, build, release
        Whose annotation, of which build and release, as in :class:`~splicecore.resources.keys.ResourceKey`.
    base_model
        Name of the base model.
    test_name
        Name of the test; made of the time (``test_YYYYmmdd_HHMMSS``) where a test has none. None in production.
    data_root
        Root of the user's data; None for ``SPLICECORE_DATA_ROOT`` or the platform's.

    Raises
    ------
    ConfigError
        If a name cannot be the name of a folder, a choice is not known, or a production pass has a ``test_name``.
    """

    mode: Mode = attrs.field(default="test", validator=_check_choice(Mode))
    coverage: Coverage = attrs.field(default="gene_subset", validator=_check_choice(Coverage))
    source: str
    build: str
    release: str | None = None
    base_model: str = attrs.field(default="spliceai", validator=_check_base_model)
    test_name: str | None = attrs.field(default=None, validator=_check_test_name)
    data_root: str = attrs.field(default=None, converter=_path)

    def __attrs_post_init__(self) -> None:
        _ = self.key
        if self.mode == "production" and self.test_name is not None:
            raise ConfigError(
                f"test_name {self.test_name!r} given, but mode is production", hint="leave one of the two out"
            )
        if self.mode == "test" and self.coverage == "full_genome":
            dropped = "" if self.test_name is None else f"; test_name {self.test_name} is not used"
            logger.warning("coverage is full_genome: mode is production, not test%s", dropped)
            object.__setattr__(self, "mode", "production")
            object.__setattr__(self, "test_name", None)
        if self.mode == "test" and self.test_name is None:
            object.__setattr__(self, "test_name", f"test_{local_time():%Y%m%d_%H%M%S}")

    @property
    def key(self) -> ResourceKey:
        """Key of the folder in the data root."""
        return ResourceKey(kind="artifacts", source=self.source, build=self.build, release=self.release)

    @property
    def owner(self) -> dict[str, str | None]:
        """What decides the folder: base model, source, build and release.

        A pass that has this as ``artifacts`` in its identity is recognized wherever it is moved to.
        """
        return {
            "base_model": self.base_model,
            "build": self.build,
            "release": self.release,
            "source": self.source,
        }

    def __str__(self) -> str:
        release = "" if self.release is None else f" release {self.release}"
        return f"{self.base_model} on {self.source} {self.build}{release}"

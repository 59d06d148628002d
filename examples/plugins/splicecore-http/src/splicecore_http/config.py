"""Settings of the base model ``http``."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
from splicecore.api import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

__all__ = ["URL_VARIABLE", "HttpConfig"]

URL_VARIABLE = "SPLICECORE_HTTP_URL"
"""Environment variable with the URL, where the settings have none."""


@attrs.frozen(kw_only=True)
class HttpConfig:
    """Where the server is and how long to wait for it.

    Attributes
    ----------
    url
        Such as ``http://localhost:8000``; may have a path, to which those of the protocol are added. A setting is part
        of what scores are known by; :data:`URL_VARIABLE` in its place is not.
    timeout
        Seconds that an answer may take.
    retries
        Further attempts where the server cannot be reached or is busy.
    """

    url: str = attrs.field(factory=lambda: os.environ.get(URL_VARIABLE, ""))
    timeout: float = 300.0
    retries: int = 4

    def __attrs_post_init__(self) -> None:
        if not self.url:
            raise ConfigError(
                "http: no url is set", hint=f"name the server: --model-option url=http://HOST:PORT, or {URL_VARIABLE}"
            )
        if not _is_url(self.url):
            raise ConfigError(f"http: url is {self.url!r}", hint="it looks like http://HOST:PORT")
        if type(self.timeout) not in {int, float} or not math.isfinite(self.timeout) or self.timeout <= 0:
            raise ConfigError(f"http: timeout is {self.timeout!r}", hint="a number of seconds above 0")
        if type(self.retries) is not int or self.retries < 0:
            raise ConfigError(f"http: retries is {self.retries!r}", hint="a number, 0 or more")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Make a config from JSON-able values.

        Raises
        ------
        ConfigError
            For an unknown key or a value that makes no sense.
        """
        names = [field.name for field in attrs.fields(cls)]
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise ConfigError(
                f"http: unknown setting {', '.join(unknown)}", hint=f"its settings are {', '.join(names)}"
            )
        return cls(**values)


def _is_url(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        _ = parts.port  # a ValueError if it is no number
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain

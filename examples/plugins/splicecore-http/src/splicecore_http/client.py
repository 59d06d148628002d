"""Requests to the server: attempts, waiting, and errors that say what to do."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs
from splicecore.api import PluginError, ResourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore_http.config import HttpConfig

__all__ = ["Answer", "Client"]

_FIRST_WAIT, _LONGEST_WAIT = 0.25, 10.0
_BUSY = {502, 503, 504}

logger = logging.getLogger(__name__)


@attrs.frozen
class Answer:
    """What a server said: headers and body of a status 200."""

    headers: http.client.HTTPMessage
    body: bytes


class Client:
    """Talks to one server. Has no connection between requests, so that threads may share it.

    Parameters
    ----------
    config
        Where it is, how long to wait, how often to try again.
    """

    def __init__(self, config: HttpConfig) -> None:
        self._config = config
        self._parts = urlsplit(config.url)

    def request(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask until there is an answer.

        Raises
        ------
        ResourceError
            If the server cannot be reached or is too busy, after all attempts.
        PluginError
            If it answers with another error; its message is passed on.
        """
        url, reason = self._config.url, ""
        for attempt in range(self._config.retries + 1):
            if attempt:
                wait = min(_FIRST_WAIT * 2.0 ** (attempt - 1), _LONGEST_WAIT)
                logger.warning("http: %s: %s; again in %g s", url, reason, wait)
                time.sleep(wait)
            try:
                status, answer = self._once(method, path, body, dict(headers or {}))
            except (OSError, http.client.HTTPException) as error:
                reason = str(error) or type(error).__name__
                continue
            if status == http.client.OK:
                return answer
            if status not in _BUSY:
                raise self._refusal(status, answer.body)
            reason = f"status {status}"
        attempts = f"{self._config.retries + 1} attempt" + "s" * bool(self._config.retries)
        raise ResourceError(
            f"http: no answer from {url}: {reason} ({attempts})",
            hint="start it there with splicecore-http-serve, or check the settings url and timeout",
        )

    def _once(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Answer]:
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(str(self._parts.hostname), self._parts.port, timeout=self._config.timeout)
        with contextlib.closing(connection):
            connection.request(method, self._parts.path.rstrip("/") + path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, Answer(response.headers, response.read())

    def _refusal(self, status: int, body: bytes) -> PluginError:
        try:
            told = json.loads(body)
            message, hint = str(told["error"]), told.get("hint")
        except (ValueError, KeyError, TypeError, AttributeError):
            return PluginError(
                f"http: {self._config.url} answers with status {status}: no splicecore-http server, or another version",
                hint="check the setting url",
            )
        return PluginError(f"http: {self._config.url}: {message}", hint=None if hint is None else str(hint))

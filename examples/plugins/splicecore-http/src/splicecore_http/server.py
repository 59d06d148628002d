"""The server: one opened base model, the standard library's HTTP server, one call of the model at a time."""

from __future__ import annotations

import json
import logging
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np
from splicecore.api import SplicecoreError

from splicecore_http.protocol import FINGERPRINT, MODEL_PATH, PREDICT_PATH, SHAPE, describe, read_shape, write_shape

if TYPE_CHECKING:
    from splicecore.api import BaseModel

__all__ = ["ModelServer"]

logger = logging.getLogger(__name__)


class ModelServer(ThreadingHTTPServer):
    """Serves a base model. ``serve_forever`` and ``shutdown`` are the standard library's.

    Parameters
    ----------
    model
        Opened; whoever opened it closes it.
    host, port
        Where to listen; port 0 takes a free one.
    """

    daemon_threads = True

    def __init__(self, model: BaseModel, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), _Handler)
        self.model = model
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where clients find it."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong; the client sees a closed connection."""
        del request
        logger.error("a request of %s failed", client_address[0], exc_info=sys.exception())


class _Refused(Exception):  # noqa: N818
    """A request that is answered with an error."""

    def __init__(self, status: HTTPStatus, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.hint = status, message, hint


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer
    timeout = 60  # seconds that a client may be silent
    server_version = "splicecore-http"

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._predict)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        logger.debug("%s %s", self.address_string(), format % args)

    def _answer(self, handle: Any) -> None:
        try:
            headers, body = handle()
        except _Refused as error:
            told = {"error": error.message, "hint": error.hint}
            self._send(error.status, {"Content-Type": "application/json"}, json.dumps(told).encode())
        else:
            self._send(HTTPStatus.OK, headers, body)

    def _send(self, status: HTTPStatus, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _get(self) -> tuple[dict[str, str], bytes]:
        if self.path != MODEL_PATH:
            raise _Refused(HTTPStatus.NOT_FOUND, f"there is no {self.path}")
        return {"Content-Type": "application/json"}, json.dumps(describe(self.server.model)).encode()

    def _predict(self) -> tuple[dict[str, str], bytes]:
        if self.path != PREDICT_PATH:
            raise _Refused(HTTPStatus.NOT_FOUND, f"there is no {self.path}")
        model = self.server.model
        wanted = self.headers.get(FINGERPRINT)
        codes = self._codes()
        if wanted != model.fingerprint:
            raise _Refused(
                HTTPStatus.CONFLICT,
                f"the model has changed: {wanted} was asked for, {model.fingerprint} is served",
                "run the same command again; what was scored before is not mixed with it",
            )
        try:
            with self.server.lock:
                scores = np.ascontiguousarray(model.predict(codes), dtype="<f4")
        except ValueError as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, str(error)) from error
        except SplicecoreError as error:
            raise _Refused(HTTPStatus.INTERNAL_SERVER_ERROR, error.message, error.hint) from error
        headers = {SHAPE: write_shape(scores.shape), FINGERPRINT: model.fingerprint}
        return {**headers, "Content-Type": "application/octet-stream"}, scores.tobytes()

    def _codes(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """Read the request's array; nothing is read that the model would not take."""
        spec, shape = self.server.model.spec, read_shape(self.headers.get(SHAPE))
        length = read_shape(self.headers.get("Content-Length"))
        if shape is None or len(shape) != 2 or length != (shape[0] * shape[1],):
            raise _Refused(HTTPStatus.BAD_REQUEST, "X-Shape is not that of the body, or missing")
        positions = shape[1] - spec.left - spec.right
        if positions < 1 or not 0 < shape[0] * positions <= spec.max_positions:
            raise _Refused(HTTPStatus.BAD_REQUEST, f"{spec.name} does not score an array of shape {shape} at once")
        body = self.rfile.read(length[0])
        if len(body) != length[0]:
            raise _Refused(HTTPStatus.BAD_REQUEST, f"{len(body)} of {length[0]} bytes came")
        return np.frombuffer(body, dtype=np.uint8).reshape(shape)

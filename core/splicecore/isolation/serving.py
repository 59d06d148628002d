"""The worker's side: answers requests for one base model."""

from __future__ import annotations

import json
import logging
import os
import platform
import sys
import threading
import traceback
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

import splicecore
from splicecore.errors import ContractError, SplicecoreError
from splicecore.isolation.protocol import LOG_MARK, PROTOCOL, ProtocolError, encode, read_frame
from splicecore.plugins.host import PluginHost, PluginSettings
from splicecore.plugins.specs import BaseModelSpec, OpenRequest, ResourceRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from splicecore.plugins.protocols import BaseModel

__all__ = ["ModelServer", "serve", "spec_to_json"]

_GRACE = 10.0
"""Seconds that a model has to close in when the other side is gone."""

_Frame = tuple[dict[str, Any], "list[npt.NDArray[Any]]"]


def serve(requests: int, replies: int) -> None:
    """Say hello, then answer requests until there are no more.

    Parameters
    ----------
    requests, replies
        File descriptors of the pipes.
    """
    _set_up_logging()
    hello = {
        "protocol": PROTOCOL,
        "splicecore": splicecore.__version__,
        "python": platform.python_version(),
        "executable": sys.executable,
    }
    _send(replies, encode(hello))
    incoming: SimpleQueue[_Frame | None] = SimpleQueue()
    finished = threading.Event()
    threading.Thread(target=_receive, args=(requests, incoming, finished), daemon=True).start()
    server = ModelServer()
    try:
        while (request := incoming.get()) is not None:
            _send(replies, server.answer(*request))
    except BrokenPipeError:
        pass  # the other side is gone, and nobody is left to tell
    finally:
        server.close()
        finished.set()


def _receive(pipe: int, incoming: SimpleQueue[_Frame | None], finished: threading.Event) -> None:
    """Pass requests on; when the pipe ends, end the process even if it is at work."""

    def read_exactly(size: int) -> bytearray:
        data = bytearray()
        while len(data) < size:
            more = os.read(pipe, min(size - len(data), 1 << 20))
            if not more:
                raise EOFError
            data += more
        return data

    try:
        while True:
            incoming.put(read_frame(read_exactly))
    except EOFError:
        pass
    except ProtocolError as error:
        sys.stderr.write(f"{error}\n")
    incoming.put(None)
    if not finished.wait(_GRACE):
        os._exit(1)


def _send(pipe: int, data: memoryview) -> None:
    while data:
        data = data[os.write(pipe, data) :]


class ModelServer:
    """Does what requests ask for; holds the plugins and the opened model."""

    def __init__(self) -> None:
        self._host: PluginHost | None = None
        self._model: BaseModel | None = None

    def answer(self, head: Mapping[str, Any], arrays: list[npt.NDArray[Any]]) -> memoryview:
        """Return the frame that answers a request; whatever is raised is told in it."""
        try:
            return encode(*getattr(self, f"_do_{head['do']}")(head, arrays))
        except ProtocolError as error:
            return encode(_error(ContractError(f"the base model returned what it may not: {error}")))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the other side is to raise it
            return encode(_error(error))

    def close(self) -> None:
        """Close the model."""
        if self._model is not None:
            self._model.close()
            self._model = None

    def _do_describe(self, head: Mapping[str, Any], _: object) -> _Frame:
        """Tell what the model is without opening it."""
        from splicecore.predict.manifest import environment_of
        from splicecore.predict.opened_model import implementation, loaded_plugins

        host = self._discover(head)
        spec = host.base_model(head["name"])
        return {
            "spec": spec_to_json(spec),
            "provider": host.provider("base_models", spec.name).title,
            "plugins": loaded_plugins(host),
            "implementation": implementation(host, spec.name),
            "environment": environment_of(host),
        }, []

    def _do_find(self, head: Mapping[str, Any], _: object) -> _Frame:
        """Find the model's weights where its own environment has them."""
        location = self._discover(head).find_resource(ResourceRequest(**head["request"]))
        return attrs.asdict(location), []

    def _do_open(self, head: Mapping[str, Any], _: object) -> _Frame:
        host = self._discover(head)
        self.close()
        self._model = host.open_base_model(host.base_model(head["name"]), OpenRequest(**head["request"]))
        edits = callable(getattr(self._model, "predict_edits", None))
        return {"spec": spec_to_json(self._model.spec), "fingerprint": self._model.fingerprint, "edits": edits}, []

    def _do_predict(self, _: object, arrays: list[npt.NDArray[Any]]) -> _Frame:
        return {}, [_array(self._opened.predict(arrays[0]))]

    def _do_predict_edits(self, head: Mapping[str, Any], arrays: list[npt.NDArray[Any]]) -> _Frame:
        codes, *replacements = arrays
        edits = [(start, end, new) for (start, end), new in zip(head["spans"], replacements, strict=True)]
        scores = self._opened.predict_edits(codes, edits, head["radius"])
        if not isinstance(scores, list):
            raise ContractError(f"predict_edits returned {type(scores).__name__} instead of a list")
        return {}, [_array(each) for each in scores]

    @property
    def _opened(self) -> Any:
        if self._model is None:
            raise RuntimeError("no model is open")
        return self._model

    def _discover(self, head: Mapping[str, Any]) -> PluginHost:
        if self._host is None:
            self._host = PluginHost.discover(PluginSettings(**head["plugins"]))
        return self._host


def spec_to_json(spec: BaseModelSpec) -> dict[str, Any]:
    """Return a descriptor as JSON-able values, less the class of its settings, which cannot leave its environment."""
    return attrs.asdict(spec, recurse=False, filter=lambda field, _: field.name != "config_cls")


def _array(scores: Any) -> npt.NDArray[Any]:
    if not isinstance(scores, np.ndarray):
        raise ContractError(f"the base model returned {type(scores).__name__} instead of an array")
    return scores


def _error(error: BaseException) -> dict[str, Any]:
    known = isinstance(error, SplicecoreError)
    return {
        "error": type(error).__name__,
        "known": known,
        "message": error.message if isinstance(error, SplicecoreError) else str(error),
        "hint": error.hint if isinstance(error, SplicecoreError) else None,
        "args": [arg for arg in error.args if isinstance(arg, str | int | float)],
        "trace": "".join(traceback.format_exception(error)),
    }


class _Records(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        line = json.dumps([record.levelno, record.name, record.getMessage()])
        sys.stderr.write(f"{LOG_MARK}{line}\n")
        sys.stderr.flush()


def _set_up_logging() -> None:
    """Send records to stderr, where the other side tells them from what is printed."""
    root = logging.getLogger()
    root.addHandler(_Records())
    root.setLevel(logging.INFO)

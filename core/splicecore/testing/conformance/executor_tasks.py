"""The task that the executor checks run: it notes in a folder what happens to it, so that any process can look."""

from __future__ import annotations

import os
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splicecore.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NotingTask", "events", "open_task"]


class NotingTask:
    """Multiplies numbers.

    ``config``: ``folder`` for the notes, ``factor``, ``fail_to_open``. A shard: ``n``, ``seconds`` to take, ``fail``.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.name = uuid.uuid4().hex
        self._busy = threading.Lock()
        if config.get("fail_to_open"):
            raise InputError("the task cannot be opened", hint="as it should")
        self._note("opened")

    def __call__(self, shard: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do one shard."""
        alone = self._busy.acquire(blocking=False)
        if not alone:
            self._note("two-at-once")
        try:
            self._note(f"began-{shard['n']}")
            time.sleep(shard.get("seconds", 0))
            if shard.get("fail"):
                raise InputError(f"shard {shard['n']} is bad", hint="as it should")
            self._note(f"done-{shard['n']}")
            return {"n": shard["n"] * self.config["factor"], "pid": os.getpid(), "nested": {"list": [1, None, "x"]}}
        finally:
            if alone:
                self._busy.release()

    def close(self) -> None:
        """Note the end."""
        self._note("closed")

    def _note(self, event: str) -> None:
        Path(self.config["folder"], f"{event}@{self.name}@{uuid.uuid4().hex}").touch()


def events(folder: str, kind: str) -> list[str]:
    """Names of the task objects that noted an event (``opened``, ``began-3``, ...), once for each time."""
    return [path.name.split("@")[1] for path in Path(folder).iterdir() if path.name.startswith(f"{kind}@")]


def open_task(config: Mapping[str, Any]) -> NotingTask:
    """Open the task; what the checks name to the executor."""
    return NotingTask(config)

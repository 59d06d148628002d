"""The other side of the checks that need a new process: reads a pickled call, writes the pickled result."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import pickle
import random
import signal
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from splicecore.genome.encoding import Codes
    from splicecore.plugins.protocols import BaseModel, Scores
    from splicecore.plugins.specs import BaseModelSpec, OpenRequest
    from splicecore.testing.conformance.feature_case import FeatureSetCase

__all__ = [
    "changed_state",
    "computed_features",
    "imported_frameworks",
    "main",
    "memory_used",
    "opened_and_scored",
    "read",
    "write",
]

_Text = str | bytes | os.PathLike[str] | os.PathLike[bytes]
_SEED = 20_240_229


def imported_frameworks(module: str, frameworks: Sequence[str]) -> list[str]:
    """Names of the frameworks that importing ``module`` brings in."""
    before = set(sys.modules)
    importlib.import_module(module)
    return [name for name in frameworks if name in sys.modules and name not in before]


def opened_and_scored(
    opener: Callable[[BaseModelSpec, OpenRequest], BaseModel], spec: BaseModelSpec, request: OpenRequest, codes: Codes
) -> tuple[Scores, str]:
    """Scores of ``codes`` and fingerprint of the model that spec and request open here."""
    with opener(spec, request) as model:
        return model.predict(codes), model.fingerprint


def changed_state(
    opener: Callable[[BaseModelSpec, OpenRequest], BaseModel], spec: BaseModelSpec, request: OpenRequest, codes: Codes
) -> list[str]:
    """Name what of the process's global state the model changes when it is opened and used for the second time.

    Variables that it wrote the first time are unset for the second: one that it inherited, from a parent process in
    which the model ran before, would otherwise look untouched.
    """
    environment = dict(os.environ)
    with _environment_writes() as written, opener(spec, request) as model:
        model.predict(codes)
    os.environ.clear()
    os.environ.update({name: value for name, value in environment.items() if name not in written})
    _reset_state()
    before = _state()
    with opener(spec, request) as model:
        model.predict(codes)
    after = _state()
    return [name for name, value in before.items() if after[name] != value]


def memory_used(
    opener: Callable[[BaseModelSpec, OpenRequest], BaseModel],
    spec: BaseModelSpec,
    request: OpenRequest,
    shape: tuple[int, int],
) -> int | None:
    """Bytes that opening the model and a call of (windows, positions) add to this process; None where nobody tells."""
    before = _largest_memory()
    with opener(spec, request) as model:
        rows, positions = shape
        model.predict(np.zeros((rows, model.spec.left + positions + model.spec.right), dtype=np.uint8))
    after = _largest_memory()
    return None if before is None or after is None else after - before


def computed_features(case: FeatureSetCase) -> list[dict[str, str]]:
    """Features of the case's block, as text."""
    from splicecore.testing.conformance.feature_case import as_text

    return [as_text(batch) for batch in case.features(case.block())]


def write(path: Path, value: object) -> None:
    """Pickle a value into a file that only this kit reads."""
    path.write_bytes(pickle.dumps(value))


def read(path: Path) -> Any:
    """Read what :func:`write` wrote."""
    return pickle.loads(path.read_bytes())  # noqa: S301 - written by this kit a moment ago


def main(call: str, result: str) -> None:
    """Do the call in file ``call`` and write what it returns to file ``result``."""
    function, arguments = read(Path(call))
    write(Path(result), globals()[function](*arguments))


@contextlib.contextmanager
def _environment_writes() -> Iterator[set[str]]:
    """Collect the names of the environment variables that are set in the block."""
    written: set[str] = set()
    putenv = os.putenv

    def record(name: _Text, value: _Text, /) -> None:
        written.add(os.fsdecode(name))
        putenv(name, value)

    os.putenv = record
    try:
        yield written
    finally:
        os.putenv = putenv


def _largest_memory() -> int | None:
    """Largest resident memory of this process so far, in bytes; what the parent had at the fork does not count."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 if found else None


def _reset_state() -> None:
    """Put global state where no plugin would put it, so that a change shows even if it was made once before."""
    random.seed(_SEED)
    np.random.seed(_SEED)  # noqa: NPY002 - the global generator is what is watched
    np.seterr(all="warn", under="ignore")
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    warnings.resetwarnings()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(_SEED)
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)


def _state() -> dict[str, Any]:
    generator = np.random.get_state(legacy=False)  # noqa: NPY002 - the global generator is what is watched
    state: dict[str, Any] = {
        "random's generator": random.getstate(),
        "NumPy's global generator": pickle.dumps(generator),
        "NumPy's error handling": np.geterr(),
        "os.environ": dict(os.environ),
        "the working folder": str(Path.cwd()),
        "sys.path": list(sys.path),
        "the root logger": (logging.root.level, logging.root.disabled, [type(each) for each in logging.root.handlers]),
        "warnings.filters": [repr(each) for each in warnings.filters],
        "the handler of interrupts": str(signal.getsignal(signal.SIGINT)),
        "sys.excepthook": repr(sys.excepthook),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        state["torch's default dtype"] = str(torch.get_default_dtype())
        state["torch's generator"] = torch.get_rng_state().numpy().tobytes()
        state["torch's gradient mode"] = torch.is_grad_enabled()
    return state

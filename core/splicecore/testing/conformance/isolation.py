"""Checks that a model leaves the rest of the process alone and works the same in another one."""

from __future__ import annotations

import contextlib
import io
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from splicecore.testing.conformance import worker
from splicecore.testing.conformance.case import BaseModelCase, ConformanceFailure, difference, expect, skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "FRAMEWORKS",
    "captured_stdout",
    "check_global_state",
    "check_input_layout",
    "check_input_untouched",
    "check_light_import",
    "check_other_process",
    "check_silence",
    "in_new_process",
    "unchanged_generators",
]

FRAMEWORKS = (
    "flax", "jax", "keras", "lightgbm", "onnxruntime", "sklearn", "tensorflow", "torch", "transformers", "xgboost"
)  # fmt: skip
"""Packages that importing a plugin's module must not import: listing plugins imports them all."""

_TIMEOUT = 600
_SEED = 20_240_229


def check_light_import(case: BaseModelCase) -> None:
    """Check that importing the entry point's module imports no machine-learning framework.

    Remedy: import frameworks in the module that the factory names, not in the one that the entry point names.
    """
    if case.plugin_module is None:
        skip("no entry point of splicecore.plugins.v1 in the factory's package: override the plugin_module fixture")
    heavy = in_new_process("imported_frameworks", case.plugin_module, FRAMEWORKS)
    expect(not heavy, f"importing {case.plugin_module} imports {', '.join(heavy)}: import inside the factory's module")


def check_other_process(case: BaseModelCase) -> None:
    """Check that spec and request, sent to a new process, open the same model there: same fingerprint, same bytes.

    Remedy: derive everything from spec and request; no process ids, no order of sets, no state of the module.
    """
    with case.open() as model:
        codes = case.windows(model.spec, n=2)
        here, fingerprint = model.predict(codes), model.fingerprint
    there, there_fingerprint = in_new_process("opened_and_scored", case.opener, case.spec, case.request, codes)
    expect(fingerprint == there_fingerprint, f"fingerprint {fingerprint} here is {there_fingerprint} in a new process")
    expect(
        here.tobytes() == there.tobytes(),
        f"a new process gives other bytes for the same input (largest difference {difference(here, there):.2g})",
    )


def check_input_untouched(case: BaseModelCase) -> None:
    """Check that ``predict`` writes nothing into its input.

    Remedy: copy what you write to.
    """
    with case.open() as model:
        codes = case.windows(model.spec, n=2)
        codes[:, ::7] = 4
        before = codes.copy()
        model.predict(codes)
    changed = int(np.count_nonzero(before != codes))
    expect(changed == 0, f"predict changed {changed} codes of its input")


def check_input_layout(case: BaseModelCase) -> None:
    """Check that read-only input, and input that is a view of something larger, is scored like any other.

    Remedy: start with np.ascontiguousarray where a framework needs it, and never write into the input.
    """
    with case.open() as model:
        spec = model.spec
        codes = case.windows(spec, n=2)
        expected = model.predict(codes.copy())
        locked = codes.copy()
        locked.flags.writeable = False
        larger = np.full((2 * codes.shape[0], 2 * codes.shape[1]), 4, dtype=np.uint8)
        strided = larger[::2, ::2]
        strided[...] = codes
        layouts = {"read-only": locked, "strided": strided, "column-major": np.asfortranarray(codes)}
        for which, given in layouts.items():
            try:
                scores = model.predict(given)
            except Exception as error:
                raise ConformanceFailure(f"{which} input raised {error!r}") from error
            off = difference(expected, scores)
            expect(off <= spec.tolerance, f"{which} input differs by {off:.2g} (tolerance {spec.tolerance:g})")


def check_silence(case: BaseModelCase) -> None:
    """Check that opening, scoring and closing write nothing to standard output, which belongs to results.

    Remedy: log with the logging module; turn progress bars of the framework off.
    """
    with captured_stdout() as written, case.open() as model:
        model.predict(case.windows(model.spec, n=1))
    text = "".join(written)
    expect(not text, f"standard output got {text[:200]!r}; use logging or standard error")


def check_global_state(case: BaseModelCase) -> None:
    """Check that random generators, environment, logging, warnings, import path and torch's defaults are left alone.

    A new process looks, where nothing opened the model before. There it is opened twice, so that what frameworks do
    when they are first imported is not held against it.

    Remedy: use generators of your own and restore what a framework makes you set.
    """
    with case.open() as model:
        codes = case.windows(model.spec, n=1)
    changed = in_new_process("changed_state", case.opener, case.spec, case.request, codes)
    expect(not changed, f"opening or scoring changes {', '.join(changed)}")


def in_new_process(function: str, *arguments: Any) -> Any:
    """Call a function of the worker module in a new interpreter with this one's import path."""
    with tempfile.TemporaryDirectory() as folder:
        call, result = Path(folder) / "call", Path(folder) / "result"
        worker.write(call, (function, arguments))
        program = f"import sys; sys.path[:] = {sys.path!r}; from {worker.__name__} import main; main(*sys.argv[1:])"
        done = subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, "-c", program, str(call), str(result)],
            check=False, capture_output=True, text=True, timeout=_TIMEOUT,
        )  # fmt: skip
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
            raise ConformanceFailure(f"{function} failed in a new process: {last[0]}")
        return worker.read(result)


def unchanged_generators(action: Callable[[], object]) -> bool:
    """Whether an action leaves the global generators of ``random`` and NumPy alone; they are restored afterwards."""
    kept = (random.getstate(), np.random.get_state())  # noqa: NPY002 - the global generator is what is watched
    random.seed(_SEED)  # where no plugin would put it, so that a change shows even if it was made once before
    np.random.seed(_SEED)  # noqa: NPY002
    try:
        before = (random.getstate(), _numpy_state())
        action()
        return before == (random.getstate(), _numpy_state())
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002


def _numpy_state() -> bytes:
    state = np.random.get_state(legacy=False)  # noqa: NPY002 - the global generator is what is watched
    return repr(state).encode() + np.asarray(state["state"]["key"]).tobytes()


@contextlib.contextmanager
def captured_stdout() -> Iterator[list[str]]:
    """Divert what Python code and C code write to standard output into a list, complete once the block ends."""
    written: list[str] = []
    text = io.StringIO()
    with tempfile.TemporaryFile() as sink:
        sys.stdout.flush()
        saved = os.dup(1)
        os.dup2(sink.fileno(), 1)
        try:
            with contextlib.redirect_stdout(text):
                yield written
        finally:
            os.dup2(saved, 1)
            os.close(saved)
            sink.seek(0)
            written += [text.getvalue(), sink.read().decode("utf-8", "replace")]

"""Import of TensorFlow and Keras as a guest: quietly, with Keras on TensorFlow, and with nothing left changed."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any, BinaryIO

import attrs
from splicecore.api import ConfigError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["REMEDY", "TensorflowRuntime", "open_tensorflow"]

logger = logging.getLogger(__name__)

REMEDY = 'pip install "splicecore-spliceai[tensorflow]"'

_ENVIRONMENT = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}
"""Variables that are read when the two are imported; what they were before is put back."""

_CHATTER = re.compile(rb"WARNING: All log messages before absl|[IWE]\d{4} |\d{4}-\d\d-\d\d [\d:.]+: [IWE] ")
"""Lines of TensorFlow's C++ log as absl and its predecessor write them; one of its errors is that there is no GPU."""

_IMPORTING = threading.Lock()


@attrs.frozen
class TensorflowRuntime:
    """The two modules, typed as Any because neither has type hints.

    Attributes
    ----------
    tf
        The module ``tensorflow``.
    keras
        The module ``keras``, version 3, on the backend TensorFlow.
    """

    tf: Any
    keras: Any

    def device(self, name: str) -> str:
        """Return TensorFlow's name of a device (``"cuda:1"`` is ``"/GPU:1"``).

        Raises
        ------
        ConfigError
            If the device is unknown or not available here.
        """
        kind, _, number = name.partition(":")
        if kind == "mps":
            raise ConfigError(
                f"device {name!r}: the engine tensorflow has no Metal device", hint="use --device cpu or --engine torch"
            )
        if kind not in ("cpu", "cuda") or not re.fullmatch(r"(cpu|cuda)(:\d+)?", name, re.ASCII):
            raise ConfigError(f"unknown device {name!r}", hint="use cpu, cuda or cuda:N")
        count, index = len(self.tf.config.get_visible_devices({"cpu": "CPU", "cuda": "GPU"}[kind])), int(number or 0)
        if count == 0:
            raise ConfigError(
                f"device {name!r}: this TensorFlow sees no CUDA device",
                hint='use --device cpu, or pip install "tensorflow[and-cuda]" and check the driver with nvidia-smi',
            )
        if index >= count:
            raise ConfigError(f"device {name!r}: there are only {count} of its kind", hint=f"they count from {kind}:0")
        return f"/{'CPU' if kind == 'cpu' else 'GPU'}:{index}"

    def claim_threads(self) -> None:
        """Let every operation run on one thread, unless this process has decided otherwise before.

        The number is the process's and cannot be changed once TensorFlow computes, so where TensorFlow is in use
        already, or a number has been set, that stays.
        """
        threading_config = self.tf.config.threading
        chosen = threading_config.get_intra_op_parallelism_threads()
        if chosen == 0:
            with contextlib.suppress(RuntimeError):  # it computes already, on as many threads as there are cores
                threading_config.set_intra_op_parallelism_threads(1)
            chosen = threading_config.get_intra_op_parallelism_threads()
        if chosen != 1:
            logger.info("TensorFlow was set up by others, with %s threads an operation", chosen or "all")

    @contextlib.contextmanager
    def exact_products(self) -> Iterator[None]:
        """Full float32 in the block, where GPUs would round factors to TF32."""
        precision = self.tf.config.experimental
        allowed = precision.tensor_float_32_execution_enabled()
        precision.enable_tensor_float_32_execution(False)
        try:
            yield
        finally:
            precision.enable_tensor_float_32_execution(allowed)


def open_tensorflow() -> TensorflowRuntime:
    """Import TensorFlow and Keras.

    The environment is as before afterwards. What TensorFlow's C++ code says meanwhile goes to this module's log, at
    level DEBUG, in place of standard error. Keras may make its folder of settings (``KERAS_HOME``), as it always does.

    Raises
    ------
    MissingDependencyError
        If TensorFlow or Keras cannot be imported, or Keras is older than version 3.
    ConfigError
        If this process has imported Keras with another backend.
    """
    with _IMPORTING:
        try:
            if "tensorflow" in sys.modules and "keras" in sys.modules:
                tf, keras = sys.modules["tensorflow"], sys.modules["keras"]
            else:
                with _environment(), _quiet():
                    tf = importlib.import_module("tensorflow")  # first: without it, Keras fails with its own error
                    keras = importlib.import_module("keras")
                    tf.config.get_visible_devices()  # looks for GPUs, and says so
        except ImportError as error:
            raise MissingDependencyError(f"spliceai: engine tensorflow: {_one_line(error)}", hint=REMEDY) from error
    if int(keras.__version__.partition(".")[0]) < 3:
        raise MissingDependencyError(
            f"spliceai: engine tensorflow needs Keras 3, this is {keras.__version__}", hint=REMEDY
        )
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ConfigError(
            f"spliceai: engine tensorflow: Keras runs on {backend} in this process",
            hint="set KERAS_BACKEND=tensorflow before Keras is imported, or use the engine torch",
        )
    return TensorflowRuntime(tf, keras)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    if before["TF_CPP_MIN_LOG_LEVEL"] is not None:  # who asks for TensorFlow's log gets it
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = before["TF_CPP_MIN_LOG_LEVEL"]
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the log of the C++ code off standard error in the block; whatever else was written there follows after it.

    No variable does this for the lines that are written while the libraries are being loaded.
    """
    try:
        sys.stderr.flush()
        real = os.dup(2)
    except (AttributeError, OSError, ValueError):  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            with contextlib.suppress(AttributeError, OSError, ValueError):
                sys.stderr.flush()
            os.dup2(real, 2)
            os.close(real)
            _pass_on(written)


def _pass_on(written: BinaryIO) -> None:
    written.seek(0)
    for line in written:
        if _CHATTER.match(line):
            logger.debug("%s", line.decode("utf-8", "replace").rstrip())
        else:
            os.write(2, line)

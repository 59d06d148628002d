"""The side of this process: a base model that runs in another interpreter, and what that interpreter has."""

from __future__ import annotations

import builtins
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

import splicecore
from splicecore import errors
from splicecore.errors import PluginError, PluginNotFoundError, SplicecoreError
from splicecore.isolation.process import WorkerProcess
from splicecore.isolation.protocol import PROTOCOL
from splicecore.plugins.specs import BaseModelSpec, ResourceLocation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    import numpy.typing as npt

    from splicecore.plugins.protocols import Edit, Scores
    from splicecore.plugins.records import PluginSettings
    from splicecore.plugins.specs import OpenRequest, ResourceRequest

__all__ = ["Description", "IsolatedModel", "call_limit", "describe", "find_weights", "open_isolated"]

logger = logging.getLogger(__name__)

STARTING = 120.0
"""Seconds that an interpreter may take to start and to import splicecore."""

OPENING = 900.0
"""Seconds that plugins may take to be found and a model to be opened."""

_AT_LEAST, _PER_BASE = 300.0, 0.02
_MISSING = re.compile(r"No module named '?splicecore(\.isolation)?(?![\w.])")


def call_limit(bases: int) -> float:
    """Seconds that a call may take where the user does not say: 300, and 0.02 for each base that the model is given.

    SpliceAI's five networks take 0.0001 s a base on two cores; a hundredth of that speed still passes.
    """
    return _AT_LEAST + _PER_BASE * bases


@attrs.frozen(kw_only=True)
class Description:
    """A base model as another environment has it.

    Attributes
    ----------
    spec
        Its descriptor, without the class of its settings.
    provider
        Plugin, distribution and version that it is of.
    plugins
        The plugins that are loaded there, [distribution, version, name] each; None if the version of one is unknown.
    implementation
        Versions of the distributions that compute it, as in
        :attr:`~splicecore.predict.opened_model.OpenedModel.implementation`.
    environment
        Versions there, as a run's manifest has them.
    """

    spec: BaseModelSpec
    provider: str
    plugins: list[list[str]] | None
    implementation: dict[str, str]
    environment: dict[str, Any]


def describe(name: str, interpreter: str, plugins: PluginSettings) -> Description:
    """Ask another environment for a base model's descriptor; the model is not opened.

    Raises
    ------
    PluginError
        If there is no worker to be had there: no splicecore, another version of it, or it does not answer.
    SplicecoreError
        What :meth:`~splicecore.plugins.host.PluginHost.base_model` raises there.
    """
    worker = _Worker(name, interpreter)
    try:
        told, _ = worker.ask({"do": "describe", "name": name, "plugins": _settings(plugins)}, timeout=OPENING)
    finally:
        worker.kill()
    return Description(**{**told, "spec": _spec(told["spec"])})


def find_weights(request: ResourceRequest, interpreter: str, plugins: PluginSettings) -> ResourceLocation:
    """Ask the resource finders of another environment.

    Raises
    ------
    ResourceNotFoundError
        If none of them has it either.
    """
    worker = _Worker(request.name, interpreter)
    try:
        head = {"do": "find", "request": attrs.asdict(request), "plugins": _settings(plugins)}
        told, _ = worker.ask(head, timeout=OPENING)
    finally:
        worker.kill()
    return ResourceLocation(**told)


def open_isolated(name: str, request: OpenRequest, plugins: PluginSettings) -> IsolatedModel:
    """Open a base model in ``request.interpreter``.

    Parameters
    ----------
    name
        Of the base model, which need not be installed here.
    request
        How to open it there.
    plugins
        Which plugins to load there.

    Returns
    -------
    A :class:`~splicecore.api.BaseModel`; with ``predict_edits`` if the model there has it.

    Raises
    ------
    SplicecoreError
        As :func:`describe`, and what :meth:`~splicecore.plugins.host.PluginHost.open_base_model` raises there.
    """
    worker = _Worker(name, str(request.interpreter))
    own = attrs.asdict(attrs.evolve(request, interpreter=None, timeout=None))
    if request.weights is not None:
        own["weights"] = str(Path(request.weights).absolute())
    try:
        head = {"do": "open", "name": name, "request": own, "plugins": _settings(plugins)}
        told, _ = worker.ask(head, timeout=max(OPENING, request.timeout or 0))
        cls = EditingIsolatedModel if told["edits"] else IsolatedModel
        model = cls(worker, _spec(told["spec"]), told["fingerprint"], request.timeout)
    except BaseException:
        worker.kill()
        raise
    logger.info("%s runs in %s, Python %s, process %d", name, request.interpreter, worker.python, worker.pid)
    return model


class IsolatedModel:
    """A base model in another process, which lives until :meth:`close`.

    Calls of several threads are made one after another.

    Attributes
    ----------
    spec, fingerprint
        As opened there.
    pid
        Of the process.
    """

    def __init__(self, worker: _Worker, spec: BaseModelSpec, fingerprint: str, timeout: float | None) -> None:
        self.spec, self.fingerprint = spec, fingerprint
        self._worker, self._timeout = worker, timeout
        self.pid = worker.pid

    def predict(self, codes: npt.NDArray[Any]) -> Scores:
        """Score positions; see :meth:`splicecore.plugins.protocols.BaseModel.predict`.

        Raises
        ------
        PluginError
            If the process ended, or took longer than it may: what it wrote last is in the message.
        """
        _, (scores,) = self._worker.ask({"do": "predict"}, [codes], timeout=self._limit(codes.size))
        return scores

    def close(self) -> None:
        """Close the model and end its process. May be called twice."""
        self._worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _limit(self, bases: int) -> float:
        return call_limit(bases) if self._timeout is None else self._timeout


class EditingIsolatedModel(IsolatedModel):
    """The same with ``predict_edits``."""

    def predict_edits(self, codes: npt.NDArray[Any], edits: Sequence[Edit], radius: int) -> list[Scores]:
        """Score edits; see :meth:`splicecore.plugins.protocols.EditScoring.predict_edits`."""
        head = {
            "do": "predict_edits",
            "spans": [[int(start), int(end)] for start, end, _ in edits],
            "radius": int(radius),
        }
        around = self.spec.left + self.spec.right + 2 * radius
        limit = self._limit(codes.size + sum(around + len(new) for _, _, new in edits))
        _, scores = self._worker.ask(head, [codes, *(new for _, _, new in edits)], timeout=limit)
        return scores


class _Worker:
    """A worker that has said hello; raises here what is raised there."""

    def __init__(self, name: str, interpreter: str) -> None:
        self._interpreter = interpreter
        self._title = f"base model {name!r} in {interpreter}"
        self._process = WorkerProcess([interpreter, "-m", "splicecore.isolation.worker"], self._title)
        self.pid = self._process.pid
        try:
            hello = self._process.hello(STARTING)
            self._check(hello)
        except PluginError as error:
            self._process.close()
            raise self._without_splicecore(error) from error
        except BaseException:
            self._process.close()
            raise
        self.python = str(hello["python"])

    def ask(
        self, head: dict[str, Any], arrays: Sequence[npt.NDArray[Any]] = (), *, timeout: float
    ) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
        answer, found = self._process.ask(head, arrays, timeout=timeout)
        if "error" in answer:
            self._raise(answer)
        return answer, found

    def close(self) -> None:
        self._process.close()

    def kill(self) -> None:
        self._process.kill()

    def _check(self, hello: dict[str, Any]) -> None:
        theirs, ours = str(hello.get("splicecore")), splicecore.__version__
        protocol = hello.get("protocol")
        if protocol == PROTOCOL and _series(theirs) == _series(ours):
            if theirs != ours:
                logger.warning("%s has splicecore %s; here is %s", self._title, theirs, ours)
            return
        more = "" if protocol == PROTOCOL else f", which speaks protocol {protocol} and not {PROTOCOL}"
        raise PluginError(
            f"{self._title}: splicecore there is {theirs}{more}; here it is {ours}",
            hint=f"{self._interpreter} -m pip install 'splicecore=={ours}'",
        )

    def _without_splicecore(self, error: PluginError) -> PluginError:
        """Say plainly that splicecore is not there, or too old to have a worker."""
        match = next((m for line in self._process.last_lines if (m := _MISSING.search(line))), None)
        if match is None:
            return error
        ours = splicecore.__version__
        what = "splicecore is not installed there"
        if match[1]:
            what = f"splicecore there is of a version that cannot serve base models; here it is {ours}"
        return PluginError(f"{self._title}: {what}", hint=f"{self._interpreter} -m pip install 'splicecore=={ours}'")

    def _raise(self, answer: dict[str, Any]) -> None:
        logger.debug("%s: %s", self._title, answer["trace"])
        name, message = answer["error"], answer["message"]
        if answer["known"]:
            cls = getattr(errors, name, PluginError)
            hint = answer["hint"]
            if cls is PluginNotFoundError:
                hint = f"{self._interpreter} -m pip install the plugin; -m splicecore plugins list shows what is there"
            error: Exception = cls(f"{message}, in the environment of {self._interpreter}", hint=hint)
        else:
            error = _same_exception(name, message, answer["args"])
        error.add_note(f"In the worker:\n{answer['trace']}")
        raise error


def _same_exception(name: str, message: str, args: Sequence[Any]) -> Exception:
    """Return a builtin exception as it was, any other as a RuntimeError that names it."""
    cls = getattr(builtins, name, None)
    if isinstance(cls, type) and issubclass(cls, Exception) and not issubclass(cls, SplicecoreError | OSError):
        try:
            return cls(*args)
        except TypeError:
            pass
    return RuntimeError(f"{name}: {message}")


def _series(version: str) -> list[str]:
    return version.split(".")[:2]


def _settings(plugins: PluginSettings) -> dict[str, Any]:
    """Return what is sent: a plugin that cannot be loaded there is no error unless it is the model's."""
    return {**plugins.to_json(), "strict": False}


def _spec(values: dict[str, Any]) -> BaseModelSpec:
    return BaseModelSpec(**values)

"""The base model of :mod:`splicecore.testing.fakes` with one mistake at a time, for every conformance check.

They prove that the conformance suite notices: each makes a mistake that real models make.
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
import uuid
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from splicecore.genome.encoding import A, Codes, N, reverse_complement
from splicecore.plugins.specs import BaseModelSpec, OpenRequest
from splicecore.testing.fakes import LEFT, RIGHT, MotifModel

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from splicecore.plugins.protocols import Scores

__all__ = ["FAULTS", "faulty_request"]

FAULTS: dict[str, type[MotifModel]] = {}
"""Models with one mistake each, by the mistake's name; open one with :func:`faulty_request`."""


def faulty_request(fault: str) -> OpenRequest:
    """Say how to open the model with that mistake (a key of :data:`FAULTS`)."""
    return OpenRequest(config={"fault": fault})


def _fault(name: str) -> Callable[[type[MotifModel]], type[MotifModel]]:
    def register(model: type[MotifModel]) -> type[MotifModel]:
        FAULTS[name] = model
        return model

    return register


def _nudged(scores: Scores, amount: npt.ArrayLike) -> Scores:
    """Mix the scores with even odds; amounts (0 to 1) are broadcast to the positions."""
    share = np.broadcast_to(np.asarray(amount, dtype=np.float32), scores.shape[:2])[..., None]
    nudged: Scores = (scores * (1 - share) + share / 3).astype(np.float32)
    return nudged


@_fault("other name")
class _OtherName(MotifModel):
    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        super().__init__(attrs.evolve(spec, name="something-else"), request)


@_fault("extra channel")
class _ExtraChannel(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        return np.concatenate([scores, scores[..., :1]], axis=-1)


@_fault("float64")
class _Float64(MotifModel):
    def predict(self, codes: Codes) -> Any:
        scores = super().predict(codes)
        return scores.astype(np.float64) if scores.size else scores


@_fault("not normalised")
class _NotNormalised(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        scores[..., 1:] *= np.float32(0.5)
        return scores


@_fault("above one")
class _AboveOne(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        scores[..., 0] += np.float32(2e-5)
        return scores


@_fault("random")
class _Random(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        return _nudged(super().predict(codes), np.random.default_rng().uniform(1e-7, 9e-7))


@_fault("process")
class _Process(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        return _nudged(super().predict(codes), 1e-3 + os.getpid() * 1e-9)


@_fault("process fingerprint")
class _ProcessFingerprint(MotifModel):
    def _fingerprint(self) -> str:
        return hashlib.sha256(f"{os.getpid()} {self.settings.site}".encode()).hexdigest()


@_fault("threads")
class _Threads(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        return _nudged(super().predict(codes), self.request.threads * 1e-3)


@_fault("batch size")
class _BatchSize(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        return _nudged(super().predict(codes), codes.shape[0] * 1e-3)


@_fault("batch place")
class _BatchPlace(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        return _nudged(super().predict(codes), np.arange(codes.shape[0])[:, None] * 1e-3)


@_fault("tile edge")
class _TileEdge(MotifModel):
    """Looks further left than it declares, at whatever the tile happens to hold there."""

    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        beyond = np.full(scores.shape[:2], N, dtype=np.uint8)
        beyond[:, 1:] = codes[:, : max(scores.shape[1] - 1, 0)]
        return _nudged(scores, beyond * 1e-3)


@_fault("sites in n")
class _SitesInN(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        if (codes == N).all():
            scores[...] = np.array([0.2, 0.4, 0.4], dtype=np.float32)
        return scores


@_fault("n among bases")
class _NAmongBases(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        if codes.size and (codes == N).mean() > 0.25 and (codes != N).any():
            scores[...] = np.nan
        return scores


@_fault("both strands")
class _BothStrands(MotifModel):
    """Averages over both strands, for which it needs as much context on the right as on the left."""

    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        super().__init__(attrs.evolve(spec, right=LEFT), request)

    def predict(self, codes: Codes) -> Scores:
        self._check_codes(codes)
        used = codes.shape[1] - LEFT + RIGHT
        given = super().predict(codes[:, :used])
        turned = super().predict(reverse_complement(codes)[:, :used])
        return ((given + turned[:, ::-1]) / 2).astype(np.float32)


@_fault("empty")
class _Empty(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        if codes.size == 0:
            raise IndexError("no windows")
        return super().predict(codes)


@_fault("no positions")
class _NoPositions(MotifModel):
    def predict(self, codes: Codes) -> Any:
        scores = super().predict(codes)
        return scores if scores.shape[1] else scores.astype(np.float64)


@_fault("one position")
class _OnePosition(MotifModel):
    def predict(self, codes: Codes) -> Any:
        scores = super().predict(codes)
        return scores.squeeze(axis=1) if scores.shape[:2] == (1, 1) else scores


@_fault("writes input")
class _WritesInput(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        if codes.flags.writeable:
            codes[codes == N] = A
        return scores


@_fault("layout")
class _Layout(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        if not codes.flags.c_contiguous:
            raise BufferError("not contiguous")
        return super().predict(codes)


@_fault("read-only")
class _ReadOnly(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        codes.flags.writeable = codes.flags.writeable
        codes[...] = codes
        return super().predict(codes)


@_fault("prints")
class _Prints(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        sys.stdout.write("1/1 [==============================]\n")
        return super().predict(codes)


@_fault("prints below python")
class _PrintsBelowPython(MotifModel):
    def predict(self, codes: Codes) -> Scores:
        os.write(1, b"library banner\n")
        return super().predict(codes)


@_fault("seeds")
class _Seeds(MotifModel):
    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        super().__init__(spec, request)
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002 - the mistake


@_fault("environment")
class _Environment(MotifModel):
    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        super().__init__(spec, request)
        os.environ["OMP_NUM_THREADS"] = "17"


@_fault("no input check")
class _NoInputCheck(MotifModel):
    def _check_codes(self, codes: Codes) -> None:
        """Take anything."""

    def predict(self, codes: Codes) -> Scores:
        return super().predict(np.atleast_2d(np.squeeze(codes)).astype(np.uint8) if codes.ndim != 2 else codes)


@_fault("fingerprint")
class _Fingerprint(MotifModel):
    def _fingerprint(self) -> str:
        return uuid.uuid4().hex


@_fault("fingerprint words")
class _FingerprintWords(MotifModel):
    def _fingerprint(self) -> str:
        return f"version {self.settings.site}"


@_fault("fingerprint of threads")
class _FingerprintOfThreads(MotifModel):
    def _fingerprint(self) -> str:
        return hashlib.sha256(str(self.request).encode()).hexdigest()


@_fault("fingerprint of name")
class _FingerprintOfName(MotifModel):
    def _fingerprint(self) -> str:
        return hashlib.sha256(self.spec.name.encode()).hexdigest()


@_fault("close twice")
class _CloseTwice(MotifModel):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


@_fault("any device")
class _AnyDevice(MotifModel):
    def _check_request(self) -> None:
        self.request = attrs.evolve(self.request, device="cpu")
        super()._check_request()


@_fault("missing device")
class _MissingDevice(MotifModel):
    def _check_request(self) -> None:
        if not self.request.device.startswith("cuda"):
            super()._check_request()

    def predict(self, codes: Codes) -> Scores:
        if self.request.device.startswith("cuda"):
            raise RuntimeError("no device")
        return super().predict(codes)


@_fault("any engine")
class _AnyEngine(MotifModel):
    def _check_request(self) -> None:
        self.request = attrs.evolve(self.request, engine=None)
        super()._check_request()

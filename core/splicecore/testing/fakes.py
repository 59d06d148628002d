"""A tiny base model that does everything right, and one that does a single thing wrong for every conformance check.

The faulty ones prove that the conformance suite notices: each is the good model with one mistake that real models make.
They are also handy where a test of something else needs a base model that costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import uuid
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from splicecore.errors import ConfigError, InputError
from splicecore.genome.encoding import A, C, Codes, G, N, T, reverse_complement
from splicecore.plugins.specs import BaseModelSpec, OpenRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    import numpy.typing as npt

    from splicecore.plugins.protocols import Scores

__all__ = ["FAULTS", "MOTIF_SPEC", "MotifModel", "faulty_request", "open_motif_model"]

LEFT, RIGHT = 14, 6

MOTIF_SPEC = BaseModelSpec(
    name="fake-motif",
    factory="splicecore.testing.fakes:open_motif_model",
    left=LEFT,
    right=RIGHT,
    licence="Apache-2.0",
    commercial_use=True,
    citation="the splicecore developers",
    summary="AG after pyrimidines, GT before purines: a stand-in for tests",
    max_positions=20_000,
    tolerance=1e-6,
)
"""Descriptor of the good model. Context of 14 bases to the left and 6 to the right: they differ on purpose."""


@attrs.frozen(kw_only=True)
class _Settings:
    """What ``OpenRequest.config`` may hold; ``site`` plays the part of a weight."""

    site: float = 5.0
    fault: str | None = None


def _motif(site: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Log-odds of acceptor and donor, shape (left + 1 + right, 5): row = offset of the base + left; nothing for N."""
    acceptor, donor = np.zeros((2, LEFT + 1 + RIGHT, 5))
    acceptor[LEFT - 13 : LEFT - 2, [C, T]] = 0.5
    acceptor[LEFT - 13 : LEFT - 2, [A, G]] = -0.5
    for table, offset, base in ((acceptor, -2, A), (acceptor, -1, G), (donor, 1, G), (donor, 2, T)):
        table[LEFT + offset, :N] = -site
        table[LEFT + offset, base] = site
    for offset, base in ((0, G), (3, A), (4, A), (5, G)):
        donor[LEFT + offset, base] = 1.5
    return acceptor, donor


class MotifModel:
    """Log-odds of two motifs, turned into probabilities; float64 inside, so that nothing depends on batch or tile.

    Parameters
    ----------
    spec
        Its descriptor.
    request
        How to open it; ``config`` may have ``site`` (weight of the two invariant bases).

    Raises
    ------
    ConfigError
        If engine or device are not ``numpy`` and ``cpu``.
    """

    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        self.spec = spec
        self.request = request
        self.settings = _Settings(**request.config)
        self._check_request()
        self._acceptor, self._donor = _motif(self.settings.site)
        self.fingerprint = self._fingerprint()

    def predict(self, codes: Codes) -> Scores:
        """Score positions; see :meth:`splicecore.plugins.protocols.BaseModel.predict`."""
        self._check_codes(codes)
        return self._probabilities(codes)

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_request(self) -> None:
        if self.request.engine not in (None, *self.spec.engines):
            raise ConfigError(f"engine {self.request.engine!r} is not one of {self.spec.engines}")
        if self.request.device != "cpu":
            raise ConfigError(f"device {self.request.device!r} is not 'cpu'")

    def _check_codes(self, codes: Codes) -> None:
        if codes.dtype != np.uint8 or codes.ndim != 2 or codes.shape[1] < LEFT + RIGHT:
            raise InputError(f"codes are {codes.dtype} {codes.shape}, not uint8 (n, at least {LEFT + RIGHT})")
        if self.spec.output_length not in (None, codes.shape[1] - LEFT - RIGHT):
            raise InputError(f"codes are of {codes.shape[1]} bases, not {LEFT + self.spec.output_length + RIGHT}")

    def _probabilities(self, codes: Codes) -> Scores:
        length = codes.shape[1] - LEFT - RIGHT
        logits = np.zeros((codes.shape[0], length, 3))
        logits[..., 1:] = -6.0
        for offset in range(LEFT + 1 + RIGHT):
            base = codes[:, offset : offset + length]
            logits[..., 1] += self._acceptor[offset][base]
            logits[..., 2] += self._donor[offset][base]
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
        probabilities: Scores = (odds / odds.sum(axis=-1, keepdims=True)).astype(np.float32)
        return probabilities

    def _fingerprint(self) -> str:
        weights = json.dumps({"model": "fake-motif", "site": self.settings.site}, sort_keys=True)
        return hashlib.sha256(weights.encode()).hexdigest()


FAULTS: dict[str, type[MotifModel]] = {}
"""Models with one mistake each, by the mistake's name; open one with :func:`faulty_request`."""


def faulty_request(fault: str) -> OpenRequest:
    """How to open the model with that mistake (a key of :data:`FAULTS`)."""
    return OpenRequest(config={"fault": fault})


def open_motif_model(spec: BaseModelSpec, request: OpenRequest) -> MotifModel:
    """Open the good model, or with ``config={"fault": name}`` a faulty one."""
    fault = request.config.get("fault")
    return (MotifModel if fault is None else FAULTS[fault])(spec, request)


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

"""The base model of :mod:`splicecore.testing.fakes` with one mistake at a time, for every conformance check.

They prove that the conformance suite notices: each makes a mistake that real models make.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import sys
import uuid
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from splicecore.genome.encoding import A, Codes, N, reverse_complement
from splicecore.plugins.specs import BaseModelSpec, OpenRequest
from splicecore.testing.fakes import LEFT, RIGHT, CompleteMotifModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from splicecore.plugins.protocols import Edit, Scores

__all__ = ["FAULTS", "faulty_request"]

FAULTS: dict[str, type[CompleteMotifModel]] = {}
"""Models with one mistake each, by the mistake's name; open one with :func:`faulty_request`."""


def faulty_request(fault: str) -> OpenRequest:
    """Say how to open the model with that mistake (a key of :data:`FAULTS`)."""
    return OpenRequest(config={"fault": fault})


def _fault(name: str) -> Callable[[type[CompleteMotifModel]], type[CompleteMotifModel]]:
    def register(model: type[CompleteMotifModel]) -> type[CompleteMotifModel]:
        FAULTS[name] = model
        return model

    return register


def _nudged(scores: Scores, amount: npt.ArrayLike) -> Scores:
    """Mix the scores with even odds; amounts (0 to 1) are broadcast to the positions."""
    share = np.broadcast_to(np.asarray(amount, dtype=np.float32), scores.shape[:2])[..., None]
    nudged: Scores = (scores * (1 - share) + share / 3).astype(np.float32)
    return nudged


@_fault("other name")
class _OtherName(CompleteMotifModel):
    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        super().__init__(attrs.evolve(spec, name="something-else"), request)


@_fault("extra channel")
class _ExtraChannel(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        return np.concatenate([scores, scores[..., :1]], axis=-1)


@_fault("float64")
class _Float64(CompleteMotifModel):
    def predict(self, codes: Codes) -> Any:
        scores = super().predict(codes)
        return scores.astype(np.float64) if scores.size else scores


@_fault("not normalised")
class _NotNormalised(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        scores[..., 1:] *= np.float32(0.5)
        return scores


@_fault("above one")
class _AboveOne(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        scores[..., 0] += np.float32(2e-5)
        return scores


@_fault("random")
class _Random(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        return _nudged(super().predict(codes), np.random.default_rng().uniform(1e-7, 9e-7))


@_fault("process")
class _Process(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        return _nudged(super().predict(codes), 1e-3 + os.getpid() * 1e-9)


@_fault("process fingerprint")
class _ProcessFingerprint(CompleteMotifModel):
    def _fingerprint(self) -> str:
        return hashlib.sha256(f"{os.getpid()} {super()._fingerprint()}".encode()).hexdigest()


@_fault("threads")
class _Threads(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        return _nudged(super().predict(codes), self.request.threads * 1e-3)


@_fault("batch size")
class _BatchSize(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        return _nudged(super().predict(codes), codes.shape[0] * 1e-3)


@_fault("batch place")
class _BatchPlace(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        return _nudged(super().predict(codes), np.arange(codes.shape[0])[:, None] * 1e-3)


@_fault("tile edge")
class _TileEdge(CompleteMotifModel):
    """Looks further left than it declares, at whatever the tile happens to hold there."""

    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        beyond = np.full(scores.shape[:2], N, dtype=np.uint8)
        beyond[:, 1:] = codes[:, : max(scores.shape[1] - 1, 0)]
        return _nudged(scores, beyond * 1e-3)


@_fault("place in tile")
class _PlaceInTile(CompleteMotifModel):
    """Adds an encoding of the place in the window."""

    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        return _nudged(scores, np.linspace(0, 1e-3, scores.shape[1]))


@_fault("share of n")
class _ShareOfN(CompleteMotifModel):
    """Scales by the bases that it knows of the whole window."""

    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        unknown = (codes == N).mean(axis=1) if codes.size else np.zeros(len(codes))
        return _nudged(scores, unknown[:, None] * 1e-2)


@_fault("rare n")
class _RareN(CompleteMotifModel):
    """A code for ambiguous bases that nobody ever trained."""

    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        if codes.size and 0 < (codes == N).mean() < 0.1:
            scores[..., 0] *= np.float32(0.5)
        return scores


@_fault("shifted")
class _Shifted(CompleteMotifModel):
    """Names the intron's base, which is what a model trained on other labels does."""

    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        super().__init__(attrs.evolve(spec, left=LEFT + 1), request)

    def predict(self, codes: Codes) -> Scores:
        self._check_codes(codes)
        return super().predict(codes[:, :-1])


@_fault("donor first")
class _DonorFirst(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        return scores if scores.shape[-1] != 3 else np.ascontiguousarray(scores[..., [0, 2, 1]])


@_fault("sites in n")
class _SitesInN(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        if (codes == N).all():
            scores[...] = np.array([0.2, 0.4, 0.4], dtype=np.float32)
        return scores


@_fault("n among bases")
class _NAmongBases(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        if codes.size and 0 < np.count_nonzero(codes != N) < 10:
            scores[...] = np.nan
        return scores


@_fault("both strands")
class _BothStrands(CompleteMotifModel):
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
class _Empty(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        if codes.size == 0:
            raise IndexError("no windows")
        return super().predict(codes)


@_fault("no positions")
class _NoPositions(CompleteMotifModel):
    def predict(self, codes: Codes) -> Any:
        scores = super().predict(codes)
        return scores if scores.shape[1] else scores.astype(np.float64)


@_fault("one position")
class _OnePosition(CompleteMotifModel):
    def predict(self, codes: Codes) -> Any:
        scores = super().predict(codes)
        return scores.squeeze(axis=1) if scores.shape[:2] == (1, 1) else scores


@_fault("writes input")
class _WritesInput(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        scores = super().predict(codes)
        if codes.flags.writeable:
            codes[codes == N] = A
        return scores


@_fault("layout")
class _Layout(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        if not codes.flags.c_contiguous:
            raise BufferError("not contiguous")
        return super().predict(codes)


@_fault("read-only")
class _ReadOnly(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        codes.flags.writeable = codes.flags.writeable
        codes[...] = codes
        return super().predict(codes)


@_fault("prints")
class _Prints(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        sys.stdout.write("1/1 [==============================]\n")
        return super().predict(codes)


@_fault("prints below python")
class _PrintsBelowPython(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        os.write(1, b"library banner\n")
        return super().predict(codes)


@_fault("seeds")
class _Seeds(CompleteMotifModel):
    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        super().__init__(spec, request)
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002 - the mistake


@_fault("environment")
class _Environment(CompleteMotifModel):
    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        super().__init__(spec, request)
        os.environ["OMP_NUM_THREADS"] = "17"


@_fault("logging")
class _Logging(CompleteMotifModel):
    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        super().__init__(spec, request)
        logging.basicConfig(level=logging.ERROR)


@_fault("no input check")
class _NoInputCheck(CompleteMotifModel):
    def _check_codes(self, codes: Codes) -> None:
        """Take anything."""

    def predict(self, codes: Codes) -> Scores:
        return super().predict(np.atleast_2d(np.squeeze(codes)).astype(np.uint8) if codes.ndim != 2 else codes)


@_fault("fingerprint")
class _Fingerprint(CompleteMotifModel):
    def _fingerprint(self) -> str:
        return uuid.uuid4().hex


@_fault("fingerprint words")
class _FingerprintWords(CompleteMotifModel):
    def _fingerprint(self) -> str:
        return f"version {super()._fingerprint()}"


@_fault("fingerprint of threads")
class _FingerprintOfThreads(CompleteMotifModel):
    def _fingerprint(self) -> str:
        return hashlib.sha256(str(self.request).encode()).hexdigest()


@_fault("fingerprint of acceptors")
class _FingerprintOfAcceptors(CompleteMotifModel):
    def _fingerprint(self) -> str:
        return hashlib.sha256(self._acceptor.tobytes()).hexdigest()


@_fault("fingerprint of donors")
class _FingerprintOfDonors(CompleteMotifModel):
    def _fingerprint(self) -> str:
        return hashlib.sha256(self._donor.tobytes()).hexdigest()


@_fault("fingerprint of name")
class _FingerprintOfName(CompleteMotifModel):
    def _fingerprint(self) -> str:
        return hashlib.sha256(self.spec.name.encode()).hexdigest()


@_fault("close twice")
class _CloseTwice(CompleteMotifModel):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


@_fault("any device")
class _AnyDevice(CompleteMotifModel):
    def _check_request(self) -> None:
        self.request = attrs.evolve(self.request, device="cpu")
        super()._check_request()


@_fault("missing device")
class _MissingDevice(CompleteMotifModel):
    def _check_request(self) -> None:
        if not self.request.device.startswith("cuda"):
            super()._check_request()

    def predict(self, codes: Codes) -> Scores:
        if self.request.device.startswith("cuda"):
            raise RuntimeError("no device")
        return super().predict(codes)


@_fault("any engine")
class _AnyEngine(CompleteMotifModel):
    def _check_request(self) -> None:
        self.request = attrs.evolve(self.request, engine=None)
        super()._check_request()


@_fault("edits of the reference")
class _EditsOfTheReference(CompleteMotifModel):
    def predict_edits(self, codes: Codes, edits: Sequence[Edit], radius: int) -> list[Scores]:
        """Keep the scores of all positions but the one that is edited."""
        found = super().predict_edits(codes, edits, radius)
        for (start, end, new), scores in zip(edits, found, strict=True):
            if end - start == len(new) and radius:
                same = super().predict_edits(codes, [(start, end, codes[start:end])], radius)[0]
                scores[:radius] = same[:radius]
        return found


@_fault("edits in company")
class _EditsInCompany(CompleteMotifModel):
    def predict_edits(self, codes: Codes, edits: Sequence[Edit], radius: int) -> list[Scores]:
        """Let rounding depend on the number of edits."""
        found = super().predict_edits(codes, edits, radius)
        return [_nudged(scores[None], len(edits) * 1e-7)[0] for scores in found]


@_fault("default weights")
class _DefaultWeights(CompleteMotifModel):
    def _content(self, path: Path) -> bytes:
        return super()._content(path) if path.is_file() else np.zeros(2 * (LEFT + 1 + RIGHT) * 5, "<f8").tobytes()


@_fault("missing file")
class _MissingFile(CompleteMotifModel):
    def _content(self, path: Path) -> bytes:
        return super()._content(path) if path.is_file() else path.read_bytes()


@_fault("half the weights")
class _HalfTheWeights(CompleteMotifModel):
    def _content(self, path: Path) -> bytes:
        if not path.is_file():
            return super()._content(path)
        return path.read_bytes().ljust(2 * (LEFT + 1 + RIGHT) * 5 * 8, b"\0")


@_fault("memory")
class _Memory(CompleteMotifModel):
    def predict(self, codes: Codes) -> Scores:
        if codes.size > 10_000:
            np.ones(20_000_000)
        return super().predict(codes)

"""The base model of :mod:`splicecore.testing.fakes` with one mistake at a time in how it behaves.

Towards what it is given, its process, its weights, and in what it says of itself.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import sys
import uuid
from typing import TYPE_CHECKING

import attrs
import numpy as np

from splicecore.genome.encoding import A, Codes, N
from splicecore.testing.fakes import LEFT, RIGHT, CompleteMotifModel
from splicecore.testing.faults import Faults

if TYPE_CHECKING:
    from pathlib import Path

    from splicecore.plugins.protocols import Scores
    from splicecore.plugins.specs import BaseModelSpec, OpenRequest

__all__ = ["FAULTY_CONDUCT"]

FAULTY_CONDUCT = Faults()
"""Models that behave wrongly, by the mistake's name."""

_fault = FAULTY_CONDUCT.named


@_fault("other name")
class _OtherName(CompleteMotifModel):
    def __init__(self, spec: BaseModelSpec, request: OpenRequest) -> None:
        super().__init__(attrs.evolve(spec, name="something-else"), request)


@_fault("process fingerprint")
class _ProcessFingerprint(CompleteMotifModel):
    def _fingerprint(self) -> str:
        return hashlib.sha256(f"{os.getpid()} {super()._fingerprint()}".encode()).hexdigest()


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

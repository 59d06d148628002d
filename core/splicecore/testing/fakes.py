"""A tiny base model that does everything right, for tests that need a base model which costs nothing.

:mod:`splicecore.testing.faulty_models` has the same model with one mistake at a time.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

from splicecore.errors import ChecksumError, ConfigError, InputError, ResourceNotFoundError
from splicecore.genome.encoding import A, C, Codes, G, N, T
from splicecore.plugins.specs import BaseModelSpec

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    import numpy.typing as npt

    from splicecore.plugins.protocols import Edit, Scores
    from splicecore.plugins.specs import OpenRequest

__all__ = [
    "COMPLETE_SPEC",
    "LEFT",
    "MOTIF_SPEC",
    "RIGHT",
    "CompleteMotifModel",
    "MotifModel",
    "open_complete_motif_model",
    "open_motif_model",
    "write_motif_weights",
]

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

COMPLETE_SPEC = attrs.evolve(
    MOTIF_SPEC,
    name="fake-motif-files",
    factory="splicecore.testing.fakes:open_complete_motif_model",
    weights=("motif.bin",),
    memory=64_000_000,
    summary="the same with all that a base model may have: files of weights, predict_edits, declared memory",
)
"""Descriptor of the good model with files of weights; :func:`write_motif_weights` writes them."""


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
        self._acceptor, self._donor = self._tables()
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

    def _tables(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        return _motif(self.settings.site)

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


class CompleteMotifModel(MotifModel):
    """The same, with weights from ``motif.bin`` if the request names a folder, and with ``predict_edits``.

    Raises
    ------
    ResourceNotFoundError
        If the folder has no such file.
    ChecksumError
        If the file is of another size.
    """

    def predict_edits(self, codes: Codes, edits: Sequence[Edit], radius: int) -> list[Scores]:
        """Score edits; see :meth:`splicecore.plugins.protocols.EditScoring.predict_edits`."""
        return [self._rescored(codes, edit, radius) for edit in edits]

    def _rescored(self, codes: Codes, edit: Edit, radius: int) -> Scores:
        start, end, new = edit
        edited = np.concatenate([codes[:start], new, codes[end:]])
        low = max(start - radius, self.spec.left)
        high = min(start + len(new) + radius, len(edited) - self.spec.right)
        window = edited[None, low - self.spec.left : high + self.spec.right].copy()
        scores: Scores = self.predict(window)[0].astype(np.float32)
        return scores

    def _tables(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        if self.request.weights is None:
            return super()._tables()
        tables = np.frombuffer(self._content(Path(self.request.weights, "motif.bin")), "<f8")
        acceptor, donor = tables.reshape(2, LEFT + 1 + RIGHT, 5)
        return acceptor, donor

    def _content(self, path: Path) -> bytes:
        if not path.is_file():
            raise ResourceNotFoundError(f"{path} is not there", hint="write it with write_motif_weights")
        content = path.read_bytes()
        if len(content) != _CONTENT_BYTES:
            raise ChecksumError(f"{path} has {len(content)} bytes, not {_CONTENT_BYTES}", hint="write it again")
        return content

    def _fingerprint(self) -> str:
        return hashlib.sha256(self._acceptor.tobytes() + self._donor.tobytes()).hexdigest()


_CONTENT_BYTES = 2 * (LEFT + 1 + RIGHT) * 5 * 8


def write_motif_weights(folder: str | os.PathLike[str], *, acceptor: float = 5.0, donor: float = 5.0) -> Path:
    """Write ``motif.bin``, the log-odds of both motifs, into a folder that exists; returns the folder.

    Parameters
    ----------
    folder
        Where to.
    acceptor, donor
        Weights of the two invariant bases.
    """
    tables = np.stack([_motif(acceptor)[0], _motif(donor)[1]])
    Path(folder, "motif.bin").write_bytes(tables.astype("<f8").tobytes())
    return Path(folder)


def open_complete_motif_model(spec: BaseModelSpec, request: OpenRequest) -> MotifModel:
    """Open the good model with files of weights, or with ``config={"fault": name}`` a faulty one."""
    if request.config.get("fault") is not None:
        return open_motif_model(spec, request)
    return CompleteMotifModel(spec, request)


def open_motif_model(spec: BaseModelSpec, request: OpenRequest) -> MotifModel:
    """Open the good model, or with ``config={"fault": name}`` a faulty one."""
    fault = request.config.get("fault")
    if fault is None:
        return MotifModel(spec, request)
    from splicecore.testing.faulty_models import FAULTS

    return FAULTS[fault](spec, request)

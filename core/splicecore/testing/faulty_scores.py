"""The base model of :mod:`splicecore.testing.fakes` with one mistake at a time in its scores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from splicecore.genome.encoding import Codes, N, reverse_complement
from splicecore.testing.fakes import LEFT, RIGHT, CompleteMotifModel
from splicecore.testing.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from splicecore.plugins.protocols import Edit, Scores
    from splicecore.plugins.specs import BaseModelSpec, OpenRequest

__all__ = ["FAULTY_SCORES"]

FAULTY_SCORES = Faults()
"""Models that score wrongly, by the mistake's name."""

_fault = FAULTY_SCORES.named


def _nudged(scores: Scores, amount: npt.ArrayLike) -> Scores:
    """Mix the scores with even odds; amounts (0 to 1) are broadcast to the positions."""
    share = np.broadcast_to(np.asarray(amount, dtype=np.float32), scores.shape[:2])[..., None]
    nudged: Scores = (scores * (1 - share) + share / 3).astype(np.float32)
    return nudged


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

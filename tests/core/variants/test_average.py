"""Several base models as one."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from splicecore.api import BaseModel
from splicecore.errors import ConfigError
from splicecore.plugins.specs import OpenRequest
from splicecore.testing.fakes import MOTIF_SPEC, MotifModel
from splicecore.variants.alleles import Job, Variant
from splicecore.variants.average import AverageModel
from splicecore.variants.haplotypes import SequenceReference
from splicecore.variants.rules import VariantRules
from splicecore.variants.scorer import VariantScorer
from splicecore.variants.transcripts import Transcript

LETTERS = "".join(np.random.default_rng(5).choice(list("ACGT"), 2_000))


def models():
    return [MotifModel(MOTIF_SPEC, OpenRequest(config={"site": site})) for site in (3.0, 6.0)]


@pytest.mark.parametrize("strand", ["+", "-"])
def test_tracks_are_averaged_before_the_largest_change_is_looked_for(strand):
    genome = SequenceReference({"c": LETTERS})
    row = Transcript("g", "g", "t", "c", strand, 100, 1_900, (100,), (1_900,))
    jobs = [Job(Variant("c", at, LETTERS[at], alt), row) for at in (500, 900) for alt in ("A", "GTAAGT")]

    def score(model):
        return VariantScorer(model, genome, VariantRules(distance=30)).score(jobs, tracks=True)

    for mean, *each in zip(score(AverageModel(models())), *map(score, models()), strict=True):
        for side in ("ref", "alt"):
            expected = np.mean([getattr(result.tracks, side) for result in each], axis=0)
            np.testing.assert_allclose(getattr(mean.tracks, side), expected, atol=1e-6)
        change = mean.tracks.alt[:, 2] - mean.tracks.ref[:, 2]
        assert pytest.approx(change.max()) == mean.delta.DS_DG


def test_it_is_a_base_model():
    mean = AverageModel(models())
    assert isinstance(mean, BaseModel)
    assert mean.spec.name == "mean-fake-motif-fake-motif"
    assert mean.fingerprint != AverageModel(models()[::-1]).fingerprint
    codes = np.zeros((2, 60), dtype=np.uint8)
    assert mean.predict(codes).shape == (2, 40, 3)
    with mean:
        mean.close()


def test_models_of_other_windows_are_refused():
    with pytest.raises(ConfigError, match="windows differ"):
        AverageModel([models()[0], MotifModel(attrs.evolve(MOTIF_SPEC, output_length=32), OpenRequest())])
    with pytest.raises(ConfigError, match="no base model"):
        AverageModel([])

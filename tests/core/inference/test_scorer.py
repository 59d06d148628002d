"""The scorer: the pipeline's features, the model's columns, class weights undone, calibration; and what it refuses."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from splicecore.errors import ConfigError, ContractError
from splicecore.features.configs import FeatureConfig
from splicecore.features.matrix import to_matrix
from splicecore.features.pipeline import FeaturePipeline
from splicecore.genome.genes import Gene
from splicecore.inference.meta_model_spec import MetaModelChoice
from splicecore.inference.scorer import MetaScorer, check_probabilities, open_pipeline
from splicecore.plugins.host import PluginHost
from splicecore.predict.blocks import Block
from splicecore.training.calibration import fit_calibration
from splicecore.training.model_directory import ModelRecord
from splicecore.training.weights import remove_class_weights

LENGTH = 3000
CONFIG = FeatureConfig(sets=("probability", "context", "sequence"), settings={"sequence": {"kmer_sizes": [2]}})


class Looker:
    """Probabilities from the first column that it is given, and from nothing else."""

    def __init__(self):
        self.widths = set()

    def predict_proba(self, features):
        self.widths.add(features.shape[1])
        site = np.clip(np.nan_to_num(features[:, 0]), 0, 1) / 2
        return np.stack([1 - 2 * site, site, site], axis=1).astype(np.float32)


@pytest.fixture
def pipeline():
    with FeaturePipeline.open(CONFIG, PluginHost(), ["one", "two"]) as opened:
        yield opened


@pytest.fixture
def contract(pipeline):
    return pipeline.contract(fingerprints={"one": "aa", "two": "bb"}, flank="real", build="GRCh38")


@pytest.fixture
def record(contract):
    columns = ("donor_score", "two__donor_score", contract.names[-1])
    return ModelRecord(choice=MetaModelChoice(name="looker"), provider="tests 1", columns=columns)


@pytest.fixture(params=["+", "-"])
def block(request, pipeline):
    rng = np.random.Generator(np.random.PCG64(3))
    gene = Gene("G1", "GENE1", "chr1", request.param, 500, 500 + LENGTH, 0)
    scores = {name: rng.dirichlet((20, 1, 1), LENGTH).astype(np.float32) for name in ("one", "two")}
    codes = rng.integers(0, 4, LENGTH + 2 * pipeline.halo).astype(np.uint8)
    return Block(gene=gene, build="GRCh38", flank="real", halo=pipeline.halo, codes=codes, scores=scores)


def test_scores_are_the_models_of_the_pipelines_features(pipeline, contract, record, block):
    scorer = MetaScorer(Looker(), record, contract, pipeline)
    index = np.arange(LENGTH)
    whole = to_matrix(pipeline.compute(block, index).select(list(record.columns)))
    found = scorer.score(block)
    assert found.raw.dtype == np.float32
    assert np.array_equal(found.raw, Looker().predict_proba(whole))
    assert np.array_equal(found.raw, found.calibrated)
    assert scorer.model.widths == {3}
    assert scorer.base_models == ("one", "two")


def test_some_positions_score_as_among_all(pipeline, contract, record, block):
    scorer = MetaScorer(Looker(), record, contract, pipeline)
    whole = scorer.score(block).raw
    index = np.array([2999, 0, 17, 17, 1500])
    assert np.array_equal(scorer.score(block, index).raw, whole[index])
    assert scorer.score(block, index[:0]).calibrated.shape == (0, 3)


def test_class_weights_are_undone_and_probabilities_calibrated(pipeline, contract, record, block):
    weights = (0.5, 3.0, 2.0)
    labels = np.arange(LENGTH) % 3
    plain = MetaScorer(Looker(), record, contract, pipeline).score(block).raw
    expected = remove_class_weights(plain, np.array(weights))
    calibration = fit_calibration("temperature", expected, labels)
    record = attrs.evolve(record, class_weights=weights)
    found = MetaScorer(Looker(), record, contract, pipeline, calibration).score(block)
    assert np.array_equal(found.raw, expected)
    assert np.array_equal(found.calibrated, calibration.apply(expected))
    assert not np.array_equal(found.raw, found.calibrated)


def test_base_scores_are_put_on_the_calibrated_scale(pipeline, contract, record, block):
    scorer = MetaScorer(Looker(), record, contract, pipeline)
    scores = block.scores["two"]
    calibration = fit_calibration("temperature", scores, np.arange(LENGTH) % 3)
    scorer.base_calibrations = {"two": calibration}
    assert np.array_equal(scorer.calibrate_base("two", scores), calibration.apply(scores))
    with pytest.raises(ContractError, match="base model one"):
        scorer.calibrate_base("one", scores)


def test_what_differs_is_named(pipeline, contract, record, block):
    scorer = MetaScorer(Looker(), record, contract, pipeline)
    same = {"fingerprints": {"one": "aa", "two": "bb"}, "flank": "real", "build": "GRCh38"}
    scorer.check(**same)
    for change, said in (
        ({"fingerprints": {"one": "aa", "two": "cc"}}, "base model two has the fingerprint cc"),
        ({"fingerprints": {"one": "aa"}}, "base models are one, not one, two"),
        ({"fingerprints": {"two": "bb", "one": "aa"}}, "base models are two, one"),
        ({"flank": "n"}, "flank is n, not real"),
        ({"build": "GRCh37"}, "build is GRCh37, not GRCh38"),
    ):
        with pytest.raises(ContractError, match=said):
            scorer.check(**{**same, **change})
    scorer.check(**{**same, "build": "T2T"}, ignore=("build",))
    with pytest.raises(ContractError, match="flank mode n"):
        scorer.score(attrs.evolve(block, flank="n"))


def test_columns_that_the_contract_lacks_are_refused(pipeline, contract, record):
    with pytest.raises(ContractError, match="no_such_column"):
        MetaScorer(Looker(), attrs.evolve(record, columns=("no_such_column",)), contract, pipeline)


def test_feature_sets_that_make_other_columns_are_refused(contract):
    host = PluginHost()
    open_pipeline(contract, host).close()
    other = {"sequence": {"kmer_sizes": [3]}}
    with pytest.raises(ContractError, match=r"missing columns|kmer_sizes"):
        open_pipeline(contract, host, other)
    with pytest.raises(ConfigError, match="tracks"):
        open_pipeline(contract, host, {"tracks": {}})


@pytest.mark.parametrize(
    "values",
    [
        np.full((4, 2), 0.5),
        np.full((3, 3), 1 / 3),
        np.full((4, 3), 0.5),
        np.array([[2.0, -1.0, 0.0]] * 4),
        np.full((4, 3), np.nan),
        "nothing",
    ],
)
def test_what_is_no_probability_is_refused(values):
    with pytest.raises(ContractError, match="looker"):
        check_probabilities(values, 4, "looker")


def test_models_are_named_plainly_or_by_json():
    assert MetaModelChoice.parse(" xgboost ") == MetaModelChoice(name="xgboost")
    chosen = MetaModelChoice.parse('{"name": "xgboost", "max_depth": 4}')
    assert chosen == MetaModelChoice(name="xgboost", settings={"max_depth": 4})
    for text in ("", "{", '{"max_depth": 4}', '{"name": 3}'):
        with pytest.raises(ConfigError):
            MetaModelChoice.parse(text)

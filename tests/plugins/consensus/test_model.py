from __future__ import annotations

import json

import numpy as np
import pytest
from splicecore.api import ConfigError, N, OpenRequest, ResourceNotFoundError, encode, reverse_complement
from splicecore.testing.conformance import BaseModelConformance
from splicecore_consensus.finder import PACKAGED
from splicecore_consensus.model import ConsensusModel, open_model
from splicecore_consensus.plugin import SPEC

LEFT, RIGHT = SPEC.left, SPEC.right
ACCEPTOR, DONOR = 1, 2


@pytest.fixture(scope="module")
def model(parameters):
    return ConsensusModel(SPEC, parameters)


@pytest.fixture(scope="module")
def packaged():
    return open_model(SPEC, OpenRequest(weights=str(PACKAGED)))


def contig_scores(model, genome, index, strand):
    """Scores of a whole contig, by genomic position."""
    codes = list(genome.sequences.values())[index]
    oriented = codes if strand > 0 else reverse_complement(codes)
    padded = np.pad(oriented, (LEFT, RIGHT), constant_values=N)
    return model.predict(padded[np.newaxis])[0][::strand]


class TestConformance(BaseModelConformance):
    @pytest.fixture
    def spec(self):
        return SPEC

    @pytest.fixture
    def request_(self):
        return OpenRequest(weights=str(PACKAGED))

    @pytest.fixture
    def altered_request(self, tmp_path):
        content = json.loads(PACKAGED.read_text(encoding="utf-8"))
        content["donor"]["log_odds"][3][2][2] += 0.5
        path = tmp_path / "consensus.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return OpenRequest(weights=str(path))


def test_sites_score_above_everything_else_on_both_strands(model, genome):
    for strand in (1, -1):
        for kind in (ACCEPTOR, DONOR):
            at_sites, elsewhere = [], []
            for contig in (0, 1):  # kept from learning
                scores = contig_scores(model, genome, contig, strand)[:, kind]
                chosen = (genome.sites["contig"] == contig) & (genome.sites["strand"] == strand)
                positions = genome.sites["position"][chosen & (genome.sites["type"] == kind)]
                at_sites.append(scores[positions])
                elsewhere.append(np.delete(scores, positions))
            assert np.median(np.concatenate(at_sites)) > 100 * np.quantile(np.concatenate(elsewhere), 0.99)


def test_an_offset_of_one_loses_the_sites(model, genome):
    """Labels are on the exon's side: beside a site there is nothing."""
    scores = contig_scores(model, genome, 0, 1)
    sites = genome.sites[(genome.sites["contig"] == 0) & (genome.sites["strand"] == 1)]
    at, before, after = (
        np.mean(scores[sites["position"] + shift, sites["type"]], dtype=np.float64) for shift in (0, -1, 1)
    )
    assert at > 20 * max(before, after)


def test_acceptor_decoys_without_a_tract_score_below_acceptors(model, genome):
    def scores_of(table):
        rows = table[table["type"] == ACCEPTOR]
        return [contig_scores(model, genome, 0, s)[rows["position"][(rows["contig"] == 0) & (rows["strand"] == s)], 1]
                for s in (1, -1)]  # fmt: skip

    assert np.median(np.concatenate(scores_of(genome.sites))) > 20 * np.median(np.concatenate(scores_of(genome.decoys)))


def test_tiles_and_batches_make_no_difference(packaged):
    codes = np.random.default_rng(0).integers(0, 5, size=(3, LEFT + 500 + RIGHT), dtype=np.uint8)
    together = packaged.predict(codes)
    for row in range(3):
        alone = [packaged.predict(codes[row : row + 1, s : s + LEFT + 125 + RIGHT])[0] for s in range(0, 500, 125)]
        np.testing.assert_allclose(np.concatenate(alone), together[row], rtol=0, atol=SPEC.tolerance)


def test_scores_are_probabilities_and_input_is_not_modified(packaged):
    codes = np.random.default_rng(1).integers(0, 5, size=(2, LEFT + 300 + RIGHT), dtype=np.uint8)
    before = codes.copy()
    scores = packaged.predict(codes)
    assert scores.dtype == np.float32
    assert scores.shape == (2, 300, 3)
    assert scores.min() >= 0
    np.testing.assert_allclose(scores.sum(axis=-1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(codes, before)


def test_the_context_is_exact(packaged):
    """The outermost bases of the declared context still matter: the acceptor's first, the donor's last."""
    windows = {0: encode("TTTTCTTTTCCTTTTTTCAGGTCGAAG"), LEFT + RIGHT: encode("CCCCCCCCCCCCCCCCCCCAGGTAAGT")}
    assert {len(window) for window in windows.values()} == {LEFT + 1 + RIGHT}
    for index, window in windows.items():
        changed = window.copy()
        changed[index] = (changed[index] + 2) % 4
        assert not np.array_equal(packaged.predict(changed[np.newaxis]), packaged.predict(window[np.newaxis]))


def test_n_is_worth_nothing(packaged):
    nothing = packaged.predict(np.full((1, LEFT + 1 + RIGHT), N, dtype=np.uint8))[0, 0]
    assert nothing[0] > 0.99
    site = encode("TTTTCTTTTCCTTTTTTCAGGTAAGTA"[:27])
    blurred = site.copy()
    blurred[:15] = N
    acceptor = [packaged.predict(codes[np.newaxis])[0, 0, ACCEPTOR] for codes in (site, blurred)]
    assert acceptor[0] > 0.05
    assert acceptor[0] > 3 * acceptor[1]


@pytest.mark.parametrize(("dinucleotide", "possible"), [("GT", True), ("GC", True), ("AT", False), ("GA", False)])
def test_other_dinucleotides_get_the_floor(packaged, dinucleotide, possible):
    floor = packaged.predict(encode("C" * 27)[np.newaxis])[0, 0, DONOR]
    donor = packaged.predict(encode("CCCCCCCCCCCCCCCCCCCAG" + dinucleotide + "AAGT")[np.newaxis])[0, 0, DONOR]
    assert (donor > 10 * floor) == possible
    if not possible:
        assert donor == floor


def test_empty_input_and_empty_batch(packaged):
    assert packaged.predict(np.zeros((1, LEFT + RIGHT), dtype=np.uint8)).shape == (1, 0, 3)
    assert packaged.predict(np.zeros((0, LEFT + 5 + RIGHT), dtype=np.uint8)).shape == (0, 5, 3)


@pytest.mark.parametrize(
    "codes",
    [
        np.zeros((1, LEFT + RIGHT - 1), dtype=np.uint8),
        np.zeros(LEFT + RIGHT + 1, dtype=np.uint8),
        np.zeros((1, LEFT + RIGHT + 1), dtype=np.int64),
        np.full((1, LEFT + RIGHT + 1), 5, dtype=np.uint8),
    ],
)
def test_arrays_of_another_kind_are_refused(packaged, codes):
    with pytest.raises(ValueError, match="consensus"):
        packaged.predict(codes)


def test_it_opens_from_a_file_and_from_its_folder(packaged):
    assert open_model(SPEC, OpenRequest(weights=str(PACKAGED.parent))).fingerprint == packaged.fingerprint


def test_wrong_requests_are_refused():
    with pytest.raises(ConfigError, match="torch"):
        open_model(SPEC, OpenRequest(weights=str(PACKAGED), engine="torch"))
    with pytest.raises(ConfigError, match="width"):
        open_model(SPEC, OpenRequest(weights=str(PACKAGED), config={"width": 3}))
    with pytest.raises(ResourceNotFoundError, match="parameter file"):
        open_model(SPEC, OpenRequest())

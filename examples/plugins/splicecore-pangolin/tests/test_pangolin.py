"""Scores, files and tensors of the base model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from splicecore.api import ConfigError, OpenRequest, ResourceError, ResourceNotFoundError, encode
from splicecore_pangolin.model import open_model
from splicecore_pangolin.network_file import load_head
from splicecore_pangolin.plugin import SPEC


def open_pangolin(weights, **config):
    return open_model(SPEC, OpenRequest(weights=str(weights), config=config))


def random_codes(positions, seed=0):
    return np.random.default_rng(seed).integers(0, 5, size=10_000 + positions, dtype=np.uint8)


@pytest.fixture(scope="module")
def single(weights, tmp_path_factory):
    """Folder with one repeat."""
    folder = tmp_path_factory.mktemp("single")
    for path in weights.glob("final.1.*"):
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="module")
def expected(reference, member):
    """float32 (2 repeats, 4 heads, L) of :func:`random_codes`, P(splice) and usage of liver and testis."""
    codes = random_codes(40)
    rows = {2: 4, 3: 5, 6: 10, 7: 11}
    return codes, np.array([[reference(member(j, i), codes)[row] for i, row in rows.items()] for j in (1, 2)])


def test_every_output_is_the_mean_over_its_own_networks(weights, expected):
    codes, members = expected
    with open_pangolin(weights, usage=True, tissues=["testis", "liver"]) as model:
        scores = model.predict(codes[None])[0]
        assert model.spec.outputs[3:] == ("liver_splice", "testis_splice", "liver_usage", "testis_usage")
    means = members.mean(axis=0)
    assert means.std(axis=1).min() > 1e-4
    np.testing.assert_allclose(scores[:, 3:].T, means[[0, 2, 1, 3]], atol=5e-6)
    splice = means[[0, 2]].mean(axis=0)
    np.testing.assert_allclose(scores[:, 0], 1 - splice, atol=5e-6)
    np.testing.assert_allclose(scores[:, 1] + scores[:, 2], splice, atol=5e-6)


def test_all_tissues_without_usage_are_the_default(weights):
    with open_pangolin(weights) as model:
        assert model.spec == SPEC
        assert SPEC.outputs[3:] == ("heart_splice", "liver_splice", "brain_splice", "testis_splice")


def test_acceptors_and_donors_are_at_the_exons_bases(weights):
    codes = random_codes(30)
    codes[5000:5030] = encode("TTTTTTTTAGCTTTTTTTCGTTTTTTTTTT")  # exon C...C from 10 to 18
    with open_pangolin(weights, tissues=["heart"]) as model:
        scores = model.predict(codes[None])[0]
    assert scores[10, 2] == 0
    assert scores[10, 1] == scores[10, 3]
    assert scores[18, 1] == 0
    assert scores[18, 2] == scores[18, 3]
    np.testing.assert_allclose(scores[14, 1:3], scores[14, 3] / 2, rtol=1e-6)


@pytest.mark.parametrize("radius", [0, 8])
def test_edits_are_scored_as_the_edited_sequence(single, radius):
    codes = random_codes(60, seed=3)
    edits = [
        (5030, 5031, encode("A")),
        (5020, 5020, encode("AGGT")),
        (5040, 5046, encode("G")),
        (5059, 5060, encode("C")),
        (100, 101, encode("C")),
    ]
    with open_pangolin(single, tissues=["heart", "testis"]) as model:
        found = model.predict_edits(codes, edits, radius)
        for (start, end, bases), scores in zip(edits, found, strict=True):
            edited = np.concatenate([codes[:start], bases, codes[end:]])
            whole = model.predict(edited[None])[0]
            low = max(start - radius - 5000, 0)
            high = min(max(start + len(bases) + radius - 5000, 0), len(whole))
            assert scores.shape == (high - low, 5)
            np.testing.assert_allclose(scores, whole[low:high], atol=2e-6)


def test_fingerprint_follows_what_decides_the_scores(weights, altered_weights):
    def fingerprint(folder, **config):
        with open_pangolin(folder, **config) as model:
            return model.fingerprint

    plain = fingerprint(weights, tissues=["brain"])
    assert plain == fingerprint(weights, tissues=["brain"], convolutions="direct")
    assert plain != fingerprint(weights, tissues=["heart"])
    assert plain != fingerprint(altered_weights, tissues=["brain"])
    assert fingerprint(weights, tissues=["heart"]) == fingerprint(altered_weights, tissues=["heart"])
    assert fingerprint(weights, tissues=["heart", "brain"]) == fingerprint(weights, tissues=["brain", "heart"])


def test_versions_are_not_mixed(weights, tmp_path):
    for path in weights.glob("final.*.0.3.v2"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "final.1.0.3").symlink_to(weights / "final.1.2.3.v2")
    (tmp_path / "README").write_text("no network")
    second = open_pangolin(tmp_path, tissues=["heart"]).fingerprint
    assert second == open_pangolin(weights, tissues=["heart"]).fingerprint
    assert open_pangolin(tmp_path, tissues=["heart"], version="v1").fingerprint != second


def test_missing_files_are_named(weights, tmp_path):
    for name in ("final.1.0.3.v2", "final.2.0.3.v2", "final.1.4.3.v2"):
        (tmp_path / name).symlink_to(weights / name)
    with pytest.raises(ResourceNotFoundError, match="version v2 for liver_splice, testis_splice") as caught:
        open_pangolin(tmp_path)
    assert "--models-dir" in caught.value.hint
    with pytest.raises(ResourceError, match="heart_splice: 1, 2; brain_splice: 1"):
        open_pangolin(tmp_path, tissues=["heart", "brain"])
    with pytest.raises(ResourceNotFoundError, match="version v1"):
        open_pangolin(tmp_path, version="v1")


def test_a_network_does_not_count_twice(weights, tmp_path):
    for repeat in (1, 2):
        (tmp_path / f"final.{repeat}.0.3").symlink_to(weights / "final.1.0.3.v2")
    with pytest.raises(ResourceError, match="the same network"):
        open_pangolin(tmp_path, tissues=["heart"])


@pytest.mark.parametrize(
    "config",
    [
        {"tissues": ["kidney"]},
        {"tissues": []},
        {"tissues": "heart"},
        {"tissues": ["heart", "heart"]},
        {"usage": 1},
        {"version": "v3"},
        {"convolutions": "slow"},
        {"tissue": ["heart"]},
    ],
)
def test_settings_that_make_no_sense_are_refused(weights, config):
    with pytest.raises(ConfigError) as caught:
        open_pangolin(weights, **config)
    assert caught.value.hint


def drop_head(state):
    del state["conv_last8.bias"]


def add_tensor(state):
    state["conv_last9.weight"] = torch.zeros(1, 32, 1)


def swap_heads(state):
    for part in ("weight", "bias"):
        first, second = f"conv_last1.{part}", f"conv_last2.{part}"
        state[first], state[second] = state[second], state[first]


def another_kernel(state):
    state["resblocks.15.conv1.weight"] = torch.zeros(32, 32, 21)


def not_finite(state):
    state["skip.bias"][4] = float("nan")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop_head, "no tensor conv_last8.bias"),
        (add_tensor, "does not know: conv_last9.weight"),
        (swap_heads, "conv_last1 has 1 channels of 32, not 2 of 32"),
        (another_kernel, "blocks.15.conv1.kernel has shape"),
        (not_finite, "skips.0.bias holds values that are not finite"),
    ],
)
def test_tensors_of_another_network_are_refused(make_state, tmp_path, change, message):
    state = make_state(1)
    change(state)
    torch.save(state, tmp_path / "final.1.0.3")
    with pytest.raises(ResourceError, match=message) as caught:
        load_head(tmp_path / "final.1.0.3", 0)
    assert str(tmp_path) in caught.value.message


def test_code_in_a_file_is_not_run(tmp_path):
    torch.save({"conv1.weight": print}, tmp_path / "final.1.0.3")
    with pytest.raises(ResourceError, match="nothing in it was run"):
        open_pangolin(tmp_path, tissues=["heart"])

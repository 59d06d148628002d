"""The spread of an ensemble's members: standard deviations beside means that it does not change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from splicecore.api import BaseModelSpec, ConfigError
from splicecore_splicenet.architecture import spliceai_architecture
from splicecore_splicenet.engine import SplicenetEnsemble
from splicecore_splicenet.keras_h5 import load_keras_h5
from splicecore_splicenet.member_spread import SPREADS, MemberSpread, with_member_spread

if TYPE_CHECKING:
    from pathlib import Path

    from splicecore_splicenet.weights import NetworkWeights

SPEC = BaseModelSpec(name="toy", factory="toy:open", left=40, right=40, licence="MIT", citation="none")


@pytest.fixture
def members(keras_network: Any, tmp_path: Path) -> list[NetworkWeights]:
    paths = [keras_network(1, seed=seed).save(tmp_path / f"{seed}.h5") for seed in range(3)]
    return [load_keras_h5(path, spliceai_architecture(80)) for path in paths]


def test_deviations_follow_means_that_stay_the_same(members: list[NetworkWeights], random_codes: Any) -> None:
    codes = random_codes(2, 80 + 20_001, unknown=True)
    single = np.stack([SplicenetEnsemble([member]).predict(codes) for member in members]).astype(np.float64)

    scores = SplicenetEnsemble(members, member_spread=True).predict(codes)

    assert scores.shape == (2, 20_001, 5)
    assert scores.dtype == np.float32
    assert scores[:, :, :3].tobytes() == SplicenetEnsemble(members).predict(codes).tobytes()
    np.testing.assert_allclose(scores[:, :, 3:], single.std(axis=0)[:, :, 1:3], rtol=1e-5, atol=1e-7)
    assert scores[:, :, 3:].max() > 0.05


def test_threads_do_not_matter(members: list[NetworkWeights], random_codes: Any) -> None:
    codes = random_codes(1, 80 + 30_000)
    one, three = (SplicenetEnsemble(members, threads=threads, member_spread=True).predict(codes) for threads in (1, 3))
    assert one.tobytes() == three.tobytes()


def test_members_that_agree_have_no_spread(members: list[NetworkWeights], random_codes: Any) -> None:
    scores = SplicenetEnsemble([members[0]] * 3, member_spread=True).predict(random_codes(1, 80 + 500))
    assert (scores[:, :, 3:] == 0).all()


def test_nothing_to_score(members: list[NetworkWeights], random_codes: Any) -> None:
    assert SplicenetEnsemble(members, member_spread=True).predict(random_codes(2, 80)).shape == (2, 0, 5)


@pytest.mark.parametrize("odd", range(5))
def test_one_odd_member_among_five(odd: int) -> None:
    """Whichever it is, the digits are kept."""
    votes = np.full((5, 3, 1), 0.3, dtype=np.float32)
    votes[odd] = 0.3004
    spread = MemberSpread.zeros(1)
    for member, probabilities in enumerate(votes):
        spread.add(member, probabilities)

    expected = votes[:, 1:, 0].astype(np.float64).std(axis=0)
    np.testing.assert_allclose(spread.deviation(5)[0], expected, rtol=1e-5, atol=0)


def test_the_descriptor_names_them() -> None:
    opened = with_member_spread(SPEC, [1, 2])
    assert opened.outputs == ("neither", "acceptor", "donor", *SPREADS)
    assert opened.n_outputs == 5
    with pytest.raises(ConfigError, match="there is one network"):
        with_member_spread(SPEC, [1])

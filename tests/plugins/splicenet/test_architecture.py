from __future__ import annotations

import pytest
from splicecore_splicenet.architecture import CONTEXTS, Architecture, Block, spliceai_architecture


@pytest.mark.parametrize("context", CONTEXTS)
def test_published_members_reach_half_their_context(context: int) -> None:
    assert spliceai_architecture(context).radius == context // 2


def test_the_largest_member_is_spliceai() -> None:
    architecture = spliceai_architecture()

    assert [(block.kernel, block.dilation) for block in architecture.blocks[::4]] == [
        (11, 1),
        (11, 4),
        (21, 10),
        (41, 25),
    ]
    assert (len(architecture.blocks), architecture.n_skips, architecture.channels) == (16, 5, 32)
    assert (architecture.activation, architecture.epsilon) == ("relu", 1e-3)
    assert [index for index in range(16) if architecture.ends_group(index)] == [3, 7, 11, 15]


def test_unknown_context_is_refused() -> None:
    with pytest.raises(ValueError, match="context of 5000"):
        spliceai_architecture(5000)


def test_kernels_are_odd_and_groups_are_whole() -> None:
    with pytest.raises(ValueError, match="odd kernel"):
        Block(10, 1)
    with pytest.raises(ValueError, match="groups of 4"):
        Architecture(blocks=[Block(11, 1)] * 3)

"""Every base model of this repository conforms."""

from __future__ import annotations

import importlib.metadata
import json
import math
import shutil
from pathlib import Path

import pytest
from splicecore.plugins.specs import OpenRequest
from splicecore.testing.conformance import BaseModelConformance


@pytest.fixture(scope="session")
def spliceai_weights():
    """Folder of SpliceAI's own weights; skips where the distribution that carries them is not installed."""
    try:
        distribution = importlib.metadata.distribution("spliceai")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip('no SpliceAI weights: pip install "splicecore-spliceai[weights]"')
    return Path(str(distribution.locate_file("spliceai/models")))


@pytest.fixture(scope="session")
def altered_spliceai_weights(spliceai_weights, tmp_path_factory):
    """The same weights but for one number of the fourth network."""
    h5py = pytest.importorskip("h5py")
    folder = tmp_path_factory.mktemp("altered")
    for path in spliceai_weights.glob("*.h5"):
        if path.name == "spliceai4.h5":
            shutil.copy(path, folder)
        else:
            (folder / path.name).symlink_to(path)
    (folder / "spliceai4.h5").chmod(0o600)
    with h5py.File(folder / "spliceai4.h5", "r+") as file:
        kernel = file["model_weights/conv1d_20/conv1d_20/kernel:0"]
        kernel[0, 0, 0] = kernel[0, 0, 0] + 1e-3
    return folder


class TestSpliceAI(BaseModelConformance):
    @pytest.fixture
    def spec(self):
        return pytest.importorskip("splicecore_spliceai.plugin").SPEC

    @pytest.fixture
    def request_(self, spliceai_weights):
        return OpenRequest(weights=str(spliceai_weights), config={"members": [1, 4]})

    @pytest.fixture
    def altered_request(self, altered_spliceai_weights):
        return OpenRequest(weights=str(altered_spliceai_weights), config={"members": [1, 4]})


@pytest.fixture(scope="session")
def openspliceai_weights(tmp_path_factory):
    """Two folders of random networks in OpenSpliceAI's layout, which differ in one number."""
    torch = pytest.importorskip("torch")
    folders = []
    for alteration in (0.0, 1e-3):
        folder = tmp_path_factory.mktemp("openspliceai") / "80nt"
        folder.mkdir()
        for seed in (10, 11):
            state = random_openspliceai_network(torch, torch.Generator().manual_seed(seed))
            state["residual_units.2.conv1.bias"][5] += alteration
            torch.save(state, folder / f"model_80nt_rs{seed}.pt")
        folders.append(folder)
    return folders


def random_openspliceai_network(torch, generator):
    """Make the state dict of a network with 80 nt of context."""

    def normal(*shape):
        return torch.randn(shape, generator=generator) * 0.7 / max(1, math.prod(shape[1:])) ** 0.5

    shapes = {"initial_conv": (32, 4, 1), "initial_skip.conv": (32, 32, 1), "residual_units.4.conv": (32, 32, 1)}
    shapes |= {f"residual_units.{unit}.conv{part}": (32, 32, 11) for unit in range(4) for part in (1, 2)}
    state = {}
    for layer, shape in {**shapes, "final_conv": (3, 32, 1)}.items():
        state[f"{layer}.weight"], state[f"{layer}.bias"] = normal(*shape), normal(shape[0]) * 0.2
    for layer in [f"residual_units.{unit}.batchnorm{part}" for unit in range(4) for part in (1, 2)]:
        state[f"{layer}.weight"], state[f"{layer}.bias"] = 1 + normal(32) * 0.2, normal(32) * 0.2
        state[f"{layer}.running_mean"], state[f"{layer}.running_var"] = normal(32) * 0.2, torch.ones(32)
        state[f"{layer}.num_batches_tracked"] = torch.tensor(1)
    state["final_conv.bias"][0] += 3  # sites are rare
    return state


class TestOpenSpliceAI(BaseModelConformance):
    @pytest.fixture
    def spec(self):
        return pytest.importorskip("splicecore_openspliceai.plugin").SPEC

    @pytest.fixture
    def request_(self, openspliceai_weights):
        return OpenRequest(weights=str(openspliceai_weights[0]), config={"context": 80})

    @pytest.fixture
    def altered_request(self, openspliceai_weights):
        return OpenRequest(weights=str(openspliceai_weights[1]), config={"context": 80})


class TestSpreadOfMembers(TestOpenSpliceAI):
    """Five outputs."""

    @pytest.fixture
    def request_(self, openspliceai_weights):
        return OpenRequest(weights=str(openspliceai_weights[0]), config={"member_spread": True})

    @pytest.fixture
    def altered_request(self, openspliceai_weights):
        return OpenRequest(weights=str(openspliceai_weights[1]), config={"member_spread": True})


@pytest.mark.realdata
class TestPublishedOpenSpliceAI(BaseModelConformance):
    @pytest.fixture
    def spec(self):
        return pytest.importorskip("splicecore_openspliceai.plugin").SPEC

    @pytest.fixture
    def request_(self, real_data):
        if not (real_data / "weights" / "openspliceai-mane").is_dir():
            pytest.skip("the real data has no OpenSpliceAI weights")
        return OpenRequest(weights=str(real_data / "weights"), config={"context": 400, "members": [10, 12]})

    @pytest.fixture
    def altered_request(self, request_):
        """Another member in the place of one."""
        return OpenRequest(weights=request_.weights, config={"context": 400, "members": [10, 13]})


class TestConsensus(BaseModelConformance):
    @pytest.fixture
    def spec(self):
        return pytest.importorskip("splicecore_consensus.plugin").SPEC

    @pytest.fixture
    def request_(self):
        finder = pytest.importorskip("splicecore_consensus.finder")
        return OpenRequest(weights=str(finder.PACKAGED.parent))

    @pytest.fixture
    def altered_request(self, request_, tmp_path):
        """The same parameters but for one number."""
        parameters = json.loads((Path(request_.weights) / "consensus.json").read_text(encoding="utf-8"))
        assert change_one_number(parameters)
        (tmp_path / "consensus.json").write_text(json.dumps(parameters), encoding="utf-8")
        return OpenRequest(weights=str(tmp_path))


def change_one_number(tree):
    """Change the first float of a JSON tree by a ten-thousandth; False if it has none."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if isinstance(value, float):
            tree[key] = value + 1e-4
            return True
        if isinstance(value, (dict, list)) and change_one_number(value):
            return True
    return False

"""Every base model of this repository conforms."""

from __future__ import annotations

import importlib.metadata
import json
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

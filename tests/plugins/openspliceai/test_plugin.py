from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from splicecore.api import ResourceNotFoundError, ResourceRequest, Session, load_object
from splicecore.plugins.host import PluginHost
from splicecore.testing.simulate import SimulationConfig, simulate_genome
from splicecore_openspliceai import plugin
from splicecore_openspliceai.config import CONTEXTS, OpenSpliceAIConfig

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SPLICECORE_MODELS", raising=False)
    monkeypatch.setenv("SPLICECORE_DATA_ROOT", str(tmp_path / "data"))


def test_the_spec_says_what_users_must_know() -> None:
    (spec,) = plugin.splicecore_base_models()

    assert (spec.name, spec.left, spec.right, spec.n_outputs) == ("openspliceai", 5000, 5000, 3)
    assert spec.licence.startswith("GPL-3.0")
    assert spec.commercial_use is None
    assert "10.7554/eLife.107454" in spec.citation
    assert spec.config_cls is OpenSpliceAIConfig
    assert load_object(spec.factory).__name__ == "open_model"


def test_the_contexts_are_those_of_the_family() -> None:
    from splicecore_splicenet import architecture

    assert architecture.CONTEXTS == CONTEXTS


def find(**where: str) -> str:
    spec = plugin.SPEC
    return PluginHost().find_resource(ResourceRequest(kind="weights", name=spec.name, files=spec.weights, **where)).path


@pytest.mark.parametrize("below", ["", "openspliceai-mane", "openspliceai-mane/80nt"])
def test_weights_given_explicitly(weights: Path, below: str) -> None:
    assert find(explicit=str(weights / below)) == str(weights / below)


def test_one_file_given_explicitly(weights: Path) -> None:
    file = weights / "openspliceai-mane" / "80nt" / "model_80nt_rs9.pt"
    assert find(explicit=str(file)) == str(file)


def test_weights_below_the_environments_folder(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLICECORE_MODELS", str(weights))
    assert find() == str(weights)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "openspliceai").symlink_to(weights)
    monkeypatch.setenv("SPLICECORE_MODELS", str(tmp_path / "models"))
    assert find() == str(tmp_path / "models" / "openspliceai")


def test_weights_below_the_data_root(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "models").mkdir(parents=True)
    (tmp_path / "data" / "models" / "openspliceai").symlink_to(weights)
    assert find() == str(tmp_path / "data" / "models" / "openspliceai")


def test_another_models_checkpoints_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pangolin" / "final").mkdir(parents=True)
    (tmp_path / "pangolin" / "1.pt").touch()
    (tmp_path / "pangolin" / "final" / "1.pt").touch()
    monkeypatch.setenv("SPLICECORE_MODELS", str(tmp_path))
    with pytest.raises(ResourceNotFoundError, match=r"\*\.pt or \*\.pth or \*nt/\*\.pt"):
        find()


def test_a_session_opens_it_with_its_settings(weights: Path) -> None:
    session = Session(models={"openspliceai": {"context": 400, "species": "arabidopsis", "members": [10]}})

    with session.open_base_model("openspliceai", models_dir=str(weights)) as model:
        assert model.spec.left == 200
        assert "arabidopsis, 400 nt of context, 1 network" in model.spec.summary


def splicecore(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "splicecore", *arguments], capture_output=True, text=True, check=False)


def test_a_run_takes_settings_from_the_command_line(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SPLICECORE_CACHE_DIR", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    paths = simulate_genome(SimulationConfig(genes_per_contig=2, exons_per_gene=(3, 3)), seed=1).write(
        tmp_path / "genome"
    )
    inputs = ("--fasta", str(paths.fasta), "--annotation", str(paths.annotation), "--all-genes")
    model = ("--base-model", "openspliceai", "--models-dir", str(weights))
    output = ("--output-dir", str(tmp_path / "out"))

    done = splicecore("run", *inputs, *model, *output, "--model-option", "context=80", "--model-option", "members=[9]")

    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert "mane, 80 nt of context, 1 network" in manifest["base_model"]["summary"]
    assert (manifest["identity"]["tiling"]["left"], manifest["identity"]["tiling"]["right"]) == (40, 40)

    done = splicecore("run", *inputs, *model, *output, "--model-option", "context=81")
    assert done.returncode == 2
    assert "context is 81" in done.stderr


def test_listing_the_plugin_imports_nothing_heavy() -> None:
    code = (
        "import sys, splicecore_openspliceai.plugin;"
        "sys.exit(bool({'torch', 'h5py', 'pysam', 'openspliceai'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

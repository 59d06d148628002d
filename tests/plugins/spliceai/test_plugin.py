from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from splicecore.api import ResourceRequest, load_object
from splicecore_spliceai import plugin
from splicecore_spliceai.config import SpliceAIConfig
from splicecore_spliceai.weights import find_installed

FILES = tuple(f"spliceai{member}.h5" for member in range(1, 6))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed distributions with a `spliceai` whose weights are empty files, the only one to be found."""
    models = tmp_path / "spliceai" / "models"
    models.mkdir(parents=True)
    (tmp_path / "spliceai" / "__init__.py").write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    for name in FILES:
        (models / name).touch()
    info = tmp_path / "spliceai-1.3.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spliceai\nVersion: 1.3.1\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


def test_the_spec_says_what_users_must_know() -> None:
    (spec,) = plugin.splicecore_base_models()

    assert (spec.name, spec.left, spec.right, spec.n_outputs) == ("spliceai", 5000, 5000, 3)
    assert (spec.licence, spec.commercial_use) == ("CC-BY-NC-4.0", False)
    assert "10.1016/j.cell.2018.12.015" in spec.citation
    assert (spec.builds, spec.engines, spec.weights) == (("GRCh37",), ("torch", "tensorflow"), FILES)
    assert spec.position_invariant
    assert spec.output_length is None
    assert spec.config_cls is SpliceAIConfig
    assert load_object(spec.factory).__name__ == "open_model"


def test_the_context_is_that_of_the_networks() -> None:
    from splicecore_splicenet.architecture import spliceai_architecture

    assert plugin.SPEC.left == plugin.SPEC.right == spliceai_architecture().radius


def test_the_finder_is_yielded() -> None:
    (finder,) = plugin.splicecore_resource_finders()

    assert (finder.priority, finder.kinds) == (100, ("weights", "spliceai_table"))
    assert load_object(finder.factory) is find_installed


def test_finding_the_installed_distribution(site: Path) -> None:
    found = find_installed(ResourceRequest(kind="weights", name="spliceai", files=FILES))

    assert found is not None
    assert Path(found.path) == site / "spliceai" / "models"
    assert found.provenance == "installed distribution spliceai 1.3.1"
    assert "spliceai" not in sys.modules


def test_finding_its_annotation_tables(site: Path) -> None:
    request = ResourceRequest(kind="spliceai_table", name="grch38", files=("grch38.txt",))
    assert find_installed(request) is None
    (site / "spliceai" / "annotations").mkdir()
    (site / "spliceai" / "annotations" / "grch38.txt").touch()

    found = find_installed(request)

    assert found is not None
    assert Path(found.path) == site / "spliceai" / "annotations"


def test_not_found(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_installed(ResourceRequest(kind="weights", name="openspliceai", files=FILES)) is None
    assert find_installed(ResourceRequest(kind="genome", name="spliceai", files=FILES)) is None
    (site / "spliceai" / "models" / "spliceai5.h5").unlink()
    assert find_installed(ResourceRequest(kind="weights", name="spliceai", files=FILES)) is None
    monkeypatch.setattr(sys, "path", [str(site / "spliceai")])
    assert find_installed(ResourceRequest(kind="weights", name="spliceai", files=FILES)) is None


def test_the_finder_says_where_it_looks() -> None:
    assert "splicecore-spliceai[weights]" in find_installed.describe(ResourceRequest(kind="weights", name="spliceai"))


def test_listing_the_plugin_imports_nothing_heavy() -> None:
    code = (
        "import sys, splicecore_spliceai.plugin, splicecore_spliceai.weights;"
        "sys.exit(bool({'torch', 'tensorflow', 'keras', 'h5py', 'pysam', 'spliceai'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Every distribution builds a wheel that installs and imports on its own and carries no weights."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = sorted(path.parent.name for path in (ROOT / "plugins").glob("*/pyproject.toml"))
WEIGHTS = {".h5", ".pt", ".pth", ".fa", ".gz", ".npz", ".pkl"}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> dict[str, Path]:
    """Build all wheels; package name -> wheel."""
    folder = tmp_path_factory.mktemp("wheels")
    projects = [ROOT, *(ROOT / "plugins" / name for name in PLUGINS)]
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*command, str(folder), *map(str, projects)], check=True, cwd=folder)
    return {path.name.partition("-")[0]: path for path in folder.glob("*.whl")}


def test_every_distribution_has_a_wheel(wheels):
    assert set(wheels) == {"splicecore", *(f"splicecore_{name}" for name in PLUGINS)}


@pytest.mark.parametrize("package", ["splicecore", *(f"splicecore_{name}" for name in PLUGINS)])
def test_a_wheel_is_typed_and_holds_one_package_and_no_weights(wheels, package):
    names = [Path(name) for name in zipfile.ZipFile(wheels[package]).namelist()]
    assert {name.parts[0] for name in names if not name.parts[0].endswith(".dist-info")} == {package}
    assert Path(package, "py.typed") in names
    assert not [name for name in names if name.suffix in WEIGHTS]


@pytest.mark.parametrize("package", ["splicecore", *(f"splicecore_{name}" for name in PLUGINS)])
def test_a_wheel_installs_and_imports_beside_the_core_alone(wheels, package, tmp_path):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(tmp_path)]
    subprocess.run(
        [*command, str(wheels[package]), *([str(wheels["splicecore"])] * (package != "splicecore"))], check=True
    )
    code = (
        f"import importlib, {package}, splicecore.api\n"
        f"assert {package}.__file__.startswith({str(tmp_path)!r}), {package}.__file__\n"
        f"assert splicecore.__file__.startswith({str(tmp_path)!r}), splicecore.__file__\n"
        "from importlib.metadata import entry_points\n"
        "points = entry_points(group='splicecore.plugins.v1')\n"
        f"[point.load() for point in points if point.value.startswith({package!r} + '.')]\n"
        "from splicecore.cli.main import main\nmain(['--version'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "0.1.0" in done.stdout

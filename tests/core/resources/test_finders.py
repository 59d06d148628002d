"""Weights are found where the user says, else in the usual places; what a user chose is never passed over."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING

import pytest
from splicecore.api import (
    ExitCode,
    ResourceFinderSpec,
    ResourceLocation,
    ResourceNotFoundError,
    ResourceRequest,
    hookimpl,
)
from splicecore.plugins.host import PluginHost
from splicecore.resources.finders import default_data_root

if TYPE_CHECKING:
    from pathlib import Path

PATTERNS = ("net[12].h5", "config.json")
FILES = ("net1.h5", "config.json")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("SPLICECORE_MODELS", raising=False)
    monkeypatch.setenv("SPLICECORE_DATA_ROOT", str(tmp_path / "default-root"))


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or FILES:
        (folder / name).touch()
    return folder


def find(host: PluginHost | None = None, **changes) -> ResourceLocation:
    request = ResourceRequest(**{"kind": "weights", "name": "net", "files": PATTERNS, **changes})
    return (host or PluginHost()).find_resource(request)


def refused(**changes) -> ResourceNotFoundError:
    with pytest.raises(ResourceNotFoundError) as caught:
        find(**changes)
    assert caught.value.exit_code == ExitCode.RESOURCE
    assert isinstance(caught.value, FileNotFoundError)
    return caught.value


class TestExplicit:
    def test_the_folder_itself(self, tmp_path):
        folder = fill(tmp_path / "w")
        assert find(explicit=str(folder)) == ResourceLocation(
            path=str(folder), provenance=f"given explicitly: {folder}"
        )

    def test_a_sub_folder_of_the_models_name(self, tmp_path):
        folder = fill(tmp_path / "w" / "net")
        assert find(explicit=str(tmp_path / "w")).path == str(folder)

    def test_a_relative_path_and_the_home_folder(self, tmp_path, monkeypatch):
        folder = fill(tmp_path / "w")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        assert find(explicit="w").path == find(explicit="~/w").path == str(folder)

    def test_alternatives_of_one_pattern(self, tmp_path):
        files = ("*.pt|*.pth|sub/*.pt", "config.json")
        assert find(explicit=str(fill(tmp_path / "a", "1.pth", "config.json")), files=files).path == str(tmp_path / "a")
        fill(fill(tmp_path / "b", "config.json") / "sub", "1.pt")
        assert find(explicit=str(tmp_path / "b"), files=files).path == str(tmp_path / "b")
        error = refused(explicit=str(fill(tmp_path / "c", "config.json")), files=files)
        assert error.message.endswith("no file *.pt or *.pth or sub/*.pt")
        assert error.hint == "it needs *.pt or *.pth or sub/*.pt, config.json"

    def test_one_file_where_one_pattern_names_all(self, tmp_path):
        file = fill(tmp_path / "w", "anything.json") / "anything.json"
        assert find(explicit=str(file), files=["*.json"]).path == str(file)

    def test_one_file_where_more_are_needed(self, tmp_path):
        error = refused(explicit=str(fill(tmp_path) / "net1.h5"))
        assert "is one file" in error.message
        assert "folder" in error.hint

    def test_a_path_that_does_not_exist(self, tmp_path):
        assert f"{tmp_path / 'none'} (given explicitly)" in refused(explicit=str(tmp_path / "none")).message

    def test_missing_files_are_named_and_nothing_else_is_tried(self, tmp_path):
        fill(tmp_path / "root" / "models" / "net")
        folder = fill(tmp_path / "w", "net1.h5")
        error = refused(explicit=str(folder), data_root=str(tmp_path / "root"))
        assert error.message == f"weights of 'net' are not complete in {folder} (given explicitly): no file config.json"
        assert error.hint == "it needs net[12].h5, config.json"

    def test_missing_files_of_the_sub_folder_are_named(self, tmp_path):
        folder = fill(tmp_path / "w" / "net", "config.json")
        error = refused(explicit=str(tmp_path / "w"))
        assert f"{folder} (given explicitly): no file net[12].h5" in error.message

    def test_a_folder_does_not_count_as_a_file(self, tmp_path):
        fill(tmp_path / "w", "net1.h5")
        (tmp_path / "w" / "config.json").mkdir()
        assert "no file config.json" in refused(explicit=str(tmp_path / "w")).message

    @pytest.mark.parametrize("method", ["is_dir", "glob"])
    def test_a_folder_that_cannot_be_read(self, method, tmp_path, monkeypatch):
        def refuse(self, *_):
            raise PermissionError(13, "Permission denied")

        folder = fill(tmp_path / "w")
        monkeypatch.setattr(type(folder), method, refuse)
        error = refused(explicit=str(folder))
        assert error.message == f"{folder} cannot be read: Permission denied"
        assert isinstance(error.__cause__, PermissionError)


class TestEnvironment:
    def test_a_sub_folder_of_the_models_name(self, tmp_path, monkeypatch):
        folder = fill(tmp_path / "models" / "net")
        monkeypatch.setenv("SPLICECORE_MODELS", str(tmp_path / "models"))
        assert find() == ResourceLocation(path=str(folder), provenance=f"SPLICECORE_MODELS: {folder}")

    def test_the_folder_of_one_model(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SPLICECORE_MODELS", str(fill(tmp_path / "net-folder")))
        assert find().path == str(tmp_path / "net-folder")

    def test_a_folder_without_this_model_is_no_error(self, tmp_path, monkeypatch):
        fill(tmp_path / "models" / "other")
        monkeypatch.setenv("SPLICECORE_MODELS", str(tmp_path / "models"))
        folder = fill(tmp_path / "root" / "models" / "net")
        assert find(data_root=str(tmp_path / "root")).path == str(folder)

    def test_a_folder_that_does_not_exist(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SPLICECORE_MODELS", str(tmp_path / "none"))
        assert f"{tmp_path / 'none'} (SPLICECORE_MODELS, a folder)" in refused().message

    @pytest.mark.parametrize("place", ["models/net", "models"])
    def test_a_part_of_the_files_is_an_error(self, place, tmp_path, monkeypatch):
        folder = fill(tmp_path / place, "net2.h5")
        fill(tmp_path / "root" / "models" / "net")
        monkeypatch.setenv("SPLICECORE_MODELS", str(tmp_path / "models"))
        error = refused(data_root=str(tmp_path / "root"))
        assert (
            error.message == f"weights of 'net' are not complete in {folder} (SPLICECORE_MODELS): no file config.json"
        )

    def test_the_explicit_path_comes_first(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SPLICECORE_MODELS", str(fill(tmp_path / "a")))
        assert find(explicit=str(fill(tmp_path / "b"))).path == str(tmp_path / "b")


class TestDataRoot:
    def test_of_the_request(self, tmp_path):
        folder = fill(tmp_path / "root" / "models" / "net")
        location = find(data_root=str(tmp_path / "root"))
        assert location == ResourceLocation(path=str(folder), provenance=f"data root: {folder}")

    def test_of_the_environment(self, tmp_path):
        folder = fill(tmp_path / "default-root" / "models" / "net")
        assert find().path == str(folder)

    def test_by_default_the_users_data_folder(self, monkeypatch):
        monkeypatch.delenv("SPLICECORE_DATA_ROOT")
        assert default_data_root().is_absolute()
        assert default_data_root().name == "splicecore"

    def test_missing_files_are_named(self, tmp_path):
        folder = fill(tmp_path / "default-root" / "models" / "net", "net1.h5")
        assert f"data root ({folder}: no file config.json)" in refused().message


def test_nothing_found_lists_every_place(tmp_path):
    error = refused()
    assert error.message == (
        "weights of 'net' (net[12].h5, config.json) not found; searched: explicit path (none given); "
        f"SPLICECORE_MODELS (not set); data root ({tmp_path / 'default-root' / 'models' / 'net'}: no such folder)"
    )
    assert "--models-dir" in error.hint


def test_a_kind_that_nobody_finds():
    assert "searched: nowhere" in refused(kind="genome").message


def plugin_of(find_function, monkeypatch, name: str = "third", priority: int = 100) -> PluginHost:
    """Make a host with a finder from a plugin."""
    module = types.ModuleType(f"finder_{name}")
    spec = ResourceFinderSpec(name=name, factory=f"{module.__name__}:find", kinds=["weights"], priority=priority)
    module.find = find_function
    module.splicecore_resource_finders = hookimpl(lambda: [spec])
    monkeypatch.setitem(sys.modules, module.__name__, module)
    host = PluginHost()
    host.register(module)
    return host


def test_plugins_find_what_the_core_does_not(monkeypatch):
    host = plugin_of(lambda request: ResourceLocation(path="/p", provenance=request.name), monkeypatch)
    assert find(host) == ResourceLocation(path="/p", provenance="net")


def test_plugins_come_after_the_core_unless_their_priority_says_otherwise(tmp_path, monkeypatch):
    fill(tmp_path / "default-root" / "models" / "net")
    location = ResourceLocation(path="/p", provenance="plugin")
    assert find(plugin_of(lambda _: location, monkeypatch)) != location
    assert find(plugin_of(lambda _: location, monkeypatch, priority=5)) == location


@pytest.mark.parametrize(
    ("answer", "text"), [("raise", "third (failed: OSError: disk on fire)"), ("str", "ContractError")]
)
def test_a_broken_finder_is_reported_and_the_next_one_asked(answer, text, tmp_path, monkeypatch, caplog):
    def broken(request):
        if answer == "raise":
            raise OSError("disk on fire")
        return "/a/path"

    host = plugin_of(broken, monkeypatch, priority=5)
    with pytest.raises(ResourceNotFoundError) as caught:
        find(host)
    assert text in caught.value.message
    folder = fill(tmp_path / "default-root" / "models" / "net")
    assert find(host).path == str(folder)
    assert "resource finder 'third' failed" in caplog.text


def test_a_finder_that_says_not_found_ends_the_search(monkeypatch):
    def find_here(request):
        raise ResourceNotFoundError("its checksum server says no")

    with pytest.raises(ResourceNotFoundError, match="its checksum server says no"):
        find(plugin_of(find_here, monkeypatch))

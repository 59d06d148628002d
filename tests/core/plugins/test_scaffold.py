"""New plugin packages: what is refused, and what the files say."""

from __future__ import annotations

import tomllib

import pytest
from packaging.requirements import Requirement
from splicecore import __version__
from splicecore.errors import ConfigError, OutputError
from splicecore.plugins.host import PluginHost, PluginState
from splicecore.plugins.scaffold import LONGEST_NAME, PluginKind, core_range, new_plugin

KINDS = [kind.value for kind in PluginKind]


@pytest.fixture
def host():
    """The core's own plugin alone."""
    return PluginHost()


def pyproject(made):
    return tomllib.loads((made.folder / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_package_is_a_plugin_and_says_who_made_it(kind, host, tmp_path, site):
    made = new_plugin(f"new-{kind}", kind=kind, folder=tmp_path / "p", author="Ann 'X' \"Y\" Lee <a@b.org>", host=host)
    assert made.files == tuple(sorted(made.files))
    assert {p.relative_to(made.folder).as_posix() for p in made.folder.rglob("*") if p.is_file()} == set(made.files)
    project = pyproject(made)["project"]
    assert project["name"] == made.distribution == f"splicecore-new-{kind}"
    assert project["authors"] == [{"name": "Ann 'X' \"Y\" Lee", "email": "a@b.org"}]
    assert "Copyright (c) Ann 'X' \"Y\" Lee\n" in (made.folder / "LICENSE").read_text(encoding="utf-8")
    ((name, module),) = project["entry-points"]["splicecore.plugins.v1"].items()
    assert (name, module) == (f"new-{kind}", f"{made.package}.plugin")
    needs = {Requirement(line).name: Requirement(line) for line in project["dependencies"]}
    assert __version__ in needs["splicecore"].specifier
    site.folder.joinpath("here.pth").touch()
    for path in (made.folder / "src").iterdir():
        path.rename(site.folder / path.name)
    loaded = site.discover(load=(), extra=(module,))
    (record,) = [record for record in loaded.records if record.name == module]
    assert record.state is PluginState.LOADED, record.error
    assert record.provides[f"{kind.replace('-', '_')}s"] == (f"new-{kind}",)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_template_is_left(kind, host, tmp_path):
    made = new_plugin("plain", kind=kind, folder=tmp_path / "p", host=host)
    for path in made.files:
        text = (made.folder / path).read_text(encoding="utf-8")
        assert "$" not in text.replace("${{ matrix.python }}", ""), path
        assert text == "" or text.endswith("\n"), path


def test_the_same_command_writes_the_same_bytes(host, tmp_path):
    first, second = (new_plugin("same", kind="meta-model", folder=tmp_path / where, host=host) for where in "ab")
    assert first.files == second.files
    assert all((first.folder / path).read_bytes() == (second.folder / path).read_bytes() for path in first.files)


@pytest.mark.parametrize(
    "name",
    ["", "Mine", "my_model", "my.model", "3d", "-x", "x-", "a--b", "ä", "a b", "x/y", "..", "a" * (LONGEST_NAME + 1)],
)
def test_bad_names_are_refused(name, host, tmp_path):
    with pytest.raises(ConfigError, match="not a name") as caught:
        new_plugin(name, kind="base-model", folder=tmp_path / "p", host=host)
    assert "lower-case" in caught.value.hint
    assert not (tmp_path / "p").exists()


def test_the_longest_name_is_accepted(host, tmp_path):
    assert new_plugin("a" * LONGEST_NAME, kind="base-model", folder=tmp_path / "p", host=host).files


@pytest.mark.parametrize(("name", "kind"), [("core", "base-model"), ("context", "feature-set")])
def test_names_of_the_core_are_taken(name, kind, host, tmp_path):
    with pytest.raises(ConfigError, match=f"{name!r} is taken by"):
        new_plugin(name, kind=kind, folder=tmp_path / "p", host=host)


def test_names_of_installed_plugins_and_models_are_taken(site, tmp_path):
    site.install_good("one", model="its-model")
    host = site.discover()
    with pytest.raises(ConfigError, match=r"'one' is taken by plugin 'one' \(one 1\.0\)"):
        new_plugin("one", kind="meta-model", folder=tmp_path / "p", host=host)
    with pytest.raises(ConfigError, match="taken by base model 'its-model'"):
        new_plugin("its-model", kind="base-model", folder=tmp_path / "p", host=host)
    assert new_plugin("its-model", kind="meta-model", folder=tmp_path / "p", host=host).files


@pytest.mark.parametrize("name", ["splicecore", "splicecore-mine"])
def test_the_prefix_is_not_given_twice(name, host, tmp_path):
    with pytest.raises(ConfigError, match="begins with splicecore"):
        new_plugin(name, kind="base-model", folder=tmp_path / "p", host=host)


def test_an_unknown_kind_lists_the_kinds(host, tmp_path):
    with pytest.raises(ConfigError, match="'model'") as caught:
        new_plugin("mine", kind="model", folder=tmp_path / "p", host=host)
    assert caught.value.hint == "choose base-model, feature-set, meta-model"


def test_an_existing_folder_is_left_alone(host, tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "notes").touch()
    with pytest.raises(OutputError, match="exists already"):
        new_plugin("mine", kind="base-model", folder=tmp_path / "p", host=host)
    with pytest.raises(OutputError, match="exists already"):
        new_plugin("mine", kind="base-model", folder=tmp_path / "p" / "notes", host=host)
    assert [path.name for path in (tmp_path / "p").iterdir()] == ["notes"]


def test_an_empty_folder_is_filled_and_the_default_is_here(host, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "splicecore-mine").mkdir()
    made = new_plugin("mine", kind=PluginKind.BASE_MODEL, host=host)
    assert (tmp_path / made.folder / "pyproject.toml").is_file()
    assert pyproject(made)["project"]["authors"] == [{"name": "The splicecore-mine authors"}]


@pytest.mark.parametrize("author", ["", "  ", "two\nlines", "bell\a"])
def test_bad_authors_are_refused(author, host, tmp_path):
    with pytest.raises(ConfigError, match="author"):
        new_plugin("mine", kind="base-model", folder=tmp_path / "p", author=author, host=host)


@pytest.mark.parametrize(
    ("author", "name"), [("Ann $name \\ Lee", "Ann $name \\ Lee"), ("A <b>", "A <b>"), ("李", "李")]
)
def test_odd_authors_are_written_as_they_are(author, name, host, tmp_path):
    made = new_plugin("mine", kind="base-model", folder=tmp_path / "p", author=author, host=host)
    assert pyproject(made)["project"]["authors"] == [{"name": name}]


@pytest.mark.parametrize(
    ("version", "expected"),
    [("0.1.0", ">=0.1,<0.2"), ("0.9.3", ">=0.9,<0.10"), ("1.0.0", ">=1.0,<2"), ("2.3.1", ">=2.3,<3")],
)
def test_the_range_of_cores_is_what_versions_promise(version, expected):
    assert core_range(version) == expected

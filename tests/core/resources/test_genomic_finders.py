"""Genomic resources are found by option, environment, data root and plugins, in that order."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from splicecore.api import ExitCode, ResourceError, ResourceLocation, ResourceNotFoundError
from splicecore.errors import ChecksumError, ConfigError
from splicecore.plugins.host import PluginHost, PluginSettings
from splicecore.resources.genomic_finders import has_primary_name
from splicecore.resources.keys import GENOMIC_KINDS, ResourceKey
from splicecore.resources.registry import Registry
from splicecore.testing.plugins import fake_distribution

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = """
import os
from splicecore.api import ResourceFinderSpec, ResourceLocation, hookimpl

@hookimpl
def splicecore_resource_finders():
    yield ResourceFinderSpec(name="lab-share", factory=__name__ + ":find", kinds=("fasta", "annotation", "phastcons"))

def find(request):
    path = os.path.join(os.environ["LAB_SHARE"], request.source, f"{request.build}-{request.release}.{request.kind}")
    return ResourceLocation(path=path, provenance="lab share") if os.path.exists(path) else None
"""
TABLE = "#NAME\tCHROM\tSTRAND\tTX_START\tTX_END\tEXON_START\tEXON_END\n"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch, tmp_path):
    for kind in (*GENOMIC_KINDS, "phastcons"):
        monkeypatch.delenv(f"SPLICECORE_{kind.upper()}_PATH", raising=False)
    monkeypatch.setenv("SPLICECORE_DATA_ROOT", str(tmp_path / "default-root"))
    monkeypatch.setenv("LAB_SHARE", str(tmp_path / "share"))


@pytest.fixture
def registry(tmp_path):
    return Registry(PluginHost(), tmp_path / "root")


@pytest.fixture
def with_plugin(tmp_path, monkeypatch):
    fake_distribution(tmp_path / "site", "lab", "1.0", PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return Registry(PluginHost.discover(PluginSettings(load=("lab",), strict=True)), tmp_path / "root")


def key(kind: str = "fasta", release: str | None = None) -> ResourceKey:
    return ResourceKey(kind=kind, source="gencode", build="GRCh38", release=release)


def put(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def home(registry: Registry) -> Path:
    return registry.folder("gencode", "GRCh38")


# ------------------------------------------------------------------------------------------------------------- order


def test_every_place_comes_before_the_next(with_plugin, tmp_path, monkeypatch):
    share = put(tmp_path / "share" / "gencode" / "GRCh38-None.fasta")
    assert with_plugin.resolve(key()) == ResourceLocation(path=str(share), provenance="lab share")
    own = put(home(with_plugin) / "g.fa")
    assert with_plugin.resolve(key()) == ResourceLocation(path=str(own), provenance="data root")
    chosen = put(tmp_path / "env.fa")
    monkeypatch.setenv("SPLICECORE_FASTA_PATH", str(chosen))
    assert with_plugin.resolve(key()) == ResourceLocation(path=str(chosen), provenance="SPLICECORE_FASTA_PATH")
    given = put(tmp_path / "given.fa")
    assert with_plugin.resolve(key(), given) == ResourceLocation(path=str(given), provenance="given explicitly")


def test_releases_have_folders_of_their_own(registry, tmp_path):
    put(home(registry) / "old.gtf")
    new = put(home(registry) / "release-47" / "new.gtf")
    assert registry.resolve(key("annotation", "47")).path == str(new)
    assert registry.resolve(key("annotation")).path == str(home(registry) / "old.gtf")
    assert registry.find(key("annotation", "46")) is None


def test_a_plugin_is_asked_for_source_build_and_release(with_plugin, tmp_path):
    file = put(tmp_path / "share" / "gencode" / "GRCh38-47.annotation")
    assert with_plugin.find(key("annotation")) is None
    assert with_plugin.resolve(key("annotation", "47")).path == str(file)


# ----------------------------------------------------------------------------------------------- kinds of plugins


def test_a_plugins_own_kind_is_found_everywhere(with_plugin, tmp_path, monkeypatch):
    assert with_plugin.kinds == (*GENOMIC_KINDS, "phastcons")
    with pytest.raises(ResourceNotFoundError, match="SPLICECORE_PHASTCONS_PATH"):
        with_plugin.resolve(key("phastcons"))
    share = put(tmp_path / "share" / "gencode" / "GRCh38-None.phastcons")
    assert with_plugin.resolve(key("phastcons")).path == str(share)
    own = put(home(with_plugin) / "phastcons.100way.bw")
    assert with_plugin.resolve(key("phastcons")).path == str(own)
    put(home(with_plugin) / "phastcons.bw")
    with pytest.raises(ResourceError, match=r"phastcons\.100way\.bw, phastcons\.bw"):
        with_plugin.resolve(key("phastcons"))
    monkeypatch.setenv("SPLICECORE_PHASTCONS_PATH", str(own))
    assert with_plugin.resolve(key("phastcons")).provenance == "SPLICECORE_PHASTCONS_PATH"


def test_an_unknown_kind_is_an_error_with_near_names(registry):
    with pytest.raises(ConfigError, match="no kind of genomic resource 'splice_site'") as caught:
        registry.find(key("splice_site"))
    assert caught.value.hint == "did you mean splice_sites?"
    with pytest.raises(ConfigError) as caught:
        registry.find(key("weights"))
    assert caught.value.hint.startswith("one of fasta, fasta_index")


# ------------------------------------------------------------------------------------------- what a user chose


@pytest.mark.parametrize("kind", GENOMIC_KINDS)
def test_a_variable_that_names_nothing_is_an_error(kind, registry, tmp_path, monkeypatch):
    put(home(registry) / "g.fa")
    variable = f"SPLICECORE_{kind.upper()}_PATH"
    monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    with pytest.raises(ResourceNotFoundError) as caught:
        registry.find(key(kind))
    assert caught.value.message == f"{variable}: {tmp_path / 'nothing'} does not exist"
    assert variable in caught.value.hint
    assert caught.value.exit_code == ExitCode.RESOURCE


def test_an_explicit_path_that_does_not_exist_is_an_error(registry, tmp_path):
    put(home(registry) / "g.fa")
    with pytest.raises(ResourceNotFoundError, match="given explicitly"):
        registry.find(key(), tmp_path / "nothing.fa")


def test_the_index_is_that_of_the_genome_of_the_environment(registry, tmp_path, monkeypatch):
    put(home(registry) / "g.fa")
    own = put(home(registry) / "g.fa.fai")
    assert registry.resolve(key("fasta_index")).path == str(own)
    genome = put(tmp_path / "env.fa")
    monkeypatch.setenv("SPLICECORE_FASTA_PATH", str(genome))
    with pytest.raises(ResourceNotFoundError, match=r"env\.fa\.fai does not exist"):
        registry.find(key("fasta_index"))
    index = put(tmp_path / "env.fa.fai")
    assert registry.resolve(key("fasta_index")).path == str(index)


# ---------------------------------------------------------------------------------------------------- data root


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("hg38.fa", "fasta"), ("hg38.fasta.gz", "fasta"), ("GRCh38.fna.bgz", "fasta"), ("HG38.FA.GZ", "fasta"),
        ("g.gtf", "annotation"), ("g.gtf.gz", "annotation"), ("g.gff3.gz", "annotation"), ("g.gff", "annotation"),
    ],
)  # fmt: skip
def test_primary_files_are_known_by_their_names(name, kind, registry):
    other = {"fasta": "annotation", "annotation": "fasta"}[kind]
    file = put(home(registry) / name)
    put(home(registry) / f".{name}")
    put(home(registry) / f"{name}.fai")
    put(home(registry) / "README.txt")
    assert registry.resolve(key(kind)).path == str(file)
    assert registry.find(key(other)) is None


def test_a_text_file_is_an_annotation_if_it_is_a_spliceai_table(registry, tmp_path):
    put(home(registry) / "notes.txt", "NAME of the project\n")
    assert registry.find(key("annotation")) is None
    table = put(home(registry) / "grch38.txt", TABLE)
    assert registry.resolve(key("annotation")).path == str(table)
    packed = tmp_path / "grch38.txt.gz"
    packed.write_bytes(gzip.compress(TABLE.encode()))
    assert has_primary_name("annotation", packed)
    packed.write_bytes(gzip.compress(TABLE.encode())[:12])
    assert not has_primary_name("annotation", packed)


def test_two_files_that_could_be_meant_are_an_error_that_lists_them(registry, tmp_path, monkeypatch):
    put(home(registry) / "b.fasta.gz")
    put(home(registry) / "a.fa")
    with pytest.raises(ResourceError) as caught:
        registry.find(key())
    assert f"{home(registry)} has 2 files that may be its fasta: a.fa, b.fasta.gz" in caught.value.message
    assert "SPLICECORE_FASTA_PATH" in caught.value.hint
    monkeypatch.setenv("SPLICECORE_FASTA_PATH", str(home(registry) / "a.fa"))
    assert registry.resolve(key()).path == str(home(registry) / "a.fa")


def test_a_link_to_nothing_is_told(registry, tmp_path):
    home(registry).mkdir(parents=True)
    (home(registry) / "g.fa").symlink_to(tmp_path / "gone.fa")
    with pytest.raises(ResourceError, match=r"g\.fa is a link to .*gone\.fa, which does not exist"):
        registry.find(key())


def test_a_damaged_manifest_is_not_passed_over(registry):
    put(home(registry) / "g.fa")
    put(home(registry) / "resources.json", "{")
    with pytest.raises(ChecksumError, match=r"resources\.json is damaged"):
        registry.find(key())


def test_what_is_nowhere_is_told_with_every_place_and_the_command(registry, tmp_path):
    with pytest.raises(ResourceNotFoundError) as caught:
        registry.resolve(key("splice_sites", "47"))
    folder = tmp_path / "root" / "gencode" / "GRCh38" / "release-47"
    assert caught.value.message == (
        "splice_sites of gencode GRCh38, release 47 not found; searched: explicit path (none given); "
        f"SPLICECORE_SPLICE_SITES_PATH (not set); data root ({folder}: no such folder)"
    )
    assert caught.value.hint == (
        f"splicecore resources derive --source gencode --build GRCh38 --release 47 --data-root {tmp_path / 'root'}"
    )
    with pytest.raises(ResourceNotFoundError) as caught:
        Registry(PluginHost()).resolve(key())
    assert caught.value.hint == (
        "splicecore resources import --source gencode --build GRCh38 --fasta FILE --annotation FILE, "
        "or set SPLICECORE_FASTA_PATH"
    )

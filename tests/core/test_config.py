"""Configuration: layers, types, unknown keys."""

from __future__ import annotations

import attrs
import pytest
from splicecore.cli.pass_options import merge_options
from splicecore.cli.run import command
from splicecore.config import FileConfig, RunConfig, read_config_file, structure, usable_cores
from splicecore.errors import ConfigError
from splicecore.plugins.host import PluginSettings


def test_every_field_of_the_configuration_is_an_option():
    options = {parameter.name for parameter in command.params}
    of_tables = {"feature_settings", "uncertainty_settings"}  # the file's [features.SET] and [uncertainty]
    assert {field.name for field in attrs.fields(RunConfig)} - of_tables <= options


def test_the_command_line_wins_over_the_file(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('[run]\nfasta = "file.fa"\nworkers = 3\ngenes = ["A", "B"]\n[models.spliceai]\nmembers = [1]\n')
    file_config = read_config_file(path)
    config = merge_options(file_config.run, {"fasta": "given.fa", "workers": None}, RunConfig, where=str(path))
    assert (config.fasta, config.workers, config.genes) == ("given.fa", 3, ("A", "B"))
    assert file_config.models == {"spliceai": {"members": [1]}}


def test_environment_variables_are_options(monkeypatch):
    monkeypatch.setenv("SPLICECORE_FASTA", "environment.fa")
    monkeypatch.setenv("SPLICECORE_WORKERS", "2")
    context = command.make_context("run", [])
    assert context.params["fasta"] == "environment.fa"
    assert context.params["workers"] == 2
    assert command.make_context("run", ["--fasta", "line.fa"]).params["fasta"] == "line.fa"


def test_genes_are_a_list_or_separated_by_commas():
    assert RunConfig(genes="A, B,").genes == ("A", "B")
    assert structure({"genes": "A,B"}, RunConfig, where="x").genes == ("A", "B")
    assert structure({"genes": ["A", "B"]}, RunConfig, where="x").genes == ("A", "B")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fastq": "a"}, "fastq"),
        ({"workers": "2"}, "workers"),
        ({"workers": True}, "workers"),
        ({"workers": 0}, "workers is 0"),
        ({"threads": -1}, "threads is -1"),
        ({"all_genes": 1}, "all_genes"),
        ({"flank": "N"}, "flank"),
        ({"genes": [1]}, "genes"),
        ({"fasta": 1}, "fasta"),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(ConfigError, match=message) as caught:
        structure(values, RunConfig, where="some file")
    assert "some file" in str(caught.value)


def test_plugin_settings_survive_the_way_to_a_worker():
    for settings in (PluginSettings(), PluginSettings(disable=("a",), load=(), extra=("m",), strict=True)):
        assert structure(attrs.asdict(settings), PluginSettings, where="worker") == settings


def test_threads_share_the_cores():
    assert RunConfig(threads=3).threads_per_worker == 3
    assert RunConfig(workers=10_000).threads_per_worker == 1
    assert RunConfig().threads_per_worker == usable_cores()


def test_an_empty_file_changes_nothing(tmp_path):
    (tmp_path / "a.toml").write_text("")
    assert read_config_file(tmp_path / "a.toml") == FileConfig()
    assert read_config_file(None) == FileConfig()

"""Results never get into, around or over the data root's resources."""

from __future__ import annotations

import pytest
from splicecore.api import OutputError
from splicecore.resources.guard import check_output_folder


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "root" / "gencode" / "GRCh38"
    path.mkdir(parents=True)
    return path


@pytest.mark.parametrize(
    ("output", "place"),
    [
        ("root/gencode/GRCh38", "is"),
        ("root/gencode/GRCh38/out", "lies in"),
        ("root/gencode/GRCh38/a/b", "lies in"),
        ("root/gencode", "holds"),
        ("root", "holds"),
        (".", "holds"),
        ("root/gencode/GRCh38/../GRCh38/x", "lies in"),
    ],
)
def test_equal_inside_and_above_are_refused(output, place, folder, tmp_path):
    with pytest.raises(OutputError, match=rf" {place} .*, a folder of resources") as caught:
        check_output_folder(tmp_path / output, [tmp_path.parent / "other", folder])
    assert str(tmp_path / output) in caught.value.message
    assert str(folder) in caught.value.message


@pytest.mark.parametrize("output", ["out", "root/out", "root/gencode/GRCh37", "root/gencode/GRCh38-results"])
def test_beside_is_allowed(output, folder, tmp_path):
    check_output_folder(tmp_path / output, [folder], data_root=tmp_path / "root")


@pytest.mark.parametrize(("output", "place"), [("root", "is"), (".", "holds")])
def test_an_empty_data_root_is_guarded_too(output, place, tmp_path):
    check_output_folder(tmp_path / output, [])
    with pytest.raises(OutputError, match=rf" {place} .*, the data root"):
        check_output_folder(tmp_path / output, [], data_root=tmp_path / "root")


def test_links_are_followed(folder, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(OutputError, match="lies in") as caught:
        check_output_folder(link / "out", [folder])
    assert f"{link / 'out'} ({folder / 'out'})" in caught.value.message
    linked_root = tmp_path / "linked-root"
    linked_root.symlink_to(tmp_path / "root")
    with pytest.raises(OutputError, match="lies in"):
        check_output_folder(folder / "out", [linked_root / "gencode" / "GRCh38"])


def test_the_working_folder_counts(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(OutputError):
        check_output_folder("out", [folder])
    with pytest.raises(OutputError):
        check_output_folder("../..", [folder])
    check_output_folder("../GRCh37/out", [folder])

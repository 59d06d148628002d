"""A small reference and writers of track files."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from splicecore.genome.contigs import Contigs

if TYPE_CHECKING:
    from pathlib import Path

LENGTHS = {"chr1": 1000, "chr2": 600, "chr3": 50}


@pytest.fixture(scope="session")
def contigs():
    return Contigs.from_mapping(LENGTHS)


@pytest.fixture
def write(tmp_path):
    """Write text, plain or compressed as the name says; returns the path."""

    def make(text: str, name: str = "track.txt") -> Path:
        path = tmp_path / name
        if name.endswith(".bgz"):
            import pysam

            plain = tmp_path / "plain"
            plain.write_text(text)
            pysam.tabix_compress(str(plain), str(path), force=True)
        elif name.endswith(".gz"):
            path.write_bytes(gzip.compress(text.encode(), mtime=0))
        else:
            path.write_text(text)
        return path

    return make


@pytest.fixture
def cache(tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder

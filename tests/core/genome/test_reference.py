from __future__ import annotations

import gzip
import os
import pickle
import random
import shutil
from pathlib import Path

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.errors import ContigError, FastaError
from splicecore.genome import fasta_index
from splicecore.genome.encoding import decode, encode
from splicecore.genome.reference import Reference

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def normalized(sequence):
    return "".join(letter if letter in "ACGT" else "N" for letter in sequence.upper())


def sliced(sequence, start, end):
    return "".join(normalized(sequence)[p] if 0 <= p < len(sequence) else "N" for p in range(start, end))


@pytest.fixture(params=["plain", "bgzip"])
def fasta(request, mini_fasta, mini_bgzip, tmp_path):
    source = mini_fasta if request.param == "plain" else mini_bgzip
    return Path(shutil.copy(source, tmp_path / source.name))


@pytest.fixture(scope="module", params=["plain", "bgzip"])
def opened(request, mini_fasta, mini_bgzip):
    with Reference.open(mini_fasta if request.param == "plain" else mini_bgzip) as reference:
        yield reference


def test_attributes(opened):
    assert opened.contigs.names == ("chr1", "chr2")
    assert opened.contigs.lengths == (100, 60)
    assert opened.build.name.startswith("custom-")
    assert opened.path.name in repr(opened)


@given(
    contig=st.sampled_from(["chr1", "chr2", "2", "Chr1"]),
    start=st.integers(-150, 150),
    length=st.integers(0, 250),
    strand=st.sampled_from("+-"),
)
@settings(deadline=None)
def test_fetch_equals_slicing(opened, sequences, contig, start, length, strand):
    sequence = sequences["chr" + contig[-1]]
    expected = sliced(sequence, start, start + length)

    codes = opened.fetch(contig, start, start + length)
    oriented = opened.fetch_oriented(contig, start, start + length, strand)

    assert codes.dtype == oriented.dtype == "uint8"
    assert decode(codes) == expected
    assert decode(oriented) == (expected if strand == "+" else expected[::-1].translate(COMPLEMENT))


def test_fetch_of_nonsense(opened):
    with pytest.raises(ContigError, match="no contig 'chr3'") as caught:
        opened.fetch("chr3", 0, 10)
    assert "chr1" in caught.value.hint
    with pytest.raises(ContigError, match="ends before it starts"):
        opened.fetch("chr1", 10, 9)
    with pytest.raises(ContigError, match=r"strand '\.'"):
        opened.fetch_oriented("chr1", 0, 9, ".")


def test_context_manager_closes_and_pickle_is_refused(fasta):
    with Reference.open(str(fasta)) as reference, pytest.raises(TypeError, match="open it in the worker"):
        pickle.dumps(reference)
    reference.close()
    with pytest.raises(FastaError, match="cannot be read"):
        reference.fetch("chr1", 0, 10)


def test_declared_build_is_checked(fasta):
    with pytest.raises(ContigError, match="'GRCh38' was declared"):
        Reference.open(fasta, build="GRCh38")


def test_index_is_made_beside_the_file(fasta):
    before = set(fasta.parent.iterdir())
    Reference.open(fasta).close()
    made = {path.name for path in set(fasta.parent.iterdir()) - before}

    assert made == {fasta.name + ".fai"} | ({fasta.name + ".gzi"} if fasta.suffix == ".gz" else set())


@pytest.fixture
def read_only(fasta, monkeypatch):
    """Make the folder of the FASTA one that nothing can be written into; root may write anywhere, so only by word."""
    access = os.access
    monkeypatch.setattr(fasta_index.os, "access", lambda path, mode: Path(path) != fasta.parent and access(path, mode))
    return fasta


def test_missing_index_in_a_folder_that_is_not_writable(read_only):
    with pytest.raises(FastaError, match="is missing and the folder is not writable") as caught:
        Reference.open(read_only)
    assert f"samtools faidx {read_only}" in caught.value.hint
    assert "SPLICECORE_CACHE_DIR" in caught.value.hint


def test_missing_index_is_made_in_the_cache_where_the_folder_is_read_only(read_only, tmp_path, sequences):
    cache = tmp_path / "new" / "cache"
    for _ in range(2):
        with Reference.open(read_only, cache=cache) as reference:
            assert decode(reference.fetch("chr2", 0, 60)) == normalized(sequences["chr2"])
    (folder,) = (cache / "fasta_index").iterdir()
    made = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert set(made) == {read_only.name + ".fai"} | ({read_only.name + ".gzi"} if read_only.suffix == ".gz" else set())
    assert not list(read_only.parent.glob("*.fai"))

    os.utime(read_only, ns=(0, 0))
    Reference.open(read_only, cache=cache).close()
    assert len(list((cache / "fasta_index").iterdir())) == 2, "another file under the same name has its own index"
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == made


def test_folder_that_refuses_only_when_written_to(fasta, tmp_path, monkeypatch):
    make = fasta_index.tempfile.TemporaryDirectory

    def refuse(*, prefix, dir):  # noqa: A002 - as the original has it
        if Path(dir) == fasta.parent:
            raise PermissionError(13, "read-only file system")
        return make(prefix=prefix, dir=dir)

    monkeypatch.setattr(fasta_index.tempfile, "TemporaryDirectory", refuse)
    Reference.open(fasta, cache=tmp_path / "cache").close()
    assert list((tmp_path / "cache").rglob("*.fai"))
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(FastaError, match=f"not writable, nor is the cache {blocked}"):
        Reference.open(fasta, cache=blocked)


def test_an_index_beside_the_file_is_preferred(fasta, tmp_path):
    Reference.open(fasta).close()
    Reference.open(fasta, cache=tmp_path / "cache").close()
    assert not (tmp_path / "cache").exists()


def test_line_ends_of_windows_and_contigs_without_bases(tmp_path):
    path = tmp_path / "crlf.fa"
    path.write_bytes(b">a one\r\nACGT\r\nAC\r\n>empty\r\n>c\r\nGG\r\n")
    with Reference.open(path) as reference:
        assert reference.contigs.names == ("a", "c")
        assert decode(reference.fetch("a", 0, 6)) == "ACGTAC"
        assert decode(reference.fetch("c", 0, 2)) == "GG"


@pytest.mark.parametrize("packed", [False, True])
def test_soft_masked_letters_are_bases_and_ambiguous_ones_are_n(tmp_path, packed):
    path = _written(tmp_path / "letters.fa", b">a\nACGTacgtNn\nRYKMSWBDHV\nrykmswbdhv\nUu*-.\n")
    if packed:
        pysam.tabix_compress(str(path), str(tmp_path / "letters.fa.gz"))
        path = tmp_path / "letters.fa.gz"
    with Reference.open(path) as reference:
        letters = decode(reference.fetch("a", 0, 35))
    assert letters[:10] == "ACGTACGTNN"
    assert set(letters[10:30]) == {"N"}
    assert set(letters[32:]) == {"N"}


def test_last_line_without_end(tmp_path):
    path = tmp_path / "open.fa"
    path.write_text(">a\nACGT\nACG")
    with Reference.open(path) as reference:
        assert decode(reference.fetch("a", 0, 7)) == "ACGTACG"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"hello\n", "is not a FASTA file"),
        (b"BZh91AY", "is not a FASTA file"),
        (b">a\nACGTAC\nACG\nACGTAC\n", "cannot be indexed"),
        (b">a\nACGT\n>b\nAC\n>a\nGGGG\n", "has contig a twice"),
        (b">a\nACGT\n>a\nGGGG\n>b\nAC\n", "has contig a twice"),
    ],
    ids=["empty", "text", "bzip2", "ragged", "twice", "twice-inside"],
)
def test_bad_content(tmp_path, content, message):
    path = tmp_path / "bad.fa"
    path.write_bytes(content)
    with pytest.raises(FastaError, match=message):
        Reference.open(path)
    if content.startswith(b">"):
        path.write_bytes(b"")
        pysam.tabix_compress(str(_written(tmp_path / "again.fa", content)), str(tmp_path / "bad.fa.gz"))
        with pytest.raises(FastaError, match=message):
            Reference.open(tmp_path / "bad.fa.gz")


def _written(path, content):
    path.write_bytes(content)
    return path


def test_missing_and_folder(tmp_path):
    with pytest.raises(FastaError, match="does not exist"):
        Reference.open(tmp_path / "none.fa")
    with pytest.raises(FastaError, match="is a folder"):
        Reference.open(tmp_path)


def test_plain_gzip_is_refused(tmp_path):
    path = tmp_path / "x.fa.gz"
    path.write_bytes(gzip.compress(b">a\nACGT\n"))
    with pytest.raises(FastaError, match="compressed by gzip") as caught:
        Reference.open(path)
    assert caught.value.hint.endswith(f"gunzip -c {path} | bgzip -c > {tmp_path / 'x.bgzip.fa.gz'}")
    assert not list(tmp_path.glob("*.fai"))


@pytest.mark.parametrize("cut", [1, 28, 60])
def test_truncated_bgzip(mini_bgzip, tmp_path, cut):
    path = tmp_path / "cut.fa.gz"
    path.write_bytes(mini_bgzip.read_bytes()[:-cut])
    with pytest.raises(FastaError, match="is truncated"):
        Reference.open(path)


def test_damaged_bgzip(mini_bgzip, tmp_path):
    content = bytearray(mini_bgzip.read_bytes())
    content[40:60] = bytes(20)
    path = tmp_path / "damaged.fa.gz"
    path.write_bytes(bytes(content))
    with pytest.raises(FastaError, match="damaged"):
        Reference.open(path)


def test_block_that_is_found_damaged_when_it_is_read(tmp_path, capfd):
    """One clean error, and nothing that htslib writes to stderr on its own; its log level is left as it was."""
    letters = "".join(random.Random(1).choices("ACGT", k=400_000))
    plain = _written(tmp_path / "long.fa", f">a\n{letters}\n".encode())
    path = tmp_path / "long.fa.gz"
    pysam.tabix_compress(str(plain), str(path))
    Reference.open(path).close()
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
    path.write_bytes(bytes(content))
    level = pysam.get_verbosity()
    with Reference.open(path) as reference:
        assert decode(reference.fetch("a", 0, 100)) == letters[:100]
        with pytest.raises(FastaError, match=r"long\.fa\.gz.*a:1-400,000"):
            reference.fetch("a", 0, 400_000)
    assert pysam.get_verbosity() == level
    assert capfd.readouterr().err == ""


def test_truncated_plain_fasta(mini_fasta, tmp_path):
    fasta = Path(shutil.copy(mini_fasta, tmp_path / "cut.fa"))
    Reference.open(fasta).close()
    fasta.write_bytes(fasta.read_bytes()[:-5])
    with pytest.raises(FastaError, match=r"chr2 should end at byte \d+.*truncated FASTA or stale index"):
        Reference.open(fasta)


def rewrite(path, text):
    """Replace the FASTA, keeping its index."""
    if path.suffix == ".gz":
        plain = _written(path.with_suffix(".tmp"), text.encode())
        pysam.tabix_compress(str(plain), str(path), force=True)
    else:
        path.write_text(text)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + ">chr9 more\nACGTACGT\n",
        lambda text: text.replace(">chr1", ">chr8"),
        lambda text: text.replace(">chr2 some", ">chr2 so"),
        lambda text: ">chr0\nACGT\n" + text,
        lambda text: text[: len(text) // 2] + "\n",
    ],
    ids=["longer", "renamed", "shifted", "prepended", "half"],
)
def test_stale_index(fasta, change):
    Reference.open(fasta).close()
    text = (gzip.decompress(fasta.read_bytes()) if fasta.suffix == ".gz" else fasta.read_bytes()).decode()
    rewrite(fasta, change(text))
    os.utime(fasta.with_name(fasta.name + ".fai"), ns=(0, 0))
    with pytest.raises(FastaError, match="index") as caught:
        Reference.open(fasta)
    assert "delete" in caught.value.hint


def test_index_that_is_older_but_right_is_used(fasta):
    Reference.open(fasta).close()
    os.utime(fasta.with_name(fasta.name + ".fai"), ns=(0, 0))
    Reference.open(fasta).close()


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "is empty"), ("chr1\t100\t6\t17\n", "line 1 is malformed"), ("chr1\tx\t6\t17\t18\n", "line 1 is malformed")],
)
def test_malformed_index(fasta, content, message):
    Reference.open(fasta).close()
    fasta.with_name(fasta.name + ".fai").write_text(content)
    with pytest.raises(FastaError, match=message):
        Reference.open(fasta)


def test_index_with_a_contig_twice(fasta):
    Reference.open(fasta).close()
    fai = fasta.with_name(fasta.name + ".fai")
    fai.write_text(fai.read_text().replace("chr2", "chr1"))
    with pytest.raises(FastaError, match="has contig chr1 twice"):
        Reference.open(fasta)


@pytest.mark.parametrize("content", [b"", b"\x05" + bytes(7), bytes(8) + b"junk"])
def test_malformed_gzi(mini_bgzip, tmp_path, content):
    path = Path(shutil.copy(mini_bgzip, tmp_path / "x.fa.gz"))
    Reference.open(path).close()
    path.with_name("x.fa.gz.gzi").write_bytes(content)
    with pytest.raises(FastaError, match=r"x.fa.gz.gzi does not belong to"):
        Reference.open(path)


def test_many_blocks(tmp_path):
    """A bgzip file of several blocks (64 kB each), and a header at their boundary."""
    text = ">a\n" + ("ACGTTGCA" * 10 + "\n") * 3000 + ">b\n" + ("GGCCAATT" * 10 + "\n") * 100
    plain = _written(tmp_path / "long.fa", text.encode())
    pysam.tabix_compress(str(plain), str(tmp_path / "long.fa.gz"))
    with Reference.open(tmp_path / "long.fa.gz") as packed, Reference.open(plain) as unpacked:
        assert packed.contigs == unpacked.contigs
        for contig, start in (("a", 65_000), ("a", 239_990), ("b", 0), ("b", 7_990)):
            expected = unpacked.fetch(contig, start, start + 1000)
            assert expected.tolist() == packed.fetch(contig, start, start + 1000).tolist()
    assert encode("ACGT").tolist() == [0, 1, 2, 3]

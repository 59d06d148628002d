"""Reading VCF: every form of the file, what is kept of it, and what is said of bad ones."""

from __future__ import annotations

import gzip

import pysam
import pysam.bcftools
import pytest
from splicecore.errors import InputError
from splicecore.variants.vcf import VcfSource

HEADER = (
    b"##fileformat=VCFv4.2\n##contig=<ID=chr1,length=1000>\n"
    b'##INFO=<ID=AF,Number=A,Type=Float,Description="share, of ID=XX">\n'
    b'##FILTER=<Description="first",ID=low>\n##contig=<assembly=x,ID=chr2,length=77>\n'
)
COLUMNS = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
LINES = (b"chr1\t10\trs1\tA\tC,<DEL>\t.\t.\tAF=0.123456789,0.5;DB", b"chrQ\t0\t.\tacg\t.\t.\t.\t.")


WHOLE = HEADER + COLUMNS + b"\n".join(LINES) + b"\n"


def written(folder, content=WHOLE, name="a.vcf"):
    path = folder / name
    path.write_bytes(content)
    return path


def read(path):
    return [(r.number, r.contig, r.position, r.ref, r.alts) for r in VcfSource.open(path).records()]


EXPECTED = [(0, "chr1", 9, "A", ("C", "<DEL>")), (1, "chrQ", -1, "acg", ())]


def test_text_is_kept_as_it_is(tmp_path):
    source = VcfSource.open(written(tmp_path))
    records = list(source.records())
    assert [record.raw for record in records] == list(LINES)
    assert read(source.path) == EXPECTED
    assert source.kind == "text"
    assert b"\n".join(source.header) + b"\n" == HEADER + COLUMNS


def test_the_header_says_what_is_declared(tmp_path):
    source = VcfSource.open(written(tmp_path))
    assert source.declared("INFO") == {"AF"}
    assert source.declared("FILTER") == {"low"}
    assert source.contig_lengths() == {"chr1": 1000, "chr2": 77}


@pytest.mark.parametrize("form", ["gzip", "bgzip"])
def test_compressed_text(tmp_path, form):
    content = written(tmp_path).read_bytes()
    path = tmp_path / "named_anything"
    if form == "gzip":
        path.write_bytes(gzip.compress(content))
    else:
        with pysam.BGZFile(str(path), "wb", None) as stream:
            stream.write(content)
    assert read(path) == EXPECTED


def test_bcf(tmp_path):
    header = b"".join(HEADER.splitlines(keepends=True)[:3])
    content = header + b'##INFO=<ID=DB,Number=0,Type=Flag,Description="d">\n##ALT=<ID=DEL,Description="d">\n'
    text = written(tmp_path, content + COLUMNS + LINES[0] + b"\n")
    pysam.bcftools.view("-Ob", "-o", str(tmp_path / "a.bcf"), str(text), catch_stdout=False)
    source = VcfSource.open(tmp_path / "a.bcf")
    assert source.kind == "bcf"
    assert read(source.path) == EXPECTED[:1]
    assert source.header[-1] == COLUMNS.rstrip()
    (tmp_path / "a.bcf").write_bytes((tmp_path / "a.bcf").read_bytes()[:-40])
    with pytest.raises(InputError, match="truncated"):
        VcfSource.open(tmp_path / "a.bcf")


def test_line_ends_of_windows_blank_lines_and_no_last_line_end(tmp_path):
    content = (HEADER + COLUMNS).replace(b"\n", b"\r\n") + LINES[0] + b"\r\n\r\n" + LINES[1]
    assert read(written(tmp_path, content)) == EXPECTED


def test_bytes_that_are_no_utf8_stay(tmp_path):
    line = b"chr1\t10\trs\xe9\tA\tC\t.\t.\tWHO=M\xfcller"
    (record,) = VcfSource.open(written(tmp_path, HEADER + COLUMNS + line)).records()
    assert record.raw == line


BAD = {
    "empty": (b"", "is empty"),
    "text": (b"hello\n", "line 1: 'hello' is not the beginning of a VCF"),
    "no columns": (HEADER, "has no line of columns"),
    "spaces": (HEADER + COLUMNS.replace(b"\t", b" "), "line 6: '#CHROM POS ID"),
    "a record before the columns": (HEADER + LINES[0] + b"\n" + COLUMNS, "line 6: 'chr1"),
    "columns missing": (HEADER + COLUMNS + b"chr1\t1\t.\tA\n", "line 7: 4 columns, the header has 8"),
    "columns too many": (HEADER + COLUMNS + LINES[0] + b"\tGT\t0/1\n", "line 7: 10 columns"),
    "no record": (HEADER + COLUMNS + LINES[0] + b"\nsome words\n", "line 8: 'some words' is no record"),
    "position": (HEADER + COLUMNS + b"chr1\t1e3\t.\tA\tC\t.\t.\t.\n", "line 7: POS is '1e3', not a number"),
    "negative": (HEADER + COLUMNS + b"chr1\t-5\t.\tA\tC\t.\t.\t.\n", "line 7: POS is '-5'"),
    "beyond": (HEADER + COLUMNS + b"chr1\t%d\t.\tA\tC\t.\t.\t.\n" % 10**20, f"line 7: POS is '{10**20}', too large"),
    "no ref": (HEADER + COLUMNS + b"chr1\t5\t.\t\tC\t.\t.\t.\n", "line 7: REF is empty"),
    "no alt": (HEADER + COLUMNS + b"chr1\t5\t.\tA\t\t.\t.\t.\n", "line 7: ALT is empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_text_is_refused_with_its_line(tmp_path, name):
    content, message = BAD[name]
    path = written(tmp_path, content)
    with pytest.raises(InputError) as error:
        list(VcfSource.open(path).records())
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        VcfSource.open(tmp_path / "none.vcf")
    with pytest.raises(InputError, match="is a folder"):
        VcfSource.open(tmp_path)
    with pytest.raises(InputError, match=r"^stdin is empty"):
        VcfSource.open(written(tmp_path, b""), name="stdin")


@pytest.mark.parametrize("cut", [10, 200, 28])
def test_truncated_bgzip_is_refused(tmp_path, cut):
    path = tmp_path / "a.vcf.gz"
    with pysam.BGZFile(str(path), "wb", None) as stream:
        stream.write(HEADER + COLUMNS + b"\n".join(LINES))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(InputError, match="truncated"):
        list(VcfSource.open(path).records())


def test_truncated_gzip_names_the_last_line(tmp_path):
    lines = b"".join(b"chr1\t%d\t.\tA\tC\t.\t.\tX=%d\n" % (at, at * 7919 % 10007) for at in range(1, 5000))
    path = written(tmp_path, gzip.compress(HEADER + COLUMNS + lines)[:-2000], "a.vcf.gz")
    with pytest.raises(InputError, match=r"truncated or damaged after line \d+"):
        list(VcfSource.open(path).records())


def test_damaged_bcf(tmp_path):
    path = tmp_path / "a.bcf"
    with pysam.BGZFile(str(path), "wb", None) as stream:
        stream.write(b"BCF\x02\x02" + b"\xff" * 50)
    with pytest.raises(InputError, match="cannot be read"):
        VcfSource.open(path)

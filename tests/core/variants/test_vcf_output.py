"""Writing VCF and BCF: the input's bytes come out, the new tags are added, and files are whole or absent."""

from __future__ import annotations

import pysam
import pysam.bcftools
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.errors import InputError
from splicecore.variants.bcf import BcfBytes
from splicecore.variants.vcf import VcfSource
from splicecore.variants.vcf_output import add_info, index_file, new_header, open_writer

HEADER = (
    b"##fileformat=VCFv4.2\n"
    b"##contig=<ID=chr1,length=1000>\n"
    b'##INFO=<ID=AF,Number=A,Type=Float,Description="share">\n'
    b'##INFO=<ID=Score,Number=1,Type=Float,Description="of another program">\n'
    b'##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">\n'
    b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
)
LINES = (
    b"chr1\t10\trs1\tA\tC\t12.50\tPASS\tAF=0.123456789;Score=0.3\tGT\t0|1",
    b"chr1\t20\t.\tA\tC,G\t.\t.\t.\tGT\t./.",
    b"chr1\t30\t.\tA\t<DEL>\t.\t.\tAF=1e-05\tGT\t0/1",
)
ADDED = [b'##INFO=<ID=Score,Number=.,Type=String,Description="ours">']
VALUES = ({"Score": "C|G1|0.10,C|G2|0.00"}, {"Score": "C|G1|0.50"}, {})


WHOLE = HEADER + b"\n".join(LINES) + b"\n"


def source_of(folder, content=WHOLE, name="in.vcf"):
    (folder / name).write_bytes(content)
    return VcfSource.open(folder / name)


def bcf_source(folder):
    text = source_of(folder)
    pysam.bcftools.view("-Ob", "-o", str(folder / "in.bcf"), str(text.path), catch_stdout=False)
    return VcfSource.open(folder / "in.bcf")


def copy(source, path, values=VALUES, lines=ADDED, replaced=("Score",)):
    with open_writer(path, source, lines, replaced) as writer:
        for record, value in zip(source.records(), values, strict=True):
            writer.write(record, value)
    return path


class TestAddInfo:
    def test_golden(self):
        assert add_info(b"c\t1\t.\tA\tC\t.\t.\t.", {"X": "1", "Y": "2"}, ()) == b"c\t1\t.\tA\tC\t.\t.\tX=1;Y=2"
        assert (
            add_info(b"c\t1\t.\tA\tC\t.\t.\tB;A=1\tGT\t0", {"X": "1"}, ()) == b"c\t1\t.\tA\tC\t.\t.\tB;A=1;X=1\tGT\t0"
        )
        assert add_info(b"c\t1\t.\tA\tC\t.\t.\tB\r", {"X": "1"}, ()) == b"c\t1\t.\tA\tC\t.\t.\tB;X=1\r"
        assert add_info(b"c\t1\t.\tA\tC\t.\t.\tX=9;XX=3", {}, ("X",)) == b"c\t1\t.\tA\tC\t.\t.\tXX=3"
        assert add_info(b"c\t1\t.\tA\tC\t.\t.\tB;", {"X": "1"}, ()) == b"c\t1\t.\tA\tC\t.\t.\tB;X=1"
        assert add_info(b"c\t1\t.\tA\tC\t.\t.\tX=9", {}, ("X",)) == b"c\t1\t.\tA\tC\t.\t.\t."

    @given(st.lists(st.binary(max_size=8).filter(lambda text: not set(text) & set(b"\t\n")), min_size=8, max_size=12))
    def test_nothing_to_add_changes_nothing(self, fields):
        fields[7] = fields[7] or b"."
        line = b"\t".join(fields)
        assert add_info(line, {}, ()) == line

    @given(st.lists(st.sampled_from([b"A=1", b"B", b"AB=2;C", b"."]), max_size=3, unique=True))
    def test_what_was_there_is_a_prefix(self, items):
        info = b";".join(item for item in items if item != b".") or b"."
        line = b"c\t1\t.\tA\tC\t.\t.\t" + info + b"\tGT\t0|1"
        added = add_info(line, {"X": "1"}, ("X",)).split(b"\t")
        assert added[:7] + added[8:] == line.split(b"\t")[:7] + line.split(b"\t")[8:]
        assert added[7] == (b"X=1" if info == b"." else info + b";X=1")


def test_a_replaced_declaration_gives_way(tmp_path):
    header = new_header(source_of(tmp_path), ADDED, ("Score",))
    old = HEADER.splitlines()
    assert header == [*old[:3], old[4], *ADDED, old[5]]


@pytest.mark.parametrize("name", ["out.vcf", "out.vcf.gz"])
def test_text_to_text(tmp_path, name):
    path = copy(source_of(tmp_path), tmp_path / name)
    opened = VcfSource.open(path)
    assert opened.compressed == name.endswith("gz")
    lines = [record.raw.split(b"\t") for record in opened.records()]
    for line, before, info in zip(
        lines,
        LINES,
        (b"AF=0.123456789;Score=C|G1|0.10,C|G2|0.00", b"Score=C|G1|0.50", b"AF=1e-05"),
        strict=True,
    ):
        was = before.split(b"\t")
        assert line[:7] + line[8:] == was[:7] + was[8:]
        assert line[7] == info
    assert not list(tmp_path.glob(".*"))


def test_text_to_stdout(tmp_path, capfdbinary):
    copy(source_of(tmp_path), None)
    written = capfdbinary.readouterr().out
    assert written.endswith(LINES[2] + b"\n")
    assert written.startswith(HEADER[:30])


def test_bcf_to_text(tmp_path):
    path = copy(bcf_source(tmp_path), tmp_path / "out.vcf")
    first = next(VcfSource.open(path).records()).raw
    assert first == b"chr1\t10\trs1\tA\tC\t12.5\tPASS\tAF=0.123457;Score=C|G1|0.10,C|G2|0.00\tGT\t0|1"


@pytest.mark.parametrize("make", [source_of, bcf_source])
def test_to_bcf(tmp_path, make):
    source = make(tmp_path)
    path = copy(source, tmp_path / "out.bcf")
    assert index_file(path, 1000) == tmp_path / "out.bcf.csi"
    with pysam.VariantFile(str(path)) as opened:
        first, second, third = opened
    assert first.info["Score"] == ("C|G1|0.10", "C|G2|0.00")
    assert second.info["Score"] == ("C|G1|0.50",)
    assert dict(third.info) == {"AF": (pytest.approx(1e-05),)}
    assert first.info["AF"] == (pytest.approx(0.123456789, abs=5e-9),)
    assert first.samples["S1"]["GT"] == (0, 1)
    assert not list(tmp_path.glob(".*"))


def test_what_the_header_lacks_is_declared_for_bcf(tmp_path, caplog):
    content = HEADER + b"chr7\t1\t.\tA\tC\t.\tlow;PASS\tNEW=1,2;FLAG;AF=0.5\tGT:XY\t0/1:3\n"
    path = copy(source_of(tmp_path, content), tmp_path / "out.bcf", values=({"Score": "C|G"},))
    with pysam.VariantFile(str(path)) as opened:
        (record,) = opened
        assert dict(record.info) == {"NEW": ("1", "2"), "FLAG": True, "AF": (0.5,), "Score": ("C|G",)}
        assert (record.contig, list(record.filter), record.samples["S1"]["XY"]) == ("chr7", ["low", "PASS"], ("3",))
    assert "##contig=<ID=chr7>" in caplog.text


def test_what_bcf_cannot_hold_is_refused(tmp_path):
    content = HEADER.rstrip() + b"\tS1\n" + LINES[0] + b"\t0/1\n"
    source = source_of(tmp_path, content)
    assert copy(source, tmp_path / "out.vcf", values=({},)).read_bytes().endswith(b"\t0/1\n")
    with pytest.raises(InputError, match="cannot be written as BCF"):
        copy(source, tmp_path / "out.bcf", values=({},))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.vcf", "out.vcf"]


def test_bcf_is_changed_in_info_alone(tmp_path):
    """Symbolic alleles, missing qualities and numbers of all kinds come out as the bytes that went in."""
    source = bcf_source(tmp_path)
    path = copy(source, tmp_path / "out.bcf", values=({}, {}, {}), replaced=())
    before, after = (BcfBytes(file, "x") for file in (source.path, path))
    assert list(before.records()) == list(after.records())
    assert after.header.lines[-1] == before.header.lines[-1]
    before.close()
    after.close()


@pytest.mark.parametrize("form", ["-Ob", "-Ou"])
def test_long_values_and_records_that_are_skipped(tmp_path, form):
    text = source_of(tmp_path)
    pysam.bcftools.view(form, "-o", str(tmp_path / "in.bcf"), str(text.path), catch_stdout=False)
    source = VcfSource.open(tmp_path / "in.bcf")
    value = ",".join(f"C|GENE{index}|0.12" for index in range(5000))
    lines = [*ADDED, b'##INFO=<ID=More,Number=.,Type=String,Description="more">']
    with open_writer(tmp_path / "out.bcf", source, lines, ("Score",)) as writer:
        for record in list(source.records())[1:]:
            writer.write(record, {"Score": value, "More": "x"})
    with pysam.VariantFile(str(tmp_path / "out.bcf")) as opened:
        records = list(opened)
    assert [record.start for record in records] == [19, 29]
    assert [",".join(record.info["Score"]) for record in records] == [value, value]
    assert records[0].info["More"] == ("x",)


def test_a_failure_leaves_nothing_behind(tmp_path):
    source = source_of(tmp_path)
    for name in ("out.vcf", "out.vcf.gz", "out.bcf"):
        with pytest.raises(ZeroDivisionError), open_writer(tmp_path / name, source, ADDED, ()) as writer:
            writer.write(next(source.records()), {"Score": 1 / 0})
    assert [path.name for path in tmp_path.iterdir()] == ["in.vcf"]


def test_long_contigs_get_the_other_index(tmp_path):
    path = copy(source_of(tmp_path), tmp_path / "out.vcf.gz")
    assert index_file(path, 1000) == tmp_path / "out.vcf.gz.tbi"
    assert index_file(path, 1 << 29) == tmp_path / "out.vcf.gz.csi"
    with pysam.VariantFile(str(path), index_filename=str(tmp_path / "out.vcf.gz.tbi")) as opened:
        assert [record.start for record in opened.fetch("chr1", 15, 25)] == [19]
    assert index_file(tmp_path / "out.vcf", 1000) is None


def test_a_header_that_is_wrong_about_a_contig_costs_the_index_alone(tmp_path, caplog):
    source = source_of(tmp_path, WHOLE.replace(b"chr1\t30", b"chr1\t43104938"))
    path = copy(source, tmp_path / "out.bcf")
    assert index_file(path, 43104938) is None
    assert "gets no index" in caplog.text
    assert len(list(VcfSource.open(path).records())) == len(LINES)
    assert {one.name for one in tmp_path.iterdir()} == {"in.vcf", "out.bcf"}

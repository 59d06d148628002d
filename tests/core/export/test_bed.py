"""BED files: coordinates on both strands, order, thresholds."""

from __future__ import annotations

from splicecore.export.bed import write_bed


def lines(scores, path, threshold=0.1):
    count = write_bed(scores, path, threshold=threshold)
    text = path.read_text().splitlines()
    assert len(text) == count
    return text


def test_a_site_on_either_strand_keeps_its_genomic_base(opened, tmp_path):
    # Plus: positions 100..104, acceptor at 101, donor at 103. Minus: 200..204, donor at 201 (its exon ends there).
    scores = opened(
        ("FWD", "chr2", "+", 100, [0, 0.98, 0, 0, 0], [0, 0, 0, 0.5, 0]),
        ("REV", "chr2", "-", 200, [0, 0, 0, 0.25, 0], [0, 1, 0, 0, 0]),
    )
    assert lines(scores, tmp_path / "a.bed") == [
        "chr2\t101\t102\tFWD|acceptor|0.98\t980\t+",
        "chr2\t103\t104\tFWD|donor|0.50\t500\t+",
        "chr2\t201\t202\tREV|donor|1.00\t1000\t-",
        "chr2\t203\t204\tREV|acceptor|0.25\t250\t-",
    ]


def test_lines_follow_the_reference_and_overlapping_genes_have_one_each(opened, tmp_path):
    scores = opened(
        ("B", "chr10", "+", 5, [0.9, 0], [0, 0]),
        ("A", "chr2", "+", 50, [0, 0.9], [0, 0]),
        ("C", "chr2", "+", 51, [0.8, 0], [0, 0]),
    )
    found = [[*line.split("\t")[0:2], line.split("\t")[3].split("|")[0]] for line in lines(scores, tmp_path / "a.bed")]
    assert found == [["chr2", "51", "A"], ["chr2", "51", "C"], ["chr10", "5", "B"]]


def test_the_threshold_is_inclusive_in_the_tables_precision(opened, tmp_path):
    scores = opened(("G", "chr2", "+", 0, [0.7, 0.3, 0.0999], [0, 0, 0]))
    assert len(lines(scores, tmp_path / "a.bed", 0.7)) == 1
    assert len(lines(scores, tmp_path / "a.bed", 0.3)) == 2
    assert len(lines(scores, tmp_path / "a.bed", 0.1)) == 2
    assert lines(scores, tmp_path / "a.bed", 0.8) == []


def test_a_position_that_is_both_and_a_name_with_spaces(opened, tmp_path):
    scores = opened(("MY GENE", "chr2", "+", 7, [0.5], [0.25]))
    assert lines(scores, tmp_path / "a.bed") == [
        "chr2\t7\t8\tMY_GENE|acceptor|0.50\t500\t+",
        "chr2\t7\t8\tMY_GENE|donor|0.25\t250\t+",
    ]


def test_sites_beyond_the_first_batch(opened, tmp_path):
    acceptor = [0.0] * 150_000
    for position in (0, 65_535, 65_536, 149_999):
        acceptor[position] = 0.9
    scores = opened(("LONG", "chr2", "-", 1000, acceptor, [0.0] * len(acceptor)))
    found = [int(line.split("\t")[1]) for line in lines(scores, tmp_path / "a.bed")]
    assert found == [1000, 66_535, 66_536, 150_999]

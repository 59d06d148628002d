from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.assess.config import AssessConfig
from splicecore.assess.schemas import SEQUENCES
from splicecore.assess.sequences import analysis_sequences
from splicecore.genome.encoding import decode, encode, reverse_complement

GENOME = "ACGTTGCAACGGTTCCATGACCTAGGTCAATTCGCGATAC"


def block_of(genes, strand, start, end, halo):
    """A gene on GENOME, with N beyond the ends of the genome."""
    block = genes.block(end - start, [("donor", 2, 0.9)], strand=strand, start=start)
    codes = encode("N" * halo + GENOME + "N" * halo)[start : end + 2 * halo]
    return attrs.evolve(block, codes=codes if strand == "+" else reverse_complement(codes), halo=halo)


def test_windows_on_both_strands_worked_by_hand(genes):
    config = AssessConfig(sequence_flank=3)
    found = {}
    for strand in "+-":
        block = block_of(genes, strand, 10, 20, 4)
        table = analysis_sequences(block, genes.assess(block, [("donor", 2, "T")]).positions, config)
        table.validate(full=True)
        assert table.schema.equals(SEQUENCES, check_metadata=True)
        found[strand] = next(row for row in table.to_pylist() if row["pred_type"] == "TP")
    # + : position 12, bases 9..15 of the genome; - : position 17, bases 15..21 reversed and complemented.
    assert (found["+"]["position"], found["+"]["sequence"]) == (12, GENOME[9:15])
    assert (found["-"]["position"], found["-"]["sequence"]) == (17, decode(reverse_complement(encode(GENOME[15:21]))))
    for row in found.values():
        assert (row["window_start"], row["window_end"], row["transcript_count"]) == (-1, 5, 1)
        assert (row["rel_position"], row["site_type"], row["inclusion_prob"]) == (2, "donor", 1.0)


@given(
    strand=st.sampled_from("+-"),
    span=st.tuples(st.integers(0, 30), st.integers(3, 10)),
    halo=st.integers(0, 9),
    flank=st.integers(1, 30),
)
@settings(max_examples=100)
def test_every_window_equals_a_walk_along_the_genome(genes, strand, span, halo, flank):
    start, end = span[0], span[0] + span[1]
    block = block_of(genes, strand, start, end, halo)
    table = analysis_sequences(block, genes.assess(block).positions, AssessConfig(sequence_flank=flank))
    known = {p: GENOME[p] for p in range(max(0, start - halo), min(len(GENOME), end + halo))}
    pairs = dict(zip("ACGTN", "TGCAN", strict=True))
    for row in table.to_pylist():
        steps = range(-flank, flank)
        if strand == "+":
            expected = "".join(known.get(row["position"] + k, "N") for k in steps)
        else:
            expected = "".join(pairs[known.get(row["position"] - k, "N")] for k in steps)
        assert row["sequence"] == expected


def test_rows_are_cut_in_pieces_when_many(genes, monkeypatch):
    block = genes.block(50)
    positions = genes.assess(block).positions
    whole = analysis_sequences(block, positions, AssessConfig())
    monkeypatch.setattr("splicecore.assess.sequences._BASES_AT_ONCE", 1500)
    pieces = analysis_sequences(block, positions, AssessConfig())
    assert pieces.column("sequence").num_chunks > 1
    assert pieces.equals(whole)


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows(genes, rows):
    block = genes.block(50)
    table = analysis_sequences(block, genes.assess(block).positions.slice(0, rows), AssessConfig())
    assert np.shape(table) == (rows, len(SEQUENCES))

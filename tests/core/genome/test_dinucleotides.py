from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from splicecore.genome.dinucleotides import WORDS, dinucleotides
from splicecore.genome.encoding import decode
from splicecore.genome.reference import Reference
from splicecore.genome.sites import MOTIFS, count_motifs, motifs


@pytest.fixture
def sites(sequences):
    rng = np.random.default_rng(7)
    rows = [
        {"contig": contig, "position": int(position), "strand": strand, "site_type": kind}
        for contig, sequence in sequences.items()
        for position in (0, 1, len(sequence) - 2, len(sequence) - 1, *rng.integers(0, len(sequence), 40))
        for strand in "+-"
        for kind in ("donor", "acceptor")
    ]
    return pa.Table.from_pylist([rows[index] for index in rng.permutation(len(rows))])


def one_by_one(reference, row):
    after = (row["site_type"] == "donor") == (row["strand"] == "+")
    start = row["position"] + 1 if after else row["position"] - 2
    return decode(reference.fetch_oriented(row["contig"], start, start + 2, row["strand"]))


@pytest.mark.parametrize(("piece", "gap"), [(1 << 22, 1 << 15), (16, 1 << 15), (1 << 22, 1)])
def test_equal_to_reading_one_by_one(mini_fasta, sites, monkeypatch, piece, gap):
    """Whatever the pieces are; sites at the ends of a contig have N beyond it."""
    monkeypatch.setattr("splicecore.genome.dinucleotides._PIECE", piece)
    monkeypatch.setattr("splicecore.genome.dinucleotides._GAP", gap)
    with Reference.open(mini_fasta) as reference:
        found = [WORDS[code] for code in dinucleotides(reference, sites)]
        expected = [one_by_one(reference, row) for row in sites.to_pylist()]
    assert found == expected
    assert any("N" in word for word in found)


def test_encoded_strings_and_no_sites(mini_fasta, sites):
    encoded = sites
    for index, name in enumerate(sites.schema.names):
        if name != "position":
            encoded = encoded.set_column(index, name, sites.column(name).dictionary_encode())
    with Reference.open(mini_fasta) as reference:
        assert np.array_equal(dinucleotides(reference, encoded), dinucleotides(reference, sites))
        assert motifs(reference, encoded).equals(motifs(reference, sites))
        nothing = motifs(reference, sites.slice(0, 0))
    assert nothing.equals(MOTIFS.empty_table())


def test_each_site_counts_once(mini_fasta, sites):
    with Reference.open(mini_fasta) as reference:
        once, codes = motifs(reference, sites), dinucleotides(reference, sites)
    assert count_motifs(pa.concat_tables([sites, sites]), np.concatenate([codes, codes])).equals(once)
    shares = {(row["strand"], row["site_type"]): 0.0 for row in once.to_pylist()}
    for row in once.to_pylist():
        shares[row["strand"], row["site_type"]] += row["share"]
    assert list(shares) == [("+", "acceptor"), ("+", "donor"), ("-", "acceptor"), ("-", "donor")]
    assert list(shares.values()) == pytest.approx([1.0] * 4)

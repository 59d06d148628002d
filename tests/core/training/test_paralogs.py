"""Similar sequences: planted copies are found, strangers and antisense copies are not; sketches against sets."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.errors import ConfigError, InputError
from splicecore.genome.annotation import read_annotation
from splicecore.genome.encoding import decode, encode, reverse_complement
from splicecore.genome.reference import Reference
from splicecore.testing.simulate import simulate_genome
from splicecore.training.alarms import sequence_alarm
from splicecore.training.paralogs import ParalogConfig, exonic_sequences, find_paralogs
from splicecore.training.split_config import SplitConfig
from splicecore.training.splits import split_genes

GENERATOR = np.random.Generator(np.random.PCG64(3))
ALL = ParalogConfig(k=5, scale=1, min_identity=1e-9, min_shared=1, max_genes=10**6)


def bases(count, generator=GENERATOR):
    return generator.integers(0, 4, count).astype(np.uint8)


def mutated(codes, rate, generator=GENERATOR):
    hit = generator.random(len(codes)) < rate
    return np.where(hit, (codes + generator.integers(1, 4, len(codes))) % 4, codes).astype(np.uint8)


def found(sequences, **options):
    result = find_paralogs(sequences, ParalogConfig(**options))
    return set(zip(result.first.tolist(), result.second.tolist(), strict=True))


def test_planted_copies_are_found_and_strangers_are_not():
    genes = [bases(3000) for _ in range(30)]
    genes.append(mutated(genes[3], 0.08))
    genes.append(mutated(genes[7][500:1500], 0.05))  # a part of a gene
    genes.append(mutated(genes[9], 0.35))  # too far away
    genes.append(reverse_complement(genes[11]))
    assert found(genes) == {(3, 30), (7, 31)}
    assert found([]) == set()


@pytest.mark.parametrize("rate", [0.0, 0.03, 0.08])
def test_identity_is_estimated(rate):
    gene = bases(20_000)
    result = find_paralogs([gene, mutated(gene, rate)])
    assert result.identity[0] == pytest.approx(1 - rate, abs=0.01)


def test_repeats_and_tracts_of_one_base_are_no_similarity():
    repeat = bases(300)
    genes = [np.concatenate([bases(1500), repeat, np.zeros(200, np.uint8), bases(300)]) for _ in range(70)]
    assert found(genes) == set()
    alone = [np.concatenate([bases(1500), np.zeros(400, np.uint8)]) for _ in range(2)]
    assert found(alone) == set()


def test_n_is_like_nothing():
    unknown = np.full(500, 4, dtype=np.uint8)
    assert found([unknown, unknown, unknown[:3]]) == set()


@given(st.lists(st.text("ACGN", max_size=30), max_size=6))
def test_shared_words_are_those_of_sets(texts):
    result = find_paralogs([encode(text) for text in texts], ALL)
    words = [{text[i : i + 5] for i in range(len(text) - 4)} for text in texts]
    words = [{word for word in own if "N" not in word} for own in words]
    expected = [
        (i, j, len(words[i] & words[j]), (len(words[i] & words[j]) / min(len(words[i]), len(words[j]))) ** 0.2)
        for i in range(len(texts))
        for j in range(i + 1, len(texts))
        if words[i] & words[j]
    ]
    columns = (result.first, result.second, result.shared, result.identity)
    assert np.allclose(np.stack(columns, axis=1), np.array(expected).reshape(-1, 4))


def test_portions_of_pairs_add_up(monkeypatch):
    genes = [bases(400) for _ in range(6)]
    genes += [mutated(gene, 0.02) for gene in genes]
    whole = find_paralogs(genes, ALL)
    monkeypatch.setattr("splicecore.training.paralogs._PAIRS_AT_ONCE", 7)
    parts = find_paralogs(genes, ALL)
    assert all(np.array_equal(getattr(whole, f.name), getattr(parts, f.name)) for f in attrs.fields(type(whole)))


def test_across_and_table(make_genes):
    gene = bases(2000)
    result = find_paralogs([gene, bases(2000), mutated(gene, 0.02), mutated(gene, 0.02)])
    assert result.across(np.array([0, 1]), np.array([2])).tolist() == [0]
    assert result.across(np.array([3]), np.array([0, 1])).tolist() == [3]
    assert result.across(np.array([1]), np.array([0, 2, 3])).tolist() == []
    table = result.table(make_genes([(f"G{i}", f"chr{i}", "+", 0, 2000) for i in range(4)]))
    assert table.column("gene_id_1").to_pylist() == ["G0", "G0", "G2"]
    assert table.column("contig_2").to_pylist() == ["chr2", "chr3", "chr3"]


def test_exonic_sequences_are_the_union_of_exons_on_both_strands(tmp_path):
    simulate_genome(seed=4).write(tmp_path)
    with Reference.open(tmp_path / "genome.fa") as reference:
        annotation = read_annotation(tmp_path / "annotation.gtf").bind(reference.contigs)
        exons = annotation.exons.to_pylist()
        parents = annotation.transcripts.column("gene").to_pylist()
        strands = set()
        for row, codes in enumerate(exonic_sequences(reference, annotation)):
            gene = annotation.genes.slice(row, 1).to_pylist()[0]
            own = [e for e in exons if parents[e["transcript"]] == row]
            covered = sorted({p for e in own for p in range(e["start"], e["end"])})
            whole = decode(reference.fetch(gene["contig"], gene["start"], gene["end"]))
            plus = encode("".join(whole[p - gene["start"]] for p in covered))
            expected = plus if gene["strand"] == "+" else reverse_complement(plus)
            assert np.array_equal(codes, expected)
            strands.add(gene["strand"])
        assert strands == {"+", "-"}
        chosen = list(exonic_sequences(reference, annotation, np.array([2, 0])))
        assert np.array_equal(chosen[1], next(iter(exonic_sequences(reference, annotation))))
        with pytest.raises(InputError, match="there are"):
            list(exonic_sequences(reference, annotation, np.array([10**6])))


def plant(folder, *, rate):
    """Write a genome whose gene B on chr2 has gene A's exons with substitutions; C and D are unrelated to all."""
    generator = np.random.Generator(np.random.PCG64(12))
    chromosomes = {"chr1": bases(12_000, generator), "chr2": bases(12_000, generator)}
    exons = [(1000, 1400), (1900, 2300), (2900, 3300)]
    source = [chromosomes["chr1"][start:end] for start, end in exons]
    copy = [mutated(part, rate, generator) for part in source]
    for (start, end), part in zip(exons, copy, strict=True):  # B lies on the other strand: mirrored places
        chromosomes["chr2"][12_000 - end : 12_000 - start] = reverse_complement(part)
    genes = {
        "A": ("chr1", "+", exons),
        "B": ("chr2", "-", [(12_000 - end, 12_000 - start) for start, end in reversed(exons)]),
        "C": ("chr1", "+", [(6000, 6400), (7000, 7500)]),
        "D": ("chr2", "-", [(500, 900), (1500, 2000)]),
    }
    lines = []
    for name, (contig, strand, spans) in genes.items():
        ids = f'gene_id "{name}"; transcript_id "{name}.1"; gene_name "{name}";'
        whole = [(spans[0][0], spans[-1][1])]
        for kind, parts in (("gene", whole), ("transcript", whole), ("exon", spans)):
            lines += [f"{contig}\tplanted\t{kind}\t{a + 1}\t{b}\t.\t{strand}\t.\t{ids}" for a, b in parts]
    (folder / "genome.fa").write_text("".join(f">{name}\n{decode(codes)}\n" for name, codes in chromosomes.items()))
    (folder / "genes.gtf").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize(("rate", "expected"), [(0.1, True), (0.5, False)])
def test_a_planted_paralog_is_found_in_a_genome_and_kept_out_of_the_test(tmp_path, rate, expected):
    plant(tmp_path, rate=rate)
    with Reference.open(tmp_path / "genome.fa") as reference:
        annotation = read_annotation(tmp_path / "genes.gtf").bind(reference.contigs)
        result = find_paralogs(exonic_sequences(reference, annotation))
        names = annotation.genes.column("gene_id").to_pylist()
        genes = annotation.genes
    pairs = [{names[i], names[j]} for i, j in zip(result.first, result.second, strict=True)]
    assert pairs == ([{"A", "B"}] if expected else [])
    table = genes.select(["gene_id", "contig", "strand", "start", "end"])
    if not expected:
        return
    assert result.identity[0] == pytest.approx(0.9, abs=0.02)
    tested = {}
    for how in ("report", "exclude"):
        config = SplitConfig(method="chromosome", test=("chr2",), valid_share=0.4, paralogs=how)
        fold = split_genes(table, config, result).folds[0]
        tested[how] = {names[row] for row in fold.test.tolist()}
        alarm = sequence_alarm(table, fold, result)
        assert alarm.fired == (how == "report")
    assert tested == {"report": {"B", "D"}, "exclude": {"D"}}
    assert alarm.value == 0


@pytest.mark.parametrize("options", [{"k": 32}, {"k": 0}, {"min_identity": 0.0}, {"scale": 0}])
def test_refusals(options):
    with pytest.raises(ConfigError):
        ParalogConfig(**options)


@pytest.mark.realdata
def test_real_paralogs(real_data):
    genome = real_data / "genome"
    with Reference.open(genome / "GRCh38.fa.gz") as reference:
        annotation = read_annotation(genome / "GRCh38.gtf.gz").bind(reference.contigs)
        result = find_paralogs(exonic_sequences(reference, annotation))
    names = annotation.genes.column("gene_name").to_pylist()
    similar = {frozenset((names[i], names[j])) for i, j in zip(result.first, result.second, strict=True)}
    for pair in (("C4A", "C4B"), ("MYH6", "MYH7"), ("OR4F29", "OR4F16"), ("CFH", "CFHR1"), ("WASH7P", "WASHC1")):
        assert frozenset(pair) in similar
    assert len(similar) < 40  # of 793 genes

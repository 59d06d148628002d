from __future__ import annotations

import json

import attrs
import numpy as np
import pytest
from splicecore.api import ContigError, InputError, OutputError, ResourceError, ResourceNotFoundError, encode
from splicecore.genome.annotation import read_annotation
from splicecore.genome.reference import Reference
from splicecore_consensus.calibration import fit_softmax, softmax
from splicecore_consensus.learn import TrainingGene, learn_from_genes
from splicecore_consensus.parameters import ConsensusModelParameters, Provenance
from splicecore_consensus.training import AnnotatedGenes, learn

LETTERS = np.array(list("ACGT"))
UNKNOWN_BEFORE = 4


def consensus(motif):
    return "".join(LETTERS[motif.log_odds[:, UNKNOWN_BEFORE].argmax(axis=1)])


def test_it_recovers_the_consensus(parameters):
    assert consensus(parameters.donor)[1:] == "AGGTAAGT"
    assert consensus(parameters.acceptor)[17:21] == "CAGG"
    tract = parameters.acceptor.log_odds[5:15, UNKNOWN_BEFORE]
    assert (tract[:, [1, 3]].min(axis=1) > tract[:, [0, 2]].max(axis=1)).all()


def test_invariant_bases_are_worth_the_background(parameters):
    g, t = parameters.donor.log_odds[3, UNKNOWN_BEFORE, 2], parameters.donor.log_odds[4, UNKNOWN_BEFORE, 3]
    assert 1.0 < t < g < 1.8
    assert parameters.donor.log_odds[3, UNKNOWN_BEFORE, 0] < -3


def test_provenance_counts_what_was_learned_from(parameters, genome):
    facts = parameters.provenance
    used = genome.sites[genome.sites["contig"] >= 2]
    assert facts.n_donors == (used["type"] == 2).sum()
    assert facts.n_acceptors == (used["type"] == 1).sum()
    kept = [gene for gene in genome.genes if gene.contig not in {"chr1", "chr2"}]
    assert facts.n_genes == len(kept)
    assert facts.n_positions == sum(gene.end - gene.start for gene in kept)
    assert facts.excluded_contigs == ("2", "chr1")
    assert facts.annotation == "annotation.gtf"
    assert len(facts.annotation_sha256) == 64
    assert facts.build.startswith("custom-")
    assert facts.tool.startswith("splicecore-consensus ")


def test_probabilities_are_right_at_the_prevalence_of_genes(parameters, genome_files):
    """Summed over all positions of the training genes, they give the number of sites."""
    expected = np.zeros(3)
    with Reference.open(genome_files.fasta) as reference:
        for gene in AnnotatedGenes(reference, read_annotation(genome_files.annotation), ["chr1", "chr2"]):
            length = len(gene.codes) - 40
            heights = (m.score(gene.codes[None], 20, length) - m.floor for m in (parameters.acceptor, parameters.donor))
            expected += softmax(parameters.calibration, *heights).sum(axis=(0, 1))
    facts = parameters.provenance
    np.testing.assert_allclose(expected[1:], [facts.n_acceptors, facts.n_donors], rtol=0.1)


def test_learning_twice_gives_the_same_bytes(parameters, genome_files):
    with Reference.open(genome_files.fasta) as reference:
        again = learn(reference, read_annotation(genome_files.annotation), exclude_contigs=["2", "chr1"])
    assert again.to_json() == parameters.to_json()


def test_json_round_trip_is_byte_identical(parameters, tmp_path):
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    parameters.save(first)
    loaded = ConsensusModelParameters.load(first)
    loaded.save(second)
    assert first.read_bytes() == second.read_bytes()
    assert loaded.fingerprint == parameters.fingerprint
    assert loaded.provenance == parameters.provenance
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.json", "second.json"]
    content = json.loads(first.read_text(encoding="utf-8"))
    assert list(content) == sorted(content)
    assert str(tmp_path.parent) not in first.read_text(encoding="utf-8")


def test_the_fingerprint_follows_the_numbers_alone(parameters):
    renamed = attrs.evolve(parameters, provenance=Provenance(annotation="other.gtf"))
    assert renamed.fingerprint == parameters.fingerprint
    shifted = attrs.evolve(parameters, calibration=parameters.calibration + 1e-4)
    assert shifted.fingerprint != parameters.fingerprint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("donor"), "'donor' is missing"),
        (lambda content: content["donor"].pop("floor"), "donor.floor"),
        (lambda content: content["donor"].update(floor="low"), "donor.floor"),
        (lambda content: content["acceptor"].pop("log_odds"), "'acceptor.log_odds' is missing"),
        (lambda content: content["acceptor"]["log_odds"].pop(), "shape"),
        (lambda content: content["acceptor"]["log_odds"][0].pop(), "regular array"),
        (lambda content: content["acceptor"]["log_odds"][0][0].__setitem__(0, float("nan")), "finite"),
        (lambda content: content.update(calibration=[[0.0] * 3] * 2), "shape"),
        (lambda content: content.update(version=99), "version 99"),
        (lambda content: content.update(format="other"), "format"),
        (lambda content: content.pop("provenance"), "provenance"),
        (lambda content: content["provenance"].pop("build"), "provenance"),
    ],
)
def test_damaged_parameter_files_are_named(parameters, tmp_path, change, message):
    content = json.loads(parameters.to_json())
    change(content)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ResourceError, match=message) as caught:
        ConsensusModelParameters.load(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", "\x00\x01"])
def test_files_that_are_no_parameters_are_named(tmp_path, text):
    path = tmp_path / "mine.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ResourceError, match=r"mine\.json"):
        ConsensusModelParameters.load(path)


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "mine.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ResourceError, match=r"mine\.json"):
        ConsensusModelParameters.load(path)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(ResourceNotFoundError, match=r"none\.json"):
        ConsensusModelParameters.load(tmp_path / "none.json")


def test_an_output_that_cannot_be_written_is_named(parameters, tmp_path):
    with pytest.raises(OutputError, match=r"no\.json"):
        parameters.save(tmp_path / "absent" / "no.json")


def test_too_few_sites_are_refused():
    gene = TrainingGene(codes=encode("ACGT" * 50), acceptors=np.array([], dtype=int), donors=np.array([5]))
    with pytest.raises(InputError, match="0 acceptors"):
        learn_from_genes([gene], Provenance())


def test_excluding_every_contig_is_refused(genome, genome_files):
    with Reference.open(genome_files.fasta) as reference, pytest.raises(InputError, match="there are 0"):
        learn(reference, read_annotation(genome_files.annotation), exclude_contigs=list(genome.sequences))


def test_a_contig_that_is_absent_is_reported(genome_files, caplog):
    with Reference.open(genome_files.fasta) as reference:
        genes = AnnotatedGenes(reference, read_annotation(genome_files.annotation), ["chrX", "1"])
    assert len(genes) == 42
    assert "chrX" in caplog.text


def test_an_annotation_of_another_genome_is_refused(genome_files, tmp_path):
    other = tmp_path / "other.fa"
    other.write_text(">scaffold_9\n" + "ACGT" * 20 + "\n", encoding="ascii")
    with Reference.open(other) as reference, pytest.raises(ContigError):
        learn(reference, read_annotation(genome_files.annotation))


def test_calibration_finds_the_coefficients_that_made_the_counts():
    truth = np.array([[-6.0, 1.0, 0.8, -0.02, 0.2, 0.1, 0.01], [-7.0, -0.3, 0.05, 0.01, 1.5, 1.1, -0.05]])
    acceptor, donor = (grid.ravel() for grid in np.meshgrid(np.linspace(0, 6, 25), np.linspace(0, 6, 25)))
    counts = 1e6 * softmax(truth, acceptor, donor)
    np.testing.assert_allclose(fit_softmax(acceptor, donor, counts), truth, atol=0.01)


def test_calibration_stays_finite_where_classes_are_separated():
    heights = np.array([0.0, 5.0, 0.0])
    counts = np.array([[1000.0, 0, 0], [0, 10.0, 0], [0, 0, 10.0]])
    coefficients = fit_softmax(heights, heights[[0, 2, 1]], counts)
    assert np.isfinite(coefficients).all()
    probabilities = softmax(coefficients, heights, heights[[0, 2, 1]])
    assert probabilities[0, 0] > 0.99
    assert probabilities[1, 1] > 0.9

"""Validation finds what is wrong with derived resources: on one strand, in one file, at one place."""

from __future__ import annotations

import json
import os

import numpy as np
import pyarrow as pa
import pytest
from splicecore.errors import ExitCode
from splicecore.resources.derive import derive_resources
from splicecore.resources.keys import ResourceKey
from splicecore.resources.motif_shares import MotifCounts
from splicecore.resources.resource_set import ResourceSet
from splicecore.resources.validation import validate_resources
from splicecore.resources.validation_checks import (
    check_coordinates,
    check_gene_ids,
    check_motifs,
    check_recorded_build,
    check_symmetry,
)
from splicecore.testing.simulate import SimulationConfig, simulate_genome

GENOME = simulate_genome(SimulationConfig(genes_per_contig=12), seed=8)


@pytest.fixture
def derived(tmp_path):
    """Derive a genome, whose GTF a function may change, and open it."""

    def make(change=lambda text: text, **options):
        paths = GENOME.write(tmp_path / "in")
        paths.annotation.write_text(change(paths.annotation.read_text()))
        derive_resources(tmp_path / "out", fasta=paths.fasta, annotation=paths.annotation, **options)
        return ResourceSet.open(tmp_path / "out")

    return make


def outcomes(validation):
    return {check.name: check.outcome for check in validation.checks}


def message(validation, name):
    return next(check.message for check in validation.checks if check.name == name)


def test_good_resources_pass(derived):
    resources = derived()
    validation = validate_resources(resources)
    assert list(outcomes(validation).items()) == [
        ("files", "passed"),
        ("inputs", "passed"),
        ("index", "passed"),
        ("build", "passed"),
        ("contigs", "passed"),
        ("coordinates", "passed"),
        ("motifs + acceptor", "passed"),
        ("motifs + donor", "passed"),
        ("motifs - acceptor", "passed"),
        ("motifs - donor", "passed"),
        ("strand symmetry", "passed"),
        ("gene ids", "passed"),
        ("genes without sites", "noted"),
    ]
    assert validation.exit_code == ExitCode.OK
    counted = {(one.strand, one.subject): one.total for one in validation.motifs}
    for strand, sign in (("+", 1), ("-", -1)):
        for subject, kind in (("acceptor", 1), ("donor", 2)):
            chosen = (GENOME.sites["strand"] == sign) & (GENOME.sites["type"] == kind)
            assert counted[strand, subject] == np.count_nonzero(chosen)
    single = [gene.gene_id for gene in GENOME.genes if all(len(one.exons) == 1 for one in gene.transcripts)]
    assert validation.genes_without_sites == tuple((name, True) for name in single)
    assert json.loads(json.dumps(validation.to_json()))["passed"] is True


def test_nothing_is_written(derived):
    resources = derived()
    before = {path: path.stat() for path in sorted(resources.folder.rglob("*"))}
    validate_resources(resources)
    assert {path: path.stat().st_mtime_ns for path in sorted(resources.folder.rglob("*"))} == {
        path: status.st_mtime_ns for path, status in before.items()
    }


def shifted_on_minus(text):
    """Shift two genes of the minus strand by one base, so that the whole still looks like an annotation."""
    moved = {gene.gene_id for gene in [gene for gene in GENOME.genes if gene.strand == "-"][:2]}
    lines = []
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) > 8 and any(name in fields[8] for name in moved):
            fields[3:5] = [str(int(fields[3]) + 1), str(int(fields[4]) + 1)]
        lines.append("\t".join(fields))
    return "\n".join(lines) + "\n"


def test_shifted_coordinates_fail_on_their_strand_alone(derived):
    validation = validate_resources(derived(shifted_on_minus))
    found = outcomes(validation)
    assert found["motifs + acceptor"] == found["motifs + donor"] == "passed"
    assert found["motifs - acceptor"] == found["motifs - donor"] == "failed"
    assert validation.exit_code == ExitCode.INPUT
    assert [issue[:15] for issue in validation.issues] == ["motifs - accept", "motifs - donor:"]
    lax = validate_resources(derived(shifted_on_minus), gate=0.5)
    assert {outcomes(lax)[f"motifs - {kind}"] for kind in ("acceptor", "donor")} == {"passed"}


def counts(strand, subject, good, known):
    return MotifCounts(strand=strand, subject=subject, total=known, known=known, counts={"GT": good})


def test_the_gate_and_what_is_too_little_to_judge():
    assert check_motifs(counts("+", "donor", 95, 100), 0.95).outcome == "passed"
    assert check_motifs(counts("+", "donor", 94, 100), 0.95).outcome == "failed"
    few = check_motifs(counts("+", "donor", 0, 19), 0.95)
    assert (few.outcome, few.message) == ("not judged", "19 sites in known sequence; 20 are needed")
    assert check_motifs(counts("+", "donor", 0, 20), 0.95).outcome == "failed"


@pytest.mark.parametrize(("minus", "outcome"), [(9900, "passed"), (9800, "passed"), (9500, "failed")])
def test_strands_must_be_alike(minus, outcome):
    sites = [counts(strand, kind, 9900, 10_000) for strand in "+-" for kind in ("acceptor", "donor")]
    sites[3] = counts("-", "donor", minus, 10_000)
    assert check_symmetry(sites).outcome == outcome
    sites[0] = counts("+", "acceptor", 3, 3)
    assert check_symmetry(sites).outcome == "not judged"


def test_damaged_files_are_told_and_the_rest_is_still_checked(derived):
    resources = derived()
    path = resources.path("splice_sites")
    content = bytearray(path.read_bytes())
    content[40] ^= 0xFF
    path.write_bytes(content)
    validation = validate_resources(resources)
    found = outcomes(validation)
    assert found["files"] == "damaged"
    assert str(path) in message(validation, "files")
    assert found["build"] == found["gene ids"] == "passed"
    assert validation.exit_code == ExitCode.RESOURCE


def test_a_missing_file_and_missing_datasets(derived):
    resources = derived()
    resources.path("gene_features").unlink()
    validation = validate_resources(resources)
    assert outcomes(validation)["files"] == outcomes(validation)["gene ids"] == "damaged"
    assert validation.exit_code == ExitCode.RESOURCE


def test_without_the_sites_they_are_not_judged(derived):
    validation = validate_resources(derived(kinds=["gene_features", "transcript_features", "exon_features"]))
    assert outcomes(validation)["motifs"] == outcomes(validation)["coordinates"] == "not judged"
    assert validation.exit_code == ExitCode.OK


def test_changed_inputs(derived):
    resources = derived()
    with resources.annotation_path.open("a") as handle:
        handle.write("# later\n")
    validation = validate_resources(resources)
    assert outcomes(validation)["inputs"] == "damaged"
    assert "changed since" in message(validation, "inputs")
    resources.annotation_path.unlink()
    assert outcomes(validate_resources(resources))["inputs"] == "damaged"


def test_the_index_must_be_there_and_fit(derived, monkeypatch):
    resources = derived()
    index = resources.fasta.with_name(f"{resources.fasta.name}.fai")
    good = index.read_text()
    index.write_text(good.replace("chr2", "chr3"))
    assert outcomes(validate_resources(resources))["index"] == "failed"
    index.write_text("nonsense\n")
    assert "malformed" in message(validate_resources(resources), "index")
    index.unlink()
    assert "samtools faidx" in message(validate_resources(resources), "index")
    assert not index.exists()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert outcomes(validate_resources(resources))["index"] == "noted"


def test_the_build_must_be_the_declared_one(derived):
    key = ResourceKey(kind="annotation", source="sim", build="hg38")
    resources = derived(key=key)
    check = check_recorded_build(resources)
    assert check.outcome == "failed"
    assert "build 'hg38' was declared" in check.message


class Altered:
    """Resources with one value of one table changed."""

    def __init__(self, resources, kind, column, value):
        self.resources, self.contigs, self.change = resources, resources.contigs, (kind, column, value)

    def table(self, kind, columns):
        table = self.resources.table(kind, columns)
        if kind != self.change[0]:
            return table
        values = table.column(self.change[1]).to_pylist()
        values[3] = self.change[2]
        return table.set_column(table.schema.get_field_index(self.change[1]), self.change[1], pa.array(values))


@pytest.mark.parametrize(
    ("kind", "column", "value", "text"),
    [
        ("gene_features", "start", -1, "1 genes (first: of SIMG"),
        ("gene_features", "end", 10**9, "of no length or beyond the contig's ends"),
        ("transcript_features", "end", 10**9, "1 transcripts (first: of SIMT"),
        ("exon_features", "start", 0, "exons (first: of SIMT"),
        ("exon_features", "start", 10**6, "of no length or beyond"),
        ("splice_sites", "position", 0, "1 splice sites (first: of SIMG"),
    ],
)
def test_coordinates_out_of_bounds(derived, kind, column, value, text):
    check = check_coordinates(Altered(derived(), kind, column, value))
    assert check.outcome == "failed"
    assert text in check.message


def test_contigs_without_a_genome_are_noted(derived):
    validation = validate_resources(derived(lambda text: text + text.replace("chr1\t", "chrUn\t")))
    assert outcomes(validation)["contigs"] == "noted"
    assert "12 genes lie on contigs that the genome does not have: chrUn" in message(validation, "contigs")


def test_datasets_of_some_contigs_say_so(derived):
    validation = validate_resources(derived(contigs=["1"]))
    assert message(validation, "contigs").endswith("the datasets are restricted to chr1")


def test_ids_at_several_places():
    par = {"ENSG1": ("chrX:+:11-20", "chrY:+:11-20")}
    assert check_gene_ids({}).outcome == check_gene_ids(par).outcome == "passed"
    assert "pseudoautosomal" in check_gene_ids(par).message
    moved = check_gene_ids({**par, "G2": ("chr1:+:11-20", "chr1:-:31-40")})
    assert moved.outcome == "noted"
    assert moved.message == "1 ids are at several places: G2; 1 ids are on X and Y (pseudoautosomal regions)"
    twice = check_gene_ids({"G3": ("chr1:+:11-20", "chr1:+:31-40", "chr2:+:1-5")})
    assert (twice.outcome, "G3" in twice.message) == ("failed", True)


def test_ids_at_several_places_are_listed(derived):
    def rename(text):
        one, other = [gene.gene_id for gene in GENOME.genes if gene.contig == "chr1"][:2]
        return text.replace(other, one) if one else text

    genes = [gene for gene in GENOME.genes if gene.contig == "chr1"][:2]
    assert genes[0].strand != genes[1].strand
    validation = validate_resources(derived(rename))
    places = tuple(f"chr1:{gene.strand}:{gene.start + 1}-{gene.end}" for gene in genes)
    assert {name: set(found) for name, found in validation.repeated_gene_ids.items()} == {genes[0].gene_id: set(places)}
    assert outcomes(validation)["gene ids"] == "noted"


def test_genes_with_exons_that_touch_are_named(derived):
    gene = next(gene for gene in GENOME.genes if all(len(one.exons) == 1 for one in gene.transcripts))

    def split(text):
        lines = text.splitlines()
        row = next(i for i, line in enumerate(lines) if gene.gene_id in line and "\texon\t" in line)
        fields = lines[row].split("\t")
        middle = (int(fields[3]) + int(fields[4])) // 2
        first, second = [*fields], [*fields]
        first[4], second[3] = str(middle), str(middle + 1)
        return "\n".join([*lines[:row], "\t".join(first), "\t".join(second), *lines[row + 1 :]]) + "\n"

    validation = validate_resources(derived(split))
    assert (gene.gene_id, False) in validation.genes_without_sites
    assert message(validation, "genes without sites").endswith(f"not: {gene.gene_id}")

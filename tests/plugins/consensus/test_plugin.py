from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from splicecore.api import ResourceRequest, load_object
from splicecore_consensus.cli import main
from splicecore_consensus.finder import PACKAGED, find_packaged
from splicecore_consensus.parameters import ConsensusModelParameters
from splicecore_consensus.plugin import SPEC, splicecore_base_models, splicecore_resource_finders


def test_the_hooks_yield_the_model_and_the_finder():
    assert list(splicecore_base_models()) == [SPEC]
    (finder,) = splicecore_resource_finders()
    assert finder.priority == 100
    assert load_object(finder.factory) is find_packaged
    assert (SPEC.left, SPEC.right, SPEC.licence, SPEC.commercial_use) == (20, 6, "Apache-2.0", True)


def test_the_finder_answers_for_its_own_weights_alone():
    location = find_packaged(ResourceRequest(kind="weights", name="consensus", files=SPEC.weights))
    assert location.path == str(PACKAGED.parent)
    assert find_packaged(ResourceRequest(kind="weights", name="spliceai")) is None
    assert find_packaged(ResourceRequest(kind="genome", name="consensus")) is None


def test_the_packaged_parameters_are_canonical_and_say_where_they_come_from():
    parameters = ConsensusModelParameters.load(PACKAGED)
    assert parameters.to_json() == PACKAGED.read_text(encoding="utf-8")
    facts = parameters.provenance
    assert facts.excluded_contigs == ("1", "5", "9")
    assert facts.build == "GRCh38"
    assert facts.n_donors > 7000
    assert "/" not in facts.annotation + facts.reference
    assert PACKAGED.stat().st_size < 10_000


def test_the_plugin_module_is_light():
    heavy = ["pysam", "pyarrow", "torch", "splicecore_consensus.model", "splicecore_consensus.training"]
    code = f"import sys, splicecore_consensus.plugin; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


def test_the_command_learns(genome_files, parameters, tmp_path):
    output = tmp_path / "mine.json"
    arguments = ["--fasta", str(genome_files.fasta), "--annotation", str(genome_files.annotation)]
    result = CliRunner().invoke(main, ["learn", *arguments, "--exclude-contigs", "chr1, 2", "-o", str(output)])
    assert result.exit_code == 0, result.output
    assert "donors" in result.output
    assert output.read_text(encoding="utf-8") == parameters.to_json()


def test_the_command_ends_with_one_line_and_an_exit_code(genome_files, tmp_path):
    arguments = ["--annotation", str(genome_files.annotation), "-o", str(tmp_path / "out.json")]
    result = CliRunner().invoke(main, ["learn", "--fasta", str(tmp_path / "none.fa"), *arguments])
    assert result.exit_code == 3
    assert "none.fa" in result.output
    assert result.output.count("\n") == 1
    assert not (tmp_path / "out.json").exists()


@pytest.mark.realdata
def test_the_packaged_parameters_can_be_learned_again(real_data, tmp_path):
    genome = real_data / "genome"
    fasta, annotation = genome / "GRCh38.fa.gz", genome / "GRCh38.gtf.gz"
    recorded = json.loads(PACKAGED.read_text(encoding="utf-8"))["provenance"]
    output = tmp_path / "consensus.json"
    arguments = ["--fasta", str(fasta), "--annotation", str(annotation), "--exclude-contigs", "1,5,9"]
    result = CliRunner().invoke(main, ["learn", *arguments, "-o", str(output)])
    assert result.exit_code == 0, result.output
    learned = json.loads(output.read_text(encoding="utf-8"))
    if learned["provenance"]["annotation_sha256"] != recorded["annotation_sha256"]:
        pytest.skip("the annotation at hand is not the one that the packaged parameters were learned from")
    assert output.read_bytes() == PACKAGED.read_bytes()

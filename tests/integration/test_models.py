"""``splicecore models``: what is installed, where the weights are, and whether a model works."""

from __future__ import annotations

import hashlib
import json

import attrs
import pytest
from splicecore.api import PluginNotFoundError, PluginSettings, Session
from splicecore.testing.plugins import fake_distribution

MODELS = """
import json
from pathlib import Path
import attrs
import numpy as np
from splicecore.api import ResourceError, hookimpl
from splicecore.testing.fakes import LEFT, MOTIF_SPEC, RIGHT, MotifModel

@attrs.frozen
class Settings:
    context: int | None = None

def spec(name, **fields):
    return attrs.evolve(MOTIF_SPEC, name=name, factory=__name__ + ":open_model", **fields)

NEEDS = {"weights": ("*/*nt.json|*nt.json",), "commercial_use": None, "licence": "Weighty-1.0"}
SPECS = [spec("choosy", config_cls=Settings, **NEEDS), spec("fixed", **NEEDS)]
SPECS += [spec(name) for name in ("shifted", "loud", "deaf")]

@hookimpl
def splicecore_base_models():
    return SPECS

class Model(MotifModel):
    extra = 0

    def predict(self, codes):
        codes = codes[:, self.extra : codes.shape[1] - self.extra]
        scores = super().predict(codes)
        if self.spec.name == "shifted":
            scores = np.roll(scores, 1, axis=1)
        if self.spec.name == "loud":
            scores = scores * 2
        if self.spec.name == "deaf":
            scores = np.zeros_like(scores) + np.float32([0.998, 0.001, 0.001])
        return scores

def open_model(spec, request):
    if not spec.weights:
        return Model(spec, attrs.evolve(request, config={}))
    folder, wanted = Path(request.weights), request.config.get("context")
    files = sorted({*folder.glob("*nt.json"), *folder.glob("*/*nt.json")})
    chosen = [file for file in files if wanted is None or file.stem == f"{wanted}nt"]
    if not chosen:
        raise ResourceError(f"no weights of {wanted} nt", hint="another context")
    context = json.loads(chosen[0].read_text())["context"]
    model = Model(spec, attrs.evolve(request, config={}))
    model.extra = (context - LEFT - RIGHT) // 2
    model.spec = attrs.evolve(spec, left=LEFT + model.extra, right=RIGHT + model.extra)
    return model
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder where more models are installed."""
    folder = tmp_path_factory.mktemp("site")
    fake_distribution(folder, "weighty", "2.0", MODELS)
    return folder


@attrs.frozen
class Shop:
    """Runs ``splicecore models``."""

    inside: object

    def call(self, *arguments, **variables):
        return self.inside.call("models", *arguments, **variables)

    def json(self, *arguments, code=0, **variables):
        done = self.call(*arguments, "--json", **variables)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def shop(inside, site, monkeypatch):
    """The bench's models and some more."""
    monkeypatch.syspath_prepend(str(site))
    return Shop(attrs.evolve(inside, variables={"SPLICECORE_LOAD_PLUGINS": "bench-models,weighty"}))


@pytest.fixture
def weights(tmp_path):
    """A folder of weights of two contexts."""
    folder = tmp_path / "weights"
    (folder / "set").mkdir(parents=True)
    for context in (20, 40):
        (folder / "set" / f"{context}nt.json").write_text(json.dumps({"context": context}))
    return folder


def outcomes(report):
    return {check["name"]: check["outcome"] for check in report["checks"]}


# ------------------------------------------------------------------------------------------------- what is installed


def test_list_names_every_model_with_its_licence_context_and_weights(shop, weights):
    listed = {model["spec"]["name"]: model for model in shop.json("list", "--models-dir", str(weights))["models"]}
    assert {"quick", "choosy", "fixed", "shifted"} <= set(listed)
    choosy = listed["choosy"]
    assert choosy["plugin"] == "weighty 2.0"
    assert choosy["spec"]["licence"] == "Weighty-1.0"
    assert choosy["spec"]["commercial_use"] is None
    assert choosy["contexts"] == [20, 40]
    assert choosy["settings"] == {"context": None}
    assert choosy["weights"]["found"]
    assert str(weights) in choosy["weights"]["provenance"]
    assert listed["fixed"]["contexts"] == [20]
    assert listed["quick"]["weights"]["needed"] is False


def test_list_for_people(shop, bench, site, weights):
    installed = {"PYTHONPATH": f"{site}:{bench.site}", "SPLICECORE_LOAD_PLUGINS": "bench-models,weighty"}
    done = bench.call("models", "list", **installed)
    assert done.returncode == 0
    blocks = {block.splitlines()[0].split()[-1]: block for block in done.stdout.strip().split("\n\n")}
    for word in ("Weighty-1.0", "unclear", "20 bases (14 to the left, 6 to the right)", "weighty 2.0", "numpy"):
        assert word in blocks["fixed"]
    assert "not found: weights of 'fixed'" in blocks["fixed"]
    assert "none needed" in blocks["quick"]
    assert f"SPLICECORE_MODELS: {weights}" in shop.call("list", SPLICECORE_MODELS=str(weights)).stdout


def test_show_lists_files_with_their_hashes(shop, weights):
    report = shop.json("show", "choosy", "--models-dir", str(weights))
    assert [(file["name"], file["context"]) for file in report["weights"]["files"]] == [
        ("set/20nt.json", 20),
        ("set/40nt.json", 40),
    ]
    for file in report["weights"]["files"]:
        content = (weights / file["name"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert file["size"] == len(content)
        assert file["sha256"] in shop.call("show", "choosy", "--models-dir", str(weights)).stdout
    assert report["metadata"] is None


def test_show_reads_the_metadata_file(shop, weights):
    (weights / "metadata").mkdir()
    (weights / "metadata" / "model_info.json").write_text('{"trained_by": "us"}')
    assert shop.json("show", "choosy", "--models-dir", str(weights))["metadata"] == {"trained_by": "us"}
    assert "trained_by" in shop.call("show", "choosy", "--models-dir", str(weights)).stdout


def test_path_prints_the_folder_only(shop, weights):
    assert shop.call("path", "choosy", "--models-dir", str(weights)).stdout == f"{weights}\n"
    missing = shop.call("path", "choosy")
    assert (missing.returncode, missing.stdout) == (5, "")
    assert "SPLICECORE_MODELS (not set)" in missing.stderr
    assert shop.call("path", "quick").returncode == 5


def test_an_unknown_model_is_named_with_the_nearest(shop):
    for action in ("show", "path", "validate"):
        done = shop.call(action, "chosy")
        assert done.returncode == 4
        assert "did you mean choosy?" in done.stderr


# -------------------------------------------------------------------------------------------------------- validation


def test_a_good_model_passes(shop, weights):
    report = shop.json("validate", "choosy", "--models-dir", str(weights))
    assert report["passed"]
    assert report["issues"] == []
    assert set(outcomes(report).values()) == {"passed", "skipped"}
    assert {name for name, outcome in outcomes(report).items() if outcome == "skipped"} == {"metadata", "offsets"}
    assert "--fasta and --annotation" in report["recommendations"][0]
    assert len(report["fingerprint"]) == 64


def test_the_context_chooses_the_weights(shop, weights):
    for context in (20, 40):
        report = shop.json("validate", "choosy", "--models-dir", str(weights), "--context", str(context))
        assert report["context"] == context
    report = shop.json("validate", "choosy", "--models-dir", str(weights), "--context", "60", code=5)
    assert report["issues"] == ["opening: no weights of 60 nt"]
    assert report["recommendations"] == ["another context"]


def test_a_context_that_cannot_be_chosen_is_refused(shop):
    done = shop.call("validate", "quick", "--context", "80")
    assert done.returncode == 2
    assert "has a context of 20 bases, not 80" in done.stderr
    assert shop.call("validate", "quick", "--context", "20").returncode == 0


def test_weights_of_another_context_than_the_descriptor_are_an_issue(shop, weights):
    (weights / "set" / "20nt.json").unlink()
    report = shop.json("validate", "fixed", "--models-dir", str(weights), code=5)
    assert report["issues"] == ["context: the weights have a context of 40 bases, not 20"]


@pytest.mark.parametrize(
    ("metadata", "issue"),
    [
        ('{"context_windows": [80]}', "context: the weights have a context of 20 bases; the metadata file says 80"),
        ('{"files": {"set/20nt.json": "00"}}', "metadata: set/20nt.json is not the file that it describes"),
        ('{"files": {"lost.json": "00"}}', "metadata: lost.json is not there"),
        ("[1, 2]", "is not a JSON object"),
        ("{", "cannot be read"),
    ],
)
def test_metadata_that_contradicts_the_weights_is_an_issue(shop, weights, metadata, issue):
    (weights / "model_info.json").write_text(metadata)
    report = shop.json("validate", "choosy", "--models-dir", str(weights), "--context", "20", code=5)
    assert len(report["issues"]) == 1
    assert issue in report["issues"][0]


def test_weights_that_are_missing_or_empty_are_issues(shop, weights):
    report = shop.json("validate", "choosy", code=5)
    assert list(outcomes(report)) == ["weights"]
    assert "SPLICECORE_MODELS" in report["recommendations"][0]
    (weights / "set" / "40nt.json").write_text("")
    report = shop.json("validate", "choosy", "--models-dir", str(weights), "--context", "20", code=5)
    assert report["issues"] == ["files: empty: set/40nt.json"]


def test_scores_that_are_no_probabilities_are_an_issue(shop):
    report = shop.json("validate", "loud", code=5)
    assert outcomes(report)["probabilities"] == "failed"
    assert outcomes(report)["shape"] == "passed"


# -------------------------------------------------------------------------------------------------- zero-offset test


def genome(bench):
    return ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation)]


def test_the_self_test_finds_every_site_at_its_own_base(shop, bench):
    report = shop.json("validate", "quick", *genome(bench))
    assert [(row["strand"], row["site_type"], row["best"]) for row in report["offsets"]] == [
        ("+", "acceptor", 0),
        ("+", "donor", 0),
        ("-", "acceptor", 0),
        ("-", "donor", 0),
    ]
    assert all(5 <= row["sites"] <= 25 for row in report["offsets"])
    assert all(row["mean_scores"]["0"] > 0.3 for row in report["offsets"])
    assert shop.json("validate", "quick", *genome(bench)) | {"checks": 0} == report | {"checks": 0}
    few = shop.json("validate", "quick", *genome(bench), "--sites", "5")
    assert {row["sites"] for row in few["offsets"]} == {5}


def test_a_fixed_window_and_a_wide_context_make_no_difference(shop, bench, weights):
    wide = shop.json("validate", "choosy", "--models-dir", str(weights), "--context", "40", *genome(bench))
    plain = shop.json("validate", "quick", *genome(bench))
    windows = shop.json("validate", "windows", *genome(bench))
    assert wide["offsets"] == plain["offsets"] == windows["offsets"]


def test_a_shifted_model_fails_on_both_strands_and_types(shop, bench):
    done = shop.call("validate", "shifted", *genome(bench))
    assert done.returncode == 5
    assert done.stdout.splitlines()[-1] == "shifted: 4 issues"
    for name in ("+ acceptor", "+ donor", "- acceptor", "- donor"):
        assert f"- offsets {name}: the mean score is highest at offset +1" in done.stdout
    assert "disagree on where a site is" in done.stdout


def test_a_model_that_knows_no_site_is_questioned(shop, bench):
    report = shop.json("validate", "deaf", *genome(bench), code=5)
    assert outcomes(report)["one strand"] == "failed"
    assert outcomes(report)["offsets"] == "skipped"


def test_too_few_sites_are_told(shop, bench, tmp_path):
    gene = next(gene for gene in bench.genome.genes if gene.strand == "+")
    some = tmp_path / "some.gtf"
    lines = bench.annotation.read_text().splitlines(keepends=True)
    some.write_text("".join(line for line in lines if line.startswith("#") or gene.gene_id in line))
    report = shop.json("validate", "quick", "--fasta", str(bench.fasta), "--annotation", str(some), code=5)
    assert outcomes(report)["offsets - donor"] == "skipped"
    assert any("too few sites (0)" in check["message"] for check in report["checks"])
    assert report["issues"] == ["offsets: too few annotated sites to test anything"]


def test_the_self_test_needs_both_files_and_good_ones(shop, bench, tmp_path):
    alone = shop.call("validate", "quick", "--fasta", str(bench.fasta))
    assert alone.returncode == 2
    assert "give --fasta and --annotation" in alone.stderr
    missing = shop.call("validate", "quick", "--fasta", str(tmp_path / "no.fa"), "--annotation", str(bench.annotation))
    assert missing.returncode == 3
    assert "no.fa" in missing.stderr


# ----------------------------------------------------------------------------------------------------------- Session


def test_the_session_says_the_same(shop, bench, weights, tmp_path):
    settings = PluginSettings(load=("bench-models", "weighty"))
    session = Session(plugins=settings, data_root=tmp_path, cache_dir=tmp_path)
    described = session.describe_model("choosy", models_dir=weights)
    assert described.contexts == (20, 40)
    assert described.folder == weights
    assert session.describe_model("choosy").location is None
    validation = session.validate_model("quick", bench.fasta, bench.annotation, sites=10)
    assert validation.passed
    assert [offsets.best for offsets in validation.offsets] == [0, 0, 0, 0]
    assert not session.validate_model("choosy", context=60, models_dir=weights).passed
    with pytest.raises(PluginNotFoundError):
        session.describe_model("nobody")


def test_settings_and_plugins_come_from_a_file(shop, weights, tmp_path):
    file = tmp_path / "splicecore.toml"
    file.write_text('[models.choosy]\ncontext = 40\n[plugins]\ndisable = ["bench-models"]\n')
    given = ["--models-dir", str(weights), "--config", str(file)]
    assert {model["spec"]["name"] for model in shop.json("list", *given)["models"]}.isdisjoint({"quick", "windows"})
    assert shop.json("validate", "choosy", *given)["passed"]
    assert shop.call("show", "quick", *given).returncode == 4
    assert shop.call("path", "choosy", *given).stdout.strip() == str(weights)
    file.write_text("[models.choosy]\ncontext = 60\n")
    refused = shop.json("validate", "choosy", *given, code=5)
    assert any("no weights of 60 nt" in check["message"] for check in refused["checks"])
    file.write_text("[modles.choosy]\n")
    done = shop.call("list", "--config", str(file))
    assert done.returncode == 2
    assert "modles" in done.stderr

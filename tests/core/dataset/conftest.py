"""A simulated genome with two quick base models, their base-model passes, and a session that has them."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from splicecore.plugins.host import PluginSettings
from splicecore.session import Session
from splicecore.testing.plugins import fake_distribution
from splicecore.testing.simulate import SimulatedGenome, SimulationConfig, simulate_genome

MODELS = """
import attrs
from splicecore.api import hookimpl
from splicecore.testing.fakes import MOTIF_SPEC, MotifModel

def spec(name):
    return attrs.evolve(MOTIF_SPEC, name=name, factory=__name__ + ":open_model")

@hookimpl
def splicecore_base_models():
    return [spec("quick"), spec("second")]

class Model(MotifModel):
    def predict(self, codes):
        scores = super().predict(codes)
        return scores[:, ::-1].copy() if self.spec.name == "second" else scores

def open_model(spec, request):
    return Model(spec, request)
"""


@attrs.frozen
class Workshop:
    """Inputs on disk, passes of both models over all genes, and how to open a session.

    Attributes
    ----------
    genome
        What was simulated.
    fasta, annotation
        Its files.
    passes
        Base model -> folder of its pass over all genes, true negatives sampled.
    """

    genome: SimulatedGenome
    fasta: Path
    annotation: Path
    site: Path
    passes: dict[str, Path]

    def session(self, **options) -> Session:
        """Open a session that has the two models; the folder of plugins must be on ``sys.path``."""
        return Session(
            plugins=PluginSettings(load=("workshop-models",)),
            data_root=self.site / "data",
            cache_dir=self.site / "cache",
            **options,
        )

    def options(self, output: Path, *models: str, **options):
        """Options of a build from the passes: all genes, three to a batch; there are easy true negatives to drop."""
        models = models or ("quick",)
        return {
            "fasta": self.fasta,
            "annotation": self.annotation,
            "base_model": list(models),
            "artifacts": [self.passes[model] for model in models],
            "subset_policy": None if "genes" in options or "genes_file" in options else "all",
            "batch_size": 3,
            "easy_ratio": 0.25,
            "window": 5,
            "output_dir": output,
        } | options

    def build(self, output: Path, *models: str, **options):
        """Build a dataset; returns the result."""
        return self.session().build_dataset(**self.options(output, *models, **options))

    def masters(self, output: Path) -> dict[str, bytes]:
        """Return the content of a dataset's files by name."""
        return {path.name: path.read_bytes() for path in sorted((output / "master").iterdir())}


@pytest.fixture(scope="session")
def workshop_files(tmp_path_factory) -> Workshop:
    """The workshop without its plugins on the path; use ``workshop``."""
    folder = tmp_path_factory.mktemp("workshop")
    config = SimulationConfig(intron_length=300, intron_range=(100, 900), intergenic_length=500, exons_per_gene=(3, 5))
    genome = simulate_genome(config, seed=4)
    paths = genome.write(folder / "genome")
    fake_distribution(folder / "site", "workshop-models", "1.0", MODELS)
    passes = {model: folder / f"pass_{model}" for model in ("quick", "second")}
    return Workshop(genome, paths.fasta, paths.annotation, folder / "site", passes)


@pytest.fixture
def workshop(workshop_files, monkeypatch) -> Workshop:
    """A small simulated genome with overlapping genes on both strands, two base models and their passes."""
    monkeypatch.syspath_prepend(str(workshop_files.site))
    for model, folder in workshop_files.passes.items():
        if not (folder / "manifest.json").exists():
            workshop_files.session().predict_pass(
                fasta=workshop_files.fasta,
                annotation=workshop_files.annotation,
                base_model=model,
                all_genes=True,
                output_dir=folder,
            )
    return workshop_files

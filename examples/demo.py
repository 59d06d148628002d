"""The demo behind ``make demo``: the whole way from a genome to a report, on a handful of genes.

Run it from the project's root. It prepares a data root, scores genes with base models, builds a dataset, trains a
meta-model, and puts that to work on genes that it was not trained on. Real sequence and the weights of SpliceAI and
OpenSpliceAI are used where they are at hand, else a simulated genome or the consensus model, which brings its own. It
prints every command before running it, and ends with the path of the report.

    python examples/demo.py [BASE_MODEL ...]

With names of base models it uses these, on the simulated genome.
"""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import attrs

OUTPUT = Path("demo-output")
SEED = 20
TRAINED = (
    "BCS1L,CFB,PDIA2,TYMP,RGS11,SLC37A4,CD19,CORO1A,STXBP2,ILK,ROGDI,TCIRG1,MEN1,GRN,CDK4,KIRREL2,CALR,KRT17,AMN,TMC8,TNNI3,C1S,"
    "TMEM8A,AIRE,RNASEH2A,MPO,RFXANK,DES,SGCA,ANKRD1"
)
HELD_OUT = "MUTYH,MPZ,XPA,LMNA"
ABOUT_REAL = """\
Real sequence: GRCh38. The meta-model learns from 30 short genes and is then asked about 4 of chromosomes 1 and 9, which
neither it nor the base models were trained on. 30 genes show how it is done, not how good it gets: a model of real use
takes hundreds (docs/results/meta_model_results.md)."""
ABOUT_SIMULATED = """\
No real sequence at hand (see CONTRIBUTING.md): a simulated genome instead. The meta-model learns from the genes of five
chromosomes and is then asked about those of a sixth."""


@attrs.frozen(kw_only=True)
class Story:
    """What the demo is about.

    Attributes
    ----------
    fasta, annotation, build
        The genome.
    learn, ask
        Options that choose the genes to learn from, and to be asked about.
    split
        Options of the training.
    weights
        Base models, the primary one first, and where their weights are if they do not find them by themselves.
    """

    fasta: Path
    annotation: Path
    build: str
    learn: tuple[str, ...]
    ask: tuple[str, ...]
    weights: dict[str, Path | None]


def real_data() -> Path | None:
    """Folder of the real data, or None where there is none."""
    chosen = os.environ.get("SPLICECORE_TEST_DATA")
    folder = Path(chosen) if chosen else Path("..") / "shared" / "data"
    names = ("GRCh38.fa.gz", "GRCh38.gtf.gz")
    return folder if all((folder / "genome" / name).is_file() for name in names) else None


def has_spliceai() -> bool:
    """Whether the distribution that brings SpliceAI's weights is installed."""
    try:
        importlib.metadata.distribution("spliceai")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def choose(models: list[str]) -> Story:
    """Choose genome and models by what is at hand, and say so."""
    folder = None if models else real_data()
    weights: dict[str, Path | None] = dict.fromkeys(models)
    if not models and has_spliceai():
        weights["spliceai"] = None
    if folder is not None:
        print(ABOUT_REAL)
        own = folder / "weights" / "openspliceai-mane" / "10000nt"
        weights |= {"openspliceai": own} if own.is_dir() else {}
        genome = folder / "genome"
        story = Story(
            fasta=genome / "GRCh38.fa.gz",
            annotation=genome / "GRCh38.gtf.gz",
            build="GRCh38",
            learn=("--genes", TRAINED),
            ask=("--genes", HELD_OUT),
            weights=weights,
        )
    else:
        print(ABOUT_SIMULATED)
        story = simulated(OUTPUT / "simulated", weights)
    if not story.weights:
        story = attrs.evolve(story, weights={"consensus": None})
    print(f"Base models: {' and '.join(story.weights)}.")
    return story


def simulated(folder: Path, weights: dict[str, Path | None]) -> Story:
    """Write a simulated genome and its annotation."""
    from splicecore.testing.simulate import SimulationConfig, simulate_genome

    folder.mkdir(parents=True, exist_ok=True)
    contigs = tuple(f"chr{number}" for number in range(1, 7))
    files = simulate_genome(SimulationConfig(contigs=contigs), seed=SEED).write(folder)
    return Story(
        fasta=files.fasta,
        annotation=files.annotation,
        build="simulated",
        learn=("--chromosomes", ",".join(contigs[:-1])),
        ask=("--chromosomes", contigs[-1]),
        weights=weights,
    )


class Teller:
    """Prints and runs commands of splicecore, with the demo's data root."""

    def __init__(self) -> None:
        self.chapter = 0

    def tell(self, title: str) -> None:
        """Print the next step's title."""
        self.chapter += 1
        print(f"\n{self.chapter}. {title}")

    def run(self, *words: str) -> None:
        """Run a command; ends the demo with its exit code if it fails."""
        print(f"\n   $ {shlex.join(['splicecore', *words])}\n", flush=True)
        binary = str(Path(sys.executable).with_name("splicecore"))
        environment = {**os.environ, "SPLICECORE_DATA_ROOT": str(OUTPUT / "data")}
        code = subprocess.run([binary, *words], check=False, env=environment).returncode
        if code:
            sys.exit(code)


def options_of(story: Story) -> tuple[list[str], list[str]]:
    """Return options that name the base models, and those that say where weights are."""
    names = [word for name in story.weights for word in ("--base-model", name)]
    given = [f"{name}={path}" for name, path in story.weights.items() if path is not None]
    return names, [word for one in given for word in ("--models-dir", one)]


def main() -> None:
    """Tell the story."""
    started = time.perf_counter()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    story, teller = choose(sys.argv[1:]), Teller()
    place = ["--source", "demo", "--build", story.build]
    dataset, model, run = (str(OUTPUT / name) for name in ("dataset", "model", "run"))

    teller.tell("Place genome and annotation in a data root, and derive what everything else needs")
    files = ["--fasta", str(story.fasta), "--annotation", str(story.annotation)]
    teller.run("resources", "import", *place, *files, "--link")
    teller.run("resources", "derive", *place)

    for name, weights in story.weights.items():
        teller.tell(f"Score the genes to learn from with {name}")
        folder = [] if weights is None else ["--models-dir", str(weights)]
        teller.run("predict", *place, "--base-model", name, *folder, *story.learn, "--test-name", "demo", "--no-reuse")

    teller.tell("Build a training dataset: sites, errors, hard and easy negatives, with features")
    models, folders = options_of(story)
    chosen = ["--test-name", "demo", "--subset-policy", "all"]
    teller.run("dataset", "build", *place, *models, *folders, *chosen, "-o", dataset)

    teller.tell("Train a meta-model, calibrate it on genes of their own, choose thresholds")
    teller.run("train", dataset, *place, "--folds", "3", "--valid-share", "0.3", "--out-dir", model)

    teller.tell("Ask about genes that it was not trained on: base models everywhere, meta-model where they are unsure")
    teller.run("run", *place, "--meta-model", model, *folders, *story.ask, "--no-reuse", "-o", run)

    teller.tell("Compare with the annotation")
    teller.run("evaluate", f"base={run}:base", f"hybrid={run}", *place, "--bootstrap", "0")
    seconds = time.perf_counter() - started
    print(f"\nDone in {seconds:.0f} s. The page to look at: {(OUTPUT / 'run' / 'report.html').resolve()}")


if __name__ == "__main__":
    main()

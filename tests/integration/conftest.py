"""A simulated genome, and base models that are quick, slow, fussy or broken, installed for the command line to find."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import numpy as np
import pytest
from splicecore.api import PluginSettings, Session
from splicecore.cli.main import _run
from splicecore.genome.encoding import decode
from splicecore.testing.plugins import fake_distribution
from splicecore.testing.simulate import SimulatedGenome, SimulationConfig, simulate_genome

PLUGINS = Path(__file__).with_name("plugins")
"""Sources of the plugins that are installed for the command line."""


@attrs.frozen
class Bench:
    """Inputs on disk, the folder of installed plugins, and a way to call the command line as a user does."""

    genome: SimulatedGenome
    fasta: Path
    annotation: Path
    site: Path

    def environment(self, **variables: str) -> dict[str, str]:
        """Environment of a child process: only the models of this bench are installed for it."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("SPLICECORE_")}
        return {
            **inherited,
            "PYTHONPATH": str(self.site),
            "SPLICECORE_LOAD_PLUGINS": "bench-models,bench-observer",
            "SPLICECORE_CACHE_DIR": str(self.site / "cache"),
            "SPLICECORE_CACHE_LIMIT_GB": "0",  # no scores from one test to the next, unless a test sets a limit
            "SPLICECORE_DATA_ROOT": str(self.site / "data"),
            "XDG_STATE_HOME": str(self.site / "state"),
            "EVENTS": str(self.site / "events"),
            **variables,
        }

    def command(self, *arguments: str) -> list[str]:
        """Return the command line for arguments."""
        return [sys.executable, "-m", "splicecore", *arguments]

    def run_arguments(self, output: Path, *arguments: str, model: str = "quick") -> list[str]:
        """Return arguments of ``run`` on this bench's inputs."""
        inputs = ["--fasta", str(self.fasta), "--annotation", str(self.annotation)]
        return ["run", *inputs, "--base-model", model, "--output-dir", str(output), *arguments]

    def call(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Call the command line."""
        return subprocess.run(
            self.command(*arguments), env=self.environment(**variables), capture_output=True, text=True, check=False
        )

    def run(self, output: Path, *arguments: str, model: str = "quick", **variables: str) -> Path:
        """Call ``run`` and insist that it succeeds; returns the path of the predictions."""
        done = self.call(*self.run_arguments(output, *arguments, model=model), **variables)
        assert done.returncode == 0, done.stderr
        return output / "predictions" / "base_model_predictions.parquet"


@pytest.fixture(scope="session")
def bench(tmp_path_factory) -> Bench:
    """A small simulated genome with overlapping genes on both strands, and the models."""
    folder = tmp_path_factory.mktemp("bench")
    config = SimulationConfig(intron_length=300, intron_range=(100, 900), intergenic_length=500, exons_per_gene=(3, 5))
    genome = simulate_genome(config, seed=4)
    paths = genome.write(folder / "genome")
    for name in ("bench-models", "bench-observer", "bench-bayes"):
        source = PLUGINS / f"{name.replace('-', '_')}.py"
        fake_distribution(folder / "site", name, "1.0", source.read_text(encoding="utf-8"))
    return Bench(genome, paths.fasta, paths.annotation, folder / "site")


@attrs.frozen
class Inside:
    """Calls the command line in this process, which saves the second that starting one takes.

    Attributes
    ----------
    bench
        Whose models and environment are used.
    variables
        Environment variables beside the bench's.
    """

    bench: Bench
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    variables: dict[str, str] = attrs.field(factory=dict)

    def call(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Call the command line."""
        environment = self.bench.environment(**self.variables, **variables)
        with self.patch.context() as patch:
            for name in os.environ.keys() - environment.keys():
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            self.capture.readouterr()
            code = _run([*arguments])
        return subprocess.CompletedProcess(arguments, code, *self.capture.readouterr())

    def run(self, output: Path, *arguments: str, model: str = "quick") -> Path:
        """Call ``run`` and insist that it succeeds; returns the path of the predictions."""
        done = self.call(*self.bench.run_arguments(output, *arguments, model=model))
        assert done.returncode == 0, done.stderr
        return output / "predictions" / "base_model_predictions.parquet"


@pytest.fixture
def inside(bench, monkeypatch, capsys) -> Inside:
    """Call the command line in this process."""
    monkeypatch.syspath_prepend(str(bench.site))
    return Inside(bench, monkeypatch, capsys)


@attrs.frozen
class Served:
    """A meta-model of the base models ``quick`` and ``tiles``, and what it was trained on.

    Attributes
    ----------
    bench
        The genome.
    dataset, model
        Folders.
    plugins
        Value of ``SPLICECORE_LOAD_PLUGINS`` that it needs.
    """

    bench: Bench
    dataset: Path
    model: Path
    plugins: str = "bench-models,bench-observer,bench-bayes"

    def arguments(self, output: Path, *arguments: str) -> list[str]:
        """Return arguments of ``run`` on all genes, unless others are named."""
        inputs = ["--fasta", str(self.bench.fasta), "--annotation", str(self.bench.annotation)]
        genes = [] if "--genes" in arguments else ["--all-genes"]
        return ["run", *inputs, "--meta-model", str(self.model), *genes, "--output-dir", str(output), *arguments]


@pytest.fixture(scope="session")
def served(bench, tmp_path_factory) -> Served:
    """Train the meta-model, once."""
    folder = tmp_path_factory.mktemp("served")
    inputs = {"fasta": bench.fasta, "annotation": bench.annotation}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(bench.site))
        plugins = PluginSettings(load=("bench-models", "bench-bayes"))
        session = Session(plugins=plugins, data_root=folder / "data", cache_dir=folder / "cache")
        for model in ("quick", "tiles"):
            session.predict_pass(**inputs, base_model=model, all_genes=True, output_dir=folder / model)
        session.build_dataset(
            **inputs,
            base_model=("quick", "tiles"),
            artifacts=(str(folder / "quick"), str(folder / "tiles")),
            subset_policy="all",
            features="probability,context,sequence,structural",
            kmer_sizes=(2,),
            batch_size=5,
            output_dir=folder / "set",
        )
        session.train(
            dataset=folder / "set",
            out_dir=folder / "model",
            model="bayes",
            split="group-shuffle",
            valid_share=0.3,
            calibration="platt",
        )
    return Served(bench, folder / "set", folder / "model")


@pytest.fixture
def call(inside, served):
    """Call the command line with the meta-model's plugin installed, and insist on its exit code."""

    def run(*arguments, code=0, **variables):
        done = inside.call(*map(str, arguments), SPLICECORE_LOAD_PLUGINS=served.plugins, **variables)
        assert done.returncode == code, done.stderr
        return done

    return run


@pytest.fixture
def infer(call, served):
    """Call ``run`` with the meta-model."""

    def run(output, *arguments, code=0, **variables):
        return call(*served.arguments(output, *map(str, arguments)), code=code, **variables)

    return run


@pytest.fixture
def session(served, tmp_path, inside):
    """A session with the plugins, and a cache of its own."""
    plugins = PluginSettings(load=("bench-models", "bench-bayes"))
    return Session(plugins=plugins, data_root=tmp_path / "data", cache_dir=tmp_path / "cache")


@attrs.frozen
class VariantCase:
    """Variants of the bench's genome, in every form, and a way to call the command on them."""

    inside: object
    folder: object
    lines: list

    @property
    def header(self):
        return (
            "##fileformat=VCFv4.2\n"
            '##INFO=<ID=AF,Number=A,Type=Float,Description="share">\n'
            "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
        )

    def write(self, name="in.vcf", lines=None):
        path = self.folder / name
        path.write_text(self.header + "".join(f"{line}\n" for line in (lines or self.lines)))
        return path

    def arguments(self, source, *outputs, model="quick"):
        bench = self.inside.bench
        named = [word for output in outputs for word in ("-O", str(output))]
        return ["variants", "-I", str(source), *named, "-R", str(bench.fasta), "-A", str(bench.annotation),
                "--base-model", model]  # fmt: skip

    def call(self, source, *outputs, options=(), model="quick", **variables):
        return self.inside.call(*self.arguments(source, *outputs, model=model), *options, **variables)

    def run(self, source, *outputs, options=(), model="quick", **variables):
        done = self.call(source, *outputs, options=options, model=model, **variables)
        assert done.returncode == 0, done.stderr
        return done

    def records(self, path):
        """Fields of the records of a VCF, text or bgzip."""
        opened = gzip.open if str(path).endswith("gz") else open
        with opened(path, "rt") as text:
            return [line.rstrip("\n").split("\t") for line in text if not line.startswith("#")]


def random_variants(genome, count, seed=1):
    """Lines of SNVs, insertions, deletions and several ALTs at once, sorted, mostly in genes."""
    rng = np.random.default_rng(seed)
    lines = []
    contigs = list(genome.sequences)
    for number in range(count):
        contig = contigs[number * len(contigs) // count]
        sequence = genome.sequences[contig]
        position = int(rng.integers(400, len(sequence) - 400))
        ref = decode(sequence[position : position + int(rng.choice([1, 1, 1, 2, 6]))])
        alts = ["".join(rng.choice(list("ACGT"), int(rng.choice([1, 1, 3])))) for _ in range(int(rng.integers(1, 3)))]
        alts = sorted({ref[0] + alt[1:] if len(alt) > 1 else alt for alt in alts} - {ref}) or ["<DEL>"]
        fields = (contig, str(position + 1), f"v{number}", ref, ",".join(alts), ".", "PASS", "AF=0.123456789", "GT")
        lines.append((contig, position, "\t".join((*fields, "0|1"))))
    return [line for _, _, line in sorted(lines, key=lambda item: (contigs.index(item[0]), item[1]))]


@pytest.fixture
def case(inside, tmp_path):
    """Return 150 lines of small variants of the bench's genome."""
    return VariantCase(inside, tmp_path, random_variants(inside.bench.genome, 150))


@attrs.frozen
class DataRoot:
    """A prepared data root, and the commands that use it.

    Attributes
    ----------
    inside
        Calls the command line.
    path
        The data root; its source is ``sim``, its build ``toy``.
    """

    inside: Inside
    path: Path

    @property
    def resources(self) -> Path:
        """Folder of the source and build."""
        return self.path / "sim" / "toy"

    def call(self, command: str, *arguments: str, model: str = "quick", **variables: str) -> object:
        """Call ``run`` or ``predict`` on the data root's genome and annotation."""
        common = ["--source", "sim", "--build", "toy", "--base-model", model]
        return self.inside.call(command, *common, *arguments, SPLICECORE_DATA_ROOT=str(self.path), **variables)

    def predict(self, *arguments: str, code: int = 0, model: str = "quick", **variables: str) -> Path:
        """Call ``predict`` and insist on its exit code; returns the folder that it names last."""
        done = self.call("predict", *arguments, model=model, **variables)
        assert done.returncode == code, done.stderr
        return Path(done.stdout.splitlines()[-1]) if done.stdout else self.path

    def snapshot(self, folder: Path | None = None) -> dict[str, tuple[int, int, str]]:
        """Sizes, times of change and hashes of all files in a folder, by default the data root."""
        found = {}
        for path in sorted((folder or self.path).rglob("*")):
            if path.is_file():
                status = path.stat()
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                found[str(path)] = (status.st_size, status.st_mtime_ns, content)
        return found


@pytest.fixture(scope="session")
def prepared_root(bench, tmp_path_factory) -> Path:
    """A data root with derived resources, made once and not to be changed."""
    folder = tmp_path_factory.mktemp("prepared")
    session = Session(plugins=PluginSettings(load=()), data_root=folder / "root", cache_dir=folder / "cache")
    session.resources.import_files("sim", "toy", fasta=bench.fasta, annotation=bench.annotation)
    session.resources.derive("sim", "toy")
    return folder / "root"


@pytest.fixture
def data_root(inside, prepared_root, tmp_path) -> DataRoot:
    """A copy of it that a test may write artifacts into; ``copytree`` keeps the times of change."""
    shutil.copytree(prepared_root, tmp_path / "root")
    return DataRoot(inside, tmp_path / "root")


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own; ``resize(kilobytes)`` sets how much it holds."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options):
        return subprocess.run(
            ["mount", "-t", "tmpfs", "-o", *options, "none", str(folder)], capture_output=True, check=False
        )

    if sys.platform != "linux" or mount("size=64m").returncode != 0:
        pytest.skip("mounting a small disk needs root on Linux")

    def resize(kilobytes):
        assert mount(f"remount,size={kilobytes}k").returncode == 0

    yield folder, resize
    subprocess.run(["umount", "--lazy", str(folder)], check=True)

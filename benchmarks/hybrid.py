r"""What hybrid inference keeps of a meta-model's gain, by strategy, share of positions sent, and scale elsewhere.

    python benchmarks/hybrid.py --data-root ROOT --source refseq --build GRCh38 --meta-model MODEL \
        --models-dir openspliceai=FOLDER --chromosomes chr1,chr5,chr9 --out FOLDER

Runs ``splicecore run`` in the modes meta_only and hybrid into FOLDER (base scores are taken from the data root's passes
where they are there) and evaluates them with ``splicecore evaluate``, the base model alone beside them. Then it asks
for each uncertainty strategy, at its own threshold and at rates, what a hybrid run would have given: its final scores
are the meta-model's where the strategy selects and calibrated base scores elsewhere, so they follow from the table of
the meta_only run. They are written as columns of one more table and evaluated by the same command. It ends with status
1 if the run in mode hybrid and the column that stands for it do not have the same figures.

"Gain kept" is (AP - AP of the base model) / (AP of meta_only - AP of the base model), AP being the mean of acceptors
and donors. False calls and missed sites are at the thresholds stored with the model. The same command goes on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from splicecore.api import Block, Gene, MetaScorer, RateHistogram, SelectionConfig, Selector, Session, open_strategy
from splicecore.artifacts.store import atomic_path, read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator

STRATEGIES = ("hybrid_entropy", "confidence_only", "entropy_only", "ensemble_disagreement")
KEYS = ["build", "contig", "strand", "position", "gene_id"]
CLASSES = ("neither", "acceptor", "donor")
OWN = "own threshold"
TOGETHER = 8
"""Arms that are evaluated at a time."""

TABLE = Path("predictions", "complete_coverage_predictions.parquet")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--source", default="refseq")
    parser.add_argument("--build", default="GRCh38")
    parser.add_argument("--meta-model", required=True)
    parser.add_argument("--models-dir")
    parser.add_argument("--chromosomes", default="chr1,chr5,chr9")
    parser.add_argument("--rates", default="0.001,0.01,0.1")
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--mask-boundary", help="table of boundary transcripts, for `splicecore evaluate`")
    parser.add_argument("--labels", default="all")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--out", required=True, type=Path)
    return parser.parse_args()


def splicecore(*words: str) -> str:
    """Run a command of splicecore; returns what it prints."""
    command = [sys.executable, "-m", "splicecore", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def predict(options: argparse.Namespace, mode: str) -> Path:
    """Run one mode; returns its folder."""
    folder: Path = options.out / mode
    words = ["--data-root", options.data_root, "--source", options.source, "--build", options.build]
    words += ["--meta-model", options.meta_model, "--chromosomes", options.chromosomes, "--inference-mode", mode]
    words += ["--workers", options.workers, "--threads", options.threads, "--no-report", "-q", "-o", str(folder)]
    splicecore("run", *words, *(["--models-dir", options.models_dir] if options.models_dir else []))
    return folder


def evaluate(options: argparse.Namespace, *words: str) -> dict[str, Any]:
    """Evaluate tables with the annotation of the data root, without intervals."""
    place = ["--data-root", options.data_root, "--source", options.source, "--build", options.build]
    mask = ["--mask-boundary", options.mask_boundary] if options.mask_boundary else []
    said = splicecore("evaluate", *words, *place, *mask, "--labels", options.labels, "--bootstrap", "0", "--json", "-q")
    value: dict[str, Any] = json.loads(said)
    return value


def evaluate_arms(
    options: argparse.Namespace, table: Path, names: list[str], limit: dict[str, float]
) -> dict[str, dict[str, float]]:
    """Evaluate some columns of the table of arms."""
    words = [f"{name}={table}" for name in names]
    words += [word for name in names for word in ("--columns", f"{name}={name}__*_score")]
    words += [word for name in names for word in ("--threshold", f"{name}={limit['acceptor']},{limit['donor']}")]
    found = evaluate(options, *words)
    return {name: figures(found, name) for name in names}


class Arms:
    """Final scores of many selections, from the table of a run in mode meta_only.

    Parameters
    ----------
    table
        The table.
    scorer
        The meta-model, for its base models and their calibrations.
    selectors
        Strategies by name.
    rates
        Shares of the positions to send.
    """

    def __init__(self, table: Path, scorer: MetaScorer, selectors: dict[str, Selector], rates: list[float]) -> None:
        self.file, self.scorer, self.selectors = pq.ParquetFile(table), scorer, selectors
        self.models = scorer.base_models
        self.thresholds: dict[tuple[str, str], float] = {}
        self.selected: dict[tuple[str, str], int] = {}
        self._choose(rates)
        fallbacks = {"primary": self.models[0], "mean": "mean"}
        self.fallbacks = {name: key for name, key in fallbacks.items() if key in scorer.base_calibrations}

    def _batches(self, columns: list[str]) -> Iterator[pa.Table]:
        for group in range(self.file.num_row_groups):
            yield self.file.read_row_group(group, columns=columns)

    @property
    def _score_columns(self) -> list[str]:
        return [f"{self._prefix(model)}{one}_score" for model in self.models for one in CLASSES]

    def _prefix(self, model: str) -> str:
        return "" if model == self.models[0] else f"{model}__"

    def _block(self, table: pa.Table) -> Block:
        """Rows of the table as the block that strategies see; they look at each position by itself."""
        scores = {
            model: np.stack([table.column(f"{self._prefix(model)}{one}_score").to_numpy() for one in CLASSES], axis=1)
            for model in self.models
        }
        gene = Gene("rows", "rows", "rows", "+", 0, table.num_rows, 0)
        codes = np.zeros(table.num_rows, dtype=np.uint8)
        outputs: dict[str, tuple[str, ...]] = dict.fromkeys(self.models, CLASSES)
        return Block(gene=gene, build="", flank="real", halo=0, codes=codes, scores=scores, outputs=outputs)

    def _choose(self, rates: list[float]) -> None:
        """Find the thresholds, and how many positions each one selects."""
        histograms = {name: RateHistogram() for name in self.selectors}
        for table in self._batches(self._score_columns):
            block = self._block(table)
            for name, selector in self.selectors.items():
                scores = selector.score(block)
                histograms[name].add(scores)
                if selector.threshold is not None:
                    arm = name, OWN
                    self.thresholds[arm] = selector.threshold
                    self.selected[arm] = self.selected.get(arm, 0) + len(selector.select(scores))
        for name, histogram in histograms.items():
            for rate in rates:
                arm = name, f"{rate:.2%}"
                self.thresholds[arm] = histogram.threshold(rate)
                self.selected[arm] = histogram.selected(self.thresholds[arm])

    def names(self) -> dict[str, tuple[str, str, str]]:
        """Arm -> strategy, how much it sends, what stands elsewhere: the mean for the first strategy alone."""
        first, main = next(iter(self.selectors)), next(iter(self.fallbacks))
        wanted = [
            (*arm, fallback)
            for arm in sorted(self.thresholds, key=self._order)
            for fallback in (self.fallbacks if arm[0] == first else (main,))
        ]
        return {f"arm{number}": arm for number, arm in enumerate(wanted)}

    def _order(self, arm: tuple[str, str]) -> tuple[int, bool]:
        return list(self.selectors).index(arm[0]), arm[1] != OWN

    def write(self, path: Path) -> None:
        """Write the table of all arms."""
        names = self.names()
        meta = [f"{one}_meta" for one in CLASSES]
        scales = [f"{name}__{one}_score" for name in self.fallbacks for one in CLASSES[1:]]
        arms = [f"{name}__{one}_score" for name in names for one in CLASSES[1:]]
        with atomic_path(path) as temporary:
            writer = None
            for table in self._batches([*KEYS, *self._score_columns, *meta]):
                block = self._block(table)
                final = np.stack([table.column(name).to_numpy() for name in meta], axis=1)
                index = {}
                for (strategy, much), least in self.thresholds.items():
                    selector = self.selectors[strategy]
                    index[strategy, much] = selector.select(selector.score(block), least)
                base = self._base(block)
                columns = [base[name][:, k] for name in self.fallbacks for k in (1, 2)]
                for strategy, much, fallback in names.values():
                    scores = base[fallback].copy()
                    scores[index[strategy, much]] = final[index[strategy, much]]
                    columns += [scores[:, 1], scores[:, 2]]
                rows = table.select(KEYS)
                for name, values in zip([*scales, *arms], columns, strict=True):
                    rows = rows.append_column(name, pa.array(values))
                writer = writer or pq.ParquetWriter(
                    temporary, rows.schema, use_dictionary=[*KEYS[:3], KEYS[4]], compression="zstd"
                )
                writer.write_table(rows)
            if writer is not None:
                writer.close()

    def _base(self, block: Block) -> dict[str, npt.NDArray[np.float32]]:
        mean = np.stack(list(block.scores.values())).mean(axis=0, dtype=np.float64).astype(np.float32)
        of = {"primary": block.scores[self.models[0]], "mean": mean}
        return {name: self.scorer.calibrate_base(key, of[name]) for name, key in self.fallbacks.items()}


def figures(found: dict[str, Any], name: str) -> dict[str, float]:
    """Average precision by class and their mean, false calls and missed sites at the thresholds that were stored."""
    model = found["models"][name]["figures"]
    point = "stored" if "stored" in found["operating_points"] else "own"
    acceptor, donor, both = (model[name]["average_precision"] for name in (*CLASSES[1:], "both"))
    calls = model["both"]["operating_points"][point]
    counts = {"fp": calls["false_positives"], "fn": calls["false_negatives"]}
    return {"acceptor": acceptor, "donor": donor, "ap": both, **counts}


def line(cells: list[str]) -> str:
    """Return a row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def shown(name: list[str], one: dict[str, float], gain: tuple[float, float]) -> str:
    """Return a row with figures."""
    kept = (one["ap"] - gain[0]) / (gain[1] - gain[0])
    numbers = [f"{one[key]:.4f}" for key in ("acceptor", "donor")]
    return line([*name, *numbers, f"{kept:.1%}", str(int(one["fp"])), str(int(one["fn"]))])


def main() -> int:
    """Run, evaluate, print tables; status 1 if the hybrid run and its arm differ."""
    options = arguments()
    folders = {mode: predict(options, mode) for mode in ("meta_only", "hybrid")}
    runs = evaluate(
        options, f"base_only={folders['hybrid']}:base", *(f"{mode}={folder}" for mode, folder in folders.items())
    )
    modes = {name: figures(runs, name) for name in runs["models"]}
    gain = modes["base_only"]["ap"], modes["meta_only"]["ap"]
    metadata = read_json(folders["hybrid"] / "metadata" / "inference_metadata.json")
    limit = metadata["thresholds"]["final"]
    session = Session()
    selectors = {
        name: open_strategy(session.host, SelectionConfig(strategy=name)) for name in options.strategies.split(",")
    }
    rates = [float(text) for text in options.rates.split(",")]
    with session.open_meta_model(options.meta_model) as scorer:
        arms = Arms(folders["meta_only"] / TABLE, scorer, selectors, rates)
        table = options.out / "arms.parquet"
        if not table.exists():
            arms.write(table)
    print(f"{runs['genes']} genes, {runs['positions']:,} positions, {runs['sites']}, labels {options.labels}\n")
    print(line(["", "sent", "AP acceptor", "AP donor", "gain kept", "FP", "FN"]) + "\n|" + " --- |" * 7)
    shares = {"base_only": 0, "meta_only": 1, "hybrid": metadata["selection"]["reached_rate"]}
    for name in ("base_only", "hybrid", "meta_only"):
        print(shown([name, f"{shares[name]:.3%}"], modes[name], gain))
    found = evaluate_arms(options, table, list(arms.fallbacks), limit)
    for name, one in found.items():
        print(shown([f"calibrated {name} alone", "0"], one, gain))
    print("\n" + line(["strategy", "", "sent", "elsewhere", "AP acceptor", "AP donor", "gain kept", "FP", "FN"]))
    print("|" + " --- |" * 9)
    names = arms.names()
    for first in range(0, len(names), TOGETHER):
        some = list(names)[first : first + TOGETHER]
        found |= evaluate_arms(options, table, some, limit)
        for name in some:
            share = arms.selected[names[name][:2]] / arms.file.metadata.num_rows
            print(shown([*names[name][:2], f"{share:.3%}", names[name][2]], found[name], gain), flush=True)
    write_json(options.out / "figures.json", {"runs": modes, "arms": {" ".join(names[k]): found[k] for k in names}})
    twins = [found[name] for name, arm in names.items() if arm[:2] == ("hybrid_entropy", OWN)]
    if twins and modes["hybrid"] not in twins:
        print("the run in mode hybrid does not have the figures of its selection", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

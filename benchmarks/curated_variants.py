r"""How well delta scores tell variants that affect splicing from others: curated variants, and a reporter assay.

    python benchmarks/curated_variants.py score --vcf curated.vcf --fasta GRCh38.fa.gz --annotation GRCh38.txt \
        --base-model spliceai --base-model openspliceai=WEIGHTS --distance 4999 scores.jsonl
    python benchmarks/curated_variants.py curated --vcf curated.vcf scores.jsonl
    splicecore variants -I curated.vcf -O scores.parquet -R GRCh38.fa.gz -A GRCh38.gtf.gz -D 4999 --flank real \
        --meta-model MODEL
    python benchmarks/curated_variants.py curated --vcf curated.vcf scores.parquet
    python benchmarks/curated_variants.py recall --vcf mutsplicedb.vcf scores.jsonl
    python benchmarks/curated_variants.py assay --vcf mfass.vcf scores.jsonl

``score`` goes on from what the file has. With several base models it also scores their mean: probabilities are
averaged position by position before gains and losses are looked for. Rules are SpliceAI's, raw and masked at once. The
score of a variant is the largest of its four delta scores over the genes it is in; ``recall`` and ``curated`` take all
of them, ``assay`` those on the exon's strand. All three also take a table of ``splicecore variants``, masked or not as
it is: that of a meta-model has a row of its own.

``curated`` wants INFO AFFECTS=0|1 and, to compare with, SpliceAI=; ``recall`` takes every variant for one that affects
splicing; ``assay`` wants STRAND and DPSI, the change of inclusion that was measured.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pyarrow.parquet as pq
from splicecore.api import Job, Reference, Session, Transcripts, Variant, VariantRules, VariantScorer, read_annotation
from splicecore.artifacts.store import digest, file_sha256
from splicecore.dataset.validation.permutation import auroc
from splicecore.evaluate.metrics import average_precision
from splicecore.variants.delta import AlignedTracks, delta_scores

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt
    from splicecore.api import AlleleResult, BaseModel, Transcript

    Floats = npt.NDArray[np.float64]
    Truth = npt.NDArray[np.bool_]

THRESHOLDS = (0.1, 0.2, 0.5)
TOGETHER = 32
MEAN = "mean"
META = "meta"
COLUMNS = tuple(f"{what}_{kind}" for what in ("ds", "dp") for kind in ("ag", "al", "dg", "dl"))
PUBLISHED = "published"


@attrs.frozen
class Record:
    """A line of a VCF."""

    variant: Variant
    info: dict[str, str]


def read_vcf(path: Path) -> list[Record]:
    """Read records with one ALT each."""
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            contig, pos, _, ref, alt, _, _, info = line.split("\t")[:8]
            pairs = (item.partition("=") for item in info.split(";"))
            records.append(Record(Variant(contig, int(pos) - 1, ref, alt), {key: value for key, _, value in pairs}))
    return records


# ---------------------------------------------------------------------------------------------------------------- score


def score(arguments: argparse.Namespace) -> int:
    """Score what the file does not have yet."""
    records = read_vcf(arguments.vcf)
    reference = Reference.open(arguments.fasta)
    bound = read_annotation(arguments.annotation).bind(reference.contigs, reference.build)
    transcripts = Transcripts.of(bound, "canonical")
    models = dict(open_models(arguments))
    rules = VariantRules(distance=arguments.distance)
    scorers = {name: VariantScorer(model, reference, rules) for name, model in models.items()}
    key = digest([file_sha256(arguments.vcf), arguments.distance, {n: m.fingerprint for n, m in models.items()}])
    done = start_or_go_on(arguments.scores, {"key": key, "distance": arguments.distance, "models": list(models)})
    nowhere: list[Transcript | None] = [None]
    jobs = [
        (number, Job(record.variant, transcript))
        for number, record in enumerate(records)
        for transcript in transcripts.at(record.variant.contig, record.variant.position) or nowhere
        if (number, transcript.transcript_id if transcript else None) not in done
    ]
    jobs.sort(key=lambda item: (item[1].transcript.order if item[1].transcript else -1, item[1].variant.position))
    with arguments.scores.open("a", encoding="utf-8") as target:
        for _, group in itertools.groupby(jobs, lambda item: item[1].transcript):
            for part in batches(list(group)):
                for line in score_part(part, scorers):
                    target.write(json.dumps(line) + "\n")
                target.flush()
    return 0


def open_models(arguments: argparse.Namespace) -> Iterator[tuple[str, BaseModel]]:
    """Open the base models that were named, each with its weights."""
    session = Session()
    for text in arguments.base_model:
        name, _, weights = text.partition("=")
        options = {"threads": arguments.threads, "device": arguments.device}
        yield name, session.open_base_model(name, models_dir=weights or None, **options)


def start_or_go_on(path: Path, settings: dict[str, Any]) -> set[tuple[int, str | None]]:
    """Begin the file, or return what it has (variant and transcript); a line that was cut off is dropped."""
    if not path.exists():
        path.write_text(json.dumps(settings) + "\n", encoding="utf-8")
        return set()
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0] + "\n"
    path.write_text(whole, encoding="utf-8")
    found, lines = read_scores(path)
    if found != settings:
        raise SystemExit(f"{path} is of other variants, models or options: choose another file")
    return {(line["variant"], line["transcript"]) for line in lines}


def read_scores(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return settings and scores of a file."""
    if path.suffix == ".parquet":
        return read_table(path)
    settings, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return settings, lines


def read_table(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return settings and scores of a table that ``splicecore variants`` wrote: a line for each variant and gene."""
    table = pq.read_table(path)
    rules = json.loads(table.schema.metadata[b"splicecore.variants"])["rules"]
    lines: dict[tuple[int, str | None], dict[str, Any]] = {}
    models: dict[str, None] = {}
    for row in table.to_pylist():
        line = lines.setdefault(
            (row["record"], row["transcript_id"]),
            {"variant": row["record"], "gene": row["gene_name"], "strand": row["strand"], "unscored": row["unscored"]},
        )
        for name, prefix in ((row["base_model"], ""), (META, "meta_")):
            models.setdefault(name)
            values = [row.get(f"{prefix}{kind}") for kind in COLUMNS]
            if None not in values:
                line.setdefault("scores", {})[name] = [values, values]
    known = {name for line in lines.values() for name in line.get("scores", {})}
    named = sorted((name for name in models if name in known), key=lambda name: name == META)
    return {"models": named, "distance": rules["distance"], "mask": rules["mask"]}, list(lines.values())


def batches(jobs: list[tuple[int, Job]]) -> Iterator[list[tuple[int, Job]]]:
    """Yield neighbors together, as many as share work without needing much memory."""
    for start in range(0, len(jobs), TOGETHER):
        yield jobs[start : start + TOGETHER]


def score_part(part: list[tuple[int, Job]], scorers: dict[str, VariantScorer]) -> Iterator[dict[str, Any]]:
    """Score alleles with each model and with their mean; yield a line for each."""
    results = {name: scorer.score([job for _, job in part], tracks=True) for name, scorer in scorers.items()}
    for place, (number, job) in enumerate(part):
        own = {name: each[place] for name, each in results.items()}
        first = next(iter(own.values()))
        transcript = job.transcript
        line: dict[str, Any] = {
            "variant": number,
            "transcript": transcript.transcript_id if transcript else None,
            "gene": transcript.gene_name if transcript else None,
            "strand": transcript.strand if transcript else None,
            "unscored": first.unscored and first.unscored.value,
        }
        if first.unscored is None:
            line["scores"] = {name: both_masks(job, tracks) for name, tracks in with_mean(own).items()}
        yield line


def with_mean(results: dict[str, AlleleResult]) -> dict[str, AlignedTracks]:
    """Tracks of each model, and their mean if there are several."""
    tracks = {name: result.tracks for name, result in results.items() if result.tracks is not None}
    if len(tracks) > 1:
        each = list(tracks.values())
        ref, alt = (np.mean([getattr(one, side)[:, :3] for one in each], axis=0) for side in ("ref", "alt"))
        tracks[MEAN] = AlignedTracks(each[0].start, ref, alt)
    return tracks


def both_masks(job: Job, tracks: AlignedTracks) -> list[list[float]]:
    """Delta scores and offsets (AG, AL, DG, DL), raw and masked."""
    assert job.transcript is not None
    position = job.variant.position
    boundaries = (None, job.transcript.boundary(position))
    return [list(attrs.astuple(delta_scores(tracks, position, boundary)[0])) for boundary in boundaries]


# -------------------------------------------------------------------------------------------------------------- figures


class Scored:
    """What a file of scores says of the variants of a VCF, by row of a table."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.records = read_vcf(arguments.vcf)
        self.settings, self.lines = read_scores(arguments.scores)
        self.models = list(self.settings["models"])
        if len(self.models) > 1 and "mask" not in self.settings:
            self.models.append(MEAN)
        self.mask = int(self.settings.get("mask", arguments.mask))
        seen = {line["variant"] for line in self.lines}
        if len(seen) < len(self.records):
            print(f"NOT FINISHED: {len(self.records) - len(seen)} variants are missing")
        print(f"{len(self.records):,} variants, D {self.settings['distance']}, {('raw', 'masked')[self.mask]}")
        reasons = [line["unscored"] for line in self.lines if line["unscored"]]
        counts = ", ".join(f"{reason} {reasons.count(reason)}" for reason in sorted(set(reasons)))
        print(f"without scores: {counts or 'none'}")

    def largest(self, model: str, strand_of: list[str] | None = None) -> Floats:
        """Largest delta score of each variant, over its genes (of a strand); NaN where there is none."""
        found = np.full(len(self.records), np.nan)
        for line in self.lines:
            number = line["variant"]
            if model in line.get("scores", {}) and (strand_of is None or strand_of[number] == line["strand"]):
                found[number] = np.fmax(found[number], max(line["scores"][model][self.mask][:4]))
        return found


def interval(truth: Truth, scores: Floats, measure: Any, repeats: int = 1000) -> str:
    """Give a figure with its 95 % interval: percentiles of a bootstrap over variants."""
    generator = np.random.Generator(np.random.PCG64(1))
    draws = generator.integers(len(truth), size=(repeats, len(truth)))
    low, high = np.percentile([measure(truth[draw], scores[draw]) for draw in draws], [2.5, 97.5])
    return f"{measure(truth, scores):.4f} ({low:.3f}-{high:.3f})"


def curated(arguments: argparse.Namespace) -> int:
    """Compare classes, and scores with those that were published."""
    scored = Scored(arguments)
    truth = np.array([record.info["AFFECTS"] == "1" for record in scored.records])
    rows = {model: scored.largest(model) for model in scored.models}
    entries = [published_entries(record) for record in scored.records]
    if any(entries):
        best = [max((max(entry[1][:4]) for entry in own), default=np.nan) for own in entries]
        rows = {PUBLISHED: np.array(best, dtype=np.float64), **rows}
        compare_published(scored, entries)
    known = ~np.isnan(np.stack(list(rows.values()))).any(axis=0)
    print(f"\n{known.sum():,} variants that all have scores for, {truth[known].sum():,} of them affect splicing")
    print("| | unscored | AUROC | average precision | sensitivity / specificity at 0.1 | at 0.2 | at 0.5 |")
    print("|---|---|---|---|---|---|---|")
    for name, scores in rows.items():
        own, yes = scores[known], truth[known]
        figures = [interval(yes, own, auroc), interval(yes, own, average_precision)]
        figures += [f"{(own[yes] >= t).mean():.3f} / {(own[~yes] < t).mean():.3f}" for t in rounded(THRESHOLDS, name)]
        print(f"| {name} | {np.isnan(scores).sum()} | {' | '.join(figures)} |")
    return 0


def rounded(thresholds: Iterable[float], name: str) -> list[float]:
    """Thresholds, less what rounding may have added to published scores' binary form."""
    return [threshold - 1e-9 if name == PUBLISHED else threshold for threshold in thresholds]


def published_entries(record: Record) -> list[tuple[str, list[float]]]:
    """Gene, and four delta scores and offsets of each entry of INFO SpliceAI that has them."""
    fields = (entry.split("|") for entry in record.info.get("SpliceAI", "").split(",") if entry)
    return [(field[1], [float(text) for text in field[2:10]]) for field in fields if "." not in field[2:10]]


def compare_published(scored: Scored, entries: list[list[tuple[str, list[float]]]]) -> None:
    """Say how many entries of a gene have the same scores (two decimals) and offsets (scores of 0.01 and more)."""
    by_gene = {(line["variant"], line["gene"]): line["scores"] for line in scored.lines if "scores" in line}
    reach = max(abs(offset) for own in entries for _, values in own for offset in values[4:])
    print(f"published: largest offset {reach:.0f}")
    model = scored.models[0]
    for mask, word in enumerate(("raw", "masked")):
        same = total = 0
        places: list[bool] = []
        off: list[float] = []
        for number, own in enumerate(entries):
            for gene, values in own:
                ours = by_gene.get((number, gene))
                if ours is None:
                    continue
                mine, theirs = np.array(ours[model][mask]), np.array(values)
                distance = np.abs(mine[:4] - theirs[:4])
                total += 1
                same += bool((distance <= 0.005 + 1e-5).all())
                off.append(float(distance.max()))
                places += [bool(a == b) for a, b, s in zip(mine[4:], theirs[4:], theirs[:4], strict=True) if s >= 0.01]
        far = ", ".join(f"{(np.array(off) > limit).sum()} by more than {limit}" for limit in (0.01, 0.05, 0.1, 0.2))
        print(f"{model} {word} beside published: {same} of {total} entries have the same four scores ({far});")
        print(f"  offsets equal: {sum(places)} of {len(places)}")


def recall(arguments: argparse.Namespace) -> int:
    """Count how many of the variants, all of which affect splicing, reach a threshold."""
    scored = Scored(arguments)
    print("| | unscored | " + " | ".join(f"recall at {threshold}" for threshold in THRESHOLDS) + " |")
    print("|---|---|" + "---|" * len(THRESHOLDS))
    for name in scored.models:
        scores = scored.largest(name)
        found = [int((scores >= threshold).sum()) for threshold in THRESHOLDS]
        cells = [f"{number / len(scores):.3f} ({number} of {len(scores)})" for number in found]
        print(f"| {name} | {np.isnan(scores).sum()} | {' | '.join(cells)} |")
    return 0


def assay(arguments: argparse.Namespace) -> int:
    """Compare with a reporter assay's measurements: which variants lose half of the exon's inclusion or more."""
    scored = Scored(arguments)
    strands = [record.info["STRAND"] for record in scored.records]
    truth = np.array([float(record.info["DPSI"]) <= arguments.disrupting for record in scored.records])
    rows = {model: scored.largest(model, strands) for model in scored.models}
    known = ~np.isnan(np.stack(list(rows.values()))).any(axis=0)
    yes = truth[known]
    print(f"{known.sum():,} variants with scores, {yes.sum()} of them with a DPSI of {arguments.disrupting} or less")
    print(
        f"average precision by chance {yes.mean():.3f}\n| | unscored | average precision | AUROC |\n|---|---|---|---|"
    )
    for name, scores in rows.items():
        own = scores[known]
        figures = " | ".join(interval(yes, own, measure) for measure in (average_precision, auroc))
        print(f"| {name} | {np.isnan(scores).sum()} | {figures} |")
    return 0


def main() -> int:
    """Run one step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True)
    step = steps.add_parser("score", help="score the variants of a VCF")
    step.add_argument("--fasta", type=Path, required=True)
    step.add_argument("--annotation", type=Path, required=True, help="GTF, GFF3 or SpliceAI's table")
    step.add_argument("--base-model", action="append", required=True, metavar="NAME[=WEIGHTS]", help="repeatable")
    step.add_argument("--distance", type=int, default=50)
    step.add_argument("--threads", type=int, default=2)
    step.add_argument("--device", default="cpu")
    step.set_defaults(run=score)
    for function in (curated, recall, assay):
        step = steps.add_parser(function.__name__, help=str(function.__doc__).splitlines()[0])
        step.add_argument("--mask", type=int, choices=(0, 1), default=0)
        step.set_defaults(run=function)
    step.add_argument("--disrupting", type=float, default=-0.5, help="DPSI of a disrupting variant (%(default)s)")
    for step in steps.choices.values():
        step.add_argument("--vcf", type=Path, required=True)
        step.add_argument("scores", type=Path)
    arguments = parser.parse_args()
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())

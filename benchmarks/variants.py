r"""How many variants a second are scored, and in how much memory, beside other programs with the same weights.

    python benchmarks/variants.py --fasta GRCh38.fa.gz --table GRCh38.spliceai_table.txt          # splicecore alone
    python benchmarks/variants.py --fasta GRCh38.fa.gz --table GRCh38.spliceai_table.txt \
        --spliceai-python spliceai-env/bin/python \
        --openspliceai-python openspliceai-env/bin/python --openspliceai-weights WEIGHTS

Every program is a process of its own that has opened its models and scored a variant before anything is timed; then
they take turns, ``--repeats`` times. Printed are medians of variants a second and, because machines and their load
differ, the ratio of splicecore to the peer within each turn (median, least, largest). Peers score some of the variants
only (``--peer-variants``, spread over the workload): their time per variant is the same for all. The peers' own
functions score the records, as their commands do: SpliceAI's ``get_delta_scores``, and OpenSpliceAI's
``get_delta_scores_batched`` at the batch size that is fastest on the first workload. Workloads, in genes of a SpliceAI
table:

- sparse: one substitution a kilobase; splicecore also at larger distances;
- indels: insertions and deletions, ten around each of several exon ends;
- saturation: all substitutions of a window of 2 kb; of splicecore, each turn times 1,000 neighbors of them, one turn
  after the other (``--saturated``);
- density: substitutions at intervals from 10 kb to 10 bases in one gene, at most 500 of them, splicecore only, once.

``command`` is the whole ``splicecore variants``, from VCF to VCF, start of the program and opening of models included.
On a machine that others use too, elapsed times say little; the seconds of processor time, of all threads, say more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from predict_programs import Clock
from variant_programs import Program, Team
from variant_workloads import DENSITIES, SPARSE, plain_path, vcf_path, write_workloads

BATCHES = (1, 8, 32)
SATURATION = "saturation"
TURNS = (SPARSE, "indels", SATURATION)

# ----------------------------------------------------------------------------------------------- programs, in processes


Task = Callable[[dict[str, Any], Clock], int]


def serve(opener: Callable[[argparse.Namespace], Task], arguments: argparse.Namespace) -> int:
    """Open, then do one job for every line of JSON on standard input and answer with one; its own words are dropped."""
    answers = os.fdopen(os.dup(1), "w")
    with Path(os.devnull).open("w") as null:
        os.dup2(null.fileno(), 1)
        job = opener(arguments)
        os.dup2(null.fileno(), 2)
        print("{}", file=answers, flush=True)
        for line in sys.stdin:
            count = job(json.loads(line), clock := Clock())
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            answer = {"variants": count, "seconds": clock.seconds, "cpu": clock.cpu, "memory": memory}
            print(json.dumps(answer), file=answers, flush=True)
    return 0


def chosen(records: list[Any], request: dict[str, Any]) -> list[Any]:
    """Choose the records of a request: as many as ``limit``, spread over all or, from ``first`` on, neighbors."""
    first, limit = request["first"], request["limit"] or len(records)
    if first is not None:
        return records[first : first + limit]
    return records[:: max(1, len(records) // limit)][:limit]


def open_splicecore(arguments: argparse.Namespace) -> Task:
    """Score with an opened model."""
    from splicecore.api import (
        Job,
        Reference,
        Session,
        Transcripts,
        Variant,
        VariantRules,
        VariantScorer,
        read_annotation,
    )

    reference = Reference.open(arguments.fasta)
    transcripts = Transcripts.of(read_annotation(arguments.table).bind(reference.contigs, reference.build))
    weights = str(arguments.weights) if arguments.weights else None
    model = Session().open_base_model(arguments.model, models_dir=weights, threads=arguments.threads)

    def job(request: dict[str, Any], clock: Clock) -> int:
        lines = Path(request["vcf"]).read_text(encoding="ascii").splitlines()
        records = chosen([line.split("\t") for line in lines if not line.startswith("#")], request)
        variants = [Variant(contig, int(pos) - 1, ref, alt) for contig, pos, _, ref, alt, *_ in records]
        with clock:
            jobs = [
                Job(each, transcript) for each in variants for transcript in transcripts.at(each.contig, each.position)
            ]
            VariantScorer(model, reference, VariantRules(distance=request["distance"])).score(jobs)
        return len(records)

    return job


def open_spliceai(arguments: argparse.Namespace) -> Task:
    """Score with SpliceAI's own function."""
    import pysam
    from spliceai.utils import Annotator, get_delta_scores

    annotator = Annotator(str(arguments.plain), str(arguments.table))

    def job(request: dict[str, Any], clock: Clock) -> int:
        with pysam.VariantFile(request["vcf"]) as source:
            records = chosen(list(source), request)
            with clock:
                for record in records:
                    get_delta_scores(record, annotator, request["distance"], 0)
        return len(records)

    return job


def open_openspliceai(arguments: argparse.Namespace) -> Task:
    """Score with OpenSpliceAI's own functions."""
    import pysam
    import torch
    from openspliceai.variant.utils import Annotator, get_delta_scores, get_delta_scores_batched

    torch.set_num_threads(arguments.threads)
    annotator = Annotator(str(arguments.plain), str(arguments.table), str(arguments.weights), "pytorch", 10_000)

    def job(request: dict[str, Any], clock: Clock) -> int:
        with pysam.VariantFile(request["vcf"]) as source:
            records = chosen(list(source), request)
            distance, batch = request["distance"], request["batch"]
            with clock:
                if batch > 1:
                    get_delta_scores_batched(records, annotator, distance, 0, 10_000, 2, batch)
                else:
                    for record in records:
                        get_delta_scores(record, annotator, distance, 0, 10_000, 2)
        return len(records)

    return job


# ---------------------------------------------------------------------------------------------------------------- speed


def start(arguments: argparse.Namespace, plain_fasta: Path) -> list[tuple[str, Team, str, Program | None]]:
    """Start programs: name of ours, ours, name of the peer, the peer; one pair for each set of weights."""
    shared = ["--fasta", str(arguments.fasta), "--table", str(arguments.table)]
    threads = max(1, arguments.threads // arguments.processes)
    own = [*shared, "--threads", str(threads)]
    shared += ["--threads", str(arguments.threads)]
    plain = ["--plain", str(plain_fasta)]
    pairs: list[tuple[str, Team, str, Program | None]] = []
    weights = ["--weights", str(arguments.spliceai_weights)] if arguments.spliceai_weights else []
    ours = Team(arguments.processes, sys.executable, "serve-splicecore", *own, *weights, "--model", "spliceai")
    peer = Program(arguments.spliceai_python, "serve-spliceai", *shared, *plain) if arguments.spliceai_python else None
    pairs.append(("splicecore, SpliceAI's weights", ours, "SpliceAI", peer))
    if arguments.openspliceai_weights:
        weights = ["--weights", str(arguments.openspliceai_weights)]
        ours = Team(arguments.processes, sys.executable, "serve-splicecore", *own, *weights, "--model", "openspliceai")
        peer = None
        if arguments.openspliceai_python:
            peer = Program(arguments.openspliceai_python, "serve-openspliceai", *shared, *plain, *weights)
        pairs.append(("splicecore, OpenSpliceAI's weights", ours, "OpenSpliceAI", peer))
    return pairs


def measure(arguments: argparse.Namespace, folder: Path) -> int:
    """Let the programs take turns and print medians and ratios."""
    counts = write_workloads(folder, arguments)
    pairs = start(arguments, plain_path(folder))
    first = vcf_path(folder, SPARSE)
    for _, ours, name, peer in pairs:
        ours.score(first, limit=1)
        if peer is not None:
            peer.score(first, limit=1)
            peer.limit = arguments.peer_variants
            if name == "OpenSpliceAI":
                peer.batch = best_batch(peer, first)
    print("| variants | program | of them timed | a second | ms of processor each | splicecore is faster by |")
    print("|---|---|---|---|---|---|")
    for workload in arguments.workload or TURNS:
        part = arguments.saturated if workload == SATURATION else None
        for pair in pairs:
            take_turns(pair, f"{workload}, {counts[workload]:,}", vcf_path(folder, workload), arguments.repeats, part)
    if not arguments.workload:
        alone(arguments, folder, counts, *pairs[0][:2])
        command(arguments, folder, counts)
    for name, ours, peer_name, peer in pairs:
        print(f"peak memory: {name} {ours.memory:.0f} MB" + (f", {peer_name} {peer.memory:.0f} MB" if peer else ""))
        ours.close()
        if peer is not None:
            peer.close()
    return 0


def alone(arguments: argparse.Namespace, folder: Path, counts: dict[str, int], name: str, ours: Team) -> None:
    """Measure what has no peer: larger distances, and cost by density."""
    first = vcf_path(folder, SPARSE)
    for distance in (500, 4_999):
        turns = range(arguments.repeats)
        results = [ours.score(first, distance=distance, limit=arguments.far_variants) for _ in turns]
        print_row(f"{SPARSE}, D = {distance:,}", name, results)
    for step in DENSITIES:
        workload = f"every {step:,}"
        results = [ours.score(vcf_path(folder, workload), first=0, limit=500)]
        print_row(f"{workload} bases of a gene, {counts[workload]:,}", name, results)


def best_batch(peer: Program, vcf: Path) -> int:
    """Batch size at which the peer is fastest."""
    rates = {}
    for peer.batch in BATCHES:
        result = peer.score(vcf)
        rates[peer.batch] = result["variants"] / result["seconds"]
    best = max(rates, key=rates.__getitem__)
    print("OpenSpliceAI, variants a second by batch size: " + ", ".join(f"{b}: {r:.3f}" for b, r in rates.items()))
    return best


def take_turns(
    pair: tuple[str, Team, str, Program | None], workload: str, vcf: Path, repeats: int, part: int | None
) -> None:
    """Time one workload of a pair of programs; splicecore in parts of neighbors, each turn another, if told to."""
    name, ours, peer_name, peer = pair
    mine, theirs = [], []
    for turn in range(repeats):
        mine.append(ours.score(vcf) if part is None else ours.score(vcf, first=turn * part, limit=part))
        if peer is not None:
            theirs.append(peer.score(vcf))
    ratio = ""
    if theirs:
        ratios = [
            (a["variants"] / a["seconds"]) / (b["variants"] / b["seconds"]) for a, b in zip(mine, theirs, strict=True)
        ]
        ratio = f"{statistics.median(ratios):.1f} ({min(ratios):.1f}-{max(ratios):.1f})"
    print_row(workload, name, mine, ratio)
    if theirs:
        print_row(workload, peer_name, theirs)


def print_row(workload: str, name: str, results: list[dict[str, float]], ratio: str = "") -> None:
    """Print medians of one program."""
    rate = statistics.median(result["variants"] / result["seconds"] for result in results)
    cpu = statistics.median(1e3 * result["cpu"] / result["variants"] for result in results)
    print(f"| {workload} | {name} | {results[0]['variants']:.0f} | {rate:.2f} | {cpu:.1f} | {ratio} |", flush=True)


def command(arguments: argparse.Namespace, folder: Path, counts: dict[str, int]) -> None:
    """Time the whole command, of the saturated window only if asked to."""
    weights = ["--models-dir", str(arguments.spliceai_weights)] if arguments.spliceai_weights else []
    for workload in TURNS if arguments.whole_window else TURNS[:2]:
        options = ["-I", str(vcf_path(folder, workload)), "-O", str(folder / "out.vcf"), "-R", str(arguments.fasta)]
        threads = max(1, arguments.threads // arguments.processes)
        options += ["-A", str(arguments.table), "--threads", str(threads), "--workers", str(arguments.processes)]
        options += ["--force", "--quiet", *weights]
        results = []
        for _ in range(arguments.repeats):
            for path in folder.glob("out.*"):
                path.unlink()
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            with (clock := Clock()):
                subprocess.run([sys.executable, "-m", "splicecore", "variants", *options], check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            results.append({"variants": float(counts[workload]), "seconds": clock.seconds, "cpu": used})
        print_row(f"{workload}, {counts[workload]:,}", "command", results)


def main() -> int:
    """Measure, or be one of the programs."""
    openers: dict[str, Callable[[argparse.Namespace], Task]] = {
        "serve-splicecore": open_splicecore,
        "serve-spliceai": open_spliceai,
        "serve-openspliceai": open_openspliceai,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", nargs="?", choices=list(openers), help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    parser.add_argument("--weights", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--fasta", type=Path, required=True)
    parser.add_argument("--table", type=Path, required=True, help="annotation in SpliceAI's format")
    parser.add_argument("--plain", help=argparse.SUPPRESS)
    parser.add_argument("--spliceai-python", help="interpreter that has spliceai")
    parser.add_argument("--spliceai-weights", type=Path, help="SpliceAI's weights, if they are not installed")
    parser.add_argument("--openspliceai-python", help="interpreter that has openspliceai")
    parser.add_argument("--openspliceai-weights", type=Path)
    parser.add_argument("--threads", type=int, default=2, help="of each program, in all (%(default)s)")
    parser.add_argument("--processes", type=int, default=1, help="that splicecore's threads belong to (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workload", action="append", choices=TURNS, help="only this, beside the peers; repeatable")
    parser.add_argument("--peer-variants", type=int, default=4, help="variants that a peer scores a turn (%(default)s)")
    parser.add_argument("--far-variants", type=int, default=10, help="variants at larger distances (%(default)s)")
    parser.add_argument("--sparse", type=int, default=60, help="variants one a kilobase (%(default)s)")
    parser.add_argument("--exons", type=int, default=6, help="exon ends with ten indels each (%(default)s)")
    parser.add_argument("--window", type=int, default=2_000, help="bases to saturate (%(default)s)")
    parser.add_argument("--saturated", type=int, default=1_000, help="of them timed in a turn (%(default)s)")
    parser.add_argument("--whole-window", action="store_true", help="time the command on the whole window")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.server:
        return serve(openers[arguments.server], arguments)
    with tempfile.TemporaryDirectory() as folder:
        return measure(arguments, Path(folder))


if __name__ == "__main__":
    sys.exit(main())

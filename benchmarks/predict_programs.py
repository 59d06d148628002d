"""The programs that ``predict.py`` measures: each does its job once for every line on standard input.

They are started by ``predict.py``, in interpreters that have what they need, and answer with the seconds of each turn.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

THRESHOLD = 0.01
"""Of OpenSpliceAI's BED files; nearly all positions are below."""


class Clock:
    """Times what is done inside ``with``: elapsed seconds, and seconds of processor time of all threads."""

    def __enter__(self) -> None:
        self.seconds, self.cpu = -time.perf_counter(), -time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter()
        self.cpu += time.process_time()


def serve(job: Callable[[Clock], None]) -> int:
    """Do the job once for every line on standard input and answer with one line of JSON; what it prints is dropped."""
    answers = os.fdopen(os.dup(1), "w")
    with Path(os.devnull).open("w") as null:
        os.dup2(null.fileno(), 1)
        with contextlib.redirect_stdout(null), contextlib.redirect_stderr(null):
            print(json.dumps({"ready": True}), file=answers, flush=True)
            for _ in sys.stdin:
                job(clock := Clock())
                print(json.dumps({"seconds": clock.seconds, "cpu": clock.cpu}), file=answers, flush=True)
    return 0


def serve_whole(arguments: argparse.Namespace) -> int:
    """Score through a session, as a tool that embeds splicecore does."""
    import numpy as np
    from splicecore.api import Session

    session = Session(cache_dir=arguments.folder / "cache")

    def job(clock: Clock) -> None:
        with clock:
            table = session.predict(
                fasta=arguments.folder / "genome.fa",
                annotation=arguments.folder / "genes.txt",
                base_model=arguments.model,
                models_dir=arguments.weights,
                all_genes=True,
                reuse=False,
                workers=1,
                threads=arguments.threads,
            )
        scores = np.column_stack([table[f"{name}_score"].to_numpy() for name in ("neither", "acceptor", "donor")])
        np.save(arguments.folder / f"{arguments.model}-whole.npy", scores)

    return serve(job)


def serve_model(arguments: argparse.Namespace) -> int:
    """Score with an opened model, in its longest tiles."""
    import numpy as np
    from splicecore.api import Session

    session = Session(models={arguments.model: {"convolutions": arguments.convolutions}})
    model = session.open_base_model(arguments.model, models_dir=str(arguments.weights), threads=arguments.threads)
    left, right, tile = model.spec.left, model.spec.right, model.spec.max_positions
    codes = np.pad(read_codes(arguments.folder), (left, right), constant_values=4)
    model.predict(codes[np.newaxis, : left + 1000 + right])

    def job(clock: Clock) -> None:
        with clock:
            starts = range(0, len(codes) - left - right, tile)
            tiles = [model.predict(codes[np.newaxis, start : start + left + tile + right])[0] for start in starts]
        np.save(arguments.folder / f"{arguments.model}-{arguments.convolutions}.npy", np.concatenate(tiles))

    return serve(job)


def read_codes(folder: Path) -> Any:
    """Bases of the genome's one contig as codes, uint8 (length,): A, C, G, T, others = 0..4."""
    import numpy as np

    text = (folder / "genome.fa").read_text(encoding="ascii").partition("\n")[2].replace("\n", "")
    lookup = np.full(256, 4, dtype=np.uint8)
    lookup[np.frombuffer(b"ACGT", dtype=np.uint8)] = range(4)
    return lookup[np.frombuffer(text.encode(), dtype=np.uint8)]


def serve_keras(arguments: argparse.Namespace) -> int:
    """Score with Keras in windows of 5,000 positions and 10 kb of context."""
    import numpy as np
    from parity_keras import FLANK, MEMBERS, keras_from_code, keras_windows

    codes = np.pad(read_codes(arguments.folder), FLANK, constant_values=4)
    windows, length = keras_windows(codes)
    models: list[Any] = [keras_from_code(arguments.weights / f"spliceai{member}.h5") for member in MEMBERS]
    batch = arguments.batch
    for model in models:
        model.predict_on_batch(windows[:batch])

    def job(clock: Clock) -> None:
        with clock:
            scores = np.zeros((len(windows), 5_000, 3), dtype=np.float32)
            for model in models:
                for i in range(0, len(windows), batch):
                    scores[i : i + batch] += model.predict_on_batch(windows[i : i + batch])
            scores /= len(models)
        np.save(arguments.folder / "keras.npy", scores.reshape(-1, 3)[:length])

    return serve(job)


def serve_openspliceai(arguments: argparse.Namespace) -> int:
    """Run OpenSpliceAI's command ``predict``, imported."""
    import torch
    from openspliceai.predict.predict import predict_cli

    torch.set_num_threads(arguments.threads)
    options = argparse.Namespace(
        input_sequence=str(arguments.folder / "genome.fa"),
        model=str(arguments.weights),
        output_dir=str(arguments.folder / "openspliceai"),
        flanking_size=10_000,
        annotation_file=None,
        gene_flank=-1,
        threshold=THRESHOLD,
        predict_all=False,
        debug=False,
        hdf_threshold=arguments.hdf_threshold,
        flush_threshold=500,
        split_threshold=1_500_000,
        chunk_size=100,
    )

    def job(clock: Clock) -> None:
        with clock:
            predict_cli(options)

    return serve(job)


def main() -> int:
    """Be one of the programs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    servers = parser.add_subparsers(dest="program", required=True)
    for name, serve_it in (
        ("whole", serve_whole),
        ("model", serve_model),
        ("keras", serve_keras),
        ("openspliceai", serve_openspliceai),
    ):
        server = servers.add_parser(name)
        server.add_argument("--folder", type=Path)
        server.add_argument("--weights", type=Path)
        server.add_argument("--threads", type=int, default=1)
        server.add_argument("--model")
        server.add_argument("--convolutions")
        server.add_argument("--batch", type=int)
        server.add_argument("--hdf-threshold", type=int, default=10**9)
        server.set_defaults(serve=serve_it)
    arguments = parser.parse_args()
    return int(arguments.serve(arguments))


if __name__ == "__main__":
    sys.exit(main())

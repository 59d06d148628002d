"""How long genomic resources take to derive, and how much memory.

    python benchmarks/derive.py --fasta GRCh38.fa.gz --annotation GRCh38.gtf.gz
    python benchmarks/derive.py --fasta GRCh38.fa.gz --annotation GRCh38.gtf.gz --lines 3500000 --json figures.json

Derives all datasets, then each in a folder and process of its own, whose peak memory is printed; finds them all again;
reads the annotation back; and prints the dinucleotides of all distinct splice sites by strand and type. ``--lines``
repeats a GTF with distinct ids until it has so many lines, with as many attributes as GENCODE's; the repetitions
overlap each other, so pairs of overlapping genes are many more than any real annotation has.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from splicecore.resources.derive import derive_resources
from splicecore.resources.keys import DERIVED_KINDS
from splicecore.resources.resource_set import ResourceSet

_SHOWN = 3


def main() -> int:
    """Derive, print the figures."""
    arguments = _arguments()
    if arguments.derive_into is not None:
        print(json.dumps(_derive(arguments)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        annotation = Path(arguments.annotation)
        if arguments.lines:
            annotation = _repeated(annotation, Path(folder), arguments.lines)
        everything = _measure(arguments.fasta, annotation, Path(folder, "all"), DERIVED_KINDS)
        found = _measure(arguments.fasta, annotation, Path(folder, "all"), DERIVED_KINDS)
        alone = {kind: _measure(arguments.fasta, annotation, Path(folder, kind), (kind,)) for kind in DERIVED_KINDS}
        ResourceSet.open(Path(folder, "junctions")).table("junctions")  # imports are not what is timed
        resources = ResourceSet.open(Path(folder, "all"))
        began = time.perf_counter()
        resources.annotation()
        resources.sites()
        reading = time.perf_counter() - began
        motifs = resources.manifest.to_json()["motifs"]
    _show(everything, found, alone, reading, motifs)
    if arguments.json is not None:
        figures = {"all": everything, "again": found, "alone": alone, "reading": reading, "motifs": motifs}
        Path(arguments.json).write_text(json.dumps(figures, indent=2) + "\n")
    return int(bool(found["derived"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fasta", required=True, help="genome, plain or bgzip")
    parser.add_argument("--annotation", required=True, help="GTF, GFF3 or SpliceAI table of it")
    parser.add_argument("--lines", type=int, default=0, help="repeat the GTF until it has so many lines")
    parser.add_argument("--json", help="write the figures here too")
    parser.add_argument("--derive-into", help=argparse.SUPPRESS)
    parser.add_argument("--kinds", nargs="*", default=list(DERIVED_KINDS), help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(fasta: str, annotation: Path, folder: Path, kinds: tuple[str, ...]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--fasta", fasta, "--annotation", str(annotation)]
    command += ["--derive-into", str(folder), "--kinds", *kinds]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _derive(arguments: argparse.Namespace) -> dict[str, Any]:
    began = time.perf_counter()
    made = derive_resources(
        Path(arguments.derive_into),
        fasta=Path(arguments.fasta),
        annotation=Path(arguments.annotation),
        kinds=arguments.kinds,
    )
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    return {"seconds": seconds, "peak_mb": peak, "steps": made.seconds, "rows": made.rows, "derived": made.derived}


def _repeated(gtf: Path, folder: Path, lines: int) -> Path:
    """Write the GTF again and again with distinct ids; see benchmarks/annotation.py."""
    from annotation import _write

    path = folder / "annotation.gtf.gz"
    _write(gtf, {"gtf": path}, lines)
    return path


def _show(
    everything: dict[str, Any], found: dict[str, Any], alone: dict[str, Any], reading: float, motifs: Any
) -> None:
    again = f"again: {found['seconds']:.2f} s"
    print(f"everything: {everything['seconds']:.2f} s, peak {everything['peak_mb']:.0f} MB; {again}")
    for step, seconds in everything["steps"].items():
        rows = f"{everything['rows'][step]:>10,} rows" if step in everything["rows"] else " " * 15
        peak = f", alone: peak {alone[step]['peak_mb']:.0f} MB" if step in alone else ""
        print(f"  {step:20} {seconds:7.2f} s {rows}{peak}")
    print(f"reading annotation and sites back: {reading:.2f} s")
    for strand in "+-":
        for kind in ("donor", "acceptor"):
            chosen = [row for row in motifs if (row["strand"], row["site_type"]) == (strand, kind)]
            shares = ", ".join(f"{row['motif']} {100 * row['share']:.2f} %" for row in chosen[:_SHOWN])
            print(f"{strand} {kind}: {sum(row['count'] for row in chosen):,} distinct sites, {shares}")


if __name__ == "__main__":
    sys.exit(main())

"""How long annotations of a full release's size take to read, and how much memory.

    python benchmarks/annotation.py --gtf GRCh38.gtf.gz
    python benchmarks/annotation.py --gtf GRCh38.gtf.gz --lines 1000000 --repeats 5 --json figures.json

Repeats a GTF (with rows of genes, transcripts and exons) with distinct ids until it has 3.5 million lines, with as many
attributes as GENCODE's, as GTF and as GFF3, both gzipped. Each is read in a process of its own, several times; the
medians are printed. Ends with status 1 unless both formats give the same genes, transcripts and exons.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splicecore.genome.annotation import read_annotation

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAGS = ("CAGE_supported_TSS", "basic", "Ensembl_canonical", "MANE_Select", "appris_principal_1", "CCDS")
_MORE = {
    "level": "2", "protein_id": "ENSP00000493376.2", "transcript_support_level": "1", "hgnc_id": "HGNC:14825",
    "ccdsid": "CCDS30547.2", "havana_gene": "OTTHUMG00000001094.4", "havana_transcript": "OTTHUMT00000003223.4",
}  # fmt: skip


def main() -> int:
    """Make the files, read them, print the figures."""
    arguments = _arguments()
    if arguments.read is not None:
        print(json.dumps(_read(arguments.read)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        paths = {form: Path(folder, f"annotation.{form}.gz") for form in ("gtf", "gff3")}
        lines = _write(Path(arguments.gtf), paths, arguments.lines)
        figures = {form: [_measure(path) for _ in range(arguments.repeats)] for form, path in paths.items()}
    for form, runs in figures.items():
        seconds, memory = (statistics.median(run[name] for run in runs) for name in ("seconds", "peak_mb"))
        counts = ", ".join(f"{runs[0][name]:,} {name}" for name in ("genes", "transcripts", "exons"))
        print(f"{form}: {lines:,} lines ({counts}) in {seconds:.1f} s, peak {memory:.0f} MB")
    if arguments.json is not None:
        Path(arguments.json).write_text(json.dumps({"lines": lines, **figures}, indent=2) + "\n")
    return int(len({run["digest"] for runs in figures.values() for run in runs}) != 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gtf", help="GTF to repeat, gzipped or not")
    parser.add_argument("--lines", type=int, default=3_500_000, help="lines to reach")
    parser.add_argument("--repeats", type=int, default=3, help="times to read each file")
    parser.add_argument("--json", help="write the figures here too")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.gtf is None and arguments.read is None:
        parser.error("--gtf is missing")
    return arguments


def _measure(path: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, __file__, "--read", str(path)], check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _read(path: str) -> dict[str, Any]:
    started = time.perf_counter()
    annotation = read_annotation(path)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    tables = {name: getattr(annotation, name) for name in ("genes", "transcripts", "exons")}
    digest = hashlib.sha256()
    for table in tables.values():
        for batch in table.combine_chunks().to_batches():
            digest.update(batch.serialize())
    counts = {name: len(table) for name, table in tables.items()}
    return {"seconds": seconds, "peak_mb": peak, **counts, "digest": digest.hexdigest()}


def _write(source: Path, paths: dict[str, Path], least: int) -> int:
    """Write the repeated annotation in both formats; returns the number of its lines."""
    content = source.read_bytes()
    text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()
    rows = [(line.split("\t"), dict(re.findall(r'(\w+) "([^"]*)"', line))) for line in text.splitlines()]
    rows = [(fields, values) for fields, values in rows if len(fields) == 9]
    copies = -(-least // len(rows))
    for form, path in paths.items():
        with gzip.open(path, "wb", compresslevel=1) as handle:
            handle.write(b"##gff-version 3\n" if form == "gff3" else b"##format: gtf\n")
            for copy in range(copies):
                handle.write("".join(_lines(rows, form, copy)).encode())
    return copies * len(rows)


def _lines(rows: list[tuple[list[str], dict[str, str]]], form: str, copy: int) -> Iterator[str]:
    for fields, values in rows:
        own = {
            "gene_id": f"{values['gene_id']}.{copy}",
            "gene_type": values.get("gene_biotype", "protein_coding"),
            "gene_name": f"{values.get('gene_name', values['gene_id'])}-{copy}",
        }
        parents = {}
        if fields[2] == "gene":
            parents = {"ID": own["gene_id"]}
        else:
            own |= {"transcript_id": f"{values['transcript_id']}.{copy}", "transcript_type": own["gene_type"], **_MORE}
            child = fields[2] == "transcript"
            parents = {"ID": own["transcript_id"]} if child else {}
            parents["Parent"] = own["gene_id"] if child else own["transcript_id"]
        tags = _TAGS if fields[2] != "gene" else ()
        if form == "gff3":
            pairs = {**parents, **own, **({"tag": ",".join(tags)} if tags else {})}
            text = ";".join(f"{key}={value}" for key, value in pairs.items())
        else:
            text = " ".join(f'{key} "{value}";' for key, value in [*own.items(), *(("tag", tag) for tag in tags)])
        yield "\t".join([*fields[:8], text]) + "\n"


if __name__ == "__main__":
    sys.exit(main())

"""The report as one HTML page: summary, selection, accuracy, tracks, tables; script and style inside it."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from splicecore.report.bokeh_script import bokeh_script
from splicecore.report.calls import CALL_NAMES
from splicecore.report.curves import accuracy_section
from splicecore.report.html_parts import Cell, facts, table
from splicecore.report.selection_plot import uncertainty_histogram
from splicecore.report.summary import summary_rows, title_of
from splicecore.report.track import LOWEST_DRAWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from splicecore.report.gathering import Gathered, GeneSummary
    from splicecore.report.run_folder import RunFolder

__all__ = ["report_page"]

MAX_CALLS = 3000
MAX_GENES = 5000


def report_page(run: RunFolder, found: Gathered) -> str:
    """Return the page; the same run gives the same bytes."""
    title = escape(title_of(run))
    style, script = (files("splicecore.report").joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    body = "\n".join(_sections(run, found))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{title}</title>\n<style>\n{style}</style></head>\n<body>\n"
        f'<header><h1>{title}</h1><button id="theme" type="button">light / dark</button></header>\n'
        f"{body}\n"
        f'<script id="report-data" type="application/json">{_data(run, found)}</script>\n'
        f"<script>\n{bokeh_script()}\n</script>\n<script>\n{script}</script>\n</body></html>\n"
    )


def _sections(run: RunFolder, found: Gathered) -> Iterator[str]:
    yield "<noscript><p>Tracks and sorting need JavaScript; nothing is fetched.</p></noscript>"
    yield facts(_facts(run, found))
    about = (f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in summary_rows(run))
    yield f'<table class="about"><tbody>{"".join(about)}</tbody></table>'
    if run.has_meta:
        yield "<h2>Selection</h2>"
        yield from _selection(found)
    yield "<h2>Genes</h2>"
    yield from _tracks(run, found)
    yield f"<h2>{'Changed calls' if run.has_meta else 'Calls that differ from the annotation'}</h2>"
    yield from _calls(run, found)
    yield "<h2>Against the annotation</h2>"
    yield from _accuracy(run, found)
    yield "<h2>All genes</h2>"
    yield from _all_genes(run, found)


def _facts(run: RunFolder, found: Gathered) -> Iterator[tuple[str, str]]:
    positions = found.total("positions")
    yield f"{len(found.genes):,}", "genes"
    yield f"{positions:,}", "rows, one for a position and gene"
    if run.has_meta:
        selected, adjusted = found.total("selected"), found.total("adjusted")
        yield f"{selected:,}", f"uncertain positions ({selected / max(1, positions):.2%})"
        yield f"{adjusted:,}", f"recalibrated by the meta-model ({adjusted / max(1, positions):.2%})"
        yield f"{len(found.calls):,}", "calls changed"
    elif run.annotation.has_sites:
        yield f"{len(found.calls):,}", "calls that differ from the annotation"
    if failed := int(run.manifest.get("failed", 0)):
        yield f"{failed:,}", "requested genes without scores"


def _selection(found: Gathered) -> Iterator[str]:
    positions, selected = found.total("positions"), found.total("selected")
    rows = [
        [reason or "-", f"{count:,}", f"{count / max(1, positions):.3%}", f"{count / max(1, selected):.1%}"]
        for reason, count in sorted(found.reasons.items(), key=lambda item: (-item[1], item[0]))
    ]
    yield table(["reason of selection", "positions", "of all", "of those selected"], rows)
    yield uncertainty_histogram(found.uncertainty)
    yield (
        '<p class="key"><span><i class="certain"></i>not selected</span>'
        '<span><i class="uncertain"></i>selected</span></p>'
    )


def _tracks(run: RunFolder, found: Gathered) -> Iterator[str]:
    which = "changed calls" if run.has_meta else "calls that differ from the annotation"
    if len(found.tracks) < len(found.genes):
        yield (
            f"<p>{len(found.tracks):,} of {len(found.genes):,} genes, those with most {which}; "
            "<code>splicecore report --genes N</code> draws more.</p>"
        )
    keys = [("acceptor", "acceptor"), ("donor", "donor"), ("exon", "exon, any transcript")]
    keys += [("uncertain", "uncertain"), ("call", "call changed")] if run.has_meta else [("call", "differs")]
    yield '<p class="key">' + "".join(f'<span><i class="{name}"></i>{text}</span>' for name, text in keys) + "</p>"
    yield (
        f'<p class="soft">Scores of at least {LOWEST_DRAWN:g}; dashed: what is called. Drag or arrow keys to move; '
        "Ctrl + wheel, double click, + and - to zoom; point at a score for its value.</p>"
    )
    for number in _drawn(found):
        yield _gene(run, found, number)


def _drawn(found: Gathered) -> list[int]:
    """Genes with a track: most calls worth a look first, then in the order of the table."""
    return sorted(found.tracks, key=lambda number: (-found.genes[number].calls, number))


def _gene(run: RunFolder, found: Gathered, number: int) -> str:
    gene, track = found.genes[number], found.tracks[number]
    counts = f"{gene.positions:,} positions"
    if run.has_meta:
        counts += f", {gene.selected:,} uncertain, calls changed: {gene.calls:,}"
    elif run.annotation.has_sites:
        counts += f", calls that differ: {gene.calls:,}"
    notes = []
    if track.lowest > LOWEST_DRAWN:
        notes.append(f"Scores below {track.lowest:g} are not drawn: there are too many.")
    if track.gap:
        notes.append(f"Uncertain positions less than {track.gap + 1} bases apart are drawn as one stretch.")
    if track.model.transcript_id is not None:
        notes.append(f"Canonical transcript: {track.model.transcript_id}.")
    place = _place(gene) if gene.gene_id == gene.gene_name else f"{gene.gene_id} {_place(gene)}"
    return (
        f'<details class="gene" id="gene-{number}" data-gene="{number}"><summary><b>{escape(gene.gene_name)}</b> '
        f'<span class="soft">{escape(place)} ({gene.strand}), {counts}</span></summary>\n'
        '<div class="bar"><button type="button" data-zoom="0.5">zoom in</button>'
        '<button type="button" data-zoom="2">zoom out</button><button type="button" data-zoom="0">whole gene</button>'
        f'<output id="where-{number}"></output></div>\n<div class="plot" id="plot-{number}" tabindex="0"></div>'
        f'<p class="soft">{escape(" ".join(notes))}</p></details>'
    )


def _place(gene: GeneSummary) -> str:
    return f"{gene.contig}:{gene.start + 1:,}-{gene.end:,}"


def _calls(run: RunFolder, found: Gathered) -> Iterator[str]:
    calls = found.calls
    if not len(calls):
        known = run.has_meta or run.annotation.has_sites
        yield "<p>None.</p>" if known else "<p>The run kept no annotated splice sites to compare with.</p>"
        return
    if run.has_meta:
        yield from _what_changed(run, found)
    order = np.lexsort((np.arange(len(calls)), -calls.size))[:MAX_CALLS]
    if len(order) < len(calls):
        yield f"<p>The {len(order):,} with the largest differences; the others are in the tables of the run.</p>"
    header = ["gene", "position (0-based)", "strand", "base call", "final call" if run.has_meta else "annotated"]
    header += ["base acceptor", "base donor"]
    if run.has_meta:
        header += ["final acceptor", "final donor"]
        header += ["annotated"] if run.annotation.has_sites else []
        header += ["uncertainty", "reason"]
    contigs = {name: place for place, name in enumerate(dict.fromkeys(gene.contig for gene in found.genes))}
    rows = (_call(run, found, row, contigs) for row in order.tolist())
    yield table(header, rows, sortable=True, left=(1, 3, 4, len(header) - 1) if run.has_meta else (1, 3, 4))


def _what_changed(run: RunFolder, found: Gathered) -> Iterator[str]:
    """How many calls were won and lost, and how many of them are annotated sites."""
    calls, rows = found.calls, []
    for k, name in enumerate(("acceptor", "donor")):
        before, after, true = ((codes >> k & 1).astype(bool) for codes in (calls.before, calls.after, calls.annotated))
        for what, chosen in (("gained", after & ~before), ("lost", before & ~after)):
            cells = [f"{name} {what}", f"{int(chosen.sum()):,}"]
            rows.append([*cells, f"{int((chosen & true).sum()):,}"] if run.annotation.has_sites else cells)
    yield table(["", "calls", *(["annotated sites"] if run.annotation.has_sites else [])], rows)


def _call(run: RunFolder, found: Gathered, row: int, contigs: Mapping[str, int]) -> list[str | Cell]:
    calls = found.calls
    number, position = int(calls.gene[row]), int(calls.position[row])
    gene = found.genes[number]
    at = f"{escape(gene.contig)}:{position:,}"
    if number in found.tracks:
        at = f'<a href="#gene-{number}" data-gene="{number}" data-position="{position}">{at}</a>'
    cells: list[str | Cell] = [gene.gene_name, Cell(at, contigs[gene.contig] * 1e10 + position, left=True), gene.strand]
    cells += [Cell(CALL_NAMES[int(codes[row])], left=True) for codes in (calls.before, calls.after)]
    cells += [_score(value) for value in calls.base[row].tolist()]
    if run.has_meta:
        cells += [_score(value) for value in calls.final[row].tolist()]
        cells += [CALL_NAMES[int(calls.annotated[row])]] if run.annotation.has_sites else []
        cells.append(_score(float(calls.uncertainty[row])))
        reason = escape(found.reason_names[int(calls.reason[row])] or "not selected")
        cells.append(Cell(reason.replace("+", "+<wbr>"), wrap=True))
    return cells


def _score(value: float) -> Cell:
    return Cell(f"{value:.4f}", value)


def _accuracy(run: RunFolder, found: Gathered) -> Iterator[str]:
    if found.pools:
        yield "<p>Sites of all transcripts, of any gene on the strand, at exactly their position.</p>"
        yield from accuracy_section({kind: one.pool for kind, one in found.pools.items()}, run.thresholds)
    elif run.identity.get("min_score") is not None:
        yield "<p>The table lacks the positions that score least, so precision and recall would be wrong.</p>"
    else:
        yield "<p>The run kept no annotated splice sites to compare with.</p>"


def _all_genes(run: RunFolder, found: Gathered) -> Iterator[str]:
    order = sorted(range(len(found.genes)), key=lambda number: (-found.genes[number].calls, number))
    if len(order) > MAX_GENES:
        yield f"<p>The first {MAX_GENES:,} of {len(order):,}; gene_manifest.json has them all.</p>"
    more = ["uncertain", "recalibrated", "calls changed"] if run.has_meta else ["calls that differ"]
    scenarios = {
        (gene.get("contig"), gene.get("strand"), gene.get("gene_id")): str(gene.get("scenario") or "")
        for gene in run.genes
    }
    has_scenarios = any(scenarios.values())
    rows = []
    for number in order[:MAX_GENES]:
        gene = found.genes[number]
        name = escape(gene.gene_name)
        if number in found.tracks:
            name = f'<a href="#gene-{number}" data-gene="{number}">{name}</a>'
        counts = (
            (gene.positions, gene.selected, gene.adjusted, gene.calls) if run.has_meta else (gene.positions, gene.calls)
        )
        cells: list[str | Cell] = [Cell(name), gene.gene_id, Cell(escape(_place(gene)), left=True), gene.strand]
        cells += [Cell(f"{count:,}", count) for count in counts]
        if has_scenarios:
            cells.append(scenarios.get((gene.contig, gene.strand, gene.gene_id), ""))
        rows.append(cells)
    header = ["gene", "id", "place", "strand", "positions", *more, *(["scenario"] if has_scenarios else [])]
    yield table(header, rows, sortable=True, left=(2,))
    yield from _missing(run)


def _missing(run: RunFolder) -> Iterator[str]:
    missing = [gene for gene in run.genes if gene["status"] != "processed"]
    if missing:
        yield "<h3>Not scored</h3>"
        rows = [
            [
                str(gene.get("requested") or gene.get("gene_id")),
                gene["status"],
                Cell(escape(str(gene["reason"] or "")), left=True),
            ]
            for gene in missing[:MAX_GENES]
        ]
        yield table(["requested", "status", "reason"], rows, left=(2,))


def _data(run: RunFolder, found: Gathered) -> str:
    """JSON of the tracks; no text in it can end the script element."""
    genes: dict[str, Any] = {}
    for number in _drawn(found):
        gene = found.genes[number]
        genes[str(number)] = {
            "contig": gene.contig,
            "strand": gene.strand,
            "start": gene.start,
            "end": gene.end,
            "track": found.tracks[number].to_json(gene.start),
        }
    called = dict(zip(("base", "final"), run.thresholds, strict=True))
    value = {"meta": run.has_meta, "called": called, "drawn": LOWEST_DRAWN, "genes": genes}
    return json.dumps(value, separators=(",", ":"), sort_keys=True).replace("<", "\\u003c")

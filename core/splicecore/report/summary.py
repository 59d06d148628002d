"""What was run, as rows of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from splicecore.report.run_folder import RunFolder

__all__ = ["summary_rows", "title_of"]

_SHORT = 12


def title_of(run: RunFolder) -> str:
    """Say what the page is about."""
    genes = [gene["gene_name"] for gene in run.genes if gene["status"] == "processed"]
    named = ", ".join(genes[:4]) + (f" and {len(genes) - 4:,} more" if len(genes) > 4 else "")
    return f"Splice sites of {named or 'no gene'}"


def summary_rows(run: RunFolder) -> Iterator[tuple[str, str]]:
    """Yield what was run with what: name and value."""
    identity, manifest, metadata = run.identity, run.manifest, run.metadata
    yield "mode", run.mode
    for number, model in enumerate(_base_models(run)):
        engine = f", engine {model['engine']}" if model.get("engine") else ""
        which = "base model" if number == 0 else f"base model {number + 1}"
        yield which, f"{model['name']} ({str(model['fingerprint'])[:_SHORT]}{engine})"
    if meta := metadata.get("meta_model"):
        yield "meta-model", _meta_model(meta)
    if selection := metadata.get("selection"):
        yield "selection", _selection(selection)
    if run.has_meta:
        base, final = run.thresholds
        yield (
            "called from",
            (f"base acceptor {base[0]:.4g}, donor {base[1]:.4g}; final acceptor {final[0]:.4g}, donor {final[1]:.4g}"),
        )
    else:
        yield "called from", "0.5"
    inputs, files = identity["inputs"], manifest.get("inputs", {})
    yield "build", f"{inputs['build']} ({str(inputs['build_digest'])[:_SHORT]})"
    for what in ("fasta", "annotation"):
        if what in files:
            yield {"fasta": "genome"}.get(what, what), str(files[what])
    yield "beyond the genes", {"real": "the genome's sequence", "n": "N"}.get(identity["flank"], str(identity["flank"]))
    if identity.get("min_score") is not None:
        yield "rows", f"only those that score {identity['min_score']:g} or more as acceptor or donor"
    yield "splicecore", str(identity["splicecore"])
    about = manifest.get("base_model", {})
    if about.get("licence"):
        yield "licence of the base model", str(about["licence"])


def _base_models(run: RunFolder) -> list[Mapping[str, Any]]:
    """Return the base models, the primary one first."""
    models = run.metadata.get("base_models")
    if isinstance(models, list) and models:
        return models
    if isinstance(models, dict) and models:
        return [
            value if isinstance(value, dict) else {"name": name, "fingerprint": value} for name, value in models.items()
        ]
    return [run.identity["base_model"]]


def _meta_model(meta: Mapping[str, Any]) -> str:
    shown = str(meta.get("name", "?"))
    shown += f" ({str(meta['fingerprint'])[:_SHORT]})" if "fingerprint" in meta else ""
    if meta.get("training_genes"):
        shown += f", trained on {meta['training_genes']:,} genes"
    return shown


def _selection(selection: Mapping[str, Any]) -> str:
    """Say how positions were chosen: strategy, settings, thresholds, shares."""
    parts = [str(selection.get("strategy", ""))]
    parts += [f"{name} {_text(value)}" for name, value in dict(selection.get("settings") or {}).items()]
    shares = (("target_rate", "target"), ("reached_rate", "reached"))
    if selection.get("threshold") is not None:
        parts.append(f"selected from {_text(selection['threshold'])}")
    parts += [f"{title} {selection[name]:.3%}" for name, title in shares if selection.get(name) is not None]
    return ", ".join(part for part in parts if part)


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)

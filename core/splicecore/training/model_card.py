"""The model card: Markdown from measured figures and recorded facts, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from splicecore.errors import SplicecoreError
from splicecore.evaluate.figures import BOTH
from splicecore.training.position_scores import META

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from splicecore.plugins.host import PluginHost

__all__ = ["base_model_facts", "figure_rows", "model_card"]

_COMMERCIAL = {True: "commercial use allowed", False: "not for commercial use", None: "commercial use unclear"}
FIGURES = (
    ("average_precision", "AP"),
    ("top_k", "top-k"),
    ("auroc", "AUROC"),
    ("log_loss", "log loss"),
    ("expected_calibration_error", "ECE"),
)


def base_model_facts(contract: Mapping[str, Any], host: PluginHost) -> list[dict[str, Any]]:
    """Name, fingerprint and licence of every base model; the licence is null where its plugin is not installed."""
    facts = []
    for model in contract["models"]:
        entry: dict[str, Any] = dict(model)
        try:
            spec = host.base_model(model["name"])
            entry |= {
                "licence": spec.licence,
                "commercial_use": _COMMERCIAL[spec.commercial_use],
                "citation": spec.citation,
            }
        except SplicecoreError:
            entry |= {"licence": None, "commercial_use": _COMMERCIAL[None], "citation": None}
        facts.append(entry)
    return facts


def figure_rows(aggregate: Mapping[str, Any], kind: str = BOTH) -> list[list[str]]:
    """Rows of text: a header, then a model each, the meta-model last; figures, then calls at each operating point."""
    models = aggregate["models"]
    points = list(next(iter(models.values()))["figures"][kind]["operating_points"])
    header = ["model", *(title for _, title in FIGURES)]
    for point in points:
        header += [f"FP at {point}", f"FN at {point}", f"F1 at {point}"]
    rows = [header]
    for name in sorted(models, key=lambda name: name == META):
        figures = models[name]["figures"][kind]
        row = [name, *(_number(figures.get(figure), figure) for figure, _ in FIGURES)]
        for point in points:
            calls = figures["operating_points"][point]
            row += [f"{calls[count]:,.0f}" for count in ("false_positives", "false_negatives")]
            row.append(_number(calls["f1"], "f1"))
        rows.append(row)
    return rows


def _number(value: float | None, figure: str) -> str:
    if value is None:
        return "-"
    return f"{value:.2e}" if figure == "log_loss" else f"{value:.4f}"


def model_card(
    *,
    model: Mapping[str, Any],
    training: Mapping[str, Any],
    aggregate: Mapping[str, Any],
    operating: Mapping[str, Any],
    calibration: Mapping[str, Any],
    contract: Mapping[str, Any],
    alarms: Mapping[str, Any],
    base_models: Sequence[Mapping[str, Any]],
    importance: Mapping[str, Any],
    ablation: Mapping[str, Any] | None = None,
) -> str:
    """Write the card of a trained model.

    Parameters
    ----------
    model, training, aggregate, operating, calibration, contract, alarms, importance, ablation
        Content of the JSON files of those names in the model's folder.
    base_models
        Of :func:`base_model_facts`.
    """
    lines = [f"# Meta-model ({model['choice']['name']})", ""]
    lines += _head(model, training, contract)
    lines += ["", "## Base models", ""]
    for entry in base_models:
        licence = entry["licence"] or "licence unknown (its plugin is not installed here)"
        lines.append(
            f"- {entry['name']}, fingerprint `{entry['fingerprint'][:16]}`: {licence}; {entry['commercial_use']}."
        )
    lines += ["", "The model was trained on scores of these weights; their licences bind its use as well.", ""]
    lines += ["## Features", "", *_features(model, contract, training)]
    lines += ["", "## Data and splits", "", *_data(training)]
    lines += ["", "## Figures on genes that were not trained on", "", *_figures(aggregate, training)]
    if ablation is not None:
        lines += ["", "## Without a group of features", "", *_ablation(ablation)]
    lines += ["", "## Calibration and thresholds", "", *_calibration(calibration, operating)]
    lines += ["", "## Leakage alarms", "", *_alarms(alarms)]
    lines += ["", "## What it looks at", "", *_importance(importance)]
    lines += ["", "## Use and limits", "", *_limits(contract, aggregate), ""]
    return "\n".join(lines)


def _head(model: Mapping[str, Any], training: Mapping[str, Any], contract: Mapping[str, Any]) -> Iterator[str]:
    yield "Recalibrates splice-site probabilities (neither, acceptor, donor) of base models position by position."
    yield ""
    given = model["choice"]["settings"]
    settings = ", ".join(f"{name} {value}" for name, value in given.items()) or "the plugin's defaults"
    yield f"- Made by {model['provider']}; settings: {settings}; seed {model['seed']}."
    genes = training["model_genes"]
    contigs = ", ".join(training["model_contigs"])
    yield f"- Fitted on {len(genes['train']):,} genes of {contigs}."
    yield f"- Early stopping, calibration and thresholds: {len(genes['valid']):,} other genes."
    yield f"- Genome build {contract['build']}, flank mode {contract['flank']}."


def _features(model: Mapping[str, Any], contract: Mapping[str, Any], training: Mapping[str, Any]) -> Iterator[str]:
    sets = ", ".join(used["name"] for used in contract["sets"])
    pruned = len(contract["columns"]) - len(model["columns"])
    yield f"{len(model['columns'])} columns of the feature sets {sets}" + (
        f"; {pruned} more were pruned." if pruned else "."
    )
    near = [name for name in training["dataset"]["near_label"] if name in set(model["columns"])]
    if near:
        yield ""
        yield (
            f"**Near-label features**: {', '.join(near[:12])}{' and more' if len(near) > 12 else ''}. They come from "
            "annotation or reads and are close to the answer: figures of this model say little about genes without "
            "them, and are not to be compared with those of models of sequence alone."
        )


def _data(training: Mapping[str, Any]) -> Iterator[str]:
    data, splits = training["dataset"], training["splits"]
    classes = ", ".join(f"{count:,} {name}" for name, count in data["classes"].items())
    yield f"- Dataset of {data['rows']:,} rows ({classes}) of {data['genes']:,} genes."
    config = splits["config"]
    yield f"- Split: {config['method']}, groups by {config['group_col']}, seed {config['seed']}."
    yield "- Genes that overlap are on one side."
    for fold in splits["folds"]:
        sides = "; ".join(f"{side} {fold[side]['genes']:,} genes" for side in ("train", "valid", "test"))
        contigs = ", ".join(fold["test"]["contigs"])
        paralogs = f"; {len(fold['test_paralogs'])} tested genes resemble others" if fold["test_paralogs"] else ""
        yield f"- {fold['name']}: {sides}; tested on {contigs}{paralogs}."


def _figures(aggregate: Mapping[str, Any], training: Mapping[str, Any]) -> Iterator[str]:
    if aggregate["positions"] == "all":
        which = (
            "all transcripts" if training["identity"]["evaluation"][1] == "all" else "one canonical transcript a gene"
        )
        yield (
            f"All {aggregate['positions_evaluated']:,} positions of the {aggregate['genes']:,} tested genes "
            f"({', '.join(aggregate['contigs'])}); sites of {which}; exact positions, no windows."
        )
    else:
        yield (
            f"**Estimates from {aggregate['rows']:,} sampled rows**, weighted by 1 / inclusion_prob, "
            "since base scores of all positions were not at hand or not asked for."
        )
    yield "Acceptors and donors together: means of ranking figures, sums of counts. The operating point best_f1 is each"
    yield "model's own threshold, chosen on validation genes."
    yield ""
    yield from _table(figure_rows(aggregate))
    if "differences" in aggregate:
        baseline = aggregate["baseline"]
        found = aggregate["differences"][baseline][BOTH]["average_precision"]
        interval = found.get("error_reduction_interval")
        between = (
            f" (95 % interval {interval[0]:+.1%} to {interval[1]:+.1%})" if interval and None not in interval else ""
        )
        if found.get("error_reduction") is not None:
            yield ""
            change = f"{found['error_reduction']:+.1%}{between}"
            yield f"Against {baseline}, the better baseline, 1 - AP is lower by {change}."


def _ablation(ablation: Mapping[str, Any]) -> Iterator[str]:
    rows = [["left out", "columns", "AP", "change"]]
    whole = ablation["whole"][BOTH]["average_precision"]
    for name, entry in ablation["without"].items():
        value = entry["figures"][BOTH]["average_precision"]
        rows.append([name, str(entry["columns"]), f"{value:.4f}", f"{value - whole:+.4f}"])
    yield f"First fold ({ablation['fold']}); with everything AP is {whole:.4f}."
    yield ""
    yield from _table(rows)


def _calibration(calibration: Mapping[str, Any], operating: Mapping[str, Any]) -> Iterator[str]:
    on = calibration["genes"]
    what = "all positions" if on["positions"] == "all" else "sampled rows, weighted by 1 / inclusion_prob,"
    yield f"{calibration['method']} calibration, fitted on {what} of {on['genes']:,} validation genes."
    yield "Probabilities are meant at the prevalence within gene bodies; the data cannot say more of other sequence."
    rows = [["class", "point", "threshold", "precision", "recall"]]
    for kind in ("acceptor", "donor"):
        points = operating["models"][META][kind]
        listed = [("best F1", points["best_f1"])]
        listed += [(f"precision {p['target']:g}", p) for p in points["recall_at_precision"]]
        listed += [(f"recall {p['target']:g}", p) for p in points["precision_at_recall"]]
        for title, point in listed:
            if point["threshold"] is None:
                rows.append([kind, title, "not reached", "-", "-"])
            else:
                rows.append([kind, title, *(f"{point[name]:.4f}" for name in ("threshold", "precision", "recall"))])
    yield ""
    yield from _table(rows)


def _alarms(alarms: Mapping[str, Any]) -> Iterator[str]:
    for name, found in alarms["folds"].items():
        for alarm in found:
            yield f"- {name}, {alarm['name']}: {'**FIRED** ' if alarm['fired'] else ''}{alarm['message']}."
    if alarms["not_run"]:
        yield f"- Not run: {', '.join(alarms['not_run'])}."


def _importance(importance: Mapping[str, Any]) -> Iterator[str]:
    if not importance["features"]:
        yield f"Not known: {importance['reason']}."
        return
    yield f"{importance['method']}, over {importance['rows']:,} validation rows; the ten strongest features:"
    yield ""
    rows = [["feature", "group", "acceptor", "donor"]]
    rows += [
        [r["feature"], r["group"], f"{r['acceptor']:.3f}", f"{r['donor']:.3f}"] for r in importance["features"][:10]
    ]
    yield from _table(rows)


def _limits(contract: Mapping[str, Any], aggregate: Mapping[str, Any]) -> Iterator[str]:
    yield f"- For genes of {contract['build']}, with the base models above, these weights and flank mode; others are"
    yield "  refused."
    yield "- Positions outside annotated genes, other species and tissues were not measured."
    yield "- Labels are the annotation's: sites that it lacks count as false calls, here and in training."
    yield "- The base models may themselves have been trained on genes of the tested chromosomes; see their citations."
    if aggregate["positions"] != "all":
        yield "- Figures are estimates from sampled rows; evaluate on all positions before relying on them."


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(rows[0]) + " |"
    yield "|" + "---|" * len(rows[0])
    for row in rows[1:]:
        yield "| " + " | ".join(row) + " |"

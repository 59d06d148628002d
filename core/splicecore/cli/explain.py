"""``splicecore explain``: why a meta-model scores positions as it does."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import click

from splicecore.cli.output import write_json, write_table
from splicecore.cli.pass_options import plugin_settings
from splicecore.config import read_config_file
from splicecore.errors import ConfigError
from splicecore.session import Session

if TYPE_CHECKING:
    from splicecore.training.explain import Explanation

__all__ = ["command"]

_TOP = 8


@click.command("explain", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("model", metavar="MODEL")
@click.option("--dataset", metavar="FOLDER", required=True, help="Dataset of the same features.")
@click.option("--gene", metavar="NAME", help="Explain positions of this gene, by name or id.")
@click.option("--position", "positions", metavar="N", type=int, multiple=True, help="Genomic, 1-based; repeatable.")
@click.option(
    "--threshold", metavar="P", type=float, default=0.1, help="Without --position: those that score this; 0.1."
)
@click.option("--rows", metavar="N", type=click.IntRange(min=1), default=4096, help="Without --gene: rows to look at.")
@click.option("--artifacts", metavar="FOLDER", multiple=True, help="Passes with the base scores; repeatable.")
@click.option("--test-name", metavar="NAME", help="Take base scores from this test of the data root.")
@click.option("--format", "form", type=click.Choice(["text", "csv", "json"]), default="text", help="text, csv or json.")
@click.option("--data-root", metavar="FOLDER", envvar="SPLICECORE_DATA_ROOT", help="The user's data.")
@click.option(
    "--config", "config_file", metavar="FILE", envvar="SPLICECORE_CONFIG", help="TOML file with [plugins] and [models]."
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    model: str,
    dataset: str,
    gene: str | None,
    positions: tuple[int, ...],
    threshold: float,
    rows: int,
    artifacts: tuple[str, ...],
    test_name: str | None,
    form: str,
    data_root: str | None,
    config_file: str | None,
) -> None:
    """Show which features made the meta-model in MODEL score positions as it does.

    With --gene positions of a gene, else the features' importance over rows of the dataset. Contributions are on the
    scale of log-odds; they and the bias add up to the model's margin, which is checked.
    """
    from splicecore.training.explain import explain_dataset, explain_gene

    file_config = read_config_file(config_file)
    settings = plugin_settings(ctx.find_root(), file_config, config_file)
    session = Session(plugins=settings, models=file_config.models, data_root=data_root)
    if gene is None:
        if positions:
            raise ConfigError("--position is given without --gene")
        _write_importance(explain_dataset(session, model, dataset, rows=rows), form)
        return
    found = explain_gene(
        session,
        model,
        dataset,
        gene,
        positions=tuple(position - 1 for position in positions),
        threshold=threshold,
        artifacts=artifacts,
        test_name=test_name,
    )
    _write_gene(found, form)


def _write_importance(importance: dict[str, Any], form: str) -> None:
    if form == "json":
        write_json(importance)
        return
    names = ("feature", "group", "neither", "acceptor", "donor", "mean")
    rows = [[str(row[name]) for name in names] for row in importance["features"]]
    if form == "csv":
        _write_csv(names, rows)
        return
    if importance["method"] == "none":
        raise ConfigError(str(importance["reason"]))
    click.echo(f"{importance['method']}, {importance['rows']:,} rows")
    groups = [[row["group"], str(row["features"]), *(str(row[n]) for n in names[2:])] for row in importance["groups"]]
    write_table(("group", "features", *names[2:]), groups)
    click.echo()
    write_table(names, rows)


def _write_gene(found: Explanation, form: str) -> None:
    table = found.table()
    one_based = table.column("position").to_numpy() + 1
    names = table.schema.names
    if form == "csv":
        rows = zip(one_based.tolist(), *(table.column(name).to_pylist() for name in names[1:]), strict=True)
        _write_csv(names, [[str(cell) for cell in row] for row in rows])
        return
    if form == "json":
        write_json(_json(found))
        return
    groups = found.by_group()
    for row, position in enumerate((found.positions + 1).tolist()):
        scores = found.scores[row]
        kind = 1 if scores[1] >= scores[2] else 2
        name = ("neither", "acceptor", "donor")[kind]
        gene = found.gene
        place = f"{gene.contig}:{position:,} ({gene.strand}) {gene.gene_name}" if gene is not None else str(position)
        click.echo(f"{place}  acceptor {scores[1]:.4f}  donor {scores[2]:.4f}")
        for group, shares in sorted(groups.items(), key=lambda item: -abs(item[1][row, kind])):
            click.echo(f"  {group}: {shares[row, kind]:+.3f} to {name}")
        order = sorted(range(len(found.columns)), key=lambda i: -abs(found.shares[row, kind, i]))[:_TOP]
        for i in order:
            value, share = found.features[row, i], found.shares[row, kind, i]
            click.echo(f"    {found.columns[i]} = {value:.4g}: {share:+.3f}")


def _json(found: Explanation) -> dict[str, Any]:
    groups = found.by_group()
    rows = []
    for row, position in enumerate((found.positions + 1).tolist()):
        value = [None if math.isnan(x) else float(x) for x in found.features[row].tolist()]
        rows.append(
            {
                "position": position,
                "scores": dict(zip(("neither", "acceptor", "donor"), found.scores[row].tolist(), strict=True)),
                "values": dict(zip(found.columns, value, strict=True)),
                "bias": found.shares[row, :, -1].tolist(),
                "groups": {name: shares[row].tolist() for name, shares in groups.items()},
                "contributions": {
                    name: found.shares[row, :, number].tolist() for number, name in enumerate(found.columns)
                },
            }
        )
    gene = None if found.gene is None else {"gene_id": found.gene.gene_id, "gene_name": found.gene.gene_name}
    return {"gene": gene, "coordinates": "1-based", "classes": ["neither", "acceptor", "donor"], "positions": rows}


def _write_csv(header: Any, rows: Any) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)

"""The command ``splicecore-consensus``."""

from __future__ import annotations

import click
from splicecore.api import SplicecoreError

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="splicecore-consensus")
def main() -> None:
    """Make parameters for the base model "consensus"."""


@main.command("learn")
@click.option("--fasta", required=True, help="Reference genome, plain or bgzip FASTA.")
@click.option("--annotation", required=True, help="Its annotation, GTF, GFF3 or SpliceAI table.")
@click.option("--exclude-contigs", default="", metavar="A,B", help="Contigs to keep for tests, such as 1,3,5,7,9.")
@click.option("-o", "--output", required=True, help="Parameter file to write, such as consensus.json.")
def learn_command(fasta: str, annotation: str, exclude_contigs: str, output: str) -> None:
    """Learn parameters from the genes of an annotation.

    Use them with: splicecore run --base-model consensus --models-dir FILE
    """
    from splicecore.api import Reference, read_annotation

    from splicecore_consensus.training import learn

    excluded = [name.strip() for name in exclude_contigs.split(",") if name.strip()]
    try:
        with Reference.open(fasta) as reference:
            parameters = learn(reference, read_annotation(annotation), exclude_contigs=excluded)
        parameters.save(output)
    except SplicecoreError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(int(error.exit_code)) from error
    facts = parameters.provenance
    click.echo(
        f"{output}: learned from {facts.n_donors:,} donors and {facts.n_acceptors:,} acceptors "
        f"in {facts.n_genes:,} genes ({facts.n_positions:,} positions)"
    )

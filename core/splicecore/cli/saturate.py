"""``splicecore saturate``."""

from __future__ import annotations

from typing import Any

import click

from splicecore.cli.pass_options import common_options, option
from splicecore.cli.variants import FORMS, MODELS, RULES, WORK, add, score
from splicecore.session import Session
from splicecore.variants.saturate_config import SaturateConfig

__all__ = ["command"]

_PLACE = (
    option("--gene", "-g", envvar=None, metavar="A,B", help="Genes, by name or id: all of their transcripts' bases."),
    option("--region", envvar=None, metavar="CHR:FROM-TO", help="Region, 1-based, both ends included."),
    option("--snvs/--no-snvs", envvar=None, type=bool, help="The three substitutions of every base (the default)."),
    option("--insertions/--no-insertions", envvar=None, type=bool, help="Insertions of one base."),
    option("--deletions", envvar=None, type=int, metavar="N", help="Deletions of 1 to N bases, up to 4."),
)


@click.command("saturate")
@add((*_PLACE, *MODELS, *RULES, *FORMS, *WORK))
@common_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int:
    """Score every small variant of genes or of a region.

    Writes what `splicecore variants` would for a VCF of all substitutions there (and insertions of one base, deletions
    of up to 4), one allele a record, each change once. Options may also come from a TOML file's [saturate] table.
    """
    return score(ctx, "saturate", SaturateConfig, Session.run_saturate, **options)

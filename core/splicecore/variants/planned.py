"""A pass over a VCF that is ready to be done: what was asked for, what was opened, and where it goes on from."""

from __future__ import annotations

import attrs

from splicecore.variants.blocks import Plan
from splicecore.variants.config import VariantsConfig
from splicecore.variants.opening import Opened
from splicecore.variants.vcf import VcfSource
from splicecore.variants.work import WorkFolder

__all__ = ["VariantPass"]


@attrs.frozen(kw_only=True, eq=False)
class VariantPass:
    """A planned pass.

    Attributes
    ----------
    config
        What was asked for.
    source
        The input.
    opened
        Genome, annotation and base models.
    work
        The claimed folder of what there is so far.
    plan
        The input's records in blocks.
    """

    config: VariantsConfig
    source: VcfSource
    opened: Opened
    work: WorkFolder
    plan: Plan

"""Positions enhanced by features of the base model's scores at and around them, the same as meta-models are given."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs
import pyarrow as pa

from splicecore.assess.schemas import POSITIONS
from splicecore.features.configs import FeatureConfig
from splicecore.features.pipeline import FeaturePipeline
from splicecore.genome.arrow import numbers
from splicecore.plugins.host import PluginHost

if TYPE_CHECKING:
    from splicecore.predict.blocks import Block

__all__ = ["SETS", "enhance", "enhanced_schema"]

SETS = ("probability", "context")
"""Feature sets whose columns follow those of the positions."""


@functools.cache
def _pipeline() -> FeaturePipeline:
    """Open the core's own sets; no column of theirs depends on the model's name."""
    return FeaturePipeline.open(FeatureConfig(sets=SETS), PluginHost(), ["primary"])


@functools.cache
def enhanced_schema() -> pa.Schema:
    """Return the columns of the positions, then those features that are not among them."""
    known = set(POSITIONS.names)
    fields = [field for field in _pipeline().schema if field.name not in known]
    return pa.schema([*POSITIONS, *fields]).with_metadata(POSITIONS.metadata)


def enhance(block: Block, positions: pa.Table) -> pa.Table:
    """Add the features to a gene's positions.

    Parameters
    ----------
    block
        The gene and its scores; the first model's are taken.
    positions
        Table of the schema :data:`~splicecore.assess.schemas.POSITIONS`.

    Returns
    -------
    Table of :func:`enhanced_schema`, the same rows
    """
    primary = attrs.evolve(block, scores={"primary": next(iter(block.scores.values()))})
    features = _pipeline().compute(primary, numbers(positions, "rel_position"))
    schema = enhanced_schema()
    known = set(positions.schema.names)
    columns = [positions.column(name) if name in known else features.column(name) for name in schema.names]
    return pa.Table.from_arrays(columns, schema=schema)

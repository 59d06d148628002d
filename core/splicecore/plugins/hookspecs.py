"""The hooks: what a plugin may implement, each with a complete plugin as its example.

A plugin is a light module that an entry point of the group :data:`ENTRY_POINT_GROUP` names. Its hooks yield
descriptors; heavy imports (a machine-learning framework) belong into the module that a descriptor's ``factory`` names,
which is the plugin's own module only as long as that stays light. The first line of each example names its file.
The modules of :mod:`splicecore.plugins.hooks` specify them, a family each; here they are all.
"""

from __future__ import annotations

from splicecore.plugins.hooks.interface import (
    API_VERSION,
    ENTRY_POINT_GROUP,
    PROJECT,
    REMOVED_HOOKS,
    hookimpl,
    hookspec,
)
from splicecore.plugins.hooks.models import splicecore_base_models, splicecore_meta_models, splicecore_open_base_model
from splicecore.plugins.hooks.positions import splicecore_feature_sets, splicecore_uncertainty_strategies
from splicecore.plugins.hooks.resources import splicecore_resource_finders
from splicecore.plugins.hooks.running import (
    splicecore_executors,
    splicecore_run_finished,
    splicecore_run_started,
    splicecore_shard_finished,
)

__all__ = [
    "API_VERSION",
    "ENTRY_POINT_GROUP",
    "PROJECT",
    "REMOVED_HOOKS",
    "hookimpl",
    "hookspec",
    "splicecore_base_models",
    "splicecore_executors",
    "splicecore_feature_sets",
    "splicecore_meta_models",
    "splicecore_open_base_model",
    "splicecore_resource_finders",
    "splicecore_run_finished",
    "splicecore_run_started",
    "splicecore_shard_finished",
    "splicecore_uncertainty_strategies",
]

"""The hooks, family by family; :mod:`splicecore.plugins.hookspecs` has them all."""

"""Pangolin's networks as a splicecore base model, built from splicenet's parts."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"

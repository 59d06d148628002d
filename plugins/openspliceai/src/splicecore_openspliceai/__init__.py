"""OpenSpliceAI's networks, of any species and context, as a splicecore base model."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"

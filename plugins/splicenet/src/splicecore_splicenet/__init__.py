"""Engine for the SpliceAI family of dilated residual networks. Holds no weights; imports torch only to compute."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"

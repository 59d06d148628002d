"""Meta-models for splicecore: gradient-boosted trees and linear models that recalibrate base scores."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"

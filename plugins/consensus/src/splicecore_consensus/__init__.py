"""Splice-site consensus as a base model of splicecore: weight arrays learned from an annotation, NumPy only."""

from __future__ import annotations

__all__: list[str] = []

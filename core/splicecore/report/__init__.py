"""The report of a run for people: one page that opens offline, with zoomable tracks of genes."""

from __future__ import annotations

from splicecore.report.writing import write_report

__all__ = ["write_report"]

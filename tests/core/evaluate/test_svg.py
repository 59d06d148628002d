"""Plots as SVG: labels that can be read."""

from __future__ import annotations

import itertools
import re

import pytest
from splicecore.evaluate.svg import interval_plot


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((-0.01, 0.8), ["+0.00%", "+80.00%"]),  # the lowest would lie on zero
        ((-0.5, 0.8), ["-50.00%", "+0.00%", "+80.00%"]),
        ((0.0, 0.0), ["+0.00%"]),
    ],
)
def test_labels_of_intervals_do_not_overlap(values, expected):
    plot = interval_plot("title", [("model", sum(values) / 2, values, 0)])
    found = {float(x): text for x, text in re.findall(r'tick middle" x="([\d.]+)"[^>]*>([^<]*)<', plot)}
    assert [found[x] for x in sorted(found)] == expected
    assert all(right - left >= 60 for left, right in itertools.pairwise(sorted(found)))

"""Testing kit for splicecore and its plugins: simulated genomes, conformance suites, pytest fixtures.

Nothing is imported here: name the module that is wanted, such as :mod:`splicecore.testing.simulate`.
"""

from __future__ import annotations

__all__: list[str] = []

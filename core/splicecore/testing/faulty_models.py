"""The base model of :mod:`splicecore.testing.fakes` with one mistake at a time, for every conformance check.

They prove that the conformance suite notices: each makes a mistake that real models make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.plugins.specs import OpenRequest
from splicecore.testing.faulty_conduct import FAULTY_CONDUCT
from splicecore.testing.faulty_scores import FAULTY_SCORES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore.testing.fakes import CompleteMotifModel

__all__ = ["FAULTS", "faulty_request"]

FAULTS: Mapping[str, type[CompleteMotifModel]] = {**FAULTY_SCORES, **FAULTY_CONDUCT}
"""Models with one mistake each, by the mistake's name; open one with :func:`faulty_request`."""


def faulty_request(fault: str) -> OpenRequest:
    """Say how to open the model with that mistake (a key of :data:`FAULTS`)."""
    return OpenRequest(config={"fault": fault})

"""The check of a base model's memory against what its descriptor declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.testing.conformance.case import BaseModelCase, expect, skip
from splicecore.testing.conformance.isolation import in_new_process

if TYPE_CHECKING:
    from splicecore.plugins.specs import BaseModelSpec

__all__ = ["check_memory"]


def check_memory(case: BaseModelCase) -> None:
    """Check that opening the model and its largest call add no more memory to a new process than the spec declares.

    Remedy: declare what this check measured, or score in smaller pieces inside predict.
    """
    declared = case.spec.memory
    if declared is None:
        skip("the spec declares no memory")
    with case.open() as model:
        spec = model.spec
    used = in_new_process("memory_used", case.opener, case.spec, case.request, _largest(case, spec))
    if used is None:
        skip("this system does not tell the largest memory of a process")
    expect(used <= declared, f"{used / 1e6:.0f} MB are used, {declared / 1e6:.0f} MB are declared")


def _largest(case: BaseModelCase, spec: BaseModelSpec) -> tuple[int, int]:
    """Windows and positions of the largest call."""
    if spec.output_length is None:
        return 1, spec.max_positions
    return max(1, spec.max_positions // spec.output_length), case.positions(spec)

"""What client and server both know: paths, headers, and how a model is described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from splicecore.api import BaseModel, BaseModelSpec

__all__ = [
    "FINGERPRINT",
    "MODEL_PATH",
    "PREDICT_PATH",
    "SHAPE",
    "VERSION",
    "describe",
    "described_spec",
    "read_shape",
    "write_shape",
]

VERSION = 1
"""Of the protocol; a client refuses a server of another one."""
MODEL_PATH = "/v1/model"
PREDICT_PATH = "/v1/predict"
SHAPE = "X-Shape"
FINGERPRINT = "X-Fingerprint"

_TAKEN_OVER = (
    "left",
    "right",
    "output_length",
    "position_invariant",
    "outputs",
    "builds",
    "max_positions",
    "tolerance",
)
_TOLD = ("name", *_TAKEN_OVER, "licence", "citation")


def describe(model: BaseModel) -> dict[str, Any]:
    """Describe an opened model, JSON-able."""
    told = {name: getattr(model.spec, name) for name in _TOLD}
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}
    return {"protocol": VERSION, "fingerprint": model.fingerprint, **listed}


def described_spec(spec: BaseModelSpec, description: dict[str, Any]) -> BaseModelSpec:
    """Return the descriptor with what the server says of its model.

    Raises
    ------
    KeyError, TypeError, ValueError, ContractError
        If the description is incomplete or makes no sense.
    """
    changes: dict[str, Any] = {name: description[name] for name in _TAKEN_OVER}
    numbers = [changes[name] for name in ("left", "right", "max_positions")]
    if any(type(number) is not int for number in numbers) or not isinstance(description["fingerprint"], str):
        raise TypeError("left, right and max_positions are numbers, the fingerprint is a string")
    told = " ".join(f"{description['name']}, behind a server; licence: {description['licence']}".split())
    return attrs.evolve(spec, summary=told, **changes)


def write_shape(shape: tuple[int, ...]) -> str:
    """Write a shape as a header has it."""
    return ",".join(map(str, shape))


def read_shape(text: str | None) -> tuple[int, ...] | None:
    """Read a header; None if it is no shape."""
    parts = (text or "").split(",")
    if not all(part.isascii() and part.isdecimal() and len(part) < 12 for part in parts):
        return None
    return tuple(int(part) for part in parts)

"""How the two sides speak: framed Arrow IPC streams, one record batch each, with a JSON head in the schema's metadata.

A frame is :data:`MAGIC`, the length of what follows as a little-endian uint64, and an Arrow IPC stream. The stream's
schema is (shape: list<int64>, values: large_list<T>): a row per array, flat, all of one T. The worker begins with a
frame that has :data:`PROTOCOL` in its head; this part stays as it is whatever version follows.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

__all__ = ["HEADER", "LOG_MARK", "MAGIC", "PROTOCOL", "ProtocolError", "decode", "encode", "frame_length", "read_frame"]

PROTOCOL = 1
"""Of the requests and replies; both sides must have the same."""

MAGIC = b"\x93SPLICE\n"
"""Begins every frame."""

LOG_MARK = "\x1e"
"""Begins a line of the worker's stderr that is a record of :mod:`logging`: [level, logger, message] as JSON."""

HEADER = struct.Struct(f"<{len(MAGIC)}sQ")

_KEY = b"splicecore"
_LISTS: Any = pa.LargeListArray.from_arrays  # its type stubs know no arrays made of NumPy's


class ProtocolError(Exception):
    """What came is not a frame."""


def encode(head: Mapping[str, Any], arrays: Sequence[npt.NDArray[Any]] = ()) -> memoryview:
    """Make a frame.

    Parameters
    ----------
    head
        JSON-able.
    arrays
        Numbers of any shape, all of one dtype; not modified.

    Raises
    ------
    ProtocolError
        If the arrays differ in dtype, or Arrow has no such numbers.
    """
    dtypes = {array.dtype for array in arrays}
    if len(dtypes) > 1 or any(dtype.kind not in "biuf" for dtype in dtypes):
        raise ProtocolError(f"arrays of {' and '.join(sorted(map(str, dtypes)))} cannot be sent")
    flat = [np.ascontiguousarray(array).reshape(-1) for array in arrays]
    values = flat[0] if len(flat) == 1 else np.concatenate(flat or [np.zeros(0, np.uint8)])
    offsets = np.cumsum([0, *(each.size for each in flat)], dtype=np.int64)
    lists = _LISTS(pa.array(offsets), pa.array(values))
    shapes = pa.array([list(array.shape) for array in arrays], pa.list_(pa.int64()))
    schema = pa.schema([("shape", shapes.type), ("values", lists.type)], metadata={_KEY: json.dumps(head)})
    sink = pa.BufferOutputStream()
    sink.write(HEADER.pack(MAGIC, 0))
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays([shapes, lists], schema=schema))
    frame = bytearray(sink.getvalue())
    HEADER.pack_into(frame, 0, MAGIC, len(frame) - HEADER.size)
    return memoryview(frame)


def frame_length(header: bytes | bytearray) -> int:
    """Read a frame's first bytes; returns how many follow.

    Raises
    ------
    ProtocolError
        If they are not those of a frame.
    """
    magic, length = HEADER.unpack(header)
    if magic != MAGIC:
        raise ProtocolError(f"a frame begins with {bytes(header[: len(MAGIC)])!r}")
    return int(length)


def decode(payload: bytes | bytearray) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
    """Read what follows a frame's first bytes.

    Returns
    -------
    The head, and the arrays: own memory, writable.

    Raises
    ------
    ProtocolError
        If that is not what :func:`encode` writes.
    """
    try:
        with pa.ipc.open_stream(pa.py_buffer(payload)) as reader:
            head = json.loads((reader.schema.metadata or {})[_KEY])
            batch = reader.read_next_batch()
        shapes, lists = batch.column("shape").to_pylist(), batch.column("values")
        arrays = [
            lists[row].values.to_numpy(zero_copy_only=False).reshape(shape).copy() for row, shape in enumerate(shapes)
        ]
    except (pa.ArrowInvalid, StopIteration, KeyError, ValueError, OSError) as error:
        raise ProtocolError(f"a frame that cannot be read: {type(error).__name__}: {error}") from error
    if not isinstance(head, dict):
        raise ProtocolError(f"a frame with the head {head!r}")
    return head, arrays


def read_frame(read_exactly: Callable[[int], bytearray]) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
    """Read one frame by a function that returns as many bytes as it is asked for."""
    return decode(read_exactly(frame_length(read_exactly(HEADER.size))))

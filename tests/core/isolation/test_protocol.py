"""Frames: what goes in comes out, bit for bit, and what is no frame is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from splicecore.isolation.protocol import HEADER, ProtocolError, decode, encode, frame_length, read_frame

DTYPES = st.sampled_from([np.uint8, np.float32, np.float64, np.int64])
JSON = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5), st.lists, max_leaves=5)


def sent(head, arrays):
    frame = bytes(encode(head, arrays))
    assert frame_length(frame[: HEADER.size]) == len(frame) - HEADER.size
    return decode(frame[HEADER.size :])


@given(head=st.dictionaries(st.text(max_size=5), JSON, max_size=3), dtype=DTYPES, data=st.data())
def test_a_frame_holds_what_was_put_in(head, dtype, data):
    shapes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)
    arrays = data.draw(st.lists(shapes.flatmap(lambda shape: hnp.arrays(dtype, shape)), max_size=3))
    found, received = sent(head, arrays)
    assert found == head
    assert len(received) == len(arrays)
    for before, after in zip(arrays, received, strict=True):
        assert (after.dtype, after.shape) == (before.dtype, before.shape)
        assert after.tobytes() == before.tobytes()
        assert after.flags.writeable


def test_slices_and_transposed_arrays_are_sent_as_they_look():
    codes = np.arange(24, dtype=np.uint8).reshape(4, 6)
    for array in (codes[:, 1:4], codes.T, codes[::-1], codes[:, None]):
        np.testing.assert_array_equal(sent({}, [array])[1][0], array)


@pytest.mark.parametrize(
    "arrays", [[np.zeros(1, np.float32), np.zeros(1)], [np.array(["a"])], [np.array([None])], [np.zeros(1, complex)]]
)
def test_arrays_that_cannot_be_sent(arrays):
    with pytest.raises(ProtocolError, match="cannot be sent"):
        encode({}, arrays)


@pytest.mark.parametrize("damage", ["magic", "cut", "noise", "head"])
def test_damaged_frames(damage):
    frame = bytearray(encode({"a": 1}, [np.zeros(3, np.float32)]))
    if damage == "magic":
        frame[0] ^= 1
        with pytest.raises(ProtocolError, match="begins with"):
            frame_length(frame[: HEADER.size])
        return
    payload = frame[HEADER.size :]
    wrong = {
        "cut": payload[: len(payload) // 2],
        "noise": b"noise" * 9,
        "head": payload.replace(b'{"a": 1}', b"[[[[1]]]"),
    }
    with pytest.raises(ProtocolError, match=r"cannot be read|with the head"):
        decode(bytes(wrong[damage]))


def test_frames_are_read_one_after_another():
    stream = bytearray(encode({"n": 1})) + bytearray(encode({"n": 2}, [np.ones(2, np.uint8)]))

    def read_exactly(size):
        data = stream[:size]
        del stream[:size]
        return data

    assert read_frame(read_exactly) == ({"n": 1}, [])
    assert read_frame(read_exactly)[0] == {"n": 2}
    assert not stream

"""Depth as 32-bit OpenEXR: metres and camera as written, other programs' files, and what is refused."""

from __future__ import annotations

import struct
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialfusion.errors import InputError
from spatialfusion.geometry.exr import decode_exr, encode_exr
from spatialfusion.geometry.files import load_geometry, save_geometry
from spatialfusion.geometry.geometry import Geometry

av = pytest.importorskip("av")


def geometry(width: int, height: int, fx=0.9, fy=1.1, cx=0.5, cy=0.5, seed=0) -> Geometry:
    generator = torch.Generator().manual_seed(seed)
    depth = torch.rand(1, height, width, generator=generator) * 300 + 1e-3
    valid = torch.rand(1, height, width, generator=generator) > 0.2
    return Geometry(depth, valid, torch.tensor([[[fx, 0, cx], [0, fy, cy], [0, 0, 1]]]))


def encode(pixels: np.ndarray, kind: str, **options: str) -> bytes:
    """An EXR as another program writes it."""
    codec = av.CodecContext.create("exr", "w")
    codec.height, codec.width = pixels.shape[:2]
    codec.pix_fmt, codec.time_base, codec.options = kind, Fraction(1, 1), options
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels, np.float32), format=kind)
    frame.pts, frame.time_base = 0, codec.time_base
    return b"".join(bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None)))


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    *[st.floats(0.2, 4)] * 2,
    *[st.floats(-0.5, 1.5)] * 2,
    st.integers(0, 99),
)
def test_metres_come_back_exactly_and_the_camera_to_float_precision(tmp_path_factory, w, h, fx, fy, cx, cy, seed):
    path, before = tmp_path_factory.mktemp("exr") / "depth.exr", geometry(w, h, fx, fy, cx, cy, seed)
    save_geometry(path, before)
    after = load_geometry(path)
    assert torch.equal(after.valid, before.valid)
    assert torch.equal(after.depth[after.valid], before.depth[before.valid])
    torch.testing.assert_close(after.intrinsics, before.intrinsics, rtol=1e-5, atol=1e-6)


def test_pixels_are_32_bit_metres_for_every_reader(tmp_path):
    """Read here by PyAV alone: one channel, linear, 0 where unknown."""
    path, saved = tmp_path / "depth.exr", geometry(7, 5)
    save_geometry(path, saved)
    with av.open(str(path)) as container:
        (frame,) = container.decode(video=0)
    assert frame.format.name == "grayf32le"
    assert np.array_equal(frame.to_ndarray(), saved.filled(0)[0].numpy())


@pytest.mark.parametrize("options", [{}, {"format": "half"}, {"compression": "zip16"}], ids=str)
def test_a_renderers_file_is_read(tmp_path, options):
    depth = np.array([[2.5, 1e10, 4.0], [0.0, np.inf, np.nan]], np.float32)
    if "format" in options:
        depth[0, 1] = np.inf
    path = tmp_path / "z.exr"
    path.write_bytes(encode(np.repeat(depth[..., None], 3, -1), "gbrpf32le", **options))
    read = load_geometry(path)
    assert read.valid.tolist() == [[[True, False, True], [False, False, False]]]
    assert read.depth[0, 0, 0] == 2.5 and read.depth[0, 0, 2] == 4.0
    # Without a camera in the file the screen window is 1 wide.
    assert read.intrinsics[0].tolist() == [[1, 0, 0.5], [0, 1.5, 0.5], [0, 0, 1]]


def test_an_image_in_colour_is_refused(tmp_path):
    path = tmp_path / "picture.exr"
    path.write_bytes(encode(np.random.default_rng(0).random((4, 4, 3)), "gbrpf32le"))
    with pytest.raises(InputError, match="image in colour; expected depth"):
        load_geometry(path)


def test_what_is_no_exr_is_refused_by_name():
    whole = encode_exr(np.ones((4, 6), np.float32), np.eye(3))
    for data in (b"", b"PNG and so on", b"\x76\x2f\x31\x01"):
        with pytest.raises(InputError, match=r"z\.exr is (not|damaged)"):
            decode_exr(data, "z.exr")
    for length in range(0, len(whole) - 200, 7):
        with pytest.raises(InputError, match=r"z\.exr"):
            decode_exr(whole[:length], "z.exr")
    with pytest.raises(InputError, match="several parts"):
        decode_exr(whole[:5] + b"\x10" + whole[6:], "z.exr")


def test_a_header_that_asks_for_too_much_is_refused_before_memory_is_taken():
    whole = encode_exr(np.ones((4, 6), np.float32), np.eye(3))
    at = whole.index(b"box2i\0") + 10
    lying = whole[:at] + struct.pack("<4i", 0, 0, 2**20, 2**20) + whole[at + 16 :]
    with pytest.raises(InputError, match=r"z\.exr has 1048577x1048577 pixels"):
        decode_exr(lying, "z.exr")


def test_a_batch_is_refused(tmp_path):
    one = geometry(4, 4)
    two = Geometry(*(torch.cat([x, x]) for x in (one.depth, one.valid, one.intrinsics)))
    with pytest.raises(InputError, match=r"\.exr holds one image, the batch has 2"):
        save_geometry(tmp_path / "a.exr", two)
    assert not list(tmp_path.iterdir())

"""Depth in metres as 32-bit OpenEXR, the file in which renderers and compositors pass depth on.

PyAV reads and writes the pixels, as ComfyUI itself does it. The camera stands in the header's own words for it: the
screen window, which is the image's frame at distance 1, and the ratio of a pixel's sides.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import InputError
from ..images import check_pixels

_MAGIC = b"\x76\x2f\x31\x01"
_MULTIPART = 0x1000
_HEADER_BYTES = 2**26  # ComfyUI's own files carry whole workflows in theirs


def encode_exr(depth: np.ndarray, intrinsics: np.ndarray) -> bytes:
    """An EXR of one channel Y.

    depth [H, W] float32: metres, 0 where unknown. intrinsics [3, 3]: normalised by the image's size.
    """
    height, width = depth.shape
    av = _pyav()
    codec = av.CodecContext.create("exr", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = width, height, "grayf32le", Fraction(1, 1)
    codec.sample_aspect_ratio = Fraction(1, 1)  # so that there is room for it in the header
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(depth, np.float32), format="grayf32le")
    frame.pts, frame.time_base = 0, codec.time_base
    data = bytearray(b"".join(bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None))))
    fx, fy, cx, cy = (float(intrinsics[i]) for i in ((0, 0), (1, 1), (0, 2), (1, 2)))
    camera = {
        "screenWindowWidth": struct.pack("<f", 1 / fx),
        "screenWindowCenter": struct.pack("<2f", (0.5 - cx) / fx, (cy - 0.5) / fy),
        "pixelAspectRatio": struct.pack("<f", fy * height / (fx * width)),
    }
    places = _attributes(bytes(data))
    for name, value in camera.items():
        start, end = places[name]
        data[start:end] = value
    return bytes(data)


def decode_exr(data: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Metres [H, W] float32 as they stand in the file, and normalised intrinsics [3, 3] from its screen window.

    A file that says nothing of its camera has a screen window of width 1, a field of view of 53 degrees. `name` is the
    file's, for errors. Raises InputError for what is no EXR of one part, for colours, and for other channels than Y or
    R, G, B.
    """
    places = _attributes(data, name)
    display, drawn = (_read(data, places, f"{kind}Window", "<4i", name) for kind in ("display", "data"))
    for left, top, right, bottom in (display, drawn):
        if right < left or bottom < top:
            raise _damaged(name)
        check_pixels((right - left + 1, bottom - top + 1), name)
    (window,) = _read(data, places, "screenWindowWidth", "<f", name)
    across, along = _read(data, places, "screenWindowCenter", "<2f", name)
    (aspect,) = _read(data, places, "pixelAspectRatio", "<f", name) if "pixelAspectRatio" in places else (1.0,)
    width, height = display[2] - display[0] + 1, display[3] - display[1] + 1
    if not (np.isfinite([window, across, along, aspect]).all() and window > 0 and aspect > 0):
        raise InputError(f"{name} has a screen window of width {window:g} and pixels of ratio {aspect:g}.")
    fx, fy = 1 / window, width * aspect / (window * height)
    intrinsics = np.array([[fx, 0, 0.5 - across * fx], [0, fy, 0.5 + along * fy], [0, 0, 1]], dtype=np.float32)
    channels = _channels(data, name)
    if not all(np.array_equal(channels[0], other, equal_nan=True) for other in channels[1:]):
        raise InputError(f"{name} is an image in colour; expected depth in metres, in one channel or in three alike.")
    if channels[0].shape != (height, width):
        raise _damaged(name)
    return channels[0].astype(np.float32), intrinsics


def _channels(data: bytes, name: str) -> list[np.ndarray]:
    """Y, or those of the colours."""
    av = _pyav()
    try:
        codec: Any = av.CodecContext.create("exr", "r")
        (frame,) = list(codec.decode(av.Packet(data))) + list(codec.decode(None))
        # Not PyAV's own arrays: it has none of 16-bit floating point, and its conversions lose infinity.
        kind = np.dtype({"f32le": "<f4", "f16le": "<f2"}[frame.format.name[-5:]])
        rows = (np.frombuffer(p, kind).reshape(p.height, -1)[:, : p.width] for p in frame.planes[:3])
        return list(rows)
    except (av.error.FFmpegError, KeyError, ValueError, MemoryError):
        raise InputError(
            f"{name} cannot be read; expected an EXR with depth in the channel Y or in R, G and B alike, in one part."
        ) from None


def _attributes(data: bytes, name: str = "the file") -> dict[str, tuple[int, int]]:
    """Where the value of each attribute of the header begins and ends."""
    if data[:4] != _MAGIC:
        raise InputError(f"{name} is not an OpenEXR file.")
    if int.from_bytes(data[4:8], "little") & _MULTIPART:
        raise InputError(f"{name} has several parts; expected an EXR of one part.")
    places, at = {}, 8
    try:
        while data[at]:
            end = data.index(0, at, at + 256)
            start = data.index(0, end + 1, end + 257) + 5
            (size,) = struct.unpack_from("<i", data, start - 4)
            if size < 0 or start + size > min(len(data), _HEADER_BYTES):
                raise ValueError
            places[data[at:end].decode("latin-1")] = start, start + size
            at = start + size
    except (ValueError, IndexError, struct.error):
        raise _damaged(name) from None
    return places


def _read(data: bytes, places: dict[str, tuple[int, int]], key: str, form: str, name: str) -> tuple:
    """The numbers of an attribute that every EXR has."""
    start, end = places.get(key, (0, 0))
    if end - start != struct.calcsize(form):
        raise _damaged(name)
    return struct.unpack(form, data[start:end])


def _damaged(name: str) -> InputError:
    return InputError(f"{name} is damaged or cut short; expected an OpenEXR file.")


def _pyav() -> ModuleType:
    try:
        import av
    except ImportError:
        raise InputError("EXR files need PyAV, which is not installed: pip install av.") from None
    return av

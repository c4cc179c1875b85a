"""Files of a geometry: exact (.npz), as an image (16-bit .png with a .json, 32-bit .exr), points (.ply), mesh (.glb).

A .ply or .glb has its origin at the camera, lengths in metres and glTF's axes (x right, y up, -z forward), so that it
stands upright in viewers.
"""

from __future__ import annotations

import io
import json
import math
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..errors import InputError
from ..files import atomic_file
from ..images import MAX_PIXELS, check_pixels, open_image, to_image, to_rgb, to_tensor
from .depth_image import colorize
from .exr import decode_exr, encode_exr
from .geometry import DEPTH_RANGE, Geometry
from .log_depth import CODES, encode_log_depth

_ARRAYS = ("depth", "valid", "intrinsics")
_NPZ = "expected depth [B, H, W] float32, valid [B, H, W] bool, intrinsics [B, 3, 3] float32"
MAX_BATCH_PIXELS = 2**29  # of all depth maps of a file
# Beyond these viewers give up, and a .glb its 32-bit lengths.
_MOST_POINTS, _MOST_MESH = 2**27, 2**24
_SIDECAR_BYTES = 2**16  # more than any has
_PNG_FORMAT = "spatialfusion-depth-1"
_ENDINGS = ".npz, .exr or .png"


def save_geometry(path: str | os.PathLike, geometry: Geometry) -> None:
    """Write a geometry as .npz (any batch, exact), .exr or 16-bit .png with a .json beside it (one image each).

    The .exr holds metres as 32-bit floating point, 0 where depth is not valid, and the camera as its screen window.

    The .png holds log depth: metres = exp(offset + scale * code) with offset and scale from the .json, code 0 where
    depth is not valid. The scale fits the image's own range: the relative error is at most ln(far / near) / 131068,
    5e-5 for 0.1 to 100 m.
    """
    path = Path(path)
    if path.suffix.lower() == ".npz":
        with atomic_file(path) as temporary, temporary.open("wb") as file:
            depth, valid, intrinsics = (_numpy(getattr(geometry, name)) for name in _ARRAYS)
            np.savez_compressed(file, depth=depth, valid=valid, intrinsics=intrinsics)
    elif path.suffix.lower() == ".png":
        _require_single(geometry, ".png", MAX_PIXELS)
        codes, sidecar = _encode_depth(geometry)
        with atomic_file(path) as temporary_image, atomic_file(path.with_suffix(".json")) as temporary_sidecar:
            Image.fromarray(codes).save(temporary_image)
            temporary_sidecar.write_text(json.dumps(sidecar, indent=2) + "\n", encoding="utf-8")
    elif path.suffix.lower() == ".exr":
        _require_single(geometry, ".exr", MAX_PIXELS)
        data = encode_exr(_numpy(geometry.filled(0)[0]), _numpy(geometry.intrinsics[0]))
        with atomic_file(path) as temporary:
            temporary.write_bytes(data)
    else:
        raise InputError(f"cannot save a geometry as {path.name!r}; expected a name that ends in {_ENDINGS}.")


def load_geometry(path: str | os.PathLike) -> Geometry:
    """Read what `save_geometry` wrote: .npz, .exr, or .png with the .json beside it.

    An .exr may also be another program's: depth along the viewing direction in metres, in its channel Y or in R, G and
    B alike. What is no depth there (0, infinity, the 1e10 of a renderer's sky) is not valid.
    """
    path = Path(path)
    read = {".npz": _read_npz, ".png": _read_png, ".exr": _read_exr}.get(path.suffix.lower())
    if read is None:
        raise InputError(f"cannot load a geometry from {path.name!r}; expected a name that ends in {_ENDINGS}.")
    if not os.path.isfile(path):
        raise InputError(f"there is no file {path}; expected a geometry saved as {_ENDINGS}.")
    arrays = read(path)
    try:
        return Geometry(*(torch.from_numpy(array) for array in arrays))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def depth_sidecar(path: Path) -> Path | None:
    """The .json that makes a .png a depth image; None if there is none beside it."""
    return next((p for p in (path.with_suffix(".json"), path.with_suffix(".JSON")) if os.path.isfile(p)), None)


def save_ply(path: str | os.PathLike, geometry: Geometry, image: Tensor | Image.Image | None = None) -> None:
    """Write one image's valid pixels as a point cloud; see `encode_ply`."""
    data = encode_ply(geometry, image)
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)


def save_glb(path: str | os.PathLike, geometry: Geometry, image: Tensor | Image.Image | None = None) -> None:
    """Write one image as a triangle mesh with a texture; see `encode_glb`."""
    data = encode_glb(geometry, image)
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)


def encode_ply(geometry: Geometry, image: Tensor | Image.Image | None = None) -> bytes:
    """A binary little-endian .ply with a coloured point for each valid pixel.

    image: [1, 3, H, W] or [3, H, W] in [0, 1] or a PIL image, of any size, to take the colours from; else the depth's
        colour map.
    """
    _require_single(geometry, ".ply", _MOST_POINTS)
    _require_valid(geometry)
    color = _color_image(geometry, image)
    if color.shape[-2:] != geometry.depth.shape[-2:]:
        color = F.interpolate(color, geometry.depth.shape[-2:], mode="bilinear", antialias=True, align_corners=False)
    valid = _numpy(geometry.valid[0])
    vertices = np.empty(valid.sum(), [("position", "<f4", 3), ("color", "u1", 3)])
    vertices["position"] = _upright_points(geometry)[valid]
    vertices["color"] = np.asarray(to_image(color[0]))[valid]
    header = [
        "ply",
        "format binary_little_endian 1.0",
        "comment metres; x right, y up, -z forward; camera at the origin",
        f"element vertex {len(vertices)}",
        *(f"property float {name}" for name in ("x", "y", "z")),
        *(f"property uchar {name}" for name in ("red", "green", "blue")),
        "end_header",
    ]
    return ("\n".join(header) + "\n").encode("ascii") + vertices.tobytes()


def encode_glb(geometry: Geometry, image: Tensor | Image.Image | None = None) -> bytes:
    """A binary glTF with one mesh that connects neighbouring pixels and is cut where depth jumps.

    image: [1, 3, H, W] or [3, H, W] in [0, 1] or a PIL image, of any size, as the texture; else the depth's colour map.
    The material is unlit: an image already has its light.
    """
    _require_single(geometry, ".glb", _MOST_MESH)
    _require_valid(geometry)
    faces = _faces(geometry)
    if len(faces) == 0:
        raise InputError("no three neighbouring pixels lie on one surface, so there is no mesh; save a .ply instead.")
    is_used = np.zeros(geometry.height * geometry.width, dtype=bool)
    is_used[faces] = True
    used, faces = is_used.nonzero()[0], (is_used.cumsum() - 1)[faces]
    positions = _upright_points(geometry).reshape(-1, 3)[used]
    rows, columns = np.divmod(used, geometry.width)
    uv = np.stack([(columns + 0.5) / geometry.width, (rows + 0.5) / geometry.height], axis=-1)
    texture = io.BytesIO()
    to_image(_color_image(geometry, image)[0]).save(texture, "PNG")

    views, binary = _buffer_views(
        (positions.astype("<f4").tobytes(), _VERTICES),
        (uv.astype("<f4").tobytes(), _VERTICES),
        (faces.astype("<u4").tobytes(), _INDICES),
        (texture.getvalue(), None),
    )
    document = {
        "asset": {"version": "2.0", "generator": "SpatialFusion"},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "geometry"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}]}],
        "materials": [_UNLIT],
        "textures": [{"source": 0, "sampler": 0}],
        "images": [{"bufferView": 3, "mimeType": "image/png"}],
        "samplers": [{"magFilter": 9729, "minFilter": 9729, "wrapS": 33071, "wrapT": 33071}],  # linear, clamped
        "accessors": [
            {
                "bufferView": 0,
                "componentType": _FLOAT32,
                "count": len(positions),
                "type": "VEC3",
                "min": positions.min(0).tolist(),
                "max": positions.max(0).tolist(),
            },
            {"bufferView": 1, "componentType": _FLOAT32, "count": len(uv), "type": "VEC2"},
            {"bufferView": 2, "componentType": _UINT32, "count": faces.size, "type": "SCALAR"},
        ],
        "bufferViews": views,
        "buffers": [{"byteLength": len(binary)}],
    }
    return pack_glb(document, binary)


# Constants of glTF.
_FLOAT32, _UINT32 = 5126, 5125
_VERTICES, _INDICES = 34962, 34963
_UNLIT = {
    "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicFactor": 0.0, "roughnessFactor": 1.0},
    "extensions": {"KHR_materials_unlit": {}},
    "doubleSided": True,
}


def _buffer_views(*parts: tuple[bytes, int | None]) -> tuple[list[dict], bytearray]:
    """glTF's views of one buffer that holds these parts, each with what it is for, and the buffer."""
    views, binary = [], bytearray()
    for data, target in parts:
        kind = {} if target is None else {"target": target}
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(data), **kind})
        binary += data + bytes(-len(data) % 4)
    return views, binary


def pack_glb(document: dict, binary: bytes | bytearray) -> bytes:
    """The .glb file of a glTF document and its one buffer."""
    text = json.dumps(document, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks


def _read_npz(path: Path) -> list[np.ndarray]:
    try:
        # Opened here because numpy leaves the file open when it is not a zip archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [name for name in _ARRAYS if name not in archive]
            if missing:
                raise InputError(f"{path} has no array {missing[0]!r}; {_NPZ}.")
            for name in _ARRAYS:
                _check_array(path, name, *_array_header(archive.zip, name))
            arrays = {name: archive[name] for name in _ARRAYS}
    except InputError:
        raise
    # What numpy, zipfile and zlib raise for files that are cut short, are something else or hold pickled objects.
    except (ValueError, KeyError, EOFError, OSError, TypeError, AttributeError, MemoryError, NotImplementedError,
            RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error, struct.error):  # fmt: skip
        raise InputError(f"{path} is damaged or is not a .npz of plain arrays; {_NPZ}.") from None
    with np.errstate(over="ignore"):
        return [arrays["depth"].astype(np.float32), arrays["valid"], arrays["intrinsics"].astype(np.float32)]


def _array_header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of an array of a .npz, of which nothing else is read."""
    with archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    return shape, dtype


def _check_array(path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """A few bytes of a .npz may unpack to more than the memory holds."""
    kind = "b" if name == "valid" else "f"
    if dtype.kind != kind:
        raise InputError(f"{path}: {name} has dtype {dtype}; {_NPZ}.")
    if len(shape) != 3 or (name == "intrinsics" and shape[1:] != (3, 3)):
        raise InputError(f"{path}: {name} has shape {list(shape)}; {_NPZ}.")
    check_pixels((shape[2], shape[1]), f"{path}: {name}")
    if math.prod(shape) > MAX_BATCH_PIXELS:
        raise InputError(
            f"{path}: {name} has {shape[0]} maps of {shape[2]}x{shape[1]} pixels, more than "
            f"{MAX_BATCH_PIXELS // 10**6} million in all; expected fewer in a file."
        )


def _encode_depth(geometry: Geometry) -> tuple[np.ndarray, dict]:
    codes, near, far = encode_log_depth(_numpy(geometry.depth[0]), _numpy(geometry.valid[0]))
    scale = math.log(far / near) / (CODES - 1)
    sidecar = {
        "format": _PNG_FORMAT,
        "formula": "metres = exp(offset + scale * code); code 0 is not valid",
        "offset": math.log(near) - scale,
        "scale": scale,
        "intrinsics": _numpy(geometry.intrinsics[0]).tolist(),
    }
    return codes, sidecar


def _read_png(path: Path) -> list[np.ndarray]:
    sidecar_path = depth_sidecar(path)
    if sidecar_path is None:
        name = path.with_suffix(".json").name
        raise InputError(f"{path} has no {name} beside it; expected the pair that save_geometry writes.")
    try:
        with sidecar_path.open("rb") as file:
            sidecar = json.loads(file.read(_SIDECAR_BYTES))
    except (ValueError, RecursionError):
        raise InputError(f"{sidecar_path} is not JSON; expected the file that save_geometry writes.") from None
    if not isinstance(sidecar, dict) or sidecar.get("format") != _PNG_FORMAT:
        raise InputError(f'{sidecar_path} does not describe a depth image; expected "format": "{_PNG_FORMAT}".')
    numbers: dict[str, np.ndarray] = {}
    shapes: dict[str, tuple[int, ...]] = {"offset": (), "scale": (), "intrinsics": (3, 3)}
    for name, shape in shapes.items():
        try:
            numbers[name] = np.array(sidecar.get(name), dtype=np.float64)
        except (ValueError, TypeError, OverflowError):
            numbers[name] = np.array(np.nan)
        if numbers[name].shape != shape or not np.isfinite(numbers[name]).all():
            what = "a 3x3 matrix" if shape else "a number"
            raise InputError(f"{sidecar_path}: {name} is {sidecar.get(name)!r}; expected {what}.")
    image = open_image(path)
    mode, codes = image.mode, np.array(image)
    if mode not in ("I;16", "I;16B", "I") or codes.min() < 0 or codes.max() > CODES:
        raise InputError(f"{path} is an image of mode {mode}; expected a 16-bit grey PNG.")
    with np.errstate(over="ignore"):
        depth = np.exp(numbers["offset"] + numbers["scale"] * codes.astype(np.float64)).astype(np.float32)
    valid = codes > 0
    return [np.where(valid, depth, 0)[None], valid[None], numbers["intrinsics"][None].astype(np.float32)]


def _read_exr(path: Path) -> list[np.ndarray]:
    depth, intrinsics = decode_exr(path.read_bytes(), str(path))
    near, far = DEPTH_RANGE
    valid = (depth >= near) & (depth <= far)
    return [np.where(valid, depth, 0)[None], valid[None], intrinsics[None]]


def _faces(geometry: Geometry) -> np.ndarray:
    """Triangles [N, 3] of pixel numbers, counter-clockwise as the camera sees them, none across a cut."""
    right, down = (_numpy(x[0]) for x in geometry.connected())
    above, below, left, right = right[:-1], right[1:], down[:, :-1], down[:, 1:]
    pixel = np.arange(geometry.height * geometry.width).reshape(geometry.height, geometry.width)
    a, b, c, d = pixel[:-1, :-1], pixel[:-1, 1:], pixel[1:, :-1], pixel[1:, 1:]  # a b above c d
    at_a, at_d = above & left, below & right
    # A square that has lost b or c still has the triangle of its other diagonal.
    other = ~at_a & ~at_d
    corners = [
        (at_a, (a, c, b)),
        (at_d, (b, c, d)),
        (other & above & right, (a, d, b)),
        (other & below & left, (a, c, d)),
    ]
    return np.concatenate([np.stack([vertex[keep] for vertex in triangle], axis=-1) for keep, triangle in corners])


def _upright_points(geometry: Geometry) -> np.ndarray:
    """[H, W, 3] points in glTF's axes: half a turn about x from OpenCV's, so triangles keep their winding."""
    return _numpy(geometry.points()[0]) * np.array([1, -1, -1], dtype=np.float32)


def _color_image(geometry: Geometry, image: Tensor | Image.Image | None) -> Tensor:
    """[1, 3, H, W]"""
    if image is None:
        return colorize(geometry)
    if isinstance(image, Image.Image):
        return to_tensor(to_rgb(image))[None]
    if not isinstance(image, Tensor):
        raise InputError(f"the image is of type {type(image).__name__}; expected a tensor [1, 3, H, W] or a PIL image.")
    image = image[None] if image.ndim == 3 else image
    if image.ndim != 4 or image.shape[:2] != (1, 3) or not image.is_floating_point() or image.numel() == 0:
        raise InputError(
            f"the image has shape {list(image.shape)} and dtype {image.dtype}; expected [1, 3, height, width] of "
            "floating-point values in [0, 1]."
        )
    return image.float().nan_to_num().clamp(0, 1)


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def _require_single(geometry: Geometry, kind: str, most: int) -> None:
    if len(geometry) != 1:
        raise InputError(f"a {kind} holds one image, the batch has {len(geometry)}; select one: geometry[0].")
    if geometry.depth.numel() > most:
        raise InputError(
            f"a {kind} holds up to {most // 10**6} million pixels, and this geometry has {geometry.width}x"
            f"{geometry.height}; resize it first: geometry.resize(height, width)."
        )


def _require_valid(geometry: Geometry) -> None:
    if not geometry.valid.any():
        raise InputError("the geometry has no valid pixel, so there is nothing to save.")

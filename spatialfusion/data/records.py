"""Labelled records in Parquet shards: an image, what it is called, its metric depth, and where all of it comes from.

Notable: a shard is plain Parquet with the metadata of Hugging Face `datasets`, so `datasets.load_dataset` opens image,
depth and source image as images. Depth is a 16-bit PNG of log depth whose ends stand beside it (`log_depth.py`).
Row groups are small, so that one record can be read without its neighbours.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import InputError
from ..files import atomic_file
from ..geometry.geometry import Geometry, centred_intrinsics, focal_length
from ..geometry.log_depth import CODES, decode_log_depth, encode_log_depth
from ..images import open_image, read_image, to_rgb, to_tensor

if TYPE_CHECKING:
    import pyarrow as pa

# The camera of a record whose field of view nobody knows. Only hfov = null says so: losses on it must be masked.
ASSUMED_HFOV = 60.0
ROW_GROUP = 4

COLUMNS = {
    "id": "string",  # position in the input; no two records of a folder share it
    "image": "image",  # PNG or JPEG
    "width": "int32",
    "height": "int32",
    "caption": "string",
    "depth": "image",  # 16-bit PNG of the image's size: near * (far / near) ** ((code - 1) / 65534), 0: not valid
    "near": "float64",  # metres
    "far": "float64",
    "valid": "float32",  # share of valid pixels
    "hfov": "float32",  # degrees between the left and the right edge; null: unknown
    "hfov_source": "string",  # exact, teacher, exif, given or unknown
    "fx": "float32",  # normalised intrinsics: fx and cx over the width, fy and cy over the height; null: unknown
    "fy": "float32",
    "cx": "float32",
    "cy": "float32",
    "source_image": "image",  # of an edit, else null
    "instruction": "string",  # of an edit, else null
    "licence": "string",  # of image and text
    "origin": "string",  # file and position in it
    "teacher": "string",
    "teacher_licence": "string",
}


def make_record(
    *,
    id: str,
    image: bytes,
    caption: str,
    geometry: Geometry,
    hfov_source: str,
    licence: str,
    origin: str,
    teacher: str,
    teacher_licence: str,
    source_image: bytes | None = None,
    instruction: str | None = None,
) -> dict[str, Any]:
    """A row of a shard.

    image: PNG or JPEG bytes. geometry: one depth map of the image's size; its camera is left out where hfov_source is
    "unknown".
    """
    depth, valid = geometry.depth[0].cpu().numpy(), geometry.valid[0].cpu().numpy()
    codes, near, far = encode_log_depth(depth, valid)
    png = io.BytesIO()
    Image.fromarray(codes).save(png, "PNG")
    camera = dict.fromkeys(("hfov", "fx", "fy", "cx", "cy"))
    if hfov_source != "unknown":
        matrix = geometry.intrinsics[0].cpu()
        values = (geometry.hfov[0], matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2])
        camera = {name: value.item() for name, value in zip(camera, values)}
    return {
        "id": id,
        "image": _image_value(image),
        "width": geometry.width,
        "height": geometry.height,
        "caption": caption,
        "depth": _image_value(png.getvalue()),
        "near": near,
        "far": far,
        "valid": float(valid.mean()),
        **camera,
        "hfov_source": hfov_source,
        "source_image": None if source_image is None else _image_value(source_image),
        "instruction": instruction,
        "licence": licence,
        "origin": origin,
        "teacher": teacher,
        "teacher_licence": teacher_licence,
    }


def read_record(record: Mapping[str, Any]) -> tuple[Tensor, Geometry]:
    """The image [3, H, W] in [0, 1] of a record, and its geometry (a batch of one).

    The record is a row of a shard, from pyarrow or from `datasets` (images decoded or not). Where its `hfov` is
    None, the geometry's camera is made up (ASSUMED_HFOV).
    """
    image = image_tensor(record["image"])
    depth = record["depth"]
    codes = np.array(depth if isinstance(depth, Image.Image) else open_image(_bytes(depth), "the depth"))
    if codes.shape != image.shape[-2:] or codes.min() < 0 or codes.max() > CODES:
        raise InputError(
            f"record {record['id']} has depth of shape {list(codes.shape)}; expected 16-bit grey of the image's "
            f"{list(image.shape[-2:])}."
        )
    depth, valid = decode_log_depth(codes, record["near"], record["far"])
    if record["hfov"] is None:
        intrinsics = centred_intrinsics(focal_length(ASSUMED_HFOV)[None], *depth.shape)
    else:
        intrinsics = torch.eye(3)[None]
        intrinsics[0, [0, 1, 0, 1], [0, 1, 2, 2]] = torch.tensor([record[name] for name in ("fx", "fy", "cx", "cy")])
    return image, Geometry(torch.from_numpy(depth)[None], torch.from_numpy(valid)[None], intrinsics)


def image_tensor(value: Any) -> Tensor:
    """[3, H, W] in [0, 1] of an image of a column: bytes, {"bytes": ...}, or a PIL image as `datasets` decodes it."""
    return to_tensor(to_rgb(value)) if isinstance(value, Image.Image) else read_image(_bytes(value))


def write_shard(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write records as one Parquet file; it is whole or absent."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(list(records), schema=schema())
    with atomic_file(path) as temporary:
        # Statistics would be whole images: the smallest and the largest bytes of every row group, in the footer.
        pq.write_table(table, temporary, row_group_size=ROW_GROUP, write_statistics=False, use_dictionary=False)


def open_shard(path: Path) -> Any:
    """A shard as pyarrow's ParquetFile; InputError if it is missing, damaged or something else."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path, pre_buffer=False)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}: expected a shard that spatialfusion.label wrote.") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} is not a whole Parquet file ({reason}): label it again.") from None
    if missing := [name for name in COLUMNS if name not in file.schema_arrow.names]:
        raise InputError(f"{path} has no column {missing[0]!r}: expected a shard that spatialfusion.label wrote.")
    return file


def shard_paths(folder: Path) -> list[Path]:
    """The shards of a labelled folder, in order."""
    paths = sorted((Path(folder) / "data").glob("train-*.parquet"))
    if not paths:
        raise InputError(f"{folder} has no data/train-*.parquet: expected a folder that spatialfusion.label wrote.")
    return paths


@cache
def schema() -> pa.Schema:
    """The Arrow schema of a shard, with the features of `datasets` in its metadata."""
    import pyarrow as pa

    image = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    types = {"image": image, "string": pa.string(), "int32": pa.int32(), "float32": pa.float32()}
    types["float64"] = pa.float64()
    features = {
        name: {"_type": "Image"} if kind == "image" else {"dtype": kind, "_type": "Value"}
        for name, kind in COLUMNS.items()
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()], metadata=metadata)


def _bytes(value: Any) -> bytes:
    return value["bytes"] if isinstance(value, Mapping) else value


def _image_value(data: bytes) -> dict[str, Any]:
    return {"bytes": data, "path": None}

"""Picture files as they come, made ready to be labelled: upright, RGB, stored as PNG or JPEG; and what their EXIF tells
about the field of view."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..geometry import FIELD_OF_VIEW_RANGE

SMALLEST = 16  # pixels on a side; below this there is no depth to speak of
LONGEST = 20  # times the shorter side; no camera sees more
_ORIENTATION, _EXIF = 0x0112, 0x8769
_FOCAL_35MM, _PIXELS_X, _PIXELS_Y = 0xA405, 0xA002, 0xA003
_FILM_DIAGONAL = math.hypot(36, 24)  # millimetres


class RecordError(Exception):
    """Why one record of many cannot be used. It is listed with this reason, and the others go on."""


@dataclass(frozen=True)
class Picture:
    """One picture: `image` RGB, `data` its bytes (PNG or JPEG) and `hfov` in degrees, or None if EXIF has none."""

    image: Image.Image
    data: bytes
    hfov: float | None

    @property
    def tensor(self) -> Tensor:
        """[3, H, W] in [0, 1]."""
        return torch.from_numpy(np.array(self.image)).permute(2, 0, 1).float() / 255


def read_picture(data: bytes, max_side: int | None = None) -> Picture:
    """Read a picture file; RecordError says what is wrong with one that is none.

    max_side: larger pictures are made smaller until their longer side has this many pixels.

    PNG and JPEG bytes are kept as they are, unless the picture has to be turned upright, freed of transparency (over
    white) or colour spaces other than RGB and grey, or made smaller.
    """
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
        exif = image.getexif()
        hfov = exif_hfov(exif, image.size)
        upright = ImageOps.exif_transpose(image)
    except UnidentifiedImageError:
        raise RecordError("the image is not a picture") from None
    # What Pillow raises for files that are cut short, are damaged or claim to be enormous.
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, OverflowError, Image.DecompressionBombError) as e:
        reason = (str(e) or type(e).__name__).splitlines()[0]
        raise RecordError(f"the image cannot be read ({reason})") from None
    if min(image.size) < SMALLEST:
        raise RecordError(f"the image has {image.width}x{image.height} pixels, fewer than {SMALLEST} on a side")
    if max(image.size) > LONGEST * min(image.size):
        raise RecordError(f"the image has {image.width}x{image.height} pixels, a strip")
    if image.mode.startswith(("I", "F")):
        raise RecordError(f"the image has mode {image.mode}, no colours")
    kept = image.format in ("PNG", "JPEG") and image.mode in ("RGB", "L") and exif.get(_ORIENTATION, 1) in (0, 1)
    if "transparency" in image.info:
        upright, kept = upright.convert("RGBA"), False
    if upright.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        upright = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
    result = upright.convert("RGB")
    if max_side is not None and max(result.size) > max_side:
        factor = max_side / max(result.size)
        size = tuple(max(SMALLEST, round(side * factor)) for side in result.size)
        result, kept = result.resize(size, Image.Resampling.LANCZOS), False
    if kept:
        return Picture(result, data, hfov)
    lossy = image.format in ("JPEG", "MPO", "WEBP")
    encoded = encode_jpeg(result) if lossy else encode_png(result)
    with Image.open(io.BytesIO(encoded)) as stored:
        # The teacher has to see what is stored.
        return Picture(stored.convert("RGB") if lossy else result, encoded, hfov)


def encode_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def encode_jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def exif_hfov(exif: Image.Exif, size: tuple[int, int]) -> float | None:
    """Horizontal field of view in degrees of the upright picture; size: (width, height) as stored.

    From the focal length "in 35 mm film", which compares diagonals. None where it is missing, makes no sense, or the
    picture was cut to another shape after it was taken.
    """
    details = exif.get_ifd(_EXIF)
    try:
        focal, taken = float(details.get(_FOCAL_35MM, 0)), (details.get(_PIXELS_X), details.get(_PIXELS_Y))
        taken = tuple(float(side) for side in taken if side)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not focal > 0 or not math.isfinite(focal):
        return None
    if len(taken) == 2 and abs(math.log((max(taken) / min(taken)) / (max(size) / min(size)))) > 0.01:
        return None
    width = size[1] if exif.get(_ORIENTATION, 1) in (5, 6, 7, 8) else size[0]
    hfov = math.degrees(2 * math.atan(width / math.hypot(*size) * _FILM_DIAGONAL / focal / 2))
    low, high = FIELD_OF_VIEW_RANGE["horizontal"]
    return hfov if low <= hfov <= high else None

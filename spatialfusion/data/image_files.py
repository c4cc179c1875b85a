"""Image files as they come, made ready to be labelled: upright, RGB, stored as PNG or JPEG; and what their EXIF tells
about the field of view."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from ..errors import InputError
from ..geometry.geometry import FIELD_OF_VIEW_RANGE
from ..images import is_transparent, open_image, orientation, to_rgb, to_tensor

SMALLEST = 16  # pixels on a side; a smaller image has no depth to speak of
LONGEST = 20  # an image with a longer side, in shorter sides, is from no camera
_EXIF = 0x8769
_FOCAL_35MM, _PIXELS_X, _PIXELS_Y = 0xA405, 0xA002, 0xA003
_FILM_DIAGONAL = math.hypot(36, 24)  # millimetres


class RecordError(Exception):
    """Why one record of many cannot be used. It is listed with this reason, and the others go on."""


@dataclass(frozen=True)
class ImageFile:
    """One image: `image` RGB, `data` its bytes (PNG or JPEG) and `hfov` in degrees, or None if EXIF has none."""

    image: Image.Image
    data: bytes
    hfov: float | None

    @property
    def tensor(self) -> Tensor:
        """[3, H, W] in [0, 1]."""
        return to_tensor(self.image)


def read_image_file(data: bytes, max_side: int | None = None) -> ImageFile:
    """Read an image file; RecordError says what is wrong with one that is none.

    max_side: larger images are made smaller until their longer side has this many pixels.

    PNG and JPEG bytes are kept as they are, unless the image has to be turned upright, freed of transparency (over
    white) or colour spaces other than RGB and grey, or made smaller.
    """
    try:
        image = open_image(data)
        result = to_rgb(image)
    except InputError as error:
        raise RecordError(str(error).removesuffix(".")) from None
    if min(image.size) < SMALLEST:
        raise RecordError(f"the image has {image.width}x{image.height} pixels, fewer than {SMALLEST} on a side")
    if max(image.size) > LONGEST * min(image.size):
        raise RecordError(f"the image has {image.width}x{image.height} pixels, a strip")
    hfov = exif_hfov(image)
    kept = image.format in ("PNG", "JPEG") and image.mode in ("RGB", "L")
    kept = kept and orientation(image) == 1 and not is_transparent(image)
    if max_side is not None and max(result.size) > max_side:
        factor = max_side / max(result.size)
        width, height = (max(SMALLEST, round(side * factor)) for side in result.size)
        result, kept = result.resize((width, height), Image.Resampling.LANCZOS), False
    if kept:
        return ImageFile(result, data, hfov)
    if image.format in ("PNG", "BMP", "TIFF", "GIF", "PPM", "TGA"):
        return ImageFile(result, encode_png(result), hfov)
    encoded = encode_jpeg(result)
    # The teacher has to see what is stored.
    return ImageFile(open_image(encoded), encoded, hfov)


def encode_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def encode_jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def exif_hfov(image: Image.Image) -> float | None:
    """Horizontal field of view in degrees of an image that `open_image` gave, when it is upright.

    From the focal length "in 35 mm film", which compares diagonals. None where it is missing, makes no sense, or the
    image was cut to another shape after it was taken.
    """
    size = image.size
    try:
        details = image.getexif().get_ifd(_EXIF)
        focal = float(details.get(_FOCAL_35MM, 0))
        taken = [float(details.get(name, 0)) for name in (_PIXELS_X, _PIXELS_Y)]
    except Exception:
        # Whatever Pillow stumbles upon in EXIF, the image is whole.
        return None
    if not 0 < focal < math.inf:
        return None
    # Where the sizes are missing or make no sense, nothing is known of a cut.
    if all(0 < side < math.inf for side in taken):
        if abs(math.log((max(taken) / min(taken)) / (max(size) / min(size)))) > 0.01:
            return None
    width = size[1] if orientation(image) in (5, 6, 7, 8) else size[0]
    hfov = math.degrees(2 * math.atan(width / math.hypot(*size) * _FILM_DIAGONAL / focal / 2))
    low, high = FIELD_OF_VIEW_RANGE["horizontal"]
    return hfov if low <= hfov <= high else None

"""Images: one reader for all that people bring, and the way from an image to a tensor and back.

An image is read upright, as its EXIF says, in RGB with 8 bits a channel; of an animation the first frame. What is
transparent shows BACKGROUND. 16-bit values are scaled to 8 bits. Numbers that have no agreed white are refused.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from .errors import InputError

MAX_PIXELS = 2**27  # of one image or depth map; the largest phone cameras in use have 108 million
BACKGROUND = "white"
# Statistics of ImageNet, with which DINOv2 and SAM 2 were trained.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Not all that Pillow knows: some of it starts other programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "JPEG2000", "TIFF", "GIF", "BMP", "PPM", "TGA")
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WHITE_IS_ZERO = 0x0106  # the TIFF tag that says which end of grey is white


def read_image(source: str | os.PathLike | bytes, name: str | None = None) -> Tensor:
    """An image file, or its bytes, as [3, H, W] in [0, 1]. `name` is what errors call it, else the file's name."""
    name = _name(source, name)
    return to_tensor(to_rgb(open_image(source, name), name))


def open_image(source: str | os.PathLike | bytes, name: str | None = None) -> Image.Image:
    """An image file, or its bytes, whole but as it is stored: `to_rgb` makes it what everybody sees.

    Raises InputError if it is missing, no image, damaged or of more than MAX_PIXELS; of its pixels nothing is read
    before their number is known.
    """
    name = _name(source, name)
    with _reading(name):
        if isinstance(source, bytes):
            return _load(io.BytesIO(source), name)
        with open(source, "rb") as file:
            return _load(file, name)


def to_rgb(image: Image.Image, name: str = "the image") -> Image.Image:
    """An image as everybody sees it: upright, RGB, over BACKGROUND. InputError if its values have no agreed white."""
    check_pixels(image.size, name)
    with _reading(name):
        image.load()
        turn = _UPRIGHT.get(orientation(image))
        if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
            image = _eight_bits(image)
        elif image.mode.startswith(("I", "F")):
            raise InputError(
                f"{name} has 32 bits a channel, for which no value is agreed to be white: expected 8 or 16 bits."
            )
        elif is_transparent(image):
            image = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image)
        image = image.convert("RGB")
        return image if turn is None else image.transpose(turn)


def to_tensor(image: Image.Image) -> Tensor:
    """[3, H, W] in [0, 1] of an RGB image."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255


def to_image(image: Tensor) -> Image.Image:
    """The RGB image of [3, H, W] in [0, 1], or the grey one of [H, W]; values outside are cut off."""
    pixels = (image.detach().float().clamp(0, 1) * 255).round().to("cpu", torch.uint8)
    return Image.fromarray((pixels if pixels.ndim == 2 else pixels.permute(1, 2, 0)).numpy())


def imagenet_normalised(images: Tensor) -> Tensor:
    """Images [..., 3, H, W] in [0, 1], less ImageNet's mean and over its standard deviation."""
    mean, std = (torch.tensor(values, device=images.device).view(3, 1, 1) for values in (_MEAN, _STD))
    return (images - mean) / std


def check_pixels(size: tuple[int, int], name: str) -> None:
    """Raise InputError if an image of size (width, height) is empty or larger than MAX_PIXELS."""
    width, height = size
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise InputError(f"{name} has {width}x{height} pixels: expected 1 to {MAX_PIXELS // 10**6} million.")


def is_transparent(image: Image.Image) -> bool:
    """Whether an image has an alpha channel or a transparent colour."""
    return "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La")


def orientation(image: Image.Image) -> int:
    """How an image has to be turned by its EXIF, 1 to 8; 1 where it is upright or says nothing that is known."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:
        # Broken EXIF is common, and Pillow raises errors of any kind for it. The image itself may be whole.
        return 1
    return value if value in _UPRIGHT else 1


def _load(file: IO[bytes], name: str) -> Image.Image:
    image = Image.open(file, formats=_formats())
    check_pixels(image.size, name)
    image.load()
    orientation(image)  # a TIFF's EXIF is read from the file, which may be closed later
    return image


@cache
def _formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Inside, what Pillow raises for files that are missing, cut short, damaged or enormous is an InputError."""
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"there is no file {name}: expected an image.") from None
    except UnidentifiedImageError:
        raise InputError(f"{name} is not an image file: expected a PNG, JPEG, WebP or the like.") from None
    except Image.DecompressionBombError:
        raise InputError(f"{name} is too large: expected up to {MAX_PIXELS // 10**6} million pixels.") from None
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, MemoryError, OverflowError,
            NotImplementedError, struct.error) as error:  # fmt: skip
        reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{name} cannot be read ({reason}): expected a whole image file.") from None


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey, also with one transparent value, as 8-bit grey."""
    values = np.asarray(image).astype(np.uint32)
    transparent = values == image.info["transparency"] if "transparency" in image.info else None
    if getattr(image, "tag_v2", {}).get(_WHITE_IS_ZERO) == 0:
        values = 65535 - values
    grey = ((values * 255 + 32767) // 65535).astype(np.uint8)
    if transparent is not None:
        grey[transparent] = 255
    return Image.fromarray(grey)


def _name(source: str | os.PathLike | bytes, name: str | None) -> str:
    if name is not None:
        return name
    return "the image" if isinstance(source, bytes) else os.fspath(source)

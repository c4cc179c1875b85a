"""Images and geometry brought to another size: cut around the centre to its aspect ratio, then resized."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .geometry import Geometry


def fit_image(image: Tensor, height: int, width: int) -> Tensor:
    """An image [3, H, W] in [0, 1] as [3, height, width]."""
    rows, columns = centre(image.shape[-2], image.shape[-1], height, width)
    image = image[:, rows, columns]
    if image.shape[-2:] == (height, width):
        return image
    return F.interpolate(image[None], (height, width), mode="bicubic", antialias=True)[0].clamp(0, 1)


def fit_geometry(geometry: Geometry, height: int, width: int) -> Geometry:
    """A geometry of height x width pixels, with the metres and the camera that its part of the view has."""
    rows, columns = centre(geometry.height, geometry.width, height, width)
    if (rows, columns) != (slice(0, geometry.height), slice(0, geometry.width)):
        geometry = geometry.crop(rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)
    return geometry.resize(height, width)


def centre(rows: int, columns: int, height: int, width: int) -> tuple[slice, slice]:
    """The largest centred window of rows x columns pixels with the aspect ratio of height x width."""
    if columns * height > rows * width:
        h, w = rows, round(rows * width / height)
    else:
        h, w = round(columns * height / width), columns
    h, w = max(1, min(h, rows)), max(1, min(w, columns))
    top, left = (rows - h) // 2, (columns - w) // 2
    return slice(top, top + h), slice(left, left + w)

"""Sheets: captioned rows of images, such as a prompt with its depth, the image without it and the image with it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont

from .files import atomic_file
from .geometry.depth_image import depth_figure
from .geometry.geometry import Geometry
from .images import to_image

TILE = 128
TEXT_HEIGHT = 34


def figure_tile(geometry: Geometry) -> Image.Image:
    """The colour map of one depth with its scale in metres, as high as an image tile."""
    figure = depth_figure(geometry)
    return figure.resize((round(figure.width * 2 * TILE / figure.height), 2 * TILE), Image.Resampling.LANCZOS)


def image_tile(image: torch.Tensor) -> Image.Image:
    """An image [3, H, W] in [0, 1] at twice a tile's height."""
    tile = to_image(image)
    return tile.resize((round(tile.width * 2 * TILE / tile.height), 2 * TILE), Image.Resampling.BICUBIC)


def write_sheet(
    path: Path, rows: Sequence[tuple[str, Sequence[Image.Image]]], columns: int = 2, text_height: int = TEXT_HEIGHT
) -> None:
    """Write captioned rows of tiles as one image, `columns` rows beside each other."""
    width = max(sum(tile.width for tile in tiles) for _, tiles in rows)
    height = max(tile.height for _, tiles in rows for tile in tiles) + text_height
    lines = -(-len(rows) // columns)
    sheet = Image.new("RGB", (columns * width, lines * height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for i, (text, tiles) in enumerate(rows):
        left, top = (i % columns) * width, (i // columns) * height
        draw.text((left + 4, top + 2), textwrap.fill(text, width // 7), fill="black", font=font)
        for tile in tiles:
            sheet.paste(tile, (left, top + text_height))
            left += tile.width
    with atomic_file(path) as temporary:
        sheet.save(temporary)

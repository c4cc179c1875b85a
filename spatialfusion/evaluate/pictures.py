"""Pictures of questions: rendered sources and answers, and picture files as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ..errors import InputError
from ..files import atomic_file
from ..geometry import Geometry, focal_length
from ..scenes.render import render
from ..scenes.scene import Scene
from .questions import Question


def read_picture(path: str | Path) -> Tensor:
    """A picture file as [3, H, W] in [0, 1]. Raises InputError, which says why, where it cannot be read."""
    try:
        with Image.open(path) as image:
            pixels = np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except FileNotFoundError:
        raise InputError(f"there is no file {path}.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as a picture ({error}).") from None
    return torch.from_numpy(pixels).permute(2, 0, 1) / 255


def save_picture(path: Path, picture: Tensor) -> None:
    """Write [3, H, W] in [0, 1] as a PNG."""
    pixels = (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    with atomic_file(path) as temporary:
        Image.fromarray(pixels).save(temporary)


def as_saved(picture: Tensor) -> Tensor:
    """The picture as reading its PNG would give it: judged is what others can look at."""
    return (picture.float().clamp(0, 1) * 255).round().cpu() / 255


def source_pictures(questions: Sequence[Question], size: tuple[int, int]) -> list[Tensor]:
    """The source image [3, H, W] of each edit, rendered at `size` (width, height) or read from its file."""
    rendered = [question.scene for question in questions if question.scene is not None]
    images = iter(render(rendered, size).image if rendered else ())
    return [
        as_saved(next(images)) if question.scene is not None else read_picture(question.picture)
        for question in questions
    ]


def scene_geometry(scenes: Sequence[Scene], size: tuple[int, int]) -> Geometry:
    """Exact depth of scenes at `size` (width, height)."""
    rendering = render(list(scenes), size, samples=1)
    focal = focal_length(torch.tensor([scene.camera.hfov for scene in scenes]))
    return Geometry.from_depth(torch.where(rendering.valid, rendering.depth, 0), focal)

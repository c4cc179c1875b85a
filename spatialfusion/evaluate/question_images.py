"""Images of questions: rendered sources and answers, and image files as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..files import atomic_file
from ..geometry.geometry import Geometry, focal_length
from ..images import read_image, to_image, to_tensor
from ..needed import needed
from ..scenes.render import render
from ..scenes.scene import Scene
from .questions import Question


def save_image(path: Path, image: Tensor) -> None:
    """Write [3, H, W] in [0, 1] as a PNG."""
    with atomic_file(path) as temporary:
        to_image(image).save(temporary)


def as_saved(image: Tensor) -> Tensor:
    """The image as reading its PNG would give it: judged is what others can look at."""
    return to_tensor(to_image(image))


def source_images(questions: Sequence[Question], size: tuple[int, int]) -> list[Tensor]:
    """The source image [3, H, W] of each edit, rendered at `size` (width, height) or read from its file."""
    rendered = [question.scene for question in questions if question.scene is not None]
    images = iter(needed(render(rendered, size).image) if rendered else ())
    return [
        read_image(needed(question.picture)) if question.scene is None else as_saved(next(images))
        for question in questions
    ]


def scene_geometry(scenes: Sequence[Scene], size: tuple[int, int]) -> Geometry:
    """Exact depth of scenes at `size` (width, height)."""
    rendering = render(list(scenes), size, samples=1)
    focal = focal_length(torch.tensor([scene.camera.hfov for scene in scenes]))
    return Geometry.from_depth(torch.where(rendering.valid, rendering.depth, 0), focal)

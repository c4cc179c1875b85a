"""A judge of rendered images alone that is never wrong: it knows the scenes behind them.

It shows that the rest of the chain is right, and the formulas' part in a score.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...errors import InputError
from ...needed import needed
from ...scenes.render import render
from ...scenes.scene import Scene
from ...scenes.statements import observe
from .judge import Asked, Seen, SeenObject


class ExactJudge:
    """
    Args:
        scenes: all whose images it may be shown, best in the order in which it will be.
        size: (width, height) of the images, which must have been rendered with the renderer's usual samples.
    """

    name = "exact"

    def __init__(self, scenes: Sequence[Scene], size: tuple[int, int]) -> None:
        self._known: dict[bytes, tuple[Scene, Tensor]] = {}
        self._size = size
        self._ahead = iter([list(scenes[start : start + 16]) for start in range(0, len(scenes), 16)])

    def look(self, images: Sequence[Tensor], asked: Sequence[Sequence[Asked]]) -> list[Seen]:
        """As `Judge.look`. Raises InputError for an image of no known scene."""
        return [self._look(image, wanted) for image, wanted in zip(images, asked)]

    def _look(self, image: Tensor, asked: Sequence[Asked]) -> Seen:
        scene, instance = self._recognise(_key(image))
        observed = observe(scene).objects
        # What is wholly hidden or outside of the image cannot be seen.
        free = [i for i in range(len(observed)) if (instance == i).any()]
        found: list[SeenObject | None] = []
        for wanted in asked:
            index = next((i for i in free if _fits(scene, i, wanted)), None)
            if index is None:
                found.append(None)
                continue
            free.remove(index)
            found.append(SeenObject(instance == index, observed[index], 1.0))
        surplus = sum(any(_fits(scene, i, wanted) for wanted in asked) for i in free)
        return Seen(tuple(found), surplus, scene.camera.hfov)

    def _recognise(self, key: bytes) -> tuple[Scene, Tensor]:
        """The scene of an image and its instances [H, W]; scenes are rendered until it is there."""
        while key not in self._known:
            scenes = next(self._ahead, None)
            if scenes is None:
                raise InputError("the exact judge was shown an image that is of no scene it knows: use --rendered.")
            rendering = render(scenes, self._size)
            for scene, image, instance in zip(scenes, needed(rendering.image), rendering.instance):
                self._known[_key(image)] = scene, instance.to(torch.int8)
        return self._known[key]


def _fits(scene: Scene, index: int, asked: Asked) -> bool:
    thing = scene.objects[index]
    return thing.kind == asked.kind and asked.color in (None, thing.color)


def _key(image: Tensor) -> bytes:
    return (image.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy().tobytes()

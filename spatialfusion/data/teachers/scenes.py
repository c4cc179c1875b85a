"""The rendered world as a teacher: exact depth and field of view. It draws its images itself, with captions and editing
pairs, so here it stands as an input whose items bring their geometry along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch

from ...geometry.geometry import Geometry
from ...images import to_image
from ...scenes.captions import caption
from ...scenes.edits import EditPair, instruction, sample_edit
from ...scenes.render import Rendering, render
from ...scenes.sample import sample_scene
from ...scenes.scene import Scene
from ..image_files import encode_png
from ..items import Item

CHUNK = 32  # images rendered in one call


class Scenes:
    """`count` records, each a function of (seed, its number); a share of `edits` of them are editing pairs.

    size: (width, height) in pixels.
    """

    name: ClassVar[str] = "scenes"
    licence: ClassVar[str] = "Apache-2.0"
    is_metric: ClassVar[bool] = True
    gives_fov: ClassVar[bool] = True

    def __init__(self, count: int, size: tuple[int, int], edits: float, seed: int):
        self.count, self.size, self.edits, self.seed = count, size, edits, seed

    def __len__(self) -> int:
        return self.count

    def read(self, start: int, stop: int) -> Iterator[Item]:
        for first in range(start, stop, CHUNK):
            yield from self._render(range(first, min(first + CHUNK, stop)))

    def fingerprint(self) -> str:
        return f"{self.count} {self.size} {self.edits} {self.seed}"

    def _render(self, numbers: range) -> Iterator[Item]:
        drawn: list[Scene | EditPair] = []
        for number in numbers:
            # Edits are spread evenly, wherever a shard begins.
            if int((number + 1) * self.edits) > int(number * self.edits):
                drawn.append(sample_edit(self.seed + number))
            else:
                drawn.append(sample_scene(self.seed + number))
        targets = [each.target if isinstance(each, EditPair) else each for each in drawn]
        sources = [each.source for each in drawn if isinstance(each, EditPair)]
        rendering = render(targets, size=self.size)
        images, before = _images(rendering), iter(_images(render(sources, size=self.size)) if sources else ())
        aspect = self.size[0] / self.size[1]
        for i, (number, each, target) in enumerate(zip(numbers, drawn, targets)):
            generator = torch.Generator().manual_seed(self.seed + number)
            text, source, words = caption(target, generator).text, None, None
            if isinstance(each, EditPair):
                source, words = _png(next(before)), instruction(each.source, each.edit, generator)
            yield Item(
                image=_png(images[i]),
                caption=text,
                origin=f"scenes {self.seed + number}",
                source=source,
                instruction=words,
                licence=self.licence,
                geometry=Geometry(
                    rendering.depth[i : i + 1], rendering.valid[i : i + 1], target.camera.intrinsics(aspect)[None]
                ),
            )


def _images(rendering: Rendering) -> torch.Tensor:
    assert rendering.image is not None
    return rendering.image


def _png(image: torch.Tensor) -> bytes:
    return encode_png(to_image(image))

"""An auxiliary task, for training alone: which kind and colour of object is seen in which cell, which way does it face,
and is it the nearest?

Depth hardly changes if two objects of like size change places or one turns round, and not at all with their colours. So
from depth alone a network learns slowly, if at all, who is where and turned which way. Asked for it outright, the same
network tells it after a few hundred steps. The nearest object and the others have a map each: where they stand in the
image is a guess, but which one is in front the caption says for sure. Ours, not the paper's.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ..model.context import PromptEncoder
from ..model.region_words import AT_ONCE, words_embedding
from ..scenes.captions import with_article
from ..scenes.render import instances
from ..scenes.scene import COLORS, KINDS, Scene
from ..scenes.statements import ObservedObject, observe

CELLS = 2  # cells to a side of a token
_KINDS, _COLORS = list(KINDS), list(COLORS)
KIND_CLASSES, COLOR_CLASSES = 1 + len(_KINDS), 1 + len(_COLORS)  # 0: no object
SECTORS = 8  # sectors of the circle that an object may face
FACING_CLASSES = 1 + SECTORS  # 0: no object, or one without a front
CLASSES = (KIND_CLASSES, COLOR_CLASSES, FACING_CLASSES)
MAPS = 2  # one of the nearest object, one of the others
KNOWN_LEVEL = 0.5  # with less noise than this it is plain where objects are


class LayoutHead(nn.Module):
    """A linear map from the last hidden states to classes of CELLS x CELLS cells of a token."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.project = nn.Linear(hidden_size, CELLS**2 * MAPS * sum(CLASSES))
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, grid: Tensor) -> tuple[Tensor, ...]:
        """Logits [B, classes, CELLS * rows, CELLS * columns] for states [B, d, rows, columns]: kinds, colours and
        facings of the nearest object, then those of the others."""
        told = self.project(F.layer_norm(grid.movedim(1, -1), grid.shape[1:2]))
        told = rearrange(told, "b h w (c p q) -> b c (h p) (w q)", p=CELLS, q=CELLS).float()
        return told.split(MAPS * CLASSES, dim=1)

    def loss(self, grid: Tensor, layout: Tensor) -> Tensor:
        """Cross-entropy against `layouts`, the sum over kinds, colours, facings and both maps."""
        told = self(grid)
        return functools.reduce(torch.add, (F.cross_entropy(logits, layout[:, i]) for i, logits in enumerate(told)))


def covered(scenes: Sequence[Scene], rows: int, columns: int) -> Tensor:
    """Whether an object is seen at the centre of each of rows x columns cells: [B, rows, columns] bool."""
    return instances(list(scenes), size=(columns, rows)) >= 0


def weighted_error(maps: Tensor, batch: dict[str, Any], weight: float) -> Tensor:
    """The mean of squared errors of a velocity, with more weight where an object is seen.

    Most of an image is ground and sky, and most of the error with it, while what an object is shows in few cells.
    Above a noise of KNOWN_LEVEL the weight falls, to 1 at pure noise: there a prediction is the mean over all places
    where the object may be, and weights would make it larger than it is.

    Args:
        maps: [B, h, w], at the cells of latents.
        batch: with `level` [B], and `cells` [B, h, w] as `covered` tells them; not read where `weight` is 1.
        weight: of an object's cells; of others 1.
    """
    if weight == 1:
        return maps.mean()
    share = ((1 - batch["level"]) / (1 - KNOWN_LEVEL)).clamp(max=1)
    return ((1 + (weight - 1) * share[:, None, None] * batch["cells"]) * maps).mean()


def layouts(scenes: Sequence[Scene], rows: int, columns: int) -> Tensor:
    """What a LayoutHead over rows x columns tokens is to tell of scenes.

    Returns:
        [B, 6, CELLS * rows, CELLS * columns] long: 1 + the index in KINDS, 1 + that in COLORS and the `facing` of the
        object that is seen at the centre of each cell, if it is the nearest one of the scene, and the same if it is
        not; else 0.
    """
    seen = 1 + instances(list(scenes), size=(CELLS * columns, CELLS * rows)).long()
    most = max(len(scene.objects) for scene in scenes)
    told = len(CLASSES)
    classes = torch.zeros(len(scenes), told * MAPS, 1 + most, dtype=torch.long)
    for i, scene in enumerate(scenes):
        observed = observe(scene).objects
        metres = [math.hypot(*thing.position) for thing in observed]
        for j, (thing, place) in enumerate(zip(scene.objects, observed)):
            row = 0 if metres[j] == min(metres) else told
            names = [1 + _KINDS.index(thing.kind), 1 + _COLORS.index(thing.color), facing(place)]
            classes[i, row : row + told, 1 + j] = torch.tensor(names)
    flat = seen.flatten(1)[:, None].expand(-1, told * MAPS, -1)
    return classes.gather(2, flat).unflatten(2, seen.shape[1:])


def seen_things(layout: Tensor) -> Tensor:
    """What is seen in each cell of `layouts` [B, 6, h, w]: [B, h, w] long, 0 for no object, else 1 + the number of the
    pair of kind and colour, kinds first."""
    told = len(CLASSES)
    kind, color = (layout[:, i] + layout[:, told + i] for i in range(2))  # one of the two is 0
    return torch.where(kind > 0, 1 + (kind - 1) * len(_COLORS) + color - 1, 0)


@torch.no_grad()
def thing_embeddings(encoder: PromptEncoder) -> Tensor:
    """`words_embedding` [1 + kinds * colours, D] of what `seen_things` numbers; zeros for no object."""
    names = [with_article(f"{color} {kind}") for kind in _KINDS for color in _COLORS]
    parts = [words_embedding(encoder.encode(names[i : i + AT_ONCE])) for i in range(0, len(names), AT_ONCE)]
    return F.pad(torch.cat(parts), (0, 0, 1, 0))


def object_cells(layout: Tensor) -> Tensor:
    """Whether an object is seen in each cell of `layouts` [B, 6, h, w]: [B, h, w] bool, as `covered` tells it."""
    return (layout[:, 0] > 0) | (layout[:, len(CLASSES)] > 0)


def facing(thing: ObservedObject) -> int:
    """From which side the camera sees an object: 1 from its front, 3 from its left, 5 from behind, 7 from its right,
    even numbers between; 0 if it has no front."""
    if thing.front is None:
        return 0
    x, _, z = thing.position
    front_x, _, front_z = thing.front
    # The front against the line of sight back to the camera, seen from above.
    angle = math.atan2(front_x * -z - front_z * -x, front_x * -x + front_z * -z)
    return 1 + round(angle / (2 * math.pi) * SECTORS) % SECTORS

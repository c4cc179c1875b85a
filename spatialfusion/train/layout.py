"""An auxiliary task of the spatial side, for training alone: which kind and colour of object is seen in which cell.

Depth hardly changes where two objects of like size change places, and not at all with their colours: who is where is
learnt from it slowly, if at all. Asked for it outright, the same network tells it after a few hundred steps. Ours, not
the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ..scenes.render import instances
from ..scenes.scene import COLORS, KINDS, Scene

CELLS = 2  # to a side of a token
_KINDS, _COLORS = list(KINDS), list(COLORS)
KIND_CLASSES, COLOR_CLASSES = 1 + len(_KINDS), 1 + len(_COLORS)  # 0: no object


class LayoutHead(nn.Module):
    """A linear map from the last hidden states to classes of CELLS x CELLS cells of a token."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.project = nn.Linear(hidden_size, CELLS**2 * (KIND_CLASSES + COLOR_CLASSES))
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of kinds and colours [B, classes, CELLS * rows, CELLS * columns] for states [B, d, rows, columns]."""
        told = self.project(F.layer_norm(grid.movedim(1, -1), grid.shape[1:2]))
        told = rearrange(told, "b h w (c p q) -> b c (h p) (w q)", p=CELLS, q=CELLS).float()
        return told[:, :KIND_CLASSES], told[:, KIND_CLASSES:]

    def loss(self, grid: Tensor, layout: Tensor) -> Tensor:
        """Cross-entropy against `layouts` [B, 2, rows, columns], of kinds and colours together."""
        kinds, colors = self(grid)
        return F.cross_entropy(kinds, layout[:, 0]) + F.cross_entropy(colors, layout[:, 1])


def layouts(scenes: Sequence[Scene], rows: int, columns: int) -> Tensor:
    """What a LayoutHead over rows x columns tokens is to tell of scenes.

    Returns:
        [B, 2, CELLS * rows, CELLS * columns] long: 1 + the index in KINDS and 1 + that in COLORS of the object that is
        seen at the centre of each cell, 0 where there is none.
    """
    seen = 1 + instances(list(scenes), size=(CELLS * columns, CELLS * rows)).long()
    most = max(len(scene.objects) for scene in scenes)
    classes = torch.zeros(len(scenes), 2, 1 + most, dtype=torch.long)
    for i, scene in enumerate(scenes):
        for j, thing in enumerate(scene.objects):
            classes[i, :, 1 + j] = torch.tensor([1 + _KINDS.index(thing.kind), 1 + _COLORS.index(thing.color)])
    flat = seen.flatten(1)[:, None].expand(-1, 2, -1)
    return classes.gather(2, flat).unflatten(2, seen.shape[1:])

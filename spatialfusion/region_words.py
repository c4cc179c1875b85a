"""What each object of an image is, told to the depth adapter where the object is seen."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .context import SemanticContext
from .fitting import centre


@dataclass(frozen=True, eq=False)
class RegionWords:
    """What the objects of one image are, and where.

    instance: [H, W], the number of the object that is seen, -1 for none. embeds: [N, D], of each object; see
    `words_embedding`.
    """

    instance: Tensor
    embeds: Tensor

    def painted(self, size: tuple[int, int]) -> Tensor:
        """[D, h, w] for latents of (h, w): in each cell the embedding of what is seen at its centre, 0 for no object.

        The image is cut around its centre to the aspect ratio of the latents, as its depth is.
        """
        rows, columns = centre(*self.instance.shape, *size)
        seen = self.instance[rows, columns].to(self.embeds.device)
        seen = F.interpolate(seen[None, None].float(), size, mode="nearest-exact")[0, 0].long()
        return paint(seen + 1, F.pad(self.embeds, (0, 0, 1, 0)))


def paint(which: Tensor, table: Tensor) -> Tensor:
    """Rows of `table` [N, D], by their numbers [..., h, w], as channels [..., D, h, w]."""
    return table[which].movedim(-1, -3)


def words_embedding(context: SemanticContext) -> Tensor:
    """One embedding [B, D] for each prompt of a context: the mean over its tokens, in float32, scaled to an RMS of 1."""
    mask = context.prompt_mask[..., None]
    mean = (context.prompt_embeds.float() * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
    return F.rms_norm(mean, mean.shape[-1:])


"""What each object of an image is, told to the depth adapter where the object is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..geometry.fitting import centre
from ..planner.plan import Plan
from ..scenes.captions import describe
from .context import PromptEncoder, SemanticContext

AT_ONCE = 64  # descriptions of objects that are read in one call of the LLM


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
        rows, columns = centre(self.instance.shape[0], self.instance.shape[1], *size)
        seen = self.instance[rows, columns].to(self.embeds.device)
        seen = F.interpolate(seen[None, None].float(), size, mode="nearest-exact")[0, 0].long()
        return paint(seen + 1, F.pad(self.embeds, (0, 0, 1, 0)))


def region_words(plans: Sequence[Plan], encoder: PromptEncoder, width: int) -> list[RegionWords]:
    """What the objects of each plan are, and where. width: of the encoder's prompt embeddings."""
    said = [[describe(thing) for thing in plan.scene.objects] for plan in plans]
    numbers = {words: number for number, words in enumerate(dict.fromkeys(words for image in said for words in image))}
    distinct = list(numbers)
    read = [words_embedding(encoder.encode(distinct[i : i + AT_ONCE])) for i in range(0, len(distinct), AT_ONCE)]
    embeds = torch.cat(read) if read else torch.zeros(0, width)
    return [RegionWords(plan.instance, embeds[[numbers[words] for words in image]]) for plan, image in zip(plans, said)]


def paint(which: Tensor, table: Tensor) -> Tensor:
    """Rows of `table` [N, D], by their numbers [..., h, w], as channels [..., D, h, w]."""
    return table[which].movedim(-1, -3)


def words_embedding(context: SemanticContext) -> Tensor:
    """One embedding [B, D] for each prompt of a context: the mean over its tokens, float32, scaled to an RMS of 1."""
    mask = context.prompt_mask[..., None]
    mean = (context.prompt_embeds.float() * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
    return F.rms_norm(mean, mean.shape[-1:])

"""An auxiliary task, for training alone: the source encoder tells the depth of its own image, by a linear map from
each of its tokens.

A published model starts from DINOv2 (arXiv 2304.07193), which has seen millions of images. No such encoder has the
tiny model's size, and one that starts at random stays nearly blind if it learns from the depth of edited images
alone. This task is ours, not the paper's.
"""

from __future__ import annotations

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ..model.depth_head import block_average


class SourceHead(nn.Module):
    """Linear maps from the features of a source encoder to a depth state and a field of view."""

    def __init__(self, features: int, patch_size: int):
        super().__init__()
        self.patch_size = patch_size
        self.state = nn.Linear(features, 2 * patch_size**2)
        self.fov = nn.Linear(features, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """State [B, 2, patch_size * h, patch_size * w] and standardised field of view [B] of features [B, C, h, w]."""
        tokens = F.layer_norm(features.movedim(1, -1), features.shape[1:2])
        state = rearrange(self.state(tokens), "b h w (c p q) -> b c (h p) (w q)", p=self.patch_size, q=self.patch_size)
        return state.float(), self.fov(tokens.mean(dim=(1, 2))).squeeze(1).float()

    def loss(self, features: Tensor, y: Tensor, u: Tensor, validity_weight: float) -> Tensor:
        """The squared error against the images' own depth y [B, 2, H, W] and field of view u [B], standardised."""
        state, fov = self(features)
        error = (state - block_average(y, y.shape[-1] // state.shape[-1])).square().mean(dim=(0, 2, 3))
        return error[0] + validity_weight * error[1] + (fov - u).square().mean()

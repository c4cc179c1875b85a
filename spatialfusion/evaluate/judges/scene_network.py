"""The scene judge's network: which pixels belong to an object of which colour, and what each object is and measures.

Notable:
- Two steps. Dense maps say for each pixel its colour (or that it is surroundings) and where the centre of its object
  is; grouping these gives masks (scene.py). Features averaged under a mask then give kind, distance, size and
  turn: one decision for an object, with no matching problem, whatever is asked.
- Sizes and distances are told for the kind that was asked for, and relative to the mask's extent in the image.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ...scenes.scene import COLORS, KINDS
from .scene_numbers import NUMBERS

SIDE = 128  # pixels of the square image that the network sees
MASK_SIDE = 64
CUES = 9
GROUPS = 8


class Features(NamedTuple):
    """The image itself [B, 3, 64, 64], and features [B, C, 32, 32], [B, C, 16, 16] and [B, C, 8, 8]."""

    image: Tensor
    fine: Tensor
    middle: Tensor
    coarse: Tensor


class Dense(NamedTuple):
    """logits [B, 1 + colours, 64, 64], the first of no object; centers [B, 2, 64, 64], x and y in the image."""

    logits: Tensor
    centers: Tensor


class JudgeNetwork(nn.Module):
    """A small U-Net with a transformer at its bottom, and a head for masked objects.

    Args:
        width: channels at a quarter of the image's size; twice and three times as many below.
        layers: of the transformer, on 8x8 places.
    """

    def __init__(self, width: int = 48, layers: int = 3):
        super().__init__()
        self.sizes = {"width": width, "layers": layers}
        middle, coarse, hidden = 2 * width, 3 * width, 4 * width
        self.stem = nn.Sequential(
            nn.Conv2d(5, width // 2, 3, 2, 1), nn.GELU(), nn.Conv2d(width // 2, width, 3, 2, 1)
        )  # fmt: skip
        self.fine_in = Residual(width)
        self.down_middle = nn.Conv2d(width, middle, 2, 2)
        self.middle_in = Residual(middle)
        self.down_coarse = nn.Conv2d(middle, coarse, 2, 2)
        self.position = nn.Parameter(0.02 * torch.randn(64, coarse))
        self.blocks = nn.ModuleList([Block(coarse) for _ in range(layers)])
        self.up_middle = nn.Conv2d(coarse, middle, 1)
        self.middle_out = Residual(middle)
        self.up_fine = nn.Conv2d(middle, width, 1)
        self.fine_out = Residual(width)
        self.fine_norm = nn.GroupNorm(GROUPS, width)
        self.color_map = nn.Conv2d(width, 4 * (1 + len(COLORS)), 1)
        self.color_edge = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.GELU(), nn.Conv2d(16, 1 + len(COLORS), 1))
        self.center_map = nn.Conv2d(width, 2, 1)
        self.camera_out = nn.Linear(coarse, 2)
        self.trunk = nn.Sequential(
            nn.Linear(width + middle + 2 * coarse + CUES, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU()
        )  # fmt: skip
        self.kind_out = nn.Linear(hidden, len(KINDS))
        self.color_out = nn.Linear(hidden, len(COLORS))
        self.kind_embedding = nn.Embedding(len(KINDS), hidden)
        self.measure_in = nn.Linear(hidden, hidden)
        self.measure_out = nn.Linear(hidden, NUMBERS)
        # At first the centre is the middle of the mask, and an object is as large as is usual.
        for parameter in (*self.center_map.parameters(), *self.measure_out.parameters()):
            nn.init.zeros_(parameter)
        usual = torch.tensor([kind.size for kind in KINDS.values()])
        self.log_usual: Tensor
        self.register_buffer("log_usual", usual.norm(dim=1).log(), persistent=False)

    def features(self, images: Tensor) -> Features:
        """Of images [B, 3, 128, 128] in [0, 1]."""
        line = torch.linspace(-1, 1, SIDE, device=images.device, dtype=images.dtype)
        place = torch.stack(torch.meshgrid(line, line, indexing="xy")).expand(len(images), -1, -1, -1)
        bright = (4 * images - 2).contiguous(memory_format=torch.channels_last)
        x = torch.cat([bright, place], dim=1)
        fine = self.fine_in(self.stem(x))
        middle = self.middle_in(self.down_middle(fine))
        tokens = rearrange(self.down_coarse(middle), "b c h w -> b (h w) c") + self.position
        for block in self.blocks:
            tokens = block(tokens)
        coarse = rearrange(tokens, "b (h w) c -> b c h w", h=8)
        middle = self.middle_out(middle + F.interpolate(self.up_middle(coarse), scale_factor=2))
        fine = self.fine_out(fine + F.interpolate(self.up_fine(middle), scale_factor=2))
        return Features(F.avg_pool2d(bright, SIDE // MASK_SIDE), fine, middle, coarse)

    def dense(self, features: Features) -> Dense:
        """What each place of a 64x64 grid shows."""
        fine = F.gelu(self.fine_norm(features.fine))
        logits = F.pixel_shuffle(self.color_map(fine), 2) + self.color_edge(features.image)
        offsets = F.interpolate(self.center_map(fine).float(), scale_factor=2, mode="bilinear", align_corners=False)
        return Dense(logits.float(), offsets + mask_places(offsets.device))

    def camera(self, features: Features) -> Tensor:
        """Log tangent of half the field of view, and pitch in radians, [B, 2]."""
        return self.camera_out(features.coarse.mean(dim=(2, 3))).float() + self.camera_out.bias.new_tensor([-0.65, 0.2])

    def objects(self, features: Features, masks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Look at the objects under masks [B, N, 64, 64] (0 to 1).

        Returns:
            A vector for `measure` [B, N, C], and logits of the kind [B, N, kinds] and of the colour [B, N, colours].
        """
        pooled = [mask_mean(level, masks) for level in (features.fine, features.middle, features.coarse)]
        scene = features.coarse.mean(dim=(2, 3))[:, None].expand(-1, masks.shape[1], -1)
        cues = mask_cues(masks)
        vectors = self.trunk(torch.cat([*pooled, scene, cues.to(scene.dtype)], dim=-1))
        return vectors, self.kind_out(vectors).float(), self.color_out(vectors).float()

    def measure(self, vectors: Tensor, kinds: Tensor, masks: Tensor, centers: Tensor) -> Tensor:
        """The numbers of `scene_numbers.encode` [B, N, 8], if the objects are of these kinds [B, N] (indices).

        Args:
            vectors: from `objects`.
            centers: [B, 2, 64, 64] from `dense`.
        """
        hidden = F.gelu(self.measure_in(vectors + self.kind_embedding(kinds)))
        raw = self.measure_out(hidden).float()
        weights = masks / masks.sum(dim=(2, 3), keepdim=True).clamp_min(1e-6)
        # A product and a sum: autocast would round what an einsum takes.
        center = (weights[:, :, None] * centers[:, None]).sum(dim=(-2, -1))
        extent = mask_extent(masks)
        near = self.log_usual[kinds] - extent.log()
        return torch.cat([center + extent[..., None] * raw[..., :2], (near + raw[..., 2])[..., None], raw[..., 3:]], -1)


class Residual(nn.Module):
    """Two 3x3 convolutions beside the identity."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(GROUPS, channels), nn.GroupNorm(GROUPS, channels)
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.gelu(self.norm2(self.conv1(F.gelu(self.norm1(x))))))


class Block(nn.Module):
    """A transformer layer on tokens [B, T, C], with heads of 48 channels."""

    def __init__(self, channels: int):
        super().__init__()
        self.heads = max(1, channels // 48)
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.up, self.down = nn.Linear(channels, 3 * channels), nn.Linear(3 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = rearrange(self.qkv(self.norm1(x)), "b t (n h c) -> n b h t c", n=3, h=self.heads)
        x = x + self.out(rearrange(F.scaled_dot_product_attention(q, k, v), "b h t c -> b t (h c)"))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


def mask_places(device: torch.device) -> Tensor:
    """x and y of the places of a mask in the image (0 to 1), [2, 64, 64]."""
    line = (torch.arange(MASK_SIDE, device=device) + 0.5) / MASK_SIDE
    return torch.stack(torch.meshgrid(line, line, indexing="xy"))


def mask_mean(features: Tensor, masks: Tensor) -> Tensor:
    """Mean [B, N, C] of features [B, C, h, w] under masks [B, N, 64, 64]."""
    weights = F.avg_pool2d(masks, MASK_SIDE // features.shape[-1])
    weights = weights / weights.sum(dim=(2, 3), keepdim=True).clamp_min(1e-6)
    return torch.einsum("bnhw,bchw->bnc", weights.to(features.dtype), features)


def mask_cues(masks: Tensor) -> Tensor:
    """Where masks [B, N, 64, 64] are and how large: mean, deviation, least and greatest of x and y, log area; all
    about unit size, [B, N, 9]."""
    x, y = mask_places(masks.device)
    area = masks.mean(dim=(2, 3)).clamp_min(1e-4)
    cues = []
    for place in (x, y):
        mean = (masks * place).mean(dim=(2, 3)) / area
        spread = (masks * (place - mean[..., None, None]).square()).mean(dim=(2, 3)) / area
        low, high = _ends(masks, place)
        cues += [2 * mean - 1, 8 * (spread + 1e-6).sqrt() - 1, 2 * low - 1, 2 * high - 1]
    return torch.stack([*cues, area.log() / 2 + 1.5], dim=-1)


def mask_extent(masks: Tensor) -> Tensor:
    """Half the sum of a mask's width and height, as a part of the image's side, [B, N]."""
    x, y = mask_places(masks.device)
    width, height = (high - low for low, high in (_ends(masks, x), _ends(masks, y)))
    return ((width + height) / 2 + 1 / MASK_SIDE).clamp_min(1 / MASK_SIDE)


def _ends(masks: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    inside = masks > 0.5
    low = torch.where(inside, place, 1.0).amin(dim=(2, 3))
    # An empty mask has neither end: none of it counts, and its width is 0.
    return low, torch.maximum(torch.where(inside, place, 0.0).amax(dim=(2, 3)), low)

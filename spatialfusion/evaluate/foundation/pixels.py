"""What image networks expect of pixels."""

from __future__ import annotations

import torch
from torch import Tensor

# Statistics of ImageNet, with which SAM 2 and DINOv2 were trained.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def normalised(pixels: Tensor) -> Tensor:
    """Images [..., 3, H, W] in [0, 1], less ImageNet's mean and over its standard deviation."""
    mean, std = (torch.tensor(values, device=pixels.device)[:, None, None] for values in (_MEAN, _STD))
    return (pixels - mean) / std

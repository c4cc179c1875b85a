"""AutoencoderKLQwenImage for single images, as 2-D convolutions: the same function at a third of the cost.

The video autoencoder is causal: for one frame a 3x3x3 convolution sees two frames of zeros and the frame itself. Only
its last temporal tap acts, and the temporal resampling convolutions are never called. Module and parameter names are
those of diffusers; `from_video` and `to_video` convert the weights.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from diffusers import AutoencoderKLQwenImage


class RMSNorm(nn.Module):
    """Divides by the root mean square over the channels of [B,C,H,W]; computed in fp32."""

    def __init__(self, channels: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        h = x.float()
        # The floor keeps the gradient finite where all channels are zero.
        return (h * torch.rsqrt(h.square().mean(1, keepdim=True).clamp_min(1e-12)) * self.gamma).to(x.dtype)


class ResidualBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.norm1 = RMSNorm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = RMSNorm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        same = in_channels == out_channels
        self.conv_shortcut = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        return self.conv2(F.silu(self.norm2(h))) + self.conv_shortcut(x)


class Attention(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.norm = RMSNorm(channels)
        self.to_qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.proj = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.to_qkv(self.norm(x)).flatten(2).transpose(1, 2).unsqueeze(1).chunk(3, dim=-1)
        h = F.scaled_dot_product_attention(q, k, v).squeeze(1).transpose(1, 2)
        return self.proj(h.unflatten(2, x.shape[2:])) + x


class MidBlock(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.attentions = nn.ModuleList([Attention(channels)])
        self.resnets = nn.ModuleList([ResidualBlock(channels, channels) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class Resample(nn.Module):
    """Halves the size by a strided convolution, or doubles it by repetition and a convolution to half the channels."""

    def __init__(self, channels: int, up: bool):
        super().__init__()
        if up:
            self.resample = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(channels, channels // 2, 3, padding=1))
        else:
            self.resample = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(channels, channels, 3, stride=2))

    def forward(self, x: Tensor) -> Tensor:
        return self.resample(x)


class Encoder(nn.Module):
    def __init__(self, base: int, out_channels: int, multiples: list[int], blocks: int, image_channels: int):
        super().__init__()
        sizes = [base * m for m in [1, *multiples]]
        self.conv_in = nn.Conv2d(image_channels, base, 3, padding=1)
        self.down_blocks = nn.ModuleList()
        for level, (before, after) in enumerate(pairwise(sizes)):
            for i in range(blocks):
                self.down_blocks.append(ResidualBlock(before if i == 0 else after, after))
            if level < len(multiples) - 1:
                self.down_blocks.append(Resample(after, up=False))
        self.mid_block = MidBlock(sizes[-1])
        self.norm_out = RMSNorm(sizes[-1])
        self.conv_out = nn.Conv2d(sizes[-1], out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.norm_out(self.mid_block(x))))


class UpBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, blocks: int, up: bool):
        super().__init__()
        sizes = [in_channels] + [out_channels] * blocks
        self.resnets = nn.ModuleList([ResidualBlock(before, after) for before, after in pairwise(sizes)])
        self.upsamplers = nn.ModuleList([Resample(out_channels, up=True)] if up else [])

    def forward(self, x: Tensor) -> Tensor:
        for block in [*self.resnets, *self.upsamplers]:
            x = block(x)
        return x


class Decoder(nn.Module):
    def __init__(self, base: int, in_channels: int, multiples: list[int], blocks: int, image_channels: int):
        super().__init__()
        sizes = [base * m for m in [multiples[-1], *multiples[::-1]]]
        self.conv_in = nn.Conv2d(in_channels, sizes[0], 3, padding=1)
        self.mid_block = MidBlock(sizes[0])
        self.up_blocks = nn.ModuleList()
        for level, (before, after) in enumerate(pairwise(sizes)):
            halved = before if level == 0 else before // 2
            self.up_blocks.append(UpBlock(halved, after, blocks + 1, up=level < len(multiples) - 1))
        self.norm_out = RMSNorm(sizes[-1])
        self.conv_out = nn.Conv2d(sizes[-1], image_channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(z))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class Autoencoder2D(nn.Module):
    """The single-image view of an AutoencoderKLQwenImage with the given config (diffusers' `vae.config`)."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        sizes = (list(config.dim_mult), config.num_res_blocks, config.input_channels)
        self.encoder = Encoder(config.base_dim, 2 * config.z_dim, *sizes)
        self.quant_conv = nn.Conv2d(2 * config.z_dim, 2 * config.z_dim, 1)
        self.post_quant_conv = nn.Conv2d(config.z_dim, config.z_dim, 1)
        self.decoder = Decoder(config.base_dim, config.z_dim, *sizes)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance [B,z,h,w] of the raw (not normalised) latents of images [B,3,H,W] in [-1,1]."""
        mean, log_variance = self.quant_conv(self.encoder(images)).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, latents: Tensor) -> Tensor:
        """Images [B,3,H,W], about [-1,1] and not clamped, of raw latents [B,z,h,w]."""
        return self.decoder(self.post_quant_conv(latents))

    def forward(
        self, images: Tensor, noise: Tensor, strength: float = 0.0, scale: float = 1.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction from a sampled latent, mean and log-variance; all in fp32.

        The sample is mean + noise (deviation + strength std), with unit normal `noise` [B,z,h,w] and std that of the
        channel's means in this batch. It is decoded at `scale` times its size.
        """
        mean, log_variance = (x.float() for x in self.encode(images))
        std = mean.detach().std((0, 2, 3), keepdim=True)
        latents = mean + noise * ((0.5 * log_variance).exp() + strength * std)
        if scale != 1:
            size = [round(scale * side) for side in latents.shape[-2:]]
            latents = F.interpolate(latents, size, mode="bilinear", antialias=True)
        return self.decode(latents).float(), mean, log_variance

    @classmethod
    def from_video(cls, vae: AutoencoderKLQwenImage) -> Autoencoder2D:
        """A copy of the video autoencoder's weights that act on a single image."""
        model = cls(vae.config).to(vae.device)
        weights = vae.state_dict()
        last_tap = {
            name: weights[name][:, :, -1] if weights[name].ndim == 5 else weights[name].view(parameter.shape)
            for name, parameter in model.named_parameters()
        }
        model.load_state_dict(last_tap)
        return model

    @torch.no_grad()
    def to_video(self, vae: AutoencoderKLQwenImage) -> None:
        """Write the weights into a video autoencoder of the same config; weights that no image uses become zero."""
        for name, target in vae.state_dict().items():
            target.zero_()
            if name in (weights := self.state_dict()):
                used = target[:, :, -1] if target.ndim == 5 else target
                used.copy_(weights[name].view(used.shape))

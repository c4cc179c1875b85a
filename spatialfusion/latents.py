"""Images to normalised latents and back, for every autoencoder that a backbone has.

Normalised means about unit normal: what the diffusion transformer and ComfyUI's samplers see. It is (z - mean) / std
with the config's constants per channel for an AutoencoderKLQwenImage or AutoencoderKLQwenImage21, and
(z - shift_factor) * scaling_factor for an AutoencoderKL, such as FLUX's, which OmniGen2 has too.

Qwen-Image 2.1's autoencoder has transparency as a fourth channel: images go in opaque, and come out over white.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .errors import InputError

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, AutoencoderKLQwenImage, AutoencoderKLQwenImage21

    from .backbones.autoencoder_2d import Autoencoder2D


def load_vae(
    folder: str | Path, dtype: torch.dtype = torch.float32
) -> AutoencoderKLQwenImage | AutoencoderKLQwenImage21 | AutoencoderKL:
    """Load the autoencoder from a folder with config.json and safetensors weights, for inference."""
    from diffusers import AutoencoderKL, AutoencoderKLQwenImage, AutoencoderKLQwenImage21

    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder} has no autoencoder (no config.json); train it with the stage `vae` first.")
    name = AutoencoderKLQwenImage.load_config(folder).get("_class_name", AutoencoderKLQwenImage.__name__)
    known = {vae.__name__: vae for vae in (AutoencoderKLQwenImage, AutoencoderKLQwenImage21, AutoencoderKL)}
    if name not in known:
        raise InputError(f"{folder} has an autoencoder of class {name}: expected {', '.join(known)}.")
    return known[name].from_pretrained(folder, use_safetensors=True, torch_dtype=dtype).eval().requires_grad_(False)


def encode_latents(
    vae: AutoencoderKLQwenImage | AutoencoderKLQwenImage21 | AutoencoderKL | Autoencoder2D, images: Tensor
) -> Tensor:
    """Normalised latents [B,C,H/s,W/s] (the posterior's mode) of images [B,3,H,W] in [0,1]; H, W multiples of s.

    C is 16 and s is 8, but in Qwen-Image 2.1 C is 64 and s is 16. Autoencoder2D.from_video(vae) gives the same latents
    in a third of the time.
    """
    from diffusers import AutoencoderKL, AutoencoderKLQwenImage, AutoencoderKLQwenImage21

    vae = getattr(vae, "_orig_mod", vae)  # where torch.compile wrapped it
    levels = vae.config.block_out_channels if isinstance(vae, AutoencoderKL) else vae.config.dim_mult
    stride = 2 ** (len(levels) - 1)
    if images.shape[-1] % stride or images.shape[-2] % stride:
        size = f"{images.shape[-1]}x{images.shape[-2]}"
        raise InputError(f"images of {size} cannot be encoded: width and height must be multiples of {stride}.")
    frames = 2 * images - 1
    if isinstance(vae, AutoencoderKLQwenImage21):
        frames = torch.cat([frames, torch.ones_like(frames[:, :1])], dim=1)
    if isinstance(vae, (AutoencoderKLQwenImage, AutoencoderKLQwenImage21)):
        latents = vae.encode(frames.unsqueeze(2)).latent_dist.mode().squeeze(2)
    elif isinstance(vae, AutoencoderKL):
        latents = vae.encode(frames).latent_dist.mode()
    else:
        latents, _ = vae.encode(frames)
    mean, std = _constants(vae, latents)
    return (latents - mean) / std


def decode_latents(
    vae: AutoencoderKLQwenImage | AutoencoderKLQwenImage21 | AutoencoderKL | Autoencoder2D, latents: Tensor
) -> Tensor:
    """Images [B,3,s h,s w] in [0,1] of normalised latents [B,C,h,w]; C and s as in `encode_latents`."""
    from diffusers import AutoencoderKL, AutoencoderKLQwenImage, AutoencoderKLQwenImage21

    vae = getattr(vae, "_orig_mod", vae)
    mean, std = _constants(vae, latents)
    raw = latents * std + mean
    if isinstance(vae, (AutoencoderKLQwenImage, AutoencoderKLQwenImage21)):
        frames = vae.decode(raw.unsqueeze(2)).sample.squeeze(2)
    elif isinstance(vae, AutoencoderKL):
        frames = vae.decode(raw).sample
    else:
        frames = vae.decode(raw)
    images = ((frames + 1) / 2).clamp(0, 1)
    if isinstance(vae, AutoencoderKLQwenImage21):
        images, opacity = images[:, :3], images[:, 3:]
        images = opacity * images + (1 - opacity)
    return images


def _constants(vae, like: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the raw latents, [C, 1, 1] each, or [1, 1, 1]."""
    from diffusers import AutoencoderKL

    if isinstance(vae, AutoencoderKL):
        # Latents that were never normalised have neither.
        constants = [vae.config.shift_factor or 0.0], [1 / (vae.config.scaling_factor or 1.0)]
    else:
        constants = vae.config.latents_mean, vae.config.latents_std
    mean, std = (
        torch.tensor(values, device=like.device, dtype=torch.float32).to(like.dtype)[:, None, None]
        for values in constants
    )
    return mean, std

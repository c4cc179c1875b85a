"""The tiny diffusion model as ComfyUI's own classes: a native MODEL and VAE, on which every core node works.

The stock loaders cannot read it: they know Qwen-Image and the Wan VAE by their published sizes alone.
"""

from __future__ import annotations

import json
from pathlib import Path

import comfy.latent_formats
import comfy.model_management
import comfy.sd
import comfy.supported_models
import comfy.utils
import torch
import torch.nn.functional as F
from comfy.ldm.wan.vae import WanVAE
from comfy.model_patcher import CoreModelPatcher, ModelPatcher
from torch import Tensor

from ...spatialfusion.errors import InputError
from ...spatialfusion.scenes.render import render
from ...spatialfusion.scenes.sample import sample_scene
from ...spatialfusion.wan_names import wan_name

PREVIEW_SCENES = 24
TEMPERAL_DOWNSAMPLE = [False, True, True]  # of Qwen-Image's VAE; the host spells it so


def load_base(folder: Path, dtype: torch.dtype) -> tuple[ModelPatcher, comfy.sd.VAE]:
    """MODEL and VAE of a model folder in diffusers' layout, of a small Qwen-Image."""
    vae = load_vae(folder / "vae")
    return load_diffusion_model(folder / "transformer", dtype, preview_factors(vae)), vae


def load_diffusion_model(
    folder: Path, dtype: torch.dtype, factors: tuple[Tensor, Tensor], disable_dynamic: bool = False
) -> ModelPatcher:
    """A QwenImageTransformer2DModel of diffusers as the host's own. The host asks for it again, without dynamic memory,
    where prompts have hooks."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = ("in_channels", "out_channels", "num_layers", "attention_head_dim", "num_attention_heads")
    names += ("joint_attention_dim", "axes_dims_rope")
    sizes = {name: config[name] for name in names}
    model_config = TinyQwenImage({"image_model": "qwen_image", "patch_size": config["patch_size"], **sizes})
    model_config.latent_format.latent_rgb_factors, model_config.latent_format.latent_rgb_factors_bias = (
        value.tolist() for value in factors
    )
    load_device = comfy.model_management.get_torch_device()
    offload_device = comfy.model_management.unet_offload_device()
    cast = comfy.model_management.unet_manual_cast(dtype, load_device, model_config.supported_inference_dtypes)
    model_config.set_inference_dtype(dtype, cast)
    model = model_config.get_model({}, device=offload_device)
    state = {name: tensor.to(dtype) for name, tensor in _read(folder).items()}
    patcher_class = ModelPatcher if disable_dynamic else CoreModelPatcher
    patcher = patcher_class(model, load_device=load_device, offload_device=offload_device)
    missing, unexpected = model.diffusion_model.load_state_dict(state, strict=False, assign=patcher.is_dynamic())
    if missing or unexpected:
        raise InputError(
            f"the diffusion model in {folder} does not fit ComfyUI's Qwen-Image: {len(missing)} tensors are missing "
            f"and {len(unexpected)} unexpected (first: {[*missing, *unexpected][0]})."
        )
    patcher.cached_patcher_init = (load_diffusion_model, (folder, dtype, factors))
    return patcher


class TinyQwenImage(comfy.supported_models.QwenImage):
    """The host's description of Qwen-Image, with previews in the colours of this model's own latents."""

    class latent_format(comfy.latent_formats.Wan21):  # noqa: N801
        def __init__(self) -> None:
            super().__init__()
            self.taesd_decoder_name = None  # it decodes Wan's latents, not ours


def load_vae(folder: Path) -> comfy.sd.VAE:
    """An AutoencoderKLQwenImage of diffusers as the host's VAE."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    sizes = {"dim": config["base_dim"], "z_dim": config["z_dim"], "dim_mult": config["dim_mult"]}
    sizes |= {"attn_scales": [], "temperal_downsample": TEMPERAL_DOWNSAMPLE, "dropout": 0.0}
    stock = WanVAE(num_res_blocks=2, **sizes)
    # The host's own constructor, given a network that it knows, sets everything about memory, tiling and ratios; then
    # the network is ours.
    vae = comfy.sd.VAE(sd=stock.state_dict())
    network = WanVAE(num_res_blocks=config["num_res_blocks"], **sizes).eval()
    network.load_state_dict(wan_vae_state_dict(_read(folder), config["num_res_blocks"]))
    vae.first_stage_model = network.to(vae.vae_dtype)
    vae.patcher = CoreModelPatcher(network, load_device=vae.device, offload_device=vae.patcher.offload_device)
    vae.size = None
    vae.model_size()
    return vae


def wan_vae_state_dict(state: dict[str, Tensor], num_res_blocks: int) -> dict[str, Tensor]:
    """Weights of diffusers' AutoencoderKLQwenImage under the Wan VAE's names."""
    return {wan_name(name, num_res_blocks): tensor for name, tensor in state.items()}


def preview_factors(vae: comfy.sd.VAE) -> tuple[Tensor, Tensor]:
    """Weights [C, 3] and bias [3] that turn normalised latents into colours in [-1, 1], for the host's quick previews.

    Least squares over rendered images and their latents.
    """
    images = render([sample_scene(seed) for seed in range(PREVIEW_SCENES)], (64, 64), samples=1).image
    # One by one: the VAE takes a batch of images for the frames of a video.
    raw = torch.cat([vae.encode(image[None]) for image in images.movedim(1, -1)]).float().cpu()
    latents = comfy.latent_formats.Wan21().process_in(raw)[:, :, 0]
    colors = F.avg_pool2d(2 * images.float() - 1, images.shape[-1] // latents.shape[-1])
    rows = latents.movedim(1, -1).flatten(0, 2)
    rows = torch.cat([rows, torch.ones(len(rows), 1)], dim=1)
    solution = torch.linalg.lstsq(rows, colors.movedim(1, -1).flatten(0, 2)).solution
    return solution[:-1], solution[-1]


def _read(folder: Path) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors |= comfy.utils.load_torch_file(str(file), safe_load=True)
    if not tensors:
        raise InputError(f"{folder} has no safetensors file: expected the weights of the built-in model.")
    return tensors

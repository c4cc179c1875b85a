"""The stage `vae`: train the autoencoder of the tiny model from scratch on rendered images.

Notable:
- Trained as 2-D convolutions (backbones/autoencoder_2d.py), first on crops, then on whole images, which alone show
  the attention in the middle its full length; stored in diffusers' video format.
- Half of the batches decode smaller latents to smaller images (EQ-VAE, arXiv 2502.09509): latents that keep their
  meaning when they are scaled are easier to learn for a diffusion model.
- ComfyUI normalises Qwen-Image latents with Wan 2.1's constants and knows no others. So before it is stored, a
  per-channel affine is folded into the quant convolutions that gives the latents exactly these means and deviations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLQwenImage
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from ..backbones.autoencoder_2d import Attention, Autoencoder2D, Resample, ResidualBlock
from ..data.rendered import RenderedScenes
from ..devices import channels_last
from ..files import atomic_file, atomic_folder
from ..images import to_image
from ..latents import decode_latents, encode_latents, load_vae
from ..needed import needed
from ..train.config import TrainConfig, VaeConfig
from ..train.data_stage import data_folders
from ..train.engine import sample_index
from ..train.stage import Stage

SQUARE_WEIGHT = 4.0  # most of an image is grey, so that the absolute error alone is slow to teach colours
EDGE_WEIGHT = 1.0
KL_WEIGHT = 1e-6
WHOLE_SHARE = 0.1  # share of the steps, at the end, that see whole images
SCALED_SHARE = 0.5  # share of the batches that are decoded from smaller latents
SCALES = (0.25, 0.375, 0.5, 0.625, 0.75, 0.875)
LATENT_NOISE = 0.1  # noise in deviations of each channel, as the decoder must stand a diffusion model's errors
STATISTICS_IMAGES = 2048
SHEET_IMAGES = 16


class VaeStage(Stage):
    """Trains encoder and decoder with L1, an edge loss and a small KL divergence."""

    name = "vae"
    network = "vae"
    trained: Autoencoder2D

    def __init__(self, config: TrainConfig, run: Path, device: torch.device):
        super().__init__(config, run, device)
        train, validation = data_folders(config, run)
        self.data = RenderedScenes(train)
        self.validation = RenderedScenes(validation)
        initial = run / "model" / "vae"
        if config.init is not None and initial.is_dir():
            model = Autoencoder2D.from_video(load_vae(initial))
        else:
            model = Autoencoder2D(new_video_vae(config.model.vae).config)
            start_as_resampling(model)
        self.trained = channels_last(model.requires_grad_(True), device)
        self.trained.train()

    def __len__(self) -> int:
        return len(self.data)

    def indices(self, step: int, places: range) -> list[Any]:
        """Images, each with the side of its crop: that of a whole image in the last steps."""
        options = self.config.vae
        whole = min(self.data.images.shape[-2:])
        side = whole if step >= (1 - WHOLE_SHARE) * options.steps else min(options.crop, whole)
        start = step * options.batch
        return [(sample_index(self.config.seed, self.name, start + place, len(self)), side) for place in places]

    def batch(self, indices: list[tuple[int, int]], generators: list[torch.Generator]) -> dict[str, Any]:
        images = self.data.images
        crops, noise = [], []
        for (index, side), generator in zip(indices, generators):
            top, left = (int(torch.randint(n - side + 1, (), generator=generator)) for n in images.shape[-2:])
            crops.append(images[index, :, top : top + side, left : left + side])
            noise.append(torch.randn(self.config.model.vae.z_dim, side // 8, side // 8, generator=generator))
        pixels = torch.stack(crops).float() / 127.5 - 1
        scaled = bool(torch.rand((), generator=generators[0]) < SCALED_SHARE)
        scale = SCALES[int(torch.randint(len(SCALES), (), generator=generators[0]))] if scaled else 1.0
        return {
            "images": pixels.contiguous(memory_format=torch.channels_last),
            "noise": torch.stack(noise).contiguous(memory_format=torch.channels_last),
            "scale": scale,
        }

    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        images, scale = batch["images"], batch["scale"]
        reconstruction, mean, log_variance = self.trained(images, batch["noise"], LATENT_NOISE, scale)
        if scale != 1:
            images = functional.interpolate(images, reconstruction.shape[-2:], mode="bilinear", antialias=True)
        error = reconstruction - images
        l1 = error.abs().mean()
        edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        square = error.square().mean()
        loss = l1 + SQUARE_WEIGHT * square + EDGE_WEIGHT * edges + KL_WEIGHT * kl
        psnr = -10 * (square / 4).log10()
        metrics = {"l1": l1, "edges": edges, "kl": kl, "psnr_scaled" if scale != 1 else "psnr": psnr}
        return loss, {name: value.detach() for name, value in metrics.items()}

    @torch.no_grad()
    def validate(self, folder: Path, step: int) -> dict[str, float]:
        # Autocast would go on with the weights that it cast before they were folded.
        with torch.autocast(self.device.type, enabled=False):
            return self._measure(self._folded(self.data.images[:256]), folder / f"sheet-{step}.png")

    def _measure(self, model: Autoencoder2D, sheet: Path) -> dict[str, float]:
        rows, clean, noisy = [], [], []
        generator = torch.Generator().manual_seed(0)
        for part in self.validation.images.split(16):
            images = (part.float() / 255).to(self.device)
            latents = encode_latents(model, images).float()
            noise = torch.randn(latents.shape, generator=generator).to(self.device)
            restored = decode_latents(model, latents).float()
            clean.append(restored - images)
            noisy.append(decode_latents(model, latents + 0.1 * noise).float() - images)
            rows.append(torch.stack([images, restored]))
        save_sheet(torch.cat(rows, dim=1)[:, :SHEET_IMAGES], sheet)
        errors = torch.cat(clean)
        return {"l1": errors.abs().mean().item(), "psnr": _psnr(errors), "psnr_noise_0.1": _psnr(torch.cat(noisy))}

    @torch.no_grad()
    def export(self, model_folder: Path) -> None:
        video = new_video_vae(self.config.model.vae)
        self._folded(self.data.images[:: max(1, len(self.data) // STATISTICS_IMAGES)]).to_video(video)
        with atomic_folder(Path(model_folder) / "vae") as temporary:
            video.save_pretrained(temporary, safe_serialization=True)

    def _folded(self, images: Tensor) -> Autoencoder2D:
        """A copy of the trained network whose latents of `images` (uint8) have Wan 2.1's means and deviations."""
        model = Autoencoder2D(self.trained.config)
        model.load_state_dict(self.trained.state_dict())
        channels_last(model, self.device).eval()
        fold_statistics(model, *latent_statistics(model, images))
        return model


@torch.no_grad()
def start_as_resampling(model: Autoencoder2D) -> None:
    """Initialise `model` so that it starts near an average over blocks and its inverse, at unit gain.

    From diffusers' random start the signal is a tenth of the biases when it reaches the decoder, and one colour axis
    after the other emerges over thousands of steps. After 75 steps of 32 crops: 15.7 dB from there, 16.0 with the
    averages alone, 19.6 with unit gain too.
    """
    z = model.config.z_dim
    for module in model.modules():
        if isinstance(module, ResidualBlock):
            for parameter in module.conv2.parameters():
                torch.nn.init.zeros_(parameter)
            if isinstance(module.conv_shortcut, torch.nn.Conv2d):
                _spread(module.conv_shortcut.weight[:, :, 0, 0])
        elif isinstance(module, Attention):
            torch.nn.init.zeros_(module.proj.weight)
        elif isinstance(module, Resample):
            for conv in (part for part in module.resample if isinstance(part, torch.nn.Conv2d)):
                conv.weight.zero_()
                if conv.stride == (2, 2):
                    # 2x2 averages, in the padding of this convolution.
                    conv.weight[:, :, :2, :2] = torch.eye(len(conv.weight))[:, :, None, None] / 4
                else:
                    _spread(conv.weight[:, :, 1, 1])
                # The norms take the length of a pixel's vector away: constants beside the signal keep its size.
                torch.nn.init.normal_(needed(conv.bias), std=0.1)
    for conv, gain in (
        (model.encoder.conv_in, 1.0),
        (model.encoder.conv_out, 1.0),
        (model.decoder.conv_in, 1.0),
        (model.decoder.conv_out, 0.3),
    ):
        torch.nn.init.zeros_(conv.weight)
        torch.nn.init.normal_(conv.weight[:, :, 1, 1], std=gain * conv.in_channels**-0.5)
    for module in (model.encoder.conv_in, model.decoder.conv_in):
        torch.nn.init.normal_(module.bias, std=0.5)
    for conv in (model.quant_conv, model.post_quant_conv):
        torch.nn.init.dirac_(conv.weight)
        torch.nn.init.zeros_(conv.bias)
    model.quant_conv.weight[z:] *= 0.1
    # With as much noise as signal, hundreds of steps would pass before the latents say anything.
    torch.nn.init.constant_(model.quant_conv.bias[z:], -6.0)


def _spread(matrix: Tensor) -> None:
    """Make [out, in] repeat its inputs over more outputs, or mix them orthogonally into fewer."""
    rows, columns = matrix.shape
    if rows >= columns:
        matrix.copy_(torch.eye(columns).repeat(-(-rows // columns), 1)[:rows])
    else:
        matrix.copy_(torch.nn.init.orthogonal_(torch.empty(rows, columns)))


def new_video_vae(sizes: VaeConfig) -> AutoencoderKLQwenImage:
    """An untrained video autoencoder; Wan 2.1's latent means and deviations are its config's defaults."""
    return AutoencoderKLQwenImage(
        base_dim=sizes.base_dim,
        z_dim=sizes.z_dim,
        dim_mult=list(sizes.dim_mult),
        num_res_blocks=sizes.num_res_blocks,
    ).eval()


@torch.no_grad()
def latent_statistics(model: Autoencoder2D, images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [z] of the raw latents' modes, over images [N,3,H,W] uint8 and places."""
    device, count = model.quant_conv.weight.device, 0
    total, square = torch.zeros(2, model.config.z_dim, dtype=torch.float64, device=device)
    for batch in images.split(32):
        mode, _ = model.encode((batch.float() / 127.5 - 1).to(device))
        mode = mode.double()
        total = total + mode.sum((0, 2, 3))
        square = square + mode.square().sum((0, 2, 3))
        count += mode[:, 0].numel()
    mean = total / count
    return mean.float(), (square / count - mean.square()).clamp_min(1e-12).sqrt().float()


@torch.no_grad()
def fold_statistics(model: Autoencoder2D, mean: Tensor, std: Tensor) -> None:
    """Change `model` in place so that raw latents of `mean` and `std` [z] get its config's latents_mean, latents_std.

    z' = scale z + shift is folded into quant_conv (the posterior's deviation is scaled with it), its inverse into
    post_quant_conv: encoding and decoding in turn stays what it was.
    """
    config = model.config
    target_mean, target_std = mean.new_tensor(config.latents_mean), mean.new_tensor(config.latents_std)
    scale = target_std / std
    shift = target_mean - scale * mean
    z = config.z_dim
    model.quant_conv.weight[:z] *= scale[:, None, None, None]
    model.quant_conv.bias[:z] = scale * model.quant_conv.bias[:z] + shift
    model.quant_conv.bias[z:] += 2 * scale.log()
    weight = model.post_quant_conv.weight / scale[:, None, None]
    model.post_quant_conv.bias -= (weight[:, :, 0, 0] * shift).sum(1)
    model.post_quant_conv.weight.copy_(weight)


def save_sheet(rows: Tensor, path: Path) -> None:
    """Write images [R,N,3,H,W] in [0,1] as a grid of 2 R rows: the first half of N above the second."""
    halves = 2 if rows.shape[1] % 2 == 0 and rows.shape[1] > 8 else 1
    grid = rearrange(rows, "r (half n) c h w -> c (half r h) (n w)", half=halves)
    with atomic_file(path) as temporary:
        to_image(grid).save(temporary)


def _psnr(errors: Tensor) -> float:
    """Decibels, the mean over images [B,3,H,W] of errors on a scale of 1."""
    return (-10 * errors.square().mean((1, 2, 3)).clamp_min(1e-10).log10()).mean().item()

"""The autoencoder: as 2-D convolutions, with Wan 2.1's latent statistics, and trained."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from spatialfusion.backbones.autoencoder_2d import Autoencoder2D
from spatialfusion.errors import InputError
from spatialfusion.latents import decode_latents, encode_latents, load_vae
from spatialfusion.tiny.vae import VaeStage, fold_statistics, latent_statistics, new_video_vae
from spatialfusion.train.config import DataConfig, ModelConfig, TrainConfig, VaeConfig
from spatialfusion.train.data_stage import prepare_data

CPU = torch.device("cpu")


def stirred_vae(base_dim: int = 4, num_res_blocks: int = 1, seed: int = 0):
    """A video autoencoder in which no weight is so regular (zero, one) that it could hide a mistake."""
    torch.manual_seed(seed)
    vae = new_video_vae(VaeConfig(base_dim=base_dim, num_res_blocks=num_res_blocks)).requires_grad_(False)
    for name, parameter in vae.named_parameters():
        if name.endswith(("bias", "gamma")):
            parameter += 0.3 * torch.randn(parameter.shape)
    return vae


def surfaces(count: int, width: int = 32, height: int = 32, seed: int = 0) -> torch.Tensor:
    """Coloured surfaces with straight edges, [count,3,H,W] uint8."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 256, (count, 3, height // 8, width // 8), generator=generator).float()
    return torch.nn.functional.interpolate(coarse, (height, width)).to(torch.uint8)


@settings(max_examples=6, deadline=None)
@given(st.integers(1, 2), st.sampled_from([4, 8]), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_2d_equals_video(blocks, base_dim, rows, columns, seed):
    vae = stirred_vae(base_dim, blocks, seed)
    flat = Autoencoder2D.from_video(vae)
    frames = torch.rand(2, 3, 8 * rows, 8 * columns) * 2 - 1
    latents = torch.randn(2, 16, rows, columns)
    with torch.no_grad():
        video = vae.encode(frames.unsqueeze(2)).latent_dist
        mean, log_variance = flat.encode(frames)
        decoded = vae.decode(latents.unsqueeze(2)).sample.squeeze(2)
        assert (mean - video.mean.squeeze(2)).abs().max() < 1e-5
        assert (log_variance - video.logvar.squeeze(2)).abs().max() < 1e-5
        assert (flat.decode(latents).clamp(-1, 1) - decoded).abs().max() < 1e-5


def test_written_back_to_video():
    flat = Autoencoder2D.from_video(stirred_vae())
    vae = stirred_vae(seed=1)
    flat.to_video(vae)
    images = surfaces(2).float() / 255
    with torch.no_grad():
        assert torch.allclose(encode_latents(vae, images), encode_latents(flat, images), atol=1e-5)
    weights = dict(vae.named_parameters())
    assert not weights["encoder.conv_in.weight"][:, :, :-1].any()
    assert weights["encoder.conv_in.weight"][:, :, -1].any()
    assert not any(weight.any() for name, weight in weights.items() if "time_conv" in name)


def test_fold_gives_wan_statistics_and_changes_no_image():
    flat = Autoencoder2D.from_video(stirred_vae())
    data = surfaces(64)
    images = data[:4].float() / 255
    frames = 2 * images - 1
    with torch.no_grad():
        mean, log_variance = flat.encode(frames)
        noise = torch.randn(mean.shape)
        before = flat.decode(mean + (0.5 * log_variance).exp() * noise)
        fold_statistics(flat, *latent_statistics(flat, data))
        mean, log_variance = flat.encode(frames)
        after = flat.decode(mean + (0.5 * log_variance).exp() * noise)
        assert (after - before).abs().max() < 1e-4
        found_mean, found_std = latent_statistics(flat, data)
        assert torch.allclose(found_mean, torch.tensor(flat.config.latents_mean), atol=1e-3)
        assert torch.allclose(found_std, torch.tensor(flat.config.latents_std), rtol=1e-3)
        normalised = encode_latents(flat, data.float() / 255)
        assert normalised.mean((0, 2, 3)).abs().max() < 1e-3
        assert (normalised.std((0, 2, 3)) - 1).abs().max() < 1e-2


def test_encode_latents_is_what_diffusers_does():
    vae = stirred_vae()
    images = surfaces(1).float() / 255
    with torch.no_grad():
        latents = encode_latents(vae, images)
        raw = vae.encode(2 * images.unsqueeze(2) - 1).latent_dist.mode()
        constants = (vae.config.latents_mean, vae.config.latents_std)
        mean, std = (torch.tensor(values).view(1, 16, 1, 1, 1) for values in constants)
        assert torch.equal(latents, ((raw - mean) / std).squeeze(2))
        restored = decode_latents(vae, latents)
        assert torch.allclose(restored, (vae.decode(raw).sample.squeeze(2) + 1) / 2, atol=1e-5)
    assert restored.shape == images.shape and 0 <= restored.min() and restored.max() <= 1


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match="multiples of 8"):
        encode_latents(stirred_vae(), torch.zeros(1, 3, 32, 36))
    with pytest.raises(InputError, match="no autoencoder"):
        load_vae(tmp_path)
    config = TrainConfig(run=str(tmp_path))
    with pytest.raises(InputError, match="stage `data`"):
        VaeStage(config, tmp_path, CPU)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder with a few rendered images."""
    folder = tmp_path_factory.mktemp("vae")
    prepare_data(config(folder), folder)
    return folder


def config(run: Path) -> TrainConfig:
    data = DataConfig(train_scenes=8, validation_scenes=2, size=(32, 32))
    return TrainConfig(run=str(run), data=data, model=ModelConfig(vae=VaeConfig(base_dim=8)))


def generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(i) for i in range(count)]


def test_stage_learns_and_exports(run, tmp_path):
    torch.manual_seed(0)
    stage = VaeStage(config(run), run, CPU)
    optimizer = torch.optim.AdamW(stage.trained.parameters(), lr=3e-3)
    indices = list(range(len(stage)))
    before = stage.validate(tmp_path, 0)
    for _ in range(40):
        optimizer.zero_grad()
        loss, metrics = stage.loss(stage.batch([(index, 32) for index in indices], generators(len(indices))))
        loss.backward()
        optimizer.step()
    assert metrics["l1"].isfinite() and not metrics["l1"].requires_grad
    stage.trained.eval()
    after = stage.validate(tmp_path, 40)
    assert after["psnr"] > before["psnr"] + 1
    assert after["psnr"] >= after["psnr_noise_0.1"] - 0.5
    with Image.open(tmp_path / "sheet-40.png") as sheet:
        assert sheet.size[0] % 32 == 0 and sheet.size[1] == 2 * 32

    stage.export(tmp_path / "model")
    vae = load_vae(tmp_path / "model" / "vae")
    assert not list((tmp_path / "model" / "vae").glob("*.bin"))
    assert list((tmp_path / "model" / "vae").glob("*.safetensors"))
    data = stage.data.images
    with torch.no_grad():
        latents = encode_latents(vae, data.float() / 255)
        assert latents.mean((0, 2, 3)).abs().max() < 1e-2
        assert (latents.std((0, 2, 3)) - 1).abs().max() < 2e-2
        mode, _ = stage.trained.encode(data.float() / 127.5 - 1)
        trained = (stage.trained.decode(mode).clamp(-1, 1) + 1) / 2
        assert (decode_latents(vae, latents) - trained).abs().max() < 1e-3


def test_validation_under_autocast_sees_the_fold(run, tmp_path):
    """Autocast keeps bf16 copies of weights, which must not be those from before the statistics were folded in."""
    torch.manual_seed(0)
    stage = VaeStage(config(run), run, CPU)
    stage.trained.eval()
    z = stage.trained.config.z_dim
    with torch.no_grad():
        # Small latents: the fold has much to do, and without it the image would be grey.
        stage.trained.quant_conv.weight[:z] *= 0.01
        stage.trained.post_quant_conv.weight *= 100
    plain = stage.validate(tmp_path, 0)
    with torch.autocast("cpu", torch.bfloat16):
        assert stage.validate(tmp_path, 1)["psnr"] == pytest.approx(plain["psnr"], abs=1e-3)


def test_batch_depends_on_its_generators_alone(run):
    stage = VaeStage(config(run), run, CPU)
    first, again = (stage.batch([(3, 32), (5, 32)], generators(2)) for _ in range(2))
    alone = stage.batch([(5, 32)], [torch.Generator().manual_seed(1)])
    assert first["scale"] == again["scale"]
    for key in ("images", "noise"):
        assert torch.equal(first[key], again[key])
        assert torch.equal(first[key][1:], alone[key])


def test_last_steps_see_whole_images(run):
    options = config(run)
    options.vae = dataclasses.replace(options.vae, steps=20, crop=16, batch=2)
    stage = VaeStage(options, run, CPU)
    assert [stage.indices(step, range(1))[0][1] for step in (0, 17, 18, 19)] == [16, 16, 32, 32]


def test_scaled_latents_are_asked_for_scaled_images(run):
    torch.manual_seed(0)
    stage = VaeStage(config(run), run, CPU)
    batch = stage.batch([(0, 32), (1, 32)], generators(2))
    scales = {stage.batch([(0, 32)], [torch.Generator().manual_seed(i)])["scale"] for i in range(40)}
    assert 1.0 in scales and len(scales) > 3
    losses = {scale: stage.loss({**batch, "scale": scale}) for scale in (0.5, 1.0)}
    assert "psnr_scaled" in losses[0.5][1] and "psnr" in losses[1.0][1]
    reconstruction, _, _ = stage.trained(batch["images"], batch["noise"], 0.0, 0.5)
    assert reconstruction.shape[-2:] == (16, 16)


def test_every_weight_gets_a_gradient_once_the_residuals_have_grown(run):
    torch.manual_seed(0)
    stage = VaeStage(config(run), run, CPU)
    with torch.no_grad():
        for parameter in stage.trained.parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
    loss, _ = stage.loss(stage.batch([(0, 32), (1, 32)], generators(2)))
    loss.backward()
    assert [name for name, p in stage.trained.named_parameters() if p.grad is None or not p.grad.any()] == []

"""The same weights give the same depth and image through ComfyUI as through the Python pipeline.

The pipeline needs diffusers, which the host does not have: tests/test_host.py draws the images there and names the file
in SPATIALFUSION_PARITY.
"""

from __future__ import annotations

import os

import pytest
import torch
from comfy_extras.nodes_custom_sampler import (
    BasicScheduler,
    CFGGuider,
    KSamplerSelect,
    RandomNoise,
    SamplerCustomAdvanced,
)
from conftest import SIZE, apply, pack, predict, run, sample

import nodes as host_nodes

STEPS, DEPTH_STEPS, SEED = 20, 16, 3
WITHIN = 2 / 255


@pytest.fixture(scope="module")
def expected():
    path = os.environ.get("SPATIALFUSION_PARITY")
    if not path:
        pytest.skip("SPATIALFUSION_PARITY names no file: run tests/test_host.py")
    return torch.load(path, weights_only=True)


def decode(tiny, latents):
    return host_nodes.VAEDecode().decode(tiny.vae, {"samples": latents})[0].movedim(-1, 1)


def check(name, image, expected):
    worst = (image - expected).abs().max().item()
    print(f"{name}: maximum difference {255 * worst:.4f} / 255")
    assert worst < WITHIN


def test_text_to_image_through_every_sampler(tiny, expected):
    wanted = expected["text"]
    geometry, positive = predict(tiny.spatialfusion, wanted["prompt"], seed=SEED, steps=DEPTH_STEPS)
    depth = pack("nodes.types").from_packet(geometry)
    torch.testing.assert_close(depth.depth * depth.valid, wanted["depth"], rtol=1e-4, atol=1e-4)
    patched = apply(tiny, geometry=geometry)
    latents = sample(patched, positive, tiny.negative, seed=SEED, steps=STEPS)
    check("KSampler", decode(tiny, latents), wanted["image"])

    latent = {"samples": torch.zeros(1, 16, SIZE // 8, SIZE // 8)}
    (guider,) = CFGGuider.execute(patched, positive, tiny.negative, 4.0).result
    (sigmas,) = BasicScheduler.execute(patched, "simple", STEPS, 1.0).result
    advanced = SamplerCustomAdvanced.execute(
        RandomNoise.execute(SEED).result[0], guider, KSamplerSelect.execute("euler").result[0], sigmas, latent
    ).result[0]
    check("SamplerCustomAdvanced", decode(tiny, advanced["samples"]), wanted["image"])

    ours = run(
        "Sampler",
        model=tiny.model,
        spatialfusion=tiny.spatialfusion,
        positive=positive,
        negative=tiny.negative,
        latent=latent,
        seed=SEED,
        preset="automatic",
        steps=0,
        cfg=0.0,
        sampler_name="euler",
        scheduler="simple",
        denoise=1.0,
        strength=1.0,
        geometry=geometry,
    )
    check("our sampler", decode(tiny, ours["samples"]), wanted["image"])


def test_editing(tiny, expected):
    wanted = expected["edit"]
    inputs = {"image": wanted["source"].movedim(1, -1), "vae": tiny.vae}
    # As the pipeline does by itself when it edits, and the template image_edit says.
    geometry, positive = predict(tiny.spatialfusion, wanted["prompt"], seed=SEED, steps=1, guidance=1.0, **inputs)
    depth = pack("nodes.types").from_packet(geometry)
    torch.testing.assert_close(depth.depth * depth.valid, wanted["depth"], rtol=1e-4, atol=1e-4)
    negative = run("EncodePrompt", spatialfusion=tiny.spatialfusion, prompt="", width=SIZE, height=SIZE, **inputs)
    latents = sample(apply(tiny, geometry=geometry), positive, negative, seed=SEED, steps=STEPS)
    check("editing", decode(tiny, latents), wanted["image"])


def test_the_plain_base(tiny, expected):
    wanted = expected["base"]
    _, positive = predict(tiny.spatialfusion, wanted["prompt"], seed=SEED)
    check("base", decode(tiny, sample(tiny.model, positive, tiny.negative, seed=SEED, steps=STEPS)), wanted["image"])


def test_a_batch_is_the_batch_of_the_pipeline(tiny, expected):
    wanted = expected["batch"]
    geometry, positive = predict(tiny.spatialfusion, wanted["prompt"], seed=SEED, batch=2, steps=DEPTH_STEPS)
    latents = sample(apply(tiny, geometry=geometry), positive, tiny.negative, batch=2, seed=SEED, steps=STEPS)
    check("batch", torch.cat([decode(tiny, latents[i : i + 1]) for i in range(2)]), wanted["image"])

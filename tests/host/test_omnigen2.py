"""The host's own OmniGen2 on the weights of ours: the same answers, and through our nodes the same latents with depth.

Our transformer needs diffusers, which the host does not have: tests/test_host.py computes what is expected, and names
the folder with it in SPATIALFUSION_OMNIGEN2.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import comfy.model_patcher
import comfy.supported_models
import pytest
import torch
from conftest import apply, pack, sample
from safetensors.torch import load_file

SEED, STEPS, CFG = 3, 4, 3.0


@pytest.fixture(scope="module")
def folder():
    path = os.environ.get("SPATIALFUSION_OMNIGEN2")
    if not path:
        pytest.skip("SPATIALFUSION_OMNIGEN2 names no folder: run tests/test_host.py")
    return Path(path)


@pytest.fixture(scope="module")
def expected(folder):
    return load_file(folder / "expected.safetensors")


@pytest.fixture(scope="module")
def model(expected):
    """The host's MODEL, with every weight of ours and no other."""
    config = comfy.supported_models.Omnigen2({"image_model": "omnigen2", "hidden_size": 48, "num_layers": 2,
        "num_refiner_layers": 1, "num_attention_heads": 3, "num_kv_heads": 1, "axes_dim_rope": (4, 6, 6),
        "multiple_of": 16, "text_feat_dim": 64, "timestep_scale": 1000.0})  # fmt: skip
    config.set_inference_dtype(torch.float32, None)
    model = config.get_model({})
    weights = {k.removeprefix("weights."): v for k, v in expected.items() if k.startswith("weights.")}
    model.diffusion_model.load_state_dict(weights, strict=True)
    return comfy.model_patcher.ModelPatcher(model, torch.device("cpu"), torch.device("cpu"))


def check(name, ours, expected, tolerance):
    wanted = expected[f"answer.{name}"]
    worst = (ours - wanted).abs().max().item()
    print(f"{name}: maximum difference {worst:.2e}, of values up to {wanted.abs().max().item():.1f}")
    assert worst < tolerance


@pytest.mark.parametrize("name", ["text", "edit"])
def test_the_network_answers_the_same(model, expected, name):
    text = expected["text"]
    answer = model.model.diffusion_model(
        expected["x"],
        expected["t"],
        text,
        num_tokens=text.shape[1],
        ref_latents=[expected["reference"]] if name == "edit" else None,
    )
    check(name, answer, expected, 1e-5)


def conditioning(text, references=()):
    options = {"attention_mask": torch.ones(text.shape[:2], dtype=torch.long)}
    return [[text, options | ({"reference_latents": list(references)} if references else {})]]


@pytest.mark.parametrize("name", ["base", "depth", "depth_edit"])
def test_sampling_with_depth_gives_the_same_latents(model, folder, expected, name):
    """Residual, delta and LoRA at strength 0.8, by KSampler; the negative prompt of an edit has no source picture."""
    references = [expected["raw_reference"]] if name == "depth_edit" else []
    positive = conditioning(expected["text"][:1], references)
    negative = conditioning(expected["null_text"])
    if name != "base":
        assert (expected["answer.depth"] - expected["answer.base"]).abs().max() > 0.1
        loaded = pack("nodes.host.loaded").load_model(
            folder / "spatialfusion.safetensors", "omnigen2", "fp32", pack("nodes.load_model").TINY
        )
        depth = expected["depth_map"]
        geometry = pack("spatialfusion.geometry.geometry").Geometry(depth, depth > 0, expected["intrinsics"])
        given = SimpleNamespace(model=model, spatialfusion=loaded, geometry=pack("nodes.types").to_packet(geometry))
        model = apply(given, strength=0.8)
    latents = sample(model, positive, negative, size=(8, 12), seed=SEED, steps=STEPS, cfg=CFG)
    check(name, latents, expected, 1e-4)

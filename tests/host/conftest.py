"""Tests inside ComfyUI's own process: the pack is loaded as the host loads it, and its nodes are called directly."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

PACK = Path(__file__).parents[2]
HOST = Path(os.environ["COMFYUI_PATH"])

# Before anything of comfy is imported: its options are read at import.
sys.argv = ["main.py", "--cpu"]
sys.path.insert(0, str(HOST))
os.chdir(HOST)

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import nodes as host_nodes  # noqa: E402

SIZE = 128
PROMPT = "a red car in front of a blue house"


def load_pack():
    """Import the pack under a name of its own, as nodes.py of the host does."""
    name = f"{PACK}".replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, PACK / "__init__.py", submodule_search_locations=[str(PACK)])
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


PACK_MODULE = load_pack()
CLASSES = {
    cls.define_schema().node_id: cls for cls in asyncio.run(asyncio.run(PACK_MODULE.comfy_entrypoint()).get_node_list())
}


def pack(name: str):
    """A module of the loaded pack, such as nodes.types."""
    return importlib.import_module(f".{name}", PACK_MODULE.__name__)


InputError = pack("spatialfusion.errors").InputError


def run(node: str, **inputs):
    """The outputs of one of our nodes; a single one comes bare."""
    outputs = CLASSES[f"SpatialFusion{node}"].execute(**inputs).result
    return outputs[0] if len(outputs) == 1 else outputs


def sample(model, positive, negative, size=(SIZE // 8, SIZE // 8), batch=1, seed=0, steps=4, cfg=4.0, **latent):
    """Raw latents of the core's KSampler, euler/simple."""
    latent = {"samples": torch.zeros(batch, 16, *size), **latent}
    (out,) = host_nodes.common_ksampler(model, seed, steps, cfg, "euler", "simple", positive, negative, latent)
    return out["samples"]


@pytest.fixture(autouse=True)
def _inference():
    # As the host's executor does.
    with torch.inference_mode():
        yield


@pytest.fixture(scope="session")
def tiny():
    """The built-in model: spatialfusion, model, vae, positive, negative, a predicted geometry, and the weight of the
    diffusion model's input projection."""
    with torch.inference_mode():
        loaded = run("Loader", checkpoint="built-in tiny", dtype="fp32")
        model, vae = run("LoadBase", base="built-in tiny", dtype="fp32")
        geometry, positive = predict(loaded)
        negative = run("EncodePrompt", spatialfusion=loaded, prompt="", width=SIZE, height=SIZE)
        # Before anything is sampled: the host leaves a run's patches in the weights.
        projection = model.model.diffusion_model.img_in.weight.clone()
    return SimpleNamespace(
        spatialfusion=loaded,
        model=model,
        vae=vae,
        positive=positive,
        negative=negative,
        geometry=geometry,
        projection=projection,
    )


def with_injection(tiny, injection):
    """`tiny` with a checkpoint whose residual enters in one of two ways: as the built-in one has it or made from it.

    The columns of one that concatenates are the projection's own with its delta: at strength 1 that is to add.
    """
    loaded = tiny.spatialfusion
    tensors = {name: getattr(loaded.depth_patch, key) for name, key in loaded.depth_patch.names.items()}
    tensors.pop("columns", None)
    # The built-in checkpoint has no LoRA, and its delta leaves the latent's own columns as they are.
    generator = torch.Generator().manual_seed(0)

    def some(*shape: int) -> torch.Tensor:
        return 0.05 * torch.randn(shape, generator=generator)

    width = len(tiny.projection)
    tensors["projection.weight"] = some(*tiny.projection.shape)
    for module in ("transformer_blocks.0.attn.to_q", "transformer_blocks.1.attn.to_out.0"):
        tensors |= {f"lora.{module}.lora_A.weight": some(4, width), f"lora.{module}.lora_B.weight": some(width, 4)}
    if injection == "concat":
        delta = tensors["projection.weight"]
        tensors["projection.weight"] = torch.cat([delta, delta + tiny.projection], dim=1)
    module = pack("nodes.host.loaded")
    # What is added to the latent has no words beside it.
    config = dataclasses.replace(loaded.config, injection=injection, region_width=0)
    adapter = pack("spatialfusion.model.depth_adapter").DepthAdapter(config)
    adapter.load_state_dict({k: v for k, v in loaded.depth_patch.adapter.state_dict().items() if k[:6] != "words."})
    patch = module.DepthPatch(adapter.requires_grad_(False), tensors, config)
    made = dataclasses.replace(loaded, name=f"tiny {injection}", config=config, patch=module._patcher(patch))
    return SimpleNamespace(**vars(tiny) | {"spatialfusion": made})


@pytest.fixture(scope="session")
def added(tiny):
    """As `tiny`, with a checkpoint that adds its residual to the latent."""
    with torch.inference_mode():
        return with_injection(tiny, "add")


@pytest.fixture(scope="session")
def concatenated(tiny):
    """As `added`, with a checkpoint that concatenates and says the same."""
    with torch.inference_mode():
        return with_injection(tiny, "concat")


def predict(loaded, prompt=PROMPT, width=SIZE, height=SIZE, seed=0, batch=1, steps=2, guidance=2.0, **inputs):
    return run(
        "PredictDepth",
        spatialfusion=loaded,
        prompt=prompt,
        width=width,
        height=height,
        depth_steps=steps,
        depth_guidance=guidance,
        seed=seed,
        batch_size=batch,
        **inputs,
    )


def apply(tiny, model=None, geometry=None, strength=1.0, start=0.0, end=1.0, cond_only=False, mask=None, scene=None):
    return run(
        "ApplyDepth",
        model=tiny.model if model is None else model,
        spatialfusion=tiny.spatialfusion,
        geometry=tiny.geometry if geometry is None else geometry,
        strength=strength,
        start=start,
        end=end,
        cond_only=cond_only,
        mask=mask,
        scene=scene,
    )

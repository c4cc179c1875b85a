"""Runs the tests of tests/host with ComfyUI's own Python, and gives them what diffusers' side computes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from host_server import NoHostError, find_host
from safetensors.torch import save_file
from tiny import TINY_BACKBONES

from spatialfusion.backbones import omnigen2, z_image
from spatialfusion.backbones.backbone import Backbone
from spatialfusion.backbones.sampling import Draw, draw_noise
from spatialfusion.generate import TINY
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.model.context import SemanticContext
from spatialfusion.pipeline import SpatialFusionPipeline
from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import sample_scene

pytestmark = pytest.mark.host

HERE = Path(__file__).parent
SEED = 3


@pytest.fixture(scope="module")
def parity(tmp_path_factory) -> Path:
    """What the pipeline draws with the built-in model: text to image, editing, no depth, and a batch."""
    pipe = SpatialFusionPipeline.from_pretrained(TINY)
    pipe.set_progress_bar_config(disable=True)
    text, instruction = "a red car in front of a blue house", "turn the car blue"
    source = render([sample_scene(0)]).image

    def draw(prompt: str, **options) -> dict:
        output = pipe(prompt, generator=torch.Generator().manual_seed(SEED), output_type="pt", **options)
        depth = {} if output.geometry is None else {"depth": output.geometry.depth * output.geometry.valid}
        return {"prompt": prompt, "image": output.images.detach(), **depth}

    file = tmp_path_factory.mktemp("parity") / "pipeline.pt"
    torch.save(
        {
            "text": draw(text),
            "edit": draw(instruction, image=source) | {"source": source},
            "base": draw(text, controlnet_conditioning_scale=0),
            "batch": draw(text, num_images_per_prompt=2),
        },
        file,
    )
    return file


def write_parity(folder: Path, backbone: Backbone, shift: float) -> Path:
    """A folder with a random network of the backbone, what it answers, what is sampled, and its SpatialFusion
    checkpoint. shift: of the host's noise levels."""
    parts = TINY_BACKBONES[backbone.name].components()
    transformer, spatialfusion, vae = parts["transformer"], parts["spatialfusion"], parts["vae"]
    weights = {f"weights.{name}": tensor.clone() for name, tensor in transformer.state_dict().items()}
    spatialfusion.save(folder / "spatialfusion.safetensors")
    delta = backbone.load_backbone_tensors(transformer, spatialfusion.backbone_tensors)

    def random(*shape: int, seed: int) -> torch.Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    shape, batch = (16, 8, 12), 2
    x, reference = random(batch, *shape, seed=0), random(batch, 16, 6, 10, seed=1)
    text, null_text = random(batch, 7, 64, seed=2), random(1, 5, 64, seed=3)
    t = torch.tensor([0.1, 0.85])
    given = {"x": x, "t": t, "reference": reference, "text": text, "null_text": null_text}
    answers = {}
    with torch.no_grad():
        for name, references in (("text", []), *([("edit", [reference])] if backbone.edits else [])):
            answers[name] = backbone.velocity(
                transformer, x, references, t, text, torch.ones(text.shape[:2], dtype=torch.bool)
            )

    depth = torch.linspace(1, 20, 64)[None, :, None].expand(1, 64, 96)
    geometry = Geometry.from_depth(depth, focal=1.0)
    residual = spatialfusion.adapter.residual(geometry, shape[1:])
    contexts, whole = [_context(text[:1]), _context(null_text)], (0.0, 1.0)
    draws = [("base", [], 0.0, whole), ("depth", [], 0.8, whole), ("depth_half", [], 0.8, (0.0, 0.5))]
    if backbone.edits:
        draws.append(("depth_edit", [reference[:1]], 0.8, whole))
    for name, references, strength, depth_range in draws:
        draw = Draw(
            *contexts,
            references,
            draw_noise([torch.Generator().manual_seed(SEED)], shape),
            4,
            3.0,
            backbone.inject(transformer, residual, delta, strength),
            depth_range,
        )
        latents = backbone.sample_latents(transformer, FlowMatchEulerDiscreteScheduler(shift=shift), draw)
        # The host hands raw latents out.
        answers[name] = latents / vae.config.scaling_factor + vae.config.shift_factor
    given["raw_reference"] = reference[:1] / vae.config.scaling_factor + vae.config.shift_factor
    given |= {"depth_map": depth.contiguous(), "intrinsics": geometry.intrinsics}
    answers = {f"answer.{name}": answer.contiguous() for name, answer in answers.items()}
    save_file(weights | given | answers, folder / "expected.safetensors")
    return folder


@pytest.fixture(scope="module")
def omnigen2_parity(tmp_path_factory) -> Path:
    return write_parity(tmp_path_factory.mktemp("omnigen2"), omnigen2.BACKBONE, shift=2.6)


@pytest.fixture(scope="module")
def z_image_parity(tmp_path_factory) -> Path:
    return write_parity(tmp_path_factory.mktemp("z_image"), z_image.BACKBONE, shift=3.0)


def _context(text: torch.Tensor) -> SemanticContext:
    mask = torch.ones(text.shape[:2], dtype=torch.bool)
    cache = torch.zeros(len(text), 1, text.shape[1], 4)
    return SemanticContext(text, mask, (cache,), (cache,), mask, mask.sum(1))


# What a file of tests/host is given: the variable that names it, and the fixture that makes it.
GIVEN = {
    "test_parity.py": ("SPATIALFUSION_PARITY", "parity"),
    "test_omnigen2.py": ("SPATIALFUSION_OMNIGEN2", "omnigen2_parity"),
    "test_z_image.py": ("SPATIALFUSION_Z_IMAGE", "z_image_parity"),
}


def test_no_host_is_started_that_nobody_has_named(tmp_path, monkeypatch):
    for name in ("main.py", "venv/bin/python"):
        (tmp_path / "ComfyUI" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "ComfyUI" / name).touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("COMFYUI_PYTHON", raising=False)
    for unnamed in (None, ""):
        monkeypatch.setenv("COMFYUI_PATH", unnamed or "")
        if unnamed is None:
            monkeypatch.delenv("COMFYUI_PATH")
        with pytest.raises(NoHostError, match="COMFYUI_PATH is not set"):
            find_host()
    monkeypatch.setenv("COMFYUI_PATH", "~/ComfyUI")
    assert find_host()[0] == tmp_path / "ComfyUI"


@pytest.mark.parametrize("file", sorted(path.name for path in (HERE / "host").glob("test_*.py")))
def test_in_the_host(file: str, request) -> None:
    try:
        folder, python = find_host()
    except NoHostError as missing:
        pytest.skip(str(missing))
    environment = {**os.environ, "COMFYUI_PATH": str(folder)}
    environment.pop("PYTHONPATH", None)
    if file in GIVEN:
        variable, fixture = GIVEN[file]
        environment[variable] = str(request.getfixturevalue(fixture))
    command = [python, "-m", "pytest", "-c", "host/pytest.ini", "-rs", "-s", f"host/{file}"]
    result = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, timeout=900)
    print(result.stdout[-6000:], result.stderr[-2000:])
    assert result.returncode == 0, result.stdout[-6000:]

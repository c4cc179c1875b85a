"""Runs the tests of tests/host with ComfyUI's own Python, and gives them what the Python pipeline draws."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch
from host_server import NoHostError, find_host

from spatialfusion.generate import TINY
from spatialfusion.pipeline import SpatialFusionPipeline
from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import sample_scene

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
            "base": draw(text, adapter_strength=0),
            "batch": draw(text, num_images_per_prompt=2),
        },
        file,
    )
    return file


@pytest.mark.parametrize("file", sorted(path.name for path in (HERE / "host").glob("test_*.py")))
def test_in_the_host(file: str, request) -> None:
    try:
        folder, python = find_host()
    except NoHostError as missing:
        pytest.skip(str(missing))
    environment = {**os.environ, "COMFYUI_PATH": str(folder)}
    environment.pop("PYTHONPATH", None)
    if file == "test_parity.py":
        environment["SPATIALFUSION_PARITY"] = str(request.getfixturevalue("parity"))
    command = [python, "-m", "pytest", "-c", "host/pytest.ini", "-rs", "-s", f"host/{file}"]
    result = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, timeout=900)
    print(result.stdout[-6000:], result.stderr[-2000:])
    assert result.returncode == 0, result.stdout[-6000:]

"""Import, Edit, Load and Save Depth: videos with progress and cancel, and names as people have them."""

from __future__ import annotations

import comfy.model_management
import comfy.utils
import folder_paths
import pytest
import torch
from conftest import InputError, pack, run

FRAMES, SIZE = 5, 24
WIDGETS = {"convention": "disparity", "near": 1.0, "far": 20.0, "hfov": 55.0, "zero_is_sky": True}


@pytest.fixture
def steps(monkeypatch):
    """What bars have shown, as (value, total)."""
    shown = []
    for throttle in ("INTERVAL", "PERCENT"):
        monkeypatch.setattr(comfy.utils, f"PROGRESS_THROTTLE_MIN_{throttle}", 0)
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", lambda value, total, *_, **__: shown.append((value, total)))
    return shown


def video() -> torch.Tensor:
    return torch.rand(FRAMES, SIZE, SIZE, 1, generator=torch.Generator().manual_seed(0)).repeat(1, 1, 1, 3)


def works() -> dict:
    """What works on a video picture by picture."""
    geometry = run("ImportDepth", image=video(), **WIDGETS)
    packet = {name: geometry[name] for name in ("depth", "mask", "intrinsics", "image")}
    edits = {"move": 1.0, "scale": 0.5, "flatten": 0.0, "replace": 0.0, "blend": 0.5}
    return {
        "import": lambda: run("ImportDepth", image=video(), **WIDGETS),
        "moge": lambda: run("ImportDepth", moge_geometry=packet, **WIDGETS),
        "da3": lambda: run("ImportDepth", da3_geometry={"depth": packet["depth"]}, **WIDGETS),
        **{
            operation: lambda o=operation, a=amount: run(
                "EditDepth", geometry=geometry, operation=o, amount=a, feather=2.0, mask=video()[..., 0], other=geometry
            )
            for operation, amount in edits.items()
        },
    }


@pytest.mark.parametrize("name", ["import", "moge", "da3", "move", "scale", "flatten", "replace", "blend"])
def test_a_video_has_a_bar_and_can_be_cancelled(name, steps, monkeypatch):
    work = works()[name]
    steps.clear()
    work()
    assert steps == [(k + 1, 2 * FRAMES) for k in range(2 * FRAMES)]
    steps.clear()

    def cancel(value, total, *_, **__):
        steps.append((value, total))
        if len(steps) == 3:
            comfy.model_management.interrupt_current_processing()

    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", cancel)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        work()
    assert len(steps) == 3


def test_what_travels_is_the_same_for_a_video_and_its_pictures():
    whole = run("ImportDepth", image=video(), **WIDGETS)
    for i in range(FRAMES):
        single = run("ImportDepth", image=video()[i : i + 1], **WIDGETS)
        for name, value in single.items():
            same = value == whole[name] if name == "is_color_map" else torch.equal(value, whole[name][i : i + 1])
            assert same, name


def test_endings_may_be_in_capitals(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_paths, "input_directory", str(tmp_path))
    save_geometry = pack("spatialfusion.geometry.files").save_geometry
    geometry = pack("nodes.types").from_packet(run("ImportDepth", image=video()[:1], **WIDGETS))
    for name in ("UP.NPZ", "UP.EXR", "UP.PNG"):
        save_geometry(tmp_path / name, geometry)
    for sidecar in ("UP.json", "UP.JSON"):
        if sidecar == "UP.JSON":
            (tmp_path / "UP.json").rename(tmp_path / sidecar)
        files = pack("nodes.load_depth")._files()
        assert {"UP.NPZ", "UP.EXR", "UP.PNG"} <= set(files)
        for name in ("UP.NPZ", "UP.EXR", "UP.PNG"):
            torch.testing.assert_close(run("LoadDepth", file=name)["depth"][0].isfinite(), geometry.valid[0])


def test_a_name_too_long_for_a_file_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path))
    geometry = run("ImportDepth", image=video()[:1], **WIDGETS)
    with pytest.raises(InputError, match=r"has 2\d\d bytes: expected up to 255"):
        run("SaveDepth", geometry=geometry, filename_prefix="n" * 250, format="npz")
    with pytest.raises(InputError, match="is not a depth file"):
        run("LoadDepth", file="n" * 300 + ".npz")


def test_a_prompt_that_is_no_text_is_one_sentence(tiny):
    for clip in (None, object()):  # before any CLIP is asked
        with pytest.raises(InputError, match=r"prompt has a broken character \('\\ud83d'\) at position 7"):
            run(
                "EncodePrompt",
                spatialfusion=tiny.spatialfusion,
                prompt="a car \ud83d",
                width=128,
                height=128,
                clip=clip,
            )

"""Inputs that several nodes have, described once."""

from __future__ import annotations

import math

from comfy_api.latest import io

from ..spatialfusion.defaults import STRENGTH
from ..spatialfusion.errors import InputError
from .types import SCENE_NODES, SceneType


def check_finite(**values: float) -> None:
    """Raise InputError for a number that is none: the host's own bounds let NaN pass."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise InputError(f"{name} is {value:g}: expected a number.")


def size_inputs(of: str) -> list[io.Input]:
    return [
        io.Int.Input(name, default=128, min=32, max=4096, step=16, tooltip=f"{name.capitalize()} in pixels of {of}.")
        for name in ("width", "height")
    ]


def seed_input(tooltip: str) -> io.Input:
    return io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, control_after_generate=True, tooltip=tooltip)


def layout_seed_input(tooltip: str, optional: bool = False) -> io.Input:
    return io.Int.Input(
        "seed",
        default=0,
        min=0,
        max=0xFFFFFFFFFFFFFFFF,
        control_after_generate="fixed",  # a layout stays until the user changes the seed
        optional=optional,
        tooltip=tooltip,
    )


def image_size_inputs() -> list[io.Input]:
    return [
        io.Int.Input(name, default=1024, min=64, max=2048, step=8, tooltip=f"{name.capitalize()} of the image, pixels.")
        for name in ("width", "height")
    ]


def clip_input() -> io.Input:
    return io.Clip.Input(
        "clip",
        optional=True,
        tooltip="Qwen-Image's Qwen2.5-VL. Leave it unconnected for the built-in tiny model, which has its own.",
    )


def image_inputs(note: str) -> list[io.Input]:
    return [
        io.Image.Input(
            "image",
            optional=True,
            tooltip="For editing: the source image, cut around its centre and resized to width x height. A batch is "
            f"several sources, the first being the one to edit.{note}",
        ),
        io.Vae.Input("vae", optional=True, tooltip="For editing: the VAE of the diffusion model."),
    ]


def metres_input(name: str, default: float, tooltip: str) -> io.Input:
    return io.Float.Input(name, default=default, min=0.001, max=10000.0, step=0.1, round=0.001, tooltip=tooltip)


def strength_input() -> io.Input:
    return io.Float.Input(
        "strength",
        default=STRENGTH,
        min=0.0,
        max=10.0,
        step=0.05,
        tooltip="How much depth matters. 0 is exactly the model without depth, 1 is as trained.",
    )


def told_scene_input() -> io.Input:
    return SceneType.Input(
        "scene",
        optional=True,
        tooltip=f"The scene that the depth is of, from {SCENE_NODES}. The built-in model is then also told what each "
        "object is, where it is seen: which of two shapes is the red one.",
    )


def dtype_input() -> io.Input:
    return io.Combo.Input(
        "dtype",
        options=["default", "fp32", "bf16", "fp16"],
        default="default",
        advanced=True,
        tooltip="Number format of the weights. default: bf16 or fp16 where the GPU is good at it, else fp32.",
    )

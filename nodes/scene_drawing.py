"""What the nodes that draw a scene share: a bar that can be cancelled, the outputs, and words on the node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import comfy.model_management
import comfy.utils
import torch
from comfy_api.latest import io, ui

from ..spatialfusion.scenes.compose import Composition, check_masks, draw
from ..spatialfusion.scenes.program import Layout
from .types import GeometryType, SceneType, to_packet


def cancellable() -> Callable[[int, int], None]:
    """A bar of what is done, for the solver or the renderer; cancelling ends them."""
    bar = comfy.utils.ProgressBar(1)

    def progress(done: int, total: int) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(done, total)

    return progress


def draw_layout(layout: Layout, size: tuple[int, int], samples: int) -> Composition:
    """Draw a layout at `size` (width, height) with a bar; cancelling ends it."""
    check_masks(len(layout.names), size)
    return draw(layout, size, samples, cancellable())


def outputs() -> list[io.Output]:
    """The outputs of a node that draws a scene."""
    return [
        GeometryType.Output("geometry", tooltip="Depth in metres, unknown in the sky; carries the image."),
        io.Image.Output("image", tooltip="The scene as drawn."),
        io.Mask.Output("masks", tooltip="One for each object, in the order of the text: where it is seen."),
        io.String.Output("names", tooltip="The objects' names in the order of the masks, one in each line."),
    ]


def scene_output() -> io.Output:
    return SceneType.Output(
        "scene",
        tooltip="All of it, for Apply Depth to Model, Edit Scene, Scene to Regions, Compare Image with Scene and Orbit "
        "Scene Camera.",
    )


def numbered_text_output() -> io.Output:
    return io.String.Output("text", tooltip="The scene text with every number, for Compose Scene Depth.")


def output_values(drawn: Composition) -> tuple[Any, ...]:
    """The values of `outputs` for a drawn scene."""
    image = drawn.image.movedim(1, -1).contiguous()
    return to_packet(drawn.geometry, image), image, drawn.masks_in(torch.float32), "\n".join(drawn.names)


def drawn_scene(text: str, seed: int, size: tuple[int, int]) -> dict[str, Any]:
    """What a run tells the floor plan on the node, which cannot know a text that came from elsewhere."""
    return {"spatialfusion_scene": [{"text": text, "seed": seed, "width": size[0], "height": size[1]}]}


def say(sentences: Sequence[str], otherwise: str) -> ui.PreviewText:
    """Show sentences on the node, or that there are none; web/said.js does."""
    return ui.PreviewText("\n".join(sentences) or otherwise)

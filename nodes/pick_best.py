"""Pick Best by Scene: of a batch of candidates the one with the highest score."""

from __future__ import annotations

import math
from typing import Any

import torch
from comfy_api.latest import io

from ..spatialfusion.errors import InputError
from .scene_drawing import say


class SpatialFusionPickBest(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SpatialFusionPickBest",
            display_name="Pick Best by Scene",
            category="SpatialFusion",
            description="Of several candidates of one scene, take the one that Compare Image with Scene gives the "
            "highest score.",
            search_aliases=["best of n", "best image", "select image", "image from batch", "rank", "score"],
            is_input_list=True,
            inputs=[
                io.Image.Input("images", tooltip="The batch, or the list, that was compared with the scene."),
                io.Float.Input(
                    "scores",
                    force_input=True,
                    tooltip="From Compare Image with Scene: one number for each image.",
                ),
            ],
            outputs=[
                io.Image.Output("image", tooltip="The best image; of several that are equally good, the first."),
                io.Int.Output(
                    "index", tooltip="Its place in the batch, from 0: for Select Depth, or Latent From Batch."
                ),
                io.Float.Output("score", tooltip="Its score."),
            ],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(cls, images: list[Any], scores: list[Any]) -> io.NodeOutput:
        candidates = [image for batch in images if batch is not None for image in batch]
        numbers = [float(score) for batch in scores for score in _flat(batch)]
        if len(candidates) != len(numbers) or not candidates:
            raise InputError(
                f"there are {len(candidates)} images and {len(numbers)} scores: expected one score for each, from "
                "Compare Image with Scene."
            )
        bad = next((number for number in numbers if not math.isfinite(number)), None)
        if bad is not None:
            raise InputError(f"scores has {bad:g} among them: expected numbers.")
        best = max(range(len(numbers)), key=lambda i: numbers[i])
        note = ", ".join(
            f"{'[' if i == best else ''}{number:.3f}{']' if i == best else ''}" for i, number in enumerate(numbers)
        )
        return io.NodeOutput(candidates[best][None], best, numbers[best], ui=say([note], ""))


def _flat(value: Any) -> list[Any]:
    if isinstance(value, torch.Tensor):
        return value.flatten().tolist()
    return list(value) if isinstance(value, (list, tuple)) else [value]

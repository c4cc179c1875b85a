"""Compare Image with Scene: the metres that were asked for, and those that an estimator finds in the image."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from ..spatialfusion.geometry.depth_image import colorize
from ..spatialfusion.geometry.geometry import Geometry
from ..spatialfusion.geometry.importing import from_da3
from ..spatialfusion.scenes.compare import SCALES, Comparison, compare
from ..spatialfusion.scenes.comparison_image import comparison_image
from .progress import image_progress
from .scene_drawing import say
from .types import SCENE_NODES, SceneType, check_scene, from_packet

AnyGeometry = io.Custom("SPATIALFUSION_GEOMETRY,MOGE_GEOMETRY,DA3_GEOMETRY")


class SpatialFusionCompareScene(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SpatialFusionCompareScene",
            display_name="Compare Image with Scene",
            category="SpatialFusion",
            description=(
                "Does the image show the scene, in metres? For each object the distance that was asked for and the "
                "one that MoGe or Depth Anything 3 finds in the image, drawn over it, and a score."
            ),
            search_aliases=["measure image", "evaluate", "metres", "distance", "verify", "score", "best of n", "depth"],
            inputs=[
                SceneType.Input("scene", tooltip=f"What was asked for: the scene of {SCENE_NODES}."),
                AnyGeometry.Input(
                    "geometry",
                    tooltip="What is found: from Run MoGe Inference or Run Depth Anything 3 on the images, or any "
                    "other metric depth of them. A batch is compared image by image.",
                ),
                io.Combo.Input(
                    "scale",
                    options=list(SCALES),
                    default=SCALES[0],
                    tooltip="- as measured: the estimator's metres are taken as they are (MoGe-2).\n"
                    "- fitted: one factor for each image, which fits its objects best (Depth Anything 3, MoGe-1).",
                ),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    tooltip="Where the objects are in the image, one mask for each object in the order of the scene, "
                    "such as from SAM3 Detect with individual_masks. Unconnected: where the scene has them.",
                ),
            ],
            outputs=[
                io.String.Output("table", tooltip="For each object metres asked, metres found, and the difference."),
                io.Image.Output("overlay", tooltip="The images with the outline and the metres of each object."),
                io.Float.Output(
                    "score",
                    is_output_list=True,
                    tooltip="One number for each image, 1 for every object at its distance, to 0. For Pick Best by "
                    "Scene.",
                ),
            ],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(cls, scene: Any, geometry: Any, scale: str, masks: Any = None) -> io.NodeOutput:
        plan = check_scene(scene)
        depth = _read(geometry, plan.scene.camera.hfov)
        if masks is not None:
            masks = masks.reshape(-1, *masks.shape[-2:]).float().cpu()
        compared = compare(plan.draw(), depth, masks, scale)
        images = _images(geometry, depth)
        step = image_progress(len(compared))
        overlays = []
        for image, one in zip(images, compared):
            overlays.append(comparison_image(image, one).movedim(0, -1))
            step()
        tables = [one.table for one in compared]
        if len(tables) > 1:
            tables = [f"image {number}\n{table}" for number, table in enumerate(tables)]
        scores = [one.score for one in compared]
        return io.NodeOutput("\n\n".join(tables), torch.stack(overlays), scores, ui=say(_lines(compared), ""))


def _lines(compared: list[Comparison]) -> list[str]:
    """For the node, where columns do not stay below each other."""
    lines = []
    for number, one in enumerate(compared):
        which = f"image {number}: " if len(compared) > 1 else ""
        lines.append(f"{which}score {one.score:.3f}")
        for thing in one.objects:
            found = "not found" if thing.found is None else f"{thing.found:.2f} m found"
            lines.append(f"{thing.name}: {thing.asked:.2f} m asked, {found}")
    return lines


def _read(packet: Any, hfov: float) -> Geometry:
    """Geometry of a packet of ours, of MoGe, or of Depth Anything 3, whose images see as widely as the scene if it
    does not say."""
    if isinstance(packet, dict) and "depth" in packet and ("mode" in packet or "intrinsics" not in packet):
        return from_da3(packet, hfov, "geometry").to("cpu")
    return from_packet(packet)


def _images(packet: dict[str, Any], depth: Geometry) -> torch.Tensor:
    """[B, 3, H, W], those that the geometry belongs to, or its colour map."""
    image = packet.get("image")
    if not isinstance(image, torch.Tensor) or len(image) != len(depth):
        return colorize(depth)
    return image[..., :3].float().cpu().clamp(0, 1).movedim(-1, 1)

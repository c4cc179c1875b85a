"""Metres read off a geometry: at a point, of a mask, between two masks."""

from __future__ import annotations

from comfy_api.latest import io

from ..spatialfusion.errors import InputError
from ..spatialfusion.geometry.measure import depth_at, distance, mean_depth
from .scene_drawing import say
from .types import GeometryType, from_packet


class SpatialFusionMeasureDepth(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SpatialFusionMeasureDepth",
            display_name="Measure Depth",
            category="SpatialFusion",
            description="Read metres off metric depth. Without a mask: the depth at the point. With mask_a: its mean "
            "depth. With both masks: the distance between what they show.",
            search_aliases=["distance", "measure", "ruler", "how far", "metres", "meters", "depth at point"],
            is_output_node=True,
            inputs=[
                GeometryType.Input("geometry", tooltip="Metric depth from a SpatialFusion or MoGe node."),
                io.Float.Input(
                    "x",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    round=0.0001,
                    tooltip="Point from the left (0) to the right edge (1) of the image. Used without masks.",
                ),
                io.Float.Input(
                    "y",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    round=0.0001,
                    tooltip="Point from the top (0) to the bottom edge (1) of the image. Used without masks.",
                ),
                io.Int.Input(
                    "radius",
                    default=2,
                    min=0,
                    max=1024,
                    tooltip="The median of the known depth within this many pixels of the point. Used without masks.",
                ),
                io.Mask.Input("mask_a", optional=True, tooltip="What to measure, white. Any size."),
                io.Mask.Input(
                    "mask_b", optional=True, tooltip="What to measure the distance to, white. Needs mask_a. Any size."
                ),
            ],
            outputs=[
                io.Float.Output(
                    display_name="metres", is_output_list=True, tooltip="One number for each image of the batch."
                ),
                io.String.Output(display_name="text", tooltip="The measurement in words, one line for each image."),
            ],
        )

    @classmethod
    def execute(cls, geometry, x, y, radius, mask_a=None, mask_b=None) -> io.NodeOutput:
        geometry = from_packet(geometry)
        if mask_b is not None and mask_a is None:
            raise InputError("mask_b is connected and mask_a is not; expected mask_a, or both.")
        if mask_b is not None:
            measured = distance(geometry, mask_a, mask_b)
        elif mask_a is not None:
            measured = mean_depth(geometry, mask_a)
        else:
            measured = depth_at(geometry, x, y, radius)
        return io.NodeOutput(measured.metres.tolist(), measured.text, ui=say([measured.text], ""))

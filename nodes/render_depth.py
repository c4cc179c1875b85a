"""Depth as an image: for depth ControlNets, for people, and as raw metres."""

from __future__ import annotations

import comfy.model_management
from comfy_api.latest import io
from einops import rearrange, repeat

from ..spatialfusion.geometry.depth_image import colorize, depth_image
from .inputs import metres_input
from .types import GeometryType, from_packet

NORMALIZE = {"per image": "image", "whole batch": "batch"}


class SpatialFusionRenderDepth(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SpatialFusionRenderDepth",
            display_name="Render Metric Depth",
            category="SpatialFusion",
            description="Draw metric depth as an image for a depth ControlNet or to look at, without running a model.",
            search_aliases=[
                "depth map",
                "depth to image",
                "disparity",
                "controlnet depth",
                "depth preview",
                "colormap",
            ],
            inputs=[
                GeometryType.Input("geometry", tooltip="Metric depth from a SpatialFusion or MoGe node."),
                io.Combo.Input(
                    "mode",
                    options=["disparity", "linear", "log", "metres", "color map"],
                    default="disparity",
                    tooltip="What brightness means. In all but metres, near is white and sky is black.\n"
                    "- disparity: 1 / depth, what depth ControlNets expect.\n"
                    "- linear: depth itself.\n"
                    "- log: logarithm of depth, equal steps for equal factors.\n"
                    "- metres: the values are metres, 0 for sky. Save it as EXR: previews and PNG end at 1.\n"
                    "- color map: log depth in colour, near is yellow, far is blue, sky is grey.",
                ),
                io.Combo.Input(
                    "range",
                    options=["per image", "whole batch", "fixed"],
                    default="per image",
                    tooltip="Which metres become white and black. Metres mode does not use it.\n"
                    "- per image: each image's nearest and farthest (without the outermost 0.1 %).\n"
                    "- whole batch: one range for all, so that frames of a video do not flicker.\n"
                    "- fixed: near and far below.",
                ),
                metres_input("near", 0.5, "Metres that become white. Used where range is fixed."),
                metres_input("far", 20.0, "Metres that become black; more than near. Used where range is fixed."),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The drawing of the depth."),
                io.Mask.Output(display_name="valid", tooltip="White where depth is known, black for sky and unknown."),
            ],
        )

    @classmethod
    def execute(cls, geometry, mode, range, near, far) -> io.NodeOutput:
        geometry = from_packet(geometry)
        normalize = NORMALIZE.get(range, (near, far))
        if mode == "color map":
            image = rearrange(colorize(geometry, normalize=normalize), "b c h w -> b h w c")
        else:
            grey = geometry.filled(0) if mode == "metres" else depth_image(geometry, mode, normalize)
            image = repeat(grey, "b h w -> b h w 3")
        device = comfy.model_management.intermediate_device()
        return io.NodeOutput(image.to(device), geometry.valid.float().to(device))

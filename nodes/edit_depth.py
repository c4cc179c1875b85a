"""Edits of metric depth, everywhere or within a mask."""

from __future__ import annotations

from comfy_api.latest import io

from ..spatialfusion.errors import InputError
from ..spatialfusion.geometry import edit as geometry_edit
from .depth_preview import show
from .progress import image_progress
from .types import GeometryType, from_packet, source_image_of, to_packet


class SpatialFusionEditDepth(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SpatialFusionEditDepth",
            display_name="Edit Depth",
            category="SpatialFusion",
            description="Move, scale, flatten, replace or blend metric depth, everywhere or within a mask.",
            search_aliases=["move depth", "scale depth", "depth offset", "flatten depth", "blend depth", "composite"],
            inputs=[
                GeometryType.Input("geometry", tooltip="The metric depth to edit. Its camera stays."),
                io.Combo.Input(
                    "operation",
                    options=["move", "scale", "flatten", "replace", "blend"],
                    default="move",
                    tooltip="- move: farther by amount metres, nearer where amount is negative.\n"
                    "- scale: depth times amount.\n"
                    "- flatten: all at a depth of amount metres; 0 is the mean depth there.\n"
                    "- replace: the depth of the other geometry.\n"
                    "- blend: between the two; amount 0 is this geometry, 1 the other.",
                ),
                io.Float.Input(
                    "amount",
                    default=1.0,
                    min=-10000.0,
                    max=10000.0,
                    step=0.1,
                    round=0.001,
                    tooltip="move and flatten: metres. scale: a factor, such as 0.5 for half as far. blend: 0 to 1. "
                    "Not used by replace.",
                ),
                io.Float.Input(
                    "feather",
                    default=0.0,
                    min=0.0,
                    max=512.0,
                    step=1.0,
                    round=0.1,
                    tooltip="Softens the mask's outline by about this many pixels of the depth on either side.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where to edit: white fully, grey in part, black not at all. Any size. Not connected: "
                    "everywhere.",
                ),
                GeometryType.Input(
                    "other",
                    optional=True,
                    tooltip="For replace and blend: the geometry whose metres are taken. It is resized to fit.",
                ),
            ],
            outputs=[GeometryType.Output(display_name="geometry", tooltip="The edited metric depth.")],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(cls, geometry, operation, amount, feather, mask=None, other=None) -> io.NodeOutput:
        packet, geometry = geometry, from_packet(geometry)
        step = image_progress(2 * len(geometry))  # the edit, and what depth brings with it
        if mask is not None:
            mask = geometry_edit.feather(geometry_edit.fit_mask(mask, geometry), feather)
        if operation in ("replace", "blend"):
            if other is None:
                raise InputError(f"other is not connected; expected a geometry to {operation} with.")
            other = from_packet(other, "other")
            if operation == "replace":
                edited = geometry_edit.replace(geometry, other, mask, step)
            else:
                edited = geometry_edit.blend(geometry, other, amount, mask, step)
        elif operation == "flatten":
            edited = geometry_edit.flatten(geometry, amount or None, mask, step)
        else:
            edit = {"move": geometry_edit.move, "scale": geometry_edit.scale}[operation]
            edited = edit(geometry, amount, mask, step)
        return io.NodeOutput(to_packet(edited, source_image_of(packet), step), ui=show(cls, edited))

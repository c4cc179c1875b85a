"""Geometry from other depth estimators: their images, and the packets of the core's MoGe and DA3 nodes."""

from __future__ import annotations

from comfy_api.latest import io

from ..spatialfusion.errors import InputError
from ..spatialfusion.geometry.importing import CONVENTIONS, from_da3, from_image, from_moge
from .depth_preview import show
from .inputs import metres_input
from .progress import image_progress
from .types import GeometryType, source_image_of, to_packet


class SpatialFusionImportDepth(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SpatialFusionImportDepth",
            display_name="Import Depth",
            category="SpatialFusion",
            description="Turn the depth of any estimator into metric depth: a grey depth image, or the geometry of "
            "ComfyUI's MoGe and Depth Anything 3 nodes. Connect exactly one of the three.",
            search_aliases=["depth to geometry", "depth map", "depth anything", "moge", "midas", "zoe", "load depth"],
            inputs=[
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="A grey depth image of any estimator. Colour maps cannot be read.",
                ),
                io.Custom("MOGE_GEOMETRY").Input(
                    "moge_geometry",
                    optional=True,
                    tooltip="From Run MoGe Inference, metres with MoGe-2. The widgets are not used.",
                ),
                io.Custom("DA3_GEOMETRY").Input(
                    "da3_geometry",
                    optional=True,
                    tooltip="From Run Depth Anything 3. Its depth is metres up to a factor, which Edit Depth can "
                    "correct by scale. Only hfov is used, and only in mono mode.",
                ),
                io.Combo.Input(
                    "convention",
                    options=list(CONVENTIONS),
                    default="disparity",
                    tooltip="What the grey of the image means.\n"
                    "- disparity: near is white, grey is 1 / depth (Depth Anything, MiDaS, most ControlNet images).\n"
                    "- inverted disparity: the same with near black.\n"
                    "- linear: near is white, grey is depth.\n"
                    "- inverted linear: the same with near black.\n"
                    "- metres: the values are metres, such as from an EXR file; 0 is unknown.",
                ),
                metres_input(
                    "near", 1.0, "Distance of the near end of the scale (white, or black where inverted) in metres."
                ),
                metres_input(
                    "far", 20.0, "Distance of the far end of the scale (black, or white where inverted) in metres."
                ),
                io.Float.Input(
                    "hfov",
                    default=55.0,
                    min=1.0,
                    max=175.0,
                    step=0.5,
                    round=0.01,
                    tooltip="Horizontal field of view of the camera in degrees; 55 is a 35 mm lens on full frame.",
                ),
                io.Boolean.Input(
                    "zero_is_sky",
                    default=True,
                    tooltip="The far end of the scale, exactly black (white where inverted), is sky or unknown. "
                    "Off: it is a surface at the far distance. Not used by metres.",
                ),
            ],
            outputs=[GeometryType.Output(display_name="geometry", tooltip="Metric depth.")],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls, convention, near, far, hfov, zero_is_sky, image=None, moge_geometry=None, da3_geometry=None
    ) -> io.NodeOutput:
        wired = {"image": image, "moge_geometry": moge_geometry, "da3_geometry": da3_geometry}
        names = [name for name, value in wired.items() if value is not None]
        if len(names) != 1:
            raise InputError(
                f"Import Depth is connected to {' and '.join(names) or 'nothing'}; expected exactly one of "
                f"{', '.join(wired)}."
            )
        packet = moge_geometry if da3_geometry is None else da3_geometry
        frames = image if packet is None else packet.get("depth") if isinstance(packet, dict) else None
        frames = () if frames is None else frames
        step = image_progress(2 * len(frames))  # into depth, and into what depth brings with it
        if image is not None:
            geometry, source = from_image(image, convention, near, far, hfov, zero_is_sky, step), None
        else:
            geometry = (
                from_moge(packet, progress=step) if da3_geometry is None else from_da3(packet, hfov, progress=step)
            )
            source = source_image_of(packet, "moge_geometry" if da3_geometry is None else "da3_geometry")
        return io.NodeOutput(to_packet(geometry, source, step), ui=show(cls, geometry))

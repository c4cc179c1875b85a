"""Orbit Scene Camera: a scene from where the 3D viewer looks at it, and the scene for the viewer."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import torch
from comfy_api.latest import Types, io

from ..spatialfusion.errors import InputError
from ..spatialfusion.planner.plan import SAMPLES
from ..spatialfusion.scenes.mesh import encode_scene_glb, scene_mesh
from ..spatialfusion.scenes.viewer import camera_from_viewer, middle, viewer_camera
from .scene_drawing import draw_layout, numbered_text_output, output_values, outputs, say, scene_output
from .types import SCENE_NODES, SceneType, check_scene


class SpatialFusionOrbitCamera(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SpatialFusionOrbitCamera",
            display_name="Orbit Scene Camera",
            category="SpatialFusion",
            description=(
                "See a scene from where you turned the 3D viewer to: the same things at the same places, and a new "
                "camera. Also gives the scene as GLB, for the viewer, and as MESH."
            ),
            search_aliases=[
                "camera",
                "camera angle",
                "3d viewer",
                "view",
                "orbit",
                "3d layout",
                "blockout",
                "glb",
                "mesh",
            ],
            inputs=[
                SceneType.Input("scene", tooltip=f"From {SCENE_NODES}."),
                io.Load3DCamera.Input(
                    "camera_info",
                    optional=True,
                    tooltip="From Preview 3D (Advanced), which shows model_3d of another Orbit Scene Camera, or from "
                    "Create Camera Info. Unconnected: the camera of the scene stays.",
                ),
                io.Load3DModelInfo.Input(
                    "model_3d_info",
                    optional=True,
                    tooltip="From the same viewer, where the model was moved, turned or fitted in it.",
                ),
            ],
            outputs=[
                *outputs(),
                scene_output(),
                numbered_text_output(),
                io.File3DGLB.Output("model_3d", tooltip="For Preview 3D (Advanced): the scene in metres."),
                io.Mesh.Output("mesh", tooltip="The scene for the core's mesh nodes, in metres, with its colours."),
                io.Load3DCamera.Output("camera", tooltip="The camera, for Render Mesh and Preview 3D & Animation."),
            ],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(cls, scene: Any, camera_info: Any = None, model_3d_info: Any = None) -> io.NodeOutput:
        plan = check_scene(scene)
        aspect = plan.size[0] / plan.size[1]
        if camera_info is not None:
            if not isinstance(camera_info, dict):
                raise InputError(
                    f"camera_info is a {type(camera_info).__name__}: expected the camera of a 3D viewer of the core."
                )
            plan = plan.seen_from(camera_from_viewer(camera_info, plan.scene, aspect, _model(model_3d_info)))
        if plan.is_drawn:
            drawn = plan.draw()
        else:
            drawn = plan.take(draw_layout(plan.layout, plan.size, SAMPLES))
        camera, origin = plan.scene.camera, middle(plan.scene)
        glb = Types.File3D(BytesIO(encode_scene_glb(plan.scene, plan.names, aspect, origin)), "glb")
        made = scene_mesh(plan.scene, origin)
        mesh = Types.MESH(
            torch.from_numpy(made.points)[None],
            torch.from_numpy(made.triangles)[None],
            vertex_colors=torch.from_numpy(made.colors)[None],
        )
        x, y, z = camera.position
        note = f"At {x:.2f} right, {z:.2f} forward, {-y:.2f} m up; {camera.pitch:.0f} degrees down."
        return io.NodeOutput(
            *output_values(drawn),
            plan,
            plan.text,
            glb,
            mesh,
            viewer_camera(plan.scene, aspect),
            ui=say([note, *plan.warnings], ""),
        )


def _model(info: Any) -> dict[str, Any] | None:
    """The transform of the model that the viewer shows; None where there is none."""
    if isinstance(info, (list, tuple)):
        info = info[0] if info else None
    if info is not None and not isinstance(info, dict):
        raise InputError(f"model_3d_info holds a {type(info).__name__}: expected that of the viewer of camera_info.")
    return info

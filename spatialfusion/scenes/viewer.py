"""Cameras of 3D viewers that show a scene: three.js's and ComfyUI's, with y up, looking along -z.

A viewer starts with its eye on the origin, so a scene is shown to it with the middle of its things there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError
from .mesh import UPRIGHT
from .plain import corners
from .scene import Camera, Scene

HEIGHT, PLACE, PITCH, FOV = (0.01, 200.0), 1000.0, 89.0, (5.0, 150.0)  # of a camera that a scene text can say


def middle(scene: Scene) -> tuple[float, float, float]:
    """The place on the ground in the middle of the scene's things, in the world: the viewer's origin."""
    ends = np.concatenate([corners(thing).numpy() for thing in scene.objects])
    x, _, z = (ends.min(0) + ends.max(0)) / 2
    return round(float(x), 3), 0.0, round(float(z), 3)


def camera_from_viewer(
    viewer: Mapping[str, Any], scene: Scene, aspect: float, model: Mapping[str, Any] | None = None
) -> Camera:
    """The camera of a scene that sees what the viewer shows.

    Args:
        viewer: position and target {"x", "y", "z"}, and maybe fov (vertical, degrees), zoom and cameraType, as
            ComfyUI's LOAD3D_CAMERA has them. Without a fov it is that of the scene's camera. A viewer's camera has its
            head up, and so has this one.
        aspect: width over height of the image, as high as the viewer's.
        model: position, quaternion and scale that the viewer has given to the model, as an entry of
            LOAD3D_MODEL_INFO; None: the model is as it was loaded.

    Raises InputError for what is no such camera, and for one that looks from where no scene can be seen.
    """
    kind = viewer.get("cameraType", "perspective")
    if kind != "perspective":
        raise InputError(f"camera_info is of a camera that is {kind}: expected perspective, which the viewer has too.")
    to_scene = _into_model(model)
    position = to_scene(_point(viewer, "position", "camera_info"))
    forward = to_scene(_point(viewer, "target", "camera_info")) - position
    length = np.linalg.norm(forward)
    if not length > 1e-9:
        raise InputError("camera_info has its target where its position is: expected something to look at.")
    (x, y, z), (right, down, ahead) = UPRIGHT @ position + middle(scene), UPRIGHT @ forward / length
    pitch = math.degrees(math.asin(max(-1.0, min(1.0, down))))
    camera = Camera(
        (round(float(x), 4), round(float(y), 4), round(float(z), 4)),
        round(math.degrees(math.atan2(right, ahead)), 4),
        round(max(-PITCH, min(PITCH, pitch)), 4),
        round(_hfov(viewer, aspect, scene.camera.hfov), 4),
    )
    _check(camera)
    return camera


def viewer_camera(scene: Scene, aspect: float) -> dict[str, Any]:
    """The LOAD3D_CAMERA of a scene's camera; it turns about what is as far away as the middle of the things.

    aspect: width of the image over its height.
    """
    camera = scene.camera
    position = UPRIGHT @ (np.array(camera.position) - middle(scene))
    distance = max(1.0, float(np.linalg.norm(position)))
    target = position + distance * (UPRIGHT @ camera.rotation()[2].double().numpy())
    half = math.tan(math.radians(camera.hfov) / 2) / aspect
    return {
        "position": dict(zip("xyz", position.tolist())),
        "target": dict(zip("xyz", target.tolist())),
        "zoom": 1,
        "cameraType": "perspective",
        "fov": 2 * math.degrees(math.atan(half)),
        "aspect": aspect,
    }


def _point(holder: Mapping[str, Any], name: str, of: str) -> np.ndarray:
    return np.array(_numbers(holder.get(name), "xyz", f"{of} has a {name} of"))


def _numbers(value: Any, keys: str, said: str) -> list[float]:
    given = [value.get(key) for key in keys] if isinstance(value, Mapping) else []
    numbers = [float(number) for number in given if isinstance(number, (int, float)) and math.isfinite(number)]
    if len(numbers) < len(keys):
        raise InputError(f"{said} {value!r}: expected the numbers {', '.join(keys)}, as the core's 3D viewers give.")
    return numbers


def _into_model(model: Mapping[str, Any] | None):
    """From the viewer's world to the model's own axes."""
    if model is None:
        return lambda point: point
    moved = _point(model, "position", "model_3d_info")
    x, y, z, w = _numbers(model.get("quaternion"), "xyzw", "model_3d_info has a quaternion of")
    scale = _numbers(model.get("scale"), "xyz", "model_3d_info has a scale of")
    norm = math.sqrt(x * x + y * y + z * z + w * w)
    if not norm > 1e-9 or not min(scale) > 1e-9 or max(scale) > min(scale) * 1.001:
        raise InputError(
            "model_3d_info stretches the model: expected a model that is moved, turned, and scaled in all directions "
            "alike, through which one can look as through a camera."
        )
    x, y, z, w = x / norm, y / norm, z / norm, w / norm
    turned = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return lambda point: turned.T @ (point - moved) / scale[0]


def _hfov(viewer: Mapping[str, Any], aspect: float, otherwise: float) -> float:
    fov, zoom = viewer.get("fov"), viewer.get("zoom", 1)
    if not isinstance(zoom, (int, float)) or not (math.isfinite(zoom) and zoom > 0):
        raise InputError(f"camera_info has a zoom of {zoom!r}: expected a number above 0.")
    if fov is None:
        half = math.tan(math.radians(otherwise) / 2)
    elif isinstance(fov, (int, float)) and 0 < fov < 180:
        half = math.tan(math.radians(fov) / 2) * aspect
    else:
        raise InputError(f"camera_info has a fov of {fov!r}: expected degrees between 0 and 180.")
    return 2 * math.degrees(math.atan(half / zoom))


def _check(camera: Camera) -> None:
    x, y, z = camera.position
    if not HEIGHT[0] <= -y <= HEIGHT[1]:
        where = "below the ground" if y > 0 else f"{-y:.3g} m above the ground"
        raise InputError(f"camera_info looks from {where}: expected {HEIGHT[0]:g} to {HEIGHT[1]:g} m above it.")
    if max(abs(x), abs(z)) > PLACE:
        raise InputError(
            f"camera_info looks from {max(abs(x), abs(z)):.0f} m beside the scene: expected up to {PLACE:,.0f} m."
        )
    if not FOV[0] <= camera.hfov <= FOV[1]:
        raise InputError(
            f"camera_info sees {camera.hfov:.1f} degrees from the left to the right of the image: expected "
            f"{FOV[0]:g} to {FOV[1]:g}."
        )

"""The camera of a 3D viewer as a scene's, and the scene as one mesh."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialfusion.errors import InputError
from spatialfusion.planner.plan import plan_text
from spatialfusion.scenes.mesh import scene_mesh
from spatialfusion.scenes.scene import Camera
from spatialfusion.scenes.viewer import camera_from_viewer, middle, viewer_camera

TEXT = "camera height 1.6 pitch 8\noutdoor\ncar red at -0.8 6 facing left\nball blue at 1.2 4\n"
SCENE = plan_text(TEXT, size=(64, 64)).scene


@settings(max_examples=40, deadline=None)
@given(
    position=st.tuples(st.floats(-20, 20), st.floats(-20, -0.1), st.floats(-20, 20)),
    yaw=st.floats(-179, 179),
    pitch=st.floats(-88, 88),
    hfov=st.floats(10, 120),
    aspect=st.floats(0.5, 2),
)
def test_there_and_back_is_the_same_camera(position, yaw, pitch, hfov, aspect):
    scene = dataclasses.replace(SCENE, camera=Camera(position, yaw, pitch, hfov))
    again = camera_from_viewer(viewer_camera(scene, aspect), SCENE, aspect)
    assert again.position == pytest.approx(position, abs=1e-4)
    assert again.pitch == pytest.approx(pitch, abs=2e-3) and again.hfov == pytest.approx(hfov, abs=2e-3)
    assert math.remainder(again.yaw - yaw, 360) == pytest.approx(0, abs=0.05)


def test_a_viewer_that_stands_to_the_right_and_looks_at_the_middle():
    """three.js: y is up and the camera looks along -z. Its origin is the middle of the things."""
    viewer = {"position": {"x": 5, "y": 2, "z": 0}, "target": {"x": 0, "y": 2, "z": 0}, "fov": 50, "zoom": 1}
    camera = camera_from_viewer(viewer, SCENE, 1.0)
    x, _, z = middle(SCENE)
    assert (x, z) == pytest.approx((-0.675, 5.275), abs=1e-3)  # of the car's and the ball's boxes
    assert (
        camera.position == pytest.approx((x + 5, -2, z))
        and camera.yaw == -90
        and camera.pitch == 0
        and camera.hfov == 50
    )
    down = camera_from_viewer(viewer | {"position": {"x": 0, "y": 12, "z": 0}}, SCENE, 1.0)
    assert down.pitch == 89
    wide = camera_from_viewer(viewer, SCENE, 2.0)
    assert wide.hfov == pytest.approx(2 * math.degrees(math.atan(2 * math.tan(math.radians(25)))), abs=1e-3)
    near = camera_from_viewer(viewer | {"zoom": 2.0}, SCENE, 1.0)
    assert near.hfov == pytest.approx(2 * math.degrees(math.atan(math.tan(math.radians(25)) / 2)), abs=1e-3)
    assert camera_from_viewer({k: v for k, v in viewer.items() if k != "fov"}, SCENE, 1.0).hfov == 60


def test_the_scene_from_a_new_camera_is_the_text_with_its_numbers():
    made = plan_text(TEXT, size=(64, 64))
    viewer = {"position": {"x": 4, "y": 3, "z": 1}, "target": {"x": 0, "y": 0.5, "z": -5}, "fov": 50, "zoom": 1}
    moved = made.seen_from(camera_from_viewer(viewer, made.scene, 1.0))
    assert moved.scene.objects == made.scene.objects and moved.scene.camera != made.scene.camera
    again = plan_text(moved.text, size=(64, 64))
    assert again.scene == moved.scene
    assert (again.geometry.depth == moved.geometry.depth).all()


def test_from_outside_of_a_room_its_walls_are_left_out():
    made = plan_text("room size 6 3 9\nchair at 0 4", size=(64, 64))
    viewer = {"position": {"x": 8, "y": 6, "z": 8}, "target": {"x": 0, "y": 0, "z": 0}, "fov": 30}
    outside = made.seen_from(camera_from_viewer(viewer, made.scene, 1.0))
    assert outside.scene.room is None and outside.warnings == (
        "The camera is outside of the room: its walls are left out.",
    )
    assert outside.masks[0].any() and plan_text(outside.text, size=(64, 64)).scene == outside.scene
    near = viewer | {"position": {"x": 1, "y": 1, "z": 2}}
    assert made.seen_from(camera_from_viewer(near, made.scene, 1.0)).scene.room == made.scene.room


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"position": {"x": 0, "y": -2, "z": 0}}, "camera_info looks from below the ground"),
        ({"position": {"x": 0, "y": 300, "z": 0}}, "camera_info looks from 300 m above the ground"),
        ({"position": {"x": 2000, "y": 2, "z": 0}}, "camera_info looks from 1999 m beside the scene"),
        ({"position": {"x": "left"}}, "camera_info has a position of"),
        ({"target": {"x": 0, "y": 1, "z": 0}}, "camera_info has its target where its position is"),
        ({"cameraType": "orthographic"}, "orthographic: expected perspective"),
        ({"fov": 0}, "camera_info has a fov of 0"),
        ({"fov": 170}, "camera_info sees 170.0 degrees"),
        ({"zoom": -1}, "camera_info has a zoom of -1"),
    ],
)
def test_a_camera_that_cannot_be_is_one_sentence(changes, sentence):
    viewer = {"position": {"x": 0, "y": 1, "z": 0}, "target": {"x": 0, "y": 1, "z": -5}, "fov": 50, "zoom": 1}
    with pytest.raises(InputError, match=sentence):
        camera_from_viewer(viewer | changes, SCENE, 1.0)


def test_a_stretched_model_is_one_sentence():
    viewer = {"position": {"x": 0, "y": 1, "z": 0}, "target": {"x": 0, "y": 1, "z": -5}, "fov": 50}
    model = {"position": {"x": 0, "y": 0, "z": 0}, "quaternion": {"x": 0, "y": 0, "z": 0, "w": 1}}
    scaled = camera_from_viewer(viewer, SCENE, 1.0, model | {"scale": {"x": 0.5, "y": 0.5, "z": 0.5}})
    x, _, z = middle(SCENE)
    assert scaled.position == pytest.approx((x, -2, z))
    with pytest.raises(InputError, match="model_3d_info stretches the model"):
        camera_from_viewer(viewer, SCENE, 1.0, model | {"scale": {"x": 1, "y": 2, "z": 1}})
    with pytest.raises(InputError, match="model_3d_info has a quaternion of None"):
        camera_from_viewer(viewer, SCENE, 1.0, {"position": model["position"]})


def test_the_mesh_has_every_object_and_reaches_around_them():
    mesh = scene_mesh(SCENE)
    moved = scene_mesh(SCENE, (1.0, 0.0, 5.0))
    np.testing.assert_allclose(mesh.points - moved.points, np.tile([1, 0, -5], (len(mesh.points), 1)), atol=1e-5)
    assert mesh.points.dtype == np.float32 and mesh.points.shape == mesh.colors.shape
    assert mesh.triangles.min() == 0 and mesh.triangles.max() == len(mesh.points) - 1
    red = mesh.points[(mesh.colors[:, 0] > 0.5) & (mesh.colors[:, 1:] < 0.1).all(1)]
    # glTF's axes: 6 m ahead is z = -6; the car is 4.2 m long and faces left.
    assert np.ptp(red[:, 0]) == pytest.approx(4.2, rel=0.05) and red[:, 2].mean() == pytest.approx(-6, abs=0.2)
    # The ground goes beyond the camera and all things, but not so far that a viewer shows nothing else.
    low, high = mesh.points.min(0), mesh.points.max(0)
    assert low[0] < -2.9 and high[0] > 1.5 and low[2] < -7 and high[2] > 0.5
    assert (high - low).max() < 20

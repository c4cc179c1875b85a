"""What the floor plan of the page gets: a scene from above, a small image, changed text, or a sentence."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from spatialfusion.geometry.depth_image import disparity_image
from spatialfusion.scenes.compose import draw
from spatialfusion.scenes.floor_plan import floor_plan
from spatialfusion.scenes.text import EXAMPLE, scene_from_text

SOLVED = "camera auto\ngiraffe behind jeep by 2\njeep red facing left\n2 women left of jeep\n"


def pixels(answer) -> np.ndarray:
    head, content = answer["image"].split(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_the_plan_is_the_scene_of_the_text():
    answer = floor_plan({"text": SOLVED, "seed": 3, "width": 1024, "height": 512, "view": "none"})
    assert json.loads(json.dumps(answer)) == answer
    layout = scene_from_text(SOLVED, 3, 2.0)
    assert [thing["name"] for thing in answer["objects"]] == list(layout.names)
    assert [thing["line"] for thing in answer["objects"]] == [2, 3, 4, 4]
    assert [thing["group"] for thing in answer["objects"]] == [False, False, True, True]
    assert all(thing["free"] for thing in answer["objects"]) and answer["solved"]
    for thing, was in zip(answer["objects"], layout.scene.objects):
        assert (thing["x"], -thing["base"], thing["z"], thing["yaw"]) == (*was.position, was.yaw)
        assert (thing["width"], thing["height"], thing["length"]) == was.size
    camera = layout.scene.camera
    assert (answer["camera"]["x"], answer["camera"]["z"], answer["camera"]["fov"]) == (
        camera.position[0],
        camera.position[2],
        camera.hfov,
    )
    assert (answer["text"], answer["line"], answer["image"], answer["room"]) == (SOLVED, None, None, None)


def test_the_image_is_the_scene_as_the_node_draws_it():
    layout = scene_from_text(EXAMPLE, 0, 2.0)
    depth = pixels(floor_plan({"text": EXAMPLE, "width": 1024, "height": 512, "view": "depth"}))
    assert depth.shape[:2] == (128, 256)
    expected = disparity_image(draw(layout, (256, 128), 0).geometry)[0].numpy()
    assert np.abs(depth.reshape(128, 256, -1)[:, :, 0] - 255 * expected).max() <= 1
    picture = pixels(floor_plan({"text": EXAMPLE, "width": 512, "height": 1024, "view": "picture", "edge": 64}))
    assert picture.shape == (64, 32, 3)


def test_what_things_look_like_from_above_fills_their_footprints():
    answer = floor_plan({"text": "table at 0 3\nball red at 1 4\nhouse at 0 9\ntable at 2 3", "view": "none"})
    table, ball, house, other = (thing["shape"] for thing in answer["objects"])
    assert table == other and len({table, ball, house}) == 3
    for shape in answer["shapes"]:
        points = np.array([point for outline in shape for point in outline["points"]])
        assert np.allclose([points.min(0), points.max(0)], [[-0.5, -0.5], [0.5, 0.5]], atol=0.02)
    (circle,) = answer["shapes"][ball]
    assert np.allclose(np.hypot(*np.array(circle["points"]).T), 0.5, atol=0.02) and circle["color"] == "#d41414"
    top = answer["shapes"][table][-1]["points"]
    assert sorted(map(tuple, np.abs(top))) == [(0.5, 0.5)] * 4  # over the legs
    assert floor_plan({"text": "61 balls", "view": "none"})["shapes"] == []


def test_an_edit_changes_one_line_and_tells_which():
    answer = floor_plan({"text": EXAMPLE, "view": "none", "edit": {"object": 1, "position": [1.5, 8], "yaw": 90}})
    assert answer["text"] == EXAMPLE.replace("car red at 0 7 facing left", "car red at 1.5 8 yaw 90")
    assert answer["line"] == 5
    assert (answer["objects"][1]["x"], answer["objects"][1]["z"], answer["objects"][1]["yaw"]) == (1.5, 8, 90)
    answer = floor_plan({"text": EXAMPLE, "view": "none", "edit": {"camera": {"fov": 40}}})
    assert (answer["line"], answer["camera"]["fov"]) == (2, 40)
    answer = floor_plan({"text": "dog left of cat\ncat", "view": "none", "edit": {"object": 0, "position": [1, 3]}})
    assert answer["line"] == 2 and answer["text"].splitlines()[1].startswith("dog at 1 3 yaw ")
    pinned = floor_plan({"text": SOLVED, "view": "none", "edit": {"pin": True}})
    assert not pinned["solved"] and not any(thing["free"] for thing in pinned["objects"])
    before = floor_plan({"text": SOLVED, "view": "none"})
    assert [thing["x"] for thing in pinned["objects"]] == [thing["x"] for thing in before["objects"]]


@pytest.mark.parametrize(
    "request_, sentence, line",
    [
        ({"text": "car red at 0 6\nhouze blue"}, 'line 2 of the scene text: "houze" is not known', 2),
        ({"text": "camera auto\ndog left of cat\ncat left of dog"}, "lines 2 and 3 of the scene text", 2),
        ({"text": ""}, "the scene text has no object", None),
        ({"text": 3}, "text is a int; expected a scene text.", None),
        ({"text": "x" * 1_000_001}, "the scene text has 1,000,001 characters; expected at most 1,000,000", None),
        ({"text": "1001 balls"}, "line 1 of the scene text: 1001 objects are out of range", 1),
        ({"text": "car", "seed": -1}, "seed is -1; expected a whole number from 0 to 18446744073709551615.", None),
        ({"text": "car", "width": 4096}, "width is 4096; expected a whole number from 64 to 2048.", None),
        ({"text": "car", "edge": 4096}, "edge is 4096; expected a whole number from 16 to 512.", None),
        ({"text": "car", "view": "mesh"}, "view is 'mesh'; expected one of depth, picture, none.", None),
        ({"text": "car", "file": "/etc/passwd"}, "the request is not understood; expected an object with", None),
        (["car"], "the request is not understood; expected an object with", None),
        ({"text": "car", "edit": "pin"}, "edit is a str; expected", None),
        ({"text": "car", "edit": {}}, "edit says nothing that is known; expected", None),
        ({"text": "car", "edit": {"object": 1, "yaw": 0}}, "object is 1; expected a whole number from 0 to 0.", None),
        ({"text": "car", "edit": {"object": 0, "position": [1]}}, "position of the edit is [1]; expected 2", None),
        ({"text": "car", "edit": {"object": 0, "yaw": float("nan")}}, "yaw of the edit is nan; expected 1", None),
        ({"text": "car", "edit": {"object": 0, "color": 1}}, "'color' of the edit is not known; expected", None),
        ({"text": "car", "edit": {"object": 0, "size": [0, 1, 1]}}, 'line 1 of the scene text: 0 after "size" is', 1),
        ({"text": "car", "edit": {"camera": {"yaw": 900}}}, 'line 1 of the scene text: 900 after "yaw" is out of', 1),
    ],
)
def test_what_is_wrong_is_one_sentence_and_the_line(request_, sentence, line):
    answer = floor_plan(request_)
    assert set(answer) == {"error", "line"} and answer["error"].startswith(sentence) and answer["line"] == line
    assert "\n" not in answer["error"]

import dataclasses
import json
import math
import re
import runpy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialfusion.errors import InputError
from spatialfusion.scenes.compose import compose
from spatialfusion.scenes.keywords import COLOR_WORDS, FACING, KIND_WORDS, LEVELS, SHOTS
from spatialfusion.scenes.plain import CAMERA, LIGHT, YAWS
from spatialfusion.scenes.primitives import BLOCK, ELLIPSOID, FRUSTUM, Primitive
from spatialfusion.scenes.program import ALLOCENTRIC, COMPARED, EGOCENTRIC, Layout, object_names
from spatialfusion.scenes.render import GROUNDS, SKIES, render
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.scene import COLORS, KINDS, SHADES, Camera, Scene, SceneObject
from spatialfusion.scenes.text import EXAMPLE, scene_from_text
from spatialfusion.scenes.words import QUOTES
from spatialfusion.scenes.write import scene_to_text

GOLDEN = Path(__file__).parent / "golden" / "scene_text_1.json"
DOCUMENT = (Path(__file__).parent.parent / "docs" / "scene-text.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```text\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def only(text):
    (thing,) = scene_from_text(text).scene.objects
    return thing


# --- what the words mean -------------------------------------------------------------------------------------------


def test_a_line_says_where_an_object_is_and_how():
    assert only("car red at 1 6 0.5 facing left size 1.8 1.4 4") == SceneObject(
        "car", "red", (1.8, 1.4, 4.0), (1.0, -0.5, 6.0), 270.0
    )


@pytest.mark.parametrize(
    "text",
    [
        "size 1.8 1.4 4 at 1 6 0.5 yaw 270 red car",
        "A red car, at 1 m, 6 m, 50cm, facing to the left, size 1.8x1.4x4  # and a remark; car",
        "\n\n  CAR RED at +1 6. .5m looking left size 1.8 140cm 4e0 ;; # ;",
    ],
)
def test_order_case_units_and_fillers_do_not_matter(text):
    assert only(text) == only("car red at 1 6 0.5 facing left size 1.8 1.4 4")


@pytest.mark.parametrize(
    ("words", "front"),
    [
        ("viewer", (0, -1)),
        ("the camera", (0, -1)),
        ("towards me", (0, -1)),
        ("left", (-1, 0)),
        ("to the right", (1, 0)),
        ("away", (0, 1)),
        ("away from the camera", (0, 1)),
    ],
)
def test_facing_is_the_viewers(words, front):
    x, _, z = only(f"dog facing {words} at 0 3").front.tolist()
    assert (x, z) == pytest.approx(front, abs=1e-6)


def test_every_direction_is_that_of_its_yaw():
    for word, direction in FACING.items():
        assert only(f"dog facing {word}") == only(f"dog yaw {YAWS[direction]}")


def test_one_number_of_size_is_the_height():
    width, height, length = KINDS["house"].size
    assert only("house size 10").size == pytest.approx((10 * width / height, 10, 10 * length / height))
    assert only("house").size == KINDS["house"].size


def test_defaults_are_the_documented_ones():
    layout = scene_from_text("mug; house")
    mug, house = layout.scene.objects
    assert mug == SceneObject("mug", "white", KINDS["mug"].size, (0.0, 0.0, 3.0), 0.0)
    assert house.position == (0.0, 0.0, 14.0)
    assert layout.scene.camera == Camera((0.0, -CAMERA["height"], 0.0), CAMERA["yaw"], CAMERA["pitch"], CAMERA["fov"])
    assert layout.scene.light == (LIGHT["azimuth"], LIGHT["elevation"])
    assert (layout.scene.environment, layout.scene.room) == ("outdoor", None)
    assert (layout.scene.ground, layout.scene.backdrop, layout.scene.tile) == (0, 0, 1.0)
    assert scene_from_text("mug").scene.tile == 0.1
    assert scene_from_text("camera fov 40; chair").scene.camera.position == (0.0, -1.6, 0.0)


def test_settings_are_read():
    layout = scene_from_text(
        "light elevation 30° azimuth 90; ball\ncamera at 1 -2 yaw 10 height 1 pitch -5deg fov 40\n"
        "room size 8 3 6 floor 2 walls 3 tile 0.25"
    )
    scene = layout.scene
    assert scene.camera == Camera((1.0, -1.0, -2.0), 10.0, -5.0, 40.0)
    assert scene.light == (90.0, 30.0)
    assert (scene.environment, scene.room, scene.ground, scene.backdrop, scene.tile) == (
        "room",
        (4.0, 3.0, 6.0),
        2,
        3,
        0.25,
    )


def test_a_room_without_a_size_holds_everything():
    scene = scene_from_text("room; camera height 3 at 4 0; sofa at -6 7 yaw 45; figure at 2 12 0.5 size 4").scene
    half_width, height, far = scene.room
    assert half_width > 6.9 and height > 4.5 and far > 12.2
    assert render([scene], (32, 32), samples=1).valid.all()
    assert scene_from_text("room; mug").scene.room[1] == 2.5


def test_on_stands_on_the_top_of_another_object():
    layout = scene_from_text(
        """
        bottle on crate; box as crate at 1 5 0.25 size 1
        mug at 1.2 5 on top of the red table
        table red at 1 5; table blue at -1 5
        ball on ground at 0 4
        """
    )
    bottle, crate, mug, *_, ball = layout.scene.objects
    assert bottle.position == (1.0, -1.25, 5.0) and crate.position == (1.0, -0.25, 5.0)
    assert mug.position == (1.2, -0.75, 5.0) and ball.position == (0.0, 0.0, 4.0)
    assert layout.warnings == ()


def test_standing_beside_a_support_is_a_warning():
    text = "table at 0 5 yaw 90; mug yellow at {} 5 on table"
    assert scene_from_text(text.format(0.39)).warnings == ()
    assert scene_from_text(text.format(0.41)).warnings == ("yellow mug floats: its middle is not over white table.",)


def test_names_are_given_or_made_of_color_and_kind():
    assert scene_from_text("car red; red car as mine; car red; car; car red").names == (
        "red car",
        "mine",
        "red car 2",
        "white car",
        "red car 3",
    )


# --- mistakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["no object", "car red at 0 6"]),
        ("# car\n;\ncamera height 2", ["no object"]),
        ("car\ncarr red", ["line 2", '"carr"', "did you mean 'car'", "a kind of object (car, house", "a colour (red"]),
        ("car rde", ["line 1", "did you mean 'red'"]),
        ("camra height 2", ["did you mean 'camera'"]),
        ("car at 0 6 facng left", ["did you mean 'facing'"]),
        ("car; red at 0 6", ["line 1", "no kind of object"]),
        ("car house", ["kind is given twice"]),
        ("car red blue", ["colour is given twice"]),
        ("car yaw 3 facing left", ["direction is given twice"]),
        ("car at 0 6 at 1 6", ["position is given twice"]),
        ("car 0 6", ['"0" belongs to no key word', '"at", "size" or "yaw" before it']),
        ("car at 6", ['"at" has 1 number after it', "2 or 3: x (to the right)"]),
        ("car at 1 2 3 4", ["4 numbers"]),
        ("car yaw", ['"yaw" has no numbers after it']),
        ("car at 0,6 1", ['"0,6" after "at" is not a number', "decimal point"]),
        ("car at 1 6ft", ['"6ft" after "at" is not a number']),
        ("car yaw 3m", ["wrong unit", "degrees"]),
        ("car at 3deg 1", ["wrong unit", "metres"]),
        ("car at 0 1e999", ["out of range", "from -1000 to 1000"]),
        ("car size 0", ["0 after", "out of range"]),
        ("car at 0 6 -1", ["the base is at height -1"]),
        ("car facing", ['"facing" has no direction']),
        ("car facing lefft", ["did you mean 'left'", "viewer, away, left or right"]),
        ("car facing left from the camera", ['"away from the camera"']),
        ("mug on", ['"on" has nothing after it']),
        ("mug on table", ['no other object "table"']),
        ("mug on tabel; table", ["did you mean 'table'"]),
        ("mug on mug", ['no other object "mug"']),
        ("mug on table; table; table", ["could be any of 2 objects", '"as"']),
        ("mug on table; table on mug", ["stands on itself"]),
        ("mug at 0 1 1 on table; table", ["both a height"]),
        ("mug as", ['"as" has no name']),
        ("mug as 7up", ['"7up" cannot be a name']),
        ("mug as red", ['"red" cannot be a name']),
        ("mug as it\n\ncar as it", ["line 3", 'name "it" is already used in line 1']),
        ("mug; camera\n\ncamera fov 30", ["line 3", "camera is already described in line 1"]),
        ("mug\noutdoor\nroom", ["line 3", "surroundings is already described in line 2"]),
        ("mug; camera heigth 2", ['"heigth" after "camera"', "did you mean 'height'", "height, pitch, fov, yaw or at"]),
        ("mug; camera fov 40 fov 50", ['"fov" is given twice']),
        ("mug; camera fov 200", ["200 after", "from 5 to 150"]),
        ("mug; camera height 0", ["from 0.01"]),
        ("mug; light elevation 0", ["from 1 to 90"]),
        ("mug; outdoor ground 6", ["a whole number from 0 to 5"]),
        ("mug; outdoor sky 1.5", ["a whole number"]),
        ("mug; outdoor size 3 3 3", ['"size" after "outdoor"']),
        ("mug; room size 3", ["1 number after it"]),
        ("mug; camera height 3; room size 4 2.5 5", ["the camera (x 0, height 3, z 0) is outside of the room"]),
    ],
)
def test_mistakes_are_named_in_one_sentence(text, parts):
    with pytest.raises(InputError) as caught:
        scene_from_text(text)
    message = str(caught.value)
    for part in parts:
        assert part in message
    assert "expected" in message and message.endswith(".") and "\n" not in message and ". " not in message


# --- there and back ------------------------------------------------------------------------------------------------


def number(low, high):
    return st.floats(low, high, allow_nan=False) | st.integers(math.ceil(low), math.floor(high)).map(float)


size = st.tuples(*[number(0.01, 100)] * 3)
plain = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters=QUOTES), max_size=6)
shapes = st.builds(
    Primitive,
    shape=st.sampled_from([BLOCK, ELLIPSOID, FRUSTUM]),
    center=st.tuples(*[number(-9, 9)] * 3),
    size=st.tuples(*[number(0.1, 9)] * 3),
    color=st.sampled_from(["main", "glass", "navy", "red"]),
    taper=st.tuples(number(0, 2), number(0, 2)),
    axis=st.sampled_from(["x", "y", "z", "-y"]),
    tilt=number(-90, 90),
)
things = st.builds(
    SceneObject,
    kind=st.sampled_from([*KINDS, "gizmo", "flux-capacitor", "great unknown thing"]),
    color=st.sampled_from([*COLORS, *SHADES]),
    size=size,
    position=st.tuples(number(-900, 900), number(-900, 0), number(-900, 900)),
    yaw=number(-360, 360),
    words=plain,
    plan=st.sampled_from(["", "", "car", "dog"]),
    parts=st.just(()) | st.lists(shapes, max_size=3).map(tuple),
)
names = st.from_regex(r"[a-z_][a-z0-9_-]{3,8}( [1-9])?", fullmatch=True) | st.just("Rex the Dog")
cameras = st.builds(
    Camera,
    position=st.tuples(number(-4, 4), number(-2, -0.01), number(-9, 4)),
    yaw=number(-360, 360),
    pitch=number(-89, 89),
    hfov=number(5, 150),
)
rooms = st.none() | st.tuples(number(4.5, 100), number(2.5, 100), number(4.5, 100))


@st.composite
def layouts(draw):
    objects = draw(st.lists(things, min_size=1, max_size=4))
    for index, name in enumerate(draw(st.lists(names.filter(lambda name: name not in COLOR_WORDS), unique=True))):
        if index < len(objects):
            objects[index] = dataclasses.replace(objects[index], name=name)
    objects = tuple(objects)
    room = draw(rooms)
    scene = Scene(
        objects=objects,
        camera=draw(cameras),
        environment="room" if room else "outdoor",
        light=(draw(number(-360, 360)), draw(number(1, 90))),
        ground=draw(st.integers(0, len(GROUNDS) - 1)),
        backdrop=draw(st.integers(0, len(SKIES) - 1)),
        room=room,
        tile=draw(number(0.01, 100)),
    )
    return Layout(scene, object_names(objects))


@settings(deadline=None, max_examples=60)
@given(layouts())
def test_a_scene_comes_back_from_its_text(layout):
    assert scene_from_text(scene_to_text(layout.scene)) == layout


def test_sampled_scenes_come_back():
    scenes = [sample_scene(seed) for seed in range(20)]
    assert any(scene.room for scene in scenes) and not all(scene.room for scene in scenes)
    for scene in scenes:
        assert scene_from_text(scene_to_text(scene)).scene == scene


def test_turns_and_palettes_beyond_the_language_look_the_same():
    scene = scene_from_text("car yaw 40").scene
    beyond = dataclasses.replace(
        scene, objects=(dataclasses.replace(scene.objects[0], yaw=400.0),), ground=6, backdrop=-6
    )
    assert scene_from_text(scene_to_text(beyond)).scene == scene


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.sampled_from([*KIND_WORDS, *COLORS, *FACING, "at", "size", "yaw", "facing", "on", "as", "camera", "room"])
        | st.sampled_from(["\n", ";", "#", "1", "-2.5", "3e4", "x", "6x5x7", "0,5", "height", "from", "fov", "the"])
        | st.text(max_size=3),
        max_size=8,
    ).map(" ".join)
)
def test_any_text_is_a_scene_or_an_input_error(text):
    try:
        layout = scene_from_text(text)
    except InputError:
        return
    assert scene_from_text(scene_to_text(layout.scene)) == layout


# --- the document --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [EXAMPLE, *EXAMPLES])
def test_documented_examples_show_everything(text):
    for seed in range(2):
        assert compose(text, (64, 64), samples=1, seed=seed).warnings == ()


def test_document_lists_every_kind_color_default_and_clause():
    (kinds,) = re.findall(r"^## Kinds\n(.*?)^## ", DOCUMENT, re.MULTILINE | re.DOTALL)
    with_front, without = (
        " ".join(part.split()).split("; ") for part in re.findall(r"^- (.*?)(?=^- |\Z)", kinds, re.M | re.S)
    )
    for kind in KINDS.values():
        words = [word for word, name in KIND_WORDS.items() if name == kind.name]
        sizes = " ".join(f"{edge:g}" for edge in kind.size)
        assert f"{', '.join(words)} {sizes}" in (with_front if kind.has_front else without)
    assert len(with_front) + len(without) == len(KINDS)
    assert f"`{'`, `'.join(COLORS)}`" in DOCUMENT
    assert f"`{'`, `'.join(SHADES)}`" in " ".join(DOCUMENT.split())
    plain = " ".join(DOCUMENT.split())
    for key, value in CAMERA.items():
        assert re.search(rf"`{key} (?:METRES|DEGREES)`[^`]*\({value:g}\b", plain), key
    assert f"`light {' '.join(f'{key} {value:g}' for key, value in LIGHT.items())}`" in plain
    for word in (*EGOCENTRIC, *ALLOCENTRIC, *COMPARED, *SHOTS, *LEVELS, "on wall", "against wall", "next to", "around"):
        assert word.removesuffix(" than") in DOCUMENT, word
    assert DOCUMENT.count("\n") < 200


def test_documented_python_runs(tmp_path):
    (code,) = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    (tmp_path / "example.py").write_text(code.replace("768, 512", "48, 32"))
    found = runpy.run_path(str(tmp_path / "example.py"))
    assert len(found["layouts"]) == 4 and found["drawn"].names == ("red car", "white house")


def test_texts_of_the_first_version_mean_what_they_meant():
    for case in json.loads(GOLDEN.read_text(encoding="utf-8")):
        layout = scene_from_text(case["text"])
        scene = json.loads(layout.scene.to_json())
        for thing in scene["objects"]:
            # What was not kept then: the name, and the word for the noun.
            thing.pop("name", None)
            thing.pop("words", None)
        assert scene == case["scene"], case["text"]
        assert [list(layout.names), list(layout.warnings)] == [case["names"], case["warnings"]]

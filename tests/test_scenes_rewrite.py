"""A scene text changed by hand: only the line of what is changed, and everything else to the byte."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spatialfusion.errors import InputError
from spatialfusion.scenes.language import read_scene_text
from spatialfusion.scenes.rewrite import Pose, View, pin_all, rewrite_camera, rewrite_object
from spatialfusion.scenes.scene import KINDS
from spatialfusion.scenes.text import EXAMPLE, scene_from_text

ZOO = """camera auto eye level   # the view
giraffe behind the jeep by 2 m,  as tall\t# the giraffe

  jeep red facing left
2 women left of jeep, facing giraffe   # both
"""
ROOM = """room floor 1; camera auto
sofa against wall
picture on wall above sofa
cat on sofa
coffee table in front of sofa by 0.6
floor lamp left of sofa; mug on coffee table  # two in a line
"""
DINNER = "camera high\ndining table\n4 chairs around table\nvase on table\ndog facing chair 2, 1 from chair 2\n"


def line_changed(before: str, after: str) -> int:
    """The number of the one line in which two texts differ; their other lines are the same to the byte."""
    olds, news = before.splitlines(keepends=True), after.splitlines(keepends=True)
    assert len(olds) == len(news)
    (different,) = [n for n, (old, new) in enumerate(zip(olds, news), 1) if old != new]
    return different


def rewritten(text: str, index: int, **pose) -> str:
    return rewrite_object(text, scene_from_text(text), index, Pose(**pose))


# --- exact wordings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, pose, expected",
    [
        ("car red at 0 7 facing left", {"position": (1.5, 8)}, "car red at 1.5 8 facing left"),
        ("car red at 0 m 7 metres, facing left", {"position": (1.5, 8)}, "car red at 1.5 8, facing left"),
        ("car red facing left  # mine", {"position": (1.5, 8)}, "car red at 1.5 8 facing left  # mine"),
        ("the red car", {"position": (-0.1, 8)}, "the red car at -0.1 8"),
        ("car at 0 7 1.5 red", {"position": (1, 2)}, "car at 1 2 1.5 red"),
        ("car red at 0 7 facing left", {"yaw": 45}, "car red at 0 7 yaw 45"),
        ("car red at 0 7 looking to the left as taxi", {"yaw": 45}, "car red at 0 7 yaw 45 as taxi"),
        ("car at 0 7 as taxi", {"yaw": -90}, "car at 0 7 yaw 270 as taxi"),
        ("car at 0 7 yaw 20°", {"yaw": 359.97}, "car at 0 7 yaw 0"),
        ("car at 0 7 size 2", {"size": (1, 2, 3)}, "car at 0 7 size 1 2 3"),
        ("car at 0 7 yaw 5", {"size": (1, 2, 3)}, "car at 0 7 size 1 2 3 yaw 5"),
        ("car size 6x5x7 at 0 7", {"size": (1, 2, 3)}, "car size 1 2 3 at 0 7"),
        ("car, height 2, width 1, at 0 7", {"size": (1, 2, 3)}, "car, size 1 2 3, at 0 7"),
        ("“Old Car” car AT 0 7", {"position": (1, 2)}, "“Old Car” car at 1 2"),
        ("car", {"position": (1, 2), "size": (1, 2, 3), "yaw": 4}, "car at 1 2 size 1 2 3 yaw 4"),
    ],
)
def test_numbers_take_the_place_of_what_said_it(line, pose, expected):
    assert rewritten(line, 0, **pose) == expected


def test_a_position_takes_the_place_of_relations_and_keeps_remarks_and_spaces():
    moved = rewritten(ZOO, 0, position=(1, 9))
    assert line_changed(ZOO, moved) == 2
    line = moved.splitlines()[1]
    assert re.fullmatch(r"giraffe at 1 9( yaw [\d.]+)?,  as tall( yaw [\d.]+)?\t# the giraffe", line) and "yaw" in line


def test_on_stays_while_it_is_over_what_it_stands_on_and_falls_off_beside():
    over = rewritten(EXAMPLE, 3, position=(1.1, 3.3))
    assert over == EXAMPLE.replace("mug yellow on table", "mug yellow at 1.1 3.3 on table")
    assert scene_from_text(over).scene.objects[3].position == (1.1, -0.75, 3.3)
    beside = rewritten(EXAMPLE, 3, position=(3, 3))
    assert beside == EXAMPLE.replace("mug yellow on table", "mug yellow at 3 3")


def test_what_hangs_keeps_its_height():
    layout = scene_from_text(ROOM)
    hangs = layout.scene.objects[1]
    moved = rewrite_object(ROOM, layout, 1, Pose(position=(0.2, hangs.position[2])))
    assert scene_from_text(moved).scene.objects[1].position == (0.2, hangs.position[1], hangs.position[2])


def test_a_turn_of_what_a_relation_turns_keeps_its_place():
    text = "camera auto\nman\nwoman face to face with man\n"
    layout = scene_from_text(text)
    turned = rewrite_object(text, layout, 1, Pose(yaw=30))
    assert line_changed(text, turned) == 3
    x, _, z = layout.scene.objects[1].position
    assert turned.splitlines()[2] == f"woman at {x:g} {z:g} yaw 30"


def test_the_member_of_a_group_gets_a_line_and_the_others_keep_names_and_places():
    layout = scene_from_text(DINNER)
    text = rewrite_object(DINNER, layout, 2, Pose(position=(2, 5)))
    assert text.startswith("camera high\ndining table\nchair at ") and text.endswith(DINNER[DINNER.index("vase") :])
    again = scene_from_text(text)
    assert again.names == layout.names
    assert again.scene.objects[2].position[::2] == (2, 5)
    for i in (1, 3, 4):
        assert (again.scene.objects[i].position, again.scene.objects[i].yaw) == (
            layout.scene.objects[i].position,
            layout.scene.objects[i].yaw,
        )


def test_a_text_stays_solved_when_its_last_relation_goes():
    moved = rewritten("dog left of cat\ncat\n", 0, position=(1, 3))
    assert moved.splitlines()[0] == "camera auto" and read_scene_text(moved).solved


def test_the_camera_moves_in_its_own_line():
    layout = scene_from_text(EXAMPLE)
    moved = rewrite_camera(EXAMPLE, layout, View(position=(1, -0.5), yaw=10))
    assert moved == EXAMPLE.replace("pitch 5 fov 60", "pitch 5 fov 60 yaw 10 at 1 -0.5")
    again = rewrite_camera(moved, scene_from_text(moved), View(fov=40))
    assert again == moved.replace("fov 60", "fov 40")
    assert rewrite_camera("car", scene_from_text("car"), View(yaw=-5)) == "camera yaw -5\ncar"


def test_the_camera_of_a_solved_text_becomes_numbers():
    layout = scene_from_text(ZOO)
    moved = rewrite_camera(ZOO, layout, View(position=(1, 0.5)))
    assert line_changed(ZOO, moved) == 1
    camera = scene_from_text(moved).scene.camera
    assert camera.position[::2] == (1, 0.5) and camera.hfov == layout.scene.camera.hfov
    assert moved.startswith("camera auto height ") and moved.splitlines()[0].endswith("   # the view")


# --- any text ------------------------------------------------------------------------------------------------------

SOLVED = (
    ZOO,
    ROOM,
    DINNER,
    "3 dogs in a row",
    "# top\n cat next to dog\n dog like cow",
    "car left of house\nhouse 2 taller than car",
)
spaces = st.sampled_from([" ", "  ", "\t", "\u00a0 "])
number = st.integers(-900, 900).map(lambda n: n / 100)
edge = st.integers(1, 900).map(lambda n: n / 100)


@st.composite
def plain_lines(draw) -> str:
    """A line about a thing by numbers, in any order of clauses, with odd spaces, commas and a remark."""
    head = [draw(st.sampled_from(["", "the", "2 m", "a old"])), draw(st.sampled_from(sorted(KINDS)))]
    head = [word for word in head if word != "2 m"] + draw(st.sampled_from([[], ["red"], ["BLUE"]]))
    clauses = {
        "at": lambda: f"at {draw(number)} m {draw(number)}" + draw(st.sampled_from(["", " 0.5"])),
        "size": lambda: draw(st.sampled_from(["size 2", "size 1x2x3", "height 2 m", "Size 1 2 3"])),
        "turn": lambda: draw(st.sampled_from(["facing left", "yaw 30deg", "looking away", "yaw 0"])),
        "quote": lambda: '"at 5 5; # yaw"',
        "hidden": lambda: "hidden",
    }
    chosen = draw(st.permutations(sorted(clauses)))[: draw(st.integers(0, 5))]
    words = [*head, *(clauses[name]() for name in chosen)]
    line = "".join(word + draw(st.sampled_from(["", ","])) + draw(spaces) for word in words if word)
    return (
        draw(st.sampled_from(["", "  "]))
        + line.rstrip(", \t\u00a0")
        + draw(st.sampled_from(["", " ", "  # at 1 1", "#x"]))
    )


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(plain_lines(), min_size=1, max_size=4),
    end=st.sampled_from(["\n", "\r\n"]),
    data=st.data(),
)
def test_any_line_of_numbers_is_rewritten_alone(lines, end, data):
    text = end.join(["# first", "", *lines, ""])
    layout = scene_from_text(text)
    index = data.draw(st.integers(0, len(lines) - 1))
    pose = Pose(
        position=data.draw(st.none() | st.tuples(number, number)),
        yaw=data.draw(st.none() | st.integers(0, 359).map(float)),
        size=data.draw(st.none() | st.tuples(edge, edge, edge)),
    )
    assume(any((pose.position, pose.yaw is not None, pose.size)))
    changed = rewrite_object(text, layout, index, pose)
    olds, news = text.splitlines(keepends=True), changed.splitlines(keepends=True)
    assert len(olds) == len(news)
    assert all(old == new for n, (old, new) in enumerate(zip(olds, news)) if n != index + 2)
    remark = re.search(r"(\s*#[^\"]*)?$", lines[index])[0]
    assert news[index + 2].rstrip("\r\n").endswith(remark)
    after, before = scene_from_text(changed).scene.objects[index], layout.scene.objects[index]
    assert (after.position[0], after.position[2]) == (pose.position or (before.position[0], before.position[2]))
    assert after.position[1] == before.position[1]
    assert after.yaw == (before.yaw if pose.yaw is None else pose.yaw)
    assert after.size == (pose.size or before.size)
    assert (after.kind, after.color, after.words) == (before.kind, before.color, before.words)
    assert scene_from_text(changed).scene.objects[:index] == layout.scene.objects[:index]


@pytest.mark.parametrize("text", [*SOLVED, EXAMPLE])
@pytest.mark.parametrize("seed", [0, 7])
def test_pinned_is_the_same_scene_without_the_solver(text, seed):
    layout = scene_from_text(text, seed)
    pinned = pin_all(text, layout)
    assert not read_scene_text(pinned).solved
    again = scene_from_text(pinned, seed + 1)
    assert again.scene == layout.scene and again.names == layout.names
    assert re.findall("#.*", pinned) == re.findall("#.*", text)


@pytest.mark.parametrize("text", SOLVED)
def test_in_a_solved_text_what_is_moved_is_there(text):
    layout = scene_from_text(text)
    for index, thing in enumerate(layout.scene.objects):
        x, z = round(thing.position[0] + 0.03, 3), round(thing.position[2] - 0.02, 3)
        changed = rewrite_object(text, layout, index, Pose(position=(x, z)))
        program = read_scene_text(changed)
        owner = [each for each in program.things for _ in range(each.count)][index]
        assert owner.at[:2] == (x, z) and program.solved
        assert sum(each.count for each in program.things) == len(layout.names)


def test_what_is_not_there_and_what_the_language_does_not_take():
    layout = scene_from_text(EXAMPLE)
    with pytest.raises(InputError, match=r"no object number 4; expected 0 to 3"):
        rewrite_object(EXAMPLE, layout, 4, Pose(yaw=1))
    with pytest.raises(InputError, match=r"line 5 .* out of range"):
        rewrite_object(EXAMPLE, layout, 1, Pose(position=(5000, 0)))
    with pytest.raises(InputError, match=r"line 2 .* out of range"):
        rewrite_camera(EXAMPLE, layout, View(fov=170))

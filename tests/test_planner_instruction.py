"""Instructions as edits of a scene: what is asked, what is refused, and where added things stand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from spatialfusion.errors import InputError
from spatialfusion.evaluate.questions import FILE, Question, read_questions
from spatialfusion.planner.instruction import read_instruction
from spatialfusion.planner.placing import in_frame
from spatialfusion.planner.plan import plan, plan_edit
from spatialfusion.scenes.edits import Edit, apply_edit, score_edit
from spatialfusion.scenes.sample import footprints_meet, projected_box
from spatialfusion.scenes.scene import SceneObject
from spatialfusion.scenes.statements import Statement, observe, score, side_angle
from spatialfusion.scenes.text import scene_from_text

TEXT = """\
camera height 1.6 pitch 5 fov 60
house blue at 0.5 13.4
car red at 0 7 facing left
table white at 1.3 3.4 yaw 20 as bench
dog black at -1.3 4 facing right
dog pink at -2 9 facing viewer
"""
LAYOUT = scene_from_text(TEXT)
SCENE, NAMES = LAYOUT.scene, LAYOUT.names
HOUSE, CAR, TABLE, BLACK, PINK = range(5)

EDITS = [
    ("remove the bench", Edit("remove", TABLE)),
    ("Please delete the pink dog.", Edit("remove", PINK)),
    ("take the car away", Edit("remove", CAR)),
    ("get rid of the table", Edit("remove", TABLE)),
    ("paint the car green", Edit("recolor", CAR, color="green")),
    ("make the black dog brown", Edit("recolor", BLACK, color="brown")),
    ("change the colour of the house from blue to yellow", Edit("recolor", HOUSE, color="yellow")),
    ("move the car two metres to the left", Edit("move", CAR, "left", 2.0)),
    ("shift the table to the right by 50 cm", Edit("move", TABLE, "right", 0.5)),
    ("bring the pink dog three metres closer", Edit("move", PINK, "closer", 3.0)),
    ("push the car half a metre towards us", Edit("move", CAR, "closer", 0.5)),
    ("push the black dog a metre and a half farther away", Edit("move", BLACK, "farther", 1.5)),
    ("move the car back by 2 m", Edit("move", CAR, "farther", 2.0)),
    ("turn the car to face the camera", Edit("rotate", CAR, "front")),
    ("make the black dog look away", Edit("rotate", BLACK, "back")),
    ("the black dog should face left", Edit("rotate", BLACK, "left")),
    ("rotate the house 45 degrees clockwise", Edit("rotate", HOUSE, "own_right", 45.0)),
    ("turn the car 90° to its own left", Edit("rotate", CAR, "own_left", 90.0)),
    ("turn the car around", Edit("rotate", CAR, "own_left", 180.0)),
    ("make the car half a metre longer", Edit("resize", CAR, "length", 0.5)),
    ("lower the height of the house by 1 m", Edit("resize", HOUSE, "height", -1.0)),
    ("make the table 1 m tall", Edit("resize", TABLE, "height", 0.25)),
    ("make the house twice as big", Edit("resize", HOUSE, "volume", 2.0)),
    ("shrink the house to half its size", Edit("resize", HOUSE, "volume", 0.5)),
    ("enlarge the car by 50%", Edit("resize", CAR, "volume", 1.5)),
    ("move the camera 2 m to the right", Edit("camera", None, "right", 2.0)),
    ("move the camera 1 m up", Edit("camera", None, "up", 1.0)),
    ("lower the camera by half a metre", Edit("camera", None, "down", 0.5)),
    ("step back by half a metre", Edit("camera", None, "back", 0.5)),
    ("go two metres closer", Edit("camera", None, "forward", 2.0)),
    ("show the car from behind", Edit("camera", CAR, "back")),
    ("look at the pink dog from its left side", Edit("camera", PINK, "left")),
    ("orbit the camera to the right side of the car", Edit("camera", CAR, "right")),
    (
        "move the car 2 m to the left and paint it green, then remove the house",
        [Edit("move", CAR, "left", 2.0), Edit("recolor", CAR, color="green"), Edit("remove", HOUSE)],
    ),
    ("remove both dogs", [Edit("remove", PINK), Edit("remove", BLACK)]),
    ("get rid of the dogs", [Edit("remove", PINK), Edit("remove", BLACK)]),
    ("remove the car, the house and the pink dog", [Edit("remove", PINK), Edit("remove", CAR), Edit("remove", HOUSE)]),
    (
        "move the camera 1 m up and half a metre forward",
        [Edit("camera", None, "up", 1.0), Edit("camera", None, "forward", 0.5)],
    ),
    (
        "paint both dogs white and move them 1 m closer",
        [Edit("recolor", i, color="white") for i in (BLACK, PINK)]
        + [Edit("move", i, "closer", 1.0) for i in (BLACK, PINK)],
    ),
    ("remove everything but the dogs", [Edit("remove", TABLE), Edit("remove", CAR), Edit("remove", HOUSE)]),
    ("paint the car and the house green", [Edit("recolor", CAR, color="green"), Edit("recolor", HOUSE, color="green")]),
    (
        "paint the car green and the house red",
        [Edit("recolor", CAR, color="green"), Edit("recolor", HOUSE, color="red")],
    ),
    ("move both dogs 1 m closer", [Edit("move", BLACK, "closer", 1.0), Edit("move", PINK, "closer", 1.0)]),
    ("make the car twice as big and blue", [Edit("resize", CAR, "volume", 2.0), Edit("recolor", CAR, color="blue")]),
    ("I'd like the car to be green", Edit("recolor", CAR, color="green")),
    ("have the pink dog look at the camera", Edit("rotate", PINK, "front")),
    ("turn the car around so that it faces us", Edit("rotate", CAR, "front")),
    ("bring the car 2 m to the left of where it is", Edit("move", CAR, "left", 2.0)),
    ("make the car as tall as the table", Edit("resize", CAR, "height", -0.75)),
    ("make the table 25 cm taller than the car", Edit("resize", TABLE, "height", 1.0)),
    ("Remove the house. Move the table 1 m left.", [Edit("remove", HOUSE), Edit("move", TABLE - 1, "left", 1.0)]),
]
ADDED = [
    ("add a red chair to the left of the table", Statement("egocentric", "left", 5, TABLE)),
    ("put a barrel behind the black dog", Statement("egocentric", "farther", 5, BLACK)),
    ("place a cube in front of the car", Statement("egocentric", "closer", 5, CAR)),
    ("insert a cone at the front of the car", Statement("allocentric", "front", 5, CAR)),
    ("add a cone on the car's left side", Statement("allocentric", "left", 5, CAR)),
    ("add a red figure face to face with the pink dog", Statement("intrinsic", "face_to_face", 5, PINK)),
    ("put a chair next to the black dog, facing the same way", Statement("intrinsic", "side_by_side_same", 5, BLACK)),
    ("add a ball one metre from the table", Statement("object_distance", "apart", 5, TABLE, 1.0)),
    ("add a figure 5 m from the camera", Statement("camera_distance", "away", 5, None, 5.0)),
]
REFUSED = [
    ("", "asks for nothing"),
    ("what a nice day", "not understood as an instruction"),
    ("remove the dog", "black dog, pink dog"),
    ("remove the sofa", 'no "the sofa" in the scene'),
    ("paint the carr green", "did you mean 'car'"),
    ("add a chair behind the sofa", "not in the scene"),
    ("add a zorgle", "not in the lexicon"),
    ("show the table from behind", "no front"),
    ("lower the height of the table by 2 m", "cannot have 2 m less"),
    ("move the table", "not said"),
    ("tilt the camera", "the camera moves"),
    ("lower the camera by 2 m", "-0.4 m above the ground"),
    ("move the dog 2 m to the left", "could be"),
    ("move the car as far from the house as the table is", "is not understood"),
    ("swap the car and the car", "cannot swap"),
    ("remove three dogs", "not just 3 of"),
    ("make the car 1 m lower than the table", "another height"),
    ("add a house on the table that is 300 metres tall", "no free place"),
]


@pytest.mark.parametrize(("prompt", "edit"), EDITS)
def test_an_instruction_is_an_edit(prompt: str, edit: Edit | list[Edit]) -> None:
    assert read_instruction(prompt, SCENE, NAMES) == edit


@pytest.mark.parametrize(("prompt", "message"), REFUSED)
def test_what_is_not_understood_is_refused(prompt: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_instruction(prompt, SCENE, NAMES)


@pytest.mark.parametrize(("prompt", "statement"), ADDED)
def test_an_added_thing_stands_where_it_was_wanted(prompt: str, statement: Statement) -> None:
    edit = read_instruction(prompt, SCENE, NAMES)
    assert edit.statement == statement
    target = apply_edit(SCENE, edit)
    assert score(target, statement) == 1.0
    assert not any(footprints_meet(edit.added, thing) for thing in SCENE.objects)
    left, top, right, bottom, _ = projected_box(edit.added, SCENE.camera)
    assert right > 0.05 and left < 0.95 and bottom > 0.05 and top < 0.95
    assert read_instruction(prompt, SCENE, NAMES) == edit


def test_all_that_is_said_of_an_added_thing_holds() -> None:
    prompt = "add a ball behind the black dog, to the right of the car and three metres from the pink dog"
    target = apply_edit(SCENE, read_instruction(prompt, SCENE, NAMES))
    assert score(target, Statement("egocentric", "farther", 5, BLACK)) == 1.0
    assert score(target, Statement("egocentric", "right", 5, CAR)) == 1.0
    assert score(target, Statement("object_distance", "apart", 5, PINK, 3.0)) == 1.0


def test_added_on_between_and_facing() -> None:
    mug = read_instruction("put a mug on the bench", SCENE, NAMES).added
    assert mug.position[1] == pytest.approx(-SCENE.objects[TABLE].size[1])
    assert math.dist(mug.position[::2], SCENE.objects[TABLE].position[::2]) < 0.7
    cone = read_instruction("add a cone between the car and the house", SCENE, NAMES).added
    assert SCENE.objects[CAR].position[2] < cone.position[2] < SCENE.objects[HOUSE].position[2]
    edit = read_instruction("add a chair next to the table, facing the black dog", SCENE, NAMES)
    assert score(apply_edit(SCENE, edit), Statement("allocentric", "front", BLACK, 5)) == 1.0
    edit = read_instruction("add a chair facing the camera", SCENE, NAMES)
    assert score(apply_edit(SCENE, edit), Statement("object_pose", "front", 5)) == 1.0


def test_several_things_are_added_one_after_the_other() -> None:
    edits = read_instruction("add two chairs to the right of the black dog", SCENE, NAMES)
    assert [edit.added.kind for edit in edits] == ["chair", "chair"]
    assert not footprints_meet(edits[0].added, edits[1].added)


def test_replacing_keeps_the_place() -> None:
    removal, addition = read_instruction("replace the car with a yellow sofa", SCENE, NAMES)
    assert removal == Edit("remove", CAR)
    assert (addition.added.kind, addition.added.color) == ("sofa", "yellow")
    assert addition.added.position == SCENE.objects[CAR].position
    before, after = _stack("paint the lamp red"), _stack("replace the table with a desk")
    desk, mug = after["desk"], after["mug"]
    assert desk.position == before["table"].position
    assert mug.position[1] == pytest.approx(-desk.size[1], abs=0.001)
    parts = [
        [offset / extent for offset, extent in zip(in_frame(below, x, z), below.size[::2])]
        for below, (x, _, z) in ((before["table"], before["mug"].position), (desk, mug.position))
    ]
    assert parts[1] == pytest.approx(parts[0], abs=0.005)


def test_a_pile_stays_a_pile() -> None:
    pile = STACK + "book red at 1.2 3.1 0.86 size 0.2 0.05 0.15\n"
    taller, fallen = _stack("make the table 20 cm taller", pile), _stack("remove the table", pile)
    assert taller["mug"].position[1] == -0.95 and fallen["mug"].position[1] == 0
    assert taller["book"].position[1] == pytest.approx(-1.06) and fallen["book"].position[1] == pytest.approx(-0.11)


def test_moving_to_a_place_is_moves_that_end_there() -> None:
    scene = SCENE
    for edit in read_instruction("move the pink dog to the right of the black dog", SCENE, NAMES):
        assert edit.kind == "move" and edit.index == PINK and edit.value > 0
        scene = apply_edit(scene, edit)
    assert score(scene, Statement("egocentric", "right", PINK, BLACK)) == 1.0


def test_a_camera_that_rises_sees_things_as_much_lower() -> None:
    edit = read_instruction("raise the camera by 70 cm", SCENE, NAMES)
    target = apply_edit(SCENE, edit)
    assert score_edit(SCENE, target, edit) == 1.0 and score_edit(SCENE, SCENE, edit) == 0.0
    assert target.camera.position[1] == pytest.approx(SCENE.camera.position[1] - 0.7)


@pytest.mark.parametrize("height", [0.08, 2.45])
def test_a_low_or_high_camera_still_moves_along_the_ground(height: float) -> None:
    layout = scene_from_text(f"room size 4 2.5 6\ncamera height {height}\nsofa at 0 4")
    assert read_instruction("move the camera 1 m to the left", layout.scene) == Edit("camera", None, "left", 1.0)
    with pytest.raises(InputError, match="the camera cannot stand"):
        read_instruction(f"{'raise' if height > 1 else 'lower'} the camera by 5 cm", layout.scene)


def test_a_camera_in_an_empty_scene_needs_metres() -> None:
    empty = replace(SCENE, objects=())
    assert read_instruction("move the camera 1 m to the left", empty) == Edit("camera", None, "left", 1.0)
    with pytest.raises(InputError, match="how far the camera moves"):
        read_instruction("move the camera to the left", empty)


@pytest.mark.parametrize("prompt", ["swap the car and the pink dog", "replace the car with the pink dog"])
def test_two_that_swap_places_are_moved(prompt: str) -> None:
    scene = SCENE
    for edit in read_instruction(prompt, SCENE, NAMES):
        assert edit.kind == "move"
        scene = apply_edit(scene, edit)
    for one, other in ((CAR, PINK), (PINK, CAR)):
        assert scene.objects[one].position == pytest.approx(SCENE.objects[other].position, abs=0.01)
        assert scene.objects[one].yaw == SCENE.objects[one].yaw


def test_what_is_put_on_something_rests_on_it() -> None:
    edit = read_instruction("let the black dog sit on the bench", SCENE, NAMES)
    assert (edit.kind, edit.index, edit.added.kind, edit.added.color) == ("put", BLACK, "dog", "black")
    assert edit.added.position[1] == pytest.approx(-SCENE.objects[TABLE].size[1])
    assert apply_edit(SCENE, edit).objects[BLACK] == edit.added


def test_a_copy_stands_beside_and_faces_the_same_way() -> None:
    added = read_instruction("duplicate the pink dog", SCENE, NAMES).added
    pink = SCENE.objects[PINK]
    assert (added.kind, added.color, added.size, added.yaw) == (pink.kind, pink.color, pink.size, pink.yaw)
    assert 0 < math.dist(added.position, pink.position) < 2


STACK = """\
camera height 2 pitch 30 fov 60
sofa red at 0 4 size 1.8 0.85 0.9 yaw 180
table brown at 1 3 size 1.2 0.75 0.8 yaw 30
mug white at 1.2 3.1 0.75 size 0.1 0.11 0.13 yaw 0
cat grey at 0 4 0.51 size 0.22 0.5 0.55 yaw 10
lamp beige at -1.5 4 size 0.4 1.7 0.4
"""


def _stack(instruction: str, text: str = STACK) -> dict[str, SceneObject]:
    layout = scene_from_text(text)
    scene = layout.scene
    edits = read_instruction(instruction, scene, layout.names)
    for edit in [edits] if isinstance(edits, Edit) else edits:
        scene = apply_edit(scene, edit)
    return {thing.kind: thing for thing in scene.objects}


@pytest.mark.parametrize(
    "turn", ["turn the table 90 degrees clockwise", "turn the table around", "make the table bigger"]
)
def test_what_stands_on_a_thing_turns_and_grows_with_it(turn: str) -> None:
    before, after = _stack("paint the lamp red"), _stack(turn)
    scale = after["table"].size[0] / before["table"].size[0]
    for when, part in ((before, scale), (after, 1.0)):
        when["reach"] = part * math.dist(when["mug"].position[::2], when["table"].position[::2])
        when["turn"] = (when["mug"].yaw - when["table"].yaw) % 360
    assert after["reach"] == pytest.approx(before["reach"], abs=0.002)
    assert after["turn"] == pytest.approx(before["turn"])
    assert after["mug"].position[1] == pytest.approx(-after["table"].size[1], abs=0.001)
    assert after["cat"] == before["cat"]


def test_what_stands_on_a_thing_moves_rises_and_falls_with_it() -> None:
    before, moved = _stack("paint the lamp red"), _stack("move the table 1 m to the left")
    assert moved["table"].position[0] == pytest.approx(0) and moved["mug"].position[0] == pytest.approx(0.2)
    assert _stack("make the table 20 cm taller")["mug"].position[1] == pytest.approx(-0.95)
    fallen = _stack("remove the table")
    assert "table" not in fallen and fallen["mug"].position == pytest.approx((1.2, 0.0, 3.1))
    swapped = _stack("swap the table and the lamp")
    assert swapped["mug"].position[0] - swapped["table"].position[0] == pytest.approx(
        before["mug"].position[0] - before["table"].position[0], abs=0.01
    )
    assert "mug" not in _stack("clear the table") and "mug" not in _stack("remove everything on the table")


def test_things_rest_on_seats_and_under_tables() -> None:
    assert _stack("put the mug on the sofa")["mug"].position[1] == pytest.approx(-0.51)
    rug = _stack("add a rug under the sofa")["rug"]
    assert rug.position[::2] == pytest.approx((0, 4)) and rug.position[1] == 0
    with pytest.raises(InputError, match="no free place"):
        _stack("add a table under the cat")


@pytest.mark.parametrize(
    ("instruction", "closer"),
    [("move the lamp 30 cm closer to the sofa", 0.3), ("move the lamp away from the sofa", -0.3)],
)
def test_closer_to_a_thing_and_away_from_it(instruction: str, closer: float) -> None:
    apart = [
        math.dist(when["lamp"].position, when["sofa"].position)
        for when in (_stack("paint the lamp red"), _stack(instruction))
    ]
    assert apart[0] - apart[1] == pytest.approx(closer, abs=0.002)


def test_the_other_side_is_the_one_where_it_is_not() -> None:
    assert _stack("move the lamp to the other side of the sofa")["lamp"].position[0] > 0
    assert _stack("move the table to the other side of the sofa")["table"].position[0] < 0


def test_turning_towards_a_thing() -> None:
    target = apply_edit(SCENE, read_instruction("turn the black dog to face the house", SCENE, NAMES))
    dog, house = (observe(target).objects[index] for index in (BLACK, HOUSE))
    step = house.position[0] - dog.position[0], house.position[2] - dog.position[2]
    assert side_angle(dog, "front", step) < 0.1


def _edited(question: Question) -> float:
    names = [f"{thing.color} {thing.kind}" for thing in question.scene.objects]
    edit = read_instruction(question.prompt, question.scene, names)
    return score_edit(question.scene, apply_edit(question.scene, edit), question.edit)


_PUBLIC = [question for question in read_questions(FILE) if question.task == "edit"]


@pytest.mark.parametrize("question", _PUBLIC[::20], ids=lambda question: question.id)
def test_public_instructions_give_the_right_target(question: Question) -> None:
    assert _edited(question) == 1.0


@pytest.mark.slow
def test_all_public_instructions() -> None:
    scores = [_edited(question) for question in _PUBLIC]
    assert sum(score == 1.0 for score in scores) >= 0.99 * len(scores)


@pytest.mark.parametrize("added", ["wardrobe behind", "sofa to the left of", "sofa to the right of"])
def test_nothing_is_added_beyond_a_wall(added: str) -> None:
    layout = scene_from_text("room size 1.2 2.4 4\ncamera height 1.5 fov 60\nchair at 0 3.5 facing viewer")
    with pytest.raises(InputError, match="no free place"):
        read_instruction(f"add a {added} the chair", layout.scene)


def test_a_thing_close_to_a_wall_keeps_nothing_else_out_of_the_room() -> None:
    source = plan("A room with a bookshelf against the back wall", seed=0, size=(64, 64))
    changed = plan_edit("add a chair in front of the bookshelf", source)
    assert [thing.kind for thing in changed.scene.objects] == ["bookshelf", "chair"]


def test_a_name_tells_things_apart_that_are_alike() -> None:
    source = plan("A man and a woman beside a bus", seed=0, size=(64, 64))
    assert source.names[:2] == ("blue figure", "blue figure 2")
    colors = [
        [thing.color for thing in plan_edit(f"paint {name} red", source).scene.objects[:2]] for name in source.names[:2]
    ]
    assert colors == [["red", "blue"], ["blue", "red"]]
    sheep = plan("three sheep in front of a house", seed=0, size=(64, 64))
    assert len(set(plan_edit(f"duplicate {sheep.names[0]}", sheep).names)) == len(sheep.names) + 1

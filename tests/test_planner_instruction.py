"""Instructions as edits of a scene: what is asked, what is refused, and where added things stand."""

from __future__ import annotations

import math

import pytest

from spatialfusion.errors import InputError
from spatialfusion.evaluate.questions import FILE, Question, read_questions
from spatialfusion.planner.instruction import read_instruction
from spatialfusion.scenes.edits import Edit, apply_edit, score_edit
from spatialfusion.scenes.sample import footprints_meet, projected_box
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


@pytest.mark.parametrize("prompt", ["swap the car and the pink dog", "replace the car with the pink dog"])
def test_two_that_swap_places_are_moved(prompt: str) -> None:
    scene = SCENE
    for edit in read_instruction(prompt, SCENE, NAMES):
        assert edit.kind == "move"
        scene = apply_edit(scene, edit)
    for one, other in ((CAR, PINK), (PINK, CAR)):
        assert scene.objects[one].position == pytest.approx(SCENE.objects[other].position, abs=0.01)
        assert scene.objects[one].yaw == SCENE.objects[one].yaw


def test_what_is_put_on_something_is_taken_away_and_added_there() -> None:
    removal, addition = read_instruction("let the black dog sit on the bench", SCENE, NAMES)
    assert removal == Edit("remove", BLACK)
    assert (addition.added.kind, addition.added.color) == ("dog", "black")
    assert addition.added.position[1] == pytest.approx(-SCENE.objects[TABLE].size[1])


def test_a_copy_stands_beside_and_faces_the_same_way() -> None:
    added = read_instruction("duplicate the pink dog", SCENE, NAMES).added
    pink = SCENE.objects[PINK]
    assert (added.kind, added.color, added.size, added.yaw) == (pink.kind, pink.color, pink.size, pink.yaw)
    assert 0 < math.dist(added.position, pink.position) < 2


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

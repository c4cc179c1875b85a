"""Verdicts and averages, and each mended defect of GenSpace's released evaluator with the difference that it makes.

The released formulas stand here as their code was read, one line each, and for that alone.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from spatialfusion.evaluate.judges.judge import Asked, Seen, SeenObject
from spatialfusion.evaluate.questions import EDITS, Question
from spatialfusion.evaluate.scores import summarise
from spatialfusion.evaluate.verdicts import judge_image
from spatialfusion.scenes.edits import Edit, score_edit
from spatialfusion.scenes.scene import SceneObject
from spatialfusion.scenes.statements import (
    RELATIONS,
    Observation,
    ObservedObject,
    Statement,
    complex_score,
    intrinsic_score,
    measure_credit,
    score,
    size_score,
)

CAR, BALL = Asked("car", "red"), Asked("ball", "blue")


def at(x: float, z: float, facing: float | None = None, y: float = 0.0, size=None) -> ObservedObject:
    """An object on the ground; facing 0 looks to the camera's side (-z), 90 to +x."""
    front = None if facing is None else (math.sin(math.radians(facing)), 0.0, -math.cos(math.radians(facing)))
    return ObservedObject((x, y, z), front, size)


def seen(*objects: ObservedObject | None, surplus: int = 0) -> Seen:
    mask = torch.ones(4, 4, dtype=torch.bool)
    return Seen(tuple(None if one is None else SeenObject(mask, one, 0.9) for one in objects), surplus)


def asks(statement: Statement, *asked: Asked) -> Question:
    return Question("t2i-x-0", "t2i", statement.domain, "a prompt", asked or (CAR, BALL), statement)


def edits(sub_domain: str, edit: Edit, *asked: Asked) -> Question:
    return Question("edit-x-0", "edit", sub_domain, "an instruction", asked or (CAR, BALL), edit=edit, picture="x.png")


# One image -----------------------------------------------------------------------------------------------------------


def test_a_verdict_is_the_formulas_score():
    question = asks(Statement("object_distance", "apart", 0, 1, 2.0))
    assert judge_image(question, seen(at(-1, 5), at(1, 5))).score == 1.0
    assert judge_image(question, seen(at(-1.5, 5), at(1.5, 5))).score == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (seen(at(0, 5, 0), None), "not found: blue ball"),
        (seen(None, None), "not found: red car, blue ball"),
        (seen(at(0, 5, 0), at(1, 5), surplus=2), "too many: 2 more of the asked kind"),
        (seen(at(0, 5), at(1, 5)), "no front from the judge: red car"),
    ],
)
def test_an_image_without_a_score_says_why(found, reason):
    verdict = judge_image(asks(Statement("camera_pose", "front", 0)), found)
    assert verdict.score is None and verdict.reason == reason


def test_only_what_the_formula_needs_must_be_known():
    aside = seen(at(-1, 5), at(1, 5))
    assert judge_image(asks(Statement("egocentric", "left", 0, 1)), aside).score == 1.0
    assert "no size" in judge_image(asks(Statement("object_size", "height", 0, 1, 0.2)), aside).reason
    assert "front from the judge: blue ball" in judge_image(asks(Statement("allocentric", "left", 0, 1)), aside).reason
    reason = judge_image(asks(Statement("intrinsic", "face_to_face", 0, 1)), seen(at(0, 5, 0), at(1, 5))).reason
    assert reason == "no front from the judge: blue ball"


def test_of_objects_with_one_name_the_better_order_counts():
    small, large = at(-1, 5, size=(1.0, 1.0, 1.0)), at(1, 5, size=(1.0, 1.2, 1.0))
    question = asks(Statement("object_size", "height", 0, 1, 0.2), Asked("cube"), Asked("cube"))
    assert judge_image(question, seen(small, large)).score == judge_image(question, seen(large, small)).score == 1.0
    named = asks(question.statement, Asked("cube", "red"), Asked("cube", "blue"))
    assert judge_image(named, seen(small, large)).score == 0.0


def test_an_edit_needs_its_source_too():
    question = edits("move_object", Edit("move", 0, "left", 1.0))
    before, after = seen(at(1, 5, 0), at(2, 6)), seen(at(0, 5, 0), at(2, 6))
    assert judge_image(question, after, before).score == 1.0
    assert judge_image(question, after, seen(None, at(2, 6))).reason == "source, not found: red car"
    assert judge_image(question, seen(None, at(2, 6)), before).reason == "not found: red car"
    size = edits("resize_object", Edit("resize", 0, "height", 0.2))
    tall = seen(at(0, 5, size=(1.0, 1.2, 1.0)), at(2, 6))
    assert judge_image(size, tall, before).reason == "source, no size from the judge: red car"


def test_an_added_object_is_not_looked_for_in_the_source():
    added = SceneObject("ball", "blue", (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 0.0)
    edit = Edit("add", added=added, statement=Statement("egocentric", "right", 1, 0))
    question = edits("insert_egocentric", edit)
    assert question.asked_before == (CAR,)
    assert judge_image(question, seen(at(0, 5), at(2, 5)), seen(at(0, 5))).score == 1.0
    assert judge_image(question, seen(at(0, 5), at(-2, 5)), seen(at(0, 5))).score == 0.0


def test_a_pose_alone_falls_off_more_slowly_than_one_with_others_to_keep():
    # 45 degrees off the front: credit ends at 75 for camera_pose, at 60 for complex_pose.
    edit, before = Edit("camera", 0, "front"), (at(0, 8, 90), at(1, 9))
    turned = math.radians(45)
    after = (at(0, 8, 45), at(math.cos(turned) + math.sin(turned), 8 + math.cos(turned) - math.sin(turned)))
    assert score_edit(Observation(before[:1]), Observation(after[:1]), edit) == pytest.approx(30 / 45)
    assert score_edit(Observation(before), Observation(after), edit) == pytest.approx(15 / 30)


# Many images ---------------------------------------------------------------------------------------------------------


def of(sub_domain: str, task: str = "t2i") -> Question:
    statement = Statement(sub_domain, RELATIONS[sub_domain][0], 0) if task == "t2i" else None
    return Question("x", task, sub_domain, "p", (CAR,), statement)


def test_released_drops_skipped_images_and_strict_counts_them():
    questions = [of("camera_pose")] * 4 + [of("egocentric")] * 2
    summary = summarise(questions, [[1.0], [0.5], [None], [None], [None], [0.2]])["t2i"]
    pose, place = summary["sub_domains"]["camera_pose"], summary["sub_domains"]["egocentric"]
    assert (pose["released"]["mean"], pose["strict"]["mean"], pose["skip_rate"]) == (75.0, 37.5, 0.5)
    assert (place["released"]["mean"], place["strict"]["mean"]) == (20.0, 10.0)
    # Each sub-domain counts the same, however many questions it has.
    average = summary["average"]
    assert (average["released"]["mean"], average["strict"]["mean"]) == (47.5, 23.75)
    assert (average["images"], average["skipped"], average["skip_rate"]) == (6, 3, 0.5)


def test_three_editing_sub_domains_count_skipped_images_in_the_released_way_too():
    for name in EDITS:
        figures = summarise([of(name, "edit")] * 2, [[1.0], [None]])["edit"]["sub_domains"][name]
        expected = 50.0 if name in ("move_object", "move_camera", "resize_object") else 100.0
        assert figures["released"]["mean"] == expected and figures["strict"]["mean"] == 50.0


def test_seeds_are_averaged_before_questions():
    summary = summarise([of("egocentric")] * 2, [[1.0, None, None], [0.0, 0.0, 0.0]])["t2i"]
    figures = summary["sub_domains"]["egocentric"]
    assert figures["released"]["mean"] == 50.0  # of images it would be 25
    assert figures["strict"]["mean"] == pytest.approx(16.67)
    assert (figures["images"], figures["skipped"], figures["questions"]) == (6, 2, 2)


def test_a_sub_domain_without_a_judged_image_is_told_apart_from_zero():
    questions = [of("egocentric"), of("camera_pose")]
    summary = summarise(questions, [[0.4], [None]])["t2i"]
    assert summary["sub_domains"]["camera_pose"]["released"] is None
    assert summary["average"]["released"]["mean"] == 40.0 and summary["average"]["released"]["sub_domains"] == 1
    assert summary["average"]["strict"]["mean"] == 20.0 and "sub_domains" not in summary["average"]["strict"]
    nothing = summarise(questions, [[None], [None]])["t2i"]["average"]
    assert nothing["released"] is None and nothing["strict"]["mean"] == 0.0


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(100):
        drawn = [[float(value)] for value in rng.random(60) < 0.3]
        found = summarise([of("egocentric")] * 60, drawn)["t2i"]["sub_domains"]["egocentric"]["strict"]
        assert found["low"] <= found["mean"] <= found["high"]
        covered += found["low"] <= 30.0 <= found["high"]
    assert 88 <= covered <= 100


def test_the_same_images_give_the_same_figures():
    # The released evaluator jitters its points by 4 mm without a seed.
    questions, scores = [of("egocentric")] * 30, [[i % 3 / 2] for i in range(30)]
    assert summarise(questions, scores) == summarise(questions, scores)


# Defects of the released evaluator -----------------------------------------------------------------------------------


def released_measure(measured: float, wanted: float, window: float = 1 / 3) -> float:
    error = (measured - wanted) / wanted
    return 1.0 if abs(error) <= window else max(0.0, 1 - abs(error - window) / window)


def released_partial(angle: float, limit: float) -> float:
    return max(0.0, 1 - abs(angle - limit) / 15)


def test_defect_undershoot_earned_nothing():
    assert released_measure(1.5, 1.0) == pytest.approx(0.5) and released_measure(0.5, 1.0) == 0.0
    assert measure_credit(1.5, 1.0) == measure_credit(0.5, 1.0) == pytest.approx(0.5)


def test_defect_in_line_was_anywhere_in_front():
    # 60 degrees off: cos(30 rad) instead of cos(30 degrees) leaves a threshold of 0.15.
    a, b = at(0, 6, 90), at(1, 6 + math.sqrt(3), -90)
    forward = math.cos(math.radians(60))
    assert forward > math.cos(30)
    assert intrinsic_score(a, b, "face_to_face") == 0.0
    nearly = at(1, 6 + math.tan(math.radians(37.5)), -90)
    assert intrinsic_score(a, nearly, "face_to_face") == pytest.approx(0.5)  # no partial credit in the released code


def test_defect_passing_by_much_cost_the_partial_credit():
    # Abreast exactly, 30 degrees better than needed; the fronts 37.5 degrees apart.
    a, b = at(-2, 8, 0), at(2, 8, 37.5)
    assert released_partial(0.0, 30.0) * released_partial(37.5, 30.0) == 0.0
    assert intrinsic_score(a, b, "side_by_side_same") == pytest.approx(0.5 * 0.5)  # abreast counts in both frames
    assert complex_score(at(-2, 8, 0), at(2, 8, 0), "front") == 1.0


def test_defect_relations_of_two_were_measured_in_the_frame_of_one():
    # Seen from a, b is exactly abreast; seen from b, a is 40 degrees off.
    a, b = at(-2, 8, 0), at(2, 8, 40)
    in_frame_of = {"a": 0.0, "b": 40.0}
    assert in_frame_of["a"] <= 30 < in_frame_of["b"]  # one order of the classes passed, the other did not
    assert intrinsic_score(a, b, "side_by_side_same") == intrinsic_score(b, a, "side_by_side_same") < 0.2


def test_defect_sizes_were_measured_along_turned_axes():
    # A car turned by 90 degrees: a rotation about the optical axis, instead of the vertical, swaps width and height.
    width, height, length = 1.8, 1.5, 4.2
    turn = math.radians(90)
    released_height = abs(math.sin(turn)) * width + abs(math.cos(turn)) * height
    assert released_height == pytest.approx(width)
    car, taller = at(0, 8, 90, size=(width, height, length)), at(3, 8, 90, size=(width, height + 0.2, length))
    assert size_score(taller, car, "height", 0.2) == 1.0


def test_defect_sizes_had_no_direction():
    small, large = at(0, 8, size=(1.0, 1.0, 1.0)), at(3, 8, size=(1.0, 1.2, 1.0))
    assert released_measure(abs(1.0 - 1.2), 0.2) == 1.0  # 20 cm shorter passed for taller
    assert size_score(small, large, "height", 0.2) == 0.0 and size_score(large, small, "height", 0.2) == 1.0
    assert released_measure(1.0, 1.2) == 1.0  # equal volumes passed for 1.2 times
    assert size_score(small, small, "volume", 1.2) == 0.0


def test_defect_directions_rose_and_fell_with_height():
    # A ball on the ground, straight before the door of a house whose centre is 2.2 m higher.
    house, ball = at(0, 12, 0, y=-2.5), at(0, 8.5, y=-0.3)
    in_space = math.degrees(math.atan2(2.2, 3.5))
    assert in_space > 30  # the released code took this angle: half the credit was gone
    assert score(Observation((ball, house)), Statement("allocentric", "front", 0, 1)) == 1.0


@pytest.mark.parametrize(("direction", "step"), [("left", 1.0), ("right", -1.0)])
def test_defect_sideways_camera_moves_were_tested_against_an_empty_interval(direction, step):
    # `d < low and d > high` never holds; partial credit is then all there is: 0 for an exact metre.
    assert released_partial_of_camera(1.0) == 0.0 and released_partial_of_camera(4 / 3) == pytest.approx(1.0)
    before = Observation((at(0, 5), at(2, 7)))
    for metres, expected in ((1.0, 1.0), (4 / 3, 1.0), (1.5, 0.5)):
        after = Observation((at(step * metres, 5), at(2 + step * metres, 7)))
        assert score_edit(before, after, Edit("camera", None, direction, 1.0)) == pytest.approx(expected)


def released_partial_of_camera(moved: float, window: float = 1 / 3) -> float:
    return max(0.0, 1 - abs((moved - 1.0) - window) / window)


def test_defect_camera_moves_were_measured_on_the_first_object():
    # The camera stands still, and the first object alone has come a metre nearer.
    before, after = Observation((at(0, 5), at(2, 7))), Observation((at(0, 4), at(2, 7)))
    assert before.objects[0].position[2] - after.objects[0].position[2] == 1.0
    assert score_edit(before, after, Edit("camera", None, "forward", 1.0)) == pytest.approx(0.5)

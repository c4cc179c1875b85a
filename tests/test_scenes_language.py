"""Statements, captions and edits: true of their scenes, in words that can mean only one thing.

Run: python -m pytest -c tests/pytest.ini tests/test_scenes_language.py
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialfusion.scenes import captions, edits
from spatialfusion.scenes.captions import caption, describe, plain_caption
from spatialfusion.scenes.edits import Edit, apply_edit, instruction, sample_edit, score_edit
from spatialfusion.scenes.sample import held_out, sample_scene, well_composed
from spatialfusion.scenes.scene import COLORS, KINDS, Camera, Scene, SceneObject
from spatialfusion.scenes.statements import (
    RELATIONS,
    Observation,
    ObservedObject,
    Statement,
    angle_credit,
    camera_distance_window,
    intrinsic_score,
    measure_credit,
    observe,
    propose,
    score,
)
from spatialfusion.scenes.vocabulary import FUNCTION_WORDS, unknown_words, vocabulary, words_of

MIRRORED = {"left": "right", "right": "left"}
OPPOSITE = {"left": "right", "right": "left", "closer": "farther", "farther": "closer"}
seeds = st.integers(0, 2**31)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scene_of(*objects: SceneObject, camera: Camera | None = None) -> Scene:
    camera = camera or Camera((0.0, -1.5, 0.0), 0.0, 5.0, 60.0)
    return Scene(objects, camera, "outdoor", (0.0, 45.0), 0, 0)


def thing(kind: str, color: str, x: float, z: float, yaw: float = 0.0, size=None) -> SceneObject:
    return SceneObject(kind, color, size or KINDS[kind].size, (x, 0.0, z), yaw)


def every_statement(scene: Scene) -> list[Statement]:
    """All that can be said of the scene, true or not."""
    numbers = range(len(scene.objects))
    pairs = [(i, j) for i in numbers for j in numbers if i != j]
    found = []
    for domain, relations in RELATIONS.items():
        for relation in relations:
            if domain in ("camera_pose", "object_pose"):
                found += [Statement(domain, relation, i) for i in numbers]
            elif domain == "camera_distance":
                found += [Statement(domain, relation, i, None, 3.0) for i in numbers]
            else:
                value = 1.3 if domain.startswith("object_") else None
                found += [Statement(domain, relation, i, j, value) for i, j in pairs]
    return found


def mirror(scene: Scene) -> Scene:
    objects = tuple(
        replace(item, position=(-item.position[0], *item.position[1:]), yaw=-item.yaw) for item in scene.objects
    )
    camera = scene.camera
    flipped = replace(camera, position=(-camera.position[0], *camera.position[1:]), yaw=-camera.yaw)
    return replace(scene, objects=objects, camera=flipped)


def carry(scene: Scene, degrees: float, dx: float, dz: float) -> Scene:
    """Turn the whole world, camera included, about the vertical, and shift it."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def move(p):
        return cos * p[0] - sin * p[2] + dx, p[1], sin * p[0] + cos * p[2] + dz

    objects = tuple(replace(o, position=move(o.position), yaw=o.yaw + degrees) for o in scene.objects)
    camera = replace(scene.camera, position=move(scene.camera.position), yaw=scene.camera.yaw - degrees)
    return replace(scene, objects=objects, camera=camera)


# Statements ----------------------------------------------------------------------------------------------------------


@given(seeds)
@settings(deadline=None, max_examples=40)
def test_observation_agrees_with_the_scene(seed):
    scene = sample_scene(seed)
    level = replace(scene.camera, pitch=0.0)
    for item, seen in zip(scene.objects, observe(scene).objects):
        assert seen.position == pytest.approx(level.world_to_camera(item.center).tolist(), abs=1e-4)
        if seen.front is not None:
            assert seen.front == pytest.approx((item.front @ level.rotation().T).tolist(), abs=1e-5)
        assert (seen.front is not None) == KINDS[item.kind].has_front


@given(seeds)
@settings(deadline=None, max_examples=60)
def test_proposed_statements_are_true_and_said_of_fronts_only_where_there_are(seed):
    scene = sample_scene(seed)
    for statement in propose(scene):
        assert score(scene, statement) == 1.0, statement
        a, b = statement.subject, statement.reference
        fronts = [KINDS[scene.objects[i].kind].has_front for i in (a, b) if i is not None]
        if statement.domain in ("camera_pose", "object_pose", "intrinsic", "complex_pose"):
            assert all(fronts)
        if statement.domain == "allocentric":
            assert fronts[1]


def test_every_relation_is_proposed_somewhere():
    found = {(s.domain, s.relation) for seed in range(1500) for s in propose(sample_scene(seed))}
    assert found == {(domain, relation) for domain, relations in RELATIONS.items() for relation in relations}


@given(seeds)
@settings(deadline=None, max_examples=40)
def test_mirror_flips_left_and_right_and_nothing_else(seed):
    scene = sample_scene(seed)
    flipped = mirror(scene)
    for statement in every_statement(scene):
        other = replace(statement, relation=MIRRORED.get(statement.relation, statement.relation))
        assert score(flipped, other) == pytest.approx(score(scene, statement), abs=1e-6), statement


@given(seeds, st.floats(-180, 180), st.floats(-5, 5), st.floats(-5, 5))
@settings(deadline=None, max_examples=40)
def test_scores_do_not_depend_on_where_the_world_stands(seed, degrees, dx, dz):
    scene = sample_scene(seed)
    moved = carry(scene, degrees, dx, dz)
    for statement in every_statement(scene):
        assert score(moved, statement) == pytest.approx(score(scene, statement), abs=1e-4), statement


@given(seeds)
@settings(deadline=None, max_examples=40)
def test_swapping_the_objects(seed):
    scene = sample_scene(seed)
    for statement in every_statement(scene):
        swapped = replace(statement, subject=statement.reference, reference=statement.subject)
        if statement.domain in ("intrinsic", "object_distance"):
            assert score(scene, swapped) == pytest.approx(score(scene, statement))
        elif statement.domain == "egocentric":
            assert score(scene, replace(swapped, relation=OPPOSITE[statement.relation])) == score(scene, statement)


@given(st.floats(0.1, 15), st.floats(0, 1.2))
def test_measurements_earn_the_same_for_too_much_and_too_little(wanted, error):
    credit = measure_credit(wanted * (1 + error), wanted)
    assert measure_credit(wanted * (1 - error), wanted) == pytest.approx(credit, abs=1e-6)
    assert credit == pytest.approx(min(1.0, max(0.0, 2 - 3 * error)), abs=1e-6)


def test_windows_and_angles_at_their_limits():
    assert [angle_credit(a, 15, 45) for a in (0, 15, 30, 45, 60)] == [1, 1, 0.5, 0, 0]
    assert [camera_distance_window(d) for d in (1, 2, 3, 4, 9)] == pytest.approx([1 / 3, 1 / 3, 0.3, 0.2, 0.2])


@pytest.mark.parametrize(("yaw", "side"), [(0, "front"), (180, "back"), (90, "right"), (270, "left"), (-90, "left")])
def test_poses_and_own_sides(yaw, side):
    # The car looks to +x (yaw 90), the viewer's right: its right side is seen; a ball nearer stands on its right.
    scene = scene_of(thing("car", "red", 0, 10, yaw), thing("ball", "blue", 0, 4))
    for other in ("front", "back", "left", "right"):
        assert score(scene, Statement("camera_pose", other, 0)) == (other == side)
        assert score(scene, Statement("object_pose", other, 0)) == (other == side)
        assert score(scene, Statement("allocentric", other, 1, 0)) == (other == side)


def test_face_to_face_must_be_in_line():
    facing = scene_of(thing("dog", "red", -1, 6, 90), thing("dog", "blue", 1, 6, -90))
    assert score(facing, Statement("intrinsic", "face_to_face", 0, 1)) == 1.0
    abreast = scene_of(thing("dog", "red", -1, 6, 90), thing("dog", "blue", -0.8, 8, -90))
    assert score(abreast, Statement("intrinsic", "face_to_face", 0, 1)) == 0.0
    aside = 2 * math.tan(math.radians(37.5))
    nearly = scene_of(thing("dog", "red", -1, 6, 90), thing("dog", "blue", 1, 6 + aside, -90))
    assert score(nearly, Statement("intrinsic", "face_to_face", 0, 1)) == pytest.approx(0.5)
    assert score(nearly, Statement("intrinsic", "back_to_back", 0, 1)) == 0.0


def test_a_criterion_passed_by_far_counts_fully():
    def pair(turn):
        return scene_of(thing("car", "red", -2, 10, 0), thing("car", "blue", 2, 10, turn))

    # Abreast exactly; the fronts differ by 37.5 degrees, and so does the second's view of what is abreast.
    a, b = observe(pair(37.5)).objects
    assert intrinsic_score(a, b, "side_by_side_same") == pytest.approx(0.25)
    complex_pose = score(pair(0.0), Statement("complex_pose", "front", 0, 1))
    assert complex_pose == 1.0


def test_sizes_have_a_direction_and_belong_to_the_object():
    small, big = thing("car", "red", -2, 9, 30), thing("car", "blue", 2, 9, -70, (1.8, 1.7, 4.7))
    scene = scene_of(small, big)
    taller, longer = (Statement("object_size", name, 1, 0, value) for name, value in (("height", 0.2), ("length", 0.5)))
    assert score(scene, taller) == score(scene, longer) == 1.0
    assert score(scene, replace(taller, subject=0, reference=1)) == 0.0
    equal = scene_of(small, thing("car", "blue", 2, 9))
    assert score(equal, Statement("object_size", "volume", 1, 0, 1.2)) == 0.0


def test_unknown_fronts_and_sizes_score_zero():
    seen = Observation((ObservedObject((0.0, 0.0, 3.0)), ObservedObject((1.0, 0.0, 3.0))))
    assert score(seen, Statement("camera_pose", "front", 0)) == 0.0
    assert score(seen, Statement("allocentric", "front", 0, 1)) == 0.0
    assert score(seen, Statement("object_size", "height", 0, 1, 0.2)) == 0.0
    assert score(seen, Statement("egocentric", "left", 0, 1)) == 1.0
    with pytest.raises(ValueError, match="no relation"):
        score(seen, Statement("egocentric", "above", 0, 1))


def test_nothing_is_said_of_objects_that_share_their_name():
    scene = scene_of(thing("car", "red", -2, 9), thing("car", "red", 2, 9), thing("ball", "blue", 0, 6))
    assert {s.subject for s in propose(scene)} == {2}
    assert "another red car" in plain_caption(scene, generator()).text


# Captions ------------------------------------------------------------------------------------------------------------


def test_every_relation_has_four_wordings_in_both_forms():
    for table in (captions._PHRASES, captions._CLAUSES):
        for key, texts in table.items():
            assert len(set(texts)) >= 4, key
    wordings = [re.sub(r"\{B\}", "{b}", text) for texts in captions._PHRASES.values() for text in set(texts)]
    # One wording, one meaning.
    assert not [text for text, count in Counter(wordings).items() if count > 1]
    keys = {(domain, relation) for domain, relations in RELATIONS.items() for relation in relations}
    assert keys <= set(captions._PHRASES)


@given(seeds)
@settings(deadline=None, max_examples=150)
def test_captions_are_true_and_in_the_vocabulary(seed):
    scene = sample_scene(seed)
    known = set(vocabulary()["words"]) | FUNCTION_WORDS
    for make in (caption, plain_caption):
        made = make(scene, generator(seed))
        assert made == make(scene, generator(seed))
        for statement in made.statements:
            assert score(scene, statement) == 1.0, (made, statement)
        assert made.text == made.text.lower() and "{" not in made.text and "  " not in made.text
        assert all(len(number) <= 4 for number in re.findall(r"[\d.]*\d", made.text)), made.text
        assert set(words_of(made.text)) <= known, made.text
        for item in scene.objects:
            assert f"{item.color} {item.kind}" in made.text
            if sum(other.kind == item.kind for other in scene.objects) > 1:
                assert f"the {item.kind}" not in made.text
    assert {s.domain for s in plain_caption(scene, generator(seed)).statements} <= {"egocentric"}


def test_plain_captions_say_sides_and_order_in_depth():
    said = Counter()
    for seed in range(300):
        made = plain_caption(sample_scene(seed), generator(seed))
        relations = {statement.relation for statement in made.statements}
        assert relations in (set(), {"left", "right"}, {"closer", "farther"})
        assert ("closer" in relations) == bool(re.search(r"\b(front|behind)\b", made.text)), made
        said[min(relations, default="nothing")] += 1
    assert min(said[name] for name in ("nothing", "left", "closer")) > 30, said


def test_every_wording_of_every_statement_is_true():
    """The statements that a caption returns are those it was given, whatever the wording; values stay true."""
    seen = Counter()
    for seed in range(250):
        scene = sample_scene(seed)
        for statement in propose(scene):
            made = caption(scene, generator(seed), [statement])
            assert [(s.domain, s.relation, s.subject, s.reference) for s in made.statements] == [
                (statement.domain, statement.relation, statement.subject, statement.reference)
            ]
            said = made.statements[0]
            assert score(scene, said) == 1.0
            seen[said.domain] += 1
            if said.value is not None and (number := re.search(r"([\d.]*\d) (cm|m)\b", made.text)):
                metres = float(number[1]) * (0.01 if number[2] == "cm" else 1)
                assert metres == pytest.approx(said.value), made
    assert set(seen) == set(RELATIONS)


def test_in_front_alone_is_the_viewers_and_common():
    name = rf"an? ((?:{'|'.join(COLORS)}) (?:{'|'.join(KINDS)}))"
    front = re.compile(rf"{name} (?:[a-z]+ )?(?:[\d.]+ c?m )?in front of {name}(?=$|[.,])(?!, from)")
    found, possible = 0, 0
    for seed in range(600):
        scene = sample_scene(seed)
        names = [f"{item.color} {item.kind}" for item in scene.objects]
        made = caption(scene, generator(seed))
        possible += any(s.relation == "closer" for s in propose(scene))
        for a, b in front.findall(made.text):
            found += 1
            assert score(scene, Statement("egocentric", "closer", names.index(a), names.index(b))) == 1.0, made
    assert found > 0.1 * possible


def test_a_distance_is_said_along_its_direction():
    scene = scene_of(thing("car", "red", 0, 6, 90), thing("house", "blue", 0.5, 12))
    wanted = [Statement("egocentric", "closer", 0, 1), Statement("object_distance", "apart", 0, 1, 6.3)]
    texts = [caption(scene, generator(seed), wanted).text for seed in range(30)]
    assert all(re.search(r"in front of|in front", text) and " from each other" not in text for text in texts)
    assert any("a red car 6.3 m in front of a blue house" in text for text in texts)
    aside = scene_of(thing("car", "red", -4, 6, 90), thing("house", "blue", 4, 9))
    texts = [caption(aside, generator(seed), wanted[:1]).text for seed in range(30)]
    assert not [text for text in texts if "in front" in text or "behind" in text]


def test_caption_of_an_empty_scene():
    assert caption(scene_of(), generator()).statements == ()


def test_unknown_words():
    assert unknown_words("Please make a photo of a red car, 2.5 m in front of the house's door") == ["door"]
    assert unknown_words("two cats and a garage; cats") == ["cats", "garage"]
    assert unknown_words("ein Häuschen") == ["ein", "häuschen"]
    words = vocabulary()
    assert words["objects"] == list(KINDS) and words["colors"] == list(COLORS)
    assert {"behind", "perspective", "rotate", "metres"} <= set(words["relations"])
    assert len(words["words"]) < 300


# Edits ---------------------------------------------------------------------------------------------------------------


@given(seeds, st.sampled_from(["train", "test"]))
@settings(deadline=None, max_examples=100)
def test_sampled_edits(seed, split):
    pair = sample_edit(seed, split)
    source, edit, target = pair.source, pair.edit, pair.target
    assert pair == sample_edit(seed, split)
    assert apply_edit(source, edit) == target and source != target
    assert score_edit(source, target, edit) == 1.0, edit
    assert Edit.from_json(edit.to_json()) == edit
    assert well_composed(source) and well_composed(target)
    if split == "train":
        assert not held_out(source) and not held_out(target)
    if not (edit.kind == "add" and edit.statement is None):
        assert score_edit(source, source, edit) < 1.0


@given(seeds)
@settings(deadline=None, max_examples=100)
def test_instructions_name_one_object(seed):
    pair = sample_edit(seed)
    for k in range(4):
        text = instruction(pair.source, pair.edit, generator(k))
        assert text == text.lower() and "{" not in text and text == text.strip()
        assert not unknown_words(text), text
        objects = pair.source.objects
        if pair.edit.index is not None:
            item = objects[pair.edit.index]
            alone = sum(other.kind == item.kind for other in objects) == 1
            assert f"the {item.color} {item.kind}" in text or (alone and f"the {item.kind}" in text), text
        for name in re.findall(r"\bthe (\w+)", text):
            if name in KINDS:
                assert sum(item.kind == name for item in objects) == 1
                assert pair.edit.added is None or pair.edit.added.kind != name
        if pair.edit.added is not None:
            assert describe(pair.edit.added) in text


def test_all_edits_are_sampled_and_distinct_edits_read_differently():
    pairs = [sample_edit(seed) for seed in range(400)]
    assert {pair.edit.kind for pair in pairs} == {"add", "remove", "move", "rotate", "resize", "recolor", "camera"}
    assert any(pair.edit.kind == "camera" and pair.edit.index is not None for pair in pairs)
    # No template stands for two edits.
    tables = [edits._MOVE, edits._ROTATE, edits._RESIZE, edits._CAMERA, edits._VIEW, edits._WHERE]
    for table in tables:
        texts = [text for group in table.values() for text in group]
        shared = [text for text, count in Counter(texts).items() if count > 1]
        assert not shared


@pytest.mark.parametrize("direction", ["left", "right", "forward", "back"])
def test_camera_moves_by_the_metre(direction):
    scene = scene_of(thing("car", "red", 0.5, 8), camera=Camera((0.0, -1.5, 0.0), 20.0, 5.0, 60.0))
    wanted = Edit("camera", direction=direction, value=1.0)

    def moved(metres):
        return score_edit(scene, apply_edit(scene, replace(wanted, value=metres)), wanted)

    assert moved(1.0) == moved(1.32) == moved(0.68) == 1.0
    assert moved(0.5) == pytest.approx(0.5) and moved(1.5) == pytest.approx(0.5)
    assert moved(-1.0) == moved(1e-9) == 0.0
    x, _, z = observe(scene).objects[0].position
    after = observe(apply_edit(scene, wanted)).objects[0].position
    expected = {"left": (x + 1, z), "right": (x - 1, z), "forward": (x, z - 1), "back": (x, z + 1)}[direction]
    assert (after[0], after[2]) == pytest.approx(expected)


def test_moves_are_the_viewers():
    scene = scene_of(thing("car", "red", 0.5, 8), camera=Camera((1.0, -1.5, 0.0), 35.0, 5.0, 60.0))
    x, _, z = observe(scene).objects[0].position
    for direction, expected in (
        ("left", (x - 2, z)),
        ("right", (x + 2, z)),
        ("closer", (x, z - 2)),
        ("farther", (x, z + 2)),
    ):
        after = observe(apply_edit(scene, Edit("move", 0, direction, 2.0))).objects[0].position
        assert (after[0], after[2]) == pytest.approx(expected)


def test_turns_belong_to_the_object():
    # Facing the viewer, its own left is the viewer's right.
    scene = scene_of(thing("chair", "red", 0, 3, 0.0))
    turned = apply_edit(scene, Edit("rotate", 0, "own_left", 90.0))
    assert score(turned, Statement("object_pose", "right", 0)) == 1.0
    assert score_edit(scene, turned, Edit("rotate", 0, "own_right", 90.0)) == 0.0
    for side in ("front", "back", "left", "right"):
        assert score(apply_edit(scene, Edit("rotate", 0, side)), Statement("object_pose", side, 0)) == 1.0


@given(seeds, st.sampled_from(["front", "back", "left", "right"]))
@settings(deadline=None, max_examples=30)
def test_going_round_keeps_the_object_in_its_place(seed, side):
    scene = sample_scene(seed)
    edit = Edit("camera", 0, side)
    target = apply_edit(scene, edit)
    before, after = observe(scene).objects[0], observe(target).objects[0]
    assert after.position == pytest.approx(before.position, abs=1e-4)
    if before.front is not None:
        assert score(target, Statement("camera_pose", side, 0)) == 1.0
        assert score_edit(scene, target, edit) == 1.0


def test_wrong_results_score_zero():
    scene = scene_of(thing("car", "red", -2, 9), thing("ball", "blue", 1, 6))
    remove = Edit("remove", 0)
    assert score_edit(scene, scene, remove) == 0.0
    assert score_edit(scene, apply_edit(scene, Edit("remove", 1)), remove) == 0.0
    pink = Edit("recolor", 0, color="pink")
    assert score_edit(scene, apply_edit(scene, replace(pink, color="green")), pink) == 0.0
    add = Edit("add", added=thing("cone", "green", 3, 6), statement=Statement("egocentric", "right", 2, 1))
    assert score_edit(scene, apply_edit(scene, add), add) == 1.0
    wrong = replace(add, added=thing("cone", "green", -1, 6))
    assert score_edit(scene, apply_edit(scene, wrong), add) == 0.0
    assert score_edit(scene, scene, add) == 0.0

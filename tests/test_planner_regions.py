"""The words of regions: what somebody has said of each thing, where it is seen."""

from __future__ import annotations

import dataclasses

import torch

from spatialfusion.planner.plan import plan, plan_scene, plan_text
from spatialfusion.planner.regions import regions, whole_prompt

SIZE = (96, 96)


def words(made, style=""):
    return [region.words for region in regions(made, style)]


def test_a_region_has_the_noun_and_what_was_said_of_it():
    made = plan_text("camera auto\nold wooden chair red\n2 dogs left of chair\nsofa behind chair by 2", size=SIZE)
    assert words(made) == ["an old wooden red chair", "two dogs", "a sofa"]
    assert words(made, " oil painting, ") == [
        "an old wooden red chair, oil painting", "two dogs, oil painting", "a sofa, oil painting",
    ]  # fmt: skip
    for region in regions(made):
        assert torch.equal(region.mask, torch.stack([made.masks[i] for i in region.objects]).any(0))
        assert 0 < region.share < 1
    assert [region.objects for region in regions(made)] == [(0,), (1, 2), (3,)]


def test_the_whole_prompt_is_the_sentence_or_a_list():
    sentence = "a red car in front of a blue house."
    made = plan(sentence, size=SIZE)
    assert whole_prompt(made) == sentence[:-1]
    assert whole_prompt(made, "at night") == "a red car in front of a blue house, at night"
    assert whole_prompt(made, "at night", "a quiet street") == "a quiet street, at night"
    listed = plan_text("room floor 1\n3 chairs in a row\ncar red at 0 9", size=SIZE)
    assert whole_prompt(listed) == "three chairs, a red car, in a room"
    assert whole_prompt(plan_text("zorblax size 1 1 1 at 0 4", size=SIZE)).startswith("a zorblax")


def test_what_is_not_seen_has_no_region():
    made = plan_text("car red at 0 6\nmug at 0 9\ntree at 0 -5", size=SIZE)
    assert words(made) == ["a red car"]
    assert words(plan_text("car red at 0 -6", size=SIZE)) == []


def test_after_the_camera_has_moved_the_words_stay():
    made = plan("a giraffe behind a red jeep", size=SIZE)
    camera = made.scene.camera
    x, y, z = camera.position
    moved = made.seen_from(dataclasses.replace(camera, position=(x, y - 1, z - 1)))
    assert set(words(moved)) == set(words(made)) == {"a giraffe", "a red jeep"}
    assert whole_prompt(moved) == whole_prompt(made)
    assert moved.names == made.names
    # Coordinates alone say the usual colours too; said are those that are not usual.
    assert set(words(plan_scene(made.scene, SIZE))) == {"a giraffe", "a red jeep"}

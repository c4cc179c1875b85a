"""Finding objects by colour, and judging sides and order."""

from __future__ import annotations

import pytest
import torch

from spatialfusion.evaluate.colors import SATURATED, color_masks, is_present
from spatialfusion.evaluate.first_light import Prompt, judge, prompts, summary
from spatialfusion.geometry import Geometry
from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import sample_scene


@pytest.fixture(scope="module")
def scenes():
    drawn = [sample_scene(seed, split="test") for seed in range(40)]
    return [scene for scene in drawn if all(item.color in SATURATED for item in scene.objects)]


def test_colours_find_the_objects_of_exact_renders(scenes):
    images = render(scenes).image
    strangers = 0
    for scene, image in zip(scenes, images):
        found = {name for name, mask in color_masks(image).items() if is_present(mask)}
        asked = {item.color for item in scene.objects}
        assert asked <= found, (asked, found)
        strangers += len(found - asked)
    assert strangers <= 0.1 * len(scenes)


def test_the_judge_agrees_with_the_scene(scenes):
    rendering = render(scenes)
    depth = torch.where(rendering.valid, rendering.depth, 0)
    geometry = Geometry.from_depth(depth, focal=1.0)
    right = {"left_right": [], "near_far": []}
    for i, scene in enumerate(scenes):
        a, b = scene.objects
        (ax, _, az), (bx, _, bz) = (scene.camera.world_to_camera(item.center).tolist() for item in (a, b))
        asked = [("left_right", "to the left of" if ax / az < bx / bz else "to the right of")]
        # What is seen of an object is its near side: only a clear order of the centres is one of the surfaces too.
        if max(az, bz) > 1.4 * min(az, bz):
            asked.append(("near_far", "in front of" if az < bz else "behind"))
        for key, relation in asked:
            verdict = judge(Prompt("", a.color, b.color, relation), rendering.image[i], geometry[i])
            right[key].append(verdict[key])
    assert len(right["near_far"]) >= 5
    for verdicts in right.values():
        assert sum(verdicts) >= 0.9 * len(verdicts), right


def test_a_missing_object_is_not_judged_on_its_relation():
    verdict = judge(Prompt("", "red", "blue", "to the left of"), torch.full((3, 32, 32), 0.5), None)
    assert verdict == {"first": False, "second": False, "both": False, "left_right": None, "near_far": None}
    counted = summary([verdict, {"both": True, "left_right": True, "near_far": None}])
    assert (counted["both"], counted["left_right"], counted["left_right_judged"]) == (0.5, 1.0, 1)


def test_the_prompts_are_fixed_and_held_out():
    asked = prompts(8)
    assert asked == prompts(8)
    assert [p.relation for p in asked[:4]] == ["to the left of", "in front of", "to the right of", "behind"]
    assert all(p.first in p.text and p.second in p.text and p.first != p.second for p in asked)

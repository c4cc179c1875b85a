"""Finding objects by colour, and judging sides and order."""

from __future__ import annotations

import json

import pytest
import torch

from research.colors import SATURATED, color_masks, is_present
from research.first_light import (
    AWAY,
    DistancePrompt,
    Prompt,
    distance_prompts,
    distance_scenes,
    judge,
    main,
    prompts,
    strict_summary,
    summary,
)
from spatialfusion.errors import InputError
from spatialfusion.evaluate.question_images import scene_geometry
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import held_out, sample_scene
from spatialfusion.scenes.statements import Statement, score


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


# Metres from the camera, and missing objects -------------------------------------------------------------------------


def test_rendered_scenes_with_exact_depth_are_at_the_asked_distance():
    asked = distance_scenes(40)
    rendering = render([scene for _, scene in asked])
    geometry = scene_geometry([scene for _, scene in asked], (128, 128))
    verdicts, halved, farther = [], [], []
    for i, (prompt, scene) in enumerate(asked):
        # What was asked for is true by the scorer of the statements.
        assert score(scene, Statement("camera_distance", AWAY, 0, None, prompt.metres)) == 1.0
        verdicts.append(judge(prompt, rendering.image[i], geometry[i]))
        for scale, found in ((0.7, halved), (1.35, farther)):
            other = Geometry(
                geometry.depth[i : i + 1] * scale, geometry.valid[i : i + 1], geometry.intrinsics[i : i + 1]
            )
            found.append(judge(prompt, rendering.image[i], other)["distance"])
    figures = strict_summary([prompt for prompt, _ in asked], verdicts)
    assert (figures["distance"], figures["distance_judged"], figures["both"]) == (1.0, 40, 1.0)
    # Depth that is wrong by a third is not taken for right.
    assert sum(halved) <= 4 and sum(farther) <= 4


def test_distance_prompts_are_fixed_held_out_and_in_the_words_of_captions():
    asked = distance_scenes(12)
    assert [prompt for prompt, _ in asked] == distance_prompts(12)
    for prompt, scene in asked:
        assert held_out(scene) and prompt.relation == AWAY and prompt.metres > 0
        first, second = scene.objects
        assert (prompt.first, prompt.second, prompt.kind) == (first.color, second.color, first.kind)
        assert all(f"{item.color} {item.kind}" in prompt.text for item in scene.objects)
    assert len({prompt.text for prompt, _ in asked}) == 12


def test_the_depth_of_the_surface_is_brought_to_the_centre():
    image = torch.full((3, 8, 8), 0.5)
    image[:, :, :4] = torch.tensor([0.83, 0.08, 0.08])[:, None, None]
    image[:, :, 4:] = torch.tensor([0.10, 0.22, 0.85])[:, None, None]
    # A car is usually 1.8 and 4.2 m long: its surface is 0.825 m nearer than its centre.
    geometry = Geometry.from_depth(torch.full((1, 8, 8), 4.0), focal=50.0)
    right = {
        metres: judge(DistancePrompt("", "red", "blue", AWAY, "car", metres), image, geometry)["distance"]
        for metres in (3.9, 4.1, 5.0, 5.9, 6.2)
    }
    assert right == {3.9: False, 4.1: True, 5.0: True, 5.9: True, 6.2: False}


def test_strictly_a_missing_object_is_wrong():
    def verdict(both, **told):
        return {"first": True, "second": both, "both": both, "left_right": None, "near_far": None} | told

    asked = [Prompt("", "red", "blue", relation) for relation in ("to the left of", "in front of", "to the right of")]
    asked.append(DistancePrompt("", "red", "blue", AWAY, "car", 5.0))
    verdicts = [
        verdict(True, left_right=True),
        verdict(False),
        verdict(False),
        verdict(False, distance=None),
    ]
    lenient, strict = summary(verdicts), strict_summary(asked, verdicts)
    assert (lenient["left_right"], lenient["left_right_judged"], lenient["distance_judged"]) == (1.0, 1, 0)
    assert [strict[key] for key in ("both", "left_right", "near_far", "distance")] == [0.25, 0.5, 0.0, 0.0]
    assert [strict[f"{key}_judged"] for key in ("both", "left_right", "near_far", "distance")] == [4, 2, 1, 1]
    assert "distance" not in summary(verdicts[:3])


def test_the_command_prints_both_ways_to_count(tiny_folder, tmp_path, capsys):
    arguments = ["--model", str(tiny_folder), "--steps", "1", "--batch", "2"]
    main([*arguments, "--count", "2", "--out", str(tmp_path / "a")])
    plain = capsys.readouterr().out
    assert "distance" not in plain and "wrong" not in plain
    main([*arguments, "--count", "2", "--distance", "2", "--strict", "--out", str(tmp_path / "b")])
    assert capsys.readouterr().out.count('"distance_judged"') == 4
    first, second = (json.loads((tmp_path / name / "first_light.json").read_text()) for name in "ab")
    # What was asked before is asked as before, with the same noise.
    for arm in ("base", "depth"):
        assert second["verdicts"][arm][:2] == first["verdicts"][arm] and len(second["verdicts"][arm]) == 4
    assert second["strict"]["depth"]["distance_judged"] == 2
    with pytest.raises(InputError, match="--distance is -1"):
        main(["--distance", "-1"])
    with pytest.raises(InputError, match="--batch is 0"):
        main(["--batch", "0"])

"""The scene judge: numbers and metres, patches and who gets them, a network that was taught a few images, and the
measuring of its accuracy.

Run: python -m pytest -c tests/pytest.ini tests/test_scene_judge.py
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialfusion.errors import InputError
from spatialfusion.evaluate.judges import accuracy
from spatialfusion.evaluate.judges.judge import Asked, Seen, SeenObject
from spatialfusion.evaluate.judges.scene import (
    COLOR_NAMES,
    SceneJudge,
    assign,
    find_patches,
    from_square,
    to_square,
)
from spatialfusion.evaluate.judges.scene_network import JudgeNetwork
from spatialfusion.evaluate.judges.scene_numbers import View, decode, encode
from spatialfusion.scenes.edits import sample_edit
from spatialfusion.scenes.render import instances, render
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.scene import KINDS, Scene
from spatialfusion.scenes.statements import RELATIONS, ObservedObject, observe
from spatialfusion.tiny import judge as stage
from spatialfusion.tiny.judge import JudgeStage, instance_masks, scene_targets, twin_scenes

seeds = st.integers(0, 2**31)
STEPS = 90


def scenes(count: int, start: int = 0) -> list[Scene]:
    return [sample_scene(seed) for seed in range(start, start + count)]


def asked(scene: Scene) -> list[Asked]:
    return [Asked(thing.kind, thing.color) for thing in scene.objects]


def flat(thing: ObservedObject) -> list[float]:
    return [*thing.position, *thing.size, *(thing.front or ())]


# Numbers -------------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_the_numbers_of_an_object_give_it_back(seed):
    scene = sample_scene(seed)
    view = View.of(scene.camera)
    for thing in observe(scene).objects:
        again = decode(encode(thing, view), thing.kind, thing.color, view)
        assert flat(again) == pytest.approx(flat(thing), abs=1e-9)
        assert (again.kind, again.color, again.front is None) == (thing.kind, thing.color, thing.front is None)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_the_center_is_where_the_camera_projects_it(seed):
    scene = sample_scene(seed)
    view = View.of(scene.camera)
    for thing, exact in zip(scene.objects, observe(scene).objects):
        x, y, z = scene.camera.world_to_camera(thing.center).tolist()
        fx = float(scene.camera.intrinsics()[0, 0])
        assert encode(exact, view)[:2] == pytest.approx([0.5 + fx * x / z, 0.5 + fx * y / z], abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_numbers_of_a_mirrored_image(seed):
    scene = sample_scene(seed)
    view = View.of(scene.camera)
    for thing in observe(scene).objects:
        x, y, z = thing.position
        front = thing.front and (-thing.front[0], 0.0, thing.front[2])
        expected = encode(replace(thing, position=(-x, y, z), front=front), view)
        mirrored = torch.tensor(encode(thing, view)) * stage.MIRRORED
        mirrored[0] += 1
        assert mirrored.tolist() == pytest.approx(expected, abs=1e-5)


# Patches -------------------------------------------------------------------------------------------------------------


def exact_maps(scene: Scene) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits and centres as a perfect network would give them, with a little noise, and the masks [N, 64, 64]."""
    masks = instance_masks(instances([scene]), len(scene.objects))[0]
    logits, centers = torch.zeros(1 + len(COLOR_NAMES), 64, 64), torch.zeros(2, 64, 64)
    logits[0] = 5 * (1 - masks.sum(0))
    generator = torch.Generator().manual_seed(0)
    for mask, thing in zip(masks, observe(scene).objects):
        logits[1 + COLOR_NAMES.index(thing.color)] += 5 * mask
        place = torch.tensor(encode(thing, View.of(scene.camera))[:2])
        noisy = place[:, None, None] + 0.015 * torch.randn(2, 64, 64, generator=generator)
        centers = torch.where(mask > 0, noisy, centers)
    return logits, centers, masks


@pytest.mark.parametrize("scene", [*scenes(12), *twin_scenes(scenes(60), 6)])
def test_each_object_is_one_patch(scene):
    logits, centers, masks = exact_maps(scene)
    patches = find_patches(logits, centers)
    assert len(patches) == len(scene.objects)
    for mask in masks:
        assert max(float((mask * patch).sum() / (mask + patch).clamp(max=1).sum()) for patch in patches) > 0.85


def test_specks_and_surroundings_are_no_patches():
    logits, centers = torch.zeros(1 + len(COLOR_NAMES), 64, 64), torch.full((2, 64, 64), 0.5)
    logits[0] = 5
    assert find_patches(logits, centers).shape == (0, 64, 64)
    logits[1, :4, :4] = 10
    assert len(find_patches(logits, centers)) == 0
    logits[1, :8, :8] = 10
    assert len(find_patches(logits, centers)) == 1


def test_patches_go_to_those_who_ask_for_them():
    confidence = torch.tensor([[0.9, 0.8, 0.1], [0.9, 0.9, 0.9]])
    areas = torch.tensor([10.0, 20.0, 5.0])
    # The larger of two that fit; what is left for the one without colour; the rest is surplus.
    assert assign(confidence, areas, [True, False]) == ([1, 0], 1)
    assert assign(confidence, areas, [False, True]) == ([0, 1], 1)
    assert assign(confidence[:1], areas, [True]) == ([1], 1)
    assert assign(confidence[:1, 2:], areas[2:], [True]) == ([None], 0)
    assert assign(confidence[:, :0], areas[:0], [True, True]) == ([None, None], 0)
    assert assign(confidence[:0], areas, []) == ([], 0)


@pytest.mark.parametrize("shape", [(128, 128), (64, 64), (96, 192), (200, 120)])
def test_masks_of_the_square_fit_the_image(shape):
    height, width = shape
    image = torch.zeros(3, height, width)
    image[:, height // 4 : height // 2, width // 4 : width // 2] = 1
    square = to_square(image)
    assert square.shape == (3, 128, 128)
    mask = from_square((square[0, 1::2, 1::2] > 0.5).float(), shape)
    assert mask.shape == shape
    assert (mask != (image[0] > 0.5)).float().mean() < 0.03


# A network that was taught a few images ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taught() -> tuple[SceneJudge, list[Scene], torch.Tensor]:
    """A very small network after some steps on four images, with the stage's own loss."""
    plain = [scene for scene in scenes(40) if {"black", "white"}.isdisjoint(thing.color for thing in scene.objects)]
    large = [scene for scene in plain if instance_masks(instances([scene]), 2).sum(dim=(2, 3)).min() > 200]
    known = [scene for scene in large if len(scene.objects) == 2][:3]
    images = render(known).image
    torch.manual_seed(0)
    network = JudgeNetwork(16, 1)
    masks, targets = instance_masks(instances(known), 2), scene_targets(known)
    batch = {"images": images, "masks": masks, "patches": masks, **targets._asdict()}
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = 5e-3 * (1 - step / STEPS)
        loss, _ = JudgeStage.loss(SimpleNamespace(trained=network), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return SceneJudge(network.eval()), known, images


def test_known_objects_are_found_and_measured(taught):
    judge, known, images = taught
    for scene, seen in zip(known, judge.look(images, [asked(scene) for scene in known])):
        assert None not in seen.objects
        for exact, found in zip(observe(scene).objects, seen.objects):
            assert found.mask.shape == (128, 128) and found.mask.dtype == torch.bool
            assert found.confidence > 0.5
            assert flat(found.observed)[:6] == pytest.approx(flat(exact)[:6], rel=0.3, abs=0.3 * exact.position[2])
            assert (found.observed.front is None) == (exact.front is None)
            assert (found.observed.kind, found.observed.color) == (exact.kind, exact.color)
        assert seen.observation is not None


def test_what_is_not_there_is_not_found(taught):
    judge, known, images = taught
    for scene, image in zip(known, images):
        first, second = scene.objects
        kind = next(kind for kind in KINDS if kind not in (first.kind, second.kind))
        color = next(color for color in COLOR_NAMES if color not in (first.color, second.color))
        absent = [Asked(kind, first.color), Asked(first.kind, color)]
        if first.kind != second.kind:
            absent.append(Asked(first.kind, second.color))
        [seen] = judge.look([image], [absent])
        assert seen.objects == (None,) * len(absent) and seen.surplus == 0 and seen.observation is None
    [nothing] = judge.look([images[0]], [[]])
    assert nothing.objects == () and nothing.observation.objects == ()
    [grey] = judge.look([torch.full((3, 128, 128), 0.6)], [asked(known[0])])
    assert grey.objects == (None, None)


def test_a_kind_alone_is_found_and_its_color_told(taught):
    judge, known, images = taught
    scene = known[0]
    [seen] = judge.look(images[:1], [[Asked(scene.objects[0].kind)]])
    assert seen.objects[0].observed.color in {thing.color for thing in scene.objects}


def test_what_is_left_over_of_a_name_is_surplus(taught):
    judge, known, images = taught
    scene = known[0]
    [once] = judge.look(images[:1], [asked(scene)[:1]])
    [twice] = judge.look(images[:1], [asked(scene)[:1] * 2])
    assert once.surplus == 0 and twice.objects[0] is not None and twice.objects[1] is None


def test_an_answer_depends_on_its_image_alone(taught):
    judge, known, images = taught
    together = judge.look(images, [asked(scene) for scene in known])
    for scene, image, seen in zip(known, images, together):
        [alone] = judge.look([image], [asked(scene)])
        [reversed_] = judge.look([image], [asked(scene)[::-1]])
        assert alone.hfov == pytest.approx(seen.hfov, rel=1e-4)
        for a, b, c in zip(alone.objects, seen.objects, reversed_.objects[::-1]):
            assert torch.equal(a.mask, b.mask)
            assert flat(a.observed) == pytest.approx(flat(b.observed), rel=1e-3, abs=1e-3)
            assert flat(a.observed) == flat(c.observed)


def test_images_of_other_sizes(taught):
    judge, known, images = taught
    enlarged = torch.nn.functional.interpolate(images[:1], (256, 256), mode="bilinear")[0]
    wide = torch.nn.functional.pad(images[:1], (64, 64, 0, 0), mode="replicate")[0]
    small, large, wider = judge.look([images[0], enlarged, wide], [asked(known[0])] * 3)
    assert [seen.objects[0].mask.shape for seen in (small, large)] == [(128, 128), (256, 256)]
    assert flat(large.objects[0].observed) == pytest.approx(flat(small.objects[0].observed), rel=0.2, abs=0.2)
    # A tall cut of an image has a smaller field of view than the square that it is put into.
    [cut] = judge.look([images[0][:, :, 32:96]], [[]])
    [square] = judge.look([to_square(images[0][:, :, 32:96])], [[]])
    tangents = [torch.tensor(seen.hfov / 2).deg2rad().tan().item() for seen in (cut, square)]
    assert tangents[0] == pytest.approx(tangents[1] / 2, rel=1e-4)
    assert wider.hfov > 0


def test_weights_are_saved_and_loaded(taught, tmp_path):
    judge, known, images = taught
    judge.save(tmp_path, torch.float32)
    again = SceneJudge.load(tmp_path)
    names = [asked(scene) for scene in known]
    for first, second in zip(judge.look(images, names), again.look(images, names)):
        for a, b in zip(first.objects, second.objects):
            assert flat(a.observed) == pytest.approx(flat(b.observed), rel=1e-3, abs=1e-3)
    with pytest.raises(InputError, match="no scene judge"):
        SceneJudge.load(tmp_path / "elsewhere")


def test_unknown_names_are_refused(taught):
    judge, _, images = taught
    with pytest.raises(InputError, match="unicorn"):
        judge.look(images[:1], [[Asked("unicorn")]])
    with pytest.raises(InputError, match="mauve"):
        judge.look(images[:1], [[Asked("car", "mauve")]])
    with pytest.raises(InputError, match="3 images and 1"):
        judge.look(images, [[]])


# Training images ---------------------------------------------------------------------------------------------------


def test_twins_have_one_name():
    found = twin_scenes(scenes(60), 5)
    assert len(found) == 5
    for scene in found:
        assert len({(thing.kind, thing.color) for thing in scene.objects}) < len(scene.objects)


def test_warping_moves_images_and_maps_alike():
    [scene] = scenes(1)
    instance = instances([scene])
    image = (instance == 0).float()[:, None].expand(-1, 3, -1, -1)
    draws = torch.ones(1, 13)
    draws[0, 2] = 0.0
    generators = [torch.Generator().manual_seed(0)]
    warped, moved = stage.warp(image, instance, draws, generators)
    assert (moved != instance).any() and (warped != image).any()
    assert ((warped[0, 0] > 0.5) != (moved[0] == 0)).float().mean() < 0.01


# Accuracy ------------------------------------------------------------------------------------------------------------


class Oracle:
    """Knows the scene of every image that it was shown, and says exactly what is there; or nothing, when blind."""

    name = "oracle"

    def __init__(self, blind: bool = False):
        self.scenes: list[Scene] = []
        self.blind = blind

    def show(self, shown: list[Scene]) -> torch.Tensor:
        start = len(self.scenes)
        self.scenes += shown
        return torch.arange(start, len(self.scenes)).float()[:, None, None, None].expand(-1, 3, 8, 8)

    def look(self, images, asked):
        seen = []
        for image, names in zip(images, asked):
            scene = self.scenes[int(image[0, 0, 0])]
            things = {} if self.blind else {Asked(thing.kind, thing.color): thing for thing in observe(scene).objects}
            mask = torch.zeros(8, 8, dtype=torch.bool)
            objects = [SeenObject(mask, things[name], 1.0) if name in things else None for name in names]
            seen.append(Seen(tuple(objects), 0, scene.camera.hfov))
        return seen


def test_a_perfect_judge_agrees_with_every_statement_and_a_blind_one_does_not():
    shown = [sample_scene(seed, "test") for seed in range(60)]
    for blind in (False, True):
        judge = Oracle(blind)
        images = judge.show(shown)
        figures = accuracy.score_figures(accuracy.statement_cases(judge, shown, images))
        assert set(figures) == set(RELATIONS)
        for domain, values in figures.items():
            assert 0.2 < values["exact_mean"] < 0.9, domain  # both answers occur
            if blind:
                assert values["agreement"] < 0.7 and values["judged_mean"] == 0
            else:
                assert values["agreement"] == 1 and values["score_difference"] == 0


def test_a_perfect_judge_agrees_with_every_edit():
    judge = Oracle()
    pairs = [sample_edit(seed, "test") for seed in range(60)]
    cases = accuracy.edit_cases(judge, pairs, judge.show)
    assert {domain for domain, _, _ in cases} >= {"edit/add", "edit/remove", "edit/move", "edit/view", "edit/camera"}
    assert all(exact == pytest.approx(judged) for _, exact, judged in cases)
    means = {domain: values["exact_mean"] for domain, values in accuracy.score_figures(cases).items()}
    assert all(0.2 < mean < 0.9 for mean in means.values()), means


def test_absent_things_that_are_asked_for_are_absent():
    rng = random.Random(0)
    for scene in scenes(30):
        there = {(thing.kind, thing.color) for thing in scene.objects}
        for ask in (accuracy.wrong_kind, accuracy.wrong_color, accuracy.swapped):
            assert all((one.kind, one.color) not in there for one in ask(scene, rng))


def test_object_figures_of_a_perfect_judge():
    judge = Oracle()
    shown = scenes(10)
    maps = torch.full((10, 8, 8), -1)
    figures = accuracy.object_figures(judge, shown, judge.show(shown), maps)
    assert figures["recall"] == 1 and figures["position_error_median"] == 0 and figures["size_error_median"] == 0
    assert figures["front_error_degrees_median"] < 0.1 and figures["front_within_15"] == 1
    assert figures["false_kind"] == figures["false_color"] == figures["false_swap"] == figures["surplus"] == 0


def test_reliability_is_read_from_the_report(tmp_path):
    path = tmp_path / "accuracy.json"
    path.write_text(json.dumps({"restored": {"scores": {"camera_pose": {"agreement": 0.97}}}}))
    assert accuracy.reliability(path) == {"camera_pose": 0.97}

"""The foundation judge: geometry on exact parts, networks at tiny sizes, and what is said where a part fails."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_judge import save_grounding_dino, save_orient_anything, save_sam2

from spatialfusion.errors import InputError
from spatialfusion.evaluate.foundation import best_case
from spatialfusion.evaluate.foundation.detect import Detections, GroundingDino, agreement
from spatialfusion.evaluate.foundation.gravity import CameraLevel, GroundPlane, level_axes
from spatialfusion.evaluate.foundation.match import match, overlap
from spatialfusion.evaluate.foundation.measure import measure
from spatialfusion.evaluate.foundation.orient import Facing, OrientAnything, front_direction, towards
from spatialfusion.evaluate.foundation.segment import Sam2, apart
from spatialfusion.evaluate.judges.foundation import FoundationJudge
from spatialfusion.evaluate.judges.judge import Asked
from spatialfusion.geometry.geometry import Geometry, centred_intrinsics, focal_length
from spatialfusion.scenes.render import render
from spatialfusion.scenes.scene import Camera, Scene, SceneObject
from spatialfusion.scenes.statements import observe, side_angle

CAMERA = Camera(position=(0.0, -1.6, 0.0), yaw=0.0, pitch=12.0, hfov=55.0)


def scene(*objects: SceneObject, camera: Camera = CAMERA) -> Scene:
    return Scene(objects, camera, "outdoor", (30.0, 50.0), ground=0, backdrop=0)


def car(x: float, z: float, yaw: float, color: str = "red") -> SceneObject:
    return SceneObject("car", color, (1.8, 1.5, 4.2), (x, 0.0, z), yaw)


def level_of(camera: Camera) -> torch.Tensor:
    """[3, 3] from camera to level axes, from the camera's own pitch."""
    return replace(camera, yaw=0.0).rotation().T


class Rendered:
    """All parts of the judge, exact, for one rendered scene."""

    name, weights, licence, is_metric, gives_fov = "rendered", "rendered", "none", True, True

    def __init__(self, scene: Scene, size: tuple[int, int] = (192, 128)):
        self.scene = scene
        rendering = render([scene], size, samples=1)
        self.image, self.instance = rendering.image[0], rendering.instance[0]
        intrinsics = scene.camera.intrinsics(size[0] / size[1])[None]
        self.geometry = Geometry(rendering.depth, rendering.valid, intrinsics)
        self.asked = [Asked(thing.kind, thing.color) for thing in scene.objects]

    def mask(self, index: int) -> torch.Tensor:
        return self.instance == index

    def detect(self, image, queries):
        boxes = []
        for index in range(len(self.scene.objects)):
            y, x = self.mask(index).nonzero(as_tuple=True)
            boxes.append([x.min(), y.min(), x.max() + 1, y.max() + 1])
        names = [f"{thing.color} {thing.kind}" for thing in self.scene.objects]
        return Detections(
            torch.tensor(boxes).float(), torch.tensor([[0.9 * (name == query) for query in queries] for name in names])
        )

    def segment(self, image, boxes):
        every = self.detect(image, []).boxes
        return torch.stack([self.mask(overlap(box[None], every)[0].argmax()) for box in boxes])

    def orient(self, image, box, mask):
        """What a camera that is turned to the middle of the box, but not rolled, sees."""
        index = next(i for i in range(len(self.scene.objects)) if torch.equal(self.mask(i), mask))
        height, width = image.shape[-2:]
        x, y = ((box[:2] + box[2:]) / 2 / torch.tensor([width, height]) - 0.5).tolist()
        fx, fy = self.geometry.intrinsics[0, 0, 0].item(), self.geometry.intrinsics[0, 1, 1].item()
        turn = towards(torch.tensor([x / fx, y / fy, 1.0]))
        return Facing(turn.T @ self.scene.camera.rotation() @ self.scene.objects[index].front, 1.0)

    def judge(self, **parts) -> FoundationJudge:
        exact = {"detector": _part(self.detect), "segmenter": _part(self.segment), "orienter": _part(self.orient)}
        return FoundationJudge(**({"depth": _part(lambda images, hfov: self.geometry)} | exact | parts))

    def look(self, **parts):
        return self.judge(**parts).look([self.image], [self.asked])[0]


def _part(call):
    class Part(Rendered):
        def __init__(self): ...

        def __call__(self, *arguments):
            return call(*arguments)

    return Part()


# On exact parts


@pytest.mark.parametrize("yaw", [35.0, -140.0])
def test_exact_parts_give_the_scenes_own_observation(yaw):
    rendered = Rendered(scene(car(-1.6, 9.0, yaw), SceneObject("mug", "blue", (0.5, 0.55, 0.6), (1.0, 0.0, 3.0), 40.0)))
    seen = rendered.look()
    assert seen.surplus == 0 and seen.hfov == pytest.approx(55.0, abs=1e-3)
    for found, exact in zip(seen.observation.objects, observe(rendered.scene).objects):
        assert (found.kind, found.color) == (exact.kind, exact.color)
        # Seen at an angle from above: both sides and the top reach to the box's ends.
        assert math.dist(found.position, exact.position) < 0.03 * math.hypot(*exact.position)
        assert side_angle(found, "front", (exact.front[0], exact.front[2])) < 1.0
        for measured, size in zip(found.size, exact.size):
            assert measured == pytest.approx(size, rel=0.12)


def test_what_is_seen_straight_from_one_side_is_too_near_by_half_its_length():
    rendered = Rendered(scene(SceneObject("cube", "red", (1.0, 1.8, 1.0), (0.0, 0.0, 6.0), 0.0)))
    found = rendered.look(orienter=_part(lambda *_: None)).objects[0].observed
    exact = observe(rendered.scene).objects[0]
    assert found.size[2] < 0.1  # its front alone
    assert exact.position[2] - found.position[2] == pytest.approx(0.5, abs=0.05)
    assert found.position[:2] == pytest.approx(exact.position[:2], abs=0.05)
    assert found.size[:2] == pytest.approx((1.0, 1.8), rel=0.05)


def test_without_a_front_the_smallest_box_counts():
    rendered = Rendered(scene(SceneObject("sofa", "red", (2.0, 0.8, 1.0), (0.3, 0.0, 5.0), 35.0)))
    found = rendered.look(orienter=None).objects[0].observed
    assert found.front is None
    assert math.dist(found.position, observe(rendered.scene).objects[0].position) < 0.15
    assert found.size == pytest.approx((2.0, 0.8, 1.0), rel=0.1)  # the width lies across the line of sight


def test_a_thing_that_faces_away_from_the_axis_is_measured_from_where_it_stands():
    """A cutting shows a thing as a camera turned to it would; one that stands aside and faces along the axis."""
    camera = replace(CAMERA, pitch=0.0)
    rendered = Rendered(scene(car(4.0, 9.0, 0.0), camera=camera))
    turned = replace(camera, yaw=math.degrees(math.atan2(4.0, 9.0)))
    seen = rendered.look(orienter=_part(lambda *_: Facing(turned.rotation() @ rendered.scene.objects[0].front, 1.0)))
    x, _, z = seen.objects[0].observed.front
    assert math.degrees(math.atan2(x, -z)) == pytest.approx(0.0, abs=5.0)  # the box's middle is not quite the car's


def test_a_front_that_points_up_is_none():
    rendered = Rendered(scene(car(0.0, 8.0, 30.0)))
    up = rendered.scene.camera.rotation() @ torch.tensor([0.0, -1.0, 0.0])
    judge = rendered.judge(orienter=_part(lambda *_: Facing(up, 1.0)))
    seen = judge.look([rendered.image], [rendered.asked])[0]
    assert seen.objects[0].observed.front is None and judge.tally["objects without front"] == 1


@pytest.mark.parametrize("leak", [False, True])
def test_what_a_mask_takes_of_other_things_does_not_move_the_thing(leak):
    rendered = Rendered(scene(car(-1.6, 9.0, 35.0)), size=(384, 256))
    mask, exact = rendered.mask(0), observe(rendered.scene).objects[0]
    geometry = rendered.geometry
    if leak:
        mask = F.max_pool2d(mask[None].float(), 3, 1, 1)[0] > 0
    else:  # depth that lies between two surfaces at their edge
        blurred = F.avg_pool2d(geometry.filled(100.0), 3, 1, 1, count_include_pad=False)
        geometry = Geometry(blurred, geometry.valid, geometry.intrinsics)
    position, size = measure(geometry, mask, level_of(CAMERA), (exact.front[0], exact.front[2]))
    assert math.dist(position, exact.position) < 0.05 * math.hypot(*exact.position)
    for measured, true in zip(size, exact.size):
        assert measured == pytest.approx(true, rel=0.2)


def board(*holes: tuple[slice, slice]) -> tuple[Geometry, torch.Tensor]:
    """A view of a wall at 4 m, 1/32 m to a pixel, and a mask of the rectangles."""
    depth = torch.full((1, 128, 128), 4.0)
    mask = torch.zeros(128, 128, dtype=torch.bool)
    for rows, columns in holes:
        mask[rows, columns] = True
    return Geometry.from_depth(depth, 1.0), mask


def test_thin_legs_count():
    """A leg of one pixel is all edge; the height is its own too."""
    geometry, mask = board((slice(40, 60), slice(50, 80)), (slice(60, 90), slice(64, 65)))
    position, size = measure(geometry, mask, torch.eye(3), (0.0, 1.0))
    assert size == pytest.approx((29 / 32, 49 / 32, 0.0), abs=1e-4)
    assert position[1] == pytest.approx((64.5 - 63.5) / 32, abs=1e-4)


def test_parts_that_hang_apart_are_not_the_things():
    geometry, mask = board((slice(40, 60), slice(30, 60)), (slice(40, 45), slice(105, 111)))
    position, size = measure(geometry, mask, torch.eye(3), (0.0, 1.0))
    assert size[0] == pytest.approx(29 / 32, abs=1e-4) and position[0] == pytest.approx((44.5 - 63.5) / 32, abs=1e-4)
    # Two halves of nearly one size are a thing behind a post.
    geometry, mask = board((slice(40, 60), slice(30, 60)), (slice(40, 60), slice(80, 100)))
    assert measure(geometry, mask, torch.eye(3), (0.0, 1.0))[1][0] == pytest.approx(69 / 32, abs=1e-4)


# Gravity


def test_the_ground_of_scenes_gives_gravity():
    for index, pitch in enumerate((0.0, 10.0, 25.0)):
        camera = replace(CAMERA, pitch=pitch)
        rendered = Rendered(scene(car(0.0, 8.0, 50.0 * index), camera=camera))
        level = GroundPlane()(rendered.geometry)
        assert level.source == "seen"
        up, true = -level.rotation[1], -level_of(camera)[1]
        assert math.degrees(math.acos((up @ true).clamp(-1, 1))) < 0.1


@given(pitch=st.floats(-30, 30), roll=st.floats(-20, 20), noise=st.sampled_from([0.0, 0.01]))
@settings(max_examples=10, deadline=None)
def test_gravity_is_found_at_any_pitch_and_roll(pitch, roll, noise):
    """A room: floor, ceiling and a far wall, seen by a tilted camera, with noise on each pixel's depth."""
    camera = Camera((0.0, 0.0, 0.0), 0.0, pitch, 70.0)
    cos, sin = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    to_level = camera.rotation().T @ torch.tensor([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    intrinsics = centred_intrinsics(focal_length(70.0)[None], 48, 64)
    plane = Geometry(torch.ones(1, 48, 64), torch.ones(1, 48, 64, dtype=torch.bool), intrinsics)
    rays = plane.points()[0] @ to_level.T
    depth = torch.stack([1.5 / rays[..., 1], -1.3 / rays[..., 1], 6.0 / rays[..., 2]])
    depth = depth.masked_fill(depth <= 0, torch.inf).amin(0)
    depth = depth * (1 + noise * torch.randn(depth.shape, generator=torch.Generator().manual_seed(0)))
    level = GroundPlane()(Geometry(depth[None], plane.valid, intrinsics))
    assert level.source == "seen"
    torch.testing.assert_close(level.rotation @ level.rotation.T, torch.eye(3), atol=1e-5, rtol=0)
    angle = math.degrees(math.acos((level.rotation[1] @ to_level[1]).clamp(-1, 1)))
    assert angle < (0.1 if noise == 0 else 3.0)


def test_its_best_case_can_be_measured(capsys):
    best_case.main(["--count", "3", "--size", "96"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("damage")] == [
        f"damage {name}" for name in best_case.DAMAGES
    ]
    clean = next(line for line in lines if line.startswith("damage none"))
    assert float(clean.split()[-1]) < 0.1
    assert "nan" not in " ".join(lines)


def test_without_a_ground_the_camera_is_level_and_that_is_counted():
    wall = torch.full((1, 40, 60), 4.0)
    geometry = Geometry.from_depth(wall, focal_length(60.0))
    for empty in (geometry, Geometry(wall, torch.zeros_like(geometry.valid), geometry.intrinsics)):
        level = GroundPlane()(empty)
        assert level.source == "assumed" and torch.equal(level.rotation, torch.eye(3))
    rendered = Rendered(scene(car(0.0, 8.0, 30.0)))
    judge = rendered.judge(gravity=CameraLevel())
    judge.look([rendered.image], [rendered.asked])
    assert judge.tally["level assumed"] == 1


def test_level_axes_keep_the_optical_axis_ahead():
    rotation = level_axes(F.normalize(torch.tensor([0.2, -0.9, -0.3]), dim=0))
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3), atol=1e-6, rtol=0)
    assert torch.linalg.det(rotation).item() == pytest.approx(1.0, abs=1e-5)
    x, _, z = (rotation @ torch.tensor([0.0, 0.0, 1.0])).tolist()
    assert x == pytest.approx(0.0, abs=1e-6) and z > 0


# Orientation


@pytest.mark.parametrize(("azimuth", "side"), [(0, "front"), (90, "left"), (180, "back"), (270, "right")])
def test_azimuth_is_the_side_that_the_camera_sees(azimuth, side):
    front = front_direction(azimuth, 0, 0)
    thing = replace(observe(scene(car(0.0, 5.0, 0.0))).objects[0], front=tuple(front.tolist()))
    assert side_angle(thing, side, (0.0, -1.0)) == pytest.approx(0.0, abs=1e-3)


def test_polar_and_rotation_are_those_of_the_camera():
    # A camera that looks down on a thing which faces it.
    torch.testing.assert_close(front_direction(0, 20, 0), replace(CAMERA, pitch=20.0).rotation() @ -torch.eye(3)[2])
    # The front points to the image's left; turned counter-clockwise by 90 degrees, it points down.
    torch.testing.assert_close(front_direction(90, 0, 0), torch.tensor([-1.0, 0.0, 0.0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(front_direction(90, 0, 90), torch.tensor([0.0, 1.0, 0.0]), atol=1e-6, rtol=0)


def test_the_shortest_turn_to_a_ray():
    ray = F.normalize(torch.tensor([0.4, -0.2, 1.0]), dim=0)
    turn = towards(ray)
    torch.testing.assert_close(turn @ torch.tensor([0.0, 0.0, 1.0]), ray)
    torch.testing.assert_close(turn @ turn.T, torch.eye(3), atol=1e-6, rtol=0)
    axis = torch.linalg.cross(torch.tensor([0.0, 0.0, 1.0]), ray)
    torch.testing.assert_close(turn @ axis, axis)


# Which box is what


def boxes(*corners):
    return torch.tensor(corners).float()


LEFT, RIGHT, BELOW = [0, 0, 10, 10], [20, 0, 30, 10], [0, 20, 10, 30]


def test_a_box_is_one_thing_and_goes_where_it_fits_best():
    scores = torch.tensor([[0.8, 0.6], [0.7, 0.9]])
    assert match(boxes(LEFT, RIGHT), scores, [0, 1]) == ([0, 1], 0)
    assert match(boxes(LEFT, RIGHT), scores, [1, 0]) == ([1, 0], 0)
    # One car only, which is more red than blue.
    assert match(boxes(LEFT), torch.tensor([[0.8, 0.6]]), [0, 1]) == ([0, None], 0)


def test_the_same_thing_twice_is_counted_once():
    nearly = [1, 0, 11, 10]
    assert match(boxes(LEFT, nearly, RIGHT), torch.tensor([[0.6], [0.8], [0.5]]), [0]) == ([1], 1)
    assert match(boxes(LEFT, nearly), torch.tensor([[0.6], [0.8]]), [0, 0]) == ([1, None], 0)


def test_what_is_left_over_is_surplus():
    scores = torch.tensor([[0.9, 0.0], [0.8, 0.0], [0.7, 0.3]])
    assert match(boxes(LEFT, RIGHT, BELOW), scores, [0, 1]) == ([0, 2], 1)
    assert match(boxes(LEFT, RIGHT, BELOW), scores[:, :1], [0, 0]) == ([0, 1], 1)
    assert match(torch.zeros(0, 4), torch.zeros(0, 2), [0, 1]) == ([None, None], 0)


def test_the_largest_of_a_name_comes_first():
    large = [20, 0, 40, 20]
    assert match(boxes(LEFT, large), torch.tensor([[0.9], [0.8]]), [0, 0]) == ([1, 0], 0)
    # Of three, the two most confident ones.
    assert match(boxes(LEFT, RIGHT, large), torch.tensor([[0.9], [0.8], [0.3]]), [0, 0]) == ([0, 1], 1)


def test_every_word_has_to_be_named():
    named = torch.tensor([[0.6, 0.3, 0.0], [0.6, 0.1, 0.0], [0.24, 0.22, 0.9], [0.0, 0.3, 0.6]])
    # car, red; the third token belongs to another query.
    torch.testing.assert_close(agreement(named, [[0], [1]]), torch.tensor([0.45, 0.0, 0.0, 0.0]))
    assert not agreement(named, [[], []]).any()
    torch.testing.assert_close(agreement(named, [[0], []]), named[:, 0] * (named[:, 0] > 0.25))
    torch.testing.assert_close(agreement(named, [[0, 2]]), torch.tensor([0.6, 0.6, 0.9, 0.6]))


def test_masks_share_no_pixel():
    table, mug = torch.zeros(2, 8, 8, dtype=torch.bool)
    table[2:], mug[1:4, 3:5] = True, True
    parted = apart(torch.stack([table, mug]))
    assert torch.equal(parted[1], mug) and torch.equal(parted[0], table & ~mug)


# Networks, at tiny sizes


@pytest.fixture(scope="module")
def folders(tmp_path_factory, teacher_folders):
    root = tmp_path_factory.mktemp("judge")
    return {
        "detector": save_grounding_dino(root / "grounding_dino"),
        "segmenter": save_sam2(root / "sam2"),
        "orienter": save_orient_anything(root / "orient_anything"),
        **teacher_folders,
    }


@pytest.fixture
def image():
    return torch.rand(3, 48, 72, generator=torch.Generator().manual_seed(0))


def load(folders, **changes):
    names = {name: str(folders[name]) for name in ("detector", "segmenter", "orienter")}
    depth = {"depth": "depth_pro", "depth_weights": str(folders["depth_pro"])}
    return FoundationJudge.load(**({"trained_with": "scenes", "accepted": ["unknown"]} | names | depth | changes))


def test_tiny_networks_look_at_images(folders, image):
    judge = load(folders)
    with torch.no_grad():  # a random head sees no front half of the time
        judge.orienter.model.down_sampler.net2[0].bias[-2] = 9.0
    images = [image, image[:, :40, :56].flip(0)]
    asked = [[Asked("car", "red"), Asked("mug")], [Asked("house")]]
    first, again = judge.look(images, asked), judge.look(images, asked)
    assert [len(seen.objects) for seen in first] == [2, 1]
    placed = [(seen, image) for each, image in zip(first, images) for seen in each.objects if seen is not None]
    assert len(placed) == 3
    for seen, shown in placed:
        assert seen.mask.shape == shown.shape[1:] and seen.mask.dtype == torch.bool and seen.mask.any()
        assert 0.2 < seen.confidence <= 1
        values = torch.tensor([*seen.observed.position, *seen.observed.front, *seen.observed.size])
        assert values.isfinite().all() and math.hypot(*seen.observed.front) == pytest.approx(1, abs=1e-5)
        assert min(seen.observed.size) >= 0
    assert not (first[0].objects[0].mask & first[0].objects[1].mask).any()
    for a, b in zip(first, again):
        assert (a.surplus, a.hfov, a.observation) == (b.surplus, b.hfov, b.observation)
    assert judge.tally["images"] == 4 and judge.tally["objects asked"] == 6


def test_grounding_dino_equals_its_processor(folders, image):
    from transformers import GroundingDinoProcessor, PreTrainedTokenizerFast

    detector = GroundingDino(folders["detector"], "", "", "cpu")
    words = PreTrainedTokenizerFast(
        tokenizer_file=str(folders["detector"] / "tokenizer.json"), pad_token="[PAD]", unk_token="[UNK]"
    )
    processor = GroundingDinoProcessor(detector.processor, words)
    pixels = (image * 255).round().to(torch.uint8)
    inputs = processor(images=pixels.numpy(), text=[["red car", "mug"]], return_tensors="pt")
    assert inputs["pixel_values"].shape[-2:] == (48, 72)
    with torch.no_grad():
        output = detector.model(**inputs)
    expected = processor.post_process_grounded_object_detection(
        output, inputs["input_ids"], threshold=0.25, text_threshold=0.2, target_sizes=[(48, 72)]
    )[0]
    found = detector(pixels.float() / 255, ["red car", "mug"])
    assert len(found.boxes) > 3
    for box, scores in zip(found.boxes, found.scores):
        distance, match = (expected["boxes"] - box).abs().amax(-1).min(0)
        assert distance < 1e-3
        # Its phrase is every token above the threshold, of whichever query.
        phrase = expected["text_labels"][match].split()
        assert ("red" in phrase and "car" in phrase) == (scores[0] > 0).item()
        assert ("m" in phrase or "##ug" in phrase) >= (scores[1] > 0).item()


def test_masks_follow_boxes_in_images_of_any_shape(folders, image):
    segmenter = Sam2(folders["segmenter"], "", "", "cpu")
    square = F.interpolate(image[None, :, :8, :8], (64, 64), mode="bicubic")[0].clamp(0, 1)
    corners = torch.tensor([[5.0, 8.0, 40.0, 50.0], [30.0, 10.0, 60.0, 40.0]])
    masks = segmenter(square, corners)
    assert masks.shape == (2, 64, 64) and not torch.equal(masks[0], masks[1])
    wide = square.repeat_interleave(3, dim=2)
    stretched = segmenter(wide, corners * torch.tensor([3.0, 1.0, 3.0, 1.0]))
    assert (stretched[:, :, 1::3] == masks).float().mean() > 0.98


def test_sam2_equals_its_processor(folders, image):
    pytest.importorskip("torchvision")
    from transformers import Sam2ImageProcessor, Sam2Processor

    segmenter = Sam2(folders["segmenter"], "", "", "cpu")
    processor = Sam2Processor(Sam2ImageProcessor(size={"height": 64, "width": 64}))
    pixels = (image * 255).round().to(torch.uint8)
    corners = torch.tensor([[5.0, 8.0, 40.0, 44.0]])
    inputs = processor(images=pixels, input_boxes=[corners.tolist()], return_tensors="pt")
    with torch.no_grad():
        output = segmenter.model(**inputs, multimask_output=False)
    expected = processor.post_process_masks(output.pred_masks, inputs["original_sizes"])[0][:, 0]
    assert (segmenter(pixels.float() / 255, corners) == expected).float().mean() > 0.99


@pytest.mark.parametrize(("bins", "upright"), [(722, 90), (902, 180)])
def test_orientation_is_read_from_the_bins(tmp_path, image, bins, upright):
    orienter = OrientAnything(save_orient_anything(tmp_path / "o", bins), "", "", "cpu")
    mask, box = torch.ones(48, 72, dtype=torch.bool), torch.tensor([10.2, 5.0, 50.0, 44.7])
    last = orienter.model.down_sampler.net2[0]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.zero_()
        last.bias[[120, 360 + 90 + 25, 540 + upright - 10]] = 5.0
        last.bias[-2:] = torch.tensor([1.0, 0.0])
        facing = orienter(image, box, mask)
        torch.testing.assert_close(facing.direction, front_direction(120, 25, -10))
        assert facing.confidence == pytest.approx(1 / (1 + math.exp(-1)), abs=1e-3)
        last.bias[-2:] = torch.tensor([0.0, 1.0])
        assert orienter(image, box, mask) is None


def test_published_names_of_orient_anything_are_read(folders):
    """Its checkpoints were written with the names that DINOv2's modules then had."""
    from safetensors import safe_open

    with safe_open(folders["orienter"] / "model.safetensors", "pt") as tensors:
        names = set(tensors.keys())
    assert "dinov2.encoder.layer.0.attention.attention.query.weight" in names
    assert {f"down_sampler.net{i}.{j}.bias" for i in (1, 2) for j in (0, 1)} <= names
    assert {f"down_sampler.net{i}.1.running_var" for i in (1, 2)} <= names


# What is said where a part is missing or fails


def test_parts_name_what_is_missing(folders, image):
    judge = load(folders, orienter=None)
    parts = {part.role: part for part in judge.parts}
    assert list(parts) == ["detection", "segmentation", "depth", "gravity", "orientation"]
    assert parts["depth"].name == "depth_pro" and parts["depth"].licence == "unknown"
    assert parts["detection"].weights == str(folders["detector"])
    assert parts["orientation"].name is None and "score 0" in parts["orientation"].note
    seen = judge.look([image], [[Asked("mug")]])[0]
    assert seen.objects[0].observed.front is None and judge.tally["objects without front"] == 1
    assert load(folders).parts[-1].name == "orient_anything"


def test_a_network_does_not_judge_what_it_taught(folders):
    for teacher in ("depth_pro", "vggt+depth_pro"):
        with pytest.raises(InputError, match=r"which taught the model.*expected moge or depth_anything"):
            load(folders, trained_with=teacher)
    with pytest.raises(InputError, match="'vggt': expected one of moge, depth_pro, depth_anything"):
        load(folders, depth="vggt")


def test_depth_without_a_field_of_view_needs_one(folders, image):
    names = {"depth": "depth_anything", "depth_weights": str(folders["depth_anything"])}
    with pytest.raises(InputError, match="gives no field of view: hfov has to be"):
        load(folders, **names)
    with pytest.raises(InputError, match="hfov is 50: depth_pro gives the field of view itself"):
        load(folders, hfov=50.0)
    seen = load(folders, **names, hfov=50.0).look([image], [[Asked("mug")]])[0]
    assert seen.hfov == pytest.approx(50.0, abs=1e-3) and seen.objects[0] is not None


def test_what_cannot_be_placed_is_counted_not_skipped():
    rendered = Rendered(
        scene(car(-1.6, 9.0, 35.0), SceneObject("mug", "blue", (0.5, 0.55, 0.6), (1.0, 0.0, 3.0), 40.0))
    )
    geometry = rendered.geometry
    blind = Geometry(geometry.depth, geometry.valid & ~rendered.mask(1), geometry.intrinsics)
    judge = rendered.judge(depth=_part(lambda *_: blind))
    asked = [*rendered.asked, Asked("house", "green")]
    seen = judge.look([rendered.image], [asked])[0]
    assert [each is None for each in seen.objects] == [False, True, True] and seen.observation is None
    assert judge.tally["objects without depth"] == 1 and judge.tally["objects not found"] == 1
    nothing = Geometry(geometry.depth, torch.zeros_like(geometry.valid), geometry.intrinsics)
    seen = rendered.look(depth=_part(lambda *_: nothing))
    assert seen.objects == (None, None) and seen.hfov is None


def test_more_of_a_kind_than_asked_is_surplus():
    rendered = Rendered(scene(car(-2.5, 9.0, 35.0), car(2.5, 9.0, 35.0)))
    rendered.asked = [Asked("car", "red")]
    seen = rendered.look()
    assert seen.surplus == 1 and len(seen.objects) == 1


def test_bad_images_are_one_sentence():
    judge = Rendered(scene(car(0.0, 8.0, 30.0))).judge()
    fine, asked = torch.rand(3, 32, 32), [Asked("car")]
    for image, message in (
        (torch.rand(32, 32, 3), r"image 1 is \[32, 32, 3\]; expected a tensor \[3, height, width\]"),
        (None, "image 1 is NoneType"),
        (torch.full((3, 32, 32), math.nan), "image 1 has values that are no colours"),
        (torch.rand(3, 32, 32) * 255, "image 1 has values that are no colours"),
    ):
        with pytest.raises(InputError, match=message):
            judge.look([fine, image], [asked, asked])
    with pytest.raises(InputError, match="1 images and 2 lists"):
        judge.look([fine], [asked, asked])
    with pytest.raises(InputError, match="nothing is asked of image 0"):
        judge.look([fine], [[]])
    with pytest.raises(InputError, match="has no kind"):
        judge.look([fine], [[Asked(" ", "red")]])


def test_weights_that_do_not_fit_are_one_sentence(folders, tmp_path):
    with pytest.raises(InputError, match=r"is not Grounding DINO: expected weights such as IDEA-Research"):
        load(folders, detector=str(folders["segmenter"]))
    with pytest.raises(InputError, match=r"is not SAM 2: expected weights such as facebook/sam2.1"):
        load(folders, segmenter=str(folders["detector"]))
    with pytest.raises(InputError, match=r"is not Orient-Anything: expected the config.json of the DINOv2"):
        load(folders, orienter=str(folders["segmenter"]))
    with pytest.raises(InputError, match=r"is unknown, which is not an open one"):
        load(folders, accepted=[])
    with pytest.raises(InputError, match=r"there is no folder"):
        load(folders, orienter=str(tmp_path / "nowhere"))
    words = shutil.copytree(folders["detector"], tmp_path / "words")
    (words / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match=r"tokenizer.json cannot be read"):
        load(folders, detector=str(words))
    (words / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"has no tokenizer\.json"):
        load(folders, detector=str(words))
    backbone = save_plain_dinov2(tmp_path / "dinov2")
    with pytest.raises(InputError, match=r"have no down_sampler.net2.0.bias: expected Orient-Anything's"):
        load(folders, orienter=str(backbone))
    with pytest.raises(InputError, match=r"has 100 outputs: expected 722 or 902"):
        OrientAnything(save_orient_anything(tmp_path / "odd", 100), "", "", "cpu")


def save_plain_dinov2(folder):
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)
    Dinov2Model(config).save_pretrained(folder)
    return folder

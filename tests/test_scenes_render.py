import dataclasses
import hashlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from storage import Storages

from spatialfusion.errors import InputError
from spatialfusion.scenes import elementwise, intersect, shadow
from spatialfusion.scenes import render as renderer
from spatialfusion.scenes.intersect import HIT
from spatialfusion.scenes.kinds import PRIMITIVES
from spatialfusion.scenes.primitives import BLOCK, ELLIPSOID, FRUSTUM
from spatialfusion.scenes.render import instances, render
from spatialfusion.scenes.sample import projected_box, sample_scene
from spatialfusion.scenes.scene import COLORS, KINDS, Camera, Scene, SceneObject
from spatialfusion.scenes.tables import unit_primitives


def scene_of(*objects, camera=None, light=(40.0, 50.0), room=None):
    camera = camera or Camera((0.0, -1.0, -4.0), 0.0, 0.0, 50.0)
    return Scene(tuple(objects), camera, "room" if room else "outdoor", light, 0, 0, room)


def close_up(kind, color="red", yaw=0.0, pitch=15.0):
    width, height, length = KINDS[kind].size
    distance = 1.5 * math.hypot(width, height, length)
    slope = math.radians(pitch)
    position = (0.0, -height / 2 - distance * math.sin(slope), -distance * math.cos(slope))
    return scene_of(
        SceneObject(kind, color, KINDS[kind].size, (0.0, 0.0, 0.0), yaw), camera=Camera(position, 0.0, pitch, 45.0)
    )


def world_points(scene, depth):
    """World position [H, W, 3] of every pixel of a depth map [H, W]."""
    height, width = depth.shape
    intrinsics = scene.camera.intrinsics(width / height).double()
    x = ((torch.arange(width, dtype=torch.float64) + 0.5) / width - 0.5) / intrinsics[0, 0]
    y = ((torch.arange(height, dtype=torch.float64) + 0.5) / height - 0.5) / intrinsics[1, 1]
    rays = torch.stack([x.expand(height, width), y[:, None].expand(height, width), torch.ones(height, width)], -1)
    points = rays * depth[..., None].double()
    return points @ scene.camera.rotation().double() + torch.tensor(scene.camera.position, dtype=torch.float64)


def unit_frame(item, points):
    """World points [N, 3] in the object's unit frame."""
    right, front = -item.right.double(), item.front.double()
    offset = points - torch.tensor(item.position, dtype=torch.float64)
    width, height, length = item.size
    return torch.stack([offset @ right / width, -offset[:, 1] / height, -(offset @ front) / length], 1)


def test_depth_of_a_ball_is_that_of_the_sphere():
    radius, center = 0.4, torch.tensor([0.3, -0.4, 0.2])
    ball = SceneObject("ball", "blue", (0.8, 0.8, 0.8), (0.3, 0.0, 0.2), 30.0)
    scene = scene_of(ball, camera=Camera((-0.5, -1.2, -2.5), 10.0, 12.0, 55.0))
    drawn = render([scene], (96, 64))
    seen = drawn.instance[0] == 0
    points = world_points(scene, drawn.depth[0])
    assert seen.sum() > 200
    assert torch.allclose((points[seen] - center).norm(dim=1), torch.tensor(radius).double(), atol=1e-5)
    # And no ray near the ball's middle misses it.
    target = scene.camera.world_to_camera(center)
    pixel = scene.camera.intrinsics(1.5) @ (target / target[2])
    assert seen[int(pixel[1] * 64), int(pixel[0] * 96)]


def test_front_face_and_ground_have_exact_depth():
    cube = SceneObject("cube", "green", (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 0.0)
    scene = scene_of(cube, camera=Camera((0.0, -0.5, -4.0), 0.0, 0.0, 60.0))
    drawn = render([scene], (65, 65))
    assert drawn.depth[0, 32, 32] == pytest.approx(3.5, abs=1e-5)
    ground = drawn.valid[0] & (drawn.instance[0] < 0)
    points = world_points(scene, drawn.depth[0])
    assert ground.sum() > 500
    assert points[ground][:, 1].abs().max() < 1e-4
    assert not drawn.valid[0, 0].any() and (drawn.depth[0, 0] == 0).all()
    assert drawn.depth.max() <= 100


def test_every_surface_point_lies_where_its_object_or_room_is():
    scenes = [sample_scene(seed) for seed in range(24)]
    drawn = render(scenes, (48, 48), samples=1)
    for index, scene in enumerate(scenes):
        points = world_points(scene, drawn.depth[index])
        for number, item in enumerate(scene.objects):
            local = unit_frame(item, points[drawn.instance[index] == number])
            assert (
                (local[:, [0, 2]].abs() <= 0.501).all() and (local[:, 1] >= -1e-3).all() and (local[:, 1] < 1.001).all()
            )
        background = points[(drawn.instance[index] < 0) & drawn.valid[index]]
        if scene.room is None:
            assert background[:, 1].abs().max() < 2e-3
        else:
            half_width, height, far = scene.room
            assert drawn.valid[index].all()
            gaps = torch.stack(
                [
                    background[:, 1],
                    background[:, 1] + height,
                    background[:, 0].abs() - half_width,
                    background[:, 2] - far,
                ]
            )
            assert gaps.abs().amin(0).max() < 1e-4


def test_instances_lie_in_their_projected_boxes():
    scenes = [sample_scene(seed) for seed in range(100, 116)]
    drawn = render(scenes, (64, 64), samples=1)
    for index, scene in enumerate(scenes):
        for number, item in enumerate(scene.objects):
            rows, columns = (drawn.instance[index] == number).nonzero(as_tuple=True)
            left, top, right, bottom, _ = projected_box(item, scene.camera)
            assert (columns + 0.5).min() / 64 >= left and (columns + 0.5).max() / 64 <= right
            assert (rows + 0.5).min() / 64 >= top and (rows + 0.5).max() / 64 <= bottom


def test_a_scene_looks_the_same_alone_and_in_a_batch():
    scenes = [sample_scene(seed) for seed in range(200, 211)]
    together = render(scenes, (64, 64))
    for index in (0, 4, 10):
        alone = render([scenes[index]], (64, 64))
        assert torch.allclose(alone.image[0], together.image[index], atol=1e-6)
        assert torch.allclose(alone.depth[0], together.depth[index], atol=1e-6)
        assert torch.equal(alone.instance[0], together.instance[index])


def test_rendering_repeats_bit_for_bit():
    scenes = [sample_scene(seed) for seed in range(5)]
    first, second = render(scenes, (40, 40)), render(scenes, (40, 40))
    assert torch.equal(first.image, second.image) and torch.equal(first.depth, second.depth)


@pytest.mark.parametrize("samples", [1, 3])
def test_geometry_does_not_depend_on_the_samples(samples):
    scenes = [sample_scene(seed) for seed in (3, 7)]
    one, two = render(scenes, (56, 32), samples=samples), render(scenes, (56, 32), samples=2)
    assert one.image.shape == (2, 3, 32, 56) and one.depth.shape == (2, 32, 56)
    assert one.image.dtype == one.depth.dtype == torch.float32
    assert torch.equal(one.depth, two.depth) and torch.equal(one.valid, two.valid)
    assert torch.equal(one.instance, two.instance)
    assert 0 <= one.image.min() and one.image.max() <= 1
    assert 0 < (one.image - two.image).abs().mean() < 0.02


def test_a_wider_image_shows_more_at_the_sides_only_by_its_field_of_view():
    scene = close_up("cube")
    square, wide = render([scene], (64, 64)), render([scene], (64, 32))
    assert torch.allclose(square.depth[0, 16:48], wide.depth[0], atol=1e-5)


def test_shadow_falls_away_from_the_light():
    cube = SceneObject("cube", "yellow", (0.8, 0.8, 0.8), (0.0, 0.0, 0.0), 0.0)
    camera = Camera((0.0, -2.5, -4.0), 0.0, 30.0, 50.0)
    lit_right, lit_left = render(
        [scene_of(cube, camera=camera, light=(90.0, 40.0)), scene_of(cube, camera=camera, light=(-90.0, 40.0))]
    ).image.mean(1)
    seen = render([scene_of(cube, camera=camera)]).instance[0] == 0
    row = int(seen.nonzero()[:, 0].max()) - 4
    columns = seen[row].nonzero()[:, 0]
    left, right = int(columns.min()) - 4, int(columns.max()) + 4
    assert lit_right[row, left] < 0.8 * lit_right[row, right]
    assert lit_left[row, right] < 0.8 * lit_left[row, left]


def test_faces_turned_to_the_light_are_brighter():
    cube = SceneObject("cube", "white", (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 45.0)
    camera = Camera((0.0, -0.5, -3.0), 0.0, 0.0, 40.0)
    image = render([scene_of(cube, camera=camera, light=(70.0, 20.0))]).image[0].mean(0)
    assert image[64, 75] > 1.2 * image[64, 53]


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_fill_their_box(kind):
    maps, offsets = unit_primitives(PRIMITIVES[kind])
    grid = np.linspace(-1, 1, 41)
    points = np.stack(np.meshgrid(grid, grid, grid), -1).reshape(-1, 3)
    x, y, z = points.T
    inside = []
    for primitive, matrix, offset in zip(PRIMITIVES[kind], maps, offsets):
        half_x, half_z = (1 + (top - 1) * (1 + y) / 2 + 1e-9 for top in primitive.taper)
        keep = {
            BLOCK: (abs(x) <= half_x) & (abs(z) <= half_z),
            ELLIPSOID: x * x + y * y + z * z <= 1,
            FRUSTUM: np.hypot(x, z) <= half_x,
        }[primitive.shape]
        inside.append(points[keep] @ matrix.T + offset)
    inside = np.concatenate(inside)
    assert np.abs(inside.min(0) - [-0.5, 0, -0.5]).max() < 0.01
    assert np.abs(inside.max(0) - [0.5, 1, 0.5]).max() < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_most_of_an_object_shows_its_color(kind):
    scenes = [close_up(kind, color, yaw) for color in ("red", "cyan") for yaw in (0.0, 120.0, 250.0)]
    drawn = render(scenes, (64, 64))
    for scene, image, instance in zip(scenes, drawn.image, drawn.instance):
        pixels = image[:, instance == 0]
        color = torch.tensor(COLORS[scene.objects[0].color])
        # Shading scales a colour: compare directions.
        likeness = (pixels * color[:, None]).sum(0) / (pixels.norm(dim=0) * color.norm())
        assert (likeness > 0.95).float().mean() > 0.5


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.has_front])
def test_front_and_back_look_different(kind):
    front, back = render([close_up(kind, "red", 0.0), close_up(kind, "red", 180.0)], (64, 64)).image
    assert (front - back).abs().amax(0).gt(0.1).float().mean() > 0.01


def test_headlights_are_on_the_side_that_a_car_faces():
    drawn = render([close_up("car", "red", 0.0), close_up("car", "red", 180.0)])
    bright = [((image.amin(0) > 0.6) & (instance == 0)).sum() for image, instance in zip(drawn.image, drawn.instance)]
    assert bright[0] > 20 and bright[1] == 0


def test_backgrounds_are_pale():
    for palette in (*renderer.GROUNDS, *renderer.WALLS, *(color for sky in renderer.SKIES for color in sky)):
        assert max(palette) - min(palette) < 0.2


def test_camera_inside_a_primitive_and_empty_scene_do_not_break():
    cube = SceneObject("cube", "red", (2.0, 2.0, 2.0), (0.0, 0.0, -3.5), 0.0)
    for scene in (scene_of(cube), scene_of(), scene_of(room=(3.0, 2.5, 4.0))):
        drawn = render([scene], (32, 32))
        assert drawn.image.isfinite().all() and drawn.depth.isfinite().all()
        assert (drawn.instance < 0).all()
    mixed = render([scene_of(), close_up("ball")], (32, 32))
    assert (mixed.instance[0] < 0).all() and (mixed.instance[1] == 0).any()


def test_object_partly_behind_the_camera_is_drawn():
    table = SceneObject("table", "red", (6.0, 0.5, 12.0), (0.0, 0.0, 0.0), 0.0)
    drawn = render([scene_of(table)], (64, 64))
    assert (drawn.instance[0, 50] == 0).all()


def test_bad_input_is_named():
    with pytest.raises(InputError, match="empty list"):
        render([])
    with pytest.raises(InputError, match="size"):
        render([close_up("ball")], (0, 8))
    with pytest.raises(InputError, match="samples"):
        render([close_up("ball")], (8, 8), samples=-1)


# --- the same bits ---------------------------------------------------------------------------------------------------

# Models were trained on these bits, and the exact judge knows images by them. Whoever changes them starts anew.
IMAGES = {1: "373a8bf21defee31", 2: "5c038504e5ca8cfd", 3: "755df3a1a166a73d", 4: "d9a214d37a5c488f"}
DEPTH, INSTANCES = "63430ca1bbe36f22", "e1dd46a743ebecfa"


def digest(*tensors):
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(tensor.contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def trained_scenes():
    return [sample_scene(seed) for seed in range(4)] + [sample_scene(seed, "test") for seed in range(2)]


@pytest.mark.parametrize("samples", IMAGES)
def test_images_are_those_that_models_were_trained_on(samples):
    drawn = render(trained_scenes(), samples=samples)
    assert digest(drawn.image) == IMAGES[samples]
    assert digest(drawn.depth, drawn.valid, drawn.instance) == DEPTH


def test_instances_are_those_that_models_were_trained_on():
    assert digest(instances(trained_scenes())) == INSTANCES


def awkward_scenes():
    """Low and high light, a room, things that touch, hold the camera, reach behind it or share a place, small ones."""
    many = [
        SceneObject(kind, "red", KINDS[kind].size, (1.7 * (i % 5) - 3.5, 0.0, 1.5 * (i // 5)), 37.0 * i)
        for i, kind in enumerate(KINDS)
    ]
    table = SceneObject("table", "red", (6.0, 0.5, 12.0), (0.0, 0.0, 0.0), 20.0)
    around = SceneObject("house", "blue", (3.0, 3.0, 3.0), (0.0, 0.0, -4.0), 0.0)
    twins = [SceneObject("cube", color, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 30.0) for color in ("red", "blue")]
    tiny = [SceneObject("ball", "blue", (0.01,) * 3, (0.1 * i, -0.5, 900.0 if i % 2 else -3.0), 0.0) for i in range(9)]
    return [
        scene_of(*many, light=(100.0, 1.0)),
        scene_of(*many, light=(-20.0, 90.0), room=(6.0, 6.0, 9.0)),
        scene_of(table, *many[:4]),
        scene_of(around, *many[4:7]),
        scene_of(*tiny, light=(0.0, 20.0)),
        scene_of(*twins),
        scene_of(),
    ]


def same(first, second):
    return all(torch.equal(getattr(first, name), getattr(second, name)) for name in vars(first))


@pytest.mark.parametrize(
    "changes",
    [
        {(renderer, "CPU_RAYS"): 1},  # a row of pixels at a time
        {(renderer, "CPU_RAYS"): 1 << 30},  # all scenes in one pass
        {(intersect, "LARGE"): 1},  # each primitive alone
        {(intersect, "LARGE"): 1 << 30},  # all together, as on a GPU
        {(intersect, "LARGE"): 1 << 30, (intersect, "CPU_PAIRS"): 300, (shadow, "CPU_PAIRS"): 300},
        {(shadow, "MOST_ENTRIES"): 0},  # one cell with everything in it
        {(elementwise, "_by_numpy"): lambda tensor: False, (intersect, "LARGE"): 1 << 30},  # the operations of a GPU
    ],
    ids=["rows", "one pass", "alone", "together", "few pairs", "one cell", "without numpy"],
)
def test_the_way_of_drawing_changes_no_bit(changes, monkeypatch):
    scenes = awkward_scenes()
    usual = render(scenes, (48, 24))
    for (module, name), value in changes.items():
        monkeypatch.setattr(module, name, value)
    assert same(render(scenes, (48, 24)), usual)


def test_cells_leave_out_only_what_throws_no_shadow(monkeypatch):
    scenes = awkward_scenes() + trained_scenes()
    usual = render(scenes, (96, 96))

    def everywhere(across, along, shift, sides):
        return np.full(across.shape[1], -np.inf), np.full(across.shape[1], np.inf)

    monkeypatch.setattr(shadow, "_extents", everywhere)
    assert same(render(scenes, (96, 96)), usual)


# --- large images --------------------------------------------------------------------------------------------------


def test_no_tensor_grows_with_the_image_or_the_number_of_objects_but_the_result(monkeypatch):
    # Around the camera, so that every primitive is tested against every ray.
    things = [SceneObject("ball", "red", (9.0,) * 3, (0.1 * i, 0.0, -4.0), 0.0) for i in range(4)]
    most = 1 << 10
    for module, name in ((renderer, "CPU_RAYS"), (intersect, "CPU_PAIRS"), (shadow, "CPU_PAIRS")):
        monkeypatch.setattr(module, name, most)
    monkeypatch.setattr(intersect, "LARGE", 1 << 30)
    monkeypatch.setattr(shadow, "MOST_ENTRIES", most)
    with Storages() as storages:
        drawn = render([scene_of(*things)], (96, 76), samples=2)
    results = {getattr(drawn, name).untyped_storage().nbytes() for name in vars(drawn)}
    # 26 numbers of a primitive are read for a ray at most; four bytes for each ray of the image would be more.
    assert max(storages.sizes - results) <= 26 * 4 * most < 4 * 96 * 76 * 4


def test_progress_is_told_within_strips_and_can_end_the_drawing(monkeypatch):
    monkeypatch.setattr(renderer, "CPU_RAYS", 1 << 12)
    scenes = [sample_scene(1), sample_scene(2)]
    told = []
    render(scenes, (64, 64), progress=lambda *rows: told.append(rows))
    done = [rows for rows, _ in told]
    assert {rows for _, rows in told} == {128} and done == sorted(done) and done[0] == 0 and done[-1] == 128
    assert len(set(done)) > 8 and len(told) > 3 * len(set(done))

    def stop(done, rows):
        if done >= 32:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(scenes, (64, 64), progress=stop)


def test_depth_alone_has_no_image():
    scenes = awkward_scenes()
    alone, drawn = render(scenes, (48, 40), samples=0), render(scenes, (48, 40), samples=1)
    assert alone.image is None
    assert torch.equal(alone.depth, drawn.depth) and torch.equal(alone.valid, drawn.valid)
    assert torch.equal(alone.instance, drawn.instance)


def test_instances_of_many_objects_are_told_apart():
    things = [
        SceneObject("ball", "red", (0.2,) * 3, (0.25 * (i % 20) - 2.4, 0.0, 0.4 * (i // 20)), 0.0) for i in range(200)
    ]
    found = instances([scene_of(*things)], (128, 128))
    assert found.max() > 127 and torch.equal(found.long(), render([scene_of(*things)], samples=1).instance)


floats = st.floats(-3, 3, allow_nan=False)


@settings(deadline=None, max_examples=200)
@given(
    shape=st.sampled_from([BLOCK, ELLIPSOID, FRUSTUM]),
    origin=st.tuples(floats, floats, floats),
    target=st.tuples(*[st.floats(-1, 1)] * 3),
    taper=st.floats(0, 1),
)
def test_intersections_agree_with_points_along_the_ray(shape, origin, target, taper):
    direction = [b - a for a, b in zip(origin, target)]
    if min(abs(value) for value in direction) < 1e-2:
        return
    top = (taper, taper if shape == FRUSTUM else 1 - taper)

    def inside(t, slack):
        x, y, z = (a + t * d for a, d in zip(origin, direction))
        if shape == ELLIPSOID:
            return x * x + y * y + z * z <= 1 + slack
        half_x, half_z = (1 + (value - 1) * (1 + y) / 2 for value in top)
        across = math.hypot(x, z) <= half_x + slack
        return abs(y) <= 1 + slack and (
            across if shape == FRUSTUM else abs(x) <= half_x + slack and abs(z) <= half_z + slack
        )

    def column(values):
        return tuple(torch.tensor([value], dtype=torch.float32) for value in values)

    near, far = HIT[shape](column(origin), column(direction), torch.tensor(top)[:, None])
    near, far = near.item(), far.item()
    for step in range(-20, 41):
        t = step / 10 + 0.013
        if near <= far and near + 1e-3 < t < far - 1e-3:
            assert inside(t, 1e-2)
        elif not (near <= far) or t < near - 1e-3 or t > far + 1e-3:
            assert not inside(t, -1e-2)


def test_kinds_and_objects_keep_scene_equality_through_json():
    scene = dataclasses.replace(sample_scene(1), tile=0.37)
    assert Scene.from_json(scene.to_json()) == scene

from __future__ import annotations

import io
import json
import math
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from spatialfusion.errors import InputError
from spatialfusion.files import atomic_folder, write_text
from spatialfusion.geometry.depth_image import colorize, depth_figure, depth_image, depth_range, disparity_image
from spatialfusion.geometry.files import encode_glb, encode_ply, load_geometry, save_geometry, save_glb, save_ply
from spatialfusion.geometry.geometry import Geometry, centred_intrinsics, focal_length

few = settings(deadline=None, max_examples=30)
MODES = ("disparity", "linear", "log")


def plane(normal, distance, height=48, width=64, hfov=60.0):
    """The plane n . p = distance, seen by a centred camera; invalid where the ray misses it."""
    geometry = Geometry.from_depth(torch.ones(1, height, width), focal_length(hfov))
    slope = geometry.points() @ torch.tensor(normal, dtype=torch.float32)
    return Geometry.from_depth(torch.where(slope.abs() > 1e-6, distance / slope, torch.inf), geometry.focal)


def ball_on_ground(height=96, width=96, hfov=60.0):
    """Ground 1.6 m below the camera up to 100 m, a ball of radius 1 m at 4 m, sky."""
    ones = Geometry.from_depth(torch.ones(1, height, width), focal_length(hfov))
    ray, centre = ones.points(), torch.tensor([0.5, 0.6, 4.0])
    ground = torch.where(ray[..., 1] > 0, 1.6 / ray[..., 1], torch.inf)
    a, b = (ray * ray).sum(-1), ray @ centre
    root = b * b - a * (centre @ centre - 1)
    ball = torch.where(root > 0, (b - root.clamp(min=0).sqrt()) / a, torch.inf)
    depth = torch.minimum(ground, ball)
    return Geometry.from_depth(depth.masked_fill(depth > 100, torch.inf), ones.focal), ball.isfinite()


@st.composite
def geometries(draw, max_batch=2):
    """Any geometry: random metres over the whole range, constant or smooth or noisy, any validity, any camera."""
    batch, height, width = draw(st.integers(1, max_batch)), draw(st.integers(1, 12)), draw(st.integers(1, 12))
    random = torch.Generator().manual_seed(draw(st.integers(0, 1000)))
    near = draw(st.sampled_from([1e-4, 0.1, 3.0, 1e5]))
    spread = draw(st.sampled_from([0.0, 1e-6, 0.02, 2.0]))
    depth = near * torch.exp(spread * torch.rand(batch, height, width, generator=random))
    valid = torch.rand(batch, height, width, generator=random) < draw(st.sampled_from([0.0, 0.4, 0.9, 1.0]))
    depth[~valid] = draw(st.sampled_from([0.0, -1.0, 7.0, math.inf, math.nan]))
    focal = torch.empty(batch).uniform_(0.3, 3.0, generator=random)
    intrinsics = centred_intrinsics(focal, height, width)
    intrinsics[:, :2, 2] += torch.empty(batch, 2).uniform_(-0.5, 0.5, generator=random)
    return Geometry(depth, valid, intrinsics)


def same(a: Geometry, b: Geometry) -> bool:
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in ("depth", "valid", "intrinsics"))


# The object


@few
@given(geometries())
def test_points_reproject_to_pixel_centres(geometry):
    homogeneous = geometry.points() @ geometry.intrinsics[:, None].mT
    depth = homogeneous[..., 2]
    assert torch.equal(depth, geometry.filled(0))
    rows, columns = torch.meshgrid(torch.arange(geometry.height), torch.arange(geometry.width), indexing="ij")
    pixel = homogeneous[..., :2] / depth[..., None] * torch.tensor([geometry.width, geometry.height])
    centre = torch.stack([columns, rows], dim=-1).expand_as(pixel) + 0.5
    torch.testing.assert_close(pixel[geometry.valid], centre[geometry.valid], rtol=0, atol=1e-4)


@few
@given(geometries())
def test_nothing_is_ever_nan_or_infinite(geometry):
    assert geometry.depth.isfinite().all()
    results = [geometry.points(), geometry.normals(), geometry.rays(), geometry.hfov, geometry.resize(5, 17).depth]
    for mode in MODES:
        for normalize in ("image", "batch", (0.5, 2.0)):
            image = depth_image(geometry, mode, normalize)
            assert image.min() >= 0 and image.max() <= 1
            assert (image[~geometry.valid] == 0).all()
            results += [image, colorize(geometry, mode, normalize)]
    assert all(result.isfinite().all() for result in results)


@few
@given(geometries(max_batch=3))
def test_a_batch_is_its_images(geometry):
    parts = list(geometry)
    assert len(parts) == len(geometry) and all(len(part) == 1 for part in parts)
    assert same(Geometry.cat(parts), geometry)
    for run in (
        Geometry.points,
        Geometry.normals,
        Geometry.rays,
        colorize,
        disparity_image,
        lambda g: g.resize(7, 3).depth,
        lambda g: g.resize(20, 9).valid.float(),
    ):
        torch.testing.assert_close(torch.cat([run(part) for part in parts]), run(geometry), rtol=1e-6, atol=1e-6)


def test_field_of_view_and_focal_length():
    geometry = Geometry.from_depth(torch.ones(2, 40, 80), focal_length(torch.tensor([60.0, 90.0])))
    torch.testing.assert_close(geometry.hfov, torch.tensor([60.0, 90.0]))
    torch.testing.assert_close(geometry.focal, torch.tensor([0.5 * 3**0.5, 0.5]))
    torch.testing.assert_close(geometry.intrinsics[1], torch.tensor([[0.5, 0, 0.5], [0, 1.0, 0.5], [0, 0, 1]]))
    torch.testing.assert_close(geometry.rays().norm(dim=-1), torch.ones(2, 40, 80))


def test_selecting_from_a_batch():
    geometry = Geometry.from_depth(torch.arange(1.0, 4)[:, None, None].expand(3, 2, 2), torch.tensor([0.5, 1, 2]))
    assert geometry[-1].depth.unique().item() == 3 and geometry[-1].focal.item() == 2
    assert geometry[1:].depth[:, 0, 0].tolist() == [2, 3]
    assert geometry[torch.tensor([True, False, True])].focal.tolist() == [0.5, 2]
    with pytest.raises(IndexError):
        geometry[3]


def test_gradients_reach_the_depth():
    depth = ball_on_ground(32, 32)[0].filled(5.0).requires_grad_()
    geometry = Geometry.from_depth(depth, 1.0)
    (geometry.points().sum() + geometry.resize(16, 16).depth.sum() + geometry.resize(48, 48).depth.sum()).backward()
    assert depth.grad.isfinite().all() and (depth.grad != 0).all()


@pytest.mark.parametrize(
    "change, said",
    [
        ({"depth": torch.ones(4, 4)}, "depth has shape [4, 4]"),
        ({"depth": torch.ones(0, 4, 4)}, "depth has shape [0, 4, 4]"),
        ({"depth": torch.ones(1, 4, 4, dtype=torch.int32)}, "torch.int32"),
        ({"depth": np.ones((1, 4, 4))}, "ndarray"),
        ({"depth": torch.full((1, 4, 4), torch.nan)}, "nan"),
        ({"depth": torch.full((1, 4, 4), torch.inf)}, "inf"),
        ({"depth": torch.zeros(1, 4, 4)}, "out of range at 16 valid pixels"),
        ({"depth": -torch.ones(1, 4, 4)}, "-1"),
        ({"valid": torch.ones(1, 4, 5, dtype=torch.bool)}, "valid has shape [1, 4, 5]"),
        ({"valid": torch.ones(1, 4, 4)}, "valid has dtype torch.float32"),
        ({"intrinsics": torch.eye(3)}, "intrinsics have shape [3, 3]"),
        ({"intrinsics": torch.eye(3)[None] * 110 + torch.tensor([[0, 0, 64.0], [0, 0, 64], [0, 0, -109]])}, "pixels"),
        ({"intrinsics": torch.eye(3)[None] * torch.nan}, "finite"),
        ({"intrinsics": torch.tensor([[[-1.0, 0, 0.5], [0, 1, 0.5], [0, 0, 1]]])}, "focal length -1"),
        ({"intrinsics": torch.tensor([[[1.0, 0.1, 0.5], [0, 1, 0.5], [0, 0, 1]]])}, "skew"),
    ],
)
def test_the_constructor_refuses_in_one_sentence(change, said):
    good = {
        "depth": torch.ones(1, 4, 4),
        "valid": torch.ones(1, 4, 4, dtype=torch.bool),
        "intrinsics": centred_intrinsics(torch.ones(1), 4, 4),
    }
    Geometry(**good)
    with pytest.raises(InputError) as caught:
        Geometry(**{**good, **change})
    assert said in str(caught.value) and str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("depth", "focal", "said"),
    [
        (torch.ones(4, 4), 1.0, "depth has shape [4, 4]; expected a torch.Tensor [batch, height, width]."),
        (torch.ones(1, 1, 4, 4), 1.0, "depth has shape [1, 1, 4, 4]; expected"),
        ([[1.0]], 1.0, "depth is a list; expected"),
        (torch.ones(2, 4, 4), torch.ones(3), "focal has shape [3] for 2 depth maps; expected one number for all"),
        (torch.ones(2, 4, 4), torch.ones(2, 1), "focal has shape [2, 1] for 2 depth maps"),
    ],
)
def test_depth_of_another_shape_is_refused_in_one_sentence(depth, focal, said):
    with pytest.raises(InputError) as caught:
        Geometry.from_depth(depth, focal)
    assert said in str(caught.value) and "\n" not in str(caught.value)


# Normals and surfaces


@pytest.mark.parametrize("normal", [(0, 0, -1), (0.6, 0, -0.8), (0, -1, 0), (-0.5, 0.5, -0.7071), (0.9, 0, -0.1)])
def test_normals_of_a_plane(normal):
    normal = torch.nn.functional.normalize(torch.tensor(normal, dtype=torch.float32), dim=0)
    geometry = plane(normal.tolist(), -1.6)
    geometry = Geometry.from_depth(geometry.filled(torch.inf).where(geometry.depth < 100, torch.inf), geometry.focal)
    known = geometry.valid
    assert known.float().mean() > 0.3
    torch.testing.assert_close(geometry.normals()[known], normal.expand(int(known.sum()), 3), rtol=0, atol=2e-3)
    assert (geometry.normals()[~known] == 0).all()


def test_normals_face_the_camera_and_stop_at_discontinuities():
    geometry, on_ball = ball_on_ground()
    normals = geometry.normals()
    length = normals.norm(dim=-1)
    assert ((length - 1).abs()[length > 0] < 1e-5).all() and (length[geometry.valid] > 0).float().mean() > 0.99
    assert ((normals * geometry.rays()).sum(-1) <= 1e-6).all()
    expected = geometry.points() - torch.tensor([0.5, 0.6, 4.0])
    agreement = (normals * expected).sum(-1)[on_ball & (length > 0)]
    assert agreement.min() > 0.9  # a normal across the silhouette would be far off
    ground = geometry.valid & ~on_ball & (length > 0)
    assert normals[ground][:, 1].max() < -0.99


def test_surfaces_are_cut_at_jumps_only():
    geometry, on_ball = ball_on_ground()
    right, down = geometry.connected()
    jump = (on_ball[:, :, 1:] != on_ball[:, :, :-1]) & geometry.valid[:, :, 1:] & geometry.valid[:, :, :-1]
    ratio = (geometry.depth[:, :, 1:] / geometry.depth[:, :, :-1]).log().abs()
    assert not right[jump & (ratio > 0.1)].any()
    ground = geometry.valid & ~on_ball
    beside = (ground[:, 1:] & ground[:, :-1])[:, :, :30]
    assert beside.any() and down[:, :, :30][beside].all()  # to the horizon, where neighbours differ by half
    # A step that is blurred over three pixels is a step as well.
    blurred = Geometry.from_depth(torch.tensor([1.0] * 8 + [2, 3, 4] + [5] * 8)[None, None], 1.0)
    assert (~blurred.connected()[0]).nonzero()[:, 2].tolist() == [7, 8, 9, 10]


# Resize and crop


@few
@given(geometries(), st.integers(1, 30), st.integers(1, 30))
def test_resize_keeps_metres(geometry, height, width):
    resized = geometry.resize(height, width)
    assert (resized.height, resized.width) == (height, width)
    assert torch.equal(resized.intrinsics, geometry.intrinsics)
    for before, after in zip(geometry, resized):
        if before.valid.all():
            assert after.valid.all()
        if not after.valid.any():
            continue
        assert before.depth[before.valid].min() <= after.depth[after.valid].min()
        assert before.depth[before.valid].max() >= after.depth[after.valid].max()


@pytest.mark.parametrize("size", [(24, 32), (16, 16), (31, 45), (96, 128), (70, 50), (48, 64), (100, 640)])
def test_resize_of_a_plane_is_the_plane(size):
    normal = (0.3, -0.5, -0.8)
    resized, exact = plane(normal, -3.0).resize(*size), plane(normal, -3.0, *size)
    # The image is stretched: same view, so the plane has to be sampled with the same normalised intrinsics.
    exact = Geometry(exact.depth, exact.valid, resized.intrinsics)
    slope = Geometry(torch.ones_like(exact.depth), exact.valid, exact.intrinsics).points() @ torch.tensor(normal)
    inner = (slice(None), slice(2 * size[0] // 48 + 1, -2 * size[0] // 48 - 1), slice(size[1] // 16, -size[1] // 16))
    assert resized.valid.all()
    torch.testing.assert_close(resized.depth[inner], (-3.0 / slope)[inner], rtol=2e-3, atol=0)


@pytest.mark.parametrize("size", [(40, 40), (48, 48), (64, 64), (13, 57), (192, 192), (250, 131)])
def test_resize_invents_no_depth_between_two_surfaces(size):
    depth = torch.full((1, 96, 96), 8.0)
    depth[:, 31:72, 22:55] = 2.0
    depth[:, :10] = torch.inf
    geometry = Geometry.from_depth(depth, 1.0)
    resized = geometry.resize(*size)
    assert set(resized.depth[resized.valid].unique().tolist()) == {2.0, 8.0}
    for mask, resized_mask in ((geometry.valid, resized.valid), (geometry.depth == 2, resized.depth == 2)):
        assert abs(mask.float().mean() - resized_mask.float().mean()) < 0.06


def test_resize_keeps_a_ball_apart_from_the_ground_behind_it():
    geometry, _ = ball_on_ground()
    for size in ((48, 48), (61, 61), (180, 180)):
        resized, exact_ball = geometry.resize(*size), ball_on_ground(*size)[1]
        exact = ball_on_ground(*size)[0]
        both = resized.valid & exact.valid
        error = (resized.depth / exact.depth).log().abs()[both]
        assert (error > 0.05).float().mean() < 0.04  # whole pixels at silhouettes and at the horizon
        # Beside the ball, two pixels below the horizon and lower, the ground stays where it is.
        ground = (slice(None), slice(size[0] // 2 + 2 * size[0] // 48, -2), slice(2, size[1] // 4))
        torch.testing.assert_close(resized.depth[ground], exact.depth[ground], rtol=0.02, atol=0)
        above = exact_ball & resized.valid
        assert ((resized.depth > 5.2) & (resized.depth < 8) & above & (resized.depth < exact.depth)).sum() == 0


def test_crop_sees_the_same_points():
    geometry, _ = ball_on_ground(60, 80)
    cropped = geometry.crop(10, 30, 40, 24)
    assert torch.equal(cropped.valid, geometry.valid[:, 10:50, 30:54])
    torch.testing.assert_close(cropped.points(), geometry.points()[:, 10:50, 30:54])
    assert cropped.focal.item() == pytest.approx(geometry.focal.item() * 80 / 24)
    again = geometry.crop(10, 30, 40, 24).crop(5, 6, 7, 8)
    torch.testing.assert_close(again.intrinsics, geometry.crop(15, 36, 7, 8).intrinsics)
    left, right = geometry.crop(0, 0, 60, 30), geometry.crop(0, 30, 60, 50)
    assert (left.hfov + right.hfov).item() == pytest.approx(60, abs=1e-3)
    assert same(geometry.crop(0, 0, 60, 80), geometry)


def test_sizes_that_make_no_sense_are_refused():
    geometry, _ = ball_on_ground(20, 20)
    for bad in (
        lambda: geometry.resize(0, 5),
        lambda: geometry.crop(-1, 0, 5, 5),
        lambda: geometry.crop(0, 16, 5, 5),
        lambda: geometry.crop(0, 0, 0, 5),
        lambda: Geometry.cat([]),
        lambda: Geometry.cat([geometry, geometry.resize(5, 5)]),
    ):
        with pytest.raises(InputError):
            bad()


# Images


def test_near_is_white_and_modes_are_what_they_say():
    depth = torch.tensor([[[1.0, 2.0, 4.0, 10.0]]])
    geometry = Geometry.from_depth(depth, 1.0)
    images = {mode: depth_image(geometry, mode, (1.0, 10.0))[0, 0] for mode in MODES}
    torch.testing.assert_close(images["disparity"], (1 / depth - 0.1)[0, 0] / 0.9)
    torch.testing.assert_close(images["linear"], (10 - depth)[0, 0] / 9)
    torch.testing.assert_close(images["log"], 1 - depth.log10()[0, 0])
    assert torch.equal(disparity_image(geometry, (1.0, 10.0))[0, 0], images["disparity"])


def test_percentiles_ignore_outliers_and_unknown_pixels():
    depth = torch.linspace(2, 4, 10_000).reshape(1, 100, 100).clone()
    depth[0, 0, :5], depth[0, 99, 95:] = 0.001, 1e5
    depth[0, 50] = torch.inf
    near, far = depth_range(Geometry.from_depth(depth, 1.0))
    assert near.item() == pytest.approx(2, abs=0.02) and far.item() == pytest.approx(4, abs=0.02)


def test_normalising_over_the_batch_keeps_images_comparable():
    depth = torch.stack([torch.linspace(1, 2, 64), torch.linspace(2, 4, 64)]).reshape(2, 8, 8)
    geometry = Geometry.from_depth(depth, 1.0)
    image, batch = disparity_image(geometry, "image"), disparity_image(geometry, "batch")
    assert image[0].min() == image[1].min() == 0 and image[0].max() == image[1].max() == 1
    assert batch[0].min() >= batch[1].max() - 0.01 and batch[1].max() < 0.5


def test_constant_depth_is_grey_not_sky():
    for value in (1e-4, 3.0, 1e6):
        geometry = Geometry.from_depth(torch.full((1, 4, 4), value), 1.0)
        for mode in MODES:
            assert (depth_image(geometry, mode) == 0.5).all()


def test_colours_fall_in_brightness_with_depth_and_unknown_is_grey():
    geometry = Geometry.from_depth(torch.logspace(0, 2, 64).reshape(1, 1, 64), 1.0)
    luminance = torch.tensor([0.2126, 0.7152, 0.0722]) @ colorize(geometry)[0, :, 0].pow(2.2)
    assert (luminance.diff() < 0).all()
    unknown = Geometry.from_depth(torch.zeros(1, 2, 2), 1.0)
    assert (colorize(unknown) == 0.5).all()


@pytest.mark.parametrize("size", [(1, 1), (128, 128), (64, 200), (200, 64), (500, 700)])
@pytest.mark.parametrize("mode", MODES)
def test_figure_has_the_image_and_a_scale(size, mode):
    depth = torch.linspace(0.7, 30, size[0] * size[1]).reshape(1, *size)
    depth[0, 0, 0] = torch.inf if size != (1, 1) else 1.0
    geometry = Geometry.from_depth(depth, 1.0)
    figure = depth_figure(geometry, mode)
    factor = math.ceil(384 / max(size))
    assert figure.mode == "RGB" and figure.width > size[1] * factor and figure.height >= size[0] * factor
    assert figure.tobytes() == depth_figure(geometry, mode).tobytes()
    scale = np.asarray(figure)[:, size[1] * factor :]
    assert (scale == 0).all(-1).sum() > 50 and (scale == 255).all(-1).mean() > 0.5


def test_figures_of_odd_depth():
    for depth in (torch.zeros(1, 8, 8), torch.full((1, 8, 8), 3.0), torch.tensor([[[1e-4, 1e6]]])):
        depth_figure(Geometry.from_depth(depth, 1.0))
    with pytest.raises(InputError, match=r"geometry\[0\]"):
        depth_figure(Geometry.from_depth(torch.ones(2, 8, 8), 1.0))


@pytest.mark.parametrize("arguments", [("dispar", "image"), ("log", "batches"), ("log", (2.0, 1.0)), ("log", (0, 1))])
def test_unknown_modes_are_refused(arguments):
    with pytest.raises(InputError):
        depth_image(Geometry.from_depth(torch.ones(1, 2, 2), 1.0), *arguments)


# Files


@few
@given(geometries(max_batch=3))
def test_npz_round_trip_is_exact(tmp_path_factory, geometry):
    path = tmp_path_factory.mktemp("npz") / "scene.npz"
    save_geometry(path, geometry)
    assert same(load_geometry(path), geometry)
    first = path.read_bytes()
    save_geometry(path, geometry)
    assert path.read_bytes() == first and list(path.parent.iterdir()) == [path]


@few
@given(geometries(max_batch=1))
def test_png_round_trip(tmp_path_factory, geometry):
    path = tmp_path_factory.mktemp("png") / "scene.png"
    save_geometry(path, geometry)
    loaded = load_geometry(path)
    assert torch.equal(loaded.valid, geometry.valid) and torch.equal(loaded.intrinsics, geometry.intrinsics)
    torch.testing.assert_close(loaded.filled(1), geometry.filled(1), rtol=2e-5, atol=0)


@pytest.mark.parametrize("name", ["SCENE.NPZ", "SCENE.PNG"])
def test_capital_endings(tmp_path, name):
    save_geometry(tmp_path / name, ball_on_ground(8, 8)[0])
    assert len(load_geometry(tmp_path / name)) == 1


def test_png_error_is_as_documented(tmp_path):
    depth = torch.exp(torch.linspace(math.log(0.1), math.log(100), 40_000)).reshape(1, 200, 200)
    geometry = Geometry.from_depth(depth, 1.0)
    save_geometry(tmp_path / "scene.png", geometry)
    error = (load_geometry(tmp_path / "scene.png").depth / geometry.depth).log().abs().max().item()
    assert error <= math.log(1000) / 131068 + 1e-6 and error < 1e-3
    with Image.open(tmp_path / "scene.png") as image:
        assert image.mode in ("I;16", "I") and np.asarray(image).min() == 1 and np.asarray(image).max() == 65535
    with pytest.raises(InputError, match="one image"):
        save_geometry(tmp_path / "two.png", Geometry.cat([geometry, geometry]))


GOOD = {
    "depth": np.ones((1, 4, 6), np.float32),
    "valid": np.ones((1, 4, 6), bool),
    "intrinsics": centred_intrinsics(torch.ones(1), 4, 6).numpy(),
}


class Intruder:
    def __reduce__(self):
        return exec, ("raise SystemExit('unpickled')",)


def npz(**change):
    arrays = {name: array for name, array in {**GOOD, **change}.items() if array is not None}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        pickle.dumps(Intruder()),
        npz()[:-40],
        npz()[:200],
        npz(depth=None),
        npz(depth=np.array([[[Intruder()]]], dtype=object)),
        npz(depth=np.full((1, 4, 6), np.nan, np.float32)),
        npz(depth=np.full((1, 4, 6), 1e300)),
        npz(depth=np.ones((4, 6), np.float32)),
        npz(depth=np.ones((1, 4, 6), np.uint16)),
        npz(depth=np.array("far")),
        npz(valid=np.ones((1, 4, 6), np.uint8)),
        npz(valid=np.ones((1, 6, 4), bool)),
        npz(intrinsics=np.eye(3, dtype=np.float32)[None] * 500),
        npz(intrinsics=np.zeros((1, 3, 3), np.float32)),
        npz(depth=np.ones((0, 4, 6), np.float32), valid=np.ones((0, 4, 6), bool)),
    ],
)
def test_bad_npz_files_are_refused_by_name(tmp_path, data):
    path = tmp_path / "scene.npz"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        load_geometry(path)
    assert "scene.npz" in str(caught.value) and "expected" in str(caught.value) and "\n" not in str(caught.value)


def test_an_npz_with_a_lying_header_is_refused(tmp_path):
    header = io.BytesIO()
    huge = {"descr": "<f4", "fortran_order": False, "shape": (1, 1 << 24, 1 << 24)}
    np.lib.format.write_array_header_1_0(header, huge)
    with zipfile.ZipFile(tmp_path / "scene.npz", "w") as archive:
        for name in GOOD:
            archive.writestr(f"{name}.npy", header.getvalue() + bytes(64))
    with pytest.raises(InputError, match=r"scene\.npz"):
        load_geometry(tmp_path / "scene.npz")


@few
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_one_wrong_byte_never_ends_in_another_error(tmp_path_factory, position, value):
    folder = tmp_path_factory.mktemp("damage")
    geometry = Geometry(*(torch.from_numpy(GOOD[name]) for name in ("depth", "valid", "intrinsics")))
    for name in ("scene.npz", "scene.png"):
        save_geometry(folder / name, geometry)
        for path in (folder / name, folder / "scene.json"):
            if not path.exists():
                continue
            data = bytearray(path.read_bytes())
            whole = bytes(data)
            data[position % len(data)] = value
            path.write_bytes(data)
            try:
                load_geometry(folder / name)
            except InputError:
                pass
            path.write_bytes(whole)


@pytest.mark.parametrize(
    "change",
    [
        {"format": None},
        {"offset": None},
        {"offset": "zero"},
        {"offset": math.nan},
        {"offset": 1e9},
        {"scale": [1]},
        {"intrinsics": [[1, 0], [0, 1]]},
        {"intrinsics": [[500.0, 0, 64], [0, 500, 64], [0, 0, 1]]},
    ],
)
def test_bad_sidecars_are_refused(tmp_path, change):
    save_geometry(tmp_path / "scene.png", ball_on_ground(8, 8)[0])
    sidecar = json.loads((tmp_path / "scene.json").read_text())
    (tmp_path / "scene.json").write_text(json.dumps({**sidecar, **change}))
    with pytest.raises(InputError, match="scene"):
        load_geometry(tmp_path / "scene.png")


def test_names_as_long_as_they_may_be(tmp_path):
    geometry = ball_on_ground(8, 8)[0]
    for name in ("n" * 251 + ".npz", "红" * 83 + ".png", "n" * 250 + ".json"):
        if name.endswith(".json"):
            write_text(tmp_path / name, "{}")
        else:
            save_geometry(tmp_path / name, geometry)
            assert torch.equal(load_geometry(tmp_path / name).valid, geometry.valid)
    with atomic_folder(tmp_path / ("n" * 255)) as folder:
        (folder / "a").write_text("a")
    with pytest.raises(InputError, match="has 256 bytes: expected up to 255"):
        save_geometry(tmp_path / ("n" * 252 + ".npz"), geometry)
    with pytest.raises(InputError, match="there is no file"):
        load_geometry(tmp_path / ("n" * 300 + ".npz"))
    assert not list(tmp_path.glob(".*"))


def test_a_pil_image_colours_points_and_meshes():
    geometry = ball_on_ground(32, 32)[0]
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    for encode in (encode_ply, encode_glb):
        assert encode(geometry, image) == encode(geometry, tensor)
        with pytest.raises(InputError, match="the image is of type str; expected a tensor"):
            encode(geometry, "a.png")


def test_files_that_unpack_to_more_than_the_memory_holds_are_refused_before_they_are_read(tmp_path):
    """Archives of a few kilobytes whose headers promise gigabytes: what is behind a header is not looked at."""

    def archive(depth: tuple[int, ...], valid: tuple[int, ...], count: int, kind: str = "<f4") -> Path:
        with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as file:
            for name, descr, shape in (
                ("depth", kind, depth),
                ("valid", "|b1", valid),
                ("intrinsics", "<f4", (count, 3, 3)),
            ):
                header = io.BytesIO()
                np.lib.format.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": shape})
                file.writestr(f"{name}.npy", header.getvalue())
        return tmp_path / "bomb.npz"

    side = 20_000
    for size, words in {
        (1, side, side): "20000x20000 pixels: expected 1 to 134 million",
        (600, 1080, 1920): "600 maps of 1920x1080 pixels, more than 536 million",
        (side, side): r"depth has shape \[20000, 20000\]",
        (1, 0, 4): "4x0 pixels",
    }.items():
        with pytest.raises(InputError, match=words):
            load_geometry(archive(size, size, size[0]))
    with pytest.raises(InputError, match="valid has 20000x20000"):
        load_geometry(archive((1, 4, 4), (1, side, side), 1))
    with pytest.raises(InputError, match="intrinsics has 100000000 maps"):
        load_geometry(archive((1, 4, 4), (1, 4, 4), 10**8))
    with pytest.raises(InputError, match=r"intrinsics|dtype"):
        load_geometry(archive((1, 4, 4), (1, 4, 4), 1, "|O"))


def test_an_image_of_depth_is_measured_before_it_is_read(tmp_path):
    path = tmp_path / "scene.png"
    save_geometry(path, ball_on_ground(8, 8)[0])
    data = path.read_bytes()
    head = struct.pack(">II", 13_000, 13_000) + data[24:29]
    path.write_bytes(data[:16] + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + data[33:])
    with pytest.raises(InputError, match="13000x13000 pixels: expected 1 to 134 million"):
        load_geometry(path)
    (tmp_path / "scene.json").write_bytes(b" " * 2**20 + b"{}")
    with pytest.raises(InputError, match=r"scene.json is not JSON"):
        load_geometry(path)


def test_meshes_and_points_have_a_size_that_can_be_used():
    small = torch.tensor([[[2.0]]])
    with pytest.raises(InputError, match="glb holds up to 16 million pixels, and this geometry has 5000x4000; resize"):
        encode_glb(
            Geometry(
                small.expand(1, 4000, 5000),
                small.expand(1, 4000, 5000) > 0,
                centred_intrinsics(torch.ones(1), 4000, 5000),
            )
        )
    with pytest.raises(InputError, match="ply holds up to 134 million"):
        huge = Geometry.__new__(Geometry)  # without the memory that checking its pixels takes
        for name, value in (("depth", small.expand(1, 12000, 12000)), ("valid", small.bool().expand(1, 12000, 12000))):
            object.__setattr__(huge, name, value)
        encode_ply(huge)


def test_bad_images_are_refused(tmp_path):
    path = tmp_path / "scene.png"
    save_geometry(path, ball_on_ground(32, 32)[0])
    whole = path.read_bytes()
    eight_bit = io.BytesIO()
    Image.new("L", (32, 32)).save(eight_bit, "PNG")
    for data in (b"", whole[:60], whole[: len(whole) // 2], eight_bit.getvalue()):
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"16-bit grey PNG|is not an image|cannot be read"):
            load_geometry(path)
    path.write_bytes(whole)
    for text in ("", "[]", "{", "[" * 100_000):
        (tmp_path / "scene.json").write_text(text)
        with pytest.raises(InputError, match=r"scene\.json"):
            load_geometry(path)
    (tmp_path / "scene.json").unlink()
    with pytest.raises(InputError, match=r"no scene\.json"):
        load_geometry(path)
    for name in ("scene.tif", "absent.exr", "absent.npz"):
        with pytest.raises(InputError, match=name):
            load_geometry(tmp_path / name)
    with pytest.raises(InputError, match=r"scene\.tif"):
        save_geometry(tmp_path / "scene.tif", ball_on_ground(8, 8)[0])


def read_ply(data: bytes):
    header, _, body = data.partition(b"end_header\n")
    lines = header.decode().splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    count = int(next(line.split()[2] for line in lines if line.startswith("element vertex")))
    types = {"float": "<f4", "uchar": "u1"}
    fields = [(line.split()[2], types[line.split()[1]]) for line in lines if line.startswith("property")]
    assert len(body) == count * np.dtype(fields).itemsize
    return np.frombuffer(body, fields)


def test_ply_holds_the_valid_points_upright(tmp_path):
    geometry, _ = ball_on_ground(20, 24)
    image = torch.rand(1, 3, 20, 24, generator=torch.Generator().manual_seed(0))
    save_ply(tmp_path / "scene.ply", geometry, image)
    vertices = read_ply((tmp_path / "scene.ply").read_bytes())
    points = geometry.points()[geometry.valid].numpy()
    assert len(vertices) == len(points) < 480
    np.testing.assert_array_equal(np.stack([vertices["x"], vertices["y"], vertices["z"]], -1), points * [1, -1, -1])
    expected = (image[0].permute(1, 2, 0)[geometry.valid[0]] * 255).round().numpy()
    np.testing.assert_array_equal(np.stack([vertices["red"], vertices["green"], vertices["blue"]], -1), expected)
    for other in (None, image[0, :, :7, :9]):
        assert len(read_ply(encode_ply(geometry, other))) == len(points)


def read_glb(data: bytes):
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    chunks, position = [], 12
    while position < length:
        size, kind = struct.unpack_from("<I4s", data, position)
        assert size % 4 == 0
        chunks.append((kind, data[position + 8 : position + 8 + size]))
        position += 8 + size
    assert [kind for kind, _ in chunks] == [b"JSON", b"BIN\0"]
    document, binary = json.loads(chunks[0][1]), chunks[1][1]
    assert document["buffers"] == [{"byteLength": len(binary)}]

    def view(index):
        view = document["bufferViews"][index]
        assert view["byteOffset"] % 4 == 0 and view["byteOffset"] + view["byteLength"] <= len(binary)
        return binary[view["byteOffset"] :][: view["byteLength"]]

    def array(index):
        accessor = document["accessors"][index]
        columns = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[accessor["type"]]
        values = np.frombuffer(view(accessor["bufferView"]), {5126: "<f4", 5125: "<u4"}[accessor["componentType"]])
        values = values.reshape(accessor["count"], columns)
        if "min" in accessor:
            np.testing.assert_array_equal(values.min(0), np.float32(accessor["min"]))
            np.testing.assert_array_equal(values.max(0), np.float32(accessor["max"]))
        return values

    primitive = document["meshes"][0]["primitives"][0]
    assert "min" in document["accessors"][primitive["attributes"]["POSITION"]]
    positions, uv = array(primitive["attributes"]["POSITION"]), array(primitive["attributes"]["TEXCOORD_0"])
    texture = document["materials"][primitive["material"]]["pbrMetallicRoughness"]["baseColorTexture"]["index"]
    picture = document["images"][document["textures"][texture]["source"]]
    assert picture["mimeType"] == "image/png"
    with Image.open(io.BytesIO(view(picture["bufferView"]))) as image:
        pixels = np.asarray(image)
    return positions, uv, array(primitive["indices"]).reshape(-1, 3), pixels


def test_glb_is_an_upright_mesh_that_faces_the_camera(tmp_path):
    geometry, on_ball = ball_on_ground(48, 40)
    image = torch.rand(3, 96, 80, generator=torch.Generator().manual_seed(0))
    save_glb(tmp_path / "scene.glb", geometry, image)
    positions, uv, faces, pixels = read_glb((tmp_path / "scene.glb").read_bytes())
    np.testing.assert_array_equal(pixels, (image * 255).round().permute(1, 2, 0).byte().numpy())
    assert faces.max() == len(positions) - 1 and set(faces.flat) == set(range(len(positions)))
    # Texture coordinates name the pixel that a vertex comes from.
    column, row = np.rint(uv[:, 0] * 40 - 0.5).astype(int), np.rint(uv[:, 1] * 48 - 0.5).astype(int)
    np.testing.assert_array_equal(positions, geometry.points()[0, row, column].numpy() * [1, -1, -1])
    # Higher in the image is larger y at one depth, to the right is larger x, in front of the camera is negative z.
    flat = read_glb(encode_glb(plane((0, 0, -1), -2.0, 9, 11)))
    np.testing.assert_allclose(np.corrcoef(flat[0][:, 1], -flat[1][:, 1])[0, 1], 1, atol=1e-6)
    np.testing.assert_allclose(np.corrcoef(flat[0][:, 0], flat[1][:, 0])[0, 1], 1, atol=1e-6)
    assert len(flat[2]) == 8 * 10 * 2 and positions[:, 2].max() < 0
    # Counter-clockwise seen from the camera, which is at the origin.
    a, b, c = (positions[faces[:, i]].astype(np.float64) for i in range(3))
    normal = np.cross(b - a, c - a)
    assert ((normal * a).sum(-1) < 0).all()
    # The ground goes to the horizon, and no triangle hangs between the ball's outline and what is behind it.
    assert positions[:, 2].min() == -geometry.filled(0).max()
    vertex_on_ball = on_ball[0].numpy()[row, column]
    mixed = vertex_on_ball[faces].any(-1) & ~vertex_on_ball[faces].all(-1)
    depth = -positions[:, 2]
    assert (depth[faces[mixed]].max(-1) / depth[faces[mixed]].min(-1)).max() < 1.12


def test_a_mesh_keeps_the_half_of_a_square_that_is_left():
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        depth = torch.ones(1, 2, 2)
        depth[0, row, column] = torch.inf
        positions, _, faces, _ = read_glb(encode_glb(Geometry.from_depth(depth, 1.0)))
        a, b, c = positions[faces[0]]
        assert len(faces) == 1 and np.cross(b - a, c - a)[2] > 0


def test_nothing_to_save_is_said(tmp_path):
    empty, lonely = torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)
    lonely[0, 1, 1] = 1
    for save, name, depth in (
        (save_ply, "a.ply", empty),
        (save_glb, "a.glb", empty),
        (save_glb, "a.glb", lonely),
        (save_ply, "a.ply", torch.ones(2, 4, 4)),
    ):
        with pytest.raises(InputError):
            save(tmp_path / name, Geometry.from_depth(depth, 1.0))
    with pytest.raises(InputError, match="image"):
        save_glb(tmp_path / "a.glb", Geometry.from_depth(torch.ones(1, 4, 4), 1.0), torch.ones(4, 4, 3))
    assert list(tmp_path.iterdir()) == []

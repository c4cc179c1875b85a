from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialfusion.errors import InputError
from spatialfusion.geometry.depth_image import colorize, depth_image
from spatialfusion.geometry.geometry import Geometry, centred_intrinsics, focal_length
from spatialfusion.geometry.importing import CONVENTIONS, from_da3, from_image, from_moge

few = settings(deadline=None, max_examples=25)


def grey(values):
    """[B, H, W] -> an image [B, H, W, 3]."""
    return values[..., None].expand(*values.shape, 3)


def scene(batch=2, seed=0, low=1.0, high=30.0):
    random = torch.Generator().manual_seed(seed)
    depth = low * (high / low) ** torch.rand(batch, 6, 8, generator=random)
    depth[:, 0] = torch.inf
    return Geometry.from_depth(depth, focal_length(70.0))


# Images


@pytest.mark.parametrize("mode", ["disparity", "linear"])
@few
@given(seed=st.integers(0, 999), far=st.sampled_from([40.0, 200.0]))
def test_a_rendered_image_comes_back(mode, seed, far):
    geometry = scene(seed=seed)
    picture = grey(depth_image(geometry, mode, (0.5, far)))
    for convention, image in ((mode, picture), (f"inverted {mode}", 1 - picture)):
        again = from_image(image, convention, 0.5, far, 70.0)
        assert torch.equal(again.valid, geometry.valid) and torch.equal(again.intrinsics, geometry.intrinsics)
        torch.testing.assert_close(again.depth[again.valid], geometry.depth[geometry.valid], rtol=2e-4, atol=0)


@few
@given(
    st.sampled_from(CONVENTIONS[:4]), st.floats(1e-4, 1e5), st.floats(1.001, 1e4), st.booleans(), st.integers(0, 999)
)
def test_grey_runs_from_near_to_far(convention, near, ratio, zero_is_sky, seed):
    far = min(near * ratio, 1e6)
    ramp = torch.rand(1, 3, 50, generator=torch.Generator().manual_seed(seed)).sort().values
    ramp[..., 0], ramp[..., -1] = 0, 1
    geometry = from_image(grey(ramp), convention, near, far, 60.0, zero_is_sky)
    inverted = convention.startswith("inverted")
    nearest, farthest = (0, -1) if inverted else (-1, 0)
    assert (geometry.depth[..., nearest].sub(near).abs() <= 1e-6 * near).all()
    assert (geometry.valid.sum(-1) == (49 if zero_is_sky else 50)).all()
    assert (geometry.valid[..., farthest] != zero_is_sky).all()
    steps = geometry.filled(geometry.depth.new_tensor(far)).diff(dim=-1)
    assert (steps >= -1e-3 * far).all() if inverted else (steps <= 1e-3 * far).all()


def test_conventions_differ_in_the_middle():
    middle = grey(torch.full((1, 1, 1), 0.5))
    found = {name: from_image(middle, name, 2.0, 8.0, 60.0).depth.item() for name in CONVENTIONS}
    assert found == pytest.approx(
        {"disparity": 3.2, "inverted disparity": 3.2, "linear": 5.0, "inverted linear": 5.0, "metres": 0.5}
    )


def test_metres_are_taken_as_they_are():
    values = torch.tensor([[[3.5, 1200.0, 0.0, -1.0, math.inf, math.nan, 1e9]]])
    for channels in (1, 3, 4):
        image = values[..., None].repeat(1, 1, 1, channels)
        if channels == 4:
            image[..., 3] = 1  # alpha
        geometry = from_image(image, "metres", 9.0, 1.0, 60.0)  # near and far are not used
        assert geometry.valid.tolist() == [[[True, True] + [False] * 5]]
        assert geometry.depth[0, 0, :2].tolist() == [3.5, 1200.0]


def test_odd_values_of_an_image():
    image = grey(torch.tensor([[[math.nan, 1.5, -0.5, math.inf]]]))
    for convention in CONVENTIONS[:4]:
        geometry = from_image(image, convention, 1.0, 10.0, 60.0, zero_is_sky=False)
        assert geometry.valid.tolist() == [[[False, True, True, False]]]
        assert sorted(geometry.depth[geometry.valid].tolist()) == pytest.approx([1.0, 10.0])


def test_colours_are_refused_and_nearly_grey_is_not():
    geometry = scene()
    with pytest.raises(InputError, match=r"coloured: its channels differ, by up to red 0\.\d+, green .*colour map"):
        from_image(colorize(geometry).movedim(1, -1), "disparity", 1.0, 10.0, 60.0)
    level = torch.tensor([0.5, 0.5 + 2 / 255, 0.5 - 1 / 255])
    nearly = from_image(level.expand(1, 2, 2, 3), "linear", 1.0, 10.0, 60.0)
    assert nearly.depth.unique().item() == pytest.approx(5.5)
    with pytest.raises(InputError, match="coloured"):
        from_image(torch.tensor([5.0, math.inf, 5.0]).expand(1, 2, 2, 3), "metres", 1.0, 10.0, 60.0)
    assert from_image(torch.tensor([100.0, 100.1, 100.0]).expand(1, 2, 2, 3), "metres", 1, 10, 60.0).valid.all()


@pytest.mark.parametrize(
    "change, said",
    [
        ({"convention": "disparty"}, "did you mean 'disparity'"),
        ({"near": 5.0, "far": 5.0}, "near is 5 and far is 5"),
        ({"near": 0.0}, "near is 0"),
        ({"far": math.inf}, "far is inf"),
        ({"hfov": 180.0}, "hfov is 180"),
        ({"image": torch.ones(2, 2, 3)}, "shape [2, 2, 3]"),
        ({"image": torch.ones(1, 2, 2, 2)}, "shape [1, 2, 2, 2]"),
        ({"image": torch.ones(0, 2, 2, 3)}, "shape [0, 2, 2, 3]"),
        ({"image": torch.ones(1, 2, 2, 3, dtype=torch.uint8)}, "torch.uint8"),
    ],
)
def test_bad_images_are_refused(change, said):
    good = {"image": torch.full((1, 2, 2, 3), 0.5), "convention": "linear", "near": 1.0, "far": 9.0, "hfov": 60.0}
    from_image(**good)
    with pytest.raises(InputError) as caught:
        from_image(**{**good, **change})
    assert said in str(caught.value) and "expected" in str(caught.value) and "\n" not in str(caught.value)


# Packets


def moge(**change):
    geometry = scene()
    packet = {
        "depth": geometry.depth.masked_fill(~geometry.valid, math.inf),
        "intrinsics": geometry.intrinsics,
        "mask": geometry.valid,
        "image": torch.zeros(2, 6, 8, 3),
    }
    return {name: value for name, value in {**packet, **change}.items() if value is not None}


def test_moge_packets():
    expected = scene()
    for packet in (moge(), moge(mask=None), moge(intrinsics=expected.intrinsics[:1])):
        geometry = from_moge(packet)
        assert all(torch.equal(getattr(geometry, n), getattr(expected, n)) for n in ("depth", "valid", "intrinsics"))
    unmasked = torch.where(expected.valid, expected.depth, 500.0)  # the core's apply_mask = False
    assert torch.equal(from_moge(moge(depth=unmasked)).valid, expected.valid)
    odd = torch.full((2, 6, 8), 3.0)
    odd[0, 1, :4] = torch.tensor([-1.0, 1e-6, math.nan, 1e8])
    assert from_moge(moge(depth=odd, mask=None)).valid.sum() == 2 * 48 - 4


@pytest.mark.parametrize(
    "packet, said",
    [
        (None, "thing has no depth and no intrinsics"),
        (moge(intrinsics=None), "thing has no intrinsics"),
        (moge(depth=torch.ones(6, 8)), "thing has depth of shape [6, 8]"),
        (moge(mask=torch.ones(2, 3, 4)), "mask of shape [2, 3, 4]"),
        (moge(mask="all"), "mask of type str"),
        (moge(intrinsics=500 * torch.eye(3).repeat(2, 1, 1)), "thing: intrinsics"),
    ],
)
def test_bad_moge_packets_are_refused_by_name(packet, said):
    with pytest.raises(InputError) as caught:
        from_moge(packet, "thing")
    assert said in str(caught.value) and "expected" in str(caught.value)


def pixels(focal, height, width, views=2):
    """[1, S, 3, 3] intrinsics of square pixels, as DA3 gives them for the size at which it ran."""
    one = torch.tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    return one.repeat(1, views, 1, 1)


def da3(**change):
    packet = {"depth": torch.full((2, 6, 8), 4.0), "image": torch.zeros(2, 6, 8, 3), "mode": "mono", **change}
    return {name: value for name, value in packet.items() if value is not None}


def test_da3_of_one_image_takes_the_field_of_view_and_the_sky():
    geometry = from_da3(da3(), 80.0)
    assert (geometry.depth == 4).all() and geometry.valid.all()
    torch.testing.assert_close(geometry.intrinsics, centred_intrinsics(focal_length(80.0).expand(2), 6, 8))
    sky = torch.zeros(2, 6, 8)
    sky[:, 0], sky[:, 1] = 0.9, 0.4
    depth = torch.full((2, 6, 8), 4.0)
    depth[1, 5, 5] = 0
    geometry = from_da3(da3(sky=sky, depth=depth), 80.0)
    assert not geometry.valid[:, 0].any() and not geometry.valid[1, 5, 5] and geometry.valid.sum() == 2 * 40 - 1


def test_da3_intrinsics_are_in_pixels_of_any_size():
    for height, width in ((6, 8), (378, 504)):
        intrinsics = pixels(0.75 * width, height, width)
        geometry = from_da3(da3(intrinsics=intrinsics, mode="multiview"), 80.0)
        torch.testing.assert_close(geometry.intrinsics, centred_intrinsics(torch.full((2,), 0.75), 6, 8))
    # Where no camera was estimated the packet holds identities.
    geometry = from_da3(da3(intrinsics=torch.eye(3).repeat(1, 2, 1, 1)), 80.0)
    torch.testing.assert_close(geometry.hfov, torch.full((2,), 80.0))


@pytest.mark.parametrize(
    "packet, said",
    [
        (da3(depth=None), "da3_geometry has no depth"),
        (da3(sky=torch.zeros(1, 6, 8)), "sky of shape [1, 6, 8]"),
        (da3(intrinsics=pixels(400.0, 378, 504, views=3)), "shape [1, 3, 3, 3]"),
        (da3(intrinsics=torch.zeros(0)), "intrinsics of shape [0]"),
        (da3(intrinsics="pixels"), "intrinsics of type str"),
        (da3(intrinsics=pixels(math.nan, 378, 504)), "without a positive, finite focal length"),
        (da3(intrinsics=pixels(400.0, 0, 0)), "principal point"),
    ],
)
def test_bad_da3_packets_are_refused_by_name(packet, said):
    with pytest.raises(InputError) as caught:
        from_da3(packet, 60.0)
    assert said in str(caught.value) and "expected" in str(caught.value)
    with pytest.raises(InputError, match="hfov is 0"):
        from_da3(da3(), 0.0)


def test_packets_become_a_geometry_that_can_be_used():
    for geometry in (from_moge(moge()), from_da3(da3(), 60.0)):
        assert isinstance(geometry, Geometry) and geometry.points().isfinite().all()

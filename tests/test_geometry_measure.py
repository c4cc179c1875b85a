from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialfusion.errors import InputError
from spatialfusion.geometry.geometry import Geometry, focal_length
from spatialfusion.geometry.measure import depth_at, distance, mean_depth

few = settings(deadline=None, max_examples=25)


def picture(height=40, width=60, hfov=60.0, sky_rows=5):
    """A wall at 10 m below some sky."""
    depth = torch.full((1, height, width), 10.0)
    depth[:, :sky_rows] = torch.inf
    return Geometry.from_depth(depth, focal_length(hfov))


def two_plates(first=(4.0, 10, 10), second=(6.0, 30, 45), size=6, hfov=60.0):
    """The wall with two square plates (metres, row, column of the upper left corner) before it, and their masks."""
    geometry = picture(hfov=hfov)
    depth, masks = geometry.filled(torch.inf).clone(), []
    for metres, row, column in (first, second):
        depth[:, row : row + size, column : column + size] = metres
        masks.append(torch.zeros(1, 40, 60))
        masks[-1][:, row : row + size, column : column + size] = 1
    return Geometry.from_depth(depth, geometry.focal), *masks


# A point


@few
@given(st.floats(0, 1), st.floats(0, 1))
def test_a_point_is_the_pixel_that_holds_it(x, y):
    depth = torch.arange(1.0, 13).reshape(1, 3, 4)
    measured = depth_at(Geometry.from_depth(depth, 1.0), x, y)
    assert measured.metres.item() == depth[0, min(int(3 * y), 2), min(int(4 * x), 3)]


def test_a_point_is_the_median_of_what_is_valid_around_it():
    depth = torch.full((1, 9, 9), torch.inf)
    depth[0, 4, 5:8] = torch.tensor([3.0, 5.0, 90.0])
    geometry = Geometry.from_depth(depth, 1.0)
    assert [depth_at(geometry, 0.5, 0.5, radius).metres.item() for radius in (1, 2, 3)] == [3.0, 3.0, 5.0]
    assert depth_at(geometry, 0.5, 0.5, 3).text == "5.00 m away at x 0.5, y 0.5"
    with pytest.raises(InputError, match=r"no valid depth at x 0\.5, y 0\.5 \(sky"):
        depth_at(geometry, 0.5, 0.5)
    depth[0, 5, 5] = 1.0
    assert depth_at(Geometry.from_depth(depth, 1.0), 0.5, 0.5, 1).metres.item() == 3.0  # a disc, not a square


def test_each_image_has_its_own_number_and_line():
    batch = Geometry.from_depth(torch.tensor([2.0, 7.0])[:, None, None].expand(2, 4, 4), 1.0)
    measured = depth_at(batch, 0.1, 0.9)
    assert measured.metres.tolist() == [2.0, 7.0]
    assert measured.text == "1: 2.00 m away at x 0.1, y 0.9\n2: 7.00 m away at x 0.1, y 0.9"
    assert mean_depth(batch).metres.tolist() == [2.0, 7.0]
    holed = Geometry(batch.depth, torch.tensor([True, False])[:, None, None].expand(2, 4, 4), batch.intrinsics)
    with pytest.raises(InputError, match="in image 2 of 2"):
        depth_at(holed, 0.5, 0.5, 9)


# A mask


def test_mean_depth_is_weighted_and_leaves_out_sky():
    geometry = Geometry.from_depth(torch.tensor([[[2.0, 8.0, torch.inf, 50.0]]]), 1.0)
    assert mean_depth(geometry).metres.item() == 20.0
    assert mean_depth(geometry, torch.tensor([[[1.0, 0.5, 1.0, 0.0]]])).metres.item() == 4.0
    assert mean_depth(geometry, torch.tensor([[1.0, 1.0, 0.0, 0.0]])).text == "5.00 m away on average in the mask"


# Two masks


@few
@given(st.floats(1.0, 9.0), st.floats(1.0, 9.0), st.sampled_from([30.0, 60.0, 100.0]))
def test_distance_is_that_of_the_centres(first, second, hfov):
    geometry, a, b = two_plates((first, 10, 10), (second, 30, 45), hfov=hfov)
    # The plates face the camera: their centres project to the centres of their squares.
    focal = geometry.focal.item() * 60
    centre_a, centre_b = (
        torch.tensor([(column + 3 - 30) / focal * metres, (row + 3 - 20) / focal * metres, metres])
        for metres, row, column in ((first, 10, 10), (second, 30, 45))
    )
    # The median of six columns is the lower middle one, half a pixel from the centre.
    assert distance(geometry, a, b).metres.item() == pytest.approx((centre_b - centre_a).norm().item(), abs=9 / focal)


def test_the_text_says_where_b_is():
    geometry, a, b = two_plates()
    measured = distance(geometry, a, b)
    assert measured.text.startswith(f"{measured.metres.item():.2f} m apart: B is ")
    order = [
        measured.text.index(words) for words in ("to the right of, ", "below and 2.00 m behind A", "nearest points")
    ]
    assert order == sorted(order)
    back = distance(geometry, b, a).text
    assert all(words in back for words in ("to the left of", "above and 2.00 m in front of A"))
    assert "B is where A is; nearest points 0.00 m" in distance(geometry, a, a).text


def test_nearest_points_are_those_of_the_surfaces():
    depth = torch.full((1, 100, 100), 5.0)
    geometry = Geometry.from_depth(depth, 1.0)
    a, b = torch.zeros(2, 1, 100, 100)
    a[..., :40], b[..., 60:] = 1, 1
    measured = distance(geometry, a, b)
    # Columns 39 and 60 are 21 pixels apart, each 5 cm at 5 m; 4000 points are thinned to 2048.
    assert float(measured.text.split()[-2]) == pytest.approx(1.05, abs=0.08)
    assert measured.metres.item() == pytest.approx(3.0, abs=1e-4)


def test_stray_pixels_do_not_move_a_centre():
    geometry, a, b = two_plates()
    clean = distance(geometry, a, b).metres.item()
    sloppy = a.clone()
    sloppy[:, 20, 20:30] = 1  # the wall behind
    assert distance(geometry, sloppy, b).metres.item() == pytest.approx(clean, abs=0.15)
    assert distance(geometry, torch.where(sloppy > a, 0.3, a), b).metres.item() == clean


def test_masks_of_any_size_brightness_and_batch():
    geometry, a, b = two_plates()
    clean = distance(geometry, a, b).metres.item()
    large = torch.nn.functional.interpolate(a[:, None], scale_factor=7.0)[:, 0]
    assert distance(geometry, large, 0.2 * b).metres.item() == pytest.approx(clean, abs=1e-5)
    dot = torch.zeros(1, 400, 600)
    dot[:, 333, 481] = 1  # far less than one pixel of the geometry
    assert distance(geometry, a, dot).metres.item() == pytest.approx(clean, abs=0.4)
    both = distance(Geometry.cat([geometry, picture()]), a, b)
    assert both.metres[0].item() == clean and len(both.text.splitlines()) == 2


@pytest.mark.parametrize(
    "wrong, said",
    [
        (lambda g, a, b: depth_at(g, 1.1, 0.5), "x is 1.1"),
        (lambda g, a, b: depth_at(g, 0.5, -0.1), "y is -0.1"),
        (lambda g, a, b: depth_at(g, 0.5, 0.5, -1), "radius is -1"),
        (lambda g, a, b: depth_at(g, 0.5, 0.0, 2), "no valid depth within 2 px"),
        (lambda g, a, b: mean_depth(g, 0 * a), "mask is empty"),
        (lambda g, a, b: distance(g, 0 * a, b), "mask_a is empty"),
        (lambda g, a, b: distance(g, a, 0 * b), "mask_b is empty"),
        (lambda g, a, b: distance(g, a, (torch.arange(40) < 5)[:, None].expand(40, 60)), "mask_b has no valid depth"),
        (lambda g, a, b: distance(g, a.expand(3, -1, -1), b), "mask_a has a batch of 3"),
    ],
)
def test_nothing_to_measure_is_said_in_one_sentence(wrong, said):
    with pytest.raises(InputError) as caught:
        wrong(*two_plates())
    assert said in str(caught.value) and "expected" in str(caught.value) and str(caught.value).endswith(".")

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialfusion.errors import InputError
from spatialfusion.geometry.edit import blend, feather, fit_mask, flatten, move, replace, scale
from spatialfusion.geometry.geometry import DEPTH_RANGE, Geometry, centred_intrinsics, focal_length

few = settings(deadline=None, max_examples=10)


@st.composite
def geometries(draw, batch=2):
    """A batch of random metres between 0.5 and 50, with holes that hold odd numbers."""
    random = torch.Generator().manual_seed(draw(st.integers(0, 1000)))
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    depth = 0.5 * torch.exp(math.log(100) * torch.rand(batch, height, width, generator=random))
    valid = torch.rand(batch, height, width, generator=random) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    depth[~valid] = draw(st.sampled_from([0.0, -3.0, 7.0]))
    return Geometry(depth, valid, centred_intrinsics(torch.full((batch,), 0.8), height, width))


def masks(geometry, seed, batch=None):
    """Random values with exact zeros and ones among them."""
    random = torch.Generator().manual_seed(seed)
    shape = (batch or len(geometry), geometry.height, geometry.width)
    return (3 * torch.rand(shape, generator=random) - 1).clamp(0, 1)


def constant(metres, batch=1, height=4, width=6, hfov=60.0):
    return Geometry.from_depth(torch.full((batch, height, width), float(metres)), focal_length(hfov))


EDITS = {
    "move": lambda g, o, m: move(g, 3.0, m),
    "move nearer": lambda g, o, m: move(g, -0.4, m),
    "scale": lambda g, o, m: scale(g, 0.3, m),
    "flatten": lambda g, o, m: flatten(g, None, m),
    "flatten to": lambda g, o, m: flatten(g, 4.0, m),
    "replace": lambda g, o, m: replace(g, o, m),
    "blend": lambda g, o, m: blend(g, o, 0.7, m),
}


# What all edits share


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@few
@given(geometry=geometries(), other=geometries(batch=1), seed=st.integers(0, 99))
def test_outside_of_the_mask_not_a_bit_changes(edit, geometry, other, seed):
    mask = masks(geometry, seed)
    edited = edit(geometry, other, mask)
    outside = mask == 0
    assert torch.equal(edited.depth[outside], geometry.depth[outside])
    assert torch.equal(edited.valid[outside], geometry.valid[outside])
    assert torch.equal(edited.intrinsics, geometry.intrinsics)
    assert (edited.depth[edited.valid] >= DEPTH_RANGE[0]).all()


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@few
@given(geometry=geometries(), other=geometries(batch=1))
def test_no_mask_is_a_full_mask_of_any_size_and_batch(edit, geometry, other):
    everywhere = edit(geometry, other, None)
    for mask in (torch.ones(1, 5, 3), torch.ones(7, 7), torch.ones(2, geometry.height, geometry.width)):
        edited = edit(geometry, other, mask)
        assert torch.equal(edited.depth, everywhere.depth) and torch.equal(edited.valid, everywhere.valid)


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@few
@given(geometry=geometries(), other=geometries(batch=1), seed=st.integers(0, 99))
def test_a_batch_is_its_images(edit, geometry, other, seed):
    mask = masks(geometry, seed)
    whole = edit(geometry, other, mask)
    parts = Geometry.cat([edit(geometry[i], other, mask[i : i + 1]) for i in range(2)])
    # Powers in whole vectors and in their remainders are rounded differently.
    torch.testing.assert_close(whole.depth, parts.depth, rtol=1e-6, atol=0)
    assert torch.equal(whole.valid, parts.valid)


@pytest.mark.parametrize("name", [name for name in EDITS if name not in ("replace", "blend")])
@few
@given(geometry=geometries())
def test_only_another_geometry_changes_what_is_valid(name, geometry):
    assert torch.equal(EDITS[name](geometry, None, None).valid, geometry.valid)


# One by one


def test_move_goes_by_metres():
    geometry = Geometry.from_depth(torch.tensor([[[2.0, 4.0, torch.inf]]]), 1.0)
    mask = torch.tensor([[[1.0, 0.5, 1.0]]])
    assert move(geometry, 3.0, mask).depth.tolist() == [[[5.0, 5.5, 0.0]]]
    assert move(geometry, -1.5).depth[0, 0, :2].tolist() == [0.5, 2.5]
    assert move(geometry, 1e7).depth[0, 0, 0].item() == DEPTH_RANGE[1]


@few
@given(geometries(), st.integers(0, 99))
def test_move_says_how_far_it_can_go(geometry, seed):
    mask = masks(geometry, seed)
    if not (geometry.valid & (mask > 0.3)).any():
        return
    with pytest.raises(InputError, match=r"cannot move by -1000 metres.*behind") as caught:
        move(geometry, -1000.0, mask)
    said = float(str(caught.value).split("expected ")[1].split(" or more")[0])
    moved = move(geometry, said, mask)
    reach = (geometry.depth / mask)[geometry.valid & (mask > 0)].min()
    assert (moved.depth[moved.valid] > 0).all() and said == pytest.approx(-reach.item(), rel=0.02)


def test_scale_goes_by_factors():
    geometry = Geometry.from_depth(torch.tensor([[[2.0, 8.0, 1e6]]]), 1.0)
    assert scale(geometry, 4.0, torch.tensor([[[1.0, 0.5, 0.0]]])).depth.tolist() == [[[8.0, 16.0, 1e6]]]
    assert scale(geometry, 4.0).depth[0, 0, 2].item() == DEPTH_RANGE[1]
    assert scale(geometry, 1e-30).depth.unique().item() == pytest.approx(DEPTH_RANGE[0])


def test_flatten_takes_the_mean_of_the_mask_in_each_image():
    depth = torch.tensor([[[2.0, 4.0, 9.0, torch.inf]], [[1.0, 1.0, 7.0, 3.0]]])
    geometry, mask = Geometry.from_depth(depth, 1.0), torch.tensor([[1.0, 1.0, 0.0, 1.0]])
    flat = flatten(geometry, mask=mask)
    assert flat.depth[0, 0].tolist() == [3.0, 3.0, 9.0, 0.0]
    assert flat.depth[1, 0].tolist() == pytest.approx([5 / 3, 5 / 3, 7.0, 5 / 3])
    assert flatten(geometry, 6.0, mask).depth[0, 0].tolist() == [6.0, 6.0, 9.0, 0.0]
    half = flatten(geometry, 9.0, 0.5 * torch.ones(1, 4))
    assert half.depth[0, 0, 1].item() == pytest.approx(6.0)  # the geometric mean of 4 and 9
    nothing = Geometry.from_depth(torch.zeros(1, 2, 2), 1.0)
    assert torch.equal(flatten(nothing).depth, nothing.depth)


def test_blend_goes_through_the_geometric_mean():
    near, far = constant(2.0), constant(8.0)
    assert torch.equal(blend(near, far, 0.0).depth, near.depth)
    assert torch.equal(blend(near, far, 1.0).depth, far.depth)
    torch.testing.assert_close(blend(near, far, 0.5).depth, torch.full((1, 4, 6), 4.0))
    torch.testing.assert_close(blend(near, far, 0.5, 0.5 * torch.ones(4, 6)).depth, torch.full((1, 4, 6), 2 * 2**0.5))


@few
@given(geometries(), st.floats(0, 1))
def test_blend_with_itself_is_itself(geometry, amount):
    result = blend(geometry, geometry, amount)
    assert torch.equal(result.depth, geometry.depth) and torch.equal(result.valid, geometry.valid)


def test_where_one_is_valid_the_weightier_decides():
    hole = torch.tensor([[[5.0, torch.inf]]])
    known, holed = constant(2.0, height=1, width=2), Geometry.from_depth(hole, 1.0)
    for amount, valid in ((0.4, [True, True]), (0.6, [True, False])):
        assert blend(known, holed, amount).valid[0, 0].tolist() == valid
    assert blend(holed, known, 0.4).valid[0, 0].tolist() == [True, False]
    assert blend(holed, known, 0.6).depth[0, 0, 1].item() == 2.0
    assert replace(known, holed).valid[0, 0].tolist() == [True, False]


def test_replace_takes_metres_of_another_size_and_camera():
    geometry = constant(2.0, batch=2, hfov=60.0)
    replaced = replace(geometry, constant(7.0, height=31, width=9, hfov=90.0))
    assert (replaced.depth == 7).all() and replaced.depth.shape == (2, 4, 6)
    torch.testing.assert_close(replaced.hfov, torch.full((2,), 60.0))


# Masks


@few
@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([0.1, 1.0, 5.0, 300.0]), st.floats(0, 1, width=32))
def test_feather_keeps_what_is_constant(height, width, pixels, value):
    mask = torch.full((2, height, width), value)
    assert torch.equal(feather(mask, pixels), mask)


def test_feather_softens_within_its_pixels():
    mask = torch.zeros(1, 40, 80)
    mask[..., 40:] = 1
    assert feather(mask, 0) is mask
    soft = feather(mask, 6.0)
    assert (soft.diff(dim=-1) >= -1e-6).all() and torch.equal(soft[:, :1].expand_as(soft), soft)
    profile = soft[0, 0]
    assert profile[39] + profile[40] == pytest.approx(1, abs=1e-5)  # the outline stays where it was
    assert profile[39] > 0.4 and 0.01 < profile[34] < profile[36] < 0.2 and profile[30] < 0.01
    # Two images do not run into each other.
    pair = feather(torch.cat([mask, 0 * mask]), 6.0)
    torch.testing.assert_close(pair, torch.cat([soft, 0 * soft]))


def test_masks_are_stretched_to_the_image():
    geometry = constant(1.0, batch=2, height=10, width=20)
    mask = torch.zeros(64, 64)
    mask[:, 32:] = 1
    fitted = fit_mask(mask, geometry)
    assert fitted.shape == (2, 10, 20)
    assert (fitted[:, :, :9] < 0.01).all() and (fitted[:, :, 11:] > 0.99).all()
    odd = fit_mask(torch.tensor([[[0.5, 2.0, -1.0]]]), constant(1.0, height=1, width=3))
    assert odd.tolist() == [[[0.5, 1.0, 0.0]]]


@pytest.mark.parametrize(
    "wrong, said",
    [
        (lambda g: move(g, math.nan), "move by nan"),
        (lambda g: scale(g, 0.0), "scale by 0"),
        (lambda g: scale(g, math.inf), "scale by inf"),
        (lambda g: flatten(g, -1.0), "flatten to -1"),
        (lambda g: blend(g, g, 1.5), "blend by 1.5"),
        (lambda g: replace(g, constant(1.0, batch=3)), "batch of 3"),
        (lambda g: replace(g[0], constant(1.0, batch=2)), "batch of 2"),
        (lambda g: move(g, 1.0, torch.full((4, 6), math.nan)), "mask has values that are not numbers"),
        (lambda g: move(g, 1.0, torch.ones(3, 4, 6)), "mask has a batch of 3; expected 1 or 2"),
        (lambda g: move(g[0], 1.0, torch.ones(2, 4, 6)), "mask has a batch of 2; expected 1,"),
        (lambda g: move(g, 1.0, torch.ones(1, 1, 4, 6)), "mask has shape [1, 1, 4, 6]"),
        (lambda g: feather(torch.ones(1, 2, 2), -1.0), "feather is -1"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(wrong, said):
    with pytest.raises(InputError) as caught:
        wrong(constant(2.0, batch=2))
    assert said in str(caught.value) and "expected" in str(caught.value) and str(caught.value).endswith(".")

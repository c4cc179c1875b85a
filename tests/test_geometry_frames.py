"""Videos: depth of many images is made, changed and drawn one image at a time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from spatialfusion.errors import InputError
from spatialfusion.geometry import edit as geometry_edit
from spatialfusion.geometry.depth_image import colorize, depth_image
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.geometry.importing import CONVENTIONS, from_da3, from_image, from_moge

FRAMES, SIDE = 7, 24
PICTURE = SIDE * SIDE


class Allocations(TorchDispatchMode):
    """The operations that make tensors larger than two images need, but for empty ones to put results in."""

    def __init__(self):
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        name = operation.overloadpacket.__name__
        for made in result if isinstance(result, (tuple, list)) else [result]:
            # Views and what is written into share their memory with what was there.
            is_new = isinstance(made, Tensor) and not operation.is_view and not name.endswith("_")
            if is_new and made.numel() >= FRAMES * PICTURE and "empty" not in name:
                self.found.append(name)
        return result


def video() -> Tensor:
    """Grey images [FRAMES, SIDE, SIDE, 3], each different."""
    grey = torch.rand(FRAMES, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    return grey[..., None].repeat(1, 1, 1, 3)


def geometry() -> Geometry:
    return from_image(video(), "disparity", 1.0, 20.0, 55.0)


def packet() -> dict:
    made = geometry()
    depth = made.depth.masked_fill(~made.valid, torch.inf)
    return {"depth": depth, "mask": made.valid, "intrinsics": made.intrinsics, "sky": (~made.valid).float()}


def mask() -> Tensor:
    return torch.rand(FRAMES, 2 * SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def cases() -> dict:
    """What is done to a video, as a function of `progress`, and the same to one image."""
    one, other, given, soft, pictures = geometry(), geometry_edit.scale(geometry(), 2), packet(), mask(), video()

    def part(i: int) -> dict:
        return {name: value[i : i + 1] for name, value in given.items()}

    found = {
        "moge": (lambda p: from_moge(given, progress=p), lambda i: from_moge(part(i))),
        "da3": (lambda p: from_da3(given | {"intrinsics": None}, 50, progress=p),
                lambda i: from_da3(part(i) | {"intrinsics": None}, 50)),
        "move": (lambda p: geometry_edit.move(one, 1.5, soft, p), lambda i: geometry_edit.move(one[i], 1.5, soft[i])),
        "move nearer": (lambda p: geometry_edit.move(one, -0.5, soft, p),
                        lambda i: geometry_edit.move(one[i], -0.5, soft[i])),
        "scale": (lambda p: geometry_edit.scale(one, 0.5, None, p), lambda i: geometry_edit.scale(one[i], 0.5)),
        "flatten": (lambda p: geometry_edit.flatten(one, None, soft, p),
                    lambda i: geometry_edit.flatten(one[i], None, soft[i])),
        "replace": (lambda p: geometry_edit.replace(one, other, soft, p),
                    lambda i: geometry_edit.replace(one[i], other[i], soft[i])),
        "blend with one": (lambda p: geometry_edit.blend(one, other[2], 0.4, soft[0], p),
                           lambda i: geometry_edit.blend(one[i], other[2], 0.4, soft[0])),
    }  # fmt: skip
    for convention in CONVENTIONS:
        found[convention] = (
            lambda p, c=convention: from_image(pictures, c, 1.0, 20.0, 55.0, progress=p),
            lambda i, c=convention: from_image(pictures[i : i + 1], c, 1.0, 20.0, 55.0),
        )
    return found


@pytest.mark.parametrize("name", cases())
def test_a_video_is_worked_on_image_by_image(name):
    whole, single = cases()[name]
    done = []
    with Allocations() as allocations:
        made = whole(lambda: done.append(1))
    assert allocations.found == [] and len(done) == FRAMES
    expected = Geometry.cat([single(i) for i in range(FRAMES)])
    assert torch.equal(made.valid, expected.valid) and torch.equal(made.intrinsics, expected.intrinsics)
    assert torch.equal(made.depth[made.valid], expected.depth[expected.valid])


@pytest.mark.parametrize("name", cases())
def test_work_on_a_video_can_be_cancelled(name):
    done = []

    def cancel() -> None:
        done.append(1)
        if len(done) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cases()[name][0](cancel)
    assert len(done) == 3


def test_images_of_a_video_are_drawn_one_at_a_time():
    depth = geometry()
    with Allocations() as allocations:
        drawn, grey = colorize(depth, "log", (1, 20)), depth_image(depth, "linear", (1, 20))
    assert allocations.found == []
    for i in range(FRAMES):
        assert torch.equal(drawn[i : i + 1], colorize(depth[i], "log", (1, 20)))
        assert torch.equal(grey[i : i + 1], depth_image(depth[i], "linear", (1, 20)))


def test_masks_of_a_video_are_fitted_one_at_a_time():
    with Allocations() as allocations:
        soft = geometry_edit.feather(mask()[:, :SIDE].contiguous(), 3)
    assert [name for name in allocations.found if name not in ("rand", "clone")] == []
    assert torch.equal(soft[1:2], geometry_edit.feather(mask()[1:2, :SIDE].contiguous(), 3))


def test_what_does_not_fit_is_said_before_any_image_is_touched():
    def never() -> None:
        raise AssertionError

    with pytest.raises(InputError, match="mask has a batch of 2; expected 1 or 7"):
        geometry_edit.scale(geometry(), 2, mask()[:2], never)
    near = geometry_edit.flatten(geometry()[0], 0.3)
    far = Geometry.cat([geometry()[1], near, geometry()[2]])
    # What is advised works for all images, not for the first at fault alone.
    with pytest.raises(InputError, match=r"cannot move by -2 metres.*expected -0\.29\d? or more"):
        geometry_edit.move(far, -2, None, never)
    assert geometry_edit.move(far, -0.299).valid.any()

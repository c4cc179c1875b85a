import pytest
import torch
from storage import Storages

from spatialfusion.errors import InputError
from spatialfusion.scenes.compose import check_masks, compose, draw, out_of_view
from spatialfusion.scenes.render import render
from spatialfusion.scenes.text import EXAMPLE, scene_from_text


@pytest.mark.parametrize("distance", [2.5, 6.0, 40.0])
def test_an_object_has_the_depth_that_its_text_says(distance):
    drawn = compose(f"camera height 0.5 pitch 0\ncube red at 0 {distance} size 1", (96, 72), samples=1)
    seen = drawn.masks[0]
    assert seen.any()
    # Seen head-on from the middle of its height, a cube shows its front face alone.
    assert drawn.geometry.depth[0][seen].numpy() == pytest.approx(distance - 0.5, abs=1e-4)
    points = drawn.geometry.points()[0][seen]
    assert points[:, :2].abs().max() < 0.5


def test_geometry_is_that_of_the_camera():
    drawn = compose("camera height 2 pitch 30 fov 75\nball at 0 4", (48, 32), samples=1)
    geometry = drawn.geometry
    assert geometry.depth.shape == geometry.valid.shape == (1, 32, 48)
    assert geometry.hfov.item() == pytest.approx(75, abs=1e-3)
    assert torch.allclose(geometry.intrinsics[0], drawn.scene.camera.intrinsics(48 / 32))
    ground = geometry.valid[0] & ~drawn.masks[0]
    world = geometry.points()[0][ground] @ drawn.scene.camera.rotation()
    assert (world[:, 1] - 2).abs().max() < 1e-3
    assert not compose("ball at 0 4", (16, 16), samples=1).geometry.valid[0, 0].any()


def test_masks_are_the_instances_in_the_order_of_the_text():
    drawn = compose(EXAMPLE, (64, 48), samples=1)
    same = render([drawn.scene], (64, 48), samples=1)
    assert drawn.image.shape == (1, 3, 48, 64) and torch.equal(drawn.image, same.image)
    assert drawn.masks.shape == (4, 48, 64) and drawn.masks.dtype == torch.bool
    assert torch.equal(drawn.masks.any(0), same.instance[0] >= 0)
    for index, mask in enumerate(drawn.masks):
        assert torch.equal(mask, same.instance[0] == index)
    assert drawn.names == ("blue house", "red car", "white table", "yellow mug")
    assert drawn.warnings == ()


def test_what_cannot_be_seen_is_a_warning():
    drawn = compose(
        """
        car at 0 -6 ; car red at -9 6 ; car blue at 9 6 ; mug at 0 1 ; ball at 0 3 9
        house at 0 12 ; mug red at 0 30 ; house red size 40 at 90 300 ; cube at 0 6
        """,
        (64, 64),
        samples=1,
    )
    assert drawn.warnings == (
        "white car cannot be seen: it is behind the camera.",
        "red car cannot be seen: it is left of the image.",
        "blue car cannot be seen: it is right of the image.",
        "white mug cannot be seen: it is below the image.",
        "white ball cannot be seen: it is above the image.",
        "red mug cannot be seen: it is hidden, or smaller than a pixel.",
        "red house is farther than 100 m, where depth counts as unknown.",
    )
    empty = {index for index, mask in enumerate(drawn.masks) if not mask.any()}
    assert empty == {0, 1, 2, 3, 4, 6}


def test_a_wider_image_shows_less_above_and_below():
    layout = scene_from_text("camera pitch 0 height 1.6; mug at 0 3.5")
    assert not out_of_view(layout, 1.0) and 0 in out_of_view(layout, 2.0)


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_more_than_memory_or_time_should_be_spent_on_is_refused():
    with pytest.raises(InputError, match="67 million pixels"):
        compose("car", (8192, 8192), samples=0)
    with pytest.raises(InputError, match="million rays"):
        compose("car", (4096, 4096), samples=4)
    with pytest.raises(InputError, match="size"):
        compose("car", (0, 8))
    check_masks(1000, (1024, 1024))
    with pytest.raises(InputError, match="for 1000 objects have 4194 million pixels"):
        check_masks(1000, (2048, 2048))


def test_memory_for_masks_is_taken_only_when_they_are_asked_for():
    text = "camera height 3 pitch 20\n" + "\n".join(
        f"ball at {i % 20 - 9.5} {5 + i // 20} size 0.3" for i in range(300)
    )
    with Storages() as storages:
        drawn = draw(scene_from_text(text), (64, 64), samples=0)
    assert max(storages.sizes) < len(drawn.names) * 64 * 64 * 4
    masks = drawn.masks_in(torch.float32)
    assert masks.dtype == torch.float32 and torch.equal(masks, drawn.masks.float()) and masks.any()


def test_depth_alone():
    drawn, alone = compose(EXAMPLE, (64, 48)), compose(EXAMPLE, (64, 48), samples=0)
    assert alone.image is None and alone.warnings == drawn.warnings
    assert torch.equal(alone.geometry.depth, drawn.geometry.depth) and torch.equal(alone.masks, drawn.masks)


def test_progress_can_end_the_drawing():
    rows = []
    compose(EXAMPLE, (64, 48), progress=lambda done, total: rows.append((done, total)))
    assert rows[-1] == (48, 48)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compose(EXAMPLE, (64, 48), progress=stop)

"""The layout that the spatial side tells in training."""

from __future__ import annotations

import math

import pytest
import torch

from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.scene import COLORS, KINDS
from spatialfusion.scenes.statements import SIDES, observe, view_score
from spatialfusion.train.layout import CLASSES, FACING_CLASSES, LayoutHead, covered, facing, layouts, object_cells


@pytest.mark.parametrize("size", [(128, 128), (128, 96)])
def test_a_layout_has_what_is_rendered_there(size):
    scenes = [sample_scene(seed) for seed in range(12)]
    rendered = render(scenes, size=size).instance
    layout = layouts(scenes, size[1] // 2, size[0] // 2)  # a cell for each pixel
    assert {len(scene.objects) for scene in scenes} == {1, 2}
    for scene, instance, maps in zip(scenes, rendered, layout, strict=True):
        nearest, others = maps.split(len(CLASSES))
        observed = observe(scene).objects
        metres = [math.hypot(*thing.position) for thing in observed]
        for i, thing in enumerate(scene.objects):
            told, silent = (nearest, others) if metres[i] == min(metres) else (others, nearest)
            assert (told[0][instance == i] == 1 + list(KINDS).index(thing.kind)).all()
            assert (told[1][instance == i] == 1 + list(COLORS).index(thing.color)).all()
            assert (told[2][instance == i] == facing(observed[i])).all()
            assert not silent[:, instance == i].any()
        assert not maps[:, instance < 0].any()


def test_a_layout_tells_which_cells_are_covered():
    scenes = [sample_scene(seed) for seed in range(12)]
    assert torch.equal(object_cells(layouts(scenes, 8, 6)), covered(scenes, 16, 12))


def test_a_facing_is_the_side_that_the_camera_sees():
    seen = set()
    for seed in range(200):
        for thing in observe(sample_scene(seed)).objects:
            side = facing(thing)
            seen.add(side)
            assert (side == 0) == (thing.front is None)
            # 22.5 degrees to either side of a quarter turn.
            for i, name in enumerate(SIDES):
                assert (side == (1, 5, 3, 7)[i]) == (view_score(thing, name, (22.5, 23)) == 1)
    assert seen == set(range(FACING_CLASSES))


def test_a_token_tells_its_own_cells():
    head = LayoutHead(32)
    with torch.no_grad():
        head.project.weight.normal_(generator=torch.Generator().manual_seed(0))
    grid = torch.randn(1, 32, 3, 4, generator=torch.Generator().manual_seed(1))
    changed = grid.clone()
    changed[0, :, 1, 2] *= -1
    for classes, before, after in zip(2 * CLASSES, head(grid), head(changed), strict=True):
        assert before.shape == (1, classes, 6, 8)
        different = (before != after).any(1)[0]
        assert different[2:4, 4:6].all() and different.sum() == 4

"""The layout that the spatial side tells in training."""

from __future__ import annotations

import math

import pytest
import torch

from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.scene import COLORS, KINDS
from spatialfusion.scenes.statements import observe
from spatialfusion.train.layout import COLOR_CLASSES, KIND_CLASSES, LayoutHead, layouts


@pytest.mark.parametrize("size", [(128, 128), (128, 96)])
def test_a_layout_has_what_is_rendered_there(size):
    scenes = [sample_scene(seed) for seed in range(12)]
    rendered = render(scenes, size=size).instance
    layout = layouts(scenes, size[1] // 2, size[0] // 2)  # a cell for each pixel
    assert {len(scene.objects) for scene in scenes} == {1, 2}
    for scene, instance, (*nearest, kind, color) in zip(scenes, rendered, layout, strict=True):
        metres = [math.hypot(*thing.position) for thing in observe(scene).objects]
        for i, thing in enumerate(scene.objects):
            near = metres[i] == min(metres)
            told, silent = (nearest, (kind, color)) if near else ((kind, color), nearest)
            assert (told[0][instance == i] == 1 + list(KINDS).index(thing.kind)).all()
            assert (told[1][instance == i] == 1 + list(COLORS).index(thing.color)).all()
            assert not silent[0][instance == i].any() and not silent[1][instance == i].any()
        assert not torch.stack([*nearest, kind, color])[:, instance < 0].any()


def test_a_token_tells_its_own_cells():
    head = LayoutHead(32)
    with torch.no_grad():
        head.project.weight.normal_(generator=torch.Generator().manual_seed(0))
    grid = torch.randn(1, 32, 3, 4, generator=torch.Generator().manual_seed(1))
    changed = grid.clone()
    changed[0, :, 1, 2] *= -1
    for classes, before, after in zip(2 * (KIND_CLASSES, COLOR_CLASSES), head(grid), head(changed), strict=True):
        assert before.shape == (1, classes, 6, 8)
        different = (before != after).any(1)[0]
        assert different[2:4, 4:6].all() and different.sum() == 4

"""The layout that the spatial side tells in training."""

from __future__ import annotations

import pytest
import torch

from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.scene import COLORS, KINDS
from spatialfusion.train.layout import COLOR_CLASSES, KIND_CLASSES, LayoutHead, layouts


@pytest.mark.parametrize("size", [(128, 128), (128, 96)])
def test_a_layout_has_what_is_rendered_there(size):
    scenes = [sample_scene(seed) for seed in range(12)]
    rendered = render(scenes, size=size).instance
    layout = layouts(scenes, size[1] // 2, size[0] // 2)  # a cell for each pixel
    for scene, instance, (kind, color) in zip(scenes, rendered, layout, strict=True):
        assert torch.equal(kind > 0, instance >= 0) and torch.equal(color > 0, instance >= 0)
        for i, thing in enumerate(scene.objects):
            assert (kind[instance == i] == 1 + list(KINDS).index(thing.kind)).all()
            assert (color[instance == i] == 1 + list(COLORS).index(thing.color)).all()


def test_a_token_tells_its_own_cells():
    head = LayoutHead(32)
    with torch.no_grad():
        head.project.weight.normal_(generator=torch.Generator().manual_seed(0))
    grid = torch.randn(1, 32, 3, 4, generator=torch.Generator().manual_seed(1))
    changed = grid.clone()
    changed[0, :, 1, 2] *= -1
    for classes, before, after in zip((KIND_CLASSES, COLOR_CLASSES), head(grid), head(changed), strict=True):
        assert before.shape == (1, classes, 6, 8)
        different = (before != after).any(1)[0]
        assert different[2:4, 4:6].all() and different.sum() == 4

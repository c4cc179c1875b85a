"""The page itself, in a browser: open a template, press Run, see the pictures. Skipped without a host or a browser."""

from __future__ import annotations

import io

import numpy as np
import pytest
from host_page import NoBrowserError, open_page
from host_server import Host, NoHostError
from PIL import Image
from test_host_server import PROMPTS, TINY

from spatialfusion.depth_image import disparity_image
from spatialfusion.planner.plan import plan

# Nodes of the workflows that show pictures, and how large where the workflow's own size is known.
pytestmark = pytest.mark.host

PICTURES = {"PreviewImage", "SaveImage", "MaskPreview", "SpatialFusionSaveDepth"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    try:
        host = Host(tmp_path_factory.mktemp("comfyui"))
        host.start()
        try:
            with open_page(host.address) as page:
                yield page
        finally:
            host.stop()
    except (NoHostError, NoBrowserError) as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", TINY)
def test_a_template_runs_and_shows_its_pictures(name, page):
    page.open(name)
    page.run()
    expected = sorted(n["class_type"] for n in PROMPTS[name].values() if n["class_type"] in PICTURES)
    shown = page.shown()
    assert sorted(kind for kind, sizes in shown.items() for _ in sizes) == expected
    assert all(min(size) >= 64 for sizes in shown.values() for size in sizes)
    if "SaveImage" in shown:
        assert shown["SaveImage"] == [(128, 128)]
    assert page.errors() == 0


def test_a_sentence_that_is_typed_is_seen_as_depth(page):
    sentence, size = "a red ball on a table, zorply", 256
    page.open("SpatialFusion-Sentence-to-Depth")
    page.type("SpatialFusionPlanScene", "sentence", sentence)
    for widget in ("width", "height"):
        page.set("SpatialFusionPlanScene", widget, size)
    page.set("SpatialFusionSceneMask", "objects", "ball")
    page.run()
    made = plan(sentence, size=(size, size))
    expected = {
        "Picture": made.image[0].permute(1, 2, 0),
        "Depth": disparity_image(made.geometry)[0, :, :, None].expand(-1, -1, 3),
        "Mask": made.masks[0][:, :, None].expand(-1, -1, 3).float(),
    }
    shown = page.pictures()
    assert set(shown) == set(expected)
    for title, picture in expected.items():
        pixels = np.asarray(Image.open(io.BytesIO(shown[title])).convert("RGB"), dtype=float)
        assert np.abs(pixels - 255 * picture.numpy()).max() <= 1, title
    assert page.said("SpatialFusionPlanScene") == "Not understood: zorply."
    assert page.errors() == 0

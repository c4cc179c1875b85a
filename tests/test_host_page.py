"""The page itself, in a browser: open a template, press Run, see the pictures. Skipped without a host or a browser."""

from __future__ import annotations

import io
import itertools
import json

import numpy as np
import pytest
from host_page import NoBrowserError, open_page
from host_server import Host, NoHostError
from page_layout import opening_zoom
from PIL import Image
from test_host_server import NAMES, PROMPTS, TINY, WORKFLOWS

from spatialfusion.geometry.depth_image import disparity_image
from spatialfusion.planner.plan import plan

# Nodes of the workflows that show pictures, and how large where the workflow's own size is known.
pytestmark = pytest.mark.host

PICTURES = {"PreviewImage", "SaveImage", "MaskPreview"}
PICTURES |= {f"SpatialFusion{name}Depth" for name in ("Save", "Predict", "Edit")}


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
    # What nodes show after a run has its place: none has grown over another.
    for (one, a), (other, b) in itertools.combinations(page.boxes().items(), 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, f"{one} lies over {other} after a run"


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith(".app")])
def test_a_template_opens_so_that_it_can_be_read(name, page):
    page.open(name)
    page.page.wait_for_timeout(1000)
    zoom, text = page.zoom()
    file = json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8"))
    assert text and abs(zoom - opening_zoom(file)) < 0.01
    sizes = {node["id"]: node["size"] for node in file["nodes"]}
    for node, (left, top, right, bottom) in page.boxes().items():
        width, height = sizes[int(node.split()[0])]
        # A node that needs more than the file gives it would lie over what is below.
        assert right - left == pytest.approx(width, abs=1) and bottom - top - 30 == pytest.approx(height, abs=1), node


def test_an_app_runs(page):
    name = "SpatialFusion-Sentence-to-Depth.app"
    page.open(name)
    for name_of_input in ("sentence", "seed"):
        page.page.get_by_text(name_of_input, exact=True).first.wait_for()
    shown = page.run_app(results=2)
    assert [1024, 1024] in shown


def test_the_template_browser_finds_the_pack(page):
    page.open("SpatialFusion-Sentence-to-Depth")
    for query, least in (("spatial", len(NAMES)), ("depth", 5)):
        found = page.found_templates(query)
        ours = [name for name in found if "SpatialFusion" in name]
        assert len(ours) >= least, query
    page.page.keyboard.press("Escape")


@pytest.mark.parametrize("query", ["3d layout", "camera", "regional prompt", "blockout"])
def test_the_search_for_nodes_finds_the_pack(query, page):
    page.open("SpatialFusion-Sentence-to-Depth")
    page.page.wait_for_timeout(1000)
    assert any("SpatialFusion" in found for found in page.found_nodes(query)[:8])


@pytest.mark.parametrize("path", sorted((WORKFLOWS.parent / "subgraphs").glob("*.json")), ids=lambda path: path.stem)
def test_a_blueprint_is_one_node_that_posts_what_is_in_it(path, page):
    page.open("SpatialFusion-Sentence-to-Depth")
    page.page.wait_for_timeout(1000)
    before = set(page.prompt())
    assert page.found_nodes(path.stem, press="Enter")[0].startswith(path.stem)
    inner = json.loads(path.read_text(encoding="utf-8"))["definitions"]["subgraphs"][0]
    expected = sorted(node["type"] for node in inner["nodes"])
    made = page.page.evaluate(
        """(name) => { const n = window.app.graph._nodes.find((n) => n.title === name);
               return n && { inner: n.subgraph._nodes.map((i) => i.type).sort(), outputs: n.outputs.map((o) => o.name),
                             widgets: n.widgets.map((w) => [w.name, w.value]) } }""",
        path.stem,
    )
    assert made["inner"] == expected
    assert made["outputs"] == [output["name"] for output in inner["outputs"]]
    # Every widget has the value that the node behind it has in the file.
    assert {name for name, _ in made["widgets"]} <= {i["name"] for i in inner["inputs"]}
    assert dict(made["widgets"])["sentence"] in {v for n in inner["nodes"] for v in n["widgets_values"]}
    assert set(page.prompt()) > before


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

"""The workflow templates as files; tests/test_host_server.py runs them. `.ci/workflows.py` writes them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

FOLDER = Path(__file__).parents[1] / "workflows"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture
def page(name) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_every_template_has_its_prompt_and_its_picture():
    assert len(NAMES) >= 9
    assert sorted(path.stem for path in (FOLDER / "api").iterdir()) == NAMES
    assert sorted(path.stem for path in FOLDER.glob("*.jpg")) == NAMES
    for path in FOLDER.glob("*.jpg"):
        assert Image.open(path).size == (400, 300) and path.stat().st_size < 60_000


def test_links_are_the_same_at_both_ends(page):
    nodes = {node["id"]: node for node in page["nodes"]}
    links = {link[0]: link for link in page["links"]}
    assert len(nodes) == len(page["nodes"]) and len(links) == len(page["links"])
    assert page["version"] == 0.4
    assert (page["last_node_id"], page["last_link_id"]) == (max(nodes), max(links))
    for number, start, output, end, socket, kind in page["links"]:
        source, target = nodes[start]["outputs"][output], nodes[end]["inputs"][socket]
        assert number in source["links"] and target["link"] == number
        assert source["type"] == kind
        # Each may name several types.
        assert "*" in target["type"] or set(kind.split(",")) & set(target["type"].split(","))
        assert nodes[start]["order"] < nodes[end]["order"]
    assert sum(len(output["links"]) for node in nodes.values() for output in node["outputs"]) == len(links)
    assert sum(socket["link"] is not None for node in nodes.values() for socket in node["inputs"]) == len(links)


def test_it_reads_from_left_to_right(page):
    """No two nodes overlap, every link runs to the right or down its column, every node is in a group."""
    nodes = {node["id"]: node for node in page["nodes"]}

    def box(node) -> tuple[float, float, float, float]:
        (x, y), (width, height) = node["pos"], node["size"]
        return x, y - 30, x + width, y + height  # 30: the title's bar

    boxes = [box(node) for node in nodes.values()]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    for _, start, _, end, _, _ in page["links"]:
        (x, y), (later_x, later_y) = nodes[start]["pos"], nodes[end]["pos"]
        assert later_x > x or (later_x == x and later_y > y)
    for node in nodes.values():
        if node["type"] != "MarkdownNote":
            x0, y0, x1, y1 = box(node)
            assert any(
                x <= x0 and y <= y0 and x1 <= x + width and y1 <= y + height
                for x, y, width, height in (group["bounding"] for group in page["groups"])
            )


def test_a_note_says_what_it_does_and_needs(page):
    (note,) = [node for node in page["nodes"] if node["type"] == "MarkdownNote"]
    heading, text, needs = note["widgets_values"][0].split("\n\n", 2)
    assert heading.startswith("## ")
    assert 2 <= len(re.split(r"(?<=[.]) ", text)) <= 3
    files = [model for node in page["nodes"] for model in node["properties"].get("models", ())]
    if not files:
        assert "nothing but this node pack" in needs
    for model in files:
        assert model["url"] in needs and f"models/{model['directory']}" in needs


def test_loaders_of_public_weights_say_where_to_get_them(page):
    for node in page["nodes"]:
        weights = [value for value in node.get("widgets_values", []) if str(value).endswith((".safetensors", ".sft"))]
        models = node["properties"].get("models", [])
        assert [model["name"] for model in models] == weights
        for model in models:
            assert re.fullmatch(r"https://huggingface\.co/[\w.-]+/[\w.-]+/resolve/main/\S+", model["url"])
            assert model["url"].rsplit("/", 1)[1] == model["name"]


def test_nodes_say_which_pack_they_are_of(page):
    project = (FOLDER.parent / "pyproject.toml").read_text()
    ours = re.search(r'^name = "(.+)"', project, re.MULTILINE).group(1)
    for node in page["nodes"]:
        if node["type"] != "MarkdownNote":
            expected = ours if node["type"].startswith("SpatialFusion") else "comfy-core"
            assert node["properties"]["cnr_id"] == expected
            assert node["properties"]["Node name for S&R"] == node["type"]


def test_every_node_of_the_pack_is_in_a_workflow():
    # A template that names a depth file of its user's would not run for anybody else.
    reads_files = {"SpatialFusionLoadDepth"}
    source = "".join(path.read_text() for path in (FOLDER.parent / "nodes").glob("*.py"))
    used = "".join(path.read_text() for path in (FOLDER / "api").iterdir())
    ids = re.findall(r'node_id="(\w+)"', source)
    assert len(ids) >= 13
    assert {node_id for node_id in ids if f'"{node_id}"' not in used} == reads_files

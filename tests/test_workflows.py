"""Workflow templates and blueprints as files; tests/test_host_server.py runs them. `.ci/workflows.py` writes them."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from page_layout import READABLE, box, hidden_links, opening_zoom
from PIL import Image

FOLDER = Path(__file__).parents[1] / "workflows"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
APPS = [name for name in NAMES if name.endswith(".app")]


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture
def page(name) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_every_template_has_its_prompt_and_its_picture():
    assert len(NAMES) >= 18
    # An app posts the prompt of the workflow that it is made of.
    assert sorted(path.stem for path in (FOLDER / "api").iterdir()) == sorted(set(NAMES) - set(APPS))
    assert sorted(path.stem for path in FOLDER.glob("*.jpg")) == NAMES
    for path in FOLDER.glob("*.jpg"):
        assert Image.open(path).size == (512, 512) and path.stat().st_size < 80_000


def test_pictures_are_filled_and_not_alike():
    """No bars of one colour at the edges, and no two pictures that look the same when small."""
    small = {}
    for path in FOLDER.glob("*.jpg"):
        pixels = np.asarray(Image.open(path).convert("RGB"), dtype=float)
        for bars in ((pixels[:40], pixels[-40:]), (pixels[:, :40], pixels[:, -40:])):
            assert max(bar.std(axis=(0, 1)).max() for bar in bars) > 2, f"{path.name} has bars at two edges"
        small[path.stem] = np.asarray(Image.open(path).convert("RGB").resize((16, 16)), dtype=float)
    for a, b in itertools.combinations(small, 2):
        assert np.abs(small[a] - small[b]).mean() > 12, f"{a} and {b} look the same"


def test_the_template_search_finds_them():
    """It searches the words of a file's name, by their beginnings, and shows the name as title.

    A link to a template takes letters, digits, hyphens, dots and underscores alone.
    """
    words = {name: re.split(r"[-_\s]", name.lower()) for name in NAMES}
    found = {query: [n for n in NAMES if any(w.startswith(query) for w in words[n])] for query in ("spatial", "depth")}
    assert found["spatial"] == NAMES
    assert len(found["depth"]) >= 5
    assert all(re.fullmatch(r"[\w.-]{1,40}", name) for name in NAMES)


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


def test_reroutes_carry_the_links_that_name_them(page):
    reroutes = {reroute["id"]: reroute for reroute in page["extra"].get("reroutes", [])}
    carried = {number: set() for number in reroutes}
    for link in page["extra"].get("linkExtensions", []):
        at = link["parentId"]
        while at is not None:
            carried[at].add(link["id"])
            at = reroutes[at].get("parentId")
    assert carried == {number: set(reroute["linkIds"]) for number, reroute in reroutes.items()}
    assert all(carried.values()), "a reroute without a link"


def test_it_opens_at_a_zoom_at_which_text_shows(page):
    assert opening_zoom(page) >= READABLE


def test_nodes_do_not_overlap_and_stand_in_groups(page):
    nodes = [node for node in page["nodes"] if node["type"] != "MarkdownNote"]
    for a, b in itertools.combinations(map(box, page["nodes"]), 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    groups = [group["bounding"] for group in page["groups"]]
    for (x0, y0, w0, h0), (x1, y1, w1, h1) in itertools.combinations(groups, 2):
        assert x0 + w0 <= x1 or x1 + w1 <= x0 or y0 + h0 <= y1 or y1 + h1 <= y0
    for node in nodes:
        x0, y0, x1, y1 = box(node)
        assert any(x <= x0 and y <= y0 and x1 <= x + width and y1 <= y + height for x, y, width, height in groups)


def test_no_link_runs_behind_a_node(page):
    assert hidden_links(page) == []


def test_a_link_behind_a_node_is_found(page):
    """The test itself: a node that is put upon the middle of the longest link."""
    nodes = {node["id"]: node for node in page["nodes"]}
    assert hidden_links(page) == []
    page["extra"].pop("linkExtensions", None)
    link = max(page["links"], key=lambda link: abs(nodes[link[3]]["pos"][0] - nodes[link[1]]["pos"][0]))
    start, end = nodes[link[1]], nodes[link[3]]
    left, right = start["pos"][0] + start["size"][0], end["pos"][0]
    if right - left > 40:
        high = min(start["pos"][1], end["pos"][1])
        wall = {"id": 10_000, "type": "Wall", "pos": [(left + right) / 2 - 5, high - 500], "size": [10, 3000]}
        page["nodes"].append(wall | {"inputs": [], "outputs": []})
    assert hidden_links(page)


def test_titles_differ_and_can_be_read(page):
    named = [node.get("title") or node["type"] for node in page["nodes"]]
    assert len(set(named)) == len(named)
    assert not {"Prompt", "Image"} <= set(named)
    for node in page["nodes"]:
        assert 7 * len(node.get("title", "")) + 60 <= node["size"][0], f"the title of {node['title']} is cut"
    for group in page["groups"]:
        assert 12 * len(group["title"]) <= group["bounding"][2], f"the heading {group['title']} is cut"


def test_a_note_says_what_it_does_and_needs(page):
    (note,) = [node for node in page["nodes"] if node["type"] == "MarkdownNote"]
    heading, text, needs = note["widgets_values"][0].split("\n\n", 2)
    assert heading.startswith("## ")
    assert 2 <= len(re.split(r"(?<=[.]) ", text)) <= 4
    files = [model for node in page["nodes"] for model in node["properties"].get("models", ())]
    if not files:
        assert "nothing but this node pack" in needs
    for model in files:
        assert model["url"] in needs and f"models/{model['directory']}" in needs


def test_a_control_begins_gently_and_the_note_says_why(page):
    """Blocks are no silhouettes: strength 0.6, and an end at half the steps."""
    values = {node["type"]: node["widgets_values"] for node in page["nodes"]}
    note = values["MarkdownNote"][0]
    if "ControlNetApplyAdvanced" in values:
        assert values["ControlNetApplyAdvanced"] == [0.6, 0.0, 0.5]
    elif "ZImageFunControlnet" in values:
        assert values["ZImageFunControlnet"] == [0.6] and values["SpatialFusionLimitControl"] == [0.0, 0.5]
    else:
        return
    assert "end 0.5" in note and "strength of 0.6" in note


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


# App mode and blueprints ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", APPS)
def test_an_app_is_its_workflow_with_a_choice_of_widgets_and_results(name):
    app, flow = (
        json.loads((FOLDER / f"{n}.json").read_text(encoding="utf-8")) for n in (name, name.removesuffix(".app"))
    )
    chosen = app["extra"].pop("linearData")
    assert (app["extra"].pop("linearMode"), flow["extra"].pop("linearMode")) == (True, False)
    assert {key: app[key] for key in app if key != "id"} == {key: flow[key] for key in flow if key != "id"}
    nodes = {node["id"]: node for node in app["nodes"]}
    for node, widget in chosen["inputs"]:
        assert widget in [i["name"] for i in nodes[node]["inputs"] if "widget" in i and i["link"] is None]
    assert {nodes[node]["type"] for node in chosen["outputs"]} <= {"PreviewImage", "SaveImage"}
    assert chosen["inputs"] and chosen["outputs"]


def test_there_are_two_apps():
    assert len(APPS) >= 2


BLUEPRINTS = sorted((FOLDER.parent / "subgraphs").glob("*.json"))


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_a_blueprint_is_whole(path):
    file = json.loads(path.read_text(encoding="utf-8"))
    (instance,), (inner,) = file["nodes"], file["definitions"]["subgraphs"]
    assert instance["type"] == inner["id"] and instance["title"] == inner["name"] == path.stem
    assert [i["name"] for i in instance["inputs"]] == [i["name"] for i in inner["inputs"]]
    assert [o["name"] for o in instance["outputs"]] == [o["name"] for o in inner["outputs"]]
    nodes = {node["id"]: node for node in inner["nodes"]}
    links = {link["id"]: link for link in inner["links"]}
    for number, link in links.items():
        start, end = link["origin_id"], link["target_id"]
        if start == -10:
            assert inner["inputs"][link["origin_slot"]]["linkIds"] == [number]
        else:
            assert number in nodes[start]["outputs"][link["origin_slot"]]["links"]
        if end == -20:
            assert inner["outputs"][link["target_slot"]]["linkIds"] == [number]
        else:
            assert nodes[end]["inputs"][link["target_slot"]]["link"] == number
    assert all(item["linkIds"] for item in (*inner["inputs"], *inner["outputs"]))
    # Nothing in it that only shows.
    assert not {"PreviewImage", "SaveImage", "MarkdownNote"} & {node["type"] for node in nodes.values()}

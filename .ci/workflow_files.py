"""Descriptions of workflows, and the files that ComfyUI reads: graphs of the page, prompts, and blueprints."""

from __future__ import annotations

import math
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from workflow_layout import TITLE, Group, Place, Wire, extra_of, place

WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "LOAD_3D"}
# Heights of the parts of a node, in pixels.
SLOT, WIDGET, TEXT, IMAGE, SAID = 20, 24, 96, 260, 60
LETTER = 7.4  # of a title, in pixels
IMAGES = {f"SpatialFusion{name}Depth" for name in ("Save", "Predict", "Edit", "Import")}
IMAGES |= {"PreviewImage", "SaveImage", "SaveGLB", "Preview3D", "MaskPreview"}
TEXTS = {
    "PreviewAny",
    *("SpatialFusion" + name for name in ("MeasureDepth", "ComposeScene", "PlanScene", "SceneRegions")),
    *("SpatialFusion" + name for name in ("EditScene", "OrbitCamera", "CompareScene", "PickBest")),
}
NOTE = 1  # the note's id
NOTE_WIDTH, NOTE_BELOW = 290, 130


# Describing -----------------------------------------------------------------------------------------------------------


@dataclass
class Node:
    """A node: its inputs are values of widgets, and outputs of other nodes. Widgets not named have their defaults.

    after: what the page does with the seed after a run, "fixed" or "randomize"; None for the input's own way. size:
    (width, height) on the page, where the usual one does not show enough.
    """

    type: str
    inputs: dict[str, Any]
    title: str | None = None
    models: tuple[dict[str, str], ...] = ()
    after: str | None = None
    id: int = 0
    size: tuple[int, int] | None = None

    def __getitem__(self, output: str) -> Output:
        return Output(self, output)


@dataclass
class Output:
    node: Node
    name: str


@dataclass
class Column:
    row: int
    heading: str | None  # None: of the group before
    nodes: list[Node] = field(default_factory=list)


@dataclass
class Blueprint:
    """A workflow as one node: the inputs that it shows, as (node, input, label), and its outputs, by label.

    The nodes in it are those that the outputs need.
    """

    name: str
    inputs: list[tuple[Node, str, str]]
    outputs: dict[str, Output]

    @property
    def nodes(self) -> set[int]:
        found: set[int] = set()
        waiting = [output.node for output in self.outputs.values()]
        while waiting:
            node = waiting.pop()
            if node.id not in found:
                found.add(node.id)
                given = [v for i, v in node.inputs.items() if (node, i) not in [(n, w) for n, w, _ in self.inputs]]
                waiting += [value.node for value in given if isinstance(value, Output)]
        return found


@dataclass
class Workflow:
    """Columns of nodes from left to right, in rows from top to bottom; the first below a note or beside it.

    thumbnail: the nodes whose images are shown. Where weights have to be downloaded, only these nodes and what they
    need are run for it. slant: of the cut between two of them. corner: where the second stands in the first instead,
    "left" or "right". tint: of the farthest depth and the nearest. app: what app mode asks for, as (node, widget), and
    the nodes whose results it shows.
    """

    note: str
    below_note: bool = True
    columns: list[Column] = field(default_factory=list)
    thumbnail: list[Node] = field(default_factory=list)
    slant: float = 0.25
    corner: str | None = None
    tint: tuple[str, str] = ("black", "white")
    blueprint: Blueprint | None = None
    app: tuple[list[tuple[Node, str]], list[Node]] | None = None

    def column(self, heading: str | None = None, row: int | None = None) -> None:
        """The next nodes stand in a column of their own, under a heading or in the group before."""
        if row is None:
            row = self.columns[-1].row if self.columns else 0
        self.columns.append(Column(row, heading))

    def add(self, kind: str, /, *, title: str | None = None, models=(), after=None, size=None, **inputs) -> Node:
        node = Node(kind, inputs, title, tuple(models), after, NOTE + 1 + len(self.nodes), size)
        self.columns[-1].nodes.append(node)
        return node

    @property
    def nodes(self) -> list[Node]:
        return sorted((node for column in self.columns for node in column.nodes), key=lambda node: node.id)


# Of nodes -------------------------------------------------------------------------------------------------------------


@dataclass
class Input:
    """An input as /object_info has it."""

    name: str
    type: str
    options: dict[str, Any]
    optional: bool

    @property
    def is_widget(self) -> bool:
        return self.options.get("widgetType", self.type) in WIDGETS and not self.options.get("forceInput")

    @property
    def default(self) -> Any:
        if "default" in self.options:
            return self.options["default"]
        if self.type == "COMBO":
            return self.options["options"][0]
        return {"STRING": "", "BOOLEAN": False, "LOAD_3D": ""}.get(self.type, 0)


def inputs_of(info: dict[str, Any]) -> list[Input]:
    found = []
    for section in ("required", "optional"):
        for name, spec in info["input"].get(section, {}).items():
            kind, options = spec[0], dict(spec[1]) if len(spec) > 1 else {}
            if isinstance(kind, list):  # the older way to write a combo
                kind, options = "COMBO", {"options": kind, **options}
            found.append(Input(name, kind, options, section == "optional"))
    return found


def sockets_of(info: dict[str, Any]) -> list[Input]:
    """The inputs in the page's order: sockets first, then the sockets of widgets."""
    return sorted(inputs_of(info), key=lambda i: i.is_widget)


def output_slot(output: Output, infos: dict[str, Any]) -> tuple[int, str]:
    info = infos[output.node.type]
    slot = info["output_name"].index(output.name)
    return slot, info["output"][slot]


def values_of(node: Node, infos: dict[str, Any]) -> dict[str, Any]:
    """Every widget's value and every link of a node, in the order of its inputs."""
    inputs = inputs_of(infos[node.type])
    unknown = set(node.inputs) - {i.name for i in inputs}
    assert not unknown, f"{node.type} has no input {', '.join(unknown)}"
    defaults = {i.name: i.default for i in inputs if i.is_widget and i.name not in node.inputs}
    values = {**defaults, **node.inputs}
    return {i.name: values[i.name] for i in inputs if i.name in values}


def size_of(node: Node, info: dict[str, Any]) -> tuple[int, int]:
    inputs = inputs_of(info)
    sockets, widgets = [i for i in inputs if not i.is_widget], [i for i in inputs if i.is_widget]
    texts = sum(bool(i.options.get("multiline")) for i in widgets)
    seeds = sum(bool(i.options.get("control_after_generate")) for i in widgets)
    height = SLOT * max(len(sockets), len(info["output"])) + WIDGET * (len(widgets) + seeds) + TEXT * texts + 20
    height += IMAGE if node.type in IMAGES else SAID if node.type in TEXTS else 0
    width, height = node.size or (280 if texts else 230, height)
    title = node.title or info["display_name"] or node.type
    return max(width, math.ceil(LETTER * len(title)) + 2 * TITLE + 20), height


def height_of_socket(node: Node, info: dict[str, Any], number: int) -> float:
    """How far below the node's corner a socket is; that of a widget is beside the widget."""
    inputs = sockets_of(info)
    if not inputs[number].is_widget:
        return SLOT * (number + 0.7)
    before = [i for i in inputs[:number] if i.is_widget]
    rows = len(before) + sum(bool(i.options.get("control_after_generate")) for i in before)
    sockets = max(sum(not i.is_widget for i in inputs), len(info["output"]))
    return SLOT * sockets + WIDGET * rows + TEXT * sum(bool(i.options.get("multiline")) for i in before) + 16


# Files ----------------------------------------------------------------------------------------------------------------


def api_prompt(flow: Workflow, infos: dict[str, Any]) -> dict[str, Any]:
    prompt = {}
    for node in flow.nodes:
        values = {
            name: [str(value.node.id), output_slot(value, infos)[0]] if isinstance(value, Output) else value
            for name, value in values_of(node, infos).items()
        }
        title = node.title or infos[node.type]["display_name"]
        prompt[str(node.id)] = {"class_type": node.type, "inputs": values, "_meta": {"title": title}}
    return prompt


def order_of(nodes: list[Node]) -> dict[int, int]:
    """When each node comes: after those that it needs."""
    order: dict[int, int] = {}

    def visit(node: Node) -> None:
        if node.id not in order:
            for value in node.inputs.values():
                if isinstance(value, Output):
                    visit(value.node)
            order[node.id] = len(order) + 1

    for node in nodes:
        visit(node)
    return order


def wires_of(nodes: list[Node], infos: dict[str, Any], places: dict[int, Place]) -> dict[int, Wire]:
    """The links between nodes, by their numbers."""
    wires: dict[int, Wire] = {}
    known = {node.id for node in nodes}
    for node in nodes:
        for socket, item in enumerate(sockets_of(infos[node.type])):
            value = node.inputs.get(item.name)
            if isinstance(value, Output) and value.node.id in known:
                slot, _ = output_slot(value, infos)
                end = (SLOT / 2, height_of_socket(node, infos[node.type], socket))
                start = (1 - SLOT / 2, SLOT * (slot + 0.7))
                wires[len(wires) + 1] = Wire(value.node.id, slot, node.id, start, end)
    return wires


def stand(flow: Workflow, infos: dict[str, Any], only: set[int] | None = None):
    """The places, groups and links of a workflow's nodes, or of some, and the reroutes of the links."""
    note = only is None
    places: dict[int, Place] = {}
    groups: list[Group] = []
    if note:
        lines = sum(1 + len(line) // 44 for line in re.sub(r"\(http.*?\)", "", flow.note).split("\n"))
        places[NOTE] = Place(0, 0, NOTE_WIDTH, 70 + 17 * lines, NOTE_BELOW)
    columns: dict[int, int] = {}  # of each row: how many
    for column in flow.columns:
        members = [node for node in column.nodes if only is None or node.id in only]
        if not members:
            continue
        if note and column.row == 0 and 0 not in columns and not flow.below_note:
            columns[0] = 1  # the note has the first
        number = columns[column.row] = columns.get(column.row, 0) + 1
        for node in members:
            width, height = size_of(node, infos[node.type])
            places[node.id] = Place(column.row, number - 1, width, height)
        if column.heading is None and groups and groups[-1].row == column.row:
            groups[-1].columns.append(number - 1)
        else:
            groups.append(Group(f"{len(groups) + 1} - {column.heading}", column.row, [number - 1]))
    nodes = [node for node in flow.nodes if only is None or node.id in only]
    wires = wires_of(nodes, infos, places)
    return nodes, places, groups, wires, place(places, groups, wires)


def node_of_page(node: Node, infos: dict[str, Any], where: Place, order: int, versions: dict[str, tuple[str, str]]):
    """A node without its links, as the page saves it."""
    info = infos[node.type]
    values, sockets, widgets = values_of(node, infos), [], []
    for item in sockets_of(info):
        socket = {"name": item.name, "type": item.type, "link": None}
        if item.optional:
            socket["shape"] = 7
        if item.is_widget:
            socket["widget"] = {"name": item.name}
            value = values.get(item.name)
            widgets.append(item.default if isinstance(value, Output) else value)
            if way := item.options.get("control_after_generate"):
                widgets.append(node.after or (way if isinstance(way, str) else "randomize"))
        sockets.append(socket)
    cnr, version = versions["ours" if node.type.startswith("SpatialFusion") else "core"]
    properties = {"Node name for S&R": node.type, "cnr_id": cnr, "ver": version}
    if node.models:
        properties["models"] = list(node.models)
    return {
        "id": node.id,
        "type": node.type,
        "pos": [where.x, where.y],
        "size": [where.width, where.height],
        "flags": {},
        "order": order,
        "mode": 0,
        "inputs": sockets,
        "outputs": [{"name": n, "type": t, "links": []} for n, t in zip(info["output_name"], info["output"])],
        **({"title": node.title} if node.title else {}),
        "properties": properties,
        "widgets_values": widgets,
    }


def connected(nodes: list[Node], wires: dict[int, Wire], pages: dict[int, dict]) -> list[tuple[int, ...]]:
    """Enter the links into the nodes; (number, source, output, target, socket, type) of each."""
    found, links = [], iter(wires)
    for node in nodes:
        for socket, item in enumerate(pages[node.id]["inputs"]):
            value = node.inputs.get(item["name"])
            if isinstance(value, Output) and value.node.id in pages:
                number = next(links)
                slot = wires[number].output
                source = pages[value.node.id]["outputs"][slot]
                source["links"].append(number)
                item["link"] = number
                found.append((number, value.node.id, slot, node.id, socket, source["type"]))
    return found


def page_graph(
    name: str, flow: Workflow, infos: dict[str, Any], versions: dict[str, tuple[str, str]], app: bool = False
) -> dict:
    """The workflow as the page opens and saves it, format 0.4; `app`: in app mode."""
    nodes, places, groups, wires, reroutes = stand(flow, infos)
    order = order_of(nodes)
    pages = {node.id: node_of_page(node, infos, places[node.id], order[node.id], versions) for node in nodes}
    links = connected(nodes, wires, pages)
    where = places[NOTE]
    note = {
        "id": NOTE,
        "type": "MarkdownNote",
        "pos": [where.x, where.y],
        "size": [where.width, where.height],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": [],
        "outputs": [],
        "title": "What this does",
        "properties": {},
        "widgets_values": [flow.note],
        "color": "#222",
        "bgcolor": "#000",
    }
    extra: dict[str, Any] = {"ds": {"scale": 0.6, "offset": [100, 160]}, **extra_of(reroutes, wires)}
    extra["linearMode"] = app  # unsaid, a page in app mode would stay in it
    if app:
        assert flow.app is not None
        asked, shown = flow.app
        extra["linearData"] = {"inputs": [[n.id, w] for n, w in asked], "outputs": [n.id for n in shown]}
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"spatialfusion/workflows/{name}")),
        "revision": 0,
        "last_node_id": max(pages),
        "last_link_id": len(links),
        "nodes": [note, *pages.values()],
        "links": [list(link) for link in links],
        "groups": [group_of(number, group) for number, group in enumerate(groups, 1)],
        "config": {},
        "extra": extra,
        "version": 0.4,
    }


def group_of(number: int, group: Group) -> dict[str, Any]:
    return {
        "id": number,
        "title": group.title,
        "bounding": group.bounding,
        "color": "#3f789e",
        "font_size": 24,
        "flags": {},
    }


def blueprint_file(flow: Workflow, infos: dict[str, Any], versions: dict[str, tuple[str, str]]) -> dict:
    """The workflow as one node that ComfyUI lists among its blueprints."""
    made = flow.blueprint
    assert made is not None
    nodes, places, groups, wires, reroutes = stand(flow, infos, made.nodes)
    order = order_of(nodes)
    pages = {n.id: node_of_page(n, infos, places[n.id], order[n.id] - 1, versions) for n in nodes}
    links = connected(nodes, wires, pages)

    left = min(p.box[0] for p in places.values()) - 260
    right = max(p.box[2] for p in places.values()) + 140
    inputs, shown = blueprint_inputs(made, pages, links, left + 100)
    outputs = blueprint_outputs(made, infos, pages, links, right + 20)
    ends = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    # A subgraph is of the newer format, where links are dicts and name their last reroute themselves.
    led = {n: {"parentId": wire.parent} for n, wire in wires.items() if wire.parent is not None}
    definition = {
        "id": key(made),
        "version": 1,
        "state": {
            "lastGroupId": len(groups),
            "lastNodeId": max(pages),
            "lastLinkId": len(links),
            "lastRerouteId": len(reroutes),
        },
        "revision": 0,
        "config": {},
        "name": made.name,
        "inputNode": {"id": -10, "bounding": [left, 0, 120, 40 + SLOT * len(inputs)]},
        "outputNode": {"id": -20, "bounding": [right, 0, 120, 40 + SLOT * len(outputs)]},
        "inputs": inputs,
        "outputs": outputs,
        "widgets": [],
        "nodes": list(pages.values()),
        "groups": [group_of(n, group) for n, group in enumerate(groups, 1)],
        "links": [dict(zip(ends, link)) | led.get(link[0], {}) for link in links],
        "reroutes": extra_of(reroutes, wires).get("reroutes", []),
        "extra": {"BlueprintSearchAliases": ["SpatialFusion", "depth", "3d layout", "spatial"]},
        "category": "SpatialFusion",
        "description": flow.note.split("\n\n")[1],
    }
    return {
        "revision": 0,
        "last_node_id": 1,
        "last_link_id": 0,
        "nodes": [blueprint_node(made, shown, outputs, versions)],
        "links": [],
        "version": 0.4,
        "definitions": {"subgraphs": [definition]},
        "extra": {},
    }


def blueprint_node(
    made: Blueprint, inputs: list[dict], outputs: list[dict], versions: dict[str, tuple[str, str]]
) -> dict:
    """The blueprint's node on the page."""
    texts = sum(widget in ("value", "text", "sentence") for _, widget, _ in made.inputs)
    return {
        "id": 1,
        "type": key(made),
        "pos": [0, 0],
        "size": [400, 60 + WIDGET * len(inputs) + TEXT * texts],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": inputs,
        "outputs": [{"name": o["name"], "type": o["type"], "links": []} for o in outputs],
        "properties": {"cnr_id": versions["ours"][0], "ver": versions["ours"][1]},
        "widgets_values": [],
        "title": made.name,
    }


def blueprint_inputs(
    made: Blueprint, pages: dict[int, dict], links: list[tuple[int, ...]], x: float
) -> tuple[list[dict], list[dict]]:
    """The inputs of a blueprint inside of it, and those of its node on the page; their links are added to `links`."""
    inside, shown = [], []
    for place_, (node, widget, label) in enumerate(made.inputs):
        number = len(links) + 1
        sockets = pages[node.id]["inputs"]
        socket = next(i for i, item in enumerate(sockets) if item["name"] == widget)
        sockets[socket]["link"] = number
        kind, is_widget = sockets[socket]["type"], "widget" in sockets[socket]
        links.append((number, -10, place_, node.id, socket, kind))
        inside.append(blueprint_end(key(made, "in", label), label, kind, number, x, place_))
        widget_of = {"widget": {"name": label}} if is_widget else {}
        shown.append({"name": label, "type": kind, **widget_of, "link": None})
    return inside, shown


def blueprint_outputs(
    made: Blueprint, infos: dict[str, Any], pages: dict[int, dict], links: list[tuple[int, ...]], x: float
) -> list[dict]:
    """The outputs of a blueprint inside of it; their links are added to `links`."""
    inside = []
    for place_, (label, output) in enumerate(made.outputs.items()):
        number = len(links) + 1
        slot, kind = output_slot(output, infos)
        pages[output.node.id]["outputs"][slot]["links"].append(number)
        links.append((number, output.node.id, slot, -20, place_, kind))
        inside.append(blueprint_end(key(made, "out", label), label, kind, number, x, place_))
    return inside


def blueprint_end(name: str, label: str, kind: str, link: int, x: float, place_: int) -> dict:
    return {"id": name, "name": label, "type": kind, "linkIds": [link], "pos": [x, 20 + SLOT * place_]}


def key(made: Blueprint, *words: str) -> str:
    """An id that a blueprint, or a part of it, has for ever."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(("spatialfusion", "subgraphs", made.name, *words))))

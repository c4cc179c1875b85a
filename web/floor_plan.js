// The floor plan on Plan Scene and Compose Scene Depth. Its parts are in floor_plan/; here they meet ComfyUI's graph.

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { Panel } from "./floor_plan/panel.js";
import { Route } from "./floor_plan/route.js";
import { wordsIn } from "./floor_plan/words.js";

const COMPOSE = "SpatialFusionComposeScene";
const PLAN = "SpatialFusionPlanScene";
const OPEN = "floorPlan"; // a property of the node
const LEAST = 320; // pixels of height, when it is open
const NARROW = [480, 440]; // pixels: below this width plan and picture stand one above the other, in this height
const BAR = 24;
const NEW = { [COMPOSE]: [720, 760], [PLAN]: [720, 680] };
const MOVED_OUTPUTS = ["geometry", "image", "masks", "names", "scene"];

const KEPT = 60_000; // milliseconds

// By graph and node. Undo makes all nodes anew, and Nodes 2.0 shows the element that the former one has had.
const panels = new Map();

app.registerExtension({
    name: "SpatialFusion.FloorPlan",

    setup() {
        const href = new URL("./floor_plan/style.css", import.meta.url).href;
        document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
    },

    nodeCreated(node) {
        if (node.comfyClass === COMPOSE || node.comfyClass === PLAN) addFloorPlan(node);
    },
});

function addFloorPlan(node) {
    const words = wordsIn(app.ui?.settings?.getSettingValue("Comfy.Locale"));
    const isCompose = node.comfyClass === COMPOSE;
    const widget = (name) => node.widgets.find((each) => each.name === name);
    let panel = new Panel({ words, route: new Route((...asked) => api.fetchApi(...asked)), canvas: () => app.canvas });
    let key = null;

    const source = {
        read() {
            const size = () => ({ width: Number(widget("width").value), height: Number(widget("height").value) });
            if (isCompose && !isLinked(node, "text"))
                return { text: String(widget("text").value ?? ""), seed: Number(widget("seed").value), ...size(), editable: true, note: null, action: null };
            const known = panel.ran ?? null; // what the last run has drawn
            const action = isCompose
                ? { label: words.editHere, tip: words.editHereTip, run: () => editHere(node, widget, known) }
                : { label: words.edit, tip: words.editTip, run: () => editAsText(node, panel, known) };
            const note = known ? (isCompose ? words.linked : words.sentence) : words.waiting;
            return { text: null, seed: 0, ...size(), ...known, editable: false, note, action };
        },

        write(text) {
            asOneStep(() => (widget("text").value = text));
        },

        opened(opened) {
            node.properties[OPEN] = opened;
            // What is above keeps its height, and what stands beside it is not covered.
            const [width, height] = node.size;
            const grown = least(true) - least(false);
            node.setSize([width, Math.max(height + (opened ? grown : -grown), node.computeSize()[1])]);
            app.canvas?.setDirty(true, true);
        },
    };

    const least = (opened) => (!opened ? BAR : node.size[0] < NARROW[0] ? NARROW[1] : LEAST) + 20;
    const added = node.addDOMWidget("floor_plan", "SPATIALFUSION_FLOOR_PLAN", panel.root, {
        serialize: false,
        hideOnZoom: false,
        getMinHeight: () => least(panel.opened),
        getMaxHeight: () => (panel.opened ? undefined : least(false)),
    });
    added.serialize = false; // saved workflows hold the values of widgets by position
    node.setSize([Math.max(node.size[0], NEW[node.comfyClass][0]), Math.max(node.size[1], NEW[node.comfyClass][1])]);

    let timer = null;
    const refresh = (wait = 0) => {
        clearTimeout(timer);
        timer = setTimeout(() => panel.refresh(), wait);
    };
    for (const name of ["text", "seed", "width", "height"].filter(widget)) {
        const each = widget(name);
        each.callback = after(each.callback, () => refresh(name === "text" ? 120 : 0));
    }
    node.onConnectionsChange = after(node.onConnectionsChange, () => refresh());
    node.onExecuted = after(node.onExecuted, (output) => {
        const drawn = output?.spatialfusion_scene?.[0];
        if (!drawn) return;
        panel.ran = drawn;
        refresh();
    });
    // Nodes of a saved graph keep the room that they had.
    node.onConfigure = after(node.onConfigure, (saved) => {
        const opened = saved?.properties?.[OPEN] === true;
        if (panel.opened !== opened) panel.open(opened, false);
        refresh();
    });
    node.onRemoved = after(node.onRemoved, () => {
        clearTimeout(timer);
        panel.removed = true;
        panel.pause();
        const [gone, place] = [panel, key];
        setTimeout(() => gone.removed && panels.get(place) === gone && panels.delete(place), KEPT);
    });
    node.onAdded = after(node.onAdded, () => {
        key = `${node.graph.id}:${node.id}`;
        const former = panels.get(key);
        if (former?.removed) added.element = former.root;
        panel = former?.removed ? former : panel;
        panel.removed = false;
        panels.set(key, panel);
        panel.attach(source);
        node.properties[OPEN] ??= panel.opened;
        refresh();
    });
    panel.attach(source);
    refresh();
}

/** A function that calls another one first, if there is one. */
function after(first, then) {
    return function (...given) {
        const result = first?.apply(this, given);
        then.apply(this, given);
        return result;
    };
}

const isLinked = (node, name) => node.inputs?.some((input) => (input.widget?.name ?? input.name) === name && input.link != null) ?? false;

/** Change the graph so that one undo takes it back. */
function asOneStep(change) {
    app.canvas.emitBeforeChange();
    try {
        return change();
    } finally {
        app.canvas.emitAfterChange();
    }
}

/** Take a text that came by a link into the node. */
function editHere(node, widget, { text, seed }) {
    asOneStep(() => {
        node.disconnectInput(node.inputs.findIndex((input) => (input.widget?.name ?? input.name) === "text"));
        widget("text").value = text;
        widget("seed").value = seed;
    });
}

/** Put a Compose Scene Depth with the scene in numbers in the place of a Plan Scene. */
async function editAsText(node, panel, { text, seed, width, height }) {
    const answer = await panel.route.change({ text, seed, width, height, view: "none", edit: { pin: true } });
    if (!answer.text || !node.graph) return;
    asOneStep(() => {
        const compose = LiteGraph.createNode(COMPOSE);
        compose.pos = [node.pos[0], node.pos[1] + node.size[1] + 60];
        node.graph.add(compose);
        const values = { text: answer.text, width, height, seed };
        for (const each of compose.widgets) if (each.name in values) each.value = values[each.name];
        for (const name of MOVED_OUTPUTS) {
            const from = node.outputs.findIndex((output) => output.name === name);
            const to = compose.outputs.findIndex((output) => output.name === name);
            for (const id of [...(node.outputs[from]?.links ?? [])]) {
                const link = node.graph.getLink?.(id) ?? node.graph.links[id];
                const target = node.graph.getNodeById(link.target_id);
                if (target) compose.connect(to, target, link.target_slot);
            }
        }
        app.canvas.selectNode(compose);
    });
}

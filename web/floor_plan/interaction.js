// Mouse and keyboard on the plan: what they ask the panel to change.

import { bearing, facing } from "./drawing.js";
import { local, round, turn } from "./geometry.js";

const LEAST = 0.01; // metres of an edge

export class Interaction {
    #drag = null;

    /** panel: what is shown and can be changed; canvas: () => the graph's canvas, for what is not for the plan. */
    constructor(panel, canvas) {
        this.panel = panel;
        this.canvas = canvas;
        const { svg } = panel.drawing;
        svg.addEventListener("pointerdown", (event) => this.#down(event));
        svg.addEventListener("pointermove", (event) => this.#move(event));
        svg.addEventListener("pointerup", (event) => this.#up(event));
        svg.addEventListener("pointercancel", () => this.#cancel());
        svg.addEventListener("lostpointercapture", () => this.#cancel());
        svg.addEventListener("keydown", (event) => this.#key(event));
        svg.addEventListener("dblclick", (event) => !partOf(event) && panel.fit());
        svg.addEventListener("focusin", (event) => this.#focus(event));
        svg.addEventListener("focusout", (event) => {
            if (!panel.root.contains(event.relatedTarget) && document.hasFocus()) panel.unfocused(event.relatedTarget);
        });
        svg.addEventListener("contextmenu", (event) => this.#drag && event.preventDefault());
        panel.root.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    }

    get dragging() {
        return this.#drag !== null;
    }

    /** The pixel and the point on the ground under the mouse; the page may have scaled the plan. */
    #place(event) {
        const { svg } = this.panel.drawing, { viewport } = this.panel;
        const box = svg.getBoundingClientRect();
        const px = ((event.clientX - box.left) / box.width) * viewport.width;
        const py = ((event.clientY - box.top) / box.height) * viewport.height;
        return { px, py, ground: viewport.toGround(px, py) };
    }

    #down(event) {
        if (event.button === 1) return this.canvas().processMouseDown(event);
        if (event.button !== 0 || !this.panel.plan) return;
        event.stopPropagation();
        event.preventDefault(); // or the page would take the focus away again
        const { panel } = this;
        const [part, number] = (partOf(event) ?? "ground").split(":");
        const { px, py, ground } = this.#place(event);
        const index = number === undefined ? null : Number(number);
        if (part === "thing") panel.choose(index, true);
        else if (part === "camera") panel.choose("camera", true);
        else if (part === "ground") panel.focusPlan();
        const start = index === null ? panel.plan.camera : panel.plan.objects[index];
        const held = part !== "ground" && !panel.editable ? "held" : part;
        this.#drag = { part: held, index, px, py, ground, start: { ...start }, moved: false, change: null };
        panel.drawing.svg.setPointerCapture(event.pointerId);
    }

    #move(event) {
        if (event.buttons & 4) return this.canvas().processMouseMove(event);
        const drag = this.#drag;
        if (!drag) return;
        event.stopPropagation();
        const { px, py, ground } = this.#place(event);
        if (!drag.moved && Math.hypot(px - drag.px, py - drag.py) < 3) return;
        const { panel } = this;
        if (!drag.moved && drag.part !== "ground" && drag.part !== "held") panel.begin();
        drag.moved = true;
        if (drag.part === "held") return panel.explain();
        if (drag.part === "ground") {
            panel.viewport.pan(px - drag.px, py - drag.py);
            [drag.px, drag.py] = [px, py];
            return panel.redraw();
        }
        drag.change = this.#changeOf(drag, ground, event.shiftKey);
        panel.drag(drag.change);
    }

    /** What a drag to a point on the ground asks for. fine: without steps; of a size: keep the proportions. */
    #changeOf({ part, index, ground: from, start }, ground, fine) {
        const step = fine ? 0.01 : this.panel.viewport.step;
        const degrees = fine ? 1 : 5;
        const position = () => [
            round(start.x + ground[0] - from[0], step),
            round(start.z + ground[1] - from[1], step),
        ];
        switch (part) {
            case "thing":
                return { object: index, position: position() };
            case "turn":
                return { object: index, yaw: turn(round(facing(start, ground), degrees)) };
            case "size": {
                const [across, along] = local(start, ...ground).map((value) => Math.max(2 * Math.abs(value), LEAST));
                if (fine) {
                    const factor = Math.max(across / start.width, along / start.length);
                    return { object: index, size: scaled(start, factor) };
                }
                const edge = Math.min(step, 0.05);
                return { object: index, size: [Math.max(round(across, edge), edge), start.height, Math.max(round(along, edge), edge)] };
            }
            case "camera":
                return { camera: { position: position() } };
            case "camera-turn":
                return { camera: { yaw: signed(round(bearing([start.x, start.z], ground), degrees)) } };
            default: {
                const off = Math.abs(signed(bearing([start.x, start.z], ground) - start.yaw));
                return { camera: { fov: Math.min(Math.max(round(2 * off, fine ? 1 : 2), 5), 150) } };
            }
        }
    }

    #up(event) {
        if (event.button === 1) return this.canvas().processMouseUp(event);
        const drag = this.#drag;
        if (!drag) return;
        event.stopPropagation();
        this.#drag = null;
        if (drag.change) this.panel.commit(drag.change);
    }

    #cancel() {
        const drag = this.#drag;
        this.#drag = null;
        if (drag?.change) this.panel.revert();
    }

    #wheel(event) {
        const { panel } = this;
        const onPlan = panel.drawing.svg.contains(event.target);
        if (onPlan && panel.plan && panel.root.contains(document.activeElement)) {
            event.preventDefault();
            event.stopPropagation();
            const { px, py } = this.#place(event);
            panel.viewport.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), px, py);
            panel.redraw();
        } else if (panel.root.closest(".dom-widget")) {
            event.preventDefault();
            this.canvas().processMouseWheel(event);
        }
    }

    #focus(event) {
        const [part, number] = (partOf(event) ?? "").split(":");
        if (part === "thing") this.panel.choose(Number(number));
        else if (part === "camera") this.panel.choose("camera");
    }

    #key(event) {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const { panel } = this;
        if (event.key === "Escape" && this.#drag) {
            this.#cancel();
        } else if (event.key === "f" || event.key === "F") {
            panel.fit();
        } else if (["Delete", "Backspace"].includes(event.key)) {
            // The graph would delete the node.
        } else if (panel.plan && panel.chosen !== null) {
            const change = panel.chosen === "camera" ? this.#cameraKey(event) : this.#thingKey(event);
            if (!change) return;
            if (panel.editable) panel.nudge(change);
            else panel.explain();
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }

    #thingKey(event) {
        const thing = this.panel.plan.objects[this.panel.chosen];
        const object = this.panel.chosen;
        const moved = arrow(event);
        if (moved) return { object, position: [round(thing.x + moved[0], 0.01), round(thing.z + moved[1], 0.01)] };
        if (event.key.toLowerCase() === "r") return { object, yaw: turn(round(thing.yaw + (event.shiftKey ? -15 : 15), 1)) };
        const factor = { "+": 1.1, "=": 1.1, "-": 1 / 1.1, _: 1 / 1.1 }[event.key];
        return factor ? { object, size: scaled(thing, factor) } : null;
    }

    #cameraKey(event) {
        const { camera } = this.panel.plan;
        const moved = arrow(event);
        if (moved) return { camera: { position: [round(camera.x + moved[0], 0.01), round(camera.z + moved[1], 0.01)] } };
        if (event.key.toLowerCase() === "r") return { camera: { yaw: signed(round(camera.yaw + (event.shiftKey ? -5 : 5), 1)) } };
        const wider = { "+": 5, "=": 5, "-": -5, _: -5 }[event.key];
        return wider ? { camera: { fov: Math.min(Math.max(round(camera.fov + wider, 1), 5), 150) } } : null;
    }
}

const partOf = (event) => event.target.closest?.("[data-part]")?.dataset.part;
const signed = (degrees) => ((degrees + 540) % 360) - 180;

/** Metres to the right and forward of an arrow key. */
function arrow(event) {
    const step = event.shiftKey ? 1 : 0.1;
    return { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
}

function scaled(thing, factor) {
    return [thing.width, thing.height, thing.length].map((edge) => Math.max(round(edge * factor, edge < 1 ? 0.005 : 0.01), 0.005));
}

// The floor plan as a whole: tool bar, plan, small picture and a line of words; and what is shown of which text.

import { Drawing, metres } from "./drawing.js";
import { Viewport } from "./geometry.js";
import { Interaction } from "./interaction.js";

const SOON = 140; // milliseconds after the last key
const LATER = 500; // milliseconds without a change
const FINE = 512; // pixels
const MOVED = 0.05; // metres
const UNDONE = 3000; // milliseconds, of a large graph

function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes))
        if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
        else made.setAttribute(key, value);
    made.append(...children);
    return made;
}

const ICONS = {
    open: "M4 6l4 4 4-4", closed: "M6 4l4 4-4 4", plus: "M8 3.5v9M3.5 8h9", minus: "M3.5 8h9",
    fit: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
    pin: "M8 10v4M5 10h6M6 2.5h4M6.5 2.5L6 6.5 4.5 10M9.5 2.5l.5 4L11.5 10",
    edit: "M3 13l.7-3L10.5 3.2l2.3 2.3L6 12.3z",
};

function icon(name) {
    const span = element("span", { class: "sf-icon", "aria-hidden": "true" });
    span.innerHTML = `<svg viewBox="0 0 16 16"><path d="${ICONS[name]}"/></svg>`;
    return span;
}

/**
 * source: where the text lives, from `attach` on. read() gives { text, seed, width, height, editable, note, action } (text null: none is
 * known yet; action: { label, tip, run } to make it editable, or null); write(text) puts a changed text there, as one
 * step of undo; opened(bool) hears of folding.
 */
export class Panel {
    plan = null;
    chosen = null;
    editable = false;
    #error = "";
    #hint = "";
    #line = ""; // of the text, as a change makes it
    #note = "";
    #before = null;
    #pending = null;
    #timer = null;
    #later = null;
    #changes = Promise.resolve();
    #changing = 0;
    #view = "depth";
    #asked = null;
    #refusal = false;
    #refocus = null;
    #left = null; // where the focus was when it went nowhere
    #good = null; // the picture of the text

    constructor({ words, route, canvas }) {
        this.words = words;
        this.route = route;
        this.source = null;
        this.viewport = new Viewport();
        this.drawing = new Drawing(words);
        this.#build();
        this.interaction = new Interaction(this, canvas);
        new ResizeObserver(() => this.#resized()).observe(this.ground);
    }

    // --- the page ---

    #build() {
        const w = this.words;
        const button = (name, label, tip, run, ...content) =>
            element("button", { type: "button", class: `sf-button sf-${name}`, title: tip, "aria-label": label, onclick: run }, ...content);
        this.fold = element("button", { type: "button", class: "sf-fold", onclick: () => this.open(!this.opened) });
        this.action = button("action", "", "", () => this.source.read().action?.run(), "");
        this.pin = button("pin", w.pin, w.pinTip, () => this.change({ pin: true }), icon("pin"), element("span", {}, w.pin));
        this.action.hidden = this.pin.hidden = true; // until there is a plan
        this.views = ["depth", "picture"].map((view) =>
            element("button", { type: "button", "aria-pressed": "false", onclick: () => this.look(view) }, w[view]),
        );
        this.picture = element("img", { alt: "", draggable: "false" });
        this.frame = element(
            "div", { class: "sf-picture" }, this.picture,
            element("div", { class: "sf-views", role: "group", "aria-label": w.shown }, ...this.views),
        );
        this.empty = element("p", { class: "sf-empty" });
        this.ground = element(
            "div", { class: "sf-ground" }, this.drawing.svg, this.empty,
            element(
                "div", { class: "sf-zoom" },
                button("small", w.zoomIn, w.zoomIn, () => this.zoom(1.3), icon("plus")),
                button("small", w.zoomOut, w.zoomOut, () => this.zoom(1 / 1.3), icon("minus")),
                button("small", w.fit, w.fitTip, () => this.fit(), icon("fit")),
            ),
        );
        this.status = element("div", { class: "sf-status", role: "status", "aria-live": "polite" });
        this.root = element(
            "div", { class: "sf-floor-plan", "data-capture-wheel": "true" },
            element("div", { class: "sf-bar" }, this.fold, element("span", { class: "sf-space" }), this.pin, this.action),
            element("div", { class: "sf-main" }, this.ground, this.frame),
            this.status,
        );
        this.open(true, false);
    }

    open(opened, told = true) {
        this.opened = opened;
        this.root.classList.toggle("sf-closed", !opened);
        this.fold.replaceChildren(icon(opened ? "open" : "closed"), element("span", {}, this.words.title));
        this.fold.title = opened ? this.words.hide : this.words.show;
        this.fold.setAttribute("aria-expanded", opened);
        if (told) this.source.opened(opened);
        if (opened) this.refresh();
    }

    #resized() {
        const { clientWidth, clientHeight } = this.ground;
        if (!clientWidth || !clientHeight) return;
        const same = this.viewport.width === clientWidth && this.viewport.height === clientHeight;
        Object.assign(this.viewport, { width: clientWidth, height: clientHeight });
        this.drawing.svg.setAttribute("viewBox", `0 0 ${clientWidth} ${clientHeight}`);
        if (this.plan && this.viewport.fitted && !same) this.viewport.fit(this.plan);
        this.redraw();
    }

    redraw() {
        if (!this.source) return;
        const { text, editable, note, action } = this.source.read();
        this.editable = editable && text !== null;
        this.root.classList.toggle("sf-stale", Boolean(this.#error) && !this.#refusal);
        this.root.classList.toggle("sf-refused", Boolean(this.#error) && this.#refusal);
        this.root.classList.toggle("sf-nothing", !this.plan);
        this.root.classList.toggle("sf-still", !this.editable);
        this.#note = note;
        this.empty.textContent = this.plan ? "" : this.#error ? "" : (note ?? "");
        const free = this.plan?.solved && (this.plan.camera.free || this.plan.objects.some((thing) => thing.free));
        this.pin.hidden = !(this.editable && this.opened && free && !this.#error);
        this.action.hidden = !(action && this.plan && this.opened);
        if (action) {
            this.action.replaceChildren(icon("edit"), element("span", {}, action.label));
            this.action.title = action.tip;
            this.action.setAttribute("aria-label", action.label);
        }
        this.views.forEach((each, i) => each.setAttribute("aria-pressed", ["depth", "picture"][i] === this.#view));
        this.#say();
        if (this.plan && this.viewport.width > 1) {
            if (typeof this.chosen === "number" && !this.plan.objects[this.chosen]) this.chosen = null;
            this.drawing.draw(this.viewport, this.plan, { chosen: this.chosen, editable: this.editable });
            if (this.#refocus !== null && this.root.isConnected) {
                const chosen = this.#refocus;
                this.#refocus = null;
                this.choose(chosen, true);
            }
        }
    }

    #say() {
        const said = this.#sentence();
        this.status.className = `sf-status${this.#error ? " sf-error" : this.#hint === this.#line && this.#line ? " sf-line" : ""}`;
        if (this.status.textContent !== said) this.status.textContent = said;
        this.status.title = said;
    }

    #sentence() {
        const w = this.words, m = w.metres;
        if (this.#error) return this.#refusal ? w.refused + this.#error : this.#error;
        if (this.#hint) return this.#hint;
        if (!this.plan) return "";
        const thing = this.plan.objects[this.chosen];
        if (thing)
            return `${thing.name}  ·  x ${metres(thing.x)}  z ${metres(thing.z)} ${m}  ·  ${metres(thing.width)} × ${metres(thing.length)} ${m}, ${metres(thing.height)} ${m} ${w.high}  ·  ${Math.round(thing.yaw)}°`;
        if (this.chosen === "camera") {
            const { x, z, height, fov, yaw } = this.plan.camera;
            return `${w.camera}  ·  x ${metres(x)}  z ${metres(z)} ${m}, ${metres(height)} ${m} ${w.high}  ·  ${Math.round(fov)}° ${w.wide}  ·  ${Math.round(yaw)}°`;
        }
        return this.plan.warnings[0] ?? this.#note ?? w.help;
    }

    // --- what is seen ---

    zoom(factor) {
        this.viewport.zoom(factor);
        this.redraw();
    }

    fit() {
        if (!this.plan) return;
        this.viewport.fit(this.plan);
        this.redraw();
    }

    look(view) {
        this.#view = view;
        this.#asked = null;
        this.redraw();
        this.refresh();
    }

    /** Choose an object by its index, the "camera", or null for none. */
    choose(chosen, focused = false) {
        const changed = this.chosen !== chosen;
        this.chosen = chosen;
        if (changed && !this.#changing) this.#hint = "";
        if (changed && this.#refusal) this.#error = "";
        if (focused) (chosen === "camera" ? this.drawing.camera : this.drawing.things[chosen])?.focus({ preventScroll: true });
        if (changed) this.redraw();
    }

    focusPlan() {
        this.drawing.svg.setAttribute("tabindex", "-1");
        this.drawing.svg.focus({ preventScroll: true });
        this.choose(null);
    }

    /** Say why nothing can be moved here. */
    explain() {
        this.#hint = this.#note ?? "";
        this.#say();
    }

    // --- the text ---

    /** Serve a node; undo makes every node of the graph anew, and the panel goes on with the new one. */
    attach(source) {
        this.source = source;
        this.#refocus = this.#left?.chosen != null && performance.now() - this.#left.time < UNDONE ? this.#left.chosen : null;
        this.#left = null;
        this.#asked = null;
    }

    /** The focus has left the panel, for another element or, where that is null, for none: undo takes nodes away. */
    unfocused(next) {
        this.#left = next ? null : { chosen: this.chosen, time: performance.now() };
        this.choose(null);
    }

    /** The node has gone, maybe for a moment. */
    pause() {
        clearTimeout(this.#timer);
        clearTimeout(this.#later);
        if (this.drawing.svg.contains(document.activeElement)) this.#left = { chosen: this.chosen, time: performance.now() };
    }

    #request(edit) {
        const { text, seed, width, height } = this.source.read();
        return { text, seed, width, height, view: this.#view, ...(edit ? { edit } : {}) };
    }

    /** Show what the text says now, unless that is what is shown. */
    async refresh() {
        if (!this.source || !this.opened || this.#before || this.#changing) return;
        const request = this.#request();
        if (request.text === null) {
            this.#asked = null;
            return this.redraw();
        }
        const asked = JSON.stringify(request);
        if (asked === this.#asked) return this.redraw();
        this.#asked = asked;
        clearTimeout(this.#later); // a finer picture of what was shown would take this look's place
        const answer = await this.route.look(request);
        if (answer && this.#asked === asked && !this.#before && !this.#changing) this.#adopt(answer);
    }

    #adopt(answer) {
        this.#refusal = false;
        if (answer.error !== undefined) {
            this.#error = answer.error || this.words.away;
            if (!answer.error) this.#asked = null;
        } else {
            const first = !this.plan;
            this.#error = "";
            this.plan = answer;
            this.#good = answer.image;
            this.#show(answer.image);
            if (first || (this.viewport.fitted && !this.viewport.suits(answer))) this.viewport.fit(answer);
        }
        this.redraw();
    }

    #show(image) {
        if (!image) return;
        clearTimeout(this.#later);
        this.#later = setTimeout(() => this.#refine(), LATER);
        this.#picture(image);
    }

    /** When nothing more happens, the picture as large as it is shown. */
    async #refine() {
        const request = this.#request();
        if (this.#before || this.#changing || this.#error || request.text === null || !this.root.isConnected) return;
        const asked = JSON.stringify(request);
        const answer = await this.route.look({ ...request, edge: FINE });
        if (answer?.image && !this.#before && JSON.stringify(this.#request()) === asked) this.#picture(answer.image);
    }

    #picture(image) {
        this.picture.src = image;
        this.picture.alt = this.words[`${this.#view}Alt`];
    }

    // --- changes ---

    /** Something is about to be dragged. */
    begin() {
        this.#before = this.plan;
        this.#hint = "";
        this.#error = "";
    }

    /** Show a change while it is dragged; the text waits. */
    async drag(change) {
        this.plan = changed(this.plan, change);
        this.redraw();
        if (this.#changing) return;
        const before = this.#before;
        const answer = await this.route.look(this.#request(change));
        if (!answer || this.#before !== before || !before) return;
        if (answer.error !== undefined) {
            this.#refusal = true;
            this.#error = answer.error || this.words.away;
        } else {
            this.#error = "";
            this.#hint = this.#line = lineOf(answer);
            this.#show(answer.image);
            // What is dragged is where the mouse is.
            this.plan = kept(answer, this.plan, change);
        }
        this.redraw();
    }

    /** What was dragged is let go: the text changes. */
    commit(change) {
        return this.change(change);
    }

    revert() {
        if (this.#before) this.plan = this.#before;
        this.#before = null;
        this.#hint = "";
        this.#error = "";
        this.#asked = null;
        this.refresh();
    }

    /** A change by keys: those that follow soon are one. */
    nudge(change) {
        const same = this.#pending && this.#pending.object === change.object;
        if (this.#pending && !same) this.#flush();
        this.#pending = same ? joined(this.#pending, change) : change;
        this.#before ??= this.plan;
        this.plan = changed(this.plan, change);
        this.redraw();
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#flush(), SOON);
    }

    #flush() {
        clearTimeout(this.#timer);
        const change = this.#pending;
        this.#pending = null;
        if (change) this.change(change);
    }

    /** Change the text; what is asked for meanwhile waits. */
    change(change) {
        const before = this.#before ?? this.plan;
        this.#before = null;
        this.#changing++;
        this.#changes = this.#changes.then(() => this.#write(change, before)).finally(() => {
            this.#changing--;
            if (!this.#changing) this.refresh();
        });
        return this.#changes;
    }

    async #write(change, before) {
        const request = this.#request(change);
        const answer = await this.route.change(request);
        if (this.source.read().text !== request.text) return; // somebody has typed meanwhile
        if (answer.error !== undefined) {
            this.#refusal = true;
            this.#error = answer.error || this.words.away;
            this.plan = before;
            this.#asked = JSON.stringify(this.#request());
            this.#show(this.#good);
            return this.redraw();
        }
        if (answer.text !== request.text) this.source.write(answer.text);
        this.#asked = JSON.stringify(this.#request());
        this.#error = "";
        this.#line = lineOf(answer);
        this.#hint = loosened(before, answer, change) ? this.words.loose : this.#line;
        const next = this.#pending;
        this.plan = next ? changed(answer, next) : answer;
        if (this.viewport.fitted && !this.viewport.shows(answer)) this.viewport.fit(answer);
        this.#show(answer.image);
        this.#good = answer.image;
        if ("pin" in change) this.#hint = "";
        this.redraw();
    }
}

/** A plan with a change, as far as it can be shown without the server. */
function changed(plan, { object, position, yaw, size, camera }) {
    const move = (thing, to) => ({ ...thing, ...(to.position ? { x: to.position[0], z: to.position[1] } : {}), ...(to.yaw === undefined ? {} : { yaw: to.yaw }) });
    if (camera) {
        const fov = camera.fov === undefined ? {} : { fov: camera.fov };
        return { ...plan, camera: { ...move(plan.camera, camera), ...fov } };
    }
    if (object === undefined) return plan;
    const edges = size ? { width: size[0], height: size[1], length: size[2] } : {};
    const objects = plan.objects.map((thing, i) => (i === object ? { ...move(thing, { position, yaw }), ...edges } : thing));
    return { ...plan, objects };
}

/** An answer, with what is being changed as it is shown now. */
function kept(answer, plan, { object }) {
    if (object === undefined) return { ...answer, camera: { ...answer.camera, ...pose(plan.camera), fov: plan.camera.fov } };
    const { width, height, length } = plan.objects[object];
    return {
        ...answer,
        objects: answer.objects.map((thing, i) => (i === object ? { ...thing, ...pose(plan.objects[i]), width, height, length } : thing)),
    };
}

const pose = ({ x, z, yaw }) => ({ x, z, yaw });

const joined = (one, other) => ({ ...one, ...other, ...(other.camera ? { camera: { ...one.camera, ...other.camera } } : {}) });

const lineOf = ({ text, line }) => (line ? (text.split(/\r\n|\r|\n/)[line - 1] ?? "").trim() : "");

/** Whether other things than the changed one have moved. */
function loosened(before, after, { object, pin }) {
    if (pin || before.objects.length !== after.objects.length) return false;
    return after.objects.some((thing, i) => i !== object && Math.hypot(thing.x - before.objects[i].x, thing.z - before.objects[i].z) > MOVED);
}

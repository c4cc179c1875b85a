// Draws a plan as SVG. What can be dragged carries data-part; what can be focused keeps its element from draw to draw.

import { corners, gap, turn } from "./geometry.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const DEGREE = Math.PI / 180;
const HANDLE = 24; // pixels from an object to the handle that turns it
const NAMED = 40; // objects, up to which all names are shown

function make(tag, attributes = {}, ...children) {
    const element = document.createElementNS(NAMESPACE, tag);
    set(element, attributes);
    element.append(...children);
    return element;
}

function set(element, attributes) {
    for (const [key, value] of Object.entries(attributes))
        if (value === null || value === undefined) element.removeAttribute(key);
        else if (element.getAttribute(key) !== String(value)) element.setAttribute(key, value);
    return element;
}

const n = (value) => Math.round(value * 10) / 10;
const points = (list) => list.map(([x, y]) => `${n(x)},${n(y)}`).join(" ");
const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
export const metres = (value) => (Math.abs(value) < 0.995 && value ? value.toFixed(2) : value.toFixed(1));

export class Drawing {
    constructor(words) {
        this.words = words;
        this.svg = make("svg", { class: "sf-plan", role: "application", "aria-label": words.plan });
        this.layers = Object.fromEntries(
            ["grid", "room", "cone", "things", "camera", "handles", "lines", "names"].map((name) => {
                const group = make("g", { class: `sf-${name}` });
                this.svg.append(group);
                return [name, group];
            }),
        );
        this.layers.names.setAttribute("aria-hidden", "true");
        this.things = [];
        this.#makeCamera();
        this.identity = `sf${Math.random().toString(36).slice(2, 9)}`;
    }

    /** viewport: geometry.Viewport; plan: an answer of the route; chosen: "camera", the index of an object, or null. */
    draw(viewport, plan, { chosen = null, editable = false } = {}) {
        this.viewport = viewport;
        this.#drawGrid();
        this.#drawRoom(plan);
        this.#drawCamera(plan.camera, chosen === "camera", editable);
        this.#drawThings(plan, chosen);
        this.#drawNames(plan, chosen, this.#drawLines(plan, chosen));
        this.layers.handles.replaceChildren();
        if (editable && chosen === "camera") this.#cameraHandles(plan.camera);
        else if (editable && plan.objects[chosen]) this.#thingHandles(plan.objects[chosen], chosen);
    }

    #drawGrid() {
        const { width, height, scale } = this.viewport;
        const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
        // A metre is a line as long as lines are apart; numbers where there is room for them.
        const fine = scale >= 9 && scale < 160 ? 1 : (steps.find((step) => step * scale >= 16) ?? 1000);
        const coarse = steps.find((step) => step * scale >= 44 && step >= fine) ?? 1000;
        const [left, far] = this.viewport.toGround(0, 0), [right, near] = this.viewport.toGround(width, height);
        const thin = [], thick = [], labels = [];
        const decimals = coarse < 0.1 ? 2 : coarse < 1 ? 1 : 0;
        const isCoarse = (value) => Math.abs(value / coarse - Math.round(value / coarse)) < 1e-6;
        for (let i = Math.ceil(left / fine); i * fine <= right; i++) {
            const x = n(this.viewport.toScreen(i * fine, 0)[0]);
            (isCoarse(i * fine) ? thick : thin).push(`M${x} 0V${height}`);
            if (isCoarse(i * fine) && x > 30 && x < width - 14)
                labels.push(make("text", { x, y: height - 5, "text-anchor": "middle" }, (i * fine).toFixed(decimals)));
        }
        for (let i = Math.ceil(near / fine); i * fine <= far; i++) {
            const y = n(this.viewport.toScreen(0, i * fine)[1]);
            (isCoarse(i * fine) ? thick : thin).push(`M0 ${y}H${width}`);
            if (isCoarse(i * fine) && y > 12 && y < height - 22)
                labels.push(make("text", { x: 5, y: y + 3.5 }, (i * fine).toFixed(decimals)));
        }
        labels.push(make("text", { x: 5, y: height - 5, class: "sf-unit" }, this.words.metres));
        this.layers.grid.replaceChildren(
            make("path", { class: "sf-thin", d: thin.join("") }),
            make("path", { class: "sf-thick", d: thick.join("") }),
            ...labels,
        );
    }

    #drawRoom({ room }) {
        if (!room) return this.layers.room.replaceChildren();
        const [left, top] = this.viewport.toScreen(-room.half_width, room.far);
        const [right] = this.viewport.toScreen(room.half_width, room.far);
        const d = `M${n(left)} ${this.viewport.height + 20}V${n(top)}H${n(right)}V${this.viewport.height + 20}`;
        this.layers.room.replaceChildren(make("path", { d }));
    }

    #makeCamera() {
        this.camera = make(
            "g",
            { class: "sf-camera-glyph sf-part", "data-part": "camera", tabindex: 0, role: "button" },
            make("circle", { class: "sf-hit", r: 17 }),
            make("path", { class: "sf-lens", d: "M-4.5 -6L-7.5 -14H7.5L4.5 -6Z" }),
            make("rect", { class: "sf-body", x: -8.5, y: -7, width: 17, height: 13, rx: 3.5 }),
            make("circle", { class: "sf-eye", r: 2.6, cy: -0.5 }),
        );
        this.layers.camera.append(this.camera);
    }

    #drawCamera(camera, chosen, editable) {
        const [px, py] = this.viewport.toScreen(camera.x, camera.z);
        const reach = Math.hypot(this.viewport.width, this.viewport.height) * 1.5;
        const end = (degrees) => [
            px + reach * Math.sin((camera.yaw + degrees) * DEGREE),
            py - reach * Math.cos((camera.yaw + degrees) * DEGREE),
        ];
        const half = camera.fov / 2;
        const gradient = make(
            "radialGradient",
            { id: `${this.identity}-cone`, gradientUnits: "userSpaceOnUse", cx: n(px), cy: n(py), r: n(Math.max(this.viewport.height, 200)) },
            make("stop", { offset: 0, class: "sf-cone-near" }),
            make("stop", { offset: 1, class: "sf-cone-far" }),
        );
        const [left, right] = [end(-half), end(half)];
        this.layers.cone.replaceChildren(
            make("defs", {}, gradient),
            make("polygon", { points: points([[px, py], left, right]), fill: `url(#${this.identity}-cone)` }),
            make("path", { class: "sf-edge", d: `M${points([left])}L${points([[px, py]])}L${points([right])}` }),
        );
        const word = this.words;
        set(this.camera, {
            transform: `translate(${n(px)} ${n(py)}) rotate(${n(camera.yaw)})`,
            class: `sf-camera-glyph sf-part${chosen ? " sf-chosen" : ""}${editable ? " sf-movable" : ""}`,
            "aria-label":
                `${word.camera}, x ${metres(camera.x)}, z ${metres(camera.z)}, ${metres(camera.height)} ${word.metres} ` +
                `${word.high}, ${Math.round(camera.yaw)}°, ${word.view} ${Math.round(camera.fov)}°`,
        });
    }

    #drawThings(plan, chosen) {
        while (this.things.length > plan.objects.length) this.things.pop().remove();
        while (this.things.length < plan.objects.length) {
            const index = this.things.length;
            const body = make("g", { class: "sf-body" });
            const group = make("g", { "data-part": `thing:${index}`, tabindex: 0, role: "button" }, body);
            this.things.push(group);
            this.layers.things.append(group);
        }
        plan.objects.forEach((thing, index) => this.#drawThing(this.things[index], thing, index === chosen, plan.shapes));
    }

    #drawThing(group, thing, chosen, shapes) {
        const { scale } = this.viewport;
        const [px, py] = this.viewport.toScreen(thing.x, thing.z);
        const width = Math.max(thing.width * scale, 3), length = Math.max(thing.length * scale, 3);
        const w = this.words;
        set(group, {
            transform: `translate(${n(px)} ${n(py)}) rotate(${n(-thing.yaw)})`,
            class: `sf-thing sf-part${chosen ? " sf-chosen" : ""}${thing.free ? " sf-free" : ""}`,
            "aria-roledescription": w.thing,
            "aria-label":
                `${thing.name}, x ${metres(thing.x)}, z ${metres(thing.z)}, ${w.facing} ${Math.round(thing.yaw)}°, ` +
                `${metres(thing.width)} × ${metres(thing.length)} ${w.metres}`,
        });
        const look = `${thing.shape} ${width.toFixed(1)} ${length.toFixed(1)} ${thing.color} ${thing.front}`;
        if (group.look === look && group.shapes === shapes) return;
        group.look = look;
        group.shapes = shapes;
        const hit = 22; // pixels that a mouse hits easily
        const parts = [
            make("rect", {
                class: "sf-hit",
                x: n(-Math.max(width, hit) / 2), y: n(-Math.max(length, hit) / 2),
                width: n(Math.max(width, hit)), height: n(Math.max(length, hit)),
            }),
            make("rect", {
                class: "sf-foot", x: n(-width / 2), y: n(-length / 2), width: n(width), height: n(length),
                rx: n(Math.min(3, width / 4, length / 4)), style: `--sf-color: ${thing.color}`,
            }),
        ];
        const shape = thing.shape === null ? null : shapes[thing.shape];
        if (shape && Math.max(width, length) > 9)
            for (const { points: outline, color } of shape)
                // The back of a thing is up on the page when it faces the viewer.
                parts.push(make("polygon", { class: "sf-shape", fill: color, points: points(outline.map(([x, z]) => [x * width, -z * length])) }));
        else parts.push(make("rect", { class: "sf-shape", fill: thing.color, x: n(-width / 2), y: n(-length / 2), width: n(width), height: n(length) }));
        parts.push(
            make("rect", {
                class: "sf-outline", x: n(-width / 2), y: n(-length / 2), width: n(width), height: n(length),
                rx: n(Math.min(3, width / 4, length / 4)),
            }),
        );
        if (thing.front) {
            const size = Math.min(Math.max(Math.min(width, length) * 0.3, 4), 8);
            const y = length / 2 + 2.5;
            parts.push(make("path", { class: "sf-front", d: `M${n(-size)} ${n(y)}H${n(size)}L0 ${n(y + size)}Z` }));
        }
        group.replaceChildren(...parts);
    }

    /** From what is chosen to the camera and to what is nearest, in metres; returns the boxes of the numbers. */
    #drawLines(plan, chosen) {
        const thing = plan.objects[chosen];
        this.layers.lines.replaceChildren();
        if (!thing) return [];
        const covered = plan.objects.map((each) => this.#box(each)), taken = [];
        const measure = (from, to, length, kind) => {
            const [ax, ay] = this.viewport.toScreen(...from), [bx, by] = this.viewport.toScreen(...to);
            const text = `${metres(length)} ${this.words.metres}`;
            const half = 5 + text.length * 3.1, long = Math.hypot(bx - ax, by - ay);
            const at = (share, dx = 0, dy = 0) => [ax + share * (bx - ax) + dx, ay + share * (by - ay) + dy];
            const box = ([x, y]) => [x - half, y - 9, x + half, y + 9];
            // On the line where there is room for it, else beside it.
            const places = [...(long > 30 ? [0.5, 0.38, 0.62, 0.27, 0.74].map((share) => at(share)) : []), at(0.5, half + 9), at(0.5, -half - 9), at(0.5, 0, 16)];
            const free = (place, boxes) => !boxes.some((other) => overlap(box(place), other));
            const place = places.find((each) => free(each, [...covered, ...taken])) ?? places.find((each) => free(each, taken)) ?? places[0];
            const [x, y] = place.map(n);
            taken.push(box(place));
            this.layers.lines.append(
                make("line", { class: kind, x1: n(ax), y1: n(ay), x2: n(bx), y2: n(by) }),
                make("rect", { class: kind, x: x - half, y: y - 8.5, width: 2 * half, height: 17, rx: 8.5 }),
                make("text", { class: "sf-chip", x, y: y + 3.7, "text-anchor": "middle" }, text),
            );
        };
        const near = plan.objects
            .filter((other) => other !== thing)
            .map((other) => gap(thing, other))
            .filter((found) => found && found.metres > 0.005)
            .sort((a, b) => a.metres - b.metres)[0];
        if (near) measure(near.from, near.to, near.metres, "sf-gap");
        const { camera } = plan;
        measure([camera.x, camera.z], [thing.x, thing.z], Math.hypot(thing.x - camera.x, thing.z - camera.z), "sf-away");
        return taken;
    }

    /** Left, top, right and bottom of a thing, in pixels. */
    #box(thing) {
        const screen = corners(thing).map(([x, z]) => this.viewport.toScreen(x, z));
        const xs = screen.map((p) => p[0]), ys = screen.map((p) => p[1]);
        return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    }

    /** taken: boxes in pixels that are in use. */
    #drawNames(plan, chosen, taken) {
        const drawn = [];
        const order = plan.objects.map((_, index) => index).sort((a, b) => (b === chosen) - (a === chosen));
        for (const index of order) {
            if (plan.objects.length > NAMED && index !== chosen) continue;
            const thing = plan.objects[index];
            const text = thing.name.length > 24 ? `${thing.name.slice(0, 23)}…` : thing.name;
            const [left, top, right, bottom] = this.#box(thing);
            const half = text.length * 3.2 + 2, middle = (left + right) / 2, centre = (top + bottom) / 2;
            // The front mark of a thing is outside of its footprint.
            const places = [[middle, bottom + 21], [middle, top - 13], [right + half + 12, centre + 4], [left - half - 12, centre + 4], [middle, bottom + 35], [middle, top - 27], [middle, centre + 4]];
            const box = ([x, y]) => [x - half, y - 10, x + half, y + 3];
            const place = places.find((each) => !taken.some((other) => overlap(box(each), other))) ?? (index === chosen ? places[0] : null);
            if (!place) continue;
            taken.push(box(place));
            drawn.push(make("text", { x: n(place[0]), y: n(place[1]), "text-anchor": "middle", class: index === chosen ? "sf-chosen" : null }, text));
        }
        this.layers.names.replaceChildren(...drawn);
    }

    #thingHandles(thing, index) {
        const [px, py] = this.viewport.toScreen(thing.x, thing.z);
        const length = Math.max(thing.length * this.viewport.scale, 3), width = Math.max(thing.width * this.viewport.scale, 3);
        const reach = length / 2 + HANDLE;
        const handles = [
            make("line", { class: "sf-stem", x1: 0, y1: n(length / 2), x2: 0, y2: n(reach - 5) }),
            make("circle", { class: "sf-handle sf-turn sf-part", "data-part": `turn:${index}`, cx: 0, cy: n(reach), r: 6.5 }),
        ];
        for (const [a, b] of [[-1, -1], [1, -1], [1, 1], [-1, 1]]) {
            const x = a * (Math.max(width, 22) / 2), y = b * (Math.max(length, 22) / 2);
            handles.push(make("rect", { class: "sf-handle sf-size sf-part", "data-part": `size:${index}`, x: n(x - 4.5), y: n(y - 4.5), width: 9, height: 9, rx: 2 }));
        }
        this.layers.handles.append(
            make("g", { transform: `translate(${n(px)} ${n(py)}) rotate(${n(-thing.yaw)})` }, ...handles),
        );
    }

    #cameraHandles(camera) {
        const [px, py] = this.viewport.toScreen(camera.x, camera.z);
        const half = (camera.fov / 2) * DEGREE, reach = 62;
        this.layers.handles.append(
            make(
                "g",
                { transform: `translate(${n(px)} ${n(py)}) rotate(${n(camera.yaw)})` },
                make("line", { class: "sf-stem", x1: 0, y1: -16, x2: 0, y2: -41 }),
                make("circle", { class: "sf-handle sf-turn sf-part", "data-part": "camera-turn", cx: 0, cy: -47, r: 6.5 }),
                ...[-1, 1].map((side) =>
                    make("rect", {
                        class: "sf-handle sf-fov sf-part", "data-part": "camera-fov",
                        x: n(side * reach * Math.sin(half) - 4.5), y: n(-reach * Math.cos(half) - 4.5), width: 9, height: 9, rx: 4.5,
                    }),
                ),
            ),
        );
    }
}

/** The direction of a point on the ground from another, as a camera's yaw: 0 ahead, 90 to the right. */
export const bearing = (from, to) => turn(Math.atan2(to[0] - from[0], to[1] - from[1]) / DEGREE);
/** The yaw that turns a thing's front to a point. */
export const facing = (thing, to) => turn(Math.atan2(to[0] - thing.x, -(to[1] - thing.z)) / DEGREE);

// Metres and pixels: what the plan shows, and rectangles on the ground.

const DEGREE = Math.PI / 180;
const LOST = 2.5; // times smaller than it could be shown

/** Which part of the ground is seen: `x`, `z` in its middle, `scale` pixels for each metre, in a box of pixels. */
export class Viewport {
    x = 0;
    z = 5;
    scale = 40;
    width = 1;
    height = 1;
    fitted = true;

    toScreen(x, z) {
        return [this.width / 2 + (x - this.x) * this.scale, this.height / 2 - (z - this.z) * this.scale];
    }

    toGround(px, py) {
        return [this.x + (px - this.width / 2) / this.scale, this.z - (py - this.height / 2) / this.scale];
    }

    zoom(factor, px = this.width / 2, py = this.height / 2) {
        const [x, z] = this.toGround(px, py);
        this.scale = Math.min(Math.max(this.scale * factor, 0.2), 4000);
        const [nx, nz] = this.toGround(px, py);
        this.x += x - nx;
        this.z += z - nz;
        this.fitted = false;
    }

    pan(dx, dy) {
        this.x -= dx / this.scale;
        this.z += dy / this.scale;
        this.fitted = false;
    }

    /** Whether all of a plan is within the box. */
    shows(plan) {
        return pointsOf(plan).every((point) => {
            const [px, py] = this.toScreen(...point);
            return px >= 0 && px <= this.width && py >= 0 && py <= this.height;
        });
    }

    /** Whether all of a plan is within the box, and not lost in it. */
    suits(plan) {
        const [, , scale] = this.#fitting(plan);
        return this.shows(plan) && this.scale * LOST > scale;
    }

    /** Show all of a plan. */
    fit(plan) {
        [this.x, this.z, this.scale] = this.#fitting(plan);
        this.fitted = true;
    }

    /** The middle and the scale that show all of a plan. */
    #fitting(plan) {
        const points = pointsOf(plan);
        const xs = points.map((p) => p[0]), zs = points.map((p) => p[1]);
        const left = Math.min(...xs), right = Math.max(...xs), near = Math.min(...zs), far = Math.max(...zs);
        const across = Math.max(right - left, 0.3), along = Math.max(far - near, 0.3);
        const scale = Math.min((this.width - 90) / across, (this.height - 84) / along, 600);
        return [(left + right) / 2, (near + far) / 2, Math.max(scale, 0.2)];
    }

    /** Metres that a drag snaps to: about three pixels. */
    get step() {
        return [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5].find((step) => step * this.scale >= 3) ?? 10;
    }
}

export const round = (value, step) => Number((Math.round(value / step) * step).toFixed(3)) + 0;
export const turn = (degrees) => ((degrees % 360) + 360) % 360;

/** Unit vectors on the ground: to the front, and across it. */
export function axes(yaw) {
    const sine = Math.sin(yaw * DEGREE), cosine = Math.cos(yaw * DEGREE);
    return { front: [sine, -cosine], across: [cosine, sine] };
}

/** The four corners of an object's footprint. */
export function corners(thing) {
    const { front, across } = axes(thing.yaw);
    return [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([a, b]) => [
        thing.x + (a * across[0] * thing.width + b * front[0] * thing.length) / 2,
        thing.z + (a * across[1] * thing.width + b * front[1] * thing.length) / 2,
    ]);
}

/** A point on the ground in an object's own axes: across it, and to its front. */
export function local(thing, x, z) {
    const { front, across } = axes(thing.yaw);
    const dx = x - thing.x, dz = z - thing.z;
    return [dx * across[0] + dz * across[1], dx * front[0] + dz * front[1]];
}

const pointsOf = (plan) => [...plan.objects.flatMap(corners), [plan.camera.x, plan.camera.z]];

function nearestOnEdge(p, a, b) {
    const dx = b[0] - a[0], dz = b[1] - a[1];
    const t = ((p[0] - a[0]) * dx + (p[1] - a[1]) * dz) / (dx * dx + dz * dz || 1);
    const share = Math.min(Math.max(t, 0), 1);
    return [a[0] + share * dx, a[1] + share * dz];
}

const covers = (thing, [x, z]) => {
    const [a, b] = local(thing, x, z);
    return Math.abs(a) <= thing.width / 2 && Math.abs(b) <= thing.length / 2;
};

/** The shortest line between two footprints: { metres, from, to }; null where they overlap. */
export function gap(one, other) {
    const first = corners(one), second = corners(other);
    if ([...first, [one.x, one.z]].some((p) => covers(other, p))) return null;
    if ([...second, [other.x, other.z]].some((p) => covers(one, p))) return null;
    let best = null;
    const look = (p, a, b, swapped) => {
        const q = nearestOnEdge(p, a, b);
        const metres = Math.hypot(p[0] - q[0], p[1] - q[1]);
        if (!best || metres < best.metres) best = { metres, from: swapped ? q : p, to: swapped ? p : q };
    };
    for (let i = 0; i < 4; i++)
        for (let j = 0; j < 4; j++) {
            look(first[i], second[j], second[(j + 1) % 4], false);
            look(second[j], first[i], first[(i + 1) % 4], true);
        }
    return best;
}

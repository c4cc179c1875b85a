// Asks the pack's route, one request at a time. Of those that wait, changes are sent in order, of looks the latest.

const PATH = "/spatialfusion/scene/preview";

export class Route {
    #fetch;
    #busy = false;
    #changes = [];
    #look = null;

    /** fetch: as ComfyUI's api.fetchApi. */
    constructor(fetch) {
        this.#fetch = fetch;
    }

    /** The answer to a request, or null where a later one has taken its place. */
    look(request) {
        return new Promise((resolve) => {
            this.#look?.resolve(null);
            this.#look = { request, resolve };
            this.#send();
        });
    }

    /** The answer to a request that no other takes the place of. */
    change(request) {
        return new Promise((resolve) => {
            this.#changes.push({ request, resolve });
            this.#send();
        });
    }

    async #send() {
        if (this.#busy) return;
        const next = this.#changes.shift() ?? this.#look;
        if (!next) return;
        const isLook = next === this.#look;
        if (isLook) this.#look = null;
        this.#busy = true;
        const answer = await this.#answer(next.request);
        this.#busy = false;
        next.resolve(isLook && this.#look ? null : answer);
        this.#send();
    }

    async #answer(request) {
        try {
            const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request) };
            return await (await this.#fetch(PATH, options)).json();
        } catch {
            return { error: "", line: null }; // no answer
        }
    }
}

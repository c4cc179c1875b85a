// What our nodes say, below their widgets. The page itself shows text of the core's own nodes alone; and of what is sent
// while a node runs, it shows nothing for a node whose result the server has from an earlier run.

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

app.registerExtension({
    name: "SpatialFusion.Said",

    nodeCreated(node) {
        if (!node.comfyClass?.startsWith("SpatialFusion")) return;
        const first = node.onExecuted;
        node.onExecuted = function (output) {
            first?.apply(this, arguments);
            const text = output?.text?.join("\n");
            if (text && this.graph === app.canvas?.graph) api.dispatchCustomEvent("progress_text", { nodeId: String(this.id), text });
        };
    },
});

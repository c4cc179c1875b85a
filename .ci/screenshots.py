"""Takes the images of ComfyUI's page that docs/ and the help pages show.

    python .ci/screenshots.py HOST

HOST is a running ComfyUI, such as http://127.0.0.1:8188, in whose custom_nodes this pack's folder is called
SpatialFusion, as the page writes that name above each node. Needs playwright and chromium. Run it again whenever the
nodes' looks or the embedded weights change.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from host_page import Page, open_page  # noqa: E402

from spatialfusion.evaluate.comfyui import ComfyUI  # noqa: E402

# Help pages: the workflow in which a node is shown, and the nodes beside it, by type.
NODES = {
    "SpatialFusion-Sentence-to-Depth": {"PlanScene": (), "SceneMask": ("MaskPreview",)},
    "SpatialFusion-Text-to-Image": {
        "Loader": (),
        "LoadBase": (),
        "EncodePrompt": (),
        "RenderDepth": ("PreviewImage",),
        "ApplyDepth": ("KSampler",),
    },
    "SpatialFusion-Edit-the-Depth": {"EditDepth": ("MeasureDepth",), "MeasureDepth": ()},
    "SpatialFusion-Image-Edit": {"ComposeScene": (), "EditScene": ("PreviewImage",)},
    "SpatialFusion-One-Node": {"Sampler": (), "PredictDepth": (), "LoadDepth": ()},
    "SpatialFusion-Depth-to-Mesh": {"SaveDepth": ()},
    "SpatialFusion-Regional-Prompts": {"SceneRegions": ("PreviewAny",)},
    "SpatialFusion-Orbit-Camera": {"OrbitCamera": ("Preview3DAdvanced",), "CompareScene": ("SaveImage",)},
    # Not run: they need weights of others.
    "SpatialFusion-Depth-of-a-Picture": {"ImportDepth": ()},
    "SpatialFusion-Z-Image-Turbo": {"LimitControl": ("ZImageFunControlnet",)},
    "SpatialFusion-Best-of-Four": {"PickBest": ("SelectDepth",), "SelectDepth": ("RenderDepth",)},
}
CORE = ("PreviewImage", "MaskPreview", "SaveImage", "KSampler", "PreviewAny", "Preview3DAdvanced")
CORE += ("ZImageFunControlnet",)
# No workflow has it, as no file is there when a user opens one.
LOAD = """() => {
    const { graph } = window.app, plan = graph._nodes.find((n) => n.type === "SpatialFusionPredictDepth");
    const load = window.LiteGraph.createNode("SpatialFusionLoadDepth");
    graph.add(load);
    load.pos = [plan.pos[0], plan.pos[1] - 260];
    for (const end of [...plan.outputs[0].links].map((id) => graph.getLink(id)))
        load.connect(0, graph.getNodeById(end.target_id), end.target_slot);
}"""
# Compare needs an estimator; here it measures the scene as it is seen after the camera was turned.
COMPARE = """() => {
    const { graph } = window.app, all = (type) => graph._nodes.filter((n) => n.type === type);
    const plan = all("SpatialFusionPlanScene")[0], turned = all("SpatialFusionOrbitCamera")[1];
    const [compare, save] = ["SpatialFusionCompareScene", "SaveImage"].map((type) => window.LiteGraph.createNode(type));
    [compare, save].forEach((node, i) => { graph.add(node); node.pos = [360 * i, 1000]; node.size = [340, 420]; });
    const out = (node, name) => node.outputs.findIndex((o) => o.name === name);
    const into = (node, name) => node.inputs.findIndex((o) => o.name === name);
    plan.connect(out(plan, "scene"), compare, into(compare, "scene"));
    for (const name of ["geometry", "masks"]) turned.connect(out(turned, name), compare, into(compare, name));
    compare.connect(out(compare, "overlay"), save, into(save, "images"));
}"""
NOT_RUN = ("SpatialFusion-Depth-of-a-Picture", "SpatialFusion-Z-Image-Turbo", "SpatialFusion-Best-of-Four")
# docs/images: whole pages.
PAGES = {
    "SpatialFusion-Sentence-to-Depth": "comfyui_sentence",
    "SpatialFusion-Text-to-Image": "comfyui",
    "SpatialFusion-Edit-the-Depth": "comfyui_edit",
    "SpatialFusion-Image-Edit": "comfyui_image_edit",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("host")
    parser.add_argument("--only", nargs="+", choices=NODES, default=list(NODES), metavar="WORKFLOW")
    options = parser.parse_args()
    folder = ROOT / "web" / "docs" / "images"
    folder.mkdir(exist_ok=True)
    address = options.host.rstrip("/")
    keep_a_depth(address)
    with open_page(address, 2000, 1100, pack="SpatialFusion") as page:
        for workflow in options.only:
            nodes = NODES[workflow]
            page.open(workflow)
            if "CompareScene" in nodes:
                page.page.evaluate(COMPARE)
                page.page.keyboard.press(".")  # in view: what is not drawn does not fetch its image
            if workflow not in NOT_RUN:
                page.run()
            else:
                page.page.wait_for_timeout(8000)  # until it is drawn for the first time
            if workflow in PAGES:
                take_page(page, ROOT / "docs" / "images" / f"{PAGES[workflow]}.jpg")
            if "LoadDepth" in nodes:
                page.page.evaluate(LOAD)
                page.run()
            for node, beside in nodes.items():
                kinds = [kind if kind in CORE else f"SpatialFusion{kind}" for kind in (node, *beside)]
                page.screenshot(kinds, folder / f"{kinds[0]}.jpg")
                print(folder / f"{kinds[0]}.jpg")


def keep_a_depth(address: str) -> None:
    """Save a depth file, for the list of Load Metric Depth."""
    scene = {"text": "car red at 0 6\n", "width": 128, "height": 128, "supersampling": 2}
    save = {"geometry": ["1", 0], "filename_prefix": "depth/plan", "format": "npz"}
    prompt = {
        "1": {"class_type": "SpatialFusionComposeScene", "inputs": scene},
        "2": {"class_type": "SpatialFusionSaveDepth", "inputs": save},
    }
    server = ComfyUI(address)
    server.wait(server.queue(prompt))


def take_page(page: Page, path: Path) -> None:
    # Words on the nodes, however small they are.
    page.page.evaluate("() => { window.app.canvas.min_font_size_for_lod = 0 }")
    page.page.keyboard.press(".")  # the page's own key for "fit view"
    page.page.wait_for_timeout(1000)
    page.page.screenshot(path=str(path), type="jpeg", quality=85)
    print(path)


if __name__ == "__main__":
    main()

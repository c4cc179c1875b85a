"""Takes the pictures of ComfyUI's page that docs/ and the help pages show.

    python .ci/pictures.py HOST PACK

HOST is a running ComfyUI, such as http://127.0.0.1:8188, and PACK the name of this pack's folder in its custom_nodes.
Needs playwright and chromium. Run it again whenever the nodes' looks or the embedded weights change.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from host_page import Page, open_page  # noqa: E402

# Help pages: the workflow in which a node is shown, and the nodes beside it, by type.
NODES = {
    "text_to_image": {
        "Loader": ("PredictDepth",),
        "LoadBase": ("Loader",),
        "PredictDepth": ("RenderDepth",),
        "EncodePrompt": ("PredictDepth",),
        "RenderDepth": ("PreviewImage",),
        "ApplyDepth": ("KSampler",),
    },
    "plan_edit_sample": {"EditDepth": ("MeasureDepth",), "MeasureDepth": ()},
    "image_edit": {"ComposeScene": ("PreviewImage",)},
    "one_node_sampler": {"Sampler": ("SaveImage",)},
    "geometry_to_mesh": {"SaveDepth": ()},
    # Not run: it needs weights of the estimator.
    "estimator_to_adapter": {"ImportDepth": ()},
}
CORE = ("PreviewImage", "SaveImage", "KSampler")
NOT_RUN = ("estimator_to_adapter",)
# docs/images: whole pages.
PAGES = {"text_to_image": "comfyui", "plan_edit_sample": "comfyui_edit", "image_edit": "comfyui_image_edit"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("host")
    parser.add_argument("pack")
    options = parser.parse_args()
    folder = ROOT / "web" / "docs" / "images"
    folder.mkdir(exist_ok=True)
    with open_page(options.host.rstrip("/"), 2000, 1100, pack=options.pack) as page:
        for workflow, nodes in NODES.items():
            page.open(workflow)
            if workflow not in NOT_RUN:
                page.run()
            if workflow in PAGES:
                take_page(page, ROOT / "docs" / "images" / f"{PAGES[workflow]}.jpg")
            for node, beside in nodes.items():
                kinds = [kind if kind in CORE else f"SpatialFusion{kind}" for kind in (node, *beside)]
                page.picture_of(kinds, folder / f"{kinds[0]}.jpg")
                print(folder / f"{kinds[0]}.jpg")


def take_page(page: Page, path: Path) -> None:
    # Words on the nodes, however small they are.
    page.page.evaluate("() => { window.app.canvas.min_font_size_for_lod = 0 }")
    page.page.keyboard.press(".")  # the page's own key for "fit view"
    page.page.wait_for_timeout(1000)
    page.page.screenshot(path=str(path), type="jpeg", quality=85)
    print(path)


if __name__ == "__main__":
    main()

"""Takes docs/images/loop.jpg from ComfyUI's page: type a sentence, drag a thing, draw the image, measure it.

    python .ci/loop_strip.py HOST

HOST is a running ComfyUI, as for screenshots.py. The tiny model draws. Run it again whenever the floor plan's looks,
the reader or the embedded weights change.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from host_page import Page, open_page  # noqa: E402

SENTENCE = "a yellow ball on the left of a red chair"
PLAN, COMPOSE, MEASURE = (f"SpatialFusion{name}" for name in ("PlanScene", "ComposeScene", "MeasureDepth"))
SIZE, GAP, CAPTION = (330, 300), 10, 34
# The depth of the scene into the model, which the template for regional prompts does without.
GIVE_DEPTH = """() => {
    const { graph } = window.app, one = (type) => graph._nodes.find((n) => n.type === type);
    const apply = window.LiteGraph.createNode("SpatialFusionApplyDepth");
    graph.add(apply);
    apply.pos = [0, 860];
    const link = (from, name, to, socket) =>
        from.connect(from.outputs.findIndex((o) => o.name === name), to, to.inputs.findIndex((i) => i.name === socket));
    link(one("SpatialFusionLoadBase"), "model", apply, "model");
    link(one("SpatialFusionLoader"), "spatialfusion", apply, "spatialfusion");
    link(one("SpatialFusionPlanScene"), "geometry", apply, "geometry");
    link(apply, "model", one("KSampler"), "model");
}"""
# The distance between the two things of the scene.
MEASURES = """(objects) => {
    const { graph } = window.app, compose = graph._nodes.find((n) => n.type === "SpatialFusionComposeScene");
    const measure = window.LiteGraph.createNode("SpatialFusionMeasureDepth");
    graph.add(measure);
    measure.pos = [-250, 860];
    measure.size = [300, 190];
    const link = (from, name, to, socket) =>
        from.connect(from.outputs.findIndex((o) => o.name === name), to, to.inputs.findIndex((i) => i.name === socket));
    link(compose, "geometry", measure, "geometry");
    objects.forEach((object, i) => {
        const mask = window.LiteGraph.createNode("SpatialFusionSceneMask");
        graph.add(mask);
        mask.pos = [-560, 860 + 150 * i];
        mask.widgets[0].value = object;
        link(compose, "masks", mask, "masks");
        link(compose, "names", mask, "names");
        link(mask, "mask", measure, i ? "mask_b" : "mask_a");
    });
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("host")
    with open_page(parser.parse_args().host.rstrip("/"), 2000, 1100, pack="SpatialFusion") as page:
        frames = take(page)
    width, height = SIZE
    sheet = Image.new("RGB", (len(frames) * (width + GAP) - GAP, height + CAPTION), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(19)
    for number, (caption, frame) in enumerate(frames):
        left = number * (width + GAP)
        sheet.paste(ImageOps.pad(frame, SIZE, Image.Resampling.LANCZOS, color="#18181b"), (left, CAPTION))
        draw.text((left + 4, 6), f"{number + 1}. {caption}", fill="#1e2126", font=font)
    path = ROOT / "docs" / "images" / "loop.jpg"
    sheet.save(path, quality=86)
    print(path)


def take(page: Page) -> list[tuple[str, Image.Image]]:
    # What the server has kept of an earlier run is not sent to the floor plan again.
    page.page.request.post(f"{page.address}/free", data={"free_memory": True})
    page.open("SpatialFusion-Regional-Prompts")
    page.page.wait_for_timeout(2000)
    page.type(PLAN, "sentence", SENTENCE)
    page.page.evaluate("() => document.activeElement.blur()")
    page.page.evaluate(GIVE_DEPTH)
    for kind in ("KSampler", PLAN):
        page.set(kind, "seed", 0)
    page.page.keyboard.press(".")
    page.run()
    frames = [("Type a sentence", shot(page, PLAN))]
    page.page.locator(".sf-fold").press("Enter")
    page.page.wait_for_function("() => document.querySelectorAll('.sf-thing').length === 2")
    page.page.locator(".sf-action").press("Enter")
    page.page.wait_for_function("(kind) => window.app.graph._nodes.some((n) => n.type === kind)", arg=COMPOSE)
    unfold = page.page.locator(".sf-floor-plan:not(.sf-still) .sf-fold[aria-expanded=false]")
    if unfold.count():
        unfold.press("Enter")
    page.page.evaluate(
        """(kind) => { const n = window.app.graph._nodes.find((n) => n.type === kind);
               n.pos = [-900, 0]; n.size = [640, 760]; window.app.canvas.ds.scale = 1;
               window.app.canvas.ds.offset = [1000, 60]; window.app.canvas.setDirty(true, true); }""",
        COMPOSE,
    )
    page.page.wait_for_timeout(2500)
    floor = page.page.locator(".sf-floor-plan:not(.sf-still)")  # not that of the sentence, which stays
    thing = floor.locator('.sf-thing[data-part="thing:0"] .sf-outline').bounding_box()
    x, y = thing["x"] + thing["width"] / 2, thing["y"] + thing["height"] / 2
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    for share in (0.4, 0.8, 1):
        page.page.mouse.move(x - 12 * share, y - 46 * share)
        page.page.wait_for_timeout(600)
    frames.append(("Drag it on the floor plan", picture(floor.screenshot())))
    page.page.mouse.up()
    page.page.wait_for_timeout(1500)
    page.page.evaluate(MEASURES, ["ball", "chair"])
    page.page.keyboard.press(".")
    page.page.wait_for_timeout(1000)
    page.run()
    page.page.wait_for_timeout(1500)
    drawn = picture(page.pictures()["Save Image"])
    frames.append(("Draw the image", drawn.resize((SIZE[1], SIZE[1]), Image.Resampling.LANCZOS)))
    frames.append(("Measure it in metres", shot(page, MEASURE)))
    return frames


def shot(page: Page, kind: str) -> Image.Image:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "node.jpg"
        page.screenshot([kind], path, scale=1.2)
        return Image.open(path).convert("RGB").copy()


def picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


if __name__ == "__main__":
    main()

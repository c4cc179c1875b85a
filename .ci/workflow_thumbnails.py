"""The thumbnails of the template browser: square, filled to the edge, made of what the workflow itself has drawn."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from workflow_files import Workflow

from spatialfusion.evaluate.comfyui import ComfyUI, error_of

SIDE = 512


def run(server: ComfyUI, prompt: dict[str, Any], targets: list[str]) -> dict[str, Any]:
    """The outputs of a prompt, of the target nodes only."""
    entry = server.wait(server.queue(prompt, partial_execution_targets=targets))
    assert entry["status"]["status_str"] == "success", error_of(entry)
    return entry["outputs"]


def thumbnail(server: ComfyUI, flow: Workflow, prompt: dict[str, Any], file: Path) -> None:
    """The workflow's images in one: along a slanted cut, one in a corner of the other, or a batch as tiles."""
    from PIL import Image, ImageOps

    missing = {str(node.id) for node in flow.nodes if node.models}
    kept = needed_by(prompt, [str(node.id) for node in flow.thumbnail], missing)
    outputs = run(server, kept, [str(node.id) for node in flow.thumbnail])

    def square(result: dict[str, str]) -> Image.Image:
        image = Image.open(io.BytesIO(server.file(result))).convert("RGB")
        return ImageOps.fit(image, (SIDE, SIDE), Image.Resampling.LANCZOS)

    shown = []
    for node in flow.thumbnail:
        images = [square(result) for result in outputs[str(node.id)]["images"]]
        one = tiles(images[:4]) if len(images) >= 4 else images[0]
        if node.title == "Depth" or node.type == "SpatialFusionPredictDepth":
            one = ImageOps.colorize(one.convert("L"), *flow.tint)
        shown.append(one)
    if len(shown) == 1:
        whole = shown[0]
    else:
        whole = cut(*shown, flow.slant) if flow.corner is None else inset(*shown, flow.corner)
    whole.save(file, quality=86)


def needed_by(prompt: dict[str, Any], targets: list[str], missing: set[str]) -> dict[str, Any]:
    """The part of a prompt that the targets need, without links from nodes whose files are not here."""
    found: dict[str, Any] = {}
    waiting = list(targets)
    while waiting:
        number = waiting.pop()
        if number not in found:
            inputs = prompt[number]["inputs"].items()
            kept = {name: v for name, v in inputs if not (isinstance(v, list) and v[0] in missing)}
            found[number] = prompt[number] | {"inputs": kept}
            waiting += [value[0] for value in kept.values() if isinstance(value, list)]
    return found


def tiles(images: list[Any]) -> Any:
    from PIL import Image

    whole = Image.new("RGB", (SIDE, SIDE), "white")
    half = SIDE // 2
    for number, image in enumerate(images):
        place = number % 2 * (half + 2), number // 2 * (half + 2)
        whole.paste(image.resize((half - 2, half - 2), Image.Resampling.LANCZOS), place)
    return whole


def cut(left: Any, right: Any, slant: float) -> Any:
    """One image to the left of a slanted line through the middle, the other to its right."""
    from PIL import Image, ImageDraw

    large = Image.new("L", (2 * SIDE, 2 * SIDE), 0)  # twice the size, for a smooth edge
    top, bottom = SIDE * (1 + slant), SIDE * (1 - slant)
    ImageDraw.Draw(large).polygon([(top, 0), (2 * SIDE, 0), (2 * SIDE, 2 * SIDE), (bottom, 2 * SIDE)], fill=255)
    whole = Image.composite(right, left, large.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    ImageDraw.Draw(whole).line([(top / 2, 0), (bottom / 2, SIDE)], fill="white", width=4)
    return whole


def inset(large: Any, small: Any, corner: str) -> Any:
    """One image in the lower left or right corner of the other."""
    from PIL import Image, ImageDraw

    side, edge, margin = SIDE * 2 // 5, 5, 22
    card = Image.new("RGB", (side, side), "white")
    card.paste(small.resize((side - 2 * edge, side - 2 * edge), Image.Resampling.LANCZOS), (edge, edge))
    mask = Image.new("L", (2 * side, 2 * side), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, 2 * side - 1, 2 * side - 1), radius=48, fill=255)
    whole = large.copy()
    place = margin if corner == "left" else SIDE - side - margin, SIDE - side - margin
    whole.paste(card, place, mask.resize((side, side), Image.Resampling.LANCZOS))
    return whole

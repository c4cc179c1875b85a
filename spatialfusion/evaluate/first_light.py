"""`python -m spatialfusion.evaluate.first_light`: do two objects appear, on the asked sides and in the asked order?

100 prompts with two objects in combinations of colour and kind that training never saw. Objects are found by their
colour. Half of the prompts say left or right, half say in front or behind; the former are judged by the centres of the
colours, the latter by the predicted depth at the colours' pixels. The same seeds are used with depth and without.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from ..errors import run_command
from ..files import atomic_file
from ..geometry import Geometry
from ..scenes.captions import describe
from ..scenes.sample import sample_scene
from ..sheet import figure_tile, image_tile, write_sheet
from .colors import SATURATED, center, color_masks, is_present

COUNT = 100
SHOWN = 16  # prompts on the sheet
RELATIONS = ("to the left of", "in front of", "to the right of", "behind")


@dataclass(frozen=True)
class Prompt:
    """A prompt about two objects, with the colours that find them."""

    text: str
    first: str
    second: str
    relation: str


def prompts(count: int = COUNT) -> list[Prompt]:
    """The fixed prompts: held-out combinations of saturated colours, the four relations in turn."""
    found: list[Prompt] = []
    seed = 0
    while len(found) < count:
        first, second = sample_scene(seed, split="test").objects
        seed += 1
        if first.color in SATURATED and second.color in SATURATED:
            relation = RELATIONS[len(found) % len(RELATIONS)]
            text = f"{describe(first)} {relation} {describe(second)}"
            found.append(Prompt(text, first.color, second.color, relation))
    return found


def judge(prompt: Prompt, image: Tensor, geometry: Geometry | None) -> dict[str, bool | None]:
    """What is right in an image [3, H, W]; None where it does not apply or cannot be told.

    geometry: depth at the image's size, by whose metres "in front of" and "behind" are judged; a batch of one.
    """
    masks = color_masks(image)
    first, second = masks[prompt.first], masks[prompt.second]
    present = is_present(first), is_present(second)
    verdict: dict[str, bool | None] = {"first": present[0], "second": present[1], "both": all(present)}
    sides = prompt.relation in ("to the left of", "to the right of")
    right = None
    if sides and all(present):
        right = (center(first)[0] < center(second)[0]) == (prompt.relation == "to the left of")
    verdict["left_right"] = right
    right = None
    if not sides and all(present) and geometry is not None:
        metres = [median_depth(geometry, mask) for mask in (first, second)]
        right = None if None in metres else (metres[0] < metres[1]) == (prompt.relation == "in front of")
    verdict["near_far"] = right
    return verdict


def median_depth(geometry: Geometry, mask: Tensor) -> float | None:
    """Median metres of a geometry (batch of one) under a mask [H, W], or None where none is valid."""
    metres = geometry.depth[0][mask & geometry.valid[0]]
    return metres.median().item() if len(metres) else None


def summary(verdicts: Sequence[dict[str, bool | None]]) -> dict[str, float | int]:
    """Shares over the prompts: of both objects present, and of right relations among the images that show both."""

    def share(key: str) -> tuple[float, int]:
        told = [v[key] for v in verdicts if v[key] is not None]
        return (sum(told) / len(told) if told else float("nan")), len(told)

    result: dict[str, float | int] = {"images": len(verdicts)}
    for key in ("both", "left_right", "near_far"):
        result[key], result[f"{key}_judged"] = share(key)
    return result


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m spatialfusion.evaluate.first_light", description=__doc__)
    parser.add_argument("--model", default=None, help="model folder; the embedded tiny model without")
    parser.add_argument("--out", type=Path, default=Path("outputs/first-light"), help="folder for results and images")
    parser.add_argument("--count", type=int, default=COUNT, help="number of prompts")
    parser.add_argument("--batch", type=int, default=20, help="prompts at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=20, help="diffusion steps")
    options = parser.parse_args(arguments)

    from ..generate import TINY
    from ..pipeline import SpatialFusionPipeline

    pipe = SpatialFusionPipeline.from_pretrained(options.model or TINY)
    pipe.set_progress_bar_config(disable=True)
    asked = prompts(options.count)
    verdicts: dict[str, list[dict]] = {"base": [], "depth": []}
    sheet: list[tuple[str, list]] = []
    for start in tqdm(range(0, len(asked), options.batch), desc="first light", unit="batch"):
        part = asked[start : start + options.batch]
        texts = [prompt.text for prompt in part]

        def seeds(start: int = start, count: int = len(part)) -> list[torch.Generator]:
            return [torch.Generator().manual_seed(options.seed + start + i) for i in range(count)]

        settings = {"num_inference_steps": options.steps, "output_type": "pt"}
        geometry = pipe.predict_geometry(texts, generator=seeds())
        shown = range(max(0, min(len(part), SHOWN - start)))
        sheet += [(texts[i], [figure_tile(geometry[i])]) for i in shown]
        # The base sees no depth; its objects are held against the same map, to show what chance would give.
        for arm, strength in (("base", 0.0), ("depth", 1.0)):
            images = pipe(texts, geometry=geometry, adapter_strength=strength, generator=seeds(), **settings).images
            for i, prompt in enumerate(part):
                verdicts[arm].append({"prompt": prompt.text, **judge(prompt, images[i].float(), geometry[i])})
            for i in shown:
                sheet[start + i][1].append(image_tile(images[i].float()))
    report = {
        "settings": {"seed": options.seed, "steps": options.steps, "model": str(options.model or "embedded")},
        "summary": {arm: summary(rows) for arm, rows in verdicts.items()},
        "prompts": [asdict(prompt) for prompt in asked],
        "verdicts": verdicts,
    }
    with atomic_file(options.out / "first_light.json") as temporary:
        temporary.write_text(json.dumps(report, indent=1))
    write_sheet(options.out / "sheet.png", sheet)
    for arm, figures in report["summary"].items():
        print(arm, json.dumps({k: round(v, 3) for k, v in figures.items()}))
    print(f"wrote {options.out / 'first_light.json'}, and sheet.png: depth, image without it, image with it")


if __name__ == "__main__":
    run_command(main)

"""`python -m research.first_light`: do two objects appear, on the asked sides and in the asked order?

100 prompts with two objects in combinations of colour and kind that training never saw. Objects are found by their
colour. Half of the prompts say left or right, half say in front or behind; the former are judged by the centres of the
colours, the latter by the predicted depth at the colours' pixels. The same seeds are used with depth and without.

--distance N adds N prompts such as "a red car 5 metres from the camera. there is also a blue house", with a distance
that the first object of a held-out scene has. It is right if the predicted depth at the object's colour says so to
20 %. As in statements, the distance is the straight line from the camera to the centre of the object's box; what is
seen is its surface, so the kind's usual way from there to the centre is added (`depth_figures.planned_distance`).

--strict adds a summary in which an image that lacks one of its objects has everything wrong.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from spatialfusion.errors import CommandParser, InputError, run_command
from spatialfusion.evaluate.depth_figures import BEFORE_CENTRE, half_extent, planned_distance
from spatialfusion.files import atomic_file
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.progress import progress_bar
from spatialfusion.scenes.captions import caption, describe
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.scene import KINDS, Scene
from spatialfusion.scenes.statements import ObservedObject, observe, propose
from spatialfusion.sheet import figure_tile, image_tile, write_sheet

from .colors import SATURATED, center, color_masks, is_present

if TYPE_CHECKING:
    from spatialfusion.pipeline import SpatialFusionPipeline

COUNT = 100
SHOWN = 16  # prompts on the sheet
RELATIONS = ("to the left of", "in front of", "to the right of", "behind")
AWAY = "away"
WITHIN = 0.20  # part of the asked distance by which a right one may differ
# The first of the scenes of distance prompts: far from those of the others.
DISTANCE_SEEDS = 2_000_000


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


@dataclass(frozen=True)
class DistancePrompt(Prompt):
    """A prompt that says how many metres from the camera its first object, of `kind`, is; the relation is AWAY."""

    kind: str
    metres: float


def distance_prompts(count: int) -> list[DistancePrompt]:
    """The fixed prompts about the distance from the camera, in the words of the captions.

    Their scenes are held out. Those are left out whose own object, so measured, is not at the asked distance to a
    quarter of what counts as right: one of unusual size, or a long one seen from its end. The first 400 scenes,
    rendered and with exact depth, are all judged right.
    """
    return [prompt for prompt, _ in distance_scenes(count)]


def distance_scenes(count: int) -> list[tuple[DistancePrompt, Scene]]:
    """The same with the scene that each prompt is from."""
    found: list[tuple[DistancePrompt, Scene]] = []
    seed = DISTANCE_SEEDS
    while len(found) < count:
        scene, wording = sample_scene(seed, split="test"), torch.Generator().manual_seed(seed)
        seed += 1
        first, second = scene.objects
        statements = [said for said in propose(scene) if (said.domain, said.subject) == ("camera_distance", 0)]
        if first.color not in SATURATED or second.color not in SATURATED or not statements:
            continue
        told = caption(scene, wording, statements)
        metres, own = told.statements[0].value, observe(scene).objects[0]
        to_centre = BEFORE_CENTRE * (half_extent(_usual(first.kind)) - half_extent(own))
        if abs(math.hypot(*own.position) + to_centre - metres) <= WITHIN / 4 * metres:
            found.append((DistancePrompt(told.text, first.color, second.color, AWAY, first.kind, metres), scene))
    return found


def _usual(kind: str) -> ObservedObject:
    """An object of the kind's usual size, turned anyhow; for its extent alone."""
    return ObservedObject((0.0, 0.0, 1.0), None, KINDS[kind].size, kind)


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
    if prompt.relation in ("in front of", "behind") and all(present) and geometry is not None:
        metres = [median_depth(geometry, mask) for mask in (first, second)]
        right = None if None in metres else (metres[0] < metres[1]) == (prompt.relation == "in front of")
    verdict["near_far"] = right
    if isinstance(prompt, DistancePrompt):
        metres = (
            planned_distance(geometry, first, _usual(prompt.kind)) if all(present) and geometry is not None else None
        )
        verdict["distance"] = None if metres is None else abs(metres - prompt.metres) <= WITHIN * prompt.metres
    return verdict


def median_depth(geometry: Geometry, mask: Tensor) -> float | None:
    """Median metres of a geometry (batch of one) under a mask [H, W], or None where none is valid."""
    metres = geometry.depth[0][mask & geometry.valid[0]]
    return metres.median().item() if len(metres) else None


def summary(verdicts: Sequence[dict[str, bool | None]]) -> dict[str, float | int]:
    """Shares over the prompts: of both objects present, and of right relations among the images that show both."""

    def share(key: str) -> tuple[float, int]:
        told = [v[key] for v in verdicts if v.get(key) is not None]
        return (sum(told) / len(told) if told else float("nan")), len(told)

    result: dict[str, float | int] = {"images": len(verdicts)}
    for key in ("both", "left_right", "near_far", "distance"):
        if key != "distance" or any(key in verdict for verdict in verdicts):
            result[key], result[f"{key}_judged"] = share(key)
    return result


def strict_summary(prompts: Sequence[Prompt], verdicts: Sequence[dict[str, bool | None]]) -> dict[str, float | int]:
    """As `summary`, but over all images that were asked for a relation: what cannot be told is wrong."""
    keys = {"to the left of": "left_right", "to the right of": "left_right", AWAY: "distance"}
    strict = []
    for prompt, verdict in zip(prompts, verdicts):
        key = keys.get(prompt.relation, "near_far")
        strict.append(verdict | {key: bool(verdict[key])})
    return summary(strict)


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments)

    from spatialfusion.generate import TINY
    from spatialfusion.pipeline import SpatialFusionPipeline

    pipe = SpatialFusionPipeline.from_pretrained(options.model or TINY)
    pipe.set_progress_bar_config(disable=True)
    asked = [*prompts(options.count), *distance_prompts(options.distance)]
    verdicts, sheet = draw_and_judge(pipe, asked, options)
    report = {
        "settings": {
            "seed": options.seed,
            "steps": options.steps,
            "model": str(options.model or "embedded"),
            "scene": options.scene,
        },
        "summary": {arm: summary(rows) for arm, rows in verdicts.items()},
        "strict": {arm: strict_summary(asked, rows) for arm, rows in verdicts.items()},
        "prompts": [asdict(prompt) for prompt in asked],
        "verdicts": verdicts,
    }
    with atomic_file(options.out / "first_light.json") as temporary:
        temporary.write_text(json.dumps(report, indent=1), encoding="utf-8")
    write_sheet(options.out / "sheet.png", sheet)
    for arm, figures in report["summary"].items():
        print(arm, json.dumps({k: round(v, 3) for k, v in figures.items()}))
    if options.strict:
        print("missing objects count as wrong:")
        for arm, figures in report["strict"].items():
            print(arm, json.dumps({k: round(v, 3) for k, v in figures.items()}))
    print(f"wrote {options.out / 'first_light.json'}, and sheet.png: depth, image without it, image with it")


def read_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = CommandParser(
        prog="python -m research.first_light",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default=None, help="model folder; the embedded tiny model without")
    parser.add_argument("--out", type=Path, default=Path("outputs/first-light"), help="folder for results and images")
    parser.add_argument("--count", type=int, default=COUNT, help="number of prompts")
    parser.add_argument("--batch", type=int, default=20, help="prompts at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=20, help="diffusion steps")
    parser.add_argument("--distance", type=int, default=0, metavar="N", help="prompts about metres, after the others")
    parser.add_argument("--strict", action="store_true", help="print too what is right where missing objects are wrong")
    parser.add_argument("--scene", action="store_true", help="draw from the scene that a prompt is read as")
    options = parser.parse_args(arguments)
    for name in ("count", "distance"):
        if getattr(options, name) < 0 or options.count + options.distance < 1:
            raise InputError(
                f"--{name} is {getattr(options, name)}: expected 0 or more, and at least one prompt in all."
            )
    if options.batch < 1:
        raise InputError(f"--batch is {options.batch}: expected at least 1.")
    return options


def draw_and_judge(
    pipe: SpatialFusionPipeline, asked: Sequence[Prompt], options: argparse.Namespace
) -> tuple[dict[str, list[dict]], list[tuple[str, list]]]:
    """The verdicts of both arms, base and depth, on every prompt, and the rows of a sheet of the first SHOWN."""
    verdicts: dict[str, list[dict]] = {"base": [], "depth": []}
    sheet: list[tuple[str, list]] = []
    for start in progress_bar(range(0, len(asked), options.batch), what="first light"):
        part = asked[start : start + options.batch]
        texts = [prompt.text for prompt in part]

        def seeds(start: int = start, count: int = len(part)) -> list[torch.Generator]:
            return [torch.Generator().manual_seed(options.seed + start + i) for i in range(count)]

        settings = {"num_inference_steps": options.steps, "output_type": "pt"}
        geometry = pipe.predict_geometry(texts, generator=seeds(), scene="auto" if options.scene else None)
        given = {"scene": "auto"} if options.scene else {"geometry": geometry}
        shown = range(max(0, min(len(part), SHOWN - start)))
        sheet += [(texts[i], [figure_tile(geometry[i])]) for i in shown]
        # The base sees no depth; its objects are held against the same map, to show what chance would give.
        for arm, strength in (("base", 0.0), ("depth", 1.0)):
            images = pipe(texts, **given, controlnet_conditioning_scale=strength, generator=seeds(), **settings).images
            for i, prompt in enumerate(part):
                verdicts[arm].append({"prompt": prompt.text, **judge(prompt, images[i].float(), geometry[i])})
            for i in shown:
                sheet[start + i][1].append(image_tile(images[i].float()))
    return verdicts, sheet


if __name__ == "__main__":
    run_command(main)

"""python -m spatialfusion.plan PROMPT: a sentence becomes a scene in metres and its exact depth, without a model."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import CommandParser, InputError, read_size, run_command
from .files import check_writable, run_folder, slug, write_text
from .texts import check_text
from .versions import versions

if TYPE_CHECKING:
    from PIL import Image

    from .geometry.geometry import Geometry
    from .planner.plan import Plan

MAX_SEEDS = 32
MAX_TEXT = 1 << 20  # bytes of a file
TILE = 256  # pixels, the height of an image of spread.png
REPLACED = (
    "spread.png",
    "masks/*.png",
    "comparison.*",
)  # what an earlier plan may have left, and this one may not write
EXAMPLES = """examples:
  python -m spatialfusion.plan "a giraffe two metres behind a red jeep, seen from the left"
  python -m spatialfusion.plan "four chairs around an old table in a room" --seed 3 --size 1216x832 --out outputs/room
  python -m spatialfusion.plan "a dog in front of a sofa" --seeds 5
  python -m spatialfusion.plan --scene outputs/room/scene.txt --seed 3
  python -m spatialfusion.plan "eine Giraffe hinter einem roten Jeep" --llm http://localhost:11434#qwen3:4b
  python -m spatialfusion.plan --scene outputs/room/scene.txt --seed 3 --compare depth-of-my-picture.npz

written files:
  scene.txt    the scene text: change it, and give it back with --scene
  depth.png    near is white, as depth ControlNets expect; depth.npz has the metres
  picture.png  the scene as drawn, masks/NAME.png where each object is seen, boxes.json what is known of it
  scene.glb    the objects in 3D, in metres, with the camera
  plan.json    all that was read and solved, with warnings and the words that were not understood
  spread.png   with --seeds: what the text leaves open
  comparison.txt, comparison.png   with --compare: for each object metres asked and found
"""


def main(argv: list[str]) -> None:
    start = time.perf_counter()
    arguments = read_arguments(argv)
    usual = f"{slug(arguments.prompt or Path(arguments.scene).stem)}-{arguments.seed}"
    out = Path(arguments.out) if arguments.out else Path("outputs") / usual
    check_writable(out)
    text = None if arguments.scene is None else read_text(arguments.scene)

    from .planner.plan import plan, plan_text

    def make(seed: int) -> Plan:
        if text is None:
            return plan(arguments.prompt, seed, arguments.size)
        return plan_text(text, seed, arguments.size, arguments.prompt or "")

    depth = None if arguments.compare is None else read_depth(arguments.compare)
    plans = []
    if arguments.llm is not None:
        from .planner.llm import plan_with_llm
        from .planner.load_llm import load_llm

        llm = load_llm(arguments.llm, arguments.device)
        plans.append(plan_with_llm(arguments.prompt, llm, arguments.seed, arguments.size))
        text = plans[0].text  # the other seeds are of the same text
    plans += [make(arguments.seed + number) for number in range(len(plans), arguments.seeds or 1)]
    paths = write_plan(out, plans[0], plans if arguments.seeds else (), start, depth)
    for path in paths:
        print(path)
    if depth is not None:
        print((out / "comparison.txt").read_text(encoding="utf-8"), end="")
    report(plans[0])


def read_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse and check; whatever is wrong is an InputError, before anything slow was imported."""
    parser = CommandParser(
        prog="python -m spatialfusion.plan",
        description="Plan an image in metres: read a sentence, place what it names, find the view, and draw its exact "
        "depth. No model is needed; a language model may read the prompt instead.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("prompt", nargs="?", help="a sentence in plain English: what is there, and what is where")
    add("--scene", metavar="FILE", help="a scene text to use instead of a sentence (docs/scene-text.md)")
    add(
        "--llm",
        metavar="MODEL|URL",
        help="a language model that reads the prompt, which may then be of any language and style: a folder, a name on "
        "the hub, or the address of an OpenAI-compatible server, as http://localhost:11434#MODEL (docs/plans.md)",
    )
    add("--device", metavar="NAME", help="of --llm: cpu, cuda, cuda:1, mps (default: a GPU if there is one)")
    add("--seed", type=int, default=0, metavar="N", help="another seed, another layout of the same text (default: 0)")
    add("--size", default="1024x1024", metavar="WxH", help="pixels (default: 1024x1024)")
    add("--seeds", type=int, metavar="K", help="also draw the layouts of K seeds, from --seed on, to spread.png")
    add("--compare", metavar="FILE", help="metric depth of an image of this scene, .npz or 16-bit .png, to measure it")
    add("--out", metavar="FOLDER", help="where to write (default: outputs/<prompt>-<seed>)")
    arguments = parser.parse_args(argv)
    if (arguments.prompt is None) == (arguments.scene is None):
        given = "neither was given" if arguments.prompt is None else "both were given"
        raise InputError(f"a sentence, or --scene with a file: {given}, expected one of them.")
    if arguments.prompt is not None and not arguments.prompt.strip():
        raise InputError("the prompt is empty: describe the image in a sentence.")
    check_text(arguments.prompt or "", "the prompt")
    if arguments.llm is not None and arguments.scene is not None:
        raise InputError("--llm reads a prompt, but --scene was given: expected one of them.")
    if arguments.llm is not None and not arguments.llm.strip():
        raise InputError("--llm is empty: expected a language model's folder or hub name, or a server's address.")
    if arguments.device is not None and arguments.llm is None:
        raise InputError("--device is of --llm, which was not given.")
    if not 0 <= arguments.seed < 2**63:
        raise InputError(f"--seed is {arguments.seed}: expected a whole number from 0 to 2^63 - 1.")
    if arguments.seeds is not None and not 1 <= arguments.seeds <= MAX_SEEDS:
        raise InputError(f"--seeds is {arguments.seeds}: expected a whole number from 1 to {MAX_SEEDS}.")
    arguments.size = read_size(arguments.size)
    return arguments


def read_text(name: str) -> str:
    """The scene text of a file. Raises InputError for what is no text, or too long to be one."""
    try:
        with open(name, "rb") as file:
            data = file.read(MAX_TEXT + 1)
        if len(data) > MAX_TEXT:
            raise InputError(f"{name} is longer than {MAX_TEXT:,} bytes: expected a scene text.")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name} is not text in UTF-8: expected a scene text.") from None
    except FileNotFoundError:
        raise InputError(f"there is no file {name}: expected a scene text.") from None
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}): expected a scene text.") from None


def read_depth(name: str) -> Geometry:
    """The metric depth of one image. Raises InputError for anything else."""
    from .geometry.files import load_geometry

    depth = load_geometry(name)
    if len(depth) != 1:
        raise InputError(f"{name} has the depth of {len(depth)} images: expected one.")
    return depth


def write_plan(
    out: Path,
    plan: Plan,
    spread: Sequence[Plan] = (),
    start: float | None = None,
    depth: Geometry | None = None,
) -> list[Path]:
    """Write a plan to a folder, whole or not at all; returns the files.

    spread: other seeds, for spread.png. depth: that of an image, to compare it with the plan. Raises InputError for a
    image of another shape.
    """
    from .geometry.depth_image import colorize, disparity_image
    from .geometry.files import save_geometry
    from .images import to_image
    from .scenes.compare import compare
    from .scenes.comparison_image import comparison_image
    from .scenes.mesh import encode_scene_glb

    start = time.perf_counter() if start is None else start
    masks = mask_files(plan.names)
    drawn = plan.draw()
    compared = None if depth is None else compare(drawn, depth)[0]
    with run_folder(out, "plan.json", REPLACED) as folder:
        write_text(folder / "scene.txt", plan.text)
        to_image(plan.image[0]).save(folder / "picture.png")
        to_image(disparity_image(plan.geometry)[0]).save(folder / "depth.png")
        save_geometry(folder / "depth.npz", plan.geometry)
        (folder / "masks").mkdir()
        for index, name in enumerate(masks):
            to_image(plan.instance == index).save(folder / name)
        write_json(folder / "boxes.json", [{**box.to_dict(), "mask": mask} for box, mask in zip(plan.boxes, masks)])
        aspect = plan.size[0] / plan.size[1]
        (folder / "scene.glb").write_bytes(encode_scene_glb(plan.scene, plan.names, aspect))
        if compared is not None and depth is not None:
            write_text(folder / "comparison.txt", compared.table + "\n")
            to_image(comparison_image(colorize(depth)[0], compared)).save(folder / "comparison.png")
        if spread:
            spread_image(spread).save(folder / "spread.png")
        write_json(folder / "plan.json", record_of(plan, time.perf_counter() - start))
        names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [out / name for name in names]


def record_of(plan: Plan, seconds: float) -> dict[str, Any]:
    """What plan.json holds. `layout` is the scene text with every number written out."""
    from .scenes.write import scene_to_text

    return {
        "prompt": plan.prompt,
        "text": plan.text,
        "layout": scene_to_text(plan.scene),
        "scene": json.loads(plan.scene.to_json()),
        "names": list(plan.names),
        "seed": plan.seed,
        "size": list(plan.size),
        "warnings": list(plan.warnings),
        "not_understood": list(plan.not_understood),
        "seconds": round(seconds, 2),
        "versions": versions(),
    }


def mask_files(names: Sequence[str]) -> list[str]:
    """The files of masks by name: letters and digits of it, and a number where others come to the same."""
    taken: set[str] = set()
    files = []
    for name in names:
        stem = slug(name)
        free = stem
        number = 1
        while free in taken:
            number += 1
            free = f"{stem}-{number}"
        taken.add(free)
        files.append(f"masks/{free}.png")
    return files


def spread_image(plans: Sequence[Plan]) -> Image.Image:
    """Layouts of one text side by side, each image over its depth."""
    from PIL import Image

    from .geometry.depth_image import colorize
    from .images import to_image
    from .scenes.compose import draw

    width, height = plans[0].size
    tile = max(1, round(TILE * width / height)), TILE
    sheet = Image.new("RGB", (len(plans) * (tile[0] + 4) - 4, 2 * TILE + 4), "white")
    for number, plan in enumerate(plans):
        drawn = draw(plan.layout, tile)
        assert drawn.image is not None
        for row, picture in enumerate((drawn.image[0], colorize(drawn.geometry)[0])):
            sheet.paste(to_image(picture), (number * (tile[0] + 4), row * (TILE + 4)))
    return sheet


def write_json(path: Path, data: Any) -> None:
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def report(plan: Plan) -> None:
    """Say on stderr what the user should know of a plan."""
    for warning in plan.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if plan.not_understood:
        print(f"not understood: {', '.join(plan.not_understood)}", file=sys.stderr)


if __name__ == "__main__":
    run_command(main)

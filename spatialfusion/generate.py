"""python -m spatialfusion.generate PROMPT: an image, and the metric depth that it was drawn from."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .defaults import (
    DEPTH_GUIDANCE_HELP,
    DEPTH_STEPS_HELP,
    GUIDANCE,
    IMAGE_GUIDANCE,
    STEPS,
    STRENGTH,
    depth_settings,
)
from .devices import usable_device
from .errors import CommandParser, InputError, read_size, run_command
from .files import check_writable, run_folder, slug, write_text
from .texts import check_text
from .versions import versions

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from .geometry.geometry import Geometry
    from .pipeline import SpatialFusionOutput, SpatialFusionPipeline
    from .planner.plan import Plan

TINY = Path(__file__).parent / "assets" / "tiny"
RESULTS = ("image.png", "depth.png", "depth.npz", "scene.txt", "run.json")
FILES = ("transformer", "text_encoder", "vae")  # parts that a single file may replace
EXAMPLES = """examples:
  python -m spatialfusion.generate "a red car in front of a blue house"
  python -m spatialfusion.generate "a red car 2 metres in front of a blue house" --seed 3 --out outputs/car
  python -m spatialfusion.generate "move the car 1 m to the left" --image outputs/car/image.png
  python -m spatialfusion.generate "a green tree in front of a white house" --geometry outputs/car/depth.npz
  python -m spatialfusion.generate "a red car in front of a blue house" --scene none
"""


def main(argv: list[str]) -> None:
    start = time.perf_counter()
    arguments = read_arguments(argv)
    usual = f"{slug(arguments.prompt)}-{arguments.seed}{'-no-depth' if arguments.no_depth else ''}"
    out = Path(arguments.out) if arguments.out else Path("outputs") / usual
    check_writable(out)
    image = None if arguments.image is None else read_source(arguments.image)
    geometry = None if arguments.geometry is None else _load_geometry(arguments.geometry)
    scene = _scene(arguments)
    if arguments.model is None:
        _warn_of_unknown_words(arguments.prompt)
    files = {name: getattr(arguments, name) for name in FILES if getattr(arguments, name) is not None}
    pipeline = load_pipeline(arguments.model, arguments.device, arguments.spatialfusion, files)
    loaded = time.perf_counter()

    import torch
    from PIL import Image

    width, height = arguments.size or (None, None)
    depth_steps, depth_guidance = depth_settings(arguments.depth_steps, arguments.depth_guidance, image is not None)
    strength = 0 if arguments.no_depth else arguments.strength
    output = pipeline(
        arguments.prompt,
        image=image,
        geometry=geometry,
        height=height,
        width=width,
        num_inference_steps=arguments.steps,
        guidance_scale=arguments.guidance,
        image_guidance_scale=arguments.image_guidance,
        depth_steps=depth_steps,
        depth_guidance_scale=depth_guidance,
        controlnet_conditioning_scale=strength,
        generator=torch.Generator().manual_seed(arguments.seed),
        scene=scene,
        scene_strength=arguments.scene_strength,
    )
    (drawn,) = output.images
    assert isinstance(drawn, Image.Image)
    seconds = {"load": loaded - start, **(output.seconds or {}), "total": time.perf_counter() - start}
    predicts = geometry is None and strength != 0 and (scene is None or arguments.scene_strength < 1)
    record = {
        **_asked(arguments, scene),
        **files,
        "seed": arguments.seed,
        "size": list(drawn.size),
        "steps": arguments.steps,
        "depth_steps": depth_steps if predicts else None,
        "depth_guidance": depth_guidance if predicts else None,
        "guidance": arguments.guidance,
        "image_guidance": arguments.image_guidance,
        "strength": strength,
        "device": str(pipeline.device),
        "seconds": {stage: round(value, 2) for stage, value in seconds.items()},
        "versions": versions("diffusers", "transformers"),
    }
    for path in write_results(out, drawn, output, record):
        print(path)


def _asked(arguments: argparse.Namespace, scene: str | Plan | None) -> dict[str, Any]:
    """What the record says of the inputs and of the model."""
    return {
        "prompt": arguments.prompt,
        "image": arguments.image,
        "geometry": arguments.geometry,
        "scene": "auto" if scene is not None and arguments.scene in (None, "auto") else arguments.scene,
        "scene_strength": None if scene is None else arguments.scene_strength,
        "model": arguments.model or "tiny",
        "spatialfusion": arguments.spatialfusion,
    }


def read_arguments(argv: list[str]) -> argparse.Namespace:
    """Parse and check; whatever is wrong is an InputError, before anything slow was imported."""
    arguments = _parser().parse_args(argv)
    if not arguments.prompt.strip():
        raise InputError("the prompt is empty: describe the image in a sentence.")
    check_text(arguments.prompt, "the prompt")
    if arguments.no_depth and arguments.geometry is not None:
        raise InputError("--geometry and --no-depth were both given: expected one of them.")
    if arguments.scene not in (None, "none") and arguments.geometry is not None:
        raise InputError("--scene and --geometry were both given: expected one of them.")
    if not 0 <= arguments.scene_strength <= 1:
        raise InputError(f"--scene-strength is {arguments.scene_strength:g}: expected a number from 0 to 1.")
    if arguments.model is None and (given := [name for name in FILES if getattr(arguments, name) is not None]):
        raise InputError(f"--{given[0].replace('_', '-')} needs --model: the model whose part the file replaces.")
    if arguments.spatialfusion is not None and arguments.model is None:
        raise InputError("--spatialfusion needs --model: the model that the checkpoint was trained for.")
    if not 0 <= arguments.seed < 2**63:
        raise InputError(f"--seed is {arguments.seed}: expected a whole number from 0 to 2^63 - 1.")
    if arguments.size is not None:
        arguments.size = read_size(arguments.size)
    return arguments


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m spatialfusion.generate",
        description="Draw an image from a prompt, by way of its metric depth. Writes image.png, depth.png (with a "
        "scale in metres), depth.npz, run.json, and scene.txt where the depth is that of a scene.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("prompt", help="what to draw; with --image, what to change")
    add("--image", metavar="FILE", help="source image to edit")
    add("--geometry", metavar="FILE", help="depth to use instead of predicting it: .npz, or .png with its .json")
    add(
        "--scene",
        metavar="auto|none|FILE",
        help="draw from the exact depth of a scene: auto reads the prompt, or what it changes in the scene.txt beside "
        "--image; FILE is a scene text (docs/scene-text.md); with none the model predicts the depth (default: auto, if "
        "the prompt can be read and nothing else is said of depth)",
    )
    add(
        "--scene-strength",
        type=float,
        default=1.0,
        metavar="S",
        help="1 keeps the scene's depth; below 1 depth is predicted from the scene noised to t = 1 - S (default: 1)",
    )
    add("--seed", type=int, default=0, metavar="N", help="another seed, another scene (default: 0)")
    add("--size", metavar="WxH", help="pixels, multiples of 16 (default: the model's own)")
    add("--steps", type=int, default=STEPS, metavar="N", help=f"steps of the image (default: {STEPS})")
    add("--depth-steps", type=int, metavar="N", help=DEPTH_STEPS_HELP)
    add("--depth-guidance", type=float, metavar="G", help=DEPTH_GUIDANCE_HELP)
    add("--guidance", type=float, default=GUIDANCE, metavar="G", help=f"follow the prompt (default: {GUIDANCE:g})")
    add(
        "--image-guidance",
        type=float,
        default=IMAGE_GUIDANCE,
        metavar="G",
        help=f"follow the source image; of OmniGen2 (default: {IMAGE_GUIDANCE:g})",
    )
    add("--strength", type=float, default=STRENGTH, metavar="S", help=f"follow the depth (default: {STRENGTH:g})")
    add("--no-depth", action="store_true", help="the base model alone; writes image.png and run.json")
    add("--model", metavar="NAME", help="model folder, or a model of the Hugging Face Hub (default: the embedded one)")
    add("--spatialfusion", metavar="FILE", help="SpatialFusion checkpoint that was trained for --model, or its folder")
    for name in FILES:
        part = name.replace("_", "-")
        add(f"--{part}", metavar="FILE", help=f"weights in one .safetensors file, as ComfyUI has them, for the {part}")
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: a GPU if there is one)")
    add("--out", metavar="FOLDER", help="where to write (default: outputs/<prompt>-<seed>, and -no-depth)")
    return parser


def load_pipeline(
    model: str | None,
    device: str | None,
    spatialfusion: str | None = None,
    files: dict[str, str] | None = None,
    image_side: str | None = None,
) -> SpatialFusionPipeline:
    """The pipeline of a model, or of the embedded one; the latter, and all on a CPU, in float32, else bfloat16.

    spatialfusion: a checkpoint that takes the place of the model's own. files: the same of some of FILES. image_side: a
    checkpoint of which only what draws from depth is taken; then the model, if it is not the embedded one, is a folder.
    """
    if model is None and not TINY.is_dir():
        raise InputError(f"the embedded model is missing ({TINY}): install the package again, or give --model.")
    device = usable_device(device, mps=True)

    import diffusers
    import torch
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    from .model.model import SpatialFusionModel
    from .pipeline import SpatialFusionPipeline

    dtype = torch.float32 if model is None or torch.device(device).type == "cpu" else torch.bfloat16
    part: SpatialFusionModel | str | None = spatialfusion
    if image_side is not None:
        part = SpatialFusionModel.load(spatialfusion or model or TINY, dtype=dtype)
        part.take_image_side(image_side)
    pipeline = SpatialFusionPipeline.from_pretrained(model or TINY, spatialfusion=part, dtype=dtype, **(files or {}))
    return pipeline.to(device)


def write_results(out: Path, image: Image.Image, output: SpatialFusionOutput, record: dict) -> list[Path]:
    """Write the files of a run, whole or not at all; returns them."""
    from .geometry.depth_image import depth_figure
    from .geometry.files import save_geometry

    with run_folder(out, "run.json", RESULTS) as folder:
        image.save(folder / "image.png")
        if output.geometry is not None:
            depth_figure(output.geometry).save(folder / "depth.png")
            save_geometry(folder / "depth.npz", output.geometry)
        if output.plans:
            write_text(folder / "scene.txt", output.plans[0].text)
        write_text(folder / "run.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n")
        written = [name for name in RESULTS if (folder / name).exists()]
    return [out / name for name in written]


def read_source(name: str) -> Tensor:
    # torch takes seconds to import: a mistyped option should not wait for it.
    from .images import read_image

    return read_image(name)


def _scene(arguments: argparse.Namespace) -> str | Plan | None:
    """What the pipeline is given as the scene: "auto", the text of the file, known to be readable, the scene of an
    edited image, or nothing."""
    said = (arguments.geometry, arguments.depth_steps, arguments.depth_guidance)
    by_itself = arguments.scene is None and not arguments.no_depth and all(option is None for option in said)
    if arguments.scene in (None, "none") and not by_itself:
        return None

    from .plan import read_text, report
    from .planner.plan import plan, plan_edit, plan_text

    # Read here once for what it says to the user, before minutes of loading; the pipeline knows the image's size.
    size = arguments.size or (256, 256)
    if by_itself or arguments.scene == "auto":
        try:
            if arguments.image is not None:
                source = _scene_beside(Path(arguments.image))
                if source is None:
                    if by_itself:
                        return None
                    raise InputError(
                        f"--scene auto needs the scene of {arguments.image}, but beside it there is no scene.txt of "
                        "the run that drew it: expected a file, or none."
                    )
                edited = plan_edit(arguments.prompt, source)
                report(edited)
                return edited
            report(plan(arguments.prompt, arguments.seed, size))
        except InputError as error:
            if not by_itself:
                raise
            print(f"note: {error} The model predicts the depth.", file=sys.stderr)
            return None
        return "auto"
    text = read_text(arguments.scene)
    report(plan_text(text, arguments.seed, size))
    return text


def _scene_beside(image: Path) -> Plan | None:
    """The scene that an image was drawn from, where it lies beside it as `write_results` leaves it."""
    text, record = image.with_name("scene.txt"), image.with_name("run.json")
    if image.name != RESULTS[0] or not (text.is_file() and record.is_file()):
        return None

    from .plan import read_text
    from .planner.plan import plan_text

    try:
        said = json.loads(record.read_text(encoding="utf-8"))
        seed, (width, height) = int(said["seed"]), map(int, said["size"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{record} is damaged: expected the record of the run that drew {image}.") from None
    return plan_text(read_text(str(text)), seed, (width, height))


def _load_geometry(name: str) -> Geometry:
    from .geometry.files import load_geometry

    geometry = load_geometry(name)
    if len(geometry) != 1:
        raise InputError(f"{name} holds {len(geometry)} depth maps: expected one.")
    return geometry


def _warn_of_unknown_words(prompt: str) -> None:
    from .scenes.vocabulary import unknown_words_warning

    if warning := unknown_words_warning(prompt):
        print(f"warning: {warning}", file=sys.stderr)


if __name__ == "__main__":
    run_command(main)

"""python -m spatialfusion.generate PROMPT: an image, and the metric depth that it was drawn from."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__
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
from .errors import CommandParser, InputError, run_command

if TYPE_CHECKING:
    from PIL import Image

    from .geometry import Geometry
    from .pipeline import SpatialFusionOutput, SpatialFusionPipeline

TINY = Path(__file__).parent / "assets" / "tiny"
FILES = ("transformer", "text_encoder", "vae")  # parts that a single file may replace
EXAMPLES = """examples:
  python -m spatialfusion.generate "a red car in front of a blue house"
  python -m spatialfusion.generate "a red car 2 metres in front of a blue house" --seed 3 --out outputs/car
  python -m spatialfusion.generate "move the car to the left" --image outputs/car/image.png
  python -m spatialfusion.generate "a green tree in front of a white house" --geometry outputs/car/depth.npz
"""


def main(argv: list[str]) -> None:
    start = time.perf_counter()
    arguments = read_arguments(argv)
    usual = f"{slug(arguments.prompt)}-{arguments.seed}{'-no-depth' if arguments.no_depth else ''}"
    out = Path(arguments.out) if arguments.out else Path("outputs") / usual
    _check_writable(out)
    image = None if arguments.image is None else open_image(arguments.image)
    geometry = None if arguments.geometry is None else _load_geometry(arguments.geometry)
    if arguments.model is None:
        _warn_of_unknown_words(arguments.prompt)
    files = {name: getattr(arguments, name) for name in FILES if getattr(arguments, name) is not None}
    pipeline = load_pipeline(arguments.model, arguments.device, arguments.spatialfusion, files)
    loaded = time.perf_counter()

    import torch

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
        depth_guidance=depth_guidance,
        adapter_strength=strength,
        generator=torch.Generator().manual_seed(arguments.seed),
    )
    seconds = {"load": loaded - start, **pipeline.seconds, "total": time.perf_counter() - start}
    predicts = geometry is None and strength != 0
    record = {
        "prompt": arguments.prompt,
        "image": arguments.image,
        "geometry": arguments.geometry,
        "model": arguments.model or "tiny",
        "spatialfusion": arguments.spatialfusion,
        **files,
        "seed": arguments.seed,
        "size": list(output.images[0].size),
        "steps": arguments.steps,
        "depth_steps": depth_steps if predicts else None,
        "depth_guidance": depth_guidance if predicts else None,
        "guidance": arguments.guidance,
        "image_guidance": arguments.image_guidance,
        "strength": strength,
        "device": str(pipeline.device),
        "seconds": {stage: round(value, 2) for stage, value in seconds.items()},
        "versions": _versions(),
    }
    for path in write_results(out, output, record):
        print(path)


def read_arguments(argv: list[str]) -> argparse.Namespace:
    """Parse and check; whatever is wrong is an InputError, before anything slow was imported."""
    parser = CommandParser(
        prog="python -m spatialfusion.generate",
        description="Draw an image from a prompt, with metric depth predicted from the same prompt. Writes image.png, "
        "depth.png (with a scale in metres), depth.npz and run.json.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("prompt", help="what to draw; with --image, what to change")
    add("--image", metavar="FILE", help="source image to edit")
    add("--geometry", metavar="FILE", help="depth to use instead of predicting it: .npz, or .png with its .json")
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
    arguments = parser.parse_args(argv)
    if not arguments.prompt.strip():
        raise InputError("the prompt is empty: describe the image in a sentence.")
    if arguments.no_depth and arguments.geometry is not None:
        raise InputError("--geometry and --no-depth were both given: expected one of them.")
    if arguments.model is None and (given := [name for name in FILES if getattr(arguments, name) is not None]):
        raise InputError(f"--{given[0].replace('_', '-')} needs --model: the model whose part the file replaces.")
    if arguments.spatialfusion is not None and arguments.model is None:
        raise InputError("--spatialfusion needs --model: the model that the checkpoint was trained for.")
    if not 0 <= arguments.seed < 2**63:
        raise InputError(f"--seed is {arguments.seed}: expected a whole number from 0 to 2^63 - 1.")
    if arguments.size is not None:
        found = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", arguments.size)
        if not found:
            raise InputError(f"--size is {arguments.size!r}: expected WIDTHxHEIGHT, such as 128x128.")
        arguments.size = int(found[1]), int(found[2])
    return arguments


def slug(prompt: str) -> str:
    """A prompt as the name of a folder; of a long one its beginning, and a digest that tells it from others."""
    name = re.sub(r"[\W_]+", "-", prompt.lower()).strip("-")
    if len(name) > 60:
        name = f"{name[:53].strip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return name or "image"


def open_image(name: str) -> Image.Image:
    """Read a picture file whole."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(name) as image:
            image.load()
            return image
    except FileNotFoundError:
        raise InputError(f"there is no file {name}: expected a picture to edit.") from None
    except UnidentifiedImageError:
        raise InputError(f"{name} is not a picture: expected a PNG, JPEG or the like.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{name} cannot be read ({error}): expected a whole picture file.") from None


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
    from .model import SpatialFusionModel
    from .pipeline import SpatialFusionPipeline

    dtype = torch.float32 if model is None or torch.device(device).type == "cpu" else torch.bfloat16
    part: SpatialFusionModel | str | None = spatialfusion
    if image_side is not None:
        part = SpatialFusionModel.load(spatialfusion or model or TINY, dtype=dtype)
        part.take_image_side(image_side)
    pipeline = SpatialFusionPipeline.from_pretrained(model or TINY, spatialfusion=part, dtype=dtype, **(files or {}))
    return pipeline.to(device)


def write_results(out: Path, output: SpatialFusionOutput, record: dict) -> list[Path]:
    """Write all files beside their places first, then give them their names; returns them."""
    from .depth_image import depth_figure
    from .geometry_files import save_geometry

    is_new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=out) as name:
            temporary = Path(name)
            output.images[0].save(temporary / "image.png")
            if output.geometry is not None:
                depth_figure(output.geometry).save(temporary / "depth.png")
                save_geometry(temporary / "depth.npz", output.geometry)
            text = json.dumps(record, indent=2, ensure_ascii=False)
            (temporary / "run.json").write_text(text + "\n", encoding="utf-8")
            paths = []
            is_ours = (out / "run.json").is_file()
            for name in ("image.png", "depth.png", "depth.npz", "run.json"):
                if (temporary / name).exists():
                    os.replace(temporary / name, out / name)
                    paths.append(out / name)
                elif is_ours:
                    # Of an earlier run with depth; beside this image it would be taken for its depth.
                    (out / name).unlink(missing_ok=True)
            return paths
    except BaseException:
        if is_new:
            with suppress(OSError):
                out.rmdir()
        raise


def _load_geometry(name: str) -> Geometry:
    from .geometry_files import load_geometry

    geometry = load_geometry(name)
    if len(geometry) != 1:
        raise InputError(f"{name} holds {len(geometry)} depth maps: expected one.")
    return geometry


def _check_writable(out: Path) -> None:
    """Before a minute of work, not after it."""
    existing = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise InputError(f"--out is {out}, but {existing} is a file: expected a folder.")
    if not os.access(existing, os.W_OK):
        raise InputError(f"--out is {out}, but {existing} cannot be written to: choose another folder.")


def _warn_of_unknown_words(prompt: str) -> None:
    from .scenes.vocabulary import unknown_words, vocabulary

    unknown = unknown_words(prompt)
    if unknown:
        known = vocabulary()
        print(
            f"warning: the embedded model does not know {', '.join(map(repr, unknown))}.\n"
            f"  objects: {', '.join(known['objects'])}\n"
            f"  colours: {', '.join(known['colors'])}\n"
            '  relations, such as: "to the left of", "behind", "facing away", "3 metres from", "taller than"',
            file=sys.stderr,
        )


def _versions() -> dict[str, str]:
    import diffusers
    import torch
    import transformers

    return {
        "spatialfusion": __version__,
        "python": platform.python_version(),
        **{library.__name__: library.__version__ for library in (torch, diffusers, transformers)},
    }


if __name__ == "__main__":
    run_command(main)

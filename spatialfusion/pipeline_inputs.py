"""What a call of the pipeline is given, read and checked: prompts, images, depth, sizes and numbers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from .backbones.backbone import Backbone
from .defaults import depth_settings
from .errors import InputError, short
from .geometry.fitting import fit_geometry, fit_image
from .geometry.geometry import Geometry
from .images import to_rgb, to_tensor
from .model.context import SemanticContext
from .texts import check_text

ImageInput = Image.Image | Tensor

# What one call may ask for, so that a slip of the hand is a sentence and not the machine's memory.
MAX_SIDE = 16384
MAX_STEPS = 10000
MAX_IMAGES = 4096
OUTPUT_TYPES = ("pil", "np", "pt", "latent")


@dataclass(frozen=True)
class Request:
    """What is asked for.

    prompts: "" each where embeddings were given alone. embeds, negative_embeds: for the diffusion model, in place of
    what the LLM makes of the prompts and the negative prompts; None where it does. sources: images [3, H, W], one per
    prompt, or none. size: (height, width). rows: the prompt of every image.
    """

    prompts: list[str]
    embeds: PromptEmbeds | None
    negative_embeds: PromptEmbeds | None
    sources: list[Tensor]
    size: tuple[int, int]
    rows: list[int]
    generators: list[torch.Generator]


@dataclass(frozen=True)
class PromptEmbeds:
    """embeds [B, T, D], right-padded; mask [B, T] bool: true at tokens."""

    embeds: Tensor
    mask: Tensor

    def context(self, rows: Sequence[int]) -> SemanticContext:
        """Of the prompts at `rows`, to be read by the diffusion model alone."""
        return SemanticContext.of_embeds(self.embeds, self.mask).select(rows)


@dataclass(frozen=True)
class Settings:
    """How it is drawn, checked; see SpatialFusionPipeline.__call__."""

    steps: int
    guidance: float
    image_guidance: float
    depth: DepthSettings
    strength: float
    depth_range: tuple[float, float]
    output_type: str
    callback: Callable[[Any, int, int, dict], dict] | None
    callback_inputs: Sequence[str]


class DepthSettings(NamedTuple):
    steps: int
    guidance: float


def read_request(
    prompts: list[str],
    embeds: PromptEmbeds | None,
    negative_embeds: PromptEmbeds | None,
    image: ImageInput | Sequence[ImageInput] | None,
    geometry: Geometry | None,
    height: int | None,
    width: int | None,
    per_prompt: int,
    generator: torch.Generator | Sequence[torch.Generator] | None,
    backbone: Backbone,
    stride: int,
    default_size: int,
) -> Request:
    """Check and complete what the user asked for.

    stride: of which the sides in pixels are multiples. default_size: see SpatialFusionPipeline.
    """
    per_prompt = _whole("num_images_per_prompt", per_prompt, 1, MAX_IMAGES)
    sources = [] if image is None else _read_sources(image, len(prompts))
    backbone.check_references(sources)
    if embeds is not None and sources and backbone.one_call_per_layout:
        raise InputError(
            f"prompt_embeds and image were both given, but {backbone.name} must be told which tokens are the image's: "
            "expected a prompt."
        )
    rows = [i for i in range(len(prompts)) for _ in range(per_prompt)]
    if geometry is not None:
        if not isinstance(geometry, Geometry):
            raise InputError(f"geometry is a {type(geometry).__name__}: expected a spatialfusion.Geometry.")
        if len(geometry) not in (1, len(prompts), len(rows)):
            raise InputError(
                f"geometry holds {len(geometry)} depth maps for {len(prompts)} prompts and {len(rows)} images: "
                "expected one for all, one for each prompt or one for each image."
            )
        unknown = (~geometry.valid.flatten(1).any(1)).nonzero().flatten().tolist()
        if unknown:
            which = f"image {unknown[0] + 1} of {len(geometry)} of geometry" if len(geometry) > 1 else "geometry"
            # Not refused: a prompt may show nothing but sky, and what a call predicted can be handed back.
            warnings.warn(f"{which} is unknown everywhere: expected depth in metres somewhere.", stacklevel=4)
    shape = sources[0].shape[-2:] if sources else (1, 1) if geometry is None else geometry.depth.shape[-2:]
    height, width = _image_size(height, width, shape, stride, default_size)
    return Request(
        prompts=prompts,
        embeds=embeds,
        negative_embeds=negative_embeds,
        sources=[fit_image(source, height, width) for source in sources],
        size=(height, width),
        rows=rows,
        generators=_read_generators(generator, len(rows)),
    )


def read_prompts(prompt: str | Sequence[str] | None, embeds: PromptEmbeds | None) -> list[str]:
    """The texts of a call; an empty one for each prompt that was given as embeddings alone."""
    if prompt is None and embeds is not None:
        return [""] * len(embeds.embeds)
    prompts = [prompt] if isinstance(prompt, str) else _listed(prompt)
    if not prompts or not all(isinstance(text, str) for text in prompts):
        raise InputError(f"prompt is {short(prompt)}: expected a text or a list of texts.")
    if empty := [text for text in prompts if not text.strip()]:
        raise InputError(f"the prompt is empty ({empty[0]!r}): describe the image in a sentence.")
    for text in prompts:
        check_text(text, "the prompt")
    if embeds is not None and len(embeds.embeds) != len(prompts):
        raise InputError(
            f"prompt_embeds holds {len(embeds.embeds)} prompts, but prompt {len(prompts)}: expected as many."
        )
    return prompts


def read_embeds(name: str, embeds: Tensor | None, mask: Tensor | None, width: int) -> PromptEmbeds | None:
    """Embeddings that take the place of a prompt; None if there are none.

    name: of the argument. mask: None where every token counts. width: channels that the diffusion model reads.
    """
    if embeds is None:
        if mask is not None:
            raise InputError(f"{name}_mask was given without {name}: expected both, or none.")
        return None
    expected = f"expected floats [prompts, tokens, {width}]"
    if not isinstance(embeds, Tensor):
        raise InputError(f"{name} is a {type(embeds).__name__}: {expected}.")
    known = embeds.ndim == 3 and embeds.shape[2] == width and embeds.numel() > 0 and embeds.is_floating_point()
    if not known or len(embeds) > MAX_IMAGES:
        raise InputError(f"{name} is {embeds.dtype} of shape {list(embeds.shape)}: {expected}.")
    if not embeds.isfinite().all():
        raise InputError(f"{name} has values that are not finite: {expected}.")
    if mask is None:
        mask = torch.ones(embeds.shape[:2], dtype=torch.bool, device=embeds.device)
    if not isinstance(mask, Tensor) or mask.shape != embeds.shape[:2]:
        what = f"of shape {list(mask.shape)}" if isinstance(mask, Tensor) else f"a {type(mask).__name__}"
        raise InputError(f"{name}_mask is {what}: expected {list(embeds.shape[:2])}, true at tokens.")
    mask = mask.to(embeds.device).bool()
    lengths = mask.sum(1)
    if not torch.equal(mask, torch.arange(mask.shape[1], device=mask.device) < lengths[:, None]) or lengths.min() == 0:
        raise InputError(f"{name}_mask is not one of padding: expected ones at a prompt's tokens, then zeros.")
    return PromptEmbeds(embeds, mask)


def read_latents(latents: Tensor | None, count: int, shape: tuple[int, int, int], backbone: Backbone) -> Tensor | None:
    """The noise [B, C, h, w] that `count` images begin with, of `shape` each; None if it is to be drawn.

    Also as the network's tokens [B, N, D], which pipelines of Qwen-Image take.
    """
    if latents is None:
        return None
    whole = (count, *shape)
    packed = tuple(backbone.pack(torch.empty(whole, device="meta")).shape)
    layouts = " or ".join(str(list(layout)) for layout in dict.fromkeys((whole, packed)))
    if not isinstance(latents, Tensor):
        raise InputError(f"latents is a {type(latents).__name__}: expected floats {layouts}.")
    if not latents.is_floating_point() or latents.shape not in (whole, packed):
        raise InputError(f"latents is {latents.dtype} of shape {list(latents.shape)}: expected floats {layouts}.")
    if not latents.isfinite().all():
        raise InputError(f"latents has values that are not finite: expected floats {layouts}.")
    latents = latents.float().cpu()
    return latents if latents.shape == whole else backbone.unpack(latents, *shape[1:])


def read_settings(
    steps: int,
    guidance: float,
    image_guidance: float,
    depth: DepthSettings,
    strength: float,
    start: float,
    end: float,
    output_type: str,
    callback: Callable[[Any, int, int, dict], dict] | None,
    callback_inputs: Sequence[str] | None,
    backbone: Backbone,
    known_inputs: Sequence[str],
) -> Settings:
    """Check how it is to be drawn."""
    image_guidance = finite("image_guidance_scale", image_guidance)
    start, end = finite("control_guidance_start", start), finite("control_guidance_end", end)
    if image_guidance != 1 and not backbone.image_guidance:
        raise InputError(
            f"image_guidance_scale is {image_guidance:g}, but {backbone.name} has no guidance by the source image: "
            "expected 1."
        )
    if not 0 <= start <= end <= 1:
        raise InputError(
            f"control_guidance_start is {start:g} and control_guidance_end {end:g}: expected 0 <= start <= end <= 1."
        )
    if not isinstance(output_type, str) or output_type not in OUTPUT_TYPES:
        raise InputError(f"output_type is {short(output_type)}: expected {', '.join(map(repr, OUTPUT_TYPES))}.")
    if callback is not None and not callable(callback):
        raise InputError(f"callback_on_step_end is {short(callback)}: expected a function.")
    return Settings(
        steps=_whole("num_inference_steps", steps, 1, MAX_STEPS),
        guidance=finite("guidance_scale", guidance),
        image_guidance=image_guidance,
        depth=depth,
        strength=finite("controlnet_conditioning_scale", strength),
        depth_range=(start, end),
        output_type=output_type,
        callback=callback,
        callback_inputs=_read_callback_inputs(callback_inputs, known_inputs),
    )


def read_depth_settings(steps: int | None, guidance: float | None, request: Request) -> DepthSettings:
    """Check how depth is to be drawn; None for the usual."""
    steps, guidance = depth_settings(steps, guidance, is_edit=bool(request.sources))
    return DepthSettings(_whole("depth_steps", steps, 1, MAX_STEPS), finite("depth_guidance_scale", guidance))


def _image_size(
    height: int | None, width: int | None, shape: Sequence[int], stride: int, default_size: int
) -> tuple[int, int]:
    """(height, width) of the result; what is missing follows from the default area and the aspect of `shape`."""
    aspect = shape[-1] / shape[-2]

    def fit(side: float) -> int:
        return max(1, round(side / stride)) * stride

    def check(name: str, value: Any) -> int:
        number = value.__index__() if isinstance(value, Integral) and not isinstance(value, bool) else None
        if number is None or not 0 < number <= MAX_SIDE or number % stride:
            size = float(value) if isinstance(value, Real) else 0.0
            below = int(size) // stride * stride if 0 < size <= MAX_SIDE else 0
            near = f"{below} or {below + stride}" if below else f"{stride}"
            raise InputError(
                f"{name} is {short(value)}, but must be a multiple of {stride} up to {MAX_SIDE}, such as {near}."
            )
        return number

    height = None if height is None else check("height", height)
    width = None if width is None else check("width", width)
    if height is not None and width is not None:
        return height, width
    # What follows from the other may be too much of it.
    if height is not None:
        return height, check("width", fit(height * aspect))
    if width is not None:
        return check("height", fit(width / aspect)), width
    return fit(default_size / math.sqrt(aspect)), fit(default_size * math.sqrt(aspect))


def fit_to_request(geometry: Geometry, request: Request) -> Geometry:
    """A geometry for each image of a request, cut and resized to its size."""
    geometry = fit_geometry(geometry, *request.size)
    if len(geometry) == 1:
        return geometry[[0] * len(request.rows)]
    return geometry if len(geometry) == len(request.rows) else geometry[request.rows]


def _read_sources(image: ImageInput | Sequence[ImageInput], count: int) -> list[Tensor]:
    """Source images [3, H, W] in [0, 1] on the CPU, one for each prompt."""
    if isinstance(image, (list, tuple)):
        images = list(image)
    else:
        images = list(image) if isinstance(image, Tensor) and image.ndim == 4 else [image]
    if len(images) not in (1, count):
        raise InputError(f"{len(images)} images were given for {count} prompts: expected one for all or one for each.")
    sources = [read_source(source) for source in images]
    return sources if len(sources) == count else sources * count


def read_source(image: ImageInput) -> Tensor:
    """A source image [3, H, W] in [0, 1] on the CPU."""
    if isinstance(image, Image.Image):
        source = to_tensor(to_rgb(image, "the source image"))
    elif isinstance(image, Tensor) and image.ndim == 3 and len(image) == 3 and image.is_floating_point():
        source = image.float().cpu()
    else:
        what = f"{image.dtype} of shape {list(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
        raise InputError(f"the source image is a {what}: expected a PIL image or floats [3, height, width] in [0, 1].")
    if source.numel() == 0:
        raise InputError(f"the source image has shape {list(source.shape)}: expected at least one pixel.")
    if not (source.min() >= 0 and source.max() <= 1):
        raise InputError(
            f"the source image has values from {source.min():g} to {source.max():g}: expected them in [0, 1]."
        )
    return source


def _read_generators(
    generator: torch.Generator | Sequence[torch.Generator] | None, count: int
) -> list[torch.Generator]:
    if generator is None:
        seeds = torch.randint(2**62, (count,)).tolist()
        return [torch.Generator().manual_seed(seed) for seed in seeds]
    generators = [generator] * count if isinstance(generator, torch.Generator) else _listed(generator)
    if generators is None or not all(isinstance(g, torch.Generator) for g in generators):
        raise InputError(
            f"generator is {short(generator)}: expected a torch.Generator, such as torch.Generator().manual_seed(0), "
            "or a list of them."
        )
    if len(generators) != count:
        raise InputError(
            f"generator has {len(generators)} generators for {count} images: expected one for all or one for each."
        )
    if any(g.device.type != "cpu" for g in generators):
        raise InputError("generator is on an accelerator: noise is drawn on the CPU, so give torch.Generator().")
    return generators


def _read_callback_inputs(names: Sequence[str] | None, known: Sequence[str]) -> Sequence[str]:
    if names is None:
        return known
    listed = None if isinstance(names, str) else _listed(names)
    if listed is None or not all(isinstance(name, str) and name in known for name in listed):
        raise InputError(
            f"callback_on_step_end_tensor_inputs is {short(names)}: only 'latents' can be given, in a list."
        )
    return listed


def read_negatives(text: str | Sequence[str] | None, embeds: PromptEmbeds | None, count: int) -> list[str]:
    """The negative prompt of each prompt; empty ones beside embeddings of them."""
    if embeds is not None:
        if text is not None:
            raise InputError("negative_prompt and negative_prompt_embeds were both given: expected one of them.")
        if len(embeds.embeds) != count:
            raise InputError(
                f"negative_prompt_embeds holds {len(embeds.embeds)} prompts for {count} prompts: expected one for each."
            )
    text = "" if text is None else text
    texts = [text] * count if isinstance(text, str) else _listed(text)
    if texts is None or len(texts) != count or not all(isinstance(t, str) for t in texts):
        raise InputError(
            f"negative_prompt is {short(text)} for {count} prompts: expected one text for all or one for each."
        )
    return texts


def _listed(values: Any) -> list | None:
    """A list of a list or tuple; None for anything else."""
    return list(values) if isinstance(values, (list, tuple)) else None


def finite(name: str, value: Any) -> float:
    """A finite number, also one of numpy, as a float."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise InputError(f"{name} is {short(value)}: expected a finite number.")
    return float(value)


def _whole(name: str, value: Any, at_least: int, at_most: int) -> int:
    """A whole number, also one of numpy, as an int."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputError(f"{name} is {short(value)}: expected a whole number.")
    number = int(value)
    if not at_least <= number <= at_most:
        raise InputError(f"{name} is {short(value)}: expected {at_least} to {at_most}.")
    return number

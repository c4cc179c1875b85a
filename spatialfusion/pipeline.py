"""SpatialFusionPipeline: prompt -> Geometry -> image, as a pipeline of diffusers.

Notable: the multimodal LLM reads a prompt once. That prefill gives the prompt embeddings that the diffusion model reads
and the keys and values that depth is drawn from.
"""

from __future__ import annotations

import json
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLQwenImage,
    AutoencoderKLQwenImage21,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    QwenImage21Transformer2DModel,
    QwenImageControlNetModel,
    QwenImageTransformer2DModel,
)
from diffusers.utils import BaseOutput
from PIL import Image
from torch import Tensor, nn
from transformers import (
    PreTrainedTokenizerBase,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
    Qwen3VLForConditionalGeneration,
)

from .backbones import backbone_of, omnigen2, qwen_image, qwen_image_21
from .backbones.controlnet import ControlNetInjection, depth_condition
from .backbones.depth_injection import (
    ADAPTER,
    DepthInjection,
    base_parameters,
    check_lora,
    has_lora,
    saved_without_lora,
    unwrapped,
)
from .backbones.omnigen2_transformer import OmniGen2Transformer2DModel
from .backbones.sampling import draw_noise
from .context import PromptEncoder, SemanticContext, default_image_processor
from .defaults import END, GUIDANCE, IMAGE_GUIDANCE, START, STEPS, STRENGTH, depth_settings
from .depth_image import disparity_image
from .errors import InputError
from .files import set_default_modes, temporary_folder
from .fitting import fit_geometry, fit_picture
from .flow import draw_noise as draw_depth_noise
from .geometry import Geometry
from .images import to_image, to_rgb, to_tensor
from .latents import decode_latents, encode_latents
from .model import FILE_NAME, SpatialFusionModel
from .model_folder import (
    COMPONENTS,
    CONTROLNET,
    HUB_OPTIONS,
    INDEX,
    OPTIONAL,
    check_folder,
    check_variant,
    check_weights,
    find_model,
    loading,
    published_backbone,
    replace_folder,
    write_model_index,
)
from .pipeline_scene import SceneInput, plan_depth, plan_images
from .planner.plan import Plan
from .scenes.scene import Scene
from .single_file import load_part
from .texts import check_text

Picture = Image.Image | Tensor

# How diffusers' pipelines of Qwen-Image and Qwen-Image-Edit draw; their published folders do not say it.
QWEN_IMAGE = "QwenImage"
QWEN_IMAGE_OPTIONS = {"default_size": 1024, "rescale_guidance": True}


@dataclass
class SpatialFusionOutput(BaseOutput):
    """images: list of PIL images, or a tensor (see `output_type`). geometry: of these images, on the CPU, or None.

    plans: what was planned of each image, where a scene was asked for.
    """

    images: list[Image.Image] | Tensor
    geometry: Geometry | None
    plans: list[Plan] | None = None

    @property
    def scene(self) -> Scene | None:
        """Of the first image."""
        return self.plans[0].scene if self.plans else None


# What one call may ask for, so that a slip of the hand is a sentence and not the machine's memory.
MAX_SIDE = 16384
MAX_STEPS = 10000
MAX_IMAGES = 4096

# Models that are also loaded in the layout of their authors, where it is another than ours.
PUBLISHED = {module.NAME: module for module in (omnigen2, qwen_image_21)}


class SpatialFusionPipeline(DiffusionPipeline):
    """Text to image, and editing, with metric depth in between.

    Args:
        default_size: side in pixels of the square whose area an image has when no size is asked for.
        controlnet: of Qwen-Image alone: it is given the disparity picture of the depth, in place of adapter, LoRA and
            delta. A baseline; see backbones/controlnet.py.
        rescale_guidance: keep the norm of the guided velocity at the prompt's own, as Qwen-Image's pipelines do; of
            Qwen-Image alone.

    What differs from one diffusion transformer to another is asked of its file in `backbones/`. The LoRA and the
    projection delta of the `spatialfusion` checkpoint are put on `transformer`, inactive while it is given no depth.
    """

    model_cpu_offload_seq = "text_encoder->spatialfusion->transformer->vae"
    _optional_components: ClassVar[list[str]] = list(OPTIONAL)
    _callback_tensor_inputs: ClassVar[list[str]] = ["latents"]

    def __init__(
        self,
        vae: AutoencoderKLQwenImage | AutoencoderKLQwenImage21 | AutoencoderKL,
        text_encoder: Qwen2_5_VLForConditionalGeneration | Qwen3VLForConditionalGeneration,
        tokenizer: PreTrainedTokenizerBase,
        transformer: QwenImageTransformer2DModel | QwenImage21Transformer2DModel | OmniGen2Transformer2DModel,
        scheduler: FlowMatchEulerDiscreteScheduler,
        spatialfusion: SpatialFusionModel,
        image_processor: Qwen2VLImageProcessorPil | None = None,
        controlnet: QwenImageControlNetModel | None = None,
        default_size: int = 128,
        rescale_guidance: bool = False,
    ):
        super().__init__()
        if image_processor is None:
            # Qwen-Image has none, because it was never shown a picture.
            image_processor = default_image_processor(text_encoder)
        backbone = backbone_of(transformer)
        _check_fit(spatialfusion, text_encoder, backbone.NAME)
        if rescale_guidance and backbone is not qwen_image:
            raise InputError(
                f"rescale_guidance is true, but the diffusion model is {backbone.NAME}: it is for qwen-image alone."
            )
        if controlnet is not None and backbone is not qwen_image:
            raise InputError(f"a ControlNet was given, but the diffusion model is {backbone.NAME}: expected none.")
        if has_lora(transformer):
            # Of another checkpoint, when a pipeline is built anew from the parts of an old one.
            check_lora(transformer)
            transformer.delete_adapters(ADAPTER)
        self.delta = backbone.load_backbone_tensors(transformer, spatialfusion.backbone_tensors)
        # Checks that tokenizer and text encoder belong together.
        PromptEncoder(text_encoder, tokenizer, image_processor, spatialfusion.config.num_layers, backbone.TEMPLATE)
        self.register_modules(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            image_processor=image_processor,
            controlnet=controlnet,
            transformer=transformer,
            scheduler=scheduler,
            spatialfusion=spatialfusion,
        )
        # diffusers cannot load it: `from_pretrained` does.
        self.register_to_config(
            spatialfusion=(None, None), default_size=default_size, rescale_guidance=rescale_guidance
        )
        self._interrupt = False
        self._guidance_scale: float | None = None
        self._num_timesteps: int | None = None
        self._current_timestep: Tensor | None = None
        self.seconds: dict[str, float] = {}

    @property
    def backbone(self) -> ModuleType:
        """The file of backbones/ that knows how to call the transformer."""
        return backbone_of(self.transformer)

    # What diffusers' pipelines tell callbacks, and what hooks of diffusers ask for.

    @property
    def interrupt(self) -> bool:
        """Set `pipe._interrupt = True` in a callback to end after this step with the latents as they are."""
        return self._interrupt

    @property
    def guidance_scale(self) -> float | None:
        """Set `pipe._guidance_scale` in a callback to draw the next steps with another; None before the first call."""
        return self._guidance_scale

    @property
    def num_timesteps(self) -> int | None:
        """Steps of the scheduler in this call, or in the last one."""
        return self._num_timesteps

    @property
    def current_timestep(self) -> Tensor | None:
        """The scheduler's timestep that is being drawn; None outside of a call."""
        return self._current_timestep

    @property
    def attention_kwargs(self) -> dict[str, Any]:
        """Empty: this pipeline hands none to the network's attention."""
        return {}

    # Generating -------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Sequence[str],
        image: Picture | Sequence[Picture] | None = None,
        geometry: Geometry | None = None,
        negative_prompt: str | Sequence[str] | None = None,
        height: int | None = None,
        width: int | None = None,
        num_inference_steps: int = STEPS,
        guidance_scale: float = GUIDANCE,
        image_guidance_scale: float = IMAGE_GUIDANCE,
        depth_steps: int | None = None,
        depth_guidance: float | None = None,
        adapter_strength: float = STRENGTH,
        adapter_start: float = START,
        adapter_end: float = END,
        num_images_per_prompt: int = 1,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        output_type: str = "pil",
        callback_on_step_end: Callable[[DiffusionPipeline, int, int, dict], dict] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] | None = ("latents",),
        return_dict: bool = True,
        scene: SceneInput | Sequence[SceneInput] | None = None,
        scene_strength: float = 1.0,
    ) -> SpatialFusionOutput | tuple[list[Image.Image] | Tensor, Geometry | None]:
        """Draw depth and then the image that has it.

        Args:
            prompt: one or several; of an edit, the instruction.
            image: source image to edit, a PIL image or a tensor [3, H, W] or [B, 3, H, W] in [0, 1]; one for all
                prompts or one for each. It is cut around its centre to the aspect ratio of the result and resized.
            geometry: depth to use instead of predicting it; one for all images, for each prompt or for each image.
                Cut and resized like `image`.
            negative_prompt: what to stay away from; one for all prompts or one for each. None is the empty prompt.
            height, width: pixels, multiples of 16; of 32 for Qwen-Image 2.1. Without them, the model's default area
                with the aspect ratio of `image`, else of `geometry`, else square.
            num_inference_steps: the scheduler's steps of the image.
            guidance_scale: classifier-free guidance of the image; 1 is none.
            image_guidance_scale: when OmniGen2 edits, guidance by the source image, beside that by the prompt; 1 has
                one scale for both. Other backbones take 1 alone.
            depth_steps: Euler steps of the depth; 1 gives the conditional mean. None for 16, and 1 with a source image.
            depth_guidance: classifier-free guidance of the depth, away from the empty prompt; 1 is none. None for 2,
                and 1 with a source image.
            adapter_strength: how much depth matters. At 0 the image is exactly the base model's, and no depth is
                predicted.
            adapter_start, adapter_end: part of the image's steps that are given depth: start <= i / n < end.
            num_images_per_prompt: images of each prompt, each with its own depth.
            generator: on the CPU; one for all images or one for each. Drawn from it are, in this order, the noise of
                the images and that of their depths: so the same seed gives the same noise to an image with predicted
                depth, with depth that is given and without depth, and in ComfyUI's own samplers.
            output_type: "pil"; "pt" for a tensor [B, 3, H, W] in [0, 1]; "latent" for normalised latents.
            callback_on_step_end: called with (pipeline, step, timestep, {"latents": ...}) after each step of the image;
                latents in the dict that it returns replace the current ones. It may set `pipe._guidance_scale` for the
                next steps.
            scene: "auto" to read the prompt as a sentence about what is where, a scene text (docs/scene-text.md), a
                Scene or a Plan; one for all images, for each prompt or for each image. Its exact depth is used in place
                of predicted depth, and the output has its plans. Texts are solved with the generator's seed.
            scene_strength: 1 keeps the scene's depth as it is. Below 1 the spatial transformer draws on from it: the
                flow of depth starts from the scene noised to t = 1 - scene_strength, so that blocks become things
                and the layout stays. 0 is depth without the scene.
        """
        request = self._read_request(prompt, image, geometry, height, width, num_images_per_prompt, generator)
        negatives = _one_each("" if negative_prompt is None else negative_prompt, len(request.prompts))
        depth_steps, depth_guidance = depth_settings(depth_steps, depth_guidance, is_edit=bool(request.pictures))
        num_inference_steps = _whole("num_inference_steps", num_inference_steps, 1, MAX_STEPS)
        depth_steps = _whole("depth_steps", depth_steps, 1, MAX_STEPS)
        guidance_scale = _finite("guidance_scale", guidance_scale)
        image_guidance_scale = _finite("image_guidance_scale", image_guidance_scale)
        depth_guidance = _finite("depth_guidance", depth_guidance)
        adapter_strength = _finite("adapter_strength", adapter_strength)
        adapter_start, adapter_end = _finite("adapter_start", adapter_start), _finite("adapter_end", adapter_end)
        if image_guidance_scale != 1 and self.backbone is not omnigen2:
            raise InputError(
                f"image_guidance_scale is {image_guidance_scale:g}, but {self.backbone.NAME} has no guidance by the "
                "source image: expected 1."
            )
        if not 0 <= adapter_start <= adapter_end <= 1:
            raise InputError(
                f"adapter_start is {adapter_start:g} and adapter_end {adapter_end:g}: expected 0 <= start <= end <= 1."
            )
        if not isinstance(output_type, str) or output_type not in ("pil", "pt", "latent"):
            raise InputError(f"output_type is {_short(output_type)}: expected 'pil', 'pt' or 'latent'.")
        if callback_on_step_end is not None and not callable(callback_on_step_end):
            raise InputError(f"callback_on_step_end is {_short(callback_on_step_end)}: expected a function.")
        callback_inputs = _read_callback_inputs(callback_on_step_end_tensor_inputs, self._callback_tensor_inputs)

        self._interrupt = False
        self._guidance_scale = guidance_scale
        self.seconds = {}
        self._check_transformer()
        plans, geometry, start = self._plan(request, scene, scene_strength, geometry)
        predicts = geometry is None and adapter_strength != 0
        noise = self._draw_image_noise(request)
        with self._timed("prompt"):
            references = self._encode_references(request)
            context, null, depth_null = self._encode_prompts(
                request, negatives, guidance_scale != 1, predicts and depth_guidance != 1
            )
        with self._timed("depth"):
            geometry = self._draw_geometry(
                request, context, depth_null, geometry, predicts, depth_steps, depth_guidance, start
            )
            injection = None
            if adapter_strength != 0:
                injection = self._make_injection(geometry, self._latent_size(request), adapter_strength)
        with self._timed("image"):
            latents = self._draw_latents(
                request,
                context,
                null,
                references,
                noise,
                num_inference_steps,
                image_guidance_scale,
                injection,
                (adapter_start, adapter_end),
                callback_on_step_end,
                callback_inputs,
            )
        with self._timed("decode"):
            images = latents if output_type == "latent" else self._decode(latents)
            if output_type == "pil":
                images = [to_image(picture) for picture in images]
        self.maybe_free_model_hooks()
        return SpatialFusionOutput(images, geometry, plans) if return_dict else (images, geometry)

    @torch.no_grad()
    def predict_geometry(
        self,
        prompt: str | Sequence[str],
        image: Picture | Sequence[Picture] | None = None,
        height: int | None = None,
        width: int | None = None,
        depth_steps: int | None = None,
        depth_guidance: float | None = None,
        num_images_per_prompt: int = 1,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        scene: SceneInput | Sequence[SceneInput] | None = None,
        scene_strength: float = 1.0,
    ) -> Geometry:
        """The depth alone that a call with the same arguments predicts; see there."""
        request = self._read_request(prompt, image, None, height, width, num_images_per_prompt, generator)
        depth_steps, depth_guidance = depth_settings(depth_steps, depth_guidance, is_edit=bool(request.pictures))
        depth_steps = _whole("depth_steps", depth_steps, 1, MAX_STEPS)
        depth_guidance = _finite("depth_guidance", depth_guidance)
        self.seconds = {}
        _, geometry, start = self._plan(request, scene, scene_strength, None)
        self._draw_image_noise(request)  # what a call draws first
        with self._timed("prompt"):
            context, _, null = self._encode_prompts(request, [], False, depth_guidance != 1)
        with self._timed("depth"):
            predicts = geometry is None
            geometry = self._draw_geometry(
                request, context, null, geometry, predicts, depth_steps, depth_guidance, start
            )
        self.maybe_free_model_hooks()
        return geometry

    def _read_request(
        self,
        prompt: str | Sequence[str],
        image: Picture | Sequence[Picture] | None,
        geometry: Geometry | None,
        height: int | None,
        width: int | None,
        per_prompt: int,
        generator: torch.Generator | Sequence[torch.Generator] | None,
    ) -> _Request:
        """Check and complete what the user asked for."""
        prompts = [prompt] if isinstance(prompt, str) else _listed(prompt)
        if not prompts or not all(isinstance(text, str) for text in prompts):
            raise InputError(f"prompt is {_short(prompt)}: expected a text or a list of texts.")
        if empty := [text for text in prompts if not text.strip()]:
            raise InputError(f"the prompt is empty ({empty[0]!r}): describe the image in a sentence.")
        for text in prompts:
            check_text(text, "the prompt")
        per_prompt = _whole("num_images_per_prompt", per_prompt, 1, MAX_IMAGES)
        pictures = [] if image is None else _read_pictures(image, len(prompts))
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
                which = f"picture {unknown[0] + 1} of {len(geometry)} of geometry" if len(geometry) > 1 else "geometry"
                # Not refused: a prompt may show nothing but sky, and what a call predicted can be handed back.
                warnings.warn(f"{which} is unknown everywhere: expected depth in metres somewhere.", stacklevel=3)
        shape = pictures[0].shape[-2:] if pictures else (1, 1) if geometry is None else geometry.depth.shape[-2:]
        height, width = self._image_size(height, width, shape)
        return _Request(
            prompts=prompts,
            pictures=[fit_picture(picture, height, width) for picture in pictures],
            size=(height, width),
            rows=rows,
            generators=_read_generators(generator, len(rows)),
        )

    def _plan(
        self,
        request: _Request,
        scene: SceneInput | Sequence[SceneInput] | None,
        strength: float,
        geometry: Geometry | None,
    ) -> tuple[list[Plan] | None, Geometry | None, tuple[Geometry, float] | None]:
        """The images' plans, the depth to use, and the depth to start from; of the last two, one or none."""
        if scene is None:
            return None, geometry, None
        if geometry is not None:
            raise InputError("scene and geometry were both given: expected one of them.")
        with self._timed("scene"):
            is_edit = bool(request.pictures)
            plans = plan_images(scene, request.prompts, request.rows, request.generators, request.size, is_edit)
            return plans, *plan_depth(plans, strength)

    def _image_size(self, height: int | None, width: int | None, shape: Sequence[int]) -> tuple[int, int]:
        """(height, width) of the result; what is missing follows from the default area and the aspect of `shape`."""
        # Latents have even sides: there are patches of 2 x 2, and in Qwen-Image 2.1 picture tokens of 2 x 2.
        stride = 2 * self.spatialfusion.config.latent_stride
        aspect = shape[-1] / shape[-2]

        def fit(side: float) -> int:
            return max(1, round(side / stride)) * stride

        def check(name: str, value: Any) -> int:
            number = value.__index__() if isinstance(value, Integral) and not isinstance(value, bool) else None
            if number is None or not 0 < number <= MAX_SIDE or number % stride:
                known = isinstance(value, Real) and 0 < value <= MAX_SIDE
                below = int(value) // stride * stride if known else 0
                near = f"{below} or {below + stride}" if below else f"{stride}"
                raise InputError(
                    f"{name} is {_short(value)}, but must be a multiple of {stride} up to {MAX_SIDE}, such as {near}."
                )
            return number

        height = None if height is None else check("height", height)
        width = None if width is None else check("width", width)
        if height is None and width is None:
            side = self.config.default_size
            height, width = fit(side / math.sqrt(aspect)), fit(side * math.sqrt(aspect))
        # What follows from the other may be too much of it.
        height = check("height", fit(width / aspect)) if height is None else height
        width = check("width", fit(height * aspect)) if width is None else width
        return height, width

    def _latent_size(self, request: _Request) -> tuple[int, int]:
        stride = self.spatialfusion.config.latent_stride
        return request.size[0] // stride, request.size[1] // stride

    def _draw_image_noise(self, request: _Request) -> Tensor:
        shape = (self.spatialfusion.config.latent_channels, *self._latent_size(request))
        return draw_noise(request.generators, shape)

    def _encode_prompts(
        self, request: _Request, negatives: Sequence[str], guided: bool, depth_guided: bool
    ) -> tuple[SemanticContext, SemanticContext | None, SemanticContext | None]:
        """Contexts of every image to draw: of its prompt, of its negative prompt, and of the empty prompt for depth.

        The negative and the empty prompt of an edit are read with the source image, as in training.
        """
        self._onload(self.text_encoder)
        config = self.spatialfusion.config
        parts = self.text_encoder, self.tokenizer, self.image_processor
        encoder = PromptEncoder(*parts, config.num_layers, self.backbone.TEMPLATE, config.llm_layers)
        pictures = [[picture] for picture in request.pictures] or [[] for _ in request.prompts]
        context = encoder.encode(request.prompts, pictures).select(request.rows)
        # A chat is a text and, with a picture, the picture's number; what several images need is read once.
        numbers = range(len(request.prompts)) if request.pictures else [None] * len(request.prompts)
        chats = list(zip(negatives, numbers)) if guided else []
        empty = [("", number) for number in numbers] if depth_guided else []
        wanted = list(dict.fromkeys(chats + empty))
        if not wanted:
            return context, None, None
        texts = [text for text, _ in wanted]
        null = encoder.encode(texts, [[] if i is None else pictures[i] for _, i in wanted], allow_empty=True)
        return (
            context,
            null.select([wanted.index(chats[row]) for row in request.rows]) if guided else None,
            null.select([wanted.index(empty[row]) for row in request.rows]) if depth_guided else None,
        )

    def _encode_references(self, request: _Request) -> list[Tensor]:
        if not request.pictures:
            return []
        pictures = torch.stack(request.pictures).to(self._execution_device, self.vae.dtype)
        return [encode_latents(self.vae, pictures).float()[request.rows]]

    def _draw_geometry(
        self,
        request: _Request,
        context: SemanticContext,
        null: SemanticContext | None,
        given: Geometry | None,
        predicts: bool,
        steps: int,
        guidance: float,
        start: tuple[Geometry, float] | None = None,
    ) -> Geometry | None:
        """Geometry of every image: predicted, or the given one; None for neither."""
        # Also where nothing is predicted: with offloading a model takes the place of the one before it.
        self._onload(self.spatialfusion)
        if not predicts:
            # So that the next call with these generators does not depend on how this one came by its depth.
            draw_depth_noise(request.generators, self.spatialfusion.state_shape(*request.size))
            return None if given is None else _fit_geometry(given, request).to("cpu")
        source = torch.stack(request.pictures)[request.rows] if request.pictures else None
        with self.progress_bar(total=steps) as bar:
            bar.set_description("depth")
            geometry = self.spatialfusion.predict_geometry(
                context,
                request.size,
                request.generators,
                null_context=null,
                source=source,
                steps=steps,
                guidance=guidance,
                callback=lambda step, estimate: bar.update(),
                start=start,
            )
        return geometry.to("cpu")

    def _check_transformer(self) -> None:
        """Put back what depth needs on the transformer, where it was taken off or the transformer was replaced."""
        check_lora(self.transformer)
        trained = self.spatialfusion.backbone_tensors
        if not has_lora(self.transformer) and any(name.startswith("lora.") for name in trained):
            self.delta = self.backbone.load_backbone_tensors(self.transformer, trained)

    def _make_injection(
        self, geometry: Geometry, size: tuple[int, int], strength: float
    ) -> DepthInjection | ControlNetInjection:
        """What gives the transformer depth for latents of (rows, columns)."""
        if self.controlnet is not None:
            self._onload(self.vae)
            condition = depth_condition(self.vae, disparity_image(geometry))
            return ControlNetInjection(self.transformer, self.controlnet, condition, strength)
        self._onload(self.spatialfusion)
        residual = self.spatialfusion.adapter.residual(geometry, size)
        return self.backbone.DepthInjection(self.transformer, residual, self.delta, strength)

    def _draw_latents(
        self,
        request: _Request,
        context: SemanticContext,
        null: SemanticContext | None,
        references: Sequence[Tensor],
        noise: Tensor,
        steps: int,
        image_guidance: float,
        injection: DepthInjection | ControlNetInjection | None,
        depth_range: tuple[float, float],
        callback: Callable[[DiffusionPipeline, int, int, dict], dict] | None,
        callback_inputs: Sequence[str],
    ) -> Tensor:
        self._onload(self.transformer)
        with self.progress_bar(total=steps) as bar:
            bar.set_description("image")

            def before_step(step: int) -> None:
                self._num_timesteps = len(self.scheduler.timesteps)
                self._current_timestep = self.scheduler.timesteps[step]

            def guidance() -> float:
                # A callback may have set it.
                scale = _finite("guidance_scale", self._guidance_scale)
                if scale != 1 and null is None:
                    raise InputError(
                        f"guidance_scale became {scale:g} in a callback, but the call began with 1, so no negative "
                        "prompt was read: expected another guidance_scale from the beginning."
                    )
                return scale

            def after_step(step: int, latents: Tensor) -> None:
                if callback is not None:
                    given = {"latents": latents} if "latents" in callback_inputs else {}
                    returned = callback(self, step, self.scheduler.timesteps[step], given) or {}
                    if returned.get("latents", latents) is not latents:
                        latents.copy_(returned["latents"])
                # A scheduler of order 2 has two timesteps for a step, but for the last.
                if step + 1 == self._num_timesteps or (step + 1) % self.scheduler.order == 0:
                    bar.update()
                if self._interrupt:
                    raise _InterruptedError(latents)

            if self.backbone is omnigen2:
                guiding = {"image_guidance": image_guidance}
            elif self.backbone is qwen_image:
                guiding = {"rescale": self.config.rescale_guidance}
            else:
                guiding = {}
            try:
                latents = self.backbone.sample_latents(
                    self.transformer,
                    self.scheduler,
                    context,
                    null,
                    references,
                    noise,
                    steps,
                    guidance,
                    injection,
                    depth_range,
                    callback=after_step,
                    before_step=before_step,
                    **guiding,
                )
            except _InterruptedError as interruption:
                latents = interruption.latents
            finally:
                self._current_timestep = None
        if not latents.isfinite().all():
            raise InputError(
                "the image came out as not a number: expected weights without NaN, and dtype bfloat16 or float32 where "
                "float16 does not reach."
            )
        return latents

    def _decode(self, latents: Tensor) -> Tensor:
        return decode_latents(self.vae, latents.to(self.vae.dtype)).float()

    def _onload(self, module: nn.Module) -> None:
        # enable_model_cpu_offload moves a model when its forward is called; here its parts are called.
        if hasattr(module, "_hf_hook"):
            module._hf_hook.pre_forward(module)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - start

    # Files ------------------------------------------------------------------------------------------------------------

    def save_pretrained(
        self,
        save_directory: str | os.PathLike,
        max_shard_size: int | str | None = None,
        safe_serialization: bool = True,
    ) -> None:
        """Write a model folder in diffusers' layout, with spatialfusion.safetensors beside; always safetensors.

        The transformer's weights are its own, without LoRA and delta. Everything is written beside the folder first, so
        that a full disk leaves an older model in it as it was.
        """
        if not safe_serialization:
            raise InputError("safe_serialization is False: weights are written as safetensors alone.")
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        with temporary_folder(folder.parent) as temporary:
            shards = {} if max_shard_size is None else {"max_shard_size": max_shard_size}
            kept = [*COMPONENTS, *(CONTROLNET if self.controlnet is not None else ())]
            for component in kept:
                part = unwrapped(getattr(self, component))
                with saved_without_lora(part) if component == "transformer" else nullcontext():
                    try:
                        part.save_pretrained(temporary / component, **(shards if isinstance(part, nn.Module) else {}))
                    except (ValueError, RuntimeError) as error:
                        if getattr(part, "hf_quantizer", None) is None:
                            raise
                        # Not every quantisation can be saved.
                        reason = " ".join(str(error).split())[:200]
                        raise InputError(f"the {component} cannot be saved ({reason}).") from None
                _forget_origin(temporary / component / "config.json")
            self.spatialfusion.save(temporary / FILE_NAME, self.spatialfusion.dtype)
            components = {component: tuple(self.config[component]) for component in kept}
            write_model_index(temporary, self.config.default_size, self.config.rescale_guidance, components)
            set_default_modes(temporary)
            for component in kept:
                replace_folder(temporary / component, folder / component)
            for file in (FILE_NAME, INDEX):
                os.replace(temporary / file, folder / file)

    def enable_sequential_cpu_offload(self, *_args: Any, **_kwargs: Any) -> None:
        """Not supported: parts of the networks are called by themselves, which accelerate's hooks do not see."""
        raise InputError(
            "enable_sequential_cpu_offload is not supported by this pipeline: expected enable_model_cpu_offload."
        )

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike,
        spatialfusion: SpatialFusionModel | str | os.PathLike | None = None,
        **kwargs: Any,
    ) -> SpatialFusionPipeline:
        """Load a model folder, or a model of the Hugging Face Hub; a folder never touches the network.

        OmniGen2 and Qwen-Image 2.1 are also loaded as they are published, with a folder `processor`.

        Args:
            spatialfusion: the SpatialFusion part, or its file, if it is not to be the model's own; with it any
                Qwen-Image, Qwen-Image 2.1 or OmniGen2 model can be loaded that it was trained for.
            kwargs: as in diffusers; `dtype`, or its name, is float32 unless given. `transformer`, `text_encoder` and
                `vae` may be paths of .safetensors files in ComfyUI's layout; see single_file.py. Weights are read from
                safetensors alone, and no code of the model is run.

        Raises:
            InputError: when something is missing, broken or of another kind.
        """
        hub_options = {name: kwargs.pop(name) for name in HUB_OPTIONS if name in kwargs}
        given = {name for name in (*COMPONENTS, *CONTROLNET) if name in kwargs}
        unneeded = given | {m.PUBLISHED_FOLDERS.get(name, name) for m in PUBLISHED.values() for name in given}
        folder = find_model(pretrained_model_name_or_path, hub_options, unneeded)
        check_variant(folder, kwargs.get("variant"))
        dtype = _read_dtype(kwargs.pop("dtype", None) or kwargs.pop("torch_dtype", None) or torch.float32)
        published = PUBLISHED.get(published_backbone(folder))
        if published is None:
            index = check_folder(folder, given)
            if str(index.get("_class_name")).startswith(QWEN_IMAGE):
                kwargs = QWEN_IMAGE_OPTIONS | kwargs
        if not isinstance(spatialfusion, SpatialFusionModel):
            spatialfusion = SpatialFusionModel.load(spatialfusion or folder, dtype=_dtype_of("spatialfusion", dtype))
        for name in ("transformer", "text_encoder", "vae"):
            if isinstance(kwargs.get(name), (str, os.PathLike)):
                subfolder = name if published is None else published.PUBLISHED_FOLDERS[name]
                kwargs[name] = load_part(name, kwargs[name], folder / subfolder, _dtype_of(name, dtype))
        with loading(folder):
            if published is not None:
                parts = published.load_published(folder, dtype, given)
                pipeline = cls(**{"default_size": published.DEFAULT_SIZE} | parts | kwargs, spatialfusion=spatialfusion)
            else:
                kwargs |= {"use_safetensors": True, "trust_remote_code": False}
                pipeline = super().from_pretrained(folder, spatialfusion=spatialfusion, dtype=dtype, **kwargs)
        for name in {"vae", "text_encoder", "transformer", *(CONTROLNET if pipeline.controlnet else ())} - given:
            subfolder = name if published is None else published.PUBLISHED_FOLDERS[name]
            check_weights(folder / subfolder, base_parameters(getattr(pipeline, name)), renamed=name == "text_encoder")
        pipeline.register_to_config(_name_or_path=str(pretrained_model_name_or_path))
        return pipeline


class _Request(NamedTuple):
    """What is asked for. pictures: sources [3, H, W], one per prompt, or none; rows: the prompt of every image."""

    prompts: list[str]
    pictures: list[Tensor]
    size: tuple[int, int]
    rows: list[int]
    generators: list[torch.Generator]


class _InterruptedError(Exception):
    def __init__(self, latents: Tensor):
        self.latents = latents


# Input ----------------------------------------------------------------------------------------------------------------


def _fit_geometry(geometry: Geometry, request: _Request) -> Geometry:
    geometry = fit_geometry(geometry, *request.size)
    if len(geometry) == 1:
        return geometry[[0] * len(request.rows)]
    return geometry if len(geometry) == len(request.rows) else geometry[request.rows]


def _read_pictures(image: Picture | Sequence[Picture], count: int) -> list[Tensor]:
    """Source pictures [3, H, W] in [0, 1] on the CPU, one for each prompt."""
    if isinstance(image, Tensor) and image.ndim == 4:
        image = list(image)
    images = list(image) if isinstance(image, (list, tuple)) else [image]
    if len(images) not in (1, count):
        raise InputError(f"{len(images)} images were given for {count} prompts: expected one for all or one for each.")
    pictures = [_read_picture(picture) for picture in images]
    return pictures if len(pictures) == count else pictures * count


def _read_picture(image: Picture) -> Tensor:
    if isinstance(image, Image.Image):
        picture = to_tensor(to_rgb(image, "the source image"))
    elif isinstance(image, Tensor) and image.ndim == 3 and len(image) == 3 and image.is_floating_point():
        picture = image.float().cpu()
    else:
        what = f"{image.dtype} of shape {list(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
        raise InputError(f"the source image is a {what}: expected a PIL image or floats [3, height, width] in [0, 1].")
    if picture.numel() == 0:
        raise InputError(f"the source image has shape {list(picture.shape)}: expected at least one pixel.")
    if not (picture.min() >= 0 and picture.max() <= 1):
        raise InputError(
            f"the source image has values from {picture.min():g} to {picture.max():g}: expected them in [0, 1]."
        )
    return picture


def _read_generators(
    generator: torch.Generator | Sequence[torch.Generator] | None, count: int
) -> list[torch.Generator]:
    if generator is None:
        seeds = torch.randint(2**62, (count,)).tolist()
        return [torch.Generator().manual_seed(seed) for seed in seeds]
    generators = [generator] * count if isinstance(generator, torch.Generator) else _listed(generator)
    if generators is None or not all(isinstance(g, torch.Generator) for g in generators):
        raise InputError(
            f"generator is {_short(generator)}: expected a torch.Generator, such as torch.Generator().manual_seed(0), "
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
            f"callback_on_step_end_tensor_inputs is {_short(names)}: only 'latents' can be given, in a list."
        )
    return listed


def _one_each(text: str | Sequence[str], count: int) -> list[str]:
    texts = [text] * count if isinstance(text, str) else _listed(text)
    if texts is None or len(texts) != count or not all(isinstance(t, str) for t in texts):
        raise InputError(
            f"negative_prompt is {_short(text)} for {count} prompts: expected one text for all or one for each."
        )
    return texts


def _listed(values: Any) -> list | None:
    """A list of a list or tuple; None for anything else."""
    return list(values) if isinstance(values, (list, tuple)) else None


def _finite(name: str, value: Any) -> float:
    """A finite number, also one of numpy, as a float."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise InputError(f"{name} is {_short(value)}: expected a finite number.")
    return float(value)


def _whole(name: str, value: Any, at_least: int, at_most: int) -> int:
    """A whole number, also one of numpy, as an int."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputError(f"{name} is {_short(value)}: expected a whole number.")
    if not at_least <= value <= at_most:
        raise InputError(f"{name} is {_short(value)}: expected {at_least} to {at_most}.")
    return int(value)


def _read_dtype(dtype: Any) -> torch.dtype | dict[str, torch.dtype]:
    """A floating-point dtype, or one for each part; both may be named."""
    if isinstance(dtype, dict):
        if strange := dtype.keys() - {"default", "spatialfusion", *COMPONENTS, *CONTROLNET}:
            raise InputError(f"dtype has {_short(min(strange, key=str))}: expected names of parts, or default.")
        return {name: _read_dtype(value) for name, value in dtype.items()}
    found = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point or found.itemsize < 2:
        raise InputError(
            f"dtype is {_short(dtype)}: expected torch.float32, torch.bfloat16 or torch.float16, or its name."
        )
    return found


def _check_fit(
    spatialfusion: SpatialFusionModel,
    text_encoder: Qwen2_5_VLForConditionalGeneration | Qwen3VLForConditionalGeneration,
    backbone: str,
) -> None:
    """The checkpoint must have been trained for this backbone, and on the attention of this multimodal LLM."""
    if spatialfusion.config.backbone != backbone:
        raise InputError(
            f"the SpatialFusion checkpoint was trained for {spatialfusion.config.backbone}, but the diffusion model is "
            f"{backbone}: they do not belong together."
        )
    text = text_encoder.config.text_config
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    for name, trained, found in (
        ("layers", spatialfusion.config.mllm_layers, text.num_hidden_layers),
        ("key/value heads", spatialfusion.config.kv_heads, text.num_key_value_heads),
        ("channels per head", spatialfusion.config.head_dim, head_dim),
    ):
        if trained != found:
            raise InputError(
                f"the SpatialFusion checkpoint was trained on a text encoder with {trained} {name}, but this one has "
                f"{found}: they do not belong together."
            )


def _dtype_of(part: str, dtype: torch.dtype | dict[str, torch.dtype]) -> torch.dtype:
    if isinstance(dtype, dict):
        dtype = dtype.get(part, dtype.get("default"))
    return dtype or torch.float32


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _forget_origin(config: Path) -> None:
    """Take out of a saved configuration the folder that the part was loaded from: it means nothing elsewhere."""
    if config.is_file():
        values = json.loads(config.read_text(encoding="utf-8"))
        if values.pop("_name_or_path", None) is not None:
            config.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")

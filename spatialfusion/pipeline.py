"""SpatialFusionPipeline: prompt -> Geometry -> image, as a pipeline of diffusers.

Notable: the multimodal LLM reads a prompt once. That prefill gives the prompt embeddings that the diffusion model reads
and the keys and values that depth is drawn from.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import diffusers
import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLQwenImage,
    AutoencoderKLQwenImage21,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    ModelMixin,
    QwenImageControlNetModel,
)
from diffusers.utils import BaseOutput
from PIL import Image
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase, Qwen2VLImageProcessorPil

from .backbones import BACKBONES, backbone_of
from .backbones.backbone import Backbone
from .backbones.controlnet import ControlNetInjection, depth_condition
from .backbones.depth_injection import ADAPTER, DepthInjection, check_lora, has_lora, has_switches, rest_lora
from .backbones.sampling import Draw, draw_noise
from .defaults import END, GUIDANCE, IMAGE_GUIDANCE, START, STEPS, STRENGTH
from .errors import InputError
from .geometry.depth_image import disparity_image
from .geometry.geometry import Geometry
from .images import to_image
from .latents import decode_latents, encode_latents
from .model.context import PromptEncoder, SemanticContext, default_image_processor
from .model.flow import depth_generators
from .model.model import FILE_NAME, SpatialFusionModel
from .model.region_words import RegionWords, region_words
from .model_folder import OPTIONAL
from .pipeline_files import load_pipeline, save_pipeline
from .pipeline_inputs import (
    DepthSettings,
    ImageInput,
    Request,
    Settings,
    finite,
    fit_to_request,
    read_depth_settings,
    read_embeds,
    read_latents,
    read_negatives,
    read_prompts,
    read_request,
    read_settings,
)
from .pipeline_lora import LoraLoaderMixin
from .pipeline_scene import SceneInput, plan_depth, plan_images
from .planner.plan import Plan
from .scenes.scene import Scene


class Contexts(NamedTuple):
    """What was read for each image: by the diffusion model of its prompt and of its negative prompt, and by the spatial
    transformer of its prompt and of the empty one; None where it was not needed."""

    image: SemanticContext
    image_null: SemanticContext | None
    depth: SemanticContext | None
    depth_null: SemanticContext | None


@dataclass
class SpatialFusionOutput(BaseOutput):
    """images: list of PIL images, an array or a tensor (see `output_type`). geometry: of these images, on the CPU, or
    None.

    plans: what was planned of each image, where a scene was asked for. seconds: what each stage took.
    """

    images: list[Image.Image] | np.ndarray | Tensor
    geometry: Geometry | None
    plans: list[Plan] | None = None
    seconds: dict[str, float] | None = None

    @property
    def scene(self) -> Scene | None:
        """Of the first image."""
        return self.plans[0].scene if self.plans else None


class SpatialFusionPipeline(DiffusionPipeline, LoraLoaderMixin):
    """Text to image, and editing, with metric depth in between.

    Args:
        default_size: side in pixels of the square whose area an image has when no size is asked for.
        controlnet: of Qwen-Image alone: it is given the disparity image of the depth, in place of adapter, LoRA and
            delta. A baseline; see backbones/controlnet.py.
        rescale_guidance: keep the norm of the guided velocity at the prompt's own, as Qwen-Image's pipelines do; of
            Qwen-Image alone.

    What differs from one diffusion transformer to another is in its record in `backbones/`. The LoRA and the
    projection delta of the `spatialfusion` checkpoint are put on `transformer`, inactive while it is given no depth.
    """

    model_cpu_offload_seq = "text_encoder->spatialfusion->transformer->vae"
    # diffusers' own loader gives None for the last, which `__init__` refuses in a sentence.
    _optional_components: ClassVar[list[str]] = [*OPTIONAL, "spatialfusion"]
    _callback_tensor_inputs: ClassVar[list[str]] = ["latents"]

    def __init__(
        self,
        vae: AutoencoderKLQwenImage | AutoencoderKLQwenImage21 | AutoencoderKL,
        text_encoder: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        transformer: ModelMixin,
        scheduler: FlowMatchEulerDiscreteScheduler,
        spatialfusion: SpatialFusionModel,
        image_processor: Qwen2VLImageProcessorPil | None = None,
        controlnet: QwenImageControlNetModel | None = None,
        default_size: int = 128,
        rescale_guidance: bool = False,
    ):
        super().__init__()
        if spatialfusion is None:
            raise InputError(
                f"there is no spatialfusion: expected SpatialFusionPipeline.from_pretrained, which loads {FILE_NAME}, "
                "and not DiffusionPipeline.from_pretrained."
            )
        if image_processor is None:
            # Qwen-Image has none, because it was never shown an image; an LLM that sees nothing needs none.
            image_processor = default_image_processor(text_encoder)
        backbone = backbone_of(transformer)
        backbone.check_checkpoint(spatialfusion.config)
        _check_fit(spatialfusion, text_encoder)
        if rescale_guidance and not backbone.rescales:
            known = " and ".join(other.name for other in BACKBONES if other.rescales)
            raise InputError(
                f"rescale_guidance is true, but the diffusion model is {backbone.name}: it is for {known} alone."
            )
        if controlnet is not None and not backbone.controlnets:
            raise InputError(f"a ControlNet was given, but the diffusion model is {backbone.name}: expected none.")
        if has_lora(transformer):
            # Of another checkpoint, when a pipeline is built anew from the parts of an old one.
            check_lora(transformer)
            transformer.delete_adapters(ADAPTER)
        self.delta = backbone.load_backbone_tensors(transformer, spatialfusion.backbone_tensors)
        # Checks that tokenizer and text encoder belong together.
        PromptEncoder(text_encoder, tokenizer, image_processor, spatialfusion.config.num_layers, backbone.template)
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

    @property
    def backbone(self) -> Backbone:
        """What is particular to the transformer."""
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
        prompt: str | Sequence[str] | None = None,
        image: ImageInput | Sequence[ImageInput] | None = None,
        geometry: Geometry | None = None,
        negative_prompt: str | Sequence[str] | None = None,
        height: int | None = None,
        width: int | None = None,
        num_inference_steps: int = STEPS,
        guidance_scale: float = GUIDANCE,
        image_guidance_scale: float = IMAGE_GUIDANCE,
        depth_steps: int | None = None,
        depth_guidance_scale: float | None = None,
        controlnet_conditioning_scale: float = STRENGTH,
        control_guidance_start: float = START,
        control_guidance_end: float = END,
        num_images_per_prompt: int = 1,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        latents: Tensor | None = None,
        prompt_embeds: Tensor | None = None,
        prompt_embeds_mask: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        negative_prompt_embeds_mask: Tensor | None = None,
        output_type: str = "pil",
        callback_on_step_end: Callable[[DiffusionPipeline, int, int, dict], dict] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] | None = ("latents",),
        return_dict: bool = True,
        scene: SceneInput | Sequence[SceneInput] | None = None,
        scene_strength: float = 1.0,
    ) -> SpatialFusionOutput | Any:
        """Draw depth and then the image that has it; with `return_dict=False` the tuple (images, geometry).

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
            depth_guidance_scale: classifier-free guidance of the depth, away from the empty prompt; 1 is none. None for
                2, and 1 with a source image.
            controlnet_conditioning_scale: how much depth matters, be it brought by the depth adapter or by a
                ControlNet. At 0 the image is exactly the base model's, and no depth is predicted.
            control_guidance_start, control_guidance_end: part of the image's steps that are given depth: step i of n
                where start <= i / n and (i + 1) / n <= end.
            num_images_per_prompt: images of each prompt, each with its own depth.
            generator: on the CPU; one for all images or one for each. The noise of the images is drawn from it, and
                that of their depths from another whose seed follows from it (`flow.depth_generators`): so the same
                seed gives the same noise to an image with predicted depth, with depth that is given and without depth,
                and in ComfyUI's own samplers.
            latents: the noise that the images begin with, in place of the generators': normalised latents
                [B, C, h, w], or the tokens [B, N, D] that diffusers' pipelines of Qwen-Image take.
            prompt_embeds, prompt_embeds_mask: what the diffusion model reads in place of the prompts, [P, T, D] and
                [P, T], true at tokens; without a mask every token counts. Depth is still predicted from `prompt`,
                which may be left out where none is predicted.
            negative_prompt_embeds, negative_prompt_embeds_mask: the same in place of the negative prompts.
            output_type: "pil"; "np" for an array [B, H, W, 3] and "pt" for a tensor [B, 3, H, W], both float32 in
                [0, 1]; "latent" for normalised latents [B, C, h, w].
            callback_on_step_end: called with (pipeline, step, timestep, {"latents": ...}) after each step of the image;
                latents in the dict that it returns replace the current ones. It may set `pipe._guidance_scale` for the
                next steps.
            scene: "auto" to read the prompt as a sentence about what is where, a scene text (docs/scene-text.md), a
                Scene or a Plan; one for all images, for each prompt or for each image. Its exact depth is used in place
                of predicted depth, an adapter that reads region words is told which object is where, and the output has
                the plans. Texts are solved with the generator's seed.
            scene_strength: 1 keeps the scene's depth as it is. Below 1 the spatial transformer draws on from it: the
                flow of depth starts from the scene noised to t = 1 - scene_strength, so that blocks become things
                and the layout stays. 0 is depth without the scene.
        """
        width_of = self.text_encoder.config.get_text_config().hidden_size
        embeds = read_embeds("prompt_embeds", prompt_embeds, prompt_embeds_mask, width_of)
        negative_embeds = read_embeds(
            "negative_prompt_embeds", negative_prompt_embeds, negative_prompt_embeds_mask, width_of
        )
        prompts = read_prompts(prompt, embeds)
        negatives = read_negatives(negative_prompt, negative_embeds, len(prompts))
        request = read_request(
            prompts,
            embeds,
            negative_embeds,
            image,
            geometry,
            height,
            width,
            num_images_per_prompt,
            generator,
            self.backbone,
            self._stride(),
            self.config.default_size,
        )
        noise = read_latents(latents, len(request.rows), self._latent_shape(request), self.backbone)
        chosen = read_settings(
            num_inference_steps,
            guidance_scale,
            image_guidance_scale,
            read_depth_settings(depth_steps, depth_guidance_scale, request),
            controlnet_conditioning_scale,
            control_guidance_start,
            control_guidance_end,
            output_type,
            callback_on_step_end,
            callback_on_step_end_tensor_inputs,
            self.backbone,
            self._callback_tensor_inputs,
        )
        self._interrupt = False
        self._guidance_scale = chosen.guidance
        self._check_transformer()
        seconds: dict[str, float] = {}
        with _timed(seconds, "scene", scene is not None):
            plans, geometry, start = self._plan(request, scene, scene_strength, geometry)
        predicts = geometry is None and chosen.strength != 0
        for_depth = depth_generators(request.generators, take=noise is not None)
        if noise is None:
            noise = self._draw_image_noise(request)
        with _timed(seconds, "prompt"):
            references = self._encode_references(request)
            contexts = self._encode_prompts(
                request,
                negatives,
                chosen.guidance != 1,
                predicts and prompt is not None,
                predicts and chosen.depth.guidance != 1,
            )
            regions = self._read_regions(plans) if geometry is not None and chosen.strength != 0 else None
        with _timed(seconds, "depth"):
            # Also where nothing is predicted: with offloading a model takes the place of the one before it.
            self._onload(self.spatialfusion)
            if predicts:
                geometry = self._predict_geometry(request, for_depth, contexts, chosen.depth, start)
            elif geometry is not None:
                geometry = fit_to_request(geometry, request).to("cpu")
            injection = None
            if geometry is not None and chosen.strength != 0:
                injection = self._make_injection(geometry, self._latent_shape(request)[1:], chosen.strength, regions)
        with _timed(seconds, "image"):
            draw = Draw(
                contexts.image,
                contexts.image_null,
                references,
                noise,
                chosen.steps,
                chosen.guidance,
                injection,
                chosen.depth_range,
                chosen.image_guidance,
                self.config.rescale_guidance,
            )
            latents = self._draw_latents(draw, chosen)
        with _timed(seconds, "decode"):
            images = self._decode(latents, chosen.output_type)
        self.maybe_free_model_hooks()
        return SpatialFusionOutput(images, geometry, plans, seconds) if return_dict else (images, geometry)

    @torch.no_grad()
    def predict_geometry(
        self,
        prompt: str | Sequence[str],
        image: ImageInput | Sequence[ImageInput] | None = None,
        height: int | None = None,
        width: int | None = None,
        depth_steps: int | None = None,
        depth_guidance_scale: float | None = None,
        num_images_per_prompt: int = 1,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        scene: SceneInput | Sequence[SceneInput] | None = None,
        scene_strength: float = 1.0,
    ) -> Geometry:
        """The depth alone that a call with the same arguments predicts; see there."""
        request = read_request(
            read_prompts(prompt, None),
            None,
            None,
            image,
            None,
            height,
            width,
            num_images_per_prompt,
            generator,
            self.backbone,
            self._stride(),
            self.config.default_size,
        )
        depth = read_depth_settings(depth_steps, depth_guidance_scale, request)
        _, geometry, start = self._plan(request, scene, scene_strength, None)
        for_depth = depth_generators(request.generators, take=True)
        contexts = self._encode_prompts(request, [], False, True, depth.guidance != 1)
        if geometry is None:
            geometry = self._predict_geometry(request, for_depth, contexts, depth, start)
        else:
            geometry = fit_to_request(geometry, request).to("cpu")
        self.maybe_free_model_hooks()
        return geometry

    def _stride(self) -> int:
        """Of which an image's sides are multiples: latents have even sides, for patches of 2 x 2, and in Qwen-Image 2.1
        for image tokens of 2 x 2."""
        return 2 * self.spatialfusion.config.latent_stride

    def _plan(
        self,
        request: Request,
        scene: SceneInput | Sequence[SceneInput] | None,
        strength: float,
        geometry: Geometry | None,
    ) -> tuple[list[Plan] | None, Geometry | None, tuple[Geometry, float] | None]:
        """The images' plans, the depth to use, and the depth to start from; of the last two, one or none."""
        if scene is None:
            return None, geometry, None
        if geometry is not None:
            raise InputError("scene and geometry were both given: expected one of them.")
        is_edit = bool(request.sources)
        plans = plan_images(scene, request.prompts, request.rows, request.generators, request.size, is_edit)
        return plans, *plan_depth(plans, strength)

    def _latent_shape(self, request: Request) -> tuple[int, int, int]:
        """(channels, rows, columns) of an image's latents."""
        config = self.spatialfusion.config
        return config.latent_channels, *(side // config.latent_stride for side in request.size)

    def _draw_image_noise(self, request: Request) -> Tensor:
        return draw_noise(request.generators, self._latent_shape(request))

    def _encode_prompts(
        self, request: Request, negatives: Sequence[str], guided: bool, for_depth: bool, depth_guided: bool
    ) -> Contexts:
        """What is read of the prompts of every image to draw.

        The negative and the empty prompt of an edit are read with the source image, as in training.
        """
        self._onload(self.text_encoder)
        config = self.spatialfusion.config
        parts = self.text_encoder, self.tokenizer, self.image_processor
        encoder = PromptEncoder(*parts, config.num_layers, self.backbone.template, config.llm_layers)
        sources = [[source] for source in request.sources] or [[] for _ in request.prompts]
        embeds, negative_embeds = request.embeds, request.negative_embeds
        context: SemanticContext | None
        if embeds is None:
            image = context = encoder.encode(request.prompts, sources).select(request.rows)
        else:
            image = embeds.context(request.rows)
            context = encoder.encode(request.prompts, sources).select(request.rows) if for_depth else None
        # A chat is a text and, with an image, the image's number; what several images need is read once.
        count = len(request.prompts)
        numbers: list[int | None] = [*range(count)] if request.sources else [None] * count
        chats = list(zip(negatives, numbers)) if guided and negative_embeds is None else []
        empty = [("", number) for number in numbers] if depth_guided else []
        wanted = list(dict.fromkeys(chats + empty))
        null = depth_null = None
        if wanted:
            shown = [[] if number is None else sources[number] for _, number in wanted]
            read = encoder.encode([text for text, _ in wanted], shown, allow_empty=True)
            null = read.select([wanted.index(chats[row]) for row in request.rows]) if chats else None
            depth_null = read.select([wanted.index(empty[row]) for row in request.rows]) if empty else None
        if guided and negative_embeds is not None:
            null = negative_embeds.context(request.rows)
        return Contexts(image, null, context, depth_null)

    def _read_regions(self, plans: Sequence[Plan] | None) -> list[RegionWords] | None:
        """What the objects of each image's plan are and where, if there are plans and the adapter reads it."""
        if plans is None or not self.spatialfusion.config.region_width or self.controlnet is not None:
            return None
        encoder = PromptEncoder(self.text_encoder, self.tokenizer, self.image_processor, 1, self.backbone.template)
        return region_words(plans, encoder, self.spatialfusion.config.region_width)

    def _encode_references(self, request: Request) -> list[Tensor]:
        if not request.sources:
            return []
        sources = torch.stack(request.sources).to(self._execution_device, self.vae.dtype)
        return [encode_latents(self.vae, sources).float()[request.rows]]

    def _predict_geometry(
        self,
        request: Request,
        generators: Sequence[torch.Generator],
        contexts: Contexts,
        chosen: DepthSettings,
        start: tuple[Geometry, float] | None,
    ) -> Geometry:
        """Geometry of every image, on the CPU."""
        if contexts.depth is None:
            raise InputError(
                "prompt_embeds was given without a prompt, which depth is predicted from: expected a prompt too, a "
                "geometry, a scene, or controlnet_conditioning_scale=0."
            )
        self._onload(self.spatialfusion)
        source = torch.stack(request.sources)[request.rows] if request.sources else None
        with self.progress_bar(total=chosen.steps) as bar:
            bar.set_description("depth")
            geometry = self.spatialfusion.predict_geometry(
                contexts.depth,
                request.size,
                list(generators),
                null_context=contexts.depth_null,
                source=source,
                steps=chosen.steps,
                guidance=chosen.guidance,
                callback=lambda step, estimate: bar.update(),
                start=start,
            )
        return geometry.to("cpu")

    def _check_transformer(self) -> None:
        """Put back what depth needs on the transformer, where it was taken off or the transformer was replaced."""
        check_lora(self.transformer)
        trained = self.spatialfusion.backbone_tensors
        lacks_lora = not has_lora(self.transformer) and any(name.startswith("lora.") for name in trained)
        if lacks_lora or not has_switches(self.transformer):
            self.delta = self.backbone.load_backbone_tensors(self.transformer, trained)
        rest_lora(self.transformer)

    def _make_injection(
        self, geometry: Geometry, size: tuple[int, int], strength: float, regions: Sequence[RegionWords] | None
    ) -> DepthInjection | ControlNetInjection:
        """What gives the transformer depth, and what is where in it, for latents of (rows, columns)."""
        if self.controlnet is not None:
            self._onload(self.vae)
            condition = depth_condition(self.vae, disparity_image(geometry))
            return ControlNetInjection(self.transformer, self.controlnet, condition, strength)
        self._onload(self.spatialfusion)
        words = None if regions is None else torch.stack([image.painted(size) for image in regions])
        residual = self.spatialfusion.adapter.residual(geometry, size, words)
        return self.backbone.inject(self.transformer, residual, self.delta, strength)

    def _draw_latents(self, draw: Draw, chosen: Settings) -> Tensor:
        """Follow `draw`, with the callback of the call and what diffusers' pipelines tell of the step."""
        self._onload(self.transformer)
        with self.progress_bar(total=draw.steps) as bar:
            bar.set_description("image")

            def before_step(step: int) -> None:
                self._num_timesteps = len(self.scheduler.timesteps)
                self._current_timestep = self.scheduler.timesteps[step]

            def guidance() -> float:
                # A callback may have set it.
                scale = finite("guidance_scale", self._guidance_scale)
                if scale != 1 and draw.null_context is None:
                    raise InputError(
                        f"guidance_scale became {scale:g} in a callback, but the call began with 1, so no negative "
                        "prompt was read: expected another guidance_scale from the beginning."
                    )
                return scale

            def after_step(step: int, latents: Tensor) -> None:
                if chosen.callback is not None:
                    given = {"latents": latents} if "latents" in chosen.callback_inputs else {}
                    returned = chosen.callback(self, step, self.scheduler.timesteps[step], given) or {}
                    if returned.get("latents", latents) is not latents:
                        latents.copy_(returned["latents"])
                # A scheduler of order 2 has two timesteps for a step, but for the last.
                if step + 1 == self._num_timesteps or (step + 1) % self.scheduler.order == 0:
                    bar.update()
                if self._interrupt:
                    raise _InterruptedError(latents)

            watched = replace(draw, guidance=guidance, callback=after_step, before_step=before_step)
            try:
                latents = self.backbone.sample_latents(self.transformer, self.scheduler, watched)
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

    def _decode(self, latents: Tensor, output_type: str) -> list[Image.Image] | np.ndarray | Tensor:
        if output_type == "latent":
            return latents
        images = decode_latents(self.vae, latents.to(self.vae.dtype)).float()
        if output_type == "np":
            return images.permute(0, 2, 3, 1).cpu().numpy()
        return images if output_type == "pt" else [to_image(image) for image in images]

    def _onload(self, module: nn.Module) -> None:
        # enable_model_cpu_offload moves a model when its forward is called; here its parts are called.
        hook: Any = getattr(module, "_hf_hook", None)
        if hook is not None:
            hook.pre_forward(module)

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
        save_pipeline(self, save_directory, max_shard_size)

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
        arguments = pretrained_model_name_or_path, spatialfusion
        return load_pipeline(cls, super().from_pretrained, *arguments, **kwargs)


# DiffusionPipeline.from_pretrained looks for the class that a folder names there.
diffusers.SpatialFusionPipeline = SpatialFusionPipeline


class _InterruptedError(Exception):
    def __init__(self, latents: Tensor):
        self.latents = latents


@contextmanager
def _timed(seconds: dict[str, float], stage: str, counts: bool = True) -> Iterator[None]:
    """Write down in `seconds` what the block took, if it `counts`."""
    start = time.perf_counter()
    yield
    if counts:
        seconds[stage] = time.perf_counter() - start


def _check_fit(
    spatialfusion: SpatialFusionModel,
    text_encoder: PreTrainedModel,
) -> None:
    """The checkpoint must have been trained on the attention of this multimodal LLM."""
    text = text_encoder.config.get_text_config()
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

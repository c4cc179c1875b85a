"""Images of SpatialFusionPipeline, with its own depth, none, or depth that it is given."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKLQwenImage
from torch import Tensor

from ..backbones.autoencoder_2d import Autoencoder2D
from ..defaults import depth_settings
from ..errors import InputError
from ..geometry.geometry import Geometry
from ..latents import decode_latents
from ..needed import needed
from ..scenes.scene import Scene
from .image_sources import Drawn, Request
from .planned import planned_scene
from .question_images import scene_geometry
from .questions import Question, digest

if TYPE_CHECKING:
    from ..pipeline import SpatialFusionPipeline


class PipelineImages:
    """The same seeds give the same noise to every arm of an experiment: own depth, no depth, depth from elsewhere.

    Args:
        size: (width, height), None for the model's own.
        options: arguments of the pipeline: num_inference_steps, guidance_scale, depth_steps,
            depth_guidance_scale, controlnet_conditioning_scale.
        geometry_from: "oracle" gives the exact depth of the scene behind the question, "shuffled" that of another
            question of the same task, "planned" that of the scene which the prompt is read as; None lets the pipeline
            predict it, and so does a prompt that cannot be read.
        region_words: whether an adapter that reads it is also told what each object of the scene is and where, but for
            "shuffled".
        questions: all that will be asked, which is what "shuffled" shuffles.
        precision: "bf16" multiplies matrices in bf16 (autocast), which takes about half the time of "fp32".
    """

    def __init__(
        self,
        pipeline: SpatialFusionPipeline,
        model: str,
        questions: Sequence[Question],
        size: tuple[int, int] | None = None,
        geometry_from: str | None = None,
        region_words: bool = True,
        precision: str = "fp32",
        **options: Any,
    ) -> None:
        pipeline.set_progress_bar_config(disable=True)
        side = pipeline.config.default_size
        self.pipeline = pipeline
        self.size = size
        self.source_size = size or (side, side)
        self.options = options
        self.settings = {"model": model, "size": list(self.source_size), "geometry_from": geometry_from, **options}
        # What was not asked for is the task's usual, which may be another one day.
        steps, guidance = (self.settings.pop(name, None) for name in ("depth_steps", "depth_guidance_scale"))
        for task, is_edit in (("t2i", False), ("edit", True)):
            self.settings[f"depth_{task}"] = list(depth_settings(steps, guidance, is_edit))
        if "controlnet_conditioning_scale" in self.settings:
            # As it is called in the records of earlier runs, which go on in their folders.
            self.settings["adapter_strength"] = self.settings.pop("controlnet_conditioning_scale")
        self.precision = precision
        if precision != "fp32":
            self.settings["precision"] = precision
        if pipeline.dtype != torch.float32:
            self.settings["dtype"] = str(pipeline.dtype).removeprefix("torch.")
        self.vae: Autoencoder2D | None = None
        if pipeline.device.type == "cpu" and isinstance(pipeline.vae, AutoencoderKLQwenImage):
            # The same images in a third of the time.
            self.vae = Autoencoder2D.from_video(pipeline.vae).requires_grad_(False)
        self._plans = geometry_from == "planned"
        self._scenes: dict[str, Scene] | None = None
        if geometry_from in ("oracle", "shuffled"):
            if strange := [question.id for question in questions if question.scene is None]:
                raise InputError(f"--geometry-from needs the scene behind a question, but {strange[0]} has none.")
            self._scenes = {question.id: needed(question.target) for question in questions}
        self._tells = region_words and geometry_from != "shuffled"
        if geometry_from in ("oracle", "planned") and pipeline.spatialfusion.config.region_width:
            self.settings["region_words"] = region_words
        if geometry_from == "shuffled":
            own = needed(self._scenes)
            self._scenes = {name: own[other] for name, other in _others(questions).items()}
            # Which other question it is depends on them all.
            self.settings["questions"] = digest(questions)

    def draw(self, requests: Sequence[Request]) -> list[Drawn]:
        scenes = [self.scene(request) for request in requests]
        found: dict[int, Drawn] = {}
        for has_scene in (True, False):
            numbers = [number for number, scene in enumerate(scenes) if (scene is not None) is has_scene]
            if numbers:
                given = [scene for scene in scenes if scene is not None] if has_scene else None
                found |= zip(numbers, self._draw([requests[number] for number in numbers], given))
        return [found[number] for number in range(len(requests))]

    def scene(self, request: Request) -> Scene | None:
        """The one whose depth the pipeline is given, None if it is to predict its own."""
        if self._scenes is not None:
            return self._scenes[request.question.id]
        if not self._plans:
            return None
        try:
            return planned_scene(request.question, request.noise_seed, self.source_size)
        except InputError as error:
            print(f"warning: {request.question.id} is not planned: {error}", file=sys.stderr)
            return None

    def _draw(self, requests: Sequence[Request], scenes: Sequence[Scene] | None) -> list[Drawn]:
        width, height = self.size or (None, None)
        given: dict[str, Any] = {}
        if scenes is not None:
            given = {"scene": scenes} if self._tells else {"geometry": scene_geometry(scenes, self.source_size)}
        with torch.autocast(self.pipeline.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            output = self.pipeline(
                [request.question.prompt for request in requests],
                image=None if requests[0].source is None else [needed(request.source) for request in requests],
                **given,
                height=height,
                width=width,
                generator=[torch.Generator().manual_seed(request.noise_seed) for request in requests],
                output_type="pt" if self.vae is None else "latent",
                **self.options,
            )
            assert isinstance(output.images, Tensor)  # of both types of output
            images = output.images if self.vae is None else decode_latents(self.vae, output.images.float())
            images = images.float().cpu()
        depth: list[Geometry | None] = [None] * len(requests)
        if output.geometry is not None:
            depth = [output.geometry[i] for i in range(len(requests))]
        return [Drawn(image, geometry=own) for image, own in zip(images, depth)]


def _others(questions: Sequence[Question]) -> dict[str, str]:
    """For every question the id of another one of its task, each used once."""
    found: dict[str, str] = {}
    for task in sorted({question.task for question in questions}):
        names = [question.id for question in questions if question.task == task]
        if len(names) < 2:
            raise InputError(f"--geometry-from shuffled has one {task} question: expected at least two to shuffle.")
        random.Random(0).shuffle(names)
        found |= dict(zip(names, names[1:] + names[:1]))
    return found

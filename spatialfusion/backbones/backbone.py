"""What differs from one diffusion transformer to another: one record for each, made in a file of its own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..model.config import SpatialFusionConfig
from ..model.context import ChatTemplate
from . import depth_injection
from .depth_injection import DepthInjection, unwrapped
from .sampling import Draw, Predictor, follow

if TYPE_CHECKING:
    from diffusers import ModelMixin, SchedulerMixin


@dataclass(frozen=True)
class Published:
    """A model as its authors publish it.

    pipeline: how the name of its pipeline's class begins. options: arguments of SpatialFusionPipeline that its folder
    does not say. folders: where its parts lie, by our names of them, if not in folders of these names; then `classes`
    says what they are, (library, class), but for the transformer. scheduler: makes one, where the published one is not
    read.
    """

    pipeline: str
    options: Mapping[str, Any]
    folders: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    scheduler: Callable[[], SchedulerMixin] | None = None


class SamplerSettings(NamedTuple):
    """Of ComfyUI's sampler. shift: of the noise schedule; None leaves the model's own."""

    steps: int
    cfg: float
    shift: float | None = None


@dataclass(frozen=True)
class Host:
    """ComfyUI's own network of a backbone, and the CLIP that its checkpoints read.

    class_name: of the network. projection: the module of its input projection. target_first: whether the image's own
    tokens stand before those of text and source images where they share a sequence, or after them. token_multiple: the
    image's tokens are filled up to a multiple of this, at their end.
    clip: the name of the LLM in a CLIP. clip_words: what to connect, for messages. clip_options: of its tokenizer, for
    a prompt without images; parentheses are a part of the sentence, not weights.
    settings: of its samplers, by name; the first is the usual one.
    variant: what a network of that class is, if it is not this backbone; None if it is.
    part_of: the module of the network that holds a linear layer of ours, and which of its outputs are the layer's, if
    it holds more than that one.
    """

    class_name: str
    projection: str
    clip: str
    clip_words: str
    settings: Mapping[str, SamplerSettings]
    target_first: bool = True
    token_multiple: int = 1
    clip_options: Mapping[str, Any] = field(default_factory=dict)
    variant: Callable[[Any], str | None] = lambda _network: None
    part_of: Callable[[str, int], tuple[str, slice | None]] = lambda name, _outputs: (name, None)


@dataclass(frozen=True)
class LayoutStates:
    """What the layout of the image can be told from while it is trained.

    collect: a context within which hidden states [B, tokens, d] of a transformer's calls are collected. grid: the
    target's, of calls about parts of latents [B, C, h, w], as [B, d, rows, columns].
    """

    collect: Callable[[nn.Module], AbstractContextManager[list[Tensor]]]
    grid: Callable[[Sequence[Tensor], Tensor], Tensor]


class CostRequest(NamedTuple):
    """A call of the network to be counted or timed: for `images` of rows x columns tokens each, the target and its
    source images. cached: whether what stands before the target was computed in a step before, where it can be."""

    images: int
    rows: int
    columns: int
    device: torch.device | str
    dtype: torch.dtype
    cached: bool


def same(latents: Tensor, *_size: int) -> Tensor:
    return latents


@dataclass(frozen=True)
class Backbone:
    """A diffusion transformer that depth can be given to.

    Args:
        name: in a checkpoint's configuration.
        library, class_name: the transformer's class.
        template: the chat in which its prompts stand before the multimodal LLM.
        projection: the module of its input projection, to which the delta belongs.
        lora_targets: the linears that the LoRA is on: ends of their names, or an expression that names match as a
            whole.
        lora_loader: diffusers' class that reads LoRA files for it, and knows their layouts.
        injection: how a residual is added to the network's input; see depth_injection.py.
        velocity: (transformer, latents, references, t, prompt_embeds, prompt_mask, ...) -> predicted noise - x0 of
            noisy latents x_t [B, C, h, w], for normalised latents of source images [B, C, h', w'] each, noise levels
            t [B] in [0, 1] where 1 is pure noise, prompt embeddings [B, T, D], right-padded, and their mask [B, T].
        predict: (transformer, latents, references, t, context) -> the same for the prompts of a SemanticContext, fp32.
        predictor: (transformer, draw) -> what is followed when an image is drawn: the guided velocity.
        set_steps: (scheduler, steps, tokens) gives a scheduler its noise levels for an image of `tokens` target tokens
            and returns them, 1 to 0.
        cost_call: (transformer, request) -> a call with so many tokens of text, for benchmarks.
        published, host: see there; None for host where ComfyUI does not have it.
        pack, unpack: latents [B, C, h, w] as the network's input has them, and back to (height, width).
        patch: side of a token in latent cells.
        edits: whether the network reads source images.
        image_guidance: whether there is a guidance by the source image, beside that by the prompt.
        rescales: whether guidance can keep the velocity's norm.
        concatenates: whether the input projection can be given depth in columns of its own.
        one_call_per_layout: whether prompts of a batch that are laid out otherwise are calls of their own.
        states: see there; None where the layout is not told.
        controlnets: whether there are ControlNets of it that the pipeline can draw with.
        check: raises InputError for variants of the class that are not supported.
    """

    name: str
    library: str
    class_name: str
    template: ChatTemplate
    projection: str
    lora_targets: tuple[str, ...] | str
    lora_loader: str
    injection: type[DepthInjection]
    velocity: Callable[..., Tensor]
    predict: Callable[..., Tensor]
    predictor: Callable[[Any, Draw], Predictor]
    set_steps: Callable[[Any, int, int], Tensor]
    cost_call: Callable[[Any, CostRequest], Callable[[int], Tensor]]
    published: Published
    host: Host | None = None
    pack: Callable[[Tensor], Tensor] = same
    unpack: Callable[[Tensor, int, int], Tensor] = same
    patch: int = 2
    edits: bool = True
    image_guidance: bool = False
    rescales: bool = False
    concatenates: bool = False
    one_call_per_layout: bool = False
    controlnets: bool = False
    states: LayoutStates | None = None
    check: Callable[[Any], None] = lambda _transformer: None

    @property
    def architecture(self) -> type[ModelMixin]:
        return getattr(importlib.import_module(self.library), self.class_name)

    def check_architecture(self, transformer: nn.Module) -> None:
        """Raise InputError unless `transformer` is one that this backbone knows how to call."""
        transformer = unwrapped(transformer)
        if not isinstance(transformer, self.architecture):
            name = type(transformer).__name__
            raise InputError(f"depth cannot be given to {name}: supported is {self.class_name}.")
        self.check(transformer)

    def check_checkpoint(self, config: SpatialFusionConfig) -> None:
        """Raise InputError unless a SpatialFusion checkpoint of this configuration was trained for this backbone."""
        if config.backbone != self.name:
            raise InputError(
                f"the SpatialFusion checkpoint was trained for {config.backbone}, but the diffusion model is "
                f"{self.name}: they do not belong together."
            )
        if config.injection == "concat" and not self.concatenates:
            raise InputError(f"injection is concat, which {self.name} does not have: expected add or none.")

    def check_references(self, references: Sequence[Any]) -> None:
        """Raise InputError if the network cannot read source images, and there are some."""
        if references and not self.edits:
            raise InputError(f"an image was given, but {self.name} draws from text alone: expected none.")

    # Depth ------------------------------------------------------------------------------------------------------------

    def inject(
        self, transformer: nn.Module, residual: Tensor, delta: nn.Linear | None = None, strength: float = 1.0
    ) -> DepthInjection:
        """What gives `transformer` depth, within `with`.

        Args:
            transformer: its LoRA, if any, was put there by `add_lora`.
            residual: [B, C, h, w], added to the target latent in the network's input. Zeros are a sample without depth.
            delta: change of the input projection, see `projection_delta`; None for none. With columns for the residual
                too, the residual is concatenated to the target's tokens instead.
            strength: scales residual, delta and LoRA together.
        """
        self.check_architecture(transformer)
        return self.injection(transformer, self.projection_of(transformer), self.pack(residual), delta, strength)

    def projection_of(self, transformer: nn.Module) -> nn.Linear:
        projection: Any = unwrapped(transformer).get_submodule(self.projection)
        return projection  # or what peft or a quantisation has put in its place

    def projection_delta(self, transformer: nn.Module, residual_features: int = 0) -> nn.Linear:
        """A change of the input projection, to be trained; zero, so that it starts as the base.

        residual_features: of each token, those of a residual that is concatenated to the latent; 0 where it is added.
        """
        return depth_injection.projection_delta(self.projection_of(transformer), residual_features)

    def add_lora(self, transformer: nn.Module, rank: int) -> list[nn.Parameter]:
        """Put an untrained LoRA into `transformer`, inactive until a DepthInjection; return its parameters."""
        self.check_architecture(transformer)
        return depth_injection.add_lora(transformer, rank, self.lora_targets)

    def load_backbone_tensors(self, transformer: nn.Module, tensors: dict[str, Tensor]) -> nn.Linear | None:
        """Put what `backbone_tensors` returned onto `transformer`; return the projection delta, or None without one."""
        self.check_architecture(transformer)
        projection = self.projection_of(transformer)
        return depth_injection.load_backbone_tensors(
            transformer, tensors, projection, self.lora_targets, self.concatenates
        )

    # Sampling ---------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def sample_latents(self, transformer: nn.Module, scheduler: SchedulerMixin, draw: Draw) -> Tensor:
        """Draw normalised latents [B, C, h, w], float32, with the scheduler's steps and classifier-free guidance."""
        if draw.steps < 1:
            raise InputError(f"steps is {draw.steps}, but at least 1 is needed.")
        device = next(transformer.parameters()).device
        draw = replace(draw, references=[reference.to(device) for reference in draw.references])
        height, width = draw.noise.shape[-2:]
        self.set_steps(scheduler, draw.steps, (height // self.patch) * (width // self.patch))
        return follow(scheduler, draw.noise.to(device), self.predictor(transformer, draw), draw)

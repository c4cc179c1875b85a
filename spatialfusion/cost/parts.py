"""What a generation consists of, part by part: each network with a call that has the real shapes.

The same parts are counted on the meta device (floating-point operations, without memory or time) and timed on a real
one with random weights. A part's networks live only while its generator stands at it, so that one card holds any of
them.

Counted are multiplications and additions of matrix products, attention and convolutions (a fused pair is two), as
torch's FlopCounterMode does it; causal attention is counted in full.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..backbones.backbone import CostRequest
from ..backbones.published import Preset, default_dtype
from ..model.context import SemanticContext, decoder_of, without_head
from ..model.model import SpatialFusionModel


@dataclass(frozen=True)
class Request:
    """What is generated: size in pixels (width, height), and the prompt's length in tokens without its template."""

    size: tuple[int, int] = (1024, 1024)
    prompt: int = 128

    def grid(self, preset: Preset) -> tuple[int, int]:
        """Rows and columns of the image's tokens in the diffusion model."""
        width, height = self.size
        return height // preset.pixels_per_token, width // preset.pixels_per_token


@dataclass(frozen=True)
class Part:
    """`run` calls it once. `parameters` of its network; parts that share a network all name the same number."""

    name: str
    parameters: int
    run: Callable[[], object]


def parts(preset: Preset, request: Request, device: torch.device | str, dtype: torch.dtype) -> Iterator[Part]:
    """All parts of `preset`, one network after the other; "null" is the pass of the empty prompt."""
    for network in (mllm_parts, transformer_parts, vae_parts, spatial_parts):
        yield from network(preset, request, device, dtype)
        gc.collect()  # peft's layers know the network that they are in
        if torch.device(device).type == "cuda":
            torch.cuda.empty_cache()


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def count_flops(run: Callable[[], object]) -> int:
    """Floating-point operations of one call."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


@dataclass(frozen=True)
class Timing:
    """Median milliseconds of a call, and the most memory in GiB that was allocated in it (None but on CUDA)."""

    milliseconds: float
    gib: float | None


@torch.no_grad()
def time_call(run: Callable[[], object], device: torch.device | str, repeats: int = 5, warmup: int = 2) -> Timing:
    cuda = torch.device(device).type == "cuda"
    for _ in range(warmup):
        run()
    if cuda:
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        if cuda:
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if cuda else None
    return Timing(1000 * statistics.median(times), peak)


# Networks -------------------------------------------------------------------------------------------------------------


def mllm_parts(preset: Preset, request: Request, device: torch.device | str, dtype: torch.dtype) -> Iterator[Part]:
    """One prefill of the prompt and one of the empty prompt, without the vocabulary's logits, as the pipeline does."""
    mllm = preset.mllm.build(device, dtype)
    model, decoder = without_head(mllm), decoder_of(mllm)
    grid = None
    if preset.images:
        side = round(preset.patches_per_image() ** 0.5)
        grid = torch.tensor([[1, side, side]] * preset.images)
        vision = mllm.config.vision_config
        values = vision.in_channels * vision.temporal_patch_size * vision.patch_size**2
        pixels = torch.zeros(preset.images * side * side, values, device=device, dtype=dtype)
        layout = _vision_layout(model.visual, grid, device)

    def prefill(tokens: int) -> object:
        if grid is not None:
            model.visual(pixels, grid_thw=grid, **layout)
        embeds = decoder.embed_tokens(torch.zeros(1, tokens, dtype=torch.long, device=device))
        positions = torch.arange(tokens, device=device)
        # An LLM that sees has a position on each of three axes.
        positions = positions[None] if decoder is model else positions.expand(3, 1, -1)
        return decoder(inputs_embeds=embeds, position_ids=positions, use_cache=True)

    size = count_parameters(mllm)
    yield Part("prefill", size, lambda: prefill(preset.mllm_tokens(request.prompt)))
    yield Part("prefill null", size, lambda: prefill(preset.mllm_tokens(0)))


def _vision_layout(visual: Any, grid: Tensor, device: torch.device | str) -> dict[str, Tensor]:
    """Positions that the vision tower would make from `grid`, which must stay on the CPU for the meta device."""
    from transformers import vision_utils

    merge = visual.config.spatial_merge_size
    layout = {"position_ids": vision_utils.get_vision_position_ids(grid, merge).to(device)}
    if hasattr(visual, "num_grid_per_side"):
        indices, weights = vision_utils.get_vision_interpolation_indices_and_weights(
            grid,
            num_grid_per_side=visual.num_grid_per_side,
            mode=visual.interpolation_mode,
            align_corners=visual.interpolation_align_corners,
            spatial_merge_size=merge,
        )
        layout |= {"interp_indices": indices.to(device), "interp_weights": weights.to(device)}
    return layout


def transformer_parts(
    preset: Preset, request: Request, device: torch.device | str, dtype: torch.dtype
) -> Iterator[Part]:
    """One pass of the diffusion model for the prompt and one for the empty prompt; then both with what depth adds."""
    transformer = preset.transformer.build(device, dtype)
    call = transformer_call(transformer, preset, request, device, dtype)
    size = count_parameters(transformer)
    text, null = preset.text_tokens(request.prompt), preset.text_tokens(0)
    yield Part("step", size, lambda: call(text))
    yield Part("step null", size, lambda: call(null))

    outputs, inputs = projection_shape(preset)
    delta = nn.Linear(inputs, outputs, device=device, dtype=dtype)
    rows, columns = request.grid(preset)
    tokens = torch.zeros(1, rows * columns, delta.in_features, device=device, dtype=dtype)
    add_lora(transformer, preset, dtype)

    def call_with_depth(text: int) -> object:
        delta(tokens)
        return call(text)

    added = count_parameters(transformer) - size + count_parameters(delta)
    yield Part("step with depth", added, lambda: call_with_depth(text))
    yield Part("step null with depth", added, lambda: call_with_depth(null))


def projection_shape(preset: Preset) -> tuple[int, int]:
    """(out, in) of the change of the input projection, which every preset has."""
    shape = preset.spatial.projection_shape
    assert shape is not None
    return shape


def transformer_call(
    transformer: nn.Module,
    preset: Preset,
    request: Request,
    device: torch.device | str,
    dtype: torch.dtype,
    cached: bool = True,
) -> Callable[[int], Tensor]:
    """A call with so many tokens of text; `cached`: in a step after the first."""
    images = 1 + preset.images
    return preset.backbone.cost_call(transformer, CostRequest(images, *request.grid(preset), device, dtype, cached))


def add_lora(transformer: Any, preset: Preset, dtype: torch.dtype) -> None:
    from peft import LoraConfig

    rank, targets = preset.spatial.lora_rank, preset.backbone.lora_targets
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=targets if isinstance(targets, str) else list(targets))
    transformer.add_adapter(config, adapter_name="spatialfusion")
    for name, parameter in transformer.named_parameters():
        if ".lora_" in name:
            parameter.data = parameter.data.to(dtype)


def vae_parts(preset: Preset, request: Request, device: torch.device | str, dtype: torch.dtype) -> Iterator[Part]:
    vae = preset.vae.build(device, dtype)
    spatial, (width, height) = preset.spatial, request.size
    channels = getattr(vae.config, "in_channels", 3)
    video = (1,) if preset.vae.name != "AutoencoderKL" else ()
    latent = (spatial.latent_channels, *video, height // spatial.latent_stride, width // spatial.latent_stride)
    latents = torch.zeros(1, *latent, device=device, dtype=dtype)
    image = torch.zeros(1, channels, *video, height, width, device=device, dtype=dtype)
    size = count_parameters(vae)
    yield Part("decode", size, lambda: vae.decode(latents).sample)
    yield Part("encode", size, lambda: vae.encode(image).latent_dist.mode())


def spatial_parts(preset: Preset, request: Request, device: torch.device | str, dtype: torch.dtype) -> Iterator[Part]:
    """A pass of spatial transformer and head for either prompt; what follows the last one; the source's features."""
    with torch.device(device), default_dtype(dtype):
        model = SpatialFusionModel(preset.spatial).requires_grad_(False).eval()
    width, height = request.size
    size = model.state_shape(height, width)
    state = torch.zeros(1, 2, *size, device=device, dtype=dtype)
    fov = torch.zeros(1, device=device, dtype=dtype)
    t, has_source = torch.full((1,), 0.5, device=device), torch.zeros(1, dtype=torch.bool, device=device)
    contexts = [empty_context(preset, preset.mllm_tokens(tokens), device, dtype) for tokens in (request.prompt, 0)]
    transformer, head, adapter = (
        count_parameters(part) for part in (model.spatial_transformer, model.depth_head, model.adapter)
    )

    def transform(context: SemanticContext) -> tuple[list[Tensor], Tensor]:
        return model.spatial_transformer(state, fov, t, context, None, has_source)

    yield Part("spatial", transformer, lambda: transform(contexts[0]))
    yield Part("spatial null", transformer, lambda: transform(contexts[1]))
    with torch.no_grad():
        grids, token = transform(contexts[0])
        features = model.depth_head(grids, token, size)[2]
    yield Part("head", head, lambda: model.depth_head(grids, token, size))
    factor = min(4, max(1, -(-max(height, width) // max(size))))
    yield Part("detail", head, lambda: model.depth_head.refine(state, features, factor))
    y = torch.zeros(1, 2, height, width, device=device, dtype=dtype)
    yield Part("adapter", adapter, lambda: model.adapter(y, fov))
    image = torch.zeros(1, 3, height, width, device=device)
    yield Part("source", count_parameters(model.source_encoder), lambda: model.encode_source(image))


def empty_context(
    preset: Preset, tokens: int, device: torch.device | str, dtype: torch.dtype, batch: int = 1
) -> SemanticContext:
    """Keys and values of the right shape for a prompt of so many tokens."""
    config = preset.spatial
    shape = (batch, config.kv_heads, tokens, config.head_dim)
    cache = tuple(torch.zeros(shape, device=device, dtype=dtype) for _ in range(config.num_layers))
    mask = torch.ones(batch, tokens, dtype=torch.bool, device=device)
    embeds = torch.zeros(batch, tokens, 1, device=device, dtype=dtype)
    return SemanticContext(embeds, mask, cache, cache, mask, torch.full((batch,), tokens, device=device))

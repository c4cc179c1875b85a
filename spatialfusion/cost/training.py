"""Memory of the two training stages on one card: computed, on the meta device, not measured.

Weights that are trained are fp32 with fp32 gradients, a moving average, and the optimisers' state, as in
train/engine.py; under bf16 autocast they have a bf16 copy. Frozen networks are bf16 (frozen_precision=bf16).
Activations are what autograd would keep of real forward passes: of every block its input, and of one block at a time
the rest (checkpointing=true). Not counted: fragmentation, the CUDA context, buffers of collectives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

from ..backbones.published import Preset, default_dtype
from ..model.context import without_head
from ..model.model import SpatialFusionModel
from ..train.shard import blocks, gathered_bytes
from .parts import Request, add_lora, count_parameters, empty_context, projection_shape, transformer_call

GIB = 2**30
META, BF16 = "meta", torch.bfloat16


@dataclass(frozen=True)
class Memory:
    """Bytes. `frozen`: networks that cards can share; `trained`: weights, gradients, optimisers, average and bf16 copy
    of what learns, and the autoencoder: what every card has; `per_sample`: activations; `gathered`: what a card that
    shares the frozen networks holds of them whole while they run."""

    frozen: int
    trained: int
    per_sample: int
    gathered: int

    def total(self, batch: int, cards: int = 1) -> int:
        """On each of `cards`, which share the frozen networks (shard), for `batch` samples on a card."""
        frozen = self.frozen if cards == 1 else self.frozen // cards + self.gathered
        return frozen + self.trained + batch * self.per_sample

    def batch(self, card: float, cards: int = 1, reserve: float = 0.1) -> int:
        """Samples that fit a card of so many bytes, of which `reserve` is left free; 0 if none does."""
        return max(0, int((card * (1 - reserve) - self.total(0, cards)) // self.per_sample))


def training_memory(preset: Preset, request: Request) -> dict[str, Memory]:
    """Memory of "stage1" and "stage2" with samples like `request`."""
    with torch.device(META), default_dtype(BF16):
        model = SpatialFusionModel(preset.spatial).train()
    mllm = preset.mllm.build(META, BF16)
    frozen, gathered = 2 * count_parameters(mllm), gathered_bytes(without_head(mllm))
    first = Memory(frozen, trained_bytes(model), spatial_activations(model, preset, request), gathered)

    transformer = preset.transformer.build(META, BF16)
    frozen += 2 * count_parameters(transformer)
    gathered = max(gathered, gathered_bytes(transformer))
    add_lora(transformer, preset, BF16)
    learned = sum(p.numel() for name, p in transformer.named_parameters() if ".lora_" in name)
    learned += math.prod(projection_shape(preset))
    # AdamW: the LoRA's linears are no blocks of the trained module (see Stage.parameter_groups).
    trained = first.trained + learned * _bytes_each(muon=False)
    trained += 2 * count_parameters(preset.vae.build(META, BF16))
    activations = transformer_activations(transformer, preset, request)
    return {"stage1": first, "stage2": Memory(frozen, trained, first.per_sample + activations, gathered)}


def trained_bytes(model: nn.Module) -> int:
    """Muon has one moment for each weight of the linears in blocks, AdamW two for each of the rest."""
    lists = tuple(f"{name}." for name, m in model.named_modules() if isinstance(m, nn.ModuleList))
    muon = sum(
        module.weight.numel()
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(lists)
    )
    return muon * _bytes_each(muon=True) + (count_parameters(model) - muon) * _bytes_each(muon=False)


def _bytes_each(muon: bool) -> int:
    weight, gradient, average, copy = 4, 4, 4, 2
    return weight + gradient + average + copy + (4 if muon else 8)


# Activations ----------------------------------------------------------------------------------------------------------


def spatial_activations(model: SpatialFusionModel, preset: Preset, request: Request) -> int:
    """Bytes for one sample: source encoder and spatial transformer with checkpoints, head and adapter without."""
    width, height = request.size
    size = model.state_shape(height, width)
    state = torch.zeros(1, 2, *size, device=META, dtype=BF16)
    fov, t = (torch.zeros(1, device=META, dtype=BF16) for _ in range(2))
    context = empty_context(preset, preset.mllm_tokens(request.prompt), META, BF16)
    has_source = torch.ones(1, dtype=torch.bool, device=META)
    image = torch.zeros(1, 3, height, width, device=META, dtype=BF16)
    factor = min(4, max(1, -(-max(height, width) // max(size))))

    source = saved_bytes(lambda: model.encode_source(image), model)
    features = model.encode_source(image)
    spatial = saved_bytes(lambda: model.spatial_transformer(state, fov, t, context, features, has_source), model)
    grids, token = model.spatial_transformer(state, fov, t, context, features, has_source)

    def finish() -> Tensor:
        x0, u, maps = model.depth_head(grids, token, size)
        y = model.depth_head.refine(x0, maps, factor)
        return model.adapter(F.interpolate(y, (height, width)), u)

    config = preset.spatial
    tokens = size[0] * size[1] // config.patch_size**2
    encoder = model.source_encoder.config
    total = _checkpointed(source, encoder.num_hidden_layers, tokens * encoder.hidden_size)
    total += _checkpointed(spatial, config.num_layers, tokens * config.hidden_size)
    return total + saved_bytes(finish, model)


def transformer_activations(transformer: nn.Module, preset: Preset, request: Request) -> int:
    """Bytes for one sample of the frozen diffusion model, through which gradients pass to LoRA and adapter."""
    transformer.train()
    rows, columns = request.grid(preset)
    text = preset.text_tokens(request.prompt)
    call = transformer_call(transformer, preset, request, META, BF16, cached=False)
    saved = saved_bytes(lambda: call(text), transformer, inputs=True)
    all_blocks = blocks(transformer)
    width = preset.backbone.projection_of(transformer).out_features
    return _checkpointed(saved, len(all_blocks), ((1 + preset.images) * rows * columns + text) * width)


def _checkpointed(saved: int, count: int, values: int) -> int:
    """With checkpoints: the inputs of `count` blocks (fp32 values, to which autocast adds in fp32), and all that one of
    the blocks keeps."""
    return min(saved, 4 * values * count + saved // count)


def saved_bytes(run: Callable[[], object], module: nn.Module, inputs: bool = False) -> int:
    """Bytes of the tensors that autograd keeps of one call, but for the module's own weights.

    With `inputs`, gradients also flow to what the module is called with: to its first linear's output.
    """
    own = {tensor.untyped_storage()._cdata for tensor in (*module.parameters(), *module.buffers())}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage()._cdata not in own:
            kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    handles = []
    if inputs:
        first = next(m for m in module.modules() if isinstance(m, nn.Linear))
        handles.append(first.register_forward_hook(lambda _m, _i, output: output.requires_grad_()))
    with saved_tensors_hooks(pack, lambda tensor: tensor), FusedAttention():
        result = run()  # its graph must live while storages are told apart
    total = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    for handle in handles:
        handle.remove()
    del result
    return total


class FusedAttention(TorchFunctionMode):
    """Attention as a fused kernel saves it. The meta device would fall back to one that keeps all scores."""

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if function is not F.scaled_dot_product_attention:
            return function(*args, **given)
        q, k, v = args[:3] if len(args) >= 3 else (*args, *(given[n] for n in ("query", "key", "value")[len(args) :]))
        groups = q.shape[1] // k.shape[1]
        if groups > 1:
            k, v = (x[:, :, None].expand(-1, -1, groups, -1, -1).flatten(1, 2) for x in (k, v))
        return torch.ops.aten._scaled_dot_product_flash_attention(q, k, v)[0]

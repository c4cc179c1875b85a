"""K/V of the host's own CLIP, read while it encodes a prompt.

Notable: the host's cache is not handed out, so the outputs of the key and value projections are caught by hooks while
the model runs (and its weights are where it needs them), and the rotary embedding is applied here.
"""

from __future__ import annotations

import math
from typing import Any

import comfy.utils
import torch
from einops import rearrange
from torch import Tensor, nn

from ...spatialfusion.backbones import backbone_in_host
from ...spatialfusion.errors import InputError
from ...spatialfusion.model.config import SpatialFusionConfig
from ...spatialfusion.model.context import (
    CHAT_SUFFIX,
    IMAGE_PIXELS,
    IMAGE_TEXT,
    SemanticContext,
    chat_prefix,
    plain_ids,
)
from ...spatialfusion.model.spatial_transformer import apply_rotary, rotary

_TEMPLATE_EDIT = chat_prefix(1) + "{}" + CHAT_SUFFIX


def expected_clip(config: SpatialFusionConfig) -> str:
    """Which CLIP a checkpoint reads, for messages."""
    return backbone_in_host(config.backbone).host.clip_words


def encode_with_clip(
    clip: Any, prompt: str, images: list[Tensor], config: SpatialFusionConfig
) -> tuple[SemanticContext, list]:
    """The context and the CONDITIONING of a prompt about `images` [3, H, W] in [0, 1], from one prefill of `clip`.

    Where the template shows it no images, it reads the prompt alone.

    Raises:
        InputError: when the CLIP is another model than the checkpoint was trained with.
    """
    language = _language_model(clip, config)
    backbone = backbone_in_host(config.backbone)
    shown = images if backbone.template.system_edit is not None else []
    tokens = _tokenize(clip, prompt, shown, dict(backbone.host.clip_options), backbone.host.clip)
    with _Recorder(language, config) as recorder:
        conditioning = clip.encode_from_tokens_scheduled(tokens)
    keys, values = recorder.keys_and_values()
    length = keys[0].shape[2]
    positions = recorder.positions
    if positions is None:
        positions = torch.arange(length, device=keys[0].device)
    positions = positions.reshape(-1, 1, length).expand(3, 1, length)
    rope = rotary(positions, config)
    keys = [apply_rotary(key.float(), rope) for key in keys]
    embeds = conditioning[0][0]
    device = keys[0].device
    context = SemanticContext(
        prompt_embeds=embeds.to(device),
        prompt_mask=torch.ones(embeds.shape[:2], dtype=torch.bool, device=device),
        keys=tuple(keys),
        values=tuple(value.float() for value in values),
        mask=torch.ones(1, length, dtype=torch.bool, device=device),
        next_position=positions.amax((0, 2)) + 1,
    )
    return context, conditioning


def _language_model(clip: Any, config: SpatialFusionConfig) -> nn.Module:
    """The decoder of the CLIP; an InputError unless it has the attention that the checkpoint was trained on."""
    wrapper = getattr(clip.cond_stage_model, backbone_in_host(config.backbone).host.clip, None)
    if wrapper is None:
        raise InputError(f"clip is a {type(clip.cond_stage_model).__name__}: expected {expected_clip(config)}.")
    language = wrapper.transformer.model
    found = (language.config.num_hidden_layers, language.config.num_key_value_heads, language.config.head_dim)
    wanted = (config.mllm_layers, config.kv_heads, config.head_dim)
    if found != wanted:
        raise InputError(
            "clip has {} layers with {} key/value heads of {} channels".format(*found)
            + ", but the checkpoint was trained with {} layers and {} heads of {}".format(*wanted)
            + ": disconnect clip if the checkpoint has a language model of its own, or load the CLIP of its backbone."
        )
    return language


def _tokenize(clip: Any, prompt: str, images: list[Tensor], options: dict[str, Any], name: str) -> Any:
    """options: of the tokenizer, for a prompt without images. name: of the MLLM in the CLIP."""
    tokenizer = getattr(clip.tokenizer, name).tokenizer
    # The host's tokenizer is given chat and prompt in one text, so such a prompt is put into its tokens afterwards.
    plain = prompt.startswith("<|") or any(token in prompt for token in tokenizer.get_added_vocab())
    if images:
        text = "".join(IMAGE_TEXT.format(i + 1) for i in range(len(images))) + ("" if plain else prompt)
        tokens = clip.tokenize(text, images=[_at_budget(p) for p in images], llama_template=_TEMPLATE_EDIT)
    else:
        tokens = clip.tokenize("" if plain else prompt, **options)
    if plain:
        for row in tokens[name]:
            ids = [entry[0] if isinstance(entry[0], int) else None for entry in row]
            place = len(ids) - 1 - ids[::-1].index(tokenizer.convert_tokens_to_ids("<|im_end|>"))
            # A line break at the end of the template may be one token with those that the prompt begins with.
            before = [] if images else tokenizer.encode("user\n", add_special_tokens=False)
            words = plain_ids(tokenizer, ("" if images else "user\n") + prompt)
            row[place - len(before) : place] = [(token, 1.0) for token in words]
    return tokens


def _at_budget(image: Tensor) -> Tensor:
    """[1, H, W, 3] at the area at which Qwen-Image-Edit-Plus shows images to its language model."""
    height, width = image.shape[-2:]
    factor = math.sqrt(IMAGE_PIXELS / (height * width))
    resized = comfy.utils.common_upscale(image[None], round(width * factor), round(height * factor), "area", "disabled")
    return resized.movedim(1, -1)


class _Recorder:
    """Catches keys (after their norm, before RoPE), values and positions of a decoder's sampled layers."""

    def __init__(self, language: nn.Module, config: SpatialFusionConfig):
        self.language = language
        self.layers = config.layer_map()
        self.head_dim = config.head_dim
        self.caught: dict[tuple[int, str], Tensor] = {}
        self.positions: Tensor | None = None
        self._handles: list[Any] = []

    def __enter__(self) -> _Recorder:
        self._handles.append(self.language.register_forward_pre_hook(self._see_positions, with_kwargs=True))
        for layer in set(self.layers):
            attention = self.language.layers[layer].self_attn
            # Qwen3 has a norm on its keys; it is given them by heads.
            key_norm = getattr(attention, "k_norm", None)
            keys = attention.k_proj if key_norm is None else key_norm
            for name, module in (("keys", keys), ("values", attention.v_proj)):
                self._handles.append(module.register_forward_hook(self._catch(layer, name)))
        return self

    def __exit__(self, *_exception: object) -> None:
        for handle in self._handles:
            handle.remove()

    def keys_and_values(self) -> tuple[list[Tensor], list[Tensor]]:
        if not self.caught:
            raise InputError("clip gave no keys and values: it does not run its own layers, so depth cannot read it.")
        return tuple([self.caught[layer, name] for layer in self.layers] for name in ("keys", "values"))

    def _see_positions(self, _module: nn.Module, _args: tuple, kwargs: dict[str, Any]) -> None:
        self.positions = kwargs.get("position_ids")

    def _catch(self, layer: int, name: str) -> Any:
        def hook(_module: nn.Module, _inputs: tuple, output: Tensor) -> None:
            by_heads = output.ndim == 4
            self.caught[layer, name] = (
                output if by_heads else rearrange(output, "b t (h d) -> b h t d", d=self.head_dim)
            )

        return hook

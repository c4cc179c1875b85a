"""Z-Image: how its transformer is called, how it is sampled, and how depth enters it.

Notable:
- It draws from text alone. Its LLM is Qwen3-4B, which sees nothing, and the prompt embeddings are the output of the
  last layer but one, of the whole chat.
- Its network counts time from noise (0) to image (1) and predicts image - noise. Here as everywhere, t is the noise
  level and the velocity is noise - x0; `velocity` turns both, and nothing else knows of it.
- Text and image are filled up to multiples of 32 tokens, which the network does by itself, also where prompts of a
  batch are of unequal length.
- Depth enters as depth_injection.py says: the residual on the noisy latent before it is cut into patches; the delta on
  the embedder of patches of 2; the LoRA on the blocks that see the image (`noise_refiner`, `layers`).
- ComfyUI has queries, keys and values in one linear layer, and the text before the image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from ..errors import InputError
from ..model.context import ChatTemplate, SemanticContext
from . import depth_injection
from .backbone import Backbone, CostRequest, Host, Published, SamplerSettings
from .sampling import guided_by_prompt, set_steps

if TYPE_CHECKING:
    from diffusers import ZImageTransformer2DModel

TEMPLATE = ChatTemplate(system=None, system_edit=None, keeps_prefix=True, hidden_layer=-2)
PROJECTION = "all_x_embedder.2-1"  # patches of 2 x 2 cells and 1 frame


def _check(transformer: ZImageTransformer2DModel) -> None:
    has_projection = PROJECTION.rpartition(".")[2] in transformer.all_x_embedder
    if not has_projection or transformer.config.siglip_feat_dim is not None:
        raise InputError(
            f"depth cannot be given to this variant of {type(transformer).__name__}: supported are Z-Image and "
            "Z-Image-Turbo, with patches of 2."
        )


def velocity(
    transformer: ZImageTransformer2DModel,
    latents: Tensor,
    references: Sequence[Tensor],
    t: Tensor,
    prompt_embeds: Tensor,
    prompt_mask: Tensor,
) -> Tensor:
    """Predicted velocity noise - x0 of noisy latents.

    Args:
        latents: x_t [B, 16, h, w] with even h and w.
        references: none.
        t: noise level in [0, 1], [B]; 1 is pure noise.
        prompt_embeds: [B, T, D], right-padded.
        prompt_mask: [B, T] bool.

    Returns:
        [B, 16, h, w].
    """
    BACKBONE.check_references(references)
    height, width = latents.shape[-2:]
    if height % 2 or width % 2:
        raise InputError(f"latents of {width} x {height} do not fit patches of 2: both sides must be even.")
    dtype = transformer.dtype
    output = transformer(
        x=list(pack(latents.to(dtype))),
        t=1 - t,
        cap_feats=[embeds[mask].to(dtype) for embeds, mask in zip(prompt_embeds, prompt_mask)],
        return_dict=False,
    )[0]
    return -unpack(torch.stack(output))


def predict(
    transformer: ZImageTransformer2DModel,
    latents: Tensor,
    references: Sequence[Tensor],
    t: Tensor,
    context: SemanticContext,
) -> Tensor:
    """`velocity` for the prompts of a context, in fp32; every backbone has it."""
    embeds, mask = context.prompt_embeds.to(latents.device), context.prompt_mask.to(latents.device)
    return velocity(transformer, latents, references, t, embeds, mask).float()


def pack(latents: Tensor) -> Tensor:
    """Latents [B, C, h, w] to images of one frame [B, C, 1, h, w]."""
    return latents.unsqueeze(2)


def unpack(frames: Tensor, *_size: int) -> Tensor:
    """Images of one frame [B, C, 1, h, w] to latents [B, C, h, w]."""
    return frames.squeeze(2)


class DepthInjection(depth_injection.DepthInjection):
    """The residual is a part of the images [C, 1, h, w], which the network is given in a list."""

    argument: ClassVar[str] = "x"

    def shift(self, sample: Sequence[Tensor]) -> list[Tensor]:
        images = torch.stack(list(sample))
        if len(images) % len(self.residual) or images.shape[1:] != self.residual.shape[1:]:
            raise InputError(
                f"a depth residual of shape {list(self.residual.shape)} does not fit a network input of shape "
                f"{list(images.shape)}: both must be made for the same image size."
            )
        return list(images + self.scaled_residual(images))


def cost_call(transformer: ZImageTransformer2DModel, request: CostRequest) -> Callable[[int], Tensor]:
    _, rows, columns, device, dtype, _ = request
    config = transformer.config
    image = torch.zeros(config.in_channels, 1, 2 * rows, 2 * columns, device=device, dtype=dtype)
    t = torch.full((1,), 0.5, device=device)

    def call(text: int) -> Tensor:
        embeds = torch.zeros(text, config.cap_feat_dim, device=device, dtype=dtype)
        return transformer([image], t, [embeds], return_dict=False)[0][0]

    return call


def _host_variant(network: Any) -> str | None:
    # The class is also that of Lumina 2, which fills nothing up.
    return None if getattr(network, "pad_tokens_multiple", None) else f"Lumina 2 ({type(network).__name__})"


def _host_part(name: str, outputs: int) -> tuple[str, slice | None]:
    """ComfyUI's module of a linear layer of the blocks, and the layer's outputs in it."""
    block, _, layer = name.rpartition(".attention.")
    if not block:
        return name, None
    if layer == "to_out.0":
        return f"{block}.attention.out", None
    start = ("to_q", "to_k", "to_v").index(layer) * outputs
    return f"{block}.attention.qkv", slice(start, start + outputs)


BACKBONE = Backbone(
    name="z-image",
    library="diffusers",
    class_name="ZImageTransformer2DModel",
    template=TEMPLATE,
    projection=PROJECTION,
    # Attention and MLP, as a whole name. The refiner of the text never sees the image.
    lora_targets=r"(noise_refiner|layers)\.\d+\.(attention\.(to_q|to_k|to_v|to_out\.0)|feed_forward\.w[123])",
    lora_loader="ZImageLoraLoaderMixin",
    injection=DepthInjection,
    velocity=velocity,
    predict=predict,
    predictor=guided_by_prompt(predict),
    set_steps=set_steps,
    cost_call=cost_call,
    published=Published("ZImage", {"default_size": 1024}),
    host=Host(
        class_name="NextDiT",
        projection="x_embedder",
        target_first=False,
        token_multiple=32,
        clip="qwen3_4b",
        clip_words="Z-Image's Qwen3-4B, from Load CLIP with type lumina2",
        # As the core's templates have it.
        settings={"Z-Image": SamplerSettings(25, 4.0, 3.0), "Z-Image Turbo": SamplerSettings(8, 1.0, 3.0)},
        variant=_host_variant,
        part_of=_host_part,
    ),
    pack=pack,
    unpack=unpack,
    edits=False,
    check=_check,
)

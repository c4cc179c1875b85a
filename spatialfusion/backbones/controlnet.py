"""A depth ControlNet of Qwen-Image, fed our depth: the usual way to give an image model depth, for comparison.

Notable: it is diffusers' QwenImageControlNetModel, and its condition what such networks expect: the latents of a grey
image of disparity, scaled to each image's own range, so without metres. Where a source image's tokens follow the
target's, they have no condition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from diffusers import AutoencoderKLQwenImage, QwenImageControlNetModel, QwenImageTransformer2DModel
from torch import Tensor, nn

from ..errors import InputError
from ..latents import encode_latents
from .depth_injection import Switch
from .qwen_image import BACKBONE

if TYPE_CHECKING:
    from .autoencoder_2d import Autoencoder2D


def new_controlnet(transformer: QwenImageTransformer2DModel, layers: int) -> QwenImageControlNetModel:
    """An untrained ControlNet: copies of the ends and of the first blocks of `transformer`, whose outputs are zero."""
    total = transformer.config.num_layers
    if not 1 <= layers <= total:
        raise InputError(f"a ControlNet of {layers} layers does not fit a diffusion model of {total}: 1 to {total}.")
    controlnet = QwenImageControlNetModel.from_transformer(
        transformer,
        num_layers=layers,
        attention_head_dim=transformer.config.attention_head_dim,
        num_attention_heads=transformer.config.num_attention_heads,
    )
    # diffusers leaves it out, and its gains would be ones.
    controlnet.txt_norm.load_state_dict(transformer.txt_norm.state_dict())
    return controlnet.to(transformer.device)


def depth_condition(vae: AutoencoderKLQwenImage | Autoencoder2D, disparity: Tensor) -> Tensor:
    """Normalised latents [B, 16, h, w] of the `disparity_image` [B, H, W] of a geometry of the image's size."""
    parameter = next(vae.parameters())
    grey = disparity[:, None].expand(-1, 3, -1, -1).to(parameter.device, parameter.dtype)
    return encode_latents(vae, grey).float()


class ControlNetInjection:
    """Within `with ControlNetInjection(...)`, `transformer` is given what `controlnet` makes of a depth condition.

    It takes the place of a DepthInjection, and is used like one; a LoRA of ours stays inactive.

    Args:
        transformer: whose calls name their arguments, as `velocity` and diffusers' pipelines do.
        condition: [B, 16, h, w], see `depth_condition`. A call with k times that batch gets it k times.
        strength: scales what is added; at 0 the ControlNet is not run.
    """

    def __init__(
        self,
        transformer: QwenImageTransformer2DModel,
        controlnet: QwenImageControlNetModel,
        condition: Tensor,
        strength: float = 1.0,
    ):
        BACKBONE.check_architecture(transformer)
        self.transformer = transformer
        self.controlnet = controlnet
        self.condition = BACKBONE.pack(condition)
        self.strength = strength
        self.active = True
        self._switch = Switch.on(transformer, before=True)

    def __enter__(self) -> ControlNetInjection:
        if self._control in self._switch.runs:
            raise RuntimeError("this ControlNetInjection is already in use")
        self._switch.runs.append(self._control)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._switch.runs.remove(self._control)

    def _control(self, _module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict] | None:
        if not self.active or self.strength == 0:
            return None
        tokens = kwargs["hidden_states"]
        batch, count = self.condition.shape[:2]
        if len(tokens) % batch or tokens.shape[1] < count:
            raise InputError(
                f"a depth condition of {count} tokens for {batch} images does not fit a network input of "
                f"{tokens.shape[1]} tokens for {len(tokens)}: both must be made for the same image size."
            )
        condition = self.condition.to(tokens).repeat(len(tokens) // batch, 1, 1)
        names = "encoder_hidden_states", "encoder_hidden_states_mask", "timestep", "img_shapes"
        samples = self.controlnet(
            hidden_states=tokens,
            controlnet_cond=F.pad(condition, (0, 0, 0, tokens.shape[1] - count)),
            conditioning_scale=self.strength,
            return_dict=False,
            **{name: kwargs[name] for name in names},
        )
        return args, {**kwargs, "controlnet_block_samples": samples}

"""One file for each diffusion transformer that depth can be given to."""

from __future__ import annotations

from types import ModuleType

from torch import nn

from ..errors import InputError


def backbone_of(transformer: nn.Module) -> ModuleType:
    """The file of this folder that knows how to call `transformer`; an InputError if there is none."""
    from . import omnigen2, qwen_image, qwen_image_21

    known = {
        qwen_image.QwenImageTransformer2DModel: qwen_image,
        qwen_image_21.QwenImage21Transformer2DModel: qwen_image_21,
        omnigen2.OmniGen2Transformer2DModel: omnigen2,
    }
    for architecture, backbone in known.items():
        if isinstance(transformer, architecture):
            backbone.check_architecture(transformer)
            return backbone
    *names, last = (architecture.__name__ for architecture in known)
    raise InputError(
        f"depth cannot be given to {type(transformer).__name__}: supported are {', '.join(names)} and {last}."
    )

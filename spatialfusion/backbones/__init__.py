"""One file for each diffusion transformer that depth can be given to."""

from __future__ import annotations

from types import ModuleType

from torch import nn

from ..errors import InputError
from .depth_injection import unwrapped


def architectures() -> dict[type[nn.Module], ModuleType]:
    """The classes of transformers that are known, each with the file of this folder that knows how to call it."""
    from . import omnigen2, qwen_image, qwen_image_21

    return {
        qwen_image.QwenImageTransformer2DModel: qwen_image,
        qwen_image_21.QwenImage21Transformer2DModel: qwen_image_21,
        omnigen2.OmniGen2Transformer2DModel: omnigen2,
    }


def backbone_of(transformer: nn.Module) -> ModuleType:
    """The file of this folder that knows how to call `transformer`; an InputError if there is none."""
    transformer = unwrapped(transformer)
    for architecture, backbone in architectures().items():
        if isinstance(transformer, architecture):
            backbone.check_architecture(transformer)
            return backbone
    raise _unknown(type(transformer).__name__)


def architecture_named(name: str) -> tuple[type[nn.Module], ModuleType]:
    """The class of that name with its file; an InputError if it is not known."""
    for architecture, backbone in architectures().items():
        if architecture.__name__ == name:
            return architecture, backbone
    raise _unknown(name)


def _unknown(name: str) -> InputError:
    *names, last = (architecture.__name__ for architecture in architectures())
    return InputError(f"depth cannot be given to {name}: supported are {', '.join(names)} and {last}.")

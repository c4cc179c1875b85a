"""One file for each diffusion transformer that depth can be given to, and its record."""

from __future__ import annotations

from torch import nn

from ..errors import InputError
from . import omnigen2, qwen_image, qwen_image_21, z_image
from .backbone import Backbone
from .depth_injection import unwrapped

BACKBONES: tuple[Backbone, ...] = (
    qwen_image.BACKBONE,
    qwen_image_21.BACKBONE,
    omnigen2.BACKBONE,
    z_image.BACKBONE,
)


def backbone_of(transformer: nn.Module) -> Backbone:
    """The backbone that knows how to call `transformer`; an InputError if there is none."""
    transformer = unwrapped(transformer)
    for backbone in BACKBONES:
        if isinstance(transformer, backbone.architecture):
            backbone.check_architecture(transformer)
            return backbone
    raise _unknown(type(transformer).__name__)


def backbone_of_class(name: str) -> Backbone:
    """The backbone whose transformer is of the class of that name; an InputError if there is none."""
    for backbone in BACKBONES:
        if backbone.class_name == name:
            return backbone
    raise _unknown(name)


def backbone_in_host(name: str) -> Backbone:
    """The backbone of that name in a checkpoint's configuration, of those that ComfyUI has; an InputError if there is
    none."""
    known = {backbone.name: backbone for backbone in BACKBONES if backbone.host is not None}
    if name not in known:
        *names, last = known
        raise InputError(f"the checkpoint was trained for {name}: supported are {', '.join(names)} and {last}.")
    return known[name]


def _unknown(name: str) -> InputError:
    *names, last = (backbone.class_name for backbone in BACKBONES)
    return InputError(f"depth cannot be given to {name}: supported are {', '.join(names)} and {last}.")

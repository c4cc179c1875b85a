"""A pipeline as a model folder: written whole, and loaded from our layout, diffusers' or its authors'."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline
from torch import nn

from .backbones import BACKBONES
from .backbones.depth_injection import base_parameters, saved_without_lora, unwrapped
from .devices import usable_dtype
from .errors import InputError, short
from .files import set_default_modes, temporary_folder
from .hub import HUB_OPTIONS
from .model.model import FILE_NAME, SpatialFusionModel
from .model_folder import (
    COMPONENTS,
    CONTROLNET,
    INDEX,
    check_folder,
    check_variant,
    check_weights,
    find_model,
    forget_origin,
    load_parts,
    loading,
    other_folders,
    published_backbone,
    replace_folder,
    write_model_index,
)
from .single_file import load_part

# Of all parts, or of each by its name.
Dtypes = torch.dtype | dict[str, torch.dtype]


def save_pipeline(
    pipeline: DiffusionPipeline, save_directory: str | os.PathLike, max_shard_size: int | str | None
) -> None:
    """Write a model folder; see SpatialFusionPipeline.save_pretrained."""
    folder = Path(save_directory)
    folder.mkdir(parents=True, exist_ok=True)
    with temporary_folder(folder.parent) as temporary:
        shards = {} if max_shard_size is None else {"max_shard_size": max_shard_size}
        kept = [name for name in (*COMPONENTS, *CONTROLNET) if getattr(pipeline, name) is not None]
        for component in kept:
            part: Any = unwrapped(getattr(pipeline, component))
            with saved_without_lora(part) if component == "transformer" else nullcontext():
                try:
                    part.save_pretrained(temporary / component, **(shards if isinstance(part, nn.Module) else {}))
                except (ValueError, RuntimeError) as error:
                    if getattr(part, "hf_quantizer", None) is None:
                        raise
                    # Not every quantisation can be saved.
                    reason = " ".join(str(error).split())[:200]
                    raise InputError(f"the {component} cannot be saved ({reason}).") from None
            forget_origin(temporary / component)
        pipeline.spatialfusion.save(temporary / FILE_NAME, pipeline.spatialfusion.dtype)
        components = {component: tuple(pipeline.config[component]) for component in kept}
        write_model_index(temporary, pipeline.config.default_size, pipeline.config.rescale_guidance, components)
        set_default_modes(temporary)
        for component in kept:
            replace_folder(temporary / component, folder / component)
        for file in (FILE_NAME, INDEX):
            os.replace(temporary / file, folder / file)


def load_pipeline(
    cls: type[DiffusionPipeline],
    load_folder: Callable[..., DiffusionPipeline],
    name_or_path: str | os.PathLike,
    spatialfusion: SpatialFusionModel | str | os.PathLike | None,
    **kwargs: Any,
) -> DiffusionPipeline:
    """Load a pipeline; see SpatialFusionPipeline.from_pretrained. load_folder: diffusers' own loader of the class."""
    hub_options = {name: kwargs.pop(name) for name in HUB_OPTIONS if name in kwargs}
    given = {name for name in (*COMPONENTS, *CONTROLNET) if name in kwargs}
    unneeded = given | {backbone.published.folders.get(name, name) for backbone in BACKBONES for name in given}
    folder = find_model(name_or_path, hub_options, unneeded)
    check_variant(folder, kwargs.get("variant"))
    dtype = _read_dtype(kwargs.pop("dtype", None) or kwargs.pop("torch_dtype", None) or torch.float32)
    published, folders = published_backbone(folder), other_folders(folder)
    if not folders:
        check_folder(folder, given)
    if published is not None:
        # What its folder does not say.
        kwargs = {**published.published.options, **kwargs}
    if not isinstance(spatialfusion, SpatialFusionModel):
        spatialfusion = SpatialFusionModel.load(spatialfusion or folder, dtype=_dtype_of("spatialfusion", dtype))
    for name in ("transformer", "text_encoder", "vae"):
        if isinstance(kwargs.get(name), (str, os.PathLike)):
            subfolder = folders.get(name, name)
            kwargs[name] = load_part(name, kwargs[name], folder / subfolder, _dtype_of(name, dtype))
    with loading(folder):
        if folders and published is not None:
            parts = load_parts(folder, published, dtype, given)
            pipeline = cls(**parts | kwargs, spatialfusion=spatialfusion)
        else:
            kwargs |= {"use_safetensors": True, "trust_remote_code": False}
            pipeline = load_folder(folder, spatialfusion=spatialfusion, dtype=dtype, **kwargs)
    for name in {"vae", "text_encoder", "transformer", *(CONTROLNET if pipeline.controlnet else ())} - given:
        subfolder = folders.get(name, name)
        check_weights(folder / subfolder, base_parameters(getattr(pipeline, name)), renamed=name == "text_encoder")
    pipeline.register_to_config(_name_or_path=str(name_or_path))
    return pipeline


def _read_dtype(dtype: Any) -> Dtypes:
    """A floating-point dtype, or one for each part; both may be named."""
    if isinstance(dtype, dict):
        if strange := dtype.keys() - {"default", "spatialfusion", *COMPONENTS, *CONTROLNET}:
            raise InputError(f"dtype has {short(min(strange, key=str))}: expected names of parts, or default.")
        return {name: usable_dtype(value) for name, value in dtype.items()}
    return usable_dtype(dtype)


def _dtype_of(part: str, dtype: Dtypes) -> torch.dtype:
    if isinstance(dtype, dict):
        return dtype.get(part) or dtype.get("default") or torch.float32
    return dtype

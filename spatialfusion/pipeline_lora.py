"""LoRAs of others on the pipeline, by diffusers' methods; ours beside them is left to the strength of depth."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import diffusers.loaders
from diffusers.loaders.lora_base import LoraBaseMixin
from torch import Tensor

from .backbones import backbone_of
from .backbones.depth_injection import ADAPTER, check_lora, unwrapped
from .errors import InputError, short

TRANSFORMER = "transformer"


class LoraLoaderMixin(LoraBaseMixin):
    """load_lora_weights, set_adapters, fuse_lora, unfuse_lora, delete_adapters, unload_lora_weights, disable_lora and
    enable_lora, as diffusers' pipelines have them. All are about the transformer, and none about our own LoRA."""

    _lora_loadable_modules = (TRANSFORMER,)

    def load_lora_weights(
        self,
        pretrained_model_name_or_path_or_dict: str | os.PathLike | dict[str, Tensor],
        adapter_name: str | None = None,
        hotswap: bool = False,
        **kwargs: Any,
    ) -> None:
        """Put a LoRA on the transformer, active at weight 1, from a file, a folder, the Hub or tensors by name.

        Read are the layouts that diffusers knows of this diffusion model, from safetensors alone.

        Args:
            adapter_name: what `set_adapters` and the like call it; None for a number.
            hotswap: replace the weights of the adapter of that name.
            kwargs: weight_name, subfolder, revision, token and so on, as in diffusers.

        Raises:
            InputError: when it cannot be read, or is not of this diffusion model.
        """
        source = pretrained_model_name_or_path_or_dict
        what = "the LoRA that was given" if isinstance(source, dict) else f"the LoRA {source}"
        transformer: Any = unwrapped(self.transformer)
        check_lora(transformer)
        _refuse_ours([adapter_name], "is loaded with the SpatialFusion checkpoint")
        weight_name = kwargs.pop("weight_name", None)
        if weight_name is not None and not str(weight_name).endswith(".safetensors"):
            raise InputError(f"weight_name is {short(weight_name)}: expected a .safetensors file.")
        options = kwargs | {"weight_name": weight_name, "use_safetensors": True, "return_lora_metadata": True}
        before = set(getattr(transformer, "peft_config", {}))
        try:
            loader = getattr(diffusers.loaders, backbone_of(transformer).lora_loader)
            given = dict(source) if isinstance(source, dict) else os.fspath(source)
            state, metadata = loader.lora_state_dict(given, **options)
            # Without the prefix as `transformer.save_lora_adapter` writes them.
            prefixed = any(name.startswith(f"{TRANSFORMER}.") for name in state)
            transformer.load_lora_adapter(
                state,
                prefix=TRANSFORMER if prefixed else None,
                adapter_name=adapter_name,
                metadata=metadata,
                hotswap=hotswap,
                _pipeline=self,
            )
        except Exception as error:  # whatever a file that is damaged, or of another network, makes peft stumble upon
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(f"{what} cannot be loaded ({reason}): expected one of this diffusion model.") from error
        if not hotswap and set(transformer.peft_config) == before:
            raise InputError(f"{what} has no weights for the transformer: expected one of this diffusion model.")

    @classmethod
    def save_lora_weights(cls, *_args: Any, **_kwargs: Any) -> None:
        raise InputError(
            "the pipeline saves no LoRA: expected pipe.transformer.save_lora_adapter(folder, adapter_name=...), or "
            "pipe.spatialfusion.save_pretrained(folder) for the checkpoint with its own."
        )

    def set_adapters(self, adapter_names: list[str] | str, adapter_weights: Any = None) -> None:
        """Activate these LoRAs, with these weights, and no others."""
        _refuse_ours(adapter_names, "is scaled by controlnet_conditioning_scale")
        super().set_adapters(adapter_names, adapter_weights)

    def delete_adapters(self, adapter_names: list[str] | str) -> None:
        """Take LoRAs off the transformer."""
        _refuse_ours(adapter_names, "is left out by controlnet_conditioning_scale=0")
        super().delete_adapters(adapter_names)

    def fuse_lora(
        self,
        components: Sequence[str] = (TRANSFORMER,),
        lora_scale: float = 1.0,
        safe_fusing: bool = False,
        adapter_names: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Add LoRAs, all that are active unless some are named, to the transformer's weights."""
        _refuse_ours(adapter_names or [], "stays beside the weights")
        super().fuse_lora(list(components), lora_scale, safe_fusing, adapter_names, **kwargs)

    def unfuse_lora(self, components: Sequence[str] = (TRANSFORMER,), **kwargs: Any) -> None:
        """Undo `fuse_lora`."""
        super().unfuse_lora(list(components), **kwargs)


def _refuse_ours(names: Sequence[str | None] | str, instead: str) -> None:
    if ADAPTER in ([names] if isinstance(names, str) else names):
        raise InputError(f"the LoRA {ADAPTER!r}, which brings depth, {instead}: expected names of others.")

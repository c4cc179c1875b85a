"""What becomes of depth where the host merges or saves a MODEL that has it.

A merge or a saved file holds weights alone. A depth is more than weights, so the weights of a depth would be useless
there: they are left out of both, and the log says so. Merged into a MODEL with depth, other weights leave that depth
whole.
"""

from __future__ import annotations

import logging
import uuid
import weakref
from dataclasses import dataclass
from typing import Any

import comfy.model_management
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import CallbacksMP

KEY = "spatialfusion"


@dataclass(frozen=True)
class _Depths:
    """The depths of a patcher: the names of their checkpoints, and the weight patches that are theirs."""

    names: tuple[str, ...]
    values: tuple[Any, ...]

    def own(self, patch: tuple) -> bool:
        """Whether a weight patch, as the host keeps it, is one of ours."""
        return any(patch[1] is value for value in self.values)


def keep_apart(model: ModelPatcher, values: list[Any], name: str) -> None:
    """Let `model`, and every clone of it, keep the weight patches `values` of the checkpoint `name` to itself."""
    before = model.get_attachment(KEY)
    names, others = (before.names, before.values) if before else ((), ())
    model.set_attachments(KEY, _Depths((*names, name), (*others, *values)))
    if before is None:
        _install(model)
        model.add_callback_with_key(CallbacksMP.ON_CLONE, KEY, lambda _old, new: _install(new))


def _install(patcher: ModelPatcher) -> None:
    # Without a reference to the patcher, which the host expects to be gone when nobody has it.
    owner = weakref.ref(patcher)
    kind = type(patcher)

    def warn(text: str) -> _Depths:
        depths = owner().get_attachment(KEY)
        logging.warning("SpatialFusion: a model with the depth of %s %s", " and ".join(depths.names), text)
        return depths

    def get_key_patches(filter_prefix: str | None = None) -> dict[str, list]:
        found = kind.get_key_patches(owner(), filter_prefix)
        if filter_prefix is None:  # the host itself asks here, not a merge
            return found
        depths = warn("is merged into another: its depth is left out. Merge first, then apply depth to the result.")
        return {key: [first, *(p for p in rest if not depths.own(p))] for key, (first, *rest) in found.items()}

    def add_patches(patches: dict, strength_patch: float = 1.0, strength_model: float = 1.0) -> list:
        added = kind.add_patches(owner(), patches, strength_patch, strength_model)
        if strength_model != 1:
            # It scales the patches before it, and depth is not a part of what is merged.
            for key in added:
                owner().patches[key if isinstance(key, str) else key[0]].sort(key=owner().get_attachment(KEY).own)
        return added

    def state_dict_for_saving(*args: Any, **kwargs: Any) -> dict:
        depths = warn("is saved: the file is the model without depth. Apply depth to it where it is loaded.")
        plain = owner().clone()
        kept = {key: [p for p in patches if not depths.own(p)] for key, patches in plain.patches.items()}
        plain.patches = {key: patches for key, patches in kept.items() if patches}
        plain.patches_uuid = uuid.uuid4()
        comfy.model_management.load_models_gpu([plain])
        return kind.state_dict_for_saving(plain, *args, **kwargs)

    for function in (get_key_patches, add_patches, state_dict_for_saving):
        setattr(patcher, function.__name__, function)

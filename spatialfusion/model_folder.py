"""Model folders: which components they hold, where they come from, and what can be wrong with one."""

from __future__ import annotations

import importlib
import json
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from .backbones import BACKBONES
from .backbones.backbone import Backbone
from .errors import InputError
from .files import atomic_file
from .hub import find_folder
from .model.model import FILE_NAME

INDEX = "model_index.json"
# What model_index.json lists; spatialfusion.safetensors lies beside it.
COMPONENTS = {
    "vae": ("diffusers", "AutoencoderKLQwenImage"),
    "text_encoder": ("transformers", "Qwen2_5_VLForConditionalGeneration"),
    "tokenizer": ("transformers", "Qwen2Tokenizer"),
    "image_processor": ("transformers", "Qwen2VLImageProcessorPil"),
    "transformer": ("diffusers", "QwenImageTransformer2DModel"),
    "scheduler": ("diffusers", "FlowMatchEulerDiscreteScheduler"),
}
# Listed beside them where images are drawn with a ControlNet instead of the depth adapter.
CONTROLNET = {"controlnet": ("diffusers", "QwenImageControlNetModel")}
OPTIONAL = ("image_processor", *CONTROLNET)
# Where the classes of components come from: nothing else is imported. Some backbones' transformers are our own.
_LIBRARIES = tuple(dict.fromkeys(["diffusers", "transformers", *(backbone.library for backbone in BACKBONES)]))
# Sizes that say how many parts of a kind a network has, each with tensors of its own.
_LAYERS = re.compile(r"num(_\w+)?_layers|layers_per_block|num_res_blocks|depth")
# No pickles and no code.
_HUB_FILES = [INDEX, FILE_NAME, "*/*.json", "*/*.safetensors", "*/*.txt", "*/*.jinja"]


def write_model_index(
    folder: str | os.PathLike,
    default_size: int,
    rescale_guidance: bool = False,
    components: dict[str, tuple[str, str]] = COMPONENTS,
) -> None:
    """Write the model_index.json that makes a SpatialFusionPipeline of the components in `folder`; its settings are
    explained there."""
    index = {
        "_class_name": "SpatialFusionPipeline",
        "_diffusers_version": version("diffusers"),
        "default_size": default_size,
        "rescale_guidance": rescale_guidance,
        **{name: list(entry) for name, entry in components.items()},
    }
    with atomic_file(Path(folder) / INDEX) as temporary:
        temporary.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def replace_folder(source: Path, target: Path) -> None:
    """Rename a folder; one that has the name already is removed."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=source.parent) as old:
        if target.exists():
            os.replace(target, Path(old) / target.name)
        os.replace(source, target)


def forget_origin(part: Path) -> None:
    """Take out of a saved part's configuration where it was loaded from: it means nothing elsewhere."""
    for path in (part / "config.json", part / "tokenizer_config.json"):
        if path.is_file():
            values = json.loads(path.read_text(encoding="utf-8"))
            found = [values.pop(name, None) for name in ("_name_or_path", "is_local", "local_files_only")]
            if any(value is not None for value in found):
                path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def find_model(name: str | os.PathLike, hub_options: dict[str, Any], without: Iterable[str] = ()) -> Path:
    """The folder of a model: the one named, or a copy of what the Hub has under this name.

    without: subfolders whose weights are not fetched.
    """
    return find_folder(name, INDEX, _HUB_FILES, [f"{part}/*.safetensors" for part in without], **hub_options)


def published_backbone(folder: Path) -> Backbone | None:
    """The backbone of a model that lies there as its authors publish it, by the class of their pipeline."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        name = str(index.get("_class_name"))
    except (OSError, ValueError, AttributeError):
        return None
    found = [backbone for backbone in BACKBONES if name.startswith(backbone.published.pipeline)]
    return max(found, key=lambda backbone: len(backbone.published.pipeline), default=None)


def other_folders(folder: Path) -> dict[str, str]:
    """The folders of the parts of a pipeline, where a model lies in others than ours; else nothing."""
    backbone = published_backbone(folder)
    if backbone is None:
        return {}
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    folders = dict(backbone.published.folders)
    # The same model may have been saved with folders of the usual names.
    return folders if set(folders.values()) - COMPONENTS.keys() <= index.keys() else {}


def load_parts(
    folder: Path, backbone: Backbone, dtype: torch.dtype | dict[str, torch.dtype], given: Collection[str]
) -> dict[str, Any]:
    """The parts of a pipeline, but those `given`, of a model that lies in its authors' folders; from safetensors
    alone. What it has from files beside the weights is not run."""
    published = backbone.published
    parts: dict[str, Any] = {}
    if published.scheduler is not None and "scheduler" not in given:
        parts["scheduler"] = published.scheduler()
    for name, subfolder in published.folders.items():
        if name in given:
            continue
        if not (folder / subfolder).is_dir():
            raise InputError(f"the model in {folder} has no folder {subfolder}: it is incomplete.")
        options: dict[str, Any] = {"local_files_only": True}
        if name in ("text_encoder", "transformer", "vae"):
            own = dtype.get(name, dtype.get("default", torch.float32)) if isinstance(dtype, dict) else dtype
            options |= {"dtype" if name == "text_encoder" else "torch_dtype": own, "use_safetensors": True}
        library, class_name = published.classes.get(name, (backbone.library, backbone.class_name))
        part = getattr(importlib.import_module(library), class_name).from_pretrained(folder / subfolder, **options)
        parts[name] = part.eval() if isinstance(part, nn.Module) else part
    return parts


@contextmanager
def loading(folder: Path) -> Iterator[None]:
    """Inside, whatever is wrong with a model is an InputError that names its folder.

    A broken file makes diffusers and transformers raise whatever they stumble upon.
    """
    try:
        yield
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"the model in {folder} cannot be loaded ({reason}): fetch or save it again.") from error


def check_variant(folder: Path, variant: str | None) -> None:
    """Raise InputError if a variant of the weights is asked for, such as "fp16", that the model does not have."""
    if variant is not None and not any(folder.glob(f"*/*.{variant}*.safetensors")):
        raise InputError(
            f"the model in {folder} has no weights of the variant {variant!r}: leave variant out; dtype alone decides "
            "in which numbers they are loaded."
        )


def check_folder(folder: Path, given: set[str]) -> dict[str, Any]:
    """The model index; InputError for what can be seen to be wrong without building the networks."""
    path = folder / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        known = [*COMPONENTS, *CONTROLNET]
        listed = {name: library for name in known if name in index for library, _ in [index[name]] if library}
    except FileNotFoundError:
        raise InputError(f"{folder} is not a model folder: it has no {INDEX}.") from None
    except (OSError, ValueError, TypeError):
        raise InputError(f"{path} is damaged: expected the file that save_pretrained writes.") from None
    if strange := set(listed.values()) - set(_LIBRARIES):
        raise InputError(f"{path} names a component of {sorted(strange)[0]!r}: expected {' or '.join(_LIBRARIES)}.")
    for name in [name for name in known if name not in given]:
        if name not in listed:
            if name in OPTIONAL:
                continue
            raise InputError(f"{path} lists no {name}: expected {', '.join(COMPONENTS)}.")
        if not (folder / name).is_dir():
            raise InputError(f"the model in {folder} has no folder {name}: it is incomplete.")
        _check_part(folder / name)
    return index


def _check_part(folder: Path) -> None:
    """Raise InputError for a part with a damaged file, or whose configuration asks for more than its files hold."""
    stored = 0
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="pt") as tensors:
                stored += len(tensors.keys())
        except (SafetensorError, OSError) as error:
            raise InputError(
                f"{file} is truncated or not a safetensors file ({error}); fetch or save it again."
            ) from None
    path = folder / "config.json"
    if not stored or not path.is_file():
        return
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{path} is damaged: expected the file that save_pretrained writes.") from None
    check_layers(config, stored, path)


def check_layers(config: Any, stored: int, path: Path) -> None:
    """Raise InputError if a network's config.json asks for more layers than there are tensors of it: they would be made
    before any weight is looked for."""
    if not isinstance(config, dict):
        return
    for name, value in config.items():
        check_layers(value, stored, path)
        whole = isinstance(value, (int, float)) and not isinstance(value, bool)
        if whole and _LAYERS.fullmatch(name) and not value <= stored:
            raise InputError(
                f"{path} says {name} {value:g}, but there are {stored} tensors beside it: it is of another model, or "
                "damaged."
            )


def check_weights(folder: Path, needed: Mapping[str, Tensor], renamed: bool) -> None:
    """Raise InputError if the files in `folder` lack tensors that a network needs.

    diffusers and transformers only warn of it, and make up random ones. `needed`: of a network that may be quantised,
    its parameters; in its state dict there are scales and the like, which no file needs to have. `renamed`:
    transformers reads tensors under other names than they are stored under, and stores one of those that share memory;
    so their number has to do.
    """
    stored: set[str] = set()
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="pt") as tensors:
            stored |= set(tensors.keys())
    # One that was saved quantised may be in several pieces.
    missing = {n for n in needed.keys() - stored if not any(name.startswith(f"{n}.") for name in stored)}
    count = len({tensor.data_ptr() for tensor in needed.values()}) - len(stored) if renamed else len(missing)
    if count > 0:
        raise InputError(
            f"{folder} lacks {count} of its network's {len(needed)} tensors (such as {min(missing or needed)}): it is "
            "of another architecture, or incomplete."
        )

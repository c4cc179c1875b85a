"""A part of a pipeline from one .safetensors file, as ComfyUI keeps them: diffusion model, text encoder, autoencoder.

Notable:
- The names of a file's tensors say what it is; its own name does not. The sizes of a Qwen-Image transformer are
  read from its tensors; those of Qwen2.5-VL, whose number of heads is in no tensor, from a model folder's config.json.
- Weights are bf16, fp16, fp32 or 8-bit floats, the last plain or with a scale for each tensor or row. They become the
  pipeline's dtype one by one, so that beside the finished network there is never more than one tensor.
- Everything that can be wrong is seen from the file's header, before a tensor is read.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from .errors import InputError
from .files import could_be_safetensors
from .model_folder import check_layers
from .wan_names import wan_name

if TYPE_CHECKING:
    from diffusers import AutoencoderKLQwenImage, QwenImageTransformer2DModel
    from diffusers.models.modeling_utils import ModelMixin
    from transformers import Qwen2_5_VLForConditionalGeneration

    from .backbones.omnigen2_transformer import OmniGen2Transformer2DModel

QWEN_IMAGE = "a Qwen-Image transformer"
OMNIGEN2 = "an OmniGen2 transformer"
QWEN_VL = "a Qwen2.5-VL"
QWEN_VAE = "Qwen-Image's autoencoder"

# By the part that is loaded: what the file may be, and what stands before the names in a checkpoint of several parts.
EXPECTED = {
    "transformer": (QWEN_IMAGE, OMNIGEN2),
    "text_encoder": (QWEN_VL,),
    "vae": (QWEN_VAE,),
}
_PREFIXES = {
    "transformer": ("model.diffusion_model.",),
    "text_encoder": ("text_encoders.qwen25_7b.transformer.", "text_encoders.qwen25_3b.transformer."),
    "vae": ("vae.",),
}

# What a file is, by a name that only this kind has; the first that fits.
_KINDS = (
    ("a SpatialFusion checkpoint", r"^model\.spatial_transformer\."),
    ("a LoRA", r"lora_(A|B|up|down|unet)|\.lora\.(up|down)\.|\.(hada|lokr)_w"),
    ("a ControlNet", r"(^|\.)(controlnet_blocks|controlnet_x_embedder|control_model|zero_convs)\."),
    ("a Qwen-Image-Layered transformer", r"(^|\.)time_text_embed\.addition_t_embedding\."),
    ("a Qwen-Image-2.1 transformer", r"(^|\.)txt_in\.text_norm\."),
    (QWEN_IMAGE, r"(^|\.)transformer_blocks\.\d+\.(txt_mod|txt_mlp)\."),
    (OMNIGEN2, r"(^|\.)(time_caption_embed\.|ref_image_refiner\.)"),
    ("a FLUX transformer", r"(^|\.)(double_blocks|single_transformer_blocks)\."),
    ("a Stable Diffusion model", r"(^|\.)(input_blocks|joint_blocks|down_blocks\.\d+\.attentions)\."),
    ("a Wan video transformer", r"(^|\.)blocks\.\d+\.cross_attn\."),
    ("a Qwen3-VL", r"(^|\.)visual\.deepstack_merger_list\."),
    (QWEN_VL, r"(^|\.)layers\.\d+\.self_attn\.q_proj\.bias$|(^|\.)visual\.merger\.ln_q\."),
    ("a language model without the biases of Qwen2.5-VL", r"(^|\.)layers\.\d+\.self_attn\.q_proj\."),
    ("a T5 text encoder", r"(^|\.)block\.\d+\.layer\.0\.SelfAttention\."),
    ("a CLIP", r"(^|\.)text_model\.encoder\."),
    (QWEN_VAE, r"(^|\.)decoder\.(middle\.0\.residual\.0|mid_block\.resnets\.0\.norm1)\.gamma$"),
    ("an autoencoder of another kind", r"(^|\.)decoder\.(conv_in|mid|mid_block)\."),
)

_OTHER_FILES = (
    (b"PK\x03\x04", "a pickle"),
    (b"\x80", "a pickle"),
    (b"GGUF", "a GGUF file"),
    (b"version ", "a pointer of Git LFS"),
)

# Names that are not weights. `scale_input` is for networks that compute in 8 bits.
_SCALES = (".scale_weight", ".weight_scale")
_MARKS = (*_SCALES, ".scale_input", ".input_scale", ".comfy_quant", ".scaled_fp8")
ZERO_TIME = "__index_timestep_zero__"  # a mark of Qwen-Image-Edit-2511: references have the noise level 0
_FORMATS = ("float8_e4m3fn", "float8_e5m2")
_READABLE = f"expected bf16, fp16, fp32, or 8-bit floats ({', '.join(_FORMATS)}) with a scale for each tensor or row"
_DTYPES = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")


def load_part(
    part: str, path: str | os.PathLike, folder: Path, dtype: torch.dtype = torch.float32
) -> ModelMixin | Qwen2_5_VLForConditionalGeneration:
    """Load `part` ("transformer", "text_encoder" or "vae") of a pipeline from one file, for inference.

    Args:
        path: a .safetensors file in the layout of ComfyUI or with the names of diffusers and transformers.
        folder: where a model folder has this part. Its config.json says what no tensor does; it need not have weights,
            and of transformer and vae it need not exist: then they are the published ones.
        dtype: of the network.

    Raises:
        InputError: one sentence that names the file, what it is and what is expected.
    """
    path = Path(path)
    _check_beginning(path)
    try:
        with safe_open(path, framework="pt") as stored:
            file = WeightFile(path, part, stored)
            build = {"transformer": _transformer, "text_encoder": _text_encoder, "vae": _vae}[part]
            return build(file, folder, dtype).eval()
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is truncated or not a safetensors file ({error}); fetch or save it again.") from None


class WeightFile:
    """The tensors of a file, by their names within `part`: without the prefix that a checkpoint of all parts has.

    stored: the open file. names: of the weights, with the name that each has in the file. kind: what the file is.
    """

    def __init__(self, path: Path, part: str, stored: Any):
        self.path = path
        self.stored = stored
        self.keys = set(stored.keys())
        prefix = next((p for p in _PREFIXES[part] if any(key.startswith(p) for key in self.keys)), "")
        self.prefix = prefix
        inside = {key.removeprefix(prefix): key for key in self.keys if key.startswith(prefix)}
        kind = _kind(inside)
        if kind is None or kind not in EXPECTED[part]:
            what = kind or f"of an unknown kind (with tensors such as {min(inside, default='none')})"
            expected = " or ".join(EXPECTED[part])
            raise InputError(f"{path} is {what}: expected the weights of {expected}.")
        self.kind = kind
        self.marks = {name for name in inside if name.endswith(_MARKS) or name in (ZERO_TIME, "scaled_fp8")}
        self.names = {name: key for name, key in inside.items() if name not in self.marks}
        self._check_formats()

    def shape(self, name: str) -> tuple[int, ...]:
        if name not in self.names:
            raise InputError(f"{self.path} lacks {name}: expected all weights of {self.kind}.")
        return tuple(self.stored.get_slice(self.names[name]).get_shape())

    def read(self, name: str, dtype: torch.dtype) -> Tensor:
        """The weight `name` in `dtype`, with its scale."""
        scale = self._scale(name)
        return dequantise(
            self.stored.get_tensor(self.names[name]), None if scale is None else self.stored.get_tensor(scale), dtype
        )

    def _scale(self, name: str) -> str | None:
        layer = self.names[name].removesuffix(".weight")
        return next((layer + ending for ending in _SCALES if layer + ending in self.keys), None)

    def _formats(self) -> set[str]:
        """Names of the formats that ComfyUI's marks give, in the metadata or beside the weights."""
        marks = [self.prefix + mark for mark in self.marks if mark.endswith(".comfy_quant")]
        try:
            metadata = self.stored.metadata() or {}
            layers = json.loads(metadata.get("_quantization_metadata", '{"layers": {}}'))["layers"]
            entries = [*layers.values(), *(json.loads(bytes(self.stored.get_tensor(m).tolist())) for m in marks)]
            return {str(entry["format"]) for entry in entries}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InputError(f"{self.path} is {self.kind} with damaged marks of its quantisation.") from None

    def _check_formats(self) -> None:
        if strange := self._formats() - set(_FORMATS):
            raise InputError(f"{self.path} is {self.kind} quantised as {min(strange)}: {_READABLE}.")
        for name, key in self.names.items():
            stored = self.stored.get_slice(key)
            if (dtype := stored.get_dtype()) not in _DTYPES:
                raise InputError(f"{self.path} is {self.kind} with {name} stored as {dtype}: {_READABLE}.")
            if scale := self._scale(name):
                shape, rows = self.stored.get_slice(scale).get_shape(), stored.get_shape()[0]
                if math.prod(shape) != 1 and (shape[0] != rows or math.prod(shape) != rows):
                    raise InputError(f"{self.path} is {self.kind} with {name} scaled in blocks {shape}: {_READABLE}.")


def dequantise(weight: Tensor, scale: Tensor | None, dtype: torch.dtype) -> Tensor:
    """A stored weight [rows, ...] as `dtype`; `scale`, of one value or one for each row, is multiplied in fp32."""
    if scale is None:
        return weight.to(dtype)
    scale = scale.float().reshape(-1, *[1] * (weight.ndim - 1)) if scale.numel() > 1 else scale.float().reshape(())
    return weight.float().mul(scale).to(dtype)


# The parts ------------------------------------------------------------------------------------------------------------


def _transformer(
    file: WeightFile, folder: Path, dtype: torch.dtype
) -> QwenImageTransformer2DModel | OmniGen2Transformer2DModel:
    from diffusers import QwenImageTransformer2DModel

    from .backbones.omnigen2_transformer import OmniGen2Transformer2DModel

    architecture = {QWEN_IMAGE: QwenImageTransformer2DModel, OMNIGEN2: OmniGen2Transformer2DModel}[file.kind]
    config = _read_config(folder, architecture.__name__)
    check_layers(config, len(file.names), folder / "config.json")
    if architecture is QwenImageTransformer2DModel:
        config = qwen_image_sizes(file, config)
    return _build(file, lambda: architecture.from_config(config), dtype)


def qwen_image_sizes(file: WeightFile, config: dict[str, Any]) -> dict[str, Any]:
    """Arguments of QwenImageTransformer2DModel for the tensors of `file`; `config` says what they do not tell."""
    inner, in_channels = file.shape("img_in.weight")
    head_dim = file.shape("transformer_blocks.0.attn.norm_q.weight")[0]
    blocks = {name.split(".")[1] for name in file.names if name.startswith("transformer_blocks.")}
    patch = config.get("patch_size", 2)
    # Qwen-Image's own proportions of frame, row and column: 16, 56, 56 of 128.
    axes = head_dim // 8, head_dim // 16 * 7, head_dim // 16 * 7
    if sum(config.get("axes_dims_rope", ())) == head_dim:
        axes = config["axes_dims_rope"]
    return {
        "patch_size": patch,
        "in_channels": in_channels,
        "out_channels": file.shape("proj_out.weight")[0] // patch**2,
        "num_layers": len(blocks),
        "attention_head_dim": head_dim,
        "num_attention_heads": inner // head_dim,
        "joint_attention_dim": file.shape("txt_in.weight")[1],
        "axes_dims_rope": tuple(axes),
        "zero_cond_t": ZERO_TIME in file.marks or bool(config.get("zero_cond_t")),
    }


def _text_encoder(file: WeightFile, folder: Path, dtype: torch.dtype) -> Qwen2_5_VLForConditionalGeneration:
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    values = _read_config(folder)
    if not values:
        raise InputError(
            f"{folder} has no config.json: expected that of the text encoder in {file.path}, whose number of heads is "
            "in no tensor."
        )
    check_layers(values, len(file.names), folder / "config.json")
    try:
        config = Qwen2_5_VLConfig.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder / 'config.json'} is not that of a Qwen2.5-VL ({reason}).") from None
    file.names = {_language_name(name): key for name, key in file.names.items()}
    # The head is never called. A file without one gets the embeddings for it, which take no memory.
    if "lm_head.weight" not in file.names:
        config.tie_word_embeddings = True
    tied = ("lm_head.weight",) if config.tie_word_embeddings else ()
    model = _build(file, lambda: Qwen2_5_VLForConditionalGeneration(config), dtype, tied)
    model.tie_weights()
    return model


def _language_name(name: str) -> str:
    """A tensor's name in ComfyUI's files and in published ones, as transformers has it in the network."""
    if name.startswith("visual."):
        return f"model.{name}"
    if name.startswith("model.") and not name.startswith(("model.language_model.", "model.visual.")):
        return f"model.language_model.{name.removeprefix('model.')}"
    return name


def _vae(file: WeightFile, folder: Path, dtype: torch.dtype) -> AutoencoderKLQwenImage:
    from diffusers import AutoencoderKLQwenImage

    found = _read_config(folder).get("_class_name", "AutoencoderKLQwenImage")
    if found != "AutoencoderKLQwenImage":
        raise InputError(f"{file.path} is {file.kind}, but the model has an {found}: they do not belong together.")
    # Without a config, the published sizes and constants: they are the class's own.
    config = _read_config(folder, "AutoencoderKLQwenImage")
    check_layers(config, len(file.names), folder / "config.json")

    def create() -> AutoencoderKLQwenImage:
        return AutoencoderKLQwenImage.from_config(config)

    if "decoder.conv_in.weight" not in file.names:
        with torch.device("meta"):
            empty = create()
        ours = {wan_name(name, empty.config.num_res_blocks): name for name in empty.state_dict()}
        file.names = {ours.get(name, name): key for name, key in file.names.items()}
    return _build(file, create, dtype)


def _build(file: WeightFile, create: Callable[[], nn.Module], dtype: torch.dtype, tied: Iterable[str] = ()) -> Any:
    """The network that `create` makes, with the weights of `file` in place of initial ones."""
    from accelerate import init_empty_weights

    # Without memory for anything, as its sizes may come from a configuration of another model.
    with torch.device("meta"):
        empty = create().state_dict()
    wanted = {name: tuple(tensor.shape) for name, tensor in empty.items() if name not in tied}
    names = file.names.keys() - set(tied)
    if missing := wanted.keys() - names:
        raise InputError(
            f"{file.path} lacks {len(missing)} of the {len(wanted)} tensors of {file.kind} (such as {min(missing)}): "
            "it is incomplete, or of another size."
        )
    if strange := names - wanted.keys():
        raise InputError(
            f"{file.path} has {len(strange)} tensors that {file.kind} of this size has not (such as {min(strange)}): "
            f"expected {len(wanted)} tensors."
        )
    for name, shape in wanted.items():
        if file.shape(name) != shape:
            raise InputError(
                f"{file.path} has {name} of {list(file.shape(name))}, but {list(shape)} is expected: it is {file.kind} "
                "of another size."
            )
    # Buffers and tables are computed; parameters take no memory yet.
    with init_empty_weights(include_buffers=False):
        model = create()
    weights = {name: file.read(name, dtype) for name in wanted}
    model.load_state_dict(weights, strict=False, assign=True)
    return model


# Files ----------------------------------------------------------------------------------------------------------------


def _kind(names: Iterable[str]) -> str | None:
    joined = list(names)
    for kind, pattern in _KINDS:
        if any(re.search(pattern, name) for name in joined):
            return kind
    return None


def _check_beginning(path: Path) -> None:
    """Raise InputError for a file that is seen not to be safetensors from its first bytes; it is not opened further."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: expected one .safetensors file.")
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): expected a .safetensors file.") from None
    if could_be_safetensors(start):
        return
    for beginning, what in _OTHER_FILES:
        if start.startswith(beginning):
            raise InputError(f"{path} is {what}, which is not opened: expected a .safetensors file.")


def _read_config(folder: Path, class_name: str | None = None) -> dict[str, Any]:
    """The config.json in `folder`; empty without one, or if it is not of `class_name`."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        config = None
    if not isinstance(config, dict):
        raise InputError(f"{path} is damaged: expected the file that save_pretrained writes.")
    return config if class_name in (None, config.get("_class_name", class_name)) else {}

"""The numbers of a SpatialFusion model, stored as JSON in the metadata of its safetensors file."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError, suggest

LLM_LAYERS = ("uniform", "shallow", "deep", "none")
INJECTIONS = ("add", "concat", "none")
# The largest numbers that a configuration may ask for, several times those of any model: they are checked before a
# network is made of them.
MOST_LAYERS = 512
MOST = 1 << 18


@dataclass
class SpatialFusionConfig:
    """Sizes and conventions of the spatial transformer, depth head, depth adapter and what they connect.

    The first block is fixed by the multimodal LLM, the last by the diffusion backbone; the rest is free.
    """

    # The multimodal LLM whose keys and values are read.
    mllm_layers: int = 4
    kv_heads: int = 3
    head_dim: int = 64
    rope_theta: float = 1e6
    mrope_section: tuple[int, int, int] = (8, 12, 12)
    mrope_interleaved: bool = False  # Qwen3-VL deals its frequencies out to the axes in turn, Qwen2.5-VL in chunks
    llm_layers: str = "uniform"  # which of its layers are read, see `sample_layers`; "none": it is not read at all

    # Spatial transformer.
    hidden_size: int = 192
    num_layers: int = 4
    num_heads: int = 3
    mlp_ratio: float = 4.0

    # The state of the flow: a small map of (standardised canonical log-depth, validity), cut into patches.
    state_size: int = 64  # longer side of the state, in pixels; the other follows the image's aspect ratio
    patch_size: int = 8
    near: float = 0.2  # canonical metres; the sky is filled with `far`
    far: float = 100.0
    log_depth_mean: float = 2.0
    log_depth_std: float = 1.2
    reference_focal: float = 1.0  # fx / W of the reference camera
    fov_mean: float = -0.65  # of u = log tan(hFOV / 2)
    fov_std: float = 0.25

    # Depth head.
    head_features: int = 32
    head_channels: tuple[int, int, int, int] = (32, 48, 96, 96)
    head_scales: tuple[float, float, float, float] = (8, 4, 2, 1)  # output pixels per token at the four taps

    # Encoder of the source image when editing: keyword arguments of transformers' Dinov2Config.
    source_encoder: dict[str, Any] = field(
        default_factory=lambda: {
            "hidden_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 3,
            "image_size": 128,
            "patch_size": 16,
        }
    )

    # The diffusion backbone that the adapter feeds.
    backbone: str = "qwen-image"
    latent_channels: int = 16
    latent_stride: int = 8
    adapter_hidden: int = 64
    # Of the prompt embeddings that tell the adapter what each object is, where it is seen; 0: it reads depth alone.
    region_width: int = 0
    # How the adapter's output enters: added to the latent, or concatenated to it; "none": not at all.
    injection: str = "add"
    projection_shape: tuple[int, int] | None = None  # (out, in) of the change of the backbone's input projection
    lora_rank: int = 0

    def __post_init__(self) -> None:
        for name in ("mrope_section", "head_channels", "head_scales", "projection_shape"):
            value = getattr(self, name)
            if isinstance(value, (list, tuple)):
                setattr(self, name, tuple(value))
        self._check_kinds()
        for name, known in (("llm_layers", LLM_LAYERS), ("injection", INJECTIONS)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in known:
                raise InputError(f"{name} is {_short(value)}{suggest(str(value), known)}: expected {', '.join(known)}.")
        if 2 * sum(self.mrope_section) != self.head_dim:
            raise InputError(
                f"mrope_section {self.mrope_section} sums to {sum(self.mrope_section)}, "
                f"but half of head_dim {self.head_dim} is needed."
            )
        if self.mrope_interleaved and 3 * max(self.mrope_section[1:]) > self.head_dim // 2:
            raise InputError(
                f"mrope_section {self.mrope_section} cannot be interleaved: rows and columns may have at most a third "
                f"of the {self.head_dim // 2} frequencies each."
            )
        if self.num_heads % self.kv_heads:
            raise InputError(f"num_heads {self.num_heads} must be a multiple of the MLLM's kv_heads {self.kv_heads}.")
        if self.state_size % self.patch_size:
            raise InputError(f"state_size {self.state_size} must be a multiple of patch_size {self.patch_size}.")
        if self.region_width and self.injection == "add":
            raise InputError(
                f"region_width is {self.region_width} and injection add: what objects are is concatenated to the "
                "latent, so expected injection concat."
            )
        if not 0 < self.near < self.far:
            raise InputError(f"near {self.near} and far {self.far} must satisfy 0 < near < far.")

    def _check_kinds(self) -> None:
        """Raise InputError for a value of another kind than its key has, or beyond every bound."""
        for name in ("mllm_layers", "num_layers"):
            _check_whole(name, getattr(self, name), MOST_LAYERS)
        counts = ("kv_heads", "head_dim", "hidden_size", "num_heads", "state_size", "patch_size", "head_features")
        for name in (*counts, "latent_channels", "latent_stride", "adapter_hidden"):
            _check_whole(name, getattr(self, name))
        for name in ("lora_rank", "region_width"):
            _check_whole(name, getattr(self, name), least=0)
        for name in ("rope_theta", "mlp_ratio", "near", "far", "log_depth_std", "reference_focal", "fov_std"):
            _check_real(name, getattr(self, name), positive=True)
        for name in ("log_depth_mean", "fov_mean"):
            _check_real(name, getattr(self, name))
        for name, count in (("mrope_section", 3), ("head_channels", 4), ("head_scales", 4), ("projection_shape", 2)):
            values = getattr(self, name)
            if name == "projection_shape" and values is None:
                continue
            if not isinstance(values, tuple) or len(values) != count:
                raise InputError(f"{name} is {_short(values)}: expected {count} numbers.")
            for value in values:
                if name == "head_scales":
                    _check_real(name, value, positive=True)
                else:
                    _check_whole(name, value, least=0 if name == "mrope_section" else 1)
        if not isinstance(self.source_encoder, dict):
            raise InputError(f"source_encoder is {_short(self.source_encoder)}: expected sizes by name.")
        for name, value in self.source_encoder.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                _check_real(f"source_encoder.{name}", value)
                if abs(value) > (MOST_LAYERS if "layers" in name else MOST):
                    raise InputError(f"source_encoder.{name} is {_short(value)}: that is beyond every model.")
            elif not isinstance(value, (str, bool, list, type(None))):
                raise InputError(f"source_encoder.{name} is {_short(value)}: expected a number.")
        if not isinstance(self.backbone, str) or not isinstance(self.mrope_interleaved, bool):
            raise InputError(
                f"backbone is {_short(self.backbone)} and mrope_interleaved {_short(self.mrope_interleaved)}: expected "
                "a name, and true or false."
            )

    @property
    def residual_channels(self) -> int:
        """Of what the adapter gives: depth's, and with region words as many again."""
        return self.latent_channels * (2 if self.region_width else 1)

    def residual_features(self, inputs: int) -> int:
        """Columns of a concatenated residual in an input projection with `inputs` columns for the latent."""
        return inputs * self.residual_channels // self.latent_channels

    def layer_map(self) -> list[int]:
        """The MLLM layer that each spatial layer reads."""
        return sample_layers(self.mllm_layers, self.num_layers, self.llm_layers)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of query tokens for an image of height x width pixels: the longer side is full."""
        full = self.state_size // self.patch_size
        if width >= height:
            return max(1, round(full * height / width)), full
        return full, max(1, round(full * width / height))

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> SpatialFusionConfig:
        data = json.loads(text)
        if not isinstance(data, dict):
            raise InputError(f"the model configuration is {_short(data)}: expected values by name.")
        known = {f.name for f in dataclasses.fields(cls)}
        for name in data:
            if name not in known:
                raise InputError(f"the model configuration has an unknown key {name!r}{suggest(name, known)}.")
        return cls(**data)


def sample_layers(total: int, count: int, choice: str = "uniform") -> list[int]:
    """Which of `total` LLM layers each of `count` spatial layers reads.

    "uniform": floor(i * total / count), as arXiv 2604.26341 has it. "shallow" and "deep", its ablation: the first or
    the last `count` layers; where these are more than half of the LLM, layers of its first or last half, some of them
    several times. "none" gives the same layers as "uniform", and the spatial transformer does not read them.
    """
    if choice in ("uniform", "none"):
        return [i * total // count for i in range(count)]
    span = max(1, min(count, total // 2))
    first = 0 if choice == "shallow" else total - span
    return [first + i * span // count for i in range(count)]


def _check_whole(name: str, value: Any, most: int = MOST, least: int = 1) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(f"{name} is {_short(value)}: expected a whole number from {least} to {most}.")


def _check_real(name: str, value: Any, positive: bool = False) -> None:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf
    if not known or (positive and value <= 0):
        raise InputError(f"{name} is {_short(value)}: expected a finite number{' above 0' if positive else ''}.")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
